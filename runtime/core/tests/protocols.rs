//! Calls and events in each protocol: the caller chooses, the server answers in kind, the subscriber takes what comes.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use calc::{Calc, CalcRequest, NUMBERS, NumbersEvent, SOME, add, patient, soon};
use thriftwood_core::call::{Handler, Inbound, Request};
use thriftwood_core::codec::{Message, MessageType, Protocol, Reader, Wire, Writer};
use thriftwood_core::error::ApplicationError;
use thriftwood_core::event::{Publisher, Subscriber};
use thriftwood_core::frame::{Body, Frame, FrameBuilder, ReadBody};
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Client, Rpc, RpcError, RpcErrorKind, memory};

/// Passes calls straight to a handler, and keeps the frames of both directions.
struct Wiretap<H> {
    handler: H,
    heard: Mutex<Vec<(Frame, Frame)>>,
}

impl<H: Handler> RpcChannel for Wiretap<H> {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async move {
            let inbound = Inbound {
                frame: outbound.frame.clone(),
                received: Instant::now(),
                max_response: 1 << 20,
                failure: None,
            };
            let reply = self.handler.handle(inbound).await;
            if let Some(reply) = &reply {
                let pair = [outbound.frame, reply.clone()].map(|frame| Frame::decode(frame).unwrap());
                self.heard.lock().unwrap().push(pair.into());
            }
            Ok(reply)
        })
    }
}

#[tokio::test]
async fn a_server_answers_each_call_in_the_protocol_it_came_in() {
    let (calc, _strings) = Calc::server();
    let tap = Arc::new(Wiretap { handler: calc, heard: Mutex::default() });
    for (at, protocol) in Protocol::ALL.into_iter().enumerate() {
        let client = Client::<CalcRequest>::new(Rpc::new(tap.clone()).with_protocol(protocol));
        assert_eq!(add(&client, &patient(), 2, 40).await.unwrap(), 42, "{protocol}");
        let error = client.call(&patient(), CalcRequest::Panics).await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Internal, "{protocol}");
        let heard = tap.heard.lock().unwrap();
        let protocols: Vec<_> =
            heard[2 * at..].iter().map(|(call, reply)| (call.protocol(), reply.protocol())).collect();
        assert_eq!(protocols, [(protocol, protocol); 2]);
    }
}

#[tokio::test]
async fn calls_and_events_of_one_bus_travel_in_the_protocol_of_their_handle() {
    let bus = memory::bus();
    let (calc, _strings) = Calc::server();
    let _serving = bus.serve("calc", calc).await.unwrap();
    let variables = || ["bill", "emea"].map(String::from).to_vec();
    let subscriber = Subscriber::<NumbersEvent>::new(&bus, &NUMBERS, variables());
    let mut events = subscriber.subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap();
    for protocol in Protocol::ALL {
        let handle = bus.clone().with_protocol(protocol);
        let client = Client::<CalcRequest>::new(handle.rpc("calc"));
        assert_eq!(add(&client, &patient(), 1, -3).await.unwrap(), -2, "{protocol}");
        let publisher = Publisher::<NumbersEvent>::new(&handle, &NUMBERS, variables());
        publisher.publish(&patient(), &SOME, &-77, NumbersEvent::Some).await.unwrap();
        assert_eq!(*soon("the event", events.next()).await.unwrap().unwrap(), -77, "{protocol}");
    }
    assert_eq!(bus.protocol(), Protocol::Binary);
}

/// A call that a plain Thrift client might make.
fn numbered_call(protocol: Protocol, name: &str, body: &impl Body) -> Inbound {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "7");
    let frame = frame.message_in(protocol, Message::new(name, MessageType::Call).with_sequence(-5), body).unwrap();
    Inbound { frame, received: Instant::now(), max_response: 1 << 20, failure: None }
}

struct Arguments(CalcRequest);

impl Body for Arguments {
    fn write<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }
}

/// Whatever comes back: type, sequence number, and the exception if it is one.
struct Anything;

impl ReadBody for Anything {
    type Output = (String, MessageType, i32, Option<ApplicationError>);

    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Self::Output {
        let exception = (message.kind == MessageType::Exception).then(|| ApplicationError::decode(r).unwrap());
        (message.name.to_owned(), message.kind, message.sequence, exception)
    }
}

