//! Events where something goes wrong: a group with a member that sleeps, a handler that panics, a layer that refuses, a
//! bus that closes.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use calc::{NUMBERS, NumbersEvent, OTHER, SOME, patient, soon};
use futures_util::FutureExt;
use thriftwood_core::event::{Durability, Envelope, Operation, Publisher, Subscriber, TopicFilter};
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind, Subscription, memory};
use tower::Service;

fn variables(values: [&str; 2]) -> Vec<String> {
    values.map(String::from).into()
}

fn subscriber(bus: &Bus) -> Subscriber<NumbersEvent> {
    Subscriber::new(bus, &NUMBERS, variables(["bill", "emea"]))
}

async fn subscribe(subscriber: &Subscriber<NumbersEvent>, operation: &'static Operation) -> Subscription<i64> {
    subscriber.subscribe(operation, NumbersEvent::Some, NumbersEvent::some).await.unwrap()
}

async fn publish(bus: &Bus, operation: &'static Operation, number: i64) -> Result<(), Error> {
    let publisher = Publisher::<NumbersEvent>::new(bus, &NUMBERS, variables(["bill", "emea"]));
    publisher.publish(&patient(), operation, &number, NumbersEvent::Some).await
}

/// What is there already, without waiting.
fn drain(subscription: &mut Subscription<i64>) -> Vec<i64> {
    // Without tokio's budget, by which a channel that has something says now and then that it has not.
    let next = || tokio::task::unconstrained(subscription.next()).now_or_never().flatten();
    std::iter::from_fn(next).map(|event| *event.unwrap()).collect()
}

#[tokio::test]
async fn members_of_a_group_share_fairly_though_topics_are_published_by_turns() {
    let bus = memory::bus();
    let group = subscriber(&bus).group("g");
    let mut some = [subscribe(&group, &SOME).await, subscribe(&group, &SOME).await];
    let mut other = [subscribe(&group, &OTHER).await, subscribe(&group, &OTHER).await];
    for number in 0..100 {
        publish(&bus, &SOME, number).await.unwrap();
        publish(&bus, &OTHER, number).await.unwrap();
    }
    for members in [&mut some, &mut other] {
        let counts = members.each_mut().map(|member| drain(member).len());
        assert_eq!(counts, [50, 50]);
    }
}

