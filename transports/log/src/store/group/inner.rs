//! What the members of a group share: its state, and how that is written down.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tracing::{error, warn};

use super::dead;
use super::history::Failure;
use super::journal::{Note, Replayed};
use super::options::GroupOptions;
use super::progress::{LONGEST_DELAY, Progress};
use crate::store::StoreError;
use crate::store::log::{Log, Pending};
use crate::store::options::Durability;
use crate::store::reader::{From, Reader};
use crate::store::record::Record;
use crate::store::sleepers::Sleepers;

/// Records of the journal between two whole states.
const NOTES_PER_STATE: u32 = 1024;
/// Records looked at in one go before other tasks have their turn.
const GO: usize = 256;
/// How often a dead letter on its way to the disk is looked after.
const BURIAL: Duration = Duration::from_millis(10);

pub(super) struct Inner {
    pub(super) log: Log,
    pub(super) journal: Log,
    pub(super) options: GroupOptions,
    state: Mutex<Working>,
    /// Members that wait for a record to be given back, or for room.
    pub(super) sleepers: Arc<Sleepers>,
    /// Counts how often members were to give back what they had not begun with.
    pub(super) recalls: watch::Sender<u64>,
}

pub(super) struct Working {
    pub(super) known: Replayed,
    pub(super) is_paused: bool,
    /// One more each time the group was moved.
    era: u64,
    /// Takes new records.
    reader: Reader,
    /// Reads again what was given back.
    again: Reader,
    /// A record that was taken and is not to be handed out before this moment.
    early: Option<(Record, Instant)>,
    /// Dead letters on their way to the disk.
    burying: Vec<(u64, Pending)>,
    /// What happened since the last whole state was written.
    notes: u32,
    /// That state on its way to the disk, and what of the journal it makes needless.
    last_state: Option<(Pending, u64)>,
}

pub(super) enum Next {
    /// The record, the number of its delivery, and the era.
    Claim(Record, u32, u64),
    Error(StoreError),
    /// There is more to look at; others first.
    Busy,
    Nothing,
}

/// A note on its way to the disk.
pub(super) struct Noted {
    note: Note,
    /// `None` when there was no room in the queue.
    pending: Option<Pending>,
}

impl Noted {
    /// Resolves when it is on the disk.
    pub(super) async fn wait(self, journal: &Log) -> Result<(), StoreError> {
        let stored = match self.pending {
            Some(pending) => pending.wait().await,
            None => journal.append(Note::to_batch(&[self.note])?, Durability::Durable).await,
        };
        stored.map(drop)
    }
}

impl Working {
    pub(super) fn new(known: Replayed, reader: Reader, again: Reader) -> Self {
        Self {
            known,
            is_paused: false,
            era: 0,
            reader,
            again,
            early: None,
            burying: Vec::new(),
            notes: 0,
            last_state: None,
        }
    }
}

impl Working {
    pub(super) fn era(&self) -> u64 {
        self.era
    }
}

impl Inner {
    pub(super) fn new(log: Log, journal: Log, options: GroupOptions, working: Working) -> Self {
        Self {
            log,
            journal,
            options,
            state: Mutex::new(working),
            sleepers: Arc::default(),
            recalls: watch::Sender::new(0),
        }
    }

    /// The next record that is due again, or else the next one in the log; `in_order`, of each key only when the one before it
    /// was acknowledged; `ahead`, for somebody who will say when it begins with it.
    pub(super) fn next(&self, in_order: bool, ahead: bool) -> Next {
        let mut working = self.lock();
        self.finish_burials(&mut working);
        if working.is_paused {
            return Next::Nothing;
        }
        if let Some(next) = self.next_again(&mut working, in_order, ahead) {
            return next;
        }
        if working.known.progress.outstanding().len() >= self.options.max_outstanding.max(1) {
            return Next::Nothing;
        }
        for _ in 0..GO {
            let record = match working.early.take() {
                Some((record, _)) => Ok(Some(record)),
                None => working.reader.next_ready(),
            };
            match record {
                Ok(Some(record)) => {
                    if let Some(at) = self.too_early(&record) {
                        working.early = Some((record.detached(), at));
                        return Next::Nothing;
                    }
                    working.notes += 1;
                    let (wanted, patience) = ((self.options.filter)(&record), self.options.patience());
                    let taken = working.known.progress.take(record.offset(), wanted, Instant::now(), patience);
                    if let Some(attempt) = taken
                        && self.has_turn(&mut working, &record, attempt, in_order)
                    {
                        let note = match attempt {
                            // One that waited for its key has a note of its own, and this one would not count beside it.
                            1 if record.key().is_none() => Note::Handed(record.offset() + 1),
                            _ => Note::Attempt(record.offset(), attempt),
                        };
                        return self.hand_out(&mut working, record, attempt, note, ahead);
                    }
                }
                Ok(None) => return Next::Nothing,
                Err(error) => {
                    let offset = working.reader.offset();
                    working.known.progress.skip_to(offset);
                    return Next::Error(error);
                }
            }
        }
        Next::Busy
    }

