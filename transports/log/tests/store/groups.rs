//! Groups: what is handed out to whom, how often, what becomes of what nobody can handle, and that nothing is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{
    Batch, Claim, Durability, Entry, From, Group, GroupOptions, Log, LogOptions, LogView, Member, Retention,
    dead_letter,
};

use crate::support::{Random, open, with};

const SEGMENT: u64 = 10_000;

async fn open_group(disk: &SimDisk, log: &Log, change: impl FnOnce(&mut GroupOptions)) -> Group {
    let mut options = GroupOptions::default();
    options.journal = with(disk, |options: &mut LogOptions| options.segment_bytes = 2_000);
    (options.first_delay, options.max_delay) = (Duration::ZERO, Duration::ZERO);
    change(&mut options);
    let log = log.clone();
    tokio::task::spawn_blocking(move || Group::open(&log, Path::new("log/group"), options).unwrap()).await.unwrap()
}

async fn fill(log: &Log, from: u64, to: u64) {
    for n in from..to {
        let value = n.to_le_bytes();
        let batch = Batch::of(&[Entry::of(&value).key(b"key").headers(&[("topic", b"a.b")])]).unwrap();
        log.append(batch, Durability::Durable).await.unwrap();
    }
}

async fn next(member: &mut Member) -> Claim {
    let claim = tokio::time::timeout(Duration::from_secs(20), member.next()).await;
    claim.unwrap().unwrap().unwrap()
}

/// Whether nothing comes, as far as that can be known: the group was asked and had nothing at hand.
async fn is_idle(member: &mut Member) -> bool {
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(member.poll_next(cx).is_pending()));
    polled.await
}

#[tokio::test]
async fn a_record_that_fails_every_time_becomes_a_dead_letter_with_its_reasons() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, 0, 3).await;
    let dead = Log::open("dead", with(&disk, |_| {})).unwrap();
    let group = open_group(&disk, &log, |options| {
        options.max_attempts = Some(3);
        options.dead_letters = Some(dead.clone());
    })
    .await;
    let mut member = group.member();
    let mut attempts = BTreeMap::<u64, Vec<u32>>::new();
    for _ in 0..5 {
        let claim = next(&mut member).await;
        let (offset, attempt) = (claim.record().offset(), claim.attempt());
        attempts.entry(offset).or_default().push(attempt);
        match offset {
            1 => claim.nack_because(&format!("no account, try {attempt}")),
            _ => claim.ack().await.unwrap(),
        }
    }
    assert_eq!(attempts, BTreeMap::from([(0, vec![1]), (1, vec![1, 2, 3]), (2, vec![1])]));
    // The group looks after its dead when it is asked for more.
    let mut letters = dead.reader(From::First).unwrap();
    let letter = tokio::select! {
        letter = letters.next() => letter.unwrap().unwrap(),
        _ = member.next() => panic!("there is nothing more"),
    };
    assert_eq!((&letter.value()[..], letter.key().map(|key| &key[..])), (&1_u64.to_le_bytes()[..], Some(&b"key"[..])));
    let header = |name| String::from_utf8(letter.header(name).unwrap().to_vec()).unwrap();
    assert_eq!([header("topic"), header(dead_letter::OFFSET), header(dead_letter::ATTEMPTS)], ["a.b", "1", "3"]);
    assert_eq!(header(dead_letter::REASON), "no account, try 3");
    let history = header(dead_letter::HISTORY);
    assert!(history.lines().count() == 3 && history.lines().all(|line| line.contains("no account")), "{history}");
    while group.position() < 3 {
        assert!(is_idle(&mut member).await);
        tokio::task::yield_now().await;
    }
    // Nor does it come again, or become a second letter, where the process was killed then.
    group.sync().await.unwrap();
    let killed = SimDisk::from_image(disk.image().after_kill());
    group.close().await.unwrap();
    let group = open_group(&disk, &log, |_| {}).await;
    assert!(is_idle(&mut group.member()).await, "it does not come again");
    let (log, dead) = (open(&killed, SEGMENT).unwrap(), Log::open("dead", with(&killed, |_| {})).unwrap());
    let group = open_group(&killed, &log, |options| {
        options.max_attempts = Some(3);
        options.dead_letters = Some(dead.clone());
    })
    .await;
    assert!(is_idle(&mut group.member()).await);
    assert_eq!((group.position(), dead.next_offset()), (3, 1));
}

