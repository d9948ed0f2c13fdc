//! Sockets that listen: bound, and giving out what connects.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, Type};

use crate::endpoint::Endpoint;
use crate::setup;
use crate::socket::Socket;

/// Connections that wait to be accepted before the system turns further ones away.
const BACKLOG: i32 = 1024;

/// A socket that is bound, and belongs to no runtime yet.
pub enum Bound {
    /// Of TCP.
    Tcp(std::net::TcpListener),
    /// At a path.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, Unlink),
}

/// A socket that listens.
pub enum Listening {
    /// Of TCP.
    Tcp(tokio::net::TcpListener),
    /// At a path.
    #[cfg(unix)]
    Unix {
        /// The socket.
        listener: tokio::net::UnixListener,
        /// The file that it leaves with.
        file: Unlink,
    },
}

/// Removes the file of a unix socket when nobody listens any more.
#[cfg(unix)]
#[derive(Debug)]
pub struct Unlink(PathBuf);

#[cfg(unix)]
impl Drop for Unlink {
    fn drop(&mut self) {
        // It may be gone, with the folder it was in.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Bound {
    /// Puts it on the runtime that this is called on.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(self) -> io::Result<Listening> {
        match self {
            Self::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(Listening::Tcp),
            #[cfg(unix)]
            Self::Unix(listener, file) => {
                Ok(Listening::Unix { listener: tokio::net::UnixListener::from_std(listener)?, file })
            }
        }
    }
}

impl Listening {
    /// The next connection, set up so that a lost peer is noticed after `silence`.
    ///
    /// # Errors
    /// What the system says; most often that there are no file descriptors left.
    pub async fn accept(&self, silence: Duration) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // What cannot be set up is lost already, which whoever reads from it finds out.
                let _ = setup::set_up(&stream, silence);
                Ok(Socket::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// Closes it, and gives the connections that the system has accepted by then and nobody took: by the closing alone they would
    /// be reset, with the calls that their callers may have written to them.
    pub fn close(self, silence: Duration) -> Vec<Socket> {
        match self {
            Self::Tcp(listener) => {
                let last = close(listener);
                last.into_iter().inspect(|stream| drop(setup::set_up(stream, silence))).map(Socket::Tcp).collect()
            }
            #[cfg(unix)]
            Self::Unix { listener, file } => {
                // First its file, so that nobody finds it who would be lost.
                drop(file);
                let Ok(listener) = listener.into_std() else { return Vec::new() };
                let accepted = std::iter::from_fn(|| listener.accept().ok());
                accepted.filter_map(|(stream, _)| taken(stream).ok()).map(Socket::Unix).collect()
            }
        }
    }
}

/// The same for a listener of TCP by itself.
pub fn close(listener: tokio::net::TcpListener) -> Vec<tokio::net::TcpStream> {
    // Asked of the system itself: the runtime may not have heard yet of who came last.
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        tokio::net::TcpStream::from_std(stream).ok()
    });
    streams.collect()
}

#[cfg(unix)]
fn taken(stream: std::os::unix::net::UnixStream) -> io::Result<tokio::net::UnixStream> {
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

/// The addresses a host stands for. Apart from [`bind`], because it may have to ask somebody.
///
/// # Errors
/// What the system says.
pub async fn resolve(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => Ok(tokio::net::lookup_host((&**host, *port)).await?.collect()),
        Endpoint::Unix(_) => Ok(Vec::new()),
    }
}

/// Listens at the first of the addresses where that is possible, or at the path; with so many sockets that share the port, among
/// which the system divides what connects. With the end to call, and where it is in the system's own words.
///
/// # Errors
/// What the system says.
pub fn bind(
    endpoint: &Endpoint,
    addresses: &[SocketAddr],
    sockets: usize,
) -> io::Result<(Vec<Bound>, Endpoint, String)> {
    match endpoint {
        Endpoint::Tcp { .. } => {
            let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
            for address in addresses {
                result = bind_all(*address, sockets);
                if result.is_ok() {
                    break;
                }
            }
            let listeners = result?;
            let first = listeners.first().ok_or(io::ErrorKind::InvalidInput)?;
            let real = first.local_addr()?;
            let called = endpoint.clone().with_port(real.port());
            Ok((listeners.into_iter().map(Bound::Tcp).collect(), called, real.to_string()))
        }
        Endpoint::Unix(_) if sockets > 1 => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a unix socket has one listener; set `Config::threads` to 0",
        )),
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok((vec![bind_unix(path)?], endpoint.clone(), path.display().to_string())),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(setup::no_unix()),
    }
}

fn bind_all(address: SocketAddr, sockets: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let alone = bind_tcp(address, false)?;
    if sockets < 2 {
        return Ok(vec![alone]);
    }
    // That one showed that nobody else has the port, which a socket that shares it cannot tell; but it does not share.
    let address = alone.local_addr()?;
    drop(alone);
    (0..sockets).map(|_| bind_tcp(address, true)).collect()
}

fn bind_tcp(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again must not wait for the connections of its predecessor to be forgotten. Elsewhere than on
    // unix the same option would let two servers have one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if shared {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this system lets no sockets share a port"));
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Listens at a path. A socket that a killed server left there is replaced; one behind which somebody listens is not.
#[cfg(unix)]
fn bind_unix(path: &Path) -> io::Result<Bound> {
    use std::os::unix::fs::FileTypeExt;
    let there = std::fs::symlink_metadata(path).ok();
    if there.as_ref().is_some_and(|file| !file.file_type().is_socket()) {
        let text = "something is there that is no socket; remove it, or name another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let left_behind = there.is_some() && {
        let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Not made to wait by a server that lives and does not accept.
        probe.set_nonblocking(true)?;
        let asked = probe.connect(&socket2::SockAddr::unix(path)?);
        asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if left_behind {
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(Bound::Unix(listener, Unlink(path.to_owned())))
}
