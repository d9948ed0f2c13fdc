//! What is known to break and meant to: rules that are allowed everywhere, and breaches that are allowed one by one.

use super::{Finding, Rule};

/// What is not to be reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    /// Rules that may be broken anywhere.
    pub rules: Vec<Rule>,
    /// Breaches that are allowed where they are.
    pub entries: Vec<Entry>,
}

/// One line of an allow-list: `field-removed music.Album.tracks  # read by nobody since May`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The rule that is broken.
    pub rule: Rule,
    /// By what; also by anything inside it.
    pub thing: String,
    /// The line it stands in, counted from 1.
    pub line: usize,
    /// The byte that line begins at.
    pub offset: u32,
}

impl Entry {
    fn covers(&self, finding: &Finding) -> bool {
        let within = || finding.thing.strip_prefix(self.thing.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.rule == finding.rule && (self.thing == finding.thing || within())
    }
}

impl AllowList {
    /// Reads the lines of an allow-list: a rule, the name of a thing, and from `#` on why. Empty lines are fine.
    ///
    /// # Errors
    /// What is wrong with the first line that is none, with its number.
    pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        let mut next = 0;
        for (line, whole) in (1..).zip(text.split_inclusive('\n')) {
            let offset = u32::try_from(next).unwrap_or(u32::MAX);
            next += whole.len();
            let content = whole.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content.split_whitespace().collect();
            match words[..] {
                [] => {}
                [rule, thing] => {
                    let rule = Rule::from_id(rule).map_err(|none| format!("line {line}: {none}"))?;
                    entries.push(Entry { rule, thing: thing.to_owned(), line, offset });
                }
                _ => {
                    return Err(format!(
                        "line {line}: expected `rule path.to.Thing  # why`, found `{}`",
                        content.trim()
                    ));
                }
            }
        }
        Ok(entries)
    }

    /// Leaves out of `findings` what is allowed, and says which entries allowed nothing.
    pub fn apply(&self, findings: &mut Vec<Finding>) -> Vec<&Entry> {
        let mut used = vec![false; self.entries.len()];
        findings.retain(|finding| {
            let mut allowed = self.rules.contains(&finding.rule);
            for (entry, used) in self.entries.iter().zip(&mut used) {
                if entry.covers(finding) {
                    (allowed, *used) = (true, true);
                }
            }
            !allowed
        });
        self.entries.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Place, Side};
    use crate::source::Span;

    fn finding(rule: Rule, thing: &str) -> Finding {
        let place = Place { side: Side::New, span: Span::default(), text: String::new() };
        Finding { rule, message: String::new(), thing: thing.to_owned(), places: vec![place] }
    }

    fn left(list: &AllowList, rule: Rule, thing: &str) -> usize {
        let mut findings = vec![finding(rule, thing)];
        list.apply(&mut findings);
        findings.len()
    }

    #[test]
    fn an_entry_allows_one_rule_for_one_thing_and_what_is_in_it() {
        let entries = AllowList::parse("# known\n\nfield-removed music.Album # read by nobody\n").unwrap();
        assert_eq!(entries, [Entry { rule: Rule::FieldRemoved, thing: "music.Album".to_owned(), line: 3, offset: 9 }]);
        let list = AllowList { rules: Vec::new(), entries };
        assert_eq!(left(&list, Rule::FieldRemoved, "music.Album.tracks"), 0);
        assert_eq!(left(&list, Rule::FieldRemoved, "music.Album"), 0);
        assert_eq!(left(&list, Rule::FieldRemoved, "music.Albums.tracks"), 1);
        assert_eq!(left(&list, Rule::FieldTypeChanged, "music.Album.tracks"), 1);
    }

    #[test]
    fn an_entry_that_allows_nothing_is_stale() {
        let list = AllowList {
            rules: vec![Rule::FieldRenamed],
            entries: AllowList::parse("field-removed a.B\nfield-renamed a.B.c\n").unwrap(),
        };
        let stale =
            list.apply(&mut vec![finding(Rule::FieldRenamed, "a.B.c")]).iter().map(|e| e.line).collect::<Vec<_>>();
        assert_eq!(stale, [1]);
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_number() {
        let refused = |text: &str| AllowList::parse(text).unwrap_err();
        assert!(refused("\nfield-removed").starts_with("line 2: expected"), "{}", refused("\nfield-removed"));
        assert!(refused("feild-removed a.B").contains("did you mean `field-removed`?"));
        assert!(refused("zzzzzzzzzz a.B").contains("--list"));
    }
}
