//! Consumer groups: members share the records of a log, each record is handed out until it is acknowledged, and how far the
//! group has come outlives the process.

mod claim;
mod dead;
pub(crate) mod history;
mod inner;
pub(crate) mod journal;
mod keys;
mod member;
mod options;
mod progress;
mod told;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::StoreError;
use super::log::Log;
use super::options::Durability;
use super::reader::From;
use super::sleepers::Wakeup;

pub use claim::Claim;
pub use dead::{ATTEMPTS, HISTORY, OFFSET, REASON};
pub use member::Member;
pub use options::{GroupOptions, Lag};

use inner::{Inner, Working};
use journal::{Note, Replayed};
pub(crate) use progress::{Patience, Progress};

/// A group of readers of one log, with a position that is kept in a log of its own. Clones are the same group.
#[derive(Clone, Debug)]
pub struct Group(Arc<Inner>);

impl Group {
    /// Opens the group whose position is kept in `dir`. Reads that position from the disk, so async callers use a thread.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open(log: &Log, dir: impl AsRef<Path>, options: GroupOptions) -> Result<Self, StoreError> {
        let journal = Log::open(dir, options.journal.clone())?;
        let known = match journal::replay(&journal, log.next_offset())? {
            Some(known) => known,
            None => {
                let progress = Progress::starting(log.reader(options.start)?.offset());
                Replayed { progress, ..Replayed::default() }
            }
        };
        let opened = journal.next_offset();
        journal.append_blocking(Note::to_batch(&known.notes(true))?, Durability::Durable)?;
        journal.post_trim(opened);
        let reader = log.reader(From::Offset(known.progress.read))?;
        let working = Working::new(known, reader, log.reader(From::Next)?);
        Ok(Self(Arc::new(Inner::new(log.clone(), journal, options, working))))
    }

    /// One more member.
    pub fn member(&self) -> Member {
        let (more, back) = (self.0.log.wakeup(), Wakeup::among(&self.0.sleepers));
        Member::new(Arc::clone(&self.0), more, back)
    }

    /// Every record before this offset was handled.
    pub fn position(&self) -> u64 {
        self.0.lock().known.progress.floor()
    }

    /// How long a member may have a record: [`GroupOptions::deadline`].
    pub fn deadline(&self) -> Option<Duration> {
        self.0.options.deadline
    }

    /// How far the group is behind the log.
    pub fn lag(&self) -> Lag {
        let working = self.0.lock();
        let progress = &working.known.progress;
        Lag {
            untaken: self.0.log.next_offset().saturating_sub(progress.read.max(self.0.log.first_offset())),
            outstanding: progress.outstanding().len() as u64,
        }
    }

    /// A record was handled, whoever has it now. Resolves when that is on the disk. For a member whose claim was given back without it,
    /// because its connection was lost.
    ///
    /// # Errors
    /// As [`Claim::ack`].
    pub async fn ack(&self, offset: u64) -> Result<(), StoreError> {
        let noted = {
            let era = self.0.lock().era();
            self.0.ack(offset, era)
        };
        match noted {
            Some(noted) => noted.wait(&self.0.journal).await,
            None => Ok(()),
        }
    }

    /// Hands out nothing more until [`resume`](Group::resume). What members have they keep, unless they
    /// [take ahead](Member::take_ahead) and have not begun with it. Not kept when the group is closed.
    pub fn pause(&self) {
        self.0.lock().is_paused = true;
        self.0.recalls.send_modify(|recalls| *recalls += 1);
    }

    /// Changes each time that members have to give back what they took ahead, since the group was paused or moved.
    #[cfg(feature = "remote")]
    pub(crate) fn recalls(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.recalls.subscribe()
    }

    /// Goes on after [`pause`](Group::pause).
    pub fn resume(&self) {
        self.0.lock().is_paused = false;
        self.0.sleepers.wake();
    }

    /// Has the group go on from another place, as if everything before it had been handled and nothing behind it. What members
    /// have at that moment is no business of the group any more, whatever becomes of it. Resolves when it is on the disk.
    ///
    /// # Errors
    /// What the file system says; the group is then where it was, or there after the next opening.
    pub async fn seek(&self, to: From) -> Result<(), StoreError> {
        let batch = self.0.seek(to)?;
        self.0.recalls.send_modify(|recalls| *recalls += 1);
        self.0.sleepers.wake();
        batch.wait().await.map(drop)
    }

    /// Makes everything durable that was noted so far: how often records were handed out, and why they came back.
    ///
    /// # Errors
    /// As [`Log::sync`].
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.0.journal.sync().await
    }

    /// Writes the position down and closes the group's own log.
    ///
    /// # Errors
    /// When the position could not be written; records may then be handed out again.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.write_last_state();
        self.0.journal.close().await
    }

    /// [`close`](Group::close) for a thread that may block for as long as a sync takes.
    ///
    /// # Errors
    /// As [`close`](Group::close).
    pub fn close_blocking(&self) -> Result<(), StoreError> {
        self.0.write_last_state();
        self.0.journal.close_blocking()
    }
}
