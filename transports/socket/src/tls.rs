//! TLS on top of a socket, at either end.

use std::io;

use rustls::pki_types::ServerName;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_tls::{ClientTls, ServerTls, explain, explain_handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::endpoint::Endpoint;
use crate::socket::Socket;

/// Bytes read of a client that is turned away, so that it can read why.
const MAX_UNREAD: u64 = 64 * 1024;

/// The calling end. The files are read for each connection, so that a certificate that was renewed is shown from the next one
/// on.
///
/// # Errors
/// What went wrong, as the end of a sentence.
pub async fn secure(socket: Socket, endpoint: &Endpoint, tls: &ClientTls) -> Result<Socket, String> {
    let (Socket::Tcp(socket), Endpoint::Tcp { host, tls: true, .. }) = (socket, endpoint) else {
        return Err("TLS is spoken over TCP only".to_owned());
    };
    let tls = tls.clone();
    let config = tokio::task::spawn_blocking(move || tls.config(&[])).await;
    let config = config.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let name =
        ServerName::try_from(host.clone()).map_err(|_| format!("`{host}` is no name that a certificate can have"))?;
    let connected = TlsConnector::from(config).connect(name, socket).await;
    connected.map(|stream| Socket::Tls(Box::new(TlsStream::Client(stream)))).map_err(|error| {
        let problem = explain_handshake(&error);
        problem.unwrap_or_else(|| error.to_string())
    })
}

/// What the serving end needs, where the URL asks for TLS.
///
/// # Errors
/// When there is no certificate, or it cannot be used.
pub fn acceptor(endpoint: &Endpoint, tls: Option<&ServerTls>) -> Result<Option<TlsAcceptor>, Error> {
    let Endpoint::Tcp { tls: true, .. } = endpoint else { return Ok(None) };
    let Some(tls) = tls else {
        let text = format!(
            "cannot serve at {endpoint}: TLS needs a certificate and its key; add ?cert=FILE&key=FILE to the URL, or set \
             `Config::server_tls`"
        );
        return Err(Error::new(ErrorKind::InvalidUrl, text));
    };
    Ok(Some(TlsAcceptor::from(tls.config(&[])?)))
}

/// The serving end; a socket on which no TLS is spoken stays as it is.
///
/// # Errors
/// What went wrong, as the end of a sentence.
pub async fn accept(socket: Socket, acceptor: &TlsAcceptor) -> Result<Socket, String> {
    let Socket::Tcp(socket) = socket else { return Ok(socket) };
    match acceptor.accept(socket).into_fallible().await {
        Ok(stream) => Ok(Socket::Tls(Box::new(TlsStream::Server(stream)))),
        Err((error, mut socket)) => {
            // Closed with bytes unread, a socket resets the connection, and the alert that says why may be lost with it.
            if socket.shutdown().await.is_ok() {
                let mut rest = socket.take(MAX_UNREAD);
                // Nobody is left to be told of an error here.
                let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
            }
            Err(explain(&error).unwrap_or_else(|| error.to_string()))
        }
    }
}

/// Whether the other end ended the handshake over this end's certificate, or for want of one. In TLS 1.3 this end may have
/// thought it over by then, and sent calls, at which nobody looked.
pub fn is_turned_away(error: &io::Error) -> bool {
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
