//! Source texts and places in them. A [`Span`] is small and copied everywhere; the [`Sources`] turn it into a line and a
//! column when somebody wants to read it.

use std::path::{Component, Path, PathBuf};

/// A piece of one source text, in bytes. The default span is empty and belongs to the first text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The index of the text in [`Sources`].
    pub source: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A path without `.`, and without `..` where something stands before it. Nothing is asked of the disk, so a symbolic link
/// in front of a `..` is not followed.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// One text that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it was read from, as the user would write it.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// Every text of one compilation, in the order read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Keeps a text and returns the index its spans carry.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> u32 {
        let index = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(Source { path: path.into(), text: text.into() });
        index
    }

    /// The text a span belongs to.
    pub fn get(&self, source: u32) -> Option<&Source> {
        self.0.get(source as usize)
    }

    /// Every path that was read, in the order read: what a build has to watch.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|source| source.path.as_path())
    }

    /// The line and column where a span starts.
    pub fn position(&self, span: Span) -> Position {
        let text = self.get(span.source).map_or("", |source| source.text.as_str());
        let before = text.get(..span.start as usize).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}
