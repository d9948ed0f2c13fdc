//! What a call does, on every transport.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use thriftwood::{Client, Context, RpcErrorKind, Server};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Item, ProbeClient, RefuseError, StrangerClient};
use crate::probe::Relay;

/// Strings, numbers, lists and bytes come back as they were sent.
pub async fn a_call_gives_back_its_result(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let item = Item::new("ünï 🦀")
        .with_number(i64::MIN)
        .with_tags(vec!["a".into(), String::new()])
        .with_blob(Bytes::from(vec![7; 1000]));
    assert_eq!(probe.echo(&patient(), item.clone()).await.unwrap(), item);
}

/// A declared exception is a variant of the method's own error.
pub async fn a_declared_exception_arrives_as_itself(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    match probe.refuse(&patient(), "not today".into()).await {
        Err(RefuseError::Refused(refused)) => assert_eq!((&*refused.reason, refused.code), ("not today", 7)),
        other => panic!("expected the declared exception, got {other:?}"),
    }
}

/// A handler's own number reaches the caller, with its text.
pub async fn an_application_code_passes_unchanged(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let error = probe.fails(&patient(), 400).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (RpcErrorKind::Application(400), "the application says no"));
}

/// A method the server does not have.
pub async fn an_unknown_method_is_a_typed_error(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let stranger = StrangerClient::new(fixture.client.rpc("probe"));
    let error = stranger.unheard_of(&patient()).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::UnknownMethod);
    assert!(error.message().contains("unheardOf"), "{error}");
    probe.echo(&patient(), Item::new("still there")).await.unwrap();
}

/// A panic ends one call, not the server.
pub async fn a_panic_is_an_internal_error_and_the_server_lives_on(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let error = probe.panics(&patient(), "the roof is on fire".into()).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Internal);
    assert!(error.message().contains("the roof is on fire"), "{error}");
    probe.echo(&patient(), Item::new("still there")).await.unwrap();
}

