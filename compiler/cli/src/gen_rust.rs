//! `thriftwood gen rust`: turns IDL files into Rust.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use thriftwood_build::rust;

use crate::{Input, output, style};

pub(crate) fn run(input: &Input, out: Option<&Path>) -> io::Result<ExitCode> {
    let compilation = input.compile()?;
    let Some(model) = &compilation.model else { return Ok(ExitCode::FAILURE) };
    let generated = match rust::generate(model) {
        Ok(generated) => generated,
        Err(error) => {
            eprintln!("{}", error.diagnostic().render(&compilation.sources, style()));
            return Ok(ExitCode::FAILURE);
        }
    };
    output::write(out, &generated.tree)?;
    Ok(ExitCode::SUCCESS)
}
