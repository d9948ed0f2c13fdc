//! The warnings by name, and what is made of each: silence, a warning or an error.

use std::collections::BTreeMap;
use std::fmt;

use super::{Code, Diagnostic, Severity, nearest};
use crate::source::Span;

/// The name that stands for all lints at once.
const ALL: &str = "warnings";

impl Code {
    /// The name of a warning, by which it is denied or allowed; errors have none.
    pub fn lint(self) -> Option<&'static str> {
        Some(match self {
            Code::EnumNumbering => "enum-numbering",
            Code::Deprecated => "deprecated",
            Code::MissingFieldId => "missing-field-id",
            Code::LowerCaseScope => "lower-case-scope",
            Code::NoSuchField => "no-such-field",
            Code::OtherEnum => "other-enum",
            Code::UnusedInclude => "unused-include",
            Code::MapKey => "map-key",
            Code::UnknownLint => "unknown-lint",
            _ => return None,
        })
    }
}

/// What becomes of the findings of a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// They are not reported.
    Allow,
    /// They are warnings.
    Warn,
    /// They are errors.
    Deny,
}

/// What becomes of the findings of each lint. By default all are warnings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lints {
    all: Option<Level>,
    each: BTreeMap<Code, Level>,
}

impl Lints {
    /// Sets the level of a lint by its name or code, or that of all lints where `name` is `warnings`. A lint that is set
    /// by itself keeps to that; of two settings of one name the later counts.
    ///
    /// # Errors
    ///
    /// There is no such lint.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), NoSuchLint> {
        match Selection::named(name)? {
            Selection::All => self.all = Some(level),
            Selection::One(code) => {
                self.each.insert(code, level);
            }
        }
        Ok(())
    }

    /// The level of the lint with this code.
    pub fn level(&self, code: Code) -> Level {
        self.each.get(&code).copied().or(self.all).unwrap_or(Level::Warn)
    }

    /// Drops the warnings that are allowed, here or by an annotation around them, and makes errors of those denied.
    pub(crate) fn apply<'a>(&self, found: &mut Vec<Diagnostic>, allows: impl Iterator<Item = &'a Allow>) {
        let allows: Vec<&Allow> = allows.collect();
        found.retain_mut(|diagnostic| {
            let Some(name) = diagnostic.code.lint() else { return true };
            let level = self.level(diagnostic.code);
            let place = diagnostic.labels.first().map(|label| label.span);
            if level == Level::Allow || allows.iter().any(|allow| allow.silences(diagnostic.code, place)) {
                return false;
            }
            if level == Level::Deny {
                diagnostic.severity = Severity::Error;
                diagnostic.notes.push(format!("the lint `{name}` is denied, which makes this an error"));
            }
            true
        });
    }
}

/// One lint, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    One(Code),
    All,
}

impl Selection {
    pub(crate) fn named(name: &str) -> Result<Self, NoSuchLint> {
        if name == ALL {
            return Ok(Selection::All);
        }
        let lints = || Code::ALL.iter().filter_map(|code| Some((*code, code.lint()?)));
        let found = lints().find(|(code, lint)| *lint == name || code.as_str() == name);
        found.map(|(code, _)| Selection::One(code)).ok_or_else(|| NoSuchLint {
            name: name.to_owned(),
            meant: nearest(name, lints().map(|(_, lint)| lint)).map(str::to_owned),
        })
    }
}

/// A lint, or all, silenced by an annotation within one definition or field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allow {
    pub(crate) lints: Selection,
    pub(crate) within: Span,
}

impl Allow {
    fn silences(&self, code: Code, place: Option<Span>) -> bool {
        let covers = |place: Span| {
            place.source == self.within.source && self.within.start <= place.start && place.end <= self.within.end
        };
        (self.lints == Selection::All || self.lints == Selection::One(code)) && place.is_some_and(covers)
    }
}

/// A name that no lint has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchLint {
    /// The name that was given.
    pub name: String,
    /// The lint that was probably meant.
    pub meant: Option<String>,
}

impl fmt::Display for NoSuchLint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no lint `{}`", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => write!(f, "; `thriftwood explain` lists them"),
        }
    }
}

impl std::error::Error for NoSuchLint {}

#[cfg(test)]
mod tests {
    use super::{Level, Lints, NoSuchLint};
    use crate::diagnostics::{Code, Severity};

    #[test]
    fn every_warning_has_a_name_and_no_error_has() {
        for code in Code::ALL {
            assert_eq!(code.lint().is_some(), code.severity() == Severity::Warning, "{code:?}");
        }
    }

    #[test]
    fn a_lint_set_by_itself_does_not_follow_the_others() {
        let mut lints = Lints::default();
        assert_eq!(lints.level(Code::Deprecated), Level::Warn);
        lints.set("deprecated", Level::Allow).unwrap();
        lints.set("warnings", Level::Deny).unwrap();
        assert_eq!(lints.level(Code::Deprecated), Level::Allow);
        assert_eq!(lints.level(Code::EnumNumbering), Level::Deny);
        lints.set("W0001", Level::Warn).unwrap();
        assert_eq!(lints.level(Code::EnumNumbering), Level::Warn);
    }

    #[test]
    fn a_name_that_is_none_is_told_with_the_one_that_was_meant() {
        let none = Lints::default().set("enum-numbring", Level::Deny).unwrap_err();
        let meant = Some("enum-numbering".to_owned());
        assert_eq!(none, NoSuchLint { name: "enum-numbring".to_owned(), meant });
        assert_eq!(none.to_string(), "there is no lint `enum-numbring`; did you mean `enum-numbering`?");
        assert!(Lints::default().set("E0001", Level::Allow).is_err());
    }
}
