//! Events in: a reader of the scope's stream, alone or as the member of a group.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use thriftwood_core::event::{Acknowledge, Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error, ErrorKind};
use tokio::time::Sleep;

use crate::shared::{GroupKey, Handle, Shared};
use crate::store::{Claim, From, Group, GroupOptions, Log, Member, Reader, Record, StoreError};
use crate::{TOPIC, error};

/// Records of other topics that are passed over before other tasks have their turn.
const GO: usize = 256;
/// What whoever wants a dead letter is told where there are none.
pub(crate) const NO_DEAD_LETTERS: &str =
    "this group keeps no dead letters, so the event comes again; open the log with max_attempts=N to have some";
/// How long a subscription rests after the disk failed it.
const REST: Duration = Duration::from_secs(1);

pub(crate) async fn subscribe(
    handle: &Arc<Handle>,
    filter: TopicFilter,
    options: SubscribeOptions,
) -> Result<Box<dyn EventSource>, Error> {
    let shared = &handle.0;
    let log = shared.stream(&filter.stream).await?;
    let from = from(&options)?;
    let SubscribeOptions { group, .. } = options;
    let Some(group) = group else {
        let reader = tokio::task::spawn_blocking(move || log.reader(from)).await.map_err(error::interrupted)?;
        return Ok(Box::new(Alone {
            reader: reader.map_err(error::bus)?,
            filter,
            pause: Pause::default(),
            _handle: Arc::clone(handle),
        }));
    };
    let group = group_of(shared, GroupKey { group, filter }, log, from).await?;
    Ok(Box::new(Shares { member: group.member(), pause: Pause::default(), _handle: Arc::clone(handle) }))
}

/// Where a subscription starts that may be new.
pub(crate) fn from(options: &SubscribeOptions) -> Result<From, Error> {
    Ok(match options.start {
        Start::Default if options.group.is_some() => From::First,
        Start::First => From::First,
        Start::Default | Start::Next => From::Next,
        Start::Time(time) => From::Time(time),
        Start::Offset(offset) => From::Offset(offset),
        other => {
            let text = format!("a log cannot start a subscription at {other:?}");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
    })
}

/// The group, which starts here if it is new.
pub(crate) async fn group_of(shared: &Arc<Shared>, key: GroupKey, log: Log, from: From) -> Result<Group, Error> {
    let mut options = GroupOptions::default();
    options.start = from;
    options.journal = shared.unlimited(options.journal.segment_bytes);
    options.filter = Box::new({
        let filter = key.filter.clone();
        move |record| takes(&filter, record)
    });
    shared.group(key, log, options).await
}

/// A subscription without a group. Nobody remembers how far it came.
struct Alone {
    reader: Reader,
    filter: TopicFilter,
    pause: Pause,
    _handle: Arc<Handle>,
}

impl EventSource for Alone {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        ready!(self.pause.poll(cx));
        for _ in 0..GO {
            match ready!(self.reader.poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.pause.after(error)))),
                Some(Ok(record)) if takes(&self.filter, &record) => {
                    return Poll::Ready(Some(Ok(delivery(record, 1, None))));
                }
                Some(Ok(_)) => {}
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

/// A subscription in a group.
struct Shares {
    member: Member,
    pause: Pause,
    _handle: Arc<Handle>,
}

impl EventSource for Shares {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        ready!(self.pause.poll(cx));
        self.member.poll_next(cx).map(|next| {
            Some(match next? {
                Ok(claim) => {
                    let (record, attempt) = (claim.record().clone(), claim.attempt());
                    Ok(delivery(record, attempt, Some(Box::new(Verdict(claim)))))
                }
                Err(error) => Err(self.pause.after(error)),
            })
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn keep_key_order(&mut self) -> bool {
        self.member.keep_key_order();
        true
    }
}

/// A rest after a failure of the disk: the next event is behind it and is tried again, and whoever passes over errors would
/// do so without end.
#[derive(Default)]
struct Pause(Option<Pin<Box<Sleep>>>);

impl Pause {
    fn after(&mut self, error: StoreError) -> Error {
        // What is damaged has been stepped over, and the end of a log is told once.
        if matches!(error, StoreError::Io { .. }) {
            self.0 = Some(Box::pin(tokio::time::sleep(REST)));
        }
        error::bus(error)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.0 {
            ready!(sleep.as_mut().poll(cx));
            self.0 = None;
        }
        Poll::Ready(())
    }
}

/// Tells the group what became of an event; dropped, that it was not handled.
struct Verdict(Claim);

impl Acknowledge for Verdict {
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move { self.0.ack().await.map_err(error::bus) })
    }

    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        match delay {
            Some(delay) => self.0.nack_after(delay, reason),
            None => self.0.nack_because(reason),
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        let reason = reason.to_owned();
        Box::pin(async move {
            match self.0.dead_letter(&reason).await.map_err(error::bus)? {
                true => Ok(()),
                false => Err(Error::new(ErrorKind::Unsupported, NO_DEAD_LETTERS)),
            }
        })
    }

    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        Box::pin(std::future::ready(Ok(self.0.extend())))
    }
}

pub(crate) fn delivery(record: Record, attempt: u32, acknowledge: Option<Box<dyn Acknowledge>>) -> Delivery {
    // Only records with a topic get here.
    let topic = record.header(TOPIC).map_or_else(String::new, |topic| String::from_utf8_lossy(&topic).into_owned());
    Delivery {
        topic,
        offset: Some(record.offset()),
        time: Some(record.time()),
        attempt,
        acknowledge,
        frame: record.into_value(),
    }
}

/// Whether this record is an event on a topic of this filter.
pub(crate) fn takes(filter: &TopicFilter, record: &Record) -> bool {
    let topic = record.header(TOPIC);
    topic.is_some_and(|topic| std::str::from_utf8(&topic).is_ok_and(|topic| filter.matches(topic)))
}
