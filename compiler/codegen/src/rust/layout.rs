//! Where lines break: rustfmt's rules for the expressions and lists that generated code is made of.
//!
//! Generated code is formatted as it is written, not afterwards: a user's build need not have rustfmt, and the text is then the
//! same whichever version is installed. The rules are those of rustfmt's default configuration; the tests hold every golden file
//! against the real one.

/// The last column a line may reach.
pub(crate) const WIDTH: usize = 100;
/// One level of indentation.
pub(crate) const INDENT: usize = 4;

/// The widest argument list of a call on one line (a single argument may be wider).
const CALL_WIDTH: usize = 60;
/// The widest chain of two or more calls on one line.
const CHAIN_WIDTH: usize = 60;
/// The widest array on one line.
const ARRAY_WIDTH: usize = 60;
/// The widest struct literal or pattern on one line, braces not counted.
pub(crate) const STRUCT_WIDTH: usize = 18;
/// The widest struct variant of an enum on one line, braces and name not counted.
pub(crate) const VARIANT_WIDTH: usize = 35;
/// Array elements up to this width fill lines; wider ones get a line each.
const SHORT_ELEMENT: usize = 10;

/// An expression that may have to be broken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// Never broken: a name, a literal, a path.
    Text(String),
    /// `head(args)`; a tuple has an empty head.
    Call(String, Vec<Expr>),
    /// `receiver.call(args)end`, where the end is `?` or nothing.
    Method(Box<Expr>, Box<Expr>, &'static str),
    /// `call.await?`: an expression and what follows it without arguments.
    Then(Box<Expr>, String),
    /// `Path { name: value, .. }`; a field without a value is its own name. The last part is what follows `..`.
    Struct(String, Vec<(String, Option<Expr>)>, Option<String>),
    /// `[items]` with something before the bracket: `&`, `vec!`.
    Array(&'static str, Vec<Expr>),
    /// `|| body`, with whatever stands between the bars.
    Closure(String, Box<Expr>),
}

/// Where an expression is to stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// The indentation of the line it starts in.
    pub(crate) indent: usize,
    /// The column of its first character.
    pub(crate) column: usize,
    /// What must still fit behind its last character.
    pub(crate) tail: usize,
}

