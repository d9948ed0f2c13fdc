//! The records of a capture file, and the frames in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;
use thriftwood::codec::Writer;
use thriftwood::codec::binary::BinaryReader;
use thriftwood::frame::{Frame, FrameBuilder, Headers};

/// One message that went over a wire.
#[derive(Clone, Debug)]
pub struct Capture {
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

/// Every record of the Go peer in the binary protocol, in the order they were sent.
///
/// # Panics
/// When the file is not what it is said to be.
pub fn captures() -> Vec<Capture> {
    records(include_str!("../data/go-binary.json"))
}

/// The same messages in the compact protocol.
///
/// # Panics
/// When the file is not what it is said to be.
pub fn compact_captures() -> Vec<Capture> {
    records(include_str!("../data/go-compact.json"))
}

impl Capture {
    fn read(record: &Value) -> Self {
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

/// A frame of these headers and the bytes of this message, its envelope written by us.
///
/// # Panics
/// When the bytes are no message.
pub fn rebuilt(headers: &Headers, message: &Bytes) -> Bytes {
    let mut reader = BinaryReader::new(message);
    let envelope = reader.message().unwrap_or_else(|error| panic!("{error}"));
    let body = &message[thriftwood::codec::Reader::offset(&reader)..];
    let mut frame = FrameBuilder::new();
    for (name, value) in headers {
        frame.header(name, value);
    }
    let written = frame.message(envelope, |w| {
        for byte in body {
            w.write_i8(byte.cast_signed());
        }
    });
    written.unwrap_or_else(|error| panic!("{error}"))
}

fn records(json: &str) -> Vec<Capture> {
    let Ok(Value::Array(records)) = serde_json::from_str(json) else { panic!("the captures are not a list") };
    records.iter().map(Capture::read).collect()
}

fn hex(digits: &str) -> Vec<u8> {
    // Bytes that were cut end in dots.
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let nibble = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
    digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}
