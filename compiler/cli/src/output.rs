//! Writes what was generated: into a file, whose folders are made, or to standard output.

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
