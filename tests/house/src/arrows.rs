//! Arrows run one way: which of our crates may use which, and which words a folder must be free of.

use std::path::Path;

use toml::{Table, Value};

use crate::tree::{self, File};

/// A folder, and those of our crates that it may depend on. Tests and examples may use anything, and nothing uses them.
///
/// Only what ships counts: a dev-dependency may point anywhere, since the compiler's tests have to compile what it emits.
const ARROWS: &[(&str, &[&str])] = &[
    ("compiler/cli", &["thriftwood", "thriftwood-build", "thriftwood-idl", "thriftwood-log"]),
    ("compiler/codegen", &["thriftwood-idl"]),
    ("compiler/idl", &[]),
    ("runtime/core", &[]),
    ("runtime/resilience", &["thriftwood-core"]),
    (
        "runtime/sdk",
        &[
            "thriftwood-core",
            "thriftwood-http",
            "thriftwood-log",
            "thriftwood-nats",
            "thriftwood-resilience",
            "thriftwood-tcp",
            "thriftwood-telemetry",
        ],
    ),
    ("runtime/telemetry", &["thriftwood-core"]),
    ("transports/http", &["thriftwood-core", "thriftwood-socket", "thriftwood-tls"]),
    ("transports/log", &["thriftwood-core", "thriftwood-socket", "thriftwood-tls"]),
    ("transports/socket", &["thriftwood-core", "thriftwood-tls"]),
    ("transports/tcp", &["thriftwood-core", "thriftwood-socket", "thriftwood-tls"]),
    ("transports", &["thriftwood-core"]),
];

/// Something that must be absent from the code of a folder.
struct Absent {
    folder: &'static str,
    /// The one folder below it where it may be.
    except: Option<&'static str>,
    name: &'static str,
    why: &'static str,
}

const SANS_IO: &str = "a session takes bytes and time as arguments, its driver owns sockets and clocks";
const NO_IO: &str = "the core opens no socket and no file, that is what transports are for";
const TELEMETRY: &str = "only runtime/telemetry names OpenTelemetry's types";

const ABSENT: &[Absent] = &[
    absent("runtime/core/src/session", "tokio", SANS_IO),
    absent("runtime/core/src/session", "Instant::now", SANS_IO),
    absent("runtime/core/src/session", "SystemTime::now", SANS_IO),
    absent("runtime/core/src/session", "std::thread", SANS_IO),
    absent("runtime/core/src", "std::fs", NO_IO),
    absent("runtime/core/src", "std::net", NO_IO),
    absent("runtime/core/src", "tokio::fs", NO_IO),
    absent("runtime/core/src", "tokio::net", NO_IO),
    absent(
        "transports/log/src/store",
        "thriftwood_core",
        "the store is a log of bytes, it knows no calls and no events",
    ),
    absent("compiler", "opentelemetry", TELEMETRY),
    absent("transports", "opentelemetry", TELEMETRY),
    Absent { folder: "runtime", except: Some("runtime/telemetry"), name: "opentelemetry", why: TELEMETRY },
];

const fn absent(folder: &'static str, name: &'static str, why: &'static str) -> Absent {
    Absent { folder, except: None, name, why }
}

/// Every arrow that runs the wrong way.
pub fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in tree::files(root, &["Cargo.toml"]) {
        if let Some(folder) = manifest.path.strip_suffix("/Cargo.toml") {
            findings.extend(wrong_dependencies(folder, &manifest.text));
        }
    }
    for file in tree::files(root, &[".rs"]) {
        findings.extend(wrong_names(&file));
    }
    findings
}

/// The dependencies of the crate in `folder` that it must not have.
pub fn wrong_dependencies(folder: &str, manifest: &str) -> Vec<String> {
    if folder.starts_with("tests/") || folder == "idl-examples" {
        return Vec::new();
    }
    let manifest: Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{folder}/Cargo.toml: is not TOML: {error}")],
    };
    let row = ARROWS.iter().find(|(of, _)| folder == *of || folder.starts_with(&format!("{of}/")));
    let Some((_, allowed)) = row else {
        return vec![format!(
            "{folder}/Cargo.toml: no arrows are declared for this crate; add it to tests/house/src/arrows.rs"
        )];
    };
    shipped(&manifest)
        .into_iter()
        .filter(|name| is_ours(name) && !allowed.contains(&name.as_str()))
        .map(|name| {
            let may = if allowed.is_empty() { "none of our crates".to_owned() } else { allowed.join(", ") };
            format!("{folder}/Cargo.toml: depends on {name}, against the arrows; it may depend on {may}")
        })
        .collect()
}

