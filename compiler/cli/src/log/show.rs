//! `thriftwood log cat` and `tail`.

use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use thriftwood::event::TopicFilter;
use thriftwood_idl::Options;
use thriftwood_log::store::{From, Reader, Record, StoreError};

use super::decode::{self, Events};
use super::when::{self, Where};
use super::{Outcome, find};
use crate::style;

/// How often a log that is followed is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

/// Which records, and how they are printed.
#[derive(Args)]
pub(super) struct Shown {
    /// The directory of the log, or one above it when there is only one.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only records with this header, or with this value of it: NAME or NAME=VALUE. May be given more than once.
    #[arg(long, value_name = "NAME[=VALUE]")]
    header: Vec<String>,
    /// Only events of this topic; `*` stands for any one part of it, and a last `>` for the rest.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only records with this key.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The IDL file that declares the events: they are printed as JSON.
    #[arg(long, value_name = "IDL")]
    idl: Option<PathBuf>,
    /// Print a line of JSON for each record, with everything there is in it.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Cat {
    #[command(flatten)]
    shown: Shown,
    /// `first`, an offset, a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h.
    #[arg(long, value_name = "WHERE", default_value = "first")]
    from: Where,
    /// Nothing from here on: an offset, a time, or how long ago.
    #[arg(long, value_name = "WHERE")]
    until: Option<Where>,
    /// No more than so many records.
    #[arg(long, short = 'n', value_name = "N")]
    most: Option<u64>,
}

#[derive(Args)]
pub(super) struct Tail {
    #[command(flatten)]
    shown: Shown,
    /// So many records.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    most: usize,
    /// Go on with what is appended, until interrupted.
    #[arg(long, short)]
    follow: bool,
}

pub(super) fn cat(cat: &Cat) -> Outcome {
    let events = declared(cat.shown.idl.as_deref())?;
    let view = find::view(&find::log(&cat.shown.dir)?)?;
    let mut left = cat.most.unwrap_or(u64::MAX);
    let filter = Filter { until: cat.until.map(|until| until.0), ..cat.shown.filter() };
    if let From::Offset(offset) = cat.from.0
        && offset > view.next_offset()
    {
        eprintln!("the log ends before offset {}", view.next_offset());
    }
    cat.shown.print(view.reader(cat.from.0)?, &filter, &events, &mut left)
}

