//! The echo over volo-thrift: what volo-build makes of the same struct and service, many calls on one connection, with the other
//! defaults of both ends.
//!
//! `golden/volo.rs` is what volo-build 0.12.3 makes of `golden/volo.thrift`, as it stands.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use volo::net::incoming::DefaultIncoming;
use volo_thrift::ServerError;

#[path = "../../golden/volo.rs"]
#[allow(warnings, missing_docs, unsafe_code, clippy::all)]
mod generated;

use generated::r#gen::bench::echo::{Echo, EchoClientBuilder, EchoServer};
pub use generated::r#gen::bench::echo::{EchoClient, Note};

struct Mirror;

impl Echo for Mirror {
    async fn echo(&self, note: Note) -> Result<Note, ServerError> {
        Ok(note)
    }
}

/// Serves at a port that the system chooses, and tells it.
pub async fn serve(tell: impl FnOnce(u16)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    tell(listener.local_addr().expect("it is bound").port());
    let served = EchoServer::new(Mirror).multiplex(true).run(DefaultIncoming::from(listener)).await;
    served.expect("it serves");
}

/// A client, which any number of callers may clone. It connects with its first call.
pub fn connect(port: u16) -> EchoClient {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    EchoClientBuilder::new("bench-echo").address(address).multiplex(true).build()
}
