//! Lays a text out in house style.

use gen_lsp_types::{Range, TextEdit, Uri};

use super::documents::Documents;
use super::positions::Lines;

/// The edits that lay an open text out; none for one that is laid out already, or that is no IDL: what is wrong with it
/// has been shown.
pub(super) fn format(documents: &Documents, uri: &Uri) -> Vec<TextEdit> {
    let Some(document) = documents.get(uri) else { return Vec::new() };
    let text = &document.text;
    match thriftwood_idl::format(text) {
        Ok(new_text) if new_text != *text => {
            let end = Lines::new(text).position(text, text.len());
            vec![TextEdit { range: Range { end, ..Range::default() }, new_text }]
        }
        _ => Vec::new(),
    }
}
