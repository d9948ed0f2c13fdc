//! Reads the files that were asked for and everything they include, each once, includes before their includers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::compile::Options;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{FileId, FileKind};
use crate::source::plain;
use crate::source::{Sources, Span};
use crate::syntax::{self, Tree};

/// Where files come from.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such file, so that it is looked for elsewhere; anything else where it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// A path that two spellings of one file have in common. Without a better answer it is the path without `.` and `..`.
    fn identity(&self, path: &Path) -> PathBuf {
        plain(path)
    }
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// No IDL file is nearly as large; a device or a dump is not read to its end.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 64 MiB"));
        }
        Ok(bytes)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}

/// One file, read and parsed.
pub(crate) struct Unit {
    pub(crate) path: PathBuf,
    /// The index of its text in the sources.
    pub(crate) source: u32,
    /// The path without folders and last extension: the name it is included by.
    pub(crate) name: String,
    pub(crate) kind: FileKind,
    pub(crate) tree: Tree,
    /// What each include of the tree means; `None` where that could not be read.
    pub(crate) includes: Vec<Option<FileId>>,
    /// Whether all of the text is in the tree.
    pub(crate) whole: bool,
}

/// All files of a compilation.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) sources: Sources,
    /// The files, each after all it includes. A [`FileId`] is an index into this list.
    pub(crate) units: Vec<Unit>,
    pub(crate) roots: Vec<FileId>,
    pub(crate) found: Vec<Diagnostic>,
}

/// Reads `roots` and what they include.
pub(crate) fn load(store: &dyn Files, roots: &[&Path], options: &Options) -> Loaded {
    let mut loader = Loader { store, options, known: HashMap::new(), open: Vec::new(), loaded: Loaded::default() };
    for root in roots {
        loader.root(root);
    }
    loader.loaded
}

struct Loader<'a> {
    store: &'a dyn Files,
    options: &'a Options,
    /// Every file met, by identity.
    known: HashMap<PathBuf, State>,
    /// The chain of files that are being read, each included by the one before. A list rather than recursion: a chain
    /// of includes may be as long as there are files.
    open: Vec<Open>,
    loaded: Loaded,
}

#[derive(Clone, Copy)]
enum State {
    /// It is the open file at this place in the chain.
    Open(usize),
    Done(FileId),
}

struct Open {
    unit: Unit,
    identity: PathBuf,
}

