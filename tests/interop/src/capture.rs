//! The records of the capture files, and the frames in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;
use thriftwood::codec::Protocol;
use thriftwood::frame::{Frame, Headers};

/// Whose code wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Frugal 3.17.9's Go library.
    Go,
    /// Frugal 3.4.1's Python library.
    Python,
}

/// One message that went over a wire.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Whose client and server it went between.
    pub origin: Origin,
    /// The protocol they were made with.
    pub protocol: Protocol,
    /// What was called, published or sent by hand, the transport's name in front.
    pub description: String,
    /// `nats`, `http` or `tcp`.
    pub transport: String,
    /// `client->server`, `server->client` or `publisher->subscriber`.
    pub direction: String,
    /// The NATS subject, or method and path; empty for TCP.
    pub subject: String,
    /// What the real client reported.
    pub outcome: String,
    /// The bytes of the whole frame, base64 undone; of an HTTP error, its text.
    pub bytes: Bytes,
    /// How many bytes there were on the wire, where these are cut.
    pub full_length: Option<usize>,
}

/// Every record of Frugal's peers, those of a peer and protocol in the order they were sent.
///
/// # Panics
/// When a file is not what it is said to be.
pub fn captures() -> Vec<Capture> {
    let files = [
        (Origin::Go, Protocol::Binary, include_str!("../data/captures/go-binary.json")),
        (Origin::Go, Protocol::Compact, include_str!("../data/captures/go-compact.json")),
        (Origin::Python, Protocol::Binary, include_str!("../data/captures/py-3.4.1-binary.json")),
        (Origin::Python, Protocol::Compact, include_str!("../data/captures/py-3.4.1-compact.json")),
        (Origin::Python, Protocol::Json, include_str!("../data/captures/py-3.4.1-json.json")),
    ];
    let all = files.into_iter().flat_map(|(origin, protocol, json)| {
        records(json).into_iter().map(move |record| Capture::read(origin, protocol, &record))
    });
    all.collect()
}

impl Capture {
    fn read(origin: Origin, protocol: Protocol, record: &Value) -> Self {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let transport = text("transport").split(' ').next().unwrap_or_default().to_owned();
        let mut bytes = hex(&text("hex"));
        // An error's body is text, and some bodies were broken on purpose.
        if transport == "http"
            && let Ok(frame) = BASE64_STANDARD.decode(&bytes)
        {
            bytes = frame;
        }
        Self {
            origin,
            protocol,
            description: text("description"),
            direction: text("direction"),
            subject: text("subject"),
            outcome: text("client_outcome"),
            bytes: bytes.into(),
            full_length: record["full_len"].as_u64().map(|length| length as usize),
            transport,
        }
    }

    /// What was done, without the transport.
    pub fn what(&self) -> &str {
        self.description.split_once(' ').map_or("", |(_, what)| what)
    }

    /// Whether it went from a client to a server.
    pub fn is_request(&self) -> bool {
        self.direction == "client->server"
    }

    /// Whether it was sent by hand, to see what the peer makes of it.
    pub fn is_by_hand(&self) -> bool {
        self.what().starts_with("raw:")
    }

    /// Whether the bytes are a whole frame that the peer's own code wrote.
    pub fn is_whole_frame(&self) -> bool {
        let text_of_an_error = self.transport == "http"
            && !self.is_request()
            && !self.outcome.starts_with("ok")
            && Frame::decode(self.bytes.clone()).is_err();
        // Over HTTP a oneway call is answered with a size of zero, and nothing after it.
        let nothing = self.bytes[..] == [0; 4];
        !self.is_by_hand() && self.full_length.is_none() && !text_of_an_error && !nothing
    }

    /// The frame, read.
    ///
    /// # Panics
    /// When the bytes are none.
    pub fn frame(&self) -> Frame {
        Frame::decode(self.bytes.clone()).unwrap_or_else(|error| panic!("{}: {error}", self.description))
    }
}

/// Asserts that two frames say the same: headers as a map, sizes and message byte by byte.
///
/// # Panics
/// When they do not.
pub fn assert_same(ours: &Bytes, theirs: &Bytes, what: &str) {
    let read = |bytes: &Bytes| Frame::decode(bytes.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let (our, their) = (read(ours), read(theirs));
    assert_eq!(our.headers(), their.headers(), "{what}");
    assert_eq!(our.message(), their.message(), "{what}");
    assert_eq!(ours[..9], theirs[..9], "{what}: sizes and version");
    assert_eq!(ours.len(), theirs.len(), "{what}");
}

/// The same frame with another operation id, since ours counts its own.
///
/// # Panics
/// When the bytes are no frame.
pub fn renumbered(frame: &Bytes, operation_id: &str) -> Bytes {
    let frame = Frame::decode(frame.clone()).unwrap_or_else(|error| panic!("{error}"));
    let mut headers = frame.headers().clone();
    headers.set("_opid", operation_id);
    rebuilt(&headers, frame.message())
}

/// A frame of these headers and the bytes of this message.
fn rebuilt(headers: &Headers, message: &Bytes) -> Bytes {
    let mut block = Vec::new();
    for text in headers.iter().flat_map(<[&str; 2]>::from) {
        block.extend((text.len() as u32).to_be_bytes());
        block.extend(text.as_bytes());
    }
    let sizes = [(5 + block.len() + message.len()) as u32, block.len() as u32].map(u32::to_be_bytes);
    [&sizes[0][..], &[0], &sizes[1], &block, message].concat().into()
}

/// The records of a file.
///
/// # Panics
/// When it is no list.
pub fn records(json: &str) -> Vec<Value> {
    let Ok(Value::Array(records)) = serde_json::from_str(json) else { panic!("the captures are not a list") };
    records
}

/// The bytes that these digits stand for.
pub fn hex(digits: &str) -> Vec<u8> {
    // Bytes that were cut end in dots.
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let nibble = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
    digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}
