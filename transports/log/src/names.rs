//! Streams, groups and addresses as directory names: readable, reversible, and harmless whatever the name.

use thriftwood_core::{Error, ErrorKind};

/// The longest directory name, in bytes; file systems allow 255.
const MAX: usize = 250;

/// The directory name for a name. Letters, digits and `. _ - { }` stand for themselves, every other byte and a dot at the
/// front for `%` and two hexadecimal digits.
pub(crate) fn to_dir(what: &str, name: &str) -> Result<String, Error> {
    let mut dir = String::with_capacity(name.len());
    for (i, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if i == 0 => dir.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'{' | b'}' => dir.push(char::from(byte)),
            other => dir.push_str(&format!("%{other:02X}")),
        }
    }
    let problem = match dir.len() {
        0 => "it is empty".to_owned(),
        1..=MAX => return Ok(dir),
        length => format!("as a directory name it would have {length} bytes, and {MAX} are allowed"),
    };
    Err(Error::new(ErrorKind::InvalidName, format!("{name:?} cannot be {what} in a log: {problem}")))
}

/// The name for a directory name; `None` for a directory that is none of ours.
#[cfg(any(test, feature = "remote"))]
pub(crate) fn from_dir(dir: &str) -> Option<String> {
    let mut name = Vec::new();
    let mut bytes = dir.bytes();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_directory_of_its_own_inside_its_parent() {
        let names = [
            "v1.music.{}.AlbumWinners",
            "music",
            ".",
            "..",
            "../../etc",
            "/etc",
            "a/b",
            "a\\b",
            "a%2Fb",
            "ünï",
            " ",
            "\0",
            "*",
            ">",
            ".hidden",
            "a.b",
            "lock",
            "CON",
            "new\nline",
        ];
        let dirs = names.map(|name| to_dir("a stream", name).unwrap());
        for (name, dir) in names.iter().zip(&dirs) {
            assert_eq!(from_dir(dir).as_deref(), Some(*name), "{dir}");
            assert!(!dir.starts_with('.') && !dir.contains(['/', '\\', '\0']), "{dir}");
        }
        assert_eq!(dirs.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
        assert_eq!(dirs[0], "v1.music.{}.AlbumWinners");
    }

    #[test]
    fn an_empty_or_overlong_name_is_refused() {
        for name in [String::new(), "x".repeat(251), "ü".repeat(50)] {
            let error = to_dir("a stream", &name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName);
        }
    }
}
