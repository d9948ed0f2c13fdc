//! What the commands that speak to running services have in common: a bus by its URL, a contract from a file, and no generated
//! code.

mod describe;
mod events;
mod find;
mod options;
mod pretty;

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use thriftwood::schema::{Type, Value};
use thriftwood_idl::Options;
use thriftwood_idl::model::{FileKind, Model};

use crate::{Dialect, style};

pub(crate) use describe::Describer;
pub(crate) use events::Events;
pub(crate) use find::function;
pub(crate) use options::{Sending, connect_to_read, duration, pair, present};
pub(crate) use pretty::pretty;

/// Where to, and by which contract.
#[derive(Args)]
pub(crate) struct Contract {
    /// The bus: nats://HOST:PORT, tcp://HOST:PORT, http://HOST:PORT, log:DIR or another that `thriftwood::connect` takes.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The IDL file.
    #[arg(value_name = "IDL")]
    file: PathBuf,
    /// Also look for included files in this folder; may be given more than once.
    #[arg(short = 'I', long = "include-dir", value_name = "DIR")]
    include_dirs: Vec<PathBuf>,
    /// Read every file by these rules, whatever its ending; they differ in how enums are numbered.
    #[arg(long, value_name = "RULES")]
    dialect: Option<Dialect>,
}

impl Contract {
    /// The model of the file. Errors in it are shown here; warnings are for `thriftwood check`.
    pub(crate) fn read(&self) -> Option<Model> {
        let dialect = self.dialect.map(FileKind::from);
        let options = Options { include_dirs: self.include_dirs.clone(), dialect, ..Options::default() };
        let compilation = thriftwood_idl::compile(&[&self.file], &options);
        for diagnostic in compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
            eprintln!("{}\n", diagnostic.render(&compilation.sources, style()));
        }
        compilation.model
    }

    /// The file, for messages.
    pub(crate) fn file(&self) -> String {
        self.file.display().to_string()
    }
}

/// A time as people read it.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Says what went wrong.
pub(crate) fn failed(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// The value that an argument stands for: JSON, or `-` for JSON on standard input.
pub(crate) fn value(ty: Type, argument: &str) -> Result<Value, String> {
    if argument != "-" {
        return Value::from_json(ty, argument).map_err(|error| error.to_string());
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input cannot be read: {error}"))?;
    Value::from_json(ty, &text).map_err(|error| format!("standard input: {error}"))
}

/// Whether standard output is to be coloured: for people, unless they set `NO_COLOR`.
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
