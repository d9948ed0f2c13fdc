//! What is shown while a text is being written: findings, outline, completion, layout.

use serde_json::{Value, json};

use crate::editor::{Editor, place, range};

#[test]
fn a_finding_is_at_its_place_in_utf_16_units_and_goes_when_it_is_corrected() {
    let text = "struct Album {}\n/* 🦀ä€ */ struct Shelf { 1: Albun album }\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let found = editor.diagnostics("a.frugal");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["range"], range(text, "1: |Albun|"));
    assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": 29 }));
    assert_eq!((&found[0]["severity"], &found[0]["code"]), (&json!(1), &json!("E0004")));
    assert!(found[0]["message"].as_str().expect("a text").contains("did you mean `Album`?"), "{}", found[0]);
    let slip = range(text, "Albu|n|");
    editor.change("a.frugal", 2, json!([{ "range": slip, "text": "m" }]));
    assert_eq!(editor.diagnostics("a.frugal"), Vec::<Value>::new());
    editor.change("a.frugal", 3, json!([{ "text": "struct {" }]));
    assert_eq!(editor.diagnostics("a.frugal").len(), 1);
    assert_eq!(editor.shut_down().code(), Some(0));
}

#[test]
fn warnings_carry_their_code_and_lint_and_are_what_the_command_line_makes_of_them() {
    let text = "scope winners {\n    Winner: slist\n}\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let found = editor.diagnostics("a.frugal");
    let seen: Vec<_> = found.iter().map(|each| (&each["severity"], &each["code"])).collect();
    assert_eq!(seen, [(&json!(2), &json!("W0004")), (&json!(2), &json!("W0002"))]);
    assert!(found[0]["message"].as_str().expect("a text").ends_with("lint: lower-case-scope"), "{}", found[0]);
    let mut editor = Editor::start(&[], &["--deny", "lower-case-scope", "--allow", "warnings"]);
    editor.initialize();
    editor.open("a.frugal", text);
    let found = editor.diagnostics("a.frugal");
    let seen: Vec<_> = found.iter().map(|each| (&each["severity"], &each["code"])).collect();
    assert_eq!(seen, [(&json!(1), &json!("W0004"))]);
}

#[test]
fn a_finding_names_the_other_places_it_speaks_of() {
    let text = "struct Album { 1: i32 a, 1: i32 b }\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let found = editor.diagnostics("a.frugal");
    let related = &found[0]["relatedInformation"][0];
    assert_eq!(related["location"], json!({ "uri": editor.uri("a.frugal"), "range": range(text, "{ |1|:") }));
    assert_eq!(related["message"], "first here");
}

#[test]
fn a_change_in_one_open_file_is_felt_in_the_files_that_include_it() {
    let mut editor = Editor::new(&[("common.frugal", "struct Price {}\n")]);
    editor.open("shop.frugal", "include \"common.frugal\"\nstruct Album { 1: common.Price price }\n");
    assert_eq!(editor.diagnostics("shop.frugal"), Vec::<Value>::new());
    editor.open("common.frugal", "struct Cost {}\n");
    assert_eq!(editor.diagnostics("shop.frugal")[0]["code"], "E0004");
    // Closed without saving: what is on disk counts again.
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("common.frugal") } }));
    assert_eq!(editor.diagnostics("shop.frugal"), Vec::<Value>::new());
}

#[test]
fn an_included_file_that_is_not_open_shows_its_findings_until_it_is_corrected_on_disk() {
    let mut editor = Editor::new(&[("common.frugal", "struct Price { 1: Nope nope }\n")]);
    editor.open("shop.frugal", "include \"common.frugal\"\n");
    assert_eq!(editor.diagnostics("common.frugal")[0]["code"], "E0004");
    std::fs::write(editor.folder().join("common.frugal"), "struct Price {}\n").expect("the file is written");
    let change = json!({ "uri": editor.uri("common.frugal"), "type": 2 });
    editor.notify("workspace/didChangeWatchedFiles", json!({ "changes": [change] }));
    assert_eq!(editor.diagnostics("common.frugal"), Vec::<Value>::new());
}

#[test]
fn an_include_folder_is_relative_to_the_folder_that_is_open() {
    let mut editor = Editor::start(&[("shared/common.frugal", "struct Price {}\n")], &["-I", "shared"]);
    editor.initialize();
    editor.open("idl/shop.frugal", "include \"common.frugal\"\nstruct Album { 1: common.Price price }\n");
    assert_eq!(editor.diagnostics("idl/shop.frugal"), Vec::<Value>::new());
}

#[test]
fn a_text_that_has_no_file_is_checked_too() {
    let mut editor = Editor::new(&[]);
    let item = json!({ "uri": "untitled:Untitled-1", "languageId": "thrift", "version": 1, "text": "struct {" });
    editor.notify("textDocument/didOpen", json!({ "textDocument": item }));
    let said = editor.wait(|message| message["params"]["uri"] == "untitled:Untitled-1");
    assert_eq!(said["params"]["diagnostics"][0]["code"], "E0001");
}

#[test]
fn plain_text_is_checked_only_where_it_is_called_idl() {
    let mut editor = Editor::new(&[]);
    for name in ["notes.txt", "shop.frugal"] {
        let item = json!({ "uri": editor.uri(name), "languageId": "plaintext", "version": 1, "text": "struct {" });
        editor.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }
    // Findings are said in the order of the files' names, so those of the notes would have come first.
    let said = editor.wait(|message| message["method"] == "textDocument/publishDiagnostics");
    assert_eq!(said["params"]["uri"], editor.uri("shop.frugal").as_str());
}

