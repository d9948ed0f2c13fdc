//! What a context carries from a caller to a handler, back, and on to the handler's own calls.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use calc::{Calc, CalcRequest, SOME, add, patient, soon};
use thriftwood_core::call::{Call, Handler, Inbound, Request, Server};
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::event::Publisher;
use thriftwood_core::frame::{Frame, FrameBuilder, Headers};
use thriftwood_core::middleware::Step;
use thriftwood_core::transport::{Outbound, RpcChannel};
use thriftwood_core::{BoxFuture, Client, Context, Rpc, RpcError, Subscriber, memory};

/// Keeps what was sent, and answers with these headers.
struct Recorder {
    sent: Mutex<Vec<Frame>>,
    answers: Mutex<Vec<Headers>>,
}

impl Recorder {
    fn new(answers: impl IntoIterator<Item = &'static [(&'static str, &'static str)]>) -> Arc<Self> {
        let answers = answers.into_iter().map(|pairs| pairs.iter().copied().collect()).collect();
        Arc::new(Self { sent: Mutex::default(), answers: Mutex::new(answers) })
    }

    fn last(&self) -> Frame {
        self.sent.lock().unwrap().last().unwrap().clone()
    }
}

impl RpcChannel for Recorder {
    fn call(&self, outbound: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        self.sent.lock().unwrap().push(Frame::decode(outbound.frame).unwrap());
        let headers = self.answers.lock().unwrap().remove(0);
        let mut reply = FrameBuilder::new();
        reply.header("_opid", &outbound.operation_id.to_string());
        reply.headers(&headers);
        let message = Message::new("wait", MessageType::Reply);
        let reply = reply.message(message, |w| thriftwood_core::codec::Writer::struct_end(w)).unwrap();
        Box::pin(async move { Ok(Some(reply)) })
    }
}

async fn wait(recorder: &Arc<Recorder>, ctx: &Context) {
    Client::<CalcRequest>::new(Rpc::new(recorder.clone())).call(ctx, CalcRequest::Wait).await.unwrap();
}

#[tokio::test]
async fn the_headers_of_one_reply_do_not_show_up_in_the_next() {
    let recorder = Recorder::new([&[("first", "1"), ("both", "1")][..], &[("both", "2")]]);
    let ctx = Context::new();
    wait(&recorder, &ctx).await;
    assert_eq!(ctx.response_headers(), [("first", "1"), ("both", "1")].into_iter().collect());
    wait(&recorder, &ctx).await;
    assert_eq!((ctx.response_header("first"), ctx.response_header("both").as_deref()), (None, Some("2")));
    let derived = ctx.clone().with_header("a", "b");
    assert!(derived.response_headers().is_empty(), "a context made from another starts without its replies' headers");
}

