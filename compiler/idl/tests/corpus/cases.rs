//! The index of the corpus: its files, and what the real compilers say of each.

use std::path::{Path, PathBuf};

use thriftwood_idl::{Compilation, Options, compile};

/// One line of the index.
pub(crate) struct Case {
    /// The path below the corpus.
    pub(crate) path: String,
    include_dirs: Vec<PathBuf>,
    /// Whether Thrift 0.17 accepts it.
    pub(crate) thrift: bool,
    /// Whether Frugal 3.17.9 accepts it.
    pub(crate) frugal: bool,
    /// What the two say where they do not.
    pub(crate) said: [String; 2],
}

impl Case {
    /// What we make of it.
    pub(crate) fn compile(&self) -> Compilation {
        let options = Options { include_dirs: self.include_dirs.clone(), ..Options::default() };
        compile(&[corpus().join(&self.path)], &options)
    }

    /// Whether a peer whose verdict counts accepts it: Thrift's always, Frugal's on files of its own kind.
    pub(crate) fn must_be_accepted(&self) -> bool {
        self.thrift || self.frugal && Path::new(&self.path).extension().is_some_and(|extension| extension == "frugal")
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus")
}

/// Every file of the corpus, with what its index says of it; none where there is no corpus.
pub(crate) fn cases() -> Option<Vec<Case>> {
    let index = std::fs::read_to_string(corpus().join("SOURCES.tsv")).ok()?;
    let mut lines = index.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column =
        |name: &str| columns.iter().position(|column| *column == name).unwrap_or_else(|| panic!("no column {name}"));
    let [file, thrift, thrift_py, frugal, dirs] =
        ["file", "thrift017", "thrift017_py", "frugal3179", "include_dirs"].map(column);
    let said = ["thrift017_message", "frugal3179_message"].map(column);
    let local = |path: &str| path.strip_prefix("shared/").unwrap_or(path).to_owned();
    let case = |line: &str| {
        let values: Vec<&str> = line.split('\t').collect();
        let value = |column: usize| values.get(column).copied().unwrap_or_default();
        Case {
            path: local(value(file)),
            include_dirs: value(dirs)
                .split(';')
                .filter(|dir| !dir.is_empty())
                .map(|dir| corpus().join(local(dir)))
                .collect(),
            // Which words are reserved differs from one generator of Thrift to the next, so two were asked.
            thrift: value(thrift) == "accept" || value(thrift_py) == "accept",
            frugal: value(frugal) == "accept",
            said: said.map(|column| value(column).to_owned()),
        }
    };
    Some(lines.map(case).collect())
}
