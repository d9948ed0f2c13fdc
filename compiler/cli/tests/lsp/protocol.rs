//! The conversation itself: what comes first and last, and what happens to what is not understood.

use serde_json::{Value, json};

use crate::editor::Editor;

#[test]
fn shutdown_and_exit_end_the_server_with_code_0() {
    let editor = Editor::new(&[]);
    assert_eq!(editor.shut_down().code(), Some(0));
}

#[test]
fn an_exit_without_shutdown_ends_it_with_code_1() {
    let mut editor = Editor::new(&[]);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.end().0.code(), Some(1));
}

#[test]
fn an_editor_that_goes_away_ends_it_with_code_1() {
    let mut editor = Editor::new(&[]);
    assert_eq!(editor.end().0.code(), Some(1));
}

#[test]
fn what_is_no_frame_ends_it_with_code_1_and_a_word_on_standard_error() {
    for garbage in [&b"hello\r\n\r\n"[..], b"Content-Length: 18446744073709551615\r\n\r\n{}", b"\xff\xfe\n", b"\r\n"] {
        let mut editor = Editor::start(&[], &[]);
        editor.write(garbage);
        let (status, said) = editor.end();
        assert_eq!(status.code(), Some(1), "{garbage:?}: {said}");
        assert!(said.starts_with("error: ") && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_frame_that_holds_no_message_is_answered_and_the_conversation_goes_on() {
    let mut editor = Editor::new(&[]);
    editor.write(b"Content-Length: 1\r\n\r\n{");
    assert_eq!(editor.wait(|message| message["id"].is_null())["error"]["code"], -32700);
    editor.send(&json!([1, 2]));
    assert_eq!(editor.wait(|message| message["id"].is_null())["error"]["code"], -32600);
    assert_eq!(editor.shut_down().code(), Some(0));
}

#[test]
fn nothing_is_served_before_initialize_and_after_shutdown() {
    let mut editor = Editor::start(&[], &[]);
    assert_eq!(editor.request("textDocument/hover", json!({}))["error"]["code"], -32002);
    assert!(editor.initialize()["capabilities"]["hoverProvider"].as_bool().expect("it hovers"));
    assert_eq!(editor.request("initialize", json!({}))["error"]["code"], -32600);
    editor.request("shutdown", Value::Null);
    assert_eq!(editor.request("textDocument/hover", json!({}))["error"]["code"], -32600);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.end().0.code(), Some(0));
}

#[test]
fn unknown_methods_and_wrong_parameters_are_refused_and_harm_nothing() {
    let mut editor = Editor::new(&[("a.frugal", "struct A {}\n")]);
    assert_eq!(editor.request("textDocument/fly", json!({}))["error"]["code"], -32601);
    let methods =
        ["definition", "references", "hover", "completion", "documentSymbol", "prepareRename", "rename", "formatting"];
    for method in methods.map(|method| format!("textDocument/{method}")) {
        for params in [json!(null), json!([]), json!({ "textDocument": { "uri": "a b" }, "position": "x" }), json!(7)] {
            assert_eq!(editor.request(&method, params)["error"]["code"], -32602, "{method}");
        }
        // A file nobody knows, and a place nowhere.
        let params = json!({
            "textDocument": { "uri": "file:///nowhere/a.frugal" },
            "position": { "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 },
            "context": { "includeDeclaration": true },
            "newName": "B",
            "options": { "tabSize": 4, "insertSpaces": true },
        });
        let answer = editor.request(&method, params);
        let nothing = answer["result"].is_null() || answer["result"] == json!([]);
        assert!(nothing || answer["error"]["code"] == -32803, "{method}: {answer}");
    }
    editor.notify("textDocument/didOpen", json!({ "textDocument": 5 }));
    editor.notify("textDocument/didChange", json!(null));
    editor.notify("$/setTrace", json!({ "value": "off" }));
    let document = json!({ "uri": "file:///nowhere/a.frugal", "version": 1 });
    editor.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": "" }] }));
    assert_eq!(editor.shut_down().code(), Some(0));
}
