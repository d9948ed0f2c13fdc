//! The protocols by name, for where one is chosen or found at run time.

use std::fmt;

use bytes::Bytes;

use super::{AnyReader, AnyWriter, DecodeError, Wire, binary};

/// How messages are written. Only callers and publishers choose: servers and subscribers see which protocol a message is in, and
/// servers answer in the same.
///
/// ```
/// use thriftwood_core::codec::Protocol;
///
/// let bytes = Protocol::Json.to_bytes(&vec![1_i32, 2, 3]);
/// assert_eq!(bytes, br#"["i32",3,1,2,3]"#);
/// assert_eq!(Protocol::Json.from_bytes::<Vec<i32>>(&bytes.into())?, [1, 2, 3]);
/// # Ok::<(), thriftwood_core::codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// [`binary`](super::binary): the fastest, and what peers speak that were told nothing else.
    #[default]
    Binary,
    /// [`compact`](super::compact): the fewest bytes.
    Compact,
    /// [`json`](super::json): for peers that speak nothing else, and for eyes.
    Json,
}

impl Protocol {
    /// Every protocol there is.
    pub const ALL: [Protocol; 3] = [Protocol::Binary, Protocol::Compact, Protocol::Json];

    /// The protocol of a message, by its first byte: compact and JSON have marks of their own, and whatever has neither is
    /// binary or nothing.
    pub fn of(message: &[u8]) -> Self {
        match message.first() {
            Some(0x82) => Protocol::Compact,
            Some(b'[') => Protocol::Json,
            _ => Protocol::Binary,
        }
    }

    /// The name: `binary`, `compact` or `json`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Binary => "binary",
            Protocol::Compact => "compact",
            Protocol::Json => "json",
        }
    }

    /// The bytes of one value by itself.
    pub fn to_bytes<T: Wire>(self, value: &T) -> Vec<u8> {
        if self == Protocol::Binary {
            return binary::to_bytes(value);
        }
        let mut bytes = Vec::new();
        value.encode(&mut AnyWriter::new(self, &mut bytes));
        bytes
    }

    /// The value that `bytes` start with.
    ///
    /// # Errors
    /// When the bytes are not such a value; the error says what is wrong and at which byte.
    pub fn from_bytes<T: Wire>(self, bytes: &Bytes) -> Result<T, DecodeError> {
        match self {
            Protocol::Binary => binary::from_bytes(bytes),
            other => T::decode(&mut AnyReader::new(other, bytes)),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
