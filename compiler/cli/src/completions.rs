//! `thriftwood completions`: what makes a shell complete the command's words.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::Cli;

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell to write a script for; it goes to standard output.
    shell: Shell,
}

pub(crate) fn run(completions: &Completions) -> io::Result<ExitCode> {
    // Written at once: the generator panics where its output stops being read.
    let mut script = Vec::new();
    generate(completions.shell, &mut Cli::command(), "thriftwood", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
