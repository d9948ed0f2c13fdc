//! Between ours and Apache's `thrift` crate: generated types of either side, read and written by the other.
//!
//! With `Builder::apache` every generated type is a [`TSerializable`], so that code for the `thrift` crate takes it. The other way
//! round an [`Apache`] makes a [`Wire`] of a type that Apache's compiler generated, so that it travels as an event, a field of a
//! hand-written struct, or a whole message.
//!
//! ```
//! use thriftwood_core::apache::{Apache, TSerializable};
//! use thriftwood_core::codec::Protocol;
//! # use thriftwood_core::apache::thrift::{self, protocol::{TFieldIdentifier, TInputProtocol, TOutputProtocol, TStructIdentifier}};
//! # #[derive(Debug, PartialEq)]
//! # struct Empty;
//! # impl TSerializable for Empty {
//! #     fn read_from_in_protocol(i: &mut dyn TInputProtocol) -> thrift::Result<Self> {
//! #         i.read_struct_begin()?;
//! #         i.read_field_begin()?;
//! #         i.read_struct_end().map(|()| Empty)
//! #     }
//! #     fn write_to_out_protocol(&self, o: &mut dyn TOutputProtocol) -> thrift::Result<()> {
//! #         o.write_struct_begin(&TStructIdentifier::new("Empty"))?;
//! #         o.write_field_stop()?;
//! #         o.write_struct_end()
//! #     }
//! # }
//! // `Empty` is what Apache's compiler generates for `struct Empty {}`.
//! let bytes = Protocol::Json.to_bytes(&Apache(Empty));
//! assert_eq!(bytes, b"{}");
//! assert_eq!(Protocol::Json.from_bytes::<Apache<Empty>>(&bytes.into())?.0, Empty);
//! # Ok::<(), thriftwood_core::codec::DecodeError>(())
//! ```

mod input;
mod output;
mod reader;
mod types;
mod writer;

pub use thrift;
pub use thrift::protocol::TSerializable;

use thrift::protocol::{TInputProtocol, TOutputProtocol};

use crate::codec::{DecodeError, DecodeErrorKind, Reader, TType, Wire, Writer};

/// Writes one of our values to a protocol of the `thrift` crate.
///
/// # Errors
/// Whatever the protocol or the transport below it gives.
pub fn write<T: Wire>(value: &T, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
    let mut writer = writer::ApacheWriter::new(out);
    value.encode(&mut writer);
    writer.finish()
}

/// Reads one of our values from a protocol of the `thrift` crate.
///
/// # Errors
/// What the protocol gives, or a protocol error when what it reads is not such a value.
pub fn read<T: Wire>(input: &mut dyn TInputProtocol) -> thrift::Result<T> {
    let mut reader = reader::ApacheReader::new(input);
    let value = T::decode(&mut reader);
    reader.finish(value)
}

/// A struct, union or exception that Apache's compiler generated, as one that travels here.
///
/// Apache's code sets memory aside for as many elements as a list claims, and takes fields without a look at their type. What it
/// is given here is bounded all the same: no more elements than the message has bytes for, and of structs at most one for each four bytes
/// once there are many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Apache<T>(pub T);

impl<T: TSerializable> Wire for Apache<T> {
    const TYPE: TType = TType::Struct;

    fn encode<W: Writer>(&self, w: &mut W) {
        // Writing to ours never fails, so it is the type itself that refuses; generated code does not.
        if let Err(error) = self.0.write_to_out_protocol(&mut output::Output(w)) {
            tracing::warn!(r#type = std::any::type_name::<T>(), %error, "a value refused to be written");
            w.refuse();
        }
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        let mut input = input::Input::new(r);
        match T::read_from_in_protocol(&mut input) {
            Ok(value) => Ok(Apache(value)),
            Err(error) => Err(input.error.take().unwrap_or_else(|| {
                tracing::warn!(r#type = std::any::type_name::<T>(), %error, "a value refused to be read");
                r.error(DecodeErrorKind::Foreign)
            })),
        }
    }
}

impl<T> From<T> for Apache<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// For generated code: makes a type of ours one of Apache's too.
#[doc(hidden)]
#[macro_export]
macro_rules! apache_serializable {
    ($name:ident) => {
        impl $crate::apache::TSerializable for $name {
            fn read_from_in_protocol(
                input: &mut dyn $crate::apache::thrift::protocol::TInputProtocol,
            ) -> $crate::apache::thrift::Result<Self> {
                $crate::apache::read(input)
            }

            fn write_to_out_protocol(
                &self,
                out: &mut dyn $crate::apache::thrift::protocol::TOutputProtocol,
            ) -> $crate::apache::thrift::Result<()> {
                $crate::apache::write(self, out)
            }
        }
    };
}
