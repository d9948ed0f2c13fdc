//! Segments of a log, and the bodies of batches whose checksums are right: records are read or a range is refused, each offset once and
//! in order, and the log opens.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crc32c::{crc32c, crc32c_append};
use thriftwood_log::store::disk::{SimDisk, SimImage};
use thriftwood_log::store::{
    Batch, Codec, Compaction, Durability, Entry, From, Log, LogOptions, LogView, Producer, StoreError,
};

/// A log with a record, its id, and where its next batch goes.
static LOG: LazyLock<(SimImage, u64, u64)> = LazyLock::new(|| {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, Batch::of(&[Entry::of(b"first")]));
    let (id, next) = (log.id(), log.next_offset());
    close(&log);
    (disk.image(), id, next)
});

/// Reads bytes as the segment of a log.
pub fn segment(bytes: &[u8]) {
    let (image, ..) = &*LOG;
    let mut image = image.clone();
    if let Some(segment) = image.file_mut(path()) {
        segment.clear();
        segment.extend_from_slice(bytes);
    }
    look(image);
}

/// Reads bytes as flags, a count, and the body of a batch, with checksums that are right: as somebody may write it who means harm.
pub fn batch(bytes: &[u8]) {
    let Some((fields, body)) = bytes.split_at_checked(4) else { return };
    let (image, id, next) = &*LOG;
    // `docs/log-format.md` has the fields.
    let mut header = vec![b'G', b'L', 1, 11];
    header.extend_from_slice(&(body.len() as u32).to_le_bytes());
    header.extend_from_slice(&next.to_le_bytes());
    header.extend_from_slice(&i64::MAX.to_le_bytes());
    header.extend_from_slice(&(u32::from(fields[2]) << (fields[3] % 25)).max(1).to_le_bytes());
    header.extend_from_slice(&fields[..2]);
    header.extend_from_slice(&[0; 2]);
    header.extend_from_slice(&crc32c(body).to_le_bytes());
    header.extend_from_slice(&[0; 4]);
    header.extend_from_slice(&crc32c_append(crc32c(&id.to_le_bytes()), &header).to_le_bytes());
    let mut image = image.clone();
    if let Some(segment) = image.file_mut(path()) {
        segment.extend_from_slice(&header);
        segment.extend_from_slice(body);
    }
    look(image);
}

fn path() -> &'static Path {
    Path::new("log/00000000000000000000.log")
}

/// Reads everything there is, in both directions.
fn look(image: SimImage) {
    // What cannot be opened says why.
    let Ok(view) = LogView::open("log", Arc::new(SimDisk::from_image(image))) else { return };
    let Ok(mut reader) = view.reader(From::First) else { return };
    let mut next = 0;
    loop {
        let before = reader.offset();
        match reader.next_ready() {
            Ok(None) => break,
            Ok(Some(record)) => {
                assert!(record.offset() >= next && record.offset() < view.next_offset(), "{}", record.offset());
                next = record.offset() + 1;
                let _ = (record.time(), record.key().is_some(), record.headers().count());
            }
            Err(StoreError::Corrupt { from, to, .. } | StoreError::Unsupported { from, to, .. }) => {
                assert!(from == before && from < to && from >= next, "{from} to {to} after {next}");
                next = to;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let Ok(mut back) = view.backwards(From::Next) else { return };
    let mut last = u64::MAX;
    // Damage is told in ranges, which are as many as the records at most.
    while let Ok(Some(record)) = back.next_ready() {
        assert!(record.offset() < last, "{} after {last}", record.offset());
        last = record.offset();
    }
}

pub(crate) fn segment_seeds() -> Vec<Vec<u8>> {
    let (image, ..) = &*LOG;
    let disk = SimDisk::from_image(image.clone());
    let log = open(&disk);
    for batch in batches() {
        append(&log, batch);
    }
    close(&log);
    let image = disk.image();
    let found = image.files().find(|(name, _)| *name == path()).map(|(_, bytes)| bytes.to_vec());
    found.into_iter().collect()
}

/// The bodies of such batches, cut out of the segments that hold them, and of one that was compacted.
pub(crate) fn batch_seeds() -> Vec<Vec<u8>> {
    batches()
        .into_iter()
        .zip([false, false, false, true])
        .filter_map(|(batch, is_compacted)| {
            let disk = SimDisk::new();
            let log = open(&disk);
            append(&log, batch);
            if is_compacted {
                append(&log, Batch::of(&[Entry::of(b"later").key(b"k")]));
                let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
                runtime.block_on(log.compact(Compaction::default())).ok()?;
            }
            close(&log);
            let image = disk.image();
            let bytes = image.files().find(|(name, _)| *name == path())?.1;
            let end = 44 + u32::from_le_bytes(bytes[4..8].try_into().ok()?) as usize;
            Some([&bytes[28..30], &bytes[24..25], &[0], &bytes[44..end]].concat())
        })
        .collect()
}

fn batches() -> Vec<Result<Batch, StoreError>> {
    let headers: [(&str, &[u8]); 2] = [("topic", b"a.b"), ("", b"")];
    let entries = [Entry::of(b"one").key(b"k").headers(&headers), Entry::of(&[7; 300]), Entry::of(b"").key(b"")];
    let producer = Producer { id: 1, epoch: 2, sequence: 0 };
    vec![
        Batch::of(&entries),
        Batch::of(&entries).map(|batch| batch.compressed(Codec::Lz4)),
        Batch::of(&entries).and_then(|batch| batch.by(producer)),
        Batch::of(&entries),
    ]
}

fn open(disk: &SimDisk) -> Log {
    let mut options = LogOptions::default();
    options.disk = Arc::new(disk.clone());
    Log::open("log", options).unwrap_or_else(|error| panic!("{error}"))
}

fn append(log: &Log, batch: Result<Batch, StoreError>) {
    let appended = batch.and_then(|batch| log.append_blocking(batch, Durability::Durable));
    assert!(appended.is_ok(), "{appended:?}");
}

fn close(log: &Log) {
    let closed = log.close_blocking();
    assert!(closed.is_ok(), "{closed:?}");
}
