//! What an observer of a bus hears, and what it can change.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use calc::{Calc, CalcRequest, NUMBERS, NumbersEvent, SOME, add, patient, soon};
use thriftwood_core::codec::{Message, MessageType, Writer};
use thriftwood_core::event::{Publisher, Subscriber};
use thriftwood_core::frame::FrameBuilder;
use thriftwood_core::observe::{CallStart, EventStart, Observation, Observer, Outcome};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{Bus, Client, Context, RpcError, Subscription, memory};
use tower::layer::layer_fn;
use tower::service_fn;

/// Writes down what it hears, and puts a header into every context.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn bus(&self) -> Bus {
        memory::bus().with_observer(Arc::new(self.clone()))
    }

    fn begin(&self, what: String, context: &mut Context) -> Option<Box<dyn Observation>> {
        let seen = context.header("seen").unwrap_or_default().to_owned();
        *context = context.clone().with_header("seen", &format!("{seen}{what};"));
        self.note(format!("{what} begins"));
        Some(Box::new(Note { what, notes: self.clone(), ended: false }))
    }
}

impl Observer for Notes {
    fn call(&self, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        let method = start.method.map_or("?", |method| method.name);
        self.begin(format!("{:?} {} {}.{method}", start.side, start.address, start.service), context)
    }

    fn event(&self, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
        let group = start.group.unwrap_or("-");
        self.begin(format!("{:?} {} {group} #{}", start.role, start.topic, start.attempt), context)
    }
}

struct Note {
    what: String,
    notes: Notes,
    ended: bool,
}

impl Observation for Note {
    fn end(mut self: Box<Self>, outcome: Outcome<'_>) {
        self.ended = true;
        let outcome = match outcome {
            Outcome::Call(error) => format!("{:?}", error.kind()),
            Outcome::Event(error) => format!("{:?}", error.kind()),
            other => format!("{other:?}"),
        };
        self.notes.note(format!("{} ends: {outcome}", self.what));
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if !self.ended {
            self.notes.note(format!("{} is given up", self.what));
        }
    }
}

async fn serve(bus: &Bus) -> (Client<CalcRequest>, calc::Strings) {
    let (server, strings) = Calc::server();
    bus.serve("calc", server).await.unwrap();
    (Client::new(bus.rpc("calc")), strings)
}

#[tokio::test]
async fn a_call_is_heard_of_on_both_sides_from_the_outside_in() {
    let notes = Notes::default();
    let (client, _strings) = serve(&notes.bus()).await;
    assert_eq!(add(&client, &patient(), 1, 2).await.unwrap(), 3);
    let expected = [
        "Client calc Calc.Add begins",
        "Server calc Calc.Add begins",
        "Server calc Calc.Add ends: Ok",
        "Client calc Calc.Add ends: Ok",
    ];
    assert_eq!(notes.taken(), expected);
}

#[tokio::test]
async fn what_the_observer_adds_travels_and_reaches_the_handler_but_not_the_callers_context() {
    let notes = Notes::default();
    let (client, mut strings) = serve(&notes.bus()).await;
    let context = patient();
    client.call(&context, CalcRequest::Fire { n: 1 }).await.unwrap();
    let (_, handlers) = soon("the call", strings.fired.recv()).await.unwrap();
    assert_eq!(handlers.header("seen"), Some("Client calc Calc.fire;Server calc Calc.fire;"));
    assert_eq!(context.header("seen"), None);
}

