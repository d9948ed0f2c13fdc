//! Our generated types used with the `thrift` crate, and types that Apache's compiler generated used with ours.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[macro_use]
#[path = "apache/values.rs"]
mod values;

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol, TInputProtocol,
    TOutputProtocol, TSerializable,
};
use thrift::{ProtocolErrorKind, TransportErrorKind};
use thriftwood::apache::Apache;
use thriftwood::codec::{DecodeErrorKind, Protocol, Wire, Writer};
use thriftwood::event::{Operation, Publisher, Scope, ScopeEvent, Subscriber};
use thriftwood::{Bus, Context, ErrorKind};

#[path = "../data/apache/golden/oracle.rs"]
#[allow(warnings, clippy::pedantic)]
mod apache;

#[allow(dead_code)]
mod ours {
    values!(std::convert::identity, thriftwood_interop::idl::oracle);
}

#[allow(dead_code)]
mod theirs {
    values!(Some, crate::apache);
}

fn input<'a>(protocol: Protocol, bytes: &'a [u8]) -> Box<dyn TInputProtocol + 'a> {
    match protocol {
        Protocol::Compact => Box::new(TCompactInputProtocol::new(bytes)),
        _ => Box::new(TBinaryInputProtocol::new(bytes, true)),
    }
}

fn written<T: TSerializable>(protocol: Protocol, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out: Box<dyn TOutputProtocol + '_> = match protocol {
        Protocol::Compact => Box::new(TCompactOutputProtocol::new(&mut bytes)),
        _ => Box::new(TBinaryOutputProtocol::new(&mut bytes, true)),
    };
    value.write_to_out_protocol(&mut *out).unwrap();
    drop(out);
    bytes
}

#[test]
fn our_types_are_serializable_for_the_thrift_crate() {
    fn check<Ours, Theirs>(ours: &Ours, theirs: &Theirs)
    where
        Ours: TSerializable + Debug + PartialEq,
        Theirs: TSerializable + Debug + PartialEq,
    {
        for protocol in [Protocol::Binary, Protocol::Compact] {
            // What one side wrote, the other reads, through the same code of the `thrift` crate.
            let read = Ours::read_from_in_protocol(&mut *input(protocol, &written(protocol, theirs))).unwrap();
            assert_eq!(read, *ours, "{protocol}");
            let read = Theirs::read_from_in_protocol(&mut *input(protocol, &written(protocol, ours))).unwrap();
            assert_eq!(read, *theirs, "{protocol}");
        }
    }
    check(&ours::least(), &theirs::least());
    check(&ours::most(), &theirs::most());
    check(&ours::refused(), &theirs::refused());
    check(&ours::rich(), &theirs::rich());
    check(&ours::bare(), &theirs::bare());
    // An enum and a union by themselves.
    check(&ours::Colour::NEGATIVE, &theirs::Colour::NEGATIVE);
    check(&ours::most().colour, &theirs::most().colour.unwrap());
}

