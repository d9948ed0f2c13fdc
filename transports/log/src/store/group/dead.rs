//! Dead letters: what becomes of a record that was delivered as often as it may be and never acknowledged.
//!
//! It is stored in a log of its own, as it was, with what is to be known of it as further headers. Only when that is on the
//! disk it counts as handled; so after a crash in between there may be two of it, and never none.

use super::history::Failure;
use crate::store::record::Record;
use crate::store::{Batch, Entry, StoreError};

/// The header with the offset that a dead letter had, in decimal.
pub const OFFSET: &str = "dead-offset";
/// The header with the number of its deliveries, in decimal.
pub const ATTEMPTS: &str = "dead-attempts";
/// The header with the reason of the last failure; empty when none was told.
pub const REASON: &str = "dead-reason";
/// The header with one line for each failure that is remembered: attempt, microseconds since 1970, and reason.
pub const HISTORY: &str = "dead-history";

/// The record as a dead letter.
pub(super) fn letter(record: &Record, attempts: u32, failures: &[Failure]) -> Result<Batch, StoreError> {
    let line = |failure: &Failure| {
        format!("{} {} {}\n", failure.attempt, failure.time, failure.reason.replace(['\n', '\r'], " "))
    };
    let history: String = failures.iter().map(line).collect();
    let reason = failures.last().map_or("", |failure| &failure.reason);
    let (offset, attempts) = (record.offset().to_string(), attempts.to_string());
    let own: Vec<_> = record.headers().collect();
    let mut headers: Vec<(&str, &[u8])> = own.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let told = [(OFFSET, &offset[..]), (ATTEMPTS, &attempts), (REASON, reason), (HISTORY, &history)];
    headers.extend(told.map(|(name, value)| (name, value.as_bytes())));
    Batch::of(&[Entry { key: record.key().map(|key| &key[..]), headers: &headers, value: record.value() }])
}
