//! Where a URL points: a host and a port, or the path of a unix socket.

use std::fmt;
use std::path::PathBuf;

/// One end of a bus, as its URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A name or an address without the brackets of IPv6, a port, and whether TLS is spoken there.
    Tcp {
        /// The host.
        host: String,
        /// The port; 0 for a server that lets the system choose.
        port: u16,
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// The path of a socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `tcp://HOST:PORT`, `tcps://HOST:PORT` or `unix:PATH`.
    ///
    /// # Errors
    /// What is wrong with the URL, as the end of a sentence.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        match url.split_once(':') {
            Some((scheme @ ("tcp" | "tcps"), rest)) => {
                let authority = rest.strip_prefix("//").ok_or("two slashes are missing behind the scheme")?;
                let (host, port) = split_authority(authority)?;
                Ok(Self::Tcp { host, port, tls: scheme == "tcps" })
            }
            Some(("unix", path)) => {
                // `unix:///run/x` is how others write the path `/run/x`.
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() {
                    return Err("it names no path");
                }
                Ok(Self::Unix(path.into()))
            }
            _ => Err("it begins with neither of `tcp:`, `tcps:` and `unix:`"),
        }
    }

    /// This end, with the port that a server there really has. The name stays: a certificate is for it.
    #[must_use]
    pub fn with_port(mut self, real: u16) -> Self {
        if let Self::Tcp { port, .. } = &mut self {
            *port = real;
        }
        self
    }

    /// The end to call for a server that listens here: one that listens on every address is called on the loopback one.
    #[must_use]
    pub fn callable(mut self) -> Self {
        if let Self::Tcp { host, .. } = &mut self {
            match &**host {
                "0.0.0.0" => "127.0.0.1".clone_into(host),
                "::" => "::1".clone_into(host),
                _ => {}
            }
        }
        self
    }

    /// The scheme of its URL.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp { tls: false, .. } => "tcp",
            Self::Tcp { tls: true, .. } => "tcps",
            Self::Unix(_) => "unix",
        }
    }
}

/// As the URL that would name it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme();
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "{scheme}://[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{scheme}://{host}:{port}"),
            Self::Unix(path) => write!(f, "{scheme}:{}", path.display()),
        }
    }
}

fn split_authority(authority: &str) -> Result<(String, u16), &'static str> {
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '?', '#']) {
        return Err("there is something behind the port; a service's address is given to `rpc` and `serve`");
    }
    if authority.contains('@') {
        return Err("a user and a password mean nothing on TCP");
    }
    let (host, port) = authority.rsplit_once(':').ok_or("it names no port")?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bare.is_none() && host.contains(':') {
        return Err("an IPv6 address stands in brackets, as in tcp://[::1]:4090");
    }
    let host = bare.unwrap_or(host);
    if host.is_empty() {
        return Err("it names no host; 0.0.0.0 listens on every address");
    }
    let port = port.parse().map_err(|_| "its port is not a number up to 65535")?;
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_what_they_name_and_come_back_as_they_were() {
        for url in ["tcp://127.0.0.1:4090", "tcps://music.local:0", "tcp://[::1]:4090", "unix:/run/music", "unix:music"]
        {
            assert_eq!(Endpoint::parse(url).unwrap().to_string(), url);
        }
        assert_eq!(Endpoint::parse("unix:///run/music").unwrap(), Endpoint::Unix("/run/music".into()));
        assert_eq!(Endpoint::parse("tcp://a:1/").unwrap().to_string(), "tcp://a:1");
    }

    #[test]
    fn urls_that_name_nothing_say_what_is_wrong_with_them() {
        let problems = [
            ("tcp:127.0.0.1:4090", "two slashes"),
            ("tcp://127.0.0.1", "no port"),
            ("tcp://127.0.0.1:http", "not a number"),
            ("tcp://127.0.0.1:70000", "not a number"),
            ("tcp://::1:4090", "brackets"),
            ("tcp://:4090", "no host"),
            ("tcp://me:secret@host:1", "password"),
            ("tcp://host:1/music", "behind the port"),
            ("unix:", "no path"),
            ("udp://host:1", "neither"),
        ];
        for (url, problem) in problems {
            let found = Endpoint::parse(url).unwrap_err();
            assert!(found.contains(problem), "{url}: {found}");
        }
    }

    #[test]
    fn a_server_on_every_address_is_called_on_the_loopback_one() {
        for (told, called) in [("tcp://[::]:4090", "tcp://[::1]:4090"), ("tcps://0.0.0.0:1", "tcps://127.0.0.1:1")] {
            assert_eq!(Endpoint::parse(told).unwrap().callable().to_string(), called);
        }
    }
}
