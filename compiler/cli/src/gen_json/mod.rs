//! `thriftwood gen json`: describes all that IDL files say as one JSON document, for tools that are not written in Rust.
//!
//! `document` is the form of the document, which `docs/json-model.md` explains; `describe` fills it from a model. It is part of the
//! command and not of thriftwood-build, where the other emitters are: that crate is a build dependency of every user, and
//! serde_json would have added 3.6 s of processor time to the first build of each for a document that no build script
//! writes.

mod describe;
mod document;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::{Input, output};

pub(crate) use describe::upper_first;

pub(crate) fn run(input: &Input, out: Option<&Path>) -> io::Result<ExitCode> {
    let compilation = input.compile()?;
    let Some(model) = &compilation.model else { return Ok(ExitCode::FAILURE) };
    let document = serde_json::to_string_pretty(&describe::document(model)).map_err(io::Error::other)?;
    output::write(out, &(document + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
