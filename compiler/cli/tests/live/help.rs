//! What the commands say of themselves is what is kept in `golden/`. `THRIFTWOOD_BLESS=1` writes the files anew.

use std::path::{Path, PathBuf};

use crate::support::{folder, thriftwood};

const COMMANDS: [&str; 4] = ["call", "bench", "publish", "tail"];

fn golden(command: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{command}.txt"))
}

/// What `docs/calling.md` says is there is there, and what is there it says.
#[test]
fn the_page_has_every_option() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/calling.md"));
    let page = page.expect("the page is there");
    let mut options = Vec::new();
    for command in COMMANDS {
        let help = std::fs::read_to_string(golden(command)).expect("the help is kept");
        let long = help.split_whitespace().filter(|word| word.starts_with("--"));
        options.extend(long.map(|word| word.trim_end_matches([',', '.', ':']).to_owned()));
    }
    // Those of every command that reads IDL, and clap's own.
    options.retain(|option| !["--help", "--include-dir", "--dialect"].contains(&option.as_str()));
    for option in &options {
        assert!(page.contains(option.as_str()), "{option} is not in docs/calling.md");
    }
    let page = page.replace("cargo run --example", "");
    let named = page.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).filter(|word| word.starts_with("--"));
    for option in named.filter(|word| word.len() > 2 && !word.starts_with("---")) {
        assert!(options.iter().any(|known| known == option), "no command has {option}, which docs/calling.md names");
    }
}

#[test]
fn the_help_of_each_command_is_as_kept() {
    let folder = folder(&[]);
    for command in COMMANDS {
        let ran = thriftwood(folder.path(), &[command, "--help"]);
        assert_eq!(ran.code, Some(0));
        let kept = golden(command);
        if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
            std::fs::write(kept, ran.out).expect("the golden file is written");
            continue;
        }
        assert_eq!(
            ran.out,
            std::fs::read_to_string(kept).unwrap_or_default(),
            "{command}; THRIFTWOOD_BLESS=1 writes it anew"
        );
    }
}
