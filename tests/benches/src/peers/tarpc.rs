//! The echo over tarpc: bincode, with the defaults of both ends.

use futures_util::StreamExt;
use tarpc::client;
use tarpc::context::Context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

/// The message that is echoed: the same fields as `Note` of `idl/echo.frugal`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    pub id: i64,
    pub kind: i32,
    pub author: String,
    pub text: String,
}

/// Gives back what it gets.
#[tarpc::service]
pub trait Echo {
    /// Gives back the note.
    async fn echo(note: Note) -> Note;
}

#[derive(Clone)]
struct Mirror;

impl Echo for Mirror {
    async fn echo(self, _: Context, note: Note) -> Note {
        note
    }
}

/// Serves at a port that the system chooses, and tells it.
pub async fn serve(tell: impl FnOnce(u16)) {
    let mut incoming = tcp::listen("127.0.0.1:0", Bincode::default).await.expect("a port is free");
    tell(incoming.local_addr().port());
    while let Some(transport) = incoming.next().await {
        let channel = BaseChannel::with_defaults(transport.expect("it connects"));
        tokio::spawn(channel.execute(Mirror.serve()).for_each(|call| async {
            tokio::spawn(call);
        }));
    }
}

/// A client, which any number of callers may clone.
pub async fn connect(port: u16) -> EchoClient {
    let transport = tcp::connect(("127.0.0.1", port), Bincode::default).await.expect("it listens");
    let mut config = client::Config::default();
    config.max_in_flight_requests = 4096;
    config.pending_request_buffer = 4096;
    EchoClient::new(config, transport).spawn()
}
