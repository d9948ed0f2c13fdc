//! Turns what the compiler found into the editor's squiggles.

use std::collections::HashMap;

use gen_lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, PublishDiagnosticsParams, Uri,
};
use thriftwood_idl::diagnostics::{self, Code, Severity};

use super::analysis::Analysis;
use super::documents::Documents;

/// What was last said of each file.
#[derive(Default)]
pub(super) struct Published(HashMap<Uri, (Option<i32>, Vec<Diagnostic>)>);

impl Published {
    /// What there is to say of the files now, as far as it is not what was said last. A file that nothing is wrong with
    /// any more, or that is no longer reached, is said to be clean.
    pub(super) fn news(
        &mut self,
        analysis: &Analysis,
        documents: &Documents,
        related: bool,
    ) -> Vec<PublishDiagnosticsParams> {
        let open = documents.iter().map(|document| (document.uri.clone(), (Some(document.version), Vec::new())));
        let mut now: HashMap<Uri, (Option<i32>, Vec<Diagnostic>)> = open.collect();
        for found in &analysis.found {
            let source = found.labels.first().map(|label| label.span.source);
            if let Some(uri) = source.and_then(|source| analysis.uri(source)) {
                now.entry(uri.clone()).or_default().1.extend(converted(analysis, found, related));
            }
        }
        for uri in self.0.keys() {
            now.entry(uri.clone()).or_default();
        }
        let changed = now.iter().filter(|(uri, said)| self.0.get(*uri) != Some(*said));
        let mut news: Vec<_> = changed
            .map(|(uri, (version, diagnostics))| PublishDiagnosticsParams {
                uri: uri.clone(),
                version: *version,
                diagnostics: diagnostics.clone(),
            })
            .collect();
        news.sort_by(|a, b| a.uri.cmp(&b.uri));
        // A closed file without findings has been said to be clean, and is forgotten.
        now.retain(|_, (version, diagnostics)| version.is_some() || !diagnostics.is_empty());
        self.0 = now;
        news
    }
}

fn converted(analysis: &Analysis, found: &diagnostics::Diagnostic, related: bool) -> Option<Diagnostic> {
    let (first, others) = found.labels.split_first()?;
    let mut message = found.message.clone();
    let mut more = |line: &str| {
        message.push('\n');
        message.push_str(line);
    };
    if !first.text.is_empty() {
        more(&first.text);
    }
    let mut elsewhere = Vec::new();
    for label in others {
        let said = if label.text.is_empty() { "see here" } else { &label.text };
        match analysis.location(label.span).filter(|_| related) {
            Some(location) => elsewhere.push(DiagnosticRelatedInformation { location, message: said.to_owned() }),
            None => {
                let path = analysis.path(label.span.source).map_or_else(String::new, |path| path.display().to_string());
                more(&format!("{path}:{}: {said}", analysis.range(label.span).start.line + 1));
            }
        }
    }
    found.notes.iter().for_each(|note| more(&format!("note: {note}")));
    found.help.iter().for_each(|help| more(&format!("help: {help}")));
    if let Some(lint) = found.code.lint() {
        more(&format!("lint: {lint}"));
    }
    Some(Diagnostic {
        range: analysis.range(first.span),
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
        }),
        code: Some(found.code.as_str().to_owned().into()),
        source: Some("thriftwood".to_owned()),
        message: message.into(),
        tags: match found.code {
            Code::Deprecated => Some(vec![DiagnosticTag::Deprecated]),
            Code::UnusedInclude => Some(vec![DiagnosticTag::Unnecessary]),
            _ => None,
        },
        related_information: (!elsewhere.is_empty()).then_some(elsewhere),
        ..Diagnostic::default()
    })
}
