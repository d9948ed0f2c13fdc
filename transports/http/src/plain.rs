//! Plain Thrift over HTTP, as Apache's `THttpClient` sends it: the body is a message alone, in whichever protocol.
//!
//! The message is given the one header that a service needs, the reply is stripped of its own. What makes it the client's
//! reply is the sequence number in the message, which a server repeats.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;
use thriftwood_core::error::BoxError;
use thriftwood_core::frame::{Frame, FrameBuilder, OPERATION_ID};

use crate::answer::{Code, Refused};
use crate::body::AnswerBody;
use crate::intake::{Intake, Outcome};

/// Whether the body of a request with this content type is a plain message. Browsers' clients name the protocol behind
/// `vnd.apache.thrift.`.
pub(crate) fn is_plain(content_type: &str) -> bool {
    content_type == "application/x-thrift" || content_type.starts_with("application/vnd.apache.thrift.")
}

pub(crate) async fn answer<B>(intake: &Intake, headers: &HeaderMap, body: B) -> Result<Response<AnswerBody>, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let received = intake.read(headers, body, intake.max_frame).await?;
    let frame = framed(&received.bytes)?;
    let reply = match intake.handle(frame, received, intake.max_frame).await? {
        Outcome::Reply(reply) => Frame::decode(reply).map_err(|error| {
            // The service wrote it.
            Refused::new(Code::Unprocessable, format!("the service answered with no frame: {error}"))
        })?,
        Outcome::Nothing => {
            let mut nothing = Response::new(AnswerBody::new(Bytes::new()));
            *nothing.status_mut() = StatusCode::OK;
            return Ok(nothing);
        }
    };
    let mut answer = Response::new(AnswerBody::new(reply.message().clone()));
    let ty = headers.get(CONTENT_TYPE).cloned();
    let ty = ty.unwrap_or(HeaderValue::from_static("application/x-thrift"));
    answer.headers_mut().insert(CONTENT_TYPE, ty);
    Ok(answer)
}

/// The frame of a message. The operation id is any, since an exchange has one call.
fn framed(message: &[u8]) -> Result<Bytes, Refused> {
    let mut frame = FrameBuilder::new();
    frame.number(OPERATION_ID, 0);
    frame.around(message).map_err(|error| Refused::new(Code::RequestTooLarge, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_again_in_the_frame_made_for_it() {
        let frame = Frame::decode(framed(b"message").unwrap()).unwrap();
        assert_eq!((frame.operation_id(), &frame.message()[..]), (Some(0), &b"message"[..]));
    }

    #[test]
    fn our_own_content_type_is_not_thrifts() {
        assert!(is_plain("application/x-thrift") && is_plain("application/vnd.apache.thrift.compact"));
        assert!(!is_plain("application/x-thriftwood") && !is_plain("application/x-frugal"));
    }
}