impl Loader<'_> {
    fn root(&mut self, path: &Path) {
        let identity = self.store.identity(path);
        if !self.known.contains_key(&identity) {
            match self.store.read(path) {
                Ok(bytes) => self.begin(path.to_owned(), identity.clone(), &bytes),
                Err(error) => return self.unreadable_root(path, &error),
            }
            while !self.open.is_empty() {
                self.step();
            }
        }
        if let Some(State::Done(id)) = self.known.get(&identity)
            && !self.loaded.roots.contains(id)
        {
            self.loaded.roots.push(*id);
        }
    }

    fn unreadable_root(&mut self, path: &Path, error: &io::Error) {
        let mut found =
            Diagnostic::new(Code::MissingFile, Span::default(), format!("cannot read `{}`", path.display()));
        found.labels.clear();
        self.loaded.found.push(match error.kind() {
            io::ErrorKind::NotFound => {
                found.note("there is no such file").help("the path is relative to the folder the compiler runs in")
            }
            _ => found.note(error.to_string()),
        });
    }

    /// Takes a file into the chain.
    fn begin(&mut self, path: PathBuf, identity: PathBuf, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let source = self.loaded.sources.add(&path, text.clone());
        let parsed = match std::str::from_utf8(bytes) {
            Ok(text) => syntax::parse(text, source),
            Err(error) => syntax::Parsed { tree: Tree::default(), found: vec![not_utf8(source, error.valid_up_to())] },
        };
        let whole = parsed.is_whole();
        self.loaded.found.extend(parsed.found);
        let by_ending = match path.extension() {
            Some(extension) if extension == "frugal" => FileKind::Frugal,
            _ => FileKind::Thrift,
        };
        let kind = self.options.dialect.unwrap_or(by_ending);
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.known.insert(identity.clone(), State::Open(self.open.len()));
        let unit = Unit { path, source, name, kind, tree: parsed.tree, includes: Vec::new(), whole };
        self.open.push(Open { unit, identity });
    }

    /// Resolves the next include of the innermost open file, or closes that file when there is none left.
    fn step(&mut self) {
        let Some(open) = self.open.last() else { return };
        let next = open.unit.includes.len();
        let Some(include) = open.unit.tree.includes.get(next) else { return self.finish() };
        let (written, span) = (include.path.text.clone(), include.path.span);
        let file = match self.find(&written, span) {
            Some((identity, path, bytes)) => match self.known.get(&identity) {
                Some(State::Done(id)) => Some(*id),
                Some(State::Open(first)) => {
                    let first = *first;
                    self.cycle(first, span);
                    None
                }
                None => {
                    // The include is resolved when this file is done and the step is taken again.
                    self.begin(path, identity, &bytes);
                    return;
                }
            },
            None => None,
        };
        if let Some(open) = self.open.last_mut() {
            open.unit.includes.push(file);
        }
    }

    fn finish(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let id = FileId(u32::try_from(self.loaded.units.len()).unwrap_or(u32::MAX));
        self.known.insert(open.identity, State::Done(id));
        self.loaded.units.push(open.unit);
    }

    /// Looks for an included file beside its includer, then in the include folders. A file that is known already is not
    /// read again.
    fn find(&mut self, written: &str, span: Span) -> Option<(PathBuf, PathBuf, Vec<u8>)> {
        let beside = self.open.last().and_then(|open| open.unit.path.parent()).unwrap_or_else(|| Path::new(""));
        let mut looked = Vec::new();
        for folder in std::iter::once(beside).chain(self.options.include_dirs.iter().map(PathBuf::as_path)) {
            let path = folder.join(written.strip_prefix("./").unwrap_or(written));
            let identity = self.store.identity(&path);
            if self.known.contains_key(&identity) {
                return Some((identity, path, Vec::new()));
            }
            match self.store.read(&path) {
                Ok(bytes) => return Some((identity, path, bytes)),
                Err(error) => looked.push((path, error)),
            }
        }
        let mut found = Diagnostic::new(Code::MissingFile, span, format!("cannot read the included file `{written}`"));
        let all_missing = looked.iter().all(|(_, error)| error.kind() == io::ErrorKind::NotFound);
        for (path, error) in looked {
            let why = if error.kind() == io::ErrorKind::NotFound { "not there".to_owned() } else { error.to_string() };
            found = found.note(format!("looked for `{}`: {why}", path.display().to_string().replace('\\', "/")));
        }
        if all_missing {
            found = found.help("the path is relative to the including file, or to an include folder (`-I`)");
        }
        self.loaded.found.push(found);
        None
    }

    fn cycle(&mut self, first: usize, span: Span) {
        let chain = &self.open[first..];
        let names: Vec<String> =
            chain.iter().map(|open| open.unit.path.display().to_string().replace('\\', "/")).collect();
        let start = names.first().cloned().unwrap_or_default();
        let mut found = Diagnostic::new(Code::IncludeCycle, span, format!("`{start}` includes itself"));
        found = found.here(format!("this includes `{start}` again"));
        // All but the last of the chain are waiting for the include they have reached.
        for (open, next) in chain.iter().zip(names.iter().skip(1)).take(MAX_CHAIN) {
            if let Some(include) = open.unit.tree.includes.get(open.unit.includes.len()) {
                found = found.also(include.path.span, format!("this includes `{next}`"));
            }
        }
        if names.len() > 1 && names.len() <= MAX_CHAIN {
            found = found.note(format!("the whole chain: {} -> {start}", names.join(" -> ")));
        }
        self.loaded.found.push(found.help("move what both sides need into a file that includes neither"));
    }
}

/// The longest include cycle that is spelled out.
const MAX_CHAIN: usize = 20;

fn not_utf8(source: u32, valid: usize) -> Diagnostic {
    let start = u32::try_from(valid).unwrap_or(u32::MAX);
    // The byte that is none was replaced by U+FFFD, which takes three.
    let span = Span { source, start, end: start.saturating_add(3) };
    Diagnostic::new(Code::Syntax, span, "this file is not UTF-8")
        .help("save it as UTF-8; Latin-1 and UTF-16 are not read")
}
