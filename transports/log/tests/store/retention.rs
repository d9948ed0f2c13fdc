//! What is too old, too large or too much goes, the oldest first, and a clock that is wrong takes nothing with it.

use std::sync::Arc;
use std::time::Duration;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Durability, From, Log, LogOptions, Retention, SimClock};

use crate::support::{append_with, dir, read, with};

const DAY: u64 = 24 * 3600;
const NOW: u64 = 20_000 * DAY;

struct Kept {
    disk: SimDisk,
    clock: SimClock,
    log: Log,
}

impl Kept {
    fn new(change: impl FnOnce(&mut LogOptions)) -> Self {
        let (disk, clock) = (SimDisk::new(), SimClock::at(NOW));
        let mut options = with(&disk, |options| options.clock = Arc::new(clock.clone()));
        change(&mut options);
        Self { log: Log::open(dir(), options).unwrap(), disk, clock }
    }

    fn append(&self, records: u64) {
        for _ in 0..records {
            append_with(&self.log, &[7; 1_000], Durability::Buffered).unwrap();
        }
    }

    /// An append each hour, for so many days.
    fn live(&self, days: u64) {
        for _ in 0..days * 24 {
            self.clock.advance(Duration::from_secs(3600));
            self.append(1);
        }
    }

    fn tidy(&self) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(self.log.tidy()).unwrap();
    }

    fn bytes(&self) -> u64 {
        let image = self.disk.image();
        let logs = image.files().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "log"));
        logs.map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn kept(&self) -> u64 {
        self.log.next_offset() - self.log.first_offset()
    }
}

#[test]
fn a_log_with_a_limit_on_its_bytes_stays_below_it() {
    let limit = 2_000_000;
    let kept = Kept::new(|options| options.retention = Retention::default().bytes(limit));
    let mut most = 0;
    for _ in 0..40 {
        kept.append(200);
        most = most.max(kept.bytes());
    }
    assert!(most > limit / 2 && most <= limit + limit / 4, "{most} bytes at most");
    let first = kept.log.first_offset();
    assert!(first > 5_000, "{first}");
    let found = read(&kept.log);
    assert!(found.gaps.is_empty() && found.records.iter().map(|(offset, _)| *offset).eq(first..8_000));
}

#[test]
fn a_log_with_a_limit_on_its_records_keeps_so_many_and_an_eighth_more() {
    let kept = Kept::new(|options| options.retention = Retention::default().records(2_000));
    let mut most = 0;
    for _ in 0..40 {
        kept.append(200);
        most = most.max(kept.kept());
    }
    assert!((2_000..=2_250).contains(&most) && kept.kept() >= 2_000, "{most} records at most, {} now", kept.kept());
}

#[test]
fn a_limit_of_a_few_records_does_not_make_a_segment_for_each() {
    let kept = Kept::new(|options| options.retention = Retention::default().records(5));
    kept.append(200);
    // Segments of at least 64 KiB, of 66 such records.
    assert!((5..=5 + 70).contains(&kept.kept()), "{} records", kept.kept());
}

#[test]
fn records_go_when_they_are_too_old_even_if_nothing_more_is_appended() {
    let kept = Kept::new(|options| options.retention = Retention::default().age(Duration::from_secs(8 * DAY)));
    kept.live(30);
    kept.tidy();
    let days = kept.kept() as f64 / 24.0;
    assert!((8.0..=9.2).contains(&days), "{days} days of an event an hour");
    for _ in 0..20 {
        kept.clock.advance(Duration::from_secs(DAY));
        kept.tidy();
    }
    assert_eq!(kept.kept(), 0, "nothing came for 20 days");
    assert_eq!(kept.log.next_offset(), 30 * 24);
    kept.append(1);
    assert_eq!(read(&kept.log).records[0].0, 30 * 24, "offsets go on");
}

#[test]
fn a_segment_ends_when_its_first_record_is_old_enough() {
    let kept = Kept::new(|options| options.segment_age = Some(Duration::from_secs(DAY)));
    kept.live(10);
    let image = kept.disk.image();
    let segments = image.files().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "log")).count();
    assert!((9..=11).contains(&segments), "{segments} segments in ten days");
    assert_eq!(kept.kept(), 240, "and nothing is removed");
}

#[test]
fn a_clock_that_jumps_ahead_and_back_removes_nothing_early_and_keeps_nothing_for_ever() {
    let kept = Kept::new(|options| options.retention = Retention::default().age(Duration::from_secs(8 * DAY)));
    kept.live(7);
    kept.clock.set(NOW + 4_000 * DAY);
    kept.append(1);
    kept.tidy();
    assert_eq!(kept.kept(), 7 * 24 + 1, "nothing goes because of the jump");
    kept.clock.set(NOW + 7 * DAY);
    kept.live(4);
    let mut reader = kept.log.reader(From::First).unwrap();
    let times: Vec<_> = std::iter::from_fn(|| reader.next_ready().unwrap()).map(|record| record.time()).collect();
    assert!(times.is_sorted(), "time never goes back");
    kept.tidy();
    let kept_after = kept.kept();
    assert!((8 * 24..=11 * 24).contains(&kept_after), "{kept_after} kept");
    kept.live(40);
    for _ in 0..20 {
        kept.clock.advance(Duration::from_secs(DAY));
        kept.tidy();
    }
    assert!(kept.kept() <= 9 * 24, "{} kept though all are too old", kept.kept());
}

#[test]
fn what_was_removed_stays_removed_after_a_kill_and_the_log_goes_on() {
    let kept = Kept::new(|options| options.retention = Retention::default().bytes(600_000));
    kept.append(2_000);
    let (first, image) = (kept.log.first_offset(), kept.disk.image().after_kill());
    let disk = SimDisk::from_image(image);
    let log = Log::open(dir(), with(&disk, |options| options.retention = Retention::default().bytes(600_000))).unwrap();
    assert!(first > 0 && log.first_offset() >= first && log.damage().is_empty());
    assert_eq!(append_with(&log, b"more", Durability::Durable).unwrap(), 2_000);
}
