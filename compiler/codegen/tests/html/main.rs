//! The site of HTML pages is sound whatever the IDL says, has everything in it, and is found by its search.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod browser;
mod checker;
mod examples;
mod hostile;
mod pages;
mod style;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use thriftwood_build::html::{Page, generate};
use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::model::Model;
use thriftwood_idl::{Compilation, Files, Options, compile, compile_with};

/// Files by path.
struct Memory(HashMap<PathBuf, String>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0
            .get(&self.identity(path))
            .map(|text| text.clone().into_bytes())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The model of these files, the first of which is asked for.
fn model(files: &[(&str, &str)]) -> Model {
    let memory = Memory(files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect());
    sound(compile_with(&memory, &[files[0].0], &Options::default()))
}

/// The site of a file of this repository.
fn site_of(path: &str) -> Vec<Page> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    generate(&sound(compile(&[path], &Options::default())))
}

fn sound(compilation: Compilation) -> Model {
    let found: Vec<String> =
        compilation.diagnostics.iter().map(|found| found.render(&compilation.sources, Style::Plain)).collect();
    compilation.model.unwrap_or_else(|| panic!("{}", found.join("\n")))
}

/// The page or other file of this name.
fn page<'p>(pages: &'p [Page], name: &str) -> &'p str {
    let found = pages.iter().find(|page| page.name == name);
    &found.unwrap_or_else(|| panic!("there is no {name}")).text
}

/// The site of one text, called `a.frugal`.
fn site(text: &str) -> Vec<Page> {
    generate(&model(&[("a.frugal", text)]))
}
