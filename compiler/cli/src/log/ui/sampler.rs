//! Remembers how far groups were behind, since the log itself does not: one sample every two seconds, for an hour.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use super::super::{find, groups};
use super::streams::{kind, millis, name_of};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(2);
/// Samples of a group that are kept.
const KEPT: usize = 1800;

/// When, in milliseconds since 1970, and how many records a group was behind then.
pub(super) type Sample = (u64, u64);

/// The samples by log and group.
type Samples = BTreeMap<String, BTreeMap<String, VecDeque<Sample>>>;

/// Looks at all groups again and again, for as long as it lives.
pub(super) struct Sampler {
    samples: Arc<Mutex<Samples>>,
    /// When it began, in milliseconds since 1970.
    pub(super) since: u64,
}

impl Sampler {
    /// Begins. The task ends when this is dropped.
    pub(super) fn start(dir: PathBuf) -> Self {
        let samples = Arc::new(Mutex::new(Samples::new()));
        let kept = Arc::downgrade(&samples);
        tokio::spawn(async move {
            loop {
                let (dir, kept) = (dir.clone(), Weak::clone(&kept));
                match tokio::task::spawn_blocking(move || look(&dir, &kept)).await {
                    // One look at a large directory may take longer than the pause.
                    Ok(true) => tokio::time::sleep(EVERY).await,
                    _ => return,
                }
            }
        });
        Self { samples, since: millis(SystemTime::now()) }
    }

    /// The samples of a log's groups from this time on.
    pub(super) fn of(&self, log: &str, from: u64) -> BTreeMap<String, Vec<Sample>> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = samples.get(log).into_iter().flatten();
        groups
            .map(|(group, samples)| (group.clone(), samples.iter().filter(|(at, _)| *at >= from).copied().collect()))
            .collect()
    }
}

/// Adds a sample of every group; `false` when nobody wants them any more. What cannot be read has no sample, and is told where it
/// is looked at.
fn look(dir: &Path, kept: &Weak<Mutex<Samples>>) -> bool {
    let now = millis(SystemTime::now());
    let mut found = Vec::new();
    for log in find::logs(dir).unwrap_or_default() {
        let name = name_of(dir, &log);
        if !matches!(kind(&name), "stream" | "log") {
            continue;
        }
        for (group, journal) in groups::of(&log).unwrap_or_default() {
            if let Ok(Some(known)) = find::view(&log).and_then(|view| view.group(&journal)) {
                found.push((name.clone(), group, known.lag.untaken + known.lag.outstanding));
            }
        }
    }
    let Some(kept) = kept.upgrade() else { return false };
    let mut samples = kept.lock().unwrap_or_else(PoisonError::into_inner);
    for (log, group, behind) in found {
        let samples = samples.entry(log).or_default().entry(group).or_default();
        samples.push_back((now, behind));
        if samples.len() > KEPT {
            samples.pop_front();
        }
    }
    true
}
