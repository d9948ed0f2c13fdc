//! `thriftwood fmt`: lays IDL files out in the house style, or says which are not.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use similar::TextDiff;
use tempfile::NamedTempFile;
use thriftwood_idl::source::Sources;
use thriftwood_idl::{Disk, Files};

use crate::{output, style};

#[derive(Args)]
pub(crate) struct Fmt {
    /// The IDL files, which are changed in place; `-` formats standard input to standard output.
    #[arg(required = true, value_name = "IDL")]
    files: Vec<PathBuf>,
    /// Change nothing: name the files that would change, show how, and exit with 1 if there are any.
    #[arg(long)]
    check: bool,
}

/// What came of a file.
enum Outcome {
    /// It is as it should be.
    Fine,
    /// It would change.
    Differs,
    /// It could not be formatted, and was left as it is; why, has been said.
    Failed,
}

pub(crate) fn run(fmt: &Fmt) -> io::Result<ExitCode> {
    let mut fine = true;
    for path in &fmt.files {
        let outcome = match path.to_str() {
            Some("-") => standard_input(fmt.check)?,
            _ => file(path, fmt.check)?,
        };
        fine &= matches!(outcome, Outcome::Fine);
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn file(path: &Path, check: bool) -> io::Result<Outcome> {
    let read = Disk.read(path).map_err(|error| format!("cannot read it: {error}"));
    let Some((text, formatted)) = formatted(path, read) else { return Ok(Outcome::Failed) };
    if text == formatted {
        return Ok(Outcome::Fine);
    }
    if check {
        return differs(path, &text, &formatted);
    }
    if let Err(error) = replace(path, &formatted) {
        complain(path, &format!("cannot write it, and left it as it was: {error}"));
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Fine)
}

fn standard_input(check: bool) -> io::Result<Outcome> {
    let path = Path::new("<stdin>");
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
    let read = read.map_err(|error| format!("cannot read it: {error}"));
    let Some((text, formatted)) = formatted(path, read) else { return Ok(Outcome::Failed) };
    if check {
        return if text == formatted { Ok(Outcome::Fine) } else { differs(path, &text, &formatted) };
    }
    io::stdout().write_all(formatted.as_bytes())?;
    Ok(Outcome::Fine)
}

/// The text of a file, as it is and as it should be; says why where it cannot be formatted.
fn formatted(path: &Path, read: Result<Vec<u8>, String>) -> Option<(String, String)> {
    let text = read.and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|error| format!("not UTF-8 at byte {}; save it as UTF-8", error.utf8_error().valid_up_to()))
    });
    let text = text.inspect_err(|why| complain(path, why)).ok()?;
    match thriftwood_idl::format(&text) {
        Ok(formatted) => Some((text, formatted)),
        Err(found) => {
            let mut sources = Sources::default();
            sources.add(path, text);
            for diagnostic in found {
                eprintln!("{}\n", diagnostic.render(&sources, style()));
            }
            None
        }
    }
}

fn complain(path: &Path, why: &str) {
    eprintln!("error: {}: {why}", path.display());
}

/// Names a file that would change, and shows how.
fn differs(path: &Path, text: &str, formatted: &str) -> io::Result<Outcome> {
    let name = path.display().to_string();
    eprintln!("{name} is not formatted");
    let diff = TextDiff::from_lines(text, formatted);
    write!(output::stdout(), "{}", diff.unified_diff().header(&name, &format!("{name} (formatted)")))?;
    Ok(Outcome::Differs)
}

/// Puts a text in the place of a file at one stroke, so that there is always one or the other, with the same permissions.
/// Where the path is a link, it is the file behind it that is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
