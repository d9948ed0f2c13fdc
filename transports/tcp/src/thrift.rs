//! Clients of plain Thrift, that know nothing of Frugal's frame: the same size in front, and behind it a message without
//! headers.
//!
//! Which of the two a client speaks is seen from its first frame: behind the size, Frugal's has the version of its header block,
//! 0, and Thrift's begins its message, with 0x80 in the binary protocol, 0x82 in compact, `[` in JSON. (The binary protocol of
//! old, whose messages have no version, begins with 0 too; it is not understood.) A request is given the one header that a
//! service needs, the reply is stripped of its own. What makes it the client's reply is the sequence number in the message,
//! which a server repeats.
//!
//! A client that speaks to several services behind one port names one with Thrift's `TMultiplexedProtocol`, as `SERVICE:METHOD`; that
//! becomes the address header.
//!
//! Such a client has no way to tell replies apart but by their order, so its calls are handled one after another, as Thrift's own
//! servers do.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{AnyReader, AnyWriter, Message, Protocol, Reader};
use thriftwood_core::frame::{ADDRESS, Frame, FrameBuilder, OPERATION_ID};

/// Bytes from which it can be told who is there: a size, and what is behind it.
pub(crate) const TELLING: usize = 5;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Frugal,
    Thrift,
    /// A web browser, or a caller whose URL should not begin with `http`.
    Http,
    /// None of them, and who it may be instead.
    Stranger(&'static str),
}

impl Client {
    /// Who begins like this.
    pub(crate) fn of(first: [u8; TELLING]) -> Self {
        match first {
            [b'G', b'E', b'T', b' ', _]
            | [b'P', b'O', b'S', b'T', b' ']
            | [b'H', b'E', b'A', b'D', b' ']
            | [b'P', b'U', b'T', b' ', _]
            | [b'P', b'R', b'I', b' ', b'*']
            | [b'O', b'P', b'T', b'I', b'O'] => Self::Http,
            [0x16, 0x03, ..] => Self::Stranger("it speaks TLS; a server for that is at a tcps:// URL"),
            [0x80, 0x01, ..] | [0x82, 0x21 | 0x41 | 0x61 | 0x81, ..] => {
                Self::Stranger("it speaks Thrift without frames; it needs a TFramedTransport")
            }
            [.., 0x80 | 0x82 | b'['] => Self::Thrift,
            [.., 0] => Self::Frugal,
            _ => Self::Stranger("its first frame is neither Frugal's nor Thrift's"),
        }
    }
}

/// Answers plain messages by a service that answers frames.
pub(crate) struct Plain(pub(crate) Arc<dyn Handler>);

impl Handler for Plain {
    fn service(&self) -> &'static str {
        self.0.service()
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let reply = self.0.handle(Inbound { frame: with_headers(&inbound.frame), ..inbound });
        Box::pin(async move { without_headers(reply.await?) })
    }
}

/// The frame of a message. The operation id is any, since one call is under way at a time.
fn with_headers(plain: &Bytes) -> Bytes {
    let message = plain.slice(plain.len().min(4)..);
    let mut frame = FrameBuilder::new();
    frame.number(OPERATION_ID, 0);
    let framed = match addressed(&message) {
        Some((service, message)) => {
            frame.header(ADDRESS, &service);
            frame.around(&message)
        }
        None => frame.around(&message),
    };
    // A frame that was read is far below the largest there may be. Nothing is what no service answers.
    framed.unwrap_or_default()
}

/// The service and the message that Thrift's `TMultiplexedProtocol` makes one of: it calls `SERVICE:METHOD`.
fn addressed(message: &Bytes) -> Option<(String, Bytes)> {
    let protocol = Protocol::of(message);
    let mut reader = AnyReader::new(protocol, message);
    let envelope = reader.message().ok()?;
    let (service, method) = envelope.name.split_once(':')?;
    let mut out = Vec::with_capacity(message.len());
    AnyWriter::new(protocol, &mut out).message(Message { name: method, ..envelope });
    out.extend_from_slice(&message[reader.offset()..]);
    Some((service.to_owned(), out.into()))
}

/// The message of a frame, with its size in front.
fn without_headers(frame: Bytes) -> Option<Bytes> {
    let size = Frame::decode(frame.clone()).ok()?.message().len();
    let at = frame.len() - size;
    // In place: the header block is longer than the four bytes that the size takes. A copy only where the service kept the frame.
    let mut plain = BytesMut::from(frame).split_off(at - 4);
    plain[..4].copy_from_slice(&(size as u32).to_be_bytes());
    Some(plain.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_known_by_their_first_bytes() {
        assert_eq!(Client::of([0, 0, 1, 0, 0]), Client::Frugal);
        for first in [0x80, 0x82, b'['] {
            assert_eq!(Client::of([0, 0, 1, 0, first]), Client::Thrift);
        }
        for first in [b"GET /", b"POST ", b"HEAD ", b"PUT /", b"PRI *", b"OPTIO"] {
            assert_eq!(Client::of(*first), Client::Http);
        }
        for (first, who) in [([0x16, 3, 1, 2, 0], "TLS"), ([0x80, 1, 0, 1, 0], "frames")] {
            assert!(matches!(Client::of(first), Client::Stranger(told) if told.contains(who)), "{first:?}");
        }
        assert!(matches!(Client::of([0, 0, 1, 0, 7]), Client::Stranger(_)));
    }

    #[test]
    fn a_message_comes_out_of_its_frame_as_it_went_in() {
        let plain = Bytes::from_static(&[0, 0, 0, 3, 0x82, 1, 2]);
        let framed = with_headers(&plain);
        let frame = Frame::decode(framed.clone()).unwrap();
        assert_eq!((frame.operation_id(), &frame.message()[..]), (Some(0), &plain[4..]));
        assert_eq!(without_headers(framed), Some(plain));
    }

    #[test]
    fn a_service_in_front_of_a_methods_name_becomes_the_address() {
        use thriftwood_core::codec::MessageType;
        for protocol in Protocol::ALL {
            let envelope = |name| Message::new(name, MessageType::Call).with_sequence(-7);
            let write = |name| {
                let mut out = vec![0; 4];
                let mut writer = AnyWriter::new(protocol, &mut out);
                writer.message(envelope(name));
                thriftwood_core::codec::Wire::encode(&42_i32, &mut writer);
                Bytes::from(out)
            };
            let frame = Frame::decode(with_headers(&write("Store:buy"))).unwrap();
            assert_eq!(frame.headers().get(ADDRESS), Some("Store"), "{protocol}");
            assert_eq!(frame.message()[..], write("buy")[4..], "{protocol}");
            let plain = Frame::decode(with_headers(&write("buy"))).unwrap();
            assert_eq!(plain.headers().get(ADDRESS), None, "{protocol}");
        }
    }
}
