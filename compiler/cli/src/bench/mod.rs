//! `thriftwood bench`: calls one method of a running service over and over, and says how long it took.

mod load;
mod report;
mod request;
mod tally;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use thriftwood::call::Client;

use crate::call::{NO_ANSWER, Target};
use crate::live::{Contract, Sending, duration, failed};
use crate::output;

use load::Plan;
use report::Report;
use request::LoadCall;
use tally::{Outcome, Tally};

/// What `thriftwood bench` is given.
#[derive(Args)]
#[command(
    after_help = "Without --rate, each of the callers makes its next call when the last is answered, and a latency is the time \
from call to answer.\nWith it, calls are due at even intervals: one that has to wait for a free caller is late, and its latency counts \
from when it was due.\n\nOne call is made first and not counted. Exits with 0, with 4 when there was no answer at all, and with 1 when no \
call could be made\nof what was given.\n\n\
Example: thriftwood bench tcp://127.0.0.1:9000 music.frugal Store.buyAlbum '{\"asin\": \"B000\"}' --rate 5000"
)]
pub(crate) struct Bench {
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    sending: Sending,
    /// How many calls are under way at once, at most.
    #[arg(long, short, value_name = "CALLS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    concurrency: u32,
    /// How long to go on: 10s, 2m.
    #[arg(long, short, value_name = "TIME", default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How many calls a second; as many as are answered when not given.
    #[arg(long, short, value_name = "CALLS", value_parser = rate)]
    rate: Option<f64>,
    /// How to print the result.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: one JSON object, times in microseconds.
    Json,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        // More than anybody sends, and the interval is still a time.
        Ok(rate) if rate > 0.0 && rate <= 1e8 => Ok(rate),
        _ => Err("it must be a number of calls a second, above 0".to_owned()),
    }
}

pub(crate) fn run(bench: &Bench) -> io::Result<ExitCode> {
    let Some(model) = bench.contract.read() else { return Ok(ExitCode::FAILURE) };
    let (call, address) = match bench.target.resolve(&model) {
        Ok(resolved) => resolved,
        Err(error) => return Ok(failed(error)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(bench, LoadCall(call), &address))
}

async fn measure(bench: &Bench, call: LoadCall, address: &str) -> io::Result<ExitCode> {
    let bus = match bench.sending.connect(&bench.contract.url).await {
        Ok(bus) => bus,
        Err(error) => {
            failed(error);
            return Ok(ExitCode::from(NO_ANSWER));
        }
    };
    let client = Client::new(bus.rpc(address));
    // It connects, and says at once what would be said a million times.
    let context = bench.sending.context();
    if let Err(error) = client.call(&context, call.clone()).await {
        failed(&error);
        crate::call::advise(&error, address, call.0.method, &context);
        return Ok(ExitCode::from(NO_ANSWER));
    }
    let plan = Plan { concurrency: bench.concurrency, duration: bench.duration, rate: bench.rate };
    let tally = Arc::new(Tally::new(bench.concurrency));
    let method = call.0.method;
    let sending = bench.sending.clone();
    let one = move || {
        let (client, context, call) = (client.clone(), sending.context(), call.clone());
        async move {
            match client.call(&context, call).await {
                Ok(answer) => answer.0.map_or(Outcome::Result, |field| Outcome::Exception(field.name)),
                Err(error) => Outcome::Error(error.kind()),
            }
        }
    };
    let bar = ProgressBar::new(u64::try_from(bench.duration.as_millis()).unwrap_or(u64::MAX));
    bar.set_style(style());
    let loaded = load::run(plan, one, Arc::clone(&tally));
    // The watch first: it listens for Ctrl-C before there is anything to interrupt.
    let seconds = tokio::select! {
        biased;
        seconds = watch(&bar, &tally) => seconds,
        seconds = loaded => seconds,
    };
    bar.finish_and_clear();
    let report = Report::new(bench, method, address, &tally, seconds);
    let text = match bench.format {
        Format::Table => report.table(),
        Format::Json => report.json() + "\n",
    };
    output::stdout().write_all(text.as_bytes())?;
    let _ = bus.close().await;
    Ok(if tally.answers() == 0 { ExitCode::from(NO_ANSWER) } else { ExitCode::SUCCESS })
}

/// Shows how far it is, until somebody has seen enough (Ctrl-C): then what was measured so far is what counts.
async fn watch(bar: &ProgressBar, tally: &Tally) -> f64 {
    let start = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let enough = tokio::signal::ctrl_c();
    tokio::pin!(enough);
    let mut listening = true;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let elapsed = start.elapsed();
                bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
                let (answers, errors) = (tally.answers(), tally.errors());
                let rate = answers as f64 / elapsed.as_secs_f64().max(1e-3);
                bar.set_message(format!("{rate:.0} answers/s, {errors} errors"));
            }
            heard = &mut enough, if listening => match heard {
                Ok(()) => return start.elapsed().as_secs_f64(),
                // It cannot be listened for here; the run ends by itself.
                Err(_) => listening = false,
            },
        }
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:30} {percent}% {msg}");
    // The template is not one that comes from outside.
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
