//! Carries a trace beside a message, by the W3C's Trace Context (level 1): the headers `traceparent` and `tracestate`.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use thriftwood_core::Context;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Makes a span that was just made part of the right trace, and writes it into the context.
///
/// An own call takes the span it is made in for its parent, unless its context came from another trace: what was said by
/// argument counts more than what happens to be around. A message that came in has its sender's span for its parent.
pub(crate) fn join(span: &Span, context: &mut Context, came_in: bool) {
    let Some(sent) = received(context) else { return write(span, context) };
    let around = || Span::current().context().span().span_context().trace_id();
    if came_in || around() != sent.trace_id() {
        // Fails where no layer of OpenTelemetry is installed: the span is then in no trace, and the headers pass as they came.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(sent));
    }
    write(span, context);
}

/// The span that the context's headers name. Headers that say nothing valid are none.
fn received(context: &Context) -> Option<SpanContext> {
    let (trace, span, flags) = parse(context.header(TRACEPARENT)?)?;
    let state = context.header(TRACESTATE).and_then(|state| TraceState::from_str(state).ok());
    Some(SpanContext::new(trace, span, flags, true, state.unwrap_or_default()))
}

/// `VERSION-TRACE-PARENT-FLAGS`, in lower-case hexadecimal digits. A later version may add fields and must keep these four.
fn parse(traceparent: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut fields = traceparent.trim().split('-');
    let mut field = |digits| {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        fields.next().filter(|field| field.len() == digits && field.bytes().all(is_digit))
    };
    let (version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    if version == "ff" || version == "00" && fields.next().is_some() {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let valid = trace != TraceId::INVALID && span != SpanId::INVALID;
    // Flags this version does not know are not passed on.
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    valid.then_some((trace, span, flags))
}

fn write(span: &Span, context: &mut Context) {
    let of_span = span.context();
    let of_span = of_span.span();
    let of_span = of_span.span_context();
    if !of_span.is_valid() {
        return;
    }
    let flags = (of_span.trace_flags() & TraceFlags::SAMPLED).to_u8();
    let traceparent = format!("00-{}-{}-{flags:02x}", of_span.trace_id(), of_span.span_id());
    *context = context.clone().with_header(TRACEPARENT, &traceparent);
    let state = of_span.trace_state().header();
    // A state that came with another trace must not go with this one.
    if context.header(TRACESTATE).unwrap_or_default() != state {
        *context = context.clone().with_header(TRACESTATE, &state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_names_trace_span_and_whether_it_is_sampled() {
        let (trace, span, flags) = parse(VALID).expect("it is valid");
        assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span.to_string(), "b7ad6b7169203331");
        assert!(flags.is_sampled());
        let (_, _, flags) = parse(&VALID.replace("-01", "-fe")).expect("unknown flags are let pass");
        assert_eq!(flags, TraceFlags::default());
    }

    #[test]
    fn a_later_version_may_say_more_and_this_one_may_not() {
        assert!(parse(&format!("{}-what", VALID.replacen("00", "01", 1))).is_some());
        assert!(parse(&format!("{VALID}-what")).is_none());
        assert!(parse(&VALID.replacen("00", "ff", 1)).is_none());
    }

    #[test]
    fn what_is_cut_upper_case_or_all_zeros_is_no_traceparent() {
        for end in 0..VALID.len() {
            assert!(parse(&VALID[..end]).is_none(), "cut at {end}");
        }
        assert!(parse(&VALID.to_uppercase()).is_none());
        assert!(parse("00-00000000000000000000000000000000-b7ad6b7169203331-01").is_none());
        assert!(parse("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01").is_none());
        assert!(parse("00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").is_none());
    }
}
