//! A small service and a small scope by hand, in the form of generated code, for tests that need typed ends.

#![allow(dead_code, unreachable_pub)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thriftwood_core::call::{Call, Method, Request, Response, Server};
use thriftwood_core::codec::{DecodeError, Reader, TType, Wire, Writer};
use thriftwood_core::event::{Operation, Scope, ScopeEvent};
use thriftwood_core::middleware::Step;
use thriftwood_core::{Client, Context, RpcError};
use tokio::sync::{mpsc, watch};

/// `i32 Add(1: i32 a, 2: i32 b)`, `void wait(1: string until)`, `i32 panics()`, `oneway void fire(1: i32 n)`.
#[derive(Clone, Debug, PartialEq)]
pub enum CalcRequest {
    Add { a: i32, b: i32 },
    Wait,
    Panics,
    Fire { n: i32 },
}

#[derive(Debug)]
pub enum CalcResponse {
    Add(i32),
    Done,
    Fired,
}

const fn method(name: &'static str, wire_name: &'static str, oneway: bool) -> Method {
    Method { service: "Calc", name, wire_name, oneway, annotations: &[], arguments: None, result: None }
}

static ADD: Method = method("Add", "add", false);
static WAIT: Method = method("wait", "wait", false);
static PANICS: Method = method("panics", "panics", false);
static FIRE: Method = method("fire", "fire", true);

impl Request for CalcRequest {
    type Response = CalcResponse;

    fn method(&self) -> &'static Method {
        match self {
            CalcRequest::Add { .. } => &ADD,
            CalcRequest::Wait => &WAIT,
            CalcRequest::Panics => &PANICS,
            CalcRequest::Fire { .. } => &FIRE,
        }
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        match self {
            CalcRequest::Add { a, b } => {
                w.field_begin(1, TType::I32);
                a.encode(w);
                w.field_begin(2, TType::I32);
                b.encode(w);
            }
            CalcRequest::Fire { n } => {
                w.field_begin(1, TType::I32);
                n.encode(w);
            }
            CalcRequest::Wait | CalcRequest::Panics => {}
        }
        w.struct_end();
    }

    fn decode<R: Reader>(method: &str, r: &mut R) -> Option<Result<Self, DecodeError>> {
        let build: fn([i32; 2]) -> Self = match method {
            "add" => |[a, b]| CalcRequest::Add { a, b },
            "wait" => |_| CalcRequest::Wait,
            "panics" => |_| CalcRequest::Panics,
            "fire" => |[n, _]| CalcRequest::Fire { n },
            _ => return None,
        };
        Some(read_numbers(r).map(build))
    }

    fn decode_response<R: Reader>(&self, r: &mut R) -> Result<CalcResponse, RpcError> {
        let mut success = None;
        r.struct_begin()?;
        while let Some(field) = r.field_begin()? {
            match (field.id, field.ty) {
                (0, TType::I32) => success = Some(i32::decode(r)?),
                (_, other) => r.skip(other)?,
            }
        }
        r.struct_end();
        match self {
            CalcRequest::Add { .. } => success.map(CalcResponse::Add).ok_or_else(|| RpcError::missing_result("add")),
            CalcRequest::Fire { .. } => Ok(CalcResponse::Fired),
            CalcRequest::Wait | CalcRequest::Panics => Ok(CalcResponse::Done),
        }
    }
}

fn read_numbers<R: Reader>(r: &mut R) -> Result<[i32; 2], DecodeError> {
    let mut numbers = [0; 2];
    r.struct_begin()?;
    while let Some(field) = r.field_begin()? {
        match (field.id, field.ty) {
            (id @ 1..=2, TType::I32) => numbers[id as usize - 1] = i32::decode(r)?,
            (_, other) => r.skip(other)?,
        }
    }
    r.struct_end();
    Ok(numbers)
}

impl Response for CalcResponse {
    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        if let CalcResponse::Add(sum) = self {
            w.field_begin(0, TType::I32);
            sum.encode(w);
        }
        w.struct_end();
    }
}

