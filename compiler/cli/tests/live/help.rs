//! What the commands say of themselves is what is kept in `golden/`. `THRIFTWOOD_BLESS=1` writes the files anew.

use std::path::Path;

use crate::support::{folder, thriftwood};

#[test]
fn the_help_of_each_command_is_as_kept() {
    let folder = folder(&[]);
    for command in ["call", "bench", "publish", "tail"] {
        let ran = thriftwood(folder.path(), &[command, "--help"]);
        assert_eq!(ran.code, Some(0));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{command}.txt"));
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
