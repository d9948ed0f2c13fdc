//! Sockets for the transports that own some: where a URL points, listening there, connecting there, and TLS on top.
//!
//! Bytes and nothing else: what is said over a socket is the transport's business.

mod endpoint;
mod error;
mod halves;
mod listen;
mod pause;
mod setup;
mod socket;
mod tls;

pub use endpoint::Endpoint;
pub use error::cannot_listen;
pub use halves::{ReadHalf, WriteHalf};
pub use listen::{Bound, Listening, bind, close, resolve};
pub use pause::pause_after;
pub use setup::connect;
pub use socket::Socket;
pub use tls::{accept, acceptor, is_turned_away, secure};
