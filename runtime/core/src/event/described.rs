//! Events whose scope was not compiled in: an operation that describes its payload, and the payload as JSON.

use std::sync::Arc;

use super::{Operation, Payload, ScopeEvent};
use crate::codec::{DecodeError, Reader, Writer};
use crate::schema::Value;
use crate::schema::json::{Printed, print};

/// An event of an operation that has a [description of its payload](Operation::payload), in the place of a generated enum of a
/// scope's events. It is its own payload: `subscriber.subscribe(operation, |event| event, Some)`.
#[derive(Clone, Debug)]
pub enum JsonEvent {
    /// To be published.
    Outgoing(&'static Operation, Arc<Value>),
    /// Received.
    Incoming(&'static Operation, Printed),
}

impl ScopeEvent for JsonEvent {
    fn operation(&self) -> &'static Operation {
        match self {
            JsonEvent::Outgoing(operation, _) | JsonEvent::Incoming(operation, _) => operation,
        }
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        match self {
            JsonEvent::Outgoing(_, value) => value.encode(w),
            JsonEvent::Incoming(operation, printed) => {
                let value = operation.payload.map(|ty| Value::from_json(*ty, &printed.json));
                // What was printed by a description is read by it.
                if let Some(Ok(value)) = value {
                    value.encode(w);
                }
            }
        }
    }
}

impl Payload for JsonEvent {
    fn decode_of<R: Reader>(operation: &'static Operation, r: &mut R) -> Result<Self, DecodeError> {
        let printed = match operation.payload {
            Some(ty) => print(*ty, r)?,
            None => Printed { json: "null".to_owned(), unknown: Vec::new() },
        };
        Ok(JsonEvent::Incoming(operation, printed))
    }
}
