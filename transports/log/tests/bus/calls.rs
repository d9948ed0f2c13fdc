//! Calls that are stored: they wait for a server, survive a restart, and are handled by one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::{BoxFuture, Bus, RpcError, RpcErrorKind};
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogView};
use tokio::sync::Semaphore;

use crate::support::{Echo, call, connect, soon, text};

const LONG: Duration = Duration::from_secs(20);

fn spawn_call(bus: &Bus, words: &str) -> tokio::task::JoinHandle<Option<String>> {
    let (bus, words) = (bus.clone(), words.to_owned());
    tokio::spawn(async move { call(&bus, "echo", &words, LONG).await.ok().flatten() })
}

#[tokio::test]
async fn each_caller_gets_its_own_reply_though_all_operation_ids_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let (echo, _heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    let calls: Vec<_> = (0..200).map(|n| (n, spawn_call(&bus, &format!("call {n}")))).collect();
    for (n, reply) in calls {
        assert_eq!(soon("a reply", reply).await.unwrap(), Some(format!("call {n}")));
    }
}

#[tokio::test]
async fn a_call_waits_for_a_server_and_times_out_when_none_comes() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let error = call(&bus, "nobody", "hello", Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Timeout);
    let early = spawn_call(&bus, "early");
    tokio::task::yield_now().await;
    let (echo, _heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    assert_eq!(soon("the reply", early).await.unwrap().as_deref(), Some("early"));
}

#[tokio::test]
async fn a_call_whose_time_is_up_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    call(&bus, "echo", "late", Duration::from_millis(100)).await.unwrap_err();
    // The limit counts from when the call was stored, a little after it was made.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    call(&bus, "echo", "in time", LONG).await.unwrap();
    assert_eq!(heard.recv().await.as_deref(), Some("in time"));
}

#[tokio::test]
async fn what_was_not_answered_is_handled_after_reopening_and_what_was_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let (mut echo, mut heard) = Echo::new();
    echo.let_go = Arc::new(Semaphore::new(3));
    bus.serve("echo", echo).await.unwrap();
    for words in ["first", "second", "oneway third"] {
        call(&bus, "echo", words, LONG).await.unwrap();
        assert_eq!(soon("the call", heard.recv()).await.as_deref(), Some(words));
    }
    // One more reply makes sure that the oneway call's end is stored before it; then a call gets stuck in its handler.
    let stuck = spawn_call(&bus, "stuck");
    assert_eq!(soon("the call", heard.recv()).await.as_deref(), Some("stuck"));
    call(&bus, "echo", "oneway after", LONG).await.unwrap();
    assert_eq!(soon("the call", heard.recv()).await.as_deref(), Some("oneway after"));
    stuck.abort();
    let _ = stuck.await;
    drop(bus);

    let bus = connect(folder.path()).await;
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    call(&bus, "echo", "last", LONG).await.unwrap();
    let mut again = Vec::new();
    while again.last().map(String::as_str) != Some("last") {
        again.push(soon("the calls", heard.recv()).await.unwrap());
    }
    assert_eq!(again, ["stuck", "oneway after", "last"]);
}

#[tokio::test]
async fn oneway_calls_wait_for_a_server_whatever_their_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    for n in 0..5 {
        assert_eq!(call(&bus, "echo", &format!("oneway {n}"), Duration::from_millis(500)).await.unwrap(), None);
    }
    bus.close().await.unwrap();
    tokio::time::sleep(Duration::from_millis(510)).await;
    let bus = connect(folder.path()).await;
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).concurrency(1).await.unwrap();
    for n in 0..5 {
        assert_eq!(soon("the call", heard.recv()).await, Some(format!("oneway {n}")));
    }
}

