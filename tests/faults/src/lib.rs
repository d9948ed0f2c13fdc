//! Processes that are killed in the middle of their work, and what they agree on with the tests that kill them.

pub mod load;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How many publish at once.
pub const PRODUCERS: usize = 8;
/// The prefix variable that all events have in common.
pub const REGION: &str = "emea";
/// The group that is killed.
pub const GROUP: &str = "mortals";
/// The address that is served.
pub const SERVICE: &str = "mortal";
/// How often a call may be begun, where that is limited.
pub const ATTEMPTS: u32 = 2;
/// How many calls are handled at once.
pub const CONCURRENCY: usize = 8;
/// When a segment has so many bytes the next one is begun.
pub const SEGMENT: u64 = 16_384;

/// How long a process may tell nothing before a test gives it up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running process. It is killed, by its own id, when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts a program with these arguments.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &str, work: &str, dir: &Path, rest: &[&str]) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(work).arg(dir).args(rest).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let (sender, lines) = mpsc::channel();
        // Ends with the output, or when nobody wants to know any more.
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            while output.read_line(&mut line).is_ok() {
                // A line without its end was cut off and does not count.
                let Some(whole) = line.strip_suffix('\n') else { break };
                if sender.send(whole.to_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Ok(Self { child, lines })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line it tells; `None` when it has ended and everything was read, or when it tells nothing for 20 s.
    pub fn line(&mut self) -> Option<String> {
        self.lines.recv_timeout(PATIENCE).ok()
    }

    /// Ends it with SIGKILL, at whatever it is doing, and gives what it had told and nobody had read.
    pub fn kill(mut self) -> Vec<String> {
        self.end();
        self.lines.iter().collect()
    }

    /// What it complained of. Ends it, if it has not ended by itself.
    pub fn complaint(mut self) -> String {
        self.end();
        let mut complaint = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            // Bytes that are no text are no complaint of ours.
            let _ = errors.read_to_string(&mut complaint);
        }
        complaint
    }

    fn end(&mut self) {
        // It may have ended by itself, which its missing output then shows.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A SplitMix64 generator (Steele, Lea, Flood 2014), so that a failure can be had again by its seed.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// One that nobody knows, and says what it is.
    pub fn seeded(test: &str) -> Self {
        use std::hash::{BuildHasher, RandomState};
        let seed = RandomState::new().hash_one(test);
        println!("{test}: seed {seed}");
        Self(seed)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % limit
    }
}
