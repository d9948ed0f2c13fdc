//! Puts the small frames that a thread writes one after the other into memory that they share: an allocation for some dozens.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// What is larger is set aside by itself.
const MAX_PACKED: usize = 1024;

/// So many bytes are set aside at a time; whoever keeps a few of them keeps all of these.
const CHUNK: usize = 8 * 1024;

thread_local! {
    static ROOM: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

/// A copy in memory that it shares with what this thread packed before and will pack next.
///
/// For what is handed to another thread and let go of there: memory that one thread sets aside and another gives back costs both
/// several times what the copy does.
pub(super) fn pack(bytes: &[u8]) -> Bytes {
    if bytes.len() > MAX_PACKED {
        return Bytes::copy_from_slice(bytes);
    }
    let room = ROOM.take().filter(|room| room.capacity() >= bytes.len());
    let mut room = room.unwrap_or_else(|| BytesMut::with_capacity(CHUNK));
    room.extend_from_slice(bytes);
    let packed = room.split().freeze();
    ROOM.set(Some(room));
    packed
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
