//! Consumer groups: members share the records of a log, each record is handed out until it is acknowledged, and how far the
//! group has come outlives the process.

pub(crate) mod journal;
mod progress;

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

use super::log::{Log, Pending};
use super::options::{Durability, LogOptions};
use super::reader::{From, Reader};
use super::record::Record;
use super::sleepers::{Sleepers, Wakeup};
use super::{Batch, StoreError};
use journal::{Note, State};
use progress::Progress;

/// Records of the journal between two whole states.
const NOTES_PER_STATE: u32 = 1024;
/// When a segment of the journal has this size the next one is begun. Opening a group reads about as much.
const JOURNAL_SEGMENT: u64 = 256 * 1024;
/// Records looked at in one go before other tasks have their turn.
const GO: usize = 256;

/// How a group is opened.
#[non_exhaustive]
pub struct GroupOptions {
    /// Where a group that is new starts.
    pub start: From,
    /// Which records are for this group. The others count as handled.
    pub filter: Box<dyn Fn(&Record) -> bool + Send + Sync>,
    /// The most records that are handed out and not acknowledged, by all members together. While so many are, no further
    /// ones are taken from the log. 1,024.
    pub max_outstanding: usize,
    /// How the group's own log is opened: on which disk.
    pub journal: LogOptions,
}

impl Default for GroupOptions {
    fn default() -> Self {
        let journal = LogOptions { segment_bytes: JOURNAL_SEGMENT, ..LogOptions::default() };
        Self { start: From::First, filter: Box::new(|_| true), max_outstanding: 1024, journal }
    }
}

impl fmt::Debug for GroupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupOptions").field("start", &self.start).finish_non_exhaustive()
    }
}

/// A group of readers of one log, with a position that is kept in a log of its own. Clones are the same group.
#[derive(Clone, Debug)]
pub struct Group(Arc<Inner>);

struct Inner {
    log: Log,
    journal: Log,
    filter: Box<dyn Fn(&Record) -> bool + Send + Sync>,
    max_outstanding: usize,
    state: Mutex<Working>,
    /// Members that wait for a record to be given back, or for room.
    sleepers: Arc<Sleepers>,
}

struct Working {
    progress: Progress,
    /// Takes new records.
    reader: Reader,
    /// Reads again what was given back.
    again: Reader,
    /// What happened since the last whole state was written.
    notes: u32,
    /// That state on its way to the disk, and what of the journal it makes needless.
    last_state: Option<(Pending, u64)>,
}

impl Group {
    /// Opens the group whose position is kept in `dir`. Reads that position from the disk, so async callers use a thread.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open(log: &Log, dir: impl AsRef<Path>, options: GroupOptions) -> Result<Self, StoreError> {
        let journal = Log::open(dir, options.journal)?;
        let progress = match journal::replay(&journal, log.next_offset())? {
            Some(progress) => progress,
            None => Progress::starting(log.reader(options.start)?.offset()),
        };
        let opened = journal.next_offset();
        journal.append_blocking(Note::Opened(State::of(&progress)).to_batch()?, Durability::Durable)?;
        journal.post_trim(opened);
        let reader = log.reader(From::Offset(progress.read))?;
        let again = log.reader(From::Next)?;
        let state = Mutex::new(Working { progress, reader, again, notes: 0, last_state: None });
        Ok(Self(Arc::new(Inner {
            log: log.clone(),
            journal,
            filter: options.filter,
            max_outstanding: options.max_outstanding.max(1),
            state,
            sleepers: Arc::default(),
        })))
    }

    /// One more member.
    pub fn member(&self) -> Member {
        let (more, back) = (self.0.log.wakeup(), Wakeup::among(&self.0.sleepers));
        Member { group: Arc::clone(&self.0), more, back, timer: None, ended: false }
    }

    /// Every record before this offset was handled.
    pub fn position(&self) -> u64 {
        self.0.lock().progress.floor()
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
    /// Whether it has told that the log failed.
    ended: bool,
}

