//! What the store knows of time: a clock that may jump, and how much of it is believed before something is removed by age.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tracing::warn;

use super::time;

/// So much the clock may be set ahead without anybody taking notice.
const SLACK: Duration = Duration::from_secs(3600);
/// A clock that was set ahead further is believed after it has stood so for this long.
const PROOF: Duration = Duration::from_secs(24 * 3600);

/// Where the store has its time from.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time of day, which may be set.
    fn wall(&self) -> SystemTime;

    /// Time that only goes on, from any beginning.
    fn steady(&self) -> Duration;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that a test sets. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<Mutex<(SystemTime, Duration)>>);

impl SimClock {
    /// One that stands at so many seconds after 1970.
    pub fn at(seconds: u64) -> Self {
        Self(Arc::new(Mutex::new((UNIX_EPOCH + Duration::from_secs(seconds), Duration::ZERO))))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        *now = (now.0 + by, now.1 + by);
    }

    /// Sets the time of day, in seconds after 1970, while no time passes.
    pub fn set(&self, seconds: u64) {
        self.lock().0 = UNIX_EPOCH + Duration::from_secs(seconds);
    }

    /// A test that panicked while it held the time has failed anyway.
    fn lock(&self) -> MutexGuard<'_, (SystemTime, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn wall(&self) -> SystemTime {
        self.lock().0
    }

    fn steady(&self) -> Duration {
        self.lock().1
    }
}

/// The time of day as far as it is believed when something is removed for its age: a clock that jumps years ahead removes
/// nothing, and is believed only after a day.
#[derive(Debug)]
pub(crate) struct Believed {
    /// A time of day that was believed, and when.
    anchor: (i64, Duration),
    /// Since when the clock is ahead.
    ahead: Option<Duration>,
    /// Segments with a time that is still to come, and when they were first looked at.
    early: BTreeMap<u64, Duration>,
}

impl Believed {
    pub(crate) fn starting(clock: &dyn Clock) -> Self {
        Self { anchor: (time::from_system(clock.wall()), clock.steady()), ahead: None, early: BTreeMap::new() }
    }

    /// How long ago this was, the time of the last record in the segment with this base offset. A time that is still to
    /// come, by more than an hour, was stamped by a clock that was wrong: such a segment is as old as we have known it.
    pub(crate) fn age(&mut self, clock: &dyn Clock, base: u64, time: i64) -> Duration {
        let (now, steady) = (self.now(clock), clock.steady());
        if time.saturating_sub(now) > micros(SLACK) {
            return steady.saturating_sub(*self.early.entry(base).or_insert(steady));
        }
        Duration::from_micros(u64::try_from(now.saturating_sub(time)).unwrap_or(0))
    }

    /// Forgets the segments before this one.
    pub(crate) fn forget_before(&mut self, base: u64) {
        self.early = self.early.split_off(&base);
    }

    /// In microseconds since 1970.
    fn now(&mut self, clock: &dyn Clock) -> i64 {
        let (wall, steady) = (time::from_system(clock.wall()), clock.steady());
        let expected = self.anchor.0.saturating_add(micros(steady.saturating_sub(self.anchor.1)));
        if wall.saturating_sub(expected) > micros(SLACK) {
            if self.ahead.is_none() {
                warn!(
                    seconds = wall.saturating_sub(expected) / 1_000_000,
                    "the clock was set ahead; nothing is removed for its age by that before a day has passed"
                );
            }
            if steady.saturating_sub(*self.ahead.get_or_insert(steady)) < PROOF {
                return expected;
            }
        }
        (self.anchor, self.ahead) = ((wall, steady), None);
        wall
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    #[test]
    fn a_clock_that_jumps_ahead_is_believed_after_a_day_and_one_that_goes_back_at_once() {
        let clock = SimClock::at(1000 * DAY);
        let mut believed = Believed::starting(&clock);
        let stamped = time::from_system(clock.wall());
        clock.set(5000 * DAY);
        assert_eq!(believed.age(&clock, 0, stamped), Duration::ZERO);
        clock.advance(Duration::from_secs(DAY / 2));
        assert_eq!(believed.age(&clock, 0, stamped), Duration::from_secs(DAY / 2));
        clock.set(1000 * DAY + DAY / 4);
        assert_eq!(believed.age(&clock, 0, stamped), Duration::from_secs(DAY / 4));
        clock.set(5000 * DAY);
        believed.age(&clock, 0, stamped);
        clock.advance(Duration::from_secs(DAY));
        assert_eq!(believed.age(&clock, 0, stamped), Duration::from_secs(4001 * DAY));
    }

    #[test]
    fn a_time_that_is_still_to_come_ages_from_when_it_was_seen() {
        let clock = SimClock::at(1000 * DAY);
        let mut believed = Believed::starting(&clock);
        let stamped = time::from_system(clock.wall() + Duration::from_secs(4000 * DAY));
        assert_eq!(believed.age(&clock, 7, stamped), Duration::ZERO);
        clock.advance(Duration::from_secs(DAY));
        assert_eq!(believed.age(&clock, 7, stamped), Duration::from_secs(DAY));
        assert_eq!(believed.age(&clock, 8, stamped), Duration::ZERO, "another segment");
    }
}
