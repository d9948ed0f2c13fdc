//! A nats-server of one's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running nats-server; stopped when dropped.
#[derive(Debug)]
pub struct NatsServer {
    process: Child,
    port: u16,
    _store: TempDir,
}

impl NatsServer {
    /// Starts a server on a free loopback port; `None`, with a word on standard output, when there is none to start.
    ///
    /// # Panics
    /// When a server is there and does not come up, or none is there in CI.
    pub fn start(test: &str) -> Option<Self> {
        let Some(program) = find() else {
            crate::skipped(test, "no nats-server on the PATH (Debian has it as the package `nats-server`)");
            return None;
        };
        match Self::run(&program, None) {
            Ok(server) => Some(server),
            Err(error) => panic!("{} does not start: {error}", program.display()),
        }
    }

    /// The URL that clients connect to.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server and starts another on the same port.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn restart(&mut self) {
        self.stop();
        let program = find().unwrap_or_else(|| panic!("the nats-server is gone"));
        *self = Self::run(&program, Some(self.port)).unwrap_or_else(|error| panic!("no restart: {error}"));
    }

    fn run(program: &PathBuf, port: Option<u16>) -> io::Result<Self> {
        let store = tempfile::tempdir()?;
        let port = match port {
            Some(port) => port,
            None => free_port()?,
        };
        let process = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(store.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { process, port, _store: store };
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

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian puts it where only root's PATH leads.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/bin".into()]);
    folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
