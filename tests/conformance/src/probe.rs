//! The handler behind the probe service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thriftwood::call::Call;
use thriftwood::middleware::Step;
use thriftwood::{Client, Context, RpcError};
use tokio::sync::{Mutex, mpsc};

use crate::idl;
use crate::idl::{Item, ProbeRequest, ProbeResponse, RefuseError, Refused};

/// Answers every kind of call, and keeps the notes it was sent.
#[derive(Clone)]
pub struct Probe {
    notes_in: mpsc::UnboundedSender<String>,
    notes: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
}

impl Default for Probe {
    fn default() -> Self {
        let (notes_in, notes) = mpsc::unbounded_channel();
        Self { notes_in, notes: Arc::new(Mutex::new(notes)) }
    }
}

impl Probe {
    /// The next note that came.
    pub async fn next_note(&self) -> Option<String> {
        self.notes.lock().await.recv().await
    }
}

impl idl::Probe for Probe {
    async fn echo(&self, _: &Context, item: Item) -> Result<Item, RpcError> {
        Ok(item)
    }

    async fn refuse(&self, _: &Context, reason: String) -> Result<String, RefuseError> {
        Err(Refused { reason, code: 7 }.into())
    }

    async fn fails(&self, _: &Context, code: i32) -> Result<(), RpcError> {
        Err(RpcError::application(code, "the application says no"))
    }

    async fn panics(&self, _: &Context, text: String) -> Result<(), RpcError> {
        panic!("{text}")
    }

    async fn after_millis(&self, _: &Context, millis: i32, number: i64) -> Result<i64, RpcError> {
        let mut stopped = Stopped(None, number);
        if number < 0 {
            self.notes_in.send(format!("began {number}")).map_err(RpcError::internal)?;
            stopped.0 = Some(&self.notes_in);
        }
        tokio::time::sleep(Duration::from_millis(millis.unsigned_abs().into())).await;
        stopped.0 = None;
        Ok(number)
    }

    async fn header(&self, ctx: &Context, name: String) -> Result<String, RpcError> {
        ctx.set_response_header("answered", "yes, naïvely");
        Ok(ctx.header(&name).unwrap_or("absent").to_owned())
    }

    async fn remaining(&self, ctx: &Context) -> Result<i64, RpcError> {
        let deadline = ctx.deadline().ok_or_else(|| RpcError::internal("the call came without a time limit"))?;
        Ok(deadline.saturating_duration_since(Instant::now()).as_millis() as i64)
    }

    async fn blob(&self, _: &Context, size: i32) -> Result<Bytes, RpcError> {
        Ok(vec![0xab; size.unsigned_abs() as usize].into())
    }

    async fn note(&self, _: &Context, text: String) -> Result<(), RpcError> {
        self.notes_in.send(text).map_err(RpcError::internal)
    }
}

/// Notes that a handler was dropped before its end.
struct Stopped<'a>(Option<&'a mpsc::UnboundedSender<String>>, i64);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if let Some(notes) = self.0 {
            // Nobody may be left to read it.
            notes.send(format!("stopped {}", self.1)).ok();
        }
    }
}

/// Passes every call on to a service further away, with the context it came with.
pub struct Relay(pub Client<ProbeRequest>);

impl Step<Call<ProbeRequest>> for Relay {
    async fn call(&self, call: Call<ProbeRequest>) -> Result<ProbeResponse, RpcError> {
        self.0.call(&call.context, call.request).await
    }
}