#[test]
fn what_the_thrift_crate_reads_wrongly_is_an_error_of_its_kind() {
    let whole = written(Protocol::Binary, &ours::rich());
    let read = |bytes: &[u8]| ours::Everything::read_from_in_protocol(&mut *input(Protocol::Binary, bytes));
    match read(&whole[..whole.len() / 2]).unwrap_err() {
        thrift::Error::Transport(error) => assert_eq!(error.kind, TransportErrorKind::EndOfFile),
        other => panic!("{other:?}"),
    }
    // An empty struct, where fields are required.
    match ours::Modifiers::read_from_in_protocol(&mut *input(Protocol::Binary, &[0])).unwrap_err() {
        thrift::Error::Protocol(error) => assert_eq!(error.kind, ProtocolErrorKind::InvalidData, "{}", error.message),
        other => panic!("{other:?}"),
    }
    // Structs in structs in structs, in a field that is skipped.
    let deep = [12, 0x7f, 0].repeat(100);
    match read(&deep).unwrap_err() {
        thrift::Error::Protocol(error) => assert_eq!(error.kind, ProtocolErrorKind::DepthLimit, "{}", error.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn their_types_are_written_and_read_as_ours_are_in_every_protocol() {
    fn check<Ours, Theirs>(ours: &Ours, theirs: &Theirs)
    where
        Ours: Wire + Debug + PartialEq,
        Theirs: TSerializable + Debug + PartialEq + Clone,
    {
        for protocol in Protocol::ALL {
            let bytes = Bytes::from(protocol.to_bytes(ours));
            let written = Bytes::from(protocol.to_bytes(&Apache(theirs.clone())));
            assert_eq!(protocol.from_bytes::<Ours>(&written).unwrap(), *ours, "{protocol}");
            assert_eq!(protocol.from_bytes::<Apache<Theirs>>(&bytes).unwrap().0, *theirs, "{protocol}");
            for end in (0..bytes.len()).step_by(13) {
                protocol.from_bytes::<Apache<Theirs>>(&bytes.slice(..end)).unwrap_err();
            }
        }
    }
    check(&ours::least(), &theirs::least());
    check(&ours::most(), &theirs::most());
    check(&ours::refused(), &theirs::refused());
    check(&ours::rich(), &theirs::rich());
    check(&ours::bare(), &theirs::bare());
    // Of `rich` Apache writes some fields in another order.
    for protocol in Protocol::ALL {
        assert_eq!(protocol.to_bytes(&Apache(theirs::bare())), protocol.to_bytes(&ours::bare()), "{protocol}");
    }
}

#[test]
fn a_message_of_structs_of_nothing_does_not_take_all_memory_in_their_code_either() {
    let mut bomb = Vec::new();
    let w = &mut thriftwood::codec::binary::BinaryWriter::new(&mut bomb);
    w.struct_begin();
    w.field_begin(10, thriftwood::codec::TType::List);
    w.list_begin(thriftwood::codec::TType::Struct, 8 << 20);
    bomb.resize(bomb.len() + (8 << 20), 0);
    let error = Protocol::Binary.from_bytes::<Apache<theirs::Containers>>(&bomb.into()).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Memory);
}

/// `scope Tales prefix tales { Told: Everything }`
static TALES: Scope = Scope { name: "Tales", topic_name: "Tales", prefix: "tales", variables: &[] };
static TOLD: Operation = Operation { scope: &TALES, name: "Told", annotations: &[], payload: None };

/// The event of whichever type stands for `Everything`.
#[derive(Clone, Debug)]
struct Told<T>(T);

impl<T: Wire + Clone + Debug + Send + Sync + 'static> ScopeEvent for Told<T> {
    fn operation(&self) -> &'static Operation {
        &TOLD
    }

    fn encode<W: Writer>(&self, w: &mut W) {
        self.0.encode(w);
    }
}

#[tokio::test]
async fn an_event_of_their_type_travels_and_is_read_as_ours_and_the_reverse() {
    type Theirs = Apache<theirs::Everything>;
    let bus = thriftwood::connect("memory:").await.unwrap();
    let subscriber = Subscriber::<Told<ours::Everything>>::new(&bus, &TALES, vec![]);
    let mut as_ours = subscriber.subscribe(&TOLD, Told, |told| Some(told.0)).await.unwrap();
    let subscriber = Subscriber::<Told<Theirs>>::new(&bus, &TALES, vec![]);
    let mut as_theirs = subscriber.subscribe(&TOLD, Told, |told| Some(told.0)).await.unwrap();
    for protocol in Protocol::ALL {
        let bus: Bus = bus.clone().with_protocol(protocol);
        let publisher = Publisher::<Told<Theirs>>::new(&bus, &TALES, vec![]);
        publisher.publish(&Context::new(), &TOLD, &Apache(theirs::rich()), Told).await.unwrap();
        assert_eq!(*as_ours.next().await.unwrap().unwrap(), ours::rich(), "{protocol}");
        assert_eq!(as_theirs.next().await.unwrap().unwrap().0, theirs::rich(), "{protocol}");
    }
}

/// A type whose own code fails.
#[derive(Clone, Debug)]
struct Refuses(Arc<str>);

impl TSerializable for Refuses {
    fn read_from_in_protocol(_: &mut dyn TInputProtocol) -> thrift::Result<Self> {
        Err("never read".into())
    }

    fn write_to_out_protocol(&self, _: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        Err((&*self.0).into())
    }
}

#[tokio::test]
async fn a_value_that_refuses_to_be_written_is_not_sent() {
    let bus = thriftwood::connect("memory:").await.unwrap();
    let publisher = Publisher::<Told<Apache<Refuses>>>::new(&bus, &TALES, vec![]);
    let error = publisher.publish(&Context::new(), &TOLD, &Apache(Refuses("no".into())), Told).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.message(), "a value of the message refused to be written; its own code has logged why");
    let error = Protocol::Binary.from_bytes::<Apache<Refuses>>(&Bytes::from_static(&[0])).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Foreign);
}
