//! A server in operator mode: users prove themselves by a credentials file, which holds a JWT by their account and a seed of their own.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use nkeys::KeyPair;
use serde_json::{Value, json};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::{Message, MessageType};
use thriftwood_core::frame::FrameBuilder;
use thriftwood_core::transport::Outbound;
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind};
use thriftwood_nats::connect;
use thriftwood_test_support::NatsServer;

/// A JWT as NATS has them (its ADR-14): what one key says of another, signed with Ed25519.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value, expires: Option<u64>) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "jti": format!("{name}-{now}"), "iat": now, "name": name,
        "iss": issuer.public_key(), "sub": subject.public_key(), "nats": nats,
    });
    if let Some(expires) = expires {
        claims["exp"] = expires.into();
    }
    let signed = format!("{}.{}", part(json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap()))
}

/// An operator and an account that it vouches for.
struct Operator {
    operator: KeyPair,
    account: KeyPair,
    folder: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { operator: KeyPair::new_operator(), account: KeyPair::new_account(), folder }
    }

    /// What a server must know to let the account's users in. The other account is the server's own, which JetStream wants.
    fn configuration(&self) -> String {
        let system = KeyPair::new_account();
        let vouched = |account: &KeyPair, name: &str| {
            let limits = json!({
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            });
            let claims = json!({ "type": "account", "version": 2, "limits": limits });
            format!("{}: {}", account.public_key(), jwt(&self.operator, account, name, &claims, None))
        };
        let operator = json!({ "type": "operator", "version": 2, "system_account": system.public_key() });
        format!(
            "operator: {}\nresolver: MEMORY\nsystem_account: {}\nresolver_preload: {{\n{}\n{}\n}}\n",
            jwt(&self.operator, &self.operator, "house", &operator, None),
            system.public_key(),
            vouched(&system, "SYS"),
            vouched(&self.account, "SHOP"),
        )
    }

    /// The credentials file of a user whose JWT is by this account. With another seed than its own it proves nothing.
    fn credentials(&self, name: &str, by: &KeyPair, seed: Option<&KeyPair>, expires: Option<u64>) -> PathBuf {
        let user = KeyPair::new_user();
        let claims = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
            "pub": { "allow": [">"] }, "sub": { "allow": [">"] },
        });
        let token = jwt(by, &user, name, &claims, expires);
        let seed = seed.unwrap_or(&user).seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let file = self.folder.path().join(format!("{name}.creds"));
        std::fs::write(&file, text).unwrap();
        file
    }
}

async fn with(server: &NatsServer, credentials: &Path) -> Result<Bus, Error> {
    connect(&format!("{}?creds={}&timeout=5000", server.url(), credentials.display())).await
}

/// Answers a request with an empty reply.
struct Yes;

impl Handler for Yes {
    fn service(&self) -> &'static str {
        "Yes"
    }

    fn handle(&self, _: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(async { Some(frame(MessageType::Reply)) })
    }
}

fn frame(kind: MessageType) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", "1");
    frame.message(Message::new("m", kind), |_| {}).unwrap()
}

#[tokio::test]
async fn a_credentials_file_lets_in_whom_an_account_of_the_operator_vouches_for_and_nobody_else() {
    let test = "a_credentials_file_lets_in_whom_an_account_of_the_operator_vouches_for_and_nobody_else";
    let house = Operator::new();
    let Some(server) = NatsServer::start_with(test, &house.configuration()) else { return };
    let serving = with(&server, &house.credentials("ann", &house.account, None, None)).await.unwrap();
    serving.serve("svc", Yes).await.unwrap();
    let calling = with(&server, &house.credentials("bob", &house.account, None, None)).await.unwrap();
    let outbound = Outbound { operation_id: 1, frame: frame(MessageType::Call), oneway: false };
    let reply = tokio::time::timeout(Duration::from_secs(20), calling.rpc("svc").call_frame(outbound)).await;
    assert_eq!(reply.unwrap().unwrap(), Some(frame(MessageType::Reply)));

    let stranger = house.credentials("stranger", &KeyPair::new_account(), None, None);
    let thief = house.credentials("thief", &house.account, Some(&KeyPair::new_user()), None);
    let late = house.credentials("late", &house.account, None, Some(1));
    for credentials in [stranger, thief, late] {
        let error = with(&server, &credentials).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{}: {error}", credentials.display());
        assert!(!error.message().contains("BEGIN"), "{error}");
    }
    assert_eq!(connect(&server.url()).await.unwrap_err().kind(), ErrorKind::Refused, "without any");

    let missing = with(&server, &house.folder.path().join("nobody.creds")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Refused);
    assert!(missing.message().contains("nobody.creds"), "{missing}");
    let empty = house.folder.path().join("empty.creds");
    std::fs::write(&empty, "no credentials").unwrap();
    let error = with(&server, &empty).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("empty.creds"), "{error}");
    calling.close().await.unwrap();
    serving.close().await.unwrap();
}
