//! Where a URL points: scheme, authority and the path below which services are found by their addresses.

use std::net::SocketAddr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thriftwood_core::{Error, ErrorKind};

/// What stands in a part of a path as it is; all else is percent-encoded.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An HTTP URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Without a slash at its end; empty for the root.
    base: String,
}

impl Endpoint {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |problem: &str| Self::invalid(url, problem);
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS);
        let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
            return Err(invalid("it has to start with http:// or https:// and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("a user and password go into an `authorization` header, see `Config::headers`"));
        }
        if uri.query().is_some() {
            return Err(invalid("it has a query; a service is found by the path alone"));
        }
        if authority.host().is_empty() {
            return Err(invalid("it names no host"));
        }
        let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = match (authority.port(), authority.as_str().ends_with(':')) {
            (Some(_), _) => authority.port_u16().ok_or_else(|| invalid("its port is not below 65536"))?,
            (None, false) if authority.as_str().rsplit(']').next().is_some_and(|rest| rest.contains(':')) => {
                return Err(invalid("its port is not a number below 65536"));
            }
            _ => default,
        };
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme: scheme.clone(), host: authority.host().to_owned(), port, base })
    }

    pub(crate) fn invalid(url: &str, problem: &str) -> Error {
        let shown = without_password(url);
        let text = format!("`{shown}` is not an HTTP URL such as http://127.0.0.1:8080/services: {problem}");
        Error::new(ErrorKind::InvalidUrl, text)
    }

    pub(crate) fn scheme_name(&self) -> &'static str {
        if self.is_tls() { "https" } else { "http" }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host and port to listen on or to connect to, as `tokio` takes them.
    pub(crate) fn bind_to(&self) -> (&str, u16) {
        (self.host.trim_start_matches('[').trim_end_matches(']'), self.port)
    }

    /// The path of the service at `address`.
    pub(crate) fn path_of(&self, address: &str) -> Result<PathAndQuery, String> {
        if address.is_empty() {
            return Err("the address of a service on HTTP is a part of a path and must not be empty".to_owned());
        }
        let path = format!("{}/{}", self.base, utf8_percent_encode(address, PART));
        path.parse().map_err(|error| format!("`{address}` cannot be an address on HTTP: {error}"))
    }

    /// The parts of a request's path behind the base, decoded: the address, and whatever follows. `None` when it is not
    /// below the base.
    pub(crate) fn parts_of(&self, path: &str) -> Option<Vec<String>> {
        let below = path.strip_prefix(&self.base)?;
        if !below.is_empty() && !below.starts_with('/') {
            return None;
        }
        Some(parts(below))
    }

    /// The URI of a path here. With port 0, it is where the bus listens.
    pub(crate) fn uri(&self, path: &PathAndQuery, bound: Option<SocketAddr>) -> Option<Uri> {
        let port = if self.port == 0 { bound?.port() } else { self.port };
        let authority: Authority = format!("{}:{port}", self.host).parse().ok()?;
        Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path.clone()).build().ok()
    }

    /// The URL for people.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}:{}{}", self.scheme, self.host, self.port, self.base)
    }
}

/// The parts of a path, decoded, without the empty ones.
pub(crate) fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

/// The URL as it may be shown and logged.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, host, port, base) in [
            ("http://localhost", "localhost", 80, ""),
            ("https://example.com/", "example.com", 443, ""),
            ("http://127.0.0.1:0", "127.0.0.1", 0, ""),
            ("http://[::1]:8080/a/b/", "[::1]", 8080, "/a/b"),
            ("http://[::1]/", "[::1]", 80, ""),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((&*endpoint.host, endpoint.port, &*endpoint.base), (host, port, base), "{url}");
        }
        assert_eq!(Endpoint::parse("http://[::1]:80").unwrap().bind_to(), ("::1", 80));
    }

    #[test]
    fn a_url_that_is_none_says_why_and_hides_the_password() {
        for (url, why) in [
            ("http:", "HTTP URL"),
            ("http://", "HTTP URL"),
            ("http://:80", "host"),
            ("ftp://host", "http://"),
            ("http://host:99999", "port"),
            ("http://host/?a=b", "query"),
            ("http://bill:secret@host/", "authorization"),
        ] {
            let error = Endpoint::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{url}");
            assert!(error.message().contains(why), "{url}: {error}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_address_is_one_part_of_the_path_whatever_it_contains() {
        let endpoint = Endpoint::parse("http://host/base").unwrap();
        for address in ["music", "v1.music", "a/b", "ünï c?#%20", "..x"] {
            let path = endpoint.path_of(address).unwrap();
            assert_eq!(endpoint.parts_of(path.path()).unwrap(), [address], "{path}");
        }
        assert!(endpoint.path_of("").is_err());
        assert_eq!(endpoint.parts_of("/base"), Some(vec![]));
        assert_eq!(endpoint.parts_of("/base/music/Store/buyAlbum").unwrap().len(), 3);
        assert_eq!(endpoint.parts_of("/basement"), None);
        assert_eq!(endpoint.parts_of("/"), None);
    }
}
