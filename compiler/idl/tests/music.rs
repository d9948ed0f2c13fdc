//! The example of the README, read as a user's build reads it.

use std::path::Path;

use thriftwood_idl::model::{
    BaseType, ConstValue, DefKind, Model, PrefixToken, Requiredness, StructKind, Type, TypeId,
};
use thriftwood_idl::{Options, compile};

fn music() -> Model {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../idl-examples/idl/music.frugal");
    let compilation = compile(&[&file], &Options::default());
    assert_eq!(compilation.diagnostics, []);
    let paths: Vec<_> = compilation.sources.paths().filter_map(Path::file_name).collect();
    assert_eq!(paths, ["music.frugal", "common.frugal"]);
    let Some(model) = compilation.model else { panic!("nothing was found, so there is a model") };
    model
}

#[test]
fn an_included_file_stands_before_its_includer() {
    let model = music();
    let names: Vec<_> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["common", "music"]);
    assert_eq!(model.roots, [model.files().last().unwrap().0]);
    let music = model.file(model.roots[0]);
    assert_eq!(music.includes[0].path, "common.frugal");
    assert_eq!(model.file(music.includes[0].file).name, "common");
    assert_eq!(music.namespace("rs"), Some("v1.music"));
}

#[test]
fn types_are_resolved_also_across_files() {
    let model = music();
    let music = model.file(model.roots[0]);
    assert_eq!(
        (music.typedefs[0].name.as_str(), &music.typedefs[0].target.ty),
        ("Asin", &Type::Base(BaseType::String))
    );
    let album = &music.structs[1];
    assert_eq!((album.name.as_str(), album.kind), ("Album", StructKind::Struct));
    let here = |kind, index| Type::Named(TypeId { file: model.roots[0], kind, index });
    assert_eq!(album.fields[0].ty, here(DefKind::Typedef, 0));
    assert_eq!(album.fields[0].requiredness, Requiredness::Required);
    assert_eq!(album.fields[1].ty, Type::List(Box::new(here(DefKind::Struct, 0).into())));
    let Type::Named(price) = album.fields[3].ty.ty else { panic!("price is declared") };
    assert_eq!(model.type_name(price), "Price");
    assert_eq!(model.file(price.file).name, "common");
    assert_eq!(album.doc.as_deref(), Some("A collection of songs."));
}

#[test]
fn default_values_have_the_shape_of_their_types() {
    let model = music();
    let music = model.file(model.roots[0]);
    assert_eq!(music.structs[0].fields[2].default, Some(ConstValue::Int(180)));
    let format = TypeId { file: model.roots[0], kind: DefKind::Enum, index: 0 };
    assert_eq!(music.structs[1].fields[2].default, Some(ConstValue::Enum(format, 1)));
}

#[test]
fn functions_and_operations_say_what_they_take_and_give() {
    let model = music();
    let music = model.file(model.roots[0]);
    let [buy, enter, rate] = music.services[0].functions.as_slice() else { panic!("three functions") };
    assert_eq!(buy.wire_name(), "buyAlbum");
    let (field, exception) = buy.thrown().next().unwrap();
    assert_eq!((field.name.as_str(), field.id, field.requiredness), ("error", 1, Requiredness::Optional));
    assert_eq!(model.structure(exception).unwrap().kind, StructKind::Exception);
    assert_eq!(enter.returns, Some(Type::Base(BaseType::Bool).into()));
    assert!(enter.annotations.has("idempotent") && !rate.annotations.has("idempotent"));
    assert!(rate.oneway && rate.returns.is_none());

    let scope = &music.scopes[0];
    assert_eq!(scope.name, "AlbumWinners");
    let literal = |text: &str| PrefixToken::Literal(text.to_owned());
    assert_eq!(scope.prefix.tokens, [literal("v1"), literal("music"), PrefixToken::Variable("region".to_owned())]);
    let operations: Vec<_> = scope.operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(operations, ["Winner", "Redraw"]);
}
