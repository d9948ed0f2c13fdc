//! HTML that cannot come out wrong: elements close themselves, and every text and attribute is escaped on the way in.

/// A piece of a page.
#[derive(Default)]
pub(super) struct Html(String);

/// The attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// An element with what `body` puts into it.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, body: impl FnOnce(&mut Html)) {
        self.start(tag, attributes);
        body(self);
        self.0 += "</";
        self.0 += tag;
        self.0.push('>');
        if is_block(tag) {
            self.0.push('\n');
        }
    }

    /// An element that holds a text.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |h| h.text(text));
    }

    /// An element that has no end, such as `meta`.
    pub(super) fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.0.push('\n');
    }

    /// A link.
    pub(super) fn link(&mut self, href: &str, text: &str) {
        self.leaf("a", &[("href", href)], text);
    }

    /// Text, of which nothing is taken for markup.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0 += "&amp;",
                '<' => self.0 += "&lt;",
                '>' => self.0 += "&gt;",
                '"' => self.0 += "&quot;",
                '\'' => self.0 += "&#39;",
                '\n' | '\t' => self.0.push(c),
                // HTML has no way to write a control character.
                c if c.is_control() => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }

    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0 += markup;
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0 += tag;
        for (name, value) in attributes {
            self.0.push(' ');
            self.0 += name;
            if !value.is_empty() {
                self.0 += "=\"";
                self.text(value);
                self.0.push('"');
            }
        }
        self.0.push('>');
        if matches!(tag, "html" | "head" | "body" | "main" | "section" | "table" | "thead" | "tbody" | "ul" | "ol") {
            self.0.push('\n');
        }
    }
}

/// Whether a line may end after the element without showing.
fn is_block(tag: &str) -> bool {
    !matches!(tag, "a" | "b" | "button" | "code" | "label" | "s" | "small" | "span" | "strong" | "summary" | "var")
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn texts_and_attributes_are_escaped() {
        let mut h = Html::default();
        h.leaf("a", &[("title", "\"><script>"), ("hidden", "")], "</a><b>&amp;'\u{0}\u{1b}");
        assert_eq!(
            h.into_text(),
            "<a title=\"&quot;&gt;&lt;script&gt;\" hidden>&lt;/a&gt;&lt;b&gt;&amp;amp;&#39;\u{fffd}\u{fffd}</a>"
        );
    }
}
