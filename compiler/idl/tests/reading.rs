//! What files mean: includes, names, numbers and values, read from memory.

mod support;

use std::path::Path;

use support::{Memory, codes, compile, frugal, model, rendered};
use thriftwood_idl::diagnostics::Code;
use thriftwood_idl::model::{
    Annotations, BaseType, ConstId, ConstValue, DefKind, Field, FileId, FileKind, PrefixToken, Requiredness, Type,
    TypeId,
};
use thriftwood_idl::{Options, compile_with};

/// The numbers of the first enum of a file.
fn numbers(path: &str, text: &str) -> (Vec<i32>, Vec<Code>) {
    let compilation = compile(&[(path, text)]);
    let numbers = model(&compilation).files[0].enums[0].values.iter().map(|value| value.number).collect();
    (numbers, codes(&compilation))
}

/// The values of all constants of one `.frugal` file.
fn constants(text: &str) -> Vec<ConstValue> {
    let compilation = frugal(text);
    model(&compilation).files[0].consts.iter().map(|constant| constant.value.clone()).collect()
}

#[test]
fn each_file_is_read_once_however_often_it_is_included() {
    let files = Memory::new(&[
        ("idl/top.frugal", "include \"left.frugal\"\ninclude \"./sub/right.frugal\"\nstruct T { 1: left.L l }"),
        ("idl/left.frugal", "include \"base.frugal\"\nstruct L { 1: base.B b }"),
        ("idl/sub/right.frugal", "include \"../base.frugal\"\nstruct R { 1: base.B b }"),
        ("idl/base.frugal", "struct B {}"),
    ]);
    let compilation =
        compile_with(&files, &["idl/top.frugal", "idl/base.frugal", "idl/top.frugal"], &Options::default());
    let model = model(&compilation);
    let names: Vec<_> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["base", "left", "right", "top"]);
    assert_eq!(model.roots, [FileId(3), FileId(0)]);
    let paths: Vec<_> = compilation.sources.paths().map(|path| path.to_string_lossy().into_owned()).collect();
    assert_eq!(paths, ["idl/top.frugal", "idl/left.frugal", "idl/base.frugal", "idl/sub/right.frugal"]);
}

#[test]
fn an_include_is_looked_for_beside_the_file_and_then_in_the_include_folders_in_order() {
    let files = Memory::new(&[
        ("idl/top.thrift", "include \"a.thrift\"\ninclude \"b.thrift\"\ninclude \"c.thrift\""),
        ("idl/a.thrift", ""),
        ("one/a.thrift", ""),
        ("one/b.thrift", ""),
        ("two/b.thrift", ""),
        ("two/c.thrift", ""),
    ]);
    let options = Options { include_dirs: vec!["one".into(), "two".into()], ..Options::default() };
    let compilation = compile_with(&files, &["idl/top.thrift"], &options);
    let paths: Vec<_> = model(&compilation).files.iter().map(|file| file.path.as_path()).collect();
    assert_eq!(paths, ["idl/a.thrift", "one/b.thrift", "two/c.thrift", "idl/top.thrift"].map(Path::new));
}

#[test]
fn every_file_read_is_listed_also_when_the_compilation_fails() {
    let compilation =
        compile(&[("top.frugal", "include \"bad.frugal\"\ninclude \"none.frugal\""), ("bad.frugal", "strct")]);
    assert!(compilation.model.is_none());
    let paths: Vec<_> = compilation.sources.paths().collect();
    assert_eq!(paths, ["top.frugal", "bad.frugal"].map(Path::new));
}

#[test]
fn files_of_one_name_in_two_folders_can_include_each_other_and_both_be_included() {
    let compilation = compile(&[
        ("a/x.frugal", "include \"../b/x.frugal\"\ninclude \"../c/x.frugal\"\nstruct A { 1: x.B b, 2: x.C c }"),
        ("b/x.frugal", "struct B {}"),
        ("c/x.frugal", "struct C {}"),
    ]);
    let fields = &model(&compilation).files[2].structs[0].fields;
    let of = |file| Type::Named(TypeId { file: FileId(file), kind: DefKind::Struct, index: 0 });
    assert_eq!([&fields[0].ty, &fields[1].ty], [&of(0), &of(1)]);
}

