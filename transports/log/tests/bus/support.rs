//! A scope of numbers and a service of bytes, written by hand, so that these tests need no generated code.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType, Wire, Writer};
use thriftwood_core::event::{Event, Operation, Publisher, Scope, ScopeEvent, Subscriber, Subscription};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus, Context, Error, RpcError};
use tokio::sync::{Semaphore, mpsc};

pub(crate) static NUMBERS: Scope =
    Scope { name: "Numbers", topic_name: "Numbers", prefix: "v1.{region}", variables: &["region"] };
pub(crate) static COUNTED: Operation = Operation { scope: &NUMBERS, name: "Counted", annotations: &[], payload: None };

#[derive(Clone, Debug)]
pub(crate) enum NumbersEvent {
    Counted(i64),
}

impl ScopeEvent for NumbersEvent {
    fn operation(&self) -> &'static Operation {
        &COUNTED
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        let NumbersEvent::Counted(number) = self;
        number.encode(w);
    }
}

#[allow(dead_code, reason = "tests of a served directory connect in another way")]
pub(crate) async fn connect(dir: &Path) -> Bus {
    thriftwood_log::connect(dir).await.unwrap()
}

pub(crate) async fn publish(bus: &Bus, region: &str, number: i64) {
    try_publish(bus, region, number).await.unwrap();
}

pub(crate) async fn try_publish(bus: &Bus, region: &str, number: i64) -> Result<(), Error> {
    let publisher = Publisher::new(bus, &NUMBERS, vec![region.to_owned()]);
    publisher.publish(&Context::new(), &COUNTED, &number, NumbersEvent::Counted).await
}

pub(crate) fn subscriber(bus: &Bus, region: &str) -> Subscriber<NumbersEvent> {
    Subscriber::new(bus, &NUMBERS, vec![region.to_owned()])
}

pub(crate) async fn subscribe(subscriber: &Subscriber<NumbersEvent>) -> Subscription<i64> {
    let unwrap = |NumbersEvent::Counted(number)| Some(number);
    subscriber.subscribe(&COUNTED, NumbersEvent::Counted, unwrap).await.unwrap()
}

/// The next event, which must come.
pub(crate) async fn next(subscription: &mut Subscription<i64>) -> Event<i64> {
    soon("an event", subscription.next()).await.unwrap().unwrap()
}

/// Waits for what must come, and fails when it hangs.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not come within 20 s"),
    }
}

/// A call with this text as its message's name.
pub(crate) fn request(text: &str, timeout: Duration) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "1");
    frame.header("_timeout", &timeout.as_millis().to_string());
    frame.message(Message::new(text, MessageType::Call), |_| {}).unwrap()
}

/// The text of a [`request`], or of its reply.
pub(crate) fn text(frame: Bytes) -> String {
    let frame = Frame::decode(frame).unwrap();
    let mut reader = thriftwood_core::codec::binary::BinaryReader::new(frame.message());
    reader.message().unwrap().name.to_owned()
}

/// Calls with a text, and gives the text that comes back. Every call has the same operation id: it must not matter.
pub(crate) async fn call(bus: &Bus, address: &str, words: &str, timeout: Duration) -> Result<Option<String>, RpcError> {
    let oneway = words.starts_with("oneway");
    let outbound = Outbound { operation_id: 1, frame: request(words, timeout), oneway };
    let called = tokio::time::timeout(timeout, bus.rpc(address).call_frame(outbound)).await;
    let timed_out = |_| Err(RpcError::new(thriftwood_core::RpcErrorKind::Timeout, "the test's time was up"));
    Ok(called.unwrap_or_else(timed_out)?.map(text))
}

/// Answers with the text it got, when it is let; tells what it began.
pub(crate) struct Echo {
    pub(crate) begun: mpsc::UnboundedSender<String>,
    pub(crate) let_go: std::sync::Arc<Semaphore>,
}

impl Echo {
    /// One that answers at once, and one's ear to it.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (begun, heard) = mpsc::unbounded_channel();
        (Self { begun, let_go: std::sync::Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }, heard)
    }
}

impl Handler for Echo {
    fn service(&self) -> &'static str {
        "Echo"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (begun, let_go) = (self.begun.clone(), std::sync::Arc::clone(&self.let_go));
        Box::pin(async move {
            let words = text(inbound.frame.clone());
            begun.send(words.clone()).ok();
            let_go.acquire().await.ok()?.forget();
            (!words.starts_with("oneway")).then_some(inbound.frame)
        })
    }
}
