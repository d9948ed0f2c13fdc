//! The checked model: what a set of IDL files means, with every name resolved.
//!
//! A [`Model`] holds one [`File`] per IDL file, includes before the files that include them. Whatever refers to another
//! definition does so by a [`TypeId`] or [`ServiceId`], never by a name that has to be looked up again, so an emitter can
//! walk the model without a symbol table and without failing. A model exists only when no error was found; what is merely
//! unwise travels beside it as warnings.

mod constant;
mod definition;
mod file;
mod ty;

pub use constant::{Const, ConstValue};
pub use definition::{
    Annotation, Annotations, Doc, Enum, EnumValue, Field, Function, Operation, Prefix, PrefixToken, Requiredness,
    Scope, Service, Struct, StructKind, Typedef,
};
pub use file::{File, FileKind, Include, Namespace};
pub use ty::{BaseType, ConstId, DefKind, FileId, ServiceId, Type, TypeId, TypeUse};

/// Every file of one compilation, checked and resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The files, each after all the files it includes. A [`FileId`] is an index into this list.
    pub files: Vec<File>,
    /// The files that were asked for, in the order they were named; the others were reached by `include`.
    pub roots: Vec<FileId>,
}

impl Model {
    /// The file with this id.
    pub fn file(&self, id: FileId) -> &File {
        &self.files[id.0 as usize]
    }

    /// Every file with its id, includes first.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &File)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// The struct, union or exception with this id, if `id` names one.
    pub fn structure(&self, id: TypeId) -> Option<&Struct> {
        (id.kind == DefKind::Struct).then(|| &self.file(id.file).structs[id.index as usize])
    }

    /// The enum with this id, if `id` names one.
    pub fn enumeration(&self, id: TypeId) -> Option<&Enum> {
        (id.kind == DefKind::Enum).then(|| &self.file(id.file).enums[id.index as usize])
    }

    /// The typedef with this id, if `id` names one.
    pub fn typedef(&self, id: TypeId) -> Option<&Typedef> {
        (id.kind == DefKind::Typedef).then(|| &self.file(id.file).typedefs[id.index as usize])
    }

    /// The service with this id.
    pub fn service(&self, id: ServiceId) -> &Service {
        &self.file(id.file).services[id.index as usize]
    }

    /// The constant with this id.
    pub fn constant(&self, id: ConstId) -> &Const {
        &self.file(id.file).consts[id.index as usize]
    }

    /// The type behind any chain of typedefs; other types are returned as they are.
    pub fn resolve<'a>(&'a self, ty: &'a Type) -> &'a Type {
        let mut ty = ty;
        while let Type::Named(id) = ty {
            match self.typedef(*id) {
                Some(typedef) => ty = &typedef.target,
                None => break,
            }
        }
        ty
    }

    /// As [`resolve`](Model::resolve), with what is said of the type where the last typedef uses it.
    pub fn resolve_use<'a>(&'a self, ty: &'a TypeUse) -> &'a TypeUse {
        let mut ty = ty;
        while let Type::Named(id) = ty.ty {
            match self.typedef(id) {
                Some(typedef) => ty = &typedef.target,
                None => break,
            }
        }
        ty
    }

    /// The name a type was declared with.
    pub fn type_name(&self, id: TypeId) -> &str {
        let file = self.file(id.file);
        let index = id.index as usize;
        match id.kind {
            DefKind::Struct => &file.structs[index].name,
            DefKind::Enum => &file.enums[index].name,
            DefKind::Typedef => &file.typedefs[index].name,
        }
    }
}
