//! Sockets: bound, accepted, connected, and set up so that a lost peer is noticed.
//!
//! A peer that went without a word (its machine lost power, a cable was pulled, a firewall forgot the connection) is noticed by
//! the kernel: TCP's keepalive asks one that is silent, and `TCP_USER_TIMEOUT` gives up on one that acknowledges nothing or
//! never reads. A ping of our own would find no more than a process that hangs, which each call's time limit finds too; it
//! would cost a timer per connection, and Frugal's peers would not answer it.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::stream::Kind;

/// Connections that wait to be accepted before the system turns further ones away.
const BACKLOG: i32 = 1024;

/// A socket that listens.
pub(crate) enum Socket {
    Tcp {
        listener: TcpListener,
        silence: Duration,
    },
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: Unlink,
    },
}

/// Removes the file of a unix socket when nobody listens any more.
#[cfg(unix)]
pub(crate) struct Unlink(PathBuf);

#[cfg(unix)]
impl Drop for Unlink {
    fn drop(&mut self) {
        // It may be gone, with the folder it was in.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Socket {
    pub(crate) async fn accept(&self) -> io::Result<Kind> {
        match self {
            Self::Tcp { listener, silence } => {
                let (socket, _) = listener.accept().await?;
                set_up(&socket, *silence)?;
                Ok(Kind::Tcp(socket))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Kind::Unix(listener.accept().await?.0)),
        }
    }
}

/// The addresses a host stands for. Apart from [`bind`], because it may have to ask somebody.
pub(crate) async fn resolve(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => Ok(tokio::net::lookup_host((&**host, *port)).await?.collect()),
        Endpoint::Unix(_) => Ok(Vec::new()),
    }
}

/// Listens at the first of the addresses where that is possible, or at the path.
pub(crate) fn bind(endpoint: &Endpoint, addresses: &[SocketAddr], config: &Config) -> io::Result<(Socket, Endpoint)> {
    match endpoint {
        Endpoint::Tcp { .. } => {
            let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
            for address in addresses {
                result = bind_tcp(*address);
                if result.is_ok() {
                    break;
                }
            }
            let listener = result?;
            let bound = endpoint.bound(listener.local_addr()?);
            Ok((Socket::Tcp { listener, silence: config.silence }, bound))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok((bind_unix(path)?, endpoint.clone())),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(no_unix()),
    }
}

/// Connects. TLS, where it is spoken, comes on top.
pub(crate) async fn connect(endpoint: &Endpoint, config: &Config) -> io::Result<Kind> {
    match endpoint {
        Endpoint::Tcp { port: 0, .. } => {
            let problem = "port 0 is for servers, which let the system choose one, and this bus serves nothing";
            Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
        }
        Endpoint::Tcp { host, port, .. } => {
            let socket = TcpStream::connect((&**host, *port)).await?;
            set_up(&socket, config.silence)?;
            Ok(Kind::Tcp(socket))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok(Kind::Unix(UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(no_unix()),
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again must not wait for the connections of its predecessor to be forgotten. Elsewhere than on
    // unix the same option would let two servers have one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Listens at a path. A socket that a killed server left there is replaced; one behind which somebody listens is not.
#[cfg(unix)]
fn bind_unix(path: &Path) -> io::Result<Socket> {
    use std::os::unix::fs::FileTypeExt;
    let left_behind = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) && {
        let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Not made to wait by a server that lives and does not accept.
        probe.set_nonblocking(true)?;
        let asked = probe.connect(&socket2::SockAddr::unix(path)?);
        asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if left_behind {
        std::fs::remove_file(path)?;
    }
    Ok(Socket::Unix { listener: UnixListener::bind(path)?, _file: Unlink(path.to_owned()) })
}

/// Small frames leave at once, since writes are put together before they come here, and a peer that is gone is noticed within
/// `silence`.
fn set_up(stream: &TcpStream, silence: Duration) -> io::Result<()> {
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
fn no_unix() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets")
}
