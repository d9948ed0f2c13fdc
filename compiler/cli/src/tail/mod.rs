//! `thriftwood tail`: subscribes to events and prints each as a line of JSON.

mod line;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use thriftwood::event::{JsonEvent, Operation, Start, Subscriber};
use thriftwood::{Error, Event, Subscription};

use crate::call::{NO_ANSWER, note_unknown};
use crate::live::{Contract, Events, connect_to_read, duration, failed};

/// What `thriftwood tail` is given.
#[derive(Args)]
#[command(
    after_help = "A variable of the prefix that is not given takes every value. Goes on until --count events are printed or the\nsubscription ends. Exits with 4 when it could not subscribe.\n\n\
Example: thriftwood tail nats://127.0.0.1:4222 music.frugal AlbumWinners.Winner --var region=emea"
)]
pub(crate) struct Tail {
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    events: Events,
    /// Share the events with this group, and acknowledge each that was printed.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Where to start, on transports that keep events: `first`, `next`, an offset, or a time like 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "START", value_parser = start)]
    start: Option<Start>,
    /// Stop after so many events.
    #[arg(long, short = 'n', value_name = "EVENTS")]
    count: Option<u64>,
    /// Print the payload alone, without topic, offset, time and headers.
    #[arg(long)]
    payload: bool,
    /// How long connecting may take: 250ms, 5s, 1m.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    timeout: Duration,
}

fn start(text: &str) -> Result<Start, String> {
    match text {
        "first" => Ok(Start::First),
        "next" => Ok(Start::Next),
        _ => {
            let time = || humantime::parse_rfc3339(text).map(Start::Time);
            let start = text.parse().map(Start::Offset).or_else(|_| time());
            start.map_err(|_| "it must be `first`, `next`, an offset, or a time like 2026-01-31T12:00:00Z".to_owned())
        }
    }
}

pub(crate) fn run(tail: &Tail) -> io::Result<ExitCode> {
    let Some(model) = tail.contract.read() else { return Ok(ExitCode::FAILURE) };
    let (operation, variables) = match tail.events.resolve(&model, Some("*")) {
        Ok(resolved) => resolved,
        Err(error) => return Ok(failed(error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(tail, operation, variables))
}

async fn follow(tail: &Tail, operation: &'static Operation, variables: Vec<String>) -> io::Result<ExitCode> {
    let bus = match connect_to_read(&tail.contract.url, tail.timeout).await {
        Ok(bus) => bus,
        Err(error) => return Ok(unheard(&error)),
    };
    let mut subscriber = Subscriber::<JsonEvent>::new(&bus, operation.scope, variables.clone());
    if let Some(group) = &tail.group {
        subscriber = subscriber.group(group);
    }
    if let Some(start) = tail.start {
        subscriber = subscriber.start(start);
    }
    let events = match subscriber.subscribe(operation, |event: JsonEvent| event, Some).await {
        Ok(events) => events,
        Err(error) => return Ok(unheard(&error)),
    };
    let topics = operation.scope.variables.iter().zip(variables).map(|(name, value)| format!(" {name}={value}"));
    eprintln!("{}.{}: waiting for events{}", operation.scope.name, operation.name, topics.collect::<String>());
    let outcome = print(tail, events).await;
    // Nothing of ours is left to be written.
    let _ = bus.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn print(tail: &Tail, mut events: Subscription<JsonEvent>) -> io::Result<()> {
    let mut printed = 0;
    while tail.count.is_none_or(|count| printed < count) {
        let event = match events.next().await {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                failed(error);
                continue;
            }
            None => break,
        };
        let line = line::line(&event, tail.payload);
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        drop(out);
        printed += 1;
        if let JsonEvent::Incoming(_, shown) = event.payload() {
            note_unknown(shown, &tail.contract.file());
        }
        acknowledge(event).await;
    }
    Ok(())
}

/// An event that stays unacknowledged is printed again one day, which is said and no more.
async fn acknowledge(event: Event<JsonEvent>) {
    if let Err(error) = event.ack().await {
        failed(error);
    }
}

fn unheard(error: &Error) -> ExitCode {
    failed(error);
    ExitCode::from(NO_ANSWER)
}

/// A time as people and programs write it: RFC 3339, in UTC.
fn written(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
