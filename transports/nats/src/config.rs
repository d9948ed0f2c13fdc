//! How to connect to NATS: what a URL says, and what only code can say.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use thriftwood_core::{Error, ErrorKind};

use crate::error;
use crate::jetstream::StreamOptions;

/// How to connect.
///
/// Most of it can stand in the URL, behind a `?` and joined by `&`:
///
/// | in the URL | here | what it is |
/// |---|---|---|
/// | `timeout=5000` | [`timeout`](Config::timeout) | milliseconds to wait for the first connection |
/// | `name=shop` | [`name`](Config::name) | the connection's name in the server's monitoring |
/// | `creds=FILE` | [`credentials`](Config::credentials) | the file of a user's JWT and seed |
/// | `ca=FILE` | [`ca`](Config::ca) | root certificates to trust, PEM |
/// | `cert=FILE` and `key=FILE` | [`certificate`](Config::certificate) | this client's certificate and key, PEM |
/// | `version=1.2.0` | [`version`](Config::version) | the version of what is served, for `nats micro` |
///
/// User and password, or a token, stand before an `@`, as everywhere on NATS; `tls://` in place of `nats://` insists on TLS.
/// What `jetstream://` adds is at [`StreamOptions`].
///
/// ```
/// # async fn example() -> Result<(), thriftwood_core::Error> {
/// let mut config = thriftwood_nats::Config::default();
/// config.credentials = Some("shop.creds".into());
/// let bus = config.connect("nats://one:4222,two:4222?name=shop&timeout=250").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long to wait for the first connection, and for the server to confirm a subscription.
    pub timeout: Duration,
    /// The name shown by the server's monitoring.
    pub name: String,
    /// A credentials file, with a user's JWT and the seed that proves it.
    pub credentials: Option<PathBuf>,
    /// A PEM file of root certificates to trust, besides those of the system.
    pub ca: Option<PathBuf>,
    /// PEM files of this client's certificate and of its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The version that services served here announce, as `major.minor.patch`.
    pub version: String,
    /// The stream that keeps the events of a `jetstream://` bus.
    pub stream: StreamOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            name: "thriftwood".to_owned(),
            credentials: None,
            ca: None,
            certificate: None,
            version: "0.0.0".to_owned(),
            stream: StreamOptions::default(),
        }
    }
}

impl Config {
    /// Takes over what a URL says, and gives the servers that it lists.
    pub(crate) fn read(&mut self, url: &str) -> Result<Vec<ServerAddr>, Error> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let servers = error::servers(address)?;
        let mut key = None;
        for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
            self.set(&name, &value, &mut key).map_err(|problem| {
                let url = error::without_password(address);
                Error::new(ErrorKind::InvalidUrl, format!("`{name}={value}` in the URL {url}: {problem}"))
            })?;
        }
        match (&mut self.certificate, key) {
            (Some((_, place)), Some(key)) => *place = key,
            (certificate, None) if certificate.as_ref().is_none_or(|(_, key)| !key.as_os_str().is_empty()) => {}
            _ => {
                let text =
                    "`cert=FILE` and `key=FILE` come together in a URL: a certificate is of no use without its key";
                return Err(Error::new(ErrorKind::InvalidUrl, text));
            }
        }
        Ok(servers)
    }

    fn set(&mut self, name: &str, value: &str, key: &mut Option<PathBuf>) -> Result<(), String> {
        match name {
            "timeout" => self.timeout = milliseconds(value)?,
            "name" => value.clone_into(&mut self.name),
            "creds" => self.credentials = Some(value.into()),
            "ca" => self.ca = Some(value.into()),
            "cert" => self.certificate = Some((value.into(), PathBuf::new())),
            "key" => *key = Some(value.into()),
            "version" if is_version(value) => value.clone_into(&mut self.version),
            "version" => return Err("it has to be like 1.2.0, or `nats micro` would not take it".to_owned()),
            _ => return self.stream.set(name, value),
        }
        Ok(())
    }

    pub(crate) async fn options(&self, servers: &[ServerAddr]) -> Result<ConnectOptions, Error> {
        let mut options = ConnectOptions::new().name(&self.name).connection_timeout(self.timeout);
        // The client library leaves what stands before the `@` to its user.
        let user = servers.first().and_then(|server| Some((server.username()?, server.password())));
        options = match user {
            None => options,
            Some((token, None)) => options.token(decoded(token)),
            Some((user, Some(password))) => options.user_and_password(decoded(user), decoded(password)),
        };
        if let Some(file) = &self.credentials {
            options = options.credentials_file(file).await.map_err(|source| {
                let text = format!("the credentials file {} cannot be used: {source}", file.display());
                Error::new(ErrorKind::Refused, text).with_source(source)
            })?;
        }
        if let Some(file) = &self.ca {
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
        }
        Ok(options)
    }
}

