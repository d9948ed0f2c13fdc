//! URLs of several servers: `tcp://a:9090,b:9090`.

use thriftwood_core::{Bus, Error};

/// The URLs of each server, where a URL of calls names several; what is behind the servers is everyone's.
pub(crate) fn servers(url: &str) -> Option<Vec<String>> {
    let (scheme @ ("tcp" | "tcps" | "http" | "https"), rest) = url.split_once("://")? else { return None };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let one = |server: &str| format!("{scheme}://{}{path}", server.trim());
    authority.contains(',').then(|| authority.split(',').map(one).collect())
}

/// One bus over all of these.
pub(crate) async fn connect(urls: Vec<String>) -> Result<Bus, Error> {
    let mut buses = Vec::with_capacity(urls.len());
    for url in urls {
        buses.push(Box::pin(crate::connect::unobserved(&url)).await?);
    }
    thriftwood_resilience::balance(buses)
}

#[cfg(test)]
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
