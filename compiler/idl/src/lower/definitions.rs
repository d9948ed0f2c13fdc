//! Builds the model with every name resolved; default values and constants follow when all types are there.

use super::UNKNOWN;
use super::enums;
use super::fields::Role;
use super::symbols::{Found, Symbols, base_type};
use crate::diagnostics::{Code, Diagnostic};
use crate::load::Unit;
use crate::model::{
    BaseType, Const, ConstValue, File, FileId, Include, Model, Namespace, Struct, Type, TypeUse, Typedef,
};
use crate::source::Span;
use crate::syntax::{Body, Definition, Shape, TypeRef};

/// The model without values, and the keys of all maps with the places they are written at.
pub(super) fn declare(units: &[Unit], symbols: &Symbols, found: &mut Vec<Diagnostic>) -> (Model, Vec<(Span, Type)>) {
    let (mut model, mut keys) = (Model::default(), Vec::new());
    for (unit, id) in units.iter().zip(0..) {
        let mut file = Declaring { units, symbols, id: FileId(id), unit, found, keys: &mut keys };
        model.files.push(file.declare());
    }
    (model, keys)
}

/// One file on its way into the model.
pub(super) struct Declaring<'a> {
    pub(super) units: &'a [Unit],
    pub(super) symbols: &'a Symbols,
    pub(super) id: FileId,
    pub(super) unit: &'a Unit,
    pub(super) found: &'a mut Vec<Diagnostic>,
    keys: &'a mut Vec<(Span, Type)>,
}

