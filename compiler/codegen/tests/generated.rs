//! The golden files compile, and what they make does what the IDL says.

// Included as text: as a module of its own it would be formatted by this workspace's settings.
mod everything {
    include!("golden/everything.rs");
}

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;

use everything::golden::base::{Base, Denied, Level, Point, WhoAmIError};
use everything::golden::everything as idl;
use idl::{Choice, Colour, Everything, Full, FullClient, FullServer, Key, Leaf, Tree};
use thriftwood::codec::binary::{self, BinaryWriter};
use thriftwood::codec::compact::{self, CompactWriter};
use thriftwood::codec::{DecodeErrorKind, TType, TotalF64, Wire, Writer};
use thriftwood::{Context, RpcError, memory};

#[allow(clippy::unwrap_used)]
fn there_and_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = binary::to_bytes(value);
    assert_eq!(&binary::from_bytes::<T>(&bytes.into()).unwrap(), value);
}

fn rich() -> Everything {
    let choice = Choice::Many(vec![Choice::Text("a".into()), Choice::Nested(Box::new(Choice::Number(-1)))]);
    let mut value = Everything::new(7);
    value.flag = true;
    value.blob = vec![1; 100].into();
    value.key = [9; 16];
    value.children = vec![Everything::new(8)];
    value.names = BTreeSet::from(["b".to_owned(), "a".to_owned()]);
    value.scores = BTreeMap::from([(1, BTreeMap::from([("x".to_owned(), 0.5)]))]);
    value.choice = Some(choice);
    value.by_key = BTreeMap::from([(Key { weight: TotalF64(f64::NAN), scores: vec![TotalF64(-0.0)] }, 2.0)]);
    value.point = Some(Point::new(1.0, 2.0));
    value.maybe = Some(i32::MIN);
    value
}

#[test]
fn every_kind_of_field_comes_back() {
    there_and_back(&rich());
    there_and_back(&Tree {
        left: Some(Box::new(Tree { left: None, right: None, leaf: Leaf::default() })),
        right: None,
        leaf: Leaf::default(),
    });
    there_and_back(&Colour(77));
    there_and_back(&idl::Empty::default());
}

#[test]
fn defaults_are_those_of_the_idl() {
    let value = Everything::new(1);
    assert_eq!((value.limit, &*value.greeting, &*value.must), (42, "hallo \"Welt\"\n", "must"));
    assert_eq!((value.colour, value.some, value.perhaps), (Colour::GREEN, vec![1, 2, 3], None));
    assert_eq!(value.level, Level::LOW);
    assert_eq!(idl::LOUD, Level::HIGH);
    assert_eq!(*idl::ORIGIN, Point { x: 0.0, y: 0.5 });
    assert_eq!((idl::PRIMES.len(), idl::AGES["bob"], idl::SAME, idl::FROM_BASE), (18, 2, 42, 100));
}

#[test]
fn enums_keep_numbers_without_a_name() {
    assert_eq!(format!("{:?} {:?}", Colour::RED, Colour(77)), "RED Colour(77)");
    assert_eq!((Colour(10).name(), Colour(77).name()), (Some("BLUE"), None));
    assert_eq!(Level::HIGHEST.0, 6);
}

#[test]
fn fields_are_read_in_whatever_order_they_come_and_the_last_of_two_counts() {
    fn write<W: Writer>(w: &mut W, fields: &[(i16, f64)]) {
        w.struct_begin();
        for (id, value) in fields {
            w.field_begin(*id, TType::Double);
            w.write_double(*value);
        }
        w.struct_end();
    }
    let read = |fields: &[(i16, f64)]| {
        let (mut in_binary, mut in_compact) = (Vec::new(), Vec::new());
        write(&mut BinaryWriter::new(&mut in_binary), fields);
        write(&mut CompactWriter::new(&mut in_compact), fields);
        let read = [binary::from_bytes::<Point>(&in_binary.into()), compact::from_bytes::<Point>(&in_compact.into())];
        read.map(|point| point.map(|point| (point.x, point.y)).map_err(|error| error.kind()))
    };
    assert_eq!(read(&[(1, 0.1), (2, 0.2)]), [Ok((0.1, 0.2)); 2]);
    assert_eq!(read(&[(2, 0.2), (1, 0.1)]), [Ok((0.1, 0.2)); 2]);
    assert_eq!(read(&[(1, 0.1), (1, 0.3), (2, 0.2)]), [Ok((0.3, 0.2)); 2]);
    assert_eq!(read(&[(1, 0.1), (2, 0.2), (1, 0.3)]), [Ok((0.3, 0.2)); 2]);
    assert_eq!(read(&[(-5, 5.0), (1, 0.1), (7, 7.0), (2, 0.2), (300, 3.0)]), [Ok((0.1, 0.2)); 2]);
    assert_eq!(read(&[(2, 0.2)]), [Err(DecodeErrorKind::MissingField { structure: "Point", field: "x" }); 2]);
}

