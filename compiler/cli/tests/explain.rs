//! What `thriftwood explain` says of a code, and how it lists them.

mod support;

use support::{assert_holds, folder, thriftwood};

#[test]
fn a_code_is_explained_by_its_page() {
    let folder = folder(&[]);
    for name in ["E0012", "e0012"] {
        let ran = thriftwood(folder.path(), &["explain", name]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert_holds(&ran.out, &["# E0012: ", "## Why", "## Example", "## Instead", "```thrift"]);
    }
    let by_lint = thriftwood(folder.path(), &["explain", "enum-numbering"]).out;
    assert_eq!(by_lint, thriftwood(folder.path(), &["explain", "W0001"]).out);
}

#[test]
fn without_a_code_all_are_listed_one_on_a_line() {
    let folder = folder(&[]);
    let ran = thriftwood(folder.path(), &["explain"]);
    assert_eq!(ran.code, Some(0));
    assert_holds(&ran.out, &["E0001  The text is not IDL.\n", "W0001  enum-numbering    An enum whose numbers "]);
    for line in ran.out.lines() {
        let code = line.split(' ').next().unwrap_or_default();
        assert_eq!(thriftwood(folder.path(), &["explain", code]).code, Some(0), "{line}");
    }
}

#[test]
fn a_code_there_is_not_is_refused() {
    let folder = folder(&[]);
    let ran = thriftwood(folder.path(), &["explain", "E9999"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert_holds(&ran.err, &["there is no code or lint `E9999`", "`thriftwood explain` lists them"]);
}
