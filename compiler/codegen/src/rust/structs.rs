//! Structs and exceptions: fields one can write in a literal, a `new` for those that are required, `with_` for the others.

use thriftwood_idl::model::{Annotations, BaseType, Struct, StructKind, Type, TypeId};

use super::enums::deprecated;
use super::error::GenerateError;
use super::fields::{FieldForm, fields, unknown_ident};
use super::layout::Expr;
use super::module::Module;
use super::names::{article, bare};
use super::newtypes;
use super::plan::Lacking;
use super::writer::Writer;

pub(crate) fn structure(
    w: &mut Writer,
    m: &Module<'_>,
    id: TypeId,
    name: &str,
    def: &Struct,
) -> Result<(), GenerateError> {
    let fields = fields(m, id, def)?;
    let has_default = fields.iter().all(|field| field.default.is_some());
    let natural = fields.iter().all(|field| field.natural && field.default.is_some());
    declare(w, m, id, name, def, &fields, has_default && natural);
    if has_default && !natural {
        default(w, m, name, def, &fields);
    }
    constructors(w, m, name, def, &fields, has_default);
    if def.kind == StructKind::Exception {
        exception(w, m, name, def, &fields);
    }
    codec(w, m, name, def, &fields);
    super::apache::bridge(w, m, name);
    Ok(())
}

/// The traits a struct or union can have.
pub(crate) fn derives(m: &Module<'_>, id: TypeId, default: bool) -> Vec<&'static str> {
    let mut derives = vec!["Clone", "Debug"];
    if default {
        derives.push("Default");
    }
    derives.extend(comparisons(m.facts().lacking(&Type::Named(id).into(), m.facts().is_ordered(id))));
    derives
}

/// Equality and order, as far as a type has them.
pub(crate) fn comparisons(lacking: Lacking) -> &'static [&'static str] {
    match (lacking.equality, lacking.order) {
        (false, false) => &["PartialEq", "Eq", "PartialOrd", "Ord", "Hash"],
        (true, false) => &["PartialEq", "PartialOrd"],
        (false, true) => &["PartialEq", "Eq"],
        (true, true) => &["PartialEq"],
    }
}

/// The derive attribute, with what the build script and the IDL's `rust.derive` add.
pub(crate) fn derive(w: &mut Writer, m: &Module<'_>, own: Vec<&str>, annotations: &Annotations) {
    let mut derives = own;
    let asked = annotations.get("rust.derive").unwrap_or_default().split(',').map(str::trim);
    for extra in m.derives().iter().map(String::as_str).chain(asked) {
        if !extra.is_empty() && !derives.contains(&extra) {
            derives.push(extra);
        }
    }
    w.attribute("derive", &derives);
}

fn declare(
    w: &mut Writer,
    m: &Module<'_>,
    id: TypeId,
    name: &str,
    def: &Struct,
    fields: &[FieldForm<'_>],
    derive_default: bool,
) {
    w.item();
    w.idl_doc(def.doc.as_ref());
    derive(w, m, derives(m, id, derive_default), &def.annotations);
    deprecated(w, def.annotations.get("deprecated"));
    w.block(format!("pub struct {name}"), |w| {
        for field in fields {
            w.idl_doc(field.def.doc.as_ref());
            deprecated(w, field.def.annotations.get("deprecated"));
            w.field(&field.ident, &field.full_type(m));
        }
        if let Some(unknown) = unknown_ident(m, def) {
            w.doc("The fields that this IDL does not have, as they came.");
            w.field(&unknown, &format!("{}<{}>", m.std("Vec"), m.rt("codec", "UnknownField")));
        }
    });
}

fn default(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>]) {
    w.item();
    w.impl_block(format!("impl {} for {name}", m.std("Default")), |w| {
        w.block("fn default() -> Self", |w| w.expr(&literal(m, def, fields, |field| field.default.clone()), ""));
    });
}

fn constructors(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>], has_default: bool) {
    let has_setters = fields.iter().any(|field| field.default.is_some());
    if has_default && !has_setters {
        return;
    }
    w.item();
    w.impl_block(format!("impl {name}"), |w| {
        if !has_default {
            new(w, m, name, def, fields);
        }
        for field in fields.iter().filter(|field| field.default.is_some()) {
            w.item();
            w.doc(format!("This `{name}` with `{}` set.", bare(&field.ident)));
            w.line("#[must_use]");
            let params = ["mut self".to_owned(), format!("{}: {}", field.local, field.parameter(m))];
            w.function(&format!("pub fn with_{}", bare(&field.ident)), &params, "Self", |w| {
                w.assign(&format!("self.{} =", field.ident), &field.parameter_value(m), ";");
                w.line("self");
            });
        }
    });
}

