//! Events out: published to `frugal.` and the topic; on JetStream, until the stream has it.

use std::cell::RefCell;
use std::future::ready;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use async_nats::Subject;
use async_nats::client::traits::Publisher;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use thriftwood_core::event::{PublishOptions, Topic};
use thriftwood_core::{BoxFuture, Error, ErrorKind};

use crate::bus::Shared;
use crate::{EVENT_PREFIX, error};

/// Gives the event to the connection, where it has room at once; otherwise when the future is polled. Core NATS promises no
/// more: the server does not say that it has it. On JetStream the future resolves when the stream has the event.
pub(crate) fn publish<'a>(
    shared: &'a Shared,
    topic: &Topic,
    frame: Bytes,
    options: PublishOptions,
) -> BoxFuture<'a, Result<(), Error>> {
    if let Err(error) = check(shared, &topic.name, &frame) {
        return Box::pin(ready(Err(error)));
    }
    match &shared.stream {
        Some(stream) => Box::pin(stream.publish(subject(&topic.name), frame)),
        None => now_or_later(shared, &topic.name, frame, options),
    }
}

fn check(shared: &Shared, topic: &str, frame: &Bytes) -> Result<(), Error> {
    shared.lifecycle.check()?;
    if shared.violations.denies_publish(EVENT_PREFIX, topic) {
        return Err(Error::new(ErrorKind::Refused, error::not_permitted(&[EVENT_PREFIX, topic].concat())));
    }
    let (size, limit) = (frame.len(), shared.max_payload());
    if size > limit {
        let text = format!("an event of {size} bytes is over the limit of {limit} on NATS");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    Ok(())
}

/// A future that holds a message on its way is large, and moved and set aside for nothing where there is room: two thirds of
/// what handing over an event takes.
fn now_or_later<'a>(
    shared: &'a Shared,
    topic: &str,
    frame: Bytes,
    options: PublishOptions,
) -> BoxFuture<'a, Result<(), Error>> {
    if let Err(error) = options.refuse_durable("nats") {
        return Box::pin(ready(Err(error)));
    }
    let message = |payload| OutboundMessage { subject: subject(topic), reply: None, payload, headers: None };
    let now = pin!(shared.nats.publish_message(message(frame.clone())));
    match now.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => Box::pin(HandedOver),
        Poll::Ready(Err(error)) => Box::pin(ready(Err(error::bus(error)))),
        Poll::Pending => {
            let message = message(frame);
            Box::pin(async move { shared.nats.publish_message(message).await.map_err(error::bus) })
        }
    }
}

/// What was published, and no memory is set aside to say so.
struct HandedOver;

impl Future for HandedOver {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    /// The subjects a thread published to last, since most publish to few. Each found here is one allocation less that the
    /// connection's thread would free for this one.
    static SUBJECTS: RefCell<[Option<Subject>; 8]> = const { RefCell::new([const { None }; 8]) };
}

/// The subject of a topic.
fn subject(topic: &str) -> Subject {
    // Topics of one scope are most often told apart by their last letters and their lengths.
    let place = (topic.len() + topic.bytes().rev().take(4).map(usize::from).sum::<usize>()) % 8;
    SUBJECTS.with_borrow_mut(|subjects| {
        // All of them have the prefix.
        let known = subjects[place]
            .as_ref()
            .filter(|known| known.as_bytes().get(EVENT_PREFIX.len()..) == Some(topic.as_bytes()));
        known.cloned().unwrap_or_else(|| {
            let subject = Subject::from([EVENT_PREFIX, topic].concat());
            subjects[place] = Some(subject.clone());
            subject
        })
    })
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_subject_is_the_topics_whatever_was_published_to_before() {
        for _ in 0..2 {
            for topic in ["a.S.One", "a.S.Two", "b.S.One", "S.O", "frugal.a.S.One", "a.S.enO", ""] {
                assert_eq!(subject(topic).as_str(), format!("frugal.{topic}"));
            }
        }
    }
}
