//! Who is let in, and what is said to whom is not.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use thriftwood_core::ErrorKind;
use thriftwood_log::{ClientTls, Config, ConnectConfig, Pem, ServeConfig, ServerTls};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::raw::{Raw, hello};
use crate::served::Served;
use crate::support::{next, publish, soon, subscribe, subscriber};

#[tokio::test]
async fn a_client_without_the_right_token_is_refused_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let (tokens, mine) = (folder.path().join("tokens"), folder.path().join("mine"));
    std::fs::write(&tokens, "# ours\nfirst-token\n\nsecond-token\n").unwrap();
    let mut config = ServeConfig::default();
    config.token_file = Some(tokens.clone());
    let served = Served::with(config).await;
    let connect = async |token: Option<&str>| {
        let mut config = ConnectConfig::default();
        if let Some(token) = token {
            std::fs::write(&mine, token).unwrap();
            config.token_file = Some(mine.clone());
        }
        config.connect(&format!("log://{}", served.at())).await
    };
    for (token, part) in [
        (None, "wants a token; give the client one with `?token_file=FILE`"),
        (Some("third-token"), "none of those that this server knows"),
        (Some("first-toke"), "none of those"),
        (Some("# ours"), "the file is empty"),
    ] {
        let error = connect(token).await.unwrap_err();
        assert!(error.message().contains(part) && !error.message().contains("third"), "{token:?}: {error}");
    }
    let bus = connect(Some("second-token\n")).await.unwrap();
    publish(&bus, "emea", 1).await;
    std::fs::write(&tokens, "other-token").unwrap();
    assert_eq!(connect(Some("second-token")).await.unwrap_err().kind(), ErrorKind::Refused);
    publish(&bus, "emea", 2).await;
    connect(Some("other-token")).await.unwrap();
}

#[tokio::test]
async fn tokens_that_cannot_be_read_let_nobody_serve() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Config::default().open(folder.path().join("data")).await.unwrap();
    let mut config = ServeConfig::default();
    config.token_file = Some(folder.path().join("tokens"));
    let error = directory.serve("log://127.0.0.1:0", config.clone()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidUrl && error.message().contains("tokens"), "{error}");
    std::fs::write(folder.path().join("tokens"), "# none yet\n").unwrap();
    let error = directory.serve("log://127.0.0.1:0", config).await.unwrap_err();
    assert!(error.message().contains("there is none"), "{error}");
}

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::text(self.0.pem())
    }

    fn sign(&self) -> (Pem, Pem) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (Pem::text(certificate.pem()), Pem::text(key.serialize_pem()))
    }
}

#[tokio::test]
async fn tls_and_certificates_of_clients_let_in_whom_they_should() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (certificate, key) = ours.sign();
    let mut config = ServeConfig::default();
    config.tls = Some(ServerTls::new(certificate, key).admitting(ours.pem()));
    let served = Served::with(config).await;
    let port = served.at().rsplit_once(':').unwrap().1.to_owned();
    let connect = async |tls: ClientTls| {
        let mut config = ConnectConfig::default();
        config.tls = tls;
        config.connect(&format!("logs://localhost:{port}")).await
    };
    let known = |authority: &Authority| {
        let (certificate, key) = authority.sign();
        ClientTls::new().trusting(ours.pem()).showing(certificate, key)
    };
    let error = connect(ClientTls::new().trusting(theirs.pem())).await.unwrap_err();
    assert!(error.message().contains("signed by no authority that is trusted here"), "{error}");
    let error = connect(ClientTls::new().trusting(ours.pem())).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.message().contains("wants to see a certificate"), "{error}");
    let error = connect(known(&theirs)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.message().contains("authority"), "{error}");
    let plain = ConnectConfig::default().connect(&format!("log://localhost:{port}")).await.unwrap_err();
    assert!(plain.message().contains("logs://"), "{plain}");

    let bus = connect(known(&ours)).await.unwrap();
    let mut events = subscribe(&subscriber(&bus, "emea")).await;
    for number in 0..200 {
        publish(&bus, "emea", number).await;
        assert_eq!(*next(&mut events).await, number);
    }
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Config::default().open(folder.path().join("data")).await.unwrap();
    let path = folder.path().join("socket");
    let serving = directory.serve(&format!("unix:{}", path.display()), ServeConfig::default()).await.unwrap();
    let bus = thriftwood_log::connect_remote(&format!("log+unix:{}", path.display())).await.unwrap();
    publish(&bus, "emea", 1).await;
    bus.close().await.unwrap();
    serving.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn what_answers_and_is_no_log_server_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", "", "TWOODLO"] {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(words.as_bytes()).await.unwrap();
            // Read to the end, so that the words are not lost with a reset.
            socket.shutdown().await.unwrap();
            tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.ok();
        }
        let (silent, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(silent);
    });
    let mut config = ConnectConfig::default();
    config.connect_timeout = Duration::from_millis(300);
    for part in
        ["is no log server: it began with `H", "without a word", "is no log server", "nothing answered at log://"]
    {
        let url = format!("log://{at}");
        let error = soon("an answer", config.clone().connect(&url)).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unreachable && error.message().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn whoever_speaks_otherwise_or_not_at_all_is_turned_away() {
    let mut config = ServeConfig::default();
    config.hello_timeout = Duration::from_millis(200);
    let served = Served::with(config).await;
    let mut long = hello(1, 1, b"");
    long[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 2, 0, 1, 0], &[0; 64], b"TWOODLO", b"", &long] {
        let mut raw = Raw::connect(&served.at()).await;
        raw.say(bytes).await;
        assert_eq!(raw.up_to_the_end().await, b"", "{bytes:?}");
    }
    let mut raw = Raw::connect(&served.at()).await;
    raw.say(&hello(7, 9, b"")).await;
    let answer = String::from_utf8_lossy(&raw.up_to_the_end().await).into_owned();
    assert!(answer.contains("speaks versions 7 to 9 of the protocol, this server version 1"), "{answer}");
    publish(&served.bus().await, "emea", 1).await;
}
