//! Runs the phases over a set of files.

use std::path::{Path, PathBuf};

use crate::diagnostics::{Diagnostic, Lints};
use crate::index::Index;
use crate::load::{Disk, Files, Loaded, load};
use crate::lower::{lower, lower_indexed};
use crate::model::{FileKind, Model};
use crate::source::Sources;

/// What a compilation may depend on besides the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The folders an `include` is looked for in, in this order, when it is not beside the file that includes it.
    pub include_dirs: Vec<PathBuf>,
    /// Which warnings are errors, and which are not reported.
    pub lints: Lints,
    /// Whose rules every file is read by, where Thrift and Frugal disagree; by each file's ending where this is `None`.
    pub dialect: Option<FileKind>,
}

/// What a set of files gave.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// Every file that was read, also where the compilation failed.
    pub sources: Sources,
    /// What was found, in the order of the files and of the places in them: errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// What the files mean; `None` if and only if an error was found.
    pub model: Option<Model>,
}

/// Reads files and what they include from the disk.
///
/// What is wrong with them, also that one cannot be read, is in [`Compilation::diagnostics`].
pub fn compile<P: AsRef<Path>>(files: &[P], options: &Options) -> Compilation {
    compile_with(&Disk, files, options)
}

/// Reads files and what they include from wherever `store` has them.
pub fn compile_with<P: AsRef<Path>>(store: &dyn Files, files: &[P], options: &Options) -> Compilation {
    let loaded = load_all(store, files, options);
    let (model, found) = lower(&loaded.units);
    finish(loaded, model, found, options)
}

/// As [`compile_with`], and lists where every name is declared and used, also where there are errors.
pub fn compile_indexed<P: AsRef<Path>>(store: &dyn Files, files: &[P], options: &Options) -> (Compilation, Index) {
    let loaded = load_all(store, files, options);
    let (model, index, found) = lower_indexed(&loaded.units);
    (finish(loaded, model, found, options), index)
}

fn load_all<P: AsRef<Path>>(store: &dyn Files, files: &[P], options: &Options) -> Loaded {
    let roots: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    load(store, &roots, options)
}

fn finish(loaded: Loaded, mut model: Model, found: Vec<Diagnostic>, options: &Options) -> Compilation {
    model.roots = loaded.roots;
    let mut diagnostics = loaded.found;
    diagnostics.extend(found);
    options.lints.apply(&mut diagnostics, loaded.units.iter().flat_map(|unit| &unit.tree.allows));
    // By place, so that a file's findings are read from top to bottom whatever phase made them.
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| (label.span.source, label.span.start)));
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    Compilation { sources: loaded.sources, diagnostics, model: (!failed).then_some(model) }
}
