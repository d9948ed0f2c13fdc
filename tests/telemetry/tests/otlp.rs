//! What a collector receives from programs that call `init`, and what they write when something goes wrong.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::process::{Output, Stdio};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use thriftwood_telemetry_tests::receiver::{Received, Receiver, attribute, series};
use thriftwood_telemetry_tests::soon;
use thriftwood_test_support::NatsServer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The program, as one of a service's name would be started.
fn hops(role: &str, url: &str, service: &str, endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hops"));
    command.args([role, url]).kill_on_drop(true).stdin(Stdio::null());
    let inherited =
        std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("OTEL_"));
    for name in inherited {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG");
    command.env("OTEL_SERVICE_NAME", service).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    command
}

async fn run(command: &mut Command) -> Output {
    soon("the program's end", command.output()).await.unwrap()
}

async fn succeeds(command: &mut Command) -> String {
    let output = run(command).await;
    let lines = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{lines}");
    lines
}

/// Every span as `SERVICE: KIND NAME < PARENT'S KIND NAME`.
fn tree(spans: &[Received]) -> Vec<String> {
    let label = |received: &Received| {
        let kind = SpanKind::try_from(received.span.kind).unwrap().as_str_name();
        format!("{} {}", kind.trim_start_matches("SPAN_KIND_"), received.span.name)
    };
    let parent = |received: &Received| {
        let id = &received.span.parent_span_id;
        let parent = spans.iter().find(|other| other.span.span_id == *id).map(label);
        if id.is_empty() { String::new() } else { format!(" < {}", parent.unwrap_or_else(|| "a stranger".to_owned())) }
    };
    spans.iter().map(|received| format!("{}: {}{}", received.service, label(received), parent(received))).collect()
}

fn expected(caller: &str, server: &str) -> [String; 6] {
    [
        format!("{caller}: CLIENT Front/greet"),
        format!("{server}: SERVER Front/greet < CLIENT Front/greet"),
        format!("{server}: CLIENT Back/title < SERVER Front/greet"),
        format!("{server}: SERVER Back/title < CLIENT Back/title"),
        format!("{server}: PRODUCER publish v1.hops.{{region}}.Greetings.Greeted < SERVER Front/greet"),
        format!(
            "{caller}: CONSUMER process v1.hops.{{region}}.Greetings.Greeted < PRODUCER publish \
             v1.hops.{{region}}.Greetings.Greeted"
        ),
    ]
}

#[tokio::test]
async fn one_trace_arrives_from_one_process_over_memory() {
    let receiver = Receiver::start().await;
    let mut command = hops("once", "memory:", "all", &receiver.endpoint());
    succeeds(command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")).await;
    let spans = receiver.spans();
    assert_eq!(tree(&spans), expected("all", "all"));
    assert!(spans.iter().all(|received| received.span.trace_id == spans[0].span.trace_id));
    assert!(receiver.keys().iter().all(|key| key == "secret") && !receiver.keys().is_empty());
}

#[tokio::test]
async fn a_process_with_a_subscriber_of_its_own_adds_a_layer_to_it() {
    let receiver = Receiver::start().await;
    succeeds(&mut hops("own", "memory:", "all", &receiver.endpoint())).await;
    assert_eq!(tree(&receiver.spans()), expected("all", "all"));
}

#[tokio::test]
async fn one_trace_arrives_from_two_processes_over_nats() {
    let Some(nats) = NatsServer::start("otlp over nats") else { return };
    let receiver = Receiver::start().await;
    let mut server = hops("serve", &nats.url(), "server", &receiver.endpoint());
    let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(soon("the server's word", ready.next_line()).await.unwrap().as_deref(), Some("ready"));
    succeeds(&mut hops("call", &nats.url(), "caller", &receiver.endpoint())).await;
    drop(server.stdin.take());
    assert!(soon("the server's end", server.wait()).await.unwrap().success());
    let spans = receiver.spans();
    assert_eq!(tree(&spans), expected("caller", "server"));
    assert!(spans.iter().all(|received| received.span.trace_id == spans[0].span.trace_id));
    let call = &spans[0].span.attributes;
    assert_eq!(attribute(call, "server.address"), "front", "a broker is not who is called");
    let publish = &spans[4].span.attributes;
    assert_eq!(
        (attribute(publish, "messaging.system"), attribute(publish, "server.address")),
        ("nats".into(), "127.0.0.1".into())
    );
    assert!(nats.url().ends_with(&attribute(publish, "server.port")));
}

#[tokio::test]
async fn calls_and_events_are_counted_and_timed() {
    let receiver = Receiver::start().await;
    succeeds(&mut hops("once", "memory:", "all", &receiver.endpoint())).await;
    let metrics = receiver.metrics();
    for (name, unit, method) in
        [("rpc.client.call.duration", "s", "Front/greet"), ("rpc.server.call.duration", "s", "Back/title")]
    {
        assert_eq!(metrics[name].unit, unit);
        let series = series(&metrics[name]);
        assert_eq!(series.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 1], "{name}: one of each method");
        assert!(series.iter().any(|(attributes, _)| attribute(attributes, "rpc.method") == method));
    }
    for name in ["rpc.client.active_requests", "rpc.server.active_requests"] {
        assert!(series(&metrics[name]).iter().all(|(_, under_way)| *under_way == 0), "{name}: nothing is left");
    }
    for name in [
        "messaging.client.sent.messages",
        "messaging.client.consumed.messages",
        "messaging.client.operation.duration",
        "messaging.process.duration",
    ] {
        let [(attributes, count)] = &series(&metrics[name])[..] else { panic!("{name} has other than one series") };
        assert_eq!((attribute(attributes, "messaging.system"), *count), ("thriftwood_memory".into(), 1), "{name}");
    }
}

