//! What becomes of publishes, subscriptions, claims and calls when a connection is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thriftwood_core::ErrorKind;
use thriftwood_core::event::Start;
use thriftwood_log::ConnectConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::served::{Served, bus};
use crate::support::{Echo, call, next, publish, soon, subscribe, subscriber, try_publish};

/// Stands between a client and a server, and swallows what the server says when it is told to.
struct Between {
    at: String,
    swallows: Arc<AtomicBool>,
    cut: Arc<Notify>,
    severed: CancellationToken,
}

impl Between {
    async fn and(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let (swallows, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let severed = CancellationToken::new();
        let (is_swallowing, cutting, sever) = (Arc::clone(&swallows), Arc::clone(&cut), severed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (is_swallowing, cutting, sever) = (Arc::clone(&is_swallowing), Arc::clone(&cutting), sever.clone());
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let there = tokio::io::copy(&mut from_client, &mut to_server);
                    let back = async {
                        let mut bytes = vec![0; 4096];
                        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
                            if is_swallowing.load(Ordering::SeqCst) {
                                cutting.notify_one();
                                break;
                            }
                            if to_client.write_all(&bytes[..read]).await.is_err() {
                                break;
                            }
                        }
                    };
                    tokio::select! {
                        _ = there => {}
                        () = back => {}
                        () = sever.cancelled() => {}
                    }
                });
            }
        });
        Self { at, swallows, cut, severed }
    }
}

/// The answer to each publish is lost on its way, after the event was stored; sent again, it is not stored again.
#[tokio::test]
async fn a_publish_whose_answer_was_lost_is_stored_once() {
    let served = Served::new().await;
    let between = Between::and(served.at()).await;
    let client = bus(&between.at).await;
    for number in 0..10 {
        between.swallows.store(true, Ordering::SeqCst);
        let publishing = tokio::spawn({
            let client = client.clone();
            async move { publish(&client, "emea", number).await }
        });
        soon("an answer that is lost", between.cut.notified()).await;
        between.swallows.store(false, Ordering::SeqCst);
        soon("the publish", publishing).await.unwrap();
    }
    let near = served.directory.bus();
    let mut all = subscribe(&subscriber(&near, "emea").start(Start::First)).await;
    publish(&near, "emea", 99).await;
    for number in (0..10).chain([99]) {
        assert_eq!(*next(&mut all).await, number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_and_subscribers_go_on_over_restarts_of_the_server() {
    const PUBLISHERS: i64 = 8;
    const EACH: i64 = 60;
    let mut served = Served::new().await;
    let (publisher, reader) = (served.bus().await, served.bus().await);
    let mut alone = subscribe(&subscriber(&reader, "emea")).await;
    let mut group = subscribe(&subscriber(&reader, "emea").group("mailer").start(Start::First)).await;
    let publishing = (0..PUBLISHERS).map(|who| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                publish(&publisher, "emea", who * 1_000 + number).await;
            }
        })
    });
    let publishing: Vec<_> = publishing.collect();
    let due = (PUBLISHERS * EACH) as usize;
    let grouped = tokio::spawn(async move {
        let mut seen = BTreeSet::new();
        while seen.len() < due {
            let event = next(&mut group).await;
            seen.insert(*event);
            event.ack().await.unwrap();
        }
    });
    let followed = tokio::spawn(async move {
        let mut last = [-1; PUBLISHERS as usize];
        for offset in 0..due as u64 {
            let event = next(&mut alone).await;
            let (who, number) = (*event / 1_000, *event % 1_000);
            assert_eq!(event.offset(), Some(offset), "each event comes once, without a gap");
            assert_eq!(number, last[who as usize] + 1, "and in the order in which it was published");
            last[who as usize] = number;
        }
    });
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        served = served.restarted().await;
    }
    for publisher in publishing {
        soon("a publisher's end", publisher).await.unwrap();
    }
    soon("the follower's end", followed).await.unwrap();
    soon("the group's end", grouped).await.unwrap();
}

