//! Events as JSON, by the IDL that declares them; and what is shown of a record without it.

use std::collections::HashMap;

use thriftwood::codec::{AnyReader, Protocol};
use thriftwood::frame::Frame;
use thriftwood::schema::{Type, json};
use thriftwood_idl::model::Model;
use thriftwood_log::store::Record;

use crate::live::Describer;

/// The types of events, by the names of scope and operation as they travel.
#[derive(Default)]
pub(super) struct Events(HashMap<String, Type>);

impl Events {
    /// Those that a contract declares.
    pub(super) fn of(model: &Model) -> Self {
        let mut describer = Describer::new(model);
        let mut events = HashMap::new();
        for (id, _) in model.files() {
            for scope in &model.file(id).scopes {
                for place in 0..scope.operations.len() {
                    let operation = describer.operation(scope, place);
                    let name = full_name(operation.scope.topic_name, operation.name);
                    events.extend(operation.payload.map(|payload| (name, *payload)));
                }
            }
        }
        Self(events)
    }

    /// The value of a record as JSON: the event in it where that is declared, and otherwise a text or bytes in base64.
    pub(super) fn json(&self, record: &Record) -> String {
        self.event(record).unwrap_or_else(|| plain(record.value()))
    }

    fn event(&self, record: &Record) -> Option<String> {
        let topic = record.header("topic")?;
        let frame = Frame::decode(record.value().clone()).ok()?;
        let mut reader = AnyReader::new(Protocol::of(frame.message()), frame.message());
        let name = reader.message().ok()?.name.to_owned();
        // A topic ends with the scope and the operation.
        let (scopes, operation) = std::str::from_utf8(&topic).ok()?.rsplit_once('.')?;
        let scope = scopes.rsplit('.').next().filter(|_| operation == name)?;
        let ty = *self.0.get(&full_name(scope, &name))?;
        let printed = json::print(ty, &mut reader).ok()?;
        Some(format!("{{{}:{}}}", serde_json::Value::from(name), printed.json))
    }
}

fn full_name(scope: &str, operation: &str) -> String {
    format!("{scope}.{operation}")
}

/// A text as JSON, or `{"base64": ...}`.
pub(super) fn plain(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => serde_json::Value::from(text).to_string(),
        _ => serde_json::json!({ "base64": encode(bytes) }).to_string(),
    }
}

/// What [`plain`] was made of.
pub(super) fn from_plain(value: &serde_json::Value) -> Option<Vec<u8>> {
    use base64::Engine;
    match value {
        serde_json::Value::String(text) => Some(text.clone().into_bytes()),
        serde_json::Value::Object(object) => {
            base64::engine::general_purpose::STANDARD.decode(object.get("base64")?.as_str()?).ok()
        }
        _ => None,
    }
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
