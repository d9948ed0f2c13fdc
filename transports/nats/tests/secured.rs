//! Servers that want to know who is there: passwords, TLS, client certificates.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::event::{PublishOptions, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Error, ErrorKind, RpcErrorKind};
use thriftwood_nats::connect;
use thriftwood_test_support::NatsServer;

#[tokio::test]
async fn a_password_in_the_url_lets_in_and_a_wrong_one_does_not() {
    let configuration = "authorization { user: ann, password: \"s3@cret\" }";
    let test = "a_password_in_the_url_lets_in_and_a_wrong_one_does_not";
    let Some(server) = NatsServer::start_with(test, configuration) else { return };
    let host = server.url().replace("nats://", "");
    connect(&format!("nats://ann:s3%40cret@{host}")).await.unwrap().close().await.unwrap();
    for url in [format!("nats://ann:guess@{host}"), server.url()] {
        let error = connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(!error.message().contains("guess"), "{error}");
    }
}

/// A certificate authority, and a certificate by it with its key, as PEM files.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join(name), issuer.pem()).unwrap();
        Self(issuer)
    }

    fn issue(&self, folder: &Path, name: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

#[tokio::test]
async fn tls_wants_a_known_authority_and_may_want_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let file = |name: &str| path.join(name).display().to_string();
    let ours = Authority::new(path, "ca.pem");
    ours.issue(path, "server");
    ours.issue(path, "client");
    Authority::new(path, "stranger.pem").issue(path, "stranger");
    let configuration = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true, timeout: 5 }}",
        file("server.pem"),
        file("server.key"),
        file("ca.pem")
    );
    let test = "tls_wants_a_known_authority_and_may_want_a_certificate";
    let Some(server) = NatsServer::start_with(test, &configuration) else { return };
    let with = |ca: &str, certificate: &str| {
        let (cert, key) = (file(&format!("{certificate}.pem")), file(&format!("{certificate}.key")));
        format!("{}?ca={}&cert={cert}&key={key}&timeout=5000", server.url(), file(ca))
    };
    connect(&with("ca.pem", "client")).await.unwrap().close().await.unwrap();
    let strange_server = connect(&with("stranger.pem", "client")).await.unwrap_err();
    assert_eq!(strange_server.kind(), ErrorKind::Unreachable, "{strange_server}");
    let strange_client = connect(&with("ca.pem", "stranger")).await.unwrap_err();
    assert_eq!(strange_client.kind(), ErrorKind::Unreachable, "{strange_client}");
    let no_certificate = connect(&format!("{}?ca={}", server.url(), file("ca.pem"))).await.unwrap_err();
    assert_eq!(no_certificate.kind(), ErrorKind::Unreachable, "{no_certificate}");
    let no_file = connect(&with("nothing.pem", "client")).await.unwrap_err();
    assert!(no_file.message().contains("nothing.pem"), "{no_file}");
}

#[tokio::test]
async fn a_token_in_the_url_lets_in() {
    let test = "a_token_in_the_url_lets_in";
    let Some(server) = NatsServer::start_with(test, "authorization { token: t0ken }") else { return };
    let host = server.url().replace("nats://", "");
    connect(&format!("nats://t0ken@{host}")).await.unwrap().close().await.unwrap();
    assert_eq!(connect(&server.url()).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_subscription_that_the_server_does_not_permit_fails_at_once_and_says_so() {
    let test = "a_subscription_that_the_server_does_not_permit_fails_at_once_and_says_so";
    let rules = r#"authorization { users = [ { user: shop, password: pw, permissions: {
        subscribe: { deny: ["private.>", "frugal.private.>"] } } } ] }"#;
    let Some(server) = NatsServer::start_with(test, rules) else { return };
    let bus = connect(&server.url().replace("nats://", "nats://shop:pw@")).await.unwrap();
    for group in ["q", ""] {
        let refused = bus.serve("private.till", Silent).queue_group(group).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.message().contains("`private.till`"), "{refused}");
    }
    for group in [None, Some("mailer".to_owned())] {
        let mut options = SubscribeOptions::default();
        options.group = group;
        let filter = TopicFilter { pattern: "private.Sales.*".into(), stream: "s".into() };
        let refused = bus.subscribe_frames(filter, options).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.message().contains("`frugal.private.Sales.*`"), "{refused}");
    }
    // The connection lives, and serves what it may.
    let served = bus.serve("public.till", Silent).await.unwrap();
    served.stop().await;
}

