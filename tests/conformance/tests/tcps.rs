//! The list of behaviours, over TCP with mutual TLS.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use rcgen::{CertifiedKey, generate_simple_self_signed};
use thriftwood::tcp::{ClientTls, Config, Pem, ServerTls};
use thriftwood_conformance::Fixture;

/// One bus at both ends, as over plain TCP, with one certificate that signed itself and is shown and trusted by both.
async fn connect(_test: &str) -> Option<Fixture> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate is made");
    let (certificate, key) = (Pem::text(cert.pem()), Pem::text(signing_key.serialize_pem()));
    let mut config = Config::default();
    config.client_tls = ClientTls::new().trusting(certificate.clone()).showing(certificate.clone(), key.clone());
    config.server_tls = Some(ServerTls::new(certificate.clone(), key).admitting(certificate));
    Some(Fixture::shared(thriftwood::tcp::connect("tcps://localhost:0", config).expect("nothing is opened yet")))
}

thriftwood_conformance::call_behaviours!(connect);
thriftwood_conformance::no_event_behaviours!(connect);