    /// When there may be something without anybody waking whoever waits.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let working = self.lock();
        let burial = (!working.burying.is_empty()).then(|| Instant::now() + BURIAL);
        if working.is_paused {
            return burial;
        }
        let early = working.early.as_ref().map(|(_, at)| *at);
        [burial, early, working.known.progress.next_due()].into_iter().flatten().min()
    }

    /// Goes on elsewhere, and gives the state on its way to the disk.
    pub(super) fn seek(&self, to: From) -> Result<Pending, StoreError> {
        let reader = self.log.reader(to)?;
        let mut working = self.lock();
        working.known.progress = Progress::starting(reader.offset());
        working.known.history.clear();
        let batch = Note::to_batch(&working.known.notes(true))?;
        (working.reader, working.early, working.last_state) = (reader, None, None);
        working.burying.clear();
        working.era += 1;
        let ended = || StoreError::Closed { dir: self.journal.dir().to_owned() };
        self.journal.post(batch, Durability::Durable).ok_or_else(ended)
    }

    /// Takes what is due again; a record that has had its deliveries goes to the dead letters.
    fn next_again(&self, working: &mut Working, in_order: bool, ahead: bool) -> Option<Next> {
        let patience = self.options.patience();
        while let Some((offset, attempt)) = working.known.progress.take_due(Instant::now(), patience) {
            working.again.seek(offset);
            match working.again.next_ready() {
                Ok(Some(record)) if record.offset() == offset => {
                    if !self.has_turn(working, &record, attempt, in_order) {
                        continue;
                    }
                    if self.options.max_attempts.is_none_or(|most| attempt <= most) {
                        // Read alone, so it would hold a whole chunk by itself.
                        let note = Note::Attempt(offset, attempt);
                        return Some(self.hand_out(working, record.detached(), attempt, note, ahead));
                    }
                    self.bury(working, &record, attempt);
                }
                // Removed from the log meanwhile.
                Ok(_) => drop(working.known.progress.ack(offset)),
                Err(error @ StoreError::Corrupt { .. }) => {
                    working.known.progress.ack(offset);
                    return Some(Next::Error(error));
                }
                Err(error) => {
                    working.known.progress.give_back(offset, attempt, None, Instant::now(), patience);
                    return Some(Next::Error(error));
                }
            }
        }
        None
    }

    /// Whether a record that was just taken may be handed out; if not, it waits for another of its key.
    fn has_turn(&self, working: &mut Working, record: &Record, attempt: u32, in_order: bool) -> bool {
        let Some(key) = record.key() else { return true };
        let has_turn = working.known.progress.line_up(record.offset(), key, in_order, Instant::now());
        // Said, since what is handed out behind it would tell otherwise that it was handed out as well.
        if !has_turn && let Ok(batch) = Note::to_batch(&[Note::Attempt(record.offset(), attempt.saturating_sub(1))]) {
            self.journal.post(batch, Durability::Buffered);
        }
        has_turn
    }

    /// Notes the delivery, so that it counts even if it ends with the process. One ahead does not count before it was begun with.
    fn hand_out(&self, working: &mut Working, record: Record, attempt: u32, note: Note, ahead: bool) -> Next {
        if self.options.max_attempts.is_some_and(|most| attempt > most) {
            self.bury(working, &record, attempt);
            return Next::Busy;
        }
        let note = if ahead { Note::Attempt(record.offset(), attempt.saturating_sub(1)) } else { note };
        if ahead {
            working.known.progress.ahead(record.offset());
        }
        if let Ok(batch) = Note::to_batch(&[note]) {
            self.journal.post(batch, Durability::Buffered);
        }
        Next::Claim(record, attempt, working.era)
    }

    /// Sends a record to the dead letters. It is handled when it is there.
    fn bury(&self, working: &mut Working, record: &Record, attempt: u32) {
        let (offset, attempts) = (record.offset(), attempt.saturating_sub(1));
        let failures: Vec<Failure> = working.known.history.of(offset).cloned().collect();
        let reason = failures.last().map_or("", |failure| &failure.reason);
        warn!(log = %self.log.dir().display(), offset, attempts, reason, "a record was never acknowledged, and is a dead letter now");
        let Some(log) = &self.options.dead_letters else {
            error!(log = %self.log.dir().display(), offset, "there is no log for dead letters; the record is given up");
            self.handled(working, offset);
            return;
        };
        let pending =
            dead::letter(record, attempts, &failures).ok().and_then(|batch| log.post(batch, Durability::Durable));
        match pending {
            Some(pending) => working.burying.push((offset, pending)),
            // The log of dead letters takes nothing now; it is tried again.
            None => self.try_again(working, offset, attempt),
        }
    }

    fn finish_burials(&self, working: &mut Working) {
        for (offset, mut pending) in std::mem::take(&mut working.burying) {
            match pending.outcome() {
                None => working.burying.push((offset, pending)),
                Some(Ok(_)) => self.handled(working, offset),
                Some(Err(error)) => {
                    warn!(%error, offset, "a dead letter could not be stored; it is tried again");
                    let attempt = working.known.progress.outstanding().find(|(other, _)| *other == offset);
                    self.try_again(working, offset, attempt.map_or(1, |(_, attempt)| attempt));
                }
            }
        }
    }

    fn try_again(&self, working: &mut Working, offset: u64, attempt: u32) {
        let patience = self.options.patience();
        working.known.progress.give_back(offset, attempt, Some(patience.most), Instant::now(), patience);
    }

    fn handled(&self, working: &mut Working, offset: u64) {
        working.known.history.take(offset);
        if working.known.progress.ack(offset)
            && let Ok(batch) = Note::to_batch(&[Note::Ack(offset)])
        {
            self.journal.post(batch, Durability::Durable);
        }
    }

    /// When a record may be handed out that may not be yet.
    fn too_early(&self, record: &Record) -> Option<Instant> {
        if self.options.delay.is_zero() {
            return None;
        }
        let due = record.time() + self.options.delay.min(LONGEST_DELAY);
        let wait = due.duration_since(SystemTime::now()).ok().filter(|wait| !wait.is_zero())?;
        Some(Instant::now() + wait)
    }

    /// Changes the state, and sends the note about it on its way. Now and then writes the whole state.
    pub(super) fn note(
        &self,
        era: u64,
        durability: Durability,
        change: impl FnOnce(&mut Replayed) -> Option<Note>,
    ) -> Option<Noted> {
        let mut working = self.lock();
        if era != working.era {
            return None;
        }
        let note = change(&mut working.known);
        working.notes += 1;
        if working.notes >= NOTES_PER_STATE {
            working.notes = 0;
            self.write_state(&mut working);
        }
        let note = note?;
        // Under the lock: a note about what was handed out before the group was moved stands before that.
        let pending =
            Note::to_batch(std::slice::from_ref(&note)).ok().and_then(|batch| self.journal.post(batch, durability));
        Some(Noted { note, pending })
    }

    /// Writes the whole state at the end, so that the next opening need not look at what was passed over. Closing syncs it.
    pub(super) fn write_last_state(&self) {
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
        let batch = Note::to_batch(&working.known.notes(false)).ok();
        let pending = batch.and_then(|batch| self.journal.post(batch, Durability::Durable));
        working.last_state = pending.map(|pending| (pending, before));
    }

    /// A panic under the lock is one of the user's filter, which changes nothing here.
    pub(super) fn lock(&self) -> MutexGuard<'_, Working> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("journal", &self.journal.dir()).finish_non_exhaustive()
    }
}
