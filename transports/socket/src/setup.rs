//! Sockets that are connected, set up so that a lost peer is noticed.
//!
//! A peer that went without a word (its machine lost power, a cable was pulled, a firewall forgot the connection) is noticed by
//! the kernel: TCP's keepalive asks one that is silent, and `TCP_USER_TIMEOUT` gives up on one that acknowledges nothing or
//! never reads. A ping of our own would find no more than a process that hangs, which each call's time limit finds too; it
//! would cost a timer per connection, and Frugal's peers would not answer it.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::endpoint::Endpoint;
use crate::socket::Socket;

/// Connects, so that a peer which is gone without a word is noticed within `silence`. TLS, where it is spoken, comes on top: see
/// [`secure`](crate::secure).
///
/// # Errors
/// What the system says.
pub async fn connect(endpoint: &Endpoint, silence: Duration) -> io::Result<Socket> {
    match endpoint {
        Endpoint::Tcp { port: 0, .. } => {
            let problem = "port 0 is for servers, which let the system choose one, and this bus serves nothing";
            Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
        }
        Endpoint::Tcp { host, port, .. } => {
            let socket = TcpStream::connect((&**host, *port)).await?;
            set_up(&socket, silence)?;
            Ok(Socket::Tcp(socket))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(no_unix()),
    }
}

/// Small frames leave at once, since writes are put together before they come here, and a peer that is gone is noticed within
/// `silence`.
pub(crate) fn set_up(stream: &TcpStream, silence: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    // The first question after half of the time, two more, and the end after the whole of it.
    let quarter = (silence / 4).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(quarter * 2);
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_interval(quarter).with_retries(2);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(quarter * 4))?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn no_unix() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_peer_is_asked_twice_and_given_up_after_the_silence() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        set_up(&stream, Duration::from_secs(20)).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 2);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(20)));
        set_up(&stream, Duration::ZERO).unwrap();
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(4)));
    }
}
