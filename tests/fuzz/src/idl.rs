//! IDL: what is found in it can be shown, and formatting changes neither itself nor the meaning.

use std::io;
use std::path::Path;

use thriftwood_idl::diagnostics::Style;
use thriftwood_idl::model::Model;
use thriftwood_idl::{Compilation, Files, Options, compile_with};

/// One file, and what it may include.
struct One<'t>(&'t [u8]);

const NAME: &str = "fuzz.frugal";

impl Files for One<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some(NAME) => Ok(self.0.to_vec()),
            Some("common.frugal") => Ok(COMMON.to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Compiles a file: there is a model exactly when there is no error, and every finding has places in the texts and can be shown.
pub fn compile(bytes: &[u8]) {
    let compilation = read(bytes);
    let failed = compilation.diagnostics.iter().any(thriftwood_idl::diagnostics::Diagnostic::is_error);
    assert_eq!(compilation.model.is_none(), failed);
    for found in &compilation.diagnostics {
        for label in &found.labels {
            let text = compilation.sources.get(label.span.source).map(|source| source.text.as_str());
            let place = text.and_then(|text| text.get(label.span.start as usize..label.span.end as usize));
            assert!(place.is_some(), "{label:?} is no place");
        }
    }
    // Showing takes longer than all the rest, so only the first is shown.
    let shown = compilation.diagnostics.first().map(|found| found.render(&compilation.sources, Style::Plain));
    assert!(shown.is_none_or(|shown| !shown.is_empty()));
}

/// Formats a file: once is enough, and it means what it meant.
pub fn format(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(formatted) = thriftwood_idl::format(text) else { return };
    let again = thriftwood_idl::format(&formatted);
    assert_eq!(again.as_deref().ok(), Some(formatted.as_str()), "formatting again changes it");
    let meaning = |text: &str| read(text.as_bytes()).model.as_ref().map(without_places);
    assert_eq!(
        meaning(text),
        meaning(&formatted),
        "formatting changes the meaning of\n{text}\nwhich becomes\n{formatted}"
    );
}

fn read(bytes: &[u8]) -> Compilation {
    compile_with(&One(bytes), &[NAME], &Options::default())
}

/// A model as text, without the places in the file.
fn without_places(model: &Model) -> String {
    let text = format!("{model:?}");
    let parts: Vec<&str> = text.split("Span {").collect();
    parts.iter().map(|part| part.split_once('}').map_or(*part, |(_, rest)| rest)).collect()
}

const COMMON: &[u8] =
    b"struct Price { 1: i64 micros }\nconst i32 LIMIT = 3\nenum Kind { ONE, TWO }\nservice Base { void ping() }\n";

/// Files with everything in them.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "include \"common.frugal\" (vendor)\nnamespace * v1.music\n/** What an album is pressed on. */\nenum Format { CD = 1, VINYL = 0x2 \
         (deprecated), TAPE; }\ntypedef map<string (a = \"b\"), list<Format>> Shelf (a = \"b\\\"\\x41\")\nconst Shelf EMPTY = {\"a\": \
         [Format.CD, 2], 'b': []}\nconst double PI = -3.1e0\n",
        "union Either { 1: i32 number, 2: set<string> words }\nstruct Album { 1: required string title = \"x\", 2: optional Album next, -3: \
         Either e = {\"number\": 1} } # comment\nexception Oops { 1: binary why }\n// line\nconst uuid KEY = \
         \"00112233-4455-6677-8899-aabbccddeeff\"\n",
        "include \"common.frugal\"\nservice Store extends common.Base { oneway void note(1: string text); common.Price buy(1: i64 id = \
         common.LIMIT) throws (1: Oops oops) (x), bool has(1: common.Kind kind) }\nexception Oops { 1: string message }\nscope Winners \
         prefix v1.{region}.all { Winner: common.Price /* c */ Redraw: i32 (y) }\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
