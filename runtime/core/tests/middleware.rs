//! Middleware as functions and over frames: what it sees, and in which order.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse, NUMBERS, NumbersEvent, SOME, add, patient, soon};
use thriftwood_core::call::{Call, Inbound, Request};
use thriftwood_core::event::{Delivery, Publisher, Subscriber};
use thriftwood_core::frame::Frame;
use thriftwood_core::middleware::{Next, Passage, Published, from_fn};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{Client, Error, ErrorKind, RpcError, RpcErrorKind, memory};

type Trail = Arc<Mutex<Vec<&'static str>>>;

/// Notes that something passed, whatever it is, and goes on.
async fn pass<P: Passage>(name: &'static str, trail: Trail, passage: P, next: Next<P>) -> Result<P::Output, P::Error> {
    trail.lock().unwrap().push(name);
    let outcome = next.run(passage).await;
    trail.lock().unwrap().push("and back");
    outcome
}

#[tokio::test]
async fn a_call_passes_typed_layers_then_those_over_frames_each_the_last_added_first() {
    let trail = Trail::default();
    macro_rules! note {
        ($name:literal, $passage:ty) => {{
            let trail = Arc::clone(&trail);
            from_fn(move |passage: $passage, next| pass($name, Arc::clone(&trail), passage, next))
        }};
    }
    let bus = memory::bus();
    let (server, _strings) = Calc::server();
    let server = server.layer(note!("server 1", Call<CalcRequest>)).layer(note!("server 2", Call<CalcRequest>));
    bus.serve("calc", server).layer(note!("serve 1", Inbound)).layer(note!("serve 2", Inbound)).await.unwrap();
    let rpc = bus.rpc("calc").layer(note!("rpc 1", Outbound)).layer(note!("rpc 2", Outbound));
    let client = Client::new(rpc);
    let client = client.layer(note!("client 1", Call<CalcRequest>)).layer(note!("client 2", Call<CalcRequest>));
    assert_eq!(soon("the sum", add(&client, &patient(), 2, 40)).await.unwrap(), 42);
    let trail = std::mem::take(&mut *trail.lock().unwrap());
    let out = ["client 2", "client 1", "rpc 2", "rpc 1", "serve 2", "serve 1", "server 2", "server 1"];
    assert_eq!(trail, [out, ["and back"; 8]].concat());
}

#[tokio::test]
async fn a_function_can_change_a_call_answer_it_repeat_it_and_see_which_method_it_is() {
    async fn meddle<Req: Request>(call: Call<Req>, next: Next<Call<Req>>) -> Result<Req::Response, RpcError> {
        match (call.method().name, call.context.header("tenant")) {
            (_, None) => Err(RpcError::application(401, "who are you?")),
            // Twice: the first time for nothing.
            ("Add", Some(_)) => {
                next.clone().run(call.clone()).await?;
                next.run(call).await
            }
            _ => next.run(call).await,
        }
    }
    let (calc, _strings) = Calc::new();
    let calc = Arc::new(calc);
    let handler = Arc::clone(&calc);
    let server = thriftwood_core::Server::new("Calc", Shared(handler)).layer(from_fn(meddle::<CalcRequest>));
    let client = Client::new(memory::rpc(server));
    let error = add(&client, &patient(), 2, 40).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Application(401));
    assert_eq!(add(&client, &patient().with_header("tenant", "blue"), 2, 40).await.unwrap(), 42);
    assert_eq!(calc.added.load(std::sync::atomic::Ordering::Relaxed), 2);
}

struct Shared(Arc<Calc>);

impl thriftwood_core::middleware::Step<Call<CalcRequest>> for Shared {
    async fn call(&self, call: Call<CalcRequest>) -> Result<CalcResponse, RpcError> {
        thriftwood_core::middleware::Step::call(&*self.0, call).await
    }
}

#[tokio::test]
async fn a_layer_over_frames_sees_whole_frames_and_its_refusal_is_answered() {
    async fn refuse_strangers(inbound: Inbound, next: Next<Inbound>) -> Result<Option<Bytes>, RpcError> {
        match Frame::decode(inbound.frame.clone())?.headers().get("tenant") {
            Some(_) => next.run(inbound).await,
            None => Err(RpcError::new(RpcErrorKind::Overloaded, "not today")),
        }
    }
    let bus = memory::bus();
    let (server, _strings) = Calc::server();
    bus.serve("calc", server).layer(from_fn(refuse_strangers)).await.unwrap();
    let client = Client::new(bus.rpc("calc"));
    let error = soon("the refusal", add(&client, &patient(), 2, 40)).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (RpcErrorKind::Overloaded, "not today"));
    assert_eq!(soon("the sum", add(&client, &patient().with_header("tenant", "x"), 2, 40)).await.unwrap(), 42);
}

#[tokio::test]
async fn layers_over_the_frames_of_events_see_what_is_published_and_what_is_received() {
    let trail = Trail::default();
    macro_rules! note {
        ($name:literal, $passage:ty) => {{
            let trail = Arc::clone(&trail);
            from_fn(move |passage: $passage, next| pass($name, Arc::clone(&trail), passage, next))
        }};
    }
    let bus = memory::bus()
        .layer_published(note!("published 1", Published))
        .layer_published(note!("published 2", Published))
        .layer_received(note!("received 1", Delivery))
        .layer_received(note!("received 2", Delivery))
        .layer_received(from_fn(async |delivery: Delivery, next: Next<Delivery>| {
            if delivery.topic.contains("mars") {
                return Err(Error::new(ErrorKind::Refused, "not from there"));
            }
            next.run(delivery).await
        }));
    let subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, vec!["*".into(), "*".into()]);
    let mut numbers = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap();
    for (region, number) in [("emea", 1), ("mars", 2), ("emea", 3)] {
        let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, vec!["bill".into(), region.into()]);
        publisher.publish(&patient(), &SOME, &number, NumbersEvent::Some).await.unwrap();
    }
    assert_eq!(*soon("the first", numbers.next()).await.unwrap().unwrap().payload(), 1);
    let error = soon("the refusal", numbers.next()).await.unwrap().unwrap_err();
    assert!(error.message().contains("not from there"), "{error}");
    assert_eq!(*soon("the third", numbers.next()).await.unwrap().unwrap().payload(), 3);
    let trail = trail.lock().unwrap();
    assert_eq!(trail[..4], ["published 2", "published 1", "and back", "and back"]);
    assert_eq!(trail[12..16], ["received 1", "and back", "received 2", "and back"]);
}