fn new(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>]) {
    let given: Vec<&FieldForm<'_>> = fields.iter().filter(|field| field.default.is_none()).collect();
    let rest = if given.len() == fields.len() { "" } else { "; the others have their defaults" };
    w.doc(format!("{} `{name}` with its required fields{rest}.", article(name)));
    let params: Vec<String> = given.iter().map(|field| format!("{}: {}", field.local, field.parameter(m))).collect();
    w.function("pub fn new", &params, "Self", |w| {
        let value = |field: &FieldForm<'_>| field.default.clone().or_else(|| Some(field.parameter_value(m)));
        w.expr(&literal(m, def, fields, value), "");
    });
}

/// `Self { .. }` with a value for every field; a value that is just the field's name is not repeated.
fn literal(
    m: &Module<'_>,
    def: &Struct,
    fields: &[FieldForm<'_>],
    value: impl Fn(&FieldForm<'_>) -> Option<Expr>,
) -> Expr {
    let fields = fields.iter().map(|field| {
        let value = value(field).filter(|value| *value != Expr::text(field.ident.clone()));
        (field.ident.clone(), value)
    });
    let unknown = unknown_ident(m, def).map(|ident| (ident, Some(Expr::text(format!("{}::new()", m.std("Vec"))))));
    Expr::Struct("Self".to_owned(), fields.chain(unknown).collect(), None)
}

/// An exception shows its message, where it has one and there is text in it; all of its fields otherwise.
fn exception(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>]) {
    let wanted = def.annotations.get("message").unwrap_or("message");
    let is_string = |field: &&FieldForm<'_>| *m.model().resolve(&field.def.ty) == Type::Base(BaseType::String);
    let message = fields.iter().filter(is_string).find(|field| field.def.name == wanted);
    let fields = "::std::fmt::Debug::fmt(self, f)";
    w.item();
    w.impl_block(format!("impl ::std::fmt::Display for {name}"), |w| {
        w.block("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result", |w| {
            let Some(field) = message else { return w.line(fields) };
            let inner = ".0".repeat(newtypes::chain(m.model(), &field.def.ty).len());
            if field.optional {
                w.block(format!("match &self.{}", field.ident), |w| {
                    let pattern = format!("Some(message) if !message{inner}.is_empty()");
                    w.arm(&pattern, &Expr::text(format!("write!(f, \"{name}: {{message}}\")")));
                    w.line(format!("_ => {fields},"));
                });
            } else {
                let head = format!("if self.{}{inner}.is_empty()", field.ident);
                w.block_then(head, " else {", |w| w.line(fields));
                w.indented(|w| w.line(format!("write!(f, \"{name}: {{}}\", self.{})", field.ident)));
                w.line("}");
            }
        });
    });
    w.item();
    w.line(format!("impl ::std::error::Error for {name} {{}}"));
}

/// Lets what reads a list read its elements in place: a struct that is returned is written once and copied once, and the copy waits for
/// the writes. Without it an order with 11 structs inside takes 15 % longer to read where its text is shared, and 9 % to write.
pub(super) const INLINE: &str = "#[inline]";

fn codec(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>]) {
    let (wire, ttype, writer) = (m.rt("codec", "Wire"), m.rt("codec", "TType"), m.rt("codec", "Writer"));
    let (reader, error) = (m.rt("codec", "Reader"), m.rt("codec", "DecodeError"));
    let result = m.std("Result");
    let unknown = unknown_ident(m, def);
    w.item();
    w.impl_block(format!("impl {wire} for {name}"), |w| {
        w.line(format!("const TYPE: {ttype} = {ttype}::Struct;"));
        w.item();
        w.line(INLINE);
        w.block(format!("fn encode<W: {writer}>(&self, w: &mut W)"), |w| {
            w.line("w.struct_begin();");
            for field in fields {
                encode_field(w, field, &format!("self.{}", field.ident), &format!("&self.{}", field.ident));
            }
            if let Some(unknown) = &unknown {
                w.block(format!("for field in &self.{unknown}"), |w| w.line("field.encode(w);"));
            }
            w.line("w.struct_end();");
        });
        w.item();
        w.line(INLINE);
        w.block(format!("fn decode<R: {reader}>(r: &mut R) -> {result}<Self, {error}>"), |w| {
            read_fields(w, m, fields, unknown.is_some());
            missing(w, m, &def.name, fields);
            w.expr(&Expr::call("Ok", [decoded("Self", fields, unknown)]), "");
        });
    });
}

