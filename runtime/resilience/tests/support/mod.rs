//! A small service by hand, in the form of generated code: `i32 read()`, which is idempotent, and `i32 write()`, which is not.

#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use thriftwood_core::call::{Call, Method, Request, Response};
use thriftwood_core::codec::{DecodeError, Reader, TType, Wire, Writer};
use thriftwood_core::{Context, RpcError, RpcErrorKind};
use tower::Service;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AskRequest {
    Read,
    Write,
}

#[derive(Debug, PartialEq)]
pub struct AskResponse(pub i32);

const fn method(name: &'static str, annotations: &'static [(&'static str, &'static str)]) -> Method {
    Method { service: "Ask", name, wire_name: name, oneway: false, annotations, arguments: None, result: None }
}

static READ: Method = method("read", &[("idempotent", "")]);
static WRITE: Method = method("write", &[]);

impl Request for AskRequest {
    type Response = AskResponse;

    fn method(&self) -> &'static Method {
        match self {
            AskRequest::Read => &READ,
            AskRequest::Write => &WRITE,
        }
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.struct_end();
    }

    fn decode<R: Reader>(method: &str, r: &mut R) -> Option<Result<Self, DecodeError>> {
        let request = match method {
            "read" => AskRequest::Read,
            "write" => AskRequest::Write,
            _ => return None,
        };
        Some(r.skip(TType::Struct).map(|()| request))
    }

    fn decode_response<R: Reader>(&self, r: &mut R) -> Result<AskResponse, RpcError> {
        let mut number = None;
        r.struct_begin()?;
        while let Some(field) = r.field_begin()? {
            match (field.id, field.ty) {
                (0, TType::I32) => number = Some(i32::decode(r)?),
                (_, other) => r.skip(other)?,
            }
        }
        r.struct_end();
        number.map(AskResponse).ok_or_else(|| RpcError::missing_result("read"))
    }
}

impl Response for AskResponse {
    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.field_begin(0, TType::I32);
        self.0.encode(w);
        w.struct_end();
    }
}

/// How often a service was called.
#[derive(Clone, Default)]
pub struct Count(Arc<AtomicU32>);

impl Count {
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one, and gives how many there are with it.
    pub fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub fn error(kind: RpcErrorKind) -> RpcError {
    RpcError::new(kind, "as the test wants it")
}

pub fn context() -> Context {
    Context::new().with_timeout(Duration::from_secs(10))
}

/// Calls a service that a layer made.
pub async fn ask<S, E>(service: &S, context: &Context, request: AskRequest) -> Result<i32, RpcError>
where
    S: Service<Call<AskRequest>, Response = AskResponse, Error = E> + Clone,
    E: Into<RpcError>,
{
    let call = Call { context: context.clone(), request };
    service.clone().call(call).await.map(|response| response.0).map_err(Into::into)
}
