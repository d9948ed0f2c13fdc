//! Apache's compiler and a Python with its `thrift` package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed from PyPI; its version is part of the folder's name, so that another gets a folder of its own.
const THRIFT: &str = "thrift==0.25.0";
/// The IDL and the programs.
pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/apache");

/// Has Apache's compiler generate Python into the folder, or says why it cannot.
pub(crate) fn generate(folder: &Path, idls: &[&str]) -> Result<(), String> {
    fs::create_dir_all(folder).unwrap();
    for idl in idls {
        let mut compiler = Command::new("thrift");
        compiler.args(["--gen", "py", "-out"]).arg(folder).arg(format!("{DATA}/{idl}.thrift"));
        let output =
            compiler.output().map_err(|_| "there is no thrift compiler; Debian's package is thrift-compiler")?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// A Python with the `thrift` package: made once, in the target folder.
pub(crate) fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(THRIFT);
    let python = folder.join("bin/python");
    let is_whole = || Command::new(&python).args(["-c", "import thrift"]).output().is_ok_and(|o| o.status.success());
    if is_whole() {
        return Ok(python);
    }
    let step = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
        if output.status.success() { Ok(()) } else { Err(format!("{} {arguments:?}: {said}", program.display())) }
    };
    step(Path::new("python3"), &["-m", "venv", "--clear", &folder.to_string_lossy()])?;
    step(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", THRIFT])?;
    Ok(python)
}
