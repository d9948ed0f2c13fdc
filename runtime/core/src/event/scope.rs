//! What the generated code tells the runtime about a scope: its topics, operations and payloads.

use std::fmt::Debug;
use std::sync::Arc;

use super::layered::Slot;
use crate::codec::{DecodeError, Reader, Wire, Writer};
use crate::middleware::Passage;
use crate::schema::Type;
use crate::{Context, Error};

/// A scope, as the IDL declares it. Generated as a `static`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The name in the IDL.
    pub name: &'static str,
    /// The name in topics: the IDL's with its first letter in upper case.
    pub topic_name: &'static str,
    /// The prefix as written, variables in braces; empty where there is none.
    pub prefix: &'static str,
    /// The names of the prefix variables, in order of appearance.
    pub variables: &'static [&'static str],
}

/// One operation of a scope, as the IDL declares it. Generated as a `static`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The scope that declares it.
    pub scope: &'static Scope,
    /// The name in the IDL, which is the one that travels.
    pub name: &'static str,
    /// Its annotations, names and values.
    pub annotations: &'static [(&'static str, &'static str)],
    /// What its payload is, where the generated code describes it.
    pub payload: Option<&'static Type>,
}

impl Operation {
    /// The value of an annotation of the operation, if it has it.
    pub fn annotation(&self, name: &str) -> Option<&'static str> {
        self.annotations.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
}

/// The events of one scope, with their payloads: a generated enum.
pub trait ScopeEvent: Clone + Debug + Send + Sync + 'static {
    /// Which operation it is.
    fn operation(&self) -> &'static Operation;

    /// Writes the payload, bare.
    fn encode<W: Writer>(&self, w: &mut W);
}

/// What an event carries: any value with a Thrift form, or what is read by the operation's description of it.
pub trait Payload: Sized {
    /// Reads the payload of an event of this operation.
    ///
    /// # Errors
    /// When the bytes are not one.
    fn decode_of<R: Reader>(operation: &'static Operation, r: &mut R) -> Result<Self, DecodeError>;
}

impl<T: Wire> Payload for T {
    #[inline]
    fn decode_of<R: Reader>(_: &'static Operation, r: &mut R) -> Result<Self, DecodeError> {
        T::decode(r)
    }
}

/// An event on its way through middleware: context, topic and the typed payload.
///
/// On the way out a layer around it sees what is about to be published; on the way in, what was received, from then until
/// it is acknowledged.
#[derive(Clone, Debug)]
pub struct Envelope<E> {
    /// Headers and correlation id; on the way in, those of the publisher.
    pub context: Context,
    /// The topic it is published to or came from.
    pub topic: String,
    /// The operation and its payload.
    pub event: E,
    /// On the way in: the delivery that this envelope is part of.
    pub(super) slot: Option<Arc<Slot<E>>>,
}

impl<E: ScopeEvent> Envelope<E> {
    /// Which operation it is.
    pub fn operation(&self) -> &'static Operation {
        self.event.operation()
    }
}

impl<E: ScopeEvent> Passage for Envelope<E> {
    type Output = ();
    type Error = Error;
}
