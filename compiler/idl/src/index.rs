//! Where each name is declared and where it is used: what leads an editor from one to the other.
//!
//! An [`Index`] exists whether or not there are errors. What could not be read is missing from it; of a definition that is
//! broken, its name is kept.

use std::path::PathBuf;

use crate::model::{Doc, Prefix, Requiredness, StructKind};
use crate::source::Span;

/// Every name of a set of files.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The files, each after all it includes.
    pub files: Vec<IndexedFile>,
    /// What the files declare, file by file, in the order written. What belongs to something, such as a field to its
    /// struct, follows it.
    pub declarations: Vec<Declaration>,
    /// The places that speak of something declared elsewhere, in order. The declarations' own names are not among them.
    pub uses: Vec<Use>,
}

/// One file of an index.
#[derive(Clone, Debug)]
pub struct IndexedFile {
    /// The index of its text in the sources.
    pub source: u32,
    /// The path as it was given or found.
    pub path: PathBuf,
    /// The name other files refer to it by.
    pub name: String,
    /// The files it includes, as indexes of their texts.
    pub includes: Vec<u32>,
    /// Whether all of its text was read; if not, there may be uses that are not in the index.
    pub whole: bool,
}

/// The place of a declaration in [`Index::declarations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclarationId(pub u32);

/// A name and what it stands for.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// What it is.
    pub kind: Kind,
    /// The name as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Where all of it stands.
    pub extent: Span,
    /// Its doc comment.
    pub doc: Doc,
    /// What it belongs to: the struct of a field, the function of an argument.
    pub owner: Option<DeclarationId>,
    /// Where its type is written: of a field, a constant, a typedef, an operation; of a function, its result. None for
    /// what has none, and for `void`.
    pub ty: Option<Span>,
    /// The declared type it is of, or the service it extends, where that is known and no list, set or map.
    pub of: Option<DeclarationId>,
    /// Where its value is written: of a constant, or the default of a field.
    pub value: Option<Span>,
    /// What its annotation `deprecated` says, if it has one; perhaps nothing.
    pub deprecated: Option<String>,
}

/// What a declaration declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A typedef.
    Typedef,
    /// An enum.
    Enum,
    /// A value of an enum, and its number.
    EnumValue(i32),
    /// A struct, union or exception.
    Struct(StructKind),
    /// A field of a struct.
    Field(i16, Requiredness),
    /// A constant.
    Const,
    /// A service.
    Service,
    /// A function, and whether it is oneway.
    Function {
        /// Whether nobody waits for it.
        oneway: bool,
    },
    /// An argument of a function, and its id.
    Argument(i16),
    /// Something a function throws, and its id.
    Thrown(i16),
    /// A scope, and what stands before its name in topics.
    Scope(Prefix),
    /// An event of a scope.
    Operation,
}

impl Kind {
    /// Whether names of types are declared by it.
    pub fn is_type(&self) -> bool {
        matches!(self, Kind::Typedef | Kind::Enum | Kind::Struct(_))
    }
}

/// A place that speaks of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The place, without the file's name before it: in `common.Price`, `common` and `Price` are two uses.
    pub span: Span,
    /// What it speaks of.
    pub target: Target,
}

/// What a place speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Something declared.
    Declaration(DeclarationId),
    /// A file, by the index of its text.
    File(u32),
}

impl Index {
    /// The declaration with this id.
    pub fn declaration(&self, id: DeclarationId) -> Option<&Declaration> {
        self.declarations.get(id.0 as usize)
    }

    /// Every declaration with its id.
    pub fn declarations(&self) -> impl Iterator<Item = (DeclarationId, &Declaration)> {
        (0..).map(DeclarationId).zip(&self.declarations)
    }

    /// The file whose text has this index.
    pub fn file(&self, source: u32) -> Option<&IndexedFile> {
        self.files.iter().find(|file| file.source == source)
    }

    /// What the name at this byte of a text declares or speaks of, and where that name stands. The place right after a
    /// name still counts as the name's.
    pub fn at(&self, source: u32, offset: u32) -> Option<(Span, Target)> {
        let covers = |span: Span| span.source == source && (span.start..=span.end).contains(&offset);
        // The uses are in order and do not overlap, so the one at the offset is among the last two that start before.
        let after = self.uses.partition_point(|each| (each.span.source, each.span.start) <= (source, offset));
        let used = self.uses[..after].iter().rev().take(2).find(|each| covers(each.span));
        used.map(|each| (each.span, each.target)).or_else(|| {
            let (id, declared) = self.declarations().find(|(_, declaration)| covers(declaration.span))?;
            Some((declared.span, Target::Declaration(id)))
        })
    }

    /// The places that speak of something, its declaration apart.
    pub fn uses_of(&self, target: Target) -> impl Iterator<Item = Span> {
        self.uses.iter().filter(move |each| each.target == target).map(|each| each.span)
    }

    /// What belongs directly to a declaration, in the order written.
    pub fn members(&self, id: DeclarationId) -> impl Iterator<Item = (DeclarationId, &Declaration)> {
        let following = self.declarations().skip(id.0 as usize + 1).take_while(|(_, each)| each.owner.is_some());
        following.filter(move |(_, each)| each.owner == Some(id))
    }

    /// What can be named in a text without speaking of a member, with the name of the file that has to be put before it,
    /// if any.
    pub fn visible(&self, source: u32) -> impl Iterator<Item = (Option<&str>, DeclarationId, &Declaration)> {
        let included = self.file(source).map_or(&[][..], |file| file.includes.as_slice());
        let top = self.declarations().filter(|(_, each)| each.owner.is_none());
        top.filter_map(move |(id, each)| {
            let from = each.span.source;
            if from == source {
                return Some((None, id, each));
            }
            included.contains(&from).then(|| Some((Some(self.file(from)?.name.as_str()), id, each))).flatten()
        })
    }

    /// What stands at the end of a chain of typedefs.
    pub fn resolved(&self, id: DeclarationId) -> DeclarationId {
        let mut at = id;
        // A chain that is longer goes in a circle.
        for _ in 0..self.declarations.len() {
            match self.declaration(at) {
                Some(Declaration { kind: Kind::Typedef, of: Some(next), .. }) => at = *next,
                _ => break,
            }
        }
        at
    }
}