#[tokio::test]
async fn two_servers_of_an_address_share_its_calls_and_no_more_than_allowed_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let let_go = Arc::new(Semaphore::new(0));
    let (mut first, mut heard_first) = Echo::new();
    let (mut second, mut heard_second) = Echo::new();
    (first.let_go, second.let_go) = (Arc::clone(&let_go), Arc::clone(&let_go));
    bus.serve("echo", first).concurrency(2).await.unwrap();
    bus.serve("echo", second).concurrency(3).await.unwrap();
    let calls: Vec<_> = (0..20).map(|n| spawn_call(&bus, &format!("call {n}"))).collect();
    for _ in 0..2 {
        soon("a call", heard_first.recv()).await.unwrap();
    }
    for _ in 0..3 {
        soon("a call", heard_second.recv()).await.unwrap();
    }
    assert!(heard_first.try_recv().is_err() && heard_second.try_recv().is_err(), "five at once, and no more");
    let_go.add_permits(20);
    for reply in calls {
        assert!(soon("a reply", reply).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_stopped_server_leaves_further_calls_to_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let (echo, _heard) = Echo::new();
    let serving = bus.serve("echo", echo).await.unwrap();
    call(&bus, "echo", "before", LONG).await.unwrap();
    soon("the stop", serving.stop()).await;
    let between = spawn_call(&bus, "between");
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    assert_eq!(soon("the reply", between).await.unwrap().as_deref(), Some("between"));
    assert_eq!(heard.recv().await.as_deref(), Some("between"));
}

#[tokio::test]
async fn calls_that_were_answered_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = thriftwood_log::Config::default();
    config.log.segment_bytes = 10_000;
    let bus = config.connect(folder.path()).await.unwrap();
    let (echo, _heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    for _ in 0..20 {
        let calls: Vec<_> = (0..100).map(|n| spawn_call(&bus, &format!("call {n}"))).collect();
        for reply in calls {
            soon("a reply", reply).await.unwrap().unwrap();
        }
    }
    bus.close().await.unwrap();
    let segments = std::fs::read_dir(folder.path().join("calls/echo")).unwrap().count();
    assert!(segments < 30, "{segments} files");
}

#[tokio::test]
async fn an_address_that_is_no_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    assert_eq!(call(&bus, "", "x", LONG).await.unwrap_err().kind(), RpcErrorKind::InvalidRequest);
    let (echo, _heard) = Echo::new();
    assert!(bus.serve("x".repeat(300), echo).await.is_err());
    assert_eq!(
        call(&bus, "../../outside", "x", Duration::from_millis(50)).await.unwrap_err().kind(),
        RpcErrorKind::Timeout
    );
    assert!(folder.path().join("calls/%2E.%2F..%2Foutside").is_dir());
}

/// Fails oneway calls until it is mended; tells each attempt.
struct Queue {
    begun: tokio::sync::mpsc::UnboundedSender<String>,
    mended: Arc<std::sync::atomic::AtomicBool>,
}

impl Handler for Queue {
    fn service(&self) -> &'static str {
        "Queue"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        self.begun.send(text(inbound.frame)).ok();
        if !self.mended.load(std::sync::atomic::Ordering::SeqCst) {
            inbound.failure.unwrap().tell(RpcError::internal("out of order"));
        }
        Box::pin(std::future::ready(None))
    }
}

async fn connect_with(dir: &std::path::Path, url: &str) -> Bus {
    let (_, mut config) = thriftwood_log::Config::from_url(url).unwrap();
    config.groups.first_delay = Duration::from_millis(5);
    config.connect(dir).await.unwrap()
}

/// The values of records that answer a call.
fn answers(dir: &std::path::Path) -> Vec<Bytes> {
    let log = LogView::open(dir.join("calls/echo"), Arc::new(RealDisk)).unwrap();
    let mut reader = log.reader(From::First).unwrap();
    let mut answers = Vec::new();
    while let Some(record) = reader.next_ready().unwrap() {
        answers.extend(record.header("answers").map(|_| record.value().clone()));
    }
    answers
}

