//! What goes wrong outside of a call, and what a caller is told of what went wrong inside.

use std::error::Error as StdError;
use std::io;

use http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use http::uri::Scheme;
use http::{StatusCode, Uri};
use hyper_util::client::legacy;
use thriftwood_core::{Error, ErrorKind, RpcError, RpcErrorKind};
use thriftwood_tls::{explain, explain_handshake};

use crate::answer::Code;
use crate::convention::ERROR;

/// The most characters of an answer that an error repeats.
const EXCERPT: usize = 200;

/// A server that could not listen.
pub(crate) fn listen(url: &str, source: io::Error) -> Error {
    let (kind, hint) = match source.kind() {
        io::ErrorKind::AddrInUse => (ErrorKind::Locked, "; another process, or another bus of this one, listens there"),
        io::ErrorKind::AddrNotAvailable => (ErrorKind::Unreachable, "; this machine does not have that address"),
        io::ErrorKind::PermissionDenied => (ErrorKind::Unreachable, "; this user may not listen there"),
        _ => (ErrorKind::Unreachable, ""),
    };
    Error::new(kind, format!("cannot listen at {url}{hint} ({source})")).with_source(source)
}

pub(crate) fn unsupported(what: &str) -> Error {
    let text = format!(
        "{what} needs somebody in the middle, and HTTP connects two ends; a nats://HOST:PORT or log:DIR bus carries events"
    );
    Error::new(ErrorKind::Unsupported, text)
}

