//! Looks at a frame without reading it: what a connection has to know of every frame that passes.

use super::headers::Pairs;
use super::{FrameError, KEY, OPERATION_ID, PREAMBLE, number};

/// The key of the event in this frame, where it has one. For a transport, which need not read the rest.
pub fn event_key(frame: &[u8]) -> Option<&[u8]> {
    Peek::at(frame).ok()?.header(KEY)
}

/// The operation id in this frame, where it has one and it is a number. For a transport, which need not read the rest.
pub fn operation_id(frame: &[u8]) -> Option<u64> {
    Peek::at(frame).ok()?.operation_id().ok()?
}

/// A frame of which only the preamble was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peek<'a> {
    headers: &'a [u8],
    /// Whether there is nothing behind the headers, as in the frames that connections send each other.
    pub(crate) is_bare: bool,
}

impl<'a> Peek<'a> {
    /// # Errors
    /// When the bytes are shorter than a frame can be, of another version, or their headers do not fit.
    pub(crate) fn at(frame: &'a [u8]) -> Result<Self, FrameError> {
        let Some((preamble, rest)) = frame.split_first_chunk::<PREAMBLE>() else {
            return Err(FrameError::Truncated { size: frame.len() });
        };
        let [_, _, _, _, version, size @ ..] = *preamble;
        if version != 0 {
            return Err(FrameError::Version(version));
        }
        let (headers, message) = rest.split_at_checked(u32::from_be_bytes(size) as usize).ok_or(FrameError::Headers)?;
        Ok(Self { headers, is_bare: message.is_empty() })
    }

    /// The value of a header, which need not be text; the last one of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        Pairs::of(self.headers).filter(|(n, _)| *n == name.as_bytes()).last().map(|(_, value)| value)
    }

    /// The operation id, where there is one and it is a number.
    ///
    /// # Errors
    /// When a size in the headers runs past their end.
    pub(crate) fn operation_id(&self) -> Result<Option<u64>, FrameError> {
        let (mut id, mut pairs) = (None, Pairs::of(self.headers));
        for (name, value) in &mut pairs {
            if name == OPERATION_ID.as_bytes() {
                id = number(value);
            }
        }
        if pairs.rest().is_empty() { Ok(id) } else { Err(FrameError::Headers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_id_is_a_number_of_64_bits_or_none() {
        for id in [0, 7, 10, u64::MAX] {
            assert_eq!(number(id.to_string().as_bytes()), Some(id));
        }
        for none in ["", "x", "1x", "-1", "+1", " 1", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(number(none.as_bytes()), None, "{none:?}");
        }
    }
}
