//! The account: which events were acknowledged to their publishers, and which of them everybody saw.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::GROUPS;
use crate::memory::Samples;

/// More than so much more memory at the end than at the beginning, in MiB and as a factor of a half, is not flat.
const SPARE: u64 = 24;

/// What is known, of each publisher.
pub(crate) struct Account(Mutex<Vec<Publisher>>, Mutex<Keyed>);

#[derive(Clone, Default)]
struct Publisher {
    /// Every number below was acknowledged.
    acked: u64,
    /// How often a number was published again, since nobody knew whether it was stored.
    unsure: u64,
    /// What each group was given, and then what the follower was.
    seen: Vec<Seen>,
}

/// Numbers that were seen: a bit each.
#[derive(Clone, Default)]
struct Seen {
    bits: Vec<u64>,
    count: u64,
    again: u64,
}

/// The last value of each key: acknowledged, and on its way.
#[derive(Default)]
pub(crate) struct Keyed {
    pub(crate) acked: BTreeMap<String, i64>,
    pub(crate) tried: BTreeMap<String, i64>,
}

impl Seen {
    fn add(&mut self, number: u64) {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        self.count += u64::from(is_new);
        self.again += u64::from(!is_new);
    }

    fn missing(&self, below: u64) -> u64 {
        let has =
            |number: u64| self.bits.get((number / 64) as usize).is_some_and(|word| word & 1 << (number % 64) != 0);
        (0..below).filter(|number| !has(*number)).count() as u64
    }
}

impl Account {
    pub(crate) fn new(publishers: usize, groups: usize) -> Self {
        let publisher = Publisher { seen: vec![Seen::default(); groups + 1], ..Publisher::default() };
        Self(Mutex::new(vec![publisher; publishers]), Mutex::default())
    }

    pub(crate) fn acked(&self, publisher: usize, number: u64) {
        self.lock()[publisher].acked = number + 1;
    }

    pub(crate) fn unsure(&self, publisher: usize) {
        self.lock()[publisher].unsure += 1;
    }

    /// `reader` is the number of a group, or the one behind the last for the follower.
    pub(crate) fn seen(&self, reader: usize, publisher: usize, number: u64) {
        self.lock()[publisher].seen[reader].add(number);
    }

    pub(crate) fn keyed(&self) -> MutexGuard<'_, Keyed> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everybody has seen everything, or for so long nobody has seen anything new. Whether they have seen everything.
    pub(crate) async fn settled(&self, patience: Duration) -> bool {
        let (mut known, mut since) = (0, Instant::now());
        loop {
            let (mut missing, mut seen) = (0, 0);
            for publisher in self.lock().iter() {
                missing += publisher.seen.iter().map(|seen| seen.missing(publisher.acked)).sum::<u64>();
                seen += publisher.seen.iter().map(|seen| seen.count).sum::<u64>();
            }
            if seen > known {
                (known, since) = (seen, Instant::now());
            }
            if missing == 0 || since.elapsed() > patience {
                return missing == 0;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn report(
        &self,
        kills: u32,
        all_delivered: bool,
        keys: &BTreeMap<String, i64>,
        samples: &Samples,
    ) -> Report {
        let publishers = self.lock();
        let keyed = self.keyed();
        let sum = |of: &dyn Fn(&Publisher) -> u64| publishers.iter().map(of).sum();
        let readers = GROUPS.len() + 1;
        // The last one acknowledged, or the one that was on its way behind it.
        let is_last = |(key, acked): &(&String, &i64)| {
            keys.get(*key).is_some_and(|found| *found >= **acked && *found <= keyed.tried[*key])
        };
        Report {
            kills,
            acked: sum(&|publisher| publisher.acked),
            unsure: sum(&|publisher| publisher.unsure),
            missing: (0..readers).map(|at| sum(&|publisher| publisher.seen[at].missing(publisher.acked))).collect(),
            again: (0..readers).map(|at| sum(&|publisher| publisher.seen[at].again)).collect(),
            keys: keyed.acked.len(),
            stale_keys: keyed.acked.iter().filter(|key| !is_last(key)).count(),
            all_delivered,
            memory: samples.thirds(),
        }
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<Publisher>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// How often the server was killed.
    pub kills: u32,
    /// Events that were acknowledged.
    pub acked: u64,
    /// How often one was published anew because nobody could say whether it was stored: the server was away for too long.
    pub unsure: u64,
    /// Acknowledged events that were not delivered: to each group, and to the follower. Nothing, or something is lost.
    pub missing: Vec<u64>,
    /// Deliveries of what had been delivered before, likewise.
    pub again: Vec<u64>,
    /// Keys whose last value was to be kept, and those that had another at the end.
    pub keys: usize,
    /// See `keys`.
    pub stale_keys: usize,
    /// Whether everything had arrived when the time for it was up.
    pub all_delivered: bool,
    /// The most memory in the first third of the time and in the last, in MiB: of the server, and of everybody else.
    pub memory: [(u64, u64); 2],
}

impl Report {
    /// What is wrong; nothing is as it should be.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.missing.iter().any(|missing| *missing > 0) || !self.all_delivered {
            complaints.push(format!("acknowledged events were not delivered: {:?}", self.missing));
        }
        // Without a group nothing is given back: what comes twice was stored twice, and only what was uncertain may be.
        if self.again.last().is_some_and(|again| *again > self.unsure) {
            complaints.push(format!("{:?} events came twice, and {} were uncertain", self.again, self.unsure));
        }
        if self.stale_keys > 0 {
            complaints.push(format!("{} of {} keys had lost their last value", self.stale_keys, self.keys));
        }
        for (whose, (first, last)) in ["the server", "its clients"].iter().zip(self.memory) {
            if last > first + first / 2 + SPARE {
                complaints.push(format!("the memory of {whose} grew from {first} to {last} MiB"));
            }
        }
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, acked, unsure, missing, again, keys, stale_keys, memory, .. } = self;
        writeln!(f, "{kills} kills, {acked} events acknowledged, {unsure} published anew after an uncertain end")?;
        writeln!(f, "not delivered to each group and to the follower: {missing:?}; delivered again: {again:?}")?;
        writeln!(f, "{keys} keys, {stale_keys} without their last value")?;
        write!(f, "memory, first third and last: server {:?} MiB, clients {:?} MiB", memory[0], memory[1])
    }
}
