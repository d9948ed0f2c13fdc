//! `thriftwood log`: the logs in a directory, looked at without disturbing whoever has them open, and put in order when nobody
//! has.

mod bar;
mod bridge;
mod decode;
mod find;
mod groups;
mod health;
mod list;
mod moving;
mod serve;
mod show;
mod ui;
mod when;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

/// What went wrong, in words.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

#[derive(Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the logs below a directory, with their records, sizes and times.
    Ls(Place),
    /// Say what there is to know of a log: its segments, its groups, its damage.
    Info(Place),
    /// Print records, a line each; with the IDL, events as JSON.
    Cat(show::Cat),
    /// Print the last records, and with --follow those to come.
    Tail(show::Tail),
    /// Read every byte of the logs below a directory. Exits with 1 when something cannot be read.
    Verify(health::Verify),
    /// Put the logs below a directory in order: make what is lost of them again, and give damage up.
    Repair(health::Repair),
    /// List the groups of a log, with their positions, and how far they are behind.
    Groups(Place),
    /// Have a group go on from another place.
    Seek(groups::Seek),
    /// Remove the oldest segments of a log.
    Trim(moving::Trim),
    /// Keep only the last record of each key in a log.
    Compact(moving::Compact),
    /// Serve a page about the logs below a directory, for a browser.
    Ui(ui::Ui),
    /// Write records into a file, a line of JSON each.
    Export(moving::Export),
    /// Append the records of such a file to a log.
    Import(moving::Import),
    /// Have the directory open for other processes, which find it by log://HOST:PORT.
    Serve(serve::Serve),
}

/// Which log.
#[derive(Args)]
pub(crate) struct Place {
    /// The directory of a log, or one above it.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(log: &Log) -> io::Result<ExitCode> {
    let outcome = match &log.action {
        Action::Ls(place) => list::ls(&place.dir),
        Action::Info(place) => list::info(&place.dir),
        Action::Cat(cat) => show::cat(cat),
        Action::Tail(tail) => show::tail(tail),
        Action::Verify(verify) => health::verify(verify),
        Action::Repair(repair) => health::repair(repair),
        Action::Groups(place) => groups::list(&place.dir),
        Action::Seek(seek) => groups::seek(seek),
        Action::Trim(trim) => moving::trim(trim),
        Action::Compact(compact) => moving::compact(compact),
        Action::Ui(ui) => ui::run(ui),
        Action::Export(export) => moving::export(export),
        Action::Import(import) => moving::import(import),
        Action::Serve(serve) => serve::run(serve),
    };
    outcome.map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error.to_string()),
    })
}
