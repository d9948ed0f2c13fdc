//! Which service a request's path leads to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, Version};
use http_body::Body;
use thriftwood_core::error::BoxError;

use crate::answer::{Code, Refused};
use crate::body::AnswerBody;
use crate::convention::{Form, SPEAKS_HTTP2};
use crate::endpoint::Endpoint;
use crate::service::HttpService;

/// The services by their addresses.
#[derive(Default)]
pub(crate) struct Routes(Mutex<BTreeMap<String, HttpService>>);

impl Routes {
    pub(crate) fn add(&self, address: &str, service: &HttpService) -> bool {
        let mut routes = self.lock();
        let is_new = !routes.contains_key(address);
        if is_new {
            routes.insert(address.to_owned(), service.clone());
        }
        is_new
    }

    /// Takes a service away, unless it is the last: it stays for what is on its way to a server that stops. Whether there are others.
    pub(crate) fn remove_if_others(&self, address: &str) -> bool {
        let mut routes = self.lock();
        let others = routes.len() > 1;
        if others {
            routes.remove(address);
        }
        others
    }

    /// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, HttpService>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is served at one URL.
pub(crate) struct Site {
    pub(crate) endpoint: Endpoint,
    pub(crate) routes: Arc<Routes>,
}

impl Site {
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let tells = request.version() == Version::HTTP_11 && Form::wanted(request.headers()) == Form::Raw;
        let mut answer = match self.find(request.uri().path()) {
            Ok(service) => service.answer(request).await,
            Err(refused) => refused.into(),
        };
        if tells {
            answer.headers_mut().insert(SPEAKS_HTTP2, HeaderValue::from_static("1"));
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_name(SPEAKS_HTTP2));
        }
        answer
    }

    /// The service a path leads to. That of the URL itself leads to the only service, as Frugal's clients have it, which
    /// are given a URL and know no addresses.
    fn find(&self, path: &str) -> Result<HttpService, Refused> {
        let routes = self.routes.lock();
        let parts = self.endpoint.parts_of(path);
        let address = parts.as_ref().map(|parts| parts.first());
        let found = match address {
            Some(Some(address)) => routes.get(address),
            Some(None) if routes.len() == 1 => routes.values().next(),
            _ => None,
        };
        found.cloned().ok_or_else(|| {
            let served: Vec<String> = routes
                .keys()
                .filter_map(|address| self.endpoint.path_of(address).ok())
                .map(|path| path.to_string())
                .collect();
            Refused::new(Code::NotServed, format!("nobody serves {path}; served here: {}", served.join(", ")))
        })
    }
}
