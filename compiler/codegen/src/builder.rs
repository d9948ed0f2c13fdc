//! The build script's side: reads IDL files, writes Rust into `OUT_DIR`, and tells Cargo what to watch.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use thriftwood_idl::diagnostics::{Level, NoSuchLint, Style};
use thriftwood_idl::model::FileKind;
use thriftwood_idl::{Compilation, Options};

use crate::rust::{self, GenerateError, Generated, RustOptions, RustType};

/// Compiles IDL files with the defaults of [`Builder`].
pub fn compile<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Build {
    Builder::new().compile(files)
}

/// A compilation with options.
///
/// ```no_run
/// thriftwood_build::Builder::new().include_dir("../shared-idl").compile(["idl/music.frugal"]).unwrap_or_exit();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    options: Options,
    rust: RustOptions,
    lints: Vec<(Level, String)>,
    out_dir: Option<PathBuf>,
}

impl Builder {
    /// A compilation that looks for includes beside the including file, and writes into `OUT_DIR`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also looks for included files in this folder, after the folder of the including file and those named before.
    #[must_use]
    pub fn include_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.options.include_dirs.push(dir.into());
        self
    }

    /// Reads every file by the rules of Thrift, or of Frugal, whatever its ending. They differ in how enums are numbered.
    #[must_use]
    pub fn dialect(mut self, dialect: FileKind) -> Self {
        self.options.dialect = Some(dialect);
        self
    }

    /// Makes errors of what a lint finds, as `thriftwood check --deny` does: by name or code, `warnings` for all.
    #[must_use]
    pub fn deny(mut self, lint: impl Into<String>) -> Self {
        self.lints.push((Level::Deny, lint.into()));
        self
    }

    /// Does not report what a lint finds, as `thriftwood check --allow` does. What is both denied and allowed is denied.
    #[must_use]
    pub fn allow(mut self, lint: impl Into<String>) -> Self {
        self.lints.push((Level::Allow, lint.into()));
        self
    }

    /// Generates types and constants only, no services and scopes: for a crate that has `thriftwood-core` without its feature
    /// `runtime`, and with that no async runtime.
    #[must_use]
    pub fn types_only(mut self, wanted: bool) -> Self {
        self.rust.types_only = wanted;
        self
    }

    /// Describes, or does not, the types in calls and events for those who know them only at run time; it does unless told
    /// otherwise. Without it nobody can speak JSON to a service over HTTP.
    #[must_use]
    pub fn schema(mut self, wanted: bool) -> Self {
        self.rust.no_schema = !wanted;
        self
    }

    /// Lets every generated struct, union, exception and enum derive this trait too, by its path. The IDL says the same for one
    /// type with `(rust.derive = "serde::Serialize")`.
    #[must_use]
    pub fn derive(mut self, path: impl Into<String>) -> Self {
        self.rust.derives.push(path.into());
        self
    }

    /// Lets this Rust type stand for the type of the IDL that it can stand for, everywhere. The IDL says the same for one place with
    /// `(rust.type = "Arc<str>")`, which goes before what is said here. A `HashSet` or `HashMap` takes order and hash from the structs it
    /// is in; within a key they stay ordered.
    #[must_use]
    pub fn rust_type(mut self, choice: RustType) -> Self {
        self.rust.types.push(choice);
        self
    }

    /// Lets every generated struct and exception keep the fields it does not know, in a field of its own, and pass them on: for proxies
    /// and stores that are older than what goes through them. The IDL says the same for one type with `(rust.keep_unknown)`.
    #[must_use]
    pub fn keep_unknown_fields(mut self, wanted: bool) -> Self {
        self.rust.keep_unknown_fields = wanted;
        self
    }

    /// Generates what tests want: a mock for each service, `StoreMock`; an `in_memory` for its client, which is a real call without a
    /// bus; and for each scope a publisher that keeps what is published, `AlbumWinners::recorded`.
    #[must_use]
    pub fn mocks(mut self, wanted: bool) -> Self {
        self.rust.mocks = wanted;
        self
    }

    /// Makes every generated struct, union, exception and enum a `TSerializable` of Apache's `thrift` crate too, for code that is written
    /// for that crate. The crate that has the types needs `thriftwood` with its feature `thrift`.
    #[must_use]
    pub fn apache(mut self, wanted: bool) -> Self {
        self.rust.apache = wanted;
        self
    }

    /// Writes into this folder instead of `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(dir.into());
        self
    }

    /// Compiles the files, those they include with them, into one tree of modules.
    pub fn compile<P: AsRef<Path>>(&self, files: impl IntoIterator<Item = P>) -> Build {
        let files: Vec<P> = files.into_iter().collect();
        Build(self.run(&files))
    }

    fn run<P: AsRef<Path>>(&self, files: &[P]) -> Result<(), BuildError> {
        let out_dir = match &self.out_dir {
            Some(dir) => dir.clone(),
            None => std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or(BuildError::NoOutDir)?,
        };
        let mut options = self.options.clone();
        for level in [Level::Allow, Level::Deny] {
            let mut lints = self.lints.iter().filter(|(wanted, _)| *wanted == level);
            lints.try_for_each(|(_, name)| options.lints.set(name, level))?;
        }
        let compilation = thriftwood_idl::compile(files, &options);
        announce(&compilation, files)?;
        let Some(model) = &compilation.model else {
            return Err(BuildError::Idl(errors(&compilation)));
        };
        let generated = rust::generate_with(model, self.rust.clone()).map_err(|error| refusal(&compilation, &error))?;
        write(&out_dir.join("thriftwood"), &generated)
    }
}

