//! What both protocols have to do, and the binary one byte by byte: what is written is read back, and what was not
//! written is refused by name.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod protocol;
mod rich;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use protocol::{Binary, Compact, Protocol};
use rich::{Rich, rich};
use thriftwood_core::codec::binary::{BinaryReader, BinaryWriter, from_bytes, to_bytes};
use thriftwood_core::codec::{
    DecodeError, DecodeErrorKind, Field, MAX_DEPTH, Message, MessageType, Reader, TType, UnknownField, Wire, Writer,
};

/// One test for each protocol, of the generic function with the same name.
macro_rules! in_both {
    ($($name:ident)*) => {
        mod binary {
            $(#[test] fn $name() { super::$name::<super::Binary>(); })*
        }
        mod compact {
            $(#[test] fn $name() { super::$name::<super::Compact>(); })*
        }
    };
}

in_both! {
    every_type_is_read_as_it_was_written
    what_was_kept_unknown_is_passed_on_in_either_protocol
    a_long_binary_shares_the_messages_memory_and_a_short_one_does_not
    values_nest_to_the_limit_and_no_deeper
    a_field_is_given_to_who_asks_for_it_and_left_to_be_told_otherwise
    a_bool_asked_for_is_read_once
}

fn every_type_is_read_as_it_was_written<P: Protocol>() {
    let bytes = Bytes::from(P::to_bytes(&rich()));
    assert_eq!(P::from_bytes::<Rich>(&bytes).unwrap(), rich());
    let mut reader = P::reader(&bytes);
    Rich::decode(&mut reader).unwrap();
    assert_eq!((reader.remaining(), reader.offset()), (0, bytes.len()));
    // Nobody's fields, so all of it is skipped.
    let mut reader = P::reader(&bytes);
    reader.skip(TType::Struct).unwrap();
    assert_eq!(reader.remaining(), 0);
}

fn what_was_kept_unknown_is_passed_on_in_either_protocol<P: Protocol>() {
    fn passed_on<P: Protocol>(field: &UnknownField) -> Rich {
        let bytes = P::write(|w| {
            w.struct_begin();
            field.encode(w);
            w.struct_end();
        });
        let mut r = P::reader(&bytes);
        r.struct_begin().unwrap();
        let field = r.field_begin().unwrap().unwrap();
        assert_eq!((field.id, field.ty), (9, TType::Struct));
        let rich = Rich::decode(&mut r).unwrap();
        assert_eq!(r.field_begin().unwrap(), None);
        assert_eq!(r.remaining(), 0);
        rich
    }
    let bytes = P::to_bytes(&rich()).into();
    let field = UnknownField::decode(9, TType::Struct, &mut P::reader(&bytes)).unwrap();
    assert_eq!(passed_on::<Binary>(&field), rich());
    assert_eq!(passed_on::<Compact>(&field), rich());
}

fn a_field_is_given_to_who_asks_for_it_and_left_to_be_told_otherwise<P: Protocol>() {
    let bytes = P::write(|w| {
        w.struct_begin();
        for id in [2, 3, 30, 31] {
            w.field_begin(id, TType::I32);
            w.write_i32(id.into());
        }
        w.struct_end();
    });
    let mut r = P::reader(&bytes);
    r.struct_begin().unwrap();
    let start = r.offset();
    assert_eq!(r.field::<i32>(1), Ok(None), "another one is next");
    assert_eq!(r.field::<i32>(3), Ok(None), "it comes later");
    assert_eq!(r.field::<i64>(2), Ok(None), "it has another type");
    assert_eq!(r.offset(), start, "nothing was read");
    assert_eq!(r.field::<i32>(2), Ok(Some(2)));
    assert_eq!(r.field::<i32>(2), Ok(None), "it was read");
    assert_eq!(r.field_begin(), Ok(Some(Field { id: 3, ty: TType::I32 })));
    assert_eq!(r.read_i32(), Ok(3));
    // A step beyond fifteen is for the other call in compact.
    let thirty = match r.field::<i32>(30).unwrap() {
        None => r.field_begin().unwrap().and_then(|_| r.read_i32().ok()),
        some => some,
    };
    assert_eq!(thirty, Some(30));
    assert_eq!(r.field::<i32>(31), Ok(Some(31)));
    assert_eq!(r.field::<i32>(32), Ok(None), "the struct ends");
    assert_eq!(r.field_begin(), Ok(None));
    assert_eq!(r.field::<i32>(32), Ok(None), "the message ends");
    assert_eq!(r.remaining(), 0);
}

fn a_bool_asked_for_is_read_once<P: Protocol>() {
    let bytes = P::write(|w| {
        w.struct_begin();
        for (id, value) in [(1, true), (2, false), (3, false)] {
            w.field_begin(id, TType::Bool);
            w.write_bool(value);
        }
        w.field_begin(4, TType::List);
        vec![true, false].encode(w);
        w.struct_end();
    });
    let mut r = P::reader(&bytes);
    r.struct_begin().unwrap();
    assert_eq!((r.field(1), r.field(2)), (Ok(Some(true)), Ok(Some(false))));
    assert_eq!(r.field::<i8>(3), Ok(None));
    assert_eq!(r.field(3), Ok(Some(false)));
    assert_eq!(r.field(4), Ok(Some(vec![true, false])));
    assert_eq!(r.field_begin(), Ok(None));
}

#[test]
fn numbers_are_big_endian_and_lengths_come_first() {
    assert_eq!(to_bytes(&0x0102_0304_i32), [1, 2, 3, 4]);
    assert_eq!(to_bytes(&1.0_f64), [0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(to_bytes(&String::from("\u{e9}")), [0, 0, 0, 2, 0xc3, 0xa9]);
    assert_eq!(to_bytes(&vec![true]), [2, 0, 0, 0, 1, 1]);
    assert_eq!(to_bytes(&BTreeMap::from([(1_i8, 2_i16)])), [3, 6, 0, 0, 0, 1, 1, 0, 2]);
}

fn a_long_binary_shares_the_messages_memory_and_a_short_one_does_not<P: Protocol>() {
    for (length, shared) in [(63, false), (64, true)] {
        let message = Bytes::from(P::to_bytes(&Bytes::from(vec![7; length])));
        let value: Bytes = P::from_bytes(&message).unwrap();
        assert_eq!(message.as_ptr_range().contains(&value.as_ptr()), shared, "{length} bytes");
    }
}

fn values_nest_to_the_limit_and_no_deeper<P: Protocol>() {
    /// So many structs, or lists, one in the other.
    fn nested<P: Protocol>(depth: usize, ty: TType) -> Bytes {
        P::write(|w| {
            for left in (0..depth).rev() {
                match ty {
                    TType::Struct => {
                        w.struct_begin();
                        if left > 0 {
                            w.field_begin(1, TType::Struct);
                        }
                    }
                    _ => w.list_begin(TType::List, usize::from(left > 0)),
                }
            }
            if ty == TType::Struct {
                (0..depth).for_each(|_| w.struct_end());
            }
        })
    }
    for ty in [TType::Struct, TType::List] {
        let skip = |depth| P::reader(&nested::<P>(depth, ty)).skip(ty).map_err(|error| error.kind());
        assert_eq!(skip(MAX_DEPTH as usize), Ok(()));
        assert_eq!(skip(MAX_DEPTH as usize + 1), Err(DecodeErrorKind::Depth));
        assert_eq!(skip(10_000), Err(DecodeErrorKind::Depth));
    }
    // A thousand siblings are no depth.
    let wide = P::write(|w| {
        w.struct_begin();
        for _ in 0..1000 {
            w.field_begin(1, TType::Struct);
            w.struct_begin();
            w.struct_end();
        }
        w.struct_end();
    });
    P::reader(&wide).skip(TType::Struct).unwrap();
}

#[test]
fn empty_containers_of_peers_may_have_no_type() {
    assert_eq!(from_bytes::<Vec<i32>>(&Bytes::from_static(&[0, 0, 0, 0, 0])).unwrap(), Vec::<i32>::new());
    assert_eq!(from_bytes::<BTreeSet<String>>(&Bytes::from_static(&[0, 0, 0, 0, 0])).unwrap(), BTreeSet::new());
    let map = from_bytes::<BTreeMap<String, i64>>(&Bytes::from_static(&[0, 0, 0, 0, 0, 0])).unwrap();
    assert_eq!(map, BTreeMap::new());
    // With elements, the type must be known.
    for bytes in [&[0, 0, 0, 0, 1, 7][..], &[99, 0, 0, 0, 1, 7]] {
        let error = from_bytes::<Vec<i8>>(&Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnknownType(bytes[0]));
    }
    let error = from_bytes::<BTreeMap<i8, i8>>(&Bytes::from_static(&[3, 0, 0, 0, 0, 1, 7, 7])).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::UnknownType(0));
}

#[test]
fn lies_about_lengths_types_and_bools_are_refused_by_name() {
    let refused = |bytes: &[u8], decode: fn(&Bytes) -> Result<(), DecodeError>| {
        decode(&Bytes::copy_from_slice(bytes)).unwrap_err().kind()
    };
    let list: fn(&Bytes) -> _ = |bytes| from_bytes::<Vec<i32>>(bytes).map(drop);
    let string: fn(&Bytes) -> _ = |bytes| from_bytes::<String>(bytes).map(drop);
    assert_eq!(refused(&[8, 0x7f, 0xff, 0xff, 0xff], list), DecodeErrorKind::Length(i32::MAX));
    assert_eq!(refused(&[8, 0xff, 0xff, 0xff, 0xff], list), DecodeErrorKind::Length(-1));
    assert_eq!(refused(&[8, 0, 0, 0, 2, 0, 0, 0, 1], list), DecodeErrorKind::Length(2));
    let wrong = DecodeErrorKind::ElementType { expected: TType::I32, found: TType::I64 };
    assert_eq!(refused(&[10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], list), wrong);
    assert_eq!(refused(&[0x80, 0, 0, 0, b'a'], string), DecodeErrorKind::Length(i32::MIN));
    assert_eq!(refused(&[0, 0, 0, 1, 0xff], string), DecodeErrorKind::Utf8);
    assert_eq!(refused(&[2], |bytes| from_bytes::<bool>(bytes).map(drop)), DecodeErrorKind::Bool(2));
    assert_eq!(refused(&[1, 2, 3], |bytes| from_bytes::<i32>(bytes).map(drop)), DecodeErrorKind::Truncated);
}

#[test]
fn both_forms_of_the_envelope_are_read() {
    let read = |bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut reader = BinaryReader::new(&bytes);
        reader.message().map(|message| (message.name.to_owned(), message.kind, reader.remaining()))
    };
    let strict = [0x80, 1, 0, 1, 0, 0, 0, 3, b'a', b'd', b'd', 0, 0, 0, 9, 0xaa];
    assert_eq!(read(&strict).unwrap(), ("add".to_owned(), MessageType::Call, 1));
    let old = [0, 0, 0, 3, b'a', b'd', b'd', 4, 0, 0, 0, 9, 0xaa];
    assert_eq!(read(&old).unwrap(), ("add".to_owned(), MessageType::Oneway, 1));
    for end in 0..strict.len() - 1 {
        read(&strict[..end]).unwrap_err();
    }
    for end in 0..old.len() - 1 {
        read(&old[..end]).unwrap_err();
    }
    assert_eq!(read(&[0x80, 2, 0, 1]).unwrap_err().kind(), DecodeErrorKind::Version(0x8002_0001));
    assert_eq!(read(&[0x80, 1, 0, 5, 0, 0, 0, 0]).unwrap_err().kind(), DecodeErrorKind::MessageType(5));
    let mut written = Vec::new();
    BinaryWriter::new(&mut written).message(Message::new("add", MessageType::Call));
    assert_eq!(written, [0x80, 1, 0, 1, 0, 0, 0, 3, b'a', b'd', b'd', 0, 0, 0, 0]);
}
