//! An event as one line of JSON.

use serde_json::json;
use thriftwood::Event;
use thriftwood::event::JsonEvent;

use super::written;

/// `{"topic": .., "offset": .., "time": .., "headers": {..}, "payload": ..}`, or the payload alone. Offset and time are there where the
/// transport has them.
pub(super) fn line(event: &Event<JsonEvent>, payload_only: bool) -> String {
    let payload = match event.payload() {
        JsonEvent::Incoming(_, printed) => printed.json.as_str(),
        JsonEvent::Outgoing(..) => "null",
    };
    if payload_only {
        return payload.to_owned();
    }
    let mut line = format!("{{\"topic\":{}", json!(event.topic()));
    if let Some(offset) = event.offset() {
        line += &format!(",\"offset\":{offset}");
    }
    if let Some(time) = event.time() {
        line += &format!(",\"time\":\"{}\"", written(time));
    }
    let headers: Vec<String> =
        event.context().headers().iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value))).collect();
    line + &format!(",\"headers\":{{{}}},\"payload\":{payload}}}", headers.join(","))
}
