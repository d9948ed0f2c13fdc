//! Prints a finding for people: the new contract's lines, and the old one's beside them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Finding, Side, shown};
use crate::diagnostics::{Severity, Style, printable};
use crate::source::{Position, Sources, Span};

/// The texts of both contracts, to show findings with.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The texts of the old one.
    pub old: &'a Sources,
    /// The texts of the new one.
    pub new: &'a Sources,
    /// The revision the old one is of, if it is of one; its paths are shown as `main:idl/music.frugal`.
    pub revision: Option<&'a str>,
}

impl Sides<'_> {
    /// The texts of one side.
    pub fn sources(&self, side: Side) -> &Sources {
        match side {
            Side::Old => self.old,
            Side::New => self.new,
        }
    }

    /// The path of the file a place is in, as it is shown.
    pub fn path(&self, side: Side, span: Span) -> String {
        let path = self.sources(side).get(span.source).map_or_else(String::new, |source| shown(&source.path));
        match (side, self.revision) {
            (Side::Old, Some(revision)) => format!("{revision}:{path}"),
            _ => path,
        }
    }

    /// The line and column where a place starts.
    pub fn position(&self, side: Side, span: Span) -> Position {
        self.sources(side).position(span)
    }
}

impl Finding {
    /// The finding as text: rule and headline, the lines of both sides, and what to do. The last line has no line break.
    pub fn render(&self, sides: &Sides<'_>, style: Style) -> String {
        let level = match self.rule.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(printable(&self.message)).id(self.rule.id());
        let mut group = Group::with_title(title);
        for (index, place) in self.places.iter().enumerate() {
            let Some(source) = sides.sources(place.side).get(place.span.source) else { continue };
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let end = (place.span.end as usize).min(source.text.len());
            let annotation = kind.span((place.span.start as usize).min(end)..end);
            let annotation = annotation.label((!place.text.is_empty()).then(|| printable(&place.text)));
            let path = printable(&sides.path(place.side, place.span)).into_owned();
            group = group.element(Snippet::source(source.text.as_str()).path(path).annotation(annotation));
        }
        group = group.element(Level::HELP.message(self.rule.advice()));
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Colour => Renderer::styled(),
        };
        renderer.render(&[group])
    }
}
