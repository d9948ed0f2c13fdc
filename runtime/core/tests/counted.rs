//! A transport that counts deliveries: what it is told by handlers of several events at once, plain and through layers.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::task::{Context as Cx, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use calc::{NUMBERS, NumbersEvent, SOME, patient, soon};
use thriftwood_core::call::Handler;
use thriftwood_core::event::{
    Acknowledge, Delivery, Envelope, Guarantee, PublishOptions, Publisher, SubscribeOptions, Subscriber, Topic,
    TopicFilter,
};
use thriftwood_core::middleware::{Next, from_fn};
use thriftwood_core::transport::{EventSource, Outbound, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind, RpcError, RpcErrorKind};
use tokio::sync::Notify;

/// What the transport allows.
const ATTEMPTS: usize = 3;

/// Keeps what is published for one subscription, and what that says.
#[derive(Clone, Default)]
struct Counting {
    published: Arc<Mutex<VecDeque<(String, Bytes)>>>,
    said: Arc<Mutex<Vec<String>>>,
    done: Arc<Notify>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Counting {
    fn say(&self, what: impl Into<String>) {
        self.said.lock().unwrap().push(what.into());
    }
}

impl Transport for Counting {
    fn scheme(&self) -> &'static str {
        "counting"
    }

    fn rpc(&self, _: &str) -> Arc<dyn RpcChannel> {
        Arc::new(NoCalls)
    }

    fn serve(&self, _: String, _: Arc<dyn Handler>, _: ServeOptions) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(ready(Err(Error::new(ErrorKind::Unsupported, "it carries events"))))
    }

    fn publish<'a>(&'a self, topic: &'a Topic, frame: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        self.published.lock().unwrap().push_back((topic.name.clone(), frame));
        self.waker.lock().unwrap().take().into_iter().for_each(Waker::wake);
        Box::pin(ready(Ok(())))
    }

    fn subscribe(&self, _: TopicFilter, _: SubscribeOptions) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(ready(Ok(Box::new(Source(self.clone())) as Box<dyn EventSource>)))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(ready(Ok(())))
    }
}

struct NoCalls;

impl RpcChannel for NoCalls {
    fn call(&self, _: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(ready(Err(RpcError::new(RpcErrorKind::Unavailable, "it carries events"))))
    }
}

struct Source(Counting);

impl EventSource for Source {
    fn poll_next(&mut self, cx: &mut Cx<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        *self.0.waker.lock().unwrap() = Some(cx.waker().clone());
        let Some((topic, frame)) = self.0.published.lock().unwrap().pop_front() else { return Poll::Pending };
        let acknowledge = Some(Box::new(Verdict(self.0.clone(), 1)) as Box<dyn Acknowledge>);
        Poll::Ready(Some(Ok(Delivery { topic, frame, offset: None, time: None, attempt: 1, acknowledge })))
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn max_in_flight(&mut self, events: usize) {
        self.0.say(format!("at most {events}"));
    }

    fn begins_at_once(&mut self, events: usize) {
        self.0.say(format!("{events} at once"));
    }
}

struct Verdict(Counting, usize);

impl Acknowledge for Verdict {
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.0.say("handled");
        self.0.done.notify_one();
        Box::pin(ready(Ok(())))
    }

    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        self.0.say(format!("given up after {} for {reason}, {delay:?}", self.1));
        Box::pin(ready(Ok(())))
    }

    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        self.0.say(format!("hopeless: {reason}"));
        Box::pin(ready(Ok(())))
    }

    fn again(&mut self, reason: &str) -> bool {
        self.0.say(format!("failed: {reason}"));
        let again = self.1 < ATTEMPTS;
        self.1 += usize::from(again);
        again
    }
}

async fn passed_on(envelope: Envelope<NumbersEvent>, next: Next<Envelope<NumbersEvent>>) -> Result<(), Error> {
    next.run(envelope).await
}

