//! Edits and questions at random: the server keeps the text as the editor has it, answers everything, and stands.

use serde_json::{Value, json};

use crate::editor::Editor;

/// Numbers that look random and are the same each time (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % sides
    }
}

/// Every line has letters of two and of four bytes before its end, so that a column counted wrong is felt.
const SHOP: &str = "/* 🦀ä */ include \"common.frugal\"\n/* 🦀ä */ enum Format { CD = 1, LP }\n/* 🦀 */ struct Album {\n  /* 🦀 */ 1: \
                    Format format = Format.LP,\r\n  /* 🦀 */ 2: map<string, list<common.Price>> prices (a = \"🦀\"),\n}\n/* 🦀 */ \
                    service Store extends common.Base { Album get(1: i32 id) throws (1: Gone gone) }\n/*🦀*/exception \
                    Gone {}\n/*ä🦀*/ scope Wins prefix v1.{region} { Win: Album }\n/*🦀🦀*/const list<Format> ALL = [CD]\n";
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "\r\n",
    "{",
    "}",
    "(",
    ")",
    "<",
    "[",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "#",
    "=",
    ":",
    ",",
    ".",
    "🦀",
    "ä",
    "struct ",
    "enum A {",
    "include \"",
    "common.",
    "Format",
    "const i32 X = ",
    "1: ",
    "extends ",
    "prefix {a}.b ",
    "\0",
    "\t",
];
const QUESTIONS: &[&str] = &["hover", "definition", "completion", "references", "prepareRename", "rename"];

/// A place in a text, in UTF-16 units; now and then one that is not there.
fn place(dice: &mut Dice, text: &str) -> Value {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = dice.roll(lines.len() + 1);
    let length = lines.get(line).map_or(0, |line| line.encode_utf16().count());
    json!({ "line": line, "character": dice.roll(length + 3) })
}

#[test]
fn any_edits_and_questions_leave_the_server_standing_and_its_text_the_editors() {
    let common = "struct Price {}\nservice Base {}\n";
    let mut editor = Editor::new(&[("common.frugal", common)]);
    let mut dice = Dice(7);
    let mut text = SHOP.to_owned();
    editor.open("shop.frugal", &text);
    for version in 2..400 {
        if version % 20 == 0 {
            // A copy that is sent as a whole has the same outline, so the pieces came to the same text.
            editor.open("copy.frugal", &text);
            let outlines = ["shop.frugal", "copy.frugal"].map(|name| {
                let params = json!({ "textDocument": { "uri": editor.uri(name) } });
                editor.request("textDocument/documentSymbol", params)["result"].clone()
            });
            assert!(outlines[0].is_array() && outlines[0] == outlines[1], "{text:?}");
            text = SHOP.to_owned();
            editor.change("shop.frugal", version, json!([{ "text": text }]));
            continue;
        }
        // Whole letters are cut out, so that the editor's own text needs no arithmetic of units.
        let letters: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let from = dice.roll(letters.len());
        let to = (from + dice.roll(4)).min(letters.len() - 1);
        let (start, end) = (letters[from], letters[to]);
        let splits = |at: usize| text[..at].ends_with('\r') && text[at..].starts_with('\n');
        if splits(start) || splits(end) {
            // No line and column mean a place within a line end.
            continue;
        }
        let piece = PIECES[dice.roll(PIECES.len())];
        let range = json!({ "start": at(&text, start), "end": at(&text, end) });
        text.replace_range(start..end, piece);
        editor.change("shop.frugal", version, json!([{ "range": range, "text": piece }]));
        let question = QUESTIONS[dice.roll(QUESTIONS.len())];
        let params = json!({
            "textDocument": { "uri": editor.uri("shop.frugal") },
            "position": place(&mut dice, &text),
            "context": { "includeDeclaration": true },
            "newName": "Other",
        });
        editor.request(&format!("textDocument/{question}"), params);
    }
    assert_eq!(editor.shut_down().code(), Some(0));
}

/// The line and UTF-16 column of a byte, where lines end as the protocol says.
fn at(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let mut line = 0;
    let mut start = 0;
    for (index, byte) in before.bytes().enumerate() {
        let ends = byte == b'\n' || byte == b'\r' && text.as_bytes().get(index + 1) != Some(&b'\n');
        if ends {
            line += 1;
            start = index + 1;
        }
    }
    json!({ "line": line, "character": before[start..].encode_utf16().count() })
}
