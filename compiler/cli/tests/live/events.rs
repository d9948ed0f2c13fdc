//! `thriftwood publish` and `thriftwood tail`.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;
use thriftwood_test_support::NatsServer;

use crate::shop::IDL;
use crate::support::{assert_holds, fed, folder, started, thriftwood};

#[test]
fn what_is_published_is_printed_by_whoever_tails() {
    let Some(nats) = NatsServer::start("what_is_published_is_printed_by_whoever_tails") else { return };
    let url = nats.url();
    let folder = folder(&[]);
    let mut tail = started(folder.path(), &["tail", &url, IDL, "AlbumWinners.Winner", "--count", "2"]);
    let mut said = BufReader::new(tail.0.stderr.take().expect("it is a pipe")).lines();
    let waiting = said.next().expect("it says that it waits").expect("it is text");
    assert_eq!(waiting, "AlbumWinners.Winner: waiting for events region=*");
    for region in ["emea", "apac"] {
        let variable = format!("region={region}");
        let arguments = ["publish", &url, IDL, "AlbumWinners.Winner", "-", "--var", &variable, "-H", "tenant=blue"];
        let ran = fed(folder.path(), &arguments, r#"{"asin": "B000", "tracks": [{"title": "x"}]}"#);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_holds(&ran.err, &["AlbumWinners.Winner: published in "]);
    }
    let mut out = String::new();
    tail.0.stdout.take().expect("it is a pipe").read_to_string(&mut out).expect("it is text");
    assert!(tail.0.wait().expect("it ends").success());
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let topics: Vec<&str> = lines.iter().filter_map(|line| line["topic"].as_str()).collect();
    assert_eq!(topics, ["v1.music.emea.AlbumWinners.Winner", "v1.music.apac.AlbumWinners.Winner"]);
    assert_eq!(lines[0]["headers"]["tenant"], "blue");
    let payload = r#""payload":{"asin":"B000","tracks":[{"title":"x","seconds":180}],"format":"CD"}}"#;
    assert!(out.lines().all(|line| line.ends_with(payload)), "{out}");
}

#[test]
fn a_log_is_printed_from_its_first_event_or_from_where_the_group_is() {
    let folder = folder(&[]);
    let run = |arguments: &[&str]| {
        let ran = thriftwood(folder.path(), arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out
    };
    for name in ["ann", "bob", "eve"] {
        let payload = format!("{name:?}");
        run(&["publish", "log:data", IDL, "AlbumWinners.Redraw", &payload, "--var", "region=emea"]);
    }
    let tail = ["tail", "log:data", IDL, "AlbumWinners.Redraw", "--payload"];
    let tail = |options: &[&str]| run(&[&tail[..], options].concat());
    assert_eq!(tail(&["--start", "first", "-n", "3"]), "\"ann\"\n\"bob\"\n\"eve\"\n");
    assert_eq!(tail(&["--start", "1", "-n", "1"]), "\"bob\"\n");
    assert_eq!(tail(&["--group", "mailer", "-n", "2"]), "\"ann\"\n\"bob\"\n");
    assert_eq!(tail(&["--group", "mailer", "-n", "1"]), "\"eve\"\n");
    let whole = run(&["tail", "log:data", IDL, "AlbumWinners.Redraw", "--start", "first", "-n", "1"]);
    let line: Value = serde_json::from_str(&whole).expect("a line is JSON");
    assert_eq!((&line["offset"], &line["payload"]), (&0.into(), &"ann".into()));
    let time = line["time"].as_str().expect("a log knows the time");
    let from = run(&["tail", "log:data", IDL, "AlbumWinners.Redraw", "--start", time, "-n", "1", "--payload"]);
    assert_eq!(from, "\"ann\"\n");
}

#[test]
fn a_slip_is_pointed_out_before_anything_is_connected() {
    let slips: &[(&[&str], &str)] = &[
        (
            &["publish", "kafka://here", IDL, "AlbumWinners.Winner", "{}", "--var", "region=emea"],
            "error: required field `asin` of `Album` is absent\n",
        ),
        (
            &["publish", "kafka://here", IDL, "AlbumWinners.Redraw", "\"ann\""],
            "error: the prefix of scope AlbumWinners has the variable `region`; give it with --var region=VALUE\n",
        ),
        (
            &["tail", "kafka://here", IDL, "AlbumWinners.Redraw", "--var", "regoin=emea"],
            "error: the prefix of scope AlbumWinners has no variable `regoin`; it has region\n",
        ),
        (
            &["tail", "kafka://here", IDL, "AlbumWinners.Winer"],
            "error: scope AlbumWinners has no operation `Winer`, did you mean `Winner`?\n",
        ),
        (
            &["tail", "kafka://here", IDL, "Winners.Winner"],
            "error: the file has no scope `Winners`; it has AlbumWinners\n",
        ),
    ];
    let folder = folder(&[]);
    for (arguments, said) in slips {
        let ran = thriftwood(folder.path(), arguments);
        assert_eq!((ran.code, ran.err.as_str(), ran.out.as_str()), (Some(1), *said, ""));
    }
}

#[test]
fn a_bus_without_events_says_which_have_them() {
    let folder = folder(&[]);
    let publish = ["publish", "tcp://127.0.0.1:1", IDL, "AlbumWinners.Redraw", "\"ann\"", "--var", "region=emea"];
    for arguments in [&publish[..], &["tail", "tcp://127.0.0.1:1", IDL, "AlbumWinners.Redraw"]] {
        let ran = thriftwood(folder.path(), arguments);
        assert_eq!(ran.code, Some(4), "{}", ran.err);
        assert_holds(&ran.err, &["error: ", "nats://", "log:"]);
    }
}
