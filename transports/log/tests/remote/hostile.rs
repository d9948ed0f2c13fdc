//! Clients that were let in and then say what makes no sense: they harm themselves alone.

use std::time::Duration;

use thriftwood_log::ServeConfig;

use crate::raw::{Raw, fetch, message, text};
use crate::served::Served;
use crate::support::{publish, soon};

const STREAM: &str = "v1.{}.Numbers";
/// The kind of a fault.
const FAULT: u8 = 129;

/// A SplitMix64 generator (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

#[tokio::test]
async fn lengths_that_lie_and_kinds_that_are_none_end_their_connection_alone() {
    let served = Served::new().await;
    let bus = served.bus().await;
    let bad = [
        0_u32.to_le_bytes().to_vec(),
        u32::MAX.to_le_bytes().to_vec(),
        message(1, 0, b""),
        message(1, 99, b""),
        message(1, 128, b""),
        message(1, 2, b"\xff\xff\xff\xff"),
        message(1, 12, b"more"),
    ];
    for bytes in bad {
        let mut raw = Raw::greeted(&served.at()).await;
        raw.say(&bytes).await;
        assert_eq!(raw.up_to_the_end().await, b"", "{bytes:?}");
        publish(&bus, "emea", 1).await;
    }
}

#[tokio::test]
async fn random_requests_are_answered_or_end_their_connection() {
    let served = Served::new().await;
    let bus = served.bus().await;
    publish(&bus, "emea", 0).await;
    let mut random = Random(7);
    let mut answered = 0;
    for round in 0..300 {
        let mut raw = Raw::greeted(&served.at()).await;
        let kind = (round % 17 + 1) as u8;
        let mut body = text(STREAM);
        for _ in 0..random.next() % 12 {
            match random.next() % 3 {
                0 => {
                    let name = ["", "mailer", "v1.*.Numbers.Counted", "../..", "\0"][random.next() as usize % 5];
                    body.extend(text(name));
                }
                1 => body.extend((random.next() % 4).to_le_bytes()),
                _ => body.push(random.next() as u8 % 4),
            }
        }
        raw.say(&message(5, kind, &body)).await;
        // A question with a known answer behind it: that comes, or the end does.
        raw.say(&message(6, 12, b"")).await;
        while let Some((id, _, _)) = raw.heard().await {
            if id == 6 {
                answered += 1;
                break;
            }
        }
    }
    assert!(answered > 5, "{answered} were answered");
    publish(&bus, "emea", 1).await;
    let mut names: Vec<_> =
        std::fs::read_dir(served.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.last().unwrap(), "streams", "nothing was made outside of its place: {names:?}");
}

#[tokio::test]
async fn bytes_that_are_no_batch_are_refused_and_nothing_is_stored() {
    let served = Served::new().await;
    let mut raw = Raw::greeted(&served.at()).await;
    for batch in [&b""[..], &[0; 44], &[0xff; 300]] {
        let body = [&text(STREAM)[..], &[0], batch].concat();
        raw.say(&message(3, 1, &body)).await;
        let (id, kind, fault) = raw.heard().await.unwrap();
        assert_eq!((id, kind), (3, FAULT));
        assert!(String::from_utf8_lossy(&fault).contains("nothing was stored"));
    }
    raw.say(&message(4, 2, &[&text(STREAM)[..], &[1], &[0; 8]].concat())).await;
    let (_, kind, opened) = raw.heard().await.unwrap();
    assert_eq!((kind, &opened[16..24]), (131, &0_u64.to_le_bytes()[..]), "the next offset is still 0");
}

#[tokio::test]
async fn a_message_that_does_not_go_on_ends_its_connection() {
    let mut config = ServeConfig::default();
    config.stall = Duration::from_millis(100);
    let served = Served::with(config).await;
    for part in [1, 5, 12] {
        let mut raw = Raw::greeted(&served.at()).await;
        raw.say(&fetch(1, STREAM, 0, 1, Duration::ZERO)[..part]).await;
        assert_eq!(raw.up_to_the_end().await, b"");
    }
    // One that is silent between messages is let be.
    let mut raw = Raw::greeted(&served.at()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    raw.say(&message(9, 12, b"")).await;
    assert_eq!(raw.heard().await.unwrap().0, 9);
}

#[tokio::test]
async fn more_requests_and_connections_than_are_allowed_are_refused_and_wait() {
    let mut config = ServeConfig::default();
    (config.max_requests, config.max_connections) = (2, 2);
    let served = Served::with(config).await;
    let mut raw = Raw::greeted(&served.at()).await;
    for id in 1..=3 {
        raw.say(&fetch(id, STREAM, 0, 1, Duration::from_secs(60))).await;
    }
    let (id, kind, fault) = raw.heard().await.unwrap();
    assert_eq!((id, kind), (3, FAULT));
    assert!(String::from_utf8_lossy(&fault).contains("2 requests under way, as many as it may"));
    let second = Raw::greeted(&served.at()).await;
    let third = tokio::spawn({
        let at = served.at();
        async move { Raw::greeted(&at).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!third.is_finished(), "there is no room yet");
    drop(second);
    soon("room", third).await.unwrap();
}