impl Expr {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Expr::Text(text.into())
    }

    pub(crate) fn call(head: impl Into<String>, args: impl IntoIterator<Item = Expr>) -> Self {
        Expr::Call(head.into(), args.into_iter().collect())
    }

    pub(crate) fn method(self, name: &str, args: impl IntoIterator<Item = Expr>, end: &'static str) -> Self {
        Expr::Method(Box::new(self), Box::new(Expr::call(name, args)), end)
    }

    /// The columns that rustfmt sets aside for a `?` at a chain's end, beyond its own.
    fn tries(&self) -> usize {
        match self {
            Expr::Method(_, _, "?") => 2,
            Expr::Then(_, end) if end.ends_with("await?") => 1,
            _ => 0,
        }
    }

    /// How many calls and awaits hang on each other.
    pub(crate) fn links(&self) -> usize {
        match self {
            Expr::Method(receiver, ..) => receiver.links() + 1,
            Expr::Then(inner, _) => inner.links() + 1,
            _ => 0,
        }
    }

    pub(crate) fn then(self, end: &str) -> Self {
        match self {
            Expr::Then(inner, before) => Expr::Then(inner, before + end),
            other => Expr::Then(Box::new(other), end.to_owned()),
        }
    }

    /// `|| body`; the function itself where the body is its call.
    pub(crate) fn closure(body: Expr) -> Self {
        match body {
            Expr::Text(call) if call.ends_with("::new()") => Expr::Text(call.trim_end_matches("()").to_owned()),
            body => Expr::Closure("||".to_owned(), Box::new(body)),
        }
    }

    /// The expression as text, broken as it has to be.
    pub(crate) fn lay(&self, at: At) -> String {
        if let Some(flat) = self.flat()
            && at.column + width(&flat) + at.tail + self.tries() <= WIDTH
        {
            return flat;
        }
        self.broken(at)
    }

    /// The expression on more than one line, where it has parts.
    fn broken(&self, at: At) -> String {
        match self {
            _ if self.links() > 1 => lay_chain(self, at),
            Expr::Text(text) => text.clone(),
            Expr::Call(head, args) => lay_call(head, args, at),
            Expr::Method(receiver, call, end) => lay_method(receiver, call, end, at),
            Expr::Then(inner, end) => lay_then(inner, end, at),
            Expr::Struct(path, fields, base) => lay_struct(path, fields, base.as_deref(), at),
            Expr::Array(prefix, items) => lay_array(prefix, items, at),
            Expr::Closure(head, body) => lay_closure(head, body, at),
        }
    }

    /// The expression as the right side of `prefix`, which ends in `=` or `:`; on the next line where that is better.
    pub(crate) fn lay_after(&self, prefix: &str, indent: usize, tail: usize) -> String {
        let column = indent + width(prefix) + 1;
        let same = self.lay(At { indent, column, tail });
        if !same.contains('\n') && column + width(&same) + tail + self.tries() <= WIDTH {
            return format!("{prefix} {same}");
        }
        // A closure that goes on behind the first line needs four columns more there.
        let closure = matches!(self, Expr::Call(_, args) if matches!(args.as_slice(), [Expr::Closure(..)]));
        let margin = if closure { WIDTH - 4 } else { WIDTH };
        let crowded = same.lines().next().is_some_and(|first| column + width(first) > margin);
        let inner = indent + INDENT;
        let next = self.lay(At { indent: inner, column: inner, tail });
        let next_fits = next.lines().all(|line| width(line) <= WIDTH)
            && (next.contains('\n') || inner + width(&next) + tail + self.tries() <= WIDTH);
        if next_fits && (crowded || prefers_next_line(&same, &next)) {
            format!("{prefix}\n{}{next}", " ".repeat(inner))
        } else {
            format!("{prefix} {same}")
        }
    }

    /// The expression on one line, or `None` where a rule other than the line's width forbids that.
    pub(crate) fn flat(&self) -> Option<String> {
        Some(match self {
            Expr::Text(text) => text.clone(),
            Expr::Call(head, args) => {
                let inner = flat_list(args)?;
                if width(&inner) > CALL_WIDTH && !matches!(args.as_slice(), [Expr::Text(_)]) {
                    return None;
                }
                format!("{head}({inner})")
            }
            Expr::Method(receiver, call, end) => {
                let flat = format!("{}.{}{end}", receiver.flat()?, call.flat()?);
                if self.links() > 1 && width(&flat) > CHAIN_WIDTH {
                    return None;
                }
                flat
            }
            Expr::Then(inner, end) => {
                let flat = format!("{}{end}", inner.flat()?);
                if end != "?" && self.links() > 1 && width(&flat) > CHAIN_WIDTH {
                    return None;
                }
                flat
            }
            Expr::Struct(path, fields, base) => {
                let mut parts = Vec::new();
                for (name, value) in fields {
                    parts.push(match value {
                        Some(value) => format!("{name}: {}", value.flat()?),
                        None => name.clone(),
                    });
                }
                parts.extend(base.iter().map(|base| format!("..{base}")));
                let inner = parts.join(", ");
                if width(&inner) > STRUCT_WIDTH {
                    return None;
                }
                if inner.is_empty() { format!("{path} {{}}") } else { format!("{path} {{ {inner} }}") }
            }
            Expr::Array(prefix, items) => {
                let inner = flat_list(items)?;
                // A single item may be wider, unless it is a call.
                let narrow = items.len() > 1 || matches!(&items[..], [Expr::Call(head, _)] if !head.is_empty());
                if narrow && width(&inner) > ARRAY_WIDTH {
                    return None;
                }
                format!("{prefix}[{inner}]")
            }
            Expr::Closure(head, body) => format!("{head} {}", body.flat()?),
        })
    }
}

