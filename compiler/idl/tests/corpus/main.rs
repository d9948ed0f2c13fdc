//! Real IDL files of many projects, with the verdicts of the real compilers: what Apache Thrift 0.17 accepts, and what
//! Frugal 3.17.9 accepts of its own files, is accepted here.
//!
//! The files are others' and not part of this repository. Where they are not there the test says so and does nothing.

mod cases;
mod rejected;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cases::cases;
use support::assert_sound;
use thriftwood_idl::diagnostics::Style;

/// Files that a peer accepts and Thriftwood does not, and why not.
const REJECTED_FOR_A_REASON: &[(&str, &str)] = &[
    ("Workiva+frugal/compiler/testdata/idl/duplicate_methods.frugal", "`ping` and `Ping` are one method on the wire"),
    ("twitter+elephant-bird/core/src/test/thrift/DebugProtoTest.thrift", "200 is no `byte`, 33000 no `i16`"),
];

/// Files that both peers reject and Thriftwood accepts, and why it can.
const ACCEPTED_FOR_A_REASON: &[(&str, &str)] = &[
    (
        "Thriftpy+thriftpy2/tests/parser-cases/value_ref.thrift",
        "`include` followed by `;` and lists within maps are clear",
    ),
    ("Workiva+frugal/compiler/testdata/idl/bad_namespace.frugal", "`vendor` means nothing to Rust"),
    (
        "Workiva+frugal@history/examples/go/vendor/git.apache.org/thrift.git/test/AnnotationTest.thrift",
        "`senum`, which older Thrifts had, is read as `string`",
    ),
    (
        "Workiva+frugal@history/examples/go/vendor/git.apache.org/thrift.git/test/SmallTest.thrift",
        "`senum`, which older Thrifts had, is read as `string`",
    ),
    ("apache+thrift/lib/delphi/test/serializer/SimpleException.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/go/test/EqualsTest.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/java/src/test/resources/JavaDeepCopyTest.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/java/src/test/resources/JavaTypes.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/php/test/Resources/ThriftTest.thrift", "`uuid`, which newer Thrifts have"),
    (
        "apache+thrift/lib/py/test/test_compiler/Thrift5927.thrift",
        "words that other languages reserve are names like any other",
    ),
    ("apache+thrift/lib/rb/spec/ThriftSpec.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/rs/test/thrifts/Base_One.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/rs/test/thrifts/Midlayer.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/lib/rs/test/thrifts/Ultimate.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/test/ConstantsDemo.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/test/DebugProtoTest.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/test/FuzzTest.thrift", "`uuid`, which newer Thrifts have"),
    ("apache+thrift/test/NameConflictTest.thrift", "the names of newer base types are names like any other"),
    ("apache+thrift/test/ThriftTest.thrift", "`uuid`, which newer Thrifts have"),
    (
        "cloudwego+thriftgo/tests/options/cases/param_name_conflict/a.thrift",
        "words that other languages reserve are names like any other",
    ),
    ("cloudwego+thriftgo/tool/trimmer/test_cases/sample1.thrift", "annotations of namespaces and constants"),
    (
        "cloudwego+thriftgo/tool/trimmer/test_cases/tests/dir/dir2/test.thrift",
        "annotations of namespaces and constants",
    ),
    ("cloudwego+thriftgo/tool/trimmer/test_cases/tests/example2.thrift", "annotations of namespaces and constants"),
    ("microsoft+thrifty/thrifty-compiler/TestThrift.thrift", "a constant may stand before its type"),
    (
        "microsoft+thrifty/thrifty-integration-tests/ClientThriftTest.thrift",
        "an enum's value may be named without the enum",
    ),
    (
        "microsoft+thrifty/thrifty-integration-tests/CoroutineClientTest.thrift",
        "an enum's value may be named without the enum",
    ),
    ("microsoft+thrifty/thrifty-runtime/ClientThriftTest.thrift", "an enum's value may be named without the enum"),
];

#[test]
fn what_the_peers_accept_is_accepted() {
    let Some(cases) = cases() else {
        println!("SKIPPED corpus: no ../shared/corpus beside the workspace; it is never required, not in CI either");
        return;
    };
    let mut table: BTreeMap<(&str, &str), [usize; 2]> = BTreeMap::new();
    let mut failures = String::new();
    for case in cases {
        let compilation = case.compile();
        let accepted = compilation.model.is_some();
        compilation.model.iter().for_each(assert_sound);
        let word = |accepts: bool| if accepts { "accepts" } else { "rejects" };
        table.entry((word(case.thrift), word(case.frugal))).or_default()[usize::from(!accepted)] += 1;
        let excuse = |list: &[(&str, &str)]| list.iter().any(|(path, _)| *path == case.path);
        let both_reject = !case.thrift && !case.frugal;
        let wrong = match accepted {
            false => case.must_be_accepted() && !excuse(REJECTED_FOR_A_REASON),
            true => both_reject && !excuse(ACCEPTED_FOR_A_REASON),
        };
        if wrong {
            writeln!(failures, "{}: Thriftwood {} it", case.path, word(accepted)).unwrap();
            for error in compilation.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).take(2) {
                writeln!(failures, "{}\n", error.render(&compilation.sources, Style::Plain)).unwrap();
            }
        }
    }
    println!("{:<10} {:<10} {:>20} {:>20}", "Thrift", "Frugal", "Thriftwood accepts", "Thriftwood rejects");
    for ((thrift, frugal), [accepted, rejected]) in table {
        println!("{thrift:<10} {frugal:<10} {accepted:>20} {rejected:>20}");
    }
    assert!(failures.is_empty(), "{failures}");
}
