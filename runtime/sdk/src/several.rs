//! URLs of calls, which may name several servers: `tcp://a:9090,b:9090`.

use thriftwood_core::{Bus, Error};

use crate::connect::observed;

/// One bus over the server, or the servers, that a URL names, each connected by `one`.
pub(crate) fn connect(url: &str, one: impl Fn(&str) -> Result<Bus, Error>) -> Result<Bus, Error> {
    #[cfg(feature = "resilience")]
    if let Some(servers) = servers(url) {
        let buses = servers.iter().map(|server| one(server)).collect::<Result<Vec<_>, _>>()?;
        return thriftwood_resilience::balance(buses).map(|bus| observed(bus, url));
    }
    one(url).map(|bus| observed(bus, url))
}

/// The URLs of each server, where a URL names several; what is behind the servers is everyone's.
#[cfg(feature = "resilience")]
fn servers(url: &str) -> Option<Vec<String>> {
    let (scheme @ ("tcp" | "tcps" | "http" | "https"), rest) = url.split_once("://")? else { return None };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let one = |server: &str| format!("{scheme}://{}{path}", server.trim());
    authority.contains(',').then(|| authority.split(',').map(one).collect())
}

#[cfg(all(test, feature = "resilience"))]
mod tests {
    use super::servers;

    #[test]
    fn several_hosts_are_several_urls_with_the_same_rest() {
        assert_eq!(servers("tcp://a:1,b:2").unwrap(), ["tcp://a:1", "tcp://b:2"]);
        assert_eq!(servers("http://a, [::1]:80/rpc/x").unwrap(), ["http://a/rpc/x", "http://[::1]:80/rpc/x"]);
    }

    #[test]
    fn one_host_a_folder_and_a_broker_are_left_as_they_are() {
        for url in ["tcp://a:1", "http://a/x,y", "log:a,b", "nats://a:1,b:2", "memory:a,b", "tcp"] {
            assert_eq!(servers(url), None, "{url}");
        }
    }
}
