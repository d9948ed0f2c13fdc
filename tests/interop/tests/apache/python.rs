//! Apache's compiler and a Python with its `thrift` package.

use std::path::{Path, PathBuf};

/// What is installed from PyPI; its version is part of the folder's name, so that another gets a folder of its own.
const THRIFT: &str = "thrift==0.25.0";
/// The IDL and the programs.
pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/apache");

/// Has Apache's compiler generate Python into the folder, or says why it cannot.
pub(crate) fn generate(folder: &Path, idls: &[&str]) -> Result<(), String> {
    let files: Vec<PathBuf> = idls.iter().map(|idl| PathBuf::from(format!("{DATA}/{idl}.thrift"))).collect();
    thriftwood_interop::python::generate(folder, &files)
}

/// A Python with the `thrift` package: made once, in the target folder.
pub(crate) fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(THRIFT);
    thriftwood_interop::python::python(&folder, &[&[THRIFT]], "import thrift")
}
