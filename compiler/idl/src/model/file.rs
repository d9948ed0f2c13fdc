//! One IDL file of a model, and how files refer to each other.

use std::path::PathBuf;

use super::constant::Const;
use super::definition::{Annotations, Enum, Scope, Service, Struct, Typedef};
use super::ty::FileId;
use crate::source::Span;

/// Which rules a file is read by, where Thrift and Frugal disagree (the numbering of enums).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A `.frugal` file.
    #[default]
    Frugal,
    /// A file with any other ending, `.thrift` as a rule.
    Thrift,
}

/// One IDL file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// The path as it was given or found.
    pub path: PathBuf,
    /// The path without folders and last extension: the name other files refer to it by.
    pub name: String,
    /// Which rules it is read by.
    pub kind: FileKind,
    /// Its namespaces, in the order written.
    pub namespaces: Vec<Namespace>,
    /// The files it includes, in the order written.
    pub includes: Vec<Include>,
    /// The C++ headers that it asks for by `cpp_include`, in the order written.
    pub cpp_includes: Vec<String>,
    /// Its typedefs.
    pub typedefs: Vec<Typedef>,
    /// Its constants.
    pub consts: Vec<Const>,
    /// Its enums.
    pub enums: Vec<Enum>,
    /// Its structs, unions and exceptions.
    pub structs: Vec<Struct>,
    /// Its services.
    pub services: Vec<Service>,
    /// Its scopes.
    pub scopes: Vec<Scope>,
}

impl File {
    /// The namespace for a language (`rs`, `go`, ..): the one declared for it, else the one for `*`, else none.
    /// Of several declarations for one language the last counts, as in Frugal.
    pub fn namespace(&self, language: &str) -> Option<&str> {
        let find = |scope: &str| self.namespaces.iter().rev().find(|n| n.scope == scope).map(|n| n.name.as_str());
        find(language).or_else(|| find("*"))
    }
}

/// `namespace * v1.music`
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    /// The language, or `*` for all.
    pub scope: String,
    /// The dotted name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Its annotations.
    pub annotations: Annotations,
}

/// `include "common.frugal"`
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The path as written.
    pub path: String,
    /// Where it stands.
    pub span: Span,
    /// The file it means.
    pub file: FileId,
    /// Its annotations.
    pub annotations: Annotations,
}
