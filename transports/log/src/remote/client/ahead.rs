//! What a member of a group has taken ahead of its consumer, and how much that should be: as little as keeps the consumer from waiting for
//! the network, so that what one member is slow with is there for the others.
//!
//! A value that is told what happens and when. It begins with nothing ahead. Each time a prompt consumer finds nothing here though the server
//! had more, twice as much is taken ahead from then on; each time something lay here for too long, a quarter. So a member whose handler
//! takes a second asks for one record at a time, and one whose handler takes a moment has as much on the way as the round trip wants.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most records ahead. With so many a member gets through 32,000 records a second over a round trip of 4 ms.
pub(super) const MOST: usize = 128;
/// While so many bytes are ahead, no more are asked for.
const MOST_BYTES: usize = 256 * 1024;
/// How long a record is kept that the consumer does not come for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Records ahead of their consumer.
pub(super) struct Ahead<T> {
    records: VecDeque<Waiting<T>>,
    bytes: usize,
    /// How many there should be.
    window: usize,
    /// The most that may be here and with the consumer together.
    limit: usize,
    patience: Duration,
    /// When the consumer came for the last one.
    came: Option<Instant>,
    /// Whether the consumer waits.
    is_awaited: bool,
    /// Whether the server had as many as it was asked for the last time.
    was_full: bool,
}

struct Waiting<T> {
    record: T,
    bytes: usize,
    since: Instant,
}

