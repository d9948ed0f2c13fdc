//! Members of a group on JetStream that are killed: by an event that nobody survives, and between the two steps of a burial.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, stream::Stream};
use thriftwood::Context;
use thriftwood_conformance::fixture::soon;
use thriftwood_conformance::idl::Things;
use thriftwood_faults::{GROUP, Process, REGION};
use thriftwood_test_support::NatsServer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");
/// How long a member may have an event.
const WAIT: Duration = Duration::from_millis(1_500);

/// A bus with this user's rights and options.
fn url(nats: &NatsServer, user: &str, options: &str) -> String {
    let place = nats.url().replace("nats://", &format!("jetstream://{user}"));
    format!("{place}?ack_wait={}&{options}", WAIT.as_millis())
}

fn start(work: &str, url: &str, rest: &[&str]) -> Process {
    let mut member = Process::start(PROGRAM, work, Path::new(url), rest).unwrap();
    let ready = member.line();
    assert_eq!(ready.as_deref(), Some("ready"), "{}", member.complaint());
    member
}

async fn publish(url: &str, numbers: std::ops::Range<i64>) {
    let bus = thriftwood::connect(url).await.unwrap();
    let things = Things::publisher(&bus, "ann", REGION);
    for number in numbers {
        things.counted(&Context::new(), number).await.unwrap();
    }
    bus.close().await.unwrap();
}

async fn stream(nats: &NatsServer, name: &str) -> Stream {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap()).get_stream(name).await.unwrap()
}

/// Waits until the dead letters are so many.
async fn letters(stream: &mut Stream, letters: u64) {
    soon("the dead letter", async {
        while stream.info().await.unwrap().state.messages < letters {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_kills_its_process_each_time_becomes_a_dead_letter_and_takes_nothing_else_with_it() {
    const POISON: i64 = 3;
    const EVENTS: i64 = 12;
    let test = "what_kills_its_process_each_time_becomes_a_dead_letter_and_takes_nothing_else_with_it";
    let Some(nats) = NatsServer::start(test) else { return };
    let url = url(&nats, "", "max_attempts=2");
    publish(&url, 0..EVENTS).await;
    let mut handled = Vec::new();
    for life in 1..=2 {
        let mut member = start("stick", &url, &[&POISON.to_string()]);
        let begun = loop {
            let line = member.line().unwrap();
            match line.strip_prefix("handled ") {
                Some(number) => handled.push(number.to_owned()),
                None => break line,
            }
        };
        assert_eq!(begun, format!("begun {POISON} {life}"));
        handled.extend(member.kill().iter().filter_map(|line| line.strip_prefix("handled ")).map(str::to_owned));
    }
    let mut member = start("stick", &url, &[&POISON.to_string()]);
    let mut dead = stream(&nats, "FRUGAL-DEAD").await;
    letters(&mut dead, 1).await;
    while handled.len() < EVENTS as usize - 1 {
        let line = member.line().unwrap();
        handled.push(line.strip_prefix("handled ").unwrap().to_owned());
    }
    handled.sort_by_key(|line| line.split(' ').next().unwrap().parse::<i64>().unwrap());
    let all: Vec<String> = (0..EVENTS).filter(|number| *number != POISON).map(|number| format!("{number} 1")).collect();
    assert_eq!(handled, all, "each in its first delivery");
    let letter = dead.get_raw_message(1).await.unwrap();
    assert_eq!(letter.headers.get("dead-attempts").unwrap().as_str(), "2");
    assert_eq!(letter.headers.get("dead-offset").unwrap().as_str(), (POISON + 1).to_string());
    assert_eq!(dead.info().await.unwrap().state.messages, 1);
}

/// Its letter is stored, its event is not given up yet: as if the process had been killed at that very moment, since the server
/// hears nothing of what this user says of events.
#[tokio::test]
async fn a_member_killed_between_storing_a_letter_and_giving_up_its_event_leaves_one_letter() {
    let test = "a_member_killed_between_storing_a_letter_and_giving_up_its_event_leaves_one_letter";
    let users = r#"authorization { users: [
        { user: free, password: free }
        { user: muted, password: muted, permissions: { publish: { deny: "$JS.ACK.>" } } }
    ] }
    no_auth_user: free"#;
    let Some(nats) = NatsServer::start_with(test, users) else { return };
    publish(&url(&nats, "", ""), 7..8).await;
    let mut member = start("refuse", &url(&nats, "muted:muted@", "max_attempts=1"), &[]);
    assert_eq!(member.line().as_deref(), Some("refused 7"));
    let mut dead = stream(&nats, "FRUGAL-DEAD").await;
    letters(&mut dead, 1).await;
    member.kill();
    let consumers = stream(&nats, "FRUGAL").await;
    let name = format!("{GROUP}@frugal-v1-probe-=2A-{REGION}-Things-Counted");
    let mut consumer: PullConsumer = consumers.get_consumer(&name).await.unwrap();
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 1, "the event is still there");
    let mut member = start("refuse", &url(&nats, "", "max_attempts=1"), &[]);
    soon("the end of the event", async {
        while consumer.info().await.unwrap().num_ack_pending > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Another event's letter is behind it, and there is no third.
    publish(&url(&nats, "", ""), 8..9).await;
    assert_eq!(member.line().as_deref(), Some("refused 8"));
    letters(&mut dead, 2).await;
    let letters = [dead.get_raw_message(1).await.unwrap(), dead.get_raw_message(2).await.unwrap()];
    let offset = |letter: &jetstream::message::StreamMessage| letter.headers.get("dead-offset").unwrap().to_string();
    assert_eq!(letters.each_ref().map(offset), ["1", "2"]);
    assert_eq!(letters[0].headers.get("dead-reason").unwrap().as_str(), "not today");
    assert_eq!(dead.info().await.unwrap().state.messages, 2);
}
