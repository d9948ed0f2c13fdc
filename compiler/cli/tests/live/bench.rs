//! `thriftwood bench`.

use std::io::Read;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::shop::{IDL, serve};
use crate::support::{Ran, assert_holds, folder, started, thriftwood};

fn bench(url: &str, arguments: &[&str]) -> Ran {
    let folder = folder(&[]);
    thriftwood(folder.path(), &[&["bench", url, IDL], arguments].concat())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

#[test]
fn every_call_is_counted_and_the_latencies_are_in_order() {
    let served = serve("tcp://127.0.0.1:0");
    let arguments = ["Store.buyAlbum", r#"{"asin": "B", "acct": "a"}"#, "--duration", "200ms", "--format", "json"];
    let ran = bench(&served.url, &arguments);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let report = json(&ran);
    assert_eq!((&report["method"], &report["address"]), (&"Store.buyAlbum".into(), &"Store".into()));
    assert_eq!((&report["concurrency"], &report["rate"]), (&16.into(), &Value::Null));
    let answers = report["answers"].as_u64().expect("a number");
    assert!(answers >= 16 && report["results"] == answers, "{report}");
    let of = |name: &str| report["latencyMicroseconds"][name].as_f64().expect("a number");
    let latencies = ["min", "p50", "p90", "p99", "p99.9", "p99.99", "max"].map(of);
    assert!(latencies[0] > 0.0 && latencies.is_sorted(), "{report}");
}

#[test]
fn a_rate_is_kept_and_exceptions_are_answers() {
    let served = serve("tcp://127.0.0.1:0");
    let arguments = ["Store.buyAlbum", "{}", "--duration", "400ms", "--rate", "250"];
    let report = json(&bench(&served.url, &[&arguments[..], &["--format", "json"]].concat()));
    assert_eq!((&report["answers"], &report["results"]), (&100.into(), &0.into()));
    assert_eq!(report["exceptions"]["error"], 100);
    let table = bench(&served.url, &arguments);
    assert_eq!(table.code, Some(0));
    let first = format!("Store.buyAlbum at Store on {}: 16 at once for 0.4 s, 250 calls a second wanted\n", served.url);
    assert_holds(
        &table.out,
        &[&first, "answers                            100\n", "exception error                    100\n"],
    );
    assert_holds(&table.out, &["latency, since due", "  p99.9 ", "  max "]);
}

#[test]
fn calls_without_an_answer_are_counted_by_what_kept_it() {
    let served = serve("tcp://127.0.0.1:0");
    let broken = ["Store.buyAlbum", r#"{"acct": "broken"}"#, "--duration", "100ms"];
    let ran = bench(&served.url, &broken);
    // The call that is made first says it already.
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""));
    assert_holds(&ran.err, &["error: internal error: ", "the till is stuck"]);
}

/// As Ctrl-C does.
#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_prints_what_it_measured() {
    let served = serve("tcp://127.0.0.1:0");
    let folder = folder(&[]);
    let command = ["bench", &served.url, IDL, "Store.enterAlbumGiveaway", "--duration", "1h", "--format", "json"];
    let mut bench = started(folder.path(), &command);
    for _ in 0..100 {
        served.entered.recv_timeout(Duration::from_secs(60)).expect("calls come");
    }
    let id = bench.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    let mut out = String::new();
    bench.0.stdout.take().expect("it is a pipe").read_to_string(&mut out).expect("it is text");
    assert!(bench.0.wait().expect("it ends").success());
    let report: Value = serde_json::from_str(&out).expect("it is JSON");
    assert!(report["answers"].as_u64() >= Some(50) && report["seconds"].as_f64() < Some(3600.0), "{report}");
}

#[test]
fn numbers_that_are_no_load_are_refused() {
    for (options, said) in [
        (["--concurrency", "0"], "0 is not in 1..=100000"),
        (["--rate", "0"], "it must be a number of calls a second, above 0"),
        (["--rate", "NaN"], "it must be a number of calls a second, above 0"),
        (["--duration", "soon"], "write it like 250ms, 5s or 1m30s"),
    ] {
        let ran = bench("tcp://127.0.0.1:1", &[&["Store.buyAlbum"], &options[..]].concat());
        assert_eq!(ran.code, Some(2));
        assert_holds(&ran.err, &[said]);
    }
}
