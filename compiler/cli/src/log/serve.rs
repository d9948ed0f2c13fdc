//! `thriftwood log serve`: has a directory open for other processes, until it is told to stop.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use thriftwood::log::{Config, Pem, ServeConfig, ServerTls};

use super::Outcome;
use crate::live::pair;

/// How long replies of workers may take when the server is stopped.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Args)]
#[command(
    after_help = "Stops at SIGTERM and at SIGINT (Ctrl-C): appends under way are finished, clients are told and come back by themselves.\n\
Exits with 0 then, and with 1 when the directory is in use or nobody can listen there.\n\n\
Example: thriftwood log serve ./data --listen log://0.0.0.0:4150 --token-file /etc/thriftwood/tokens --tls-cert server.pem --tls-key server.key"
)]
pub(super) struct Serve {
    /// The directory, made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Where to listen: log://HOST:PORT or log+unix:PATH; may be given more than once.
    #[arg(long, value_name = "URL", default_value = "log://127.0.0.1:4150")]
    listen: Vec<String>,
    /// The server's certificate in PEM, with the chain behind it. Makes it TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let in only clients that show a certificate of one of these authorities.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Let in only clients that know one of the tokens in this file, one a line. Read for each connection.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// An option of the log, as in its URL: keep_age=7d, keep_bytes=10GiB, max_attempts=5, deadline=30s; may be given more than once.
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
    /// The most connections at once; further ones wait.
    #[arg(long, value_name = "N", default_value_t = ServeConfig::default().max_connections)]
    max_connections: usize,
}

pub(super) fn run(serve: &Serve) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(until_stopped(serve))
}

async fn until_stopped(serve: &Serve) -> Outcome {
    let options: Vec<String> = serve.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (_, config) = Config::from_url(&format!("{}?{}", serve.dir.display(), options.join("&")))?;
    let mut stop = Signals::new()?;
    // Who came, who was not let in, what the disk says: on standard error.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    let directory = config.open(&serve.dir).await?;
    let mut servers = Vec::new();
    for url in &serve.listen {
        let serving = directory.serve(url, serve.config()).await?;
        let at = serving.local_addr().unwrap_or_default();
        let scheme = match (&serve.tls_cert, url.starts_with("unix:") || url.starts_with("log+unix:")) {
            (_, true) => "log+unix:",
            (Some(_), false) => "logs://",
            (None, false) => "log://",
        };
        // A program that started this one waits for the line. When nobody does, it is served all the same.
        let _ = writeln!(io::stdout(), "serving {} at {scheme}{at}", serve.dir.display());
        serve.warn(at);
        servers.push(serving);
    }
    stop.next().await;
    eprintln!("stopping");
    let stopping = servers.into_iter().map(|server| tokio::spawn(server.stop_within(GRACE))).collect::<Vec<_>>();
    for server in stopping {
        server.await?;
    }
    directory.bus().close().await?;
    Ok(ExitCode::SUCCESS)
}

impl Serve {
    fn config(&self) -> ServeConfig {
        let mut config = ServeConfig::default();
        config.token_file.clone_from(&self.token_file);
        config.max_connections = self.max_connections;
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let tls = ServerTls::new(Pem::file(cert), Pem::file(key));
            config.tls = Some(match &self.client_ca {
                Some(authorities) => tls.admitting(Pem::file(authorities)),
                None => tls,
            });
        }
        config
    }

    /// Says what whoever starts it may not have meant.
    fn warn(&self, at: &str) {
        let Ok(address) = at.parse::<std::net::SocketAddr>() else { return };
        if address.ip().is_loopback() {
            return;
        }
        if self.token_file.is_none() && self.client_ca.is_none() {
            eprintln!(
                "warning: whoever reaches {at} can read and write everything; --token-file or --client-ca keeps others out"
            );
        } else if self.tls_cert.is_none() {
            eprintln!("warning: tokens and events go over the network as they are; --tls-cert and --tls-key hide them");
        }
    }
}

/// What asks a process to stop.
#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a way to be told, it goes on until it is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
