//! From a transport's delivery to a received event: reads the frame, and lets the observer hear of it.

use std::marker::PhantomData;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use tracing::warn;

use super::key_order::KeyOrder;
use super::received::Meta;
use super::{Acknowledge, Delivery, Operation, Payload};
use crate::codec::{Message, Reader};
use crate::frame::{Frame, ReadBody};
use crate::observe::{Observed, Observing};
use crate::transport::EventSource;
use crate::{Context, Error, ErrorKind};

/// Where the events of one subscription come in.
pub(super) struct Intake {
    pub(super) source: Box<dyn EventSource>,
    pub(super) operation: &'static Operation,
    pub(super) group: Option<String>,
    pub(super) observing: Option<Observing>,
}

/// A delivery, read.
pub(super) struct Received<T> {
    pub(super) context: Context,
    pub(super) payload: T,
    pub(super) meta: Meta,
    pub(super) acknowledge: Option<Box<dyn Acknowledge>>,
    pub(super) observed: Option<Observed>,
}

impl Intake {
    /// From now on so many events are handled at once, and of each key the next one comes when the one before it was acknowledged.
    pub(super) fn handled_at_once(&mut self, events: usize) {
        self.source.begins_at_once(events);
        if !self.source.keep_key_order() {
            KeyOrder::around(&mut self.source);
        }
    }

    /// The next event, as [`EventSource::poll_next`] has it.
    pub(super) fn poll_next<T: Payload>(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Received<T>, Error>>> {
        self.source.poll_next(cx).map(|next| Some(next?.and_then(|delivery| self.read(delivery))))
    }

    /// Reads a delivered frame as an event of this operation. One that cannot be read was not handled: it becomes a dead letter, or comes
    /// again where there are none, since whoever subscribes with another contract in a moment may well be able to read it.
    fn read<T: Payload>(&self, delivery: Delivery) -> Result<Received<T>, Error> {
        let Delivery { topic, frame, offset, time, attempt, acknowledge } = delivery;
        let meta = Meta { topic, offset, time, attempt, guarantee: self.source.guarantee() };
        let error = match decode(self.operation, frame) {
            Ok((context, payload)) => {
                let observed = self.observed(&meta, &context);
                let context = observed.as_ref().map_or(context, |observed| observed.context.clone());
                return Ok(Received { context, payload, meta, acknowledge, observed });
            }
            Err(error) => error,
        };
        let place = offset.map_or_else(String::new, |offset| format!(" at offset {offset}"));
        let text = format!("the event on `{}`{place} cannot be read: {error}", meta.topic);
        if let Some(acknowledge) = acknowledge {
            let buried = acknowledge.dead_letter(&text);
            tokio::spawn(async move {
                if let Err(error) = buried.await
                    && error.kind() != ErrorKind::Unsupported
                {
                    warn!(%error, "an event that cannot be read could not be made a dead letter");
                }
            });
        }
        let result = Err(Error::new(error.kind(), text).with_source(error));
        if self.observing.is_some()
            && let Some(observed) = self.observed(&meta, &Context::new())
        {
            observed.end_event(&result);
        }
        result
    }

    fn observed(&self, meta: &Meta, context: &Context) -> Option<Observed> {
        self.observing.as_ref()?.received(meta, self.group.as_deref(), self.operation, context)
    }
}

fn decode<T: Payload>(operation: &'static Operation, frame: Bytes) -> Result<(Context, T), Error> {
    let frame = Frame::decode(frame)?;
    let context = Context::received_event_with(frame.headers(), frame.own());
    let payload = frame.read(PayloadOf { operation, payload: PhantomData })??;
    Ok((context, payload))
}

/// The payload of an operation's event.
struct PayloadOf<T> {
    operation: &'static Operation,
    payload: PhantomData<T>,
}

impl<T: Payload> ReadBody for PayloadOf<T> {
    type Output = Result<T, Error>;

    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Self::Output {
        if message.name != self.operation.name {
            let text = format!("it is a `{}`, not a `{}`", message.name, self.operation.name);
            return Err(Error::new(ErrorKind::InvalidData, text));
        }
        Ok(T::decode_of(self.operation, r)?)
    }
}
