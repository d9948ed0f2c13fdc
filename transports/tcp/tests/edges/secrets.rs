//! TLS: calls over it, and what both ends say when there is none.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use thriftwood_core::{Bus, ErrorKind, RpcErrorKind, Serving};
use thriftwood_tcp::{ClientTls, Config, Pem, ServerTls};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Echo, bus_to, call, port_of, request};

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

    /// A certificate for this name, and its key.
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

async fn serve(tls: ServerTls) -> (Bus, Serving, u16) {
    let mut config = Config::default();
    config.server_tls = Some(tls);
    let bus = thriftwood_tcp::connect("tcps://localhost:0", config).unwrap();
    let serving = bus.serve("echo", Echo).await.unwrap();
    let port = port_of(&serving);
    (bus, serving, port)
}

fn client(port: u16, tls: ClientTls) -> Bus {
    let mut config = Config::default();
    config.client_tls = tls;
    thriftwood_tcp::connect(&format!("tcps://localhost:{port}"), config).unwrap()
}

#[tokio::test]
async fn calls_go_over_tls() {
    let authority = Authority::new("ours");
    let (server, _serving, port) = serve(authority.server()).await;
    let bus = client(port, ClientTls::new().trusting(authority.pem()));
    assert_eq!(bus.scheme(), "tcps");
    for id in 1..=100 {
        assert_eq!(call(&bus, id).await.unwrap(), Some(request(id)));
    }
    bus.close().await.unwrap();
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_url_names_the_files_of_both_ends() {
    let (authority, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority.0).unwrap();
    for (name, text) in [("ca", authority.0.pem()), ("cert", certificate.pem()), ("key", key.serialize_pem())] {
        std::fs::write(file(name), text).unwrap();
    }
    let connect = |url: &str| {
        let (server, config) = Config::from_url(url).unwrap();
        thriftwood_tcp::connect(&server, config).unwrap()
    };
    let own = format!("cert={}&key={}", file("cert"), file("key"));
    let server = connect(&format!("tcps://localhost:0?{own}&client_ca={}", file("ca")));
    let port = port_of(&server.serve("echo", Echo).await.unwrap());
    let url = format!("tcps://localhost:{port}?ca={}", file("ca"));
    assert_eq!(call(&connect(&format!("{url}&{own}")), 1).await.unwrap(), Some(request(1)));
    let error = call(&connect(&url), 2).await.unwrap_err();
    assert!(error.message().contains("does not let this side in"), "it shows no certificate: {error}");
    server.close().await.unwrap();
}

#[test]
fn options_of_a_url_are_for_tls_and_a_path_may_look_like_some() {
    let error = Config::from_url("tcp://localhost:1?ca=x").unwrap_err();
    assert!(error.message().contains("options are about certificates, and for tcps://"), "{error}");
    let error = Config::from_url("tcps://localhost:1?cert=x").unwrap_err();
    assert!(error.message().contains("`cert` and `key` belong together"), "{error}");
    assert_eq!(Config::from_url("unix:/run/what?").unwrap().0, "unix:/run/what?");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused_and_the_caller_told_why() {
    let (server, _serving, port) = serve(Authority::new("theirs").server()).await;
    let ours = Authority::new("ours");
    let error = call(&client(port, ClientTls::new().trusting(ours.pem())), 1).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Unavailable);
    let url = format!("tcps://localhost:{port}");
    for part in [&*url, "signed by no authority that is trusted here"] {
        assert!(error.message().contains(part), "{part:?} is not in: {error}");
    }
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_host_and_one_that_expired_are_told_apart() {
    let authority = Authority::new("ours");
    let (certificate, key) = authority.sign("elsewhere.example", |_| {});
    let (elsewhere, _serving, port) = serve(ServerTls::new(certificate, key)).await;
    let error = call(&client(port, ClientTls::new().trusting(authority.pem())), 1).await.unwrap_err();
    assert!(error.message().contains("elsewhere.example") && error.message().contains("not for localhost"), "{error}");
    elsewhere.close().await.unwrap();

    let (certificate, key) = authority.sign("localhost", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let (expired, _serving, port) = serve(ServerTls::new(certificate, key)).await;
    let error = call(&client(port, ClientTls::new().trusting(authority.pem())), 1).await.unwrap_err();
    assert!(error.message().contains("expired") && error.message().contains("days ago"), "{error}");
    expired.close().await.unwrap();
}

#[tokio::test]
async fn mutual_tls_lets_in_who_shows_a_certificate_of_the_right_authority() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("our clients"));
    let (server, _serving, port) = serve(authority.server().admitting(clients.pem())).await;
    let trusting = || ClientTls::new().trusting(authority.pem());

    let (certificate, key) = clients.sign("shop", |_| {});
    call(&client(port, trusting().showing(certificate, key)), 1).await.unwrap();

    let nobody = client(port, trusting());
    let error = call(&nobody, 2).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.message().contains("wants to see a certificate, and this side has none"), "{error}");

    let (certificate, key) = Authority::new("somebody else's").sign("shop", |_| {});
    let stranger = client(port, trusting().showing(certificate, key));
    let error = call(&stranger, 3).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.message().contains("this side's certificate"), "{error}");
    server.close().await.unwrap();
}