/// It hears how many begin at once; of each failure that stays here; and of the last one, when the event is to be given up. Then the
/// next event of the key has its turn.
#[tokio::test]
async fn a_transport_hears_of_every_try_and_has_the_last_word() {
    for layered in [false, true] {
        let counting = Counting::default();
        let bus = Bus::new(counting.clone());
        let variables = || ["bill", "emea"].map(String::from).to_vec();
        let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables());
        for number in 0..2 {
            let context = patient().with_key("one");
            publisher.publish(&context, &SOME, &number, NumbersEvent::Some).await.unwrap();
        }
        let mut subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, variables()).group("g");
        if layered {
            subscriber = subscriber.layer(from_fn(passed_on));
        }
        let numbers = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap();
        let done = Arc::clone(&counting.done);
        let stop = async move { done.notified().await };
        let handling = numbers
            .max_in_flight(7)
            .until(stop)
            .for_each_concurrent(5, |_, number| async move { if number == 0 { Err("no account") } else { Ok(()) } });
        soon("the end", handling).await.unwrap();
        assert_eq!(
            *counting.said.lock().unwrap(),
            [
                "at most 7",
                "5 at once",
                "failed: no account",
                "failed: no account",
                "failed: no account",
                "given up after 3 for no account, None",
                "handled",
            ],
            "layered: {layered}"
        );
    }
}

async fn twice(envelope: Envelope<NumbersEvent>, next: Next<Envelope<NumbersEvent>>) -> Result<(), Error> {
    match next.clone().run(envelope.clone()).await {
        Ok(()) => Ok(()),
        Err(_) => next.run(envelope).await,
    }
}

/// Whoever refused it goes on and has it again, though nothing else comes; what can never be handled does not come again.
#[tokio::test]
async fn a_layer_that_tries_again_keeps_nobody_waiting_and_tries_nothing_hopeless() {
    for limit in [None, Some(1)] {
        let counting = Counting::default();
        let bus = Bus::new(counting.clone());
        let variables = || ["bill", "emea"].map(String::from).to_vec();
        let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables());
        let subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, variables()).group("g").layer(from_fn(twice));
        let mut numbers = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap();
        if let Some(limit) = limit {
            numbers = numbers.max_in_flight(limit);
        }
        publisher.publish(&patient(), &SOME, &0, NumbersEvent::Some).await.unwrap();
        let event = soon("the event", numbers.next()).await.unwrap().unwrap();
        soon("word that it comes again", event.nack_because("not now")).await.unwrap();
        let event = soon("the event again", numbers.next()).await.unwrap().unwrap();
        soon("the acknowledgement", event.ack()).await.unwrap();
        publisher.publish(&patient(), &SOME, &1, NumbersEvent::Some).await.unwrap();
        let event = soon("the other event", numbers.next()).await.unwrap().unwrap();
        soon("the dead letter", event.dead_letter("no account")).await.unwrap();
        let said = counting.said.lock().unwrap().clone();
        assert_eq!(said[said.len() - 2..], ["handled", "hopeless: no account"], "{said:?}");
    }
}

/// The word goes past the keeper of the keys' order, and lets the next event of the key through.
#[tokio::test]
async fn a_transport_hears_of_an_event_of_a_key_that_can_never_be_handled() {
    let counting = Counting::default();
    let bus = Bus::new(counting.clone());
    let variables = || ["bill", "emea"].map(String::from).to_vec();
    let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables());
    for number in 0..2 {
        let context = patient().with_key("one");
        publisher.publish(&context, &SOME, &number, NumbersEvent::Some).await.unwrap();
    }
    let subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, variables()).group("g");
    let numbers = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap();
    let done = Arc::clone(&counting.done);
    let handling =
        numbers.until(async move { done.notified().await }).for_each_event_concurrent(2, |event| async move {
            if *event == 0 { event.dead_letter("no account").await } else { Ok(()) }
        });
    soon("the end", handling).await.unwrap();
    let said = counting.said.lock().unwrap();
    assert_eq!(said[said.len() - 2..], ["hopeless: no account", "handled"], "{said:?}");
}
