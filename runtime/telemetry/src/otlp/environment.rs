//! Those of OpenTelemetry's environment variables that neither its exporter nor its SDK heeds.

use std::env;

use super::InitError;

const PROTOCOL: &str = "http/protobuf";

pub(super) fn sdk_is_disabled() -> bool {
    value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Spans or metrics, as the variables name them.
pub(super) struct Signal {
    name: &'static str,
}

impl Signal {
    pub(super) const TRACES: Self = Self { name: "TRACES" };
    pub(super) const METRICS: Self = Self { name: "METRICS" };

    /// Whether this signal is sent at all, and a check that it can be sent as asked.
    pub(super) fn is_exported(&self) -> Result<bool, InitError> {
        let variable = format!("OTEL_{}_EXPORTER", self.name);
        match value(&variable).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(false),
            Some(other) => return Err(InitError::Exporter { variable, value: other.to_owned() }),
        }
        let of_signal = format!("OTEL_EXPORTER_OTLP_{}_PROTOCOL", self.name);
        let asked = [of_signal, "OTEL_EXPORTER_OTLP_PROTOCOL".to_owned()].into_iter();
        match asked.filter_map(|variable| value(&variable).map(|value| (variable, value))).next() {
            Some((variable, value)) if value != PROTOCOL => Err(InitError::Protocol { variable, value }),
            _ => Ok(true),
        }
    }
}

/// A variable's value; by OpenTelemetry's rules an empty one counts as not set.
fn value(variable: &str) -> Option<String> {
    env::var(variable).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
