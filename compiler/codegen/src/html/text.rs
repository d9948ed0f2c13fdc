//! Doc comments as HTML. They are read as the little Markdown that people write in comments: paragraphs, lists, code,
//! headings, strong text, links to the web, and Javadoc's tags. Everything else is text, and so is all HTML but the little
//! that `javadoc` reads.

use super::javadoc;
use super::markup::Html;

/// Where a name in the text is defined, if it is: an address.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A doc comment; nothing where there is none.
pub(super) fn doc(h: &mut Html, doc: Option<&str>, lookup: Lookup<'_>) {
    let Some(doc) = doc.filter(|doc| !doc.trim().is_empty()) else { return };
    // Text of another writing direction must not turn around what stands beside it.
    h.element("div", &[("class", "doc"), ("dir", "auto")], |h| {
        let mut blocks = blocks(doc).into_iter().peekable();
        while let Some(block) = blocks.next() {
            match block {
                Block::Paragraph(text) => h.element("p", &[], |h| inline(h, &text, lookup)),
                Block::Heading(text) => h.element("p", &[], |h| h.element("strong", &[], |h| inline(h, &text, lookup))),
                Block::Code(text) => h.element("pre", &[], |h| h.leaf("code", &[], &text)),
                Block::Tag(name, text) => h.element("p", &[("class", "tag")], |h| tag(h, &name, &text, lookup)),
                Block::Item(ordered, text) => {
                    let mut items = vec![text];
                    while let Some(Block::Item(_, text)) = blocks.next_if(|next| next.is_item(ordered)) {
                        items.push(text);
                    }
                    h.element(if ordered { "ol" } else { "ul" }, &[], |h| {
                        for item in items {
                            h.element("li", &[], |h| inline(h, &item, lookup));
                        }
                    });
                }
            }
        }
    });
}

/// `@param name What it is.`
fn tag(h: &mut Html, name: &str, text: &str, lookup: Lookup<'_>) {
    let (title, names_something) = match name {
        "param" => ("Parameter", true),
        "throws" | "throw" | "exception" => ("Throws", true),
        "return" | "returns" => ("Returns", false),
        "deprecated" => ("Deprecated", false),
        "see" => ("See", false),
        "since" => ("Since", false),
        other => (other, false),
    };
    h.leaf("span", &[("class", "label")], title);
    h.text(" ");
    let text = match text.split_once(char::is_whitespace).unwrap_or((text, "")) {
        (word, rest) if names_something && !word.is_empty() => {
            write(h, &Piece::Code(word), lookup);
            h.text(" ");
            rest.trim_start()
        }
        _ => text,
    };
    inline(h, text, lookup);
}

/// The first sentence of a doc comment on one line, without marks; empty where there is none.
pub(super) fn summary(doc: Option<&str>) -> String {
    /// More than a line of a list is no summary, in characters.
    const LONGEST: usize = 160;
    let first = doc.map(blocks).unwrap_or_default().into_iter().find_map(|block| match block {
        Block::Paragraph(text) | Block::Heading(text) | Block::Item(_, text) => Some(text),
        Block::Code(_) | Block::Tag(..) => None,
    });
    let text: String = first.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace(['`'], "").replace("**", "");
    let end = text.match_indices(". ").map(|(at, _)| at + 1).find(|end| !is_abbreviation(&text[..*end]));
    let sentence = &text[..end.unwrap_or(text.len())];
    match sentence.char_indices().nth(LONGEST) {
        None => sentence.to_owned(),
        Some((at, _)) => format!("{}…", sentence[..at].trim_end()),
    }
}

/// Whether the dot at the end is that of `e.g.` or the like.
fn is_abbreviation(text: &str) -> bool {
    ["e.g.", "i.e.", "etc.", "vs.", "cf."].iter().any(|short| text.ends_with(short))
}

#[derive(Debug, PartialEq)]
enum Block {
    Paragraph(String),
    Heading(String),
    Code(String),
    /// `@param name What it is.`
    Tag(String, String),
    /// One item of a list, which may be numbered.
    Item(bool, String),
}

impl Block {
    fn is_item(&self, ordered: bool) -> bool {
        matches!(self, Block::Item(numbered, _) if *numbered == ordered)
    }
}