#[tokio::test]
async fn results_and_exceptions_repeat_the_sequence_number_of_their_call() {
    let (calc, _strings) = Calc::server();
    for protocol in Protocol::ALL {
        let answer = async |inbound: Inbound| {
            let reply = Frame::decode(calc.handle(inbound).await.unwrap()).unwrap();
            assert_eq!(reply.protocol(), protocol);
            reply.read(Anything).unwrap()
        };
        let sum = answer(numbered_call(protocol, "add", &Arguments(CalcRequest::Add { a: 1, b: 2 }))).await;
        assert_eq!(sum, ("add".to_owned(), MessageType::Reply, -5, None));
        // A list where a struct should be; the method is looked for first.
        for (name, code) in [("nope", 1), ("panics", 7)] {
            let (echoed, kind, sequence, exception) = answer(numbered_call(protocol, name, &Vec::<i32>::new())).await;
            assert_eq!((&*echoed, kind, sequence), (name, MessageType::Exception, -5), "{protocol}");
            assert_eq!(exception.unwrap().code, code, "{protocol} {name}");
        }
    }
}

/// Answers with a message of its own.
struct Says(fn(FrameBuilder) -> Bytes);

impl RpcChannel for Says {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        let mut frame = FrameBuilder::new();
        frame.header("_opid", &outbound.operation_id.to_string());
        let reply = (self.0)(frame);
        Box::pin(async move { Ok(Some(reply)) })
    }
}

#[tokio::test]
async fn a_reply_in_another_protocol_is_an_error_that_names_both() {
    let compact = |frame: FrameBuilder| {
        frame
            .message_in(Protocol::Compact, Message::new("add", MessageType::Reply), &Arguments(CalcRequest::Wait))
            .unwrap()
    };
    let client = Client::<CalcRequest>::new(Rpc::new(Arc::new(Says(compact))).with_protocol(Protocol::Json));
    let error = add(&client, &patient(), 1, 2).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Protocol);
    assert_eq!(
        error.message(),
        "the reply to `add` is in the compact protocol and the call was in json; give the peer json, or this side's bus \
         compact, with `Bus::with_protocol`"
    );
    // Bytes that start like no other protocol are said to be what they are: no message.
    let nothing = |frame: FrameBuilder| {
        let frame = frame.message(Message::new("add", MessageType::Reply), |_| {}).unwrap();
        let message = Frame::decode(frame.clone()).unwrap().message().len();
        frame.slice(..frame.len() - message)
    };
    let client = Client::<CalcRequest>::new(Rpc::new(Arc::new(Says(nothing))).with_protocol(Protocol::Binary));
    let error = add(&client, &patient(), 1, 2).await.unwrap_err();
    assert_eq!(error.message(), "the message ends inside a value (at byte 0)");
}

#[tokio::test]
async fn a_call_that_breaks_off_is_answered_in_its_protocol() {
    for protocol in Protocol::ALL {
        let (calc, _strings) = Calc::server();
        let call = numbered_call(protocol, "add", &Arguments(CalcRequest::Wait)).frame;
        let envelope = Message::new("add", MessageType::Call).with_sequence(-5);
        assert_eq!(Frame::decode(call).unwrap().envelope().unwrap(), envelope);
        let mut frame = FrameBuilder::new();
        frame.header("_opid", "1");
        let frame = frame.message_in(
            protocol,
            Message::new("add", MessageType::Call),
            &Arguments(CalcRequest::Add { a: 1, b: 2 }),
        );
        let frame = frame.unwrap();
        for cut in 1..8 {
            let inbound = Inbound {
                frame: frame.slice(..frame.len() - cut),
                received: Instant::now(),
                max_response: 1 << 20,
                failure: None,
            };
            let reply = Frame::decode(calc.handle(inbound).await.unwrap()).unwrap();
            assert_eq!(reply.protocol(), protocol);
            let (.., exception) = reply.read(Anything).unwrap();
            assert_eq!(exception.unwrap().code, 7, "{protocol} cut by {cut}");
        }
    }
}

#[test]
fn a_body_is_whatever_can_be_written() {
    let frame =
        FrameBuilder::new().message_in(Protocol::Json, Message::new("Count", MessageType::Call), &-77_i64).unwrap();
    assert_eq!(Frame::decode(frame).unwrap().message(), &br#"[1,"Count",1,0,-77]"#[..]);
}
