//! The order for pilota: the calls that its compiler emits, written by hand for `idl/order.frugal`.
//!
//! Its strings are `FastStr` and share the message's memory, without a check that they are UTF-8; ours are checked and owned.

use ::pilota::FastStr;
use ::pilota::thrift::binary::TBinaryProtocol;
use ::pilota::thrift::{
    Message, ProtocolExceptionKind, TAsyncInputProtocol, TInputProtocol, TLengthProtocol, TLengthProtocolExt,
    TOutputProtocol, TOutputProtocolExt, TStructIdentifier, TType, ThriftException, new_protocol_exception,
};
use bytes::{Bytes, BytesMut};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    pub sku: FastStr,
    pub title: FastStr,
    pub quantity: i32,
    pub price: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribute {
    pub name: FastStr,
    pub value: FastStr,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    pub id: FastStr,
    pub customer: FastStr,
    pub currency: FastStr,
    pub channel: FastStr,
    pub items: Vec<Item>,
    pub attributes: Vec<Attribute>,
    pub history: Vec<i64>,
    pub signature: Bytes,
    pub total: f64,
}

/// The order's bytes, in a buffer of the right size from the start.
pub fn encode(order: &Order) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode_into(order, &mut buffer);
    buffer
}

/// Appends the order's bytes, after asking for as much room as they need.
pub fn encode_into(order: &Order, buffer: &mut BytesMut) {
    let size = order.size(&mut TBinaryProtocol::new((), false));
    buffer.reserve(size);
    order.encode(&mut TBinaryProtocol::new(buffer, false)).expect("a buffer takes whatever is written");
}

/// The order in these bytes.
pub fn decode(bytes: &Bytes) -> Order {
    let mut bytes = bytes.clone();
    Order::decode(&mut TBinaryProtocol::new(&mut bytes, false)).expect("the bytes are an order")
}

const ITEM: TStructIdentifier = TStructIdentifier { name: "Item" };
const ATTRIBUTE: TStructIdentifier = TStructIdentifier { name: "Attribute" };
const ORDER: TStructIdentifier = TStructIdentifier { name: "Order" };

fn missing(field: &str) -> ThriftException {
    new_protocol_exception(ProtocolExceptionKind::InvalidData, format!("field {field} is required"))
}

/// Only whole messages in memory are measured.
fn never<T>() -> Result<T, ThriftException> {
    Err(new_protocol_exception(ProtocolExceptionKind::NotImplemented, "this peer reads whole messages"))
}

impl Message for Item {
    fn encode<T: TOutputProtocol>(&self, protocol: &mut T) -> Result<(), ThriftException> {
        protocol.write_struct_begin(&ITEM)?;
        protocol.write_faststr_field(1, self.sku.clone())?;
        protocol.write_faststr_field(2, self.title.clone())?;
        protocol.write_i32_field(3, self.quantity)?;
        protocol.write_double_field(4, self.price)?;
        protocol.write_field_stop()?;
        protocol.write_struct_end()
    }

    fn decode<T: TInputProtocol>(protocol: &mut T) -> Result<Self, ThriftException> {
        let (mut sku, mut title, mut quantity, mut price) = (None, None, None, None);
        protocol.read_struct_begin()?;
        loop {
            let field = protocol.read_field_begin()?;
            match (field.id, field.field_type) {
                (_, TType::Stop) => break,
                (Some(1), TType::Binary) => sku = Some(protocol.read_faststr()?),
                (Some(2), TType::Binary) => title = Some(protocol.read_faststr()?),
                (Some(3), TType::I32) => quantity = Some(protocol.read_i32()?),
                (Some(4), TType::Double) => price = Some(protocol.read_double()?),
                (_, other) => drop(protocol.skip(other)?),
            }
            protocol.read_field_end()?;
        }
        protocol.read_struct_end()?;
        Ok(Self {
            sku: sku.ok_or_else(|| missing("sku"))?,
            title: title.ok_or_else(|| missing("title"))?,
            quantity: quantity.ok_or_else(|| missing("quantity"))?,
            price: price.ok_or_else(|| missing("price"))?,
        })
    }

    async fn decode_async<T: TAsyncInputProtocol>(_: &mut T) -> Result<Self, ThriftException> {
        never()
    }

    fn size<T: TLengthProtocol>(&self, protocol: &mut T) -> usize {
        protocol.struct_begin_len(&ITEM)
            + protocol.faststr_field_len(Some(1), &self.sku)
            + protocol.faststr_field_len(Some(2), &self.title)
            + protocol.i32_field_len(Some(3), self.quantity)
            + protocol.double_field_len(Some(4), self.price)
            + protocol.field_stop_len()
            + protocol.struct_end_len()
    }
}

impl Message for Attribute {
    fn encode<T: TOutputProtocol>(&self, protocol: &mut T) -> Result<(), ThriftException> {
        protocol.write_struct_begin(&ATTRIBUTE)?;
        protocol.write_faststr_field(1, self.name.clone())?;
        protocol.write_faststr_field(2, self.value.clone())?;
        protocol.write_field_stop()?;
        protocol.write_struct_end()
    }