#[test]
fn a_missing_required_field_is_named() {
    let error = binary::from_bytes::<Point>(&vec![0].into()).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::MissingField { structure: "Point", field: "x" });
}

#[test]
fn a_union_holds_exactly_one_field_and_keeps_those_it_does_not_know() {
    let none = binary::from_bytes::<Choice>(&vec![0].into()).unwrap_err();
    assert_eq!(none.kind(), DecodeErrorKind::Union { union: "Choice" });
    let two = [binary::to_bytes(&Choice::Number(1)), binary::to_bytes(&Choice::Number(2))];
    let two = [&two[0][..two[0].len() - 1], &two[1]].concat();
    assert_eq!(
        binary::from_bytes::<Choice>(&two.into()).unwrap_err().kind(),
        DecodeErrorKind::Union { union: "Choice" }
    );
    let newer = vec![10, 0, 99, 0, 0, 0, 0, 0, 0, 0, 5, 0];
    let kept = binary::from_bytes::<Choice>(&newer.clone().into()).unwrap();
    assert!(matches!(&kept, Choice::Unknown_(field) if field.id() == 99), "{kept:?}");
    assert_eq!(binary::to_bytes(&kept), newer);
}

#[test]
fn exceptions_are_errors_with_a_message() {
    let denied = Denied { reason: "no".into() };
    assert_eq!(denied.to_string(), "Denied: no");
    let error = WhoAmIError::from(denied);
    assert_eq!(error.to_string(), "Denied: no");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("Denied: no"));
}

