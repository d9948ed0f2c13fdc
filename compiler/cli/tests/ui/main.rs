//! `thriftwood log ui`: what it answers to whom, and what a real browser shows of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod requests;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use support::{Running, started};
use thriftwood::bytes::Bytes;
use thriftwood::codec::{Message, MessageType, Wire};
use thriftwood::frame::FrameBuilder;
use thriftwood_log::store::{Batch, Durability, Entry, Group, GroupOptions, Log, LogOptions, SimClock};

const IDL: &str = "scope winners prefix v1.{region} { Winner: string }\n";
const STREAM: &str = "streams/v1.{}.Winners";
/// The seconds over which the events of the log in these tests are spread.
const SPAN: u64 = 840;

/// A winner's frame.
fn event(key: &str, text: &str) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_cid", "8c2e51d0f3ab4c1d");
    frame.header("_key", key);
    frame
        .message(Message { name: "Winner", kind: MessageType::Call, sequence: 0 }, |w| text.to_owned().encode(w))
        .unwrap()
}

/// A log in `data` with events of the last minutes, more and fewer of them by turns, the last one with this text; two groups
/// are behind.
fn filled(dir: &Path, last: &str) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let clock = SimClock::at(now - SPAN);
    let mut options = LogOptions::default();
    options.segment_bytes = 40_000;
    options.clock = Arc::new(clock.clone());
    let log = Log::open(dir.join("data").join(STREAM), options).unwrap();
    let append = |number: u64, text: &str| {
        let (key, topic) =
            (format!("B{:03}", number % 40), format!("v1.{}.Winners.Winner", ["emea", "apac"][number as usize % 2]));
        let headers: [(&str, &[u8]); 1] = [("topic", topic.as_bytes())];
        let (frame, key) = (event(&key, text), key.clone());
        let entry = Entry::of(&frame).key(key.as_bytes()).headers(&headers);
        log.append_blocking(Batch::of(&[entry]).unwrap(), Durability::Buffered).unwrap();
    };
    let mut number = 0;
    for second in 0..SPAN - 2 {
        clock.advance(Duration::from_secs(1));
        // A slow wave, and a burst.
        let wave = 2.0 + (second as f64 / 90.0).sin() * 1.6;
        let many = wave as u64 + u64::from((500..540).contains(&second)) * 4;
        for _ in 0..many {
            append(number, &format!("album {number}"));
            number += 1;
        }
    }
    append(number, last);
    for (group, handled) in [("mailer", number - 40), ("ledger", number / 2)] {
        let dir = log.dir().join("groups").join(group).join("v1.*.Winners.Winner");
        let group = Group::open(&log, dir, GroupOptions::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(group.seek(thriftwood_log::store::From::Offset(handled))).unwrap();
        group.close_blocking().unwrap();
    }
    log.close_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("log:{}?keep_age=7d&keep_bytes=10GiB&deadline=30s", dir.join("data").display());
        thriftwood::connect(&url).await.unwrap().close().await.unwrap();
    });
}

/// A page's server, and where it listens.
struct Ui {
    _process: Running,
    at: String,
}

impl Ui {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut process = started(folder, &[&["log", "ui", "data", "--listen", "127.0.0.1:0"], more].concat());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { _process: process, at }
    }

    /// The answer to a request in these words: its status and the rest.
    fn ask_in(&self, words: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.at).unwrap();
        connection.write_all(words.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn ask(&self, path: &str) -> (u16, String) {
        self.ask_in(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.at))
    }

    /// The body of an answer that is JSON.
    fn json(&self, path: &str) -> serde_json::Value {
        let (_, answer) = self.ask(path);
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}
