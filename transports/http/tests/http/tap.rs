//! A relay between a client and a server that remembers what the client sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What clients sent, one text for each connection.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<Vec<u8>>>>);

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
            let mut sent = self.0.lock().unwrap();
            sent.push(Vec::new());
            sent.len() - 1
        };
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let back = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            let _ = to_client.shutdown().await;
        });
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
            self.0.lock().unwrap()[connection].extend_from_slice(&buffer[..size]);
            if to_server.write_all(&buffer[..size]).await.is_err() {
                break;
            }
        }
        drop(to_server);
        let _ = back.await;
    }

    pub(crate) fn connections(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|sent| String::from_utf8_lossy(sent).into_owned()).collect()
    }
}
