//! Which records wait for which: of those of one key that are not acknowledged, the first has the turn.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// The keys of what is outstanding. Small, as that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    lines: BTreeMap<Bytes, BTreeSet<u64>>,
    of: BTreeMap<u64, Bytes>,
}

impl Keys {
    /// Takes in a record, unless it is in already. Whether it has the turn.
    pub(super) fn join(&mut self, offset: u64, key: &Bytes) -> bool {
        // In memory of its own: the record's would hold the chunk it was read in.
        let key = self.of.entry(offset).or_insert_with(|| Bytes::copy_from_slice(key));
        let line = self.lines.entry(key.clone()).or_default();
        line.insert(offset);
        line.first() == Some(&offset)
    }

    /// Lets go of a record. Gives the one whose turn it is now, if that was waiting for it.
    pub(super) fn leave(&mut self, offset: u64) -> Option<u64> {
        let key = self.of.remove(&offset)?;
        let line = self.lines.get_mut(&key)?;
        let had_turn = line.first() == Some(&offset);
        line.remove(&offset);
        let next = line.first().copied();
        if next.is_none() {
            self.lines.remove(&key);
        }
        next.filter(|_| had_turn)
    }

    /// Whether others wait for this one.
    pub(super) fn is_awaited(&self, offset: u64) -> bool {
        self.of.get(&offset).and_then(|key| self.lines.get(key)).is_some_and(|line| line.len() > 1)
    }
}
