//! Events in: a reader of the scope's stream, alone or as the member of a group.

use std::sync::Arc;
use std::task::{Context, Poll};

use thriftwood_core::event::{Acknowledge, Delivery, Guarantee, Start, SubscribeOptions, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error, ErrorKind};

use crate::shared::{GroupKey, Handle};
use crate::store::{Claim, From, GroupOptions, LogOptions, Member, Reader, Record};
use crate::{TOPIC, error};

/// Records of other topics that are passed over before other tasks have their turn.
const GO: usize = 256;

pub(crate) async fn subscribe(
    handle: &Arc<Handle>,
    filter: TopicFilter,
    options: SubscribeOptions,
) -> Result<Box<dyn EventSource>, Error> {
    let shared = &handle.0;
    let log = shared.stream(&filter.stream).await?;
    let SubscribeOptions { group, start, .. } = options;
    let from = match start {
        Start::Default if group.is_some() => From::First,
        Start::First => From::First,
        Start::Default | Start::Next => From::Next,
        Start::Time(time) => From::Time(time),
        Start::Offset(offset) => From::Offset(offset),
        other => {
            let text = format!("a log cannot start a subscription at {other:?}");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
    };
    let Some(group) = group else {
        let reader = tokio::task::spawn_blocking(move || log.reader(from)).await.map_err(error::interrupted)?;
        return Ok(Box::new(Alone { reader: reader.map_err(error::bus)?, filter, _handle: Arc::clone(handle) }));
    };
    let mut options = GroupOptions::default();
    options.start = from;
    options.journal = LogOptions { segment_bytes: options.journal.segment_bytes, ..shared.options().clone() };
    options.filter = Box::new({
        let filter = filter.clone();
        move |record| topic_of(record).is_some_and(|topic| filter.matches(&topic))
    });
    let group = shared.group(GroupKey { group, filter }, log, options).await?;
    Ok(Box::new(Shares { member: group.member(), _handle: Arc::clone(handle) }))
}

/// A subscription without a group. Nobody remembers how far it came.
struct Alone {
    reader: Reader,
    filter: TopicFilter,
    _handle: Arc<Handle>,
}

impl EventSource for Alone {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        for _ in 0..GO {
            let record = match self.reader.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error::bus(error)))),
                Poll::Ready(Some(Ok(record))) => record,
            };
            if let Some(topic) = topic_of(&record).filter(|topic| self.filter.matches(topic)) {
                return Poll::Ready(Some(Ok(delivery(topic, record, 1, None))));
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
    _handle: Arc<Handle>,
}

impl EventSource for Shares {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        self.member.poll_next(cx).map(|next| {
            Some(next?.map_err(error::bus).map(|claim| {
                let (record, attempt) = (claim.record().clone(), claim.attempt());
                // The group takes none without a topic.
                delivery(topic_of(&record).unwrap_or_default(), record, attempt, Some(Box::new(Verdict(claim))))
            }))
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }
}

/// Tells the group what became of an event; dropped, that it was not handled.
struct Verdict(Claim);

impl Acknowledge for Verdict {
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move { self.0.ack().await.map_err(error::bus) })
    }

    fn nack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.0.nack();
        Box::pin(std::future::ready(Ok(())))
    }
}

fn delivery(topic: String, record: Record, attempt: u32, acknowledge: Option<Box<dyn Acknowledge>>) -> Delivery {
    Delivery {
        topic,
        offset: Some(record.offset()),
        time: Some(record.time()),
        attempt,
        acknowledge,
        frame: record.into_value(),
    }
}

/// The topic a record was published to. A record without one is no event of ours.
fn topic_of(record: &Record) -> Option<String> {
    String::from_utf8(record.header(TOPIC)?.into()).ok()
}
