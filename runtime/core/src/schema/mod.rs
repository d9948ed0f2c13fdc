//! Describes types at run time: what it takes to speak of a value without having been compiled with its type.
//!
//! Generated code describes its structs and enums in `static`s, and each [`Method`](crate::call::Method) leads to the
//! descriptions of its arguments and result. A tool that reads IDL while it runs makes the same descriptions and leaks them.
//! With the feature `json`, `schema::json` turns text into values of a described type, and their bytes into text again.

mod describe;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "json")]
mod value;

pub use describe::{Enum, Field, Presence, Struct, StructKind, Type};
#[cfg(feature = "json")]
pub use value::Value;
