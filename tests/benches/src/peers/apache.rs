//! Apache's generated code over its `thrift` crate, in the compact protocol.
//!
//! `golden/order.rs` is what Debian's thrift 0.17.0 makes of `idl/order.frugal`, as it stands: `thrift --gen rs`.

use thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol, TSerializable};

#[path = "../../golden/order.rs"]
#[allow(warnings, missing_docs, clippy::all)]
mod order;

pub use order::{Attribute, Item, Order};

pub fn encode(order: &Order) -> Vec<u8> {
    // As much room at first as ours has.
    let mut bytes = Vec::with_capacity(256);
    order.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).expect("memory takes everything");
    bytes
}

pub fn decode(bytes: &[u8]) -> Order {
    Order::read_from_in_protocol(&mut TCompactInputProtocol::new(bytes)).expect("what was encoded")
}