#[tokio::test]
async fn failures_are_counted_by_type() {
    let receiver = Receiver::start().await;
    succeeds(&mut hops("fail", "memory:", "all", &receiver.endpoint())).await;
    let metrics = receiver.metrics();
    let errors = |name: &str| {
        let mut errors: Vec<_> =
            series(&metrics[name]).iter().map(|(attributes, _)| attribute(attributes, "error.type")).collect();
        errors.sort();
        errors
    };
    assert_eq!(errors("rpc.client.call.duration"), ["internal", "timeout", "unavailable"]);
    assert_eq!(errors("rpc.server.call.duration"), ["internal", "timeout"]);
}

#[tokio::test]
async fn replies_that_come_too_late_are_counted() {
    let receiver = Receiver::start().await;
    succeeds(&mut hops("late", "tcp://127.0.0.1:0", "all", &receiver.endpoint())).await;
    let metrics = receiver.metrics();
    let late = &metrics["rpc.client.late_replies"];
    assert_eq!(late.unit, "{reply}");
    let [(attributes, 1)] = &series(late)[..] else { panic!("{late:?}") };
    assert_eq!(attribute(attributes, "thriftwood.transport"), "tcp");
    assert_eq!(attribute(attributes, "server.address"), "127.0.0.1");
}

#[tokio::test]
async fn a_failed_call_leaves_lines_that_say_which_how_long_and_why() {
    let receiver = Receiver::start().await;
    let lines = succeeds(&mut hops("fail", "memory:", "all", &receiver.endpoint())).await;
    let line = |parts: &[&str]| {
        let found = lines.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line with {parts:?} in:\n{lines}");
    };
    line(&["WARN handle{rpc.method=Front/fail", "correlation_id=\"night\"", "a handler failed", "the disk is gone"]);
    line(&["WARN call{rpc.method=Front/fail thriftwood.address=\"front\"", "a call failed elapsed_ms=", "timed out"]);
    line(&["thriftwood.address=\"nobody\" thriftwood.correlation_id=\"night\"", "a call failed", "unavailable"]);
    assert!(!lines.contains("otel."), "what is for machines is not shown:\n{lines}");
}

#[tokio::test]
async fn a_disabled_sdk_sends_nothing() {
    let receiver = Receiver::start().await;
    succeeds(hops("once", "memory:", "all", &receiver.endpoint()).env("OTEL_SDK_DISABLED", "true")).await;
    assert_eq!((receiver.spans().len(), receiver.metrics().len()), (0, 0));
    let mut command = hops("once", "memory:", "all", &receiver.endpoint());
    succeeds(command.env("OTEL_TRACES_EXPORTER", "none")).await;
    assert_eq!(receiver.spans().len(), 0);
    assert!(!receiver.metrics().is_empty());
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_nobody_a_call() {
    // A port that was free a moment ago: nothing answers.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lines = succeeds(&mut hops("once", "memory:", "all", &format!("http://{gone}"))).await;
    assert!(lines.contains("could not be sent"), "{lines}");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_what_to_do() {
    for (variable, value, advice) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "`otlp` and `none`"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url", "OTEL_EXPORTER_OTLP_"),
    ] {
        let output = run(hops("once", "memory:", "all", "http://127.0.0.1:1").env(variable, value)).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{variable}={value}: {text}");
        assert!(text.contains(variable.rsplit_once('_').unwrap().0) && text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_said_and_not_fatal() {
    let receiver = Receiver::start().await;
    let lines = succeeds(hops("once", "memory:", "all", &receiver.endpoint()).env("RUST_LOG", "a=b=c")).await;
    assert!(lines.contains("RUST_LOG is not understood"), "{lines}");
}
