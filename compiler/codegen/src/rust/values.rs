//! Constants and default values as Rust expressions.

use thriftwood_idl::model::{
    Annotations, BaseType, ConstId, ConstValue, Model, Requiredness, Struct, StructKind, Type, TypeId, TypeUse,
};
use thriftwood_idl::source::Span;

use super::choice::RustType;
use super::error::GenerateError;
use super::fields::{default_value, field_idents, unknown_ident, variant_idents};
use super::layout::Expr;
use super::module::Module;
use super::newtypes::{chain, is_wrapped, unwrap, wrap};
use super::numbers::{decimal, number};
use super::plan::is_copy;

/// Where a value stands, for errors, and whether its type is (part of) a key.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) span: Span,
    pub(crate) key: bool,
}

/// An owned value of this type.
pub(crate) fn owned(m: &Module<'_>, ty: &TypeUse, value: &ConstValue, at: Place) -> Result<Expr, GenerateError> {
    if let ConstValue::Const(id) = value {
        return reference(m, *id, ty, at);
    }
    let plain = plain(m, ty, value, at)?;
    // Where a key spells its parts in another way, the newtype around them is left out as well.
    Ok(if at.key && m.facts().is_other_in_key(ty) { plain } else { wrap(m, ty, plain) })
}

/// A value of a type, without the newtypes around it.
fn plain(m: &Module<'_>, ty: &TypeUse, value: &ConstValue, at: Place) -> Result<Expr, GenerateError> {
    Ok(match (value, m.model().resolve(ty)) {
        (ConstValue::Const(id), _) => reference(m, *id, ty, at)?,
        (ConstValue::Bool(value), _) => Expr::text(value.to_string()),
        (ConstValue::Int(value), _) => Expr::text(number(*value)),
        (ConstValue::Double(value), _) => double(m, *value, at.key),
        (ConstValue::String(value), _) => text(m, ty, Expr::text(format!("{value:?}"))),
        (ConstValue::Binary(value), _) => bytes(m, ty, Expr::text(byte_string(value))),
        (ConstValue::Uuid(value), _) => byte_array(value),
        (ConstValue::Enum(id, number), _) => Expr::text(enum_value(m, *id, *number)),
        (ConstValue::List(values), Type::List(element)) => match values.as_slice() {
            [] => Expr::text(format!("{}::new()", m.std("Vec"))),
            values => Expr::Array("vec!", all(m, element, values, at)?),
        },
        (ConstValue::Set(values), Type::Set(element)) => {
            let items = all(m, element, values, Place { key: true, ..at })?;
            collection(&m.collection(ty, at.key), items)
        }
        (ConstValue::Map(pairs), Type::Map(key, value)) => {
            let mut items = Vec::new();
            for (k, v) in pairs {
                let key = owned(m, key, k, Place { key: true, ..at })?;
                items.push(Expr::call("", [key, owned(m, value, v, at)?]));
            }
            collection(&m.collection(ty, at.key), items)
        }
        (ConstValue::Struct(id, fields), _) => structure(m, *id, fields, at)?,
        // The checked model gives a container's value the shape of its type.
        (ConstValue::List(_) | ConstValue::Set(_) | ConstValue::Map(_), _) => Expr::text("Default::default()"),
    })
}

/// The value a type has where nothing was given: `String::new()`, `0`.
pub(crate) fn natural(m: &Module<'_>, ty: &TypeUse, key: bool) -> Expr {
    let spelled = m.ty(ty, key);
    let plain = match (&ty.ty, spelled.split_once('<')) {
        (_, Some((container, _))) if container.ends_with("Arc") => format!("{container}::default()"),
        (_, Some((container, _))) => format!("{container}::new()"),
        (Type::Base(BaseType::Bool), _) => "false".to_owned(),
        (Type::Base(BaseType::I8 | BaseType::I16 | BaseType::I32 | BaseType::I64), _) => "0".to_owned(),
        (Type::Base(BaseType::Double), _) if !key => "0.0".to_owned(),
        (Type::Base(BaseType::String | BaseType::Binary), _) => format!("{spelled}::new()"),
        (Type::Base(BaseType::Uuid), _) => "[0; 16]".to_owned(),
        _ => format!("{spelled}::default()"),
    };
    Expr::text(plain)
}

