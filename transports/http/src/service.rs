//! One service as HTTP sees it: requests in, answers out. Mounts wherever a tower service does.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::error::BoxError;
use thriftwood_core::frame::{DEFAULT_MAX_FRAME, Frame, OPERATION_ID, TIMEOUT};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::answer::{self, Code, Refused};
use crate::body::{self, AnswerBody, Unread};
use crate::convention::{Form, PAYLOAD_LIMIT};

/// A generated server as a tower service, to be mounted in axum, hyper or whatever else speaks `http`'s types.
///
/// It answers every path it is given: mount it where the service is to be found.
pub fn service(handler: impl Handler) -> HttpService {
    HttpService::new(Arc::new(handler), &Limits::default())
}

/// A service as HTTP sees it; [`service`] makes one. Cheap to clone, all clones share their limits.
#[derive(Clone)]
pub struct HttpService(Arc<Inner>);

struct Inner {
    handler: Arc<dyn Handler>,
    max_frame: usize,
    body_timeout: Duration,
    places: Arc<Semaphore>,
    concurrency: usize,
    /// Calls that wait for a place.
    waiting: AtomicUsize,
    calls: TaskTracker,
}

/// What a service takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_frame: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame: DEFAULT_MAX_FRAME + 4, body_timeout: Duration::from_secs(30), concurrency: 1024 }
    }
}

impl HttpService {
    pub(crate) fn new(handler: Arc<dyn Handler>, limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            handler,
            max_frame: limits.max_frame,
            body_timeout: limits.body_timeout,
            places: Arc::new(Semaphore::new(limits.concurrency)),
            concurrency: limits.concurrency,
            waiting: AtomicUsize::new(0),
            calls: TaskTracker::new(),
        }))
    }

    /// Waits until every call that has begun is answered. Whoever mounted the service must send it no more by then.
    pub(crate) async fn drain(&self) {
        self.0.calls.close();
        self.0.calls.wait().await;
    }

    /// Answers one request.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let under_way = self.0.calls.token();
        let mut answer = self.call_frame(request).await.unwrap_or_else(Response::from);
        answer.body_mut().hold(under_way);
        answer
    }

    async fn call_frame<B>(&self, request: Request<B>) -> Result<Response<AnswerBody>, Refused>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let received = Instant::now();
        if head.method != Method::POST {
            let text = format!("{} is served here; send it a Frugal frame by POST", self.0.handler.service());
            return Err(Refused::new(Code::MethodNotAllowed, text));
        }
        let (form, wanted) = (Form::of(&head.headers), Form::wanted(&head.headers));
        let limit = payload_limit(&head.headers)?;
        let body = self.read(&head.headers, body, form.max_body(self.0.max_frame)).await?;
        let frame = form.read(body).map_err(|problem| Refused::new(Code::BadRequest, problem))?;
        let Asked { oneway, deadline } = Asked::of(&frame, received)?;
        let place = self.place().await?;
        // Our own peers read of a reply that is too large in a frame, Frugal's in a status.
        let max_response = if wanted == Form::Raw { limit.min(self.0.max_frame) } else { self.0.max_frame };
        let inbound = Inbound { frame, received, max_response };
        if oneway {
            // Nobody waits for it, so nobody's going away may end it.
            let handler = Arc::clone(&self.0.handler);
            self.0.calls.spawn(async move {
                handler.handle(inbound).await;
                drop(place);
            });
            return Ok(answer::frame(wanted, None));
        }
        let reply = self.0.handler.handle(inbound).await;
        drop(place);
        match reply {
            Some(reply) if reply.len() > limit => {
                let text = format!("Response size ({}) larger than requested size ({limit})", reply.len());
                Err(Refused::new(Code::ResponseTooLarge, text))
            }
            None if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                Err(Refused::new(Code::TimedOut, "the caller's time was up before the handler ended"))
            }
            reply => Ok(answer::frame(wanted, reply)),
        }
    }

    async fn read<B>(&self, headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, Refused>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let patience = self.0.body_timeout;
        match tokio::time::timeout(patience, body::read(headers, body, limit)).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Unread::TooLarge)) => {
                let text = format!("Request size is over the limit of {} bytes", self.0.max_frame);
                Err(Refused::new(Code::RequestTooLarge, text))
            }
            Ok(Err(Unread::Lost(error))) => {
                Err(Refused::new(Code::BadRequest, format!("Could not read the frugal frame bytes {error}")))
            }
            Err(_) => {
                let text = format!("the body did not come within {} ms", patience.as_millis());
                Err(Refused::new(Code::RequestTimeout, text))
            }
        }
    }

    /// A place among the calls handled at once. As many may wait for one as there are; the next is refused.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let places = Arc::clone(&self.0.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Ok(place);
        }
        let overloaded = || {
            let text = format!("{0} calls are under way and {0} wait already", self.0.concurrency);
            Refused::new(Code::Overloaded, text)
        };
        let _waiting = Waiting::enter(&self.0.waiting, self.0.concurrency).ok_or_else(overloaded)?;
        // It is never closed.
        places.acquire_owned().await.map_err(|_| overloaded())
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
        f.debug_struct("HttpService").field("service", &self.0.handler.service()).finish_non_exhaustive()
    }
}

/// One of those that wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let one = Self(count);
        // Dropped when it is one too many, which takes it off the count again.
        (count.fetch_add(1, Ordering::Relaxed) < limit).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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

/// What has to be known of a call before its handler is.
struct Asked {
    /// By its message type. Some peers send theirs as ordinary calls, which then are answered when they have been handled.
    oneway: bool,
    deadline: Option<Instant>,
}

impl Asked {
    /// Of a frame that can be answered.
    fn of(frame: &Bytes, received: Instant) -> Result<Self, Refused> {
        if frame.len() < 4 {
            return Err(Refused::new(Code::BadRequest, format!("Invalid request size {}", frame.len())));
        }
        let unprocessable =
            |problem: String| Refused::new(Code::Unprocessable, format!("Error processing request: {problem}"));
        let frame = Frame::decode(frame.clone()).map_err(|error| unprocessable(error.to_string()))?;
        if frame.headers().get(OPERATION_ID).is_none() {
            return Err(unprocessable(format!("the frame has no `{OPERATION_ID}` header")));
        }
        let timeout = frame.headers().get(TIMEOUT).and_then(|ms| ms.parse().ok()).filter(|ms| *ms > 0);
        let message = frame.envelope().map(|message| message.kind);
        Ok(Self {
            oneway: message == Ok(MessageType::Oneway),
            deadline: timeout.and_then(|ms| received.checked_add(Duration::from_millis(ms))),
        })
    }
}
