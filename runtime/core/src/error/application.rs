//! The exception a server sends when it has no result and none of the declared exceptions fits.

use crate::codec::{DecodeError, Reader, TType, Wire, Writer};

/// Thrift's `TApplicationException` as it travels: a text and a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationError {
    /// What went wrong, for people. Texts differ between peers; only the code is dependable.
    pub message: String,
    /// One of [`ApplicationCode`], or any number the handler chose.
    pub code: i32,
}

/// The numbers with a meaning shared by all peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationCode(pub i32);

impl ApplicationCode {
    /// The server has no method of this name.
    pub const UNKNOWN_METHOD: ApplicationCode = ApplicationCode(1);
    /// The reply carries another method's name.
    pub const WRONG_METHOD_NAME: ApplicationCode = ApplicationCode(3);
    /// The reply has neither a result nor an exception.
    pub const MISSING_RESULT: ApplicationCode = ApplicationCode(5);
    /// The handler failed with something it does not declare, or panicked.
    pub const INTERNAL_ERROR: ApplicationCode = ApplicationCode(6);
    /// The server could not read the arguments.
    pub const PROTOCOL_ERROR: ApplicationCode = ApplicationCode(7);
    /// The result does not fit the transport; Frugal's own.
    pub const RESPONSE_TOO_LARGE: ApplicationCode = ApplicationCode(100);
    /// The server has too many calls already and did not start this one; Thriftwood's own.
    pub const OVERLOADED: ApplicationCode = ApplicationCode(1429);
}

impl Wire for ApplicationError {
    const TYPE: TType = TType::Struct;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.field_begin(1, TType::String);
        self.message.encode(w);
        w.field_begin(2, TType::I32);
        self.code.encode(w);
        w.struct_end();
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let mut error = ApplicationError::default();
        r.struct_begin()?;
        while let Some(field) = r.field_begin()? {
            match (field.id, field.ty) {
                (1, TType::String) => error.message = String::decode(r)?,
                (2, TType::I32) => error.code = i32::decode(r)?,
                _ => r.skip(field.ty)?,
            }
        }
        r.struct_end();
        Ok(error)
    }
}
