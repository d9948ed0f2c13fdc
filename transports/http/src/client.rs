//! Calls out: each is one request.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, RpcError, RpcErrorKind};

use crate::body::{self, Hold, Unread};
use crate::config::{Config, Shared};
use crate::convention::{EITHER, ERROR, Form, PAYLOAD_LIMIT, is_no_frame};
use crate::error;
use crate::pool::{Pool, Sent};

/// The most bytes read of an answer that is no reply.
const REFUSAL: usize = 16 * 1024;

/// The calls of one bus.
pub(crate) struct Calls {
    shared: Arc<Shared>,
    /// Made by the first call: a bus that only serves needs none, nor the certificates of authorities.
    pool: OnceLock<Pool>,
    /// The headers that every request has.
    headers: HeaderMap,
}

impl Calls {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { headers: headers(&shared.config), pool: OnceLock::new(), shared }
    }

    async fn call(&self, path: &PathAndQuery, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        let unavailable = |text: &str| RpcError::new(RpcErrorKind::Unavailable, text);
        self.shared.lifecycle.check().map_err(|error| unavailable(error.message()))?;
        let (size, limit) = (outbound.frame.len(), self.shared.config.max_frame);
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit}");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        let endpoint = &self.shared.endpoint;
        let bound = self.shared.listener().as_ref().map(|listener| listener.local_addr());
        let uri = endpoint.uri(path, bound).ok_or_else(|| {
            unavailable(&format!("{} has port 0, and nothing is served on this bus yet", endpoint.url()))
        })?;
        match self.exchange(self.pool()?, &uri, outbound.frame).await? {
            _ if outbound.oneway => Ok(None),
            Some(reply) => Ok(Some(reply)),
            None => Err(RpcError::new(RpcErrorKind::Disconnected, format!("{uri} ended the call without a reply"))),
        }
    }

    /// Where it cannot be made, the next call tries again: files of certificates may be there by then.
    fn pool(&self) -> Result<&Pool, RpcError> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let made = Pool::new(&self.shared.config, self.shared.endpoint.is_tls())
            .map_err(|problem| RpcError::new(RpcErrorKind::InvalidRequest, problem.to_string()))?;
        Ok(self.pool.get_or_init(|| made))
    }

    async fn exchange(&self, pool: &Pool, uri: &Uri, frame: Bytes) -> Result<Option<Bytes>, RpcError> {
        let form = pool.form();
        let mut sent = self.send(pool, uri, form, &frame).await?;
        if form == Form::Raw && !is_ours(&sent.answer) {
            // Somebody else answers here now, who may have been a server of Frugal's all along behind one of ours. Of bytes
            // that are no base64 it has handled nothing, and says so.
            pool.forget();
            if matches!(sent.answer.status(), StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE) {
                drop(sent);
                sent = self.send(pool, uri, Form::Base64, &frame).await?;
            }
        }
        self.read(uri, &mut sent.answer).await
    }

    /// Sends a request; again over another connection where the other end, as it stopped, said that it did not begin this one.
    async fn send<'a>(&self, pool: &'a Pool, uri: &Uri, form: Form, frame: &Bytes) -> Result<Sent<'a>, RpcError> {
        let mut again = 0..2;
        loop {
            match pool.send(self.request(uri, form, frame.clone())).await {
                Err(source) if error::is_unbegun(&source) && again.next().is_some() => {}
                sent => return sent.map_err(|source| error::no_answer(uri, source, pool.is_known())),
            }
        }
    }

    fn request(&self, uri: &Uri, form: Form, frame: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(form.write(frame)));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(uri);
        request.headers_mut().clone_from(&self.headers);
        form.describe(request.headers_mut());
        request
    }

    /// The reply in an answer; `None` where there is none in it, as for a oneway call.
    async fn read(&self, uri: &Uri, answer: &mut Response<Incoming>) -> Result<Option<Bytes>, RpcError> {
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let form = Form::of(&headers);
        let is_reply = status == StatusCode::OK && !is_for_people(&headers);
        let limit = self.shared.config.max_frame;
        let most = if is_reply { form.max_body(limit) } else { REFUSAL };
        let body = match body::read(&headers, answer.body_mut(), most, &mut Hold::default()).await {
            Ok(body) => body,
            // Whatever more there is, the status has said it.
            Err(_) if !is_reply => Bytes::new(),
            Err(Unread::TooLarge | Unread::NoRoom) => {
                let text = format!("the reply from {uri} is over the limit of {limit} bytes");
                return Err(RpcError::new(RpcErrorKind::ResponseTooLarge, text));
            }
            Err(Unread::Lost(source)) => return Err(error::broken_off(uri, &*source)),
        };
        if !is_reply {
            return Err(error::refused(uri, status, &headers, &body));
        }
        let protocol = |problem: String| {
            let said = error::excerpt(&headers, &body);
            RpcError::new(RpcErrorKind::Protocol, format!("{uri} answered with no frame: {problem}: {said}"))
        };
        let frame = form.read(body.clone()).map_err(protocol)?;
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
    headers.insert(ACCEPT, EITHER);
    headers.insert(PAYLOAD_LIMIT, HeaderValue::from(config.max_frame));
    headers
}

/// Whether a server of ours gave this answer.
fn is_ours(answer: &Response<Incoming>) -> bool {
    Form::of(answer.headers()) == Form::Raw || answer.headers().contains_key(ERROR)
}

/// Whether the content type is one that no frame ever has: something other than a Frugal server gave this answer.
fn is_for_people(headers: &HeaderMap) -> bool {
    let ty = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    ty.starts_with(b"text/") || ty.starts_with(b"application/json")
}
