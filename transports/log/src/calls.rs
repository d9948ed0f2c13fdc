//! The log of one address: calls and replies, in one order.
//!
//! A call is a record with the header `call`; its reply is one with the header `answers`, which holds the offset of the call.
//! So what is still to be done is in the log itself: every call that no later record answers. Where there is a limit to the
//! attempts, a record with the header `begins` is stored whenever a server takes a call, so that an attempt that ended with its
//! process counts as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::Redelivery;
use crate::store::{Batch, Durability, Entry, From, Log, Patience, Progress, Reader, Record, Sleepers, StoreError};

/// Who calls: the bus it came from, and its number there. 16 bytes, both little-endian.
const CALL: &str = "call";
/// Says that the caller waits for no reply.
const ONEWAY: &str = "oneway";
/// The offset of the call that this answers. 8 bytes, little-endian. An empty value is no reply: it was handled, that is all.
const ANSWERS: &str = "answers";
/// The offset of the call that a server takes. 8 bytes, little-endian.
const BEGINS: &str = "begins";

/// Answers between two attempts to remove old segments.
const ANSWERS_PER_TRIM: u32 = 256;

/// By whom and as which a call was made. Operation ids would not do: they are unique in one process only, and start again
/// with the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallId {
    /// The bus; a random number.
    pub(crate) bus: u64,
    /// Counts the calls of that bus.
    pub(crate) number: u64,
}

/// A call that was taken from the log.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: CallId,
    pub(crate) oneway: bool,
    /// Its offset and time; its value is the frame.
    pub(crate) record: Record,
    /// 1 for the first time it is taken.
    pub(crate) attempt: u32,
}

/// The calls of one address.
#[derive(Debug)]
pub(crate) struct Calls {
    log: Log,
    pub(crate) max_attempts: Option<u32>,
    patience: Patience,
    pub(super) state: Mutex<State>,
    /// Servers that wait for a call to come back.
    pub(super) sleepers: Arc<Sleepers>,
}

/// What the servers of an address share.
#[derive(Debug, Default)]
pub(super) struct State {
    /// `None` until the first server comes.
    pub(super) unanswered: Option<Unanswered>,
    /// What was taken, how often, and who has it until when.
    pub(super) progress: Progress,
    answers: u32,
}

/// Finds the calls that are still to be answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) reader: Reader,
    /// Reads again what was given back.
    pub(super) again: Reader,
    /// Calls from `reader` on that an earlier process answered.
    pub(super) answered: BTreeSet<u64>,
}

impl Calls {
    pub(crate) fn new(log: Log, redelivery: Redelivery) -> Self {
        let Redelivery { first_delay, max_delay, deadline, max_attempts } = redelivery;
        let patience = Patience { first: first_delay, most: max_delay, deadline };
        Self { log, max_attempts, patience, state: Mutex::default(), sleepers: Arc::default() }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Stores a call.
    pub(crate) async fn request(&self, id: CallId, frame: &Bytes, oneway: bool) -> Result<(), StoreError> {
        let id = id.to_bytes();
        let headers: &[(&str, &[u8])] = if oneway { &[(CALL, &id), (ONEWAY, &[])] } else { &[(CALL, &id)] };
        let batch = Batch::of(&[Entry::of(frame).headers(headers)])?;
        self.log.append(batch, Durability::Durable).await.map(drop)
    }

    /// Notes that a call is about to be handled, where that is counted.
    pub(super) fn begins(&self, request: u64) {
        let headers: &[(&str, &[u8])] = &[(BEGINS, &request.to_le_bytes())];
        if self.max_attempts.is_some()
            && let Ok(batch) = Batch::of(&[Entry::of(&[]).headers(headers)])
        {
            self.log.post(batch, Durability::Buffered);
        }
    }

    /// Stores that a call was handled, with the reply where there is one. `false` when another server was sooner.
    pub(crate) async fn answer(&self, request: u64, reply: Option<&Bytes>) -> Result<bool, StoreError> {
        if !self.lock().progress.is_outstanding(request) {
            return Ok(false);
        }
        let headers: &[(&str, &[u8])] = &[(ANSWERS, &request.to_le_bytes())];
        let (value, durability) = match reply {
            Some(reply) => (&reply[..], Durability::Durable),
            // Nobody waits. After a power cut the call may be handled once more, as it may be anyway.
            None => (&[][..], Durability::Buffered),
        };
        self.log.append(Batch::of(&[Entry::of(value).headers(headers)])?, durability).await?;
        let mut state = self.lock();
        state.answers += 1;
        Ok(state.progress.ack(request))
    }

    /// A call was not handled in this attempt: it is taken again, after this delay or one that grows with the attempts.
    pub(crate) fn give_back(&self, request: u64, attempt: u32, delay: Option<Duration>) {
        self.lock().progress.give_back(request, attempt, delay, Instant::now(), self.patience);
        self.sleepers.wake();
    }

    /// Now and then removes segments in which every call was answered.
    pub(crate) async fn tidy(&self) -> Result<(), StoreError> {
        let floor = {
            let state = self.lock();
            if !state.answers.is_multiple_of(ANSWERS_PER_TRIM) {
                return Ok(());
            }
            state.progress.floor()
        };
        self.log.trim(floor).await
    }

    /// Finds out what an earlier process left unanswered, unless that is known. Reads what is kept of the log.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        if self.lock().unanswered.is_some() {
            return Ok(());
        }
        let log = self.log.clone();
        let found = tokio::task::spawn_blocking(move || Unanswered::find(&log)).await;
        let (found, tried) = found.unwrap_or_else(|_| Err(StoreError::Closed { dir: self.log.dir().to_owned() }))?;
        let mut state = self.lock();
        // Another server may have been as quick; the first one counts, for it may have taken calls already.
        if state.unanswered.is_none() {
            state.unanswered = Some(found);
            state.progress.tried = tried;
        }
        Ok(())
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unanswered {
    /// With how often each call was taken that was not answered.
    fn find(log: &Log) -> Result<(Self, BTreeMap<u64, u32>), StoreError> {
        let mut reader = log.reader(From::First)?;
        let (mut answered, mut tried) = (BTreeSet::new(), BTreeMap::new());
        loop {
            match reader.next_ready() {
                Ok(Some(record)) => {
                    if let Some(call) = offset_in(&record, ANSWERS) {
                        answered.insert(call);
                        tried.remove(&call);
                    } else if let Some(call) = offset_in(&record, BEGINS) {
                        *tried.entry(call).or_default() += 1;
                    }
                }
                Ok(None) => break,
                // Told again when the calls themselves are read.
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let found = Self { reader: log.reader(From::First)?, again: log.reader(From::First)?, answered };
        Ok((found, tried))
    }
}

impl Request {
    /// `None` for a record that is no call.
    pub(super) fn read(record: Record, attempt: u32) -> Option<Self> {
        let id = CallId::from_bytes(&record.header(CALL)?)?;
        Some(Self { id, oneway: record.header(ONEWAY).is_some(), record, attempt })
    }
}

impl CallId {
    fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.bus) | u128::from(self.number) << 64).to_le_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let both = u128::from_le_bytes(bytes.try_into().ok()?);
        Some(Self { bus: both as u64, number: (both >> 64) as u64 })
    }
}

/// The offset that this header of a record holds.
fn offset_in(record: &Record, header: &str) -> Option<u64> {
    Some(u64::from_le_bytes(record.header(header)?[..].try_into().ok()?))
}

/// Whether this record is a call.
pub(super) fn is_call(record: &Record) -> bool {
    record.header(CALL).is_some_and(|id| CallId::from_bytes(&id).is_some())
}
