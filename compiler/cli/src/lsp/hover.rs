//! What is shown of a name under the pointer: how it is declared, what travels for it, and its doc comment.

use gen_lsp_types::{Contents, Hover, MarkupContent, MarkupKind, Position, Uri};
use thriftwood_idl::index::{Declaration, DeclarationId, Kind, Target};
use thriftwood_idl::model::{Prefix, PrefixToken, Requiredness, StructKind};
use thriftwood_idl::source::Span;

use super::analysis::Analysis;

/// What is to be said of the name at a place.
pub(super) fn hover(analysis: &Analysis, uri: &Uri, position: Position) -> Option<Hover> {
    let (span, target) = analysis.at(uri, position)?;
    let value = match target {
        Target::File(source) => format!("`{}`", analysis.path(source)?.display()),
        Target::Declaration(id) => {
            let from = span.source;
            described(analysis, id, Some(from))?
        }
    };
    let contents = Contents::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: Some(analysis.range(span)) })
}

/// A declaration in Markdown: its line, facts that the line does not show, and its doc comment. Where it is declared is
/// said to a reader `from` another text.
pub(super) fn described(analysis: &Analysis, id: DeclarationId, from: Option<u32>) -> Option<String> {
    let declaration = analysis.index.declaration(id)?;
    let mut parts = vec![format!("```thrift\n{}\n```", line(analysis, id, declaration))];
    parts.extend(facts(analysis, id, declaration));
    if let Some(why) = &declaration.deprecated {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        parts.push(format!("**Deprecated**{why}"));
    }
    parts.extend(declaration.doc.clone());
    if from.is_some_and(|from| from != declaration.span.source) {
        let path = analysis.path(declaration.span.source)?;
        parts.push(format!("*{}*", path.file_name()?.to_string_lossy()));
    }
    Some(parts.join("\n\n"))
}

/// The declaration as it is written, on one line and without what is in its braces.
pub(super) fn line(analysis: &Analysis, id: DeclarationId, declaration: &Declaration) -> String {
    let Declaration { kind, name, .. } = declaration;
    let ty = declaration.ty.map_or_else(|| "void".to_owned(), |span| squeezed(analysis, span));
    let value = declaration.value.map(|span| format!(" = {}", squeezed(analysis, span))).unwrap_or_default();
    match kind {
        Kind::Typedef => format!("typedef {ty} {name}"),
        Kind::Enum => format!("enum {name}"),
        Kind::EnumValue(number) => format!("{name} = {number}"),
        Kind::Struct(StructKind::Struct) => format!("struct {name}"),
        Kind::Struct(StructKind::Union) => format!("union {name}"),
        Kind::Struct(StructKind::Exception) => format!("exception {name}"),
        Kind::Field(id, Requiredness::Required) => format!("{id}: required {ty} {name}{value}"),
        Kind::Field(id, Requiredness::Optional) => format!("{id}: optional {ty} {name}{value}"),
        Kind::Field(id, Requiredness::Default) | Kind::Argument(id) => format!("{id}: {ty} {name}{value}"),
        Kind::Thrown(id) => format!("{id}: {ty} {name}"),
        Kind::Const => format!("const {ty} {name}{value}"),
        Kind::Service => {
            let parent = declaration.of.and_then(|parent| analysis.index.declaration(parent));
            let parent = parent.map(|parent| format!(" extends {}", parent.name)).unwrap_or_default();
            format!("service {name}{parent}")
        }
        Kind::Function { oneway } => {
            let oneway = if *oneway { "oneway " } else { "" };
            let list = |wanted: fn(&Kind) -> bool| {
                let members = analysis.index.members(id).filter(move |(_, member)| wanted(&member.kind));
                members.map(|(id, member)| line(analysis, id, member)).collect::<Vec<_>>().join(", ")
            };
            let throws = list(|kind| matches!(kind, Kind::Thrown(_)));
            let throws = if throws.is_empty() { throws } else { format!(" throws ({throws})") };
            format!("{oneway}{ty} {name}({}){throws}", list(|kind| matches!(kind, Kind::Argument(_))))
        }
        Kind::Scope(prefix) if prefix.tokens.is_empty() => format!("scope {name}"),
        Kind::Scope(prefix) => format!("scope {name} prefix {}", pattern(prefix)),
        Kind::Operation => format!("{name}: {ty}"),
    }
}

/// What the line does not say.
fn facts(analysis: &Analysis, id: DeclarationId, declaration: &Declaration) -> Option<String> {
    let index = &analysis.index;
    let owner = declaration.owner.and_then(|owner| index.declaration(owner));
    match &declaration.kind {
        Kind::Field(number, requiredness) => {
            let said = match requiredness {
                Requiredness::Required => "required: reading fails without it",
                Requiredness::Optional => "optional: written only when set",
                Requiredness::Default => "always written, tolerated when absent",
            };
            Some(format!("Field {number} of `{}`; {said}.", owner?.name))
        }
        Kind::EnumValue(number) => Some(format!("Travels as {number}, a value of `{}`.", owner?.name)),
        Kind::Argument(_) | Kind::Thrown(_) => Some(format!("Of the function `{}`.", owner?.name)),
        Kind::Function { .. } => Some(format!("A function of `{}`.", owner?.name)),
        Kind::Scope(_) => {
            let topics = index.members(id).filter_map(|(_, operation)| topic(declaration, operation));
            let topics: Vec<_> = topics.map(|topic| format!("- `{topic}`")).collect();
            (!topics.is_empty()).then(|| format!("Topics:\n\n{}", topics.join("\n")))
        }
        Kind::Operation => Some(format!("Topic: `{}`", topic(owner?, declaration)?)),
        Kind::Typedef => {
            let meant = index.declaration(index.resolved(id))?;
            let chained = !std::ptr::eq(meant, declaration) && declaration.of != Some(index.resolved(id));
            chained.then(|| format!("Stands for `{}`.", meant.name))
        }
        _ => None,
    }
}

/// The topic an event travels on: the prefix, the scope's name with its first letter in upper case, the event's name.
fn topic(scope: &Declaration, operation: &Declaration) -> Option<String> {
    let Kind::Scope(prefix) = &scope.kind else { return None };
    let mut letters = scope.name.chars();
    let first = letters.next()?.to_ascii_uppercase();
    let dot = if prefix.tokens.is_empty() { "" } else { "." };
    Some(format!("{}{dot}{first}{}.{}", pattern(prefix), letters.as_str(), operation.name))
}

fn pattern(prefix: &Prefix) -> String {
    let tokens = prefix.tokens.iter().map(|token| match token {
        PrefixToken::Literal(text) => text.clone(),
        PrefixToken::Variable(name) => format!("{{{name}}}"),
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// The longest piece of a file that is shown in a line.
const LONGEST: usize = 120;

/// The text of a span on one line.
fn squeezed(analysis: &Analysis, span: Span) -> String {
    let text = analysis.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ..", &text[..end]),
        None => text,
    }
}
