//! A nats-server of one's own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const CONFIGURATION: &str = "server.conf";

/// A running nats-server, with JetStream; stopped when dropped.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    process: Child,
    port: u16,
    /// Where its streams and its configuration are; kept over a restart.
    folder: Arc<TempDir>,
}

impl NatsServer {
    /// Starts a server on a free loopback port; `None`, with a word on standard output, when there is none to start.
    ///
    /// # Panics
    /// When a server is there and does not come up, or none is there in CI.
    pub fn start(test: &str) -> Option<Self> {
        Self::start_with(test, "")
    }

    /// [`start`](NatsServer::start), with these lines of nats-server's own configuration language.
    ///
    /// # Panics
    /// As [`start`](NatsServer::start).
    pub fn start_with(test: &str, configuration: &str) -> Option<Self> {
        let Some(program) = Self::program() else {
            crate::skipped(test, "no nats-server on the PATH (Debian has it as the package `nats-server`)");
            return None;
        };
        Some(Self::start_program(&program, configuration))
    }

    /// Starts this nats-server on a free loopback port, with these lines of its configuration language.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_program(program: &Path, configuration: &str) -> Self {
        let started = tempfile::tempdir().and_then(|folder| {
            std::fs::write(folder.path().join(CONFIGURATION), configuration)?;
            Self::run(program.to_owned(), None, Arc::new(folder))
        });
        started.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
    }

    /// Where the nats-server is that tests start, if there is one.
    pub fn program() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Debian puts it where only root's PATH leads.
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/bin".into()]);
        folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file())
    }

    /// The URL that clients connect to.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills the server and starts another on the same port, with the same streams.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn restart(&mut self) {
        self.stop();
        let restarted = Self::run(self.program.clone(), Some(self.port), Arc::clone(&self.folder));
        *self = restarted.unwrap_or_else(|error| panic!("no restart: {error}"));
    }

    /// On this port, or on one that the server chooses: one that was free a moment ago may be another's by now.
    fn run(program: PathBuf, port: Option<u16>, folder: Arc<TempDir>) -> io::Result<Self> {
        let wanted = port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
        let process = Command::new(&program)
            .args(["-a", "127.0.0.1", "-p", &wanted, "-js", "-sd"])
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join(CONFIGURATION))
            .arg("--ports_file_dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { program, process, port: port.unwrap_or_default(), folder };
        server.port = server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Where it listens, as it writes itself as soon as it does.
    fn wait_until_it_listens(&mut self) -> io::Result<u16> {
        let written = format!("_{}.ports", self.process.id());
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            for entry in std::fs::read_dir(self.folder.path())? {
                let path = entry?.path();
                if path.to_string_lossy().ends_with(&written)
                    && let Some(port) = port(&std::fs::read_to_string(path)?)
                {
                    return Ok(port);
                }
            }
            if let Some(ended) = self.process.try_wait()? {
                return Err(io::Error::other(format!("it ended by itself, {ended}")));
            }
            if Instant::now() > give_up {
                return Err(io::Error::other("it does not say where it listens"));
            }
            // Another process gives no sign but its file; this asks again, it does not assume.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The port in `{"nats":["nats://127.0.0.1:4222"],...}`, once that is all there.
fn port(ports: &str) -> Option<u16> {
    let (url, _) = ports.split_once("\"nats\":[\"")?.1.split_once('"')?;
    url.rsplit_once(':')?.1.parse().ok()
}
