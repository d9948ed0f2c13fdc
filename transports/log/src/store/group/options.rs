//! How a group is opened, and what it tells of itself.

use std::fmt;
use std::time::Duration;

use super::progress::Patience;
use crate::store::log::Log;
use crate::store::options::LogOptions;
use crate::store::reader::From;
use crate::store::record::Record;

/// When a segment of the journal has this size the next one is begun. Opening a group reads about as much.
const JOURNAL_SEGMENT: u64 = 256 * 1024;

/// How a group is opened.
#[non_exhaustive]
pub struct GroupOptions {
    /// Where a group that is new starts.
    pub start: From,
    /// Which records are for this group. The others count as handled.
    pub filter: Box<dyn Fn(&Record) -> bool + Send + Sync>,
    /// The most records that are handed out and not acknowledged, by all members together. While so many are, no further
    /// ones are taken from the log. 1,024.
    pub max_outstanding: usize,
    /// How long a record that was given back waits before its second delivery; doubled for each further one. 100 ms.
    pub first_delay: Duration,
    /// The longest of these waits. A minute.
    pub max_delay: Duration,
    /// How long a member may have a record before it is handed to another, whatever the first one is doing with it; it can
    /// [ask for more](super::Claim::extend). `None`: for as long as its process lives.
    pub deadline: Option<Duration>,
    /// After so many deliveries without an acknowledgement a record goes to the dead letters. `None`: it is delivered for ever.
    pub max_attempts: Option<u32>,
    /// The log that takes the dead letters. Without one, a record that has had all its deliveries is given up with an error in
    /// the process's log.
    pub dead_letters: Option<Log>,
    /// Records are handed out no sooner than this after they were stored.
    pub delay: Duration,
    /// How the group's own log is opened: on which disk.
    pub journal: LogOptions,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            start: From::First,
            filter: Box::new(|_| true),
            max_outstanding: 1024,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(60),
            deadline: None,
            max_attempts: None,
            dead_letters: None,
            delay: Duration::ZERO,
            journal: LogOptions { segment_bytes: JOURNAL_SEGMENT, ..LogOptions::default() },
        }
    }
}

impl GroupOptions {
    pub(super) fn patience(&self) -> Patience {
        Patience { first: self.first_delay, most: self.max_delay, deadline: self.deadline }
    }
}

impl fmt::Debug for GroupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupOptions").field("start", &self.start).finish_non_exhaustive()
    }
}

/// How far a group is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Records in the log that were not looked at yet, those of no concern to the group included.
    pub untaken: u64,
    /// Records that were handed out, or wait to be again, and are not acknowledged.
    pub outstanding: u64,
}
