//! `thriftwood log`: what it shows of a log, and what it does to one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use support::{assert_holds, fed, folder, read, thriftwood, unheard};
use thriftwood::codec::{Message, MessageType, Wire};
use thriftwood::frame::FrameBuilder;
use thriftwood_log::store::{Batch, Durability, Entry, Group, GroupOptions, Log, LogOptions};

/// A log in `data` with so many records, a group that has read 3 of them, and one record that is an event.
fn filled(dir: &Path, records: u64) {
    let mut options = LogOptions::default();
    options.segment_bytes = 2_000;
    let log = Log::open(dir.join("data/streams/v1.{}.Winners"), options).unwrap();
    for n in 0..records {
        let value = format!("value {n}, {}", "x".repeat(100));
        let headers: [(&str, &[u8]); 1] = [("topic", b"v1.emea.Winners.Winner")];
        let key = format!("k{}", n % 3);
        let batch = Batch::of(&[Entry::of(value.as_bytes()).key(key.as_bytes()).headers(&headers)]).unwrap();
        log.append_blocking(batch, Durability::Durable).unwrap();
    }
    let mut frame = FrameBuilder::new();
    frame.header("_cid", "1");
    let event =
        frame.message(Message { name: "Winner", kind: MessageType::Call, sequence: 0 }, |w| 42_i64.encode(w)).unwrap();
    let headers: [(&str, &[u8]); 1] = [("topic", b"v1.emea.Winners.Winner")];
    let batch = Batch::of(&[Entry::of(&event).headers(&headers)]).unwrap();
    log.append_blocking(batch, Durability::Durable).unwrap();
    let group = Group::open(&log, log.dir().join("groups/mailer/v1.emea.Winners"), GroupOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut member = group.member();
        for _ in 0..3 {
            member.next().await.unwrap().unwrap().ack().await.unwrap();
        }
    });
    group.close_blocking().unwrap();
    log.close_blocking().unwrap();
}

const STREAM: &str = "data/streams/v1.{}.Winners";

