//! The examples in JSON: what is in them, and that they end.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::checker::{check, read};
use crate::{page, site};

/// The examples on the page of this text, in order.
fn examples(text: &str) -> Vec<Value> {
    let pages = site(text);
    assert_eq!(check(&pages), Vec::<String>::new());
    let read = read(page(&pages, "a.html"));
    read.json.iter().map(|json| serde_json::from_str(json).expect("an example is JSON")).collect()
}

#[test]
fn an_example_has_a_value_of_each_fields_type() {
    let found = examples(
        "enum Format { LP = 3, CD }\nenum Nothing {}\ntypedef string Name\n\
         struct A { 1: bool a, 2: i64 b, 3: double c, 4: string d, 5: binary e, 6: uuid f, 7: Format g, 8: Name h,\n\
         9: list<i32> i, 10: set<string> j, 11: map<string, i32> k, 12: map<i32, Format> l, 13: optional i32 m, 14: Nothing n }\n",
    );
    let expected = json!({
        "a": true, "b": 1, "c": 1.5, "d": "text", "e": "Ynl0ZXM=", "f": "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", "g": "LP",
        "h": "text", "i": [1], "j": ["text"], "k": { "text": 1 }, "l": { "1": "LP" }, "m": 1, "n": 0,
    });
    assert_eq!(found, [expected]);
}

#[test]
fn defaults_are_used_and_constants_are_written_out() {
    let found = examples(
        "enum Format { LP = 3, CD }\nstruct Point { 1: i32 x, 2: double y }\n\
         const Point ORIGIN = { \"x\": 0, \"y\": 1e300 }\nconst list<Point> PATH = [ORIGIN, { \"x\": 1 }]\n\
         struct A { 1: i32 a = -7, 2: Format b = Format.CD, 3: list<Point> c = PATH, 4: map<bool, string> d = { true: \"yes\" },\n\
         5: binary e = \"abc\", 6: map<list<i32>, i32> f = { [1, 2]: 3 }, 7: Format g = 9 }\n",
    );
    let expected = json!({
        "a": -7, "b": "CD", "c": [{ "x": 0, "y": 1e300 }, { "x": 1 }], "d": { "true": "yes" }, "e": "YWJj",
        "f": [{ "key": [1, 2], "value": 3 }], "g": 9,
    });
    assert_eq!(found[1], expected);
}

#[test]
fn an_authors_example_is_used_where_it_is_one() {
    let found = examples(
        "typedef string Asin (example = \"B000002UAL\")\nenum Format { LP, CD }\n\
         struct A { 1: Asin a, 2: i32 b (example = \"42\"), 3: i8 c (example = \"400\"), 4: string d = \"x\" (example = \"y\"),\n\
         5: Format e (example = \"CD\"), 6: Format f (example = \"none\"), 7: double g (example = \"inf\") }\n",
    );
    assert_eq!(found, [json!({ "a": "B000002UAL", "b": 42, "c": 1, "d": "y", "e": "CD", "f": "LP", "g": 1.5 })]);
}

#[test]
fn a_call_has_its_arguments_its_result_and_its_errors() {
    let found = examples(
        "exception Sold { 1: string why }\nservice Store { bool buy(1: i32 id, 2: string acct = \"me\") throws (1: Sold sold) }\n",
    );
    assert_eq!(found[1..], [json!({ "id": 1, "acct": "me" }), json!(true), json!({ "why": "text" })]);
}

#[test]
fn a_type_that_holds_itself_is_cut() {
    let found = examples(
        "struct Tree { 1: optional Tree left, 2: list<Tree> more, 3: map<string, Tree> named, 4: i32 value }\n\
         union Choice { 1: Choice nested, 2: list<Choice> many }\n",
    );
    assert_eq!(found, [json!({ "more": [], "named": {}, "value": 1 }), json!({ "many": [] })]);
}

#[test]
fn a_union_without_a_value_that_ends_has_no_example() {
    assert_eq!(examples("union Never { 1: Never again }\nservice A { Never f() }\n"), [json!({})]);
}

#[test]
fn an_example_does_not_grow_with_what_nests() {
    let mut text = String::from("struct S0 { 1: i32 a }\nconst list<i32> C0 = [1, 2]\n");
    for number in 1..40 {
        let before = number - 1;
        writeln!(text, "struct S{number} {{ 1: S{before} a, 2: S{before} b }}").expect("a line is written");
    }
    for number in 1..30 {
        let nested = "list<".repeat(number + 1) + "i32" + &">".repeat(number + 1);
        let before = number - 1;
        writeln!(text, "const {nested} C{number} = [C{before}, C{before}]").expect("a line is written");
    }
    let nested = "list<".repeat(30) + "i32" + &">".repeat(30);
    writeln!(text, "struct Last {{ 1: {nested} a = C29 }}").expect("a line is written");
    for example in examples(&text) {
        // Without a limit the last would hold 2 to the 29 numbers.
        assert!(example.to_string().len() < 20_000, "{example}");
    }
}
