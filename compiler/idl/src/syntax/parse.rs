//! Reads a file definition by definition. What cannot be read is reported, and reading goes on at the next definition.

use pest::Parser;

use super::failure::{Failure, skip_blank};
use super::grammar::{Grammar, Rule};
use super::head::head;
use super::reader::Reader;
use super::scan::{MAX_DEPTH, is_word, scan, word_end};
use super::tree::Tree;
use crate::diagnostics::{Code, Diagnostic};

/// What the text of one file gave.
pub(crate) struct Parsed {
    /// What could be read.
    pub(crate) tree: Tree,
    /// What could not, and what is old-fashioned.
    pub(crate) found: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether all of the file is in the tree, so that what is not in it does not exist.
    pub(crate) fn is_whole(&self) -> bool {
        !self.found.iter().any(Diagnostic::is_error)
    }
}

/// After so many syntax errors the rest of a file is not looked at: it is something else than IDL.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Reads the text with this index in the sources.
pub(crate) fn parse(text: &str, source: u32) -> Parsed {
    let mut reader = Reader { text, source, offset: 0, tree: Tree::default(), found: Vec::new() };
    let mut failures = 0;
    let mut checked = false;
    while reader.offset < text.len() {
        let start = reader.offset;
        // Only after a failure can the brackets ahead be others than those that were counted.
        if !checked && let Some(deep) = scan(&text[start..]).too_deep {
            let span = reader.span(start + deep, start + deep + 1);
            let message = format!("brackets nest more than {MAX_DEPTH} deep here");
            let help = "give the inner type a name with `typedef`, or the inner value one with `const`";
            reader.found.push(Diagnostic::new(Code::TooDeep, span, message).help(help));
            break;
        }
        checked = true;
        match Grammar::parse(Rule::item, &text[start..]) {
            Ok(items) => {
                let Some(definition) = items.into_iter().next().and_then(|item| item.into_inner().next()) else {
                    break;
                };
                let end = definition.as_span().end();
                if definition.as_rule() == Rule::EOI {
                    break;
                }
                reader.definition(&definition);
                reader.offset = start + end;
            }
            Err(error) => {
                let error = within_annotations(&text[start..]).unwrap_or(error);
                let Failure { diagnostic, resume } = Failure::new(&reader, &error);
                reader.tree.broken.extend(head(&reader, resume.unwrap_or(text.len())));
                failures += 1;
                let full = failures == MAX_SYNTAX_ERRORS && resume.is_some();
                reader.found.push(if full { diagnostic.note("the rest of the file is not read") } else { diagnostic });
                match resume {
                    Some(resume) if !full => reader.offset = resume,
                    _ => break,
                }
                checked = false;
            }
        }
    }
    Parsed { tree: reader.tree, found: reader.found }
}

/// What is wrong within annotations. No definition begins with a bracket, so these are of the one before, which was read without them.
fn within_annotations(text: &str) -> Option<pest::error::Error<Rule>> {
    let begins = text[skip_blank(text, 0)..].starts_with('(');
    begins.then(|| Grammar::parse(Rule::loose_annotations, text).err()).flatten()
}

/// The words a definition can begin with.
pub(super) const KEYWORDS: &[&str] = &[
    "include",
    "cpp_include",
    "namespace",
    "const",
    "typedef",
    "enum",
    "senum",
    "struct",
    "union",
    "exception",
    "service",
    "scope",
];

/// The start of the first line at or after `from` that begins with a definition keyword and is indented no further than
/// `indent`: fields and values may be called like keywords, but they stand further right.
pub(super) fn next_definition(text: &str, from: usize, indent: usize) -> Option<usize> {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let word = &line[blank..word_end(line.as_bytes(), blank)];
        let named = line[blank + word.len()..]
            .trim_start()
            .bytes()
            .next()
            .is_some_and(|next| is_word(next) || matches!(next, b'"' | b'\'' | b'*'));
        if blank <= indent && named && KEYWORDS.contains(&word) {
            return Some(at + blank);
        }
        at += line.len();
    }
    None
}