/// The server says so of the first one only after it was published; further ones fail without being sent.
#[tokio::test]
async fn an_event_for_a_subject_that_the_server_does_not_permit_fails_once_the_server_has_said_so() {
    let test = "an_event_for_a_subject_that_the_server_does_not_permit_fails_once_the_server_has_said_so";
    let rules = r#"authorization { users = [ { user: shop, password: pw, permissions: {
        publish: { deny: ["frugal.private.>"] } } } ] }"#;
    let Some(mut server) = NatsServer::start_with(test, rules) else { return };
    let bus = connect(&server.url().replace("nats://", "nats://shop:pw@")).await.unwrap();
    let topic = |name: &str| Topic { name: name.to_owned(), stream: "s".into() };
    let (private, public) = (topic("private.Sales.Sold"), topic("public.Sales.Sold"));
    let frame = || Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 0, 0]);
    let publish = |topic| bus.publish_frame(topic, frame(), PublishOptions::default());
    let until = |is_over: fn(&Result<(), Error>) -> bool| {
        let (publish, private) = (&publish, &private);
        async move {
            let published = async {
                loop {
                    let published = publish(private).await;
                    if is_over(&published) {
                        return published;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), published).await.unwrap()
        }
    };
    let refused = until(Result::is_err).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    assert!(refused.message().contains("publish to `frugal.private.Sales.Sold`"), "{refused}");
    for _ in 0..10 {
        assert_eq!(publish(&private).await.unwrap_err().kind(), ErrorKind::Refused, "it stays so for a while");
        publish(&public).await.unwrap();
    }
    // Another connection may be let do what this one is not.
    server.restart();
    until(Result::is_ok).await.unwrap();
    until(Result::is_err).await.unwrap_err();
    publish(&public).await.unwrap();
}

/// A server that is told to read its configuration again changes what users may do, and leaves their connections alone.
#[tokio::test]
async fn a_subject_that_is_permitted_after_all_takes_events_again_on_the_same_connection() {
    let test = "a_subject_that_is_permitted_after_all_takes_events_again_on_the_same_connection";
    // Another folder of temporary files beside the server's own; what is included is looked for from there.
    let folder = tempfile::tempdir().unwrap();
    let deny = |denied: &str| {
        let rules = format!(
            r#"authorization {{ users = [
                {{ user: shop, password: pw, permissions: {{ publish: {{ deny: ["{denied}"] }} }} }}
                {{ user: ear, password: pw }} ] }}"#
        );
        std::fs::write(folder.path().join("rules.conf"), rules).unwrap();
    };
    deny("frugal.private.>");
    let include = format!("include \"../{}/rules.conf\"", folder.path().file_name().unwrap().display());
    let Some(server) = NatsServer::start_with(test, &include) else { return };
    let ear = async_nats::ConnectOptions::with_user_and_password("ear".to_owned(), "pw".to_owned());
    let ear = ear.connect(server.url()).await.unwrap();
    let mut heard = ear.subscribe("frugal.private.Sales.Sold").await.unwrap();
    ear.flush().await.unwrap();
    let bus = connect(&server.url().replace("nats://", "nats://shop:pw@")).await.unwrap();
    let topic = Topic { name: "private.Sales.Sold".to_owned(), stream: "s".into() };
    let publish = || bus.publish_frame(&topic, Bytes::from_static(b"event"), PublishOptions::default());
    let refused = async {
        while let Ok(()) = publish().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    deny("frugal.other.>");
    let reload = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(reload.unwrap().success());
    let flows = async {
        loop {
            if let Err(error) = publish().await {
                assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            }
            // Nothing tells when the server has read its configuration; this asks again.
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(50), heard.next()).await {
                return message.expect("the connection lives");
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), flows).await.expect("it stays refused");
}

/// The first call takes its whole time.
#[tokio::test]
async fn a_call_to_a_subject_that_the_server_does_not_permit_fails_once_the_server_has_said_so() {
    let test = "a_call_to_a_subject_that_the_server_does_not_permit_fails_once_the_server_has_said_so";
    let rules = r#"authorization { users = [ { user: shop, password: pw, permissions: {
        publish: { deny: ["private.>"] } } } ] }"#;
    let Some(server) = NatsServer::start_with(test, rules) else { return };
    let bus = connect(&server.url().replace("nats://", "nats://shop:pw@")).await.unwrap();
    let frame = Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 0, 0]);
    let call = |address, operation_id| {
        let (rpc, frame) = (bus.rpc(address), frame.clone());
        async move { rpc.call_frame(Outbound { operation_id, frame, oneway: false }).await }
    };
    let refused = async {
        for operation_id in 1.. {
            match tokio::time::timeout(Duration::from_millis(50), call("private.till", operation_id)).await {
                Err(_) => {}
                Ok(called) => return called.unwrap_err(),
            }
        }
        unreachable!("it calls for ever")
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    assert_eq!(refused.kind(), RpcErrorKind::InvalidRequest, "{refused}");
    assert!(refused.message().contains("publish to `private.till`"), "{refused}");
    assert_eq!(call("public.till", 0).await.unwrap_err().kind(), RpcErrorKind::Unavailable, "nobody serves that");
}

/// Answers nothing.
struct Silent;

impl Handler for Silent {
    fn service(&self) -> &'static str {
        "Silent"
    }

    fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(std::future::ready(None))
    }
}
