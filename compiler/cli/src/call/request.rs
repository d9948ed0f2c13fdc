//! A call whose method was read from IDL, in the place of a generated request.

use std::sync::Arc;

use thriftwood::call::{Method, Request, Response};
use thriftwood::codec::{DecodeError, Reader, Writer};
use thriftwood::schema::Value;
use thriftwood::schema::json::{Answer, print_answer};
use thriftwood::{RpcError, RpcErrorKind};

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct JsonCall {
    pub(crate) method: &'static Method,
    /// Shared: a load generator sends it many times.
    pub(crate) arguments: Arc<Value>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct JsonAnswer(pub(crate) Answer);

impl Request for JsonCall {
    type Response = JsonAnswer;

    fn method(&self) -> &'static Method {
        self.method
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        self.arguments.encode(w);
    }

    /// Nobody serves such calls.
    fn decode<R: Reader>(_: &str, _: &mut R) -> Option<Result<Self, DecodeError>> {
        None
    }

    fn decode_response<R: Reader>(&self, r: &mut R) -> Result<JsonAnswer, RpcError> {
        let result = self.method.result.ok_or_else(|| neither(self.method))?;
        print_answer(result, r)?.map(JsonAnswer).ok_or_else(|| neither(self.method))
    }
}

/// An answer that is nothing the contract knows.
pub(crate) fn neither(method: &Method) -> RpcError {
    let text = format!(
        "the reply to `{}` has neither a result nor an exception that the IDL declares; is the file older than the service?",
        method.wire_name
    );
    RpcError::new(RpcErrorKind::Protocol, text)
}

impl Response for JsonAnswer {
    /// Nobody sends such answers.
    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.struct_end();
    }
}