#[test]
fn a_file_name_may_contain_dots() {
    let compilation = compile(&[
        ("top.thrift", "include \"sub/dsn.layer2.thrift\"\nstruct T { 1: dsn.layer2.T t }\nconst i32 A = dsn.layer2.B"),
        ("sub/dsn.layer2.thrift", "struct T {}\nconst i32 B = 1"),
    ]);
    let model = model(&compilation);
    assert_eq!(model.files[0].name, "dsn.layer2");
    assert_eq!(model.files[1].consts[0].value, ConstValue::Const(ConstId { file: FileId(0), index: 0 }));
}

#[test]
fn names_are_seen_across_one_include_and_not_two() {
    let files = [
        ("top.frugal", "include \"mid.frugal\"\nstruct T { 1: low.L l }"),
        ("mid.frugal", "include \"low.frugal\"\nstruct M { 1: low.L l }"),
        ("low.frugal", "struct L {}"),
    ];
    assert_eq!(codes(&compile(&files)), [Code::UnknownType]);
}

#[test]
fn nothing_is_said_of_names_that_an_unreadable_file_may_declare() {
    let compilation = compile(&[
        (
            "top.frugal",
            "include \"bad.frugal\"\ninclude \"none.frugal\"\nstruct T { 1: bad.X x, 2: none.Y y, 3: list<bad.X> z = [1] }",
        ),
        ("bad.frugal", "struct X { 1: }"),
    ]);
    assert_eq!(codes(&compilation), [Code::MissingFile, Code::Syntax], "{}", rendered(&compilation));
}

#[test]
fn nothing_is_said_of_names_that_the_unread_part_of_a_file_may_declare() {
    let compilation = frugal("struct A { 1 string a }\nstruct B { 1: A a, 2: i32 b = LIMIT }\nconst i32 LIMIT 10");
    assert_eq!(codes(&compilation), [Code::Syntax, Code::Syntax], "{}", rendered(&compilation));
}

#[test]
fn reading_goes_on_at_the_next_definition_after_a_syntax_error() {
    let compilation =
        frugal("struct A { 1 string a }\nstruct B { 1: i32 b = \"x\" }\nenum C { D = }\nservice S {\n  void a(\n}\n");
    let expected = [Code::Syntax, Code::WrongValue, Code::Syntax, Code::Syntax];
    assert_eq!(codes(&compilation), expected, "{}", rendered(&compilation));
}

#[test]
fn enums_are_numbered_by_the_rule_of_the_file() {
    let text = "enum E { A = 5, B = 2, C }";
    assert_eq!(numbers("e.thrift", text), (vec![5, 2, 3], vec![Code::EnumNumbering]));
    assert_eq!(numbers("e.frugal", text), (vec![5, 2, 6], vec![Code::EnumNumbering]));
    let text = "enum E { A = -3, B, C = 0x10 }";
    assert_eq!(numbers("e.thrift", text), (vec![-3, -2, 16], vec![Code::EnumNumbering]));
    assert_eq!(numbers("e.frugal", text), (vec![0, 1, 16], vec![Code::EnumNumbering]));
    let text = "enum E { A, B, C = 7, D, E = 7 }";
    assert_eq!(numbers("e.thrift", text), (vec![0, 1, 7, 8, 7], vec![]));
    assert_eq!(numbers("e.frugal", text), (vec![0, 1, 7, 8, 7], vec![]));
}

#[test]
fn fields_without_an_id_are_counted_down_from_minus_one() {
    let ids = |path: &str| {
        let compilation = compile(&[(path, "struct A { i32 a, 5: i32 b, i32 c }\nstruct B { 0: i32 a, -7: i32 b }")]);
        let file = &model(&compilation).files[0];
        let ids = |index: usize| file.structs[index].fields.iter().map(|field| field.id).collect::<Vec<_>>();
        (file.kind, ids(0), ids(1), codes(&compilation).len())
    };
    assert_eq!(ids("a.thrift"), (FileKind::Thrift, vec![-1, 5, -2], vec![-1, -2], 2));
    assert_eq!(ids("a.frugal"), (FileKind::Frugal, vec![-1, 5, -2], vec![0, -7], 1));
}

