//! Whole batches as bytes: where to find some of them on the disk, for whoever sends them on as they are, and what their records
//! are, for whoever got them so.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Buf, Bytes};

use super::StoreError;
use super::batch::{self, Batch, RecordParts};
use super::codec::Unreadable;
use super::disk::DiskFile;
use super::format::{self, HAS_GAPS, HAS_PRODUCER, HEADER, Header};
use super::home::Home;
use super::log::Log;
use super::pool;
use super::producer::Producer;
use super::record::Record;
use super::scan::Scan;
use super::segment;
use super::shared::Place;
use super::time;

/// Batches that stand one behind the other in a segment. Nobody has looked at their bytes: whoever reads them checks them.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) file: Arc<dyn DiskFile>,
    /// The segment, by the offset of its first record.
    pub(crate) segment: u64,
    pub(crate) position: u64,
    /// In bytes. 0 where nothing can be found but by looking at every byte, as a reader does.
    pub(crate) length: u64,
    /// The offset after the last record.
    pub(crate) until: u64,
}

impl Log {
    /// Batches from the one that holds this offset on: so many bytes of them, at least one batch, all of one segment. `known` is where the batch may begin: the segment and the position behind the last span. `None` at the end.
    pub(crate) fn span(&self, offset: u64, known: (u64, u64), most: u64) -> Result<Option<Span>, StoreError> {
        let shared = self.shared();
        if offset >= shared.visible() {
            return Ok(None);
        }
        let Some(Place { segment, next, limit }) = shared.place(offset) else { return Ok(None) };
        let failed = |source| StoreError::io("read", &segment.path, source);
        let home = &shared.home;
        let file = home.disk.open(&segment.path).map_err(failed)?;
        let find = || -> io::Result<(u64, u64, u64)> {
            let limit = limit.map_or_else(|| file.size(), Ok)?;
            let position = if offset <= segment.base {
                0
            } else if known.0 == segment.base && known.1 < limit && segment::is_at(home, &*file, known.1, offset)? {
                known.1
            } else {
                let near = segment.before_offset(home, &*file, offset)?.position;
                holding(home, &*file, near, limit, offset)?
            };
            if limit.saturating_sub(position) <= most {
                return Ok((position, limit, next));
            }
            let last = segment.before_position(home, &*file, position + most)?;
            if last.position > position {
                return Ok((position, last.position, last.offset));
            }
            let header = Header::decode(&file.read_at(HEADER, position)?, home.seed);
            let whole = header.filter(|header| header.size() <= limit - position);
            Ok(whole.map_or((position, position, offset), |header| (position, position + header.size(), header.end())))
        };
        let (position, end, until) = find().map_err(failed)?;
        let length = end.saturating_sub(position);
        Ok(Some(Span { file, segment: segment.base, position, length, until }))
    }
}

/// Where the batch begins that holds this offset, or the first whole one behind it, from the beginning of one that is not far before it. The
/// limit where there is none.
fn holding(home: &Home, file: &dyn DiskFile, mut position: u64, limit: u64, offset: u64) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let header = Header::decode(&file.read_at(HEADER, position)?, home.seed);
        match header.filter(|header| header.size() <= limit.saturating_sub(position)) {
            Some(header) if header.end() <= offset => {
                position += header.size();
                passed = header.end();
            }
            Some(_) => return Ok(position),
            None if position >= limit => return Ok(limit),
            // Damaged, as whoever asks for what is behind it has been told.
            None => match Scan::new(file, home.seed, limit).find(position + 1, passed)? {
                Some((found, _)) => position = found,
                None => return Ok(limit),
            },
        }
    }
}

/// A batch that came from a log elsewhere, with the records that were not taken off yet.
#[derive(Debug)]
pub(crate) struct Unpacked {
    header: Header,
    records: Bytes,
    next: u64,
}

/// What stands at the front of bytes that should be batches.
#[derive(Debug)]
pub(crate) enum Front {
    Batch(Unpacked),
    /// A batch that this build cannot read, up to this offset.
    Unsupported(u64),
    /// No whole batch of that log.
    Damage,
}

impl Unpacked {
    /// Takes the next batch off bytes of the log with this id, when it is whole and holds `expected` or what is behind it.
    pub(crate) fn take(bytes: &mut Bytes, log_id: u64) -> Front {
        let Some(header) = Header::decode(bytes, format::seed(log_id)) else { return Front::Damage };
        let size = header.size();
        if size > bytes.len() as u64 {
            return Front::Damage;
        }
        let body = bytes.slice(HEADER..size as usize);
        if !header.fits(&body) {
            return Front::Damage;
        }
        match batch::records(body, &header) {
            Ok(records) => {
                bytes.advance(size as usize);
                Front::Batch(Self { header, records, next: header.base })
            }
            Err(Unreadable::Unknown) => {
                bytes.advance(size as usize);
                Front::Unsupported(header.end())
            }
            Err(Unreadable::Wrong) => Front::Damage,
        }
    }

