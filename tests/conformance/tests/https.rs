//! The list of behaviours, over HTTP inside TLS.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use rcgen::{CertifiedKey, generate_simple_self_signed};
use thriftwood::http::tls::{ClientTls, Pem, ServerTls};
use thriftwood::http::{Config, connect as connect_with};
use thriftwood_conformance::Fixture;

/// One bus at both ends, since nobody knows the port before it is bound. It has real connections to itself, and trusts only
/// itself.
async fn connect(_test: &str) -> Option<Fixture> {
    let names = vec!["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate is made");
    let mut config = Config::default();
    config.server_tls = Some(ServerTls::new(Pem::text(cert.pem()), Pem::text(signing_key.serialize_pem())));
    config.client_tls = ClientTls::new().trusting(Pem::text(cert.pem()));
    Some(Fixture::shared(connect_with("https://127.0.0.1:0", config).expect("nothing is opened yet")))
}

thriftwood_conformance::call_behaviours!(connect);
thriftwood_conformance::no_event_behaviours!(connect);
