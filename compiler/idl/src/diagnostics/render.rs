//! Prints a diagnostic for people, with the lines it speaks of.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::Sources;

/// How a diagnostic is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours, for a terminal.
    Colour,
}

impl Diagnostic {
    /// The diagnostic as text: code and headline, `file:line:column`, the lines it points to, notes and help. The last
    /// line has no line break.
    pub fn render(&self, sources: &Sources, style: Style) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(printable(&self.message)).id(self.code.as_str());
        let mut group = title.elements(self.snippets(sources));
        for note in &self.notes {
            group = group.element(Level::NOTE.message(printable(note)));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colour => Renderer::styled(),
        };
        renderer.render(&[group])
    }

    /// One snippet per file that is pointed to, in the order first named.
    fn snippets<'a>(&'a self, sources: &'a Sources) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let mut order: Vec<u32> = Vec::new();
        for label in &self.labels {
            if !order.contains(&label.span.source) {
                order.push(label.span.source);
            }
        }
        let snippet = |source: u32| {
            let text = sources.get(source)?;
            let here = |label: &&Label| label.span.source == source;
            let annotations = self.labels.iter().filter(here).map(|label| {
                let primary = std::ptr::eq(label, &raw const self.labels[0]);
                let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                let end = (label.span.end as usize).min(text.text.len());
                let annotation = kind.span((label.span.start as usize).min(end)..end);
                annotation.label((!label.text.is_empty()).then(|| printable(&label.text)))
            });
            let path = text.path.to_string_lossy().replace('\\', "/");
            Some(Snippet::source(text.text.as_str()).path(printable(&path).into_owned()).annotations(annotations))
        };
        order.into_iter().filter_map(snippet).collect()
    }
}

/// Text without control characters: names and paths come from files, and a terminal must not obey them.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    Cow::Owned(text.chars().map(shown).collect())
}
