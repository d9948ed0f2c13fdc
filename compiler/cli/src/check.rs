//! `thriftwood check`: says what is wrong with IDL files.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::Input;

pub(crate) fn run(input: &Input) -> io::Result<ExitCode> {
    let compilation = input.compile();
    let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = compilation.diagnostics.len() - errors;
    let files = compilation.sources.paths().count();
    let verdict = if errors == 0 { "no errors" } else { &*count(errors, "error") };
    writeln!(io::stdout(), "{}, {verdict}, {}", count(files, "file"), count(warnings, "warning"))?;
    Ok(if compilation.model.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
