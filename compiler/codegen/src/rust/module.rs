//! What names mean inside one generated module: imports, the way to other modules, and full paths where the IDL has taken a
//! name for itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use thriftwood_idl::model::{BaseType, ConstId, DefKind, FileId, Model, ServiceId, Type, TypeId, TypeUse};

use super::RustOptions;
use super::choice::{RustType, chooses};
use super::layout::Expr;
use super::names::{Taken, bare};
use super::plan::{Facts, Names, Plan};
use super::writer::Writer;

/// One module while it is written. Asking for a name notes that it must be imported.
pub(crate) struct Module<'a> {
    plan: &'a Plan<'a>,
    namespace: usize,
    imports: RefCell<BTreeMap<String, BTreeSet<String>>>,
    neighbours: RefCell<Neighbours>,
}

/// The other namespaces this one refers to, each by the name it has here.
#[derive(Default)]
struct Neighbours {
    names: BTreeMap<usize, String>,
    taken: Taken,
}

impl<'a> Module<'a> {
    /// The module of a namespace, with these modules inside it.
    pub(crate) fn new(plan: &'a Plan<'a>, namespace: usize, children: &[String]) -> Self {
        let children: Vec<&str> = children.iter().map(String::as_str).collect();
        let neighbours = Neighbours { names: BTreeMap::new(), taken: Taken::with(&children) };
        Self { plan, namespace, imports: RefCell::default(), neighbours: RefCell::new(neighbours) }
    }

