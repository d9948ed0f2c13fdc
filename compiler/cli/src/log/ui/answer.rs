//! What a request gets: the page, its style and script, and what they ask for as JSON.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{Site, records, streams};

type Answer = Response<Full<Bytes>>;

/// The page can load what is served here and nothing else, and nobody can put it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Why a question has no answer.
pub(super) enum Problem {
    /// The question is wrong.
    Question(String),
    /// There is no such log.
    NoLog(String),
    /// The disk, or what is on it.
    Log(String),
}

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Problem::Log(error.to_string())
    }
}

/// The parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &Request<Incoming>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number.
    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Problem::Question(format!("`{name}` is no number: {text:?}")))
    }
}

pub(super) async fn to(request: Request<Incoming>, site: Arc<Site>) -> Answer {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !site.guard.admits(host) {
        let text = format!("this server does not go by the name {host:?}; start it with --host NAME if it should\n");
        return text_of(StatusCode::MISDIRECTED_REQUEST, text);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text_of(StatusCode::METHOD_NOT_ALLOWED, "everything here can only be read\n");
    }
    let query = Query::of(&request);
    let answer = match request.uri().path() {
        "/" => return asset("text/html; charset=utf-8", include_str!("page.html")),
        "/page.css" => return asset("text/css; charset=utf-8", include_str!("page.css")),
        "/page.js" => return asset("text/javascript; charset=utf-8", include_str!("page.js")),
        "/api/logs" => blocking(move || streams::logs(&site)).await,
        "/api/log" => blocking(move || streams::log(&site, &query)).await,
        "/api/history" => blocking(move || streams::history(&site, &query)).await,
        "/api/records" => blocking(move || records::records(&site, &query)).await,
        path => return text_of(StatusCode::NOT_FOUND, format!("there is nothing at {path}\n")),
    };
    match answer {
        Ok(json) => whole(StatusCode::OK, "application/json", json.into()),
        Err(problem) => {
            let (status, text) = match problem {
                Problem::Question(text) => (StatusCode::BAD_REQUEST, text),
                Problem::NoLog(name) => (StatusCode::NOT_FOUND, format!("there is no log {name:?}")),
                Problem::Log(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
            };
            whole(status, "application/json", serde_json::json!({ "error": text }).to_string().into())
        }
    }
}

/// Logs are read on a thread that may wait for the disk.
async fn blocking(look: impl FnOnce() -> Result<String, Problem> + Send + 'static) -> Result<String, Problem> {
    tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Err(Problem::Log(error.to_string())))
}

fn asset(kind: &'static str, text: &'static str) -> Answer {
    whole(StatusCode::OK, kind, Bytes::from_static(text.as_bytes()))
}

fn text_of(status: StatusCode, text: impl Into<String>) -> Answer {
    whole(status, "text/plain; charset=utf-8", text.into().into())
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
