//! Bytes made to hurt: reading them neither panics nor takes more memory than they are worth.
//!
//! Memory is counted for the whole process, so this file has one test.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod rich;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use rich::{Rich, rich};
use thriftwood_core::codec::binary::{BinaryReader, from_bytes, to_bytes};
use thriftwood_core::codec::{DecodeErrorKind, Reader, TType, UnknownField};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most memory `decode` had at once, beyond what was there before.
fn memory_of(decode: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    decode();
    MEMORY.peak_usage().saturating_sub(before)
}

/// What any bytes cost to read in every way there is, and to skip and to keep.
fn memory_to_read(bytes: &Bytes) -> usize {
    memory_of(|| {
        let _ = from_bytes::<Rich>(bytes);
        let _ = BinaryReader::new(bytes).skip(TType::Struct);
        let _ = UnknownField::decode(1, TType::Struct, &mut BinaryReader::new(bytes));
        let _ = BinaryReader::new(bytes).message();
    })
}

#[test]
fn hostile_bytes_neither_panic_nor_take_more_memory_than_they_are_worth() {
    let whole = Bytes::from(to_bytes(&rich()));
    // An honest message takes its structs besides its bytes; a hostile one may take as much, and no more.
    let allowed = 4 * whole.len();
    assert!(memory_to_read(&whole) <= allowed);
    for end in 0..whole.len() {
        let cut = whole.slice(..end);
        from_bytes::<Rich>(&cut).unwrap_err();
        assert!(memory_to_read(&cut) <= allowed, "cut at {end}");
    }
    for at in 0..whole.len() {
        for change in [0x00, 0x01, 0x02, 0x0b, 0x0c, 0x0d, 0x0f, 0x10, 0x40, 0x7f, 0x80, 0xfe, 0xff] {
            let mut altered = whole.to_vec();
            for value in [change, altered[at] ^ change, altered[at].wrapping_add(change)] {
                altered[at] = value;
                let memory = memory_to_read(&Bytes::from(altered.clone()));
                assert!(memory <= allowed, "byte {at} as {value:#x}: {memory} bytes");
            }
        }
    }
    // Bombs: counts that claim the most that could pass, in front of a megabyte that is not what they claim.
    let megabyte = 1024 * 1024;
    for (element, per_element) in [(2, 1), (3, 1), (8, 4), (10, 8), (11, 4), (12, 1), (13, 6), (15, 5), (16, 16)] {
        let count = (megabyte / per_element) as u32;
        let bomb = Bytes::from([&[element][..], &count.to_be_bytes(), &vec![0xff; megabyte]].concat());
        let memory = memory_of(|| {
            let _ = from_bytes::<Vec<Rich>>(&bomb);
            let _ = from_bytes::<Vec<String>>(&bomb);
            let _ = from_bytes::<Vec<Vec<Rich>>>(&bomb);
            let _ = from_bytes::<BTreeSet<Vec<String>>>(&bomb);
            let _ = from_bytes::<Vec<BTreeMap<String, String>>>(&bomb);
            let _ = BinaryReader::new(&bomb).skip(TType::List);
        });
        assert!(memory <= 4 * bomb.len(), "list of {element}: {memory} bytes for {}", bomb.len());
    }
    // Bombs that are what they claim: a stop is a whole struct, of several hundred bytes once it is read.
    let stops = vec![0; 4 * megabyte];
    let bomb = Bytes::from([&[12][..], &(stops.len() as u32).to_be_bytes(), &stops].concat());
    let memory = memory_of(|| {
        let error = from_bytes::<Vec<Rich>>(&bomb).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Memory);
    });
    assert!(memory <= 4 * bomb.len(), "list of stops: {memory} bytes for {}", bomb.len());
}
