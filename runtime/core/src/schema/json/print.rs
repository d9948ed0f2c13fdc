//! From bytes to JSON, led by the type: each value is written as it is read.

use super::path::{Path, Segment};
use super::scalar::{double_word, is_key, write_base64, write_double, write_uuid};
use crate::codec::{DecodeError, DecodeErrorKind, Reader, TType};
use crate::schema::{Presence, Struct, StructKind, Type};

/// A value as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The text, on one line.
    pub json: String,
    /// Where the bytes had fields that the description does not have, by id, or has with another type: `tracks[2].9`. These
    /// are not in the text. No more than the first 16 are named.
    pub unknown: Vec<String>,
}

/// Reads a value of this type and writes it as JSON.
///
/// # Errors
/// When the bytes are not such a value.
pub fn print<R: Reader>(ty: Type, r: &mut R) -> Result<Printed, DecodeError> {
    let mut printer = Printer { r, out: String::new(), charged: 0, path: Path::default(), unknown: Vec::new() };
    printer.value(ty)?;
    Ok(Printed { json: printer.out, unknown: printer.unknown })
}

/// How many unknown fields are named.
const NAMED: usize = 16;

struct Printer<'r, R> {
    r: &'r mut R,
    out: String,
    /// How much of the text the reader has accounted for, in bytes.
    charged: usize,
    path: Path,
    unknown: Vec<String>,
}

