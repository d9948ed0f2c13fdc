//! The one timer of a connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Context as TaskContext;
use std::time::Instant;

use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};

/// Goes off at the earliest time it was told, and is set anew only where an earlier one comes: of calls that have as long as each
/// other, that is never.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
    /// When it goes off; `None` when it has.
    set: Option<Instant>,
}

impl Alarm {
    /// Whether it goes off now; otherwise wakes the task when it does. It may do so later than it was told last, where the time
    /// it was told before came first; whoever is woken looks for himself what there is to do.
    pub(super) fn is_over(&mut self, due: Option<Instant>, cx: &mut TaskContext<'_>) -> bool {
        if let Some(due) = due.filter(|due| self.set.is_none_or(|set| *due < set)) {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due.into())));
            timer.as_mut().reset(due.into());
            self.set = Some(due);
            // Polled, it knows whom to wake, which stays the same task. The task may have used up its turn, and a timer that heeded
            // that would not know.
            let _ = pin!(unconstrained(timer.as_mut())).poll(cx);
        }
        let over = self.set.is_some() && self.timer.as_ref().is_some_and(|timer| timer.is_elapsed());
        if over {
            self.set = None;
        }
        over
    }
}
