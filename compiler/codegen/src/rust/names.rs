//! Names: from the IDL's spelling to Rust's, away from keywords, and never the same name twice.

use std::collections::BTreeSet;

/// Words that Rust keeps for itself, in any edition.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that not even `r#` makes an identifier of.
const NEVER_RAW: &[&str] = &["Self", "crate", "self", "super"];

/// `buyAlbum` to `buy_album`: fields, functions, arguments, modules.
pub(crate) fn snake(name: &str) -> String {
    join(&words(name), "_", str::to_lowercase)
}

/// `buyAlbum` to `BuyAlbum`: types and variants. An initialism is a plain word: `HTTPServer` is `HttpServer`.
pub(crate) fn camel(name: &str) -> String {
    join(&words(name), "", |word| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        first + &chars.as_str().to_lowercase()
    })
}

/// `buyAlbum` to `BUY_ALBUM`: constants and the values of enums.
pub(crate) fn screaming(name: &str) -> String {
    join(&words(name), "_", str::to_uppercase)
}

/// The identifier for a name: itself, `r#type` or `self_`.
pub(crate) fn ident(name: &str) -> String {
    if NEVER_RAW.contains(&name) {
        format!("{name}_")
    } else if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// What is left of an identifier when it becomes part of a longer one: `r#type` is `type`.
pub(crate) fn bare(ident: &str) -> &str {
    ident.strip_prefix("r#").unwrap_or(ident)
}

/// `An Album`, `a Track`: the article for the start of a sentence.
pub(crate) fn article(name: &str) -> &'static str {
    if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "An" } else { "A" }
}

/// The names already given in one place: a module, a struct, an argument list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(BTreeSet<String>);

impl Taken {
    /// A place where these names have a meaning already.
    pub(crate) fn with(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Whether the name is given.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Gives out the name, or, where it is taken, the name with as many underscores as it needs.
    pub(crate) fn give(&mut self, wanted: &str) -> String {
        let mut name = ident(wanted);
        if self.contains(&name) {
            name = bare(&name).to_owned();
            while self.contains(&name) || KEYWORDS.contains(&name.as_str()) {
                name.push('_');
            }
        }
        self.0.insert(name.clone());
        name
    }

    /// Gives out the first of the names that is free, or the last one with underscores.
    pub(crate) fn give_first(&mut self, wanted: &[&str]) -> String {
        let free = wanted.iter().find(|name| !self.contains(&ident(name)));
        match free.or(wanted.last()) {
            Some(name) => self.give(name),
            None => self.give("unnamed"),
        }
    }
}

fn join(words: &[&str], separator: &str, case: impl Fn(&str) -> String) -> String {
    let mut name = String::new();
    for word in words {
        let digits_meet =
            name.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if !name.is_empty() {
            // `v1_2` and `v12` are two names, whatever the case.
            name.push_str(if digits_meet { "_" } else { separator });
        }
        name.push_str(&case(word));
    }
    match name.chars().next() {
        None => case("unnamed"),
        Some(first) if first.is_ascii_digit() => case("n") + &name,
        Some(_) => name,
    }
}

/// Splits at everything that is no letter or digit, between `a` and `B`, and before the last capital of `ABc`; the plural of an
/// initialism (`IDs`) stays whole.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let chars: Vec<(usize, char)> = part.char_indices().collect();
        let mut start = 0;
        for i in 1..chars.len() {
            let (at, here) = chars[i];
            let before = chars[i - 1].1;
            let after = chars.get(i + 1).map(|(_, c)| *c);
            let starts_word = here.is_uppercase()
                && (!before.is_uppercase() || after.is_some_and(char::is_lowercase) && !is_plural(&chars[i..]));
            if starts_word {
                words.push(&part[start..at]);
                start = at;
            }
        }
        words.push(&part[start..]);
    }
    words
}

/// Whether the last capital of an initialism is followed by the `s` of a plural and nothing more in lower case.
fn is_plural(rest: &[(usize, char)]) -> bool {
    let mut after = rest.iter().skip(1).map(|(_, c)| *c);
    after.next() == Some('s') && !after.next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_splits_words_the_same_way() {
        for (name, snaked, cameled, screamed) in [
            ("buyAlbum", "buy_album", "BuyAlbum", "BUY_ALBUM"),
            ("HTTPServer", "http_server", "HttpServer", "HTTP_SERVER"),
            ("userIDs", "user_ids", "UserIds", "USER_IDS"),
            ("i32f", "i32f", "I32f", "I32F"),
            ("utf8String", "utf8_string", "Utf8String", "UTF8_STRING"),
            ("CD_ROM", "cd_rom", "CdRom", "CD_ROM"),
            ("v1_2", "v1_2", "V1_2", "V1_2"),
            ("__", "unnamed", "Unnamed", "UNNAMED"),
            ("_1st", "n1st", "N1st", "N1ST"),
            ("foo__bar_", "foo_bar", "FooBar", "FOO_BAR"),
        ] {
            assert_eq!(snake(name), snaked);
            assert_eq!(camel(name), cameled);
            assert_eq!(screaming(name), screamed);
        }
    }

    #[test]
    fn keywords_are_escaped_and_repeats_get_an_underscore() {
        let mut taken = Taken::with(&["ctx"]);
        assert_eq!(taken.give("type"), "r#type");
        assert_eq!(taken.give("type"), "type_");
        assert_eq!(taken.give("self"), "self_");
        assert_eq!(taken.give("ctx"), "ctx_");
        assert_eq!(taken.give("ctx"), "ctx__");
        assert_eq!(taken.give_first(&["ctx", "context"]), "context");
    }
}
