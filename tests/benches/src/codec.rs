//! Encodes and decodes one order, in binary against pilota and in compact against Apache's `thrift` crate. Both sides write the
//! same bytes; that is checked before anything is measured.

use bytes::{Bytes, BytesMut};
use thriftwood::codec::Wire;
use thriftwood::codec::binary::{self, BinaryWriter};
use thriftwood::codec::compact;

use crate::allocations;
use crate::idl::bench::order::{Attribute, Item, Order};
use crate::peers::{apache, pilota};
use crate::report::{Better, Row};
use crate::rounds::{Rounds, nanoseconds};

const PEER: &str = "pilota 0.13";
const APACHE: &str = "thrift 0.25";

pub fn run(rounds: &Rounds) -> Vec<Row> {
    let (ours, peers) = (our_order(), peers_order());
    let bytes = Bytes::from(binary::to_bytes(&ours));
    assert_eq!(bytes, pilota::encode(&peers), "both sides write the same bytes");
    assert_eq!(binary::from_bytes::<Order>(&bytes).expect("our order"), ours);
    assert_eq!(pilota::decode(&bytes), peers);
    println!("an order of {} bytes", bytes.len());

    let encode = rounds.compare(|| nanoseconds(|| binary::to_bytes(&ours)), || nanoseconds(|| pilota::encode(&peers)));
    let (mut our_buffer, mut peers_buffer) = (Vec::new(), BytesMut::new());
    let encode_again = rounds.compare(
        || {
            nanoseconds(|| {
                our_buffer.clear();
                ours.encode(&mut BinaryWriter::new(&mut our_buffer));
                our_buffer.len()
            })
        },
        || {
            nanoseconds(|| {
                peers_buffer.clear();
                pilota::encode_into(&peers, &mut peers_buffer);
                peers_buffer.len()
            })
        },
    );
    let decode = rounds
        .compare(|| nanoseconds(|| binary::from_bytes::<Order>(&bytes)), || nanoseconds(|| pilota::decode(&bytes)));
    let time = |name, compared| Row::compared(name, "ns", Better::Lower, PEER, compared);
    let mut rows = vec![
        time("binary encode, new buffer", encode).limits(0.40, 0.25),
        time("binary encode, same buffer", encode_again),
        time("binary decode, owned strings", decode).limits(0.60, 0.45),
        counted("allocations to encode, new buffer", || drop(binary::to_bytes(&ours)), || drop(pilota::encode(&peers))),
        counted("allocations to decode", || drop(binary::from_bytes::<Order>(&bytes)), || drop(pilota::decode(&bytes))),
    ];
    rows.extend(in_compact(rounds, &ours));
    rows
}

fn in_compact(rounds: &Rounds, ours: &Order) -> [Row; 2] {
    let peers = apaches_order();
    let bytes = Bytes::from(compact::to_bytes(ours));
    assert_eq!(bytes, apache::encode(&peers), "both sides write the same bytes");
    assert_eq!(compact::from_bytes::<Order>(&bytes).expect("our order"), *ours);
    assert_eq!(apache::decode(&bytes), peers);
    let encode = rounds.compare(|| nanoseconds(|| compact::to_bytes(ours)), || nanoseconds(|| apache::encode(&peers)));
    let decode = rounds
        .compare(|| nanoseconds(|| compact::from_bytes::<Order>(&bytes)), || nanoseconds(|| apache::decode(&bytes)));
    let time = |name, compared| Row::compared(name, "ns", Better::Lower, APACHE, compared).limits(0.40, 0.30);
    [time("compact encode, new buffer", encode), time("compact decode, owned strings", decode)]
}

fn counted(name: &'static str, ours: impl FnOnce(), peers: impl FnOnce()) -> Row {
    let (ours, peers) = (allocations::during(ours), allocations::during(peers));
    Row::counted(name, "allocations", ours as f64, (PEER, peers as f64))
}

const ATTRIBUTES: [(&str, &str); 6] = [
    ("campaign", "spring-2026-newsletter"),
    ("device", "tablet, 11 inch, landscape"),
    ("gift-wrap", "yes, with a card: happy birthday"),
    ("language", "en-GB"),
    ("loyalty-tier", "gold"),
    ("referrer", "https://shop.example/vinyl/jazz/1959?sort=price"),
];
const ITEMS: [(&str, &str, i32, f64); 5] = [
    ("B000002UAL", "Kind of Blue, 180 g, first pressing", 1, 24.99),
    ("B0000025F7", "A Love Supreme, acoustic sounds edition", 2, 19.5),
    ("B000003EQ5", "Head Hunters, quadrophonic", 1, 17.25),
    ("B00005AMQI", "Time Out, remastered, with booklet", 1, 21.0),
    ("B000000Y2F", "Mingus Ah Um, complete sessions", 3, 14.75),
];
const HISTORY: [i64; 8] = [
    1_770_000_000_000,
    1_770_000_004_211,
    1_770_000_009_875,
    1_770_000_060_000,
    1_770_003_600_000,
    1_770_007_200_500,
    1_770_086_400_000,
    1_770_172_800_000,
];
const SIGNATURE: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOTAL: f64 = 147.24;

fn our_order() -> Order {
    let items = ITEMS.map(|(sku, title, quantity, price)| Item::new(sku, title, quantity, price));
    let attributes = ATTRIBUTES.map(|(name, value)| Attribute::new(name, value));
    Order::new(
        "ord_01HZX4T8W9KQ2M",
        "cus_7f3a9c21",
        "EUR",
        "web",
        items.into(),
        attributes.into(),
        HISTORY.into(),
        Bytes::from_static(SIGNATURE),
        TOTAL,
    )
}

fn peers_order() -> pilota::Order {
    let items = ITEMS.map(|(sku, title, quantity, price)| pilota::Item {
        sku: sku.into(),
        title: title.into(),
        quantity,
        price,
    });
    let attributes = ATTRIBUTES.map(|(name, value)| pilota::Attribute { name: name.into(), value: value.into() });
    pilota::Order {
        id: "ord_01HZX4T8W9KQ2M".into(),
        customer: "cus_7f3a9c21".into(),
        currency: "EUR".into(),
        channel: "web".into(),
        items: items.into(),
        attributes: attributes.into(),
        history: HISTORY.into(),
        signature: Bytes::from_static(SIGNATURE),
        total: TOTAL,
    }
}

fn apaches_order() -> apache::Order {
    let items = ITEMS.map(|(sku, title, quantity, price)| apache::Item {
        sku: sku.into(),
        title: title.into(),
        quantity,
        price: price.into(),
    });
    let attributes = ATTRIBUTES.map(|(name, value)| apache::Attribute { name: name.into(), value: value.into() });
    apache::Order {
        id: "ord_01HZX4T8W9KQ2M".into(),
        customer: "cus_7f3a9c21".into(),
        currency: "EUR".into(),
        channel: "web".into(),
        items: items.into(),
        attributes: attributes.into(),
        history: HISTORY.into(),
        signature: SIGNATURE.to_vec(),
        total: TOTAL.into(),
    }
}
