//! What a directory was opened with, kept beside its logs for those who look at them from outside: limits are nowhere else on the disk.
//!
//! Whoever opens the directory goes by its own configuration and never by this file, which says what the last one went by.

use std::io;
use std::path::Path;
use std::time::Duration;

use thriftwood_core::{Error, ErrorKind};

use crate::config::Config;
use crate::store::disk::Disk;
use crate::store::{Durability, Retention};

const NAME: &str = "settings";
/// Where it is written before it takes that name.
const NEW: &str = "settings.new";
/// The first line, with the version of what follows.
const FIRST: &str = "thriftwood log settings 1";
/// It is not read beyond this. It has some hundred bytes.
const MOST: u64 = 64 * 1024;

/// How a directory of logs was opened the last time, or is by whoever has it open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How long events are kept.
    pub retention: Retention,
    /// Whether only the last event of each key is kept.
    pub is_compacted: bool,
    /// What a publish waits for, unless it says otherwise.
    pub durability: Durability,
    /// How long a subscriber may have an event, before a group gives it to another.
    pub deadline: Option<Duration>,
    /// After so many deliveries an event is a dead letter of its group.
    pub max_attempts: Option<u32>,
}

impl Settings {
    /// Those of this directory, the one that a URL `log:DIR` names. `None` when there are none that this build can read: from before they
    /// were kept, of a later version, or of a log that was opened by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when the file is there and cannot be read.
    pub fn read(dir: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        use std::io::Read;
        let path = dir.as_ref().join(NAME);
        let read = || {
            let mut text = Vec::new();
            std::fs::File::open(&path)?.take(MOST).read_to_end(&mut text)?;
            Ok::<_, io::Error>(text)
        };
        match read() {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => {
                let text = format!("{} cannot be read: {error}", path.display());
                Err(Error::new(ErrorKind::Storage, text).with_source(error))
            }
        }
    }

    pub(crate) fn of(config: &Config) -> Self {
        Self {
            retention: config.log.retention,
            is_compacted: config.log.compaction.is_some(),
            durability: config.durability,
            deadline: config.groups.deadline,
            max_attempts: config.groups.max_attempts,
        }
    }

