//! The texts that are open in the editor. To the compiler they stand before the files on disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use gen_lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri};
use thriftwood_idl::source::plain;
use thriftwood_idl::{Disk, Files};

use super::positions::Lines;
use super::workspace::is_idl;

/// One open text.
pub(super) struct Document {
    /// As the editor spells it.
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The open texts, by identity.
#[derive(Default)]
pub(super) struct Documents(BTreeMap<PathBuf, Document>);

impl Documents {
    /// Takes a text as open. One that an editor calls plain text and that has not the name of an IDL file is passed over:
    /// an editor that knows no language for IDL can only be told to send all that is plain.
    pub(super) fn open(&mut self, item: TextDocumentItem) {
        let path = path_of(&item.uri);
        if item.language_id.to_string() == "plaintext" && !is_idl(&path) {
            return;
        }
        let document = Document { uri: item.uri, version: item.version, text: item.text, path: path.clone() };
        self.0.insert(identity(&path), document);
    }

    /// Changes a text, piece by piece in the order given. One that is not open is left alone.
    pub(super) fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.0.get_mut(&identity(&path_of(uri))) else { return };
        document.version = version;
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
                    let lines = Lines::new(&document.text);
                    let start = lines.offset(&document.text, change.range.start);
                    let end = lines.offset(&document.text, change.range.end);
                    document.text.replace_range(start.min(end)..end, &change.text);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
                    document.text = change.text;
                }
            }
        }
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.0.remove(&identity(&path_of(uri)));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Document> {
        self.0.values()
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.0.get(&identity(&path_of(uri)))
    }

    /// The editor's name for a file.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.0.get(&identity(path)) {
            Some(document) => Some(document.uri.clone()),
            None => Uri::from_file_path(plain(path)).ok(),
        }
    }
}

impl Files for Documents {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.0.get(&identity(path)) {
            Some(document) => Ok(document.text.clone().into_bytes()),
            None => Disk.read(path),
        }
    }

    fn identity(&self, path: &Path) -> PathBuf {
        identity(path)
    }
}

/// The path of a text. One that is no file, as `untitled:Untitled-1`, goes by its whole name.
pub(super) fn path_of(uri: &Uri) -> PathBuf {
    uri.to_file_path().unwrap_or_else(|()| PathBuf::from(uri.as_str()))
}

/// What all spellings of a path have in common, also of a file that has not been saved yet.
pub(super) fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let path = plain(path);
        match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => path,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gen_lsp_types::{Position, Range, TextDocumentContentChangePartial};

    fn changed(text: &str, start: (u32, u32), end: (u32, u32), new: &str) -> String {
        let uri = Uri::parse("untitled:a").unwrap();
        let mut documents = Documents::default();
        let item =
            TextDocumentItem { uri: uri.clone(), language_id: "x".to_owned().into(), version: 1, text: text.into() };
        documents.open(item);
        let at = |(line, character)| Position { line, character };
        #[allow(deprecated, reason = "the field has to be named")]
        let change = TextDocumentContentChangePartial {
            range: Range { start: at(start), end: at(end) },
            range_length: None,
            text: new.to_owned(),
        };
        documents.change(&uri, 2, vec![change.into()]);
        documents.get(&uri).unwrap().text.clone()
    }

    #[test]
    fn a_change_replaces_what_stands_between_two_places() {
        assert_eq!(changed("a🦀b\ncd", (0, 3), (1, 1), "x"), "a🦀xd");
        assert_eq!(changed("ab", (0, 1), (0, 1), "🦀"), "a🦀b");
    }

    #[test]
    fn a_change_of_places_that_are_not_there_is_taken_as_near_as_can_be() {
        assert_eq!(changed("ab", (0, 9), (7, 7), "x"), "abx");
        assert_eq!(changed("ab", (0, 2), (0, 1), "x"), "axb");
        assert_eq!(changed("🦀", (0, 1), (0, 2), "x"), "x");
    }
}
