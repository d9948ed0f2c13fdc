//! Log lines on standard error: what happened, and within which call.

use std::env;
use std::fmt::{self, Debug};
use std::io::stderr;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, warn};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::TARGET;

const VARIABLE: &str = "RUST_LOG";

/// Fields of our spans that are for machines: they say what a reader of lines knows, or say it twice.
const NOT_SHOWN: &[&str] = &[
    "otel.",
    "rpc.system.name",
    "server.",
    "messaging.system",
    "messaging.operation.",
    "messaging.destination.template",
    "thriftwood.transport",
];

pub(super) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(stderr).fmt_fields(Fields);
    lines.with_filter(wanted().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO)))
}

/// Says so when the variable was not understood; a service that does not start for that would be worse.
pub(super) fn report() {
    if let Err(error) = wanted() {
        warn!(
            target: TARGET, %error,
            "{VARIABLE} is not understood, and lines of level `info` and above are written; \
             it takes the form `info,TARGET=LEVEL,..`",
        );
    }
}

fn wanted() -> Result<Targets, ParseError> {
    env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned()).parse()
}

/// Writes fields as `name=value`, and leaves out those not shown.
struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { writer, empty: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    empty: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn field(&mut self, field: &Field, value: fmt::Arguments<'_>) -> fmt::Result {
        if NOT_SHOWN.iter().any(|name| field.name().starts_with(name)) {
            return Ok(());
        }
        if !std::mem::replace(&mut self.empty, false) {
            self.writer.write_char(' ')?;
        }
        if field.name() != "message" {
            write!(self.writer, "{}=", field.name())?;
        }
        // Texts come from peers too, and one event is one line.
        for c in value.to_string().chars() {
            match c {
                c if c.is_control() => write!(self.writer, "{}", c.escape_default())?,
                c => self.writer.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.result = self.result.and_then(|()| self.field(field, format_args!("{value:?}")));
    }
}
