//! What NATS's errors mean to a caller.

use async_nats::{ConnectError, ConnectErrorKind, ServerAddr};
use thriftwood_core::error::BoxError;
use thriftwood_core::{Error, ErrorKind};

/// The servers a URL lists. All have the user and password that stand before the first.
pub(crate) fn servers(url: &str) -> Result<Vec<ServerAddr>, Error> {
    let invalid = |problem: &str| {
        let text = format!("`{}` is not a NATS URL such as nats://127.0.0.1:4222: {problem}", without_password(url));
        Error::new(ErrorKind::InvalidUrl, text)
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no `//`"))?;
    let scheme = if scheme == "jetstream" { "nats" } else { scheme };
    let (user, hosts) =
        rest.rsplit_once('@').map_or((String::new(), rest), |(user, hosts)| (format!("{user}@"), hosts));
    let server = |host: &str| {
        let parsed = format!("{scheme}://{user}{host}").parse();
        let server: ServerAddr = parsed.map_err(|source: std::io::Error| invalid(&source.to_string()))?;
        if server.host().is_empty() { Err(invalid("it names no host")) } else { Ok(server) }
    };
    hosts.split(',').map(server).collect()
}

pub(crate) fn connect(url: &str, source: ConnectError) -> Error {
    let url = without_password(url);
    let (kind, text) = match source.kind() {
        ConnectErrorKind::ServerParse => (ErrorKind::InvalidUrl, format!("`{url}` is not a NATS URL")),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            (ErrorKind::Refused, format!("the NATS server at {url} does not let this user in"))
        }
        ConnectErrorKind::Tls => (ErrorKind::Unreachable, format!("no TLS connection to {url} could be made")),
        _ => (ErrorKind::Unreachable, format!("nothing answers at {url}; is a nats-server running there?")),
    };
    Error::new(kind, format!("{text} ({source})")).with_source(source)
}

/// The URL as it may be shown and logged: user, password and token stand before the `@`.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (&url[..scheme.len() + 3], rest));
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}"),
        None => url.to_owned(),
    }
}

/// A connection that takes no more commands.
pub(crate) fn bus(source: impl Into<BoxError>) -> Error {
    let source = source.into();
    Error::new(ErrorKind::Closed, format!("the NATS connection takes no more: {source}")).with_source(source)
}

/// A subject of which the server has said that nothing may be published there.
pub(crate) fn not_permitted(subject: &str) -> String {
    format!(
        "the NATS server does not let this user publish to `{subject}`, as it said of an earlier message; its `permissions` \
         say to what"
    )
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the NATS connection is closed")
}

/// Checks that text can be (part of) a subject: NATS would end the whole connection over white space in one.
pub(crate) fn check_subject(what: &str, subject: &str, wildcards: bool) -> Result<(), String> {
    let problem = if subject.split('.').any(str::is_empty) {
        "it is empty, or has an empty part between dots"
    } else if subject.contains(|c: char| c.is_whitespace() || c.is_control()) {
        "it contains white space"
    } else if !wildcards && subject.split('.').any(|token| token == "*" || token == ">") {
        "it contains a wildcard"
    } else if subject.split('.').rev().skip(1).any(|token| token == ">") {
        "`>` takes the rest of a subject, so it can only be the last part"
    } else {
        return Ok(());
    };
    Err(format!("{subject:?} cannot be {what}: {problem}"))
}
