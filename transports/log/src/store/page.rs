//! Holds `docs/log-format.md` against the code: its fields, its numbers, its recovery table, and the bytes it prints.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::checkpoint::{self, Mark};
use super::disk::SimDisk;
use super::format::{self, Header};
use super::group::history::Failure;
use super::group::journal::{Note, State};
use super::home::Home;
use super::record::Record;
use super::rewrite::Rewrite;
use super::{Batch, Entry, batch, evidence};
use super::{cleaned, index, producer};

/// The log of the page's examples.
const LOG_ID: u64 = 0x0123_4567_89ab_cdef;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/log-format.md");
    std::fs::read_to_string(path).unwrap()
}

/// The lines of the page between this heading and the next one.
fn section(heading: &str) -> Vec<String> {
    let page = page();
    let mut lines = page.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading);
    assert!(lines.next().is_some(), "the page has no heading {heading:?}");
    lines.take_while(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// The bytes of the blocks marked as hexadecimal in a section; what stands behind two spaces and a bar is a remark.
fn example(heading: &str) -> Vec<u8> {
    let lines = section(heading);
    let block = lines.iter().skip_while(|line| *line != "```hex").skip(1).take_while(|line| *line != "```");
    let digits =
        block.flat_map(|line| line.split('|').next().unwrap_or_default().split_whitespace().map(str::to_owned));
    digits.map(|digits| u8::from_str_radix(&digits, 16).unwrap()).collect()
}

/// The rows of a section's table, cell by cell.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let rows = section(heading).into_iter().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

fn assert_fields(heading: &str, fields: &[(&str, Range<usize>)]) {
    let written: Vec<(String, Range<usize>)> = rows(heading)
        .into_iter()
        .map(|row| {
            let (offset, bytes): (usize, usize) = (row[0].parse().unwrap(), row[1].parse().unwrap());
            (row[2].clone(), offset..offset + bytes)
        })
        .collect();
    let in_code: Vec<(String, Range<usize>)> =
        fields.iter().map(|(name, at)| ((*name).to_owned(), at.clone())).collect();
    assert_eq!(written, in_code);
}

#[test]
fn the_fields_of_a_batch_header_are_those_of_the_page() {
    let fields = [
        ("start", format::START),
        ("length", format::LENGTH),
        ("base offset", format::BASE),
        ("time", format::TIME),
        ("count", format::COUNT),
        ("flags", format::FLAGS),
        ("epoch", format::EPOCH),
        ("body crc", format::BODY_CRC),
        ("durable distance", format::DISTANCE),
        ("header crc", format::HEADER_CRC),
    ];
    assert_fields("The batch header", &fields);
    assert!(page().contains(&format!("{} bytes", format::HEADER)));
    assert_eq!(format::MAX_BODY, 64 * 1024 * 1024);
    let flags = rows("Flags");
    for (name, flag) in [
        ("keys", format::HAS_KEYS),
        ("headers", format::HAS_HEADERS),
        ("producer", format::HAS_PRODUCER),
        ("gaps", format::HAS_GAPS),
    ] {
        let row = flags.iter().find(|row| row[1] == name).unwrap();
        assert_eq!(1 << row[0].parse::<u16>().unwrap(), flag, "{name}");
    }
}

#[test]
fn the_fields_of_a_checkpoint_slot_are_those_of_the_page() {
    let fields = [
        ("name", checkpoint::NAME),
        ("version", checkpoint::VERSION),
        ("epoch", checkpoint::EPOCH),
        ("reserved", checkpoint::RESERVED),
        ("log id", checkpoint::LOG_ID),
        ("sequence", checkpoint::SEQUENCE),
        ("next", checkpoint::NEXT),
        ("time", checkpoint::TIME),
        ("position", checkpoint::POSITION),
        ("records", checkpoint::RECORDS),
        ("crc", checkpoint::CRC),
    ];
    assert_fields("The checkpoint", &fields);
    assert_eq!((checkpoint::SLOT, checkpoint::SECOND), (64, 4096));
}

#[test]
fn the_fields_of_an_index_are_those_of_the_page() {
    let fields = [
        ("name", index::NAME),
        ("version", index::VERSION),
        ("reserved", index::RESERVED),
        ("log id", index::LOG_ID),
        ("base offset", index::BASE),
        ("next", index::NEXT),
        ("covered", index::COVERED),
        ("time", index::TIME),
        ("count", index::COUNT),
        ("crc", index::CRC),
    ];
    assert_fields("The index", &fields);
    let mut written = index::Index::starting(42);
    written.add(42, 0, 1_700_000_000_000_000, 44, 65);
    assert_eq!(format!("{:02x?}", example("Example of an index")), format!("{:02x?}", written.encode(LOG_ID, 42)));
}

#[test]
fn the_fields_of_the_note_of_a_compaction_are_those_of_the_page() {
    let fields = [("name", cleaned::NAME), ("log id", cleaned::LOG_ID), ("next", cleaned::NEXT), ("crc", cleaned::CRC)];
    assert_fields("Compaction", &fields);
    assert_eq!(&cleaned::encode(LOG_ID, 7)[cleaned::NAME], &cleaned::MAGIC);
}

#[test]
fn the_example_of_a_compacted_batch_is_what_this_build_writes_and_reads() {
    let disk = SimDisk::new();
    let home = Arc::new(Home::new(Path::new("log"), Arc::new(disk.clone()), LOG_ID));
    let record = Record {
        offset: 42,
        time: 1_700_000_000_000_000,
        key: Some(Bytes::from_static(b"a")),
        headers: Bytes::new(),
        value: Bytes::from_static(b"hello"),
    };
    let mut rewrite = Rewrite::create(&home, 40, 3).unwrap();
    rewrite.push(record, 0).unwrap();
    rewrite.finish(50, 1_700_000_000_000_004).unwrap();
    let image = disk.image();
    let written = image.files().next().unwrap().1;
    assert_eq!(format!("{:02x?}", example("Example of a compacted batch")), format!("{written:02x?}"));
    let header = Header::decode(written, home.seed).unwrap();
    let parts = batch::split_record(&mut Bytes::copy_from_slice(&written[format::HEADER..]), header.flags).unwrap();
    assert_eq!((header.end(), parts.gap, parts.delta, &parts.value[..]), (50, 2, -4, &b"hello"[..]));
}

#[test]
fn the_fields_of_a_file_of_producers_are_those_of_the_page() {
    let fields = [
        ("name", producer::NAME),
        ("log id", producer::LOG_ID),
        ("next", producer::NEXT),
        ("count", producer::COUNT),
        ("crc", producer::CRC),
    ];
    assert_fields("Producers", &fields);
    assert_eq!((producer::BATCH, producer::SIZE), (36, 8 + 2 + 4));
}

#[test]
fn the_example_record_with_a_key_is_what_this_build_writes() {
    let batch = Batch::of(&[Entry::of(b"hello").key(b"ad").headers(&[("t", b"x")])]).unwrap();
    let printed = example("Example of a record with a key");
    assert_eq!(format!("{printed:02x?}"), format!("{:02x?}", &batch.bytes[format::HEADER..]));
}

#[test]
fn the_example_batch_is_what_this_build_writes_and_reads() {
    let entries = [Entry::of(b"hello").headers(&[("topic", b"a.b")]), Entry::of(b"")];
    let mut batch = Batch::of(&entries).unwrap();
    let header = Header {
        length: (batch.bytes.len() - format::HEADER) as u32,
        base: 42,
        time: 1_700_000_000_000_000,
        count: batch.count,
        flags: batch.flags,
        epoch: 3,
        body_crc: batch.body_crc,
        distance: 1,
    };
    let seed = format::seed(LOG_ID);
    header.encode(&mut batch.bytes, seed);
    let printed = example("Example of a batch");
    assert_eq!(format!("{printed:02x?}"), format!("{:02x?}", batch.bytes));

    let read = Header::decode(&printed, seed).unwrap();
    assert_eq!((read, read.durable_end(), read.end()), (header, 41, 44));
    let mut body = Bytes::from(printed).slice(format::HEADER..);
    assert!(read.fits(&body));
    let first = batch::split_record(&mut body, read.flags).unwrap();
    assert_eq!(
        (batch::find_header(&first.headers, "topic").as_deref(), &first.value[..]),
        (Some(&b"a.b"[..]), &b"hello"[..])
    );
    let second = batch::split_record(&mut body, read.flags).unwrap();
    assert!(second.value.is_empty() && body.is_empty());
    assert_eq!(Header::decode(&batch.bytes, format::seed(LOG_ID + 1)), None, "another log's header is none of ours");
}

#[test]
fn the_example_slot_is_what_this_build_writes() {
    let place = Some(checkpoint::Place { position: 4096, records: 40 });
    let mark = Mark { log_id: LOG_ID, epoch: 3, next: 44, time: 1_700_000_000_000_000, place, sequence: 5 };
    let printed = example("Example of a slot");
    assert_eq!(format!("{printed:02x?}"), format!("{:02x?}", checkpoint::encode(&mark)));
}

#[test]
fn the_example_notes_of_a_group_read_as_the_page_says() {
    let state = State { read: 300, outstanding: BTreeMap::from([(298, 2)]), done: BTreeSet::from([301]) };
    let failure = Failure { attempt: 3, time: 1_000_000, reason: "no".to_owned() };
    let notes = [
        Note::Opened(state.clone()),
        Note::State(state),
        Note::Ack(298),
        Note::Attempt(298, 3),
        Note::Handed(301),
        Note::Failed(298, failure),
    ];
    let lines = section("Example notes");
    let block = lines.iter().skip_while(|line| *line != "```hex").skip(1).take_while(|line| *line != "```");
    let printed: Vec<Option<Note>> = block
        .map(|line| {
            let digits = line.split('|').next().unwrap().split_whitespace();
            Note::decode(digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect::<Vec<u8>>().into())
        })
        .collect();
    assert_eq!(printed, notes.map(Some));
}

#[test]
fn the_recovery_table_is_the_one_in_the_code() {
    let cell = |cell: Option<bool>| match cell {
        Some(true) => "yes",
        Some(false) => "no",
        None => "either",
    };
    let in_code = evidence::TABLE.map(|(empty, durable, follows, verdict)| {
        [cell(empty).to_owned(), cell(Some(durable)).to_owned(), cell(follows).to_owned(), format!("{verdict:?}")]
    });
    let written: Vec<Vec<String>> = rows("Recovery").into_iter().map(|row| row[..4].to_vec()).collect();
    assert_eq!(written, in_code);
}
