//! What declares something: imports, heads of `impl`s and functions, fields, variants and bounds.

use super::Writer;
use crate::rust::layout::{At, INDENT, VARIANT_WIDTH, WIDTH, fill, width};

impl Writer {
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

    /// A function: `head(params) -> output {`, broken like rustfmt does, then the body.
    pub(crate) fn function(&mut self, head: &str, params: &[String], output: &str, body: impl FnOnce(&mut Self)) {
        let signature = self.signature(head, params, output, 2);
        let last = signature.lines().last().map_or(0, width);
        if signature.contains('\n') && self.indent + last + " {".len() > WIDTH {
            // A result is not broken; the brace goes below it. Here rustfmt counts the indentation twice.
            self.line(signature);
            self.line("{");
            self.indented(body);
            return self.line("}");
        }
        self.block(signature, body);
    }

    /// A function with bounds on its type parameters, a line for each.
    pub(crate) fn bounded_function(
        &mut self,
        head: &str,
        params: &[String],
        output: &str,
        bounds: &[String],
        body: impl FnOnce(&mut Self),
    ) {
        let signature = self.signature(head, params, output, 0);
        self.line(signature);
        self.line("where");
        self.indented(|w| bounds.iter().for_each(|bound| w.line(bound)));
        self.line("{");
        self.indented(body);
        self.line("}");
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

    /// A field of a struct: `pub name: Type,`.
    pub(crate) fn field(&mut self, name: &str, ty: &str) {
        let one_line = format!("pub {name}: {ty},");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        if self.indent + INDENT + width(ty) < WIDTH {
            self.line(format!("pub {name}:"));
            return self.indented(|w| w.line(format!("{ty},")));
        }
        let ty = self.typed(&format!("pub {name}: "), ty, 1);
        self.line(format!("{ty},"));
    }

    /// A type behind something, its arguments on lines of their own where they have to be.
    pub(crate) fn typed(&self, before: &str, ty: &str, tail: usize) -> String {
        let at = At { indent: self.indent, column: self.indent + width(before), tail };
        format!("{before}{}", lay_type(ty, at))
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
        self.closure(&format!("{parameter}: {bounds} + 'static"));
    }

    /// A field that holds a closure: `name: Option<Box<dyn Fn(..) -> ..>>,`.
    pub(crate) fn boxed_fn(&mut self, name: &str, option: &str, boxed: &str, signature: &str) {
        let one_line = format!("{name}: {option}<{boxed}<dyn {signature}>>,");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        let wrapped = format!("{option}<{boxed}<dyn {signature}>>,");
        if self.indent + INDENT + width(&wrapped) <= WIDTH {
            self.line(format!("{name}:"));
            return self.indented(|w| w.line(wrapped));
        }
        self.line(format!("{name}: {option}<"));
        self.indented(|w| {
            let held = format!("{boxed}<dyn {signature}>,");
            if w.indent + width(&held) <= WIDTH {
                return w.line(held);
            }
            w.line(format!("{boxed}<"));
            w.indented(|w| w.closure(&format!("dyn {signature}")));
            w.line(">,");
        });
        self.line(">,");
    }

    /// `head Fn(..) -> .. + Send,`: a line for each bound where they are too wide, one for each argument where the closure is, and the
    /// result where there is room for it.
    fn closure(&mut self, text: &str) {
        if self.indent + width(text) < WIDTH {
            return self.line(format!("{text},"));
        }
        let mut bounds = text.split(" + ");
        let whole = bounds.next().unwrap_or_default();
        let bounds: Vec<&str> = bounds.collect();
        let margin = if whole.starts_with("dyn ") { WIDTH } else { WIDTH - 1 };
        let parts = whole.split_once("Fn(").and_then(|(head, rest)| Some((head, rest.split_once(") -> ")?)));
        let Some((head, (inside, output))) = parts.filter(|_| self.indent + width(whole) > margin) else {
            self.line(whole);
            return self.indented(|w| w.bounds(&bounds));
        };
        let column = self.indent;
        self.line(format!("{head}Fn("));
        self.indented(|w| {
            w.indented(|w| arguments(inside).for_each(|argument| w.line(format!("{argument},"))));
            if column + width(output) > WIDTH - 10 {
                // A broken result takes the first bound along.
                let at = At { indent: w.indent, column: WIDTH, tail: 0 };
                let (first, rest) = bounds.split_at(1.min(bounds.len()));
                w.line(format!(") -> {} + {}", lay_type(output, at), first.concat()));
                return w.bounds(rest);
            }
            // rustfmt counts the indentation twice.
            if 2 * column + width(output) <= WIDTH - 15 {
                w.line(format!(") -> {output}"));
            } else {
                w.line(")");
                w.indented(|w| w.line(format!("-> {output}")));
            }
            w.bounds(&bounds);
        });
    }

    /// `+ Send`, a line for each, with a comma behind the last.
    fn bounds(&mut self, bounds: &[&str]) {
        for (index, bound) in bounds.iter().enumerate() {
            let comma = if index + 1 == bounds.len() { "," } else { "" };
            self.line(format!("+ {bound}{comma}"));
        }
    }

    /// A variant that holds one value: `Name(Type),`.
    pub(crate) fn tuple_variant(&mut self, name: &str, ty: &str) {
        let one_line = format!("{name}({ty}),");
        if self.indent + width(&one_line) <= WIDTH {
            return self.line(one_line);
        }
        self.line(format!("{name}("));
        self.indented(|w| w.line(w.typed("", ty, 1) + ","));
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
                let indent = self.indent + INDENT;
                let inner = lay_type(inner, At { indent, column: indent + "Output = ".len(), tail: 1 });
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
        let inner = self.indent + INDENT;
        for param in params {
            let (name, ty) = param.split_once(": ").map_or(("", param.as_str()), |(name, ty)| (name, ty));
            let before = if name.is_empty() { String::new() } else { format!("{name}: ") };
            let ty = lay_type(ty, At { indent: inner, column: inner + width(&before), tail: 1 });
            text += &format!("{margin}    {before}{ty},\n");
        }
        text + &margin + ")" + &self.wrapped(output)
    }
}

/// A type, whose arguments get a line each where it does not fit otherwise.
fn lay_type(ty: &str, at: At) -> String {
    if at.column + width(ty) + at.tail <= WIDTH {
        return ty.to_owned();
    }
    let Some((head, rest)) = ty.split_once('<') else { return ty.to_owned() };
    let Some(inside) = rest.strip_suffix('>') else { return ty.to_owned() };
    let inner = at.indent + INDENT;
    let mut text = format!("{head}<\n");
    for argument in arguments(inside) {
        let argument = lay_type(argument, At { indent: inner, column: inner, tail: 1 });
        text += &format!("{}{argument},\n", " ".repeat(inner));
    }
    text + &" ".repeat(at.indent) + ">"
}

/// What stands between the commas that are in no brackets.
fn arguments(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let split = text.split(move |c| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    split.map(str::trim_start)
}
