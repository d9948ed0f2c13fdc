//! JSON, as text and as marked-up text.

use super::markup::Html;
use crate::json::quote;

/// A JSON value; a number is kept as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Writes the value over several lines, its keys, texts and numbers marked for the style sheet.
    pub(super) fn write(&self, h: &mut Html) {
        self.write_at(h, 0);
    }

    /// How many lines that takes.
    pub(super) fn lines(&self) -> usize {
        match self {
            Json::Array(values) if !values.iter().all(Json::is_plain) => {
                2 + values.iter().map(Json::lines).sum::<usize>()
            }
            Json::Object(fields) if !fields.is_empty() => {
                2 + fields.iter().map(|(_, value)| value.lines()).sum::<usize>()
            }
            _ => 1,
        }
    }

    /// Whether nothing stands inside of it.
    fn is_plain(&self) -> bool {
        matches!(self, Json::Bool(_) | Json::Number(_) | Json::String(_))
    }

    fn write_at(&self, h: &mut Html, indent: usize) {
        let line = |h: &mut Html, indent: usize| h.text(&format!("\n{}", "  ".repeat(indent)));
        match self {
            Json::Bool(value) => h.leaf("span", &[("class", "number")], &value.to_string()),
            Json::Number(value) => h.leaf("span", &[("class", "number")], value),
            Json::String(text) => h.leaf("span", &[("class", "string")], &quote(text)),
            Json::Object(fields) if fields.is_empty() => h.text("{}"),
            Json::Array(values) if values.iter().all(Json::is_plain) => {
                h.text("[");
                for (number, value) in values.iter().enumerate() {
                    h.text(if number == 0 { "" } else { ", " });
                    value.write_at(h, indent);
                }
                h.text("]");
            }
            Json::Array(values) => {
                h.text("[");
                for (number, value) in values.iter().enumerate() {
                    h.text(if number == 0 { "" } else { "," });
                    line(h, indent + 1);
                    value.write_at(h, indent + 1);
                }
                line(h, indent);
                h.text("]");
            }
            Json::Object(fields) => {
                h.text("{");
                for (number, (name, value)) in fields.iter().enumerate() {
                    h.text(if number == 0 { "" } else { "," });
                    line(h, indent + 1);
                    h.leaf("span", &[("class", "key")], &quote(name));
                    h.text(": ");
                    value.write_at(h, indent + 1);
                }
                line(h, indent);
                h.text("}");
            }
        }
    }
}
