//! The logs of the directory as JSON: what there is, how it grew, and how far its groups are.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use thriftwood_log::store::{From, LogView, StoreError};

use super::super::list::told;
use super::super::{find, groups};
use super::Site;
use super::answer::{Problem, Query};

/// Points of a plot of throughput.
const POINTS: u64 = 60;
/// The longest time that is plotted, in seconds: a year.
const LONGEST: u64 = 366 * 24 * 3600;

/// Every log but the positions of groups, which are shown with their logs.
pub(super) fn logs(site: &Site) -> Result<String, Problem> {
    let mut shown = Vec::new();
    for log in find::logs(&site.dir)? {
        let name = name_of(&site.dir, &log);
        let kind = kind(&name);
        if kind == "position" {
            continue;
        }
        shown.push(match overview(&log) {
            Ok(mut overview) => {
                overview["name"] = name.into();
                overview["kind"] = kind.into();
                overview
            }
            Err(error) => json!({ "name": name, "kind": kind, "error": error.to_string() }),
        });
    }
    let (dir, now) = (site.dir.display().to_string(), millis(SystemTime::now()));
    Ok(json!({ "dir": dir, "now": now, "since": site.sampler.since, "logs": shown }).to_string())
}

/// One log: its segments and its groups.
pub(super) fn log(site: &Site, query: &Query) -> Result<String, Problem> {
    let (name, dir) = named(site, query)?;
    let view = find::view(&dir)?;
    let segments: Vec<Value> = view
        .segments()?
        .iter()
        .map(|segment| {
            json!({
                "base": segment.base, "next": segment.next, "bytes": segment.bytes,
                "last": segment.last.map(millis), "indexed": segment.is_indexed,
            })
        })
        .collect();
    let mut shown = overview(&dir)?;
    shown["name"] = name.into();
    shown["segments"] = segments.into();
    shown["settings"] = find::settings(&dir).map_or(Value::Null, |settings| {
        told(&settings).into_iter().map(|(name, value)| json!([name, value])).collect()
    });
    shown["groups"] = groups_of(&dir, &view)?.into();
    Ok(shown.to_string())
}

/// Records a second over the last `seconds`, out of the times in the log itself, and the lag of its groups since the page's server
/// runs.
pub(super) fn history(site: &Site, query: &Query) -> Result<String, Problem> {
    let (name, dir) = named(site, query)?;
    let seconds = query.number::<u64>("seconds")?.unwrap_or(900).clamp(POINTS, LONGEST);
    let view = find::view(&dir)?;
    let now = SystemTime::now();
    let step = Duration::from_secs(seconds) / POINTS as u32;
    let begin = now - Duration::from_secs(seconds);
    let mut before = view.reader(From::Time(begin))?.offset();
    let mut points = Vec::new();
    for point in 1..=POINTS as u32 {
        let at = begin + step * point;
        // What is stored in this very moment is counted the next time.
        let next = if point == POINTS as u32 { view.next_offset() } else { view.reader(From::Time(at))?.offset() };
        let rate = next.saturating_sub(before) as f64 / step.as_secs_f64();
        points.push(json!([millis(at), (rate * 1000.0).round() / 1000.0]));
        before = next.max(before);
    }
    let lag = site.sampler.of(&name, millis(begin));
    Ok(json!({
        "from": millis(begin), "to": millis(now), "since": site.sampler.since, "throughput": points, "lag": lag,
    })
    .to_string())
}

fn overview(dir: &Path) -> Result<Value, StoreError> {
    let view = find::view(dir)?;
    let segments = view.segments()?;
    let (first, next) = (view.first_offset(), view.next_offset());
    // A record that cannot be read has no time; the segments' own are next to it.
    let oldest = view.reader(From::First)?.next_ready().ok().flatten().map(|record| millis(record.time()));
    let last = find::last(&view).map(millis);
    let minute = SystemTime::now() - Duration::from_secs(60);
    let lately = next.saturating_sub(view.reader(From::Time(minute))?.offset());
    Ok(json!({
        "first": first, "next": next, "records": next - first, "segments": segments.len(),
        "bytes": segments.iter().map(|segment| segment.bytes).sum::<u64>(),
        "oldest": oldest, "last": last, "lately": lately, "groups": groups::of(dir).map_or(0, |groups| groups.len()),
    }))
}

fn groups_of(dir: &Path, view: &LogView) -> Result<Vec<Value>, Problem> {
    let mut shown = Vec::new();
    for (name, journal) in groups::of(dir)? {
        let dead = find::view(&journal.join("dead")).map_or(0, |dead| dead.next_offset() - dead.first_offset());
        shown.push(match view.group(&journal) {
            Ok(Some(group)) => json!({
                "name": name, "position": group.position, "untaken": group.lag.untaken,
                "outstanding": group.lag.outstanding, "dead": dead,
                // The tries of what comes again and again are what one looks for.
                "tried": group.outstanding.iter().map(|(_, attempts)| *attempts).max().unwrap_or(0),
            }),
            Ok(None) => json!({ "name": name, "dead": dead }),
            Err(error) => json!({ "name": name, "dead": dead, "error": error.to_string() }),
        });
    }
    Ok(shown)
}

/// The log that a request names: one of those that are there, so that no name leads out of the directory.
pub(super) fn named(site: &Site, query: &Query) -> Result<(String, PathBuf), Problem> {
    let Some(name) = query.get("log") else { return Err(Problem::Question("`log` is missing".to_owned())) };
    let found = find::logs(&site.dir)?.into_iter().find(|log| name_of(&site.dir, log) == name);
    found.map(|dir| (name.to_owned(), dir)).ok_or_else(|| Problem::NoLog(name.to_owned()))
}

/// What a log is called on the page: its path below the directory.
pub(super) fn name_of(dir: &Path, log: &Path) -> String {
    let name = log.strip_prefix(dir).unwrap_or(log).display().to_string();
    if name.is_empty() { ".".to_owned() } else { name }
}

/// What a log is, by where it is: `docs/log-format.md` has the folders.
pub(super) fn kind(name: &str) -> &'static str {
    let mut parts = name.split('/');
    let is_grouped = parts.any(|part| part == "groups");
    match (is_grouped, name) {
        (true, _) if name.ends_with("/dead") => "dead letters",
        (true, _) => "position",
        (false, _) if name.starts_with("streams/") => "stream",
        (false, _) if name.starts_with("calls/") => "calls",
        (false, _) => "log",
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
