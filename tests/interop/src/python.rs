//! Peers in Python: what they are installed into, and programs that talk to a test over their standard input and output.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a program may take to say its next line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Frugal asks for packages of its time, of which some do not run today; so it is installed by itself, and beside it what does.
const FRUGAL: &[&str] = &["--no-deps", "frugal==3.4.1"];
const BESIDE: &[&str] = &[
    "thrift==0.25.0",
    "six==1.17.0",
    "requests==2.34.2",
    "aiohttp==3.14.5",
    "nats-py==2.16.0",
    "aiostomp==1.7.3",
    "async-timeout==3.0.1",
];

/// A Python with PyPI's Frugal, made once somewhere in this folder.
///
/// # Errors
/// When it cannot be had.
pub fn frugal(folder: &Path) -> Result<PathBuf, String> {
    python(&folder.join("frugal==3.4.1"), &[FRUGAL, BESIDE], "import aiohttp, aiostomp, frugal, nats, thrift")
}

/// A Python with these packages, made once in a folder of this name: each step is one `pip install`, and `imports` is what must work
/// in the end. `Err` says why it cannot be had.
///
/// # Errors
/// When there is no Python, or the packages cannot be installed.
pub fn python(folder: &Path, steps: &[&[&str]], imports: &str) -> Result<PathBuf, String> {
    // Tests of one program run at once, and one of them makes it for all.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let python = folder.join("bin/python");
    let is_whole = || Command::new(&python).args(["-c", imports]).output().is_ok_and(|output| output.status.success());
    if is_whole() {
        return Ok(python);
    }
    let step = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
        if output.status.success() { Ok(()) } else { Err(format!("{} {arguments:?}: {said}", program.display())) }
    };
    step(Path::new("python3"), &["-m", "venv", "--clear", &folder.to_string_lossy()])?;
    for packages in steps {
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        step(&python, &[&install, *packages].concat())?;
    }
    if is_whole() { Ok(python) } else { Err(format!("`{imports}` fails in {}", folder.display())) }
}

/// Has Apache's compiler generate Python from these files into the folder, or says why it cannot.
///
/// # Errors
/// When there is no such compiler.
///
/// # Panics
/// When it refuses a file.
pub fn generate(folder: &Path, files: &[PathBuf]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    for idl in files {
        let mut compiler = Command::new("thrift");
        let output = compiler.args(["-r", "--gen", "py", "-out"]).arg(folder).arg(idl).output();
        let output = output.map_err(|_| "there is no thrift compiler; Debian's package is thrift-compiler")?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// A program that runs until its standard input ends; dropped, it is killed.
#[derive(Debug)]
pub struct Program {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
}

impl Program {
    /// Starts it. What it says to standard error goes to the test's.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (out, lines) = channel();
        let output = process.stdout.take().unwrap_or_else(|| panic!("{name} has no output"));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if out.send(line).is_err() {
                    return;
                }
            }
        });
        Self { input: process.stdin.take(), process, lines, name }
    }

    /// The next line it says.
    ///
    /// # Panics
    /// When it ends or says nothing for a minute.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{} says nothing more", self.name))
    }

    /// Ends its input and gives what it has still to say.
    ///
    /// # Panics
    /// When it fails.
    pub fn finish(mut self) -> Vec<String> {
        drop(self.input.take());
        let mut rest = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            rest.push(line);
        }
        let status = self.process.wait().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(status.success(), "{}: {status}, {rest:?}", self.name);
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
