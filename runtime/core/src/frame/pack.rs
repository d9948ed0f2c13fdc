//! Puts the small frames that a thread sends one after the other into memory that they share: an allocation for some dozens.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// What is larger is set aside by itself.
const MAX_PACKED: usize = 1024;

/// So many bytes are set aside at a time; whoever keeps a few of them keeps all of these.
const CHUNK: usize = 8 * 1024;

thread_local! {
    static ROOM: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// A copy of a frame, which up to 1 KiB is in memory that it shares with what this thread packed before and will pack next, 8 KiB of
/// it at a time.
///
/// For what is handed to another thread and let go of there once it is sent: memory that one thread sets aside and another gives back
/// costs both several times what the copy does. Whoever keeps one of these keeps all of the 8 KiB.
///
/// ```
/// assert_eq!(thriftwood_core::frame::pack(b"a frame"), b"a frame"[..]);
/// ```
pub fn pack(bytes: &[u8]) -> Bytes {
    if bytes.len() > MAX_PACKED {
        return Bytes::copy_from_slice(bytes);
    }
    ROOM.with_borrow_mut(|room| {
        // Not by `reserve`, which would wait for those who have the rest of the memory to let go of it, and copy.
        if room.capacity() < bytes.len() {
            *room = BytesMut::with_capacity(CHUNK);
        }
        room.extend_from_slice(bytes);
        room.split().freeze()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_a_copy_of_its_own_whatever_its_size() {
        let texts: Vec<Vec<u8>> = (0..200).map(|i| vec![i as u8; i * 11]).collect();
        let packed: Vec<Bytes> = texts.iter().map(|text| pack(text)).collect();
        assert!(packed.iter().eq(&texts));
    }
}