#[tokio::test]
async fn tls_to_a_plain_server_and_none_to_a_tls_server_end_in_words() {
    let authority = Authority::new("ours");
    let (plain, _serving, port) = crate::support::echo(Config::default()).await;
    let error = call(&client(port, ClientTls::new().trusting(authority.pem())), 1).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    for part in ["cannot speak TLS with", "hung up in the handshake", "one without, as tcp://"] {
        assert!(error.message().contains(part), "{part:?} is not in: {error}");
    }
    plain.close().await.unwrap();

    let (secured, _serving, port) = serve(authority.server()).await;
    let error = call(&bus_to(port), 1).await.unwrap_err();
    assert_eq!(error.kind(), RpcErrorKind::Protocol, "{error}");
    let text = format!(
        "what answers at tcp://127.0.0.1:{port} is no server of frames: it speaks TLS; should the URL begin with tcps://?"
    );
    assert_eq!(error.message(), text);
    call(&client(port, ClientTls::new().trusting(authority.pem())), 2).await.unwrap();
    secured.close().await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_certificate_and_one_with_the_wrong_key_do_not_start() {
    let bus = thriftwood_tcp::connect("tcps://localhost:0", Config::default()).unwrap();
    let error = bus.serve("echo", Echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert!(error.message().contains("server_tls"), "{error}");

    let authority = Authority::new("ours");
    let ((certificate, _), (_, key)) = (authority.sign("localhost", |_| {}), authority.sign("localhost", |_| {}));
    let mut config = Config::default();
    config.server_tls = Some(ServerTls::new(certificate, key));
    let bus = thriftwood_tcp::connect("tcps://localhost:0", config).unwrap();
    let error = bus.serve("echo", Echo).await.unwrap_err();
    assert!(error.message().contains("cannot be used"), "{error}");
}

#[tokio::test]
async fn a_certificate_file_is_read_anew_for_each_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("the old one"), Authority::new("the new one"));
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, old.0.pem()).unwrap();
    let (server, serving, port) = serve(old.server()).await;
    let bus = client(port, ClientTls::new().trusting(Pem::file(&path)));
    call(&bus, 1).await.unwrap();
    serving.stop().await;
    server.close().await.unwrap();

    std::fs::write(&path, new.0.pem()).unwrap();
    let mut config = Config::default();
    config.server_tls = Some(new.server());
    let server = thriftwood_tcp::connect(&format!("tcps://localhost:{port}"), config).unwrap();
    let _serving = server.serve("echo", Echo).await.unwrap();
    // The first call may still be lost with the old connection.
    if call(&bus, 2).await.is_err() {
        call(&bus, 3).await.unwrap();
    }
    server.close().await.unwrap();
}

/// Under TLS what is cut is a handshake or a record: in neither direction does the other end take that for the end of what was said.
#[tokio::test]
async fn a_connection_cut_anywhere_under_tls_is_an_error_to_the_caller_and_nothing_to_the_server() {
    /// More than a call takes either way.
    const ALL: u64 = 1 << 16;
    let authority = Authority::new("ours");
    let (server, _serving, port) = serve(authority.server()).await;
    for is_up in [true, false] {
        let mut cuts = 0;
        // Cut after so many bytes, which no part of the handshake has a multiple of, until they are enough for all of it.
        let error = |end: u64| {
            let (tls, limits) =
                (ClientTls::new().trusting(authority.pem()), if is_up { (end, ALL) } else { (ALL, end) });
            async move {
                let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let bus = client(relay.local_addr().unwrap().port(), tls);
                let relayed = tokio::spawn(relay_one(relay, port, limits));
                let reply = call(&bus, 1).await;
                relayed.abort();
                reply.err()
            }
        };
        while let Some(error) = error(cuts * 17).await {
            assert!(matches!(error.kind(), RpcErrorKind::Unavailable | RpcErrorKind::Disconnected), "{error}");
            cuts += 1;
        }
        assert!(cuts > 20, "only {cuts} cuts, up {is_up}");
    }
    assert_eq!(call(&client(port, ClientTls::new().trusting(authority.pem())), 2).await.unwrap(), Some(request(2)));
    server.close().await.unwrap();
}

/// Passes on what one connection says to this port, and what comes back, until either was so much.
async fn relay_one(relay: TcpListener, port: u16, (up, down): (u64, u64)) {
    let (client, server) = (relay.accept().await.unwrap().0, TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    let ((from_client, mut to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let (mut from_client, mut from_server) = (from_client.take(up), from_server.take(down));
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}
