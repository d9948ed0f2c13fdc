//! Apache's generated Rust, over the `thrift` crate, reads what ours writes and writes what ours reads, in both protocols.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[macro_use]
#[path = "apache/values.rs"]
mod values;

use std::fmt::Debug;
use std::process::Command;

use bytes::Bytes;
use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol, TInputProtocol,
    TOutputProtocol, TSerializable,
};
use thrift::server::TProcessor;
use thriftwood::call::Request;
use thriftwood::codec::{Message, MessageType, Reader, Wire};
use thriftwood_interop::{Binary, Compact, Protocol};

#[path = "../data/apache/golden/oracle.rs"]
#[allow(warnings, clippy::pedantic)]
mod apache;

mod ours {
    values!(std::convert::identity, thriftwood_interop::idl::oracle);
}

mod theirs {
    values!(Some, crate::apache);
}

fn input<'a, P: Protocol>(bytes: &'a [u8]) -> Box<dyn TInputProtocol + 'a> {
    match P::NAME {
        "compact" => Box::new(TCompactInputProtocol::new(bytes)),
        _ => Box::new(TBinaryInputProtocol::new(bytes, true)),
    }
}

fn output<'a, P: Protocol>(bytes: &'a mut Vec<u8>) -> Box<dyn TOutputProtocol + 'a> {
    match P::NAME {
        "compact" => Box::new(TCompactOutputProtocol::new(bytes)),
        _ => Box::new(TBinaryOutputProtocol::new(bytes, true)),
    }
}

fn they_write<P: Protocol, T: TSerializable>(value: &T) -> Bytes {
    let mut bytes = Vec::new();
    value.write_to_out_protocol(&mut *output::<P>(&mut bytes)).unwrap();
    bytes.into()
}

fn they_read<P: Protocol, T: TSerializable>(bytes: &[u8]) -> T {
    T::read_from_in_protocol(&mut *input::<P>(bytes)).unwrap_or_else(|error| panic!("{}: {error}", P::NAME))
}

fn we_read<P: Protocol, T: Wire>(bytes: &Bytes) -> T {
    P::from_bytes(bytes).unwrap_or_else(|error| panic!("{}: {error}", P::NAME))
}

/// A value of theirs and the same of ours: either reads the other's bytes.
fn both_ways<P: Protocol, A, T>(our: &A, their: &T)
where
    A: Wire + Debug + PartialEq,
    T: TSerializable + Debug + PartialEq,
{
    assert_eq!(we_read::<P, A>(&they_write::<P, T>(their)), *our, "{}: what they wrote", P::NAME);
    assert_eq!(they_read::<P, T>(&P::to_bytes(our)), *their, "{}: what we wrote", P::NAME);
}

/// The value of a default field that is not on the wire, a field of another type, and fields nobody knows.
fn unknown_and_absent<P: Protocol>() {
    use theirs::*;
    let (our, their) = (P::to_bytes(&ours::whole()).into(), they_write::<P, _>(&whole()));
    for bytes in [&our, &their] {
        let older = we_read::<P, ours::Older>(bytes);
        assert_eq!(older.containers.numbers, ours::whole().containers.numbers);
        assert_eq!(older.containers.flags, ours::whole().containers.flags);
        assert_eq!((older.gaps.nearby, &*older.gaps.text, older.after), (false, "far", 0));
        let mistaken = we_read::<P, ours::Mistaken>(bytes);
        assert_eq!(mistaken, ours::Mistaken { refused: ours::refused(), ..Default::default() });
        let older = they_read::<P, Older>(bytes);
        assert_eq!(older.containers.unwrap().flags, whole().containers.unwrap().flags);
        assert_eq!(older.gaps.unwrap().text.as_deref(), Some("far"));
    }
    let absent = Modifiers::new(1, None, None, None, None, false, None, None, None);
    let read = we_read::<P, ours::Modifiers>(&they_write::<P, _>(&absent));
    assert_eq!((read.preset, read.some, read.colour), (42, vec![1, 2, 3], ours::Colour::GREEN));
}

#[test]
fn values_written_by_either_are_read_equal_by_the_other() {
    fn check<P: Protocol>() {
        both_ways::<P, _, _>(&ours::least(), &theirs::least());
        both_ways::<P, _, _>(&ours::most(), &theirs::most());
        both_ways::<P, _, _>(&ours::refused(), &theirs::refused());
        both_ways::<P, _, _>(&ours::backwards(), &theirs::backwards());
        both_ways::<P, _, _>(&ours::bare(), &theirs::bare());
        both_ways::<P, _, _>(&ours::rich(), &theirs::rich());
        both_ways::<P, _, _>(&ours::whole(), &theirs::whole());
    }
    check::<Binary>();
    check::<Compact>();
}

#[test]
fn both_write_the_same_bytes() {
    fn check<P: Protocol>() {
        assert_eq!(P::to_bytes(&ours::bare()), they_write::<P, _>(&theirs::bare())[..], "{}", P::NAME);
        assert_eq!(P::to_bytes(&ours::whole()), they_write::<P, _>(&theirs::whole())[..], "{}", P::NAME);
    }
    check::<Binary>();
    check::<Compact>();
}

