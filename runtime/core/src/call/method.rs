//! What the generated code tells the runtime about a service: its methods, calls and results.

use std::fmt::Debug;

use crate::codec::{DecodeError, Reader, Writer};
use crate::middleware::Passage;
use crate::schema::Struct;
use crate::{Context, RpcError};

/// One method of a service, as the IDL declares it. Generated as a `static`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method {
    /// The service that declares it.
    pub service: &'static str,
    /// The name in the IDL.
    pub name: &'static str,
    /// The name that travels: the IDL's with its first letter in lower case.
    pub wire_name: &'static str,
    /// Whether the caller waits for no answer.
    pub oneway: bool,
    /// Its annotations, names and values.
    pub annotations: &'static [(&'static str, &'static str)],
    /// What its arguments are, where the generated code describes it.
    pub arguments: Option<&'static Struct>,
    /// What it answers, where the generated code describes it: the result as field 0, and each declared exception as a field of
    /// its own.
    pub result: Option<&'static Struct>,
}

impl Method {
    /// The value of an annotation of the method, if it has it.
    pub fn annotation(&self, name: &str) -> Option<&'static str> {
        self.annotations.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
}

/// The calls of one service, with their arguments: a generated enum.
pub trait Request: Clone + Debug + Send + Sync + 'static {
    /// The results of the same service.
    type Response: Response;

    /// All methods of the service, those of the services it extends included.
    fn methods() -> &'static [&'static Method] {
        &[]
    }

    /// Which method is called.
    fn method(&self) -> &'static Method;

    /// Writes the arguments, as a struct.
    fn encode<W: Writer>(&self, w: &mut W);

    /// Reads the arguments of the method with this wire name; `None` when the service has no such method.
    fn decode<R: Reader>(method: &str, r: &mut R) -> Option<Result<Self, DecodeError>>;

    /// Reads the result of this very call.
    ///
    /// # Errors
    /// When the bytes are not a result of the method, or hold neither a result nor an exception.
    fn decode_response<R: Reader>(&self, r: &mut R) -> Result<Self::Response, RpcError>;
}

/// The results of one service: a generated enum with a `Result` for each method.
pub trait Response: Debug + Send + Sync + 'static {
    /// Writes the result, as a struct with the result in field 0 or a declared exception in its own field.
    fn encode<W: Writer>(&self, w: &mut W);

    /// The failure that a middleware put where a declared exception would be. It is answered like any other failure; written as a
    /// result it would be none.
    fn failure(&self) -> Option<&RpcError> {
        None
    }

    /// The name in the IDL of the declared exception that this is, if it is one.
    fn exception(&self) -> Option<&'static str> {
        None
    }
}

/// A call on its way through middleware: the context and the typed request.
#[derive(Clone, Debug)]
pub struct Call<Req> {
    /// Headers, time limit and correlation id.
    pub context: Context,
    /// The method and its arguments.
    pub request: Req,
}

impl<Req: Request> Call<Req> {
    /// Which method is called.
    pub fn method(&self) -> &'static Method {
        self.request.method()
    }
}

impl<Req: Request> Passage for Call<Req> {
    type Output = Req::Response;
    type Error = RpcError;
}