#[tokio::test]
async fn a_member_that_sleeps_does_not_hold_up_its_group() {
    let bus = memory::bus();
    let group = subscriber(&bus).group("g");
    let _asleep = subscribe(&group, &SOME).await;
    let mut awake = subscribe(&group, &SOME).await;
    // Three times what the sleeper's channel holds.
    let mut taken = 0;
    for number in 0..3 * 1024 {
        soon("room", publish(&bus, &SOME, number)).await.unwrap();
        taken += drain(&mut awake).len();
    }
    assert!(taken >= 2 * 1024, "the one awake got {taken} of 3,072");
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_holds_its_publisher_back_and_no_other_subscriber() {
    let bus = memory::bus();
    let mut asleep = subscribe(&subscriber(&bus), &SOME).await;
    let mut awake = subscribe(&subscriber(&bus), &SOME).await;
    for number in 0..1024 {
        publish(&bus, &SOME, number).await.unwrap();
        assert_eq!(drain(&mut awake), [number]);
    }
    let held = tokio::spawn({
        let bus = bus.clone();
        async move { publish(&bus, &SOME, 1024).await }
    });
    assert_eq!(*soon("the event", awake.next()).await.unwrap().unwrap(), 1024);
    assert!(!held.is_finished());
    assert_eq!(drain(&mut asleep).len(), 1024);
    soon("the publisher", held).await.unwrap().unwrap();
    assert_eq!(*soon("the event", asleep.next()).await.unwrap().unwrap(), 1024);
}

#[tokio::test]
async fn a_subscription_that_ended_holds_nobody_back() {
    let bus = memory::bus();
    let ended = subscribe(&subscriber(&bus), &SOME).await;
    for number in 0..1024 {
        publish(&bus, &SOME, number).await.unwrap();
    }
    let held = tokio::spawn({
        let bus = bus.clone();
        async move { publish(&bus, &SOME, 1024).await }
    });
    tokio::task::yield_now().await;
    drop(ended);
    soon("the publisher", held).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_one_event_and_not_the_subscription() {
    let bus = memory::bus();
    let numbers = subscribe(&subscriber(&bus), &SOME).await;
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handling = tokio::spawn(numbers.for_each(move |_, number| {
        assert_ne!(number, 1, "one is what this handler cannot take");
        let seen = seen_in.clone();
        async move {
            assert_ne!(number, 2, "nor two");
            seen.send(number).unwrap();
            Ok::<(), Infallible>(())
        }
    }));
    for number in 0..4 {
        publish(&bus, &SOME, number).await.unwrap();
    }
    assert_eq!(soon("an event", seen.recv()).await, Some(0));
    assert_eq!(soon("an event", seen.recv()).await, Some(3));
    bus.close().await.unwrap();
    soon("the end", handling).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_abandoned_wait_for_the_next_event_loses_none() {
    let bus = memory::bus();
    let mut plain = subscribe(&subscriber(&bus), &SOME).await;
    let mut layered = subscribe(&subscriber(&bus).layer(Pass::layer(0)), &SOME).await;
    for number in 0..50 {
        for subscription in [&mut plain, &mut layered] {
            let abandoned = tokio::time::timeout(Duration::ZERO, subscription.next()).await;
            assert!(abandoned.is_err());
        }
        publish(&bus, &SOME, number).await.unwrap();
        for subscription in [&mut plain, &mut layered] {
            let event = soon("the event", subscription.next()).await.unwrap().unwrap();
            assert_eq!(*event, number);
            event.ack().await.unwrap();
        }
    }
}

/// Passes events on, and refuses the first few after they were handled.
#[derive(Clone)]
struct Pass<S> {
    inner: S,
    refusals: Arc<AtomicU32>,
}

impl Pass<()> {
    fn layer<S>(refusals: u32) -> impl tower::Layer<S, Service = Pass<S>> + Send + Sync + 'static {
        let refusals = Arc::new(AtomicU32::new(refusals));
        tower::layer::layer_fn(move |inner| Pass { inner, refusals: Arc::clone(&refusals) })
    }
}

impl<S> Service<Envelope<NumbersEvent>> for Pass<S>
where
    S: Service<Envelope<NumbersEvent>, Response = (), Error = Error, Future: Send + 'static>,
{
    type Response = ();
    type Error = Error;
    type Future = BoxFuture<'static, Result<(), Error>>;

    fn poll_ready(&mut self, cx: &mut Cx<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, envelope: Envelope<NumbersEvent>) -> Self::Future {
        let handled = self.inner.call(envelope);
        let refusals = Arc::clone(&self.refusals);
        Box::pin(async move {
            handled.await?;
            match refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                Ok(_) => Err(Error::new(ErrorKind::Refused, "the layer thinks otherwise")),
                Err(_) => Ok(()),
            }
        })
    }
}

#[tokio::test]
async fn an_acknowledgement_that_a_layer_refuses_is_not_reported_as_done() {
    let bus = memory::bus();
    let mut numbers = subscribe(&subscriber(&bus).layer(Pass::layer(1)), &SOME).await;
    for number in 0..2 {
        publish(&bus, &SOME, number).await.unwrap();
    }
    let first = soon("the event", numbers.next()).await.unwrap().unwrap();
    let error = soon("the refusal", first.ack()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let second = soon("the event", numbers.next()).await.unwrap().unwrap();
    soon("the acknowledgement", second.ack()).await.unwrap();
}

#[tokio::test]
async fn events_may_be_collected_to_the_end_of_the_bus_and_then_acknowledged() {
    for layered in [false, true] {
        let bus = memory::bus();
        let subscriber = if layered { subscriber(&bus).layer(Pass::layer(0)) } else { subscriber(&bus) };
        let mut numbers = subscribe(&subscriber, &SOME).await;
        for number in 0..3 {
            publish(&bus, &SOME, number).await.unwrap();
        }
        bus.close().await.unwrap();
        let mut collected = Vec::new();
        soon("the end", async {
            while let Some(event) = numbers.next().await {
                collected.push(event.unwrap());
            }
        })
        .await;
        assert!(soon("the end, again", numbers.next()).await.is_none());
        assert_eq!(collected.iter().map(|event| **event).collect::<Vec<_>>(), [0, 1, 2], "layered: {layered}");
        for event in collected {
            soon("the acknowledgement", event.ack()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_event_of_another_operation_is_an_error_of_that_event_only() {
    let bus = memory::bus();
    // A subscription to one operation, with the types of another: as after a rename on one side.
    static SOME_RENAMED: Operation = Operation { scope: &NUMBERS, name: "Some", annotations: &[], payload: None };
    let mut numbers =
        subscriber(&bus).subscribe::<String>(&SOME_RENAMED, |_| NumbersEvent::Some(0), |_| None).await.unwrap();
    publish(&bus, &SOME, i64::MAX).await.unwrap();
    let error = soon("the error", numbers.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.message().contains("n.bill.emea.Numbers.Some"), "{error}");
    publish(&bus, &SOME, 0).await.unwrap();
    assert_eq!(*soon("the event", numbers.next()).await.unwrap().unwrap(), "");
}

#[tokio::test]
async fn a_wildcard_that_would_take_the_operation_too_is_refused() {
    let bus = memory::bus();
    for (values, names) in [
        (["bill", ">"], "`>`"),
        (["a.>", "emea"], "`>`"),
        (["a b", "emea"], "white space"),
        (["a..b", "emea"], "empty part"),
        ([".a", "emea"], "empty part"),
        (["bill", "a."], "empty part"),
    ] {
        let subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, variables(values));
        let subscribed = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await;
        let error = subscribed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{values:?}");
        assert!(error.message().contains(names), "{error}");
    }
    // A publisher gives no wildcard at all, nor as a part between dots.
    for values in [["*", "emea"], ["bill", "a.*"]] {
        let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables(values));
        let error = publisher.publish(&patient(), &SOME, &1, NumbersEvent::Some).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{values:?}");
    }
    let mut all = subscribe(&Subscriber::new(&bus, &NUMBERS, variables(["*", "emea"])), &SOME).await;
    publish(&bus, &SOME, 1).await.unwrap();
    publish(&bus, &OTHER, 2).await.unwrap();
    assert_eq!(drain(&mut all), [1]);
}

#[test]
fn a_filter_takes_the_topics_its_tokens_name() {
    let takes = |pattern: &str, topic: &str| TopicFilter { pattern: pattern.into(), stream: "".into() }.matches(topic);
    for (pattern, topic) in
        [("a.b", "a.b"), ("a.*", "a.b"), ("*.*", "a.b"), ("a.>", "a.b"), ("a.>", "a.b.c"), (">", "a")]
    {
        assert!(takes(pattern, topic), "{pattern} {topic}");
    }
    for (pattern, topic) in [
        ("a.b", "a"),
        ("a", "a.b"),
        ("a.*", "a"),
        ("a.*", "a.b.c"),
        ("a.>", "a"),
        ("a.>", "b.a"),
        ("a.>.c", "a.b.d"),
        ("a.b", "a.B"),
        ("", "a"),
        ("a*", "ab"),
    ] {
        assert!(!takes(pattern, topic), "{pattern} {topic}");
    }
}

#[tokio::test]
async fn servers_and_subscribers_that_are_gone_leave_no_trace() {
    let bus = memory::bus();
    for _ in 0..20 {
        let (server, _strings) = calc::Calc::server();
        bus.serve("calc", server).await.unwrap().stop().await;
        drop(subscribe(&subscriber(&bus), &SOME).await);
    }
    let client = thriftwood_core::Client::<calc::CalcRequest>::new(bus.rpc("calc"));
    let error = calc::add(&client, &patient(), 1, 1).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let (server, _strings) = calc::Calc::server();
    bus.serve("calc", server).await.unwrap();
    assert_eq!(calc::add(&client, &patient(), 1, 1).await.unwrap(), 2);
}

#[tokio::test]
async fn a_server_ends_when_the_last_handle_of_its_bus_is_gone() {
    let bus = memory::bus();
    let (server, _strings) = calc::Calc::server();
    let serving = bus.serve("calc", server).await.unwrap();
    drop(bus);
    soon("the server's end", serving.wait()).await;
}

#[tokio::test]
async fn handlers_at_once_survive_a_panic_and_the_events_that_cannot_be_read() {
    let bus = memory::bus();
    let numbers = subscribe(&subscriber(&bus), &SOME).await;
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handling = tokio::spawn(numbers.for_each_concurrent(3, move |_, number| {
        assert_ne!(number, 1, "one is what this handler cannot take");
        let seen = seen_in.clone();
        async move {
            assert_ne!(number, 2, "nor two");
            seen.send(number)
        }
    }));
    for number in 0..4 {
        publish(&bus, &SOME, number).await.unwrap();
    }
    let mut both = [soon("an event", seen.recv()).await.unwrap(), soon("an event", seen.recv()).await.unwrap()];
    both.sort_unstable();
    assert_eq!(both, [0, 3]);
    bus.close().await.unwrap();
    soon("the end", handling).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_order_of_keys_cannot_be_asked_for_once_middleware_has_begun() {
    let bus = memory::bus();
    let layered = subscriber(&bus).layer(tower::layer::util::Identity::new());
    let mut numbers = subscribe(&layered, &SOME).await;
    publish(&bus, &SOME, 1).await.unwrap();
    assert_eq!(*soon("the event", numbers.next()).await.unwrap().unwrap(), 1);
    let refused = numbers.for_each_concurrent(2, |_, _| async { Ok::<(), String>(()) }).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn handlers_at_once_go_through_middleware_too() {
    let bus = memory::bus();
    let layered = subscriber(&bus).layer(tower::layer::util::Identity::new());
    let numbers = subscribe(&layered, &SOME).await;
    let (seen_in, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let all_there = Arc::new(tokio::sync::Barrier::new(3));
    let handling = tokio::spawn(numbers.for_each_concurrent(3, move |_, number| {
        let (seen, all_there) = (seen_in.clone(), Arc::clone(&all_there));
        async move {
            all_there.wait().await;
            seen.send(number)
        }
    }));
    for number in 0..3 {
        publish(&bus, &SOME, number).await.unwrap();
    }
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(soon("three at once", seen.recv()).await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);
    handling.abort();
}

#[tokio::test]
async fn events_that_were_to_be_kept_are_refused_where_none_are() {
    let bus = memory::bus();
    let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables(["bill", "emea"]));
    let durable = patient().with_durability(Durability::Durable);
    let error = publisher.publish(&durable, &SOME, &1, NumbersEvent::Some).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`log:DIR`"), "{error}");
    let buffered = patient().with_durability(Durability::Buffered);
    publisher.publish(&buffered, &SOME, &1, NumbersEvent::Some).await.unwrap();
}
