//! Plain JSON for values of a described type: what people write and read.
//!
//! | IDL | JSON |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | `i8`, `i16`, `i32`, `i64` | a number; `"12"` is read too, for readers whose numbers end at 2^53 |
//! | `double` | a number, or one of `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `string` | a string |
//! | `binary` | a string in Base64, with padding; it may be left out when it is read |
//! | `uuid` | a string with dashes |
//! | enum | the name, or the number where it has none; the number is always read |
//! | `list`, `set` | an array |
//! | `map` from anything without parts | an object; the keys are the texts of the above: `{"5": true}`, `{"CD": 1}` |
//! | `map` from structs or containers | an array of `{"key": .., "value": ..}` |
//! | struct, exception | an object with the names of the IDL; what is not set is left out, and `null` is read as not set |
//! | union | an object with the one field |
//!
//! The same form is in the pages of `thriftwood doc`. Not kept on the way through JSON: which NaN it was, and fields that
//! the description does not have.
//!
//! Reading JSON, a field nobody declared is an error, a `required` one must be there, and what has a default gets it unless
//! it is `optional`. Text and bytes are held to the limits of the [codec](crate::codec): depth, and memory in proportion to
//! the message.
//!
//! ```
//! use thriftwood_core::codec::binary::{BinaryReader, BinaryWriter};
//! use thriftwood_core::schema::{Field, Struct, StructKind, Type, Value, json};
//!
//! static TRACK: Struct = Struct::new(
//!     "Track",
//!     StructKind::Struct,
//!     &[Field::required(1, "title", Type::String), Field::new(2, "seconds", Type::I32).with_default("180")],
//! );
//!
//! let track = Value::from_json(Type::Struct(&TRACK), r#"{"title": "So What"}"#)?;
//! let mut bytes = Vec::new();
//! track.encode(&mut BinaryWriter::new(&mut bytes));
//! let shown = json::print(Type::Struct(&TRACK), &mut BinaryReader::new(&bytes.into()))?;
//! assert_eq!(shown.json, r#"{"title":"So What","seconds":180}"#);
//!
//! let error = Value::from_json(Type::Struct(&TRACK), r#"{"titel": "So What"}"#).unwrap_err();
//! assert_eq!(error.to_string(), "titel: `Track` has no such field, did you mean `title`?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod error;
mod parse;
mod path;
mod print;
mod scalar;

pub use answer::{Answer, print_answer};
pub use error::{JsonError, JsonErrorKind};
pub(super) use parse::parse;
pub use print::{Printed, print};
