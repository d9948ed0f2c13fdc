//! Following a stream without a group: asks for batches from where it is, checks them, and goes on there on the next connection when one
//! was lost.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::event::{Delivery, Guarantee, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error, ErrorKind};
use tokio::time::Sleep;
use tracing::warn;

use super::line::Failed;
use super::link::Link;
use crate::remote::wire::{Fault, FaultKind, Fetched, Reply, Request};
use crate::store::From;
use crate::store::raw::{Front, Unpacked};
use crate::subscriber::{delivery, takes};

/// Records of other topics that are passed over before other tasks have their turn.
const GO: usize = 256;
/// Bytes of batches that are asked for at once. As many again are on their way while these are read.
const MOST: u32 = 256 * 1024;
/// How long the server may wait for a record before it says that there is none.
pub(super) const WAIT: Duration = Duration::from_secs(25);
/// How long a subscription rests after an error that asking again may bring again.
pub(super) const REST: Duration = Duration::from_secs(1);

/// Finds the place, and follows from there.
pub(super) async fn subscribe(
    link: &Arc<Link>,
    filter: TopicFilter,
    from: From,
) -> Result<Box<dyn EventSource>, Error> {
    let request = Request::Open { stream: filter.stream.to_string(), from };
    let (line, reply) = loop {
        let line = link.patient().await?;
        match line.ask(&request).await {
            Ok(reply) => break (line, reply),
            Err(Failed::Lost { .. }) => {}
            Err(failed) => return Err(failed.into_error(link.url())),
        }
    };
    let Reply::Opened { log_id, at, .. } = reply else { return Err(nonsense()) };
    let place = Place { log_id, offset: at, known: (0, 0), line: line.number };
    Ok(Box::new(Follow {
        link: Arc::clone(link),
        filter,
        place,
        batch: None,
        bytes: Bytes::new(),
        until: at,
        asking: None,
        doubts: 0,
        rest: None,
        has_ended: false,
    }))
}

/// A subscription without a group. Nobody remembers how far it came.
struct Follow {
    link: Arc<Link>,
    filter: TopicFilter,
    /// What comes after `batch` and before `bytes`.
    place: Place,
    batch: Option<Unpacked>,
    bytes: Bytes,
    /// The offset after what is in `bytes`.
    until: u64,
    asking: Option<BoxFuture<'static, Result<Told, Error>>>,
    /// How often in a row the server found nothing wrong with what could not be read here.
    doubts: u32,
    rest: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

/// Where a subscription is.
#[derive(Clone, Copy)]
struct Place {
    log_id: u64,
    /// The next record.
    offset: u64,
    /// The segment and the position where its batch may begin.
    known: (u64, u64),
    /// The connection on which the log was seen to be the same.
    line: u64,
}

/// What the server said.
enum Told {
    Batches(Fetched, Bytes, u64),
    Checked(u64, u64),
}

impl EventSource for Follow {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        for _ in 0..GO {
            if self.has_ended {
                return Poll::Ready(None);
            }
            if let Some(batch) = &mut self.batch {
                match batch.next(self.place.offset) {
                    Some(record) => {
                        self.place.offset = record.offset() + 1;
                        if takes(&self.filter, &record) {
                            return Poll::Ready(Some(Ok(delivery(record, 1, None))));
                        }
                    }
                    None => {
                        self.place.offset = self.place.offset.max(batch.end());
                        self.batch = None;
                    }
                }
            } else if let Some(error) = ready!(self.poll_batch(cx)) {
                self.has_ended = error.is_closed();
                let is_end = self.link.lifecycle.check().is_err();
                return Poll::Ready(if is_end { None } else { Some(Err(error)) });
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Every event of the stream comes, once; but what was received when the process ends does not come again.
    fn guarantee(&self) -> Guarantee {
        Guarantee::AtMostOnce
    }
}

impl Follow {
    /// One step towards the next batch; an error that the subscriber is to see, if there was one.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Error>> {
        if !self.bytes.is_empty() {
            match Unpacked::take(&mut self.bytes, self.place.log_id) {
                Front::Batch(batch) if batch.base() <= self.place.offset => self.batch = Some(batch),
                Front::Batch(_) | Front::Damage => self.check(),
                Front::Unsupported(to) => {
                    let from = std::mem::replace(&mut self.place.offset, to);
                    let text = format!(
                        "offsets {from} to {} of {} need a feature that this build of the library has not",
                        to.saturating_sub(1),
                        self.filter.stream
                    );
                    return Poll::Ready(Some(Error::new(ErrorKind::Unsupported, text)));
                }
            }
            return Poll::Ready(None);
        }
        self.place.offset = self.place.offset.max(self.until);
        let asking = match &mut self.asking {
            Some(asking) => asking,
            None => {
                self.asking.insert(Box::pin(fetch(Arc::clone(&self.link), self.filter.stream.to_string(), self.place)))
            }
        };
        let told = ready!(asking.as_mut().poll(cx));
        self.asking = None;
        match told {
            Ok(Told::Batches(fetched, bytes, line)) => {
                self.place.line = line;
                if bytes.is_empty() && fetched.next > self.place.offset {
                    self.check();
                } else if !bytes.is_empty() {
                    self.place.known = (fetched.segment, fetched.position + bytes.len() as u64);
                    (self.bytes, self.until) = (bytes, fetched.until);
                    self.ahead(cx);
                }
                Poll::Ready(None)
            }
            Ok(Told::Checked(from, to)) => Poll::Ready(self.checked(from, to)),
            Err(error) => {
                self.rest = Some(Box::pin(tokio::time::sleep(REST)));
                Poll::Ready(Some(error))
            }
        }
    }

