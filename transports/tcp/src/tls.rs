//! TLS on top of a socket, at either end.

use std::io;

use rustls::pki_types::ServerName;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_tls::{ClientTls, explain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::stream::Kind;

/// Bytes read of a client that is turned away, so that it can read why.
const MAX_UNREAD: u64 = 64 * 1024;

/// The calling end. The files are read for each connection, so that a certificate that was renewed is shown from the next one
/// on.
pub(crate) async fn connect(socket: Kind, endpoint: &Endpoint, tls: &ClientTls) -> Result<Kind, String> {
    let (Kind::Tcp(socket), Endpoint::Tcp { host, tls: true, .. }) = (socket, endpoint) else {
        return Err("TLS is spoken over TCP only".to_owned());
    };
    let tls = tls.clone();
    let config = tokio::task::spawn_blocking(move || tls.config(&[])).await;
    let config = config.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let name =
        ServerName::try_from(host.clone()).map_err(|_| format!("`{host}` is no name that a certificate can have"))?;
    let connected = TlsConnector::from(config).connect(name, socket).await;
    connected.map(|stream| Kind::Tls(Box::new(TlsStream::Client(stream)))).map_err(|error| problem(&error))
}

/// What the serving end needs, where the URL asks for TLS.
pub(crate) fn acceptor(endpoint: &Endpoint, config: &Config) -> Result<Option<TlsAcceptor>, Error> {
    let Endpoint::Tcp { tls: true, .. } = endpoint else { return Ok(None) };
    let Some(tls) = &config.server_tls else {
        let text = format!("cannot serve at {endpoint}: TLS needs a certificate and its key; set `Config::server_tls`");
        return Err(Error::new(ErrorKind::InvalidUrl, text));
    };
    Ok(Some(TlsAcceptor::from(tls.config(&[])?)))
}

/// The serving end.
pub(crate) async fn accept(socket: Kind, acceptor: &TlsAcceptor) -> Result<Kind, String> {
    let Kind::Tcp(socket) = socket else { return Ok(socket) };
    match acceptor.accept(socket).into_fallible().await {
        Ok(stream) => Ok(Kind::Tls(Box::new(TlsStream::Server(stream)))),
        Err((error, mut socket)) => {
            // Closed with bytes unread, a socket resets the connection, and the alert that says why may be lost with it.
            if socket.shutdown().await.is_ok() {
                let mut rest = socket.take(MAX_UNREAD);
                // Nobody is left to be told of an error here.
                let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
            }
            Err(problem(&error))
        }
    }
}

/// Whether the other end ended the handshake over this end's certificate, or for want of one. In TLS 1.3 this end may have
/// thought it over by then, and sent calls, at which nobody looked.
pub(crate) fn is_turned_away(error: &io::Error) -> bool {
    use rustls::AlertDescription as Alert;
    let alert = error.get_ref().and_then(|error| error.downcast_ref());
    let Some(rustls::Error::AlertReceived(alert)) = alert else { return false };
    matches!(
        alert,
        Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRequired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::DecryptError
            | Alert::HandshakeFailure
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate
    )
}

fn problem(error: &io::Error) -> String {
    explain(error).unwrap_or_else(|| error.to_string())
}
