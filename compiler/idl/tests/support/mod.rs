//! Files held in memory, for tests.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use thriftwood_idl::diagnostics::{Code, Style};
use thriftwood_idl::model::Model;
use thriftwood_idl::{Compilation, Files, Options, compile_with};

/// Files by path.
#[derive(Default)]
pub(crate) struct Memory(HashMap<PathBuf, Vec<u8>>);

impl Memory {
    pub(crate) fn new<T: AsRef<[u8]> + ?Sized>(files: &[(&str, &T)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_ref().to_vec())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // What a file system does with `a/../b`.
        self.0.get(&self.identity(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Compiles the first of these files.
pub(crate) fn compile<T: AsRef<[u8]> + ?Sized>(files: &[(&str, &T)]) -> Compilation {
    compile_with(&Memory::new(files), &[files[0].0], &Options::default())
}

/// Compiles one text as a `.frugal` file.
pub(crate) fn frugal(text: &str) -> Compilation {
    compile(&[("test.frugal", text)])
}

/// The model of files without errors.
pub(crate) fn model(compilation: &Compilation) -> &Model {
    compilation.model.as_ref().unwrap_or_else(|| panic!("{}", rendered(compilation)))
}

/// The codes that were found, in order.
pub(crate) fn codes(compilation: &Compilation) -> Vec<Code> {
    compilation.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Everything that was found, as it is printed.
pub(crate) fn rendered(compilation: &Compilation) -> String {
    let each = compilation.diagnostics.iter().map(|found| found.render(&compilation.sources, Style::Plain) + "\n");
    each.collect::<Vec<_>>().join("\n")
}