    /// The offset of its first record.
    pub(crate) fn base(&self) -> u64 {
        self.header.base
    }

    /// The offset after its last record.
    pub(crate) fn end(&self) -> u64 {
        self.header.end()
    }

    /// The next record that is not before this offset. `None` behind the last one, and where the rest is no record though its
    /// checksum was right.
    pub(crate) fn next(&mut self, from: u64) -> Option<Record> {
        while self.next < self.end() {
            let parts = batch::split_record(&mut self.records, self.header.flags)?;
            let RecordParts { delta, gap, key, headers, value } = parts;
            let offset = self.next.checked_add(gap).filter(|offset| *offset < self.end())?;
            self.next = offset + 1;
            if offset >= from {
                let time = self.header.time.saturating_add(delta);
                return Some(Record { offset, time, key, headers, value });
            }
        }
        None
    }
}

/// A record that was read elsewhere, put together again.
pub(crate) fn record(offset: u64, time: i64, key: Option<Bytes>, headers: Bytes, value: Bytes) -> Option<Record> {
    batch::are_pairs(&headers).then_some(Record { offset, time, key, headers, value })
}

/// A time as logs store it: microseconds since 1970.
pub(crate) fn micros(time: SystemTime) -> i64 {
    time::from_system(time)
}

/// The time that was stored so.
pub(crate) fn time(micros: i64) -> SystemTime {
    time::to_system(micros)
}

impl Record {
    /// When it was stored, in microseconds since 1970.
    pub(crate) fn micros(&self) -> i64 {
        self.time
    }

    /// Its headers as they are stored.
    pub(crate) fn raw_headers(&self) -> &Bytes {
        &self.headers
    }
}

impl Batch {
    /// The batch as a log would store it that has the id 0 and nothing in it: how it travels to the log that stores it.
    pub(crate) fn into_wire(mut self) -> Vec<u8> {
        let header = Header {
            length: (self.bytes.len() - HEADER) as u32,
            base: 0,
            time: 0,
            count: self.count,
            flags: self.flags,
            epoch: 0,
            body_crc: self.body_crc,
            distance: 0,
        };
        header.encode(&mut self.bytes, format::seed(0));
        self.bytes
    }

    /// The batch that travelled so. `None` when these bytes are none, whether they were damaged or made so: a log stores nothing
    /// that its readers could not take apart.
    pub(crate) fn from_wire(bytes: &Bytes) -> Option<Self> {
        let header = Header::decode(bytes, format::seed(0))?;
        let body = bytes.slice(HEADER..);
        // Gaps are what compaction leaves.
        if !header.fits(&body) || header.flags & HAS_GAPS != 0 {
            return None;
        }
        let producer = if header.flags & HAS_PRODUCER == 0 { None } else { Some(Producer::decode(&body)?) };
        let mut records = batch::records(body, &header).ok()?;
        for _ in 0..header.count {
            batch::split_record(&mut records, header.flags)?;
        }
        if !records.is_empty() {
            return None;
        }
        let mut own = pool::take(bytes.len());
        own.extend_from_slice(bytes);
        let Header { count, flags, body_crc, .. } = header;
        Some(Self { bytes: own, count, flags, body_crc, producer, expected: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Codec, Compaction, Durability, Entry, LogOptions};

    fn filled(dir: &std::path::Path, records: usize) -> Log {
        let options = LogOptions { segment_bytes: 40_000, ..LogOptions::default() };
        let log = Log::open(dir, options).unwrap();
        for n in 0..records {
            let batch = Batch::of(&[Entry::of(format!("value {n} {}", "x".repeat(n % 700)).as_bytes())]).unwrap();
            log.append_blocking(batch, Durability::Buffered).unwrap();
        }
        log
    }

    /// Everything that spans of so many bytes give, by the offset of each record.
    fn through_spans(log: &Log, mut offset: u64, most: u64) -> Vec<(u64, Bytes)> {
        let (mut found, mut known) = (Vec::new(), (0, 0));
        while let Some(span) = log.span(offset, known, most).unwrap() {
            assert!(span.length > 0 && span.until > offset, "{span:?}");
            let mut bytes = Bytes::from(span.file.read_at(span.length as usize, span.position).unwrap());
            while !bytes.is_empty() {
                let Front::Batch(mut batch) = Unpacked::take(&mut bytes, log.id()) else {
                    panic!("no batch in {span:?}")
                };
                while let Some(record) = batch.next(offset) {
                    found.push((record.offset(), record.into_value()));
                }
                offset = offset.max(batch.end());
            }
            assert_eq!(offset, span.until);
            known = (span.segment, span.position + span.length);
        }
        found
    }

    #[test]
    fn spans_of_any_size_from_any_offset_give_every_record_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 600);
        for (from, most) in [(0, 1), (0, 300), (0, 5_000), (17, 9_000), (299, 1 << 20), (599, 10)] {
            let found = through_spans(&log, from, most);
            assert!(found.iter().map(|(offset, _)| *offset).eq(from..600), "from {from}, {most} bytes");
            assert!(found.iter().all(|(n, value)| value.starts_with(format!("value {n} ").as_bytes())));
        }
        assert!(log.span(600, (0, 0), 100).unwrap().is_none());
    }

