//! The `thriftwood` command: checks IDL files and turns them into Rust.

mod audit;
mod check;
mod doc;
mod gen_json;
mod gen_rust;
mod lsp;
mod output;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::{Compilation, Options};

/// Typed RPC and pub/sub from one IDL file.
#[derive(Parser)]
#[command(name = "thriftwood", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what is wrong with IDL files. Exits with 0 when nothing is, with 1 otherwise.
    Check {
        #[command(flatten)]
        input: Input,
    },
    /// Say whether a new contract is safe to deploy beside the old one. Exits with 0 when it is, with 1 when it is not.
    Audit(audit::Audit),
    /// Turn IDL files, and everything they include, into code or into a description for other tools.
    Gen {
        /// What to make of them.
        target: Target,
        #[command(flatten)]
        input: Input,
        /// The file to write; standard output when not given.
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Turn IDL files, and everything they include, into a site of HTML pages that needs no server.
    Doc(doc::Doc),
    /// Serve an editor: the language server of IDL files, over standard input and output.
    Lsp(lsp::Lsp),
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Rust, as one file with a module for each namespace.
    Rust,
    /// JSON, as one document that says all that the files say.
    Json,
}

/// Which files, and where their includes are.
#[derive(Args)]
struct Input {
    /// The IDL files.
    #[arg(required = true, value_name = "IDL")]
    files: Vec<PathBuf>,
    /// Also look for included files in this folder; may be given more than once.
    #[arg(short = 'I', long = "include-dir", value_name = "DIR")]
    include_dirs: Vec<PathBuf>,
}

impl Input {
    /// Reads the files and shows every diagnostic on standard error.
    fn compile(&self) -> Compilation {
        let options = Options { include_dirs: self.include_dirs.clone(), ..Options::default() };
        let compilation = thriftwood_idl::compile(&self.files, &options);
        for diagnostic in &compilation.diagnostics {
            eprintln!("{}\n", diagnostic.render(&compilation.sources, style()));
        }
        compilation
    }
}

fn main() -> ExitCode {
    let outcome = match &Cli::parse().command {
        Command::Check { input } => check::run(input),
        Command::Audit(audit) => Ok(audit::run(audit)),
        Command::Gen { target: Target::Rust, input, out } => gen_rust::run(input, out.as_deref()),
        Command::Gen { target: Target::Json, input, out } => gen_json::run(input, out.as_deref()),
        Command::Doc(doc) => doc::run(doc),
        Command::Lsp(lsp) => lsp::run(lsp),
    };
    match outcome {
        Ok(code) => code,
        // Whoever reads our output may stop reading, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Colour for people, plain text for files and pipes, and for whoever set `NO_COLOR`.
fn style() -> Style {
    let wanted = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Style::Colour } else { Style::Plain }
}
