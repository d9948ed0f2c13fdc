//! What `thriftwood fmt` does to files, and what it leaves alone.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

mod support;

use std::fs;
use std::time::{Duration, SystemTime};

use support::{assert_holds, fed, folder, read, thriftwood};

const LOOSE: &str = "struct Album{1:string asin // its number\n}\n";
const NEAT: &str = "struct Album {\n    1: string asin, // its number\n}\n";

#[test]
fn files_are_formatted_in_place_and_a_second_time_left_alone() {
    let folder = folder(&[("a.frugal", LOOSE), ("idl/b.thrift", LOOSE)]);
    let ran = thriftwood(folder.path(), &["fmt", "a.frugal", "idl/b.thrift"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
    assert_eq!((read(&folder, "a.frugal").as_str(), read(&folder, "idl/b.thrift").as_str()), (NEAT, NEAT));

    let file = fs::File::options().write(true).open(folder.path().join("a.frugal")).expect("the file is there");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(old).expect("its time is set");
    assert_eq!(thriftwood(folder.path(), &["fmt", "a.frugal"]).code, Some(0));
    let modified = fs::metadata(folder.path().join("a.frugal")).and_then(|found| found.modified());
    assert_eq!(modified.expect("it has a time"), old, "a formatted file was written again");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 2, "something was left behind");
}

#[test]
fn check_names_what_would_change_shows_how_and_changes_nothing() {
    let folder = folder(&[("loose.frugal", LOOSE), ("neat.frugal", NEAT)]);
    let ran = thriftwood(folder.path(), &["fmt", "--check", "neat.frugal", "loose.frugal"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "loose.frugal is not formatted\n"));
    let diff = "--- loose.frugal\n+++ loose.frugal (formatted)\n@@ -1,2 +1,3 @@\n-struct Album{1:string asin // its number\n\
                +struct Album {\n+    1: string asin, // its number\n }\n";
    assert_eq!(ran.out, diff);
    assert_eq!(read(&folder, "loose.frugal"), LOOSE);
    let ran = thriftwood(folder.path(), &["fmt", "--check", "neat.frugal"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
}

#[test]
fn a_dash_stands_for_standard_input_and_output() {
    let folder = folder(&[]);
    let ran = fed(folder.path(), &["fmt", "-"], LOOSE);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), NEAT, ""));
    let ran = fed(folder.path(), &["fmt", "--check", "-"], LOOSE);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "<stdin> is not formatted\n"));
    let ran = fed(folder.path(), &["fmt", "-"], "struct {");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert_holds(&ran.err, &["error[E0001]", "<stdin>:1:"]);
}

#[test]
fn a_file_that_cannot_be_read_as_idl_stays_as_it_is_and_the_others_are_formatted() {
    let folder = folder(&[("bad.frugal", "struct Album {\n    1 string asin\n}\n"), ("a.frugal", LOOSE)]);
    fs::write(folder.path().join("latin.frugal"), b"// caf\xe9\nstruct  A {}\n").expect("the file is written");
    let ran = thriftwood(folder.path(), &["fmt", "bad.frugal", "latin.frugal", "nowhere.frugal", "a.frugal"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["error[E0001]", "bad.frugal:2:", "latin.frugal: not UTF-8 at byte 6", "nowhere.frugal: "]);
    assert_eq!(read(&folder, "bad.frugal"), "struct Album {\n    1 string asin\n}\n");
    assert_eq!(fs::read(folder.path().join("latin.frugal")).expect("it is there"), b"// caf\xe9\nstruct  A {}\n");
    assert_eq!(read(&folder, "a.frugal"), NEAT);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_outlast_it_and_a_read_only_file_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder(&[("shared/a.frugal", LOOSE), ("locked.frugal", LOOSE)]);
    let within = |name: &str| folder.path().join(name);
    fs::set_permissions(within("shared/a.frugal"), PermissionsExt::from_mode(0o640)).expect("it is set");
    fs::set_permissions(within("locked.frugal"), PermissionsExt::from_mode(0o444)).expect("it is set");
    symlink("shared/a.frugal", within("link.frugal")).expect("the link is made");
    let ran = thriftwood(folder.path(), &["fmt", "link.frugal", "locked.frugal"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["locked.frugal: cannot write it", "read-only"]);
    assert_eq!(read(&folder, "locked.frugal"), LOOSE);
    assert!(fs::symlink_metadata(within("link.frugal")).expect("it is there").is_symlink());
    assert_eq!(read(&folder, "shared/a.frugal"), NEAT);
    let mode = fs::metadata(within("shared/a.frugal")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}
