//! Events out: published to `frugal.` and the topic; on JetStream, until the stream has it.

use std::cell::RefCell;
use std::future::ready;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use async_nats::Subject;
use async_nats::client::traits::Publisher;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use thriftwood_core::event::{PublishOptions, Topic};
use thriftwood_core::frame::pack;
use thriftwood_core::{BoxFuture, Error, ErrorKind};

use crate::bus::Shared;
use crate::{EVENT_PREFIX, error};

/// Gives the event to the connection. Core NATS promises no more: the server does not say that it has it. On JetStream the future
/// resolves when the stream has the event.
pub(crate) fn publish<'a>(
    shared: &'a Shared,
    topic: &Topic,
    frame: Bytes,
    options: PublishOptions,
) -> BoxFuture<'a, Result<(), Error>> {
    if let Err(error) = check(shared, &topic.name, frame.len()) {
        return Box::pin(ready(Err(error)));
    }
    if let Some(stream) = &shared.stream {
        return Box::pin(stream.publish(subject(&topic.name), frame));
    }
    if let Err(error) = options.refuse_durable("nats") {
        return Box::pin(ready(Err(error)));
    }
    let message = message(topic, frame);
    Box::pin(async move { shared.nats.publish_message(message).await.map_err(error::bus) })
}

/// The same over core NATS, where the connection has room at once.
///
/// A future that holds a message on its way is large, and moved and set aside for nothing where there is room: two thirds of
/// what handing over an event takes. Where there is none, the message in it is lost with it, and so it is made of a copy.
pub(crate) fn publish_at_once(
    shared: &Shared,
    topic: &Topic,
    frame: &[u8],
    options: PublishOptions,
) -> Option<Result<(), Error>> {
    if shared.stream.is_some() {
        return None;
    }
    if let Err(error) = check(shared, &topic.name, frame.len()).and_then(|()| options.refuse_durable("nats")) {
        return Some(Err(error));
    }
    let handing_over = pin!(shared.nats.publish_message(message(topic, pack(frame))));
    match handing_over.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(handed_over) => Some(handed_over.map_err(error::bus)),
        Poll::Pending => None,
    }
}

fn check(shared: &Shared, topic: &str, size: usize) -> Result<(), Error> {
    shared.lifecycle.check()?;
    if shared.violations.denies_publish(EVENT_PREFIX, topic) {
        return Err(Error::new(ErrorKind::Refused, error::not_permitted(&[EVENT_PREFIX, topic].concat())));
    }
    let limit = shared.max_payload();
    if size > limit {
        let text = format!("an event of {size} bytes is over the limit of {limit} on NATS");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    Ok(())
}

fn message(topic: &Topic, payload: Bytes) -> OutboundMessage {
    OutboundMessage { subject: subject(&topic.name), reply: None, payload, headers: None }
}

thread_local! {
    /// The subjects a thread published to last, since most publish to few. Each found here is one allocation less that the
    /// connection's thread would free for this one.
    static SUBJECTS: RefCell<[Option<Subject>; 8]> = const { RefCell::new([const { None }; 8]) };
}

/// The subject of a topic.
fn subject(topic: &str) -> Subject {
    // Topics of one scope are most often told apart by their last letters and their lengths.
    let [.., before, last] = topic.as_bytes() else { return Subject::from([EVENT_PREFIX, topic].concat()) };
    let place = (topic.len() + usize::from(*before) + usize::from(*last)) % 8;
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
