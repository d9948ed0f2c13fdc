//! What `thriftwood call` says to the usual mistakes, whole, as it is kept in `golden/mistakes.txt`; and that `thriftwood bench` says the
//! same. `THRIFTWOOD_BLESS=1` writes the file anew.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;

use crate::shop::{IDL, serve};
use crate::support::{folder, thriftwood};

/// The shop's contract as somebody has it who is ahead of the shop.
const NEWER: &str = "struct Review { 1: required string text, 2: i32 stars }\n\
                     service Store { void returnAlbum(1: string asin), void review(1: Review review) }\n";

/// A title, the URL by its name, the contract, and the rest of the command.
type Mistake = (&'static str, &'static str, &'static str, &'static [&'static str]);

const MISTAKES: &[Mistake] = &[
    ("a port where nobody listens", "tcp://NOBODY", "music", &["Store.buyAlbum"]),
    ("the same over HTTP", "http://NOBODY", "music", &["Store.buyAlbum"]),
    ("the same over NATS", "nats://NOBODY", "music", &["Store.buyAlbum"]),
    ("an address at which nothing is served", "http://SHOP", "music", &["Store.buyAlbum", "--address", "musik"]),
    ("a method that the service does not have yet", "tcp://SHOP", "newer", &["Store.returnAlbum"]),
    (
        "a handler that takes too long",
        "tcp://SHOP",
        "music",
        &["Store.buyAlbum", r#"{"acct": "slow"}"#, "--timeout", "50ms"],
    ),
    ("a handler that fails", "tcp://SHOP", "music", &["Store.buyAlbum", r#"{"acct": "broken"}"#]),
    ("a server that hangs up", "tcp://CLOSES", "music", &["Store.buyAlbum"]),
    ("a web server in place of a service", "http://WEB", "music", &["Store.buyAlbum"]),
    ("a web server where TCP was meant", "tcp://WEB", "music", &["Store.buyAlbum", "--timeout", "5s"]),
    ("a service over HTTP where TCP was meant", "tcp://OVERHTTP", "music", &["Store.buyAlbum"]),
    ("a service over TCP where HTTP was meant", "http://OVERTCP", "music", &["Store.buyAlbum"]),
    ("somebody who hangs up where HTTP was meant", "http://CLOSES", "music", &["Store.buyAlbum"]),
    ("TLS where none was meant", "tcp://TLS", "music", &["Store.buyAlbum"]),
    ("TLS where none was meant, over HTTP", "http://TLS", "music", &["Store.buyAlbum"]),
    ("another service's name", "tcp://SHOP", "music", &["Shop.buyAlbum"]),
    ("a method's name in another spelling", "tcp://SHOP", "music", &["Store.buy_album"]),
    ("a method without its service", "tcp://SHOP", "music", &["buyAlbum"]),
    ("arguments that are no JSON", "tcp://SHOP", "music", &["Store.buyAlbum", "{asin: B000}"]),
    ("arguments in a list", "tcp://SHOP", "music", &["Store.buyAlbum", r#"["B000", "acct"]"#]),
    ("an argument that is not declared", "tcp://SHOP", "music", &["Store.buyAlbum", r#"{"id": "B000"}"#]),
    ("a number for text", "tcp://SHOP", "music", &["Store.buyAlbum", r#"{"asin": 1}"#]),
    ("a required field that is absent", "tcp://SHOP", "newer", &["Store.review", r#"{"review": {"stars": 5}}"#]),
    ("a scheme that there is not", "grpc://SHOP", "music", &["Store.buyAlbum"]),
    ("a URL without a scheme", "127.0.0.1:9090", "music", &["Store.buyAlbum"]),
    ("a URL without a port", "tcp://localhost", "music", &["Store.buyAlbum"]),
    ("a contract that is not there", "tcp://SHOP", "musik", &["Store.buyAlbum"]),
];

/// Serves each connection with these bytes, once something has come, and closes it.
fn says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it listens").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            // Closed with bytes unread, it would reset the connection, and what the other end makes of that depends on when.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

/// Where nobody listens: the port was free a moment ago.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it listens").to_string()
}

#[test]
fn each_usual_mistake_gets_the_advice_that_is_kept_from_call_and_from_bench() {
    const PAGE: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<h1>no</h1>";
    let (over_tcp, over_http) = (serve("tcp://127.0.0.1:0"), serve("http://127.0.0.1:0"));
    // The alert of a server that makes nothing of what it got.
    let (nobody, closes, web, tls) = (nobody(), says(b""), says(PAGE), says(b"\x15\x03\x03\x00\x02\x02\x0a"));
    let host = |url: &str| url.split_once("://").map_or(url, |(_, host)| host).to_owned();
    let (tcp, http) = (host(&over_tcp.url), host(&over_http.url));
    let folder = folder(&[("newer.frugal", NEWER)]);
    let music = std::fs::read_to_string(IDL).expect("the contract is there");
    std::fs::write(folder.path().join("music.frugal"), music).expect("it is copied");
    let common = Path::new(IDL).with_file_name("common.frugal");
    std::fs::copy(common, folder.path().join("common.frugal")).expect("it is copied");

    let mut all = String::new();
    for (title, url, contract, rest) in MISTAKES {
        let shop = if url.starts_with("http") { &http } else { &tcp };
        let places = [
            ("NOBODY", &nobody),
            ("SHOP", shop),
            ("CLOSES", &closes),
            ("WEB", &web),
            ("TLS", &tls),
            ("OVERHTTP", &http),
            ("OVERTCP", &tcp),
        ];
        let real = places.iter().fold((*url).to_owned(), |url, (name, host)| url.replace(name, host));
        let file = format!("{contract}.frugal");
        let run = |command| {
            thriftwood(folder.path(), &[&[command, real.as_str(), file.as_str()], *rest, &["-H", "_cid=4711"]].concat())
        };
        let (call, bench) = (run("call"), run("bench"));
        let said = places.iter().fold(without_times(&call.err), |said, (name, host)| said.replace(host.as_str(), name));
        let said = said.replace(" (os error 111)", "");
        let code = call.code.expect("it ended by itself");
        assert_eq!((call.out.as_str(), bench.code), ("", Some(code)), "{title}");
        // The last line of a call that was sent says how long it took, which a bench has a table for.
        let shared = if said.contains("correlation id 4711\n") && code == 4 { "; correlation id" } else { "\u{0}" };
        let (of_call, of_bench) = (without(&call.err, shared), without(&bench.err, shared));
        assert_eq!(of_call, of_bench, "{title}");
        writeln!(all, "# {title}\n$ thriftwood call {url} {file} {}\n{said}exit {code}\n", quoted(rest)).expect("text");
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mistakes.txt");
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        std::fs::write(kept, all).expect("the golden file is written");
        return;
    }
    assert_eq!(all, std::fs::read_to_string(kept).unwrap_or_default(), "THRIFTWOOD_BLESS=1 writes it anew");
}

/// The lines in which this is not.
fn without(text: &str, part: &str) -> String {
    text.lines().filter(|line| !line.contains(part)).collect::<Vec<_>>().join("\n")
}

/// Arguments as a shell takes them.
fn quoted(arguments: &[&str]) -> String {
    let quote = |argument: &&str| match argument.contains([' ', '"']) {
        true => format!("'{argument}'"),
        false => (*argument).to_owned(),
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// The text with `N` for each time that was measured.
fn without_times(text: &str) -> String {
    let mut before = "";
    let words = text.split_inclusive(' ').map(|word| {
        let measured = matches!(before, "in " | "after ") && word.trim().parse::<f64>().is_ok();
        before = word;
        if measured { "N " } else { word }
    });
    words.collect()
}