    pub(crate) fn model(&self) -> &'a Model {
        self.plan.model
    }

    pub(crate) fn names(&self) -> &'a Names {
        &self.plan.names
    }

    /// The traits that every type is to derive besides its own.
    pub(crate) fn derives(&self) -> &'a [String] {
        &self.plan.options.derives
    }

    pub(crate) fn options(&self) -> &'a RustOptions {
        &self.plan.options
    }

    pub(crate) fn facts(&self) -> &'a Facts<'a> {
        &self.plan.facts
    }

    /// A name of the prelude, `Option`, or its full path where the module has an `Option` of its own.
    pub(crate) fn std(&self, name: &str) -> String {
        let path = match name {
            "Option" => "::std::option",
            "Result" => "::std::result",
            "String" => "::std::string",
            "Vec" => "::std::vec",
            "Box" => "::std::boxed",
            "Into" | "From" => "::std::convert",
            "Default" => "::std::default",
            "Send" | "Sync" => "::std::marker",
            "Future" => "::std::future",
            _ => "::std::clone",
        };
        if self.declares(name) { format!("{path}::{name}") } else { name.to_owned() }
    }

    /// A name of the runtime, `("codec", "Wire")`, imported; its full path where the module has a `Wire` of its own.
    pub(crate) fn rt(&self, room: &str, name: &str) -> String {
        let path = if room.is_empty() { "::thriftwood".to_owned() } else { format!("::thriftwood::{room}") };
        self.imported(path, name)
    }

    /// A name of the standard library that has to be imported.
    pub(crate) fn imported(&self, path: impl Into<String>, name: &str) -> String {
        let path = path.into();
        if self.declares(name) {
            let full = format!("{path}::{name}");
            // Its methods are called on values, for which the trait must be in sight, under whatever name.
            if name == "Wire" {
                self.imports.borrow_mut().entry(path).or_default().insert(format!("{name} as _"));
            }
            return full;
        }
        self.imports.borrow_mut().entry(path).or_default().insert(name.to_owned());
        name.to_owned()
    }

    /// A declared type.
    pub(crate) fn named(&self, id: TypeId) -> String {
        self.at(id.file, self.names().ty(id))
    }

    /// A description of the function's arguments and one of its result: `Some(&super::idl_schema::STORE_BUY_ALBUM_ARGS)`.
    pub(crate) fn described_function(&self, id: ServiceId, index: usize) -> [Expr; 2] {
        match self.plan.schema.as_ref().and_then(|schema| schema.function(id, index)) {
            Some(names) => names.each_ref().map(|name| self.described(Some(name))),
            None => [(); 2].map(|()| self.described(None)),
        }
    }

    /// A description of the operation's payload.
    pub(crate) fn described_operation(&self, file: FileId, scope: usize, index: usize) -> Expr {
        self.described(self.plan.schema.as_ref().and_then(|schema| schema.operation(file, scope, index)))
    }

    fn described(&self, name: Option<&str>) -> Expr {
        let (Some(schema), Some(name)) = (&self.plan.schema, name) else { return Expr::text("None") };
        let up = "super::".repeat(self.plan.tree.namespaces[self.namespace].path.len());
        Expr::call("Some", [Expr::text(format!("&{up}{}::{name}", schema.module))])
    }

    pub(crate) fn constant(&self, id: ConstId) -> String {
        self.at(id.file, self.names().constant(id))
    }

    /// Something generated for a service, by its name in the service's own module.
    pub(crate) fn of_service(&self, id: ServiceId, name: &str) -> String {
        self.at(id.file, name)
    }

    /// The Rust type for a type of the IDL. Inside of a key a `double` is a `TotalF64`, and sets and maps are ordered.
    pub(crate) fn ty(&self, ty: &TypeUse, key: bool) -> String {
        if let Type::Named(id) = ty.ty
            && !self.is_written_out(id, ty, key)
        {
            return self.named(id);
        }
        match self.model().resolve(ty) {
            Type::Base(base) => self.base(*base, ty, key),
            Type::List(element) => format!("{}<{}>", self.std("Vec"), self.ty(element, key)),
            Type::Set(element) => format!("{}<{}>", self.collection(ty, key), self.ty(element, true)),
            Type::Map(k, v) => format!("{}<{}, {}>", self.collection(ty, key), self.ty(k, true), self.ty(v, key)),
            Type::Named(id) => self.named(*id),
        }
    }

    /// `BTreeSet`, `HashSet`, `BTreeMap` or `HashMap`, for a set or map.
    pub(crate) fn collection(&self, ty: &TypeUse, key: bool) -> String {
        let chosen = self.facts().rust_type(ty, key).unwrap_or(RustType::BTreeMap);
        self.imported("::std::collections", chosen.name())
    }

    /// `TType::I32`
    pub(crate) fn ttype(&self, ty: &Type) -> String {
        let name = match self.model().resolve(ty) {
            Type::Base(base) => match base {
                BaseType::Bool => "Bool",
                BaseType::I8 => "I8",
                BaseType::I16 => "I16",
                BaseType::I32 => "I32",
                BaseType::I64 => "I64",
                BaseType::Double => "Double",
                BaseType::String | BaseType::Binary => "String",
                BaseType::Uuid => "Uuid",
            },
            Type::List(_) => "List",
            Type::Set(_) => "Set",
            Type::Map(..) => "Map",
            Type::Named(id) if id.kind == DefKind::Enum => "I32",
            Type::Named(_) => "Struct",
        };
        format!("{}::{name}", self.rt("codec", "TType"))
    }

    /// Writes the imports that were asked for, in rustfmt's order: groups of the standard library, the runtime, neighbours.
    pub(crate) fn write_imports(&self, w: &mut Writer) {
        let imports = self.imports.borrow();
        for root in ["::std", "::thriftwood"] {
            w.item();
            let mut group: Vec<_> = imports.iter().filter(|(path, _)| path.starts_with(root)).collect();
            // A path that ends in a list goes behind those that go on.
            group.sort_by_key(|(path, names)| (path.as_str() == root && names.len() > 1, path.as_str()));
            for (path, names) in group {
                w.import(path, &names.iter().cloned().collect::<Vec<_>>());
            }
        }
        w.item();
        let neighbours = self.neighbours.borrow();
        let mut lines: Vec<String> = Vec::new();
        for (namespace, name) in &neighbours.names {
            let way = self.plan.tree.way(self.namespace, *namespace);
            let rename = if way.last() == Some(&name.as_str()) { String::new() } else { format!(" as {name}") };
            lines.push(format!("use {}{rename};", way.join("::")));
        }
        // `super::super::a` before `super::b`: rustfmt sorts `super` in front of names.
        lines.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        for line in lines {
            w.line(line);
        }
    }

    /// Whether a named type is spelled by its parts: a typedef that would spell what is wrong in a key, or one that is used with a
    /// choice of its own.
    fn is_written_out(&self, id: TypeId, ty: &TypeUse, key: bool) -> bool {
        id.kind == DefKind::Typedef && (chooses(ty) || key && self.facts().is_other_in_key(ty))
    }

    fn base(&self, base: BaseType, ty: &TypeUse, key: bool) -> String {
        match base {
            BaseType::Bool => "bool".to_owned(),
            BaseType::I8 => "i8".to_owned(),
            BaseType::I16 => "i16".to_owned(),
            BaseType::I32 => "i32".to_owned(),
            BaseType::I64 => "i64".to_owned(),
            BaseType::Double if key => self.rt("codec", "TotalF64"),
            BaseType::Double => "f64".to_owned(),
            BaseType::String => match self.facts().rust_type(ty, key) {
                Some(RustType::ArcStr) => format!("{}<str>", self.imported("::std::sync", "Arc")),
                Some(RustType::ByteString) => self.rt("bytestring", "ByteString"),
                _ => self.std("String"),
            },
            BaseType::Binary => match self.facts().rust_type(ty, key) {
                Some(RustType::VecU8) => format!("{}<u8>", self.std("Vec")),
                _ => self.rt("bytes", "Bytes"),
            },
            BaseType::Uuid => "[u8; 16]".to_owned(),
        }
    }

    fn declares(&self, name: &str) -> bool {
        self.names().declares(self.namespace, name)
    }

    /// A name of the module that a file's definitions are in.
    fn at(&self, file: FileId, name: &str) -> String {
        let namespace = self.plan.tree.of_file(file);
        if let Some(elsewhere) = self.plan.elsewhere.get(&file) {
            let path = self.plan.tree.namespaces[namespace].path.join("::");
            return format!("::{elsewhere}::{path}::{name}");
        }
        if namespace == self.namespace {
            return name.to_owned();
        }
        let mut neighbours = self.neighbours.borrow_mut();
        let Neighbours { names, taken } = &mut *neighbours;
        let module = names.entry(namespace).or_insert_with(|| {
            let way = self.plan.tree.way(self.namespace, namespace);
            taken.give(bare(way.last().copied().unwrap_or_default()))
        });
        format!("{module}::{name}")
    }
}

fn sort_key(line: &str) -> Vec<(bool, &str)> {
    line.trim_end_matches(';').split([' ', ':']).map(|part| (part != "super", part)).collect()
}
