//! Names and values that travel with a message, kept in the form in which they travel.

use std::collections::{HashMap, HashSet};
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::FrameError;
use super::own::{Own, Span};

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
        Own::of(&block)?;
        Ok(Self { block })
    }

    /// The same; and where those are that the runtime itself reads of a message.
    pub(super) fn read(block: Bytes) -> Result<(Self, Own), FrameError> {
        let own = Own::of(&block)?;
        Ok((Self { block }, own))
    }

    /// The value of a header, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let pairs = self.pairs().filter(|(n, _)| *n == name.as_bytes());
        pairs.last().and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Where those are that the runtime itself reads of a message.
    #[cfg(feature = "runtime")]
    pub(crate) fn own(&self) -> Own {
        // They were checked when they were made.
        Own::of(&self.block).unwrap_or_default()
    }

    /// The value that stands there.
    pub(crate) fn at(&self, span: Span) -> &[u8] {
        self.block.get(span.range()).unwrap_or_default()
    }

    /// The same, sharing the memory of all of them.
    #[cfg(feature = "runtime")]
    pub(crate) fn share(&self, span: Span) -> Bytes {
        self.block.slice(span.range())
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
        if self.is_empty() {
            self.block = other.block.clone();
            return;
        }
        // In one pass: a peer may send a hundred thousand headers, and a copy of the block for each would take minutes.
        let names: HashSet<&[u8]> = other.pairs().map(|(name, _)| name).collect();
        let mut block = BytesMut::with_capacity(self.block.len() + other.block.len());
        for (name, value) in self.iter().filter(|(name, _)| !names.contains(name.as_bytes())) {
            put_text(&mut block, name);
            put_text(&mut block, value);
        }
        block.put_slice(&other.block);
        self.block = block.freeze();
    }

    /// The names and values, in the order they travel.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: self.pairs() }
    }

    /// The same as bytes, of which it is known that they are text.
    pub(crate) fn pairs(&self) -> Pairs<'_> {
        Pairs { rest: &self.block }
    }

    /// The wire form.
    pub(super) fn block(&self) -> &[u8] {
        &self.block
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
        // The last of a name counts, here as in `get`.
        let said =
            |headers: &Headers| headers.pairs().map(|(n, v)| (n.to_vec(), v.to_vec())).collect::<HashMap<_, _>>();
        self.block == other.block || said(self) == said(other)
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
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let last: HashMap<&str, usize> = pairs.iter().enumerate().map(|(at, (name, _))| (name.as_ref(), at)).collect();
        let mut block = BytesMut::new();
        for (at, (name, value)) in pairs.iter().enumerate() {
            if last.get(name.as_ref()) == Some(&at) {
                put_text(&mut block, name.as_ref());
                put_text(&mut block, value.as_ref());
            }
        }
        Headers { block: block.freeze() }
    }
}

/// Walks the pairs of [`Headers`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: Pairs<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // The block was checked when it was made, so no step gives up before its end.
        let (name, value) = self.rest.next()?;
        Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
    }
}

/// The same pairs as bytes: a look-up need not check again that all of them are text.
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// Of a block that may not have been checked: they end where it makes no sense any more.
    #[cfg(feature = "runtime")]
    pub(super) fn of(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    /// What was not walked yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = split_text(self.rest)?;
        let (value, rest) = split_text(rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Appends one name or value in wire form.
pub(super) fn put_text(out: &mut impl BufMut, text: &str) {
    put_bytes(out, text.as_bytes());
}

/// Appends one name or value that is known to be text.
pub(super) fn put_bytes(out: &mut impl BufMut, text: &[u8]) {
    // A header of 4 GiB would be refused by the frame's own limit; the block is never cut silently, it just fails there.
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn block(pairs: impl IntoIterator<Item = (&'static str, &'static str)>) -> Bytes {
        let mut block = BytesMut::new();
        for (name, value) in pairs {
            put_text(&mut block, name);
            put_text(&mut block, value);
        }
        block.freeze()
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let twice = Headers::from_block(block([("a", "1"), ("b", ""), ("a", "2")])).unwrap();
        assert_eq!(twice.get("a"), Some("2"));
        assert_eq!(twice.get("b"), Some(""));
        assert_eq!(twice.get(""), None);
        assert_eq!(twice, [("b", ""), ("a", "2")].into_iter().collect());
        assert_ne!(twice, [("b", ""), ("a", "1")].into_iter().collect());
        assert_ne!(twice, [("a", "2")].into_iter().collect());
    }

    #[test]
    fn extending_replaces_names_that_are_there_and_keeps_the_others() {
        let mut headers: Headers = [("a", "1"), ("b", "1")].into_iter().collect();
        headers.extend(&[("b", "2"), ("c", "2")].into_iter().collect());
        let pairs: Vec<_> = headers.iter().collect();
        assert_eq!(pairs, [("a", "1"), ("b", "2"), ("c", "2")]);
        headers.remove("b");
        assert_eq!(headers, [("a", "1"), ("c", "2")].into_iter().collect());
    }

    #[test]
    fn sizes_that_run_past_the_block_and_bytes_that_are_no_text_are_refused() {
        let whole = block([("name", "value")]);
        for end in 1..whole.len() {
            assert_eq!(Headers::from_block(whole.slice(..end)).unwrap_err(), FrameError::Headers, "cut at {end}");
        }
        let lying = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, b'a']);
        assert_eq!(Headers::from_block(lying).unwrap_err(), FrameError::Headers);
        let latin = Bytes::from_static(&[0, 0, 0, 1, 0xfc, 0, 0, 0, 0]);
        assert_eq!(Headers::from_block(latin).unwrap_err(), FrameError::Utf8);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_wherever_and_however_many_they_are() {
        for count in 1..=40 {
            for bad in [vec![0xff; count], [vec![b'a'; count], vec![0xff; 2]].concat()] {
                let piece = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
                for (name, value) in [(&bad[..], &b"v"[..]), (b"n", &bad)] {
                    let block = Bytes::from([piece(name), piece(value)].concat());
                    assert_eq!(Headers::from_block(block).unwrap_err(), FrameError::Utf8, "{name:?}: {value:?}");
                }
            }
        }
    }

    #[test]
    fn a_hundred_thousand_headers_cost_milliseconds_not_minutes() {
        let names: Vec<String> = (0..100_000).map(|i| format!("header-{i}")).collect();
        let began = Instant::now();
        let many: Headers = names.iter().map(|name| (name, "value")).collect();
        let mut merged: Headers = [("header-7", "mine"), ("own", "mine")].into_iter().collect();
        merged.extend(&many);
        assert_eq!((merged.get("header-7"), merged.get("own")), (Some("value"), Some("mine")));
        assert_eq!(merged.iter().count(), 100_001);
        assert_ne!(merged, many);
        // A debug build takes a few hundred milliseconds. A copy of the block for each header is 250 GB of copying.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
