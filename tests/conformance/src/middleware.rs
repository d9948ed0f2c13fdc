//! What a tower layer sees and can do, on every transport.

use std::sync::{Arc, Mutex};

use thriftwood::call::{Call, Request};
use thriftwood::event::{Envelope, ScopeEvent};
use thriftwood::{RpcError, RpcErrorKind};
use tower::util::MapRequestLayer;
use tower::{Layer, Service};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Item, ProbeClient, ProbeRequest, ProbeServer, Things};
use crate::probe::Probe;

type Trail = Arc<Mutex<Vec<String>>>;

/// Notes what passes, whatever the service or scope.
#[derive(Clone)]
struct Note {
    name: &'static str,
    trail: Trail,
}

impl<S> Layer<S> for Note {
    type Service = Noted<S>;

    fn layer(&self, inner: S) -> Noted<S> {
        Noted { inner, note: self.clone() }
    }
}

#[derive(Clone)]
struct Noted<S> {
    inner: S,
    note: Note,
}

impl<S> Noted<S> {
    fn note(&self, what: &str, tenant: Option<&str>) {
        let text = format!("{}: {what} for {}", self.note.name, tenant.unwrap_or("nobody"));
        self.note.trail.lock().unwrap().push(text);
    }
}

impl<S: Service<Call<Req>>, Req: Request> Service<Call<Req>> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call<Req>) -> S::Future {
        self.note(call.method().name, call.context.header("tenant"));
        self.inner.call(call)
    }
}

impl<S: Service<Envelope<E>>, E: ScopeEvent> Service<Envelope<E>> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, envelope: Envelope<E>) -> S::Future {
        self.note(&format!("{} on {}", envelope.operation().name, envelope.topic), envelope.context.header("tenant"));
        self.inner.call(envelope)
    }
}

/// Client layers, then server layers, each with the one added last outermost.
pub async fn a_layer_sees_every_call_on_both_sides_in_order(fixture: &Fixture) {
    let trail = Trail::default();
    let note = |name| Note { name, trail: Arc::clone(&trail) };
    let server = ProbeServer::new(Probe::default()).layer(note("server inner")).layer(note("server outer"));
    fixture.server.serve("layered", server).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("layered")).layer(note("client inner")).layer(note("client outer"));
    probe.echo(&patient().with_header("tenant", "blue"), Item::new("x")).await.unwrap();
    let expected = ["client outer", "client inner", "server outer", "server inner"];
    assert_eq!(*trail.lock().unwrap(), expected.map(|name| format!("{name}: echo for blue")));
}

/// A layer's own error reaches the caller, and the handler never runs. It sees the arguments as values.
pub async fn a_layer_can_refuse_a_call(fixture: &Fixture) {
    let refuse = tower::layer::layer_fn(|inner| {
        tower::service_fn(move |call: Call<ProbeRequest>| {
            let mut inner = Clone::clone(&inner);
            async move {
                match &call.request {
                    ProbeRequest::Echo { item } if item.name == "forbidden" => {
                        Err(RpcError::application(403, format!("no {} here", item.name)))
                    }
                    _ => call_inner(&mut inner, call).await,
                }
            }
        })
    });
    fixture.server.serve("guarded", ProbeServer::new(Probe::default()).layer(refuse)).await.unwrap();
    let probe = ProbeClient::new(fixture.client.rpc("guarded"));
    let error = probe.echo(&patient(), Item::new("forbidden")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (RpcErrorKind::Application(403), "no forbidden here"));
    probe.echo(&patient(), Item::new("allowed")).await.unwrap();
}

async fn call_inner<S>(inner: &mut S, call: Call<ProbeRequest>) -> Result<S::Response, RpcError>
where
    S: Service<Call<ProbeRequest>, Error = RpcError>,
{
    inner.call(call).await
}

/// A layer of tower's own goes where ours go.
pub async fn a_tower_limit_goes_around_a_client(fixture: &Fixture) {
    let (_, probe) = fixture.probe().await;
    let probe = probe.layer(tower::limit::ConcurrencyLimitLayer::new(1)).layer(MapRequestLayer::new(
        |mut call: Call<ProbeRequest>| {
            call.context = call.context.with_header("tenant", "mapped");
            call
        },
    ));
    assert_eq!(probe.header(&patient(), "tenant".into()).await.unwrap(), "mapped");
}

/// Publisher layers, then subscriber layers; what the consumer says goes back through them.
pub async fn a_layer_sees_events_on_both_sides(fixture: &Fixture) {
    let trail = Trail::default();
    let note = |name| Note { name, trail: Arc::clone(&trail) };
    let things = Things::subscriber(&fixture.server, "bill", "emea").group("layered");
    let mut made = things.layer(note("in inner")).layer(note("in outer")).made().await.unwrap();
    let publisher = Things::publisher(&fixture.client, "bill", "emea").layer(note("out"));
    publisher.made(&patient().with_header("tenant", "blue"), &Item::new("x")).await.unwrap();
    let event = soon("the event", made.next()).await.unwrap().unwrap();
    assert_eq!(event.name, "x");
    soon("the acknowledgement", event.ack()).await.unwrap();
    let expected = ["out", "in outer", "in inner"];
    let expected = expected.map(|name| format!("{name}: Made on v1.probe.bill.emea.Things.Made for blue"));
    assert_eq!(*trail.lock().unwrap(), expected);
}