impl<R: Reader> Printer<'_, R> {
    fn value(&mut self, ty: Type) -> Result<(), DecodeError> {
        match ty {
            Type::Struct(def) => self.structure(def),
            Type::List(element) => {
                let (found, count) = self.r.list_begin()?;
                self.elements(*element, found, count)
            }
            Type::Set(element) => {
                let (found, count) = self.r.set_begin()?;
                self.elements(*element, found, count)
            }
            Type::Map(key, value) => self.map(*key, *value),
            _ => self.scalar(ty, false),
        }?;
        // A field's name is longer than its id, and a struct of one byte may have a thousand of them.
        self.r.charge::<u8>(self.out.len() - self.charged)?;
        self.charged = self.out.len();
        Ok(())
    }

    /// A value without parts; every key is a string.
    fn scalar(&mut self, ty: Type, key: bool) -> Result<(), DecodeError> {
        let number = |out: &mut String, text: String| {
            let quote = if key { "\"" } else { "" };
            *out += &format!("{quote}{text}{quote}");
        };
        match ty {
            Type::Bool => number(&mut self.out, self.r.read_bool()?.to_string()),
            Type::I8 => number(&mut self.out, self.r.read_i8()?.to_string()),
            Type::I16 => number(&mut self.out, self.r.read_i16()?.to_string()),
            Type::I32 => number(&mut self.out, self.r.read_i32()?.to_string()),
            Type::I64 => number(&mut self.out, self.r.read_i64()?.to_string()),
            Type::Enum(def) => {
                let value = self.r.read_i32()?;
                match def.name_of(value) {
                    Some(name) => quote(&mut self.out, name),
                    None => number(&mut self.out, value.to_string()),
                }
            }
            Type::Double => {
                let value = self.r.read_double()?;
                match double_word(value) {
                    Some(word) => quote(&mut self.out, word),
                    None => {
                        let mut text = String::new();
                        write_double(&mut text, value);
                        number(&mut self.out, text);
                    }
                }
            }
            Type::Binary => {
                let bytes = self.r.read_binary()?;
                self.out.push('"');
                write_base64(&mut self.out, &bytes);
                self.out.push('"');
            }
            Type::Uuid => {
                let bytes = self.r.read_uuid()?;
                self.out.push('"');
                write_uuid(&mut self.out, &bytes);
                self.out.push('"');
            }
            Type::String | Type::Struct(_) | Type::List(_) | Type::Set(_) | Type::Map(..) => {
                let text = self.r.read_string()?;
                quote(&mut self.out, &text);
            }
        }
        Ok(())
    }

    fn structure(&mut self, def: &'static Struct) -> Result<(), DecodeError> {
        let fields = def.fields();
        let mut seen = vec![false; fields.len()];
        // Set fields, those that nobody knows included.
        let mut set = 0;
        self.r.struct_begin()?;
        self.out.push('{');
        let start = self.out.len();
        while let Some(found) = self.r.field_begin()? {
            set += 1;
            let place = fields.iter().position(|field| field.id == found.id && field.ty.ttype() == found.ty);
            // Of a field that came twice, the first counts.
            let Some(place) = place.filter(|place| !seen[*place]) else {
                self.skip(found.id, found.ty)?;
                continue;
            };
            seen[place] = true;
            let field = &fields[place];
            self.comma(start);
            quote(&mut self.out, field.name);
            self.out.push(':');
            self.path.0.push(Segment::Field(field.name));
            self.value(field.ty)?;
            self.path.0.pop();
        }
        self.r.struct_end();
        self.out.push('}');
        if def.kind == StructKind::Union && set != 1 {
            return Err(self.r.error(DecodeErrorKind::Union { union: def.name }));
        }
        match fields.iter().zip(seen).find(|(field, seen)| field.presence == Presence::Required && !seen) {
            Some((field, _)) => {
                Err(self.r.error(DecodeErrorKind::MissingField { structure: def.name, field: field.name }))
            }
            None => Ok(()),
        }
    }

    fn skip(&mut self, id: i16, ty: TType) -> Result<(), DecodeError> {
        if self.unknown.len() < NAMED {
            self.path.0.push(Segment::Other(id.to_string()));
            self.unknown.push(self.path.to_string());
            self.path.0.pop();
        }
        self.r.skip(ty)
    }

    fn elements(&mut self, element: Type, found: TType, count: usize) -> Result<(), DecodeError> {
        self.expect(element, found, count)?;
        self.out.push('[');
        let start = self.out.len();
        for index in 0..count {
            self.comma(start);
            self.path.0.push(Segment::Index(index));
            self.value(element)?;
            self.path.0.pop();
        }
        self.r.container_end();
        self.out.push(']');
        Ok(())
    }

    fn map(&mut self, key: Type, value: Type) -> Result<(), DecodeError> {
        let (found_key, found_value, count) = self.r.map_begin()?;
        self.expect(key, found_key, count)?;
        self.expect(value, found_value, count)?;
        let object = is_key(key);
        self.out.push(if object { '{' } else { '[' });
        let start = self.out.len();
        for index in 0..count {
            self.comma(start);
            self.path.0.push(Segment::Index(index));
            if object {
                self.scalar(key, true)?;
                self.out.push(':');
                self.value(value)?;
            } else {
                self.out += "{\"key\":";
                self.value(key)?;
                self.out += ",\"value\":";
                self.value(value)?;
                self.out.push('}');
            }
            self.path.0.pop();
        }
        self.r.container_end();
        self.out.push(if object { '}' } else { ']' });
        Ok(())
    }

    /// Elements of another type than described cannot be read; of none at all, the type does not matter.
    fn expect(&self, expected: Type, found: TType, count: usize) -> Result<(), DecodeError> {
        let expected = expected.ttype();
        if count == 0 || expected == found {
            return Ok(());
        }
        Err(self.r.error(DecodeErrorKind::ElementType { expected, found }))
    }

    /// Separates what comes from what was written since `start`.
    fn comma(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(',');
        }
    }
}

/// Appends a text in quotes.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => *out += "\\\"",
            '\\' => *out += "\\\\",
            '\n' => *out += "\\n",
            '\r' => *out += "\\r",
            '\t' => *out += "\\t",
            // Control characters, those of C1 and DEL too: this is printed on terminals. The last two end a line of older JavaScript.
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => *out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}
