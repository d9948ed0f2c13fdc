//! Which server gets a call: of two at random, the one with fewer calls under way.

use std::sync::Arc;

use tokio::time::Instant;
use tower::util::rng::{HasherRng, Rng};

use super::end::{End, Standing};

/// The place of the server that gets a call, of those not tried for it yet; `None` when all were.
pub(super) fn pick<T>(ends: &[(T, Arc<End>)], tried: &[bool], now: Instant) -> Option<usize> {
    let left = || (0..ends.len()).filter(|at| !tried[*at]);
    let standing = |at: usize| ends[at].1.standing(now);
    let is_in = |at: &usize| standing(*at) == Standing::In;
    match left().filter(is_in).count() {
        // Better one that is probably gone than no attempt at all; the one that is due next is the likeliest to be back.
        0 => left().min_by_key(|at| standing(*at)),
        1 => left().find(is_in).or_else(|| left().next()),
        count => {
            let (one, other) = two_of(count as u64);
            let nth = |n: u64| left().filter(is_in).nth(n as usize);
            // Another thread may have put one out in between.
            let pair = [nth(one), nth(other)].into_iter().flatten();
            pair.min_by_key(|at| ends[*at].1.under_way()).or_else(|| left().next())
        }
    }
}

/// Two different numbers below `count`, which is at least 2, in random order.
fn two_of(count: u64) -> (u64, u64) {
    let mut rng = HasherRng::default();
    let one = rng.next_u64() % count;
    let other = rng.next_u64() % (count - 1);
    (one, if other >= one { other + 1 } else { other })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(count: usize) -> Vec<((), Arc<End>)> {
        (0..count).map(|_| ((), Arc::default())).collect()
    }

    #[test]
    fn of_two_servers_the_one_with_fewer_calls_under_way_gets_the_next() {
        let ends = ends(2);
        let _busy = ends[0].1.begin();
        for _ in 0..100 {
            assert_eq!(pick(&ends, &[false; 2], Instant::now()), Some(1));
        }
    }

    #[test]
    fn of_equals_each_gets_about_its_share() {
        let ends = ends(4);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[pick(&ends, &[false; 4], Instant::now()).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_was_tried_is_not_picked_again() {
        let ends = ends(3);
        assert_eq!(pick(&ends, &[true, false, true], Instant::now()), Some(1));
        assert_eq!(pick(&ends, &[true; 3], Instant::now()), None);
    }
}