/// Whether the other end certainly began nothing: the request was not sent, or the other end said so over HTTP/2, by a GOAWAY
/// whose last stream was an earlier one, or by a stream that it refused (RFC 9113, 8.7).
pub(crate) fn is_unbegun(error: &legacy::Error) -> bool {
    let below = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    let Some(below) = below else { return false };
    let refused = |error: &h2::Error| {
        error.is_remote()
            && (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
                || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
    };
    below.is_canceled() || below.source().and_then(|source| source.downcast_ref()).is_some_and(refused)
}

/// A request that got no answer, from a peer that has never given one or has.
pub(crate) fn no_answer(uri: &Uri, source: legacy::Error, is_known: bool) -> RpcError {
    let cause = root(&source).to_string();
    let below = source.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    // The h2 library keeps no more than the text of what TLS says.
    let alert = cause.starts_with("received fatal alert").then(|| format!("the peer refuses this side: {cause}"));
    let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
    let of_tls = if is_tls && source.is_connect() { explain_handshake(&source) } else { explain(&source).or(alert) };
    let elsewhere = if is_tls { "tcps://" } else { "https://, or with tcp://" };
    let (kind, text) = if let Some(problem) = of_tls {
        // In the handshake or, where it is this side that is refused, right behind it.
        (RpcErrorKind::Unavailable, format!("no TLS connection to {uri}: {problem}"))
    } else if source.is_connect() {
        (RpcErrorKind::Unavailable, format!("nothing answers at {uri}: {cause}"))
    } else if is_unbegun(&source) {
        (RpcErrorKind::Unavailable, format!("{uri} was going away, and did not begin the call: {cause}"))
    } else if below.is_some_and(hyper::Error::is_parse) {
        let hint = format!("should the URL begin with {elsewhere}?");
        (RpcErrorKind::Protocol, format!("what answers at {uri} does not speak HTTP: {cause}; {hint}"))
    } else {
        let mut text = format!("the connection to {uri} was lost before the reply came: {cause}");
        // As whoever hangs up does to whom HTTP makes no sense.
        if !is_known && (below.is_some_and(hyper::Error::is_incomplete_message) || is_reset(root(&source))) {
            text += &format!("; nobody has answered there in HTTP yet: should the URL begin with {elsewhere}?");
        }
        (RpcErrorKind::Disconnected, text)
    };
    RpcError::new(kind, text).with_source(source)
}

/// An answer that broke off.
pub(crate) fn broken_off(uri: &Uri, source: &(dyn StdError + 'static)) -> RpcError {
    let text = format!("the connection to {uri} was lost within the reply: {}", root(source));
    RpcError::new(RpcErrorKind::Disconnected, text)
}

/// An answer that is no reply: a refusal by a server, or the page of some proxy.
pub(crate) fn refused(uri: &Uri, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> RpcError {
    let code = headers.get(ERROR).and_then(Code::read);
    let kind = match (code, status.as_u16()) {
        (Some(Code::RequestTooLarge), _) => RpcErrorKind::RequestTooLarge,
        (Some(Code::Overloaded), _) | (_, 429) => RpcErrorKind::Overloaded,
        // Frugal's servers say it of their reply. So it stays, though others say it of what they were sent.
        (_, 413) => RpcErrorKind::ResponseTooLarge,
        (_, 404 | 503) => RpcErrorKind::Unavailable,
        (_, 408 | 504) => RpcErrorKind::Timeout,
        (_, 500) => RpcErrorKind::Internal,
        // Whoever does not take such requests at all has lost none.
        (_, 501 | 505 | 511) => RpcErrorKind::Protocol,
        (_, 502..=599) => RpcErrorKind::Disconnected,
        _ => RpcErrorKind::Protocol,
    };
    let mut text = format!("{uri} answered {status}");
    if let Some(location) = headers.get(LOCATION).and_then(|location| location.to_str().ok()) {
        text += &format!(", which leads to {location}");
    }
    // A proxy's page has little but the status, once as its title and once as its heading.
    let (status, said) = (status.to_string(), excerpt(headers, body));
    let mut said = said.as_str();
    while let Some(rest) = said.strip_prefix(&status) {
        said = rest.trim_start();
    }
    if !said.is_empty() {
        text = format!("{text}: {said}");
    }
    RpcError::new(kind, text)
}

/// What an answer says to people: without tags where it is a page, on one line, and not for long.
pub(crate) fn excerpt(headers: &HeaderMap, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let is_page = headers.get(CONTENT_TYPE).and_then(|ty| ty.to_str().ok()).is_some_and(|ty| ty.contains("html"));
    let text = if is_page { without_tags(&text) } else { text.into_owned() };
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        // What a style or script has between its tags is for no reader either.
        let hidden = ["style", "script"].into_iter().find(|name| tag.to_ascii_lowercase().starts_with(name));
        let after = hidden.and_then(|name| tag.split_once(&format!("</{name}"))).map_or(tag, |(_, after)| after);
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    text + rest
}

fn is_reset(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset)
}

/// The error at the bottom, which says what happened.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Refused;
    use http::header::HeaderValue;

    #[test]
    fn the_page_of_a_proxy_becomes_one_line() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let page = b"<html>\r\n<head><title>502 Bad Gateway</title><style>a { b: c }</style></head>\r\n<body>\n\
            <h1>Bad\x1b[31m Gateway</h1><hr><center>nginx/1.22.1</center></body></html>";
        let uri = Uri::from_static("http://host/music");
        let error = refused(&uri, StatusCode::BAD_GATEWAY, &headers, page);
        assert_eq!(error.kind(), RpcErrorKind::Disconnected);
        let expected = "http://host/music answered 502 Bad Gateway: Bad [31m Gateway nginx/1.22.1";
        assert_eq!(error.message(), expected);
    }

    #[test]
    fn every_status_and_every_refusal_of_ours_has_its_kind() {
        use RpcErrorKind as Kind;
        let kind = |status, code: Option<Code>| {
            let mut headers = HeaderMap::new();
            headers.extend(code.map(|code| (ERROR, HeaderValue::from_static(code.name()))));
            let status = StatusCode::from_u16(status).unwrap();
            refused(&Uri::from_static("http://host/music"), status, &headers, b"").kind()
        };
        // Of a proxy, or of a server that is none of ours.
        for status in 100..=999 {
            let expected = match status {
                404 | 503 => Kind::Unavailable,
                408 | 504 => Kind::Timeout,
                413 => Kind::ResponseTooLarge,
                429 => Kind::Overloaded,
                500 => Kind::Internal,
                502 | 506..=510 | 512..=599 => Kind::Disconnected,
                _ => Kind::Protocol,
            };
            assert_eq!(kind(status, None), expected, "{status}");
        }
        let ours = [
            (Code::BadRequest, 400, Kind::Protocol),
            (Code::Ended, 502, Kind::Disconnected),
            (Code::MethodNotAllowed, 405, Kind::Protocol),
            (Code::NotDescribed, 501, Kind::Protocol),
            (Code::NotServed, 404, Kind::Unavailable),
            (Code::Overloaded, 503, Kind::Overloaded),
            (Code::RequestTimeout, 408, Kind::Timeout),
            (Code::RequestTooLarge, 413, Kind::RequestTooLarge),
            (Code::ResponseTooLarge, 413, Kind::ResponseTooLarge),
            (Code::TimedOut, 504, Kind::Timeout),
            (Code::Unprocessable, 500, Kind::Internal),
        ];
        assert!(Code::ALL.into_iter().eq(ours.map(|(code, _, _)| code)), "one row for each");
        for (code, status, expected) in ours {
            assert_eq!(Refused::new(code, "").status, status, "{code:?}");
            assert_eq!(kind(status, Some(code)), expected, "{code:?}");
        }
    }

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let said = excerpt(&HeaderMap::new(), "ü".repeat(1000).as_bytes());
        assert_eq!(said, "ü".repeat(EXCERPT) + "...");
    }

    #[test]
    fn a_tag_that_does_not_end_is_left_out() {
        assert_eq!(without_tags("a<b>c<script>d</script>e<f"), "a c e ");
    }
}
