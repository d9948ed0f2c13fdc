//! HTTP inside TLS: who is trusted, who is let in, and what is said when somebody is not.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use thriftwood_core::{Bus, ErrorKind, RpcErrorKind};
use thriftwood_http::tls::{ClientTls, Pem, ServerTls};
use thriftwood_http::{Config, connect};

use crate::support::{Desk, Did, echo, payload, served, soon, wait};
use crate::tap::Tap;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::text(self.0.pem())
    }

    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> (Pem, Pem) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (Pem::text(certificate.pem()), Pem::text(key.serialize_pem()))
    }

    fn server(&self) -> ServerTls {
        let (certificate, key) = self.sign(ExtendedKeyUsagePurpose::ServerAuth);
        ServerTls::new(certificate, key)
    }
}

/// A desk behind TLS, and where it is.
async fn secured(tls: ServerTls) -> (Bus, String, Desk, tokio::sync::mpsc::UnboundedReceiver<Did>) {
    let mut config = Config::default();
    config.server_tls = Some(tls);
    let (desk, did) = Desk::new();
    let bus = connect("https://127.0.0.1:0", config).unwrap();
    let host = bus.serve("desk", desk.clone()).await.unwrap().local_addr().unwrap().to_owned();
    (bus, host, desk, did)
}

fn caller(host: &str, tls: ClientTls) -> Bus {
    let mut config = Config::default();
    config.client_tls = tls;
    connect(&format!("https://{host}"), config).unwrap()
}

#[tokio::test]
async fn a_url_names_the_files_of_both_ends() {
    let (authority, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority.0).unwrap();
    for (name, text) in [("ca", authority.0.pem()), ("cert", certificate.pem()), ("key", key.serialize_pem())] {
        std::fs::write(file(name), text).unwrap();
    }
    let bus = |url: &str| {
        let (server, config) = Config::from_url(url).unwrap();
        connect(&server, config).unwrap()
    };
    let (desk, _did) = Desk::new();
    let server = bus(&format!("https://127.0.0.1:0?cert={}&key={}", file("cert"), file("key")));
    let host = server.serve("desk", desk).await.unwrap().local_addr().unwrap().to_owned();
    let client = bus(&format!("https://{host}?ca={}", file("ca")));
    client.rpc("desk").call_frame(echo(1, b"one")).await.unwrap();
    for url in [format!("http://{host}?ca=x"), format!("https://{host}?cafile=x")] {
        let refused = Config::from_url(&url).and_then(|(server, config)| connect(&server, config));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidUrl, "{url}");
    }
    server.close().await.unwrap();
}

#[tokio::test]
async fn calls_inside_tls_share_a_connection_by_http2() {
    let authority = Authority::new("ours");
    let (server, host, desk, mut did) = secured(authority.server()).await;
    let (tap, address) = Tap::on(&host).await;
    let client = caller(&address, ClientTls::new().trusting(authority.pem()));
    let reply = client.rpc("desk").call_frame(echo(1, b"hidden")).await.unwrap().unwrap();
    assert_eq!(payload(reply), "hidden");
    let calls: Vec<_> = (0..300)
        .map(|id| {
            let rpc = client.rpc("desk");
            tokio::spawn(async move { rpc.call_frame(wait(id)).await })
        })
        .collect();
    for _ in 0..300 {
        soon("a beginning", did.recv()).await;
    }
    desk.may.add_permits(300);
    for call in calls {
        soon("the reply", call).await.unwrap().unwrap();
    }
    let connections = tap.connections();
    assert_eq!(connections.len(), 1);
    assert!(!connections[0].contains("hidden"));
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_unavailable_and_the_error_says_why() {
    let (server, host, _, _) = secured(Authority::new("theirs").server()).await;
    let client = caller(&host, ClientTls::new().trusting(Authority::new("ours").pem()));
    let error = client.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    assert!(error.message().contains("signed by no authority that is trusted here"), "{error}");
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_client_without_a_certificate_is_turned_away_where_one_is_wanted() {
    let authority = Authority::new("ours");
    let (server, host, _, _) = secured(authority.server().admitting(authority.pem())).await;
    let trusting = ClientTls::new().trusting(authority.pem());
    let error = caller(&host, trusting.clone()).rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable, "{error}");
    let says = ["wants to see a certificate", "CertificateRequired"];
    assert!(says.iter().any(|says| error.message().contains(says)), "{error}");
    let (certificate, key) = authority.sign(ExtendedKeyUsagePurpose::ClientAuth);
    caller(&host, trusting.showing(certificate, key)).rpc("desk").call_frame(echo(2, b"")).await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn tls_on_one_side_alone_is_an_error_that_says_so() {
    let authority = Authority::new("ours");
    let (plain, host, _, _) = served(Config::default()).await;
    let client = caller(&host, ClientTls::new().trusting(authority.pem()));
    let error = client.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    assert!(error.message().contains("does not speak TLS; should the URL be one without"), "{error}");
    plain.close().await.unwrap();

    let (secure, host, _, _) = secured(authority.server()).await;
    let client = connect(&format!("http://{host}"), Config::default()).unwrap();
    let error = client.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Protocol, "{error}");
    assert!(
        error.message().contains("does not speak HTTP") && error.message().contains("begin with https://"),
        "{error}"
    );
    secure.close().await.unwrap();
}

#[tokio::test]
async fn certificates_that_are_no_use_are_found_before_anything_is_sent() {
    let (desk, _) = Desk::new();
    let bus = connect("https://127.0.0.1:0", Config::default()).unwrap();
    let error = bus.serve("desk", desk.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("server_tls"), "{error}");

    let mut config = Config::default();
    config.server_tls = Some(ServerTls::new(Pem::file("absent.pem"), Pem::file("absent.key")));
    let error = connect("https://127.0.0.1:0", config).unwrap().serve("desk", desk).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert!(error.message().contains("absent.pem"), "{error}");

    let client = caller("127.0.0.1:9", ClientTls::new().trusting(Pem::file("absent.pem")));
    let error = client.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::InvalidRequest);
    assert!(error.message().contains("absent.pem"), "{error}");
}

#[tokio::test]
async fn a_file_that_was_not_there_at_the_first_call_is_read_by_the_next() {
    let authority = Authority::new("the shop's");
    let (secure, host, _, _) = secured(authority.server()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let client = caller(&host, ClientTls::new().trusting(Pem::file(&file)));
    let error = client.rpc("desk").call_frame(echo(1, b"")).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::InvalidRequest, "{error}");
    std::fs::write(&file, authority.0.pem()).unwrap();
    client.rpc("desk").call_frame(echo(2, b"")).await.unwrap();
    secure.close().await.unwrap();
}