#[tokio::test]
async fn records_that_were_removed_while_they_waited_to_be_tried_again_are_passed_over() {
    let disk = SimDisk::new();
    let log = Log::open(
        "log",
        with(&disk, |options| {
            (options.segment_bytes, options.retention) = (SEGMENT, Retention::default().records(1_000));
        }),
    )
    .unwrap();
    fill(&log, 0, 3).await;
    let group = open_group(&disk, &log, |_| {}).await;
    let mut member = group.member();
    for _ in 0..3 {
        next(&mut member).await.nack();
    }
    fill(&log, 3, 2_000).await;
    log.tidy().await.unwrap();
    let first = log.first_offset();
    assert!(first > 3, "the log kept everything");
    for offset in first..2_000 {
        let claim = next(&mut member).await;
        assert_eq!((claim.record().offset(), claim.attempt()), (offset, 1));
        claim.ack().await.unwrap();
    }
    assert_eq!(group.position(), 2_000);
}

#[tokio::test]
async fn a_record_that_kills_its_process_each_time_becomes_a_dead_letter_all_the_same() {
    let mut disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, 0, 2).await;
    for life in 1..=4 {
        disk = SimDisk::from_image(disk.image().after_kill());
        let log = open(&disk, SEGMENT).unwrap();
        let dead = Log::open("dead", with(&disk, |_| {})).unwrap();
        let group = open_group(&disk, &log, |options| {
            options.max_attempts = Some(3);
            options.dead_letters = Some(dead.clone());
        })
        .await;
        let mut member = group.member();
        let claim = next(&mut member).await;
        if life == 4 {
            assert_eq!((claim.record().offset(), claim.attempt()), (1, 1), "the first one is gone");
            let mut letters = dead.reader(From::First).unwrap();
            assert_eq!(letters.next().await.unwrap().unwrap().header(dead_letter::OFFSET).as_deref(), Some(&b"0"[..]));
            return;
        }
        assert_eq!((claim.record().offset(), claim.attempt()), (0, life));
        // The journal's thread writes in its own time what was noted.
        group.sync().await.unwrap();
        std::mem::forget(claim);
    }
}

#[tokio::test]
async fn whoever_takes_too_long_loses_the_record_to_another() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, 0, 1).await;
    let group = open_group(&disk, &log, |options| options.deadline = Some(Duration::from_millis(30))).await;
    let (mut slow, mut quick) = (group.member(), group.member());
    let held = next(&mut slow).await;
    assert!(held.extend());
    let again = next(&mut quick).await;
    assert_eq!((again.record().offset(), again.attempt()), (0, 2));
    assert!(!held.extend(), "it is another's now");
    held.nack();
    again.ack().await.unwrap();
    assert_eq!(group.position(), 1);
    assert!(is_idle(&mut quick).await, "the late refusal changed nothing");
}

#[tokio::test]
async fn a_group_with_a_delay_hands_out_nothing_before_it() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    let group = open_group(&disk, &log, |options| options.delay = Duration::from_millis(80)).await;
    let mut member = group.member();
    fill(&log, 0, 3).await;
    for n in 0..3 {
        let claim = next(&mut member).await;
        let age = claim.record().time().elapsed().unwrap();
        assert!(age >= Duration::from_millis(80), "{n} came after {age:?}");
        claim.ack().await.unwrap();
    }
}

#[tokio::test]
async fn a_paused_group_rests_and_goes_on() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, 0, 3).await;
    let group = open_group(&disk, &log, |_| {}).await;
    let mut member = group.member();
    let first = next(&mut member).await;
    group.pause();
    assert!(is_idle(&mut member).await);
    first.ack().await.unwrap();
    assert!(is_idle(&mut member).await, "what members have they can acknowledge, and get no more");
    let lag = group.lag();
    assert_eq!((lag.untaken, lag.outstanding), (2, 0));
    let waiting = tokio::spawn(async move { next(&mut member).await.record().offset() });
    group.resume();
    assert_eq!(waiting.await.unwrap(), 1);
}

#[tokio::test]
async fn a_group_that_is_moved_goes_on_there_now_and_after_reopening() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    fill(&log, 0, 20).await;
    let group = open_group(&disk, &log, |_| {}).await;
    let mut member = group.member();
    let (old, other) = (next(&mut member).await, next(&mut member).await);
    for _ in 0..5 {
        next(&mut member).await.ack().await.unwrap();
    }
    group.seek(From::Offset(3)).await.unwrap();
    old.ack().await.unwrap();
    drop(other);
    assert_eq!((group.position(), group.lag().untaken), (3, 17));
    for expected in [3, 4] {
        let claim = next(&mut member).await;
        assert_eq!((claim.record().offset(), claim.attempt()), (expected, 1));
        claim.ack().await.unwrap();
    }
    group.seek(From::Offset(15)).await.unwrap();
    drop(member);
    group.close().await.unwrap();
    let group = open_group(&disk, &log, |_| {}).await;
    assert_eq!(next(&mut group.member()).await.record().offset(), 15);
}

