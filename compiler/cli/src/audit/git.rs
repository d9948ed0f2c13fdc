//! Files as they were in a git revision, read by git itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thriftwood_idl::Files;
use thriftwood_idl::source::plain;

/// The files of one commit. Paths mean what they mean on the disk: below the folder the command runs in, or absolute.
pub(super) struct Revision {
    /// The top folder of the repository, with symbolic links resolved.
    root: PathBuf,
    /// The folder the command runs in, with symbolic links resolved.
    here: PathBuf,
    /// The id of the commit; a branch may move while it is read.
    commit: String,
}

/// As for files on the disk.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

impl Revision {
    /// A revision of the repository that a file is in. The error says what is wrong in one sentence.
    pub(super) fn open(revision: &str, file: &Path) -> Result<Self, String> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let root = ask(folder, &["rev-parse", "--show-toplevel"])
            .map_err(|why| format!("`--against` needs a git repository, and {} is in none: {why}", file.display()))?;
        let canonical = |path: &Path| {
            path.canonicalize().map_err(|error| format!("{} cannot be resolved: {error}", path.display()))
        };
        // What begins with a dash would be an option to git.
        let commit = match revision.starts_with('-') {
            true => Err("no revision begins with a dash".to_owned()),
            false => ask(folder, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]),
        };
        let commit = commit.map_err(|why| {
            let why = if why.is_empty() { "git knows no commit of this name".to_owned() } else { why };
            format!("`{revision}` is no revision of the repository {root}: {why}")
        })?;
        Ok(Self { root: canonical(Path::new(&root))?, here: canonical(Path::new("."))?, commit })
    }

    /// Whether the revision has this file.
    pub(super) fn has(&self, path: &Path) -> io::Result<bool> {
        match self.read(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The path in the repository, with `/` between its parts.
    fn inside(&self, path: &Path) -> io::Result<String> {
        let absolute = plain(&self.here.join(path));
        let inside = match absolute.strip_prefix(&self.root) {
            Ok(inside) => inside.to_owned(),
            // An absolute path may lead into the repository by a symbolic link outside of it.
            Err(_) => resolved(&absolute)
                .strip_prefix(&self.root)
                .map(Path::to_owned)
                .map_err(|_| io::Error::other(format!("it is outside of the repository {}", self.root.display())))?,
        };
        let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
        match parts.map(|parts| parts.join("/")) {
            Some(path) if !path.contains('\n') => Ok(path),
            _ => Err(io::Error::other("git cannot be asked for a file of this name")),
        }
    }
}

impl Files for Revision {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inside = self.inside(path)?;
        // Unlike `git show`, this tells a file that is not there from any other failure, in words meant for programs.
        let mut git = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["cat-file", "--batch", "--follow-symlinks"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = git.stdin.take() {
            writeln!(stdin, "{}:{inside}", self.commit)?;
        }
        let answer = match git.stdout.take() {
            Some(stdout) => answer(BufReader::new(stdout)),
            None => Err(io::Error::other("git gave no answer")),
        };
        git.wait()?;
        answer
    }

    fn identity(&self, path: &Path) -> PathBuf {
        self.inside(path).map_or_else(|_| plain(path), PathBuf::from)
    }
}

/// Reads the answer of `git cat-file --batch`: a line that says what it is, then as many bytes as that line says.
fn answer(mut git: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = String::new();
    git.read_line(&mut line)?;
    let words: Vec<&str> = line.trim_end().rsplitn(3, ' ').collect();
    match words[..] {
        // The name of what was asked for stands in front, and may have spaces in it.
        ["missing", ..] | [_, "dangling" | "loop" | "notdir"] => Err(io::ErrorKind::NotFound.into()),
        [size, "blob", _] => {
            let size: u64 = size.parse().map_err(io::Error::other)?;
            if size > MAX_BYTES {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 64 MiB"));
            }
            let mut bytes = Vec::new();
            git.take(size).read_to_end(&mut bytes)?;
            match bytes.len() as u64 == size {
                true => Ok(bytes),
                false => Err(io::Error::other("git ended before the file did")),
            }
        }
        [_, "tree", _] => Err(io::Error::other("it is a folder")),
        [_, "symlink"] => Err(io::Error::other("it is a symbolic link out of the repository")),
        _ => Err(io::Error::other("git could not say; its own message is above")),
    }
}

/// Runs git in a folder and returns the line it prints, or else what it complains of.
fn ask(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

/// A path with the symbolic links resolved in as much of it as there is.
fn resolved(path: &Path) -> PathBuf {
    for folder in path.ancestors() {
        if let (Ok(resolved), Ok(rest)) = (folder.canonicalize(), path.strip_prefix(folder)) {
            return resolved.join(rest);
        }
    }
    path.to_owned()
}