#[test]
fn whether_a_field_must_be_there_depends_on_where_it_stands() {
    let compilation = frugal(
        "struct S { 1: required i32 a, 2: optional i32 b, 3: i32 c }\nunion U { 1: required i32 a, 2: i32 b }\n\
         exception E {}\nservice V { void f(1: required i32 a, 2: optional i32 b, 3: i32 c) throws (1: required E e, 2: E f) }",
    );
    use Requiredness::{Default, Optional, Required};
    let file = &model(&compilation).files[0];
    let of = |fields: &[Field]| fields.iter().map(|field| field.requiredness).collect::<Vec<_>>();
    assert_eq!(of(&file.structs[0].fields), [Required, Optional, Default]);
    assert_eq!(of(&file.structs[1].fields), [Optional, Optional]);
    assert_eq!(of(&file.services[0].functions[0].args), [Required, Default, Default]);
    assert_eq!(of(&file.services[0].functions[0].throws), [Optional, Optional]);
}

#[test]
fn a_circle_of_types_with_a_way_out_is_no_circle() {
    let ways_out = [
        "struct A { 1: required U u }\nunion U { 1: A a, 2: B b }\nstruct B {}",
        "struct A { 1: required U u }\nunion U { 1: A a, 2: i32 b }",
        "struct A { 1: required list<A> a }",
        "struct A { 1: optional B b }\nstruct B { 1: required A a }",
        // Peers take it, and nobody is made to have one.
        "union A { 1: B b }\nunion B { 1: A a }",
    ];
    for text in ways_out {
        assert_eq!(codes(&frugal(text)), [], "{text}");
    }
    assert_eq!(codes(&frugal("struct A { 1: required U u }\nunion U { 1: A a, 2: A b }")), [Code::EndlessDefinition]);
}

#[test]
fn what_uses_a_circle_of_typedefs_is_not_complained_of() {
    let text = "typedef A B\ntypedef B A\nstruct S { 1: A a = 1, 2: list<B> b = [1] }\nconst B C = 1\n\
                service V { A f() throws (1: B b) }";
    assert_eq!(codes(&frugal(text)), [Code::EndlessDefinition]);
}

#[test]
fn an_exception_may_be_thrown_under_another_name() {
    let compilation = frugal("exception E {}\ntypedef E F\ntypedef F G\nservice S { void f() throws (1: G g) }");
    let model = model(&compilation);
    let thrown: Vec<_> = model.files[0].services[0].functions[0].thrown().map(|(_, id)| model.type_name(id)).collect();
    assert_eq!(thrown, ["E"]);
}

#[test]
fn values_take_the_shape_of_the_type_they_are_given_for() {
    let text = r#"
        typedef double Money
        enum E { A = 1, B = 2 }
        struct S { 1: i32 x, 2: string y }
        const bool a = 1
        const Money b = 3
        const binary c = "\x00\xff"
        const E d = 2
        const set<i32> e = [1, 2, 1; 3]
        const map<E, list<double>> f = {E.A: [1, 2.5], B: [], A: [7]}
        const S g = {"y": 'it\'s', x: 0x1F}
        const uuid h = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
        const list<i32> i = {}
        const i64 j = E.B
        const double k = -1e3
    "#;
    let named = |kind, index| TypeId { file: FileId(0), kind, index };
    let e = named(DefKind::Enum, 0);
    assert_eq!(
        constants(text),
        [
            ConstValue::Bool(true),
            ConstValue::Double(3.0),
            ConstValue::Binary(vec![0, 0xff]),
            ConstValue::Enum(e, 2),
            ConstValue::Set(vec![ConstValue::Int(1), ConstValue::Int(2), ConstValue::Int(3)]),
            ConstValue::Map(vec![
                (ConstValue::Enum(e, 2), ConstValue::List(vec![])),
                (ConstValue::Enum(e, 1), ConstValue::List(vec![ConstValue::Double(7.0)])),
            ]),
            ConstValue::Struct(
                named(DefKind::Struct, 0),
                vec![(1, ConstValue::String("it's".into())), (0, ConstValue::Int(31))]
            ),
            ConstValue::Uuid(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes()),
            ConstValue::List(vec![]),
            ConstValue::Int(2),
            ConstValue::Double(-1000.0),
        ]
    );
}