#[test]
fn a_log_tells_how_long_it_is_kept() {
    let folder = folder(&[]);
    filled(folder.path(), 5);
    let info = || {
        let ran = thriftwood(folder.path(), &["log", "info", STREAM]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out
    };
    assert_holds(
        &info(),
        &["kept      unknown: data/settings is written by the next process that opens the directory\n"],
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = folder.path().join("data");
    let by = "set by    the last process that opened the directory, by its URL or configuration\n";
    for (options, said) in [
        (
            "",
            "kept      for ever (no keep_age, keep_bytes or keep_records)\n\
             publish   waits for the disk (durability=durable)\n\
             deadline  none: an event stays with its subscriber for as long as that lives\n\
             attempts  no limit: an event comes again until it is handled (max_attempts)\n",
        ),
        ("?keep_records=7", "kept      up to 7 events of each stream (keep_records)\n"),
        (
            "?keep_age=7d&keep_bytes=10GiB&max_attempts=5&deadline=30s&durability=buffered",
            "kept      for 7days or up to 10.0 GiB of each stream, whichever comes first (keep_age, keep_bytes)\n\
             publish   waits for the system, and not for the disk (durability=buffered)\n\
             deadline  30s: an event that is not acknowledged by then goes to another of the group\n\
             attempts  5 at most: then an event becomes a dead letter of its group (max_attempts)\n",
        ),
    ] {
        let url = format!("log:{}{options}", dir.display());
        let bus = runtime.block_on(thriftwood::connect(&url)).unwrap();
        assert_holds(&info(), &[said, by]);
        runtime.block_on(bus.close()).unwrap();
        assert_holds(&info(), &[said, by]);
    }
    let position = thriftwood(folder.path(), &["log", "info", &format!("{STREAM}/groups")]);
    assert!(position.code == Some(0) && !position.out.contains("kept"), "a position is kept as long as it is needed");
}

/// Whatever only looks, or changes what is there: a slip in the directory's name is said, with what to do, and leaves nothing behind.
#[test]
fn a_directory_that_is_not_there_is_named_and_not_made() {
    let folder = folder(&[("music.frugal", "scope Winners prefix v1.{region} { Winner: i64 }"), ("file", "")]);
    let commands: [&[&str]; 14] = [
        &["tail", "log:daat", "music.frugal", "Winners.Winner", "-n", "1"],
        &["log", "ls", "daat"],
        &["log", "info", "daat"],
        &["log", "cat", "daat"],
        &["log", "tail", "daat"],
        &["log", "tail", "-f", "daat"],
        &["log", "verify", "daat"],
        &["log", "repair", "daat"],
        &["log", "groups", "daat"],
        &["log", "seek", "daat", "mailer", "--to", "first"],
        &["log", "trim", "daat", "--keep-records", "1"],
        &["log", "compact", "daat"],
        &["log", "ui", "daat", "--listen", "127.0.0.1:0"],
        &["log", "export", "daat", "out.jsonl"],
    ];
    for command in commands {
        let ran = thriftwood(folder.path(), command);
        let code = if command[0] == "tail" { 4 } else { 1 };
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{command:?}: {}", ran.err);
        assert_holds(&ran.err, &["error: ", "there is no directory daat", "thriftwood log serve"]);
        let file: Vec<String> = command.iter().map(|word| word.replace("daat", "file")).collect();
        let ran = thriftwood(folder.path(), &file.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ran.code, Some(code), "{command:?}: {}", ran.err);
        assert_holds(&ran.err, &["file is a file; name the directory"]);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn logs_are_listed_with_their_segments_and_groups() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "ls", "data"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["streams/v1.{}.Winners\n", "groups/mailer/v1.emea.Winners\n", "41"]);
    let ran = thriftwood(folder.path(), &["log", "info", STREAM]);
    assert_holds(&ran.out, &["offsets   0 to 41, 41 of them", "segments", "yes", "mailer/v1.emea.Winners"]);
    let ran = thriftwood(folder.path(), &["log", "groups", STREAM]);
    let line = ran.out.lines().nth(1).unwrap();
    let columns: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(columns, ["3", "38", "0", "0", "mailer/v1.emea.Winners"]);
}

#[test]
fn records_are_printed_from_a_place_filtered_and_as_json() {
    let folder = folder(&[("winners.frugal", "scope winners prefix v1.{region} { Winner: i64 }\n")]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "cat", STREAM, "--from", "30", "-n", "2"]);
    let offsets: Vec<&str> = ran.out.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(offsets, ["30", "31"]);
    let ran = thriftwood(folder.path(), &["log", "cat", STREAM, "--key", "k1", "--topic", "v1.emea.Winners.Winner"]);
    assert_eq!(ran.out.lines().count(), 13);
    let ran = thriftwood(folder.path(), &["log", "cat", STREAM, "--header", "nothing"]);
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(0)));
    let ran = thriftwood(folder.path(), &["log", "tail", STREAM, "-n", "1", "--idl", "winners.frugal"]);
    assert!(ran.out.trim_end().ends_with("v1.emea.Winners.Winner  {\"Winner\":42}"), "{}", ran.out);
    let ran = thriftwood(folder.path(), &["log", "tail", STREAM, "-n", "3", "--json"]);
    assert_eq!(ran.out.lines().count(), 3);
    assert_holds(
        &ran.out,
        &["{\"offset\":39,", "\"key\":\"k0\"", "\"headers\":{\"topic\":\"v1.emea.Winners.Winner\"}"],
    );
    let ran = thriftwood(folder.path(), &["log", "cat", "data"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["there are several logs in data; name one:", STREAM]);
}

#[test]
fn damage_is_found_by_verify_given_up_by_repair_and_then_known() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "verify", "data"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_holds(&ran.out, &["41 records"]);
    let segment = folder.path().join(STREAM).join("00000000000000000000.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(unheard(folder.path(), &["log", "verify", "data"]), Some(1));
    let ran = thriftwood(folder.path(), &["log", "verify", "data"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.out, &["40 records", "offsets 0 to 0: CANNOT BE READ"]);
    assert_eq!(thriftwood(folder.path(), &["log", "cat", STREAM]).code, Some(1));
    // The damage comes before what nobody reads.
    assert_eq!(unheard(folder.path(), &["log", "cat", STREAM]), Some(1));
    let ran = thriftwood(folder.path(), &["log", "repair", "data"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["gave up offsets 0 to 0", "nothing to repair"]);
    let ran = thriftwood(folder.path(), &["log", "verify", "data"]);
    assert_eq!(ran.code, Some(0));
    assert_holds(&ran.out, &["was given up"]);
    assert_eq!(thriftwood(folder.path(), &["log", "cat", STREAM]).code, Some(0));
}

#[test]
fn a_group_is_moved_and_a_log_that_is_open_is_left_alone() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let seek = |to: &str| thriftwood(folder.path(), &["log", "seek", STREAM, "mailer/v1.emea.Winners", "--to", to]);
    let ran = seek("20");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["from 3 to 20, 21 behind"]);
    assert_holds(&seek("1h").out, &["from 20 to 0, 41 behind"]);
    assert_holds(&seek("yesterday").err, &["it is none of `first`, `next`, an offset"]);
    assert_holds(
        &thriftwood(folder.path(), &["log", "seek", STREAM, "mailer", "--to", "20"]).out,
        &["mailer/v1.emea.Winners: from 0 to 20"],
    );
    let ran = thriftwood(folder.path(), &["log", "seek", STREAM, "males", "--to", "first"]);
    assert_holds(&ran.err, &["has no group \"males\"; it has mailer/v1.emea.Winners"]);
    let log = Log::open(folder.path().join(STREAM), LogOptions::default()).unwrap();
    let ran = seek("first");
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["is held by process"]);
    drop(log);
}

