//! The hand-off between those who append and the thread that owns the log.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;

use super::StoreError;
use super::batch::Batch;
use super::compaction::{Compacted, Compaction};
use super::log::Appended;
use super::options::Durability;
use crate::sync::{self, AtomicU64, Condvar, Instant, Mutex, MutexGuard};

/// Told when a command is done.
pub(crate) type Waiter<T> = oneshot::Sender<Result<T, StoreError>>;

/// Everything the owner of a log can be asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Store a batch.
    Append { batch: Batch, durability: Durability, done: Waiter<Appended> },
    /// Make everything before this durable.
    Sync { done: Waiter<()> },
    /// Remove whole segments before an offset.
    Trim { before: u64, done: Waiter<()> },
    /// Remove what is older or more than the options allow.
    Tidy { done: Waiter<()> },
    /// Keep only the last record of each key.
    Compact { compaction: Compaction, done: Waiter<Compacted> },
    /// Put the file in place that was written for the segment with this base offset. Answered with whether it is still there.
    Replace { base: u64, done: Waiter<bool> },
    /// A compaction has ended.
    Compacted,
    /// Make everything durable, let go of the files, and end.
    Close { done: Waiter<()> },
}

/// What the owner waits for where nobody asks for anything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    /// There is something to settle once this has passed.
    Until(Duration),
    /// Everything is settled; at most for this long.
    Settled(Option<Duration>),
}

/// The longest that the owner looks out for those it expects before it goes to sleep until they are there. They are tasks that it has just
/// woken; what woke it in its turn would take as long as they do.
const MAX_WATCH: Duration = Duration::from_micros(100);

/// Commands on their way.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// How many commands there are, for whoever looks without the lock.
    here: AtomicU64,
    ready: Condvar,
    /// The most bytes of batches that wait here; whoever would exceed it waits outside.
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    commands: Vec<Command>,
    bytes: usize,
    /// How many commands the owner waits for; it is not woken for fewer.
    wanted: usize,
    /// Whether the owner waits without anything to settle.
    settled: bool,
    /// Whether there is something to settle since.
    nudged: bool,
    /// Those who wait for room.
    outside: Vec<oneshot::Sender<()>>,
    /// Why nothing more is taken.
    ended: Option<StoreError>,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), here: AtomicU64::new(0), ready: Condvar::new(), limit }
    }

    /// Puts a command in, or gives it back with what to wait for when there is no room.
    pub(crate) fn offer(&self, command: Command) -> Result<(), Refused> {
        let size = match &command {
            Command::Append { batch, .. } => batch.size(),
            _ => 0,
        };
        let mut state = self.lock();
        if let Some(error) = &state.ended {
            return Err(Refused::Ended(error.clone()));
        }
        if size > 0 && state.bytes > 0 && state.bytes + size > self.limit {
            let (room, wait) = oneshot::channel();
            state.outside.push(room);
            return Err(Refused::NoRoom(command, wait));
        }
        state.bytes += size;
        state.commands.push(command);
        let here = state.commands.len();
        self.here.store(here as u64, Ordering::Release);
        let wake = here >= state.wanted;
        if wake {
            // Whoever comes before it is awake need not wake it again: with 256 tasks that was every other system call for a lock.
            state.wanted = usize::MAX;
        }
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// For the owner: waits until there is something to do. Gives whether there is a command.
    pub(crate) fn wait(&self, rest: Rest) -> bool {
        let begun = Instant::now();
        let mut state = self.lock();
        loop {
            let (limit, is_settled) = match rest {
                Rest::Until(limit) => (Some(limit), false),
                Rest::Settled(limit) => (limit, true),
            };
            let is_over = std::mem::take(&mut state.nudged) && is_settled;
            if !state.commands.is_empty() || is_over || state.ended.is_some() {
                break;
            }
            (state.wanted, state.settled) = (1, is_settled);
            state = match limit {
                None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let Some(left) = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else { break };
                    self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        (state.wanted, state.settled) = (usize::MAX, false);
        !state.commands.is_empty()
    }

    /// For the owner: moves all commands into `into`, once there are `expected` of them or `patience` has passed.
    pub(crate) fn take(&self, into: &mut Vec<Command>, expected: usize, patience: Duration) {
        let begun = Instant::now();
        if expected > 1 {
            sync::watch(patience.min(MAX_WATCH), || self.here.load(Ordering::Acquire) >= expected as u64);
        }
        let mut state = self.lock();
        while state.commands.len() < expected
            && let Some(left) = patience.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())
        {
            state.wanted = expected;
            state = self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.wanted = usize::MAX;
        state.bytes = 0;
        std::mem::swap(&mut state.commands, into);
        self.here.store(0, Ordering::Release);
        for room in state.outside.drain(..) {
            // Whoever waited may have given up.
            let _ = room.send(());
        }
    }

    /// How many commands are here.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().commands.len()
    }

    /// Whether nobody is here, and somebody may be.
    pub(crate) fn is_free(&self) -> bool {
        let state = self.lock();
        state.commands.is_empty() && state.outside.is_empty() && state.ended.is_none()
    }

    /// Tells the owner that there is something to settle, if it does not expect that.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        // Noted even if the owner is not asleep: it may be about to be.
        let wake = state.settled && !state.nudged;
        state.nudged = true;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
    }

    /// Takes nothing more, for this reason, and answers what is still here with it.
    pub(crate) fn end(&self, reason: &StoreError) {
        let mut state = self.lock();
        state.outside.clear();
        let left = std::mem::take(&mut state.commands);
        state.ended.get_or_insert_with(|| reason.clone());
        drop(state);
        self.ready.notify_one();
        for command in left {
            // Whoever waited may have given up.
            match command {
                Command::Append { done, .. } => drop(done.send(Err(reason.clone()))),
                Command::Compact { done, .. } => drop(done.send(Err(reason.clone()))),
                Command::Replace { done, .. } => drop(done.send(Err(reason.clone()))),
                Command::Compacted => {}
                Command::Sync { done }
                | Command::Trim { done, .. }
                | Command::Tidy { done }
                | Command::Close { done } => drop(done.send(Err(reason.clone()))),
            }
        }
    }

    /// Why nothing more is taken, when that is so.
    pub(crate) fn ended(&self) -> Option<StoreError> {
        self.lock().ended.clone()
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command that was not taken.
pub(crate) enum Refused {
    /// Try again when this resolves.
    NoRoom(Command, oneshot::Receiver<()>),
    /// The log takes nothing more.
    Ended(StoreError),
}