#[test]
fn an_exception_whose_message_is_empty_shows_its_fields() {
    let refused = idl::Refused { message: String::new(), why: Some(Choice::Text("late".into())) };
    assert_eq!(refused.to_string(), r#"Refused { message: "", why: Some(Text("late")) }"#);
    assert_eq!(refused.with_message("no").to_string(), "Refused: no");
}

struct Service;

impl Base for Service {
    async fn ping(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }

    async fn who_am_i(&self, _: &Context, token: String) -> Result<String, WhoAmIError> {
        if token.is_empty() { Err(Denied { reason: "no token".into() }.into()) } else { Ok(token) }
    }
}

impl Full for Service {
    async fn echo(&self, _: &Context, value: Everything, maybe: i32, limit: i32) -> Result<Everything, RpcError> {
        Ok(Everything { maybe: Some(maybe), limit, ..value })
    }

    async fn nothing(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }

    async fn gather(
        &self,
        _: &Context,
        first: Vec<Everything>,
        second: BTreeSet<String>,
        choice: Choice,
        point: Point,
    ) -> Result<BTreeMap<String, Vec<Everything>>, idl::GatherError> {
        match (first.len(), point.x) {
            (0, _) => Err(idl::GatherError::Again(idl::Refused { message: "again".into(), why: Some(choice) })),
            _ => Ok(second.into_iter().map(|name| (name, first.clone())).collect()),
        }
    }

    async fn may_fail(&self, _: &Context, id: i64) -> Result<(), idl::MayFailError> {
        if id < 0 { Err(idl::Quiet { code: 3 }.into()) } else { Ok(()) }
    }

    async fn tell(&self, _: &Context, _: String, _: f64) -> Result<(), RpcError> {
        Ok(())
    }

    async fn upper(&self, _: &Context, self_: thriftwood::bytes::Bytes) -> Result<String, RpcError> {
        String::from_utf8(self_.to_ascii_uppercase()).map_err(RpcError::internal)
    }

    async fn new_(&self, _: &Context, layer: i32) -> Result<i32, RpcError> {
        Ok(layer)
    }

    async fn colour(&self, _: &Context, ctx: Colour) -> Result<Colour, RpcError> {
        Ok(ctx)
    }
}

#[tokio::test]
async fn a_service_answers_its_own_calls_and_those_of_its_parent() {
    let bus = memory::bus();
    bus.serve("full", FullServer::new(Service)).await.unwrap();
    let full = FullClient::new(bus.rpc("full"));
    let ctx = Context::new();
    assert_eq!(full.echo(&ctx, rich(), 3, 9).await.unwrap(), Everything { maybe: Some(3), limit: 9, ..rich() });
    full.nothing(&ctx).await.unwrap();
    full.may_fail(&ctx, 1).await.unwrap();
    assert!(matches!(full.may_fail(&ctx, -1).await, Err(idl::MayFailError::Quiet(idl::Quiet { code: 3 }))));
    let again = full.gather(&ctx, vec![], BTreeSet::new(), Choice::Number(5), Point::new(0.0, 0.0)).await;
    assert!(matches!(again, Err(idl::GatherError::Again(refused)) if refused.why == Some(Choice::Number(5))));
    assert_eq!(full.upper(&ctx, "abc".into()).await.unwrap(), "ABC");
    assert_eq!(full.new_(&ctx, 4).await.unwrap(), 4);
    full.tell(&ctx, "x".into(), 1.0).await.unwrap();
    full.ping(&ctx).await.unwrap();
    assert_eq!(full.who_am_i(&ctx, "me".into()).await.unwrap(), "me");
    assert!(matches!(full.who_am_i(&ctx, String::new()).await, Err(WhoAmIError::Denied(_))));
    // A client of the parent alone calls the child's server.
    everything::golden::base::BaseClient::new(bus.rpc("full")).ping(&ctx).await.unwrap();
}

#[tokio::test]
async fn every_kind_of_payload_is_published_and_received() {
    let bus = memory::bus();
    let events = idl::Events::subscriber(&bus, "bill", "*");
    let mut made = events.made().await.unwrap();
    let mut named = events.named().await.unwrap();
    let mut listed = events.listed().await.unwrap();
    let publisher = idl::Events::publisher(&bus, "bill", "emea");
    let ctx = Context::new();
    publisher.made(&ctx, &rich()).await.unwrap();
    publisher.named(&ctx, "ann").await.unwrap();
    publisher.listed(&ctx, &vec![Point::new(1.0, 2.0)]).await.unwrap();
    let event = made.next().await.unwrap().unwrap();
    assert_eq!((event.topic(), &*event), ("golden.bill.v1.emea.Events.Made", &rich()));
    assert_eq!(*named.next().await.unwrap().unwrap(), "ann");
    assert_eq!(listed.next().await.unwrap().unwrap().len(), 1);
    let mut only = idl::Lone::subscriber(&bus).only().await.unwrap();
    let tree = Tree { left: None, right: None, leaf: Leaf::default() };
    idl::Lone::publisher(&bus).only(&ctx, &tree).await.unwrap();
    assert_eq!(*only.next().await.unwrap().unwrap(), tree);
}

#[tokio::test]
async fn a_failure_that_a_layer_puts_into_a_result_reaches_the_caller_as_itself() {
    use idl::{FullRequest, FullResponse, MayFailError};
    use thriftwood::RpcErrorKind;
    use thriftwood::call::Call;

    let layer = tower::layer::layer_fn(|_| {
        tower::service_fn(|_: Call<FullRequest>| async {
            let failure = RpcError::application(402, "pay first");
            Ok::<_, RpcError>(FullResponse::MayFail(Err(MayFailError::Rpc(failure))))
        })
    });
    let full = FullClient::new(memory::rpc(FullServer::new(Service).layer(layer)));
    match full.may_fail(&Context::new(), 1).await {
        Err(MayFailError::Rpc(error)) => {
            assert_eq!((error.kind(), error.message()), (RpcErrorKind::Application(402), "pay first"));
        }
        other => panic!("expected the layer's failure, got {other:?}"),
    }
}
