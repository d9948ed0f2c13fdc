//! The writer of Rust text: indentation, blank lines between items, doc comments, signatures.
//!
//! Text is written rather than a syntax tree printed. What is generated is read by people, so blank lines, comments and the
//! order of things matter, and a printer of token streams knows none of them; and the users' build scripts compile neither a
//! parser of Rust nor a pretty-printer.

use super::docs;
use super::layout::{At, Expr, INDENT, VARIANT_WIDTH, WIDTH, fill, width};

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

    /// An `impl`, broken before `for`, or before the type, where it is too wide.
    pub(crate) fn impl_block(&mut self, head: impl AsRef<str>, body: impl FnOnce(&mut Self)) {
        let head = head.as_ref();
        let parts = head.split_once(" for ").map(|(of, ty)| (of, format!("for {ty}")));
        let parts =
            parts.or_else(|| head.split_once("> ").map(|(_, ty)| (&head[..head.len() - ty.len() - 1], ty.to_owned())));
        match parts {
            // Here rustfmt does not count the indentation.
            Some((first, second)) if width(head) + " {".len() > WIDTH => {
                self.line(first);
                self.indented(|w| w.line(second));
                self.line("{");
                self.indented(body);
                self.line("}");
            }
            _ => self.block(head, body),
        }
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

    /// A function: `head(params) -> output {`, broken like rustfmt does, then the body.
    pub(crate) fn function(&mut self, head: &str, params: &[String], output: &str, body: impl FnOnce(&mut Self)) {
        let signature = self.signature(head, params, output, 2);
        self.block(signature, body);
    }

    /// A function of a trait, without a body.
    pub(crate) fn declaration(&mut self, head: &str, params: &[String], output: &str) {
        let params_fit = format!("{head}({})", params.join(", "));
        if self.indent + width(&params_fit) + width(" -> ;") + width(output) == WIDTH {
            // The one width at which rustfmt keeps the parameters together and moves the result.
            let margin = " ".repeat(self.indent);
            return self.line(format!("{params_fit}\n{margin}-> {output};"));
        }
        let signature = self.signature(head, params, output, 1);
        self.line(signature + ";");
    }

    /// `prefix expr` and a semicolon or whatever `end` is; `prefix` ends in `=`.
    pub(crate) fn assign(&mut self, prefix: &str, expr: &Expr, end: &str) {
        let text = expr.lay_after(prefix, self.indent, end.len());
        self.line(text + end);
    }

    /// An expression as a statement, or, with an empty `end`, as the value of its block.
    pub(crate) fn expr(&mut self, expr: &Expr, end: &str) {
        let at = At { indent: self.indent, column: self.indent, tail: end.len() };
        let text = expr.lay(at);
        self.line(text + end);
    }

    /// An arm of a match whose body is an expression.
    pub(crate) fn arm(&mut self, pattern: &str, body: &Expr) {
        let head = format!("{pattern} =>");
        let column = self.indent + width(&head) + 1;
        let same = body.lay(At { indent: self.indent, column, tail: 1 });
        let fits = column + same.lines().next().map_or(0, width) < WIDTH;
        // These are broken behind the arrow; others go into a block.
        let breaks_here = matches!(body, Expr::Struct(..)) || body.links() > 1 && body.flat().is_none();
        if fits && (!same.contains('\n') || breaks_here) {
            self.line(format!("{head} {same},"));
        } else {
            // An assignment or a return that stands in a block is a statement.
            let statement = body.flat().is_some_and(|flat| flat.contains(" = ") || flat.starts_with("return "));
            self.block(head, |w| w.expr(body, if statement { ";" } else { "" }));
        }
    }

    /// An arm of a match whose pattern may have to be broken, with a block.
    pub(crate) fn arm_block(&mut self, pattern: &Expr, body: impl FnOnce(&mut Self)) {
        let at = At { indent: self.indent, column: self.indent, tail: " => {".len() };
        let pattern = pattern.lay(at);
        self.block(format!("{pattern} =>"), body);
    }

    /// An arm of a match whose body is another match.
    pub(crate) fn arm_match(&mut self, pattern: &Expr, scrutinee: &Expr, arms: impl FnOnce(&mut Self)) {
        let at = At { indent: self.indent, column: self.indent, tail: " => {".len() };
        let pattern = format!("{} =>", pattern.lay(at));
        let last = pattern.lines().last().map_or(0, width);
        let column = if pattern.contains('\n') { last } else { self.indent + last } + " match ".len();
        let joined = scrutinee.lay(At { indent: self.indent, column, tail: " {".len() });
        if joined.contains('\n') || column + width(&joined) + " {".len() >= WIDTH {
            self.block(pattern, |w| w.match_on(scrutinee, arms));
        } else {
            self.block_then(format!("{pattern} match {joined}"), ",", arms);
        }
    }

    /// `match scrutinee {`, the brace on its own line where the scrutinee is broken.
    pub(crate) fn match_on(&mut self, scrutinee: &Expr, arms: impl FnOnce(&mut Self)) {
        let column = self.indent + "match ".len();
        let at = At { indent: self.indent, column, tail: 0 };
        let text = scrutinee.lay(at);
        if text.contains('\n') || column + width(&text) + " {".len() > WIDTH {
            self.line(format!("match {text}"));
            self.line("{");
            self.indented(arms);
            self.line("}");
        } else {
            self.block(format!("match {text}"), arms);
        }
    }

    /// `binding else { .. };`, the `else` on its own line where it has to be.
    pub(crate) fn let_else(&mut self, binding: &str, otherwise: impl FnOnce(&mut Self)) {
        if self.indent + width(binding) + " else {".len() < WIDTH {
            return self.block_then(format!("{binding} else"), ";", otherwise);
        }
        match binding.split_once(" = ") {
            Some((pattern, value)) if self.indent + width(binding) > WIDTH - 2 => {
                self.line(format!("{pattern} ="));
                self.indented(|w| w.line(value));
            }
            _ => self.line(binding),
        }
        self.block_then("else", ";", otherwise);
    }

    /// A variant with named fields.
    pub(crate) fn struct_variant(&mut self, name: &str, fields: Vec<String>) {
        let inner = fields.join(", ");
        let one_line = format!("{name} {{ {inner} }},");
        if width(&inner) <= VARIANT_WIDTH && self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        self.block_then(name, ",", |w| {
            for field in fields {
                w.line(format!("{field},"));
            }
        });
    }

    /// `if let Some(name) = value {`, the brace on its own line where it has to be.
    pub(crate) fn if_some(&mut self, name: &str, value: &str, then: impl FnOnce(&mut Self)) {
        let head = format!("if let Some({name}) = {value}");
        if self.indent + width(&head) + " {".len() <= WIDTH {
            return self.block(head, then);
        }
        if self.indent + width(&head) <= WIDTH {
            self.line(head);
        } else {
            self.line(format!("if let Some({name}) ="));
            self.indented(|w| w.line(value));
        }
        self.line("{");
        self.indented(then);
        self.line("}");
    }

    /// A field of a struct: `pub name: Type,`.
    pub(crate) fn field(&mut self, name: &str, ty: &str) {
        let one_line = format!("pub {name}: {ty},");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        self.line(format!("pub {name}:"));
        self.indented(|w| w.line(format!("{ty},")));
    }

    /// `pub struct Name<S>(Type);`
    pub(crate) fn tuple_struct(&mut self, head: &str, ty: &str) {
        let one_line = format!("pub struct {head}({ty});");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        self.line(format!("pub struct {head}("));
        self.indented(|w| w.line(format!("{ty},")));
        self.line(");");
    }

    /// `F: bounds + 'static,`, a line for each bound where they are too wide.
    pub(crate) fn bound(&mut self, parameter: &str, bounds: &str) {
        let one_line = format!("{parameter}: {bounds} + 'static,");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        let (closure, rest) = bounds.split_once(" + ").unwrap_or((bounds, ""));
        self.line(format!("{parameter}: {closure}"));
        self.indented(|w| {
            for bound in rest.split(" + ").filter(|bound| !bound.is_empty()) {
                w.line(format!("+ {bound}"));
            }
            w.line("+ 'static,");
        });
    }

    /// A field that holds a closure: `name: Option<Box<dyn Fn(..) -> ..>>,`.
    pub(crate) fn boxed_fn(&mut self, name: &str, option: &str, boxed: &str, signature: &str) {
        let one_line = format!("{name}: {option}<{boxed}<dyn {signature}>>,");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        let held = format!("{boxed}<dyn {signature}>,");
        if self.indent + INDENT + width(&held) <= WIDTH {
            self.line(format!("{name}:"));
            let wrapped = format!("{option}<{boxed}<dyn {signature}>>,");
            if self.indent + INDENT + width(&wrapped) <= WIDTH {
                return self.indented(|w| w.line(wrapped));
            }
        }
        self.line(format!("{name}: {option}<"));
        self.indented(|w| w.line(held));
        self.line(">,");
    }

    /// An arm whose pattern is a path around one name, with a block.
    pub(crate) fn unwrap_arm(&mut self, path: &str, name: &str, body: impl FnOnce(&mut Self)) {
        let one_line = format!("{path}({name}) =>");
        if self.indent + width(&one_line) + " {".len() <= WIDTH {
            return self.block(one_line, body);
        }
        self.line(format!("{path}("));
        self.indented(|w| w.line(format!("{name},")));
        self.block(") =>", body);
    }

    /// A variant that holds one value: `Name(Type),`.
    pub(crate) fn tuple_variant(&mut self, name: &str, ty: &str) {
        let one_line = format!("{name}({ty}),");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        self.line(format!("{name}("));
        self.indented(|w| w.line(format!("{ty},")));
        self.line("),");
    }

    /// `use path::{names};`, the names in order.
    pub(crate) fn import(&mut self, path: &str, names: &[String]) {
        let one_line = match names {
            [] => return,
            [name] => format!("use {path}::{name};"),
            _ => format!("use {path}::{{{}}};", names.join(", ")),
        };
        // A list is broken two columns before the margin, a single name never.
        if names.len() == 1 || self.indent + width(&one_line) <= WIDTH - 2 {
            return self.line(one_line);
        }
        let names = fill(names, self.indent + INDENT);
        self.line(format!("use {path}::{{"));
        self.raw(&names);
        self.raw("\n");
        self.line("};");
    }

    /// A result behind the closing parenthesis; the future of a trait's function is broken where it is too wide.
    fn wrapped(&self, output: String) -> String {
        // Bounds may stand over the margin, the future itself may not.
        let future = output.rsplit_once(" + ").map_or(&*output, |(future, _)| future);
        let fits = self.indent + 1 + width(future) <= WIDTH;
        match output.split_once("<Output = ").map(|(head, rest)| (head, rest.rsplit_once("> + "))) {
            Some((head, Some((inner, bounds)))) if !fits => {
                let margin = " ".repeat(self.indent);
                format!("{head}<\n{margin}    Output = {inner},\n{margin}> + {bounds}")
            }
            _ => output,
        }
    }

    fn signature(&self, head: &str, params: &[String], output: &str, tail: usize) -> String {
        let output = if output.is_empty() { String::new() } else { format!(" -> {output}") };
        let one_line = format!("{head}({}){output}", params.join(", "));
        if self.indent + width(&one_line) + tail <= WIDTH {
            return one_line;
        }
        let margin = " ".repeat(self.indent);
        let mut text = format!("{head}(\n");
        for param in params {
            text += &format!("{margin}    {param},\n");
        }
        text + &margin + ")" + &self.wrapped(output)
    }
}
