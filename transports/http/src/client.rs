//! Calls out: each is one request, on a connection from the pool.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, RpcError, RpcErrorKind};
use tokio::sync::Semaphore;

use crate::body::{self, Unread};
use crate::config::{Config, Shared};
use crate::convention::{FRUGAL, Form, PAYLOAD_LIMIT, is_no_frame};
use crate::error;

/// The most bytes read of an answer that is no reply.
const REFUSAL: usize = 16 * 1024;

/// The calls of one bus.
pub(crate) struct Calls {
    shared: Arc<Shared>,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The headers that every request has.
    headers: HeaderMap,
    connections: Semaphore,
}

impl Calls {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let config = &shared.config;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.connect_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .build(connector);
        let connections = Semaphore::new(config.calls.clamp(1, Semaphore::MAX_PERMITS));
        Self { headers: headers(config), client, connections, shared }
    }

    async fn call(&self, path: &PathAndQuery, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let unavailable = |text: &str| RpcError::new(RpcErrorKind::Unavailable, text);
        self.shared.lifecycle.check().map_err(|error| unavailable(error.message()))?;
        let (size, limit) = (outbound.frame.len(), self.shared.config.max_frame);
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit}");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        let bound = self.shared.listener().as_ref().map(|listener| listener.local_addr());
        let uri = self.shared.endpoint.uri(path, bound).ok_or_else(|| {
            unavailable(&format!("{} has port 0, and nothing is served on this bus yet", self.shared.endpoint.url()))
        })?;
        // It is never closed.
        let _connection = self.connections.acquire().await.map_err(|_| unavailable("the bus is closed"))?;
        let answer = self.client.request(self.request(&uri, outbound.frame));
        let answer = answer.await.map_err(|source| error::no_answer(&uri, source))?;
        let reply = self.read(&uri, answer).await?;
        match reply {
            _ if outbound.oneway => Ok(None),
            Some(reply) => Ok(Some(reply)),
            None => Err(RpcError::new(RpcErrorKind::Disconnected, format!("{uri} ended the call without a reply"))),
        }
    }

    fn request(&self, uri: &Uri, frame: Bytes) -> Request<Full<Bytes>> {
        let form = Form::Base64;
        let mut request = Request::new(Full::new(form.write(frame)));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(uri);
        *request.headers_mut() = self.headers.clone();
        form.describe(request.headers_mut());
        request
    }

    /// The reply in an answer; `None` where there is none in it, as for a oneway call.
    async fn read(&self, uri: &Uri, answer: Response<Incoming>) -> Result<Option<Bytes>, RpcError> {
        let (head, body) = answer.into_parts();
        let form = Form::of(&head.headers);
        let is_reply = head.status == StatusCode::OK && !is_for_people(&head.headers);
        let limit = self.shared.config.max_frame;
        let most = if is_reply { form.max_body(limit) } else { REFUSAL };
        let body = match body::read(&head.headers, body, most).await {
            Ok(body) => body,
            // Whatever more there is, the status has said it.
            Err(_) if !is_reply => Bytes::new(),
            Err(Unread::TooLarge) => {
                let text = format!("the reply from {uri} is over the limit of {limit} bytes");
                return Err(RpcError::new(RpcErrorKind::ResponseTooLarge, text));
            }
            Err(Unread::Lost(source)) => return Err(error::broken_off(uri, &*source)),
        };
        if !is_reply {
            return Err(error::refused(uri, head.status, &head.headers, &body));
        }
        let protocol = |problem: String| {
            let said = error::excerpt(&head.headers, &body);
            RpcError::new(RpcErrorKind::Protocol, format!("{uri} answered with no frame: {problem}: {said}"))
        };
        let frame = form.read(&body).map_err(protocol)?;
        if frame.len() < 4 {
            return Err(protocol(format!("{} bytes are too few", frame.len())));
        }
        Ok(Some(frame).filter(|frame| !is_no_frame(frame)))
    }
}

/// The way to one path.
pub(crate) struct Channel {
    calls: Arc<Calls>,
    path: Result<PathAndQuery, String>,
}

impl Channel {
    pub(crate) fn new(calls: Arc<Calls>, address: &str) -> Self {
        Self { path: calls.shared.endpoint.path_of(address), calls }
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            match &self.path {
                Ok(path) => self.calls.call(path, outbound).await,
                Err(problem) => Err(RpcError::new(RpcErrorKind::InvalidRequest, problem)),
            }
        })
    }
}

/// The user's headers first, so that they cannot override the convention's.
fn headers(config: &Config) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("thriftwood/", env!("CARGO_PKG_VERSION"))));
    headers.extend(config.headers.clone());
    headers.insert(ACCEPT, FRUGAL);
    headers.insert(PAYLOAD_LIMIT, HeaderValue::from(config.max_frame));
    headers
}

/// Whether the content type is one that no frame ever has: something other than a Frugal server gave this answer.
fn is_for_people(headers: &HeaderMap) -> bool {
    let ty = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    ty.starts_with(b"text/") || ty.starts_with(b"application/json")
}
