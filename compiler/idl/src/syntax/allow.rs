//! Reads the annotation that silences lints: `lint.allow = "enum-numbering"`, several names with commas between them.

use super::reader::Reader;
use crate::diagnostics::{Allow, Code, Diagnostic, Selection};
use crate::model::Annotation;
use crate::source::Span;

impl Reader<'_> {
    /// Notes what an annotation silences in the definition, field or type it is written at.
    pub(super) fn allow(&mut self, annotation: &Annotation, within: Span) {
        if annotation.name != "lint.allow" {
            return;
        }
        for name in annotation.value.split(',').map(str::trim) {
            match Selection::named(name) {
                Ok(lints) => self.tree.allows.push(Allow { lints, within }),
                Err(none) => {
                    let message = format!("there is no lint `{name}`");
                    let unknown = Diagnostic::new(Code::UnknownLint, annotation.span, message);
                    self.found.push(match none.meant {
                        Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                        None => unknown.help("`thriftwood explain` lists the lints; `warnings` stands for all"),
                    });
                }
            }
        }
    }
}