impl Declaring<'_> {
    fn declare(&mut self) -> File {
        let unit = self.unit;
        let mut file = File { path: unit.path.clone(), name: unit.name.clone(), kind: unit.kind, ..File::default() };
        file.cpp_includes.clone_from(&unit.tree.cpp_includes);
        file.namespaces = unit
            .tree
            .namespaces
            .iter()
            .map(|namespace| Namespace {
                scope: namespace.scope.clone(),
                name: namespace.name.text.clone(),
                span: namespace.name.span,
                annotations: namespace.annotations.clone(),
            })
            .collect();
        file.includes = unit
            .tree
            .includes
            .iter()
            .zip(&unit.includes)
            .filter_map(|(include, file)| {
                Some(Include {
                    path: include.path.text.clone(),
                    span: include.path.span,
                    file: (*file)?,
                    annotations: include.annotations.clone(),
                })
            })
            .collect();
        for definition in &unit.tree.definitions {
            self.definition(definition, &mut file);
        }
        file
    }

    fn definition(&mut self, definition: &Definition, file: &mut File) {
        let name = definition.name.text.clone();
        let span = definition.name.span;
        let doc = definition.doc.clone();
        let annotations = definition.annotations.clone();
        match &definition.body {
            Body::Const { ty, .. } => {
                // The value is put in when the types of all files are known.
                file.consts.push(Const { name, span, doc, ty: self.ty(ty), value: ConstValue::Int(0), annotations });
            }
            Body::Typedef { target } => {
                file.typedefs.push(Typedef { name, span, doc, target: self.ty(target), annotations });
            }
            Body::Enum { values } => file.enums.push(enums::lower(definition, values, self.unit.kind, self.found)),
            Body::Struct { kind, fields } => {
                let fields = self.fields(&definition.name, fields, Role::Struct(*kind));
                file.structs.push(Struct { name, span, doc, kind: *kind, fields, annotations });
            }
            Body::Service { extends, functions } => {
                let service = self.service(definition, extends.as_ref(), functions);
                file.services.push(service);
            }
            Body::Scope { prefix, operations } => {
                let scope = self.scope(definition, prefix, operations);
                file.scopes.push(scope);
            }
        }
    }

    /// The type that is written, with names resolved.
    pub(super) fn ty(&mut self, written: &TypeRef) -> TypeUse {
        let ty = match &written.shape {
            Shape::Named(name) => self.named(name, written),
            Shape::List(item) => Type::List(Box::new(self.ty(item))),
            Shape::Set(item) => Type::Set(Box::new(self.ty(item))),
            Shape::Map(key, value) => {
                let (span, key) = (key.span, self.ty(key));
                self.keys.push((span, key.ty.clone()));
                Type::Map(Box::new(key), Box::new(self.ty(value)))
            }
        };
        TypeUse { ty, annotations: written.annotations.clone() }
    }

    fn named(&mut self, name: &str, written: &TypeRef) -> Type {
        if let Some(base) = base_type(name) {
            return Type::Base(base);
        }
        match self.symbols.find(self.id, name, |table| &table.types) {
            Found::One(id) => return Type::Named(id),
            Found::Several(files) => self.ambiguous("type", name, written.span, &files),
            Found::None { sure } => match name {
                "uuid" => return Type::Base(BaseType::Uuid),
                "slist" => return Type::Base(BaseType::String),
                _ if sure => {
                    let unknown = self.unknown_type(name, written);
                    self.found.push(unknown);
                }
                _ => {}
            },
        }
        UNKNOWN
    }

    fn unknown_type(&self, name: &str, written: &TypeRef) -> Diagnostic {
        let unknown = Diagnostic::new(Code::UnknownType, written.span, format!("there is no type `{name}`"));
        if name == "void" {
            return unknown.help("`void` is only the result of a function");
        }
        if !matches!(self.symbols.find(self.id, name, |table| &table.services), Found::None { .. }) {
            return unknown.help(format!("`{name}` is a service, and a service is no type"));
        }
        let meant = foreign(name).map(str::to_owned);
        match meant.or_else(|| self.symbols.suggest(self.id, name, |table| &table.types, BASE_TYPES)) {
            Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
            None => match name.split_once('.') {
                Some((include, _)) if !self.includes(name) => {
                    unknown.help(format!("no file `{include}` is included; add `include \"{include}.frugal\"`"))
                }
                _ => unknown.help("types are declared with `struct`, `enum`, `typedef`, `union` or `exception`"),
            },
        }
    }

    /// Whether the file a qualified name speaks of is included.
    fn includes(&self, name: &str) -> bool {
        let names =
            self.unit.includes.iter().flatten().filter_map(|id| self.units.get(id.0 as usize)).map(|unit| &unit.name);
        names.into_iter().any(|include| name.strip_prefix(include.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }

    pub(super) fn ambiguous(&mut self, what: &str, name: &str, span: Span, files: &[FileId]) {
        self.found.push(ambiguous(self.units, what, name, span, files));
    }
}

/// Reports a name that several included files have.
pub(super) fn ambiguous(units: &[Unit], what: &str, name: &str, span: Span, files: &[FileId]) -> Diagnostic {
    let mut found =
        Diagnostic::new(Code::AmbiguousInclude, span, format!("`{name}` is a {what} of several included files"));
    for unit in files.iter().filter_map(|id| units.get(id.0 as usize)) {
        found = found.note(format!("there is one in `{}`", unit.path.display().to_string().replace('\\', "/")));
    }
    found.help("the files have one name, so only one of them can be included; rename one or drop an include")
}

const BASE_TYPES: &[&str] =
    &["bool", "byte", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid", "list", "set", "map"];

/// What other languages call the base types.
fn foreign(name: &str) -> Option<&'static str> {
    Some(match name {
        "int" | "integer" | "int32" | "Int" | "u32" | "uint32" => "i32",
        "long" | "int64" | "Long" | "u64" | "uint64" => "i64",
        "short" | "int16" | "u16" | "uint16" => "i16",
        "char" | "int8" | "u8" | "uint8" => "i8",
        "float" | "f32" | "f64" | "float64" => "double",
        "str" | "String" | "text" => "string",
        "bytes" | "blob" => "binary",
        "boolean" | "Boolean" => "bool",
        "array" | "vector" | "Vec" | "List" => "list",
        "dict" | "hashmap" | "HashMap" | "Map" => "map",
        "UUID" | "guid" => "uuid",
        _ => return None,
    })
}
