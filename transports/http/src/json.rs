//! JSON for people: `curl -d '{"asin": "B000"}' http://HOST/music/Store/buyAlbum`.
//!
//! The arguments are an object with the names of the IDL, the answer is the result, in the form of
//! [`schema::json`](thriftwood_core::schema::json). It is a call like any other: the same service, limits, layers and deadline.
//!
//! | request header | what becomes of it |
//! |---|---|
//! | `ctx-NAME` | the context's header NAME, in lower case as HTTP has it |
//! | `traceparent`, `tracestate`, `baggage` | the context's headers of these names |
//! | `x-request-id` | the correlation id |
//! | `x-timeout-ms` | the time limit, in milliseconds; 5,000 where there is none |
//!
//! All others stay behind: a cookie or an `authorization` would travel on with every onward call. The handler's headers come
//! back as `ctx-NAME`, the correlation id as `x-request-id`.
//!
//! A declared exception is 422 and `{"exception": "PurchasingError", "value": {..}}`. Every other failure is
//! `{"error": "not-served", "message": ".."}` with the status that fits; an application's own code from 400 to 499 is the
//! status itself.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;
use thriftwood_core::Context;
use thriftwood_core::call::Method;
use thriftwood_core::codec::{AnyReader, Message, MessageType, Wire};
use thriftwood_core::context::DEFAULT_TIMEOUT;
use thriftwood_core::error::{ApplicationCode, ApplicationError, BoxError};
use thriftwood_core::frame::{CORRELATION_ID, Frame, FrameBuilder, OPERATION_ID, TIMEOUT};
use thriftwood_core::schema::json::{Answer, print_answer};
use thriftwood_core::schema::{Struct, Type, Value};

use crate::answer::{Code, Refused};
use crate::body::AnswerBody;
use crate::intake::{Intake, Outcome};

/// What stands before the name of a context's header.
const CONTEXT: &str = "ctx-";
/// Headers that have the same name in the context.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-timeout-ms");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Calls a method by its name.
pub(crate) async fn answer<B>(
    intake: &Intake,
    name: &str,
    headers: &HeaderMap,
    body: B,
) -> Result<Response<AnswerBody>, Refused>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let (method, arguments, result) = find(intake, name)?;
    let context = context_headers(headers)?;
    let received = intake.read(headers, body, intake.max_frame).await?;
    let bad = |problem: String| Refused::new(Code::BadRequest, format!("{}: {problem}", method.name));
    let text = std::str::from_utf8(&received.bytes).map_err(|error| bad(format!("the body is not UTF-8: {error}")))?;
    let text = if text.trim().is_empty() { "{}" } else { text };
    let value = Value::from_json(Type::Struct(arguments), text).map_err(|error| bad(error.to_string()))?;
    let kind = if method.oneway { MessageType::Oneway } else { MessageType::Call };
    let mut frame = FrameBuilder::new();
    frame.header(OPERATION_ID, "0");
    for (name, value) in context {
        frame.header(&name, &value);
    }
    let frame = frame.message(Message::new(method.wire_name, kind), |w| value.encode(w));
    let frame = frame.map_err(|error| bad(error.to_string()))?;
    drop(value);
    match intake.handle(frame, received, intake.max_frame).await? {
        Outcome::Reply(reply) => read(method, result, reply),
        Outcome::Nothing if method.oneway => Ok(json(StatusCode::ACCEPTED, "null")),
        Outcome::Nothing => {
            let text = format!("{} was ended without an answer, as when its server stops", method.name);
            Err(Refused::new(Code::Ended, text))
        }
    }
}

/// The answer to a path below the service that names no method of it.
pub(crate) fn lost(intake: &Intake) -> Refused {
    let handler = intake.handler();
    let text =
        format!("post the arguments as a JSON object to ADDRESS/{}/METHOD; {}", handler.service(), methods(intake));
    Refused::new(Code::NotServed, text)
}

/// The methods there are, for people.
pub(crate) fn methods(intake: &Intake) -> String {
    let names: Vec<&str> = intake.handler().methods().iter().map(|method| method.name).collect();
    if names.is_empty() {
        "its code does not describe its methods".to_owned()
    } else {
        format!("methods: {}", names.join(", "))
    }
}

/// A refusal as JSON.
pub(crate) fn refused(refused: &Refused) -> Response<AnswerBody> {
    failure(refused.status, refused.code.name(), &refused.text, None)
}

fn find(intake: &Intake, name: &str) -> Result<(&'static Method, &'static Struct, &'static Struct), Refused> {
    let service = intake.handler().service();
    let found = intake.handler().methods().iter().find(|method| method.name == name || method.wire_name == name);
    let Some(method) = found else {
        return Err(Refused::new(Code::NotServed, format!("{service} has no method `{name}`; {}", methods(intake))));
    };
    match (method.arguments, method.result) {
        (Some(arguments), Some(result)) => Ok((method, arguments, result)),
        _ => {
            let text =
                format!("the code of {service}.{name} has no description of its types, without which there is no JSON");
            Err(Refused::new(Code::NotDescribed, text))
        }
    }
}

