//! Finds the IDL files of the folder that is open, since a name may be used in files that nobody has opened.

use std::fs;
use std::path::{Path, PathBuf};

/// After so many files or folders the rest is not looked at: somebody opened their disk.
const MAX_ENTRIES: usize = 50_000;

/// The IDL files in a folder and below it, in order. Links are not followed; hidden folders and those that hold what was
/// built or fetched are passed over. The second part is false where there was more than can be looked at.
pub(super) fn idl_files(root: &Path) -> (Vec<PathBuf>, bool) {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    let mut left = MAX_ENTRIES;
    while let Some(folder) = folders.pop() {
        // What cannot be read cannot be changed either.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            left -= 1;
            if left == 0 {
                return (files, false);
            }
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && !is_passed_over(&path) {
                folders.push(path);
            } else if kind.is_file() && is_idl(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    (files, true)
}

/// Whether a file's name is that of an IDL file.
pub(super) fn is_idl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "frugal" || extension == "thrift")
}

fn is_passed_over(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || matches!(&*name, "target" | "node_modules")
}
