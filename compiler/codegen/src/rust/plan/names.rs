//! The Rust name of every definition. What the IDL names goes first; what is generated beside it steps aside.

use std::collections::{BTreeMap, HashMap};

use thriftwood_idl::model::{
    ConstId, DefKind, File, FileId, Function, Model, Operation, Scope, Service, ServiceId, TypeId,
};

use super::super::names::{Taken, camel, screaming};
use super::Tree;

/// The types generated for a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceNames {
    /// The trait.
    pub(crate) service: String,
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) handler: String,
    pub(crate) request: String,
    pub(crate) response: String,
    pub(crate) mock: String,
    /// The error of each function that declares exceptions.
    pub(crate) errors: Vec<Option<String>>,
    /// The static that describes each function.
    pub(crate) methods: Vec<String>,
}

/// The types generated for a scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeNames {
    pub(crate) scope: String,
    pub(crate) publisher: String,
    pub(crate) subscriber: String,
    pub(crate) event: String,
    /// The static that describes the scope.
    pub(crate) descriptor: String,
    /// The static that describes each operation.
    pub(crate) operations: Vec<String>,
}

/// The Rust name of every definition of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    types: HashMap<TypeId, String>,
    consts: HashMap<ConstId, String>,
    services: HashMap<ServiceId, ServiceNames>,
    scopes: HashMap<(FileId, usize), ScopeNames>,
    /// For each namespace, every name that stands in its module.
    declared: Vec<Taken>,
}

impl Names {
    pub(crate) fn new(model: &Model, tree: &Tree) -> Self {
        let mut names = Names::default();
        for namespace in &tree.namespaces {
            let files: Vec<_> = namespace.files.iter().map(|id| (*id, model.file(*id))).collect();
            // Types named like the variants of `Option` and `Result` would take their place in patterns, single letters are the
            // type parameters of generated code.
            let mut taken = Taken::with(&["Err", "None", "Ok", "Some", "L", "R", "S", "W"]);
            names.name_types(&files, &mut taken);
            names.name_consts(&files, &mut taken);
            names.name_generated(&files, &mut taken);
            names.declared.push(taken);
        }
        names
    }

    pub(crate) fn ty(&self, id: TypeId) -> &str {
        &self.types[&id]
    }

    pub(crate) fn constant(&self, id: ConstId) -> &str {
        &self.consts[&id]
    }

    pub(crate) fn service(&self, id: ServiceId) -> &ServiceNames {
        &self.services[&id]
    }

    pub(crate) fn scope(&self, file: FileId, index: usize) -> &ScopeNames {
        &self.scopes[&(file, index)]
    }

    /// Whether the module of a namespace has an item of this name, which would shadow one from elsewhere.
    pub(crate) fn declares(&self, namespace: usize, name: &str) -> bool {
        self.declared[namespace].contains(name)
    }

    fn name_types(&mut self, files: &[(FileId, &File)], taken: &mut Taken) {
        for (file, index, kind, name) in types(files) {
            self.types.insert(TypeId { file, kind, index }, taken.give(&camel(name)));
        }
        for (id, service) in services(files) {
            let name = camel(&service.name);
            let service = taken.give_first(&[&name, &format!("{name}Service")]);
            self.services.insert(id, ServiceNames { service, ..ServiceNames::default() });
        }
        for (file, index, scope) in scopes(files) {
            let name = camel(&scope.name);
            let scope = taken.give_first(&[&name, &format!("{name}Scope")]);
            self.scopes.insert((file, index), ScopeNames { scope, ..ScopeNames::default() });
        }
    }

    fn name_consts(&mut self, files: &[(FileId, &File)], taken: &mut Taken) {
        for &(file, def) in files {
            for (index, constant) in (0..).zip(&def.consts) {
                let name = taken.give(&screaming(&constant.name));
                self.consts.insert(ConstId { file, index }, name);
            }
        }
    }

    fn name_generated(&mut self, files: &[(FileId, &File)], taken: &mut Taken) {
        for (id, service) in services(files) {
            let names = self.services.entry(id).or_default();
            let base = names.service.clone();
            let describe = |f: &Function| taken.give(&screaming(&format!("{}_{}", service.name, f.name)));
            names.methods = service.functions.iter().map(describe).collect();
            names.client = taken.give(&format!("{base}Client"));
            names.server = taken.give(&format!("{base}Server"));
            names.handler = taken.give(&format!("{base}Handler"));
            names.request = taken.give(&format!("{base}Request"));
            names.response = taken.give(&format!("{base}Response"));
            names.mock = taken.give(&format!("{base}Mock"));
        }
        for (file, index, scope) in scopes(files) {
            let names = self.scopes.entry((file, index)).or_default();
            let base = names.scope.clone();
            names.descriptor = taken.give(&screaming(&scope.name));
            let describe = |o: &Operation| taken.give(&screaming(&format!("{}_{}", scope.name, o.name)));
            names.operations = scope.operations.iter().map(describe).collect();
            names.publisher = taken.give(&format!("{base}Publisher"));
            names.subscriber = taken.give(&format!("{base}Subscriber"));
            names.event = taken.give(&format!("{base}Event"));
        }
        self.name_errors(files, taken);
    }

    /// `BuyAlbumError`, or `StoreBuyAlbumError` where two services have such a method: then both, so that neither depends on
    /// the order of the IDL.
    fn name_errors(&mut self, files: &[(FileId, &File)], taken: &mut Taken) {
        let short = |function: &Function| format!("{}Error", camel(&function.name));
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        let throwing = |service: &Service| {
            let functions = service.functions.iter().filter(|f| !f.throws.is_empty());
            functions.map(short).collect::<Vec<_>>()
        };
        for name in services(files).flat_map(|(_, service)| throwing(service)) {
            *uses.entry(name).or_default() += 1;
        }
        for (id, service) in services(files) {
            let names = self.services.entry(id).or_default();
            for function in &service.functions {
                let short = short(function);
                let long = format!("{}{short}", names.service);
                let unique = uses.get(&short).copied().unwrap_or_default() < 2;
                let wanted: &[&str] = if unique { &[&short, &long] } else { &[&long] };
                let error = (!function.throws.is_empty()).then(|| taken.give_first(wanted));
                names.errors.push(error);
            }
        }
    }
}

fn types<'a>(files: &'a [(FileId, &'a File)]) -> impl Iterator<Item = (FileId, u32, DefKind, &'a str)> {
    files.iter().flat_map(|&(id, file)| {
        let typedefs = (0..).zip(&file.typedefs).map(move |(i, t)| (id, i, DefKind::Typedef, t.name.as_str()));
        let enums = (0..).zip(&file.enums).map(move |(i, e)| (id, i, DefKind::Enum, e.name.as_str()));
        let structs = (0..).zip(&file.structs).map(move |(i, s)| (id, i, DefKind::Struct, s.name.as_str()));
        typedefs.chain(enums).chain(structs)
    })
}

fn services<'a>(files: &'a [(FileId, &'a File)]) -> impl Iterator<Item = (ServiceId, &'a Service)> {
    files.iter().flat_map(|&(file, def)| {
        (0..).zip(&def.services).map(move |(index, service)| (ServiceId { file, index }, service))
    })
}

fn scopes<'a>(files: &'a [(FileId, &'a File)]) -> impl Iterator<Item = (FileId, usize, &'a Scope)> {
    files.iter().flat_map(|&(file, def)| (0..).zip(&def.scopes).map(move |(i, scope)| (file, i, scope)))
}
