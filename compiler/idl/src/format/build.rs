//! Walks what the grammar matched and says where the text may, must and must not break.
//!
//! Every token is a leaf of what was matched, so the walk meets each once, in order; what stands between two of them is
//! white space, comments, and separators that the lists put in anew.

use std::borrow::Cow;

use pest::iterators::Pair;

use super::print::Op;
use super::trivia::{Comment, Gap};
use crate::syntax::grammar::Rule;

/// What stands between two tokens when nobody comments on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Space,
    /// A line break where the list is broken; else a space or nothing.
    Line {
        space: bool,
    },
    /// A line break, and an empty line where `blank` or where there was one.
    Hard {
        blank: bool,
    },
}

/// What a gap leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Token,
    /// A mark that follows without a space.
    Mark,
    /// The bracket that ends a list.
    Close,
    End,
}

/// How the items of a list end.
#[derive(Clone, Copy)]
enum Ending {
    Comma,
    /// Between items and after the last where the list is broken.
    Between,
    Never,
}

/// One item of a list: what it is made of, and the separator that was written after it.
struct Item<'t> {
    rule: Rule,
    parts: Vec<Pair<'t, Rule>>,
    separator: Option<Pair<'t, Rule>>,
}

/// Collects the steps of the layout of one text.
pub(super) struct Builder<'t> {
    text: &'t str,
    /// Where the piece that is being walked begins in the text.
    offset: usize,
    /// Where the last token ended.
    at: usize,
    /// Whether the last token opened a bracket.
    after_open: bool,
    ops: Vec<Op<'t>>,
    /// The groups that are open, as places in `ops`.
    groups: Vec<usize>,
    /// The kind of the definition before.
    before: Option<Rule>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, offset: 0, at: 0, after_open: false, ops: Vec::new(), groups: Vec::new(), before: None }
    }

    /// Lays out a top-level definition of the piece that begins at `offset`.
    pub(super) fn definition(&mut self, pair: &Pair<'t, Rule>, offset: usize) {
        self.offset = offset;
        let rule = match pair.as_rule() {
            Rule::cpp_include => Rule::include,
            rule => rule,
        };
        // Those of one line each may stand together.
        let is_short = matches!(rule, Rule::include | Rule::namespace | Rule::constant | Rule::typedef);
        let blank = self.before.is_some_and(|before| before != rule || !is_short);
        self.before = Some(rule);
        let item = Item::of(pair);
        self.flow(rule, &item.parts, Between::Hard { blank });
        self.separator(item.separator.as_ref(), Ending::Never);
    }

    /// The steps, with the comments after the last definition.
    pub(super) fn finish(mut self) -> Vec<Op<'t>> {
        self.gap(self.text.len(), Between::Hard { blank: false }, Next::End);
        self.ops
    }

    /// Parts of one rule, one after the other.
    fn flow(&mut self, rule: Rule, parts: &[Pair<'t, Rule>], first: Between) {
        let mut before: Option<Rule> = None;
        let mut at = 0;
        while let Some(part) = parts.get(at) {
            let between = before.map_or(first, |before| between(rule, before, part.as_rule()));
            let end = closing(part.as_rule())
                .and_then(|closing| Some(at + parts[at..].iter().position(|part| part.as_rule() == closing)?));
            match end {
                Some(end) => {
                    let items = items(rule, &parts[at + 1..end]);
                    self.list(rule, &items, (part, between), &parts[end]);
                    at = end;
                }
                None => self.node(part, between),
            }
            before = Some(parts[at].as_rule());
            at += 1;
        }
    }

    fn node(&mut self, pair: &Pair<'t, Rule>, between: Between) {
        let parts: Vec<_> = pair.clone().into_inner().collect();
        if parts.is_empty() || pair.as_rule() == Rule::prefix {
            self.token(pair, between);
        } else {
            self.flow(pair.as_rule(), &parts, between);
        }
    }

    fn token(&mut self, pair: &Pair<'t, Rule>, between: Between) {
        let rule = pair.as_rule();
        let start = self.offset + pair.as_span().start();
        let next = match rule {
            Rule::close | Rule::right | Rule::square_end => Next::Close,
            Rule::more | Rule::sep | Rule::comma | Rule::colon => Next::Mark,
            _ => Next::Token,
        };
        self.gap(start, between, next);
        self.ops.push(Op::Text(match pair.as_str().strip_prefix("prefix") {
            // The only token with white space in it.
            Some(tokens) if rule == Rule::prefix => Cow::Owned(format!("prefix {}", tokens.trim_start())),
            _ if rule == Rule::sep => Cow::Borrowed(","),
            _ => Cow::Borrowed(pair.as_str()),
        }));
        self.at = self.offset + pair.as_span().end();
        self.after_open = closing(rule).is_some() || rule == Rule::less;
    }

    /// Items in brackets.
    fn list(&mut self, rule: Rule, items: &[Item<'t>], first: (&Pair<'t, Rule>, Between), last: &Pair<'t, Rule>) {
        let is_body = matches!(rule, Rule::enumeration | Rule::senum | Rule::structure | Rule::service | Rule::scope);
        self.token(first.0, first.1);
        if items.is_empty() && (!is_body || self.comments_before(last).is_empty()) {
            return self.token(last, Between::Nothing);
        }
        let ending = match rule {
            Rule::scope => Ending::Never,
            _ if is_body => Ending::Comma,
            _ => Ending::Between,
        };
        if !is_body {
            self.groups.push(self.ops.len());
            self.ops.push(Op::Open { broken: false, yields: rule == Rule::annotations });
        }
        self.ops.push(Op::Indent);
        for (index, item) in items.iter().enumerate() {
            let between = if is_body { Between::Hard { blank: false } } else { Between::Line { space: index > 0 } };
            self.flow(item.rule, &item.parts, between);
            let is_last = index + 1 == items.len();
            let ending = if is_last || is_body { ending } else { Ending::Comma };
            self.separator(item.separator.as_ref(), ending);
        }
        self.token(last, if is_body { Between::Hard { blank: false } } else { Between::Line { space: false } });
        if !is_body {
            self.groups.pop();
            self.ops.push(Op::Close);
        }
    }

    fn comments_before(&self, pair: &Pair<'t, Rule>) -> Vec<Comment<'t>> {
        Gap::read(self.text, self.at, self.offset + pair.as_span().start()).comments
    }

    /// The end of an item. A separator goes right behind its last token, unless comments around it would then seem to speak
    /// of something else.
    fn separator(&mut self, written: Option<&Pair<'t, Rule>>, ending: Ending) {
        if let Some(written) = written {
            let (start, end) = (self.offset + written.as_span().start(), self.offset + written.as_span().end());
            let before = Gap::read(self.text, self.at, start);
            let commented = self.text[end..].trim_start_matches([' ', '\t']).starts_with("///");
            if !before.is_passable() || commented && !before.comments.is_empty() {
                return self.token(written, Between::Nothing);
            }
        }
        match ending {
            Ending::Comma => self.ops.push(Op::Text(Cow::Borrowed(","))),
            Ending::Between => self.ops.push(Op::IfBroken(",")),
            Ending::Never => {}
        }
    }

    /// What stands between the last token and `end`.
    fn gap(&mut self, end: usize, between: Between, next: Next) {
        let gap = Gap::read(self.text, self.at, end);
        match between {
            Between::Line { .. } | Between::Hard { .. } => self.breaking(&gap, between, next),
            Between::Nothing | Between::Space => self.inline(&gap, between, next),
        }
    }

    /// A place where no line should break. Only the end of a line comment breaks it.
    fn inline(&mut self, gap: &Gap<'t>, between: Between, next: Next) {
        let mut after_line = false;
        for (index, comment) in gap.comments.iter().enumerate() {
            if after_line {
                self.more();
            } else if index > 0 || !self.after_open {
                self.ops.push(Op::Space);
            }
            self.comment(*comment, comment.is_line);
            after_line = comment.is_line;
        }
        let spaced = if gap.comments.is_empty() { between == Between::Space } else { next == Next::Token };
        if after_line {
            self.more();
        } else if spaced {
            self.ops.push(Op::Space);
        }
    }

    /// A place where a line may or must break. A comment stays on the line of the token before it, on that of the token
    /// after it or on its own, as it was; what stood between two tokens of one line goes with the second.
    fn breaking(&mut self, gap: &Gap<'t>, between: Between, next: Next) {
        let count = gap.comments.len();
        let breaks = |index: usize| gap.comments.get(index).map_or(gap.newlines, |comment| comment.newlines);
        // From here on the comments stand on the line of the next token.
        let on_its_line = |index: &usize| breaks(index + 1) == 0 && !gap.comments[*index].is_line;
        let attached = (0..count).rev().take_while(on_its_line).last().unwrap_or(count);
        let ends = matches!(next, Next::Close | Next::End);
        let mut blank = between == Between::Hard { blank: true };
        let mut keeps = !self.after_open;
        for (index, comment) in gap.comments.iter().enumerate() {
            let with_next = index == 0 && attached == 0 && !(ends && keeps);
            match breaks(index) {
                0 if !with_next => self.ops.push(Op::Space),
                newlines => {
                    let alone = index > 0 || index < attached || ends && newlines > 0;
                    self.line(between, alone, blank || keeps && newlines > 1);
                    (blank, keeps) = (false, true);
                }
            }
            self.comment(*comment, comment.is_line || breaks(index + 1) > 0);
        }
        match next {
            Next::Close => self.ops.push(Op::Dedent),
            Next::Token | Next::Mark if attached < count => return self.ops.push(Op::Space),
            _ => {}
        }
        self.line(between, false, blank || keeps && !ends && gap.newlines > 1);
    }

    fn line(&mut self, between: Between, hard: bool, blank: bool) {
        match between {
            Between::Line { space } if !hard => self.ops.push(Op::Line { space, blank }),
            _ => {
                self.ops.push(Op::Hard { blank });
                self.break_groups();
            }
        }
    }

    fn more(&mut self) {
        self.ops.push(Op::More);
        self.break_groups();
    }

    fn comment(&mut self, comment: Comment<'t>, ends_line: bool) {
        self.ops.push(Op::Comment { comment, ends_line });
        if ends_line || comment.text.contains('\n') {
            self.break_groups();
        }
    }

    fn break_groups(&mut self) {
        for group in &self.groups {
            if let Some(Op::Open { broken, .. }) = self.ops.get_mut(*group) {
                *broken = true;
            }
        }
    }
}

impl<'t> Item<'t> {
    /// What a rule matched, without the separator at its end.
    fn of(pair: &Pair<'t, Rule>) -> Self {
        let mut parts: Vec<_> = pair.clone().into_inner().collect();
        let separator = parts.pop_if(|part| part.as_rule() == Rule::sep);
        Self { rule: pair.as_rule(), parts, separator }
    }
}

/// What stands between the brackets of a rule, item by item.
fn items<'t>(rule: Rule, parts: &[Pair<'t, Rule>]) -> Vec<Item<'t>> {
    let mut items: Vec<Item<'t>> = Vec::new();
    let mut after_colon = false;
    let inner = parts.iter().flat_map(|part| match part.as_rule() {
        Rule::arguments => part.clone().into_inner().collect(),
        _ => vec![part.clone()],
    });
    for part in inner {
        let is_colon = part.as_rule() == Rule::colon;
        match (part.as_rule(), items.last_mut()) {
            (Rule::field | Rule::enum_value | Rule::function | Rule::operation | Rule::annotation, _) => {
                items.push(Item::of(&part));
            }
            (Rule::sep, Some(last)) => last.separator = Some(part),
            (_, Some(last)) if is_colon || after_colon => last.parts.push(part),
            _ => items.push(Item { rule, parts: vec![part], separator: None }),
        }
        after_colon = is_colon;
    }
    items
}

/// The mark that ends what a mark opens.
fn closing(rule: Rule) -> Option<Rule> {
    Some(match rule {
        Rule::open => Rule::close,
        Rule::left => Rule::right,
        Rule::square => Rule::square_end,
        _ => return None,
    })
}

/// What stands between two parts of a rule.
fn between(rule: Rule, before: Rule, after: Rule) -> Between {
    match (before, after) {
        (_, Rule::colon | Rule::comma | Rule::more | Rule::reference) => Between::Nothing,
        (Rule::less, _) | (Rule::kw_map | Rule::kw_set | Rule::kw_list, Rule::less) => Between::Nothing,
        (_, Rule::left) if rule == Rule::function => Between::Nothing,
        _ => Between::Space,
    }
}
