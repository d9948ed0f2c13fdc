//! From a name to where it is declared and used, what is shown of it, and giving it another.

use serde_json::{Value, json};

use crate::editor::{Editor, range};

const COMMON: &str = "/* 🦀 */ struct Price { 1: i64 cents }\nenum Currency { EUR = 1, SEK = 2 }\n\
                      service Base { void ping() }\nconst i32 MOST = 9\n";
const SHOP: &str = "include \"common.frugal\"\n\n/** A collection of songs. */\nstruct Album {\n    1: required string asin,\n    \
                    2: common.Price price,\n    3: common.Currency currency = common.Currency.SEK,\n    \
                    4: i32 most = common.MOST,\n}\n\n/** The shop. */\nservice Store extends common.Base {\n    \
                    Album get(1: string asin),\n}\n\nscope winners prefix v1.{region} {\n    Winner: Album\n}\n";

fn shop() -> Editor {
    let mut editor = Editor::new(&[("common.frugal", COMMON), ("shop.frugal", SHOP)]);
    editor.open("shop.frugal", SHOP);
    editor
}

#[test]
fn a_name_leads_to_its_declaration_in_an_included_file() {
    let mut editor = shop();
    for (needle, declared) in [
        ("common.Pr|ice", "struct |Price| {"),
        ("|Price price", "struct |Price| {"),
        ("common.|Currency currency", "enum |Currency| {"),
        ("Currency.SEK|,", "|SEK| ="),
        ("common.Bas|e {", "service |Base| {"),
        ("common.M|OST", "i32 |MOST| ="),
    ] {
        let answer = editor.ask("textDocument/definition", "shop.frugal", SHOP, needle, json!({}));
        let expected = json!({ "uri": editor.uri("common.frugal"), "range": range(COMMON, declared) });
        assert_eq!(answer["result"], expected, "{needle}");
    }
    let start = json!({ "line": 0, "character": 0 });
    let file = json!({ "uri": editor.uri("common.frugal"), "range": { "start": start, "end": start } });
    for needle in ["\"comm|on.frugal\"", "c|ommon.Price"] {
        let answer = editor.ask("textDocument/definition", "shop.frugal", SHOP, needle, json!({}));
        assert_eq!(answer["result"], file, "{needle}");
    }
    let answer = editor.ask("textDocument/definition", "shop.frugal", SHOP, "str|ing asin", json!({}));
    assert_eq!(answer["result"], Value::Null);
}

#[test]
fn a_name_leads_to_its_declaration_while_the_text_has_errors() {
    let text = SHOP.replace("4: i32 most = common.MOST,", "4: i32 most = ,");
    let mut editor = shop();
    editor.change("shop.frugal", 2, json!([{ "text": text }]));
    assert_eq!(editor.diagnostics("shop.frugal")[0]["code"], "E0001");
    let answer = editor.ask("textDocument/definition", "shop.frugal", &text, "Winner: Alb|um", json!({}));
    let expected = json!({ "uri": editor.uri("shop.frugal"), "range": range(&text, "struct |Album| {") });
    assert_eq!(answer["result"], expected);
}

#[test]
fn references_are_found_in_files_that_nobody_has_opened() {
    let mut editor = shop();
    editor.open("common.frugal", COMMON);
    let other = "include \"common.frugal\"\nstruct Bill { 1: common.Price total }\n";
    std::fs::write(editor.folder().join("bill.frugal"), other).expect("the file is written");
    let ask = |editor: &mut Editor, declaration: bool| {
        let more = json!({ "context": { "includeDeclaration": declaration } });
        let answer = editor.ask("textDocument/references", "common.frugal", COMMON, "Pri|ce", more);
        let mut places: Vec<_> = answer["result"].as_array().expect("places").clone();
        places.sort_by_key(|place| place["uri"].to_string());
        places
    };
    let bill = json!({ "uri": editor.uri("bill.frugal"), "range": range(other, "common.|Price|") });
    let declared = json!({ "uri": editor.uri("common.frugal"), "range": range(COMMON, "|Price|") });
    let used = json!({ "uri": editor.uri("shop.frugal"), "range": range(SHOP, "common.|Price|") });
    assert_eq!(ask(&mut editor, true), [bill.clone(), declared, used.clone()]);
    assert_eq!(ask(&mut editor, false), [bill, used]);
}