#[tokio::test]
async fn a_oneway_call_whose_handler_fails_is_handled_again_until_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect_with(folder.path(), "data").await;
    let (begun, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    bus.serve("echo", Queue { begun, mended: Arc::clone(&mended) }).await.unwrap();
    call(&bus, "echo", "oneway work", LONG).await.unwrap();
    for _ in 0..4 {
        assert_eq!(soon("an attempt", heard.recv()).await.as_deref(), Some("oneway work"));
    }
    mended.store(true, std::sync::atomic::Ordering::SeqCst);
    soon("its end", async {
        while answers(folder.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    bus.close().await.unwrap();
    assert_eq!(answers(folder.path()), [Bytes::new()]);
}

#[tokio::test]
async fn a_oneway_call_is_given_up_after_as_many_attempts_as_it_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect_with(folder.path(), "data?max_attempts=3").await;
    let (begun, mut heard) = tokio::sync::mpsc::unbounded_channel();
    bus.serve("echo", Queue { begun, mended: Arc::default() }).await.unwrap();
    call(&bus, "echo", "oneway work", LONG).await.unwrap();
    soon("its end", async {
        while answers(folder.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    bus.close().await.unwrap();
    let attempts = std::iter::from_fn(|| heard.try_recv().ok()).count();
    assert_eq!(attempts, 3);
}

#[tokio::test]
async fn a_call_held_beyond_the_deadline_goes_to_another_server_and_is_answered_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut config) = thriftwood_log::Config::from_url("data").unwrap();
    config.groups.deadline = Some(Duration::from_millis(50));
    let bus = config.connect(folder.path()).await.unwrap();
    let (mut stuck, mut heard_stuck) = Echo::new();
    let let_go = Arc::new(Semaphore::new(0));
    stuck.let_go = Arc::clone(&let_go);
    let stuck = bus.serve("echo", stuck).concurrency(1).await.unwrap();
    let reply = spawn_call(&bus, "slow");
    soon("the call", heard_stuck.recv()).await.unwrap();
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    assert_eq!(soon("the call", heard.recv()).await.as_deref(), Some("slow"));
    assert_eq!(soon("the reply", reply).await.unwrap().as_deref(), Some("slow"));
    let_go.add_permits(1);
    soon("the stop", stuck.stop()).await;
    bus.close().await.unwrap();
    assert_eq!(answers(folder.path()).len(), 1, "the one that was late answers nothing");
}

#[tokio::test]
async fn a_call_begun_as_often_as_it_may_be_is_answered_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut config) = thriftwood_log::Config::from_url("data?max_attempts=2").unwrap();
    config.groups.deadline = Some(Duration::from_millis(20));
    let bus = config.connect(folder.path()).await.unwrap();
    let (mut stuck, mut heard) = Echo::new();
    stuck.let_go = Arc::new(Semaphore::new(0));
    bus.serve("echo", stuck).await.unwrap();
    let reply = soon("the reply", call(&bus, "echo", "poison", LONG)).await.unwrap();
    assert_eq!(reply.as_deref(), Some("poison"), "an exception has the method's name");
    assert_eq!(std::iter::from_fn(|| heard.try_recv().ok()).count(), 2);
    let answers = answers(folder.path());
    let text = String::from_utf8_lossy(&answers[0]).into_owned();
    assert!(text.contains("begun 2 times and never answered"), "{text}");
}

#[tokio::test]
async fn a_call_whose_handler_is_stopped_goes_to_the_next_server() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let (mut stuck, mut heard) = Echo::new();
    stuck.let_go = Arc::new(Semaphore::new(0));
    let serving = bus.serve("echo", stuck).await.unwrap();
    let reply = spawn_call(&bus, "half done");
    soon("the call", heard.recv()).await.unwrap();
    call(&bus, "echo", "oneway half done", LONG).await.unwrap();
    soon("the call", heard.recv()).await.unwrap();
    assert!(!serving.stop_within(Duration::ZERO).await);
    let (echo, mut heard) = Echo::new();
    bus.serve("echo", echo).await.unwrap();
    assert_eq!(soon("the reply", reply).await.unwrap().as_deref(), Some("half done"));
    let mut again = [soon("a call", heard.recv()).await.unwrap(), soon("a call", heard.recv()).await.unwrap()];
    again.sort();
    assert_eq!(again, ["half done", "oneway half done"]);
}