#[tokio::test]
async fn what_a_lost_client_had_goes_to_another_member() {
    let served = Served::new().await;
    let (lost, other) = (served.bus().await, served.bus().await);
    publish(&other, "emea", 7).await;
    let mut first = subscribe(&subscriber(&lost, "emea").group("mailer")).await;
    let event = next(&mut first).await;
    assert_eq!((*event, event.attempt()), (7, 1));
    let mut second = subscribe(&subscriber(&other, "emea").group("mailer")).await;
    lost.close().await.unwrap();
    let again = next(&mut second).await;
    assert_eq!((*again, again.attempt()), (7, 2));
    again.ack().await.unwrap();
    assert!(event.ack().await.unwrap_err().is_closed());
}

#[tokio::test]
async fn an_event_is_acknowledged_over_a_restart_of_the_server() {
    let served = Served::new().await;
    let bus = served.bus().await;
    for number in 0..3 {
        publish(&bus, "emea", number).await;
    }
    let mut events = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
    let held = next(&mut events).await;
    assert_eq!(*held, 0);
    let _served = served.restarted().await;
    held.ack().await.unwrap();
    let rest = [*next(&mut events).await, *next(&mut events).await];
    assert_eq!(BTreeSet::from(rest), BTreeSet::from([1, 2]), "what was acknowledged does not come again");
}

#[tokio::test]
async fn a_server_that_stays_away_is_told_with_what_became_of_the_event() {
    let served = Served::new().await;
    let mut config = ConnectConfig::default();
    config.patience = Duration::from_millis(200);
    let bus = config.connect(&format!("log://{}", served.at())).await.unwrap();
    publish(&bus, "emea", 0).await;
    served.serving.stop().await;
    let error = soon("the refusal", try_publish(&bus, "emea", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(
        error.message().contains("nobody listens at log://") && error.message().contains("was not stored"),
        "{error}"
    );
    let error = call(&bus, "echo", "hello", Duration::from_secs(10)).await.unwrap_err();
    assert!(error.is_unavailable() && error.message().contains("nobody listens"), "{error}");
}

#[tokio::test]
async fn a_call_whose_server_is_lost_goes_to_the_next_one() {
    let served = Served::new().await;
    let between = Between::and(served.at()).await;
    let (first, second, caller) = (bus(&between.at).await, served.bus().await, served.bus().await);
    let (mut stuck, mut heard) = Echo::new();
    stuck.let_go = Arc::new(tokio::sync::Semaphore::new(0));
    first.serve("echo", stuck).await.unwrap();
    let calling = tokio::spawn(async move { call(&caller, "echo", "hello", Duration::from_secs(20)).await });
    assert_eq!(soon("the call", heard.recv()).await.as_deref(), Some("hello"));
    let (echo, mut heard_again) = Echo::new();
    second.serve("echo", echo).await.unwrap();
    // It goes without a word.
    between.severed.cancel();
    assert_eq!(soon("the call again", heard_again.recv()).await.as_deref(), Some("hello"));
    assert_eq!(soon("the reply", calling).await.unwrap().unwrap().as_deref(), Some("hello"));
}

/// Held until its connection has gone with its runtime, an event is acknowledged from another one, and no task is left that tries without end.
#[test]
fn a_bus_goes_on_in_another_runtime_when_the_one_it_connected_on_has_ended() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (servers, first, second) = (runtime(), runtime(), runtime());
    let served = servers.block_on(Served::new());
    let at = served.at();
    let (bus, mut member, event) = first.block_on(async {
        let bus = bus(&at).await;
        publish(&bus, "emea", 7).await;
        let mut member = subscribe(&subscriber(&bus, "emea").group("mailer")).await;
        let event = next(&mut member).await;
        (bus, member, event)
    });
    drop(first);
    second.block_on(async {
        soon("the acknowledgement", event.ack()).await.unwrap();
        soon("a publish", publish(&bus, "emea", 8)).await;
        assert_eq!(*next(&mut member).await, 8);
    });
    servers.block_on(served.serving.stop());
}

#[tokio::test]
async fn a_server_of_calls_goes_on_over_a_restart() {
    let served = Served::new().await;
    let (server, caller) = (served.bus().await, served.bus().await);
    let (echo, _heard) = Echo::new();
    server.serve("echo", echo).await.unwrap();
    assert!(call(&caller, "echo", "one", Duration::from_secs(10)).await.is_ok());
    let _served = served.restarted().await;
    let answer = call(&caller, "echo", "two", Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.as_deref(), Some("two"));
}
