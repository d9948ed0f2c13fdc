//! How long to wait between two attempts to connect.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pause after the first failed attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The pause that does not grow any more.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after so many failed attempts in a row, from 0 on: 20 ms, doubled up to 2 s; of it
/// between half of it and all of it, so that the clients of a server that was lost do not come back all at once.
pub fn pause_after(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
    // Keyed anew for each use, which is all the randomness this needs.
    let share = RandomState::new().hash_one(failures) % 1024;
    whole / 2 + whole.mul_f64(share as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_no_two_are_alike() {
        for failures in 0..40 {
            let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
            for _ in 0..100 {
                let pause = pause_after(failures);
                assert!(pause >= whole / 2 && pause <= whole, "{pause:?} after {failures} failures");
            }
        }
        let some: std::collections::HashSet<_> = (0..100).map(|_| pause_after(9)).collect();
        assert!(some.len() > 20, "{some:?}");
    }
}
