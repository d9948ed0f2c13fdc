//! Says in words where and why the grammar gave up, and where reading can go on.

use pest::error::{ErrorVariant, InputLocation};

use super::grammar::Rule;
use super::parse::{KEYWORDS, next_definition};
use super::reader::Reader;
use super::scan::{is_word, literal_end, scan, word_end};
use super::words::{may_be_left_out, word};
use crate::diagnostics::{Code, Diagnostic, nearest};

/// A definition that cannot be read.
pub(super) struct Failure {
    pub(super) diagnostic: Diagnostic,
    /// The next definition, if there is one.
    pub(super) resume: Option<usize>,
}

impl Failure {
    /// What the grammar's error means, and what the text around it suggests.
    pub(super) fn new(reader: &Reader<'_>, error: &pest::error::Error<Rule>) -> Self {
        let text = reader.text;
        let at = reader.offset
            + match error.location {
                InputLocation::Pos(at) => at,
                InputLocation::Span((start, _)) => start,
            };
        let start = at.min(skip_blank(text, reader.offset));
        let begun = line_start(text, start);
        let indent = text[begun..start].chars().take_while(|letter| matches!(letter, ' ' | '\t')).count();
        let line = line_start(text, at);
        let resume = if line > start { next_definition(text, line, indent) } else { after_line(text, at, indent) };

        let open = scan(&text[reader.offset..at]);
        let swallowed = resume.filter(|next| *next <= at);
        let diagnostic = if text[at..].starts_with("/*") && !text[at + 2..].contains("*/") {
            Diagnostic::new(Code::Syntax, reader.span(at, at + 2), "this comment never ends")
                .help("end it with `*/`; comments do not nest")
        } else if matches!(text.as_bytes().get(at), Some(b'"' | b'\'')) && literal_end(text.as_bytes(), at).is_none() {
            let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
            let end = at + text[at..end].trim_end().len();
            Diagnostic::new(Code::Syntax, reader.span(at, end), "this string does not end on its line")
                .help("end it with the quote it begins with; write a line break as `\\n`")
        } else if let Some(next) = swallowed {
            // The bracket is missing before the definition that was taken for a part of this one.
            let end = word_end(text.as_bytes(), next);
            let keyword = &text[next..end];
            let message = format!("expected `}}` before the next definition, found `{keyword}`");
            let diagnostic = Diagnostic::new(Code::Syntax, reader.span(next, end), message);
            unclosed(reader, diagnostic, &scan(&text[reader.offset..next]).unclosed)
        } else {
            let (found, end) = found(text, at);
            let wanted = wanted(&error.variant);
            let message = format!("expected {}, found {found}", listed(&words_of(&wanted)));
            let place = if at >= text.len() { text.trim_end().len() } else { at };
            let diagnostic = Diagnostic::new(Code::Syntax, reader.span(place, end.max(place)), message);
            let diagnostic = if at >= text.len() { unclosed(reader, diagnostic, &open.unclosed) } else { diagnostic };
            match hint(&wanted, &text[at..end]) {
                Some(hint) => diagnostic.help(hint),
                None => diagnostic,
            }
        };
        Self { diagnostic, resume: resume.filter(|next| *next > reader.offset) }
    }
}

fn unclosed(reader: &Reader<'_>, diagnostic: Diagnostic, open: &[usize]) -> Diagnostic {
    let Some(last) = open.last() else { return diagnostic };
    let at = reader.offset + last;
    let bracket = &reader.text[at..=at];
    diagnostic.also(reader.span(at, at + 1), format!("this `{bracket}` is not closed"))
}

/// Where the text goes on after white space and comments.
fn skip_blank(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = text[at..]
            .trim_start_matches(|letter: char| letter.is_ascii_whitespace() || "\u{b}\u{feff}".contains(letter));
        at = text.len() - rest.len();
        let length = if rest.starts_with("//") || rest.starts_with('#') {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |length| length + 4)
        } else {
            return at;
        };
        at += length;
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn after_line(text: &str, at: usize, indent: usize) -> Option<usize> {
    let newline = text[at..].find('\n')?;
    next_definition(text, at + newline + 1, indent)
}

/// The rules that would have gone on, those that may be left out only where there are no others.
fn wanted(variant: &ErrorVariant<Rule>) -> Vec<Rule> {
    let ErrorVariant::ParsingError { positives, .. } = variant else { return Vec::new() };
    let closes = positives.iter().any(|rule| is_closing(*rule));
    // Where something can end, what else could have come first is more than anybody wants to know.
    let needed = |rule: &Rule| !(may_be_left_out(*rule) || closes && matches!(rule, Rule::equals | Rule::left));
    let needed: Vec<Rule> = positives.iter().copied().filter(|rule| needed(rule) && word(*rule).is_some()).collect();
    if needed.is_empty() { positives.clone() } else { needed }
}

fn is_closing(rule: Rule) -> bool {
    matches!(rule, Rule::close | Rule::right | Rule::more | Rule::square_end)
}

fn words_of(rules: &[Rule]) -> Vec<&'static str> {
    let mut words = Vec::new();
    for word in rules.iter().filter_map(|rule| word(*rule)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// `a, b or c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => "something else".to_owned(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What stands at `at`, in words, and where it ends.
fn found(text: &str, at: usize) -> (String, usize) {
    let rest = &text[at..];
    let Some(letter) = rest.chars().next() else { return ("the end of the file".to_owned(), at) };
    let bytes = text.as_bytes();
    let end = match bytes[at] {
        b'"' | b'\'' => literal_end(bytes, at).unwrap_or(at + 1),
        byte if is_word(byte) => word_end(bytes, at),
        _ => at + letter.len_utf8(),
    };
    match bytes[at] {
        b'"' | b'\'' => ("a string".to_owned(), end),
        _ if end - at > 60 => ("a very long word".to_owned(), end),
        _ if letter.is_control() || !letter.is_ascii() => (format!("`{}`", letter.escape_debug()), end),
        _ => (format!("`{}`", &text[at..end]), end),
    }
}

/// How the thing that was expected is written, or which word was probably meant.
fn hint(wanted: &[Rule], found: &str) -> Option<String> {
    let wants = |rule: Rule| wanted.contains(&rule);
    if word(*wanted.first()?) == Some("a definition") {
        let meant = match found {
            "message" | "class" | "record" | "type" => Some("struct"),
            "interface" => Some("service"),
            "import" => Some("include"),
            "package" => Some("namespace"),
            _ => nearest(found, KEYWORDS.iter().copied()),
        };
        return Some(match meant {
            Some(keyword) => format!("did you mean `{keyword}`?"),
            None => "a definition begins with `struct`, `enum`, `typedef`, `const`, `service`, `scope` or the like"
                .to_owned(),
        });
    }
    let form = if wants(Rule::operation) || wants(Rule::colon) && wanted.len() == 1 && found != "=" {
        "an operation is written `Created: Album`, a field `1: string title`, a map entry `key: value`"
    } else if wants(Rule::function) {
        "a function is written `Album buy(1: string asin)`"
    } else if wants(Rule::field) {
        "a field is written `1: string title`"
    } else if wants(Rule::enum_value) {
        "an enum value is written `CD = 1`"
    } else if wants(Rule::prefix_token) {
        "a prefix is written `prefix shop.{region}`"
    } else {
        return None;
    };
    Some(form.to_owned())
}
