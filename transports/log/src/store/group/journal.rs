//! What a group writes down, in a log of its own: `docs/log-format.md` has the records.
//!
//! An acknowledgement is one small record. From time to time a whole state is written, and what came before it is removed.
//! Notes and states are written by many tasks at once, so one made before a state was taken may stand behind it, or the other
//! way round: whoever reads this takes the last state and every acknowledgement there is. Only the state written when the
//! group is opened or moved, while nobody else writes, does away with all before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use bytes::{Buf, Bytes};
use tracing::warn;

use super::history::{Failure, History};
use super::progress::Progress;
use crate::store::log::Log;
use crate::store::reader::{From, Reader};
use crate::store::{Batch, Entry, StoreError, varint};

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The state at an opening: nothing before it counts.
    Opened(State),
    /// The state at some moment.
    State(State),
    /// This offset was handled.
    Ack(u64),
    /// This offset was delivered so many times.
    Attempt(u64, u32),
    /// Everything before this offset was handed out, or was not for the group.
    Handed(u64),
    /// A delivery of this offset failed.
    Failed(u64, Failure),
}

/// A [`Progress`] as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) read: u64,
    pub(crate) outstanding: BTreeMap<u64, u32>,
    pub(crate) done: BTreeSet<u64>,
}

/// What a group knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) progress: Progress,
    pub(crate) history: History,
    /// Handed out since the state was written, and not acknowledged.
    pub(crate) given: BTreeSet<u64>,
}

impl Replayed {
    /// The next offset to be taken, as far as was noted. Behind it some may have been taken that were not for the group.
    pub(crate) fn read(&self) -> u64 {
        let done = self.progress.done().last().map_or(0, |offset| offset + 1);
        let given = self.given.last().map_or(0, |offset| offset + 1);
        self.progress.read.max(self.progress.handed).max(done).max(given)
    }

    /// What was handed out and not acknowledged, with the number of its deliveries.
    pub(crate) fn outstanding(&self) -> Vec<(u64, u32)> {
        let tries = |offset: &u64| self.progress.tried.get(offset).copied().unwrap_or(1);
        let given = self.given.iter().map(|offset| (*offset, tries(offset)));
        self.progress.outstanding().chain(given).collect()
    }

    /// Everything there is to be known of a group, as notes that stand together.
    pub(crate) fn notes(&self, is_opening: bool) -> Vec<Note> {
        let state = State::of(&self.progress);
        let mut notes = vec![if is_opening { Note::Opened(state) } else { Note::State(state) }];
        notes.extend(self.progress.tried.iter().map(|(offset, attempt)| Note::Attempt(*offset, *attempt)));
        notes.extend((self.progress.handed > self.progress.read).then_some(Note::Handed(self.progress.handed)));
        notes.extend(self.history.all().map(|(offset, failure)| Note::Failed(offset, failure.clone())));
        notes
    }
}

impl State {
    pub(crate) fn of(progress: &Progress) -> Self {
        Self { read: progress.read, outstanding: progress.outstanding().collect(), done: progress.done().collect() }
    }
}

impl Note {
    /// Notes that are written together.
    pub(crate) fn to_batch(notes: &[Note]) -> Result<Batch, StoreError> {
        let values: Vec<Vec<u8>> = notes.iter().map(Note::encode).collect();
        Batch::of(&values.iter().map(|value| Entry::of(value)).collect::<Vec<_>>())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(16);
        match self {
            Note::Opened(state) => put_state(&mut value, 1, state),
            Note::State(state) => put_state(&mut value, 2, state),
            Note::Ack(offset) => put(&mut value, 3, &[*offset]),
            Note::Attempt(offset, attempt) => put(&mut value, 4, &[*offset, u64::from(*attempt)]),
            Note::Handed(offset) => put(&mut value, 5, &[*offset]),
            Note::Failed(offset, failure) => {
                put(&mut value, 6, &[*offset, u64::from(failure.attempt), failure.time.cast_unsigned()]);
                value.extend_from_slice(failure.reason.as_bytes());
            }
        }
        value
    }

    /// `None` when the bytes are no note that this build knows.
    pub(crate) fn decode(mut value: Bytes) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        let kind = value.get_u8();
        let take = |value: &mut Bytes| varint::take(value);
        let take_small = |value: &mut Bytes| u32::try_from(varint::take(value)?).ok();
        Some(match kind {
            1 => Note::Opened(take_state(&mut value)?),
            2 => Note::State(take_state(&mut value)?),
            3 => Note::Ack(take(&mut value)?),
            4 => Note::Attempt(take(&mut value)?, take_small(&mut value)?),
            5 => Note::Handed(take(&mut value)?),
            6 => {
                let (offset, attempt) = (take(&mut value)?, take_small(&mut value)?);
                let time = take(&mut value)?.cast_signed();
                let reason = String::from_utf8(value.to_vec()).ok()?;
                Note::Failed(offset, Failure { attempt, time, reason })
            }
            _ => return None,
        })
    }
}

fn put(out: &mut Vec<u8>, kind: u8, numbers: &[u64]) {
    out.push(kind);
    for number in numbers {
        varint::put(out, *number);
    }
}

