//! Events of a scope that was not compiled in.

use std::sync::Arc;

use thriftwood_core::event::{Envelope, JsonEvent, Operation, Publisher, Scope, Subscriber};
use thriftwood_core::schema::{Type, Value};
use thriftwood_core::{Context, memory};
use tower::ServiceBuilder;

use crate::support::TRACK;

static SCOPE: Scope = Scope { name: "Plays", topic_name: "Plays", prefix: "radio.{station}", variables: &["station"] };
static TRACKS: Type = Type::Struct(&TRACK);
static PLAYED: Operation = Operation { scope: &SCOPE, name: "Played", annotations: &[], payload: Some(&TRACKS) };

fn track(title: &str) -> JsonEvent {
    let value = Value::from_json(TRACKS, &format!(r#"{{"title":"{title}"}}"#)).unwrap();
    JsonEvent::Outgoing(&PLAYED, Arc::new(value))
}

fn json(event: &JsonEvent) -> &str {
    match event {
        JsonEvent::Incoming(_, printed) => &printed.json,
        JsonEvent::Outgoing(..) => panic!("a received event is incoming"),
    }
}

#[tokio::test]
async fn an_event_in_json_is_published_and_received() {
    let bus = memory::bus();
    let subscriber = Subscriber::<JsonEvent>::new(&bus, &SCOPE, vec!["*".into()]);
    let mut events = subscriber.subscribe(&PLAYED, |event: JsonEvent| event, Some).await.unwrap();
    let publisher = Publisher::<JsonEvent>::new(&bus, &SCOPE, vec!["fip".into()]);
    publisher.publish_event(&Context::new(), track("So What")).await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert_eq!((event.topic(), event.variable("station")), ("radio.fip.Plays.Played", Some("fip")));
    assert_eq!(json(&event), r#"{"title":"So What","duration":180}"#);
}

#[tokio::test]
async fn layers_see_events_in_json_and_may_pass_on_what_was_received() {
    let bus = memory::bus();
    let passed = |layer: Arc<std::sync::Mutex<Vec<String>>>| {
        ServiceBuilder::new().map_request(move |envelope: Envelope<JsonEvent>| {
            layer.lock().unwrap().push(envelope.operation().name.to_owned());
            envelope
        })
    };
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let subscriber = Subscriber::<JsonEvent>::new(&bus, &SCOPE, vec!["fip".into()]).layer(passed(Arc::clone(&seen)));
    let mut events = subscriber.subscribe(&PLAYED, |event: JsonEvent| event, Some).await.unwrap();
    let publisher = Publisher::<JsonEvent>::new(&bus, &SCOPE, vec!["fip".into()]).layer(passed(Arc::clone(&seen)));
    publisher.publish_event(&Context::new(), track("Blue in Green")).await.unwrap();
    let event = events.next().await.unwrap().unwrap().into_payload();
    assert_eq!(json(&event), r#"{"title":"Blue in Green","duration":180}"#);
    // A bridge from one bus to another.
    publisher.publish_event(&Context::new(), event).await.unwrap();
    let again = events.next().await.unwrap().unwrap();
    assert_eq!(json(&again), r#"{"title":"Blue in Green","duration":180}"#);
    assert!(seen.lock().unwrap().len() >= 4 && seen.lock().unwrap().iter().all(|name| name == "Played"));
}

#[tokio::test]
async fn an_event_that_cannot_be_a_topic_is_refused() {
    let publisher = Publisher::<JsonEvent>::new(&memory::bus(), &SCOPE, vec![String::new()]);
    let error = publisher.publish_event(&Context::new(), track("x")).await.unwrap_err();
    assert_eq!(error.kind(), thriftwood_core::ErrorKind::InvalidName);
}
