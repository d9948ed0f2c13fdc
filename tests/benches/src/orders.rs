//! One order, as ours and as each peer has it.

use bytes::Bytes;

use crate::idl::bench::order::{Attribute, Item, Order};
use crate::peers::{apache, pilota, prost};

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

pub fn ours() -> Order {
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

pub fn pilotas() -> pilota::Order {
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

pub fn apaches() -> apache::Order {
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

pub fn prosts() -> prost::Order {
    let items = ITEMS.map(|(sku, title, quantity, price)| prost::Item {
        sku: sku.into(),
        title: title.into(),
        quantity,
        price,
    });
    let attributes = ATTRIBUTES.map(|(name, value)| prost::Attribute { name: name.into(), value: value.into() });
    prost::Order {
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