/// How a compilation went. Handle it with [`unwrap_or_exit`](Build::unwrap_or_exit).
#[derive(Debug)]
#[must_use = "a build that failed must stop the build script"]
pub struct Build(Result<(), BuildError>);

impl Build {
    /// Ends the build script with the diagnostics, as a compiler would, when a file is wrong.
    pub fn unwrap_or_exit(self) {
        if let Err(error) = self.0 {
            // Cargo shows this as the build script's standard error.
            let _ = writeln!(io::stderr(), "{error}");
            std::process::exit(1);
        }
    }

    /// The same as a `Result`, for a build script that goes on.
    ///
    /// # Errors
    /// What kept the files from becoming Rust.
    pub fn into_result(self) -> Result<(), BuildError> {
        self.0
    }
}

/// Why no Rust was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The IDL is wrong; the text is the compiler's, one diagnostic after another.
    #[error("{0}")]
    Idl(String),
    /// The build script denies or allows a lint there is not.
    #[error(transparent)]
    Lint(#[from] NoSuchLint),
    /// Neither a build script nor told where to write.
    #[error("OUT_DIR is not set: call this from a build script, or say where to write with Builder::out_dir")]
    NoOutDir,
    /// A file could not be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn announce<P: AsRef<Path>>(compilation: &Compilation, files: &[P]) -> Result<(), BuildError> {
    let written = io::stdout().write_all(announcement(compilation, files).as_bytes());
    written.map_err(|source| BuildError::Write { path: "the build script's standard output".into(), source })
}

/// What tells Cargo which files matter, and shows warnings, each in one line.
fn announcement<P: AsRef<Path>>(compilation: &Compilation, files: &[P]) -> String {
    let mut lines = String::new();
    let watched: BTreeSet<&Path> = compilation.sources.paths().chain(files.iter().map(AsRef::as_ref)).collect();
    for path in watched {
        lines += &format!("cargo::rerun-if-changed={}\n", path.display());
    }
    for warning in compilation.diagnostics.iter().filter(|diagnostic| !diagnostic.is_error()) {
        let place = warning.labels.first().map_or_else(String::new, |label| {
            let position = compilation.sources.position(label.span);
            let path = compilation.sources.get(label.span.source).map(|source| source.path.display().to_string());
            format!("{}:{}:{}: ", path.unwrap_or_default(), position.line, position.column)
        });
        lines += &format!("cargo::warning={place}{} [{}]\n", warning.message, warning.code.as_str());
    }
    lines
}

fn errors(compilation: &Compilation) -> String {
    let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let texts: Vec<String> = errors.map(|error| error.render(&compilation.sources, Style::Plain)).collect();
    texts.join("\n")
}

/// A sound model without a Rust form, shown like any other diagnostic.
pub(crate) fn refusal(compilation: &Compilation, error: &GenerateError) -> BuildError {
    BuildError::Idl(error.diagnostic().render(&compilation.sources, Style::Plain))
}

/// The tree, and for each namespace a file that puts its types where it is included.
fn write(dir: &Path, generated: &Generated) -> Result<(), BuildError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut files = vec![(dir.join("mod.rs"), generated.tree.clone())];
    for (namespace, path) in &generated.namespaces {
        let text = format!(
            "/// Every namespace that was compiled.\n#[allow(clippy::module_inception, unreachable_pub)]\npub mod idl {{\n    \
             include!(\"mod.rs\");\n}}\n#[allow(unreachable_pub, unused_imports)]\npub use idl::{path}::*;\n"
        );
        files.push((dir.join(format!("{namespace}.rs")), text));
    }
    for (path, text) in files {
        // An unchanged file keeps its time, so that nothing is compiled again for it.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_of_every_file_of_the_tree_also_of_a_broken_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let names = ["root.frugal", "middle.frugal", "leaf.frugal"];
        let root = file(names[0], "include \"middle.frugal\"\nstruct Root { 1: middle.Middle it }");
        file(names[1], "include \"leaf.frugal\"\nstruct Middle { 1: leaf.Leaf it }");
        for leaf in ["struct Leaf {}", "struct Leaf {"] {
            file(names[2], leaf);
            let compilation = thriftwood_idl::compile(&[&root], &thriftwood_idl::Options::default());
            let lines = announcement(&compilation, &[&root]);
            for name in names {
                let wanted = format!("cargo::rerun-if-changed={}", folder.path().join(name).display());
                assert_eq!(lines.lines().filter(|line| *line == wanted).count(), 1, "{name}: {lines}");
            }
        }
    }
}
