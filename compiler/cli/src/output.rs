//! Writes what was generated into a file, whose folders are made, or to standard output; and what is to be known to whoever reads on.

use std::io::{self, Write};
use std::path::Path;

pub(crate) fn write(out: Option<&Path>, text: &str) -> io::Result<()> {
    let Some(path) = out else { return io::stdout().write_all(text.as_bytes()) };
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

/// Standard output for a command that goes on, and whose exit code counts, whether or not somebody reads on: what comes after `| head` had enough is
/// thrown away.
pub(crate) fn stdout() -> impl Write {
    Unheard(io::stdout().lock())
}

struct Unheard<W>(W);

impl<W: Write> Write for Unheard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).or_else(|error| unless_nobody_reads(error, bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().or_else(|error| unless_nobody_reads(error, ()))
    }
}

fn unless_nobody_reads<T>(error: io::Error, done: T) -> io::Result<T> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(done) } else { Err(error) }
}
