//! What a group writes down, in a log of its own: `docs/log-format.md` has the records.
//!
//! An acknowledgement is one small record. From time to time a whole state is written, and what came before it is removed.
//! Acknowledgements and states are written by many tasks at once, so one made before a state was taken may stand behind
//! it, or the other way round: whoever reads this takes the last state and every acknowledgement there is. Only the state
//! written when the group is opened, while nobody else writes, does away with all before it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::{Buf, Bytes};
use tracing::warn;

use super::progress::Progress;
use crate::store::log::Log;
use crate::store::reader::From;
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
    /// This offset was delivered so many times, and not handled.
    Attempt(u64, u32),
}

/// A [`Progress`] as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) read: u64,
    pub(crate) outstanding: BTreeMap<u64, u32>,
    pub(crate) done: BTreeSet<u64>,
}

impl State {
    pub(crate) fn of(progress: &Progress) -> Self {
        Self { read: progress.read, outstanding: progress.outstanding().collect(), done: progress.done().collect() }
    }
}

impl Note {
    pub(crate) fn to_batch(&self) -> Result<Batch, StoreError> {
        let mut value = Vec::with_capacity(16);
        match self {
            Note::Opened(state) => put_state(&mut value, 1, state),
            Note::State(state) => put_state(&mut value, 2, state),
            Note::Ack(offset) => {
                value.push(3);
                varint::put(&mut value, *offset);
            }
            Note::Attempt(offset, attempt) => {
                value.push(4);
                varint::put(&mut value, *offset);
                varint::put(&mut value, u64::from(*attempt));
            }
        }
        Batch::of(&[Entry::of(&value)])
    }

    /// `None` when the bytes are no note that this build knows.
    pub(crate) fn decode(mut value: Bytes) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        match value.get_u8() {
            1 => Some(Note::Opened(take_state(&mut value)?)),
            2 => Some(Note::State(take_state(&mut value)?)),
            3 => Some(Note::Ack(varint::take(&mut value)?)),
            4 => {
                let offset = varint::take(&mut value)?;
                Some(Note::Attempt(offset, u32::try_from(varint::take(&mut value)?).ok()?))
            }
            _ => None,
        }
    }
}

fn put_state(out: &mut Vec<u8>, kind: u8, state: &State) {
    out.push(kind);
    varint::put(out, state.read);
    varint::put(out, state.outstanding.len() as u64);
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

/// Reads what an earlier process left. `None` when the group is new. Where notes are damaged, events are delivered again
/// rather than left out; with no state left at all, all that are kept.
pub(crate) fn replay(journal: &Log, end: u64) -> Result<Option<Progress>, StoreError> {
    let mut reader = journal.reader(From::First)?;
    let mut state: Option<State> = None;
    let (mut acks, mut attempts) = (BTreeSet::new(), BTreeMap::new());
    let mut is_new = journal.damage().is_empty();
    loop {
        match reader.next_ready() {
            Ok(None) => break,
            Ok(Some(record)) => {
                is_new = false;
                match Note::decode(record.into_value()) {
                    Some(Note::Opened(opened)) => {
                        acks.clear();
                        attempts.clear();
                        state = Some(opened);
                    }
                    Some(Note::State(later)) => state = Some(later),
                    Some(Note::Ack(offset)) => drop(acks.insert(offset)),
                    Some(Note::Attempt(offset, attempt)) => drop(attempts.insert(offset, attempt)),
                    None => {
                        warn!(dir = %journal.dir().display(), "passed over a note of a group that is not known here");
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
    let State { mut read, mut outstanding, done } = state.unwrap_or_default();
    acks.extend(done);
    if read > end {
        warn!(dir = %journal.dir().display(), read, end, "the log is shorter than a group had read it; it goes on at the end");
        read = end;
    }
    outstanding.retain(|offset, _| *offset < read && !acks.contains(offset));
    for (offset, attempt) in &mut outstanding {
        *attempt = attempts.get(offset).copied().unwrap_or(0).max(*attempt);
    }
    let done = acks.into_iter().filter(|offset| (read..end).contains(offset)).collect();
    Ok(Some(Progress::new(read, outstanding, done, Instant::now())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_bytes_that_are_none_are_refused() {
        let outstanding = BTreeMap::from([(5, 1), (299, 70_000)]);
        let state = State { read: 300, outstanding, done: BTreeSet::from([301, 1 << 40]) };
        for note in [Note::Opened(state.clone()), Note::State(state), Note::Ack(u64::MAX), Note::Attempt(1, u32::MAX)] {
            let mut body = Bytes::from(note.to_batch().unwrap().bytes).slice(crate::store::format::HEADER..);
            let value = crate::store::batch::split_record(&mut body, 0).unwrap().value;
            assert_eq!(Note::decode(value.clone()), Some(note));
            for end in 0..value.len() {
                assert_eq!(Note::decode(value.slice(..end)), None);
            }
        }
        assert_eq!(Note::decode(Bytes::from_static(&[9, 9])), None);
    }
}