#[test]
fn a_constant_of_the_same_type_is_named_and_one_of_another_is_copied() {
    let text = "typedef i32 Id\nconst Id a = 5\nconst i32 b = a\nconst double c = b\nconst list<Id> d = [b]\nconst list<i32> e = d";
    let a_const = |index| ConstValue::Const(ConstId { file: FileId(0), index });
    assert_eq!(
        constants(text),
        [ConstValue::Int(5), a_const(0), ConstValue::Double(5.0), ConstValue::List(vec![a_const(1)]), a_const(3),]
    );
}

#[test]
fn an_enum_value_may_be_named_in_every_way_the_peers_know() {
    let compilation = compile(&[
        (
            "top.thrift",
            "include \"common.thrift\"\nenum Size { S = 4 }\nconst common.Format BEST = common.Format.CD\n\
             struct A { 1: common.Format a = common.Format.CD, 2: common.Format b = CD, 3: common.Format c = Format.CD,\n\
             4: common.Format d = common.CD, 5: Size e = Size.S, 6: common.Format f = BEST, 7: common.Format g = 9,\n\
             8: common.Alias h = common.Alias.CD }",
        ),
        ("common.thrift", "enum Format { CD = 1 }\ntypedef Format Alias"),
    ]);
    assert_eq!(codes(&compilation), []);
    let format = TypeId { file: FileId(0), kind: DefKind::Enum, index: 0 };
    let size = TypeId { file: FileId(1), kind: DefKind::Enum, index: 0 };
    let defaults: Vec<_> =
        model(&compilation).files[1].structs[0].fields.iter().map(|field| field.default.clone().unwrap()).collect();
    let cd = ConstValue::Enum(format, 1);
    let best = ConstValue::Const(ConstId { file: FileId(1), index: 0 });
    let nine = ConstValue::Enum(format, 9);
    let size = ConstValue::Enum(size, 4);
    assert_eq!(defaults, [cd.clone(), cd.clone(), cd.clone(), cd.clone(), size, best, nine, cd]);
}

#[test]
fn words_of_newer_thrifts_may_still_name_types() {
    let compilation = frugal("typedef string uuid\nstruct slist { 1: uuid a }\nstruct B { 1: slist c }");
    let file = &model(&compilation).files[0];
    assert_eq!(file.structs[0].fields[0].ty, Type::Named(TypeId { file: FileId(0), kind: DefKind::Typedef, index: 0 }));
    assert_eq!(model(&frugal("struct A { 1: uuid a }")).files[0].structs[0].fields[0].ty, Type::Base(BaseType::Uuid));
}

#[test]
fn annotations_of_types_are_kept_where_they_stand() {
    let text = r#"
        typedef map<string (a = "1"), list<i64 (b)> (c = "2")> (d = "3") Long (e = "4")
        struct A { 1: optional Long (f = "5") long (g = "6"), 2: i32 plain }
        service S { set<A (h)> (i) all(1: binary (j) key) (k) }
        const string (l) WORD = "w" (m)
        scope Events { Made: A (n) (o) }
    "#;
    let compilation = compile(&[("test.thrift", text)]);
    let file = &model(&compilation).files[0];
    let names = |annotations: &Annotations| annotations.0.iter().map(|a| a.name.clone()).collect::<String>();
    let long = &file.typedefs[0];
    let Type::Map(key, value) = &long.target.ty else { panic!("a map") };
    let Type::List(item) = &value.ty else { panic!("a list") };
    assert_eq!([&key.annotations, &item.annotations, &value.annotations].map(names), ["a", "b", "c"]);
    assert_eq!((names(&long.target.annotations), names(&long.annotations)), ("d".into(), "e".into()));
    assert_eq!((key.annotations.get("a"), value.annotations.get("c")), (Some("1"), Some("2")));
    let field = &file.structs[0].fields[0];
    assert_eq!((names(&field.ty.annotations), names(&field.annotations)), ("f".into(), "g".into()));
    let function = &file.services[0].functions[0];
    let returns = function.returns.as_ref().unwrap();
    let Type::Set(item) = &returns.ty else { panic!("a set") };
    assert_eq!([&item.annotations, &returns.annotations, &function.annotations].map(names), ["h", "i", "k"]);
    assert_eq!(names(&function.args[0].ty.annotations), "j");
    assert_eq!((names(&file.consts[0].ty.annotations), names(&file.consts[0].annotations)), ("l".into(), "m".into()));
    // Nothing stands between a payload's type and the operation's annotations.
    let operation = &file.scopes[0].operations[0];
    assert_eq!((names(&operation.ty.annotations), names(&operation.annotations)), (String::new(), "no".into()));
}

