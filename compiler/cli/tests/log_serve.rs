//! `thriftwood log serve`: other processes publish and subscribe, and it stops when it is told to.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;

use support::{Running, assert_holds, folder, started, thriftwood};

const IDL: &str = "scope winners prefix v1.{region} { Winner: i64 }\n";
const EVENT: [&str; 4] = ["winners.frugal", "winners.Winner", "--var", "region=emea"];

/// A server in a folder, and its URL.
fn serving(folder: &Path, options: &[&str]) -> (Running, String) {
    let mut server = started(folder, &[&["log", "serve", "data", "--listen", "tcp://127.0.0.1:0"], options].concat());
    let mut line = String::new();
    BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("serving data at ");
    let url = url.unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
    (server, url)
}

fn publish(folder: &Path, url: &str, number: &str) -> support::Ran {
    thriftwood(folder, &["publish", url, EVENT[0], EVENT[1], number, EVENT[2], EVENT[3]])
}

#[test]
fn what_one_process_publishes_another_reads_and_the_server_stops_when_it_is_told_to() {
    let folder = folder(&[("winners.frugal", IDL), ("tokens", "open-sesame\n"), ("other", "abracadabra\n")]);
    let (mut server, url) = serving(folder.path(), &["--token-file", "tokens", "-o", "keep_age=7d"]);
    let with = |token: &str| format!("{url}?token_file={token}");
    for number in ["41", "42"] {
        let ran = publish(folder.path(), &with("tokens"), number);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    }
    let tail =
        ["tail", &with("tokens"), EVENT[0], EVENT[1], EVENT[2], EVENT[3], "--start", "first", "-n", "2", "--payload"];
    let ran = thriftwood(folder.path(), &tail);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "41\n42\n"), "{}", ran.err);
    let ran = publish(folder.path(), &with("other"), "43");
    assert_eq!(ran.code, Some(4));
    assert_holds(&ran.err, &["does not let this side in: the token is none of those that this server knows"]);
    let ran = thriftwood(folder.path(), &["log", "serve", "data"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &[&format!("data is held by process {}", server.0.id())]);

    let id = server.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    server.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_holds(&said, &["a client was not let in", "stopping"]);
    assert!(!said.contains("sesame") && !said.contains("abracadabra"), "{said}");
    let ran = thriftwood(folder.path(), &["log", "cat", "data", "--idl", "winners.frugal"]);
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.err);
}

#[test]
fn what_cannot_be_served_is_told() {
    let folder = folder(&[("empty", "\n")]);
    for (options, part) in [
        (&["--listen", "udp://127.0.0.1:1"][..], "is no URL of a log server; it can be log://HOST:PORT"),
        (&["--listen", "tcp://127.0.0.1"], "is no URL of a log server: it names no port"),
        (
            &["--listen", "logs://127.0.0.1:0"],
            "cannot serve at logs://127.0.0.1:0: TLS needs a certificate and its key",
        ),
        (&["--listen", "tcp://127.0.0.1:0", "--token-file", "nowhere"], "the tokens in nowhere cannot be used"),
        (&["--listen", "tcp://127.0.0.1:0", "--token-file", "empty"], "write one on a line of its own"),
        (&["--listen", "tcp://127.0.0.1:0", "-o", "keep=7d"], "which are keep_age"),
        (&["--tls-cert", "empty", "--tls-key", "empty"], "there is no certificate in empty"),
    ] {
        let ran = thriftwood(folder.path(), &[&["log", "serve", "data"], options].concat());
        assert_eq!(ran.code, Some(1), "{options:?}");
        assert_holds(&ran.err, &[part]);
    }
}
