//! `thriftwood explain`: what a code means, and what to do about it.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use thriftwood_idl::diagnostics::{Code, Severity};

#[derive(Args)]
pub(crate) struct Explain {
    /// A code, such as E0004, or the name of a lint; all are listed when none is given.
    code: Option<String>,
}

pub(crate) fn run(explain: &Explain) -> io::Result<ExitCode> {
    let Some(name) = &explain.code else { return list() };
    match Code::named(name) {
        Some(code) => {
            write!(io::stdout(), "{}", code.page())?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            eprintln!("error: there is no code or lint `{}`; `thriftwood explain` lists them", name.escape_debug());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// One line for each code: errors, then warnings with the names of their lints.
fn list() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for severity in [Severity::Error, Severity::Warning] {
        for code in Code::ALL.iter().filter(|code| code.severity() == severity) {
            let name = code.lint().map(|lint| format!("{lint:<18}")).unwrap_or_default();
            writeln!(out, "{}  {name}{}", code.as_str(), code.summary())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
