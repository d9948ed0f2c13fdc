//! The log of one address: calls and replies, in one order.
//!
//! A call is a record with the header `call`; its reply is one with the header `answers`, which holds the offset of the call.
//! So what is still to be done is in the log itself: every call that no later record answers.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tracing::error;

use crate::store::{Batch, Durability, Entry, From, Log, Reader, Record, StoreError, Wakeup};

/// Who calls: the bus it came from, and its number there. 16 bytes, both little-endian.
const CALL: &str = "call";
/// Says that the caller waits for no reply.
const ONEWAY: &str = "oneway";
/// The offset of the call that this answers. 8 bytes, little-endian. An empty value is no reply: it was handled, that is all.
const ANSWERS: &str = "answers";

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
}

/// The calls of one address.
#[derive(Debug)]
pub(crate) struct Calls {
    log: Log,
    state: Mutex<State>,
}

/// What the servers of an address share.
#[derive(Debug, Default)]
struct State {
    /// `None` until the first server comes.
    unanswered: Option<Unanswered>,
    /// Every call before this one was taken.
    taken: u64,
    /// Of those, the ones without an answer yet.
    open: BTreeSet<u64>,
    answers: u32,
}

/// Finds the calls that are still to be answered.
#[derive(Debug)]
struct Unanswered {
    reader: Reader,
    /// Calls from `reader` on that an earlier process answered.
    answered: BTreeSet<u64>,
}

impl Calls {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, state: Mutex::default() }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Stores a call.
    pub(crate) async fn request(&self, id: CallId, frame: &Bytes, oneway: bool) -> Result<(), StoreError> {
        let id = id.to_bytes();
        let headers: &[(&str, &[u8])] = if oneway { &[(CALL, &id), (ONEWAY, &[])] } else { &[(CALL, &id)] };
        let batch = Batch::of(&[Entry::of(frame).headers(headers)])?;
        self.log.append(batch, Durability::Durable).await.map(drop)
    }

    /// Stores that a call was handled, with the reply where there is one.
    pub(crate) async fn answer(&self, request: u64, reply: Option<&Bytes>) -> Result<(), StoreError> {
        let headers: &[(&str, &[u8])] = &[(ANSWERS, &request.to_le_bytes())];
        let (value, durability) = match reply {
            Some(reply) => (&reply[..], Durability::Durable),
            // Nobody waits. After a power cut the call may be handled once more, as it may be anyway.
            None => (&[][..], Durability::Buffered),
        };
        self.log.append(Batch::of(&[Entry::of(value).headers(headers)])?, durability).await?;
        let mut state = self.lock();
        state.open.remove(&request);
        state.answers += 1;
        Ok(())
    }

    /// Now and then removes segments in which every call was answered.
    pub(crate) async fn tidy(&self) -> Result<(), StoreError> {
        let floor = {
            let state = self.lock();
            if !state.answers.is_multiple_of(ANSWERS_PER_TRIM) {
                return Ok(());
            }
            state.open.first().copied().unwrap_or(state.taken)
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
        let found = found.unwrap_or_else(|_| Err(StoreError::Closed { dir: self.log.dir().to_owned() }))?;
        // Another server may have been as quick; the first one counts, for it may have taken calls already.
        self.lock().unanswered.get_or_insert(found);
        Ok(())
    }

    /// The next call that nobody has answered or taken; `None` when the log is closed. Each server has a wake-up of its own.
    pub(crate) fn poll_next(&self, wakeup: &Wakeup, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        let mut state = self.lock();
        let State { unanswered, taken, open, .. } = &mut *state;
        let Some(Unanswered { reader, answered }) = unanswered else { return Poll::Ready(None) };
        // The reader wakes the one that polled it last; the others have to be woken as well.
        wakeup.arm(cx.waker());
        loop {
            match std::task::ready!(reader.poll_next(cx)) {
                Some(Ok(record)) => {
                    let offset = record.offset();
                    *taken = offset + 1;
                    if let Some(request) = Request::read(record).filter(|_| !answered.remove(&offset)) {
                        open.insert(offset);
                        return Poll::Ready(Some(request));
                    }
                }
                Some(Err(error @ StoreError::Corrupt { .. })) => error!(%error, "calls were lost"),
                Some(Err(error)) => {
                    error!(%error, "calls cannot be read");
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(None),
            }
        }
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unanswered {
    fn find(log: &Log) -> Result<Self, StoreError> {
        let mut reader = log.reader(From::First)?;
        let mut answered = BTreeSet::new();
        loop {
            match reader.next_ready() {
                Ok(Some(record)) => answered.extend(answered_by(&record)),
                Ok(None) => break,
                // Told again when the calls themselves are read.
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { reader: log.reader(From::First)?, answered })
    }
}

impl Request {
    /// `None` for a record that is no call.
    fn read(record: Record) -> Option<Self> {
        let id = CallId::from_bytes(&record.header(CALL)?)?;
        Some(Self { id, oneway: record.header(ONEWAY).is_some(), record })
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

fn answered_by(record: &Record) -> Option<u64> {
    Some(u64::from_le_bytes(record.header(ANSWERS)?[..].try_into().ok()?))
}
