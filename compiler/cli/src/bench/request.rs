//! A call whose answer is only glanced at: a load generator that makes text of each would measure itself.

use thriftwood::RpcError;
use thriftwood::call::{Method, Request, Response};
use thriftwood::codec::{DecodeError, Reader, Writer};
use thriftwood::schema::Field;

use crate::call::{JsonCall, neither};

/// One of many calls.
#[derive(Clone, Debug)]
pub(super) struct LoadCall(pub(super) JsonCall);

/// The exception that came back, if it was one.
#[derive(Debug)]
pub(super) struct Glance(pub(super) Option<&'static Field>);

impl Request for LoadCall {
    type Response = Glance;

    fn method(&self) -> &'static Method {
        self.0.method
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }

    /// Nobody serves such calls.
    fn decode<R: Reader>(_: &str, _: &mut R) -> Option<Result<Self, DecodeError>> {
        None
    }

    fn decode_response<R: Reader>(&self, r: &mut R) -> Result<Glance, RpcError> {
        let result = self.0.method.result;
        let mut answer = None;
        r.struct_begin()?;
        while let Some(found) = r.field_begin()? {
            answer = result.and_then(|def| def.field(found.id)).or(answer);
            r.skip(found.ty)?;
        }
        r.struct_end();
        match answer {
            Some(field) if field.id == 0 => Ok(Glance(None)),
            Some(exception) => Ok(Glance(Some(exception))),
            None if result.is_some_and(|def| def.field(0).is_none()) => Ok(Glance(None)),
            None => Err(neither(self.0.method)),
        }
    }
}

impl Response for Glance {
    /// Nobody sends such answers.
    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.struct_end();
    }
}
