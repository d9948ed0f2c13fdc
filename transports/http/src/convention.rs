//! The convention: which headers an exchange has, and how a frame is written into a body.
//!
//! Frugal's is base64, and is what every request starts with. A caller of ours says in `accept` that it also takes the bytes
//! as they are, and a server of ours then answers so; from such an answer the caller knows that the server takes them too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// The content type of a frame in base64.
const FRUGAL: HeaderValue = HeaderValue::from_static("application/x-frugal");
/// The content type of a frame as it is; our own.
const RAW: HeaderValue = HeaderValue::from_static("application/x-thriftwood");
/// Both, in a caller's `accept`.
pub(crate) const EITHER: HeaderValue = HeaderValue::from_static("application/x-frugal, application/x-thriftwood");
/// The only transfer encoding there is.
const BASE64: HeaderValue = HeaderValue::from_static("base64");
/// Says that the body is base64.
const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// The largest frame a client takes as an answer, in decimal bytes.
pub(crate) const PAYLOAD_LIMIT: HeaderName = HeaderName::from_static("x-frugal-payload-limit");
/// Our own: what kind of refusal a status stands for. A status alone does not tell a request that is too large from a
/// reply that is.
pub(crate) const ERROR: HeaderName = HeaderName::from_static("x-thriftwood-error");
/// Our own: this very connection's other end also speaks HTTP/2. The header `connection` names it, so that no proxy passes
/// it on as if it were its own.
pub(crate) const SPEAKS_HTTP2: HeaderName = HeaderName::from_static("x-thriftwood-http2");

/// How a frame stands in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Frugal's.
    Base64,
    /// The bytes as they are, between our own peers.
    Raw,
}

impl Form {
    /// The form of a body with these headers. Peers write Frugal's with a charset behind, or leave it away.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(CONTENT_TYPE) {
            Some(ty) if ty.as_bytes().starts_with(RAW.as_bytes()) => Form::Raw,
            _ => Form::Base64,
        }
    }

    /// The form in which a caller with these headers wants its reply.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let takes_raw = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|types| types.to_str().ok())
            .any(|types| types.split(',').any(|ty| ty.trim().as_bytes().starts_with(RAW.as_bytes())));
        if takes_raw { Form::Raw } else { Form::Base64 }
    }

    /// The largest body in which a frame of `limit` bytes can stand.
    pub(crate) fn max_body(self, limit: usize) -> usize {
        match self {
            Form::Base64 => limit.div_ceil(3).saturating_mul(4),
            Form::Raw => limit,
        }
    }

    /// The body of a message with this frame.
    pub(crate) fn write(self, frame: Bytes) -> Bytes {
        match self {
            Form::Base64 => STANDARD.encode(frame).into(),
            Form::Raw => frame,
        }
    }

    /// The frame in a body; the text says what is wrong with it.
    pub(crate) fn read(self, body: Bytes) -> Result<Bytes, String> {
        match self {
            Form::Base64 => match STANDARD.decode(body) {
                Ok(frame) => Ok(frame.into()),
                Err(error) => Err(format!("the body is not base64: {error}")),
            },
            Form::Raw => Ok(body),
        }
    }

    /// Sets the headers of a message that has its frame in this form.
    pub(crate) fn describe(self, headers: &mut HeaderMap) {
        match self {
            Form::Base64 => {
                headers.insert(CONTENT_TYPE, FRUGAL);
                headers.insert(CONTENT_TRANSFER_ENCODING, BASE64);
            }
            Form::Raw => {
                headers.insert(CONTENT_TYPE, RAW);
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
