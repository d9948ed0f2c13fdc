//! The producers that a log knows, and the two files in which it keeps them: written in turn, each before a checkpoint, so that one
//! is whole whatever happens to the other. `docs/log-format.md` has the layout.

use std::collections::VecDeque;
use std::io;

use tracing::{info, warn};

use super::StoreError;
use super::format::{HAS_PRODUCER, HEADER, Header};
use super::home::Home;
use super::producer::{self, Answer, Memory, Producer, Producers, Stored};
use super::scan::Scan;
use super::segment;

const FILES: [&str; 2] = ["producers.0", "producers.1"];
/// No snapshot of the producers that are remembered is larger, in bytes.
const MAX_SNAPSHOT: u64 = 1024 * 1024;

/// What is remembered, and how far it is written down.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    producers: Producers,
    /// What was remembered when everything before `pending` had come. Of a producer that sends on and on, the batches that are
    /// durable may be gone from `producers` by the time they are written down.
    settled: Producers,
    /// What came since, in order: of a second's batches at most, or of those that one sync of a segment takes.
    pending: VecDeque<(Producer, Stored)>,
    /// Whether something came that is not in a file.
    is_new: bool,
    /// Which file is written next.
    turn: usize,
}

impl Remembered {
    /// Reads the newer snapshot. Where one was damaged, what it said is looked up in the segments, up to `end`: from there on the
    /// opening looks itself.
    pub(crate) fn load(home: &Home, bases: &[u64], end: u64) -> Result<Self, StoreError> {
        let failed = |source| StoreError::io("read the producers in", &home.dir, source);
        let mut remembered = Self::default();
        let (mut newest, mut damaged) = (None, false);
        for (turn, name) in FILES.iter().enumerate() {
            match read(home, name).map_err(failed)? {
                Snapshot::None => {}
                Snapshot::Damaged => damaged = true,
                Snapshot::Good(next, producers) if newest.is_none_or(|newest| next >= newest) => {
                    newest = Some(next);
                    (remembered.producers, remembered.turn) = (producers, 1 - turn);
                }
                Snapshot::Good(..) => {}
            }
        }
        if damaged {
            let from = newest.unwrap_or(0);
            info!(dir = %home.dir.display(), from, end, "looking for producers in the log: a file of them was cut off or is damaged");
            remembered.look(home, bases, from, end).map_err(failed)?;
            remembered.is_new = true;
        }
        remembered.settled = remembered.producers.clone();
        remembered.pending.clear();
        Ok(remembered)
    }

    /// Takes in a batch that was found.
    pub(crate) fn found(&mut self, header: &Header, body: &[u8]) {
        if header.flags & HAS_PRODUCER != 0
            && let Some(producer) = Producer::decode(body)
        {
            self.store(producer, header.base, header.count, header.time);
        }
    }

    pub(crate) fn check(&self, producer: Producer, count: u32) -> Result<Answer, StoreError> {
        self.producers.check(producer, count)
    }

    /// Remembers a batch. Gives what to go back to when it is not stored after all.
    pub(crate) fn store(&mut self, producer: Producer, first: u64, count: u32, time: i64) -> Option<Memory> {
        self.is_new = true;
        let stored = Stored { sequence: producer.sequence, count, first, time };
        self.pending.push_back((producer, stored));
        self.producers.store(producer, stored)
    }

    /// Goes back to what was remembered of a producer.
    pub(crate) fn restore(&mut self, id: u64, before: Option<Memory>) {
        self.producers.restore(id, before);
    }

    /// Nothing from this offset on was stored after all.
    pub(crate) fn forget_from(&mut self, next: u64) {
        self.pending.truncate(self.pending.partition_point(|(_, stored)| stored.first < next));
    }

