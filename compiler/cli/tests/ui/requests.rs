//! What is answered to whom.

use crate::support::folder;
use crate::{IDL, SPAN, STREAM, Ui, filled};

const LOG: &str = "log=streams/v1.%7B%7D.Winners";

#[test]
fn logs_history_and_decoded_records_are_told_as_json() {
    let folder = folder(&[("winners.frugal", IDL)]);
    filled(folder.path(), "the last one");
    let ui = Ui::start(folder.path(), &["--idl", "winners.frugal"]);
    let logs = ui.json("/api/logs");
    assert_eq!((logs["logs"].as_array().unwrap().len(), &logs["logs"][0]["name"]), (1, &STREAM.into()));
    let all = logs["logs"][0]["records"].as_u64().unwrap();
    let log = ui.json(&format!("/api/log?{LOG}"));
    assert!(log["segments"].as_array().unwrap().len() > 3, "{log}");
    let names: Vec<_> = log["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ledger/v1.*.Winners.Winner", "mailer/v1.*.Winners.Winner"]);
    assert_eq!(log["groups"][1]["untaken"], 41);
    let history = ui.json(&format!("/api/history?{LOG}&seconds=900"));
    let counted: f64 =
        history["throughput"].as_array().unwrap().iter().map(|point| point[1].as_f64().unwrap() * 15.0).sum();
    assert!((counted - all as f64).abs() < 2.0, "{counted} of {all} records within the last {SPAN} s");
    let newest = ui.json(&format!("/api/records?{LOG}&limit=2"));
    assert_eq!(newest["records"][0]["value"], "{\n  \"Winner\": \"the last one\"\n}");
    assert_eq!((&newest["records"][0]["offset"], &newest["last"]), (&(all - 1).into(), &(all - 2).into()));
    let on = ui.json(&format!("/api/records?{LOG}&limit=1&before={}", all - 2));
    assert_eq!(on["records"][0]["offset"], all - 3);
    let first = ui.json(&format!("/api/records?{LOG}&limit=1&from=first"));
    assert_eq!(first["records"][0]["offset"], 0);
}

#[test]
fn records_are_filtered_by_topic_key_and_header() {
    let folder = folder(&[]);
    filled(folder.path(), "the last one");
    let ui = Ui::start(folder.path(), &[]);
    let records = |filter: &str| {
        ui.json(&format!("/api/records?{LOG}&from=first&{filter}"))["records"].as_array().unwrap().clone()
    };
    let of_key = records("key=B007");
    assert!(!of_key.is_empty() && of_key.iter().all(|record| record["key"] == "B007"));
    let of_topic = records("topic=v1.*.Winners.Winner");
    assert_eq!(of_topic.len(), 100);
    assert!(records("topic=v1.apac.Winners.*").iter().all(|record| record["topic"] == "v1.apac.Winners.Winner"));
    assert_eq!(records("topic=v1.latam.Winners.Winner").len(), 0);
    assert_eq!(records("header=topic%3Dv1.emea.Winners.Winner").len(), 100);
    assert_eq!(records("header=nothing").len(), 0);
}

#[test]
fn a_request_under_another_name_is_refused() {
    let folder = folder(&[]);
    filled(folder.path(), "secret");
    let ui = Ui::start(folder.path(), &["--host", "logs.internal"]);
    let port = ui.at.rsplit(':').next().unwrap();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        String::new(),
    ] {
        let (status, answer) =
            ui.ask_in(&format!("GET /api/logs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert_eq!(status, 421, "{answer}");
        assert!(!answer.contains("Winners") && answer.contains("--host NAME"), "{answer}");
    }
    for host in [format!("localhost:{port}"), "logs.internal".to_owned()] {
        let (status, _) = ui.ask_in(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert_eq!(status, 200, "{host}");
    }
    let (status, _) = ui.ask_in("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 421, "a request without a name");
}

#[test]
fn what_cannot_be_answered_is_said_and_nothing_outside_of_the_directory_is_read() {
    let folder = folder(&[("beside/checkpoint", "not yours")]);
    filled(folder.path(), "the last one");
    let ui = Ui::start(folder.path(), &[]);
    for (path, status, said) in [
        ("/nothing", 404, "there is nothing at /nothing"),
        ("/api/log", 400, "`log` is missing"),
        ("/api/log?log=../beside", 404, "there is no log \\\"../beside\\\""),
        ("/api/log?log=/etc", 404, "there is no log"),
        ("/../../etc/passwd", 404, "there is nothing at"),
        (&format!("/api/records?{LOG}&from=yesterday"), 400, "it is none of `first`"),
        (&format!("/api/records?{LOG}&limit=many"), 400, "`limit` is no number"),
        (&format!("/api/history?{LOG}&seconds=-1"), 400, "`seconds` is no number"),
    ] {
        let (got, answer) = ui.ask(path);
        assert_eq!(got, status, "{path}: {answer}");
        assert!(answer.contains(said), "{path}: {answer}");
    }
    let (status, answer) =
        ui.ask_in(&format!("DELETE /api/log?{LOG} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", ui.at));
    assert_eq!(status, 405, "{answer}");
    let (status, answer) = ui.ask("/");
    assert_eq!(status, 200);
    for header in ["content-security-policy: default-src 'none'; script-src 'self'", "x-content-type-options: nosniff"]
    {
        assert!(answer.contains(header), "{answer}");
    }
}

#[test]
fn it_works_beside_the_process_that_has_the_log_and_sees_what_that_appends() {
    let folder = folder(&[]);
    filled(folder.path(), "the last one");
    let ui = Ui::start(folder.path(), &[]);
    let next = || ui.json("/api/logs")["logs"][0]["next"].as_u64().unwrap();
    let before = next();
    let log = thriftwood_log::store::Log::open(folder.path().join("data").join(STREAM), Default::default()).unwrap();
    let batch = thriftwood_log::store::Batch::of(&[thriftwood_log::store::Entry::of(b"one more")]).unwrap();
    log.append_blocking(batch, thriftwood_log::store::Durability::Durable).unwrap();
    assert_eq!(next(), before + 1);
}

#[test]
fn an_address_that_is_taken_is_said() {
    let folder = folder(&[("data/nothing", "")]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let ran = crate::support::thriftwood(folder.path(), &["log", "ui", "data", "--listen", &at]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&format!("cannot listen at {at}")) && ran.err.contains("--listen"), "{}", ran.err);
}
