//! `thriftwood call`.

use thriftwood_test_support::NatsServer;

use crate::shop::{IDL, serve};
use crate::support::{Ran, assert_holds, fed, folder, thriftwood};

const ALBUM: &str = r#"{
  "asin": "B000",
  "tracks": [
    {
      "title": "for acct of blue",
      "artist": "",
      "seconds": 180
    }
  ],
  "format": "VINYL",
  "price": {
    "micros": 9223372036854775807,
    "currency": "EUR"
  }
}
"#;

const ARGUMENTS: &str = r#"{"asin": "B000", "acct": "acct"}"#;

fn call(url: &str, arguments: &[&str]) -> Ran {
    let folder = folder(&[]);
    thriftwood(folder.path(), &[&["call", url, IDL], arguments].concat())
}

#[test]
fn a_method_is_called_over_each_transport_in_each_protocol() {
    let nats = NatsServer::start("a_method_is_called_over_each_transport_in_each_protocol");
    let urls = ["tcp://127.0.0.1:0".to_owned(), "http://127.0.0.1:0".to_owned()];
    for url in urls.into_iter().chain(nats.as_ref().map(NatsServer::url)) {
        let served = serve(&url);
        for protocol in ["binary", "compact", "json"] {
            let options = ["--address", "music", "-H", "tenant=blue", "--protocol", protocol];
            let ran = call(&served.url, &[&["Store.buyAlbum", ARGUMENTS], &options[..]].concat());
            assert_eq!((ran.code, ran.out.as_str()), (Some(0), ALBUM), "{url} {protocol}: {}", ran.err);
            assert_holds(&ran.err, &["Store.buyAlbum: connected in ", " ms, answered after ", " ms; correlation id "]);
        }
    }
}

#[test]
fn a_declared_exception_is_json_with_an_exit_code_of_its_own() {
    let served = serve("tcp://127.0.0.1:0");
    let ran = call(&served.url, &["Store.buyAlbum", r#"{"asin": "B000", "acct": ""}"#]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.out, "{\n  \"message\": \"no account\",\n  \"code\": 402\n}\n");
    assert_holds(&ran.err, &["exception PurchasingError, declared as `error`\n"]);
}

#[test]
fn arguments_come_from_standard_input() {
    let served = serve("tcp://127.0.0.1:0");
    let folder = folder(&[]);
    let command = ["call", &served.url, IDL, "Store.enterAlbumGiveaway", "-"];
    let ran = fed(folder.path(), &command, "{\n  \"email\": \"a@b\"\n}");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "true\n"), "{}", ran.err);
    let ran = fed(folder.path(), &command, "{\n  \"email\": ?\n}");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.err, "error: standard input: not JSON: expected value (line 2, column 12)\n");
}

#[test]
fn a_oneway_call_and_one_without_arguments_need_no_more_than_their_names() {
    let served = serve("tcp://127.0.0.1:0");
    let ran = call(&served.url, &["Store.rateAlbum"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "null\n"), "{}", ran.err);
}

