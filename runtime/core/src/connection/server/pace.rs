//! Whether a connection's handlers are run where their calls were read, going by how long those before them kept the thread.

use std::time::Duration;

/// A handler that keeps the thread longer than this is better off in a task of its own: starting one costs about 1 us.
const LONG: Duration = Duration::from_micros(50);

/// So many calls get a task at once after two that kept the thread for long, the second within as many of the first; then the next is
/// tried in place again.
///
/// After one already, each time that the system took the thread away inside of a handler the next 256 calls paid for tasks: with two
/// busy processes on two cores up to half of all.
const WARY: u32 = 256;

/// The clock is read behind so many calls, where none was long: a look takes 28 ns, a thirtieth of a call that needs no waiting.
const LOOKS: u64 = 4;

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many calls are yet to have a task of their own.
    wary: u32,
    /// How many are yet to be run in place before one that is long is the first again.
    suspicious: u32,
}

impl Pace {
    /// Whether the next call has a task at once.
    pub(super) fn is_wary(&mut self) -> bool {
        let wary = self.wary > 0;
        self.wary = self.wary.saturating_sub(1);
        wary
    }

    /// Whether the clock is to be read behind the call of this number that was run in place: behind each after one that was long.
    pub(super) fn looks_at_the_clock(&self, call: u64) -> bool {
        self.suspicious > 0 || call.is_multiple_of(LOOKS)
    }

    /// Those run since the last look kept the thread for so long.
    pub(super) fn took(&mut self, time: Duration) {
        let expected = self.suspicious > 0;
        self.suspicious = self.suspicious.saturating_sub(1);
        if time > LONG {
            if expected {
                self.wary = WARY;
            }
            self.suspicious = WARY;
        }
    }

    /// One blocked the thread.
    pub(super) fn blocked(&mut self) {
        (self.wary, self.suspicious) = (WARY, WARY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(1);
    const SLOW: Duration = Duration::from_millis(1);

    #[test]
    fn one_long_handler_among_quick_ones_sends_no_call_the_long_way_and_a_second_does() {
        let mut pace = Pace::default();
        pace.took(SLOW);
        for call in 0..u64::from(WARY) {
            assert!(!pace.is_wary() && pace.looks_at_the_clock(call));
            pace.took(QUICK);
        }
        assert!(!pace.looks_at_the_clock(1) && pace.looks_at_the_clock(4));
        pace.took(SLOW);
        assert!(!pace.is_wary(), "the first one is forgotten by now");
        pace.took(SLOW);
        let apart = (0..1000).take_while(|_| pace.is_wary()).count();
        assert_eq!(apart, WARY as usize);
        pace.took(SLOW);
        assert!(pace.is_wary(), "the next that is tried in place is long as well");
    }

    #[test]
    fn a_handler_that_blocked_its_thread_is_enough() {
        let mut pace = Pace::default();
        pace.blocked();
        assert!(pace.is_wary());
    }
}