#[tokio::test]
async fn a_reply_s_headers_reach_the_caller_past_the_observer() {
    let bus = Notes::default().bus();
    let (server, _strings) = Calc::server();
    let greeting = layer_fn(|inner| {
        service_fn(move |call: thriftwood_core::call::Call<CalcRequest>| {
            call.context.set_response_header("greeting", "hello");
            let mut inner = Clone::clone(&inner);
            async move { tower::Service::call(&mut inner, call).await }
        })
    });
    bus.serve("calc", server.layer(greeting)).await.unwrap();
    let context = patient();
    add(&Client::new(bus.rpc("calc")), &context, 1, 2).await.unwrap();
    assert_eq!(context.response_header("greeting").as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_panic_a_refusal_and_a_call_nobody_serves_are_told_apart() {
    let notes = Notes::default();
    let bus = notes.bus();
    let (client, _strings) = serve(&bus).await;
    client.call(&patient(), CalcRequest::Panics).await.unwrap_err();
    assert_eq!(
        notes.taken()[2..],
        ["Server calc Calc.panics ends: Internal", "Client calc Calc.panics ends: Internal"]
    );
    let nobody = Client::<CalcRequest>::new(bus.rpc("nobody"));
    add(&nobody, &patient(), 1, 2).await.unwrap_err();
    assert_eq!(notes.taken(), ["Client nobody Calc.Add begins", "Client nobody Calc.Add ends: Unavailable"]);
    let refusing = client.layer(layer_fn(|_| {
        service_fn(|_: thriftwood_core::call::Call<CalcRequest>| async {
            Err::<calc::CalcResponse, _>(RpcError::application(403, "no"))
        })
    }));
    add(&refusing, &patient(), 1, 2).await.unwrap_err();
    assert_eq!(notes.taken(), Vec::<String>::new(), "a call that a layer refuses never began");
}

#[tokio::test]
async fn a_call_of_an_unknown_method_is_heard_of() {
    let notes = Notes::default();
    let bus = notes.bus();
    let (_client, _strings) = serve(&bus).await;
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "1");
    let message = Message::new("divide", MessageType::Call);
    let frame: Bytes = frame
        .message(message, |w| {
            w.struct_begin();
            w.struct_end();
        })
        .unwrap();
    bus.rpc("calc").call_frame(Outbound { operation_id: 1, frame, oneway: false }).await.unwrap();
    assert_eq!(notes.taken(), ["Server calc Calc.? begins", "Server calc Calc.? ends: UnknownMethod"]);
}

#[tokio::test]
async fn a_call_whose_caller_gave_up_is_given_up() {
    let notes = Notes::default();
    let (client, mut strings) = serve(&notes.bus()).await;
    let context = patient();
    let call = client.call(&context, CalcRequest::Wait);
    tokio::select! {
        _ = call => panic!("nobody told it to go on"),
        _ = strings.waiting.recv() => {}
    }
    assert!(notes.taken().contains(&"Client calc Calc.wait is given up".to_owned()));
}

async fn subscribe(subscriber: Subscriber<NumbersEvent>) -> Subscription<i64> {
    subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap()
}

fn subscriber(bus: &Bus) -> Subscriber<NumbersEvent> {
    Subscriber::new(bus, &NUMBERS, vec!["bill".into(), "emea".into()])
}

async fn publish(bus: &Bus, number: i64) {
    let publisher = Publisher::<NumbersEvent>::new(bus, &NUMBERS, vec!["bill".into(), "emea".into()]);
    publisher.publish(&patient(), &SOME, &number, NumbersEvent::Some).await.unwrap();
}

#[tokio::test]
async fn an_event_is_heard_of_when_published_and_from_receipt_to_verdict() {
    let notes = Notes::default();
    let bus = notes.bus();
    let mut numbers = subscribe(subscriber(&bus).group("g")).await;
    publish(&bus, 1).await;
    let out = "Publisher n.bill.emea.Numbers.Some - #0";
    let taken = "Subscriber n.bill.emea.Numbers.Some g #1";
    assert_eq!(notes.taken(), [format!("{out} begins"), format!("{out} ends: Ok")]);
    let event = soon("the event", numbers.next()).await.unwrap().unwrap();
    assert_eq!(event.context().header("seen"), Some(&*format!("{out};{taken};")));
    assert_eq!(notes.taken(), [format!("{taken} begins")]);
    event.ack().await.unwrap();
    assert_eq!(notes.taken(), [format!("{taken} ends: Ok")]);
    publish(&bus, 2).await;
    let event = soon("the event", numbers.next()).await.unwrap().unwrap();
    event.nack().await.unwrap_err();
    assert_eq!(notes.taken()[3], format!("{taken} ends: Refused"));
    publish(&bus, 3).await;
    drop(soon("the event", numbers.next()).await);
    assert_eq!(notes.taken()[3], format!("{taken} ends: Ok"), "where nobody waits for a verdict, none is missed");
}

#[tokio::test]
async fn an_event_in_layers_is_heard_of_until_its_verdict_has_passed_them() {
    let notes = Notes::default();
    let bus = notes.bus();
    let layered = subscriber(&bus).layer(tower::layer::util::Identity::new());
    let mut numbers = subscribe(layered).await;
    let taken = "Subscriber n.bill.emea.Numbers.Some - #1";
    for (number, verdict) in [(1, "Ok"), (2, "Refused"), (3, "Ok")] {
        publish(&bus, number).await;
        let event = soon("the event", numbers.next()).await.unwrap().unwrap();
        match number {
            1 => event.ack().await.unwrap(),
            2 => drop(event.nack().await),
            _ => drop(event),
        }
        // The next event is read only when this one has left the layers, or has a place beside it; what is waited for is
        // the word of the task that runs the layers.
        let end = format!("{taken} ends: {verdict}");
        soon("the end", async {
            while !notes.0.lock().unwrap().contains(&end) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        notes.taken();
    }
}

#[tokio::test]
async fn an_observer_that_does_not_listen_is_not_asked() {
    /// One that would write down whatever it is told.
    struct Deaf(Notes);

    impl Observer for Deaf {
        fn listens(&self) -> bool {
            false
        }

        fn call(&self, start: &CallStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
            self.0.call(start, context)
        }

        fn event(&self, start: &EventStart<'_>, context: &mut Context) -> Option<Box<dyn Observation>> {
            self.0.event(start, context)
        }
    }

    let notes = Notes::default();
    let bus = memory::bus().with_observer(Arc::new(Deaf(notes.clone())));
    let (client, _strings) = serve(&bus).await;
    assert_eq!(add(&client, &patient(), 2, 40).await.unwrap(), 42);
    let mut subscription = subscribe(subscriber(&bus)).await;
    publish(&bus, 7).await;
    soon("the event", subscription.next()).await.unwrap().unwrap().ack().await.unwrap();
    assert!(notes.taken().is_empty());
}

#[tokio::test]
async fn without_an_observer_nothing_is_heard() {
    let notes = Notes::default();
    let (client, _strings) = serve(&notes.bus().unobserved()).await;
    add(&client, &patient(), 1, 2).await.unwrap();
    assert_eq!(notes.taken(), Vec::<String>::new());
}
