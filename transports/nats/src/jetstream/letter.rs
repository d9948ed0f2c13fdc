//! What stands in a dead letter: the event as it was, with what is to be known of it as further headers.
//!
//! | header | |
//! |---|---|
//! | `topic` | its topic |
//! | `dead-group` | the group that did not handle it |
//! | `dead-offset`, `dead-time` | its sequence number in the events' stream, and when it was stored there, in microseconds since 1970 |
//! | `dead-attempts` | the number of its deliveries |
//! | `dead-reason` | the reason of the last failure that is known; empty when none is |
//! | `dead-history` | once for each failure that is known: attempt, microseconds since 1970, and reason |
//! | `dead-history-omitted` | how many of those, the oldest, are left out, where it would be too large with them |
//! | `dead-omitted` | how many bytes it had, where it and these headers are too large for the server; it has none then, and none of its own headers where those are too large |

use std::time::SystemTime;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;

use super::failures::{Failure, cut, microseconds};

/// An event as far as its letter needs it.
pub(super) struct Event {
    pub(super) topic: String,
    pub(super) headers: Option<HeaderMap>,
    pub(super) frame: Bytes,
    pub(super) offset: u64,
    pub(super) time: SystemTime,
}

/// The event as a dead letter of this name, of no more than so many bytes: without the event where that does not fit, then without its
/// own headers, then without the oldest failures, then with less of the last reason.
pub(super) fn letter(told: &Told<'_>, name: &str, max_payload: usize) -> (HeaderMap, Bytes) {
    let event = told.event;
    let written = |own: HeaderMap, told: &Told<'_>| {
        let mut headers = own;
        // The consumer is the group's, for one pattern of topics: each buries for itself.
        headers.insert(NATS_MESSAGE_ID, name);
        told.tell(&mut headers);
        headers
    };
    let too_many = |headers: &HeaderMap| size(headers).saturating_sub(max_payload);
    let mut headers = written(own_headers(event), told);
    if size(&headers) + event.frame.len() <= max_payload {
        return (headers, event.frame.clone());
    }
    let mut told = Told { is_whole: false, ..*told };
    headers = written(own_headers(event), &told);
    if too_many(&headers) > 0 {
        // A peer of NATS may have put there what it liked.
        headers = written(HeaderMap::new(), &told);
    }
    while too_many(&headers) > 0
        && let Some((_, later)) = told.failures.split_first()
    {
        (told.failures, told.forgotten) = (later, told.forgotten + 1);
        headers = written(HeaderMap::new(), &told);
    }
    if let beyond @ 1.. = too_many(&headers) {
        told.reason = cut(told.reason, told.reason.len().saturating_sub(beyond));
        headers = written(HeaderMap::new(), &told);
    }
    (headers, Bytes::new())
}

/// What a letter tells.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    group: &'a str,
    event: &'a Event,
    attempts: u32,
    reason: &'a str,
    failures: &'a [Failure],
    /// How many earlier failures there is no room for.
    forgotten: usize,
    /// Whether the event itself is in the letter.
    is_whole: bool,
}

impl<'a> Told<'a> {
    pub(super) fn new(group: &'a str, event: &'a Event, attempts: u32, failures: &'a [Failure]) -> Self {
        let reason = failures.last().map_or("", |failure| &failure.reason);
        Self { group, event, attempts, reason, failures, forgotten: 0, is_whole: true }
    }

    fn tell(&self, headers: &mut HeaderMap) {
        let Self { group, event, attempts, reason, failures, forgotten, is_whole } = self;
        headers.insert("topic", event.topic.as_str());
        headers.insert("dead-group", *group);
        headers.insert("dead-offset", event.offset.to_string());
        headers.insert("dead-time", microseconds(event.time).to_string());
        headers.insert("dead-attempts", attempts.to_string());
        headers.insert("dead-reason", *reason);
        for Failure { attempt, time, reason } in *failures {
            headers.append("dead-history", format!("{attempt} {time} {reason}"));
        }
        if *forgotten > 0 {
            headers.insert("dead-history-omitted", forgotten.to_string());
        }
        if !is_whole {
            headers.insert("dead-omitted", event.frame.len().to_string());
        }
    }
}

