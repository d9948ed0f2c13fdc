//! Prints a diagnostic for people, with the lines it speaks of.

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
        let level = match self.code.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group =
            level.primary_title(self.message.as_str()).id(self.code.as_str()).elements(self.snippets(sources));
        for note in &self.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
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
                annotation.label((!label.text.is_empty()).then_some(label.text.as_str()))
            });
            let path = text.path.to_string_lossy().replace('\\', "/");
            Some(Snippet::source(text.text.as_str()).path(path).annotations(annotations))
        };
        order.into_iter().filter_map(snippet).collect()
    }
}
