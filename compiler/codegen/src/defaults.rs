//! Default values as plain JSON, the form in which the runtime's descriptions of types have them.

use std::fmt::Write;

use thriftwood_idl::model::{ConstValue, DefKind, Model, Type};

use crate::json::{base64, quote, uuid};

/// A value of a type, as JSON on one line. What `docs/calling.md` says of values in JSON holds for it.
pub fn default_json(model: &Model, ty: &Type, value: &ConstValue) -> String {
    let mut out = String::new();
    write(&mut out, model, model.resolve(ty), value);
    out
}

fn write(out: &mut String, model: &Model, ty: &Type, value: &ConstValue) {
    match (value, ty) {
        (ConstValue::Const(id), _) => write(out, model, ty, &model.constant(*id).value),
        (ConstValue::Bool(value), _) => *out += &value.to_string(),
        (ConstValue::Int(value), _) => *out += &value.to_string(),
        (ConstValue::Double(value), _) => *out += &format!("{value:?}"),
        (ConstValue::String(text), _) => *out += &quote(text),
        (ConstValue::Binary(bytes), _) => *out += &quote(&base64(bytes)),
        (ConstValue::Uuid(bytes), _) => *out += &quote(&uuid(bytes)),
        (ConstValue::Enum(id, number), _) => {
            let values = model.enumeration(*id).map_or(&[][..], |def| &def.values);
            match values.iter().find(|value| value.number == *number) {
                Some(value) => *out += &quote(&value.name),
                None => *out += &number.to_string(),
            }
        }
        (ConstValue::List(values) | ConstValue::Set(values), Type::List(element) | Type::Set(element)) => {
            let element = model.resolve(element);
            list(out, ['[', ']'], values, |out, value| write(out, model, element, value));
        }
        (ConstValue::Map(pairs), Type::Map(key, of)) => {
            let (key, of) = (model.resolve(key), model.resolve(of));
            if has_parts(key) {
                return list(out, ['[', ']'], pairs, |out, (k, v)| {
                    *out += "{\"key\":";
                    write(out, model, key, k);
                    *out += ",\"value\":";
                    write(out, model, of, v);
                    out.push('}');
                });
            }
            list(out, ['{', '}'], pairs, |out, (k, v)| {
                let mut name = String::new();
                write(&mut name, model, key, k);
                let quoted = if name.starts_with('"') { "" } else { "\"" };
                // Writing to a string does not fail.
                let _ = write!(out, "{quoted}{name}{quoted}:");
                write(out, model, of, v);
            });
        }
        (ConstValue::Struct(id, fields), _) => {
            let def = model.structure(*id).map_or(&[][..], |def| &def.fields);
            list(out, ['{', '}'], fields, |out, (index, value)| {
                let Some(field) = def.get(*index) else { return };
                *out += &format!("{}:", quote(&field.name));
                write(out, model, model.resolve(&field.ty), value);
            });
        }
        // The checked model gives a container's value the shape of its type.
        (ConstValue::List(_) | ConstValue::Set(_) | ConstValue::Map(_), _) => *out += "null",
    }
}

/// Whether a key is no text in JSON.
fn has_parts(ty: &Type) -> bool {
    match ty {
        Type::Base(_) => false,
        Type::Named(id) => id.kind != DefKind::Enum,
        Type::List(_) | Type::Set(_) | Type::Map(..) => true,
    }
}

fn list<T>(out: &mut String, [open, close]: [char; 2], items: &[T], mut item: impl FnMut(&mut String, &T)) {
    out.push(open);
    for (index, each) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, each);
    }
    out.push(close);
}