    fn decode<T: TInputProtocol>(protocol: &mut T) -> Result<Self, ThriftException> {
        let (mut name, mut value) = (None, None);
        protocol.read_struct_begin()?;
        loop {
            let field = protocol.read_field_begin()?;
            match (field.id, field.field_type) {
                (_, TType::Stop) => break,
                (Some(1), TType::Binary) => name = Some(protocol.read_faststr()?),
                (Some(2), TType::Binary) => value = Some(protocol.read_faststr()?),
                (_, other) => drop(protocol.skip(other)?),
            }
            protocol.read_field_end()?;
        }
        protocol.read_struct_end()?;
        Ok(Self { name: name.ok_or_else(|| missing("name"))?, value: value.ok_or_else(|| missing("value"))? })
    }

    async fn decode_async<T: TAsyncInputProtocol>(_: &mut T) -> Result<Self, ThriftException> {
        never()
    }

    fn size<T: TLengthProtocol>(&self, protocol: &mut T) -> usize {
        protocol.struct_begin_len(&ATTRIBUTE)
            + protocol.faststr_field_len(Some(1), &self.name)
            + protocol.faststr_field_len(Some(2), &self.value)
            + protocol.field_stop_len()
            + protocol.struct_end_len()
    }
}

impl Message for Order {
    fn encode<T: TOutputProtocol>(&self, protocol: &mut T) -> Result<(), ThriftException> {
        protocol.write_struct_begin(&ORDER)?;
        protocol.write_faststr_field(1, self.id.clone())?;
        protocol.write_faststr_field(2, self.customer.clone())?;
        protocol.write_faststr_field(3, self.currency.clone())?;
        protocol.write_faststr_field(4, self.channel.clone())?;
        protocol.write_list_field(5, TType::Struct, &self.items, |protocol, item| protocol.write_struct(item))?;
        protocol.write_list_field(6, TType::Struct, &self.attributes, |protocol, pair| protocol.write_struct(pair))?;
        protocol.write_list_field(7, TType::I64, &self.history, |protocol, time| protocol.write_i64(*time))?;
        protocol.write_bytes_field(8, self.signature.clone())?;
        protocol.write_double_field(9, self.total)?;
        protocol.write_field_stop()?;
        protocol.write_struct_end()
    }

    fn decode<T: TInputProtocol>(protocol: &mut T) -> Result<Self, ThriftException> {
        let (mut id, mut customer, mut currency, mut channel) = (None, None, None, None);
        let (mut items, mut attributes, mut history, mut signature, mut total) = (None, None, None, None, None);
        protocol.read_struct_begin()?;
        loop {
            let field = protocol.read_field_begin()?;
            match (field.id, field.field_type) {
                (_, TType::Stop) => break,
                (Some(1), TType::Binary) => id = Some(protocol.read_faststr()?),
                (Some(2), TType::Binary) => customer = Some(protocol.read_faststr()?),
                (Some(3), TType::Binary) => currency = Some(protocol.read_faststr()?),
                (Some(4), TType::Binary) => channel = Some(protocol.read_faststr()?),
                (Some(5), TType::List) => items = Some(list(protocol, Item::decode)?),
                (Some(6), TType::List) => attributes = Some(list(protocol, Attribute::decode)?),
                (Some(7), TType::List) => history = Some(list(protocol, T::read_i64)?),
                (Some(8), TType::Binary) => signature = Some(protocol.read_bytes()?),
                (Some(9), TType::Double) => total = Some(protocol.read_double()?),
                (_, other) => drop(protocol.skip(other)?),
            }
            protocol.read_field_end()?;
        }
        protocol.read_struct_end()?;
        Ok(Self {
            id: id.ok_or_else(|| missing("id"))?,
            customer: customer.ok_or_else(|| missing("customer"))?,
            currency: currency.ok_or_else(|| missing("currency"))?,
            channel: channel.ok_or_else(|| missing("channel"))?,
            items: items.ok_or_else(|| missing("items"))?,
            attributes: attributes.ok_or_else(|| missing("attributes"))?,
            history: history.ok_or_else(|| missing("history"))?,
            signature: signature.ok_or_else(|| missing("signature"))?,
            total: total.ok_or_else(|| missing("total"))?,
        })
    }

    async fn decode_async<T: TAsyncInputProtocol>(_: &mut T) -> Result<Self, ThriftException> {
        never()
    }

    fn size<T: TLengthProtocol>(&self, protocol: &mut T) -> usize {
        protocol.struct_begin_len(&ORDER)
            + protocol.faststr_field_len(Some(1), &self.id)
            + protocol.faststr_field_len(Some(2), &self.customer)
            + protocol.faststr_field_len(Some(3), &self.currency)
            + protocol.faststr_field_len(Some(4), &self.channel)
            + protocol.list_field_len(Some(5), TType::Struct, &self.items, |p, item| p.struct_len(item))
            + protocol.list_field_len(Some(6), TType::Struct, &self.attributes, |p, pair| p.struct_len(pair))
            + protocol.list_field_len(Some(7), TType::I64, &self.history, |p, time| p.i64_len(*time))
            + protocol.bytes_field_len(Some(8), &self.signature)
            + protocol.double_field_len(Some(9), self.total)
            + protocol.field_stop_len()
            + protocol.struct_end_len()
    }
}

fn list<T: TInputProtocol, E>(
    protocol: &mut T,
    mut element: impl FnMut(&mut T) -> Result<E, ThriftException>,
) -> Result<Vec<E>, ThriftException> {
    let announced = protocol.read_list_begin()?;
    let mut elements = Vec::with_capacity(announced.size);
    for _ in 0..announced.size {
        elements.push(element(protocol)?);
    }
    protocol.read_list_end()?;
    Ok(elements)
}
