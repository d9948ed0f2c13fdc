//! From a URL to a bus.

use thriftwood_core::{Bus, Error, ErrorKind, memory};

/// Connects the bus that a URL names.
///
/// | URL | what it is | events |
/// |---|---|---|
/// | `memory:` | a bus of its own, inside this process | at most once, not kept |
/// | `memory:NAME` | the bus of that name, shared within this process | at most once, not kept |
/// | `log:DIR` | a durable log in that directory, made if it is not there; calls are stored too. `log:DIR?keep_age=7d` and the like: `thriftwood_log::Config::from_url` | at least once, kept |
/// | `log://HOST:PORT`, `logs://..` with TLS, `log+unix:PATH` | the directory that a log server there has; options: `thriftwood_log::ConnectConfig::from_url` | at least once, kept |
/// | `nats://HOST:PORT` | a NATS server, or several divided by commas | at most once, not kept |
/// | `jetstream://HOST:PORT` | a NATS server with JetStream | at least once, kept |
/// | `tcp://HOST:PORT` | a server at the other end of a connection, or a server there; nothing is opened before it is needed | none |
/// | `tcps://HOST:PORT` | the same with TLS; whom to trust and what to show: `tcps://..?ca=FILE&cert=FILE&key=FILE`, see `thriftwood_tcp::Config::from_url` | none |
/// | `unix:PATH` | the same over a unix socket | none |
/// | `http://HOST:PORT/PATH`, `https:..` | calls by HTTP to a server there, or a server there; on `https:` with the options of `tcps:` | none |
///
/// Each is a feature of this crate by the same name (`unix:` comes with `tcp`, `log://` is `log-server`); all are on unless they are turned off.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let bus = thriftwood::connect("memory:").await?;
/// assert_eq!(bus.scheme(), "memory");
///
/// let error = thriftwood::connect("kafka://localhost").await.unwrap_err();
/// assert_eq!(error.kind(), thriftwood::ErrorKind::InvalidUrl);
/// # Ok::<(), thriftwood::Error>(())
/// # }).unwrap();
/// ```
///
/// A URL of TCP or HTTP that names several servers of the same services, as in `tcp://a:9090,b:9090`, gives each call to one of
/// them (feature `resilience`).
///
/// With the feature `telemetry`, which is on by default, every call and event of the bus has a `tracing` span
/// (see the module `telemetry`); [`Bus::unobserved`] takes that away.
///
/// # Errors
/// [`ErrorKind::InvalidUrl`] when no transport of this build goes by the URL's scheme, [`ErrorKind::Unreachable`] when nothing answers
/// where it points, [`ErrorKind::Locked`] when another process has the log's directory, [`ErrorKind::Storage`] when the
/// directory cannot be used.
pub async fn connect(url: &str) -> Result<Bus, Error> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(invalid(url, "it has no scheme"));
    };
    let bus = match scheme {
        "memory" if rest.is_empty() => memory::bus(),
        "memory" => memory::named(rest),
        "log" if rest.is_empty() => return Err(invalid(url, "it names no directory")),
        #[cfg(feature = "log-server")]
        "log" if rest.starts_with("//") => thriftwood_log::connect_remote(url).await?,
        #[cfg(not(feature = "log-server"))]
        "log" if rest.starts_with("//") => {
            let lacking =
                "this build of thriftwood lacks the feature for it (log-server); a directory is written `log:DIR`";
            return Err(invalid(url, lacking));
        }
        #[cfg(feature = "log-server")]
        "logs" | "log+unix" => thriftwood_log::connect_remote(url).await?,
        #[cfg(feature = "log")]
        "log" => thriftwood_log::connect_url(rest).await?,
        #[cfg(feature = "nats")]
        "nats" | "tls" | "jetstream" => thriftwood_nats::connect(url).await?,
        #[cfg(feature = "tcp")]
        "tcp" | "tcps" | "unix" => {
            let (server, config) = thriftwood_tcp::Config::from_url(url)?;
            return crate::tcp::connect(&server, config);
        }
        #[cfg(feature = "http")]
        "http" | "https" => {
            let (server, config) = thriftwood_http::Config::from_url(url)?;
            return crate::http::connect(&server, config);
        }
        // Those of them that this build has are dealt with above.
        #[allow(unreachable_patterns, reason = "a build with every transport deals with all")]
        "log" | "logs" | "log+unix" | "nats" | "tls" | "jetstream" | "tcp" | "tcps" | "unix" | "http" | "https" => {
            let lacking = "this build of thriftwood lacks the feature for it (http, log, log-server, nats, tcp)";
            return Err(invalid(url, lacking));
        }
        _ => return Err(invalid(url, &format!("no transport goes by `{scheme}:`"))),
    };
    Ok(observed(bus, url))
}

/// The bus with what the feature `telemetry` has every bus do that is connected by this crate.
pub(crate) fn observed(bus: Bus, url: &str) -> Bus {
    #[cfg(feature = "telemetry")]
    let bus = bus.with_observer(thriftwood_telemetry::observer(url));
    #[cfg(not(feature = "telemetry"))]
    let _ = url;
    bus
}

fn invalid(url: &str, problem: &str) -> Error {
    let text = format!(
        "cannot connect to {url:?}: {problem}; it can be memory:, memory:NAME, log:DIR, log://HOST:PORT, nats://HOST:PORT, jetstream://HOST:PORT, tcp://HOST:PORT, \
         unix:PATH or http://HOST:PORT/PATH"
    );
    Error::new(ErrorKind::InvalidUrl, text)
}