fn put_state(out: &mut Vec<u8>, kind: u8, state: &State) {
    put(out, kind, &[state.read, state.outstanding.len() as u64]);
    for (offset, attempt) in &state.outstanding {
        varint::put(out, *offset);
        varint::put(out, u64::from(*attempt));
    }
    varint::put(out, state.done.len() as u64);
    for offset in &state.done {
        varint::put(out, *offset);
    }
}

fn take_state(value: &mut Bytes) -> Option<State> {
    let mut state = State { read: varint::take(value)?, ..State::default() };
    for _ in 0..varint::take(value)? {
        let offset = varint::take(value)?;
        state.outstanding.insert(offset, u32::try_from(varint::take(value)?).ok()?);
    }
    for _ in 0..varint::take(value)? {
        state.done.insert(varint::take(value)?);
    }
    Some(state)
}

/// What the notes say, one after the other.
#[derive(Default)]
struct Replay {
    state: Option<State>,
    acks: BTreeSet<u64>,
    attempts: BTreeMap<u64, u32>,
    handed: u64,
    given: BTreeSet<u64>,
    history: History,
}

impl Replay {
    fn take(&mut self, note: Note) {
        match note {
            Note::Opened(opened) => *self = Self { state: Some(opened), ..Self::default() },
            Note::State(later) => self.state = Some(later),
            Note::Ack(offset) => drop(self.acks.insert(offset)),
            Note::Attempt(offset, attempt) => self.tried(offset, attempt),
            Note::Handed(offset) => {
                self.handed = self.handed.max(offset);
                self.given.insert(offset.saturating_sub(1));
            }
            Note::Failed(offset, failure) => {
                self.tried(offset, failure.attempt);
                self.history.add(offset, failure);
            }
        }
    }

    fn tried(&mut self, offset: u64, attempt: u32) {
        self.given.insert(offset);
        let known = self.attempts.entry(offset).or_default();
        *known = attempt.max(*known);
    }

    fn finish(self, end: u64) -> Replayed {
        let Self { state, mut acks, attempts, handed, mut given, mut history } = self;
        let State { mut read, mut outstanding, done } = state.unwrap_or_default();
        acks.extend(done);
        read = read.min(end);
        outstanding.retain(|offset, _| *offset < read && !acks.contains(offset));
        for (offset, attempt) in &mut outstanding {
            *attempt = attempts.get(offset).copied().unwrap_or(0).max(*attempt);
        }
        given.retain(|offset| (read..end).contains(offset) && !acks.contains(offset));
        let done = acks.into_iter().filter(|offset| (read..end).contains(offset)).collect();
        let mut progress = Progress::new(read, outstanding, done, Instant::now());
        progress.handed = handed.min(end);
        progress.tried = attempts.range(read..end.max(read)).map(|(offset, attempt)| (*offset, *attempt)).collect();
        history.retain(|offset| progress.outstanding().any(|(other, _)| other == offset) || offset >= read);
        Replayed { progress, history, given }
    }
}

/// Reads what an earlier process left. `None` when the group is new. Where notes are damaged, events are delivered again
/// rather than left out; with no state left at all, all that are kept.
pub(crate) fn replay(journal: &Log, end: u64) -> Result<Option<Replayed>, StoreError> {
    replay_from(journal.reader(From::First)?, journal.dir(), journal.damage().is_empty(), end)
}

/// [`replay`], with a reader at the first note. What had damage when it was opened is not new, even if nothing is in it.
pub(crate) fn replay_from(
    mut reader: Reader,
    journal: &Path,
    mut is_new: bool,
    end: u64,
) -> Result<Option<Replayed>, StoreError> {
    let mut replay = Replay::default();
    loop {
        match reader.next_ready() {
            Ok(None) => break,
            Ok(Some(record)) => {
                is_new = false;
                match Note::decode(record.into_value()) {
                    Some(note) => replay.take(note),
                    None => {
                        warn!(dir = %journal.display(), "passed over a note of a group that is not known here");
                    }
                }
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                is_new = false;
                warn!(%error, "a group's notes are damaged; it may see events again");
            }
            Err(error) => return Err(error),
        }
    }
    if is_new {
        return Ok(None);
    }
    let read = replay.state.as_ref().map_or(0, |state| state.read);
    if read > end {
        warn!(dir = %journal.display(), read, end, "the log is shorter than a group had read it; it goes on at the end");
    }
    Ok(Some(replay.finish(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_bytes_that_are_none_are_refused() {
        let outstanding = BTreeMap::from([(5, 1), (299, 70_000)]);
        let state = State { read: 300, outstanding, done: BTreeSet::from([301, 1 << 40]) };
        let numbers = [Note::Ack(u64::MAX), Note::Attempt(1, u32::MAX), Note::Handed(1 << 50)];
        for note in [Note::Opened(state.clone()), Note::State(state)].into_iter().chain(numbers) {
            let value = Bytes::from(note.encode());
            assert_eq!(Note::decode(value.clone()), Some(note));
            for end in 0..value.len() {
                assert_eq!(Note::decode(value.slice(..end)), None);
            }
        }
        let failure = Failure { attempt: 3, time: -5, reason: "no such account".to_owned() };
        let note = Note::Failed(7, failure);
        assert_eq!(Note::decode(note.encode().into()), Some(note));
        assert_eq!(Note::decode(Bytes::from_static(&[9, 9])), None);
    }
}
