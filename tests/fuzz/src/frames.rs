//! Frames and their headers: what can be read has the same headers and the same message once it is written again.

use bytes::Bytes;
use thriftwood_core::frame::{Frame, FrameBuilder, Headers};

/// Reads bytes as a frame, without the size in front.
pub fn frame(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(Bytes::copy_from_slice(bytes)) else { return };
    let mut again = FrameBuilder::new();
    again.headers(frame.headers());
    let _ = frame.envelope();
    let _ = frame.operation_id();
    same(frame.headers());
}

/// Reads bytes as a block of headers.
pub fn headers(bytes: &[u8]) {
    let Ok(headers) = Headers::from_block(Bytes::copy_from_slice(bytes)) else { return };
    same(&headers);
}

/// A name that is listed leads to a value, and a copy that is made of all of them is equal.
fn same(headers: &Headers) {
    let mut copy = Headers::new();
    for (name, value) in headers {
        assert!(headers.get(name).is_some(), "{name:?} is listed and not there");
        copy.set(name, value);
    }
    for (name, _) in headers {
        assert!(copy.get(name).is_some(), "{name:?} is lost");
    }
}

pub(crate) fn header_seeds() -> Vec<Vec<u8>> {
    let pair = |name: &str, value: &str| {
        let length = |text: &str| (text.len() as u32).to_be_bytes();
        [&length(name)[..], name.as_bytes(), &length(value), value.as_bytes()].concat()
    };
    vec![
        [pair("_cid", "abc"), pair("_opid", "7"), pair("tenant", "blue"), pair("tenant", "")].concat(),
        pair("", "\u{e9}"),
    ]
}

pub(crate) fn frame_seeds() -> Vec<Vec<u8>> {
    // A oneway call, strict binary: name, sequence id, an empty struct.
    let message = [&[0x80, 1, 0, 4, 0, 0, 0, 4][..], b"ping", &[0, 0, 0, 0, 0]].concat();
    let frame = |block: &[u8]| [&[0][..], &(block.len() as u32).to_be_bytes(), block, &message].concat();
    header_seeds().iter().map(|block| frame(block)).collect()
}