impl<T> Ahead<T> {
    pub(super) fn new() -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            window: 0,
            limit: usize::MAX,
            patience: PATIENCE,
            came: None,
            is_awaited: false,
            was_full: false,
        }
    }

    /// No more than so many are to be here and with the consumer.
    pub(super) fn limit(&mut self, records: usize) {
        self.limit = records;
    }

    /// A record is lost to its member after this time; so it is not kept that long before the consumer even has it.
    pub(super) fn deadline(&mut self, deadline: Option<Duration>) {
        self.patience = deadline.map_or(PATIENCE, |deadline| PATIENCE.min(deadline / 2));
    }

    /// How many to ask for now, with so many in the hands of the consumer; 0 for none.
    pub(super) fn wanted(&self, with_consumer: usize) -> usize {
        let here = self.records.len();
        if here == 0 && self.is_awaited {
            // Whoever waits may have one more, or would not wait.
            let room = self.limit.saturating_sub(with_consumer).max(1);
            return self.window.max(1).min(room);
        }
        // Not one by one: half of them are on their way while the other half is here.
        if self.bytes >= MOST_BYTES || here > self.window / 2 {
            return 0;
        }
        let room = self.limit.saturating_sub(with_consumer + here);
        (self.window - here).min(room)
    }

    /// These came, in answer to so many that were asked for.
    pub(super) fn came(&mut self, records: impl IntoIterator<Item = (T, usize)>, asked: usize, now: Instant) {
        let before = self.records.len();
        for (record, bytes) in records {
            self.bytes += bytes;
            self.records.push_back(Waiting { record, bytes, since: now });
        }
        self.was_full = self.records.len() - before >= asked;
    }

    /// The consumer comes for the next one. `None` when it has to wait.
    pub(super) fn next(&mut self, now: Instant) -> Option<T> {
        let Some(Waiting { record, bytes, .. }) = self.records.pop_front() else {
            let is_prompt = self.came.is_some_and(|came| now.saturating_duration_since(came) < self.patience / 4);
            if !self.is_awaited && is_prompt && self.was_full {
                self.window = (2 * self.window).clamp(1, MOST);
            }
            self.is_awaited = true;
            return None;
        };
        self.bytes -= bytes;
        (self.came, self.is_awaited) = (Some(now), false);
        Some(record)
    }

    /// When the consumer has to have come for the first one.
    pub(super) fn until(&self) -> Option<Instant> {
        self.records.front().map(|first| first.since + self.patience)
    }

    /// When the consumer did not come for the first one in time: all of them, so that they stay in order.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<T> {
        if self.until().is_none_or(|until| now < until) {
            return Vec::new();
        }
        self.window /= 4;
        self.clear()
    }

    /// All of them.
    pub(super) fn clear(&mut self) -> Vec<T> {
        self.bytes = 0;
        self.records.drain(..).map(|waiting| waiting.record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that always has more, whose answers take `trip`, and a consumer that takes `handling` for each: how many records it was
    /// through with after a while, and the most that were ahead.
    fn run(handling: Duration, trip: Duration, limit: usize) -> (usize, usize) {
        let mut ahead = Ahead::new();
        ahead.limit(limit);
        let begun = Instant::now();
        let (mut now, end) = (begun, begun + Duration::from_secs(60));
        let (mut handled, mut most) = (0, 0);
        let (mut answer, mut done): (Option<(Instant, usize)>, Option<Instant>) = (None, None);
        let mut waits = false;
        while now < end {
            if done.is_none_or(|done| done <= now) {
                handled += usize::from(done.take().is_some());
                waits = true;
            }
            if waits && ahead.next(now).is_some() {
                (waits, done) = (false, Some(now + handling));
            }
            drop(ahead.overdue(now));
            let with_consumer = usize::from(done.is_some());
            if answer.is_none() {
                let wanted = ahead.wanted(with_consumer);
                answer = (wanted > 0).then(|| (now + trip, wanted));
                assert!(ahead.records.len() + wanted + with_consumer <= limit.max(1), "{wanted} were asked for");
            }
            let next = [answer.map(|(at, _)| at), done, ahead.until()].into_iter().flatten().min().unwrap();
            now = next.max(now);
            if let Some((at, asked)) = answer
                && at <= now
            {
                ahead.came(std::iter::repeat_n(((), 100), asked), asked, now);
                answer = None;
            }
            most = most.max(ahead.records.len());
        }
        (handled, most)
    }

    #[test]
    fn a_quick_consumer_is_kept_busy_over_a_long_way() {
        let (millis, micros) = (Duration::from_millis, Duration::from_micros);
        let (handled, most) = run(micros(100), millis(4), usize::MAX);
        assert!(handled > 540_000 && most <= MOST, "{handled} of 600,000, {most} ahead");
        let (handled, most) = run(millis(10), millis(20), usize::MAX);
        assert!(handled > 5_900 && most < 16, "{handled} of 6,000, {most} ahead");
    }

    #[test]
    fn a_slow_consumer_leaves_what_it_cannot_handle_to_the_others() {
        let (handled, most) = run(Duration::from_secs(1), Duration::from_millis(4), usize::MAX);
        assert!(handled >= 58 && most <= 1, "{handled}, {most} ahead");
    }

    #[test]
    fn no_more_is_asked_for_than_may_be_in_flight() {
        for limit in [1, 2, 5] {
            // `run` looks at each request.
            let (handled, most) = run(Duration::from_millis(1), Duration::from_millis(4), limit);
            assert!(handled > 10_000 && most <= limit, "{handled} with {limit}, {most} ahead");
        }
    }

    #[test]
    fn what_nobody_comes_for_is_given_back_and_less_is_taken_from_then_on() {
        let (mut ahead, now) = (Ahead::new(), Instant::now());
        assert_eq!((ahead.next(now), ahead.wanted(0)), (None, 1));
        for wanted in [1, 1, 2, 4, 8, 16, 32, 64, 128] {
            assert_eq!(ahead.wanted(0), wanted, "twice as many each time it ran dry");
            ahead.came((0..wanted).map(|number| (number, 1)), wanted, now);
            while ahead.next(now).is_some() {}
        }
        let wanted = ahead.wanted(0);
        ahead.came((0..wanted).map(|number| (number, 1)), wanted, now);
        assert_eq!((ahead.next(now), ahead.until()), (Some(0), Some(now + PATIENCE)));
        assert!(ahead.overdue(now + PATIENCE / 2).is_empty());
        assert_eq!(ahead.overdue(now + PATIENCE), (1..MOST).collect::<Vec<_>>());
        assert_eq!((ahead.until(), ahead.window, ahead.bytes), (None, MOST / 4, 0));
        ahead.deadline(Some(Duration::from_millis(500)));
        ahead.came([(7, 1)], 1, now);
        assert_eq!(ahead.overdue(now + Duration::from_millis(250)), [7], "nothing is kept until its deadline");
    }

    #[test]
    fn large_records_are_taken_ahead_by_their_size() {
        let (mut ahead, now) = (Ahead::new(), Instant::now());
        ahead.window = MOST;
        ahead.came([((), MOST_BYTES)], MOST, now);
        assert_eq!(ahead.wanted(0), 0);
        assert!(ahead.next(now).is_some());
        assert_eq!(ahead.wanted(1), MOST);
    }
}
