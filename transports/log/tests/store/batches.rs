//! What a batch can carry: keys, headers, compression, and the offset it is meant for.

use thriftwood_log::store::disk::SimDisk;
use thriftwood_log::store::{Batch, Codec, Durability, Entry, From, Log, Producer, StoreError, StoreErrorKind};

use crate::support::{append, dir, open, read};

fn codecs() -> Vec<Codec> {
    vec![
        Codec::Lz4,
        #[cfg(feature = "zstd")]
        Codec::Zstd,
    ]
}

fn values() -> Vec<Vec<u8>> {
    (0..60_u8).map(|n| format!("event {n} of a kind, {}", "and again ".repeat(n.into())).into_bytes()).collect()
}

#[test]
fn keys_and_headers_come_back_and_records_without_them_have_none() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    let headers: [(&str, &[u8]); 2] = [("topic", b"a.b"), ("empty", b"")];
    let entries = [
        Entry::of(b"both").key(b"k").headers(&headers),
        Entry::of(b"neither"),
        Entry::of(b"").key(b""),
        Entry::of(b"long").key(&[7; 5_000]),
    ];
    log.append_blocking(Batch::of(&entries).unwrap(), Durability::Durable).unwrap();
    log.close_blocking().unwrap();
    let log = open(&disk, 1 << 20).unwrap();
    let mut reader = log.reader(From::First).unwrap();
    let records: Vec<_> = std::iter::from_fn(|| reader.next_ready().unwrap()).collect();
    let found: Vec<_> = records.iter().map(|record| (record.key().map(|key| &key[..]), &record.value()[..])).collect();
    let expected: Vec<_> = entries.iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(found, expected);
    let of_first: Vec<_> = records[0].headers().collect();
    assert!(of_first.iter().map(|(name, value)| (&name[..], &value[..])).eq(headers));
    assert!(records[1..].iter().all(|record| record.headers().count() == 0));
}

#[test]
fn compressed_batches_are_smaller_and_read_the_same() {
    let size = |codec: Option<Codec>| {
        let disk = SimDisk::new();
        let log = open(&disk, 1 << 20).unwrap();
        let values = values();
        let entries: Vec<Entry<'_>> = values.iter().map(|value| Entry::of(value)).collect();
        let mut batch = Batch::of(&entries).unwrap();
        if let Some(codec) = codec {
            batch = batch.compressed(codec).compressed(codec);
        }
        let size = batch.size();
        log.append_blocking(batch, Durability::Durable).unwrap();
        log.close_blocking().unwrap();
        let log = open(&disk, 1 << 20).unwrap();
        let mut reader = log.reader(From::Offset(17)).unwrap();
        let found: Vec<Vec<u8>> =
            std::iter::from_fn(|| reader.next_ready().unwrap()).map(|record| record.value().to_vec()).collect();
        assert_eq!(found, values[17..], "{codec:?}");
        size
    };
    let plain = size(None);
    for codec in codecs() {
        assert!(size(Some(codec)) < plain / 4, "{codec:?}");
    }
}

#[test]
fn a_compressed_batch_that_lies_about_its_length_is_a_gap_and_its_neighbours_are_read() {
    let disk = SimDisk::new();
    let log = open(&disk, 1 << 20).unwrap();
    append(&log, b"before").unwrap();
    let start = log.next_offset();
    let text = vec![7; 20_000];
    log.append_blocking(Batch::of(&[Entry::of(&text)]).unwrap().compressed(Codec::Lz4), Durability::Durable).unwrap();
    append(&log, b"behind").unwrap();
    log.close_blocking().unwrap();
    let mut image = disk.image();
    let path = dir().join("00000000000000000000.log");
    let bytes = image.file_mut(&path).unwrap();
    // Behind the first batch and the second one's header: the length before compression. Checksums are made right again.
    let at = bytes.windows(4).skip(1).position(|window| window == b"GL\x01\x0b").unwrap() + 1;
    let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    bytes[at + 44..at + 48].copy_from_slice(&60_000_000_u32.to_le_bytes());
    let body = crc32c::crc32c(&bytes[at + 44..at + 44 + length]);
    bytes[at + 32..at + 36].copy_from_slice(&body.to_le_bytes());
    let seed = crc32c::crc32c(&log.id().to_le_bytes());
    let header = crc32c::crc32c_append(seed, &bytes[at..at + 40]);
    bytes[at + 40..at + 44].copy_from_slice(&header.to_le_bytes());
    let found = read(&open(&SimDisk::from_image(image), 1 << 20).unwrap());
    assert_eq!(found.gaps, [(start, start + 1)]);
    assert_eq!(found.records.len(), 2);
}

#[test]
fn an_append_at_an_offset_is_taken_only_if_nobody_was_first() {
    let log = open(&SimDisk::new(), 1 << 20).unwrap();
    let at = |offset| log.append_blocking(Batch::of(&[Entry::of(b"mine")]).unwrap().at(offset), Durability::Durable);
    assert_eq!(at(0).unwrap().first, 0);
    append(&log, b"another's").unwrap();
    let error = at(1).unwrap_err();
    assert!(matches!(error, StoreError::Moved { expected: 1, next: 2 }), "{error}");
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(at(2).unwrap().first, 2);
    assert_eq!(log.next_offset(), 3);
}

#[test]
fn of_many_who_append_at_the_same_offset_one_is_taken() {
    let log: Log = open(&SimDisk::new(), 2_000).unwrap();
    for round in 0..20 {
        let taken = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|_| {
                    let batch = Batch::of(&[Entry::of(&[1; 100])]).unwrap().at(round);
                    scope.spawn(|| log.append_blocking(batch, Durability::Durable).is_ok())
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).filter(|taken| *taken).count()
        });
        assert_eq!(taken, 1, "round {round}");
    }
}

#[test]
fn a_batch_with_everything_reads_as_one_with_nothing() {
    let log = open(&SimDisk::new(), 1 << 20).unwrap();
    let (values, producer) = (values(), Producer { id: 1, epoch: 0, sequence: 0 });
    let headers: [(&str, &[u8]); 1] = [("n", b"1")];
    let entries: Vec<Entry<'_>> = values.iter().map(|value| Entry::of(value).key(b"k").headers(&headers)).collect();
    let batch = Batch::of(&entries).unwrap().by(producer).unwrap().compressed(Codec::Lz4).at(0);
    assert_eq!(log.append_blocking(batch, Durability::Durable).unwrap().count, 60);
    let mut reader = log.reader(From::First).unwrap();
    for value in &values {
        let record = reader.next_ready().unwrap().unwrap();
        assert_eq!((&record.value()[..], record.key().unwrap().as_ref()), (&value[..], &b"k"[..]));
        assert_eq!(record.header("n").as_deref(), Some(&b"1"[..]));
    }
}
