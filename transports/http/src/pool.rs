//! The connections of one bus: a pool of them over HTTP/1.1, or a single one that all calls share over HTTP/2.
//!
//! Which it is, is found out and not configured. Over TLS the handshake says it. Without TLS the first call goes over
//! HTTP/1.1, which every peer speaks, and a server of ours says in its answer that this connection's end speaks HTTP/2 too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderValue};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thriftwood_tls::TlsError;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::convention::{Form, SPEAKS_HTTP2};
use crate::error;

type Pooled<C> = Client<C, Full<Bytes>>;

/// The connections of one bus.
pub(crate) struct Pool {
    kind: Kind,
    /// One for each call under way over HTTP/1.1.
    places: Semaphore,
    /// What the peer is known to take.
    peer: Peer,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each bus")]
enum Kind {
    Plain { http1: Pooled<HttpConnector>, http2: Pooled<HttpConnector> },
    Tls(Pooled<HttpsConnector<HttpConnector>>),
}

/// What was learned from the peer's answers. All calls of a bus have one peer, since its URL names one.
#[derive(Default)]
struct Peer {
    has_answered: AtomicBool,
    takes_raw: AtomicBool,
    speaks_http2: AtomicBool,
}

impl Pool {
    pub(crate) fn new(config: &Config, tls: bool) -> Result<Self, TlsError> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.connect_timeout));
        connector.enforce_http(false);
        // Over HTTP/1.1 nothing but the system notices a peer that is gone without a word; it asks for as long as HTTP/2 would.
        connector.set_keepalive(Some((config.idle_timeout / 2).max(Duration::from_secs(1))));
        connector.set_keepalive_interval(Some((config.idle_timeout / 4).max(Duration::from_secs(1))));
        connector.set_keepalive_retries(Some(2));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(config.idle_timeout));
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            // Notices a peer that is gone without a word; a call under way would wait for it until its time is up.
            .http2_keep_alive_interval(config.idle_timeout)
            .http2_keep_alive_timeout(config.idle_timeout)
            // A caller that gives up resets its stream; the memory of that is a few bytes, and running out ends every call.
            .http2_max_concurrent_reset_streams(4096);
        let kind = if tls {
            // The builder names what is offered inside by itself.
            let config = config.client_tls.config(&[])?;
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config((*config).clone())
                .https_only()
                .enable_all_versions()
                .wrap_connector(connector);
            Kind::Tls(builder.build(connector))
        } else {
            let http1 = builder.build(connector.clone());
            Kind::Plain { http1, http2: builder.http2_only(true).build(connector) }
        };
        let places = Semaphore::new(config.calls.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self { kind, places, peer: Peer::default() })
    }

    /// The form in which to send a call.
    pub(crate) fn form(&self) -> Form {
        if self.peer.takes_raw.load(Ordering::Relaxed) { Form::Raw } else { Form::Base64 }
    }

    /// Whether somebody who speaks HTTP has ever answered.
    pub(crate) fn is_known(&self) -> bool {
        self.peer.has_answered.load(Ordering::Relaxed)
    }

    /// Forgets what was learned: somebody else answers at the URL now, or the same one in another way.
    pub(crate) fn forget(&self) {
        self.peer.takes_raw.store(false, Ordering::Relaxed);
        self.peer.speaks_http2.store(false, Ordering::Relaxed);
    }

    /// Sends a request and gives the answer's head, its body to come, and the place that the call has until then.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Sent<'_>, legacy::Error> {
        let shared = self.peer.speaks_http2.load(Ordering::Relaxed);
        // It is never closed.
        let place = if shared { None } else { self.places.acquire().await.ok() };
        let answer = match &self.kind {
            Kind::Plain { http2, .. } if shared => http2.request(request),
            Kind::Plain { http1, .. } => http1.request(request),
            Kind::Tls(client) => client.request(request),
        };
        let answer = answer.await.inspect_err(|error| {
            // A server that stops is still the same one.
            if !error::is_unbegun(error) {
                self.forget();
            }
        })?;
        self.learn(answer.version(), answer.headers());
        Ok(Sent { answer, _place: place })
    }

    fn learn(&self, version: Version, headers: &HeaderMap) {
        if !self.is_known() {
            self.peer.has_answered.store(true, Ordering::Relaxed);
        }
        let speaks_http2 = version == Version::HTTP_2 || is_announced(headers);
        if self.peer.speaks_http2.load(Ordering::Relaxed) != speaks_http2 {
            self.peer.speaks_http2.store(speaks_http2, Ordering::Relaxed);
        }
        if Form::of(headers) == Form::Raw && self.form() != Form::Raw {
            self.peer.takes_raw.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether the other end of this very connection speaks HTTP/2. `connection` has to name the header: there are proxies that pass
/// such a header on and should not, but none that passes on `connection`.
fn is_announced(headers: &HeaderMap) -> bool {
    let names = |value: &HeaderValue| {
        let mut names = value.to_str().unwrap_or_default().split(',');
        names.any(|name| name.trim().eq_ignore_ascii_case(SPEAKS_HTTP2.as_str()))
    };
    headers.contains_key(SPEAKS_HTTP2) && headers.get_all(CONNECTION).iter().any(names)
}

/// An answer that has begun.
pub(crate) struct Sent<'a> {
    pub(crate) answer: Response<Incoming>,
    _place: Option<tokio::sync::SemaphorePermit<'a>>,
}
