//! Constants and defaults as the IDL writes them, laid out over several lines where one would be too long.

use thriftwood_idl::model::{ConstValue, FileId, TypeId};

use super::Site;
use super::markup::Html;
use super::places::Target;
use super::types::qualified;
use crate::json::uuid;

/// The longest value that stays on one line, in characters.
const WIDTH: usize = 48;

/// A value, as the file `from` would write it.
pub(super) fn value(h: &mut Html, site: &Site<'_>, from: FileId, value: &ConstValue) {
    Layout { site, from }.value(h, value, Place::Line { indent: 0, before: 0 });
}

struct Layout<'s, 'm> {
    site: &'s Site<'m>,
    from: FileId,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
    /// In the middle of a line, whose every value stays on it.
    Inside,
    /// On a line of its own, so far in, behind a key of so many characters.
    Line { indent: usize, before: usize },
}

impl Place {
    /// The same place after a key.
    fn behind(self, key: &str) -> Self {
        match self {
            Place::Inside => Place::Inside,
            Place::Line { indent, .. } => Place::Line { indent, before: key.chars().count() + 4 },
        }
    }
}

impl Layout<'_, '_> {
    fn value(&self, h: &mut Html, value: &ConstValue, place: Place) {
        match value {
            ConstValue::Enum(id, _) => self.enumerated(h, value, *id),
            ConstValue::Const(id) => {
                h.link(&self.site.places.href(Some(self.from), Target::Const(*id)), &self.plain(value));
            }
            ConstValue::List(values) | ConstValue::Set(values) => {
                let write = |h: &mut Html, value: &ConstValue, place: Place| self.value(h, value, place);
                self.entries(h, ["[", "]"], values, self.fitted(value, place), write);
            }
            ConstValue::Map(pairs) => {
                let write = |h: &mut Html, (key, value): &(ConstValue, ConstValue), place: Place| {
                    self.value(h, key, Place::Inside);
                    h.text(": ");
                    self.value(h, value, place.behind(&self.plain(key)));
                };
                self.entries(h, ["{", "}"], pairs, self.fitted(value, place), write);
            }
            ConstValue::Struct(id, fields) => {
                let write = |h: &mut Html, (index, value): &(usize, ConstValue), place: Place| {
                    let name = self.site.model.structure(*id).map_or("", |def| def.fields[*index].name.as_str());
                    let href = self.site.places.href(Some(self.from), Target::Member(*id, *index));
                    h.link(&href, &format!("{name:?}"));
                    h.text(": ");
                    self.value(h, value, place.behind(name));
                };
                self.entries(h, ["{", "}"], fields, self.fitted(value, place), write);
            }
            ConstValue::String(_) | ConstValue::Binary(_) | ConstValue::Uuid(_) => {
                h.leaf("span", &[("class", "string")], &self.plain(value));
            }
            _ => h.leaf("span", &[("class", "number")], &self.plain(value)),
        }
    }

    fn enumerated(&self, h: &mut Html, value: &ConstValue, id: TypeId) {
        let ConstValue::Enum(_, number) = value else { return };
        let values = self.site.model.enumeration(id).map_or(&[][..], |def| &def.values);
        match values.iter().position(|value| value.number == *number) {
            Some(index) => {
                h.link(&self.site.places.href(Some(self.from), Target::Member(id, index)), &self.plain(value));
            }
            None => h.leaf("span", &[("class", "number")], &number.to_string()),
        }
    }

    /// What stands between two brackets, on one line or one entry a line.
    fn entries<T>(
        &self,
        h: &mut Html,
        [open, close]: [&str; 2],
        entries: &[T],
        place: Place,
        write: impl Fn(&mut Html, &T, Place),
    ) {
        h.text(open);
        for (number, entry) in entries.iter().enumerate() {
            match place {
                Place::Inside => {
                    h.text(if number == 0 { "" } else { ", " });
                    write(h, entry, place);
                }
                Place::Line { indent, .. } => {
                    h.text(&format!("\n{}", "  ".repeat(indent + 1)));
                    write(h, entry, Place::Line { indent: indent + 1, before: 0 });
                    h.text(",");
                }
            }
        }
        if let (Place::Line { indent, .. }, false) = (place, entries.is_empty()) {
            h.text(&format!("\n{}", "  ".repeat(indent)));
        }
        h.text(close);
    }

    /// The same place if the value has to be laid out over several lines there, the middle of a line otherwise.
    fn fitted(&self, value: &ConstValue, place: Place) -> Place {
        match (place, value) {
            // A list of numbers or words is broken where the page ends.
            (_, ConstValue::List(values) | ConstValue::Set(values)) if values.iter().all(is_plain) => Place::Inside,
            (Place::Line { indent, before }, _) if self.plain(value).chars().count() + indent * 2 + before > WIDTH => {
                place
            }
            _ => Place::Inside,
        }
    }

    /// The value on one line, without links.
    fn plain(&self, value: &ConstValue) -> String {
        let list = |values: &[ConstValue]| values.iter().map(|value| self.plain(value)).collect::<Vec<_>>().join(", ");
        match value {
            ConstValue::Bool(value) => value.to_string(),
            ConstValue::Int(value) => value.to_string(),
            ConstValue::Double(value) => format!("{value:?}"),
            ConstValue::String(text) => format!("{text:?}"),
            ConstValue::Binary(bytes) => format!("\"{}\"", bytes.escape_ascii()),
            ConstValue::Uuid(bytes) => format!("\"{}\"", uuid(bytes)),
            ConstValue::Enum(id, number) => {
                let values = self.site.model.enumeration(*id).map_or(&[][..], |def| &def.values);
                match values.iter().find(|value| value.number == *number) {
                    Some(value) => {
                        let name = format!("{}.{}", self.site.model.type_name(*id), value.name);
                        qualified(self.site.model, self.from, id.file, &name)
                    }
                    None => number.to_string(),
                }
            }
            ConstValue::List(values) | ConstValue::Set(values) => format!("[{}]", list(values)),
            ConstValue::Map(pairs) => {
                let pair =
                    |(key, value): &(ConstValue, ConstValue)| format!("{}: {}", self.plain(key), self.plain(value));
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            ConstValue::Struct(id, fields) => {
                let fields = fields.iter().map(|(index, value)| {
                    let name = self.site.model.structure(*id).map_or("", |def| def.fields[*index].name.as_str());
                    format!("{name:?}: {}", self.plain(value))
                });
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            ConstValue::Const(id) => {
                qualified(self.site.model, self.from, id.file, &self.site.model.constant(*id).name)
            }
        }
    }
}

/// Whether nothing stands inside of the value.
fn is_plain(value: &ConstValue) -> bool {
    use ConstValue::{List, Map, Set, Struct};
    !matches!(value, List(_) | Set(_) | Map(_) | Struct(..))
}
