//! One service as HTTP sees it: requests in, answers out. Mounts wherever a tower service does.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request, Response, request};
use http_body::Body;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::Handler;
use thriftwood_core::error::BoxError;
use thriftwood_core::transport::ServeOptions;
use tokio::sync::Semaphore;

use crate::answer::{Code, Refused};
use crate::body::AnswerBody;
use crate::config::Config;
use crate::intake::Intake;
#[cfg(feature = "json")]
use crate::{endpoint, json};
use crate::{frames, plain};

/// A generated server as a tower service, to be mounted in axum, hyper or whatever else speaks `http`'s types.
///
/// Frames it answers at every path it is given; for JSON the path ends with the service's name and the method's:
///
/// ```
/// # fn mount(store: impl thriftwood_core::call::Handler) -> axum::Router {
/// axum::Router::new().nest_service("/music", thriftwood_http::service(store))
/// # }
/// ```
pub fn service(handler: impl Handler) -> HttpService {
    HttpService::configured(handler, &Config::default())
}

/// A service as HTTP sees it; [`service`] makes one. Cheap to clone, all clones share their limits.
#[derive(Clone)]
pub struct HttpService(Arc<Intake>);

impl HttpService {
    /// A service with other limits than the usual ones: those of frames and bodies; what is said of connections is the
    /// business of whoever has them.
    pub fn configured(handler: impl Handler, config: &Config) -> Self {
        let memory = Arc::new(Semaphore::new(config.max_buffered.min(Semaphore::MAX_PERMITS)));
        Self::new(Arc::new(handler), config, memory, ServeOptions::default().concurrency)
    }

    pub(crate) fn new(handler: Arc<dyn Handler>, config: &Config, memory: Arc<Semaphore>, concurrency: usize) -> Self {
        Self(Arc::new(Intake::new(handler, config, memory, concurrency)))
    }

    /// Waits until every call that has begun is answered. Whoever mounted the service must send it no more by then.
    pub async fn drain(&self) {
        self.0.drain().await;
    }

    /// Answers one request.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let under_way = self.0.token();
        let (head, body) = request.into_parts();
        let kind = Kind::of(&self.0, &head);
        let answered = match &kind {
            _ if head.method != Method::POST => Err(not_post(&self.0)),
            Kind::Frame => frames::answer(&self.0, &head.headers, body).await,
            Kind::Plain => plain::answer(&self.0, &head.headers, body).await,
            #[cfg(feature = "json")]
            Kind::Json(method) => json::answer(&self.0, method, &head.headers, body).await,
            #[cfg(feature = "json")]
            Kind::Lost => Err(json::lost(&self.0)),
        };
        let mut answer = match (answered, kind) {
            (Ok(answer), _) => answer,
            #[cfg(feature = "json")]
            (Err(refused), Kind::Json(_) | Kind::Lost) => json::refused(&refused),
            (Err(refused), _) => refused.into(),
        };
        answer.body_mut().hold(under_way);
        answer
    }
}

impl<B> tower_service::Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").field("service", &self.0.handler().service()).finish_non_exhaustive()
    }
}

/// What a request's body holds.
enum Kind {
    /// A frame.
    Frame,
    /// A message of plain Thrift.
    Plain,
    /// Arguments of this method.
    #[cfg(feature = "json")]
    Json(String),
    /// JSON, by the looks of it, for no method.
    #[cfg(feature = "json")]
    Lost,
}

impl Kind {
    /// By the content type where it says, else by the path: `curl` calls everything a form.
    fn of(intake: &Intake, head: &request::Parts) -> Self {
        let ty = content_type(&head.headers);
        if ty.starts_with("application/x-frugal") || ty.starts_with("application/x-thriftwood") {
            return Kind::Frame;
        }
        if plain::is_plain(&ty) {
            return Kind::Plain;
        }
        Self::for_people(intake, head.uri.path(), &ty).unwrap_or(Kind::Frame)
    }

    #[cfg(feature = "json")]
    fn for_people(intake: &Intake, path: &str, ty: &str) -> Option<Self> {
        match &endpoint::parts(path)[..] {
            [.., service, method] if service == intake.handler().service() => Some(Kind::Json(method.clone())),
            _ if ty == "application/json" || ty == "application/x-www-form-urlencoded" => Some(Kind::Lost),
            _ => None,
        }
    }

    #[cfg(not(feature = "json"))]
    fn for_people(_: &Intake, _: &str, _: &str) -> Option<Self> {
        None
    }
}

/// The content type in lower case, without its parameters.
fn content_type(headers: &HeaderMap) -> String {
    let ty = headers.get(CONTENT_TYPE).and_then(|ty| ty.to_str().ok()).unwrap_or_default();
    ty.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn not_post(intake: &Intake) -> Refused {
    let service = intake.handler().service();
    let text = format!("{service} is served here; post a Frugal frame");
    #[cfg(feature = "json")]
    let text = format!("{text}, or JSON to ADDRESS/{service}/METHOD; {}", json::methods(intake));
    Refused::new(Code::MethodNotAllowed, text)
}
