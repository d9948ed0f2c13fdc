//! The two directions of a socket, each for a task of its own; and files that go out without passing through this process.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp;
#[cfg(unix)]
use tokio::net::unix;
use tokio_rustls::TlsStream;

use crate::Socket;

/// Where bytes come from.
pub enum ReadHalf {
    /// Plain TCP.
    Tcp(tcp::OwnedReadHalf),
    /// TCP with TLS.
    Tls(tokio::io::ReadHalf<Box<TlsStream<TcpStream>>>),
    /// A unix socket.
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

/// Where bytes go to. Dropped, it says to the other end that there is no more.
pub enum WriteHalf {
    /// Plain TCP.
    Tcp(tcp::OwnedWriteHalf),
    /// TCP with TLS.
    Tls(tokio::io::WriteHalf<Box<TlsStream<TcpStream>>>),
    /// A unix socket.
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

impl ReadHalf {
    pub(crate) fn of(socket: Socket) -> (Self, WriteHalf) {
        match socket {
            Socket::Tcp(socket) => {
                let (read, write) = socket.into_split();
                (Self::Tcp(read), WriteHalf::Tcp(write))
            }
            Socket::Tls(socket) => {
                let (read, write) = tokio::io::split(socket);
                (Self::Tls(read), WriteHalf::Tls(write))
            }
            #[cfg(unix)]
            Socket::Unix(socket) => {
                let (read, write) = socket.into_split();
                (Self::Unix(read), WriteHalf::Unix(write))
            }
        }
    }
}

impl WriteHalf {
    /// Whether [`send_file`](WriteHalf::send_file) works here: where bytes go out as they are.
    pub fn sends_files(&self) -> bool {
        cfg!(target_os = "linux") && !matches!(self, Self::Tls(_))
    }

    /// Sends up to `length` bytes of a file from `position` on, as many as the socket takes at once (`sendfile`). Gives how many;
    /// none where the file ends.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where [`sends_files`](WriteHalf::sends_files) says no.
    pub async fn send_file(&self, file: &File, position: u64, length: usize) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => {
                let socket: &TcpStream = half.as_ref();
                socket.async_io(Interest::WRITABLE, || send_file(socket, file, position, length)).await
            }
            #[cfg(unix)]
            Self::Unix(half) => {
                let socket: &tokio::net::UnixStream = half.as_ref();
                socket.async_io(Interest::WRITABLE, || send_file(socket, file, position, length)).await
            }
            Self::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[cfg(target_os = "linux")]
fn send_file(socket: impl std::os::fd::AsFd, file: &File, mut position: u64, length: usize) -> io::Result<usize> {
    loop {
        match rustix::fs::sendfile(&socket, file, Some(&mut position), length) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return Ok(sent?),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn send_file<S>(_: S, _: &File, _: u64, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Calls the same method of whichever half it is.
macro_rules! each {
    ($name:ident, $half:expr, $socket:ident => $call:expr) => {
        match $half {
            $name::Tcp($socket) => $call,
            $name::Tls($socket) => $call,
            #[cfg(unix)]
            $name::Unix($socket) => $call,
        }
    };
}

impl AsyncRead for ReadHalf {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(ReadHalf, &mut *self, half => Pin::new(half).poll_read(cx, buf))
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(WriteHalf, &mut *self, half => Pin::new(half).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(WriteHalf, &mut *self, half => Pin::new(half).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(WriteHalf, &mut *self, half => Pin::new(half).poll_shutdown(cx))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_file_goes_out_from_a_position_on_however_little_the_socket_takes_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let (near, far) = tokio::net::UnixStream::pair().unwrap();
        let sending = async move {
            let (_, half) = Socket::Unix(near).split();
            assert!(half.sends_files());
            let (mut position, mut turns) = (1_000, 0);
            loop {
                match half.send_file(&file, position, bytes.len()).await.unwrap() {
                    0 => return (bytes, turns),
                    sent => position += sent as u64,
                }
                turns += 1;
            }
        };
        let receiving = async move {
            let (mut far, mut found) = (far, Vec::new());
            far.read_to_end(&mut found).await.unwrap();
            found
        };
        let ((bytes, turns), found) = tokio::join!(sending, receiving);
        assert!(found == bytes[1_000..] && turns > 1, "{} bytes in {turns} turns", found.len());
    }
}