#[test]
fn unknown_and_mistaken_fields_are_skipped_and_absent_ones_have_their_defaults() {
    unknown_and_absent::<Binary>();
    unknown_and_absent::<Compact>();
}

/// Answers as the tests want it.
struct Handler;

impl apache::ParentSyncHandler for Handler {
    fn handle_ping(&self) -> thrift::Result<()> {
        Ok(())
    }
}

impl apache::OracleSyncHandler for Handler {
    fn handle_echo(&self, value: apache::Everything) -> thrift::Result<apache::Everything> {
        // The one without a tree is refused.
        if value.tree.is_none() { Err(thrift::Error::from(theirs::refused())) } else { Ok(value) }
    }

    fn handle_tell(&self, _: String) -> thrift::Result<()> {
        Ok(())
    }

    fn handle_flag(&self, on: bool) -> thrift::Result<bool> {
        Ok(!on)
    }
}

#[test]
fn calls_of_their_client_are_read_as_requests() {
    use apache::TOracleSyncClient;
    use ours::OracleRequest;
    fn check<P: Protocol>() {
        let mut bytes = Vec::new();
        // Nobody answers; the call is on the wire all the same.
        apache::OracleSyncClient::new(input::<P>(&[]), output::<P>(&mut bytes)).echo(theirs::rich()).unwrap_err();
        assert_eq!(request::<P>(bytes, MessageType::Call, "echo"), OracleRequest::Echo { value: ours::rich() });
        let mut bytes = Vec::new();
        apache::OracleSyncClient::new(input::<P>(&[]), output::<P>(&mut bytes)).tell("so".into()).unwrap();
        assert_eq!(request::<P>(bytes, MessageType::Oneway, "tell"), OracleRequest::Tell { text: "so".into() });
    }
    fn request<P: Protocol>(bytes: Vec<u8>, kind: MessageType, name: &str) -> OracleRequest {
        let bytes = bytes.into();
        let (envelope, mut r) = P::open(&bytes).unwrap();
        // Their clients count their calls, from 1.
        assert_eq!(envelope, Message::new(name, kind).with_sequence(1));
        let request = Request::decode(name, &mut r).unwrap().unwrap();
        assert_eq!(r.remaining(), 0);
        request
    }
    check::<Binary>();
    check::<Compact>();
}

#[test]
fn answers_of_their_server_to_our_requests_are_read_as_responses() {
    use ours::{EchoError, OracleRequest, OracleResponse, ParentRequest, ParentResponse};
    fn answer<P: Protocol, R: Request>(request: &R) -> R::Response {
        let name = request.method().wire_name;
        let call = P::message(Message::new(name, MessageType::Call), |w| request.encode(w));
        let mut reply = Vec::new();
        let server = apache::OracleSyncProcessor::new(Handler);
        server.process(&mut *input::<P>(&call), &mut *output::<P>(&mut reply)).unwrap();
        let reply = reply.into();
        let (envelope, mut r) = P::open(&reply).unwrap();
        assert_eq!(envelope, Message::new(name, MessageType::Reply));
        request.decode_response(&mut r).unwrap()
    }
    fn check<P: Protocol>() {
        match answer::<P, _>(&OracleRequest::Echo { value: ours::rich() }) {
            OracleResponse::Echo(Ok(value)) => assert_eq!(value, ours::rich()),
            other => panic!("{}: {other:?}", P::NAME),
        }
        match answer::<P, _>(&OracleRequest::Echo { value: ours::bare() }) {
            OracleResponse::Echo(Err(EchoError::Refused(refused))) => assert_eq!(refused, ours::refused()),
            other => panic!("{}: {other:?}", P::NAME),
        }
        match answer::<P, _>(&OracleRequest::Flag { on: false }) {
            OracleResponse::Flag(on) => assert!(on),
            other => panic!("{}: {other:?}", P::NAME),
        }
        assert!(matches!(answer::<P, _>(&ParentRequest::Ping), ParentResponse::Ping));
    }
    check::<Binary>();
    check::<Compact>();
}

#[test]
fn their_compiler_still_generates_the_rust_that_is_kept() {
    const NAME: &str = "their_compiler_still_generates_the_rust_that_is_kept";
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/apache");
    let version = Command::new("thrift").arg("--version").output();
    let Ok(version) = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) else {
        return thriftwood_test_support::skipped(
            NAME,
            "there is no thrift compiler; Debian's package is thrift-compiler",
        );
    };
    if version != "Thrift version 0.17.0" {
        return thriftwood_test_support::skipped(NAME, &format!("the thrift compiler is {version}, not 0.17.0"));
    }
    let out = tempfile::tempdir().unwrap();
    let mut compiler = Command::new("thrift");
    compiler.args(["--gen", "rs", "-out"]).arg(out.path()).arg(format!("{data}/oracle.thrift"));
    assert!(compiler.output().unwrap().status.success());
    let new = std::fs::read_to_string(out.path().join("oracle.rs")).unwrap();
    let kept = std::fs::read_to_string(format!("{data}/golden/oracle.rs")).unwrap();
    assert!(new == kept, "run in tests/interop/data/apache: thrift --gen rs -out golden oracle.thrift");
}