#[test]
fn a_log_is_compacted_by_key() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "compact", STREAM]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["removed 37 records", "freed"]);
    let ran = thriftwood(folder.path(), &["log", "cat", STREAM]);
    let offsets: Vec<&str> = ran.out.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(offsets, ["37", "38", "39", "40"], "the last of three keys, and one without");
    let ran = thriftwood(folder.path(), &["log", "compact", STREAM]);
    assert_holds(&ran.out, &["removed 0 records"]);
    assert_eq!(thriftwood(folder.path(), &["log", "verify", "data"]).code, Some(0));
}

#[test]
fn a_log_is_trimmed() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "trim", STREAM, "--before", "30"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["removed ", " are left"]);
    let ran = thriftwood(folder.path(), &["log", "trim", STREAM, "--keep-records", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let left = thriftwood(folder.path(), &["log", "cat", STREAM]).out.lines().count();
    assert!((1..20).contains(&left), "{left}");
    assert_eq!(thriftwood(folder.path(), &["log", "trim", STREAM]).code, Some(2), "a limit has to be given");
}

#[test]
fn what_was_exported_and_imported_is_the_same() {
    let folder = folder(&[]);
    filled(folder.path(), 40);
    let ran = thriftwood(folder.path(), &["log", "export", STREAM, "all.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let exported = read(&folder, "all.jsonl");
    assert_eq!(exported.lines().count(), 41);
    assert_holds(&exported, &["{\"base64\":"]);
    let ran = thriftwood(folder.path(), &["log", "import", "copy", "all.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["41 records from offset 0 on"]);
    let copied = thriftwood(folder.path(), &["log", "export", "copy"]).out;
    let without_time = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| {
                line.split("\"time\"").map(|part| part.split_once("Z\"").map_or(part, |(_, rest)| rest)).collect()
            })
            .collect()
    };
    assert_eq!(without_time(&copied), without_time(&exported));
    let ran = fed(folder.path(), &["log", "import", "copy"], "{\"value\":\"good\"}\nnonsense\n");
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["line 2 is no record; 0 records before it were stored"]);
}

/// As the guide has them: 0 when it is done, 1 when something failed or is damaged, 2 when the words are wrong.
#[test]
fn what_cannot_be_done_is_said_and_the_exit_code_tells_it() {
    let folder = folder(&[("empty/nothing", ""), ("bad.frugal", "struct {"), ("text.jsonl", "no record\n")]);
    filled(folder.path(), 5);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["ls", "nowhere"], 1, "there is no directory nowhere"),
        (&["ls", "empty"], 0, "there is no log in empty"),
        (&["info", "empty"], 1, "there is no log in empty"),
        (&["groups", "empty"], 1, "there is no log in empty"),
        (&["verify", "empty"], 1, "there is no log in empty"),
        (&["repair", "empty"], 1, "there is no log in empty"),
        (&["compact", "empty"], 1, "there is no log in empty"),
        (&["cat", STREAM, "--from", "yesterday"], 2, "it is none of `first`"),
        (&["cat", STREAM, "--from", "99"], 0, "the log ends before offset 6"),
        (&["cat", STREAM, "--idl", "bad.frugal"], 1, "bad.frugal cannot be read as IDL"),
        (&["cat", STREAM, "--idl", "none.frugal"], 1, "there is no such file"),
        (&["seek", STREAM, "nobody", "--to", "first"], 1, "has no group \"nobody\"; it has mailer/v1.emea.Winners"),
        (&["seek", STREAM, "mailer", "--to", "soon"], 2, "it is none of `first`"),
        (&["trim", STREAM], 2, "--keep-age"),
        (&["trim", STREAM, "--keep-age", "1x"], 2, "unknown time unit"),
        (&["export", STREAM, "nowhere/all.jsonl"], 1, "nowhere/all.jsonl: No such file"),
        (&["export", STREAM, "all.jsonl", "--to", "memory:"], 2, "cannot be used with"),
        (&["export", STREAM, "--to", "nats://127.0.0.1:1"], 1, "nothing answers at nats://127.0.0.1:1"),
        (&["export", STREAM, "--to", "tcp://127.0.0.1:1"], 1, "offset 0 was not published, 0 before it were"),
        (&["import", "made", "none.jsonl"], 1, "none.jsonl: No such file"),
        (&["import", "made", "text.jsonl"], 1, "line 1 is no record"),
    ];
    for (arguments, code, said) in cases {
        let ran = thriftwood(folder.path(), &[&["log"], *arguments].concat());
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
        assert!(
            !ran.err.contains('\u{1b}') && !ran.err.contains('\r'),
            "a bar where there is no terminal: {:?}",
            ran.err
        );
    }
    assert!(!folder.path().join("made").exists(), "nothing is made of what cannot be read");
}

