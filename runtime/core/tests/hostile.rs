//! Bytes made to hurt: reading them neither panics nor takes more memory than they are worth.
//!
//! Memory is counted for the whole process, so this file has one test.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod protocol;
mod rich;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use protocol::{Binary, Compact, Json, Protocol};
use rich::{Rich, rich};
use thriftwood_core::codec::{DecodeError, DecodeErrorKind, Reader, TType, UnknownField, Wire, Writer};

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
fn memory_to_read<P: Protocol>(bytes: &Bytes) -> usize {
    memory_of(|| {
        let _ = P::from_bytes::<Rich>(bytes);
        let _ = P::reader(bytes).skip(TType::Struct);
        let _ = UnknownField::decode(1, TType::Struct, &mut P::reader(bytes));
        let _ = P::read_message(bytes);
    })
}

#[test]
fn hostile_bytes_neither_panic_nor_take_more_memory_than_they_are_worth() {
    cuts_and_changes::<Binary>(&BYTES);
    cuts_and_changes::<Compact>(&BYTES);
    cuts_and_changes::<Json>(b"\0 \"\\[]{},:09-e\x80\xff");
    // Lists of a type that claim the most that could pass, in front of a megabyte that is not what they claim.
    for (element, per_element) in [(2, 1), (3, 1), (8, 4), (10, 8), (11, 4), (12, 1), (13, 6), (15, 5), (16, 16)] {
        let count = (MEGABYTE / per_element) as u32;
        bomb::<Binary>(&[&[element][..], &count.to_be_bytes()].concat());
    }
    for element in 1..=13 {
        let count = match element {
            7 => MEGABYTE / 8,
            13 => MEGABYTE / 16,
            _ => MEGABYTE,
        };
        let varint = [count as u8 | 0x80, (count >> 7) as u8 | 0x80, (count >> 14) as u8 & 0x7f];
        bomb::<Compact>(&[&[0xf0 | element][..], &varint].concat());
    }
    for element in ["tf", "i8", "i64", "dbl", "str", "rec", "lst", "map", "uid"] {
        for count in [MEGABYTE / 35, MEGABYTE / 3, MEGABYTE / 2, i32::MAX as usize] {
            bomb::<Json>(format!("[\"{element}\",{count}").as_bytes());
        }
    }
    stops::<Binary>();
    stops::<Compact>();
    stops::<Json>();
    unfinished_json();
    // Kept unknown, in binary: what was one byte is eight, in a buffer that grows by doubling.
    let zeros = Bytes::from(Compact::to_bytes(&vec![0_i64; MEGABYTE]));
    let memory = memory_of(|| drop(UnknownField::decode(1, TType::List, &mut Compact::reader(&zeros))));
    assert!(memory <= 25 * zeros.len(), "{memory} bytes for {}", zeros.len());
}

const MEGABYTE: usize = 1024 * 1024;

/// What a byte of binary or compact is changed to and by: types, flags and lengths.
const BYTES: [u8; 15] = [0x00, 0x01, 0x02, 0x0b, 0x0c, 0x0d, 0x0f, 0x10, 0x1b, 0x40, 0x7f, 0x80, 0xfc, 0xfe, 0xff];

/// An honest message, cut everywhere, and with every byte changed.
fn cuts_and_changes<P: Protocol>(changes: &[u8]) {
    let whole = Bytes::from(P::to_bytes(&rich()));
    // An honest message takes its structs besides its bytes; a hostile one may take as much, and no more.
    let allowed = 4 * Binary::to_bytes(&rich()).len();
    assert!(memory_to_read::<P>(&whole) <= allowed);
    for end in 0..whole.len() {
        let cut = whole.slice(..end);
        P::from_bytes::<Rich>(&cut).unwrap_err();
        assert!(memory_to_read::<P>(&cut) <= allowed, "{} cut at {end}", P::NAME);
    }
    for at in 0..whole.len() {
        for &change in changes {
            let mut altered = whole.to_vec();
            // By a bit or by a step JSON's bytes become nothing new.
            let steps = if P::NAME == "json" { 1 } else { 3 };
            for value in [change, altered[at] ^ change, altered[at].wrapping_add(change)].into_iter().take(steps) {
                altered[at] = value;
                let memory = memory_to_read::<P>(&Bytes::from(altered.clone()));
                assert!(memory <= allowed, "{} byte {at} as {value:#x}: {memory} bytes", P::NAME);
            }
        }
    }
}

/// The head of a list whose elements are not there.
fn bomb<P: Protocol>(head: &[u8]) {
    let bomb = Bytes::from([head, &vec![0xff; MEGABYTE]].concat());
    let memory = memory_of(|| {
        let _ = P::from_bytes::<Vec<Rich>>(&bomb);
        let _ = P::from_bytes::<Vec<i64>>(&bomb);
        let _ = P::from_bytes::<Vec<String>>(&bomb);
        let _ = P::from_bytes::<Vec<Vec<Rich>>>(&bomb);
        let _ = P::from_bytes::<BTreeSet<Vec<String>>>(&bomb);
        let _ = P::from_bytes::<Vec<BTreeMap<String, String>>>(&bomb);
        let _ = P::from_bytes::<HashSet<i64>>(&bomb);
        let _ = P::from_bytes::<Vec<HashMap<String, Vec<u8>>>>(&bomb);
        let _ = P::reader(&bomb).skip(TType::List);
    });
    assert!(memory <= 4 * bomb.len(), "{} list {head:x?}: {memory} bytes for {}", P::NAME, bomb.len());
}

/// A list of structs that is what it claims: a stop is a whole struct, of several hundred bytes once it is read.
fn stops<P: Protocol>() {
    let bomb = Bytes::from(P::to_bytes(&vec![Nothing; 4 * MEGABYTE]));
    let memory = memory_of(|| {
        let error = P::from_bytes::<Vec<Rich>>(&bomb).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Memory);
    });
    assert!(memory <= 4 * bomb.len(), "{} list of stops: {memory} bytes for {}", P::NAME, bomb.len());
}

/// JSON whose strings, brackets and numbers do not end.
fn unfinished_json() {
    for (head, piece) in [
        ("", "["),
        ("", "{\"1\":{\"rec\":"),
        ("\"", "\\u00"),
        ("\"", "a"),
        ("", "9"),
        ("", " "),
        ("[\"str\",1,\"", "\\"),
    ] {
        let bytes = Bytes::from([head.as_bytes(), &piece.as_bytes().repeat(MEGABYTE / piece.len())].concat());
        let memory = memory_of(|| {
            let _ = Json::from_bytes::<Rich>(&bytes);
            let _ = Json::from_bytes::<String>(&bytes);
            let _ = Json::from_bytes::<Bytes>(&bytes);
            let _ = Json::from_bytes::<f64>(&bytes);
            let _ = Json::from_bytes::<i64>(&bytes);
            let _ = Json::from_bytes::<[u8; 16]>(&bytes);
            let _ = Json::reader(&bytes).skip(TType::List);
            let _ = Json::read_message(&bytes);
        });
        assert!(memory <= 4 * bytes.len(), "{head}{piece}: {memory} bytes for {}", bytes.len());
    }
}

/// A struct without fields.
#[derive(Clone)]
struct Nothing;

impl Wire for Nothing {
    const TYPE: TType = TType::Struct;

    fn encode<W: Writer>(&self, w: &mut W) {
        w.struct_begin();
        w.struct_end();
    }

    fn decode<R: Reader>(r: &mut R) -> Result<Self, DecodeError> {
        r.skip(TType::Struct)?;
        Ok(Nothing)
    }
}
