//! Files held in memory, for tests.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::expect_used, reason = "a test whose parts do not hold has failed")]

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use thriftwood_idl::diagnostics::{Code, Style};
use thriftwood_idl::index::{Index, Target};
use thriftwood_idl::model::{ConstValue, DefKind, Field, Model, StructKind, Type, TypeId};
use thriftwood_idl::source::Span;
use thriftwood_idl::{Compilation, Files, Options, compile_indexed};

/// Files by path.
#[derive(Default)]
pub(crate) struct Memory(HashMap<PathBuf, Vec<u8>>);

impl Memory {
    pub(crate) fn new<T: AsRef<[u8]> + ?Sized>(files: &[(&str, &T)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_ref().to_vec())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // What a file system does with `a/../b`.
        self.0.get(&self.identity(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Compiles the first of these files, and holds their index to what it promises.
pub(crate) fn compile<T: AsRef<[u8]> + ?Sized>(files: &[(&str, &T)]) -> Compilation {
    let (compilation, index) = compile_indexed(&Memory::new(files), &[files[0].0], &Options::default());
    assert_index(&compilation, &index);
    compilation
}

/// An index exists whatever the texts are: its spans are pieces of them, its ids lead somewhere, and uses stand in order
/// and apart, so that a rename of all of them at once is possible.
fn assert_index(compilation: &Compilation, index: &Index) {
    let text = |span: Span| {
        let source = compilation.sources.get(span.source).expect("a span has a text");
        source.text.get(span.start as usize..span.end as usize).expect("a span is a piece of its text")
    };
    for declaration in &index.declarations {
        assert_eq!(text(declaration.span), declaration.name);
        text(declaration.extent);
        let led = [declaration.owner, declaration.of].into_iter().flatten();
        assert!(led.into_iter().all(|id| index.declaration(id).is_some()), "{}", declaration.name);
    }
    for each in &index.uses {
        match each.target {
            Target::Declaration(id) => {
                assert_eq!(index.declaration(id).expect("a use is of something").name, text(each.span));
            }
            Target::File(source) => assert!(index.file(source).is_some(), "{}", text(each.span)),
        }
    }
    let apart = |pair: &[thriftwood_idl::index::Use]| {
        pair[0].span.source < pair[1].span.source || pair[0].span.end <= pair[1].span.start
    };
    assert!(index.uses.windows(2).all(apart), "two uses overlap");
}

/// Compiles one text as a `.frugal` file.
pub(crate) fn frugal(text: &str) -> Compilation {
    compile(&[("test.frugal", text)])
}

/// The model of files without errors.
pub(crate) fn model(compilation: &Compilation) -> &Model {
    compilation.model.as_ref().unwrap_or_else(|| panic!("{}", rendered(compilation)))
}

/// The codes that were found, in order.
pub(crate) fn codes(compilation: &Compilation) -> Vec<Code> {
    compilation.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Everything that was found, as it is printed.
pub(crate) fn rendered(compilation: &Compilation) -> String {
    let each = compilation.diagnostics.iter().map(|found| found.render(&compilation.sources, Style::Plain) + "\n");
    each.collect::<Vec<_>>().join("\n")
}

/// Holds a model to what its documentation promises those who walk it: every id leads somewhere, every value is one of
/// its type, includes stand first.
pub(crate) fn assert_sound(model: &Model) {
    for (id, file) in model.files() {
        assert!(file.includes.iter().all(|include| include.file < id), "{}", file.path.display());
        file.typedefs.iter().for_each(|typedef| sound_type(model, &typedef.target));
        for constant in &file.consts {
            sound_type(model, &constant.ty);
            sound_value(model, &constant.ty, &constant.value);
        }
        file.structs.iter().for_each(|structure| sound_fields(model, &structure.fields));
        for function in file.services.iter().flat_map(|service| &service.functions) {
            function.returns.iter().for_each(|ty| sound_type(model, ty));
            sound_fields(model, &function.args);
            sound_fields(model, &function.throws);
            assert_eq!(function.thrown().count(), function.throws.len(), "{}", function.name);
            for (field, id) in function.thrown() {
                assert_eq!(model.structure(id).map(|s| s.kind), Some(StructKind::Exception), "{}", field.name);
            }
            assert!(!function.oneway || function.returns.is_none() && function.throws.is_empty(), "{}", function.name);
        }
        file.services.iter().filter_map(|service| service.extends).for_each(|parent| {
            model.service(parent);
        });
        file.scopes.iter().flat_map(|scope| &scope.operations).for_each(|operation| sound_type(model, &operation.ty));
    }
    assert!(model.roots.iter().all(|root| (root.0 as usize) < model.files.len()));
}

fn sound_fields(model: &Model, fields: &[Field]) {
    for field in fields {
        sound_type(model, &field.ty);
        field.default.iter().for_each(|value| sound_value(model, &field.ty, value));
    }
}

fn sound_type(model: &Model, ty: &Type) {
    match ty {
        Type::Base(_) => {}
        Type::List(item) | Type::Set(item) => sound_type(model, item),
        Type::Map(key, value) => [key, value].into_iter().for_each(|each| sound_type(model, each)),
        // Both panic where there is nothing of that id.
        Type::Named(id) => assert!(!model.type_name(*id).is_empty() && *model.resolve(ty) != Type::Named(typedef(id))),
    }
}

/// An id that no resolved type may have.
fn typedef(id: &TypeId) -> TypeId {
    TypeId { kind: DefKind::Typedef, ..*id }
}

fn sound_value(model: &Model, ty: &Type, value: &ConstValue) {
    use thriftwood_idl::model::BaseType as Base;
    match (model.resolve(ty), value) {
        (Type::Base(Base::Bool), ConstValue::Bool(_))
        | (Type::Base(Base::I64), ConstValue::Int(_))
        | (Type::Base(Base::String), ConstValue::String(_))
        | (Type::Base(Base::Binary), ConstValue::Binary(_))
        | (Type::Base(Base::Uuid), ConstValue::Uuid(_)) => {}
        (Type::Base(Base::I8), ConstValue::Int(number)) => assert!(i8::try_from(*number).is_ok()),
        (Type::Base(Base::I16), ConstValue::Int(number)) => assert!(i16::try_from(*number).is_ok()),
        (Type::Base(Base::I32), ConstValue::Int(number)) => assert!(i32::try_from(*number).is_ok()),
        (Type::Base(Base::Double), ConstValue::Double(number)) => assert!(number.is_finite()),
        (Type::List(item), ConstValue::List(items)) | (Type::Set(item), ConstValue::Set(items)) => {
            items.iter().for_each(|value| sound_value(model, item, value));
        }
        (Type::Map(key_type, value_type), ConstValue::Map(entries)) => {
            for (key, value) in entries {
                sound_value(model, key_type, key);
                sound_value(model, value_type, value);
            }
        }
        (Type::Named(id), ConstValue::Enum(of, _)) => assert!(id == of && model.enumeration(*id).is_some()),
        (Type::Named(id), ConstValue::Struct(of, values)) => {
            assert_eq!(id, of);
            let structure = model.structure(*id).unwrap_or_else(|| panic!("{id:?} is no struct"));
            values.iter().for_each(|(index, value)| sound_value(model, &structure.fields[*index].ty, value));
        }
        (wanted, ConstValue::Const(id)) => {
            let has = model.resolve(&model.constant(*id).ty);
            assert_eq!(std::mem::discriminant(has), std::mem::discriminant(wanted));
        }
        (wanted, found) => panic!("{found:?} for {wanted:?}"),
    }
}