#[test]
fn what_only_thrift_writes_is_read() {
    let text = "\u{feff}cpp_include <vector>".replace("<vector>", "\"vector\"")
        + r#"
        namespace cpp a.b  namespace smalltalk.category My-Cat
        # hash comment
        typedef map cpp_type "std::map" < string , list < i32 > > Long (a = "b",) ;
        struct A xsd_all { 1: optional i32 (python.immutable) & a = 1 xsd_optional xsd_nillable
            xsd_attrs { 1: i32 b } (c), i32 d // no id
        }
        const map<i32, i32> M = { 1: 2; 3: 4 5: 6 }
        service S extends T { async void f() (x) , i8 g(1: optional i32 a) throws (1: E e) } service T {} exception E {}
    "#;
    let compilation = compile(&[("test.thrift", text.as_str())]);
    let file = &model(&compilation).files[0];
    assert_eq!(codes(&compilation), [Code::MissingFieldId, Code::Deprecated], "{}", rendered(&compilation));
    assert_eq!(file.namespace("smalltalk.category"), Some("My-Cat"));
    assert!(file.services[0].functions[0].oneway);
    assert!(matches!(&file.consts[0].value, ConstValue::Map(entries) if entries.len() == 3));
    // What is in words of its own is kept like an annotation by that word.
    let said = |annotations: &Annotations| {
        annotations.0.iter().map(|a| format!("{}={}", a.name, a.value)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(file.cpp_includes, ["vector"]);
    assert_eq!(said(&file.typedefs[0].target.annotations), "cpp_type=std::map");
    assert_eq!(said(&file.structs[0].annotations), "xsd_all=");
    let field = &file.structs[0].fields[0];
    assert_eq!(said(&field.ty.annotations), "python.immutable=");
    assert_eq!(said(&field.annotations), "&= xsd_optional= xsd_nillable= xsd_attrs=1: i32 b c=");
}

#[test]
fn a_word_within_the_type_of_a_payload_is_said_of_the_type() {
    let text = r#"scope S { A: list cpp_type "a" <i32> (b), C: set<i32> cpp_type "c" }"#;
    let compilation = compile(&[("test.frugal", text)]);
    let names = |annotations: &Annotations| annotations.0.iter().map(|a| a.value.clone()).collect::<String>();
    let operations = &model(&compilation).files[0].scopes[0].operations;
    let said: Vec<String> = operations.iter().map(|operation| names(&operation.ty.annotations)).collect();
    assert_eq!(said, ["a", "c"]);
    assert!(operations[0].annotations.has("b") && operations[1].annotations.0.is_empty());
}

#[test]
fn what_only_frugal_writes_is_read() {
    let text = "include \"other.frugal\" (vendor);\r\nnamespace * a.b (x = \"y\");\r\n/**@ Doc. */\r\n\
                struct struct { 1: string service; } service scope { void prefix(1: i32 throws) }\r\n\
                /**@ Events. */ scope Events prefix foo.{user}.bar-#x//.{a-b} {\n/**@ Made. */ Made: i32 (deprecated = \"no\")\n\
                Gone: other.Thing (a) ; }";
    let compilation = compile(&[("test.frugal", text), ("other.frugal", "struct Thing {}")]);
    let file = &model(&compilation).files[1];
    assert_eq!(codes(&compilation), [], "{}", rendered(&compilation));
    assert!(file.includes[0].annotations.has("vendor"));
    let scope = &file.scopes[0];
    let literal = |text: &str| PrefixToken::Literal(text.to_owned());
    let user = PrefixToken::Variable("user".to_owned());
    assert_eq!(scope.prefix.tokens, [literal("foo"), user, literal("bar-#x//"), literal("{a-b}")]);
    assert_eq!((scope.doc.as_deref(), scope.operations[0].doc.as_deref()), (Some("Events."), Some("Made.")));
    assert_eq!(scope.operations[0].annotations.get("deprecated"), Some("no"));
    assert!(scope.operations[1].annotations.has("a"));
}
