//! A relay between a client and a server that remembers what the client sent, and falls silent when it is told to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Default)]
pub(crate) struct Tap {
    /// What clients sent, one text for each connection.
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    silent: CancellationToken,
}

impl Tap {
    /// Relays to `host` from an address of its own, which is given back.
    pub(crate) async fn on(host: &str) -> (Self, String) {
        let (tap, host) = (Self::default(), host.to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let relays = tap.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relays.clone().relay(client, host.clone()));
            }
        });
        (tap, address)
    }

    async fn relay(self, client: TcpStream, host: String) {
        let Ok(server) = TcpStream::connect(host).await else { return };
        let connection = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(Vec::new());
            sent.len() - 1
        };
        let silent = self.silent.clone();
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let back = tokio::spawn(async move {
            tokio::select! {
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
                // With both sockets open, as when a cable is pulled.
                () = silent.cancelled() => std::future::pending().await,
            }
            let _ = to_client.shutdown().await;
        });
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
            if self.silent.is_cancelled() {
                std::future::pending::<()>().await;
            }
            self.sent.lock().unwrap()[connection].extend_from_slice(&buffer[..size]);
            if to_server.write_all(&buffer[..size]).await.is_err() {
                break;
            }
        }
        drop(to_server);
        let _ = back.await;
    }

    /// Passes nothing on any more, in either direction.
    pub(crate) fn fall_silent(&self) {
        self.silent.cancel();
    }

    pub(crate) fn connections(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|sent| String::from_utf8_lossy(sent).into_owned()).collect()
    }
}
