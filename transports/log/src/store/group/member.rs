//! One of those who share a group's records, and how it waits for the next one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use super::claim::Claim;
use super::inner::{Inner, Next};
use crate::store::StoreError;
use crate::store::record::Record;
use crate::store::sleepers::Wakeup;

/// One of those who share a group's records.
#[derive(Debug)]
pub struct Member {
    group: Arc<Inner>,
    /// Wakes it when the log has more.
    more: Wakeup,
    /// Wakes it when the group has something back, or room again.
    back: Wakeup,
    /// Runs until the next record is due again.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether of each key it has one record at a time.
    in_order: bool,
    /// Whether it says when it begins with a record.
    ahead: bool,
    /// Whether it has told that the log failed.
    ended: bool,
}

impl Member {
    pub(super) fn new(group: Arc<Inner>, more: Wakeup, back: Wakeup) -> Self {
        Self { group, more, back, timer: None, in_order: false, ahead: false, ended: false }
    }

    /// From now on this member is given a record with a key only when every record of that key before it was acknowledged, or
    /// became a dead letter, whichever member had it. What is held back counts as outstanding.
    pub fn keep_key_order(&mut self) {
        self.in_order = true;
    }

    /// From now on this member takes records before it can handle them. A record it was given counts as delivered when it was
    /// [begun with](Claim::begin); until then, dropping its claim gives it back as if it had stayed in the log: at once, and with the
    /// number of the delivery unused.
    pub fn take_ahead(&mut self) {
        self.ahead = true;
    }

    /// The next record for this member, as soon as there is one; `None` when the log was closed. Must be polled within a
    /// tokio runtime, whose timer it uses.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] to one member for each range that cannot be read, after which the group goes on behind it;
    /// and what the file system says.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Claim, StoreError>>> {
        loop {
            // Twice: what happens between the first look and falling asleep wakes nobody.
            for sleeping in [false, true] {
                if sleeping {
                    self.more.arm(cx.waker());
                    self.back.arm(cx.waker());
                }
                let ended = self.group.log.shared().queue.ended().or_else(|| self.group.journal.shared().queue.ended());
                match (self.group.next(self.in_order, self.ahead), ended) {
                    (_, Some(StoreError::Closed { .. })) => return Poll::Ready(None),
                    (Next::Nothing, Some(_)) if self.ended => return Poll::Ready(None),
                    (Next::Claim(record, attempt, era), _) => {
                        return Poll::Ready(Some(Ok(self.claim(record, attempt, era))));
                    }
                    (Next::Error(error), _) => return Poll::Ready(Some(Err(error))),
                    (Next::Nothing, Some(failed)) => {
                        self.ended = true;
                        return Poll::Ready(Some(Err(failed)));
                    }
                    (Next::Busy, _) => {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    (Next::Nothing, None) => {}
                }
            }
            let Some(due) = self.group.next_due() else {
                self.timer = None;
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.into())));
            if timer.deadline() != due.into() {
                timer.as_mut().reset(due.into());
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    fn claim(&self, record: Record, attempt: u32, era: u64) -> Claim {
        Claim::new(record, attempt, era, Arc::clone(&self.group), self.ahead)
    }

    /// [`poll_next`](Member::poll_next) as a future. Dropping it loses nothing.
    ///
    /// # Errors
    /// As [`poll_next`](Member::poll_next).
    pub async fn next(&mut self) -> Option<Result<Claim, StoreError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have been woken for something that another has to do now.
        self.group.sleepers.wake();
    }
}
