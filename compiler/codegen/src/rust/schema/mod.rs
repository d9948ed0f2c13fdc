//! The descriptions of types that `Method` and `Operation` lead to: one module of statics, for tools and for JSON.

mod names;

use thriftwood_idl::model::{
    BaseType, DefKind, Enum, Field, FileId, Function, Model, Requiredness, ServiceId, Struct, StructKind, Type, TypeId,
};

pub(crate) use names::Schema;

use super::numbers::number;
use super::writer::Writer;
use crate::defaults::default_json;

/// Writes the module, unless it would be empty.
pub(crate) fn schema(w: &mut Writer, model: &Model, schema: &Schema, here: impl Fn(FileId) -> bool) {
    if schema.is_empty() {
        return;
    }
    let form = Form { model, schema };
    w.item();
    w.doc("What tools, and JSON, have to know of the types in calls and events.");
    w.line("#[doc(hidden)]");
    w.line("#[allow(missing_docs, unreachable_pub)]");
    // A line for each field is as short as it gets.
    w.line("#[rustfmt::skip]");
    w.block(format!("pub mod {}", schema.module), |w| {
        let mut body = Writer::new(w.indent());
        for id in schema.types.keys() {
            form.named(&mut body, *id);
        }
        for (file, def) in model.files().filter(|(file, _)| here(*file)) {
            for (index, service) in (0..).zip(&def.services) {
                for (place, function) in service.functions.iter().enumerate() {
                    let name = format!("{}.{}", service.name, function.name);
                    form.function(&mut body, &name, (ServiceId { file, index }, place), function);
                }
            }
            for (index, scope) in def.scopes.iter().enumerate() {
                for (place, operation) in scope.operations.iter().enumerate() {
                    let Some(name) = schema.operation(file, index, place) else { continue };
                    body.line(format!("pub static {name}: Type = {};", form.ty(&operation.ty)));
                }
            }
        }
        let body = body.into_text();
        let used = ["Enum", "Field", "Struct", "StructKind", "Type"].into_iter().filter(|name| match *name {
            "Enum" => schema.has_enums(),
            "Field" => body.contains("Field::"),
            "Type" => body.contains("Type::"),
            _ => body.contains("Struct::new("),
        });
        let used: Vec<String> = used.map(str::to_owned).collect();
        w.import("::thriftwood::schema", &used);
        w.item();
        w.raw(&body);
    });
}

/// A model and the names of what is described of it.
struct Form<'a> {
    model: &'a Model,
    schema: &'a Schema,
}

impl Form<'_> {
    fn named(&self, w: &mut Writer, id: TypeId) {
        if let Some(def) = self.model.enumeration(id) {
            enumeration(w, self.schema.of_type(id), def);
        }
        if let Some(def) = self.model.structure(id) {
            let fields: Vec<String> =
                def.fields.iter().map(|field| self.field(field, is_optional(def, field))).collect();
            structure(w, self.schema.of_type(id), &def.name, def.kind, &fields);
        }
    }

    fn function(&self, w: &mut Writer, shown: &str, id: (ServiceId, usize), function: &Function) {
        let Some([args, result]) = self.schema.function(id.0, id.1) else { return };
        let optional = |field: &Field| field.requiredness == Requiredness::Optional;
        let fields: Vec<String> = function.args.iter().map(|field| self.field(field, optional(field))).collect();
        structure(w, args, shown, StructKind::Struct, &fields);
        let returns = function.returns.iter().map(|ty| format!("Field::optional(0, \"success\", {})", self.ty(ty)));
        let throws = function.throws.iter().map(|field| self.field(field, true));
        structure(w, result, shown, StructKind::Struct, &returns.chain(throws).collect::<Vec<_>>());
    }

    /// `Field::new(3, "seconds", Type::I32).with_default("180")`
    fn field(&self, field: &Field, optional: bool) -> String {
        let new = match field.requiredness {
            _ if optional => "optional",
            Requiredness::Required => "required",
            Requiredness::Optional | Requiredness::Default => "new",
        };
        let default = field.default.as_ref().map(|value| {
            let json = default_json(self.model, &field.ty, value);
            format!(".with_default({json:?})")
        });
        let (id, name, ty) = (field.id, &field.name, self.ty(&field.ty));
        format!("Field::{new}({id}, {name:?}, {ty}){}", default.unwrap_or_default())
    }

    fn ty(&self, ty: &Type) -> String {
        match self.model.resolve(ty) {
            Type::Base(base) => format!("Type::{}", base_name(*base)),
            Type::List(element) => format!("Type::List(&{})", self.ty(element)),
            Type::Set(element) => format!("Type::Set(&{})", self.ty(element)),
            Type::Map(key, value) => format!("Type::Map(&{}, &{})", self.ty(key), self.ty(value)),
            Type::Named(id) if id.kind == DefKind::Enum => format!("Type::Enum(&{})", self.schema.of_type(*id)),
            Type::Named(id) => format!("Type::Struct(&{})", self.schema.of_type(*id)),
        }
    }
}

/// The IDL leaves it out where nothing else could be meant.
fn is_optional(def: &Struct, field: &Field) -> bool {
    def.kind == StructKind::Union || field.requiredness == Requiredness::Optional
}

fn structure(w: &mut Writer, name: &str, shown: &str, kind: StructKind, fields: &[String]) {
    let kind = match kind {
        StructKind::Struct => "Struct",
        StructKind::Union => "Union",
        StructKind::Exception => "Exception",
    };
    let head = format!("pub static {name}: Struct = Struct::new({shown:?}, StructKind::{kind}, &[");
    if fields.is_empty() {
        return w.line(format!("{head}]);"));
    }
    w.line(head);
    w.indented(|w| fields.iter().for_each(|field| w.line(format!("{field},"))));
    w.line("]);");
}

fn enumeration(w: &mut Writer, name: &str, def: &Enum) {
    let values: Vec<String> =
        def.values.iter().map(|value| format!("({:?}, {})", value.name, number(value.number.into()))).collect();
    let values = values.join(", ");
    w.line(format!("pub static {name}: Enum = Enum {{ name: {:?}, values: &[{values}] }};", def.name));
}

fn base_name(base: BaseType) -> &'static str {
    match base {
        BaseType::Bool => "Bool",
        BaseType::I8 => "I8",
        BaseType::I16 => "I16",
        BaseType::I32 => "I32",
        BaseType::I64 => "I64",
        BaseType::Double => "Double",
        BaseType::String => "String",
        BaseType::Binary => "Binary",
        BaseType::Uuid => "Uuid",
    }
}
