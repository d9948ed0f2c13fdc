//! A nats-server of one's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
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
            Self::run(program.to_owned(), free_port()?, Arc::new(folder))
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
        let restarted = Self::run(self.program.clone(), self.port, Arc::clone(&self.folder));
        *self = restarted.unwrap_or_else(|error| panic!("no restart: {error}"));
    }

    fn run(program: PathBuf, port: u16, folder: Arc<TempDir>) -> io::Result<Self> {
        let process = Command::new(&program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join(CONFIGURATION))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { program, process, port, folder };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    fn wait_until_it_listens(&self) -> io::Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            match TcpStream::connect(address) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > give_up => return Err(error),
                // Another process gives no sign but its port; this asks again, it does not assume.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
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

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