    /// The server has looked: nothing is damaged where both are the same, and then the next record is there.
    fn checked(&mut self, from: u64, to: u64) -> Option<Error> {
        let (stream, url) = (&self.filter.stream, self.link.url());
        let is_further = to > self.place.offset;
        (self.place.offset, self.until) = (to, to);
        if from < to {
            self.doubts = 0;
            let last = to - 1;
            let text = format!("the stream {stream} at {url} is damaged: offsets {from} to {last} cannot be read");
            return Some(Error::new(ErrorKind::Corrupt, text));
        }
        // What is between was taken out on purpose, or what came was not what is there.
        self.doubts = if is_further { 0 } else { self.doubts + 1 };
        if self.doubts < 3 {
            return None;
        }
        self.rest = Some(Box::pin(tokio::time::sleep(REST)));
        let text =
            format!("what {url} sends from offset {to} of {stream} on is damaged on its way, though it is whole there");
        Some(Error::new(ErrorKind::InvalidData, text))
    }

    /// Asks for what follows while this is read.
    fn ahead(&mut self, cx: &mut Context<'_>) {
        let place = Place { offset: self.until, ..self.place };
        let mut asking: BoxFuture<'static, _> =
            Box::pin(fetch(Arc::clone(&self.link), self.filter.stream.to_string(), place));
        // Polled once, which sends it.
        self.asking = match asking.as_mut().poll(cx) {
            Poll::Pending => Some(asking),
            Poll::Ready(told) => Some(Box::pin(std::future::ready(told))),
        };
    }

    /// Has the server look at what cannot be read here.
    fn check(&mut self) {
        self.bytes = Bytes::new();
        let (stream, offset) = (self.filter.stream.to_string(), self.place.offset);
        warn!(
            url = self.link.url(),
            stream, offset, "what came cannot be read; the server is asked what is the matter"
        );
        self.place.known = (0, 0);
        self.until = offset;
        self.asking = Some(Box::pin(check(Arc::clone(&self.link), stream, offset)));
    }
}

/// Waits for batches, on as many connections as it takes.
async fn fetch(link: Arc<Link>, stream: String, mut place: Place) -> Result<Told, Error> {
    loop {
        let line = link.tireless().await?;
        if place.line != line.number {
            let from = From::Offset(place.offset);
            match line.ask(&Request::Open { stream: stream.clone(), from }).await {
                Ok(Reply::Opened { log_id, .. }) if log_id == place.log_id => place.line = line.number,
                Ok(Reply::Opened { .. }) => {
                    let text = format!(
                        "the stream {stream} at {} is another one now than the one that was followed, and its offsets mean \
                         something else; subscribe again",
                        link.url()
                    );
                    return Err(Error::new(ErrorKind::Closed, text));
                }
                Ok(_) => return Err(nonsense()),
                Err(failed) => {
                    passed_over(failed).await?;
                    continue;
                }
            }
        }
        let request = Request::Fetch {
            stream: stream.clone(),
            offset: place.offset,
            segment: place.known.0,
            position: place.known.1,
            most: MOST,
            wait: WAIT.as_millis() as u32,
        };
        match line.asked(&request).await {
            Ok((Reply::Fetched(fetched, bytes), _)) if bytes.is_empty() && fetched.next <= place.offset => {}
            Ok((Reply::Fetched(fetched, bytes), _)) => return Ok(Told::Batches(fetched, bytes, line.number)),
            Ok(_) => return Err(nonsense()),
            Err(failed) => passed_over(failed).await?,
        }
    }
}

async fn check(link: Arc<Link>, stream: String, offset: u64) -> Result<Told, Error> {
    loop {
        let line = link.tireless().await?;
        match line.ask(&Request::Check { stream: stream.clone(), offset }).await {
            Ok(Reply::Checked { from, to }) => return Ok(Told::Checked(from, to)),
            Ok(_) => return Err(nonsense()),
            Err(failed) => passed_over(failed).await?,
        }
    }
}

/// What concerns a connection concerns no subscriber.
pub(super) async fn passed_over(failed: Failed) -> Result<(), Error> {
    match failed {
        Failed::Lost { .. } => Ok(()),
        // A server that stops says so and is gone in a moment.
        Failed::Fault(Fault { kind: FaultKind::Closed | FaultKind::Overloaded, .. }) => {
            tokio::time::sleep(REST / 10).await;
            Ok(())
        }
        Failed::Fault(fault) => Err(fault.into()),
    }
}

pub(super) fn nonsense() -> Error {
    Error::new(ErrorKind::InvalidData, "the log server gave an answer to something else")
}
