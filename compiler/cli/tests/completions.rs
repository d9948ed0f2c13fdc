//! The scripts `thriftwood completions` writes for shells.

mod support;

use support::{assert_holds, folder, thriftwood};

#[test]
fn every_shell_has_a_script_that_knows_the_commands() {
    let folder = folder(&[]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = thriftwood(folder.path(), &["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        assert_holds(&ran.out, &["thriftwood", "check", "fmt", "explain", "include-dir"]);
    }
    assert_eq!(thriftwood(folder.path(), &["completions", "csh"]).code, Some(2));
}

/// Bash itself reads the script and completes with it.
#[cfg(unix)]
#[test]
fn bash_completes_a_command() {
    let folder = folder(&[]);
    let script = thriftwood(folder.path(), &["completions", "bash"]).out;
    let ask = "\nCOMP_WORDS=(thriftwood exp); COMP_CWORD=1; _thriftwood thriftwood exp thriftwood; echo \"${COMPREPLY[@]}\"\n";
    let Some(answer) = support::bash(&(script + ask)) else {
        println!("SKIPPED bash completion: no bash on this machine");
        return;
    };
    assert_eq!(answer.trim_end(), "explain");
}
