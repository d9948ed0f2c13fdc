//! Encodes and decodes one order: in binary against pilota, in compact against Apache's `thrift` crate, and against prost, whose form is
//! protobuf's. pilota and Apache write the same bytes as ours, which is checked before anything is measured.

use bytes::{Bytes, BytesMut};
use thriftwood::codec::Wire;
use thriftwood::codec::binary::{self, BinaryWriter};
use thriftwood::codec::compact;

use crate::idl::bench::order::Order;
use crate::idl::shared::bench::order::Order as Shared;
use crate::peers::{apache, pilota, prost};
use crate::report::{Better, Row};
use crate::rounds::{Rounds, nanoseconds};
use crate::{allocations, orders};

const PILOTA: &str = "pilota 0.13";
const PROST: &str = "prost 0.14";
const APACHE: &str = "thrift 0.25";

pub fn run(rounds: &Rounds) -> Vec<Row> {
    let ours = orders::ours();
    println!("an order of {} bytes", binary::to_bytes(&ours).len());
    let rows = [in_binary(rounds, &ours), beside_prost(rounds, &ours), in_compact(rounds, &ours)];
    rows.into_iter().flatten().flatten().collect()
}

fn in_binary(rounds: &Rounds, ours: &Order) -> Vec<Option<Row>> {
    let peers = orders::pilotas();
    let bytes = Bytes::from(binary::to_bytes(ours));
    assert_eq!(bytes, pilota::encode(&peers), "both sides write the same bytes");
    assert_eq!(
        bytes,
        binary::to_bytes(&binary::from_bytes::<Shared>(&bytes).expect("our order")),
        "so does shared text"
    );
    assert_eq!(binary::from_bytes::<Order>(&bytes).expect("our order"), *ours);
    assert_eq!(pilota::decode(&bytes), peers);
    let (mut our_buffer, mut peers_buffer) = (Vec::new(), BytesMut::new());
    let again = || {
        our_buffer.clear();
        ours.encode(&mut BinaryWriter::new(&mut our_buffer));
        our_buffer.len()
    };
    let peers_again = || {
        peers_buffer.clear();
        pilota::encode_into(&peers, &mut peers_buffer);
        peers_buffer.len()
    };
    let encode = || binary::to_bytes(ours);
    let (owned, shared) = (|| binary::from_bytes::<Order>(&bytes), || binary::from_bytes::<Shared>(&bytes));
    let (peers_encode, peers_decode) = (|| pilota::encode(&peers), || pilota::decode(&bytes));
    vec![
        timed(rounds, "binary encode, new buffer", encode, (PILOTA, peers_encode)).map(|row| row.limits(0.40, 0.25)),
        timed(rounds, "binary encode, same buffer", again, (PILOTA, peers_again)),
        timed(rounds, "binary decode, owned strings", owned, (PILOTA, peers_decode)).map(|row| row.limits(0.60, 0.45)),
        timed(rounds, "binary decode, shared strings", shared, (PILOTA, peers_decode))
            .map(|row| row.limits(0.60, 0.45)),
        counted(rounds, "allocations to encode, new buffer", encode, (PILOTA, peers_encode)),
        counted(rounds, "allocations to decode, owned strings", owned, (PILOTA, peers_decode)),
        counted(rounds, "allocations to decode, shared strings", shared, (PILOTA, peers_decode)),
    ]
}

/// Both sides own their strings, check them, and share the signature's bytes; each reads its own form.
fn beside_prost(rounds: &Rounds, ours: &Order) -> Vec<Option<Row>> {
    let peers = orders::prosts();
    let (bytes, peers_bytes) = (Bytes::from(binary::to_bytes(ours)), Bytes::from(prost::encode(&peers)));
    assert_eq!(prost::decode(&peers_bytes), peers);
    let decode = || binary::from_bytes::<Order>(&bytes);
    let row =
        timed(rounds, "binary decode, owned strings, against prost", decode, (PROST, || prost::decode(&peers_bytes)));
    vec![row.map(|row| row.limits(0.80, 0.65))]
}

fn in_compact(rounds: &Rounds, ours: &Order) -> Vec<Option<Row>> {
    let peers = orders::apaches();
    let bytes = Bytes::from(compact::to_bytes(ours));
    assert_eq!(bytes, apache::encode(&peers), "both sides write the same bytes");
    assert_eq!(compact::from_bytes::<Order>(&bytes).expect("our order"), *ours);
    assert_eq!(apache::decode(&bytes), peers);
    let encode = || compact::to_bytes(ours);
    let (owned, shared) = (|| compact::from_bytes::<Order>(&bytes), || compact::from_bytes::<Shared>(&bytes));
    let rows = [
        timed(rounds, "compact encode, new buffer", encode, (APACHE, || apache::encode(&peers))),
        timed(rounds, "compact decode, owned strings", owned, (APACHE, || apache::decode(&bytes))),
        timed(rounds, "compact decode, shared strings", shared, (APACHE, || apache::decode(&bytes))),
    ];
    rows.into_iter().map(|row| row.map(|row| row.limits(0.40, 0.30))).collect()
}

fn timed<T, P>(
    rounds: &Rounds,
    name: &'static str,
    mut ours: impl FnMut() -> T,
    (peer, mut peers): (&'static str, impl FnMut() -> P),
) -> Option<Row> {
    let compare = || rounds.compare(|| nanoseconds(&mut ours), || nanoseconds(&mut peers));
    rounds.wants(name).then(compare).map(|compared| Row::compared(name, "ns", Better::Lower, peer, compared))
}

fn counted<T, P>(
    rounds: &Rounds,
    name: &'static str,
    ours: impl FnOnce() -> T,
    (peer, peers): (&'static str, impl FnOnce() -> P),
) -> Option<Row> {
    let count = || (allocations::during(|| drop(ours())), allocations::during(|| drop(peers())));
    let row = |(ours, peers): (u64, u64)| Row::counted(name, "allocations", ours as f64, (peer, peers as f64));
    rounds.wants(name).then(count).map(row)
}
