//! Who may ask: only requests that name this server. A page of another site can have a browser ask under a name of its own that
//! it lets point here (DNS rebinding); such a request names that site.

use std::net::SocketAddr;

/// The names this server goes by.
pub(super) struct Guard {
    names: Vec<String>,
}

impl Guard {
    pub(super) fn new(at: SocketAddr, more: &[String]) -> Self {
        let port = at.port();
        let mut names = vec![at.to_string()];
        if at.ip().is_loopback() || at.ip().is_unspecified() {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")));
        }
        for name in more {
            // Behind a proxy the port is the proxy's, and the usual one is not written.
            names.extend([name.to_ascii_lowercase(), format!("{}:{port}", name.to_ascii_lowercase())]);
        }
        Self { names }
    }

    /// Whether this is one of them.
    pub(super) fn admits(&self, host: &str) -> bool {
        self.names.contains(&host.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_admitted() {
        let guard = Guard::new("127.0.0.1:7070".parse().unwrap(), &["Logs.internal".to_owned()]);
        for host in
            ["127.0.0.1:7070", "localhost:7070", "LOCALHOST:7070", "[::1]:7070", "logs.internal", "logs.internal:7070"]
        {
            assert!(guard.admits(host), "{host}");
        }
        for host in ["evil.example:7070", "localhost", "localhost:7071", "127.0.0.1", "127.0.0.1:7070.evil.example", ""]
        {
            assert!(!guard.admits(host), "{host}");
        }
        assert!(!Guard::new("192.0.2.1:80".parse().unwrap(), &[]).admits("localhost:80"));
    }
}
