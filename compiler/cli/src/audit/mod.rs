//! `thriftwood audit`: says whether a new contract is safe to deploy beside the old one.
//!
//! Exits with 0 when it is, with 1 when it is not, and with 2 when that cannot be said: the command was misused, or a
//! file or revision cannot be read.

mod git;
mod report;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, ValueEnum};
use thriftwood_idl::audit::{AllowList, Rule, audit};
use thriftwood_idl::diagnostics::Severity;
use thriftwood_idl::{Compilation, Options, compile, compile_with};

use crate::{Cli, style};
use git::Revision;
use report::{Audited, Stale};

/// What `thriftwood audit` is given.
#[derive(Args)]
#[command(override_usage = "thriftwood audit [OPTIONS] OLD NEW\n       \
                            thriftwood audit [OPTIONS] --against REV IDL...\n       \
                            thriftwood audit --list | --explain RULE")]
pub(crate) struct Audit {
    /// The old file and the new one; with `--against`, the new files.
    #[arg(required_unless_present_any = ["list", "explain"], value_name = "IDL")]
    files: Vec<PathBuf>,
    /// Compare with what the files, and those they include, were in this git revision: a branch, a tag, a commit.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Also look for included files in this folder; may be given more than once.
    #[arg(short = 'I', long = "include-dir", value_name = "DIR")]
    include_dirs: Vec<PathBuf>,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Do not report breaches of this rule; may be given more than once.
    #[arg(long, value_name = "RULE", value_parser = Rule::from_id)]
    allow: Vec<Rule>,
    /// Do not report what this file allows, in lines like `field-removed music.Album.tracks  # why`.
    #[arg(long, value_name = "FILE")]
    allow_file: Option<PathBuf>,
    /// Also exit with 1 when there are only warnings.
    #[arg(long)]
    deny_warnings: bool,
    /// Print every rule, and exit.
    #[arg(long, exclusive = true)]
    list: bool,
    /// Print what a rule is for, whom a breach hurts and what to do instead, and exit.
    #[arg(long, value_name = "RULE", value_parser = Rule::from_id, exclusive = true)]
    explain: Option<Rule>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the lines of both sides.
    Text,
    /// One JSON object in each line.
    Json,
}

/// The exit code when it cannot be said whether the new contract is safe.
const UNKNOWN: u8 = 2;

pub(crate) fn run(arguments: &Audit) -> ExitCode {
    if arguments.list {
        return print(&list(), 0);
    }
    if let Some(rule) = arguments.explain {
        return print(&rule.explain(), 0);
    }
    match verdict(arguments) {
        Ok((text, code)) => print(&text, code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Prints, and exits with this code whoever may have stopped reading; a verdict that is lost otherwise is none.
fn print(text: &str, code: u8) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: the findings cannot be printed: {error}");
            ExitCode::from(UNKNOWN)
        }
        _ => ExitCode::from(code),
    }
}

fn list() -> String {
    let width = Rule::ALL.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
    let line = |rule: &Rule| {
        let severity = match rule.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        format!("{:width$}  {severity:7}  {}\n", rule.id(), rule.purpose())
    };
    Rule::ALL.iter().map(line).collect()
}

/// What to print and to exit with, or why that cannot be said.
fn verdict(arguments: &Audit) -> Result<(String, u8), String> {
    let allowed = allow_list(arguments)?;
    let options = Options { include_dirs: arguments.include_dirs.clone(), ..Options::default() };
    let (old, new) = match (&arguments.against, &arguments.files[..]) {
        (None, [old, new]) => (readable(compile(&[old], &options))?, readable(compile(&[new], &options))?),
        (Some(revision), files) => {
            let new = readable(compile(files, &options))?;
            (in_revision(revision, files, &options)?, new)
        }
        (None, _) => misused("expected two files, OLD and NEW, or `--against REV` and the new ones"),
    };
    let (Some(old_model), Some(new_model)) = (&old.model, &new.model) else { return Err(String::new()) };
    let mut findings = audit(old_model, new_model);
    let before = findings.len();
    let stale = allowed.apply(&mut findings);
    let file = arguments.allow_file.as_deref().unwrap_or_else(|| Path::new(""));
    let audited = Audited {
        old: &old.sources,
        new: &new.sources,
        revision: arguments.against.as_deref(),
        what: what(arguments),
        allowed: before - findings.len(),
        findings: &findings,
        stale: stale.into_iter().map(|entry| Stale { file, entry }).collect(),
        deny_warnings: arguments.deny_warnings,
    };
    let text = match arguments.format {
        Format::Text => audited.text(),
        Format::Json => audited.json(),
    };
    Ok((text, u8::from(audited.failed())))
}

/// Ends the program as any misuse of the command line does.
fn misused(why: &str) -> ! {
    let mut command = Cli::command();
    command.build();
    let audit = command.find_subcommand_mut("audit");
    match audit {
        Some(audit) => audit.error(ErrorKind::WrongNumberOfValues, why).exit(),
        None => command.error(ErrorKind::WrongNumberOfValues, why).exit(),
    }
}

/// What is compared with what, as Frugal says it.
fn what(arguments: &Audit) -> String {
    match (&arguments.against, &arguments.files[..]) {
        (Some(revision), [file]) => format!("{} against {revision}", file.display()),
        (Some(revision), files) => format!("{} files against {revision}", files.len()),
        (None, files) => {
            let names: Vec<String> = files.iter().rev().map(|file| file.display().to_string()).collect();
            names.join(" against ")
        }
    }
}

fn allow_list(arguments: &Audit) -> Result<AllowList, String> {
    let entries = match &arguments.allow_file {
        None => Vec::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("error: {} cannot be read: {error}", path.display()))?;
            AllowList::parse(&text).map_err(|error| format!("error: {}: {error}", path.display()))?
        }
    };
    Ok(AllowList { rules: arguments.allow.clone(), entries })
}

/// A compilation with a model, or its errors. Warnings are left to `thriftwood check`.
fn readable(compilation: Compilation) -> Result<Compilation, String> {
    if compilation.model.is_some() {
        return Ok(compilation);
    }
    let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let texts: Vec<String> = errors.map(|error| error.render(&compilation.sources, style())).collect();
    Err(texts.join("\n\n"))
}

/// The files as they were in a revision, as far as they were there.
fn in_revision(revision: &str, files: &[PathBuf], options: &Options) -> Result<Compilation, String> {
    let first = files.first().map_or_else(|| Path::new(""), PathBuf::as_path);
    let store = Revision::open(revision, first).map_err(|error| format!("error: {error}"))?;
    let mut there = Vec::new();
    for file in files {
        match store.has(file) {
            Ok(true) => there.push(file),
            Ok(false) => eprintln!("note: {} is not in {revision}: all of it is new", file.display()),
            Err(error) => return Err(format!("error: {revision}:{} cannot be read: {error}", file.display())),
        }
    }
    let old = readable(compile_with(&store, &there, options));
    old.map_err(|errors| format!("error: the files cannot be compared, as they have errors in {revision}\n\n{errors}"))
}
