//! Turns typed values into Thrift bytes and back.
//!
//! A [`Wire`] type writes itself to a [`Writer`] and reads itself from a [`Reader`]; generated structs, unions and enums
//! are such types, and so are the Rust types that stand for Thrift's own. The calls of the two traits are those of Thrift's
//! protocol (a struct is fields with a type and an id, closed by a stop), so one generated body serves every protocol, and
//! being generic rather than `dyn` it compiles to straight-line code. [`binary`], [`compact`] and [`json`] are the
//! protocols there are. Calls and events travel in any of them, binary being the one nobody has to ask for; a [`Protocol`] names
//! one at run time.
//!
//! Reading never panics and never trusts a length: a string or container that claims more than the bytes at hand could
//! hold is refused before memory is set aside for it, nesting is bounded by [`MAX_DEPTH`], text is checked to be UTF-8, and a
//! message whose elements would take more than 16 MiB and 64 times its own size is refused.

mod any;
pub mod binary;
mod choice;
pub mod compact;
mod cursor;
mod error;
pub mod json;
mod message;
pub(crate) mod nesting;
mod protocol;
mod reader;
mod text;
mod total;
mod ttype;
mod unknown;
mod wire;
mod writer;

pub use any::{AnyReader, AnyWriter};
#[cfg(feature = "json")]
pub(crate) use cursor::{MEMORY_FREE, MEMORY_PER_BYTE};
pub use error::{DecodeError, DecodeErrorKind};
pub use message::{Message, MessageType};
pub use protocol::Protocol;
pub use reader::{Field, MAX_DEPTH, Reader};
pub use total::TotalF64;
pub use ttype::TType;
pub use unknown::UnknownField;
pub use wire::Wire;
pub use writer::Writer;
