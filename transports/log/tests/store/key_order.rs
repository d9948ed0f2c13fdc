//! Groups whose members ask for the order of keys: of one key the next record waits for the one before, all else goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Claim, Durability, Entry, Group, GroupOptions, Log, LogOptions, Member};

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

fn members(group: &Group) -> [Member; 2] {
    [(); 2].map(|()| {
        let mut member = group.member();
        member.keep_key_order();
        member
    })
}

async fn store(log: &Log, key: &str) -> u64 {
    let batch = Batch::of(&[Entry::of(b"value").key(key.as_bytes())]).unwrap();
    log.append(batch, Durability::Durable).await.unwrap().first
}

/// What is at hand.
async fn poll(member: &mut Member) -> Option<Claim> {
    match std::future::poll_fn(|cx| std::task::Poll::Ready(member.poll_next(cx))).await {
        std::task::Poll::Ready(claim) => Some(claim.unwrap().unwrap()),
        std::task::Poll::Pending => None,
    }
}

async fn next(member: &mut Member) -> Claim {
    tokio::time::timeout(Duration::from_secs(20), member.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_dead_letter_lets_the_next_record_of_its_key_through() {
    let disk = SimDisk::new();
    let log = open(&disk, SEGMENT).unwrap();
    for key in ["a", "a", "b"] {
        store(&log, key).await;
    }
    let dead = Log::open("dead", with(&disk, |_| {})).unwrap();
    let group = open_group(&disk, &log, |options| {
        options.max_attempts = Some(2);
        options.dead_letters = Some(dead.clone());
    })
    .await;
    let [mut one, mut other] = members(&group);
    let first = next(&mut one).await;
    assert_eq!(first.record().offset(), 0);
    let free = next(&mut other).await;
    assert_eq!(free.record().offset(), 2, "another key does not wait");
    free.ack().await.unwrap();
    assert!(poll(&mut other).await.is_none(), "the other member waits as well");
    first.nack();
    next(&mut other).await.nack();
    let second = next(&mut one).await;
    assert_eq!((second.record().offset(), second.attempt()), (1, 1));
    assert_eq!(dead.next_offset(), 1);
}

#[tokio::test]
async fn keys_keep_their_order_through_kills_and_reopenings() {
    for seed in 0..25 {
        let mut random = Random(seed);
        let mut disk = SimDisk::new();
        let mut log = open(&disk, SEGMENT).unwrap();
        let mut group = open_group(&disk, &log, |options| options.max_outstanding = 12).await;
        let mut both = members(&group);
        // Of each key, what is not acknowledged; and how often each was handed out.
        let mut lines = BTreeMap::<String, BTreeSet<u64>>::new();
        let mut attempts = BTreeMap::<u64, u32>::new();
        let mut held: Vec<Claim> = Vec::new();
        let key_of = |claim: &Claim| String::from_utf8(claim.record().key().unwrap().to_vec()).unwrap();
        for _ in 0..150 {
            match random.below(16) {
                0..=3 => {
                    let key = ["a", "b", "c", "d"][random.below(4) as usize];
                    lines.entry(key.to_owned()).or_default().insert(store(&log, key).await);
                }
                4..=8 => {
                    if let Some(claim) = poll(&mut both[random.below(2) as usize]).await {
                        let offset = claim.record().offset();
                        assert_eq!(lines[&key_of(&claim)].first(), Some(&offset), "seed {seed}: it has the turn");
                        *attempts.entry(offset).or_default() += 1;
                        assert_eq!(claim.attempt(), attempts[&offset], "seed {seed}: deliveries of {offset}");
                        held.push(claim);
                    }
                }
                9..=11 if !held.is_empty() => {
                    let claim = held.swap_remove(random.below(held.len() as u64) as usize);
                    let (key, offset) = (key_of(&claim), claim.record().offset());
                    claim.ack().await.unwrap();
                    lines.get_mut(&key).unwrap().remove(&offset);
                }
                12..=13 if !held.is_empty() => held.swap_remove(random.below(held.len() as u64) as usize).nack(),
                14 => {
                    group.sync().await.unwrap();
                    disk = SimDisk::from_image(disk.image().after_kill());
                    held.drain(..).for_each(std::mem::forget);
                    log = open(&disk, SEGMENT).unwrap();
                    group = open_group(&disk, &log, |options| options.max_outstanding = 12).await;
                    both = members(&group);
                }
                15 => {
                    held.clear();
                    group.close().await.unwrap();
                    group = open_group(&disk, &log, |options| options.max_outstanding = 12).await;
                    both = members(&group);
                }
                _ => {}
            }
        }
        held.clear();
        for _ in 0..lines.values().map(BTreeSet::len).sum() {
            let claim = next(&mut both[0]).await;
            let line = lines.get_mut(&key_of(&claim)).unwrap();
            assert_eq!(line.pop_first(), Some(claim.record().offset()), "seed {seed}");
            claim.ack().await.unwrap();
        }
        assert_eq!((group.position(), group.lag().outstanding), (log.next_offset(), 0), "seed {seed}");
    }
}
