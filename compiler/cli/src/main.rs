//! The `thriftwood` command: checks IDL files, turns them into Rust, and speaks to services by them.

/// Says something on standard error. Unlike the standard library's macro of this name, which it takes the place of in all modules below, it
/// does not panic when nobody reads that any more, as after `2>&1 | head`: the exit code still tells what the command found.
macro_rules! eprintln {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod audit;
mod bench;
mod call;
mod check;
mod completions;
mod doc;
mod explain;
mod fmt;
mod gen_json;
mod gen_rust;
mod json;
mod lints;
mod live;
mod log;
mod lsp;
mod output;
mod publish;
mod tail;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::model::FileKind;
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
    Check(check::Check),
    /// Lay IDL files out in the house style, with their comments.
    Fmt(fmt::Fmt),
    /// Say what a code such as E0004 means and what to do about it, or list all codes.
    Explain(explain::Explain),
    /// Write a script that makes a shell complete the words of this command.
    Completions(completions::Completions),
    /// Say whether a new contract is safe to deploy beside the old one. Exits with 0 when it is, with 1 when it is not.
    Audit(audit::Audit),
    /// Call a method of a running service, with arguments and result in JSON, and no generated code.
    Call(call::Call),
    /// Call a method of a running service over and over, and say how long it took.
    Bench(bench::Bench),
    /// Publish an event, in JSON.
    Publish(publish::Publish),
    /// Subscribe to events, and print each as a line of JSON.
    Tail(tail::Tail),
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
    /// Look at the logs in a directory, verify and repair them, and move what is in them.
    Log(log::Log),
    /// Serve an editor: the language server of IDL files, over standard input and output.
    Lsp(lsp::Lsp),
    /// Turn IDL files, and everything they include, into a site of HTML pages that needs no server.
    Doc(doc::Doc),
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
    /// Read every file by these rules, whatever its ending; they differ in how enums are numbered.
    #[arg(long, value_name = "RULES")]
    dialect: Option<Dialect>,
    #[command(flatten)]
    lints: lints::LintArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dialect {
    Thrift,
    Frugal,
}

impl From<Dialect> for FileKind {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Thrift => FileKind::Thrift,
            Dialect::Frugal => FileKind::Frugal,
        }
    }
}

impl Input {
    /// Reads the files.
    fn read(&self) -> io::Result<Compilation> {
        let dialect = self.dialect.map(FileKind::from);
        let options = Options { include_dirs: self.include_dirs.clone(), lints: self.lints.lints()?, dialect };
        Ok(thriftwood_idl::compile(&self.files, &options))
    }

    /// Reads the files and shows every diagnostic on standard error.
    fn compile(&self) -> io::Result<Compilation> {
        let compilation = self.read()?;
        for diagnostic in &compilation.diagnostics {
            eprintln!("{}\n", diagnostic.render(&compilation.sources, style()));
        }
        Ok(compilation)
    }
}

fn main() -> ExitCode {
    let outcome = match &Cli::parse().command {
        Command::Check(check) => check::run(check),
        Command::Fmt(fmt) => fmt::run(fmt),
        Command::Explain(explain) => explain::run(explain),
        Command::Completions(completions) => completions::run(completions),
        Command::Audit(audit) => Ok(audit::run(audit)),
        Command::Call(call) => call::run(call),
        Command::Bench(bench) => bench::run(bench),
        Command::Publish(publish) => publish::run(publish),
        Command::Tail(tail) => tail::run(tail),
        Command::Gen { target: Target::Rust, input, out } => gen_rust::run(input, out.as_deref()),
        Command::Gen { target: Target::Json, input, out } => gen_json::run(input, out.as_deref()),
        Command::Log(log) => log::run(log),
        Command::Lsp(lsp) => lsp::run(lsp),
        Command::Doc(doc) => doc::run(doc),
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