#[test]
fn hover_shows_how_a_name_is_declared_what_travels_and_its_doc_comment() {
    let mut editor = shop();
    for (needle, parts) in [
        ("Winner: Al|bum", &["struct Album", "A collection of songs."][..]),
        ("string as|in,\n    2", &["1: required string asin", "Field 1 of `Album`; required"]),
        ("currency| =", &["3: common.Currency currency = common.Currency.SEK"]),
        ("Currency.S|EK", &["SEK = 2", "Travels as 2, a value of `Currency`.", "common.frugal"]),
        ("scope win|ners", &["scope winners prefix v1.{region}", "`v1.{region}.Winners.Winner`"]),
        ("Win|ner: Album", &["Winner: Album", "`v1.{region}.Winners.Winner`"]),
        ("Album ge|t(", &["Album get(1: string asin)", "A function of `Store`."]),
        ("Sto|re", &["service Store extends Base", "The shop."]),
        ("common.MO|ST", &["const i32 MOST = 9"]),
        ("com|mon.Price", &["common.frugal"]),
    ] {
        let answer = editor.ask("textDocument/hover", "shop.frugal", SHOP, needle, json!({}));
        let shown = answer["result"]["contents"]["value"].as_str().unwrap_or_else(|| panic!("{needle}: {answer}"));
        for part in parts {
            assert!(shown.contains(part), "{needle}: {part:?} is not in:\n{shown}");
        }
    }
    let answer = editor.ask("textDocument/hover", "shop.frugal", SHOP, "requ|ired", json!({}));
    assert_eq!(answer["result"], Value::Null);
}

#[test]
fn a_rename_changes_the_declaration_and_every_use_in_both_files() {
    let mut editor = shop();
    let answer = editor.ask("textDocument/prepareRename", "shop.frugal", SHOP, "common.Pri|ce", json!({}));
    assert_eq!(answer["result"], json!({ "range": range(SHOP, "common.|Price|"), "placeholder": "Price" }));
    let new = json!({ "newName": "Cost" });
    let answer = editor.ask("textDocument/rename", "shop.frugal", SHOP, "common.Pri|ce", new);
    let changes = answer["result"]["changes"].as_object().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(changes.len(), 2, "{changes:?}");
    let edit = |range: Value| json!([{ "range": range, "newText": "Cost" }]);
    assert_eq!(changes[&editor.uri("common.frugal")], edit(range(COMMON, "struct |Price|")));
    assert_eq!(changes[&editor.uri("shop.frugal")], edit(range(SHOP, "common.|Price|")));
}

#[test]
fn a_rename_of_an_enum_value_changes_only_the_values_own_name() {
    let mut editor = shop();
    let answer = editor.ask("textDocument/rename", "shop.frugal", SHOP, "Currency.SE|K", json!({ "newName": "CHF" }));
    let edits = &answer["result"]["changes"][&editor.uri("shop.frugal")];
    assert_eq!(*edits, json!([{ "range": range(SHOP, "Currency.|SEK|"), "newText": "CHF" }]));
}

#[test]
fn a_rename_that_would_clash_or_is_no_name_is_refused() {
    let mut editor = shop();
    for (needle, new, why) in [
        ("common.Pri|ce", "Currency", "`Currency` is defined twice"),
        ("common.Pri|ce", "2nd", "is no name"),
        ("common.Pri|ce", "struct", "a word of the language"),
        ("string as|in,\n    2", "price", "`price` is defined twice"),
        ("Currency.SE|K", "EUR", "`EUR` is defined twice"),
        ("com|mon.Price", "shared", "rename the file"),
        ("requ|ired", "x", "no name here"),
    ] {
        let answer = editor.ask("textDocument/rename", "shop.frugal", SHOP, needle, json!({ "newName": new }));
        let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{needle}: {answer}"));
        assert!(message.contains(why), "{needle}: {message}");
    }
}

#[test]
fn a_rename_that_would_change_what_a_value_means_is_refused() {
    let text = "enum Format { CD = 1, LP = 2 }\nconst Format BEST = Format.LP\nconst list<Format> ALL = [BEST, CD]\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let answer = editor.ask("textDocument/rename", "a.frugal", text, "const Format BE|ST", json!({ "newName": "CD" }));
    let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(message.contains("something else of that name would be meant"), "{message}");
}

#[test]
fn nothing_is_renamed_while_a_file_that_may_use_it_cannot_be_read() {
    let mut editor = shop();
    std::fs::write(editor.folder().join("bill.frugal"), "include \"common.frugal\"\nstruct {\n")
        .expect("it is written");
    let answer = editor.ask("textDocument/rename", "shop.frugal", SHOP, "common.Pri|ce", json!({ "newName": "Cost" }));
    let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(message.contains("bill.frugal") && message.contains("syntax errors"), "{message}");
}
