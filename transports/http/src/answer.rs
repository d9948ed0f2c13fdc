//! Answers: a frame with 200, or a refusal with a status, a code and a text.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::body::AnswerBody;
use crate::convention::{ERROR, Form, NO_FRAME};

/// A request that gets no frame back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) text: String,
}

/// What kind of refusal it is, in a header of our own beside the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Ended,
    MethodNotAllowed,
    NotDescribed,
    NotServed,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    ResponseTooLarge,
    TimedOut,
    Unprocessable,
}

impl Code {
    pub(crate) const ALL: [Code; 11] = [
        Code::BadRequest,
        Code::Ended,
        Code::MethodNotAllowed,
        Code::NotDescribed,
        Code::NotServed,
        Code::Overloaded,
        Code::RequestTimeout,
        Code::RequestTooLarge,
        Code::ResponseTooLarge,
        Code::TimedOut,
        Code::Unprocessable,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Code::BadRequest => "bad-request",
            Code::Ended => "ended",
            Code::MethodNotAllowed => "method-not-allowed",
            Code::NotDescribed => "not-described",
            Code::NotServed => "not-served",
            Code::Overloaded => "overloaded",
            Code::RequestTimeout => "request-timeout",
            Code::RequestTooLarge => "request-too-large",
            Code::ResponseTooLarge => "response-too-large",
            Code::TimedOut => "timed-out",
            Code::Unprocessable => "unprocessable",
        }
    }

    /// The code that a header's value names.
    pub(crate) fn read(value: &HeaderValue) -> Option<Code> {
        Self::ALL.into_iter().find(|code| code.name().as_bytes() == value.as_bytes())
    }

    fn status(self) -> StatusCode {
        match self {
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::Ended => StatusCode::BAD_GATEWAY,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::NotDescribed => StatusCode::NOT_IMPLEMENTED,
            Code::NotServed => StatusCode::NOT_FOUND,
            Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Code::RequestTooLarge | Code::ResponseTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Code::Unprocessable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refused {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { status: code.status(), code, text: text.into() }
    }
}

impl From<Refused> for Response<AnswerBody> {
    fn from(refused: Refused) -> Self {
        let mut answer = Response::new(AnswerBody::new(refused.text + "\n"));
        *answer.status_mut() = refused.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(ERROR, HeaderValue::from_static(refused.code.name()));
        if refused.code == Code::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        answer
    }
}

/// The answer with this reply, or with what stands for none.
pub(crate) fn frame(form: Form, reply: Option<Bytes>) -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody::new(form.write(reply.unwrap_or(NO_FRAME))));
    form.describe(answer.headers_mut());
    answer
}
