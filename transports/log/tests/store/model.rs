//! Random work on a log beside a plain list that does the same: they never differ.

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Durability, Entry, From, Log};

use crate::support::{Contents, Random, open, read_from};

/// The list: what should be in the log, and from where on it is safe from a power cut.
#[derive(Default)]
struct Model {
    records: Vec<Vec<u8>>,
    durable: usize,
    /// Where the log may start since it was last trimmed.
    trimmed: u64,
}

struct Run {
    seed: u64,
    random: Random,
    disk: SimDisk,
    log: Log,
    model: Model,
}

impl Run {
    fn new(seed: u64) -> Self {
        let disk = SimDisk::new();
        let log = open(&disk, 3_000).unwrap();
        Self { seed, random: Random(seed), disk, log, model: Model::default() }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=9 => self.append(),
            10..=14 => self.check_from_somewhere(),
            15 => self.reopen(true),
            16 => self.reopen(false),
            17 => self.cut_power(),
            18 => self.trim(),
            _ => self.append_one_large(),
        }
    }

    fn append(&mut self) {
        let values: Vec<Vec<u8>> = (0..self.random.below(4) + 1).map(|_| self.random.bytes(400)).collect();
        let headers: Vec<[(&str, &[u8]); 1]> =
            values.iter().map(|value| [("n", &value[..value.len().min(4)])]).collect();
        let entries: Vec<Entry<'_>> =
            values.iter().zip(&headers).map(|(value, headers)| Entry::of(value).headers(headers)).collect();
        let durability = if self.random.below(2) == 0 { Durability::Durable } else { Durability::Buffered };
        let appended = self.log.append_blocking(Batch::of(&entries).unwrap(), durability).unwrap();
        assert_eq!(appended.first, self.model.records.len() as u64, "seed {}", self.seed);
        self.model.records.extend(values);
        if durability == Durability::Durable {
            self.model.durable = self.model.records.len();
        }
    }

    fn append_one_large(&mut self) {
        let value = self.random.bytes(10_000);
        let batch = Batch::of(&[Entry::of(&value).headers(&[("n", &value[..value.len().min(4)])])]);
        self.log.append_blocking(batch.unwrap(), Durability::Durable).unwrap();
        self.model.records.push(value);
        self.model.durable = self.model.records.len();
    }

    fn check_from_somewhere(&mut self) {
        let from = self.random.below(self.model.records.len() as u64 + 1);
        let first = self.log.first_offset().max(from);
        let expected = (first..).zip(self.model.records[first as usize..].iter().cloned()).collect();
        let found = read_from(&self.log, From::Offset(from));
        assert_eq!(found, Contents { records: expected, gaps: Vec::new() }, "seed {}", self.seed);
        assert!(self.log.first_offset() <= self.model.trimmed, "seed {}", self.seed);
    }

    /// Closes it first, or lets the process die.
    fn reopen(&mut self, close: bool) {
        if close {
            self.log.close_blocking().unwrap();
            self.model.durable = self.model.records.len();
        } else {
            self.disk = SimDisk::from_image(self.disk.image().after_kill());
        }
        self.log = open(&self.disk, 3_000).unwrap();
        self.check_after_opening();
    }

    fn cut_power(&mut self) {
        let image = self.disk.image().after_power_cut(|| self.random.next());
        self.disk = SimDisk::from_image(image);
        self.log = open(&self.disk, 3_000).unwrap();
        let left = self.log.next_offset() as usize;
        assert!((self.model.durable..=self.model.records.len()).contains(&left), "seed {}: {left} left", self.seed);
        self.model.records.truncate(left);
        self.check_after_opening();
    }

    fn check_after_opening(&mut self) {
        assert_eq!(self.log.next_offset(), self.model.records.len() as u64, "seed {}", self.seed);
        assert!(self.log.damage().is_empty(), "seed {}: {:?}", self.seed, self.log.damage());
        // An opening syncs what it finds.
        self.model.durable = self.model.records.len();
        self.check_from_somewhere();
    }

    fn trim(&mut self) {
        let before = self.random.below(self.model.records.len() as u64 + 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.log.trim(before)).unwrap();
        self.model.trimmed = self.model.trimmed.max(before);
    }
}

#[test]
fn a_log_does_what_a_list_does() {
    for seed in 0..60 {
        let mut run = Run::new(seed);
        for _ in 0..120 {
            run.step();
        }
    }
}
