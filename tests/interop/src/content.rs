//! What the captured messages hold, as generated types.

use bytes::Bytes;
use thriftwood::call::{Request, Response};
use thriftwood::codec::{Message, MessageType, Reader, Wire, Writer};
use thriftwood::error::ApplicationError;
use thriftwood::frame::{Body, ReadBody};

use crate::idl::wire::{Everything, Point, WireRequest, WireResponse};

/// What stands behind a captured envelope.
#[derive(Debug)]
pub enum Content {
    /// The arguments of a call.
    Call(WireRequest),
    /// The result of a call, or a declared exception.
    Result(WireResponse),
    /// Any other exception.
    Exception(ApplicationError),
    /// `Events.Created`, `Plain.Tick` or `Fixed.Tick`.
    Point(Point),
    /// `Events.Count`.
    Count(i64),
    /// `Events.Name`.
    Name(String),
    /// `Events.Names`.
    Names(Vec<String>),
    /// `Events.Blob`.
    Blob(Bytes),
    /// `Events.All`.
    All(Box<Everything>),
}

impl Body for Content {
    fn write<W: Writer>(&self, w: &mut W) {
        match self {
            Content::Call(call) => call.encode(w),
            Content::Result(result) => result.encode(w),
            Content::Exception(exception) => exception.encode(w),
            Content::Point(point) => point.encode(w),
            Content::Count(count) => count.encode(w),
            Content::Name(name) => name.encode(w),
            Content::Names(names) => names.encode(w),
            Content::Blob(blob) => blob.encode(w),
            Content::All(all) => all.encode(w),
        }
    }
}

/// Reads a message that went in this direction; a reply to this call.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `client->server`, `server->client` or `publisher->subscriber`.
    pub direction: &'a str,
    /// The call before.
    pub call: Option<&'a WireRequest>,
}

impl ReadBody for Expected<'_> {
    type Output = Content;

    /// # Panics
    /// When it is not that, or when anything follows.
    fn read<R: Reader>(self, message: Message<'_>, r: &mut R) -> Content {
        fn value<T: Wire, R: Reader>(r: &mut R) -> T {
            T::decode(r).unwrap_or_else(|error| panic!("{error}"))
        }
        let content = match (self.direction, message.kind, self.call) {
            ("publisher->subscriber", ..) => match message.name {
                "Created" | "Tick" => Content::Point(value(r)),
                "Count" => Content::Count(value(r)),
                "Name" => Content::Name(value(r)),
                "Names" => Content::Names(value(r)),
                "Blob" => Content::Blob(value(r)),
                "All" => Content::All(Box::new(value(r))),
                other => panic!("no operation `{other}`"),
            },
            ("server->client", MessageType::Exception, _) => Content::Exception(value(r)),
            ("server->client", _, Some(call)) => {
                Content::Result(call.decode_response(r).unwrap_or_else(|error| panic!("{error}")))
            }
            _ => {
                let call =
                    WireRequest::decode(message.name, r).unwrap_or_else(|| panic!("no method `{}`", message.name));
                Content::Call(call.unwrap_or_else(|error| panic!("{error}")))
            }
        };
        assert_eq!(r.remaining(), 0, "{content:?}");
        content
    }
}
