//! What a set of texts means at one moment, and the way from the editor's places to the compiler's and back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{Location, Position, Range, Uri};
use thriftwood_idl::diagnostics::Diagnostic;
use thriftwood_idl::index::{Index, Target};
use thriftwood_idl::source::{Sources, Span};
use thriftwood_idl::{Files, Options, compile_indexed};

use super::documents::{Documents, identity, path_of};
use super::positions::Lines;

/// The meaning of all open texts and of what they include.
pub(super) struct Analysis {
    pub(super) index: Index,
    /// What the compiler found.
    pub(super) found: Vec<Diagnostic>,
    sources: Sources,
    /// The lines of each text, and the editor's name for it.
    texts: Vec<(Lines, Option<Uri>)>,
    by_identity: HashMap<PathBuf, u32>,
}

impl Analysis {
    /// Compiles the files at these paths and what they include, from `files`.
    pub(super) fn new(documents: &Documents, files: &dyn Files, roots: &[PathBuf], options: &Options) -> Self {
        let (compilation, index) = compile_indexed(files, roots, options);
        let mut texts = Vec::new();
        let mut by_identity = HashMap::new();
        for (path, source) in compilation.sources.paths().zip(0..) {
            let lines = compilation.sources.get(source).map_or_else(|| Lines::new(""), |each| Lines::new(&each.text));
            texts.push((lines, documents.uri(path)));
            by_identity.insert(identity(path), source);
        }
        Self { index, found: compilation.diagnostics, sources: compilation.sources, texts, by_identity }
    }

    /// The text that the editor calls so.
    pub(super) fn source(&self, uri: &Uri) -> Option<u32> {
        self.by_identity.get(&identity(&path_of(uri))).copied()
    }

    /// The path of a text.
    pub(super) fn path(&self, source: u32) -> Option<&Path> {
        self.sources.get(source).map(|each| each.path.as_path())
    }

    /// All of a text.
    pub(super) fn all(&self, source: u32) -> &str {
        self.sources.get(source).map_or("", |each| each.text.as_str())
    }

    /// The text of a span.
    pub(super) fn text(&self, span: Span) -> &str {
        self.all(span.source).get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The byte of a text at a place.
    pub(super) fn offset(&self, source: u32, position: Position) -> usize {
        self.texts.get(source as usize).map_or(0, |(lines, _)| lines.offset(self.all(source), position))
    }

    pub(super) fn range(&self, span: Span) -> Range {
        let range = |(lines, _): &(Lines, Option<Uri>)| {
            lines.range(self.all(span.source), span.start as usize, span.end as usize)
        };
        self.texts.get(span.source as usize).map(range).unwrap_or_default()
    }

    pub(super) fn uri(&self, source: u32) -> Option<&Uri> {
        self.texts.get(source as usize)?.1.as_ref()
    }

    pub(super) fn location(&self, span: Span) -> Option<Location> {
        Some(Location { uri: self.uri(span.source)?.clone(), range: self.range(span) })
    }

    /// What the name at a place of a text means, and where that name stands.
    pub(super) fn at(&self, uri: &Uri, position: Position) -> Option<(Span, Target)> {
        let source = self.source(uri)?;
        self.index.at(source, u32::try_from(self.offset(source, position)).ok()?)
    }
}
