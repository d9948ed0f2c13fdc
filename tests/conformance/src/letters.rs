//! Dead letters as a transport keeps them, read for a behaviour to look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thriftwood::BoxFuture;
use thriftwood::log::store::disk::RealDisk;
use thriftwood::log::store::{From, LogView};

use crate::Fixture;
use crate::fixture::soon;

/// One dead letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What is told of it. Where a header has several values, each has a line.
    pub headers: BTreeMap<String, String>,
    /// The event.
    pub frame: Bytes,
}

/// Reads the letters of a group, in the order in which they were stored.
pub type Letters = Box<dyn Fn(String) -> BoxFuture<'static, Vec<Letter>> + Send + Sync>;

impl Fixture {
    /// Waits until a group has so many dead letters, and gives them.
    pub async fn letters(&self, group: &str, letters: usize) -> Vec<Letter> {
        let read = self.letters.as_ref().expect("its test says how to read dead letters");
        soon("the dead letters", async {
            loop {
                let found = read(group.to_owned()).await;
                if found.len() >= letters {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

/// The letters of the logs in a directory, which others have open.
pub fn in_logs(dir: &Path) -> Letters {
    let dir = dir.to_owned();
    Box::new(move |group| {
        let letters = dead_logs(&dir, &group).iter().flat_map(|log| in_log(log)).collect();
        Box::pin(std::future::ready(letters))
    })
}

fn dead_logs(dir: &Path, group: &str) -> Vec<PathBuf> {
    let inside = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let patterns = inside(dir.join("streams")).flat_map(|stream| inside(stream.join("groups").join(group)));
    patterns.map(|pattern| pattern.join("dead")).filter(|dead| dead.is_dir()).collect()
}

fn in_log(dir: &Path) -> Vec<Letter> {
    // One that is just being made has nothing in it yet.
    let Ok(mut reader) = LogView::open(dir, Arc::new(RealDisk)).and_then(|view| view.reader(From::First)) else {
        return Vec::new();
    };
    let mut letters = Vec::new();
    while let Ok(Some(record)) = reader.next_ready() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = record.headers().map(|(name, value)| (text(name.as_ref()), text(&value))).collect();
        letters.push(Letter { headers, frame: record.into_value() });
    }
    letters
}
