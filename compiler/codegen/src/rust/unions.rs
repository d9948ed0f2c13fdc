//! Unions: an enum with a variant for each field, and one for whatever a newer peer sends.

use thriftwood_idl::model::{Struct, TypeId};

use super::error::GenerateError;
use super::fields::{FieldForm, fields, variant_idents};
use super::layout::Expr;
use super::module::Module;
use super::names::Taken;
use super::structs::{INLINE, derive, derives};
use super::writer::Writer;

pub(crate) fn union(w: &mut Writer, m: &Module<'_>, id: TypeId, name: &str, def: &Struct) -> Result<(), GenerateError> {
    let fields = fields(m, id, def)?;
    let variants = variant_idents(def);
    let mut taken = Taken::default();
    for variant in &variants {
        taken.give(variant);
    }
    let unknown = taken.give("Unknown");
    declare(w, m, id, name, def, &fields, &unknown);
    codec(w, m, name, def, &fields, &unknown);
    super::apache::bridge(w, m, name);
    Ok(())
}

fn declare(
    w: &mut Writer,
    m: &Module<'_>,
    id: TypeId,
    name: &str,
    def: &Struct,
    fields: &[FieldForm<'_>],
    unknown: &str,
) {
    w.item();
    w.idl_doc(def.doc.as_ref());
    derive(w, m, derives(m, id, false), &def.annotations);
    w.block(format!("pub enum {name}"), |w| {
        for (field, variant) in fields.iter().zip(variant_idents(def)) {
            match &field.def.doc {
                Some(doc) => w.idl_doc(Some(doc)),
                None => w.doc(format!("`{}`", field.def.name)),
            }
            super::enums::deprecated(w, field.def.annotations.get("deprecated"));
            w.tuple_variant(&variant, &held(m, field));
        }
        w.doc("A field that this IDL does not have, kept as it came.");
        w.line(format!("{unknown}({}),", m.rt("codec", "UnknownField")));
    });
}

/// What a variant holds.
fn held(m: &Module<'_>, field: &FieldForm<'_>) -> String {
    if field.boxed { format!("{}<{}>", m.std("Box"), field.ty) } else { field.ty.clone() }
}

fn codec(w: &mut Writer, m: &Module<'_>, name: &str, def: &Struct, fields: &[FieldForm<'_>], unknown: &str) {
    let (wire, ttype, writer) = (m.rt("codec", "Wire"), m.rt("codec", "TType"), m.rt("codec", "Writer"));
    w.item();
    w.impl_block(format!("impl {wire} for {name}"), |w| {
        w.line(format!("const TYPE: {ttype} = {ttype}::Struct;"));
        w.item();
        w.line(INLINE);
        w.block(format!("fn encode<W: {writer}>(&self, w: &mut W)"), |w| {
            w.line("w.struct_begin();");
            w.block("match self", |w| {
                for (field, variant) in fields.iter().zip(variant_idents(def)) {
                    w.block(format!("Self::{variant}(value) =>"), |w| {
                        w.line(format!("w.field_begin({}, {});", field.def.id, field.ttype));
                        w.line("value.encode(w);");
                    });
                }
                w.line(format!("Self::{unknown}(field) => field.encode(w),"));
            });
            w.line("w.struct_end();");
        });
        w.item();
        decode(w, m, def, fields, unknown);
    });
}

/// Exactly one field must be there, as every peer insists.
fn decode(w: &mut Writer, m: &Module<'_>, def: &Struct, fields: &[FieldForm<'_>], unknown: &str) {
    let (wire, reader) = (m.rt("codec", "Wire"), m.rt("codec", "Reader"));
    let (error, kind) = (m.rt("codec", "DecodeError"), m.rt("codec", "DecodeErrorKind"));
    let result = m.std("Result");
    w.line(INLINE);
    w.block(format!("fn decode<R: {reader}>(r: &mut R) -> {result}<Self, {error}>"), |w| {
        let name = vec![("union".to_owned(), Some(Expr::text(format!("{:?}", def.name))))];
        w.assign("let wrong =", &Expr::Struct(format!("{kind}::Union"), name, None), ";");
        w.line("let mut union = None;");
        w.line("r.struct_begin()?;");
        w.block("while let Some(field) = r.field_begin()?", |w| {
            if fields.is_empty() {
                let field = m.rt("codec", "UnknownField");
                let value = Expr::text(format!("{field}::decode(field.id, field.ty, r)?"));
                w.assign("let value =", &Expr::call(format!("Self::{unknown}"), [value]), ";");
                return w.block("if union.replace(value).is_some()", |w| w.line("return Err(r.error(wrong));"));
            }
            w.block_then("let value = match (field.id, field.ty)", ";", |w| {
                for (field, variant) in fields.iter().zip(variant_idents(def)) {
                    let value = Expr::call(format!("Self::{variant}"), [Expr::text(format!("{wire}::decode(r)?"))]);
                    w.arm(&format!("({}, {})", field.def.id, field.ttype), &value);
                }
                let field = m.rt("codec", "UnknownField");
                let value = Expr::text(format!("{field}::decode(id, ty, r)?"));
                w.arm("(id, ty)", &Expr::call(format!("Self::{unknown}"), [value]));
            });
            w.block("if union.replace(value).is_some()", |w| w.line("return Err(r.error(wrong));"));
        });
        w.line("r.struct_end();");
        w.line("union.ok_or_else(|| r.error(wrong))");
    });
}
