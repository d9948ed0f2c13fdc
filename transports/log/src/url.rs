//! What may stand behind `log:` in a URL: a directory, and options behind a question mark.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thriftwood_core::{Error, ErrorKind};

use crate::config::Config;
use crate::store::Durability;

const NAMES: &str = "keep_age, keep_bytes, keep_records, durability, max_attempts, deadline";

impl Config {
    /// The directory and the configuration that a URL names, given what stands behind its `log:`:
    /// `./data?keep_age=7d&keep_bytes=10GiB`.
    ///
    /// | option | what it sets |
    /// |---|---|
    /// | `keep_age=7d` | how long events are kept: a number of `ms`, `s`, `m`, `h` or `d` |
    /// | `keep_bytes=10GiB` | how many bytes of each stream: a number of `KB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`, or none for bytes |
    /// | `keep_records=1000000` | how many events of each stream |
    /// | `durability=buffered` | what a publish waits for: `durable`, the default, or `buffered` |
    /// | `max_attempts=5` | after how many deliveries an event goes to the dead letters of a group |
    /// | `deadline=30s` | how long a subscriber may have an event before it is delivered to another |
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`] for an option that is none of these, or has a value that is none.
    pub fn from_url(rest: &str) -> Result<(PathBuf, Self), Error> {
        let (dir, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut config = Self::default();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            config.set(name, value).map_err(|problem| {
                let text = format!("cannot open log:{rest}: `{option}` {problem}");
                Error::new(ErrorKind::InvalidUrl, text)
            })?;
        }
        Ok((PathBuf::from(dir), config))
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let retention = &mut self.log.retention;
        match name {
            "keep_age" => retention.age = Some(duration(value)?),
            "keep_bytes" => retention.bytes = Some(bytes(value)?),
            "keep_records" => retention.records = Some(number(value)?),
            "durability" => {
                self.durability = durability(value)?;
            }
            "max_attempts" => self.groups.max_attempts = Some(number(value)?),
            "deadline" => self.groups.deadline = Some(duration(value)?),
            _ => return Err(format!("is none of its options, which are {NAMES}")),
        }
        Ok(())
    }
}

pub(crate) fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "durable" => Ok(Durability::Durable),
        "buffered" => Ok(Durability::Buffered),
        _ => Err("is neither `durable` nor `buffered`".to_owned()),
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "needs a number, such as 5".to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    with_unit(text, &units).map(Duration::from_millis).ok_or_else(|| "needs a time, such as 30s, 12h or 7d".to_owned())
}

fn bytes(text: &str) -> Result<u64, String> {
    let units =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
    let plain = text.parse().ok();
    plain.or_else(|| with_unit(text, &units)).ok_or_else(|| "needs a size, such as 500MB or 10GiB".to_owned())
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_options_are_read() {
        let (dir, config) = Config::from_url("./data").unwrap();
        assert_eq!((dir, config.log.retention.is_limited()), (PathBuf::from("./data"), false));
        let url = "./data?keep_age=7d&keep_bytes=10GiB&keep_records=5&durability=buffered&max_attempts=3&deadline=30s";
        let (dir, config) = Config::from_url(url).unwrap();
        assert_eq!(dir, PathBuf::from("./data"));
        let retention = config.log.retention;
        assert_eq!(retention.age, Some(Duration::from_secs(7 * 86_400)));
        assert_eq!((retention.bytes, retention.records), (Some(10 << 30), Some(5)));
        assert_eq!((config.durability, config.groups.max_attempts), (Durability::Buffered, Some(3)));
        assert_eq!(config.groups.deadline, Some(Duration::from_secs(30)));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (options, part) in [
            ("keep_age=7", "needs a time, such as 30s, 12h or 7d"),
            ("keep_age=99999999999999999d", "needs a time"),
            ("keep_bytes=lots", "needs a size"),
            ("max_attempts=-1", "needs a number"),
            ("durability=yes", "neither `durable` nor `buffered`"),
            ("keep=7d", "`keep=7d` is none of its options, which are keep_age, keep_bytes"),
        ] {
            let error = Config::from_url(&format!("data?{options}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
