//! Calls out: frames asked of a subject, and the answers known by their operation ids.

use std::sync::Arc;

use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{Message, StatusCode, Subject};
use bytes::Bytes;
use thriftwood_core::frame;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Error, RpcError, RpcErrorKind};

use crate::bus::Shared;
use crate::error;
use crate::exchange::{Answer, Exchange, Refused};

/// The calls of one bus.
pub(crate) struct Calls {
    shared: Arc<Shared>,
    exchange: Exchange,
    /// What replies would be sent to by calls that want none. Nothing listens to it.
    bare_inbox: Subject,
}

impl Calls {
    /// Subscribes to the inbox. One subscription serves every call there will be.
    pub(crate) async fn start(shared: &Arc<Shared>) -> Result<Arc<Self>, Error> {
        let (nats, end) = (&shared.nats, shared.lifecycle.token());
        let exchange = Exchange::start(nats, end, shared.late.clone(), read).await?;
        let bare_inbox = Subject::from(exchange.inbox().trim_end_matches('.'));
        Ok(Arc::new(Self { shared: Arc::clone(shared), exchange, bare_inbox }))
    }

    async fn call(&self, subject: &Subject, outbound: Outbound) -> Result<Option<Bytes>, RpcError> {
        self.shared.lifecycle.check().map_err(|error| unavailable(error.message()))?;
        if self.shared.nats.connection_state() != State::Connected {
            return Err(unavailable("the NATS connection is down at the moment"));
        }
        let (size, limit) = (outbound.frame.len(), self.shared.max_payload());
        if size > limit {
            let text = format!("a call of {size} bytes is over the limit of {limit} on NATS");
            return Err(RpcError::new(RpcErrorKind::RequestTooLarge, text));
        }
        if self.shared.violations.denies_publish("", subject) {
            return Err(RpcError::new(RpcErrorKind::InvalidRequest, error::not_permitted(subject)));
        }
        let Outbound { operation_id, frame, oneway } = outbound;
        let lost = |source| unavailable("the NATS connection is closed").with_source(source);
        if oneway {
            // Peers' servers discard a message without a reply subject.
            let published = self.shared.publish(subject.clone(), Some(self.bare_inbox.clone()), frame);
            return published.await.map(|()| None).map_err(lost);
        }
        let reply = Some(self.exchange.place(operation_id));
        let request = OutboundMessage { subject: subject.clone(), reply, payload: frame, headers: None };
        match self.exchange.ask(operation_id, request).await {
            Ok(Some(Answer::Reply(frame))) => Ok(Some(frame)),
            Ok(Some(Answer::NoResponders)) => Err(unavailable(&format!("nobody serves `{subject}`"))),
            Ok(Some(Answer::Unsent(source))) => Err(lost(source)),
            Ok(None) => Err(RpcError::new(RpcErrorKind::Disconnected, "the bus was closed before the reply came")),
            Err(Refused::Closed) => Err(unavailable("the bus is closed")),
            Err(Refused::Duplicate) => {
                let text = format!("a call with the same operation id, {operation_id}, is under way on this bus");
                Err(RpcError::new(RpcErrorKind::InvalidRequest, text))
            }
        }
    }
}

fn unavailable(text: &str) -> RpcError {
    RpcError::new(RpcErrorKind::Unavailable, text)
}

/// The way to one subject.
pub(crate) struct Channel {
    calls: Arc<Calls>,
    address: Result<Subject, String>,
}

impl Channel {
    pub(crate) fn new(calls: Arc<Calls>, address: &str) -> Self {
        let checked = error::check_subject("the address of a service on NATS", address, false);
        Self { calls, address: checked.map(|()| Subject::from(address)) }
    }
}

impl RpcChannel for Channel {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            match &self.address {
                Ok(subject) => self.calls.call(subject, outbound).await,
                Err(problem) => Err(RpcError::new(RpcErrorKind::InvalidRequest, problem)),
            }
        })
    }
}

/// Which call a message answers: by the frame inside, since some peers answer to the bare inbox; or by the subject it came
/// to, for a status and for bytes that cannot be read, so that their caller hears of it at once.
fn read(message: Message) -> Option<(u64, Answer)> {
    let by_subject = || message.subject.rsplit('.').next()?.parse().ok();
    // An empty payload is how some peers see the status; no frame is empty.
    if message.status == Some(StatusCode::NO_RESPONDERS) || message.payload.is_empty() {
        return Some((by_subject()?, Answer::NoResponders));
    }
    let number = frame::operation_id(&message.payload).or_else(by_subject)?;
    Some((number, Answer::Reply(message.payload)))
}
