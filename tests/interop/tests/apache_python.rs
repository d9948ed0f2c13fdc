//! Apache's generated Python reads what ours writes and writes what ours reads, in each protocol, in Python and in C.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "apache/python.rs"]
mod python;
#[macro_use]
#[path = "apache/values.rs"]
mod values;

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::process::Command;

use thriftwood::codec::Wire;
use thriftwood_interop::idl::keyless::Keyless;
use thriftwood_interop::{Binary, Compact, Json, Protocol};

#[allow(dead_code)]
mod ours {
    values!(std::convert::identity, thriftwood_interop::idl::oracle);
}

#[test]
fn values_written_by_either_are_read_equal_by_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let python = match python::generate(&dir.path().join("gen"), &["oracle", "keyless"]).and_then(|()| python::python())
    {
        Ok(python) => python,
        Err(why) => {
            return thriftwood_test_support::skipped("values_written_by_either_are_read_equal_by_the_other", &why);
        }
    };
    write_all::<Binary>(dir.path());
    write_all::<Compact>(dir.path());
    write_all::<Json>(dir.path());
    let mut program = Command::new(python);
    let output = program.arg(format!("{}/values.py", python::DATA)).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Seven values, in binary and compact by the implementations in Python and in C, but one value in C; and in JSON by Python's.
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "compared 33");
    read_all::<Binary>(dir.path());
    read_all::<Compact>(dir.path());
    read_all::<Json>(dir.path());
}

fn write_all<P: Protocol>(dir: &Path) {
    let write = |name: &str, bytes: Vec<u8>| fs::write(dir.join(format!("{name}.{}.ours", P::NAME)), bytes).unwrap();
    write("least", P::to_bytes(&ours::least()));
    write("most", P::to_bytes(&ours::most()));
    write("refused", P::to_bytes(&ours::refused()));
    write("backwards", P::to_bytes(&ours::backwards()));
    write("keyless", P::to_bytes(&keyless()));
    write("bare", P::to_bytes(&ours::bare()));
    write("rich", P::to_bytes(&ours::rich()));
}

fn read_all<P: Protocol>(dir: &Path) {
    fn read<P: Protocol, T: Wire + Debug + PartialEq>(dir: &Path, name: &str, expected: &T) {
        for implementation in ["python", "native"] {
            if implementation == "native" && (name == "keyless" || P::NAME == "json") {
                continue;
            }
            let name = format!("{name}.{}.{implementation}", P::NAME);
            let value: T = P::from_bytes(&fs::read(dir.join(&name)).unwrap().into()).unwrap();
            assert_eq!(value, *expected, "{name}");
            // Which tells the zeros of either sign apart.
            assert_eq!(P::to_bytes(&value), P::to_bytes(expected), "{name}");
        }
    }
    read::<P, _>(dir, "least", &ours::least());
    read::<P, _>(dir, "most", &ours::most());
    read::<P, _>(dir, "refused", &ours::refused());
    read::<P, _>(dir, "backwards", &ours::backwards());
    read::<P, _>(dir, "keyless", &keyless());
    read::<P, _>(dir, "bare", &ours::bare());
    read::<P, _>(dir, "rich", &ours::rich());
}

/// The value whose ids are negative, but for one.
fn keyless() -> Keyless {
    Keyless { number: -1, flag: true, large: i64::MAX, text: "\u{e9}".to_owned() }
}