/// The caller waits no longer than it said.
pub async fn a_slow_reply_times_out_and_the_next_call_works(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let hasty = Context::new().with_timeout(Duration::from_millis(50));
    let error = soon("the time-out", probe.after_millis(&hasty, 60_000, 1)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(probe.after_millis(&patient(), 0, 2).await.unwrap(), 2);
}

/// A call that takes long does not stand in the way of one that does not.
pub async fn a_slow_call_delays_no_other(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let (hasty, slow_ctx) = (patient(), patient());
    let slow = probe.after_millis(&slow_ctx, 5_000, 1);
    let fast = async {
        for number in 0..10 {
            assert_eq!(probe.after_millis(&hasty, 0, number).await.unwrap(), number);
        }
    };
    tokio::select! {
        biased;
        done = slow => panic!("the slow call was done first: {done:?}"),
        () = fast => {}
    }
}

/// One client, a thousand calls under way, each with its own reply, the later ones answered first.
pub async fn a_thousand_calls_at_once_get_their_own_replies_out_of_order(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let ctx = patient();
    let calls = (0..1000_i32).map(|i| probe.after_millis(&ctx, (1000 - i) / 4, i64::from(i)));
    let replies = soon("a thousand replies", join_all(calls)).await;
    for (i, reply) in (0..).zip(replies) {
        assert_eq!(reply.unwrap(), i);
    }
}

/// The handler reads the caller's headers; the caller reads the handler's.
pub async fn headers_travel_both_ways(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let ctx = patient().with_header("naïve", "ünï").with_header("empty", "");
    assert_eq!(probe.header(&ctx, "naïve".into()).await.unwrap(), "ünï");
    assert_eq!(ctx.response_header("answered").as_deref(), Some("yes, naïvely"));
    assert_eq!(probe.header(&ctx, "empty".into()).await.unwrap(), "");
    assert_eq!(probe.header(&ctx, "other".into()).await.unwrap(), "absent");
    assert_eq!(probe.header(&ctx, "_cid".into()).await.unwrap(), ctx.correlation_id());
}

/// The remaining time travels, and is what the handler's context says.
pub async fn the_handler_sees_what_time_is_left(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let ctx = Context::new().with_timeout(Duration::from_secs(40));
    let left = probe.remaining(&ctx).await.unwrap();
    assert!((1_000..=40_000).contains(&left), "{left} ms of 40 s");
}

/// Whoever drops a call has its handler stopped, at once where the transport can say so, and else when the time is up.
pub async fn a_dropped_future_stops_the_handler(fixture: &Fixture) {
    let (handler, probe) = fixture.probe().await;
    let says_so = matches!(fixture.client.scheme(), "memory" | "tcp" | "tcps" | "unix" | "http" | "https");
    let ctx = Context::new().with_timeout(Duration::from_secs(if says_so { 600 } else { 2 }));
    {
        let call = probe.after_millis(&ctx, 600_000, -3);
        tokio::select! {
            done = call => panic!("the call was done: {done:?}"),
            note = soon("the handler's note", handler.next_note()) => assert_eq!(note.as_deref(), Some("began -3")),
        }
    }
    assert_eq!(soon("the handler's end", handler.next_note()).await.as_deref(), Some("stopped -3"));
    assert_eq!(probe.after_millis(&patient(), 0, 2).await.unwrap(), 2);
}

/// A handler that calls on with its own context passes on what time is left, and when that is up everything stops.
pub async fn the_deadline_reaches_the_third_hop(fixture: &Fixture) {
    let (handler, _) = fixture.probe().await;
    for (address, next) in [("second", "probe"), ("first", "second")] {
        let relay = Relay(Client::new(fixture.client.rpc(next)));
        fixture.server.serve(address, Server::new("Probe", relay)).await.unwrap();
    }
    let first = ProbeClient::new(fixture.client.rpc("first"));
    let left = first.remaining(&Context::new().with_timeout(Duration::from_secs(40))).await.unwrap();
    assert!((1_000..=40_000).contains(&left), "{left} ms of 40 s");
    let hasty = Context::new().with_timeout(Duration::from_secs(1));
    let error = soon("the time-out", first.after_millis(&hasty, 600_000, -5)).await.unwrap_err();
    // Whichever is first: this side's own limit, or word from a hop further on that it waited as long.
    assert!(error.is_timeout() || error.message().contains("no reply to Probe.afterMillis within"), "{error}");
    for note in ["began -5", "stopped -5"] {
        assert_eq!(soon(note, handler.next_note()).await.as_deref(), Some(note));
    }
}

/// A oneway call returns at once and is handled all the same.
pub async fn a_oneway_call_is_handled_and_not_awaited(fixture: &Fixture) {
    let (handler, probe) = fixture.probe().await;
    for text in ["first", "second"] {
        probe.note(&patient(), text.into()).await.unwrap();
        assert_eq!(soon("the note", handler.next_note()).await.as_deref(), Some(text));
    }
}

/// Stopping lets the calls under way finish; calls made afterwards do not reach the handler.
pub async fn a_stopped_server_finishes_what_it_has(fixture: &Fixture) {
    let handler = crate::probe::Probe::default();
    let serving = fixture.server.serve("short", crate::idl::ProbeServer::new(handler.clone())).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("short"));
    let under_way = tokio::spawn({
        let probe = probe.clone();
        async move { probe.after_millis(&patient(), 300, -9).await }
    });
    // A negative number makes the handler say that it has begun.
    assert_eq!(soon("the handler's note", handler.next_note()).await.as_deref(), Some("began -9"));
    soon("the stop", serving.stop()).await;
    assert_eq!(soon("the reply", under_way).await.unwrap().unwrap(), -9);
    let late = probe.after_millis(&Context::new().with_timeout(Duration::from_millis(200)), 0, 1).await;
    assert!(late.is_err(), "a stopped server answered {late:?}");
}

/// What a stop with a time limit does not wait for is ended, and the server has stopped all the same.
pub async fn a_stop_with_a_limit_ends_the_handlers_that_take_longer(fixture: &Fixture) {
    let handler = crate::probe::Probe::default();
    let serving = fixture.server.serve("short", crate::idl::ProbeServer::new(handler.clone())).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("short"));
    let endless = tokio::spawn(async move {
        let ctx = Context::new().with_timeout(Duration::from_secs(2));
        probe.after_millis(&ctx, 600_000, -9).await
    });
    assert_eq!(soon("the handler's note", handler.next_note()).await.as_deref(), Some("began -9"));
    assert!(!soon("the stop", serving.stop_within(Duration::from_millis(50))).await, "it says that something was left");
    assert_eq!(soon("the handler's end", handler.next_note()).await.as_deref(), Some("stopped -9"));
    let error = soon("the caller's end", endless).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::Disconnected | RpcErrorKind::Timeout), "{error}");
}

/// What is done with a closed bus fails, and says why.
pub async fn a_closed_bus_says_so(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    probe.echo(&patient(), Item::new("open")).await.unwrap();
    fixture.server.close().await.unwrap();
    fixture.client.close().await.unwrap();
    let error = soon("the refusal", probe.echo(&patient(), Item::new("closed"))).await.unwrap_err();
    assert!(error.is_unavailable() && error.message().contains("closed"), "{error}");
}
