//! The HTML that comments in Javadoc's manner hold, as the Markdown that `text` reads: `<p>`, `<li>`, `<dt>`, `<code>` and a
//! few more, only as they are, without attributes. What is not known here stays text.

use std::borrow::Cow;

/// What stands for a tag, without its slash: at its start and at its end.
const TAGS: &[(&str, &str, &str)] = &[
    ("b", "**", "**"),
    ("br", "\n", "\n"),
    ("code", "`", "`"),
    ("dd", " ", "\n\n"),
    ("dl", "\n\n", "\n\n"),
    // What is defined is mostly a field or a value, which is then a link.
    ("dt", "\n- `", "` "),
    ("em", "", ""),
    ("i", "", ""),
    ("li", "\n- ", "\n\n"),
    ("ol", "\n\n", "\n\n"),
    ("p", "\n\n", "\n\n"),
    ("pre", "\n```\n", "\n```\n"),
    ("strong", "**", "**"),
    ("tt", "`", "`"),
    ("ul", "\n\n", "\n\n"),
];

const REFERENCES: &[(&str, &str)] = &[("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];

/// The comment with the tags that are known replaced, but for those in code.
pub(super) fn to_markdown(doc: &str) -> Cow<'_, str> {
    if !doc.contains(['<', '&']) {
        return Cow::Borrowed(doc);
    }
    let mut text = String::with_capacity(doc.len());
    let mut rest = doc;
    while let Some(at) = rest.find(['<', '&', '`']) {
        text += &rest[..at];
        rest = &rest[at..];
        let (put, length) = replaced(rest);
        text += put;
        rest = &rest[length..];
    }
    text += rest;
    Cow::Owned(text)
}

/// What stands for the beginning of the text, and how much of it that is.
fn replaced(text: &str) -> (&str, usize) {
    for mark in ["```", "`"] {
        if let Some(inner) = text.strip_prefix(mark) {
            let end = inner.find(mark).map_or(mark.len(), |end| end + 2 * mark.len());
            return (&text[..end], end);
        }
    }
    if let Some((name, put)) = REFERENCES.iter().find(|(name, _)| text.starts_with(name)) {
        return (put, name.len());
    }
    tag(text).unwrap_or((&text[..1], 1))
}

fn tag(text: &str) -> Option<(&'static str, usize)> {
    /// `</strong>` has nine bytes, and somebody may leave a blank before the slash of `<br />`.
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b'>')?;
    let inner = text.get(1..end)?;
    let (inner, closes) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
    let inner = inner.strip_suffix('/').unwrap_or(inner).trim_end();
    let (_, start, stop) = TAGS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(inner))?;
    Some((if closes { stop } else { start }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::to_markdown;

    #[test]
    fn known_tags_become_marks() {
        for (html, markdown) in [
            ("a<p/>b<BR />c", "a\n\nb\nc"),
            ("<ul><li>a</li></ul>", "\n\n\n- a\n\n\n\n"),
            ("<dt>a</dt><dd>b</dd>", "\n- `a`  b\n\n"),
            ("<code>a</code> <b>b</b> <i>c</i>", "`a` **b** c"),
            ("1 &lt; 2 &amp; 3", "1 < 2 & 3"),
        ] {
            assert_eq!(to_markdown(html), markdown);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in
            ["`<p>` ```\n<li>\n```", "a < b", "<p class=\"x\">", "<script>", "<", "&nbsp;", "list<Album>", "<ä>"]
        {
            assert_eq!(to_markdown(text), text);
        }
    }
}