/// The names in the file that must be absent from its folder.
pub fn wrong_names(file: &File) -> Vec<String> {
    let rules = ABSENT.iter().filter(|rule| {
        file.is_below(rule.folder) && !rule.except.is_some_and(|folder| file.is_below(folder)) && !file.is_golden()
    });
    let code = code(&file.text);
    let imports = imports(&code);
    rules
        .filter(|rule| {
            let imported = imports.iter().any(|import| mentions(import, rule.name));
            imported || mentions(&code, rule.name)
        })
        .map(|rule| format!("{}: names `{}`; {}", file.path, rule.name, rule.why))
        .collect()
}

fn is_ours(name: &str) -> bool {
    name == "thriftwood" || name.starts_with("thriftwood-")
}

/// The packages that a crate is built with, for whatever system, by their own names.
fn shipped(manifest: &Table) -> Vec<String> {
    let of_any_system = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = of_any_system.filter_map(Value::as_table).chain([manifest]);
    tables
        .flat_map(|table| ["dependencies", "build-dependencies"].into_iter().filter_map(|section| table.get(section)))
        .filter_map(Value::as_table)
        .flatten()
        .map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

/// A file without its comments and without its tests, which stand at its end.
fn code(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// Whether a path or word occurs, not as the end of a longer word.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Every `use` as full paths, so that `use std::{fs, io}` is seen to name `std::fs`.
fn imports(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let starts_a_statement = code[..at].trim_end_matches(' ').ends_with(['\n', ')', '}']) || at == 0;
        let is_public = code[..at].ends_with("pub ");
        if !starts_a_statement && !is_public {
            continue;
        }
        if let Some((statement, _)) = code[at + 4..].split_once(';') {
            let statement: String = statement.chars().filter(|c| !c.is_whitespace()).collect();
            expand("", &statement, &mut paths);
        }
    }
    paths
}

/// Writes out the braces of a `use` path.
fn expand(prefix: &str, path: &str, paths: &mut Vec<String>) {
    let Some((stem, group)) = path.split_once('{') else {
        paths.push(format!("{prefix}{path}"));
        return;
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&format!("{prefix}{stem}"), &group[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_dependency_along_the_arrows_passes() {
        let manifest = "[dependencies]\nbytes = \"1\"\nthriftwood-core.workspace = true";
        assert_eq!(wrong_dependencies("transports/nats", manifest), Vec::<String>::new());
    }

    #[test]
    fn a_dependency_against_the_arrows_is_found_in_every_section() {
        for section in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            let manifest = format!("[{section}]\nthriftwood-nats.workspace = true");
            let [finding] = &wrong_dependencies("runtime/core", &manifest)[..] else { panic!("{section} passes") };
            assert!(finding.contains("depends on thriftwood-nats"), "{finding}");
        }
    }

    #[test]
    fn a_renamed_dependency_is_known_by_its_package() {
        let manifest = "[dependencies]\nbus = { package = \"thriftwood\", path = \"../sdk\" }";
        assert_eq!(wrong_dependencies("transports/log", manifest).len(), 1);
    }

    #[test]
    fn a_test_may_depend_on_anything() {
        let manifest = "[dev-dependencies]\nthriftwood.workspace = true";
        assert_eq!(wrong_dependencies("compiler/codegen", manifest), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_arrows_is_found() {
        assert_eq!(wrong_dependencies("runtime/extra", "[dependencies]").len(), 1);
    }

    #[test]
    fn a_clock_in_a_session_is_found() {
        let found = wrong_names(&file("runtime/core/src/session/client.rs", "let now = std::time::Instant::now();"));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn an_import_in_braces_is_found() {
        let text = "//! A room.\n\nuse std::{\n    collections::{BTreeMap, HashMap},\n    fs,\n};\n";
        let found = wrong_names(&file("runtime/core/src/frame/mod.rs", text));
        assert!(found.len() == 1 && found[0].contains("`std::fs`"), "{found:?}");
    }

    #[test]
    fn comments_tests_and_other_folders_may_name_it() {
        let text = "//! Without tokio.\nfn f() {}\n\n#[cfg(test)]\nmod tests { use tokio::time; }\n";
        assert_eq!(wrong_names(&file("runtime/core/src/session/mod.rs", text)), Vec::<String>::new());
        assert_eq!(wrong_names(&file("runtime/core/src/memory/hub.rs", "use tokio::sync;")), Vec::<String>::new());
    }

    #[test]
    fn the_store_that_knows_calls_is_found() {
        assert_eq!(wrong_names(&file("transports/log/src/store/mod.rs", "use thriftwood_core::Error;")).len(), 1);
        assert_eq!(wrong_names(&file("transports/log/src/client.rs", "use thriftwood_core::Error;")).len(), 0);
    }

    #[test]
    fn opentelemetry_is_found_outside_of_telemetry() {
        assert_eq!(wrong_names(&file("runtime/sdk/src/lib.rs", "pub use opentelemetry::trace;")).len(), 1);
        assert_eq!(wrong_names(&file("runtime/telemetry/src/lib.rs", "pub use opentelemetry::trace;")).len(), 0);
    }
}
