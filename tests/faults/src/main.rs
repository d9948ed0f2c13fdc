//! The process that gets killed. It works on a log and tells on its standard output what was acknowledged to it, a line each.
//!
//! ```text
//! thriftwood-faults publish DIR FIRST     eight producers publish FIRST, FIRST + 1, ...; tells `producer number`
//! thriftwood-faults consume DIR           a member of a group; tells each number it acknowledged
//! thriftwood-faults serve DIR             a server; tells each note it handled
//! thriftwood-faults hang DIR              a server that never ends a call; tells `begun` for each
//! thriftwood-faults hold DIR              holds the directory
//! thriftwood-faults fork DIR              forks with a log open; tells what came of what either did with it
//! thriftwood-faults few-files DIR         has no more files to open; the same
//! thriftwood-faults answer URL            a server of a probe at a URL that is no log
//! thriftwood-faults answer URL SECONDS    the same over TCP, which gives up a peer that is silent for so long
//! thriftwood-faults stick URL NUMBER      a member of a group that acknowledges and tells each number and attempt, but begins with NUMBER and never ends
//! thriftwood-faults refuse URL            a member of a group that tells each number and refuses it
//! ```
//!
//! When it is ready it tells `ready`. It never ends by itself.

mod store;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use thriftwood::bytes::Bytes;
use thriftwood::call::{Handler, Inbound};
use thriftwood::{BoxFuture, Bus, Context};
use thriftwood_conformance::idl::{ProbeServer, Things};
use thriftwood_conformance::probe::Probe;
use thriftwood_faults::{ATTEMPTS, CONCURRENCY, GROUP, PRODUCERS, REGION, SEGMENT, SERVICE};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, dir, rest @ ..] = &arguments[..] else { return Err("expected what to do, and a directory".into()) };
    match &work[..] {
        "answer" => return answer(dir, rest).await,
        "stick" | "refuse" => return unwilling(dir, rest).await,
        "fork" => return tokio::task::block_in_place(|| store::forked(Path::new(dir))),
        "few-files" => return tokio::task::block_in_place(|| store::few_files(Path::new(dir))),
        _ => {}
    }
    let mut config = thriftwood_log::Config::default();
    // Small, so that many a kill falls into the change from one segment to the next.
    config.log.segment_bytes = SEGMENT;
    if work == "hang" {
        config.groups.max_attempts = Some(ATTEMPTS);
    }
    let bus = config.connect(dir).await?;
    match (&work[..], rest) {
        ("publish", [first]) => publish(&bus, first.parse()?).await,
        ("consume", []) => consume(&bus).await,
        ("serve", []) => serve(&bus).await,
        ("hang", []) => hang(&bus).await,
        ("hold", []) => {
            tell("ready")?;
            std::future::pending().await
        }
        _ => Err(format!("there is nothing called {work:?} to do with {rest:?}").into()),
    }
}

async fn publish(bus: &Bus, first: i64) -> Result<(), Failure> {
    tell("ready")?;
    let mut producers = tokio::task::JoinSet::<Result<(), Failure>>::new();
    for producer in 0..PRODUCERS {
        let things = Things::publisher(bus, producer.to_string(), REGION);
        producers.spawn(async move {
            for number in first.. {
                things.counted(&Context::new(), number).await?;
                tell(&format!("{producer} {number}"))?;
            }
            Ok(())
        });
    }
    while let Some(ended) = producers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn consume(bus: &Bus) -> Result<(), Failure> {
    let mut counted = Things::subscriber(bus, "*", REGION).group(GROUP).counted().await?;
    tell("ready")?;
    while let Some(event) = counted.next().await {
        let event = event?;
        let number = *event;
        event.ack().await?;
        tell(&number.to_string())?;
    }
    Ok(())
}

async fn serve(bus: &Bus) -> Result<(), Failure> {
    // Before it serves: what waits in the log is handled from then on.
    tell("ready")?;
    bus.serve(SERVICE, Telling).concurrency(CONCURRENCY).await?;
    std::future::pending().await
}

async fn hang(bus: &Bus) -> Result<(), Failure> {
    tell("ready")?;
    bus.serve(SERVICE, Hanging).await?;
    std::future::pending().await
}

async fn answer(url: &str, rest: &[String]) -> Result<(), Failure> {
    let bus = match rest {
        [] => thriftwood::connect(url).await?,
        [silence, ..] => {
            let mut config = thriftwood::tcp::Config::default();
            config.silence = Duration::from_secs(silence.parse()?);
            thriftwood::tcp::connect(url, config)?
        }
    };
    bus.serve(SERVICE, ProbeServer::new(Probe::default())).await?;
    tell("ready")?;
    std::future::pending().await
}

async fn unwilling(url: &str, rest: &[String]) -> Result<(), Failure> {
    let stuck: Option<i64> = rest.first().map(|number| number.parse()).transpose()?;
    let bus = thriftwood::connect(url).await?;
    let mut counted = Things::subscriber(&bus, "*", REGION).group(GROUP).counted().await?;
    tell("ready")?;
    while let Some(event) = counted.next().await {
        let event = event?;
        match stuck {
            None => {
                tell(&format!("refused {}", *event))?;
                event.nack_because("not today").await?;
            }
            Some(number) if number == *event => {
                tell(&format!("begun {number} {}", event.attempt()))?;
                std::future::pending::<()>().await;
            }
            Some(_) => {
                let line = format!("handled {} {}", *event, event.attempt());
                event.ack().await?;
                tell(&line)?;
            }
        }
    }
    Ok(())
}

/// Begins every call and ends none.
struct Hanging;

impl Handler for Hanging {
    fn service(&self) -> &'static str {
        "Hanging"
    }

    fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        tell("begun").ok();
        Box::pin(std::future::pending())
    }
}

/// Tells a note before its call counts as handled.
struct Telling;

impl Handler for Telling {
    fn service(&self) -> &'static str {
        "Telling"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        // A probe for each call. Of one they shared, a call could tell another's note, count as handled, and have its own
        // told by that other, which a kill in between kept from ever being told.
        let notes = Probe::default();
        let reply = ProbeServer::new(notes.clone()).handle(inbound);
        Box::pin(async move {
            let reply = reply.await;
            if let Some(note) = notes.next_note().await {
                tell(&note).ok();
            }
            reply
        })
    }
}

/// One line, in one write, so that a kill leaves it whole or out.
fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
