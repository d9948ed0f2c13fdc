//! Writes the seeds of every target below a directory, a folder for each: what a fuzzer that is guided by coverage begins with.

use std::path::PathBuf;

use thriftwood_fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = dir.ok_or_else(|| std::io::Error::other("give the directory that the seeds are to be written to"))?;
    for (name, _, seeds) in TARGETS {
        let folder = dir.join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