/// Adds at once, waits until it is told, panics when asked to, and keeps what was fired.
pub struct Calc {
    pub fired: mpsc::UnboundedSender<(i32, Context)>,
    pub waiting: mpsc::UnboundedSender<()>,
    pub go_on: watch::Receiver<bool>,
    pub added: AtomicU64,
}

/// The other ends of a [`Calc`]'s channels.
pub struct Strings {
    pub fired: mpsc::UnboundedReceiver<(i32, Context)>,
    pub waiting: mpsc::UnboundedReceiver<()>,
    pub go_on: watch::Sender<bool>,
}

impl Calc {
    pub fn new() -> (Self, Strings) {
        let (fired, fired_out) = mpsc::unbounded_channel();
        let (waiting, waiting_out) = mpsc::unbounded_channel();
        let (go_on, go_on_in) = watch::channel(false);
        let calc = Calc { fired, waiting, go_on: go_on_in, added: AtomicU64::new(0) };
        (calc, Strings { fired: fired_out, waiting: waiting_out, go_on })
    }

    async fn wait(&self) -> Result<(), RpcError> {
        self.waiting.send(()).map_err(RpcError::internal)?;
        self.go_on.clone().wait_for(|go| *go).await.map_err(RpcError::internal)?;
        Ok(())
    }

    pub fn server() -> (Server<CalcRequest, Self>, Strings) {
        let (calc, strings) = Self::new();
        (Server::new("Calc", calc), strings)
    }
}

impl Step<Call<CalcRequest>> for Calc {
    async fn call(&self, call: Call<CalcRequest>) -> Result<CalcResponse, RpcError> {
        match call.request {
            CalcRequest::Add { a, b } => {
                self.added.fetch_add(1, Ordering::Relaxed);
                Ok(CalcResponse::Add(a.wrapping_add(b)))
            }
            CalcRequest::Panics => panic!("as asked"),
            CalcRequest::Fire { n } => {
                if n < 0 {
                    self.wait().await?;
                }
                self.fired.send((n, call.context)).map_err(RpcError::internal)?;
                Ok(CalcResponse::Fired)
            }
            CalcRequest::Wait => {
                self.wait().await?;
                Ok(CalcResponse::Done)
            }
        }
    }
}

/// Adds two numbers on a client, and gives the sum.
pub async fn add(client: &Client<CalcRequest>, ctx: &Context, a: i32, b: i32) -> Result<i32, RpcError> {
    match client.call(ctx, CalcRequest::Add { a, b }).await? {
        CalcResponse::Add(sum) => Ok(sum),
        other => panic!("{other:?}"),
    }
}

/// A context for calls that must not time out on a slow machine.
pub fn patient() -> Context {
    Context::new().with_timeout(Duration::from_secs(60))
}

/// Fails rather than waits for ever.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// `scope Numbers prefix n.{user}.{region} { Some: i64, Other: i64 }`
pub static NUMBERS: Scope =
    Scope { name: "Numbers", topic_name: "Numbers", prefix: "n.{user}.{region}", variables: &["user", "region"] };
pub static SOME: Operation = Operation { scope: &NUMBERS, name: "Some", annotations: &[], payload: None };
pub static OTHER: Operation = Operation { scope: &NUMBERS, name: "Other", annotations: &[], payload: None };

#[derive(Clone, Debug, PartialEq)]
pub enum NumbersEvent {
    Some(i64),
    Other(i64),
}

impl NumbersEvent {
    pub fn some(self) -> Option<i64> {
        match self {
            NumbersEvent::Some(number) => Some(number),
            NumbersEvent::Other(_) => None,
        }
    }
}

impl ScopeEvent for NumbersEvent {
    fn operation(&self) -> &'static Operation {
        match self {
            NumbersEvent::Some(_) => &SOME,
            NumbersEvent::Other(_) => &OTHER,
        }
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        match self {
            NumbersEvent::Some(number) | NumbersEvent::Other(number) => number.encode(w),
        }
    }
}
