//! Calls that are stored: they wait for a server, survive a restart, and are handled by one.

use std::sync::Arc;
use std::time::Duration;

use thriftwood_core::{Bus, RpcErrorKind};
use tokio::sync::Semaphore;

use crate::support::{Echo, call, connect, soon};

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
