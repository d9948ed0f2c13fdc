//! The order as prost has it: the same fields in protobuf's form, strings owned and checked as ours are.

use bytes::Bytes;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub sku: String,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(int32, tag = "3")]
    pub quantity: i32,
    #[prost(double, tag = "4")]
    pub price: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub customer: String,
    #[prost(string, tag = "3")]
    pub currency: String,
    #[prost(string, tag = "4")]
    pub channel: String,
    #[prost(message, repeated, tag = "5")]
    pub items: Vec<Item>,
    #[prost(message, repeated, tag = "6")]
    pub attributes: Vec<Attribute>,
    #[prost(int64, repeated, tag = "7")]
    pub history: Vec<i64>,
    #[prost(bytes = "bytes", tag = "8")]
    pub signature: Bytes,
    #[prost(double, tag = "9")]
    pub total: f64,
}

pub fn encode(order: &Order) -> Vec<u8> {
    order.encode_to_vec()
}

/// The order in these bytes; its `Bytes` share their memory, as ours do.
pub fn decode(bytes: &Bytes) -> Order {
    Order::decode(bytes.clone()).expect("the bytes are an order")
}
