//! The options that say what becomes of warnings, for every command that shows them.

use std::io;

use clap::Args;
use thriftwood_idl::diagnostics::{Level, Lints, NoSuchLint};

/// Which warnings are errors, and which are not shown.
#[derive(Args)]
pub(crate) struct LintArgs {
    /// Make errors of what this lint finds; `warnings` stands for all lints. May be given more than once.
    #[arg(long, value_name = "LINT", value_parser = lint)]
    deny: Vec<String>,
    /// Do not report what this lint finds; `warnings` stands for all that are not denied by name.
    #[arg(long, value_name = "LINT", value_parser = lint)]
    allow: Vec<String>,
}

impl LintArgs {
    /// The level of every lint. What is both denied and allowed is denied.
    pub(crate) fn lints(&self) -> io::Result<Lints> {
        let mut lints = Lints::default();
        let allowed = self.allow.iter().map(|name| (name, Level::Allow));
        let denied = self.deny.iter().map(|name| (name, Level::Deny));
        for (name, level) in allowed.chain(denied) {
            lints.set(name, level).map_err(io::Error::other)?;
        }
        Ok(lints)
    }
}

/// The name of a lint, if it is one.
fn lint(name: &str) -> Result<String, NoSuchLint> {
    Lints::default().set(name, Level::Warn).map(|()| name.to_owned())
}