/// The context's headers, by the rule above.
fn context_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Refused> {
    let bad = |name: &str, problem: &str| Refused::new(Code::BadRequest, format!("the header `{name}` {problem}"));
    let mut context = Vec::new();
    let (mut id, mut timeout) = (None, None);
    for (name, value) in headers {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
            if name.as_str().starts_with(CONTEXT) {
                return Err(bad(name.as_str(), "is not UTF-8"));
            }
            continue;
        };
        match name.as_str() {
            name if name == REQUEST_ID => id = Some(value.to_owned()).filter(|id| !id.is_empty()),
            name if name == TIMEOUT_MS => {
                let limit: Option<u64> = value.parse().ok().filter(|ms| *ms > 0);
                timeout = Some(limit.ok_or_else(|| bad(name, "is not a number of milliseconds from 1"))?);
            }
            name if TRACE.contains(&name) => context.push((name.to_owned(), value.to_owned())),
            name => match name.strip_prefix(CONTEXT) {
                None => {}
                Some(own) if own.starts_with('_') => {
                    return Err(bad(name, "belongs to the runtime; there are x-request-id and x-timeout-ms"));
                }
                Some(own) => context.push((own.to_owned(), value.to_owned())),
            },
        }
    }
    let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX));
    context.push((TIMEOUT.to_owned(), timeout.to_string()));
    context.push((CORRELATION_ID.to_owned(), id.unwrap_or_else(|| Context::new().correlation_id().to_owned())));
    Ok(context)
}

/// What a reply says, as JSON.
fn read(method: &Method, result: &'static Struct, reply: Bytes) -> Result<Response<AnswerBody>, Refused> {
    let unreadable = |problem: String| {
        Refused::new(Code::Unprocessable, format!("{} answered what cannot be read: {problem}", method.name))
    };
    let frame = Frame::decode(reply).map_err(|error| unreadable(error.to_string()))?;
    let mut reader = AnyReader::new(frame.protocol(), frame.message());
    let message = reader.message().map_err(|error| unreadable(error.to_string()))?;
    let mut answer = if message.kind == MessageType::Exception {
        let error = ApplicationError::decode(&mut reader).map_err(|error| unreadable(error.to_string()))?;
        application(&error)
    } else {
        match print_answer(result, &mut reader).map_err(|error| unreadable(error.to_string()))? {
            Some(Answer::Result(result)) => json(StatusCode::OK, &result.json),
            Some(Answer::Exception(field, value)) => {
                let name = if let Type::Struct(ty) = field.ty { ty.name } else { field.name };
                let text = format!("{{\"exception\":{},\"value\":{}}}", quoted(name), value.json);
                json(StatusCode::UNPROCESSABLE_ENTITY, &text)
            }
            None => return Err(unreadable("it has neither a result nor an exception".to_owned())),
        }
    };
    for (name, value) in frame.headers() {
        let name = match name {
            OPERATION_ID => continue,
            CORRELATION_ID => Ok(REQUEST_ID),
            name => HeaderName::from_bytes(format!("{CONTEXT}{name}").as_bytes()),
        };
        // What HTTP has no way to say in a header stays behind.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

fn application(error: &ApplicationError) -> Response<AnswerBody> {
    let (status, name) = match ApplicationCode(error.code) {
        ApplicationCode::UNKNOWN_METHOD => (StatusCode::NOT_FOUND, "unknown-method"),
        ApplicationCode::PROTOCOL_ERROR => (StatusCode::BAD_REQUEST, "protocol-error"),
        ApplicationCode::INTERNAL_ERROR => (StatusCode::INTERNAL_SERVER_ERROR, "internal-error"),
        ApplicationCode::OVERLOADED => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        ApplicationCode::RESPONSE_TOO_LARGE => (StatusCode::INTERNAL_SERVER_ERROR, "response-too-large"),
        ApplicationCode(code @ 400..500) => {
            let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "application-error")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "application-error"),
    };
    failure(status, name, &error.message, Some(error.code))
}

fn failure(status: StatusCode, name: &'static str, message: &str, code: Option<i32>) -> Response<AnswerBody> {
    let code = code.map(|code| format!(",\"code\":{code}")).unwrap_or_default();
    json(status, &format!("{{\"error\":{}{code},\"message\":{}}}", quoted(name), quoted(message)))
}

fn json(status: StatusCode, text: &str) -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody::new(format!("{text}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

fn quoted(text: &str) -> String {
    // A string always is JSON.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_application_code_has_its_status() {
        let status = |code| application(&ApplicationError { code, message: String::new() }).status().as_u16();
        for (code, expected) in [
            (ApplicationCode::UNKNOWN_METHOD, 404),
            (ApplicationCode::PROTOCOL_ERROR, 400),
            (ApplicationCode::INTERNAL_ERROR, 500),
            (ApplicationCode::OVERLOADED, 503),
            (ApplicationCode::RESPONSE_TOO_LARGE, 500),
        ] {
            assert_eq!(status(code.0), expected, "{code:?}");
        }
        assert!((400..500).all(|code| i32::from(status(code)) == code));
        for code in [i32::MIN, -1, 0, 2, 99, 200, 399, 500, 502, 504, 599, i32::MAX] {
            assert_eq!(status(code), 500, "{code}");
        }
    }
}
