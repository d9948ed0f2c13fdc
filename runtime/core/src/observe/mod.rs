//! Where telemetry looks on: an [`Observer`] of a bus hears of every call and every event, when it begins and how it ended.
//!
//! An observer is no middleware. It knows no types, so that one value serves a whole bus, and it sees what middleware does
//! not: calls of unknown methods, and what came of a call whose caller gave up. On the way out it stands next to the
//! transport, so a call that a layer makes three times is three calls to it; on the way in it stands before all layers, so
//! that what they log belongs to the call.
//!
//! Without an observer one branch on an `Option` is paid. The observer that `thriftwood-telemetry` brings makes spans and
//! metrics of what it hears; this crate knows neither.

mod activity;
mod late;
mod observing;

pub use activity::{CallStart, EventStart, Outcome, Role, Side};
pub use late::LateReplies;
pub use observing::Observing;
pub(crate) use observing::{Observed, entered, seen};

use tracing::Span;

use crate::Context;

/// Hears of every call and event of a bus; see [`Bus::with_observer`](crate::Bus::with_observer).
///
/// Its methods run in the path of the call, on any thread, several at once: they must not block, and must not panic.
pub trait Observer: Send + Sync + 'static {
    /// Whether anybody wants to hear of anything as things are. Asked before each call and event; where nobody does, this is all that
    /// the observer costs.
    fn listens(&self) -> bool {
        true
    }

    /// A call begins. What is changed in `context` is what is sent with it, or what its handler gets.
    ///
    /// `None` when this call is of no interest; nothing further is said of it.
    fn call(&self, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>>;

    /// An event is about to be published, or was received. What is changed in `context` is what is sent with it, or what
    /// its consumer gets.
    ///
    /// `None` when this event is of no interest; nothing further is said of it.
    fn event(&self, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>>;

    /// So many replies came that nobody waited for any more, and were dropped: the caller had given up, or the peer answered twice.
    /// Of which calls they were is not known any more.
    fn late_replies(&self, transport: &'static str, replies: u64) {
        let _ = (transport, replies);
    }
}

/// One call or event under way. Dropped without [`end`](Observation::end) when nobody waits for it any more: the caller
/// dropped the future, or the server was stopped.
pub trait Observation: Send + Sync {
    /// The span that handlers and layers run in; by default none.
    fn span(&self) -> Span {
        Span::none()
    }

    /// It is over.
    fn end(self: Box<Self>, outcome: Outcome<'_>);
}