/// What an all-knowing bystander has written down of a group.
#[derive(Default)]
struct Oracle {
    /// Acknowledged, and the group said so.
    acked: BTreeSet<u64>,
    /// How often each was handed out.
    attempts: BTreeMap<u64, u32>,
}

#[tokio::test]
async fn a_group_does_what_a_bystander_expects_through_kills_and_reopenings() {
    for seed in 0..25 {
        let mut random = Random(seed);
        let mut disk = SimDisk::new();
        let mut log = open(&disk, SEGMENT).unwrap();
        let mut oracle = Oracle::default();
        let mut stored = 0;
        let mut group = open_group(&disk, &log, |options| options.max_outstanding = 8).await;
        let mut member = group.member();
        let mut held: Vec<Claim> = Vec::new();
        for _ in 0..150 {
            match random.below(16) {
                0..=3 => {
                    fill(&log, stored, stored + 1 + random.below(3)).await;
                    stored = log.next_offset();
                }
                4..=8 => {
                    let ready = std::future::poll_fn(|cx| std::task::Poll::Ready(member.poll_next(cx)));
                    if let std::task::Poll::Ready(Some(claim)) = ready.await {
                        let claim = claim.unwrap();
                        let offset = claim.record().offset();
                        assert!(!oracle.acked.contains(&offset), "seed {seed}: {offset} was acknowledged");
                        assert!(held.iter().all(|other| other.record().offset() != offset), "seed {seed}: it is held");
                        let attempts = oracle.attempts.entry(offset).or_default();
                        *attempts += 1;
                        assert_eq!(claim.attempt(), *attempts, "seed {seed}: deliveries of {offset}");
                        held.push(claim);
                    }
                }
                9..=12 if !held.is_empty() => {
                    let claim = held.swap_remove(random.below(held.len() as u64) as usize);
                    let offset = claim.record().offset();
                    claim.ack().await.unwrap();
                    oracle.acked.insert(offset);
                }
                13 if !held.is_empty() => {
                    held.swap_remove(random.below(held.len() as u64) as usize).nack_because("not now");
                }
                14 => {
                    group.sync().await.unwrap();
                    disk = SimDisk::from_image(disk.image().after_kill());
                    held.drain(..).for_each(std::mem::forget);
                    log = open(&disk, SEGMENT).unwrap();
                    group = open_group(&disk, &log, |options| options.max_outstanding = 8).await;
                    member = group.member();
                }
                15 => {
                    held.clear();
                    group.close().await.unwrap();
                    group = open_group(&disk, &log, |options| options.max_outstanding = 8).await;
                    member = group.member();
                }
                _ => {}
            }
        }
        held.clear();
        while (oracle.acked.len() as u64) < stored {
            let claim = next(&mut member).await;
            assert!(oracle.acked.insert(claim.record().offset()), "seed {seed}");
            claim.ack().await.unwrap();
        }
        assert_eq!((group.position(), group.lag().outstanding), (stored, 0), "seed {seed}: nothing was left out");
        assert!(is_idle(&mut member).await);
    }
}

/// A whole state is written every thousand notes; a group that has little to do must not look as if it were behind for all that
/// time.
#[tokio::test]
async fn a_look_from_outside_sees_what_was_handed_out_and_acknowledged_since_the_last_whole_state() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    let keyless = Batch::of(&[Entry::of(b"no key"), Entry::of(b"none")]).unwrap();
    log.append(keyless, Durability::Durable).await.unwrap();
    fill(&log, 0, 8).await;
    let group = open_group(&disk, &log, |options| options.filter = Box::new(|record| record.offset() != 4)).await;
    let mut member = group.member();
    let mut held = Vec::new();
    for _ in 0..6 {
        let claim = next(&mut member).await;
        if [1, 5].contains(&claim.record().offset()) { held.push(claim) } else { claim.ack().await.unwrap() }
    }
    group.sync().await.unwrap();
    let look = || {
        let view = LogView::open("log", Arc::new(disk.clone())).unwrap();
        view.group("log/group").unwrap().unwrap()
    };
    let seen = look();
    assert_eq!((seen.position, seen.outstanding), (1, vec![(1, 1), (5, 1)]));
    assert_eq!((seen.lag.untaken, seen.lag), (3, group.lag()));
    for claim in held {
        claim.ack().await.unwrap();
    }
    assert_eq!((look().position, look().lag), (7, group.lag()));
}
