//! The process that is killed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use thriftwood::log::store::{Compaction, Retention};
use thriftwood::log::{Config, ServeConfig};

/// So much of each stream is kept; a segment is an eighth of it. Enough for what a group can be behind.
const KEPT: u64 = 24 * 1024 * 1024;

/// The server, and how to start it again.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    dir: PathBuf,
    at: String,
    child: Child,
}

impl Server {
    /// Starts `program`, which is this one, on a directory and a free port.
    pub fn start(program: &Path, dir: &Path) -> Self {
        // A port that was free a moment ago, and stays the same over all lives.
        let at = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").to_string();
        let child = spawn(program, dir, &at);
        Self { program: program.to_owned(), dir: dir.to_owned(), at, child }
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("log://{}", self.at)
    }

    /// `HOST:PORT`
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, at whatever it is doing.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it ends");
    }

    pub(crate) fn again(&mut self) {
        self.child = spawn(&self.program, &self.dir, &self.at);
    }

    /// SIGSTOP: the process does nothing more, and its system goes on taking what is sent to it.
    pub fn suspend(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.expect("there is a `kill`").success(), "it is ours, and alive");
    }

    pub(crate) fn stop(mut self) {
        self.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, dir: &Path, at: &str) -> Child {
    let mut command = Command::new(program);
    command.arg("--serve").arg(dir).args(["--at", at]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the server starts");
    let mut line = String::new();
    let output = child.stdout.as_mut().expect("its output is a pipe");
    BufReader::new(output).read_line(&mut line).expect("it says that it is ready");
    assert_eq!(line, "ready\n", "the server did not start again");
    child
}

/// What the process does that is killed.
///
/// # Errors
/// When the directory cannot be opened or served.
pub async fn serve(dir: &Path, at: &str) -> Result<(), thriftwood::Error> {
    let mut config = Config::default();
    config.log.retention = Retention::default().bytes(KEPT);
    config.log.compaction = Some(Compaction::default());
    let directory = config.open(dir).await?;
    let _serving = directory.serve(&format!("log://{at}"), ServeConfig::default()).await?;
    println!("ready");
    std::future::pending().await
}
