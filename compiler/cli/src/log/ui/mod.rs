//! `thriftwood log ui`: a page about the logs in a directory, for a browser on this machine. It only looks, beside whoever has
//! the logs open.

mod answer;
mod guard;
mod records;
mod sampler;
mod server;
mod streams;

use std::io::{self, Write, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use super::decode::Events;
use super::show::declared;
use super::{Outcome, find};
use guard::Guard;
use sampler::Sampler;

/// What `thriftwood log ui` is given.
#[derive(Args)]
#[command(
    after_help = "The page shows every event to whoever can reach it, and asks nobody for a name: leave it on this machine. It changes nothing.\n\n\
Example: thriftwood log ui ./data --idl music.frugal"
)]
pub(super) struct Ui {
    /// The directory of a log, or one above it.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Where to listen. With port 0 the system chooses one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// A name by which browsers reach it besides the address, as `logs.internal` or `logs.internal:8080`; may be given more than once.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// The IDL file that declares the events: they are shown as JSON.
    #[arg(long, value_name = "IDL")]
    idl: Option<PathBuf>,
}

/// What every request needs.
struct Site {
    dir: PathBuf,
    events: Events,
    guard: Guard,
    sampler: Sampler,
}

pub(super) fn run(ui: &Ui) -> Outcome {
    let events = declared(ui.idl.as_deref())?;
    // A directory that is mistyped is said now, and not on the page.
    if find::logs(&ui.dir)?.is_empty() {
        eprintln!("there is no log in {} yet", ui.dir.display());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let socket = TcpListener::bind(ui.listen).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen at {}: {error}; choose another with --listen", ui.listen),
            )
        })?;
        let at = socket.local_addr()?;
        if !at.ip().is_loopback() {
            eprintln!("warning: {at} can be reached from other machines, and whoever does can read every event");
        }
        let site = Arc::new(Site {
            dir: ui.dir.clone(),
            events,
            guard: Guard::new(at, &ui.host),
            sampler: Sampler::start(ui.dir.clone()),
        });
        // For people, and for scripts that asked for port 0.
        writeln!(stdout(), "http://{at}/")?;
        stdout().flush()?;
        tokio::select! {
            () = server::serve(socket, site) => {}
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
