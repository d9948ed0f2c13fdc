//! The compact protocol, byte by byte: what is written, what of other peers' ways is read too, and what is refused by name.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use thriftwood_core::codec::compact::{CompactReader, CompactWriter, from_bytes, to_bytes};
use thriftwood_core::codec::{
    DecodeError, DecodeErrorKind, Field, Message, MessageType, Reader, TType, TotalF64, UnknownField, Wire, Writer,
};

fn read<T: Wire>(bytes: &[u8]) -> Result<T, DecodeErrorKind> {
    from_bytes(&Bytes::copy_from_slice(bytes)).map_err(|error| error.kind())
}

/// Every value is written as these bytes, and read from them.
fn both_ways<T: Wire + PartialEq + std::fmt::Debug>(value: &T, bytes: &[u8]) {
    assert_eq!(to_bytes(value), bytes, "{value:?}");
    assert_eq!(read::<T>(bytes).as_ref(), Ok(value));
}

/// A field, and what writes its value.
type FieldToWrite = (i16, TType, fn(&mut CompactWriter<'_>));

fn structure(fields: &[FieldToWrite]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let w = &mut CompactWriter::new(&mut bytes);
    w.struct_begin();
    for (id, ty, value) in fields {
        w.field_begin(*id, *ty);
        value(w);
    }
    w.struct_end();
    bytes
}

/// Ids and types of the fields of a struct, their values skipped.
fn fields(bytes: &[u8]) -> Result<Vec<(i16, TType)>, DecodeError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut r = CompactReader::new(&bytes);
    let mut fields = Vec::new();
    r.struct_begin()?;
    while let Some(Field { id, ty }) = r.field_begin()? {
        fields.push((id, ty));
        r.skip(ty)?;
    }
    r.struct_end();
    Ok(fields)
}

#[test]
fn numbers_are_zigzag_varints() {
    for (value, bytes) in [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[0x7f]), (64, &[0x80, 1])] {
        both_ways(&(value as i16), bytes);
        both_ways(&value, bytes);
        both_ways(&i64::from(value), bytes);
    }
    both_ways(&i16::MAX, &[0xfe, 0xff, 3]);
    both_ways(&i16::MIN, &[0xff, 0xff, 3]);
    both_ways(&i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]);
    both_ways(&i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]);
    both_ways(&i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    both_ways(&i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    both_ways(&i8::MIN, &[0x80]);
    both_ways(&1.0_f64, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    both_ways(&TotalF64(-0.0), &[0, 0, 0, 0, 0, 0, 0, 0x80]);
    both_ways(&[7_u8; 16], &[7; 16]);
    both_ways(&String::from("\u{e9}"), &[2, 0xc3, 0xa9]);
    both_ways(&Bytes::from(vec![1; 128]), &[&[0x80, 1][..], &[1; 128]].concat());
}

#[test]
fn a_number_that_goes_on_for_too_long_or_is_too_large_is_refused() {
    // Longer than need be, but within the bytes that the type can have.
    assert_eq!(read::<i32>(&[0x82, 0x80, 0x80, 0x80, 0]), Ok(1));
    assert_eq!(read::<i16>(&[0x80, 0x80, 0]), Ok(0));
    assert_eq!(read::<i16>(&[0x80, 0x80, 0x80, 0]), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i16>(&[0xff, 0xff, 4]), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i32>(&[0xff, 0xff, 0xff, 0xff, 0x10]), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i32>(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i64>(&[&[0x80; 9][..], &[2]].concat()), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i64>(&[&[0x80; 10][..], &[0]].concat()), Err(DecodeErrorKind::Varint));
    assert_eq!(read::<i64>(&[0x80; 9]), Err(DecodeErrorKind::Truncated));
}

#[test]
fn containers_have_their_count_beside_the_type_while_it_is_short() {
    both_ways(&vec![true, false], &[0x21, 1, 2]);
    both_ways(&vec![0_i64; 14], &[&[0xe6][..], &[0; 14]].concat());
    both_ways(&vec![0_i64; 15], &[&[0xf6, 15][..], &[0; 15]].concat());
    both_ways(&vec![0_i8; 300], &[&[0xf3, 0xac, 2][..], &[0; 300]].concat());
    both_ways(&BTreeSet::from(["a".to_owned()]), &[0x18, 1, b'a']);
    both_ways(&Vec::<Vec<[u8; 16]>>::new(), &[0x09]);
    both_ways(&BTreeMap::from([(1_i8, 2_i16)]), &[1, 0x34, 1, 4]);
    both_ways(&BTreeMap::<String, f64>::new(), &[0]);
}

#[test]
fn field_ids_are_steps_of_at_most_fifteen_or_whole() {
    let nine: fn(&mut CompactWriter<'_>) = |w| w.write_i8(9);
    let ids = [1, 16, 32, 32, 5, 0, -1, i16::MIN, i16::MAX];
    let bytes = structure(&ids.map(|id| (id, TType::I8, nine)));
    let expected = [
        &[0x13, 9][..],
        &[0xf3, 9],
        &[0x03, 64, 9],
        &[0x03, 64, 9],
        &[0x03, 10, 9],
        &[0x03, 0, 9],
        &[0x03, 1, 9],
        &[0x03, 0xff, 0xff, 3, 9],
        &[0x03, 0xfe, 0xff, 3, 9],
        &[0],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(fields(&bytes).unwrap(), ids.map(|id| (id, TType::I8)));
    let beyond = fields(&[0x03, 0xfe, 0xff, 3, 9, 0x13, 9, 0]).unwrap_err();
    assert_eq!((beyond.kind(), beyond.offset()), (DecodeErrorKind::FieldId, 6));
}

#[test]
fn a_number_is_the_same_at_the_end_of_a_message_and_before_it() {
    type Number = fn(&mut CompactReader<'_>) -> Result<i64, DecodeError>;
    let numbers: [Number; 3] = [|r| r.read_i16().map(i64::from), |r| r.read_i32().map(i64::from), |r| r.read_i64()];
    let read = |bytes: &Bytes, number: Number| {
        let mut r = CompactReader::new(bytes);
        (number(&mut r), r.offset())
    };
    // Of every length up to one too long, with few and with all bits in the first, a middle and the last byte.
    for (length, first, middle, last) in (1..=11).flat_map(|length| {
        let ends = [
            (0x80, 0x80, 0),
            (0x81, 0x80, 1),
            (0xff, 0xff, 1),
            (0xff, 0x80, 3),
            (0x80, 0xff, 0x0f),
            (0xff, 0xff, 0x7f),
        ];
        ends.map(|(first, middle, last)| (length, first, middle, last))
    }) {
        let mut bytes = vec![middle; length];
        bytes[0] = first;
        bytes[length - 1] = last;
        let alone = Bytes::from(bytes.clone());
        let followed = Bytes::from([bytes, vec![0xaa; 16]].concat());
        for number in numbers {
            assert_eq!(read(&alone, number), read(&followed, number), "{alone:x?}");
        }
    }
}

#[test]
fn a_header_tells_its_bool_once() {
    // A map of one pair: a struct whose last field is true, and false.
    let bytes = Bytes::from_static(&[1, 0xc1, 0x11, 0, 2]);
    let mut r = CompactReader::new(&bytes);
    assert_eq!(r.map_begin(), Ok((TType::Struct, TType::Bool, 1)));
    r.struct_begin().unwrap();
    assert_eq!(r.field_begin(), Ok(Some(Field { id: 1, ty: TType::Bool })));
    assert_eq!(r.read_bool(), Ok(true));
    assert_eq!(r.field_begin(), Ok(None));
    r.struct_end();
    assert_eq!(r.read_bool(), Ok(false));
    assert_eq!(r.remaining(), 0);
}

#[test]
fn a_bool_is_in_its_fields_header_and_a_byte_elsewhere() {
    let bytes = structure(&[
        (1, TType::Bool, |w| w.write_bool(true)),
        (2, TType::Bool, |w| w.write_bool(false)),
        (100, TType::Bool, |w| w.write_bool(true)),
        (101, TType::List, |w| vec![true].encode(w)),
    ]);
    assert_eq!(bytes, [0x11, 0x12, 0x01, 0xc8, 1, 0x19, 0x11, 1, 0]);
    let types = [(1, TType::Bool), (2, TType::Bool), (100, TType::Bool), (101, TType::List)];
    assert_eq!(fields(&bytes).unwrap(), types);
    both_ways(&true, &[1]);
    both_ways(&false, &[2]);
    // As others write them: 0 for false, and either code for the type of an element.
    assert_eq!(read::<Vec<bool>>(&[0x32, 0, 1, 2]), Ok(vec![false, true, false]));
    assert_eq!(read::<BTreeMap<bool, bool>>(&[1, 0x21, 1, 0]), Ok(BTreeMap::from([(true, false)])));
    assert_eq!(read::<bool>(&[3]), Err(DecodeErrorKind::Bool(3)));
}

#[test]
fn ids_of_a_nested_struct_start_over_and_those_around_it_go_on() {
    let bytes = structure(&[
        (3, TType::Struct, |w| {
            w.struct_begin();
            w.field_begin(2, TType::Bool);
            w.write_bool(true);
            w.struct_end();
        }),
        (4, TType::List, |w| {
            w.list_begin(TType::Struct, 2);
            for id in [1, 2] {
                w.struct_begin();
                w.field_begin(id, TType::I8);
                w.write_i8(7);
                w.struct_end();
            }
        }),
        (5, TType::I8, |w| w.write_i8(9)),
    ]);
    assert_eq!(bytes, [0x3c, 0x21, 0, 0x19, 0x2c, 0x13, 7, 0, 0x23, 7, 0, 0x13, 9, 0]);
    assert_eq!(fields(&bytes).unwrap(), [(3, TType::Struct), (4, TType::List), (5, TType::I8)]);
    // Kept in binary, passed on in compact: the same bytes.
    let whole = Bytes::from(bytes.clone());
    let field = UnknownField::decode(1, TType::Struct, &mut CompactReader::new(&whole)).unwrap();
    let mut again = Vec::new();
    field.encode(&mut CompactWriter::new(&mut again));
    assert_eq!(again, [&[0x1c], &*bytes].concat());
}

#[test]
fn lies_about_lengths_and_types_are_refused_by_name() {
    let largest = [0xff, 0xff, 0xff, 0xff, 0x07];
    assert_eq!(read::<Vec<i32>>(&[&[0xf5][..], &largest].concat()), Err(DecodeErrorKind::Length(i32::MAX)));
    assert_eq!(read::<String>(&largest), Err(DecodeErrorKind::Length(i32::MAX)));
    assert_eq!(read::<String>(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeErrorKind::Length(-1)));
    assert_eq!(read::<String>(&[2, b'a']), Err(DecodeErrorKind::Length(2)));
    assert_eq!(read::<String>(&[1, 0xff]), Err(DecodeErrorKind::Utf8));
    assert_eq!(read::<Vec<f64>>(&[0x27, 0, 0, 0, 0, 0, 0, 0, 0]), Err(DecodeErrorKind::Length(2)));
    assert_eq!(read::<BTreeMap<i8, f64>>(&[1, 0x37, 0, 0, 0, 0, 0, 0, 0, 0]), Err(DecodeErrorKind::Length(1)));
    let wrong = DecodeErrorKind::ElementType { expected: TType::I32, found: TType::I64 };
    assert_eq!(read::<Vec<i32>>(&[0x16, 0]), Err(wrong));
    // An empty container may have any type, or none; with elements it must be known.
    assert_eq!(read::<Vec<i32>>(&[0x00]), Ok(vec![]));
    assert_eq!(read::<Vec<i32>>(&[0x10, 0]), Err(DecodeErrorKind::UnknownType(0)));
    assert_eq!(read::<BTreeMap<i8, i8>>(&[1, 0x3e, 0, 0]), Err(DecodeErrorKind::UnknownType(14)));
    assert_eq!(fields(&[0x1e]).unwrap_err().kind(), DecodeErrorKind::UnknownType(14));
    assert_eq!(fields(&[0x10]).unwrap_err().kind(), DecodeErrorKind::UnknownType(0));
}

#[test]
fn the_envelope_is_read_and_written() {
    let envelope = |bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut reader = CompactReader::new(&bytes);
        reader.message().map(|message| (message.name.to_owned(), message.kind, reader.remaining()))
    };
    let add = [0x82, 0x21, 0, 3, b'a', b'd', b'd'];
    let mut written = Vec::new();
    CompactWriter::new(&mut written).message(Message::new("add", MessageType::Call));
    assert_eq!(written, add);
    assert_eq!(envelope(&add).unwrap(), ("add".to_owned(), MessageType::Call, 0));
    // A sequence number of -1, as 32 bits.
    let numbered = [0x82, 0x81, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, b'a', 0xaa];
    assert_eq!(envelope(&numbered).unwrap(), ("a".to_owned(), MessageType::Oneway, 1));
    for end in 0..add.len() {
        envelope(&add[..end]).unwrap_err();
    }
    assert_eq!(envelope(&[0x82, 0x22, 0, 0]).unwrap_err().kind(), DecodeErrorKind::Version(0x8222));
    assert_eq!(envelope(&[0x80, 1, 0, 1, 0, 0, 0, 0]).unwrap_err().kind(), DecodeErrorKind::Version(0x8001));
    assert_eq!(envelope(&[0x82, 0xa1, 0, 0]).unwrap_err().kind(), DecodeErrorKind::MessageType(5));
}
