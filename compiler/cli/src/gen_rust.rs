//! `thriftwood gen rust`: turns IDL files into Rust.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use thriftwood_build::rust;

use crate::{Input, style};

pub(crate) fn run(input: &Input, out: Option<&Path>) -> io::Result<ExitCode> {
    let compilation = input.compile();
    let Some(model) = &compilation.model else { return Ok(ExitCode::FAILURE) };
    let generated = match rust::generate(model) {
        Ok(generated) => generated,
        Err(error) => {
            eprintln!("{}", error.diagnostic().render(&compilation.sources, style()));
            return Ok(ExitCode::FAILURE);
        }
    };
    match out {
        None => io::stdout().write_all(generated.tree.as_bytes())?,
        Some(path) => {
            let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            std::fs::write(path, &generated.tree).map_err(failed)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
