//! Events: what travels from a publisher's method to a subscriber's stream or handler.
//!
//! A generated scope is a [`Scope`] with its [`Operation`]s and an enum of its events (a [`ScopeEvent`]). A [`Publisher`]
//! turns a payload into a frame on a [`Topic`]; a [`Subscription`] turns the frames of a [`TopicFilter`] into
//! [`Event`]s, each of which knows how it is acknowledged. [`Middleware`](crate::middleware) sits on either side.

mod delivery;
#[cfg(feature = "json")]
mod described;
mod durability;
mod handling;
mod intake;
mod key_order;
mod layered;
mod lent;
mod lines;
mod publisher;
mod received;
mod recorded;
mod scope;
mod subscriber;
mod subscription;
mod topic;

pub use delivery::{Acknowledge, Delivery, Guarantee};
#[cfg(feature = "json")]
pub use described::JsonEvent;
pub use durability::{Durability, PublishOptions};
pub use layered::Handover;
pub use publisher::Publisher;
pub use received::Event;
pub(crate) use received::Meta;
pub use recorded::Recorded;
pub use scope::{Envelope, Operation, Payload, Scope, ScopeEvent};
pub use subscriber::{Start, SubscribeOptions, Subscriber};
pub use subscription::Subscription;
pub use topic::{Topic, TopicFilter};
