//! What one service takes in: bodies within their limits, and as many calls at once as it has places for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::error::BoxError;
use thriftwood_core::frame::{Frame, OPERATION_ID, TIMEOUT};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::answer::{Code, Refused};
use crate::body::{self, Hold, Unread};
use crate::config::Config;

/// A handler, and how much of it may be asked at once.
pub(crate) struct Intake {
    handler: Arc<dyn Handler>,
    /// The largest frame, in bytes.
    pub(crate) max_frame: usize,
    body_timeout: Duration,
    /// A permit for each byte of all bodies that are held.
    memory: Arc<Semaphore>,
    places: Arc<Semaphore>,
    concurrency: usize,
    /// Calls that wait for a place.
    waiting: AtomicUsize,
    calls: TaskTracker,
}

/// A body, and the memory it counts for.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    hold: Hold,
    /// When its request came.
    at: Instant,
}

/// What came of a call.
pub(crate) enum Outcome {
    Reply(Bytes),
    /// There is none: it was a oneway call, or one whose service says nothing.
    Nothing,
}

impl Intake {
    pub(crate) fn new(handler: Arc<dyn Handler>, config: &Config, memory: Arc<Semaphore>, concurrency: usize) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            handler,
            max_frame: config.max_frame,
            body_timeout: config.body_timeout,
            memory,
            places: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            waiting: AtomicUsize::new(0),
            calls: TaskTracker::new(),
        }
    }

    pub(crate) fn handler(&self) -> &dyn Handler {
        &*self.handler
    }

    /// Keeps [`drain`](Self::drain) waiting until it is dropped.
    pub(crate) fn token(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Waits until every call that has begun is answered.
    pub(crate) async fn drain(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// The whole body, of at most `limit` bytes, which has to come within its time.
    pub(crate) async fn read<B>(&self, headers: &HeaderMap, body: B, limit: usize) -> Result<Received, Refused>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (at, patience) = (Instant::now(), self.body_timeout);
        let mut hold = Hold::of(Arc::clone(&self.memory));
        match tokio::time::timeout(patience, body::read(headers, body, limit, &mut hold)).await {
            Ok(Ok(bytes)) => Ok(Received { bytes, hold, at }),
            Ok(Err(Unread::TooLarge)) => {
                let text = format!("Request size is over the limit of {} bytes", self.max_frame);
                Err(Refused::new(Code::RequestTooLarge, text))
            }
            Ok(Err(Unread::NoRoom)) => Err(Refused::new(
                Code::Overloaded,
                "the requests that are being read take all the memory there is for them",
            )),
            Ok(Err(Unread::Lost(error))) => {
                Err(Refused::new(Code::BadRequest, format!("Could not read the frugal frame bytes {error}")))
            }
            Err(_) => {
                let text = format!("the body did not come within {} ms", patience.as_millis());
                Err(Refused::new(Code::RequestTimeout, text))
            }
        }
    }

    /// Has the handler answer a frame, as soon as there is a place for it.
    pub(crate) async fn handle(
        &self,
        frame: Bytes,
        received: Received,
        max_response: usize,
    ) -> Result<Outcome, Refused> {
        let Received { hold, at, bytes } = received;
        drop(bytes);
        let Asked { oneway, deadline } = Asked::of(&frame, at)?;
        let place = self.place().await?;
        let inbound = Inbound { frame, received: at, max_response, failure: None };
        if oneway {
            // Nobody waits for it, so nobody's going away may end it.
            let handler = Arc::clone(&self.handler);
            self.calls.spawn(async move {
                handler.handle(inbound).await;
                drop((place, hold));
            });
            return Ok(Outcome::Nothing);
        }
        let reply = self.handler.handle(inbound).await;
        drop((place, hold));
        match reply {
            Some(reply) => Ok(Outcome::Reply(reply)),
            None if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                Err(Refused::new(Code::TimedOut, "the caller's time was up before the handler ended"))
            }
            None => Ok(Outcome::Nothing),
        }
    }

    /// A place among the calls handled at once. As many may wait for one as there are; the next is refused.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let places = Arc::clone(&self.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Ok(place);
        }
        let overloaded = || {
            let text = format!("{0} calls are under way and {0} wait already", self.concurrency);
            Refused::new(Code::Overloaded, text)
        };
        let _waiting = Waiting::enter(&self.waiting, self.concurrency).ok_or_else(overloaded)?;
        // It is never closed.
        places.acquire_owned().await.map_err(|_| overloaded())
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

/// What has to be known of a call before its handler is asked.
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
