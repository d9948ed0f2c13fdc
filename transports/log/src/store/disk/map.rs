//! Maps a full segment into memory, for reading only: records are then handed out without a copy between the page cache and
//! whoever decodes them. The only unsafe code there is.

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::{Advice, Mmap};

/// The bytes of the file. They stay valid when the file is removed, and hold its space until the last of them is dropped.
#[allow(unsafe_code, reason = "a map is what spares the copy")]
pub(super) fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: Mmap asks that nobody changes the file while it is mapped. Only full segments get here: the log writes to a
    // segment and cuts it before it begins the next one, and never after (compaction puts another file in its
    // place); and one process owns the directory, by its lock. Whoever cuts such a file all the same, from outside, cuts it below
    // a reader: the reader asks for its size before each batch, and finds the batch missing. Memory of a batch that was handed
    // out before could then not be read, which is what the decision page says about it.
    let map = unsafe { Mmap::map(file)? };
    // Advice; whatever becomes of it, the bytes are the same.
    let _ = map.advise(Advice::Sequential);
    Ok(Bytes::from_owner(map))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_map_has_the_bytes_of_the_file_and_outlives_its_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let written: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        file.write_all(&written).unwrap();
        let bytes = map(file.as_file()).unwrap();
        let part = bytes.slice(50_000..50_010);
        drop((file, bytes));
        assert_eq!(part[..], written[50_000..50_010]);
    }
}
