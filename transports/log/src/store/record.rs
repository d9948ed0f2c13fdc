//! One record, as it is read.

use std::time::SystemTime;

use bytes::Bytes;

use super::batch;
use super::time;

/// One stored record.
#[derive(Clone, Debug)]
pub struct Record {
    pub(super) offset: u64,
    pub(super) time: i64,
    pub(super) key: Option<Bytes>,
    pub(super) headers: Bytes,
    pub(super) value: Bytes,
}

impl Record {
    /// Its place in the log. Offsets are never given out twice.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// When it was stored. Never earlier than the record before it, whatever the clock did.
    pub fn time(&self) -> SystemTime {
        time::to_system(self.time)
    }

    /// What it is about, where that was told.
    pub fn key(&self) -> Option<&Bytes> {
        self.key.as_ref()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<Bytes> {
        batch::find_header(&self.headers, name)
    }

    /// Its headers, in the order they were given. A name that is not UTF-8 was not written by this library; it is passed over.
    pub fn headers(&self) -> impl Iterator<Item = (String, Bytes)> {
        let mut rest = self.headers.clone();
        std::iter::from_fn(move || batch::split_header(&mut rest))
            .filter_map(|(name, value)| Some((String::from_utf8(name.to_vec()).ok()?, value)))
    }

    /// What was stored.
    pub fn value(&self) -> &Bytes {
        &self.value
    }

    /// Bytes of its key, headers and value.
    pub(super) fn size(&self) -> u64 {
        (self.key.as_ref().map_or(0, Bytes::len) + self.headers.len() + self.value.len()) as u64
    }

    /// The same record in memory of its own, for whoever keeps it long: it holds on to the chunk it was read in otherwise.
    #[must_use]
    pub fn detached(self) -> Self {
        let own = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        Self { key: self.key.as_ref().map(own), headers: own(&self.headers), value: own(&self.value), ..self }
    }

    /// What was stored, by value.
    pub fn into_value(self) -> Bytes {
        self.value
    }
}