    /// Writes down what is remembered of everything before `durable`, if there is something new.
    pub(crate) fn save(&mut self, home: &Home, durable: u64, next: u64) -> Result<(), StoreError> {
        if !self.is_new || self.producers.is_empty() {
            return Ok(());
        }
        let durable_now = self.pending.partition_point(|(_, stored)| stored.end() <= durable);
        for (producer, stored) in self.pending.drain(..durable_now) {
            self.settled.store(producer, stored);
        }
        let path = home.dir.join(FILES[self.turn]);
        let failed = |source| StoreError::io("write", &path, source);
        let (file, is_made) = match home.disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (home.disk.create(&path).map_err(failed)?, true),
            opened => (opened.map_err(failed)?, false),
        };
        let bytes = self.settled.encode(home.log_id, durable);
        file.write_at(&bytes, 0).and_then(|()| file.sync_data()).map_err(failed)?;
        if is_made {
            home.disk.sync_dir(&home.dir).map_err(failed)?;
        }
        (self.turn, self.is_new) = (1 - self.turn, durable < next);
        Ok(())
    }

    /// Looks for batches of producers between two offsets.
    fn look(&mut self, home: &Home, bases: &[u64], from: u64, end: u64) -> io::Result<()> {
        let first = bases.partition_point(|base| *base <= from).saturating_sub(1);
        for base in bases.iter().skip(first).take_while(|base| **base < end) {
            let file = home.disk.open(&home.dir.join(segment::file_name(*base)))?;
            let mut scan = Scan::new(&*file, home.seed, file.size()?);
            let (mut position, mut next) = (0, *base);
            loop {
                let here = scan.header(position)?.filter(|header| header.base >= next).map(|header| (position, header));
                let found = if here.is_some() { here } else { scan.find(position, next)? };
                let Some((at, header)) = found.filter(|(_, header)| header.end() <= end) else { break };
                let extension = scan.peek(at + HEADER as u64, producer::SIZE)?;
                if header.base >= from {
                    self.found(&header, extension);
                }
                (position, next) = (at + header.size(), header.end());
            }
        }
        Ok(())
    }
}

enum Snapshot {
    None,
    Damaged,
    Good(u64, Producers),
}

fn read(home: &Home, name: &str) -> io::Result<Snapshot> {
    let file = match home.disk.open(&home.dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Snapshot::None),
        file => file?,
    };
    let size = file.size()?.min(MAX_SNAPSHOT) as usize;
    let found = Producers::decode(&file.read_at(size, 0)?, home.log_id);
    if found.is_none() {
        warn!(dir = %home.dir.display(), name, "a file of producers was cut off or is damaged");
    }
    Ok(found.map_or(Snapshot::Damaged, |(next, producers)| Snapshot::Good(next, producers)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::store::disk::SimDisk;

    #[test]
    fn what_is_written_down_is_what_was_durable_however_much_came_since() {
        let home = Home::new(Path::new("log"), Arc::new(SimDisk::new()), 7);
        let producer = |sequence| Producer { id: 1, epoch: 0, sequence };
        for durable in 1..20_u64 {
            let mut remembered = Remembered::default();
            for n in 0..20 {
                remembered.store(producer(n), n.into(), 1, 0);
            }
            // The last five of all are 15 to 19.
            remembered.save(&home, durable, 20).unwrap();
            let found = Remembered::load(&home, &[], durable).unwrap();
            let last = durable as u32 - 1;
            assert!(matches!(found.check(producer(last), 1), Ok(Answer::Known(_))), "{last} is remembered");
            assert_eq!(found.check(producer(last + 1), 1).unwrap(), Answer::New, "{durable} is new");
            for name in FILES {
                // The next one is to be the only one.
                let _ = home.disk.remove(&home.dir.join(name));
            }
        }
    }

    #[test]
    fn what_was_not_stored_after_all_is_not_written_down() {
        let home = Home::new(Path::new("log"), Arc::new(SimDisk::new()), 7);
        let producer = |sequence| Producer { id: 1, epoch: 0, sequence };
        let mut remembered = Remembered::default();
        remembered.store(producer(0), 0, 1, 0);
        let before = remembered.store(producer(1), 1, 1, 0);
        remembered.restore(1, before);
        remembered.forget_from(1);
        remembered.save(&home, 1, 1).unwrap();
        let found = Remembered::load(&home, &[], 1).unwrap();
        assert_eq!(found.check(producer(1), 1).unwrap(), Answer::New);
    }
}
