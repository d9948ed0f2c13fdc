//! Real handshakes, and what is said when one fails.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::io;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::ServerName;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_tls::{ClientTls, Pem, ServerTls, explain, explain_handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::text(self.0.pem())
    }

    /// A certificate and its key.
    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (Pem, Pem) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (Pem::text(certificate.pem()), Pem::text(key.serialize_pem()))
    }

    fn server(&self) -> ServerTls {
        let (certificate, key) = self.sign("localhost", |_| {});
        ServerTls::new(certificate, key)
    }
}

/// A handshake and a byte each way; what went wrong at the client and at the server.
async fn handshake(client: &ClientTls, server: &ServerTls) -> (io::Result<Option<Vec<u8>>>, io::Result<()>) {
    let connector = TlsConnector::from(client.config(&["h2", "http/1.1"]).unwrap());
    let acceptor = TlsAcceptor::from(server.config(&["h2"]).unwrap());
    let (near, far) = tokio::io::duplex(64 * 1024);
    let served = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        let byte = stream.read_u8().await?;
        stream.write_all(&[byte]).await?;
        stream.shutdown().await
    });
    let called = async {
        let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), near).await?;
        stream.write_all(b"x").await?;
        stream.read_u8().await?;
        Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    (called.await, served.await.unwrap())
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to_and_the_best_protocol_of_both_is_chosen() {
    let authority = Authority::new("ours");
    let (called, served) = handshake(&ClientTls::new().trusting(authority.pem()), &authority.server()).await;
    assert_eq!(called.unwrap().as_deref(), Some(&b"h2"[..]));
    served.unwrap();
}

#[tokio::test]
async fn a_failed_handshake_says_which_certificate_and_why() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let client = ClientTls::new().trusting(ours.pem());
    let of = |(certificate, key)| ServerTls::new(certificate, key);
    let expired = ours.sign("localhost", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 2, 1);
    });
    for (server, says) in [
        (theirs.server(), "signed by no authority that is trusted here"),
        (of(ours.sign("elsewhere.example", |_| {})), "elsewhere.example"),
        (of(expired), "days ago"),
    ] {
        let (called, _) = handshake(&client, &server).await;
        let said = explain(&called.unwrap_err()).unwrap();
        assert!(said.contains(says), "{says:?} is not in {said}");
    }
}

#[tokio::test]
async fn a_server_that_wants_certificates_lets_in_those_of_its_authority_only() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = ours.server().admitting(ours.pem());
    let client = ClientTls::new().trusting(ours.pem());
    let for_clients = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };

    let (certificate, key) = ours.sign("client", for_clients);
    let (called, served) = handshake(&client.clone().showing(certificate, key), &server).await;
    called.unwrap();
    served.unwrap();

    let (called, served) = handshake(&client, &server).await;
    let said = explain(&called.unwrap_err()).unwrap();
    assert!(said.contains("wants to see a certificate"), "{said}");
    let said = explain(&served.unwrap_err()).unwrap();
    assert!(said.contains("showed no certificate"), "{said}");

    let (certificate, key) = theirs.sign("client", for_clients);
    let (called, _) = handshake(&client.showing(certificate, key), &server).await;
    let said = explain(&called.unwrap_err()).unwrap();
    assert!(said.contains("authority that signed this side's certificate"), "{said}");
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_named_as_such() {
    let connector = TlsConnector::from(ClientTls::new().trusting(Authority::new("ours").pem()).config(&[]).unwrap());
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let error = connector.connect(ServerName::try_from("localhost").unwrap(), near).await.unwrap_err();
    let text = "the peer does not speak TLS; should the URL be one without, as tcp://, http:// and log:// are?";
    assert_eq!(explain(&error).as_deref(), Some(text));
    assert_eq!(explain(&io::Error::other("no TLS here")), None);

    let (near, far) = tokio::io::duplex(1024);
    drop(far);
    let error = connector.connect(ServerName::try_from("localhost").unwrap(), near).await.unwrap_err();
    // As hyper hands it on.
    let said = explain_handshake(&io::Error::other(error)).unwrap();
    assert!(said.contains("hung up in the handshake") && said.contains("one without, as tcp://"), "{said}");
    assert_eq!(explain_handshake(&io::Error::other("no TLS here")), None);
}

#[test]
fn files_that_are_no_use_are_named_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, other) =
        (Authority::new("ours").sign("localhost", |_| {}), Authority::new("ours").sign("localhost", |_| {}));
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").unwrap();
    let torn = folder.path().join("torn.pem");
    std::fs::write(&torn, "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    let absent = folder.path().join("absent.pem");
    let file = |path: &Path| Pem::file(path);
    for (server, says) in [
        (ServerTls::new(file(&absent), mine.1.clone()), "absent.pem cannot be read"),
        (ServerTls::new(file(&empty), mine.1.clone()), "no certificate in"),
        (ServerTls::new(file(&torn), mine.1.clone()), "torn.pem cannot be understood"),
        (ServerTls::new(mine.0.clone(), file(&empty)), "no private key in"),
        (ServerTls::new(mine.0.clone(), other.1), "cannot be used"),
    ] {
        let error = Error::from(server.config(&[]).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidUrl);
        assert!(error.message().contains(says), "{says:?} is not in {error}");
        assert!(!format!("{server:?}{error}").contains("PRIVATE"), "{error}");
    }
}