#[tokio::test]
async fn a_reply_with_a_hundred_thousand_headers_is_read_in_no_time() {
    let names: Vec<String> = (0..100_000).map(|i| format!("h{i}")).collect();
    let many: Headers = names.iter().map(|name| (name, "v")).collect();
    let recorder = Recorder::new([&[("h7", "mine")][..]]);
    recorder.answers.lock().unwrap().push(many);
    let ctx = Context::new();
    wait(&recorder, &ctx).await;
    let began = Instant::now();
    wait(&recorder, &ctx).await;
    assert_eq!(ctx.response_header("h7").as_deref(), Some("v"));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn reserved_headers_are_the_runtimes_own() {
    let ctx = Context::new()
        .with_header("_cid", "mine")
        .with_header("_timeout", "250")
        .with_header("_opid", "9")
        .with_header("_topic_user", "bill")
        .with_header("tenant", "blue");
    assert_eq!((ctx.correlation_id(), ctx.remaining()), ("mine", Duration::from_millis(250)));
    assert_eq!(*ctx.headers(), [("tenant", "blue")].into_iter().collect());
    assert_eq!(ctx.with_header("_timeout", "soon").remaining(), Duration::from_millis(250));
}

#[tokio::test]
async fn the_time_that_travels_is_what_is_left_and_never_the_zero_that_means_for_ever() {
    let recorder = Recorder::new([&[][..], &[], &[]]);
    let sent = |recorder: &Recorder| recorder.last().headers().get("_timeout").unwrap().parse::<u64>().unwrap();
    wait(&recorder, &Context::new()).await;
    assert_eq!(sent(&recorder), 5000);
    wait(&recorder, &Context::new().with_timeout(Duration::from_micros(300))).await;
    assert_eq!(sent(&recorder), 1);
    let ctx = Context::new().with_deadline(Instant::now() + Duration::from_secs(2));
    wait(&recorder, &ctx).await;
    assert!((1000..=2000).contains(&sent(&recorder)), "{}", sent(&recorder));
}

#[test]
fn a_received_context_reads_odd_timeouts_without_harm() {
    let now = Instant::now();
    let deadline = |timeout: &str| Context::received(&[("_timeout", timeout)].into_iter().collect(), now).deadline();
    assert_eq!(deadline("250"), Some(now + Duration::from_millis(250)));
    // Zero is how some peers say that they wait for ever; the others are no timeouts at all.
    for none in ["0", "-1", "", "soon", "1.5", "99999999999999999999999"] {
        assert_eq!(deadline(none), None, "{none:?}");
    }
    let ctx = Context::received(&[("_timeout", &u64::MAX.to_string())].into_iter().collect(), now);
    assert!(ctx.remaining() > Duration::from_secs(3600));
}

/// Passes each call on to another service, with the context it got.
struct Relay {
    next: Client<CalcRequest>,
    seen: Arc<Mutex<Option<Context>>>,
}

impl Step<Call<CalcRequest>> for Relay {
    async fn call(&self, call: Call<CalcRequest>) -> Result<<CalcRequest as Request>::Response, RpcError> {
        *self.seen.lock().unwrap() = Some(call.context.clone());
        let onward = call.context.clone().with_header("hop", "1");
        let result = self.next.call(&onward, call.request).await;
        onward.set_response_header("relayed", "yes");
        result
    }
}

#[tokio::test]
async fn a_handlers_own_calls_inherit_correlation_headers_and_deadline_and_leak_nothing_back() {
    let recorder = Recorder::new([&[("inner", "secret")][..]]);
    let seen = Arc::default();
    let relay = Relay { next: Client::new(Rpc::new(recorder.clone())), seen: Arc::clone(&seen) };
    let bus = memory::bus();
    bus.serve("relay", Server::<CalcRequest, _>::new("Calc", relay)).await.unwrap();
    let ctx = patient().with_header("tenant", "blue");
    let client = Client::<CalcRequest>::new(bus.rpc("relay"));
    soon("the reply", client.call(&ctx, CalcRequest::Wait)).await.unwrap();

    let onward = recorder.last();
    assert_eq!(onward.headers().get("_cid"), Some(ctx.correlation_id()));
    assert_eq!((onward.headers().get("tenant"), onward.headers().get("hop")), (Some("blue"), Some("1")));
    let left: u64 = onward.headers().get("_timeout").unwrap().parse().unwrap();
    assert!((50_000..=60_000).contains(&left), "{left} ms of 60 s");
    let seen: Context = seen.lock().unwrap().take().unwrap();
    assert_ne!(onward.headers().get("_opid"), seen.header("_opid"), "an onward call has an id of its own");
    assert_eq!(ctx.response_header("inner"), None, "what an inner service answers is not the outer one's answer");
    assert_eq!(ctx.response_header("relayed").as_deref(), Some("yes"), "a context made from the handler's is its own");
    assert_eq!(ctx.response_header("_cid").as_deref(), Some(ctx.correlation_id()));
    bus.close().await.unwrap();
}

#[tokio::test]
async fn an_event_made_from_an_event_does_not_inherit_its_topic() {
    let bus = memory::bus();
    let variables = || vec!["*".to_owned(), "*".to_owned()];
    let subscriber = Subscriber::<calc::NumbersEvent>::new(&bus, &calc::NUMBERS, variables());
    let mut numbers = subscriber.subscribe(&SOME, calc::NumbersEvent::Some, calc::NumbersEvent::some).await.unwrap();
    let publisher = |user: &str| {
        Publisher::<calc::NumbersEvent>::new(&bus, &calc::NUMBERS, vec![user.to_owned(), "emea".to_owned()])
    };
    let ctx = Context::new().with_header("tenant", "blue");
    publisher("bill").publish(&ctx, &SOME, &1, calc::NumbersEvent::Some).await.unwrap();
    let first = soon("the event", numbers.next()).await.unwrap().unwrap();
    assert_eq!(first.variable("user"), Some("bill"));

    // Passed on to a call, the variable stays behind.
    let recorder = Recorder::new([&[][..]]);
    wait(&recorder, first.context()).await;
    assert_eq!(recorder.last().headers().get("_topic_user"), None);
    assert_eq!(recorder.last().headers().get("tenant"), Some("blue"));
    bus.close().await.unwrap();
}

/// A frame that calls `name` with these headers and no arguments.
fn call(name: &str, headers: &[(&str, &str)]) -> Inbound {
    let mut frame = FrameBuilder::new();
    for (name, value) in headers {
        frame.header(name, value);
    }
    let message = Message::new(name, MessageType::Call);
    let frame = frame.message(message, |w| thriftwood_core::codec::Writer::struct_end(w)).unwrap();
    Inbound { frame, received: Instant::now(), max_response: 1024, failure: None }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cancelled_at_its_deadline_and_one_that_is_late_already_is_not_started() {
    let (server, mut strings) = Calc::server();
    let began = tokio::time::Instant::now();
    assert_eq!(server.handle(call("wait", &[("_opid", "1"), ("_timeout", "250")])).await, None);
    assert!(strings.waiting.try_recv().is_ok());
    assert!(began.elapsed() >= Duration::from_millis(200));
    let late = Inbound {
        received: Instant::now().checked_sub(Duration::from_secs(1)).unwrap(),
        ..call("wait", &[("_opid", "1"), ("_timeout", "250")])
    };
    assert_eq!(server.handle(late).await, None);
    assert!(strings.waiting.try_recv().is_err(), "the handler was started");
}

#[tokio::test]
async fn a_oneway_call_is_not_bound_by_the_time_its_sender_had_to_send_it() {
    let (server, mut strings) = Calc::server();
    let late = Inbound {
        received: Instant::now().checked_sub(Duration::from_secs(60)).unwrap(),
        ..call("fire", &[("_opid", "1"), ("_timeout", "250"), ("_cid", "abc")])
    };
    assert_eq!(server.handle(late).await, None);
    let (n, context) = strings.fired.try_recv().expect("the oneway call was dropped");
    assert_eq!((n, context.deadline(), context.correlation_id()), (0, None, "abc"));
    assert_eq!(context.remaining(), Context::new().remaining(), "nor are the calls made from it");
}

#[tokio::test]
async fn a_peer_that_waits_for_ever_is_served() {
    let (server, strings) = Calc::server();
    strings.go_on.send(true).unwrap();
    assert!(server.handle(call("wait", &[("_opid", "1"), ("_timeout", "0")])).await.is_some());
}

/// Answers nothing, as a transport should only for a oneway call.
struct Silent;

impl RpcChannel for Silent {
    fn call(&self, _: Outbound) -> BoxFuture<'_, Result<Option<Bytes>, RpcError>> {
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test]
async fn no_reply_is_no_success() {
    let client = Client::<CalcRequest>::new(Rpc::new(Arc::new(Silent)));
    client.call(&patient(), CalcRequest::Fire { n: 1 }).await.unwrap();
    let error = client.call(&patient(), CalcRequest::Wait).await.unwrap_err();
    assert_eq!(error.kind(), thriftwood_core::RpcErrorKind::Protocol);
    add(&client, &patient(), 1, 2).await.unwrap_err();
}
