//! Doc comments: the IDL's plain text as rustdoc's Markdown, changed only where rustdoc would misread it.

/// The text with what rustdoc takes for links, HTML or Rust code made harmless.
pub(crate) fn to_rustdoc(doc: &str) -> String {
    let mut fenced = false;
    // Where the text of the list item starts that the line before is in.
    let mut item = None;
    let mut lines = Vec::new();
    for line in doc.trim().lines() {
        let line = line.trim_end().replace('\t', "    ");
        if line.trim_start().starts_with("```") {
            // A fence without a language is Rust to rustdoc, which would compile and run it.
            let opens = !fenced && line.trim_start() == "```";
            fenced = !fenced;
            lines.push(if opens { "```text".to_owned() } else { line.trim_start().to_owned() });
        } else if fenced {
            lines.push(line);
        } else {
            let line = escape(&line);
            let text = line.trim_start();
            let begins = item_column(&line);
            let column = begins.or(item).filter(|_| !text.is_empty());
            // A line that goes on with an item stands below the item's text, where it is meant to be.
            lines.push(match column {
                Some(column) if begins.is_none() => format!("{}{text}", " ".repeat(column)),
                _ => line,
            });
            item = column;
        }
    }
    if fenced {
        lines.push("```".to_owned());
    }
    lines.join("\n")
}

/// Where the text of a list item starts, for a line that begins one.
fn item_column(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let marker = match text.chars().next()? {
        '-' | '*' | '+' => 1,
        '0'..='9' if number.starts_with(['.', ')']) => text.len() - number.len() + 1,
        _ => return None,
    };
    let rest = &text[marker..];
    let spaces = rest.len() - rest.trim_start().len();
    // Five spaces would start a code block in the item.
    (1..5).contains(&spaces).then_some(line.len() - text.len() + marker + spaces)
}

/// One line outside of code blocks.
fn escape(line: &str) -> String {
    // Four spaces start a code block.
    let text = line.trim_start();
    let indent = (line.len() - text.len()).min(3);
    let mut escaped = " ".repeat(indent);
    let balanced = text.matches('`').count().is_multiple_of(2);
    let mut code = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '`' && balanced {
            code = !code;
        } else if !code {
            if rest.starts_with("http://") || rest.starts_with("https://") {
                let (url, after) = split_url(rest);
                let quoted = escaped.ends_with('<') || escaped.ends_with("](");
                escaped += &if quoted { url.to_owned() } else { format!("<{url}>") };
                rest = after;
                continue;
            }
            if needs_escape(c, rest, &escaped) {
                escaped.push('\\');
            }
        }
        escaped.push(c);
        rest = &rest[c.len_utf8()..];
    }
    escaped
}

fn needs_escape(c: char, rest: &str, before: &str) -> bool {
    let next = rest.chars().nth(1);
    match c {
        _ if before.ends_with('\\') => false,
        '<' => next.is_some_and(|n| n.is_alphabetic() || matches!(n, '/' | '!' | '?')) && !rest.starts_with("<http"),
        '[' => !rest.split_once(']').is_some_and(|(_, after)| after.starts_with("(http")),
        '`' => true,
        _ => false,
    }
}

fn split_url(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_whitespace() || "<>()[]\"'`".contains(c)).unwrap_or(text.len());
    let url = text[..end].trim_end_matches(['.', ',', ';', ':']);
    text.split_at(url.len())
}

#[cfg(test)]
mod tests {
    use super::to_rustdoc;

    #[test]
    fn plain_text_is_left_alone() {
        let text = "An album's price; at least 3 < 4.\n\n- one\n- two";
        assert_eq!(to_rustdoc(text), text);
    }

    #[test]
    fn links_html_and_code_are_made_harmless() {
        for (idl, rustdoc) in [
            ("a list<Track> of [things]", "a list\\<Track> of \\[things]"),
            ("`list<Track>` of `[things]`", "`list<Track>` of `[things]`"),
            ("see http://a.b/c.", "see <http://a.b/c>."),
            ("see [it](http://a.b/c)", "see [it](http://a.b/c)"),
            ("(http://a.b) \"http://a.b\"", "(<http://a.b>) \"<http://a.b>\""),
            ("a\n        b", "a\n   b"),
            ("```\nlet x;\n```", "```text\nlet x;\n```"),
            ("it`s", "it\\`s"),
            ("- one\ngoes on\n-  two\n     too\n\nend", "- one\n  goes on\n-  two\n   too\n\nend"),
            ("12. a\nb\n  * c\nd\n2.5 is\nnone", "12. a\n    b\n  * c\n    d\n    2.5 is\n    none"),
        ] {
            assert_eq!(to_rustdoc(idl), rustdoc);
        }
    }
}
