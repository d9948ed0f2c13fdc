//! Names and values that travel with a message, kept in the form in which they travel.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::FrameError;

/// A list of names and values.
///
/// They are held as one block of bytes in wire form: reading a frame shares the frame's memory, sending is one copy, and a
/// look-up walks the few pairs there are. A name that occurs more than once has the last value, as for every Frugal peer.
///
/// ```
/// use thriftwood_core::frame::Headers;
///
/// let mut headers = Headers::new();
/// headers.set("tenant", "a");
/// headers.set("tenant", "b");
/// assert_eq!(headers.get("tenant"), Some("b"));
/// assert_eq!(headers.iter().count(), 1);
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    /// Checked when it was made: whole pairs, in UTF-8.
    block: Bytes,
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Headers read from a frame's header block, whose memory is shared.
    ///
    /// # Errors
    /// When a size runs past the block, or a name or value is not UTF-8.
    pub fn from_block(block: Bytes) -> Result<Self, FrameError> {
        let mut rest = &block[..];
        while !rest.is_empty() {
            for _ in 0..2 {
                let (text, after) = split_text(rest).ok_or(FrameError::Headers)?;
                std::str::from_utf8(text).map_err(|_| FrameError::Utf8)?;
                rest = after;
            }
        }
        Ok(Self { block })
    }

    /// The value of a header, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().filter(|(n, _)| *n == name).last().map(|(_, value)| value)
    }

    /// Sets a header, in place of any value it had.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut block = self.without(name);
        put_text(&mut block, name);
        put_text(&mut block, value);
        self.block = block.freeze();
    }

    /// Takes a header away; nothing happens when it is not there.
    pub fn remove(&mut self, name: &str) {
        if self.get(name).is_some() {
            self.block = self.without(name).freeze();
        }
    }

    /// Sets every header of `other` here too.
    pub fn extend(&mut self, other: &Headers) {
        for (name, value) in other {
            self.set(name, value);
        }
    }

    /// The names and values, in the order they travel.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.block }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    fn without(&self, name: &str) -> BytesMut {
        let mut block = BytesMut::with_capacity(self.block.len() + 64);
        for (n, v) in self.iter().filter(|(n, _)| *n != name) {
            put_text(&mut block, n);
            put_text(&mut block, v);
        }
        block
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Headers are equal when they say the same, in whatever order: peers write theirs in no particular one.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        let covers = |a: &Headers, b: &Headers| a.iter().all(|(name, _)| a.get(name) == b.get(name));
        covers(self, other) && covers(other, self)
    }
}

impl Eq for Headers {}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.set(name.as_ref(), value.as_ref());
        }
        headers
    }
}

/// Walks the pairs of [`Headers`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // The block was checked when it was made, so neither step gives up before its end.
        let (name, rest) = split_text(self.rest)?;
        let (value, rest) = split_text(rest)?;
        self.rest = rest;
        Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
    }
}

fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Appends one name or value in wire form.
pub(super) fn put_text(out: &mut impl BufMut, text: &str) {
    // A header of 4 GiB would be refused by the frame's own limit; the block is never cut silently, it just fails there.
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text.as_bytes());
}
