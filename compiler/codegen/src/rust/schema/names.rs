//! What is described, and under which name: the types that a call or an event can bring, and no others, so that nobody compiles a
//! description that nothing leads to.

use std::collections::{BTreeMap, HashMap};

use thriftwood_idl::model::{DefKind, FileId, Function, Model, Scope, Service, ServiceId, Type, TypeId};

use crate::rust::names::{Taken, screaming};
use crate::rust::plan::Tree;

/// The statics of a model's descriptions, by their names. All are in one module beside the namespaces.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The module they are in.
    pub(crate) module: String,
    /// In the order in which they are written.
    pub(super) types: BTreeMap<TypeId, String>,
    functions: HashMap<(ServiceId, usize), [String; 2]>,
    operations: HashMap<(FileId, usize, usize), String>,
}

impl Schema {
    /// Describes what the services and scopes of these files lead to.
    pub(crate) fn new(model: &Model, tree: &Tree, files: impl Fn(FileId) -> bool) -> Self {
        let mut schema = Schema {
            module: module(tree),
            types: BTreeMap::new(),
            functions: HashMap::new(),
            operations: HashMap::new(),
        };
        let files: Vec<FileId> = model.files().map(|(id, _)| id).filter(|id| files(*id)).collect();
        for file in &files {
            let def = model.file(*file);
            let functions = def.services.iter().flat_map(|service| &service.functions);
            for function in functions {
                let fields = function.args.iter().chain(&function.throws).map(|field| &field.ty);
                fields.chain(&function.returns).for_each(|ty| schema.reach(model, ty));
            }
            let operations = def.scopes.iter().flat_map(|scope| &scope.operations);
            operations.for_each(|operation| schema.reach(model, &operation.ty));
        }
        schema.give_names(model, tree, &files);
        schema
    }

    /// The statics of a function's arguments and of its result.
    pub(crate) fn function(&self, service: ServiceId, index: usize) -> Option<&[String; 2]> {
        self.functions.get(&(service, index))
    }

    /// The static of an operation's payload.
    pub(crate) fn operation(&self, file: FileId, scope: usize, index: usize) -> Option<&str> {
        self.operations.get(&(file, scope, index)).map(String::as_str)
    }

    /// Notes a type and all that it consists of.
    fn reach(&mut self, model: &Model, ty: &Type) {
        let mut open = vec![ty];
        while let Some(ty) = open.pop() {
            match model.resolve(ty) {
                Type::Base(_) => {}
                Type::List(element) | Type::Set(element) => open.push(element),
                Type::Map(key, value) => open.extend([&***key, &***value]),
                Type::Named(id) => {
                    let known = self.types.insert(*id, String::new()).is_some();
                    let fields = model.structure(*id).filter(|_| !known).map(|def| &def.fields);
                    open.extend(fields.into_iter().flatten().map(|field| &*field.ty));
                }
            }
        }
    }

    fn give_names(&mut self, model: &Model, tree: &Tree, files: &[FileId]) {
        let mut taken = Taken::default();
        let prefix = |file: FileId| tree.namespaces[tree.of_file(file)].name.clone();
        let mut give = |file: FileId, name: &str| {
            let short = screaming(name);
            taken.give_first(&[&short, &screaming(&format!("{}_{name}", prefix(file)))])
        };
        for (id, name) in &mut self.types {
            *name = give(id.file, model.type_name(*id));
        }
        for file in files {
            let def = model.file(*file);
            for (index, service) in (0..).zip(&def.services) {
                let id = ServiceId { file: *file, index };
                for (place, function) in service.functions.iter().enumerate() {
                    let name = |part: &str| function_name(service, function, part);
                    let names = [give(*file, &name("args")), give(*file, &name("result"))];
                    self.functions.insert((id, place), names);
                }
            }
            for (index, scope) in def.scopes.iter().enumerate() {
                for (place, operation) in scope.operations.iter().enumerate() {
                    let name = give(*file, &operation_name(scope, &operation.name));
                    self.operations.insert((*file, index, place), name);
                }
            }
        }
    }

    /// Whether nothing is described.
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.operations.is_empty()
    }

    /// The static of a struct or enum.
    pub(super) fn of_type(&self, id: TypeId) -> &str {
        self.types.get(&id).map_or("", String::as_str)
    }

    /// Whether any enum is described.
    pub(super) fn has_enums(&self) -> bool {
        self.types.keys().any(|id| id.kind == DefKind::Enum)
    }
}

/// A name that no namespace has.
fn module(tree: &Tree) -> String {
    let roots: Vec<&str> = tree.namespaces.iter().filter_map(|n| n.path.first()).map(String::as_str).collect();
    Taken::with(&roots).give("idl_schema")
}

fn function_name(service: &Service, function: &Function, part: &str) -> String {
    format!("{}_{}_{part}", service.name, function.name)
}

fn operation_name(scope: &Scope, operation: &str) -> String {
    format!("{}_{operation}", scope.name)
}
