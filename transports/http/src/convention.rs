//! Frugal's convention: which headers an exchange has, and how a frame is written into a body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// The content type of a frame in base64.
pub(crate) const FRUGAL: HeaderValue = HeaderValue::from_static("application/x-frugal");
/// The only transfer encoding there is.
pub(crate) const BASE64: HeaderValue = HeaderValue::from_static("base64");
/// Says that the body is base64.
pub(crate) const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// The largest frame a client takes as an answer, in decimal bytes.
pub(crate) const PAYLOAD_LIMIT: HeaderName = HeaderName::from_static("x-frugal-payload-limit");
/// Our own: what kind of refusal a status stands for. A status alone does not tell a request that is too large from a
/// reply that is.
pub(crate) const ERROR: HeaderName = HeaderName::from_static("x-thriftwood-error");

/// How a frame stands in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Frugal's.
    Base64,
}

impl Form {
    /// The form that these headers name. Peers write it with a charset behind, or leave it away.
    pub(crate) fn of(_headers: &HeaderMap) -> Self {
        Form::Base64
    }

    /// The largest body in which a frame of `limit` bytes can stand.
    pub(crate) fn max_body(self, limit: usize) -> usize {
        match self {
            Form::Base64 => limit.div_ceil(3).saturating_mul(4),
        }
    }

    /// The body of a message with this frame.
    pub(crate) fn write(self, frame: Bytes) -> Bytes {
        match self {
            Form::Base64 => STANDARD.encode(frame).into(),
        }
    }

    /// The frame in a body; the text says what is wrong with it.
    pub(crate) fn read(self, body: &Bytes) -> Result<Bytes, String> {
        match self {
            Form::Base64 => match STANDARD.decode(body) {
                Ok(frame) => Ok(frame.into()),
                Err(error) => Err(format!("the body is not base64: {error}")),
            },
        }
    }

    /// Sets the headers of a message that has its frame in this form.
    pub(crate) fn describe(self, headers: &mut HeaderMap) {
        match self {
            Form::Base64 => {
                headers.insert(CONTENT_TYPE, FRUGAL);
                headers.insert(CONTENT_TRANSFER_ENCODING, BASE64);
            }
        }
    }
}

/// What stands in place of a frame where there is none to send: the answer to a oneway call.
pub(crate) const NO_FRAME: Bytes = Bytes::from_static(&[0; 4]);

/// Whether a frame is no frame but [`NO_FRAME`].
pub(crate) fn is_no_frame(frame: &[u8]) -> bool {
    frame == NO_FRAME
}
