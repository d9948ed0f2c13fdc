//! Decides which of the possible line breaks are made, and writes the text.

use std::borrow::Cow;

use super::trivia::{Comment, TAB, width};

/// The columns a line may have, where it can be broken at all.
const COLUMNS: usize = 100;
/// One level, which is also what a tab in a comment is taken for, so that its lines keep their shape.
const INDENT: usize = TAB;

/// A step of the layout.
#[derive(Debug)]
pub(super) enum Op<'t> {
    /// Text without line breaks.
    Text(Cow<'t, str>),
    /// A comment; `ends_line` where nothing may follow it on its line.
    Comment { comment: Comment<'t>, ends_line: bool },
    /// White space, unless the line ends here.
    Space,
    /// A line break where the group is broken, else a space or nothing.
    Line { space: bool, blank: bool },
    /// A line break, and perhaps an empty line.
    Hard { blank: bool },
    /// A line break inside what should have been one line; it goes on further right.
    More,
    /// The following lines stand one level further right.
    Indent,
    /// And here no longer.
    Dedent,
    /// Text that is there only where the group is broken.
    IfBroken(&'static str),
    /// The start of a group: all of its own lines are broken, or none. One that yields is broken sooner than one before it.
    Open { broken: bool, yields: bool },
    /// The end of the group.
    Close,
}

/// The text the steps make.
pub(super) fn print(ops: &[Op<'_>]) -> String {
    let mut printer = Printer { out: String::new(), column: 0, level: 0, fresh: true, space: false };
    let mut broken = vec![true];
    for (at, op) in ops.iter().enumerate() {
        let is_broken = broken.last().copied().unwrap_or(true);
        match op {
            Op::Text(text) => printer.text(text),
            Op::Comment { comment, .. } => printer.comment(comment),
            Op::Space => printer.space = true,
            Op::Line { blank, .. } if is_broken => printer.newline(*blank),
            Op::Line { space, .. } => printer.space |= space,
            Op::Hard { blank } => printer.newline(*blank),
            Op::More => {
                printer.newline(false);
                printer.start(INDENT);
            }
            Op::Indent => printer.level += 1,
            Op::Dedent => printer.level -= 1,
            Op::IfBroken(text) if is_broken => printer.text(text),
            Op::IfBroken(_) => {}
            Op::Open { broken: must, .. } => {
                let flat = !must && (!is_broken || fits(&ops[at + 1..], printer.next_column()));
                broken.push(!flat);
            }
            Op::Close => {
                broken.pop();
            }
        }
    }
    if !printer.out.is_empty() && !printer.fresh {
        printer.out.push('\n');
    }
    printer.out
}

/// Whether the group that begins here, and what follows it up to where a line can end, fits behind `column`.
fn fits(ops: &[Op<'_>], mut column: usize) -> bool {
    let mut level: i32 = 1;
    let (mut closed, mut yields) = (false, false);
    for (at, op) in ops.iter().enumerate() {
        match op {
            Op::Text(text) => column += width(text),
            Op::Comment { ends_line: true, .. } | Op::Hard { .. } | Op::More => return true,
            // Nobody breaks a line for the comment at its end.
            Op::Comment { .. } if ends_line(&ops[at + 1..], level <= 0) => return true,
            Op::Comment { comment, .. } => column += width(comment.text),
            Op::Line { .. } if level <= 0 || yields => return true,
            Op::Space | Op::Line { space: true, .. } => column += 1,
            Op::IfBroken(text) if level <= 0 => column += width(text),
            Op::Open { broken, yields: yielding } => {
                yields |= closed && (*broken || *yielding);
                level += 1;
            }
            Op::Close => {
                level -= 1;
                closed |= level == 0;
            }
            Op::Line { .. } | Op::IfBroken(_) | Op::Indent | Op::Dedent => {}
        }
        if column > COLUMNS {
            return false;
        }
    }
    true
}

/// Whether the line ends here, `broken` being whether lines of the list around this are.
fn ends_line(ops: &[Op<'_>], broken: bool) -> bool {
    match ops.iter().find(|op| !matches!(op, Op::Dedent)) {
        None | Some(Op::Hard { .. } | Op::More) => true,
        Some(Op::Line { .. }) => broken,
        _ => false,
    }
}

struct Printer {
    out: String,
    column: usize,
    level: usize,
    /// Whether nothing stands on the line yet.
    fresh: bool,
    /// Whether white space is due before what comes next.
    space: bool,
}

impl Printer {
    /// Where the next text begins.
    fn next_column(&self) -> usize {
        if self.fresh { self.level * INDENT } else { self.column + usize::from(self.space) }
    }

    fn newline(&mut self, blank: bool) {
        self.space = false;
        if self.out.is_empty() {
            return;
        }
        if !self.fresh || self.column > 0 {
            self.out.push('\n');
        }
        if blank {
            self.out.push('\n');
        }
        (self.fresh, self.column) = (true, 0);
    }

    /// Writes the white space before a text; `more` is added to the indentation.
    fn start(&mut self, more: usize) {
        let blanks = match (self.fresh, self.space) {
            (true, _) => self.level * INDENT + more,
            (false, true) => 1,
            (false, false) => 0,
        };
        self.out.extend(std::iter::repeat_n(' ', blanks));
        self.column += blanks;
        (self.fresh, self.space) = (false, false);
    }

    fn text(&mut self, text: &str) {
        self.start(0);
        self.out.push_str(text);
        self.column += width(text);
    }

    /// A comment whose lines move together where it begins a line, and stay where they are elsewhere.
    fn comment(&mut self, comment: &Comment<'_>) {
        let moves = self.fresh;
        let mut lines = comment.text.lines();
        self.text(lines.next().unwrap_or_default().trim_end());
        let starred = comment.text.lines().skip(1).all(|line| line.trim().is_empty() || line.trim().starts_with('*'));
        let indent = self.level * INDENT;
        for line in lines {
            self.out.push('\n');
            let (rest, line) = (line.trim(), line.trim_end());
            let blanks = width(&line[..line.len() - line.trim_start().len()]);
            let blanks = match (moves, starred) {
                (true, true) => indent + 1,
                (true, false) => indent + blanks.saturating_sub(comment.column),
                (false, _) => blanks,
            };
            self.column = 0;
            if !rest.is_empty() {
                self.out.extend(std::iter::repeat_n(' ', blanks));
                self.out.push_str(rest);
                self.column = blanks + width(rest);
            }
        }
    }
}