/// A chain that does not fit on one line has a line for each link.
fn lay_chain(chain: &Expr, at: At) -> String {
    let margin = at.indent + INDENT;
    let (before, link, end) = match chain {
        Expr::Method(receiver, call, end) => {
            let tail = at.tail + end.len();
            (receiver, call.lay(At { indent: margin, column: margin + 1, tail }), *end)
        }
        Expr::Then(inner, end) => (inner, end.trim_start_matches('.').to_owned(), ""),
        _ => return chain.lay(at),
    };
    let before =
        if before.links() > 0 { lay_chain(before, At { tail: 0, ..at }) } else { before.lay(At { tail: 0, ..at }) };
    format!("{before}\n{}.{link}{end}", " ".repeat(margin))
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

fn flat_list(items: &[Expr]) -> Option<String> {
    let items: Option<Vec<String>> = items.iter().map(Expr::flat).collect();
    Some(items?.join(", "))
}

fn lay_call(head: &str, args: &[Expr], at: At) -> String {
    if let [Expr::Text(_)] | [] = args {
        return vertical(&format!("{head}("), args, ")", at);
    }
    match args {
        [only] => lay_only(&format!("{head}("), only, ")", at),
        _ => match args.iter().map(Expr::flat).collect::<Option<Vec<String>>>() {
            // Short arguments fill lines, as short elements do.
            Some(flat) if flat.iter().all(|arg| width(arg) <= SHORT_ELEMENT) => {
                let filled = fill(&flat, at.indent + INDENT);
                format!("{head}(\n{filled}\n{})", " ".repeat(at.indent))
            }
            _ => vertical(&format!("{head}("), args, ")", at),
        },
    }
}

/// What is alone in its brackets opens and closes with them, where its first line fits.
fn lay_only(open: &str, only: &Expr, close: &str, at: At) -> String {
    let inside = At { column: at.column + width(open), tail: at.tail + close.len(), ..at };
    let laid = match only {
        // A call within another is given no more room than the arguments of a call.
        Expr::Call(head, _) if !head.is_empty() && only.flat().is_none_or(|flat| width(&flat) > CALL_WIDTH) => {
            let tail = inside.tail.max(WIDTH.saturating_sub(inside.column + CALL_WIDTH));
            only.broken(At { tail, ..inside })
        }
        _ => only.lay(inside),
    };
    let kept = match only {
        // What follows the last line must fit behind the first as well.
        Expr::Struct(..) => inside.tail,
        _ => 0,
    };
    let opens = match only {
        Expr::Text(_) | Expr::Method(..) | Expr::Then(..) => !laid.contains('\n'),
        _ => true,
    };
    if opens && laid.lines().next().is_none_or(|first| inside.column + width(first) + kept <= WIDTH) {
        return format!("{open}{laid}{close}");
    }
    vertical(open, std::slice::from_ref(only), close, at)
}

/// rustfmt breaks a chain before the call when that saves lines, and inside the call otherwise.
fn lay_method(receiver: &Expr, call: &Expr, end: &str, at: At) -> String {
    let receiver = receiver.lay(at);
    let column = at.column + width(&receiver) + 1;
    let tail = at.tail + end.len();
    let same = call.lay(At { indent: at.indent, column, tail });
    let inner = at.indent + INDENT;
    let next = call.lay(At { indent: inner, column: inner + 1, tail });
    let lines = same.lines().count();
    let first_fits = same.lines().next().is_none_or(|line| column + width(line) <= WIDTH);
    if first_fits && lines > 1 && (lines >= 5 || next.lines().count() >= lines) {
        format!("{receiver}.{same}{end}")
    } else {
        format!("{receiver}\n{}.{next}{end}", " ".repeat(inner))
    }
}

/// What follows a broken call stands below its closing parenthesis; what follows a whole one, further in.
fn lay_then(inner: &Expr, end: &str, at: At) -> String {
    if end == "?" {
        return inner.lay(At { tail: 0, ..at }) + end;
    }
    // The column of the `?` is set aside in the first line as well.
    let laid = inner.lay(At { tail: usize::from(end.ends_with('?')), ..at });
    let margin = if laid.contains('\n') { at.indent } else { at.indent + INDENT };
    format!("{laid}\n{}{end}", " ".repeat(margin))
}

fn lay_struct(path: &str, fields: &[(String, Option<Expr>)], base: Option<&str>, at: At) -> String {
    let inner = at.indent + INDENT;
    let margin = " ".repeat(inner);
    let mut text = format!("{path} {{\n");
    for (name, value) in fields {
        let field = match value {
            Some(value) => lay_field(name, value, inner),
            None => name.clone(),
        };
        text += &format!("{margin}{field},\n");
    }
    if let Some(base) = base {
        text += &format!("{margin}..{base}\n");
    }
    text + &" ".repeat(at.indent) + "}"
}

/// A field's value starts on the field's line wherever it can.
fn lay_field(name: &str, value: &Expr, indent: usize) -> String {
    let column = indent + width(name) + 2;
    let same = value.lay(At { indent, column, tail: 1 });
    let fits = |(index, line): (usize, &str)| width(line) + if index == 0 { column } else { 0 } < WIDTH;
    if same.lines().enumerate().all(fits) {
        return format!("{name}: {same}");
    }
    let inner = indent + INDENT;
    let next = value.lay(At { indent: inner, column: inner, tail: 1 });
    if next.lines().any(|line| width(line) >= WIDTH) {
        return format!("{name}: {same}");
    }
    format!("{name}:\n{}{next}", " ".repeat(inner))
}

fn lay_array(prefix: &str, items: &[Expr], at: At) -> String {
    let open = format!("{prefix}[");
    let flat: Option<Vec<String>> = items.iter().map(Expr::flat).collect();
    match flat {
        _ if matches!(items, [Expr::Call(head, _)] if head.is_empty()) => {
            // A single tuple opens and closes with its brackets.
            let Some(Expr::Call(_, args)) = items.first() else { return open };
            vertical(&format!("{open}("), args, ")]", at)
        }
        _ if matches!(items, [Expr::Call(..) | Expr::Struct(..) | Expr::Array(..)]) => {
            lay_only(&open, &items[0], "]", at)
        }
        Some(flat) if flat.iter().all(|item| width(item) <= SHORT_ELEMENT) => {
            let inner = at.indent + INDENT;
            let margin = " ".repeat(at.indent);
            format!("{open}\n{}\n{margin}]", fill(&flat, inner))
        }
        _ => vertical(&open, items, "]", at),
    }
}

fn lay_closure(head: &str, body: &Expr, at: At) -> String {
    if matches!(body, Expr::Struct(..)) {
        return format!("{head} {}", body.lay(At { column: at.column + width(head) + 1, ..at }));
    }
    let inner = at.indent + INDENT;
    let body = body.lay(At { indent: inner, column: inner, tail: 0 });
    format!("{head} {{\n{}{body}\n{}}}", " ".repeat(inner), " ".repeat(at.indent))
}

/// One item a line, each with a comma.
fn vertical(open: &str, items: &[Expr], close: &str, at: At) -> String {
    let inner = at.indent + INDENT;
    let mut text = format!("{open}\n");
    for item in items {
        let item = item.lay(At { indent: inner, column: inner, tail: 1 });
        text += &format!("{}{item},\n", " ".repeat(inner));
    }
    text + &" ".repeat(at.indent) + close
}

/// As many items a line as fit, each with a comma.
pub(crate) fn fill(items: &[String], indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if width(line) + width(item) + 2 <= WIDTH => {
                *line += &format!(" {item},");
            }
            _ => lines.push(format!("{margin}{item},")),
        }
    }
    lines.join("\n")
}

/// rustfmt's choice between a right side that starts on the same line and one that starts on the next.
pub(crate) fn prefers_next_line(same: &str, next: &str) -> bool {
    let newlines = |text: &str| text.matches('\n').count();
    let opens = |text: &str, bracket: char| text.lines().next().is_some_and(|l| l.ends_with(bracket));
    newlines(next) == 0
        || newlines(same) > newlines(next) + 1
        || ['(', '{', '['].iter().any(|&bracket| opens(same, bracket) && !opens(next, bracket))
}