fn blocks(doc: &str) -> Vec<Block> {
    let doc = javadoc::to_markdown(doc);
    let mut blocks: Vec<Block> = Vec::new();
    // Whether the next line goes on with the last block.
    let mut open = false;
    let mut lines = doc.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.starts_with("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
            blocks.push(Block::Code(code.join("\n")));
            open = false;
        } else if text.is_empty() {
            open = false;
        } else if let Some(block) = opening(text) {
            open = !matches!(block, Block::Heading(_));
            blocks.push(block);
        } else if let (true, Some(Block::Paragraph(last) | Block::Tag(_, last) | Block::Item(_, last))) =
            (open, blocks.last_mut())
        {
            last.push('\n');
            *last += text;
        } else {
            blocks.push(Block::Paragraph(text.to_owned()));
            open = true;
        }
    }
    blocks
}

/// The block that a line starts by its first letters; `None` for a line of plain text.
fn opening(line: &str) -> Option<Block> {
    if let Some(rest) = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark)) {
        return Some(Block::Item(false, rest.trim().to_owned()));
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = line.len() - rest.len();
    if let (1..=3, Some(rest)) = (digits, rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))) {
        return Some(Block::Item(true, rest.trim().to_owned()));
    }
    let rest = line.trim_start_matches('#');
    if let (1..=6, Some(rest)) = (line.len() - rest.len(), rest.strip_prefix(' ')) {
        return Some(Block::Heading(rest.trim().to_owned()));
    }
    let tag = line.strip_prefix('@')?;
    let end = tag.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tag.len());
    let (name, text) = tag.split_at(end);
    (!name.is_empty()).then(|| Block::Tag(name.to_owned(), text.trim().to_owned()))
}

/// How far the end of a link's text is looked for, in bytes: a comment must not be read once per bracket.
const LONGEST_LABEL: usize = 400;

fn inline(h: &mut Html, text: &str, lookup: Lookup<'_>) {
    let mut rest = text;
    // What is plain text and not yet written.
    let mut plain = 0;
    let mut at = 0;
    while at < rest.len() {
        let before = rest[..at].chars().next_back();
        let Some((piece, length)) = piece(&rest[at..], before) else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        h.text(&rest[plain..at]);
        write(h, &piece, lookup);
        rest = &rest[at + length..];
        (plain, at) = (0, 0);
    }
    h.text(&rest[plain..]);
}

/// Something in a line that is more than text.
enum Piece<'a> {
    Code(&'a str),
    Strong(&'a str),
    Link(&'a str, &'a str),
}

/// What starts here, and how many bytes it takes.
fn piece(text: &str, before: Option<char>) -> Option<(Piece<'_>, usize)> {
    if let Some(inner) = text.strip_prefix('`') {
        let code = &inner[..inner.find('`').filter(|end| *end > 0)?];
        return Some((Piece::Code(code), code.len() + 2));
    }
    if let Some(inner) = text.strip_prefix("**") {
        let strong = &inner[..head(inner).find("**")?];
        let tight = !strong.is_empty() && strong.trim() == strong;
        return tight.then_some((Piece::Strong(strong), strong.len() + 4));
    }
    if let Some(inner) = text.strip_prefix("{@") {
        let inside = &inner[..head(inner).find('}')?];
        let (tag, code) = inside.split_once(' ')?;
        return matches!(tag, "link" | "linkplain" | "code").then_some((Piece::Code(code.trim()), inside.len() + 3));
    }
    if let Some(inner) = text.strip_prefix('[') {
        let (label, after) = inner.split_at(head(inner).find(']')?);
        let target = after.strip_prefix("](")?;
        let url = web_address(target)?;
        target[url.len()..].strip_prefix(')')?;
        return Some((Piece::Link(label, url), label.len() + url.len() + 4));
    }
    if let Some(inner) = text.strip_prefix('<') {
        let url = web_address(inner)?;
        inner[url.len()..].strip_prefix('>')?;
        return Some((Piece::Link(url, url), url.len() + 2));
    }
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let url = web_address(text)?.trim_end_matches(['.', ',', ';', ':', '!', '?', '*']);
    Some((Piece::Link(url, url), url.len()))
}

/// The address of a page on the web that the text starts with. No other kind of address is ever made a link.
fn web_address(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>()[]{}\"'`\\".contains(c));
    let length = end.unwrap_or(rest.len());
    rest.starts_with(|c: char| c.is_alphanumeric()).then(|| &text[..text.len() - rest.len() + length])
}

