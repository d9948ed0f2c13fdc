//! `thriftwood doc`: turns IDL files into a site of HTML pages, in one folder.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use thriftwood_build::html::{self, Page};

use crate::Input;

/// What `thriftwood doc` is given.
#[derive(Args)]
pub(crate) struct Doc {
    #[command(flatten)]
    input: Input,
    /// The folder to write the pages into.
    #[arg(long, short, value_name = "DIR", default_value = "target/idl-doc")]
    out: PathBuf,
}

pub(crate) fn run(doc: &Doc) -> io::Result<ExitCode> {
    let compilation = doc.input.compile()?;
    let Some(model) = &compilation.model else { return Ok(ExitCode::FAILURE) };
    let pages = html::generate(model);
    let written = write(&doc.out, &pages)?;
    let index = doc.out.join("index.html");
    let files = if pages.len() == 1 { "file" } else { "files" };
    writeln!(io::stdout(), "{}: {} {files}, {written} of them changed", index.display(), pages.len())?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the folder hold these pages, and says how many had to be written. What else is in the folder stays, except for
/// pages of an earlier run that are no longer part of the site.
fn write(folder: &Path, pages: &[Page]) -> io::Result<usize> {
    fs::create_dir_all(folder).map_err(|error| cannot("make the folder", folder, &error))?;
    let mut written = 0;
    for page in pages {
        let path = folder.join(&page.name);
        // An unchanged file keeps its time, so that nothing is uploaded again for it.
        if fs::read(&path).is_ok_and(|old| old == page.text.as_bytes()) {
            continue;
        }
        // Whoever reads the page meanwhile sees the old one or the new one, and so does whoever fills the disk.
        let new = folder.join(format!(".{}.new", page.name));
        let replaced = fs::write(&new, &page.text).and_then(|()| fs::rename(&new, &path));
        if let Err(error) = replaced {
            let _ = fs::remove_file(&new);
            return Err(cannot("write", &path, &error));
        }
        written += 1;
    }
    for path in left_over(folder, pages)? {
        fs::remove_file(&path).map_err(|error| cannot("remove the outdated page", &path, &error))?;
    }
    Ok(written)
}

/// The pages that an earlier run wrote and this one did not. What carries no mark of ours is not looked at twice.
fn left_over(folder: &Path, pages: &[Page]) -> io::Result<Vec<PathBuf>> {
    /// The mark is near the beginning of a page, in bytes.
    const HEAD: u64 = 1024;
    let unread = |error: io::Error| cannot("read the folder", folder, &error);
    let current: HashSet<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(".html") && !current.contains(name)) else {
            continue;
        };
        let mut head = Vec::new();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let read =
            is_file && fs::File::open(entry.path()).and_then(|file| file.take(HEAD).read_to_end(&mut head)).is_ok();
        if read && String::from_utf8_lossy(&head).contains(html::MARK) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> io::Error {
    let text = format!("cannot {what} {}: {error}; choose another folder with --out", path.display());
    io::Error::new(error.kind(), text)
}
