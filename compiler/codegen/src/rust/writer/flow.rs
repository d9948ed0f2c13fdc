//! What stands in the body of a function: assignments, matches and their arms, `let` and `if let`.

use super::Writer;
use crate::rust::layout::{At, Expr, INDENT, WIDTH, prefers_next_line, width};

impl Writer {
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

    /// `return expr;`
    pub(crate) fn give_back(&mut self, expr: &Expr) {
        let column = self.indent + "return ".len();
        let text = expr.lay(At { indent: self.indent, column, tail: 1 });
        self.line(format!("return {text};"));
    }

    /// An arm of a match whose body is an expression.
    pub(crate) fn arm(&mut self, pattern: &str, body: &Expr) {
        let head = format!("{pattern} =>");
        let column = self.indent + width(&head) + 1;
        let same = body.lay(At { indent: self.indent, column, tail: 1 });
        let inner = self.indent + INDENT;
        let next = body.lay(At { indent: inner, column: inner, tail: 0 });
        let returns = matches!(body, Expr::Text(text) if text.starts_with("return "));
        let fits = column + same.lines().next().map_or(0, width) + usize::from(returns) < WIDTH;
        // These are broken behind the arrow, unless that costs lines; others go into a block.
        let breaks_here = match body {
            Expr::Struct(..) => true,
            Expr::Call(..) => !prefers_next_line(&same, &next),
            _ => body.links() > 1 && body.flat().is_none(),
        };
        if fits && (!same.contains('\n') || breaks_here) {
            self.line(format!("{head} {same},"));
        } else {
            // An assignment or a return that stands in a block is a statement.
            let statement = body.flat().is_some_and(|flat| flat.contains(" = ") || flat.starts_with("return "));
            self.block(head, |w| w.expr(body, if statement { ";" } else { "" }));
        }
    }

    /// An arm of a match whose pattern may have to be broken.
    pub(crate) fn arm_of(&mut self, pattern: &Expr, body: &Expr) {
        let text = pattern.lay(At { indent: self.indent, column: self.indent, tail: " => {".len() + 1 });
        match text.rsplit_once('\n') {
            None => self.arm(&text, body),
            Some((first, last)) => {
                self.line(first);
                self.arm(last.trim_start(), body);
            }
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
}