/// Text out of a URL, where `%40` stands for `@`.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether this is a version as NATS's micro protocol has them (semver.org): three numbers, and what may stand behind them.
pub(crate) fn is_version(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let behind = &text[numbers.len()..];
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && behind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
        && !behind.ends_with(['-', '+', '.'])
}

pub(crate) fn milliseconds(value: &str) -> Result<Duration, String> {
    number(value).map(Duration::from_millis)
}

pub(crate) fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| "it has to be a whole number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_to_connect() {
        let url = "jetstream://bill:secret@one,two:4333?creds=/etc/nats.creds&cert=/c.pem&key=/k.pem&ca=/ca.pem&stream=SHOP\
                   &replicas=3&max_age=3600&ack_wait=1500&max_attempts=5&version=1.2.3";
        let mut config = Config::default();
        let servers = config.read(url).unwrap();
        let hosts: Vec<(&str, u16)> = servers.iter().map(|server| (server.host(), server.port())).collect();
        assert_eq!(hosts, [("one", 4222), ("two", 4333)]);
        assert!(servers.iter().all(|server| server.username() == Some("bill") && server.password() == Some("secret")));
        assert_eq!(config.certificate, Some(("/c.pem".into(), "/k.pem".into())));
        assert_eq!((config.stream.name.as_str(), config.stream.replicas), ("SHOP", 3));
        assert_eq!(config.stream.max_age, Some(Duration::from_secs(3600)));
        assert_eq!(config.stream.ack_wait, Some(Duration::from_millis(1500)));
        assert_eq!(config.stream.max_attempts, Some(5));
        assert_eq!(config.version, "1.2.3");
    }

    #[test]
    fn what_a_url_cannot_say_is_an_error_that_names_it() {
        for (url, part) in [
            ("nats://one?tiemout=5", "`tiemout=5`"),
            ("nats://one?timeout=soon", "whole number"),
            ("nats://one?version=next", "like 1.2.0"),
            ("nats://one?version=1.2", "like 1.2.0"),
            ("nats://one?cert=/c.pem", "come together"),
            ("jetstream://one?max_attempts=0", "from 1 on"),
            ("jetstream://one?max_attempts=4294967296", "from 1 on"),
            ("nats://", "no host"),
            ("nats://one,,two", "no host"),
        ] {
            let error = Config::default().read(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
            assert!(error.message().contains(part), "{url}: {error}");
        }
        let error = Config::default().read("nats://bill:secret@one?nothing=1").unwrap_err();
        assert!(!error.message().contains("secret"), "{error}");
    }

    #[test]
    fn a_version_is_three_numbers_and_what_may_stand_behind() {
        for version in ["0.0.0", "1.20.3", "1.2.3-rc.1", "1.2.3+build-7", "1.2.3-a+b"] {
            assert!(is_version(version), "{version}");
        }
        for version in ["", "1", "1.2", "1.2.x", "01.2.3", "1.2.3-", "1.2.3 ", "v1.2.3", "1.2.3.4"] {
            assert!(!is_version(version), "{version}");
        }
    }
}
