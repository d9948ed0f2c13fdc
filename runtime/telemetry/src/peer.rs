//! Where a bus leads, as attributes name it: from its URL.

/// The host and the port that a URL points to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<i64>,
}

impl Peer {
    /// What `SCHEME://USER:PASSWORD@HOST:PORT/PATH` points to: neither user, password nor path belong into a span. A URL
    /// without `//` points to no host, and of several hosts none is the peer.
    pub(crate) fn of(url: &str) -> Self {
        let Some((_, rest)) = url.split_once("://") else { return Self::default() };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        if address.is_empty() || address.contains(',') {
            return Self::default();
        }
        let (host, port) = match address.rsplit_once(':') {
            // A colon inside of brackets is part of an IPv6 address.
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (address, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self { host: Some(host.to_owned()), port }
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    fn peer(host: &str, port: Option<i64>) -> Peer {
        Peer { host: Some(host.to_owned()), port }
    }

    #[test]
    fn a_peer_is_the_host_and_port_of_a_url_and_nothing_secret() {
        assert_eq!(Peer::of("nats://127.0.0.1:4222"), peer("127.0.0.1", Some(4222)));
        assert_eq!(Peer::of("nats://me:secret@broker:4222/x"), peer("broker", Some(4222)));
        assert_eq!(Peer::of("http://music.example/rpc?x=1"), peer("music.example", None));
        assert_eq!(Peer::of("tcp://[::1]:9090"), peer("::1", Some(9090)));
        assert_eq!(Peer::of("tcp://[::1]"), peer("::1", None));
    }

    #[test]
    fn a_directory_a_name_or_a_list_is_no_peer() {
        for url in ["memory:", "log:./data", "log:/var/lib/a:b@c", "tcp://a:1,b:2", "nats://"] {
            assert_eq!(Peer::of(url), Peer::default(), "{url}");
        }
    }
}
