//! Places in a log, as they are written on a command line.

use std::str::FromStr;
use std::time::SystemTime;

use thriftwood_log::store::From;

/// `first`, `next`, an offset, a time such as 2026-01-31T12:00:00Z, or how long ago, such as `2h 30m`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Where(pub(super) From);

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset) = text.parse() {
            return Ok(Self(From::Offset(offset)));
        }
        if let Ok(time) = humantime::parse_rfc3339_weak(text) {
            return Ok(Self(From::Time(time)));
        }
        if let Some(time) = humantime::parse_duration(text).ok().and_then(|ago| SystemTime::now().checked_sub(ago)) {
            return Ok(Self(From::Time(time)));
        }
        match text {
            "first" => Ok(Self(From::First)),
            "next" => Ok(Self(From::Next)),
            _ => {
                Err("it is none of `first`, `next`, an offset, a time (2026-01-31T12:00:00Z), or how long ago (2h 30m)"
                    .to_owned())
            }
        }
    }
}

/// A time as it is shown, and as it can be given back.
pub(super) fn shown(time: SystemTime) -> String {
    // Years beyond 9999 have no such form.
    let is_shown = time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since.as_secs() < 253_402_300_800);
    if is_shown { humantime::format_rfc3339_micros(time).to_string() } else { "-".to_owned() }
}

/// Bytes as they are shown.
pub(super) fn bytes(bytes: u64) -> String {
    let mut rest = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} TiB")
}
