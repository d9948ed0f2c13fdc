//! From a URL to a bus.

use std::path::PathBuf;
use std::time::Duration;

use thriftwood_core::{Bus, Error, ErrorKind};
use thriftwood_tls::{ClientTls, Pem};

use super::{Link, Remote};
use crate::store::Durability;
use crate::url::{durability, duration};

const NAMES: &str = "token_file, durability, patience, ca, cert, key";

/// How to connect to a log server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectConfig {
    /// A file with the token that lets this client in, on its first line. It is read for each connection.
    pub token_file: Option<PathBuf>,
    /// What a publish waits for.
    pub durability: Durability,
    /// How long a publish, a call and an acknowledgement wait for a server that cannot be reached before they fail and tell why.
    /// Subscriptions and servers wait for ever.
    pub patience: Duration,
    /// Whom this client trusts on `logs://`, and the certificate it shows.
    pub tls: ClientTls,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// How long the other end may be silent, without even acknowledging what was sent, before the connection counts as lost. In
    /// whole seconds, at least 4.
    pub silence: Duration,
    /// How long the rest of a message may take that has begun, and an answer that is due.
    pub stall: Duration,
}

impl Default for ConnectConfig {
    fn default() -> Self {
        Self {
            token_file: None,
            durability: Durability::Durable,
            patience: Duration::from_secs(3),
            tls: ClientTls::new(),
            connect_timeout: Duration::from_secs(5),
            silence: Duration::from_secs(20),
            stall: Duration::from_secs(30),
        }
    }
}

/// The bus of the log server that a URL names: see [`ConnectConfig::from_url`].
///
/// # Errors
/// As [`ConnectConfig::from_url`] and [`ConnectConfig::connect`].
pub async fn connect_remote(url: &str) -> Result<Bus, Error> {
    let (server, config) = ConnectConfig::from_url(url)?;
    config.connect(&server).await
}

impl ConnectConfig {
    /// The server and the configuration that a URL names: `log://HOST:PORT`, `logs://HOST:PORT` with TLS, or `log+unix:PATH`, and options
    /// behind a question mark.
    ///
    /// | option | what it sets |
    /// |---|---|
    /// | `token_file=FILE` | the file with the token that lets this client in; a token itself has no place in a URL |
    /// | `durability=buffered` | what a publish waits for: `durable`, the default, or `buffered` |
    /// | `patience=30s` | how long a publish or a call waits for a server that cannot be reached |
    /// | `ca=FILE` | the authorities that are trusted, in place of the system's |
    /// | `cert=FILE`, `key=FILE` | the certificate that is shown to the server, and its key |
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`] for an option that is none of these, or has a value that is none.
    pub fn from_url(url: &str) -> Result<(String, Self), Error> {
        let (server, options) = url.split_once('?').unwrap_or((url, ""));
        let mut config = Self::default();
        let (mut ca, mut cert, mut key) = (None, None, None);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let set = match name {
                "token_file" => file(value).map(|file| config.token_file = Some(file)),
                "durability" => durability(value).map(|durability| config.durability = durability),
                "patience" => duration(value).map(|patience| config.patience = patience),
                "ca" => file(value).map(|file| ca = Some(file)),
                "cert" => file(value).map(|file| cert = Some(file)),
                "key" => file(value).map(|file| key = Some(file)),
                "token" => Err("would show the token to everybody who sees the URL; put it in a file, and give \
                                `token_file=FILE`"
                    .to_owned()),
                _ => Err(format!("is none of its options, which are {NAMES}")),
            };
            let shown = if name == "token" { name } else { option };
            set.map_err(|problem| invalid(server, &format!("`{shown}` {problem}")))?;
        }
        if let Some(ca) = ca {
            config.tls = config.tls.trusting(Pem::file(ca));
        }
        match (cert, key) {
            (Some(cert), Some(key)) => config.tls = config.tls.showing(Pem::file(cert), Pem::file(key)),
            (None, None) => {}
            _ => return Err(invalid(server, "`cert` and `key` belong together")),
        }
        Ok((server.to_owned(), config))
    }

    /// The bus of this server, once it has let this client in.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when nobody answers there, [`ErrorKind::Refused`] when the server does not let this client in, and
    /// [`ErrorKind::InvalidUrl`] when the URL or a file that it needs is no good.
    pub async fn connect(self, url: &str) -> Result<Bus, Error> {
        let link = Link::to(url, self.clone())?;
        link.line().await?;
        Ok(Remote::bus(link, &self))
    }
}

fn file(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() { Err("names no file".to_owned()) } else { Ok(PathBuf::from(value)) }
}

fn invalid(server: &str, problem: &str) -> Error {
    Error::new(ErrorKind::InvalidUrl, format!("cannot connect to {server}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_and_options_are_read() {
        let (server, config) =
            ConnectConfig::from_url("log://h:1?token_file=/run/t&patience=30s&durability=buffered").unwrap();
        assert_eq!((server.as_str(), config.token_file), ("log://h:1", Some(PathBuf::from("/run/t"))));
        assert_eq!((config.patience, config.durability), (Duration::from_secs(30), Durability::Buffered));
    }

    #[test]
    fn what_is_wrong_is_said_and_a_token_is_not_repeated() {
        for (options, part) in [
            ("token=hush", "put it in a file"),
            ("cert=a", "belong together"),
            ("patience=5", "needs a time"),
            ("token_file=", "names no file"),
            ("keep_age=7d", "is none of its options, which are token_file"),
        ] {
            let error = ConnectConfig::from_url(&format!("log://h:1?{options}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl);
            assert!(error.to_string().contains(part) && !error.to_string().contains("hush"), "{error}");
        }
    }
}