/// What the event itself says in headers.
fn own_headers(event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in event.headers.iter().flat_map(HeaderMap::iter) {
        // Those of the server are commands to it, and an event that was a letter before is told of anew.
        let name_text: &str = name.as_ref();
        if !name_text.starts_with("Nats-") && !name_text.starts_with("dead-") {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
    }
    headers
}

/// How many bytes headers take: `NATS/1.0`, and a line for each.
fn size(headers: &HeaderMap) -> usize {
    let line = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| -> usize {
        let name: &str = name.as_ref();
        values.iter().map(|value| name.len() + value.as_str().len() + 4).sum()
    };
    headers.iter().map(line).sum::<usize>() + 12
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_nats::HeaderValue;

    use super::*;

    fn event(headers: Option<HeaderMap>, bytes: usize) -> Event {
        let (topic, frame) = ("v1.emea.Winners.Winner".to_owned(), vec![7; bytes].into());
        Event { topic, headers, frame, offset: 41, time: SystemTime::UNIX_EPOCH + Duration::from_millis(3) }
    }

    #[test]
    fn a_letter_has_the_events_own_headers_but_for_commands_to_the_server_and_what_an_earlier_letter_told() {
        let mut own = HeaderMap::new();
        own.insert(NATS_MESSAGE_ID, "bus-1");
        own.insert("Nats-Rollup", "all");
        own.insert("dead-attempts", "99");
        own.append("shop", "one");
        own.append("shop", "two");
        let failure = |attempt, reason: &str| Failure { attempt, time: 5, reason: reason.to_owned() };
        let failures = [failure(1, "no account"), failure(3, "still none")];
        let event = event(Some(own), 10);
        let (headers, frame) = letter(&Told::new("mailer", &event, 3, &failures), "FRUGAL:41", 1 << 20);
        assert_eq!(frame.len(), 10);
        let mut lines: Vec<_> = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {}", value.as_str())))
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "Nats-Msg-Id: FRUGAL:41",
                "dead-attempts: 3",
                "dead-group: mailer",
                "dead-history: 1 5 no account",
                "dead-history: 3 5 still none",
                "dead-offset: 41",
                "dead-reason: still none",
                "dead-time: 3000",
                "shop: one",
                "shop: two",
                "topic: v1.emea.Winners.Winner",
            ]
        );
    }

    #[test]
    fn a_letter_that_would_be_too_large_names_the_event_without_it() {
        let failure = |attempt| Failure { attempt, time: 5, reason: "x".repeat(512) };
        let failures: Vec<_> = (1..=16).map(failure).collect();
        for (bytes, omitted) in [(50_000, None), (60_000, Some("60000"))] {
            let event = event(None, bytes);
            let (headers, frame) = letter(&Told::new("mailer", &event, 16, &failures), "FRUGAL:41", 64 * 1024);
            assert!(size(&headers) + frame.len() <= 64 * 1024);
            assert_eq!(headers.get("dead-omitted").map(HeaderValue::as_str), omitted);
            assert_eq!(frame.is_empty(), omitted.is_some());
        }
    }

    #[test]
    fn a_letter_is_without_the_events_own_headers_only_where_those_alone_would_be_too_large() {
        for (bytes, is_kept) in [(60_000, true), (65_400, false)] {
            let mut own = HeaderMap::new();
            own.insert("shop", "x".repeat(bytes));
            let event = event(Some(own), 6_000);
            let (headers, frame) = letter(&Told::new("mailer", &event, 2, &[]), "FRUGAL:41", 64 * 1024);
            assert!(size(&headers) <= 64 * 1024 && frame.is_empty());
            assert_eq!(headers.get("shop").is_some(), is_kept);
            assert_eq!(headers.get("dead-omitted").map(HeaderValue::as_str), Some("6000"));
            assert_eq!(headers.get("dead-offset").map(HeaderValue::as_str), Some("41"));
        }
    }

    #[test]
    fn a_letter_tells_the_latest_failures_that_there_is_room_for_and_as_much_of_the_last_reason() {
        let failure = |attempt| Failure { attempt, time: 5, reason: format!("{attempt:02} {}", "ü".repeat(200)) };
        let failures: Vec<_> = (1..=16).map(failure).collect();
        let event = event(None, 100);
        for (limit, omitted, reason) in [(4_096, 8, 403), (1_100, 15, 403), (500, 16, 299)] {
            let (headers, frame) = letter(&Told::new("mailer", &event, 16, &failures), "FRUGAL:41", limit);
            assert!(frame.is_empty() && size(&headers) <= limit, "{limit}");
            let number = headers.get("dead-history-omitted").map(|number| number.as_str().to_owned());
            assert_eq!(number, Some(omitted.to_string()), "{limit}");
            let kept: Vec<_> = headers.get_all("dead-history").map(HeaderValue::as_str).collect();
            assert_eq!(kept.len(), 16 - omitted);
            assert!(kept.last().is_none_or(|last| last.starts_with("16 5 16 ")), "the last ones: {kept:?}");
            assert_eq!(headers.get("dead-reason").unwrap().as_str().len(), reason, "{limit}");
        }
    }
}
