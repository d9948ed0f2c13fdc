//! A record in the hands of a member, and what may become of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::dead;
use super::inner::Inner;
use crate::store::StoreError;
use crate::store::options::Durability;
use crate::store::record::Record;

/// A record that was handed to a member. Dropped without [`ack`](Claim::ack), it is handed out again.
pub struct Claim {
    record: Record,
    attempt: u32,
    /// Tells what was handed out before the group was moved from what was handed out behind.
    era: u64,
    /// Whether it was given to a member that [takes ahead](super::Member::take_ahead) and has not begun with it.
    is_ahead: bool,
    /// Gone once the group was told what became of it.
    group: Option<Arc<Inner>>,
}

impl Claim {
    pub(super) fn new(record: Record, attempt: u32, era: u64, group: Arc<Inner>, is_ahead: bool) -> Self {
        Self { record, attempt, era, is_ahead, group: Some(group) }
    }

    /// What was stored.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// 1 for the first time it is handed out, and one more for each further time, those included that ended with the process.
    /// Not counted is a delivery whose process died within moments, or by a power cut within a second.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// It was handled. Resolves when that is on the disk; from then on it is not handed out again.
    ///
    /// # Errors
    /// When it could not be noted; the record may then be handed out again after the next opening.
    pub async fn ack(mut self) -> Result<(), StoreError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        match group.ack(self.record.offset(), self.era) {
            Some(noted) => noted.wait(&group.journal).await,
            None => Ok(()),
        }
    }

    /// It was not handled, and is to be handed out again after a delay that grows with each attempt: 100 ms, doubled up to a
    /// minute, unless set otherwise.
    pub fn nack(self) {
        drop(self);
    }

    /// [`nack`](Claim::nack), and why: the dead letter it may become tells.
    pub fn nack_because(mut self, reason: &str) {
        self.give_back(reason, None);
    }

    /// [`nack_because`](Claim::nack_because), to be handed out again after this delay.
    pub fn nack_after(mut self, delay: Duration, reason: &str) {
        self.give_back(reason, Some(delay));
    }

    /// It can never be handled, for this reason: a dead letter at once, after however many deliveries. Resolves when that is on the disk,
    /// with `true`. Where the group has [no log for dead letters](super::GroupOptions::dead_letters) it is given back, with `false`.
    ///
    /// # Errors
    /// When the dead letter could not be stored; then it is given back. When that could not be noted, the record may be handed out again after
    /// the next opening.
    pub async fn dead_letter(mut self, reason: &str) -> Result<bool, StoreError> {
        let Some(group) = self.group.clone() else { return Ok(true) };
        let Some(log) = &group.options.dead_letters else {
            self.give_back(reason, None);
            return Ok(false);
        };
        self.begin();
        // Held until the letter is there: whoever drops this before gives the record back.
        let failures = group.failed(self.record.offset(), self.attempt, self.era, reason);
        log.append(dead::letter(&self.record, self.attempt, &failures)?, Durability::Durable).await?;
        self.ack().await.map(|()| true)
    }

    /// A member that [takes ahead](super::Member::take_ahead) begins with it: from here on this delivery counts, and has its whole time.
    /// `false` when the record was handed to another meanwhile.
    pub fn begin(&mut self) -> bool {
        let was_ahead = std::mem::take(&mut self.is_ahead);
        let (offset, attempt, era) = (self.record.offset(), self.attempt, self.era);
        !was_ahead || self.group.as_ref().is_some_and(|group| group.begin(offset, attempt, era))
    }

    /// Starts the deadline again, for who needs longer. `false` when the record was handed to another meanwhile.
    pub fn extend(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.extend(self.record.offset(), self.attempt, self.era))
    }

    fn give_back(&mut self, reason: &str, delay: Option<Duration>) {
        if let Some(group) = self.group.take() {
            let (offset, attempt, era) = (self.record.offset(), self.attempt, self.era);
            match self.is_ahead {
                true => group.release(offset, attempt, era),
                false => group.give_back(offset, attempt, era, reason, delay),
            }
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("record", &self.record).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.give_back("", None);
    }
}
