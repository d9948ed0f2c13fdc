//! Typedefs that are types of their own, where the IDL asks for it: `typedef i64 UserId (rust.newtype)`.

use thriftwood_idl::model::{BaseType, DefKind, Model, Type, TypeId, Typedef};

use super::choice::RustType;
use super::layout::Expr;
use super::module::Module;
use super::plan::is_copy;
use super::structs::{comparisons, derive};
use super::writer::Writer;

/// Whether a typedef becomes a type of its own.
pub(crate) fn is_newtype(def: &Typedef) -> bool {
    def.annotations.has("rust.newtype")
}

pub(crate) fn newtype(w: &mut Writer, m: &Module<'_>, name: &str, def: &Typedef) {
    let inner = m.ty(&def.target, false);
    let mut derives = vec!["Clone"];
    if is_copy(m.model(), &def.target) {
        derives.push("Copy");
    }
    derives.push("Debug");
    if m.facts().has_default(&def.target) {
        derives.push("Default");
    }
    derives.extend(comparisons(m.facts().lacking(&def.target, false)));
    w.item();
    w.idl_doc(def.doc.as_ref());
    derive(w, m, derives, &def.annotations);
    w.tuple_struct(name, &format!("pub {inner}"));
    let from = m.std("From");
    let convert = |w: &mut Writer, from_ty: &str, to: &str, value: &str| {
        w.item();
        w.impl_block(format!("impl {from}<{from_ty}> for {to}"), |w| {
            w.block(format!("fn from(value: {from_ty}) -> Self"), |w| w.line(value));
        });
    };
    convert(w, &inner, name, &format!("{name}(value)"));
    convert(w, name, &inner, "value.0");
    let base = match m.model().resolve(&def.target) {
        Type::Base(base) if chain(m.model(), &def.target).is_empty() => Some(*base),
        _ => None,
    };
    if base == Some(BaseType::String) {
        let text = match m.facts().rust_type(&def.target, false) {
            Some(RustType::ArcStr | RustType::ByteString) => "value.into()",
            _ => "value.to_owned()",
        };
        convert(w, "&str", name, &format!("{name}({text})"));
    }
    if base.is_some_and(|base| !matches!(base, BaseType::Binary | BaseType::Uuid)) {
        w.item();
        w.impl_block(format!("impl ::std::fmt::Display for {name}"), |w| {
            w.block("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result", |w| {
                w.line("::std::fmt::Display::fmt(&self.0, f)");
            });
        });
    }
    codec(w, m, name, &inner);
}

/// The newtypes that a type is wrapped in, the outermost first.
pub(crate) fn chain(model: &Model, ty: &Type) -> Vec<TypeId> {
    let mut chain = Vec::new();
    let mut ty = ty;
    while let Type::Named(id) = ty {
        let Some(typedef) = model.typedef(*id) else { break };
        if is_newtype(typedef) {
            chain.push(*id);
        }
        ty = &typedef.target;
    }
    chain
}

/// Puts a value of the type behind the newtypes into them.
pub(crate) fn wrap(m: &Module<'_>, ty: &Type, value: Expr) -> Expr {
    chain(m.model(), ty).into_iter().rev().fold(value, |value, id| Expr::call(m.named(id), [value]))
}

/// Takes a value out of the newtypes it is in.
pub(crate) fn unwrap(m: &Module<'_>, ty: &Type, value: Expr) -> Expr {
    chain(m.model(), ty).iter().fold(value, |value, _| value.then(".0"))
}

/// Whether a type of the IDL is a newtype in Rust.
pub(crate) fn is_wrapped(model: &Model, ty: &Type) -> bool {
    matches!(ty, Type::Named(id) if id.kind == DefKind::Typedef) && !chain(model, ty).is_empty()
}

fn codec(w: &mut Writer, m: &Module<'_>, name: &str, inner: &str) {
    let (wire, ttype, writer) = (m.rt("codec", "Wire"), m.rt("codec", "TType"), m.rt("codec", "Writer"));
    let (reader, error, result) = (m.rt("codec", "Reader"), m.rt("codec", "DecodeError"), m.std("Result"));
    w.item();
    w.impl_block(format!("impl {wire} for {name}"), |w| {
        w.line(format!("const TYPE: {ttype} = <{inner} as {wire}>::TYPE;"));
        w.item();
        w.block(format!("fn encode<W: {writer}>(&self, w: &mut W)"), |w| w.line("self.0.encode(w);"));
        w.item();
        w.block(format!("fn decode<R: {reader}>(r: &mut R) -> {result}<Self, {error}>"), |w| {
            w.line(format!("{wire}::decode(r).map({name})"));
        });
    });
}
