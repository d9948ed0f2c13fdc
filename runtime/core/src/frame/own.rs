//! Checks a block of headers and finds those that the runtime itself reads of every message, in one walk.

use std::ops::Range;

use super::{CORRELATION_ID, FrameError, OPERATION_ID, TIMEOUT};

/// Where the headers are that the runtime itself reads of a message: the last of each name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own {
    pub(crate) operation_id: Option<Span>,
    /// An empty one is none.
    pub(crate) correlation_id: Option<Span>,
    pub(crate) timeout: Option<Span>,
    /// There is a header besides the operation id and the correlation id.
    pub(crate) others: bool,
}

/// Where a value begins and ends in a block of headers, whose size is one of 32 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(u32, u32);

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.0 as usize..self.1 as usize
    }

    fn is_empty(self) -> bool {
        self.0 == self.1
    }
}

impl Own {
    /// Those of a block.
    ///
    /// # Errors
    /// When a size runs past the block, or a name or value is not UTF-8.
    pub(super) fn of(block: &[u8]) -> Result<Self, FrameError> {
        // Of texts shorter than 128 bytes the sizes are ASCII too, so one look at all of it most often tells that all of it is text.
        let (mut own, is_text) = (Self::default(), is_ascii(block));
        let mut at = 0;
        while at < block.len() {
            let (name, name_ends) = text(block, at)?;
            let (value, value_ends) = text(block, name_ends)?;
            if !is_text {
                std::str::from_utf8(name).map_err(|_| FrameError::Utf8)?;
                std::str::from_utf8(value).map_err(|_| FrameError::Utf8)?;
            }
            own.note(name, Span((value_ends - value.len()) as u32, value_ends as u32));
            at = value_ends;
        }
        own.correlation_id = own.correlation_id.filter(|id| !id.is_empty());
        Ok(own)
    }

    fn note(&mut self, name: &[u8], value: Span) {
        let place = match name {
            _ if is(name, &KNOWN_OPERATION_ID) => &mut self.operation_id,
            _ if is(name, &KNOWN_CORRELATION_ID) => &mut self.correlation_id,
            _ => {
                self.others = true;
                if !is(name, &KNOWN_TIMEOUT) {
                    return;
                }
                &mut self.timeout
            }
        };
        *place = Some(value);
    }
}

/// The text that begins here with its size, and where it ends.
fn text(block: &[u8], at: usize) -> Result<(&[u8], usize), FrameError> {
    let rest = block.get(at..).unwrap_or_default();
    let Some((size, rest)) = rest.split_first_chunk::<4>() else { return Err(FrameError::Headers) };
    let size = u32::from_be_bytes(*size) as usize;
    let text = rest.get(..size).ok_or(FrameError::Headers)?;
    Ok((text, at + 4 + size))
}

/// The standard library's looks at up to 63 bytes at the end one by one, which took longer than all the rest of the walk.
fn is_ascii(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let of_words = words.iter().fold(0, |bits, word| bits | u64::from_ne_bytes(*word));
    let of_rest = rest.iter().fold(0, |bits, byte| bits | byte);
    (of_words | u64::from(of_rest)) & 0x8080_8080_8080_8080 == 0
}

const KNOWN_OPERATION_ID: [u8; OPERATION_ID.len()] = known(OPERATION_ID);
const KNOWN_CORRELATION_ID: [u8; CORRELATION_ID.len()] = known(CORRELATION_ID);
const KNOWN_TIMEOUT: [u8; TIMEOUT.len()] = known(TIMEOUT);

/// A name whose length the compiler knows: it is compared in a word or two, where the comparison of slices is a call.
const fn known<const N: usize>(name: &str) -> [u8; N] {
    match name.as_bytes().first_chunk() {
        Some(name) => *name,
        None => [0; N],
    }
}

fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    name.len() == N && name.first_chunk() == Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_no_ascii_is_seen_wherever_it_stands() {
        for size in 0..40 {
            let mut bytes = vec![b'~'; size];
            assert!(is_ascii(&bytes), "{size}");
            for at in 0..size {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "{at} of {size}");
                bytes[at] = b'~';
            }
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_an_empty_correlation_id_is_none() {
        let pairs = |pairs: &[(&str, &str)]| {
            let text = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
            pairs.iter().flat_map(|(name, value)| [text(name), text(value)]).collect::<Vec<_>>().concat()
        };
        let block = pairs(&[("_opid", "1"), ("_cid", "a"), ("_opid", "27"), ("_cid", ""), ("_timeout", "9")]);
        let own = Own::of(&block).unwrap();
        let at = |span: Option<Span>| span.map(|span| &block[span.range()]);
        assert_eq!((at(own.operation_id), at(own.correlation_id)), (Some(&b"27"[..]), None));
        assert!(own.others && at(own.timeout) == Some(b"9"));
        assert!(!Own::of(&pairs(&[("_cid", "a"), ("_opid", "1")])).unwrap().others);
    }
}
