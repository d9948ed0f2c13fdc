//! A frame in, a frame out: Frugal's exchange, and that between our own peers.

use http::HeaderMap;
use http::Response;
use http_body::Body;
use thriftwood_core::error::BoxError;

use crate::answer::{self, Code, Refused};
use crate::body::AnswerBody;
use crate::convention::{Form, PAYLOAD_LIMIT};
use crate::intake::{Intake, Outcome};

pub(crate) async fn answer<B>(intake: &Intake, headers: &HeaderMap, body: B) -> Result<Response<AnswerBody>, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let (form, wanted) = (Form::of(headers), Form::wanted(headers));
    let limit = payload_limit(headers)?;
    let received = intake.read(headers, body, form.max_body(intake.max_frame)).await?;
    let frame = form.read(received.bytes.clone()).map_err(|problem| Refused::new(Code::BadRequest, problem))?;
    // Our own peers read of a reply that is too large in a frame, Frugal's in a status.
    let max_response = if wanted == Form::Raw { limit.min(intake.max_frame) } else { intake.max_frame };
    match intake.handle(frame, received, max_response).await? {
        Outcome::Reply(reply) if reply.len() > limit => {
            let text = format!("Response size ({}) larger than requested size ({limit})", reply.len());
            Err(Refused::new(Code::ResponseTooLarge, text))
        }
        Outcome::Reply(reply) => Ok(answer::frame(wanted, Some(reply))),
        Outcome::Nothing => Ok(answer::frame(wanted, None)),
    }
}

/// The largest reply the client takes. Zero and less are no limit, as for every Frugal server.
fn payload_limit(headers: &HeaderMap) -> Result<usize, Refused> {
    let Some(limit) = headers.get(PAYLOAD_LIMIT) else { return Ok(usize::MAX) };
    match limit.to_str().ok().and_then(|limit| limit.trim().parse::<i64>().ok()) {
        Some(limit) if limit <= 0 => Ok(usize::MAX),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        None => Err(Refused::new(Code::BadRequest, "x-frugal-payload-limit header not an integer")),
    }
}