#[test]
fn records_are_filtered_by_time_by_a_pattern_of_topics_and_by_headers() {
    let folder = folder(&[]);
    filled(folder.path(), 5);
    let lines = |filter: &[&str]| {
        let ran = thriftwood(folder.path(), &[&["log", "cat", STREAM], filter].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.lines().count()
    };
    assert_eq!(lines(&[]), 6);
    assert_eq!((lines(&["--from", "1h"]), lines(&["--until", "1h"])), (6, 0));
    assert_eq!(
        (lines(&["--until", "4"]), lines(&["--from", "2", "--until", "4"]), lines(&["--until", "first"])),
        (4, 2, 0)
    );
    assert_eq!(
        (lines(&["--topic", "v1.*.Winners.Winner"]), lines(&["--topic", "v1.>"]), lines(&["--topic", "v1.*"])),
        (6, 6, 0)
    );
    assert_eq!((lines(&["--header", "topic"]), lines(&["--header", "topic=v1"]), lines(&["--key", "k1"])), (6, 0, 2));
    let time = thriftwood(folder.path(), &["log", "cat", STREAM, "--from", "3", "-n", "1"]).out;
    let time = time.split("  ").nth(1).unwrap();
    assert_eq!((lines(&["--from", time]), lines(&["--until", time])), (3, 3));
}

#[test]
fn the_events_of_a_log_are_published_frame_by_frame_into_another() {
    let folder = folder(&[("winners.frugal", "scope winners prefix v1.{region} { Winner: i64 }\n")]);
    let publish = |number: &str, region: &str| {
        let region = format!("region={region}");
        let words =
            ["publish", "log:data", "winners.frugal", "winners.Winner", number, "--var", &region, "--key", number];
        let ran = thriftwood(folder.path(), &words);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    };
    for number in ["1", "2", "3"] {
        publish(number, "emea");
    }
    publish("4", "apac");
    let words = ["log", "export", STREAM, "--to", "log:other", "--topic", "v1.emea.>", "--from", "1"];
    let ran = thriftwood(folder.path(), &words);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), &*format!("{STREAM}: 2 events to log:other\n")), "{}", ran.err);
    let values = |dir: &str, from: &str| -> Vec<String> {
        let all = thriftwood(folder.path(), &["log", "cat", dir, "--from", from, "--topic", "v1.emea.>", "--json"]).out;
        all.lines().map(|line| line.split_once("\"value\":").unwrap().1.to_owned()).collect()
    };
    assert_eq!(values("other/streams/v1.{}.Winners", "first"), values(STREAM, "1"));
    let cat = ["log", "cat", "other/streams/v1.{}.Winners", "--key", "3", "--idl", "winners.frugal"];
    let ran = thriftwood(folder.path(), &cat);
    assert!(ran.out.ends_with("v1.emea.Winners.Winner 3  {\"Winner\":3}\n"), "{}{}", ran.out, ran.err);
}
