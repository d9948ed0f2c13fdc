//! An order, written and read: nested, mostly text.

use std::hint::black_box;

use bytes::Bytes;
use thriftwood::codec::{binary, compact};

use crate::idl::bench::order::{Attribute, Item, Order};
use crate::idl::shared::bench::order::Order as Shared;

/// The numbers of an order do not matter here, only its shape: that of the benchmarks, 26 strings.
fn order() -> Order {
    let item = |n| Item::new(format!("B00000{n}UAL"), "Kind of Blue, 180 g, first pressing", n, 24.99);
    let attribute = |n| Attribute::new(format!("attribute-{n}"), "yes, with a card: happy birthday");
    Order::new(
        "ord_01HZX4T8W9KQ2M",
        "cus_7f3a9c21",
        "EUR",
        "web",
        (0..5).map(item).collect(),
        (0..6).map(attribute).collect(),
        (0..8).map(|n| 1_770_000_000_000 + n * 4_211).collect(),
        Bytes::from_static(&[b'x'; 64]),
        147.24,
    )
}

pub(crate) fn encode_binary(count: usize) {
    let order = order();
    for _ in 0..count {
        black_box(binary::to_bytes(black_box(&order)));
    }
}

pub(crate) fn decode_binary(count: usize) {
    let bytes = Bytes::from(binary::to_bytes(&order()));
    for _ in 0..count {
        let _ = black_box(binary::from_bytes::<Order>(black_box(&bytes)));
    }
}

pub(crate) fn decode_binary_shared(count: usize) {
    let bytes = Bytes::from(binary::to_bytes(&order()));
    for _ in 0..count {
        let _ = black_box(binary::from_bytes::<Shared>(black_box(&bytes)));
    }
}

pub(crate) fn encode_compact(count: usize) {
    let order = order();
    for _ in 0..count {
        black_box(compact::to_bytes(black_box(&order)));
    }
}

pub(crate) fn decode_compact(count: usize) {
    let bytes = Bytes::from(compact::to_bytes(&order()));
    for _ in 0..count {
        let _ = black_box(compact::from_bytes::<Order>(black_box(&bytes)));
    }
}

pub(crate) fn decode_compact_shared(count: usize) {
    let bytes = Bytes::from(compact::to_bytes(&order()));
    for _ in 0..count {
        let _ = black_box(compact::from_bytes::<Shared>(black_box(&bytes)));
    }
}