#[test]
fn a_call_without_an_answer_says_why_and_what_to_do() {
    let served = serve("http://127.0.0.1:0");
    let broken = call(&served.url, &["Store.buyAlbum", r#"{"acct": "broken"}"#, "--address", "music"]);
    assert_eq!((broken.code, broken.out.as_str()), (Some(4), ""));
    assert_holds(&broken.err, &["error: internal error: ", "the till is stuck"]);

    let slow = ["Store.buyAlbum", r#"{"acct": "slow"}"#, "--address", "music", "--timeout", "50ms"];
    let slow = call(&served.url, &slow);
    assert_eq!(slow.code, Some(4));
    assert_holds(&slow.err, &["error: timed out: no reply to Store.buyAlbum within 50 ms", "help: --timeout"]);

    let elsewhere = call(&served.url, &["Store.buyAlbum"]);
    assert_eq!(elsewhere.code, Some(4));
    assert_holds(
        &elsewhere.err,
        &["error: service unavailable: ", "help: is something served there, at the address `Store`?"],
    );

    let nobody = call("tcp://127.0.0.1:1", &["Store.buyAlbum", "--timeout", "10s"]);
    assert_eq!(nobody.code, Some(4), "{}", nobody.err);
    assert_holds(&nobody.err, &["error: service unavailable: ", "127.0.0.1:1"]);
}

#[test]
fn the_headers_of_a_call_and_of_its_reply_are_to_be_had() {
    let served = serve("tcp://127.0.0.1:0");
    let ran = call(&served.url, &["Store.buyAlbum", ARGUMENTS, "-H", "_cid=night-shift", "--verbose"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.err, &["shelf: 7\n", "_cid: night-shift\n", "; correlation id night-shift\n"]);
}

/// What is wrong on this side is found before anything is sent.
#[test]
fn a_slip_is_pointed_out_before_anything_is_sent() {
    let slips: &[(&[&str], &str)] = &[
        (
            &["Store.buyAlbum", r#"{"asin": "B000", "acount": "x"}"#],
            "error: acount: `Store.buyAlbum` has no such field, did you mean `acct`?\n",
        ),
        (&["Store.buyAlbum", r#"{"asin": 5}"#], "error: asin: the number 5 is not a string\n"),
        (&["Store.buyAlbun"], "error: service Store has no method `buyAlbun`, did you mean `buyAlbum`?\n"),
        (&["Store.x"], "error: service Store has no method `x`; it has buyAlbum, enterAlbumGiveaway, rateAlbum\n"),
        (&["Stor.buyAlbum"], "error: the file has no service `Stor`, did you mean `Store`?\n"),
        (&["buyAlbum"], "error: `buyAlbum` is not of the form Service.method, as Store.buyAlbum is\n"),
        (
            &["Store.buyAlbum", "{}"],
            "error: cannot connect to \"kafka://here\": no transport goes by `kafka:`; it can be memory:, memory:NAME, log:DIR, \
             log://HOST:PORT, nats://HOST:PORT, jetstream://HOST:PORT, tcp://HOST:PORT, unix:PATH or http://HOST:PORT/PATH\n",
        ),
    ];
    for (arguments, said) in slips {
        let ran = call("kafka://here", arguments);
        assert_eq!((ran.err.as_str(), ran.out.as_str()), (*said, ""));
        assert!(ran.code == Some(1) || said.contains("kafka"), "{said}");
    }
}

#[test]
fn a_broken_contract_is_shown_and_nothing_is_sent() {
    let folder = folder(&[("a.frugal", "service Store { Albun get() }\n")]);
    let ran = thriftwood(folder.path(), &["call", "tcp://127.0.0.1:1", "a.frugal", "Store.get"]);
    assert_eq!(ran.code, Some(1));
    assert_holds(&ran.err, &["error[E0004]", "a.frugal:1:"]);
}

/// An older contract still shows what it knows, and says that there is more.
#[test]
fn what_only_the_peer_knows_is_named() {
    let served = serve("tcp://127.0.0.1:0");
    let older = "struct Track { 1: string title }\nstruct Album { 1: string asin, 2: list<Track> tracks, 3: i32 format }\n\
                 service Store { Album buyAlbum(1: string asin, 2: string acct) }\n";
    let folder = folder(&[("older.frugal", older)]);
    let ran = thriftwood(folder.path(), &["call", &served.url, "older.frugal", "Store.buyAlbum", ARGUMENTS]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_holds(&ran.out, &["\"title\": \"for acct of ?\"", "\"format\": 2"]);
    assert_holds(&ran.err, &["note: not shown, since older.frugal does not have them", "tracks[0].2, tracks[0].3, 4"]);
    let ran = thriftwood(folder.path(), &["call", &served.url, "older.frugal", "Store.buyAlbum"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""));
    assert_holds(
        &ran.err,
        &["neither a result nor an exception that the IDL declares; is the file older than the service?"],
    );
}

#[test]
fn options_that_are_no_options_are_refused() {
    for (options, said) in [
        (["--timeout", "5"], "write it like 250ms, 5s or 1m30s"),
        (["--timeout", "0s"], "it must be more than nothing"),
        (["-H", "tenant"], "it must be NAME=VALUE"),
        (["--protocol", "xml"], "possible values: binary, compact, json"),
    ] {
        let ran = call("tcp://127.0.0.1:1", &[&["Store.buyAlbum"], &options[..]].concat());
        assert_eq!(ran.code, Some(2));
        assert_holds(&ran.err, &[said]);
    }
}
