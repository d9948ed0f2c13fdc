//! Where in a value one is: `tracks[2].title`.

use std::fmt;

/// A step from a value into one of its parts.
#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// A field the description has.
    Field(&'static str),
    /// A field it does not have, or only an id of one.
    Other(String),
    /// An element, from 0.
    Index(usize),
    /// The value of a key.
    Key(String),
}

/// The way from the whole to a part of it; empty for the whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(pub(super) Vec<Segment>);

/// How much of a name or key is shown, in bytes.
const SHOWN: usize = 60;

/// A text as a path or a message shows it: on one line, and no longer than people read.
pub(super) fn shown(text: &str) -> String {
    let end = (0..=text.len().min(SHOWN)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let cut = if end < text.len() { ".." } else { "" };
    format!("{}{cut}", text[..end].escape_debug())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[\"{}\"]", shown(key))?,
                Segment::Field(name) => write!(f, "{}{name}", if number > 0 { "." } else { "" })?,
                Segment::Other(name) => write!(f, "{}{}", if number > 0 { "." } else { "" }, shown(name))?,
            }
        }
        Ok(())
    }
}