impl Member {
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
                match (self.group.next(), ended) {
                    (_, Some(StoreError::Closed { .. })) => return Poll::Ready(None),
                    (Next::Nothing, Some(_)) if self.ended => return Poll::Ready(None),
                    (Next::Claim(record, attempt), _) => {
                        let group = Some(Arc::clone(&self.group));
                        return Poll::Ready(Some(Ok(Claim { record, attempt, group })));
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
            let Some(due) = self.group.lock().progress.next_due() else {
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

/// A record that was handed to a member. Dropped without [`ack`](Claim::ack), it is handed out again.
pub struct Claim {
    record: Record,
    attempt: u32,
    /// Gone once the group was told what became of it.
    group: Option<Arc<Inner>>,
}

impl Claim {
    /// What was stored.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// 1 for the first time it is handed out, and one more for each further time. Deliveries that ended with the process
    /// are not counted.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// It was handled. Resolves when that is on the disk; from then on it is not handed out again.
    ///
    /// # Errors
    /// When it could not be noted; the record may then be handed out again after the next opening.
    pub async fn ack(mut self) -> Result<(), StoreError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let offset = self.record.offset();
        // First in memory, then on the disk: a state that is written meanwhile holds it, or its own note stands behind.
        let mut was_full = false;
        let batch = group.note(|progress| {
            was_full = progress.outstanding().len() >= group.max_outstanding;
            progress.ack(offset);
            Some(Note::Ack(offset))
        });
        if was_full {
            group.sleepers.wake();
        }
        match batch {
            Some(batch) => group.journal.append(batch?, Durability::Durable).await.map(drop),
            None => Ok(()),
        }
    }

    /// It was not handled, and is to be handed out again after a delay that grows with each attempt: 100 ms, doubled up to a
    /// minute.
    pub fn nack(self) {
        drop(self);
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("record", &self.record).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(group) = self.group.take() else { return };
        let offset = self.record.offset();
        let note = group.note(|progress| {
            let attempt = progress.give_back(offset, Instant::now())?;
            Some(Note::Attempt(offset, attempt))
        });
        if let Some(Ok(batch)) = note {
            group.journal.post(batch, Durability::Buffered);
        }
        group.sleepers.wake();
    }
}

enum Next {
    Claim(Record, u32),
    Error(StoreError),
    /// There is more to look at; others first.
    Busy,
    Nothing,
}

impl Inner {
    /// The next record that is due again, or else the next one in the log.
    fn next(&self) -> Next {
        let mut working = self.lock();
        let Working { progress, reader, again, notes, .. } = &mut *working;
        while let Some((offset, attempt)) = progress.take_due(Instant::now()) {
            again.seek(offset);
            match again.next_ready() {
                // Read alone, so it would hold a whole chunk by itself.
                Ok(Some(record)) if record.offset() == offset => return Next::Claim(record.detached(), attempt),
                // Removed from the log meanwhile.
                Ok(_) => progress.ack(offset),
                Err(error @ StoreError::Corrupt { .. }) => {
                    progress.ack(offset);
                    return Next::Error(error);
                }
                Err(error) => {
                    progress.give_back(offset, Instant::now());
                    return Next::Error(error);
                }
            }
        }
        if progress.outstanding().len() >= self.max_outstanding {
            return Next::Nothing;
        }
        for _ in 0..GO {
            match reader.next_ready() {
                Ok(Some(record)) => {
                    *notes += 1;
                    if let Some(attempt) = progress.take(record.offset(), (self.filter)(&record)) {
                        return Next::Claim(record, attempt);
                    }
                }
                Ok(None) => return Next::Nothing,
                Err(error) => {
                    progress.skip_to(reader.offset());
                    return Next::Error(error);
                }
            }
        }
        Next::Busy
    }

    /// Changes the state, and gives the note to be written about it. Now and then writes the whole state.
    fn note(&self, change: impl FnOnce(&mut Progress) -> Option<Note>) -> Option<Result<Batch, StoreError>> {
        let mut working = self.lock();
        let note = change(&mut working.progress);
        working.notes += 1;
        if working.notes >= NOTES_PER_STATE {
            working.notes = 0;
            self.write_state(&mut working);
        }
        note.map(|note| note.to_batch())
    }

    /// Writes the whole state at the end, so that the next opening need not look at what was passed over. Closing syncs it.
    fn write_last_state(&self) {
        self.write_state(&mut self.lock());
    }

    /// Writes the whole state, and removes what the one before made needless, if that is safely on the disk.
    fn write_state(&self, working: &mut Working) {
        if let Some((mut state, before)) = working.last_state.take()
            && state.is_stored()
        {
            self.journal.post_trim(before);
        }
        // Whatever is in the journal by now was in the state before it was noted.
        let before = self.journal.next_offset();
        let batch = Note::State(State::of(&working.progress)).to_batch().ok();
        let pending = batch.and_then(|batch| self.journal.post(batch, Durability::Durable));
        working.last_state = pending.map(|pending| (pending, before));
    }

    /// A panic under the lock is one of the user's filter, which changes nothing here.
    fn lock(&self) -> MutexGuard<'_, Working> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("journal", &self.journal.dir()).finish_non_exhaustive()
    }
}
