//! The fields of a struct or exception, and the arguments of a function, as Rust has them.

use thriftwood_idl::model::{BaseType, Field, Requiredness, Struct, Type, TypeId};

use super::error::GenerateError;
use super::layout::Expr;
use super::module::Module;
use super::names::{Taken, camel, snake};
use super::values::{Place, is_natural, natural, owned};

/// One field.
pub(crate) struct FieldForm<'a> {
    pub(crate) def: &'a Field,
    /// The name of the field.
    pub(crate) ident: String,
    /// The name of the local variable it is read into.
    pub(crate) local: String,
    /// The type without `Option` and `Box`.
    pub(crate) ty: String,
    pub(crate) ttype: String,
    /// Whether it is an `Option`.
    pub(crate) optional: bool,
    pub(crate) boxed: bool,
    /// Whether reading fails without it.
    pub(crate) required: bool,
    /// What it is when nobody gives it; of a required one, only what the IDL says.
    pub(crate) default: Option<Expr>,
    /// Whether that default is what Rust's `Default` would give.
    pub(crate) natural: bool,
}

/// The fields of a struct, in order.
pub(crate) fn fields<'a>(m: &Module<'_>, id: TypeId, def: &'a Struct) -> Result<Vec<FieldForm<'a>>, GenerateError> {
    let mut locals = match unknown_ident(m, def) {
        Some(_) => Taken::with(&["field", "id", "missing", "r", "ty", "unknown", "w"]),
        None => Taken::with(&["field", "missing", "other", "r", "w"]),
    };
    let key = m.facts().is_ordered(id);
    let mut forms = Vec::new();
    for (index, (field, ident)) in def.fields.iter().zip(field_idents(def)).enumerate() {
        let optional = m.facts().is_optional(id, index, field);
        let required = field.requiredness == Requiredness::Required;
        let default = match (required, &field.default) {
            (true, None) => None,
            _ => Some(default_value(m, id, index, field)?),
        };
        forms.push(FieldForm {
            def: field,
            local: locals.give(super::names::bare(&ident)),
            ident,
            ty: m.ty(&field.ty, key),
            ttype: m.ttype(&field.ty),
            optional,
            boxed: m.facts().is_boxed(id, index),
            required,
            default,
            natural: match &field.default {
                None => true,
                Some(_) if optional => field.requiredness == Requiredness::Optional,
                Some(value) => is_natural(value),
            },
        });
    }
    Ok(forms)
}

/// The arguments of a function, in order.
pub(crate) fn arguments<'a>(m: &Module<'_>, args: &'a [Field]) -> Result<Vec<FieldForm<'a>>, GenerateError> {
    let mut idents = Taken::with(&["ctx", "r", "w", "field", "missing", "other", "request"]);
    let mut forms = Vec::new();
    for field in args {
        // As for every peer, `optional` says nothing in a list of arguments: they are all there, or have a default.
        let has_default = field.default.is_some() || m.facts().has_default(&field.ty);
        let required = field.requiredness == Requiredness::Required || !has_default;
        let default = match &field.default {
            Some(value) => Some(owned(m, &field.ty, value, Place { span: field.span, key: false })?),
            None if required => None,
            None => Some(natural(m, &field.ty, false)),
        };
        let ident = idents.give(&snake(&field.name));
        forms.push(FieldForm {
            def: field,
            local: ident.clone(),
            ident,
            ty: m.ty(&field.ty, false),
            ttype: m.ttype(&field.ty),
            optional: false,
            boxed: false,
            required,
            default,
            natural: field.default.as_ref().is_none_or(is_natural),
        });
    }
    Ok(forms)
}

impl FieldForm<'_> {
    /// The type of the field: `Option<Box<T>>`, `T`.
    pub(crate) fn full_type(&self, m: &Module<'_>) -> String {
        let ty = if self.boxed { format!("{}<{}>", m.std("Box"), self.ty) } else { self.ty.clone() };
        if self.optional { format!("{}<{ty}>", m.std("Option")) } else { ty }
    }

    /// How a function takes a value for it: text and bytes in whatever form they come.
    pub(crate) fn parameter(&self, m: &Module<'_>) -> String {
        if self.is_text(m) { format!("impl {}<{}>", m.std("Into"), self.ty) } else { self.ty.clone() }
    }

    /// What that function puts into the field.
    pub(crate) fn parameter_value(&self, m: &Module<'_>) -> Expr {
        let text = if self.is_text(m) { format!("{}.into()", self.local) } else { self.local.clone() };
        let value = if self.boxed {
            Expr::call(format!("{}::new", m.std("Box")), [Expr::text(text)])
        } else {
            Expr::text(text)
        };
        if self.optional { Expr::call("Some", [value]) } else { value }
    }

    fn is_text(&self, m: &Module<'_>) -> bool {
        matches!(m.model().resolve(&self.def.ty), Type::Base(BaseType::String | BaseType::Binary))
    }
}

/// The value of a field when nobody gives it.
pub(crate) fn default_value(m: &Module<'_>, id: TypeId, index: usize, field: &Field) -> Result<Expr, GenerateError> {
    let key = m.facts().is_ordered(id);
    let optional = m.facts().is_optional(id, index, field);
    let value = match &field.default {
        // An optional field with a default is absent until somebody sets it: what is not sent costs nothing.
        Some(_) if optional && field.requiredness == Requiredness::Optional => return Ok(Expr::text("None")),
        Some(value) => owned(m, &field.ty, value, Place { span: field.span, key })?,
        None if optional => return Ok(Expr::text("None")),
        None => natural(m, &field.ty, key),
    };
    let value =
        if m.facts().is_boxed(id, index) { Expr::call(format!("{}::new", m.std("Box")), [value]) } else { value };
    Ok(if optional { Expr::call("Some", [value]) } else { value })
}

/// The field that keeps what a struct does not know, where it is to keep that.
pub(crate) fn unknown_ident(m: &Module<'_>, def: &Struct) -> Option<String> {
    let wanted = m.options().keep_unknown_fields || def.annotations.has("rust.keep_unknown");
    let mut taken = Taken::default();
    for field in &def.fields {
        taken.give(&snake(&field.name));
    }
    wanted.then(|| taken.give("unknown_fields"))
}

/// The name of each field, in order.
pub(crate) fn field_idents(def: &Struct) -> Vec<String> {
    let mut taken = Taken::default();
    def.fields.iter().map(|field| taken.give(&snake(&field.name))).collect()
}

/// The variant of each field of a union, in order.
pub(crate) fn variant_idents(def: &Struct) -> Vec<String> {
    let mut taken = Taken::default();
    def.fields.iter().map(|field| taken.give(&camel(&field.name))).collect()
}
