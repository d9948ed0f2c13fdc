//! JSON for people: what `curl` sends and sees.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fmt::Write;

use thriftwood::{Bus, connect};
use thriftwood_conformance::idl::ProbeServer;
use thriftwood_conformance::probe::Probe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Site {
    bus: Bus,
    host: String,
    probe: Probe,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| *n == name).map(|(_, value)| value).next()
    }
}

impl Site {
    async fn open() -> Self {
        let (bus, probe) = (connect("http://127.0.0.1:0").await.unwrap(), Probe::default());
        let serving = bus.serve("probe", ProbeServer::new(probe.clone())).await.unwrap();
        let host = serving.local_addr().unwrap().to_owned();
        Self { bus, host, probe }
    }

    /// What `curl -d BODY http://HOST/PATH` does.
    async fn post(&self, path: &str, headers: &[&str], body: &str) -> Answer {
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        for header in headers {
            write!(request, "{header}\r\n").unwrap();
        }
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        stream.write_all((request + "\r\n" + body).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// What a call answers that is made of this JSON.
    async fn call(&self, method: &str, body: &str) -> (u16, String) {
        let answer = self.post(&format!("/probe/Probe/{method}"), &[], body).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
        (answer.status, answer.body)
    }
}

#[tokio::test]
async fn arguments_and_result_are_json() {
    let site = Site::open().await;
    let (status, body) =
        site.call("echo", r#"{"item": {"name": "ünï", "number": 3, "tags": ["a"], "blob": "AAE="}}"#).await;
    assert_eq!((status, &*body), (200, "{\"name\":\"ünï\",\"number\":3,\"tags\":[\"a\"],\"blob\":\"AAE=\"}\n"));
    assert_eq!(site.call("afterMillis", r#"{"millis": 0, "number": 12}"#).await, (200, "12\n".to_owned()));
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn a_declared_exception_is_422_with_its_fields() {
    let site = Site::open().await;
    let (status, body) = site.call("refuse", r#"{"reason": "not today"}"#).await;
    assert_eq!(
        (status, &*body),
        (422, "{\"exception\":\"Refused\",\"value\":{\"reason\":\"not today\",\"code\":7}}\n")
    );
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn failures_have_the_status_that_fits_and_say_what_to_do() {
    let site = Site::open().await;
    for (method, body, status, says) in [
        ("echo", "{", 400, "not JSON"),
        ("echo", r#"{"itme": {}}"#, 400, "did you mean `item`?"),
        ("echo", r#"{"item": {"name": 5}}"#, 400, "item.name"),
        ("ehco", "{}", 404, "Probe has no method `ehco`; methods: echo, refuse"),
        (
            "fails",
            r#"{"code": 402}"#,
            402,
            "\"error\":\"application-error\",\"code\":402,\"message\":\"the application says no\"",
        ),
        ("fails", r#"{"code": 12}"#, 500, "\"code\":12"),
        ("panics", r#"{"text": "the roof"}"#, 500, "\"error\":\"internal-error\""),
    ] {
        let (found, body) = site.call(method, body).await;
        assert_eq!(found, status, "{body}");
        assert!(body.contains(says), "{says:?} is not in {body}");
    }
    let answer = site.post("/probe", &[], "{}").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("ADDRESS/Probe/METHOD; methods: echo"), "{}", answer.body);
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn headers_go_both_ways_by_their_prefix() {
    let site = Site::open().await;
    let header = |name: &'static str, headers: &'static [&'static str]| {
        let (site, body) = (&site, format!("{{\"name\":\"{name}\"}}"));
        async move { site.post("/probe/Probe/header", headers, &body).await }
    };
    let answer = header("tenant", &["Ctx-Tenant: blüe", "X-Request-Id: abc", "Authorization: secret"]).await;
    assert_eq!(&*answer.body, "\"blüe\"\n");
    assert_eq!(answer.header("x-request-id"), Some("abc"));
    assert_eq!(answer.header("ctx-answered"), Some("yes, naïvely"));
    assert_eq!(header("authorization", &["Authorization: secret"]).await.body, "\"absent\"\n");
    assert_eq!(header("traceparent", &["traceparent: 00-ab-cd-01"]).await.body, "\"00-ab-cd-01\"\n");
    assert_eq!(header("_cid", &["X-Request-Id: abc"]).await.body, "\"abc\"\n");
    let answer = header("tenant", &["Ctx-_cid: abc"]).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn the_time_limit_is_the_callers_or_five_seconds() {
    let site = Site::open().await;
    let remaining: i64 = site.call("remaining", "").await.1.trim().parse().unwrap();
    assert!((1..=5_000).contains(&remaining), "{remaining}");
    let answer =
        site.post("/probe/Probe/afterMillis", &["X-Timeout-Ms: 30"], r#"{"millis": 60000, "number": 1}"#).await;
    assert_eq!(answer.status, 504, "{}", answer.body);
    assert!(answer.body.contains("\"error\":\"timed-out\""), "{}", answer.body);
    let answer = site.post("/probe/Probe/remaining", &["X-Timeout-Ms: soon"], "").await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_a_stopping_server_ends_is_502_and_not_an_empty_result() {
    let (bus, probe) = (connect("http://127.0.0.1:0").await.unwrap(), Probe::default());
    let serving = bus.serve("probe", ProbeServer::new(probe.clone())).await.unwrap();
    let site = Site { bus, host: serving.local_addr().unwrap().to_owned(), probe: probe.clone() };
    let call = site.call("afterMillis", r#"{"millis": 600000, "number": -1}"#);
    let stop = async {
        assert_eq!(probe.next_note().await.as_deref(), Some("began -1"));
        assert!(!serving.stop_within(std::time::Duration::from_millis(50)).await);
    };
    let ((status, body), ()) = tokio::join!(call, stop);
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("\"error\":\"ended\""), "{body}");
    site.bus.close().await.unwrap();
}

#[tokio::test]
async fn a_oneway_call_is_accepted_and_handled() {
    let site = Site::open().await;
    assert_eq!(site.call("note", r#"{"text": "first"}"#).await, (202, "null\n".to_owned()));
    assert_eq!(site.probe.next_note().await.as_deref(), Some("first"));
    site.bus.close().await.unwrap();
}