    #[test]
    fn a_place_that_is_wrong_is_looked_up() {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 300);
        for known in [(0, 3), (0, u64::MAX), (77, 0), (u64::MAX, u64::MAX)] {
            let span = log.span(150, known, 4_000).unwrap().unwrap();
            let mut bytes = Bytes::from(span.file.read_at(span.length as usize, span.position).unwrap());
            let Front::Batch(batch) = Unpacked::take(&mut bytes, log.id()) else { panic!("no batch in {span:?}") };
            assert!(batch.base() <= 150 && span.until > 150, "{span:?}");
        }
    }

    /// A fetch may have found its segment before that was compacted, and open the file after.
    #[test]
    fn a_segment_that_was_replaced_meanwhile_is_looked_up_as_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), LogOptions { segment_bytes: 40_000, ..LogOptions::default() }).unwrap();
        for n in 0..600 {
            // Something is left of each segment.
            let (key, value) = (format!("key {}", if n % 10 == 0 { n } else { n % 10 }), "x".repeat(300));
            let batch = Batch::of(&[Entry::of(value.as_bytes()).key(key.as_bytes())]).unwrap();
            log.append_blocking(batch, Durability::Buffered).unwrap();
        }
        let shared = log.shared();
        let Place { segment, next, .. } = shared.place(0).unwrap();
        let near_its_end = |segment: &Arc<segment::Segment>| {
            let file = shared.home.disk.open(&segment.path).unwrap();
            let found = segment.before_offset(&shared.home, &*file, next - 1).unwrap();
            let is_there = segment::is_at(&shared.home, &*file, found.position, found.offset).unwrap();
            (found.position, is_there || found.position == 0)
        };
        let (before, _) = near_its_end(&segment);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let done = runtime.block_on(log.compact(Compaction::default())).unwrap();
        assert!(done.segments > 3, "{done:?}");
        let (after, is_there) = near_its_end(&segment);
        assert!(before > 20_000 && after < before && is_there, "at {before} before, {after} after");
    }

    #[test]
    fn what_is_behind_a_damaged_header_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let log = filled(folder.path(), 100);
        let span = log.span(49, (0, 0), 1).unwrap().unwrap();
        let next = log.span(50, (0, 0), 1).unwrap().unwrap();
        span.file.write_at(b"x", span.position).unwrap();
        let found = log.span(50, (0, 0), 1).unwrap().unwrap();
        assert_eq!((found.position, found.until), (next.position, 51));
        assert_eq!(log.span(49, (0, 0), 1).unwrap().unwrap().position, next.position, "or what follows it");
    }

    #[test]
    fn a_batch_travels_whole_and_with_any_byte_changed_not_at_all() {
        let headers: [(&str, &[u8]); 1] = [("topic", b"a.b")];
        let entries = [Entry::of(b"one").key(b"k").headers(&headers), Entry::of(&[7; 300])];
        let batch =
            || Batch::of(&entries).unwrap().compressed(Codec::Lz4).by(Producer { id: 1, epoch: 2, sequence: 3 });
        let wire = Bytes::from(batch().unwrap().into_wire());
        let back = Batch::from_wire(&wire).unwrap();
        assert_eq!((back.count, back.producer), (2, batch().unwrap().producer));
        assert_eq!(back.bytes[HEADER..], batch().unwrap().bytes[HEADER..]);
        for at in 0..wire.len() {
            let mut changed = wire.to_vec();
            changed[at] ^= 0x10;
            assert!(Batch::from_wire(&changed.into()).is_none(), "changed at {at}");
            assert!(Batch::from_wire(&wire.slice(..at)).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_batch_that_says_more_records_than_it_has_is_none() {
        for told in [1, 3] {
            let mut batch = Batch::of(&[Entry::of(b"one"), Entry::of(b"two")]).unwrap();
            batch.count = told;
            assert!(Batch::from_wire(&batch.into_wire().into()).is_none());
        }
    }
}