/// Announces a field and writes its value: `place` to call a method on it, `borrowed` to match it.
pub(crate) fn encode_field(w: &mut Writer, field: &FieldForm<'_>, place: &str, borrowed: &str) {
    let announce = format!("w.field_begin({}, {});", field.def.id, field.ttype);
    if field.optional {
        w.if_some(&field.local, borrowed, |w| {
            w.line(announce);
            w.line(format!("{}.encode(w);", field.local));
        });
    } else {
        w.line(announce);
        w.line(format!("{place}.encode(w);"));
    }
}

/// Reads every field into a local `Option`: first those that are always written, in turn, and then what comes otherwise. Fields nobody
/// knows are skipped, or kept in `unknown`.
pub(crate) fn read_fields(w: &mut Writer, m: &Module<'_>, fields: &[FieldForm<'_>], keep: bool) {
    w.line("r.struct_begin()?;");
    for field in fields {
        if field.optional {
            w.line(format!("let mut {} = None;", field.local));
        } else {
            w.line(format!("let mut {} = r.field({})?;", field.local, field.def.id));
        }
    }
    if keep {
        w.line(format!("let mut unknown = {}::new();", m.std("Vec")));
    }
    w.block("while let Some(field) = r.field_begin()?", |w| {
        if fields.is_empty() && keep {
            let field = m.rt("codec", "UnknownField");
            return w.line(format!("unknown.push({field}::decode(field.id, field.ty, r)?);"));
        }
        if fields.is_empty() {
            return w.line("r.skip(field.ty)?;");
        }
        let wire = m.rt("codec", "Wire");
        w.block("match (field.id, field.ty)", |w| {
            for field in fields {
                let value = Expr::text(format!("{} = Some({wire}::decode(r)?)", field.local));
                w.arm(&format!("({}, {})", field.def.id, field.ttype), &value);
            }
            if keep {
                let field = m.rt("codec", "UnknownField");
                w.line(format!("(id, ty) => unknown.push({field}::decode(id, ty, r)?),"));
            } else {
                w.line("(_, other) => r.skip(other)?,");
            }
        });
    });
    w.line("r.struct_end();");
}

/// A closure that makes the error of an absent field, where there can be one.
pub(crate) fn missing(w: &mut Writer, m: &Module<'_>, structure: &str, fields: &[FieldForm<'_>]) {
    if fields.iter().any(|field| field.required) {
        let kind = format!("{}::MissingField", m.rt("codec", "DecodeErrorKind"));
        let members =
            vec![("structure".to_owned(), Some(Expr::text(format!("{structure:?}")))), ("field".to_owned(), None)];
        let body = Expr::text("r").method("error", [Expr::Struct(kind, members, None)], "");
        w.assign("let missing =", &Expr::Closure("|field|".to_owned(), Box::new(body)), ";");
    }
}

/// The value made of what was read.
pub(crate) fn decoded(path: &str, fields: &[FieldForm<'_>], unknown: Option<String>) -> Expr {
    let fields = fields.iter().map(|field| {
        let local = Expr::text(field.local.clone());
        let value = match &field.default {
            _ if field.optional => (field.local != field.ident).then_some(local),
            _ if field.required => {
                let error = Expr::call("missing", [Expr::text(format!("{:?}", field.def.name))]);
                Some(local.method("ok_or_else", [Expr::closure(error)], "?"))
            }
            None => Some(local.method("unwrap_or_default", [], "")),
            Some(_) if field.natural => Some(local.method("unwrap_or_default", [], "")),
            Some(plain) if is_free(plain) => Some(local.method("unwrap_or", [plain.clone()], "")),
            Some(value) => Some(local.method("unwrap_or_else", [Expr::closure(value.clone())], "")),
        };
        (field.ident.clone(), value)
    });
    let unknown = unknown.map(|ident| (ident, Some(Expr::text("unknown"))));
    Expr::Struct(path.to_owned(), fields.chain(unknown).collect(), None)
}

/// Whether a value costs nothing to make: literals, constants, and what is built of them by constructors.
fn is_free(value: &Expr) -> bool {
    let constructs = |path: &str| path.rsplit("::").next().is_some_and(|name| name.starts_with(char::is_uppercase));
    match value {
        Expr::Text(text) => text.split_once('(').is_none_or(|(path, _)| constructs(path)),
        Expr::Call(path, args) => constructs(path) && args.iter().all(is_free),
        Expr::Struct(_, fields, base) => {
            base.is_none() && fields.iter().all(|(_, value)| value.as_ref().is_none_or(is_free))
        }
        Expr::Array("", items) => items.iter().all(is_free),
        _ => false,
    }
}
