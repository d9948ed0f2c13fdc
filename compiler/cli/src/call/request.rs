//! A call whose method was read from IDL, in the place of a generated request.

use std::sync::Arc;

use thriftwood::RpcError;
use thriftwood::call::{Method, Request, Response};
use thriftwood::codec::{DecodeError, Reader, Writer};
use thriftwood::schema::Value;
use thriftwood::schema::json::{Answer, print_answer};

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
        let missing = || RpcError::missing_result(self.method.wire_name);
        let result = self.method.result.ok_or_else(missing)?;
        print_answer(result, r)?.map(JsonAnswer).ok_or_else(missing)
    }
}

impl Response for JsonAnswer {
    /// Nobody sends such answers.
    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.struct_end();
    }
}