fn labels(answer: &Value) -> Vec<&str> {
    let items = answer["result"].as_array().unwrap_or_else(|| panic!("no items: {answer}"));
    items.iter().map(|item| item["label"].as_str().expect("an item has a label")).collect()
}

#[test]
fn completion_offers_types_with_the_name_of_their_include_while_the_definition_is_broken() {
    let text =
        "include \"common.frugal\"\n\nenum Format { CD, LP }\n\nstruct Album {\n    1: com\n}\n\nservice Store {}\n";
    let mut editor = Editor::new(&[("common.frugal", "/** What it costs. */\nstruct Price {}\nservice Base {}\n")]);
    editor.open("shop.frugal", text);
    let answer = editor.ask("textDocument/completion", "shop.frugal", text, "1: com|", json!({}));
    let labels = labels(&answer);
    for label in ["common.Price", "Format", "Album", "string", "map", "required", "optional"] {
        assert!(labels.contains(&label), "{label} is not among {labels:?}");
    }
    assert!(
        !labels.contains(&"Store") && !labels.contains(&"common.Base") && !labels.contains(&"struct"),
        "{labels:?}"
    );
    let items = answer["result"].as_array().expect("items");
    let price = items.iter().find(|item| item["label"] == "common.Price").expect("it is offered");
    assert_eq!(price["textEdit"], json!({ "range": range(text, "1: |com|"), "newText": "common.Price" }));
    assert!(price["documentation"]["value"].as_str().expect("a text").contains("What it costs."), "{price}");
}

#[test]
fn completion_offers_the_values_of_the_enum_that_a_default_is_of() {
    let text = "enum Format { CD, LP }\nenum Colour { RED }\ntypedef Format Medium\nconst i32 MOST = 5\n\
                struct Album { 1: Medium medium =  }\nstruct Shelf { 1: i32 size = Colour. }\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let answer = editor.ask("textDocument/completion", "a.frugal", text, "medium = | }", json!({}));
    let offered = labels(&answer);
    assert!(
        offered.contains(&"Medium.CD") && offered.contains(&"Medium.LP") && offered.contains(&"MOST"),
        "{offered:?}"
    );
    assert!(!offered.contains(&"Colour.RED") && !offered.contains(&"Format"), "{offered:?}");
    let answer = editor.ask("textDocument/completion", "a.frugal", text, "= Colour.| }", json!({}));
    assert!(labels(&answer).contains(&"Colour.RED"), "{answer}");
}

#[test]
fn completion_offers_keywords_services_and_paths_where_they_belong() {
    let text = "include \"shared/\"\nservice Store extends \nser\n";
    let files = [("shared/common.frugal", ""), ("shared/old/x.thrift", ""), ("shared/notes.txt", "")];
    let mut editor = Editor::new(&files);
    editor.open("a.frugal", text);
    let answer = editor.ask("textDocument/completion", "a.frugal", text, "shared/|\"", json!({}));
    assert_eq!(labels(&answer), ["shared/common.frugal", "shared/old/"]);
    let answer = editor.ask("textDocument/completion", "a.frugal", text, "extends |", json!({}));
    assert_eq!(labels(&answer), ["Store"]);
    let answer = editor.ask("textDocument/completion", "a.frugal", text, "\nser|", json!({}));
    assert!(labels(&answer).contains(&"service"), "{answer}");
}

#[test]
fn the_outline_nests_members_in_what_they_belong_to() {
    let text =
        "scope Wins prefix a.{b} { Win: Album }\nstruct Album { 1: list<string> tracks }\nenum Format { CD = 4 }\n";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let answer =
        editor.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": editor.uri("a.frugal") } }));
    let flat = |symbol: &Value| format!("{} {}", symbol["name"], symbol["detail"]);
    let symbols = answer["result"].as_array().expect("symbols");
    let names: Vec<_> = symbols.iter().map(flat).collect();
    assert_eq!(names, ["\"Wins\" null", "\"Album\" null", "\"Format\" null"]);
    assert_eq!(flat(&symbols[1]["children"][0]), "\"tracks\" \"list<string>\"");
    assert_eq!(flat(&symbols[2]["children"][0]), "\"CD\" \"4\"");
    assert_eq!(symbols[1]["range"], range(text, "|struct Album { 1: list<string> tracks }|"));
    assert_eq!(symbols[1]["selectionRange"], range(text, "struct |Album| {"));
}

#[test]
fn formatting_lays_a_text_out_and_leaves_a_broken_one_alone() {
    let text = "struct   Album{1:string asin}";
    let mut editor = Editor::new(&[]);
    editor.open("a.frugal", text);
    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let params = json!({ "textDocument": { "uri": editor.uri("a.frugal") }, "options": options });
    let edits = editor.request("textDocument/formatting", params.clone())["result"].clone();
    let new = edits[0]["newText"].as_str().expect("an edit");
    assert!(new.starts_with("struct Album {\n    1: string asin"), "{new}");
    assert_eq!(edits[0]["range"]["end"], place(text, "asin}|"));
    editor.change("a.frugal", 2, json!([{ "text": new }]));
    assert_eq!(editor.request("textDocument/formatting", params.clone())["result"], json!([]));
    editor.change("a.frugal", 3, json!([{ "text": "struct   {" }]));
    assert_eq!(editor.request("textDocument/formatting", params)["result"], json!([]));
}