/// Whether a value is the one that its type has where nothing was given.
pub(crate) fn is_natural(value: &ConstValue) -> bool {
    match value {
        ConstValue::Bool(value) => !value,
        ConstValue::Int(value) => *value == 0,
        ConstValue::Double(value) => value.to_bits() == 0,
        ConstValue::String(value) => value.is_empty(),
        ConstValue::Binary(value) => value.is_empty(),
        ConstValue::List(values) | ConstValue::Set(values) => values.is_empty(),
        ConstValue::Map(pairs) => pairs.is_empty(),
        ConstValue::Uuid(value) => *value == [0; 16],
        ConstValue::Const(_) | ConstValue::Enum(..) | ConstValue::Struct(..) => false,
    }
}

/// `Format::CD`, or `Format(7)` for a number without a name.
pub(crate) fn enum_value(m: &Module<'_>, id: TypeId, number: i32) -> String {
    let name = m.named(id);
    let Some(def) = m.model().enumeration(id) else { return name };
    let names = super::enums::value_idents(def);
    match def.values.iter().zip(names).find(|(value, _)| value.number == number) {
        Some((_, value)) => format!("{name}::{value}"),
        None => format!("{name}({})", self::number(number.into())),
    }
}

/// The literal of a `double`, finite or not.
pub(crate) fn double(m: &Module<'_>, value: f64, key: bool) -> Expr {
    let text = if value.is_nan() {
        "f64::NAN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "f64::INFINITY".to_owned() } else { "f64::NEG_INFINITY".to_owned() }
    } else {
        decimal(value)
    };
    if key { Expr::call(m.rt("codec", "TotalF64"), [Expr::text(text)]) } else { Expr::text(text) }
}

/// The annotations of a method or an operation, names and values.
pub(crate) fn annotations(annotations: &Annotations) -> Expr {
    let text = |text: &str| Expr::text(format!("{text:?}"));
    let pairs = annotations.0.iter().map(|a| Expr::call("", [text(&a.name), text(&a.value)]));
    Expr::Array("&", pairs.collect())
}

