//! Times as the log stores them: microseconds since 1970, of either sign.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) fn from_system(time: SystemTime) -> i64 {
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

/// Times that the platform cannot express are shown as 1970.
pub(crate) fn to_system(micros: i64) -> SystemTime {
    let span = Duration::from_micros(micros.unsigned_abs());
    let time = if micros < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(UNIX_EPOCH)
}
