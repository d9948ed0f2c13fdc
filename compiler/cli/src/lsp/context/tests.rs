//! What can stand at a cursor, in texts as they are while they are written.

use super::*;

/// What can stand at the `|` of a text.
fn place(text: &str) -> Place {
    let offset = text.find('|').expect("the text has a cursor");
    Context::at(&text.replacen('|', "", 1), offset).place
}

fn value(types: &[&str]) -> Place {
    Place::Value(Wanted(types.iter().map(|each| (*each).to_owned()).collect()))
}

#[test]
fn a_definition_begins_where_the_last_has_ended() {
    for text in ["|", "struct A {}\nstr|", "include \"a.frugal\" |", "typedef i32 A\n|", "namespace * a.b\nen|"] {
        assert_eq!(place(text), Place::Definition, "{text}");
    }
}

#[test]
fn types_stand_where_something_is_of_a_type() {
    for text in [
        "typedef |",
        "const Al|",
        "struct A { 1: list<|",
        "struct A { 1: map<string, Al|",
        "struct A { 1: required |",
        "scope A { Win: |",
        "scope A prefix a.{b} { Win: Al|",
    ] {
        assert_eq!(place(text), Place::Type, "{text}");
    }
}

#[test]
fn fields_stand_in_structs_and_arguments() {
    for text in [
        "struct A { 1: |",
        "struct A {\n    |",
        "union A { 1: i32 a, 2: o|",
        "service A { void a(1: |",
        "service A { void a(|",
    ] {
        assert_eq!(place(text), Place::Field, "{text}");
    }
    assert_eq!(place("service A { void a() throws (1: |"), Place::Exception);
    assert_eq!(place("struct A { 1: i32 |"), Place::Nothing);
    assert_eq!(place("struct A { 1: i32 a (|"), Place::Nothing);
}

#[test]
fn a_service_is_made_of_functions() {
    for text in ["service A {\n  |", "service A extends B { i32 a(), |", "service A {\n  i32 a()\n  on|"] {
        assert_eq!(place(text), Place::Function, "{text}");
    }
    assert_eq!(place("service A { oneway |"), Place::Word("void"));
    assert_eq!(place("service A { i32 a() th|"), Place::Word("throws"));
    assert_eq!(place("service A ext|"), Place::Word("extends"));
    assert_eq!(place("service A extends co|"), Place::Service);
}

#[test]
fn a_value_is_of_the_type_that_is_written_before() {
    assert_eq!(place("struct A { 1: Format format = |"), value(&["Format"]));
    assert_eq!(place("const common.Format A = common.Fo|"), value(&["common.Format"]));
    assert_eq!(place("const list<Format> A = [Format.CD, |"), value(&["Format"]));
    assert_eq!(place("const map<Asin, Format> A = {\"x\": |"), value(&["Format", "Asin"]));
    assert_eq!(place("struct A { 1: list<Format> a = [|"), value(&["Format"]));
}

#[test]
fn comments_and_strings_are_left_alone() {
    for text in ["// str|", "# str|", "/* a\n |", "const string A = \"|", "struct A { 1: i32 a (b = '|"] {
        assert_eq!(place(text), Place::Nothing, "{text}");
    }
    assert_eq!(place("include \"../|"), Place::IncludePath);
}

#[test]
fn a_bracket_left_open_above_does_not_count_for_the_next_definition() {
    assert_eq!(place("struct A { 1: list<i32\n\nservice B {\n  |"), Place::Function);
    assert_eq!(place("const string A = \"x\nstruct B { 1: |"), Place::Field);
}