/// The beginning of a text, in which the end of a piece must be.
fn head(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_LABEL);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn write(h: &mut Html, piece: &Piece<'_>, lookup: Lookup<'_>) {
    match piece {
        Piece::Code(code) => h.element("code", &[], |h| match lookup(code) {
            Some(href) => h.link(&href, code),
            None => h.text(code),
        }),
        Piece::Strong(text) => h.leaf("strong", &[], text),
        Piece::Link(label, url) => h.leaf("a", &[("href", url), ("rel", "noopener noreferrer")], label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        let mut h = Html::default();
        doc(&mut h, Some(text), &|name| (name == "Album").then(|| "#struct_Album".to_owned()));
        let html = h.into_text().replace('\n', " ");
        let inner = html.trim().strip_prefix("<div class=\"doc\" dir=\"auto\">").unwrap_or(&html);
        inner.strip_suffix("</div>").unwrap_or(inner).trim().to_owned()
    }

    #[test]
    fn paragraphs_lists_and_code_are_told_apart() {
        assert_eq!(html("One\ntwo.\n\nThree."), "<p>One two.</p> <p>Three.</p>");
        assert_eq!(html("Of:\n- a\n  b\n- c\nd"), "<p>Of:</p> <ul> <li>a b</li> <li>c d</li> </ul>");
        assert_eq!(html("1. a\n2) b"), "<ol> <li>a</li> <li>b</li> </ol>");
        assert_eq!(html("```text\nlet `x` <y>\n```\nz"), "<pre><code>let `x` &lt;y&gt;</code></pre> <p>z</p>");
        assert_eq!(html("```\nopen"), "<pre><code>open</code></pre>");
        assert_eq!(html("# Title\ntext"), "<p><strong>Title</strong></p> <p>text</p>");
        assert_eq!(
            html("a\n@param x it"),
            "<p>a</p> <p class=\"tag\"><span class=\"label\">Parameter</span> <code>x</code> it</p>"
        );
    }

    #[test]
    fn code_strong_text_and_names_are_marked() {
        assert_eq!(html("a `b<c>` **d**"), "<p>a <code>b&lt;c&gt;</code> <strong>d</strong></p>");
        assert_eq!(
            html("`Album` {@link Album}").matches("<code><a href=\"#struct_Album\">Album</a></code>").count(),
            2
        );
        for text in ["2 ** 3 ** 4", "a ` b", "**", "``", "{@nothing x}", "{@link", "a * b * c", "[a](b)"] {
            assert_eq!(html(text), format!("<p>{text}</p>"));
        }
    }

    #[test]
    fn only_addresses_of_the_web_become_links() {
        let link = |url: &str, label: &str| format!("<a href=\"{url}\" rel=\"noopener noreferrer\">{label}</a>");
        assert_eq!(html("see http://a.b/c."), format!("<p>see {}.</p>", link("http://a.b/c", "http://a.b/c")));
        assert_eq!(html("<https://a.b>"), format!("<p>{}</p>", link("https://a.b", "https://a.b")));
        assert_eq!(html("[it](https://a.b?c&d)"), format!("<p>{}</p>", link("https://a.b?c&amp;d", "it")));
        for text in
            ["[x](javascript:alert(1))", "javascript:alert(1)", "[x](//a.b)", "[x](data:text/html,y)", "https://"]
        {
            assert_eq!(html(text), format!("<p>{text}</p>"));
        }
    }

    #[test]
    fn html_is_text() {
        assert_eq!(html("<b onclick=x>"), "<p>&lt;b onclick=x&gt;</p>");
        assert!(html("[<img src=x>](https://a.b/\" onmouseover=x)").contains("&lt;img"));
        assert!(!html("https://a.b/\"onmouseover=\"x").contains("\"onmouseover"));
    }

    #[test]
    fn a_summary_is_the_first_sentence() {
        assert_eq!(summary(Some("An `Album`, e.g. a CD. More.\n\nMore.")), "An Album, e.g. a CD.");
        assert_eq!(summary(Some("@param x\n\ny")), "y");
        assert_eq!(summary(None), "");
        assert_eq!(summary(Some(&"ä".repeat(1000))).chars().count(), 161);
    }

    #[test]
    fn a_long_hostile_comment_takes_no_longer_than_its_length_asks_for() {
        let started = std::time::Instant::now();
        for piece in ["[", "`", "**", "<", "{@", "https://", "[](", "]("] {
            html(&piece.repeat(64 * 1024 / piece.len()));
        }
        // Quadratic time took minutes.
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
}