/// `b"..."`
pub(crate) fn byte_string(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

/// `[0, 1, ..]`: a uuid.
fn byte_array(bytes: &[u8]) -> Expr {
    Expr::Array("", bytes.iter().map(|byte| Expr::text(byte.to_string())).collect())
}

/// Whether a constant of this type is a `const`; the others are made when they are first used.
pub(crate) fn is_plain(model: &Model, ty: &Type) -> bool {
    is_copy(model, ty) || matches!(model.resolve(ty), Type::Base(_)) && !is_wrapped(model, ty)
}

/// Another constant, by its name. Text and bytes are borrowed there, containers are made on first use.
fn reference(m: &Module<'_>, id: ConstId, wanted: &TypeUse, at: Place) -> Result<Expr, GenerateError> {
    let constant = m.model().constant(id);
    let ty = &constant.ty;
    let is_borrowed = matches!(m.model().resolve(ty), Type::Base(_)) && !is_wrapped(m.model(), ty);
    if !is_borrowed && !m.facts().is_same_in_rust((ty, false), (wanted, at.key)) {
        // It is another Rust type here, so its value is made once more.
        return owned(m, wanted, &constant.value, at);
    }
    let value = borrowed(m, id, wanted, at);
    let is_wrapped_alike = chain(m.model(), ty) == chain(m.model(), wanted);
    Ok(if is_wrapped_alike { value } else { wrap(m, wanted, unwrap(m, ty, value)) })
}

fn borrowed(m: &Module<'_>, id: ConstId, wanted: &TypeUse, at: Place) -> Expr {
    let name = Expr::text(m.constant(id));
    let ty = &m.model().constant(id).ty;
    match m.model().resolve(ty) {
        _ if is_wrapped(m.model(), ty) => {
            if is_plain(m.model(), ty) {
                name
            } else {
                name.method("clone", [], "")
            }
        }
        Type::Base(BaseType::String) => text(m, wanted, name),
        Type::Base(BaseType::Binary) => bytes(m, wanted, name),
        Type::Base(BaseType::Double) if at.key => Expr::call(m.rt("codec", "TotalF64"), [name]),
        _ if is_plain(m.model(), ty) => name,
        _ => name.method("clone", [], ""),
    }
}

/// Text that is borrowed for good, as an owned value of a `string`.
fn text(m: &Module<'_>, ty: &TypeUse, borrowed: Expr) -> Expr {
    match m.facts().rust_type(ty, false) {
        Some(RustType::ArcStr) => Expr::call(format!("{}::from", m.imported("::std::sync", "Arc")), [borrowed]),
        Some(RustType::ByteString) => {
            let shared = m.rt("bytestring", "ByteString");
            if borrowed == Expr::text("\"\"") {
                Expr::text(format!("{shared}::new()"))
            } else {
                Expr::call(format!("{shared}::from_static"), [borrowed])
            }
        }
        _ if borrowed == Expr::text("\"\"") => Expr::text(format!("{}::new()", m.std("String"))),
        _ => borrowed.method("to_owned", [], ""),
    }
}

/// Bytes that are borrowed for good, as an owned value of a `binary`.
fn bytes(m: &Module<'_>, ty: &TypeUse, borrowed: Expr) -> Expr {
    match m.facts().rust_type(ty, false) {
        Some(RustType::VecU8) => borrowed.method("to_vec", [], ""),
        _ => Expr::call(format!("{}::from_static", m.rt("bytes", "Bytes")), [borrowed]),
    }
}

fn all(m: &Module<'_>, ty: &TypeUse, values: &[ConstValue], at: Place) -> Result<Vec<Expr>, GenerateError> {
    values.iter().map(|value| owned(m, ty, value, at)).collect()
}

fn collection(name: &str, items: Vec<Expr>) -> Expr {
    if items.is_empty() {
        return Expr::text(format!("{name}::new()"));
    }
    Expr::call(format!("{name}::from"), [Expr::Array("", items)])
}

/// A struct literal; fields that were not given have their own defaults.
fn structure(m: &Module<'_>, id: TypeId, given: &[(usize, ConstValue)], at: Place) -> Result<Expr, GenerateError> {
    let name = m.named(id);
    let Some(def) = m.model().structure(id) else { return Ok(Expr::text(name)) };
    let key = m.facts().is_ordered(id);
    let place = Place { key, ..at };
    if def.kind == StructKind::Union {
        let Some((index, value)) = given.first() else { return Err(missing(def, "one of its fields", at)) };
        let value = owned(m, &def.fields[*index].ty, value, place)?;
        let value = if m.facts().is_boxed(id, *index) { boxed(m, value) } else { value };
        return Ok(Expr::call(format!("{name}::{}", variant_idents(def)[*index]), [value]));
    }
    let mut fields = Vec::new();
    let unknown = unknown_ident(m, def);
    let mut left_out = unknown.is_some();
    for (index, (field, ident)) in def.fields.iter().zip(field_idents(def)).enumerate() {
        let optional = m.facts().is_optional(id, index, field);
        match given.iter().find(|(given, _)| *given == index) {
            Some((_, value)) => {
                let value = owned(m, &field.ty, value, place)?;
                let value = if m.facts().is_boxed(id, index) { boxed(m, value) } else { value };
                let value = if optional { Expr::call("Some", [value]) } else { value };
                fields.push((ident, Some(value)));
            }
            None if field.requiredness == Requiredness::Required && field.default.is_none() => {
                return Err(missing(def, &field.name, at));
            }
            None => left_out = true,
        }
    }
    if fields.is_empty() {
        return Ok(Expr::text(format!("{name}::default()")));
    }
    if !left_out || m.facts().has_default(&Type::Named(id)) {
        let base = left_out.then(|| format!("{name}::default()"));
        return Ok(Expr::Struct(name, fields, base));
    }
    // Required fields are all given here, so the others can be spelled out one by one.
    for (index, (field, ident)) in def.fields.iter().zip(field_idents(def)).enumerate() {
        if !given.iter().any(|(given, _)| *given == index) {
            fields.push((ident, Some(default_value(m, id, index, field)?)));
        }
    }
    fields.extend(unknown.map(|ident| (ident, Some(Expr::text(format!("{}::new()", m.std("Vec")))))));
    Ok(Expr::Struct(name, fields, None))
}

fn boxed(m: &Module<'_>, value: Expr) -> Expr {
    Expr::call(format!("{}::new", m.std("Box")), [value])
}

fn missing(def: &Struct, field: &str, at: Place) -> GenerateError {
    GenerateError::MissingField { structure: def.name.clone(), field: field.to_owned(), at: at.span }
}
