//! Files and functions stay small. What is larger is listed with its size, and the list is a ratchet: it only goes down.

use std::path::Path;

use crate::tree::{self, File};

/// The most lines a file may have.
const FILE_LIMIT: usize = 400;
/// The most lines a function may have, signature and closing brace included.
const FUNCTION_LIMIT: usize = 70;

/// Files over the limit, with their size.
const LARGE_FILES: &[(&str, usize)] = &[];
/// Functions over the limit, as `path::name`, with their size.
const LARGE_FUNCTIONS: &[(&str, usize)] = &[];

/// What is larger than it may be, and what has become smaller than the list says.
pub fn check(root: &Path) -> Vec<String> {
    let files: Vec<File> = tree::files(root, &[".rs", ".pest"]).into_iter().filter(|file| !file.is_golden()).collect();
    let lengths = files.iter().map(|file| (file.path.clone(), file.text.lines().count()));
    let mut findings = ratchet("file", lengths, FILE_LIMIT, LARGE_FILES);
    let functions = files.iter().flat_map(|file| {
        functions(&file.text).into_iter().map(move |(name, lines)| (format!("{}::{name}", file.path), lines))
    });
    findings.extend(ratchet("function", functions, FUNCTION_LIMIT, LARGE_FUNCTIONS));
    findings
}

/// Holds sizes against a limit and a list of known exceptions.
pub fn ratchet(
    what: &str,
    sizes: impl Iterator<Item = (String, usize)>,
    limit: usize,
    known: &[(&str, usize)],
) -> Vec<String> {
    let sizes: Vec<(String, usize)> = sizes.collect();
    let mut findings = Vec::new();
    for (name, size) in &sizes {
        match known.iter().find(|(known, _)| known == name) {
            None if *size > limit => {
                findings
                    .push(format!("{name}: this {what} has {size} lines, over the limit of {limit}; split it by noun"));
            }
            Some((_, listed)) if size > listed => {
                findings.push(format!("{name}: this {what} grew from {listed} to {size} lines; it may only shrink"));
            }
            Some((_, listed)) if size < listed => {
                let what_to_do = if *size > limit { format!("lower it to {size}") } else { "take it off".to_owned() };
                findings.push(format!("{name}: has {size} lines, the list in sizes.rs says {listed}; {what_to_do}"));
            }
            _ => {}
        }
    }
    let gone = known.iter().filter(|(known, _)| !sizes.iter().any(|(name, _)| name == known));
    findings
        .extend(gone.map(|(name, _)| format!("{name}: is on the list in sizes.rs and no longer there; take it off")));
    findings
}

/// The functions of formatted code that have a body, with their lines. A function ends at the first closing brace that
/// stands as far in as it does.
pub fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let opening = lines[start..].iter().position(|line| line.ends_with('{') || line.ends_with([';', '}']));
        let has_body = opening.is_some_and(|at| lines[start + at].ends_with('{'));
        let closing = format!("{indent}}}");
        let end = lines[start..].iter().position(|line| *line == closing);
        if let (true, Some(end)) = (has_body, end) {
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_definition = before.split_whitespace().all(|word| {
        matches!(word, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub(")
    });
    let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (is_definition && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(size: usize, known: &[(&str, usize)]) -> Vec<String> {
        ratchet("file", [("a.rs".to_owned(), size)].into_iter(), 400, known)
    }

    #[test]
    fn a_small_file_passes_and_a_large_one_does_not() {
        assert_eq!(held(400, &[]), Vec::<String>::new());
        assert_eq!(held(401, &[]).len(), 1);
    }

    #[test]
    fn a_listed_file_passes_at_its_size_only() {
        assert_eq!(held(500, &[("a.rs", 500)]), Vec::<String>::new());
        assert!(held(501, &[("a.rs", 500)])[0].contains("grew from 500 to 501"));
        assert!(held(450, &[("a.rs", 500)])[0].contains("lower it to 450"));
        assert!(held(300, &[("a.rs", 500)])[0].contains("take it off"));
    }

    #[test]
    fn a_listed_file_that_is_gone_is_found() {
        assert_eq!(held(10, &[("b.rs", 500)]).len(), 1);
    }

    #[test]
    fn functions_are_counted_by_their_braces() {
        let text = "\
impl A {
    pub(crate) async fn long(
        &self,
    ) -> u8 {
        if true {
            1
        }
    }

    fn short() {}

    fn declared(&self) -> u8;
}
const fn outer() {
    let f = |x| x;
}
";
        assert_eq!(functions(text), [("long".to_owned(), 7), ("outer".to_owned(), 3)]);
    }
}
