//! Gives something another name, everywhere it is used, or says why that cannot be.
//!
//! Whether a new name clashes is not reasoned out: the renamed texts are compiled, and must mean what they meant.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use gen_lsp_types::{Position, PrepareRenamePlaceholder, PrepareRenameResult, TextEdit, Uri, WorkspaceEdit};
use thriftwood_idl::diagnostics::Code;
use thriftwood_idl::index::{Declaration, Target};
use thriftwood_idl::source::Span;
use thriftwood_idl::{Files, Options};

use super::analysis::Analysis;
use super::documents::{Documents, identity};

/// What can be renamed at a place: its range and its name.
pub(super) fn prepare(analysis: &Analysis, uri: &Uri, position: Position) -> Result<PrepareRenameResult, String> {
    let (span, declaration, _) = renamed(analysis, uri, position)?;
    let placeholder = declaration.name.clone();
    Ok(PrepareRenamePlaceholder { range: analysis.range(span), placeholder }.into())
}

/// The edits that give what stands at a place a new name.
pub(super) fn rename(
    analysis: &Analysis,
    documents: &Documents,
    roots: &[PathBuf],
    options: &Options,
    (uri, position): (&Uri, Position),
    new: &str,
) -> Result<WorkspaceEdit, String> {
    let (_, declaration, target) = renamed(analysis, uri, position)?;
    let old = &declaration.name;
    may_be_a_name(new)?;
    let unread = blind(analysis, declaration.span.source);
    if let Some(path) = unread {
        return Err(format!(
            "`{}` has syntax errors, so that uses of `{old}` in it may not be seen; correct them first",
            path.display()
        ));
    }
    let spans: Vec<Span> = std::iter::once(declaration.span).chain(analysis.index.uses_of(target)).collect();
    let renamed = Renamed::new(analysis, documents, &spans, new);
    let after = Analysis::new(documents, &renamed, roots, options);
    if let Some(clash) = clash(analysis, &after) {
        return Err(format!("`{old}` cannot be called `{new}`: {clash}"));
    }
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for span in spans {
        let uri = analysis.uri(span.source).ok_or_else(|| format!("a use of `{old}` is in a file without a name"))?;
        let edit = TextEdit { range: analysis.range(span), new_text: new.to_owned() };
        changes.entry(uri.clone()).or_default().push(edit);
    }
    changes.values_mut().for_each(|edits| edits.sort_by_key(|edit| edit.range));
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// What stands at a place, if it has a name that can change.
fn renamed<'a>(
    analysis: &'a Analysis,
    uri: &Uri,
    position: Position,
) -> Result<(Span, &'a Declaration, Target), String> {
    let (span, target) = analysis.at(uri, position).ok_or("there is no name here that can be changed")?;
    match target {
        Target::File(_) => Err("this is the name of a file; rename the file, and correct its includes".to_owned()),
        Target::Declaration(id) => {
            let declaration = analysis.index.declaration(id).ok_or("there is no name here that can be changed")?;
            Ok((span, declaration, target))
        }
    }
}

/// Words that mean something of their own in one place or another.
const RESERVED: &[&str] = &[
    "async",
    "binary",
    "bool",
    "byte",
    "const",
    "cpp_include",
    "double",
    "enum",
    "exception",
    "extends",
    "false",
    "i16",
    "i32",
    "i64",
    "i8",
    "include",
    "list",
    "map",
    "namespace",
    "oneway",
    "optional",
    "prefix",
    "required",
    "scope",
    "senum",
    "service",
    "set",
    "slist",
    "string",
    "struct",
    "throws",
    "true",
    "typedef",
    "union",
    "uuid",
    "void",
];

fn may_be_a_name(new: &str) -> Result<(), String> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = new.bytes().next().is_some_and(is_letter) && new.bytes().all(|b| is_letter(b) || b.is_ascii_digit());
    if !is_name {
        return Err(format!("`{new}` is no name: names are letters, digits and `_`, and do not begin with a digit"));
    }
    if RESERVED.contains(&new) {
        return Err(format!("`{new}` is a word of the language"));
    }
    Ok(())
}

/// A file that reaches the text, or is it, and of which a part could not be read.
fn blind(analysis: &Analysis, source: u32) -> Option<&Path> {
    let mut reaching = vec![source];
    for file in &analysis.index.files {
        // Includes stand before those that include them, so one pass finds the whole chain.
        if file.source == source || file.includes.iter().any(|include| reaching.contains(include)) {
            if !file.whole {
                return Some(&file.path);
            }
            reaching.push(file.source);
        }
    }
    None
}

/// Why the texts after do not mean what they meant before.
fn clash(before: &Analysis, after: &Analysis) -> Option<String> {
    let errors = |analysis: &Analysis| -> Vec<(Code, String)> {
        let errors = analysis.found.iter().filter(|found| found.is_error());
        errors.map(|found| (found.code, found.message.clone())).collect()
    };
    let (old, mut new) = (errors(before), errors(after));
    if new.len() > old.len() {
        new.retain(|error| !old.contains(error));
        // A name given twice may make others unknown; it says best what is wrong.
        let twice = new.iter().find(|(code, _)| *code == Code::DuplicateName);
        return twice.or(new.first()).map(|(_, message)| message.clone());
    }
    let targets = |analysis: &Analysis| analysis.index.uses.iter().map(|each| each.target).collect::<Vec<_>>();
    (targets(before) != targets(after)).then(|| "something else of that name would be meant".to_owned())
}

/// The texts as they are once renamed.
struct Renamed<'a> {
    documents: &'a Documents,
    texts: BTreeMap<PathBuf, String>,
}

impl<'a> Renamed<'a> {
    fn new(analysis: &Analysis, documents: &'a Documents, spans: &[Span], new: &str) -> Self {
        let mut texts = BTreeMap::new();
        let mut ordered = spans.to_vec();
        // From the end, so that the places before stay where they are.
        ordered.sort_by_key(|span| std::cmp::Reverse((span.source, span.start)));
        for span in ordered {
            let Some(path) = analysis.path(span.source) else { continue };
            let text = texts.entry(identity(path)).or_insert_with(|| analysis.all(span.source).to_owned());
            text.replace_range(span.start as usize..span.end as usize, new);
        }
        Self { documents, texts }
    }
}

impl Files for Renamed<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.texts.get(&identity(path)) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.documents.read(path),
        }
    }

    fn identity(&self, path: &Path) -> PathBuf {
        identity(path)
    }
}

#[cfg(test)]
mod tests {
    use super::may_be_a_name;

    #[test]
    fn a_name_is_letters_digits_and_underscores_and_no_keyword() {
        assert!(may_be_a_name("_album2").is_ok());
        for name in ["", "2nd", "a.b", "a b", "ä", "struct", "i32", "Album;"] {
            assert!(may_be_a_name(name).is_err(), "{name}");
        }
    }
}
