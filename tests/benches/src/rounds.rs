//! Takes turns: ours, the reference, ours, the reference; so that what slows the machine down slows down both.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one sample of something short is repeated.
const SAMPLE: Duration = Duration::from_millis(150);

/// How often each side is measured.
#[derive(Clone)]
pub struct Rounds {
    count: u32,
    slices: u32,
    only: Option<String>,
}

/// Two sides of the same thing.
#[derive(Clone, Copy)]
pub struct Compared {
    /// The median of ours.
    pub ours: f64,
    /// The median of the reference.
    pub reference: f64,
    /// The median over the turns of ours by the reference in the same turn.
    pub ratio: f64,
}

impl Rounds {
    pub fn new(count: u32) -> Self {
        Self { count, slices: 1, only: None }
    }

    /// The same, for those figures only whose names contain this.
    pub fn only(mut self, part: Option<String>) -> Self {
        self.only = part;
        self
    }

    /// Whether a figure of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    /// As many rounds, each of so many short turns, with the median over all turns. For a disk that others use too, whose
    /// fdatasync takes ten times as long from one second to the next.
    pub fn in_slices(&self, slices: u32) -> Self {
        Self { slices, ..self.clone() }
    }

    /// At most so many rounds, for what takes long.
    pub fn at_most(&self, count: u32) -> Self {
        Self { count: self.count.min(count), ..self.clone() }
    }

    /// Measures both sides in turns, after a turn that does not count. Every other time the reference goes first.
    pub fn compare(&self, mut ours: impl FnMut() -> f64, mut reference: impl FnMut() -> f64) -> Compared {
        black_box((ours(), reference()));
        let turns = self.count * self.slices;
        let pairs: Vec<(f64, f64)> = (0..turns)
            .map(|turn| {
                if turn % 2 == 0 {
                    let ours = ours();
                    (ours, reference())
                } else {
                    let reference = reference();
                    (ours(), reference)
                }
            })
            .collect();
        Compared {
            ours: median(pairs.iter().map(|(ours, _)| *ours)),
            reference: median(pairs.iter().map(|(_, reference)| *reference)),
            ratio: median(pairs.iter().map(|(ours, reference)| ours / reference)),
        }
    }

    /// The median of something without a reference, after a round that does not count.
    pub fn alone(&self, mut ours: impl FnMut() -> f64) -> f64 {
        black_box(ours());
        median((0..self.count).map(|_| ours()))
    }
}

/// Nanoseconds that one call of `operation` takes: the best of many small batches, since whatever interrupts one only ever
/// makes it longer.
pub fn nanoseconds<T>(mut operation: impl FnMut() -> T) -> f64 {
    const BATCH: u32 = 500;
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed() < SAMPLE {
        let start = Instant::now();
        for _ in 0..BATCH {
            black_box(operation());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(BATCH));
    }
    best
}

/// Operations per second, of `count` that took this long.
pub fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }

    #[test]
    fn a_round_in_slices_takes_as_many_turns() {
        let (mut ours, mut reference) = (0, 0);
        Rounds::new(2).in_slices(3).compare(
            || {
                ours += 1;
                1.0
            },
            || {
                reference += 1;
                1.0
            },
        );
        assert_eq!((ours, reference), (7, 7));
    }

    #[test]
    fn the_ratio_is_of_the_same_round() {
        // A machine that is ten times slower in the middle round changes neither the ratio nor who is ahead.
        let (mut ours, mut reference) = ([9.0, 1.0, 10.0, 1.0].into_iter(), [9.0, 2.0, 20.0, 2.0].into_iter());
        let compared = Rounds::new(3).compare(|| ours.next().unwrap(), || reference.next().unwrap());
        assert_eq!((compared.ours, compared.reference, compared.ratio), (1.0, 2.0, 0.5));
    }
}