    /// Writes them, unless they are there; the file that was there stays whole until the new one is on the disk.
    pub(crate) fn keep(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        let (path, new, text) = (dir.join(NAME), dir.join(NEW), self.text());
        let there = disk.open(&path).and_then(|file| file.read_at(text.len() + 1, 0));
        if there.is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        match disk.remove(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.create(&new)?;
        file.write_at(text.as_bytes(), 0)?;
        file.sync_data()?;
        disk.rename(&new, &path)?;
        disk.sync_dir(dir)
    }

    fn text(&self) -> String {
        let Self { retention, is_compacted, durability, deadline, max_attempts } = self;
        let time = |time: Duration| format!("{}ms", time.as_millis());
        let durability = if *durability == Durability::Buffered { "buffered" } else { "durable" };
        let lines = [
            ("keep_age", retention.age.map(time)),
            ("keep_bytes", retention.bytes.map(|bytes| bytes.to_string())),
            ("keep_records", retention.records.map(|records| records.to_string())),
            ("compaction", is_compacted.then(|| "keys".to_owned())),
            ("durability", Some(durability.to_owned())),
            ("deadline", deadline.map(time)),
            ("max_attempts", max_attempts.map(|attempts| attempts.to_string())),
        ];
        let lines = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}={}\n", value?)));
        format!("{FIRST}\n{}", lines.collect::<String>())
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(text).ok()?.lines();
        if lines.next()? != FIRST {
            return None;
        }
        let mut config = Config::default();
        let mut is_compacted = false;
        for (name, value) in lines.filter_map(|line| line.split_once('=')) {
            is_compacted |= (name, value) == ("compaction", "keys");
            // What a later build says besides is no business of this one.
            let _ = config.set(name, value);
        }
        Some(Self { is_compacted, ..Self::of(&config) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Compaction;
    use crate::store::disk::{RealDisk, SimDisk};

    fn some() -> Config {
        let mut config =
            Config::from_url("data?keep_age=7d&keep_bytes=10GiB&durability=buffered&deadline=1500ms").unwrap().1;
        config.log.compaction = Some(Compaction::default());
        config
    }

    #[test]
    fn settings_come_back_as_they_were_and_take_the_place_of_others() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Settings::read(folder.path()).unwrap(), None, "none were kept yet");
        std::fs::write(folder.path().join(NEW), "left by a process that died").unwrap();
        for config in [Config::default(), some(), Config::default()] {
            let settings = Settings::of(&config);
            for _ in 0..2 {
                settings.keep(&RealDisk, folder.path()).unwrap();
                assert_eq!(Settings::read(folder.path()).unwrap(), Some(settings.clone()));
            }
        }
        assert!(!folder.path().join(NEW).exists());
    }

    /// The example of `docs/log-format.md`.
    #[test]
    fn the_page_shows_the_file() {
        let page = include_str!("../../../docs/log-format.md");
        let example = page.split("```settings\n").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(Settings::of(&some()).text(), example);
    }

    #[test]
    fn what_is_no_settings_is_none_and_lines_of_a_later_build_are_passed_over() {
        for text in [&b""[..], b"thriftwood log settings 2\nkeep_age=1d\n", b"\xff\xfe", b"thriftwood log settings 1"] {
            let expected = text.ends_with(b"1").then(Settings::default);
            assert_eq!(Settings::parse(text), expected, "{text:?}");
        }
        let text = b"thriftwood log settings 1\nkeep_smell=strong\nkeep_records=7\nkeep_bytes=lots\n\nnonsense";
        let expected = Settings { retention: Retention::default().records(7), ..Settings::default() };
        assert_eq!(Settings::parse(text), Some(expected));
    }

    #[test]
    fn a_power_cut_at_any_operation_leaves_those_before_or_the_new_ones_and_afterwards_the_new_ones() {
        let disk = SimDisk::new();
        let dir = Path::new("data");
        disk.create_dir(dir).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        let (old, new) = (Settings::of(&some()), Settings::default());
        old.keep(&disk, dir).unwrap();
        disk.record();
        new.keep(&disk, dir).unwrap();
        let mut moments: Vec<_> = disk.history().into_iter().map(|(_, state)| (state, true)).collect();
        assert!(moments.len() > 3, "it writes, syncs and renames");
        moments.push((disk.image(), false));
        for (moment, (state, may_be_old)) in moments.iter().enumerate() {
            for fate in 0..32_u64 {
                let mut dice = fate << 32 | moment as u64;
                let disk = SimDisk::from_image(state.after_power_cut(|| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    dice >> 33
                }));
                let kept = disk.open(&dir.join(NAME)).and_then(|file| file.read_at(1_000, 0)).unwrap_or_default();
                let kept = Settings::parse(&kept);
                let is_old = *may_be_old && kept.as_ref() == Some(&old);
                assert!(is_old || kept.as_ref() == Some(&new), "moment {moment}, fate {fate}: {kept:?}");
            }
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_leaves_what_was_there() {
        let disk = SimDisk::new();
        let dir = Path::new("data");
        disk.create_dir(dir).unwrap();
        Settings::of(&some()).keep(&disk, dir).unwrap();
        let kept = || disk.open(&dir.join(NAME)).unwrap().read_at(1_000, 0).unwrap();
        let before = kept();
        for operations in 0.. {
            disk.fail_after(operations, io::ErrorKind::StorageFull);
            match Settings::default().keep(&disk, dir) {
                Ok(()) => {
                    assert!(operations > 3, "it writes, syncs and renames");
                    break;
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            }
            assert!([before.clone(), Settings::default().text().into_bytes()].contains(&kept()), "after {operations}");
        }
        assert_eq!(kept(), Settings::default().text().as_bytes());
    }
}
