//! Records for browsing, decoded: so many forwards from a place, or backwards from an offset, of those that a filter takes.

use serde_json::{Value, json};
use thriftwood::frame::Frame;
use thriftwood_log::store::{Backwards, From, LogView, Reader, Record, StoreError};

use super::super::find;
use super::super::show::Filter;
use super::super::when::Where;
use super::Site;
use super::answer::{Problem, Query};
use super::streams::{millis, named};
use crate::live::pretty;

/// Records in one answer, unless it asks for fewer.
const MOST: usize = 100;
/// Records that are looked at for one answer; where the filter takes few, the page asks on from there.
const LOOKED_AT: usize = 20_000;
/// Bytes of a value that are shown, and of a whole answer.
const VALUE: usize = 16 * 1024;
const ANSWER: usize = 2 * 1024 * 1024;

/// Either way through a log.
enum Way {
    Forwards(Reader),
    Backwards(Backwards),
}

impl Way {
    fn next(&mut self) -> Result<Option<Record>, StoreError> {
        match self {
            Way::Forwards(reader) => reader.next_ready(),
            Way::Backwards(backwards) => backwards.next_ready(),
        }
    }
}

pub(super) fn records(site: &Site, query: &Query) -> Result<String, Problem> {
    let (_, dir) = named(site, query)?;
    let filter = Filter {
        topic: query.get("topic").map(str::to_owned),
        key: query.get("key").map(str::to_owned),
        headers: query.get("header").map(str::to_owned).into_iter().collect(),
        until: None,
    };
    let most = query.number::<usize>("limit")?.unwrap_or(MOST).clamp(1, MOST);
    let view = find::view(&dir)?;
    let mut way = way(&view, query)?;
    let (mut shown, mut looked_at, mut size, mut last) = (Vec::new(), 0, 0, None);
    let mut is_end = false;
    while shown.len() < most && looked_at < LOOKED_AT && size < ANSWER {
        looked_at += 1;
        match way.next() {
            Ok(None) => {
                is_end = true;
                break;
            }
            Ok(Some(record)) => {
                last = Some(record.offset());
                if filter.takes(&record) {
                    let record = record_as_json(site, &record);
                    size += record["value"].as_str().map_or(0, str::len);
                    shown.push(record);
                }
            }
            Err(StoreError::Corrupt { from, to, .. } | StoreError::Unsupported { from, to, .. }) => {
                last = Some(if matches!(way, Way::Forwards(_)) { to - 1 } else { from });
                shown.push(json!({ "offset": from, "damage": [from, to - 1] }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Where the next question goes on: backwards before this offset, forwards from the one after it.
    let last = last.filter(|_| !is_end);
    Ok(json!({ "records": shown, "last": last, "looked_at": looked_at }).to_string())
}

fn way(view: &LogView, query: &Query) -> Result<Way, Problem> {
    if let Some(from) = query.get("from") {
        let from: Where = from.parse().map_err(Problem::Question)?;
        return Ok(Way::Forwards(view.reader(from.0)?));
    }
    let before = query.number("before")?.map_or(From::Next, From::Offset);
    Ok(Way::Backwards(view.backwards(before)?))
}

/// Values are texts of JSON, not JSON: a browser's numbers would round those beyond 53 bits.
fn record_as_json(site: &Site, record: &Record) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = site.events.json(record);
    let is_cut = value.len() > VALUE;
    let end = (0..=VALUE.min(value.len())).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
    let value = if is_cut { value[..end].to_owned() } else { pretty(&value, false) };
    let headers: Vec<Value> = record
        .headers()
        .map(|(name, value)| {
            let shown = std::str::from_utf8(&value).map_or_else(|_| format!("{} bytes", value.len()), str::to_owned);
            json!([name, shown])
        })
        .collect();
    let frame = Frame::decode(record.value().clone()).ok();
    let frame: Vec<Value> =
        frame.iter().flat_map(|frame| frame.headers().iter().map(|(name, value)| json!([name, value]))).collect();
    json!({
        "frame": frame, "offset": record.offset(), "time": millis(record.time()), "key": record.key().map(|key| text(key)),
        "topic": record.header("topic").map(|topic| text(&topic)), "headers": headers,
        "value": value, "cut": is_cut, "size": record.value().len(),
    })
}
