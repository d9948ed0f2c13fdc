//! The Rust types one can choose between for a type of the IDL, and where a choice is written: `rust.type` behind a type, or at the
//! field, argument, typedef, constant or operation that it is the type of.

use thriftwood_idl::model::{Annotations, BaseType, Field, Model, Type, TypeUse};
use thriftwood_idl::source::Span;

use super::error::GenerateError;
use super::newtypes::chain;

/// A Rust type that stands for a type of the IDL which can have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RustType {
    /// `String` for a `string`: what it is when nothing is said.
    String,
    /// `Arc<str>` for a `string`: a clone copies no text.
    ArcStr,
    /// `ByteString` for a `string`: a clone copies no text, and reading copies none where it shares the memory of the message. Kept
    /// for long, it keeps that memory too.
    ByteString,
    /// `Bytes` for a `binary`: what it is when nothing is said. Reading and cloning copy nothing.
    Bytes,
    /// `Vec<u8>` for a `binary`.
    VecU8,
    /// `BTreeSet` for a `set`: what it is when nothing is said.
    BTreeSet,
    /// `HashSet` for a `set`.
    HashSet,
    /// `BTreeMap` for a `map`: what it is when nothing is said.
    BTreeMap,
    /// `HashMap` for a `map`.
    HashMap,
}

impl RustType {
    const ALL: [RustType; 9] = [
        RustType::String,
        RustType::ArcStr,
        RustType::ByteString,
        RustType::Bytes,
        RustType::VecU8,
        RustType::BTreeSet,
        RustType::HashSet,
        RustType::BTreeMap,
        RustType::HashMap,
    ];

    /// The name by which `rust.type` asks for it.
    pub fn name(self) -> &'static str {
        match self {
            RustType::String => "String",
            RustType::ArcStr => "Arc<str>",
            RustType::ByteString => "ByteString",
            RustType::Bytes => "Bytes",
            RustType::VecU8 => "Vec<u8>",
            RustType::BTreeSet => "BTreeSet",
            RustType::HashSet => "HashSet",
            RustType::BTreeMap => "BTreeMap",
            RustType::HashMap => "HashMap",
        }
    }

    /// Whether it can stand for this type, which is no typedef.
    fn suits(self, ty: &Type) -> bool {
        match self {
            RustType::String | RustType::ArcStr | RustType::ByteString => *ty == Type::Base(BaseType::String),
            RustType::Bytes | RustType::VecU8 => *ty == Type::Base(BaseType::Binary),
            RustType::BTreeSet | RustType::HashSet => matches!(ty, Type::Set(_)),
            RustType::BTreeMap | RustType::HashMap => matches!(ty, Type::Map(..)),
        }
    }

    /// What it is inside of a key, which needs an order.
    fn in_key(self) -> Self {
        match self {
            RustType::HashSet => RustType::BTreeSet,
            RustType::HashMap => RustType::BTreeMap,
            other => other,
        }
    }
}

/// The type that stands for this one: what its uses say, the outermost first, then what the options say, then what it is when nothing is
/// said. `None` for a type without a choice.
pub(crate) fn rust_type(model: &Model, options: &[RustType], ty: &TypeUse, key: bool) -> Option<RustType> {
    let resolved = model.resolve(ty);
    let fits = |choice: &RustType| choice.suits(resolved);
    let mut said = None;
    let mut next = Some(ty);
    while let Some(here) = next.filter(|_| said.is_none()) {
        said = written(&here.annotations).and_then(|(name, _)| named(name));
        next = match here.ty {
            Type::Named(id) => model.typedef(id).map(|typedef| &typedef.target),
            _ => None,
        };
    }
    let asked = || options.iter().rev().copied().find(fits);
    let chosen = said.or_else(asked).or_else(|| RustType::ALL.into_iter().find(fits))?;
    Some(if key { chosen.in_key() } else { chosen })
}

/// Whether the use of a typedef chooses for itself.
pub(crate) fn chooses(ty: &TypeUse) -> bool {
    written(&ty.annotations).is_some()
}

/// The model with every choice behind the type it is for, also where it is written at a field, typedef or the like.
///
/// # Errors
/// When a choice is none, or cannot stand for the type.
pub(crate) fn settle(model: &Model) -> Result<Model, GenerateError> {
    let mut settled = model.clone();
    for file in &mut settled.files {
        for typedef in &mut file.typedefs {
            push(&typedef.annotations, &mut typedef.target);
            check(model, &typedef.target)?;
        }
        for constant in &mut file.consts {
            push(&constant.annotations, &mut constant.ty);
            check(model, &constant.ty)?;
        }
        for structure in &mut file.structs {
            fields(model, &mut structure.fields)?;
        }
        for function in file.services.iter_mut().flat_map(|service| &mut service.functions) {
            fields(model, &mut function.args)?;
            function.returns.iter().try_for_each(|returns| check(model, returns))?;
        }
        for operation in file.scopes.iter_mut().flat_map(|scope| &mut scope.operations) {
            push(&operation.annotations, &mut operation.ty);
            check(model, &operation.ty)?;
        }
    }
    Ok(settled)
}

fn fields(model: &Model, fields: &mut [Field]) -> Result<(), GenerateError> {
    for field in fields {
        push(&field.annotations, &mut field.ty);
        check(model, &field.ty)?;
    }
    Ok(())
}

/// Puts the choice of a field behind its type, where it has none of its own.
fn push(annotations: &Annotations, ty: &mut TypeUse) {
    let choice = annotations.0.iter().find(|annotation| annotation.name == NAME);
    if let Some(choice) = choice.filter(|_| !chooses(ty)) {
        ty.annotations.0.push(choice.clone());
    }
}

/// Holds every choice in a type to being one for what it is written behind.
fn check(model: &Model, ty: &TypeUse) -> Result<(), GenerateError> {
    if let Some((name, at)) = written(&ty.annotations) {
        let resolved = model.resolve(ty);
        let choices: Vec<_> = RustType::ALL.iter().filter(|choice| choice.suits(resolved)).map(|c| c.name()).collect();
        let own = chain(model, ty);
        if !choices.contains(&name) || !own.is_empty() {
            let newtype = own.first().map(|id| model.type_name(*id).to_owned());
            return Err(GenerateError::RustType { name: name.to_owned(), choices, newtype, at });
        }
    }
    match &ty.ty {
        Type::Base(_) | Type::Named(_) => Ok(()),
        Type::List(item) | Type::Set(item) => check(model, item),
        Type::Map(key, value) => check(model, key).and_then(|()| check(model, value)),
    }
}

const NAME: &str = "rust.type";

fn written(annotations: &Annotations) -> Option<(&str, Span)> {
    let annotation = annotations.0.iter().find(|annotation| annotation.name == NAME)?;
    Some((annotation.value.as_str(), annotation.span))
}

fn named(name: &str) -> Option<RustType> {
    RustType::ALL.into_iter().find(|choice| choice.name() == name)
}