pub(super) fn tail(tail: &Tail) -> Outcome {
    let events = declared(tail.shown.idl.as_deref())?;
    let filter = tail.shown.filter();
    let dir = find::log(&tail.shown.dir)?;
    let mut view = find::view(&dir)?;
    let mut back = view.backwards(From::Next)?;
    let (mut start, mut found) = (view.next_offset(), 0);
    while found < tail.most {
        match back.next_ready() {
            Ok(None) => break,
            Ok(Some(record)) => {
                start = record.offset();
                found += usize::from(filter.takes(&record));
            }
            Err(StoreError::Corrupt { .. } | StoreError::Unsupported { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let code = tail.shown.print(view.reader(From::Offset(start))?, &filter, &events, &mut { u64::MAX })?;
    if !tail.follow {
        return Ok(code);
    }
    loop {
        std::thread::sleep(AGAIN);
        let seen = view.next_offset();
        view = find::view(&dir)?;
        if view.next_offset() > seen {
            // What is damaged was said; only an interruption ends this.
            tail.shown.print(view.reader(From::Offset(seen))?, &filter, &events, &mut { u64::MAX })?;
        }
    }
}

impl Shown {
    fn filter(&self) -> Filter {
        Filter { topic: self.topic.clone(), key: self.key.clone(), headers: self.header.clone(), until: None }
    }

    /// Prints what follows. Damage is said on standard error, and in the exit code.
    fn print(&self, mut reader: Reader, filter: &Filter, events: &Events, left: &mut u64) -> Outcome {
        let (mut out, mut code) = (stdout().lock(), ExitCode::SUCCESS);
        while *left > 0 {
            match reader.next_ready() {
                Ok(None) => break,
                Ok(Some(record)) if filter.is_behind(&record) => break,
                Ok(Some(record)) if filter.takes(&record) => {
                    *left -= 1;
                    let line = if self.json { json(&record, events) } else { line(&record, events) };
                    match writeln!(out, "{line}") {
                        // Nobody reads on; the damage was said all the same.
                        Err(error) if error.kind() == ErrorKind::BrokenPipe && code == ExitCode::FAILURE => {
                            return Ok(code);
                        }
                        written => written?,
                    }
                }
                Ok(Some(_)) => {}
                Err(error @ (StoreError::Corrupt { .. } | StoreError::Unsupported { .. })) => {
                    eprintln!("error: {error}");
                    code = ExitCode::FAILURE;
                }
                Err(error) => return Err(error.into()),
            }
        }
        out.flush()?;
        Ok(code)
    }
}

/// Which records are wanted.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) topic: Option<String>,
    pub(super) key: Option<String>,
    /// Names of headers, or names and values.
    pub(super) headers: Vec<String>,
    /// None from here on.
    pub(super) until: Option<From>,
}

impl Filter {
    pub(super) fn takes(&self, record: &Record) -> bool {
        let has = |name: &str, value: Option<&str>| {
            record.header(name).is_some_and(|found| value.is_none_or(|value| found == value.as_bytes()))
        };
        let topic = || record.header("topic").and_then(|topic| String::from_utf8(topic.to_vec()).ok());
        let is_of = |pattern: &str| {
            let filter = TopicFilter { pattern: pattern.to_owned(), stream: "".into() };
            topic().is_some_and(|topic| topic == pattern || filter.matches(&topic))
        };
        self.topic.as_deref().is_none_or(is_of)
            && self.key.as_deref().is_none_or(|key| record.key().is_some_and(|found| found == key.as_bytes()))
            && self.headers.iter().all(|header| match header.split_once('=') {
                Some((name, value)) => has(name, Some(value)),
                None => has(header, None),
            })
    }

    /// Whether this record and all that follow are behind what is wanted. Times never go back in a log.
    pub(super) fn is_behind(&self, record: &Record) -> bool {
        match self.until {
            Some(From::Offset(offset)) => record.offset() >= offset,
            Some(From::Time(time)) => record.time() >= time,
            Some(From::First) => true,
            Some(From::Next) | None => false,
        }
    }
}

/// The events that an IDL file declares; without a file, none.
pub(super) fn declared(idl: Option<&Path>) -> Result<Events, Box<dyn std::error::Error>> {
    let Some(file) = idl else { return Ok(Events::default()) };
    let compilation = thriftwood_idl::compile(&[file], &Options::default());
    for diagnostic in compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
        eprintln!("{}\n", diagnostic.render(&compilation.sources, style()));
    }
    let model = compilation.model.ok_or_else(|| format!("{} cannot be read as IDL", file.display()))?;
    Ok(Events::of(&model))
}

/// Offset, time, what it is about, and the value.
fn line(record: &Record, events: &Events) -> String {
    let topic = record.header("topic").map(|topic| String::from_utf8_lossy(&topic).into_owned());
    let key = record.key().map(|key| String::from_utf8_lossy(key).into_owned());
    let about: Vec<String> = topic.into_iter().chain(key).collect();
    let about = if about.is_empty() { "-".to_owned() } else { about.join(" ") };
    format!("{}  {}  {about}  {}", record.offset(), when::shown(record.time()), events.json(record))
}

/// Everything, as [`import`](super::moving::import) reads it.
pub(super) fn json(record: &Record, events: &Events) -> String {
    let mut line = format!("{{\"offset\":{},\"time\":\"{}\"", record.offset(), when::shown(record.time()));
    if let Some(key) = record.key() {
        line += &format!(",\"key\":{}", decode::plain(key));
    }
    let headers: Vec<String> = record
        .headers()
        .map(|(name, value)| format!("{}:{}", serde_json::Value::from(name), decode::plain(&value)))
        .collect();
    if !headers.is_empty() {
        line += &format!(",\"headers\":{{{}}}", headers.join(","));
    }
    line + &format!(",\"value\":{}}}", events.json(record))
}
