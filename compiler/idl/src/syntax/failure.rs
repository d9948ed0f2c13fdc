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
        let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
        let at = reader.offset + at;
        let start = at.min(skip_blank(text, reader.offset));
        if at == start
            && let Some(keyword) = keyword_before(text, at)
        {
            // `typedef Fine`, and then `scope Winners {`, which was read as a typedef called `scope`.
            return Self { diagnostic: unfinished(reader, keyword, start), resume: Some(keyword) };
        }
        let first_line = &text[line_start(text, start)..start];
        let indent = first_line.len() - first_line.trim_start_matches([' ', '\t']).len();
        let line = line_start(text, at);
        let resume = if line > start { next_definition(text, line, indent) } else { after_line(text, at, indent) };
        let diagnostic = endless(reader, at).unwrap_or_else(|| match resume {
            Some(next) if next < at => unfinished(reader, next, start),
            _ => unexpected(reader, error, at, start),
        });
        Self { diagnostic, resume }
    }
}

/// A string or comment that begins at `at` and does not end.
fn endless(reader: &Reader<'_>, at: usize) -> Option<Diagnostic> {
    let text = reader.text;
    if text[at..].starts_with("/*") && !text[at + 2..].contains("*/") {
        let endless = Diagnostic::new(Code::Syntax, reader.span(at, at + 2), "this comment never ends");
        return Some(endless.help("end it with `*/`; comments do not nest"));
    }
    if !matches!(text.as_bytes().get(at), Some(b'"' | b'\'')) || literal_end(text.as_bytes(), at).is_some() {
        return None;
    }
    let line = text[at..].lines().next().unwrap_or_default().trim_end();
    let endless =
        Diagnostic::new(Code::Syntax, reader.span(at, at + line.len()), "this string does not end on its line");
    Some(endless.help("end it with the quote it begins with; write a line break as `\\n`"))
}

/// A definition that was taken for a part of the one before, in which something is missing.
fn unfinished(reader: &Reader<'_>, next: usize, start: usize) -> Diagnostic {
    let end = word_end(reader.text.as_bytes(), next);
    let keyword = &reader.text[next..end];
    let open = if start < next { scan(&reader.text[start..next]).unclosed } else { Vec::new() };
    let missing = open.last().map(|bracket| match reader.text.as_bytes()[start + bracket] {
        b'(' => "`)`",
        b'[' => "`]`",
        b'<' => "`>`",
        _ => "`}`",
    });
    let message = match missing {
        Some(bracket) => format!("expected {bracket} before the next definition, found `{keyword}`"),
        None => format!("the definition before this `{keyword}` is not finished"),
    };
    unclosed(reader, Diagnostic::new(Code::Syntax, reader.span(next, end), message), start, &open)
}

/// What stands at `at` is not what the grammar wanted.
fn unexpected(reader: &Reader<'_>, error: &pest::error::Error<Rule>, at: usize, start: usize) -> Diagnostic {
    let text = reader.text;
    let (found, end) = found(text, at);
    let wanted = wanted(&error.variant);
    // A brace with a blank behind it is that of a scope without a prefix.
    if wanted.contains(&Rule::prefix_token) && matches!(text.as_bytes()[at..], [b'{', next, ..] if is_word(next)) {
        let message = "the `{` of this prefix variable is not closed";
        let help = "a variable is written `{region}`, without blanks and dots";
        return Diagnostic::new(Code::Syntax, reader.span(at, at + 1), message).help(help);
    }
    let message = format!("expected {}, found {found}", listed(&words_of(&wanted)));
    let at_end = at >= text.len();
    // The end of the file is shown where its last word ends.
    let place = if at_end { text.trim_end().len().max(start) } else { at };
    let mut diagnostic = Diagnostic::new(Code::Syntax, reader.span(place, end.max(place)), message);
    if at_end {
        diagnostic = unclosed(reader, diagnostic, start, &scan(&text[start..at]).unclosed);
    }
    let keyword_end = word_end(text.as_bytes(), start);
    let keyword = &text[start..keyword_end];
    let nameless = text.get(keyword_end..at).is_some_and(|between| between.trim().is_empty());
    match whole(keyword).filter(|_| nameless).or_else(|| hint(&wanted, keyword, &text[at..end])) {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic,
    }
}

/// Points to the innermost bracket that is open.
fn unclosed(reader: &Reader<'_>, diagnostic: Diagnostic, start: usize, open: &[usize]) -> Diagnostic {
    let Some(last) = open.last() else { return diagnostic };
    let at = start + last;
    let bracket = &reader.text[at..=at];
    diagnostic.also(reader.span(at, at + 1), format!("this `{bracket}` is not closed"))
}

/// The definition keyword that was taken for a name: the last word before `at`, if its line begins with it.
fn keyword_before(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].trim_end();
    let start = before.len() - before.bytes().rev().take_while(|byte| is_word(*byte)).count();
    let begins_line = text[line_start(text, start)..start].trim().is_empty();
    (begins_line && KEYWORDS.contains(&&before[start..])).then_some(start)
}

/// Where the text goes on after white space and comments.
pub(super) fn skip_blank(text: &str, from: usize) -> usize {
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
    let needed = |rule: &Rule| !(may_be_left_out(*rule) || closes && *rule == Rule::equals);
    let mut needed: Vec<Rule> =
        positives.iter().copied().filter(|rule| needed(rule) && word(*rule).is_some()).collect();
    if needed.len() > 1 {
        // A `(` among others begins annotations.
        needed.retain(|rule| *rule != Rule::left);
    }
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
    if matches!(letter, '\n' | '\r') {
        return ("the end of the line".to_owned(), at);
    }
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

/// How a definition is written whose name is missing already.
fn whole(keyword: &str) -> Option<String> {
    let form = match keyword {
        "struct" => "a struct is written `struct Album { 1: string asin }`",
        "union" => "a union is written `union Found { 1: Album album, 2: string note }`",
        "exception" => "an exception is written `exception NotFound { 1: string message }`",
        "enum" => "an enum is written `enum Format { CD = 1, LP = 2 }`",
        "service" => "a service is written `service Store { Album buy(1: string asin) }`",
        "scope" => "a scope is written `scope Winners prefix shop.{region} { Winner: Album }`",
        _ => return None,
    };
    Some(form.to_owned())
}

/// How the definition that begins with `keyword` is written, or which keyword was probably meant.
fn hint(wanted: &[Rule], keyword: &str, found: &str) -> Option<String> {
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
            None => "a definition begins with `struct`, `enum`, `service`, `scope`, `typedef`, `const` or the like"
                .to_owned(),
        });
    }
    let wants = |rule: Rule| wanted.contains(&rule);
    let form = match keyword {
        "struct" | "union" | "exception" => "a field is written `1: string title`",
        "enum" => "an enum value is written `CD = 1`, or `CD` alone",
        "service" if wants(Rule::field) || wants(Rule::colon) => {
            "arguments are written `(1: string asin, 2: i32 count)`"
        }
        "service" => "a function is written `Album buy(1: string asin)`",
        "scope" if wants(Rule::prefix_token) || wants(Rule::prefix_name) || wants(Rule::prefix) => {
            "a scope is written `scope Winners prefix shop.{region} { Winner: Album }`"
        }
        "scope" => "an operation is written `Winner: Album`",
        "const" => "a constant is written `const i32 LIMIT = 10`",
        "typedef" => "a typedef is written `typedef i64 UserId`",
        "namespace" => "a namespace is written `namespace rs shop.music`",
        "include" => "an include is written `include \"common.frugal\"`",
        _ => return None,
    };
    Some(form.to_owned())
}
