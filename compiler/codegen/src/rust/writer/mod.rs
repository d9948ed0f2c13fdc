//! The writer of Rust text: indentation, blank lines between items, doc comments; what declares something is in `declare`, what is
//! in the body of a function in `flow`.
//!
//! Text is written rather than a syntax tree printed. What is generated is read by people, so blank lines, comments and the
//! order of things matter, and a printer of token streams knows none of them; and the users' build scripts compile neither a
//! parser of Rust nor a pretty-printer.

mod declare;
mod flow;

use super::docs;
use super::layout::{INDENT, WIDTH, width};

/// Collects lines at a growing and shrinking indentation.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    text: String,
    indent: usize,
}

impl Writer {
    /// A writer whose lines start in this column.
    pub(crate) fn new(indent: usize) -> Self {
        Self { text: String::new(), indent }
    }

    /// Everything written.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The column in which lines start.
    pub(crate) fn indent(&self) -> usize {
        self.indent
    }

    /// One line, or several that are indented already but for the first.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
    }

    /// Lines that are indented already.
    pub(crate) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Separates the next item from the one before it by a blank line. The first of a block has none.
    pub(crate) fn item(&mut self) {
        if !(self.text.is_empty() || self.text.ends_with("{\n") || self.text.ends_with("\n\n")) {
            self.text.push('\n');
        }
    }

    /// `head {`, what `body` writes, `}`. A body that writes nothing leaves `head {}`.
    pub(crate) fn block(&mut self, head: impl AsRef<str>, body: impl FnOnce(&mut Self)) {
        self.block_then(head, "", body);
    }

    /// A block with something behind its closing brace.
    pub(crate) fn block_then(&mut self, head: impl AsRef<str>, end: &str, body: impl FnOnce(&mut Self)) {
        self.line(format!("{} {{", head.as_ref()));
        let start = self.text.len();
        self.indented(body);
        if self.text.len() == start {
            self.text.truncate(start - 1);
            self.text.push_str(&format!("}}{end}\n"));
        } else {
            self.line(format!("}}{end}"));
        }
    }

    /// What `body` writes, one level further in.
    pub(crate) fn indented(&mut self, body: impl FnOnce(&mut Self)) {
        self.indent += INDENT;
        body(self);
        self.indent -= INDENT;
    }

    /// A doc comment of our own.
    pub(crate) fn doc(&mut self, text: impl AsRef<str>) {
        for line in text.as_ref().lines() {
            self.line(if line.is_empty() { "///".to_owned() } else { format!("/// {line}") });
        }
    }

    /// The doc comment of the IDL, if there is one.
    pub(crate) fn idl_doc(&mut self, doc: Option<&String>) {
        if let Some(doc) = doc {
            self.doc(docs::to_rustdoc(doc));
        }
    }

    /// `#[name(items)]`
    pub(crate) fn attribute(&mut self, name: &str, items: &[&str]) {
        /// The widest list of an attribute other than `derive` on one line, brackets not counted.
        const ATTRIBUTE_WIDTH: usize = 70;
        let inner = items.join(", ");
        let one_line = format!("#[{name}({inner})]");
        let derive = name == "derive";
        if self.indent + width(&one_line) <= WIDTH && (derive || width(&inner) <= ATTRIBUTE_WIDTH) {
            return self.line(one_line);
        }
        self.line(format!("#[{name}("));
        self.indented(|w| {
            if derive && w.indent + width(&inner) <= WIDTH {
                return w.line(format!("{inner},"));
            }
            for (index, item) in items.iter().enumerate() {
                let comma = if derive || index + 1 < items.len() { "," } else { "" };
                w.line(format!("{item}{comma}"));
            }
        });
        self.line(")]");
    }
}
