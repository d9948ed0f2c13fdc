//! `thriftwood check`: says what is wrong with IDL files, to people or to programs.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use thriftwood_idl::Compilation;
use thriftwood_idl::diagnostics::Code;

use crate::{Input, json, output};

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    input: Input,
    /// How to report: `text` for people, `json` for programs, one object per finding and line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

pub(crate) fn run(check: &Check) -> io::Result<ExitCode> {
    let compilation = match check.format {
        Format::Text => check.input.compile()?,
        Format::Json => check.input.read()?,
    };
    match check.format {
        Format::Text => verdict(&compilation)?,
        Format::Json => report(&compilation)?,
    }
    Ok(if compilation.model.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(compilation: &Compilation) -> io::Result<()> {
    let errors = compilation.diagnostics.iter().filter(|found| found.is_error());
    if let Some(code) = errors.clone().map(|found| found.code).next() {
        eprintln!("{}", more(code));
    }
    let errors = errors.count();
    let warnings = compilation.diagnostics.len() - errors;
    let files = compilation.sources.paths().count();
    let verdict = if errors == 0 { "no errors" } else { &*count(errors, "error") };
    writeln!(output::stdout(), "{}, {verdict}, {}", count(files, "file"), count(warnings, "warning"))
}

/// Where more is said about a finding.
fn more(code: Code) -> String {
    format!("`thriftwood explain {}` says more about this kind of error\n", code.as_str())
}

fn report(compilation: &Compilation) -> io::Result<()> {
    let mut out = output::stdout();
    for found in &compilation.diagnostics {
        writeln!(out, "{}", json::diagnostic(found, &compilation.sources))?;
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
