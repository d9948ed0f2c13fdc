//! What every part of one bus uses: the directory and its lock, the logs that are open in it, and who waits for a reply.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thriftwood_core::event::TopicFilter;
use thriftwood_core::transport::Lifecycle;
use thriftwood_core::{Error, ErrorKind};
use tokio::sync::Semaphore;
use tracing::warn;

use crate::calls::Calls;
use crate::client::Waiting;
use crate::config::Redelivery;
use crate::store::{Group, GroupOptions, Log, LogOptions, Retention};
use crate::{error, names};

/// When a log of calls has grown by this many bytes, calls that were answered can be removed.
const CALLS_SEGMENT: u64 = 16 * 1024 * 1024;

/// Keeps a bus open. The bus, its clients and its subscriptions hold it; servers and events do not.
pub(crate) struct Handle(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) lifecycle: Lifecycle,
    /// Who waits for replies on this bus.
    pub(crate) waiting: Waiting,
    root: PathBuf,
    options: LogOptions,
    redelivery: Redelivery,
    open: Mutex<Open>,
    /// One place, so that nothing is opened twice.
    opening: Arc<Semaphore>,
}

/// What is open in the directory.
#[derive(Default)]
struct Open {
    streams: HashMap<String, Log>,
    calls: HashMap<String, Arc<Calls>>,
    groups: HashMap<GroupKey, Group>,
    lock: Option<Box<dyn Send + Sync>>,
}

/// A group is its name and what it subscribes to: members that ask for different topics have positions of their own, so that
/// neither passes over what the other has not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupKey {
    pub(crate) group: String,
    pub(crate) filter: TopicFilter,
}

impl Shared {
    pub(crate) fn open(root: PathBuf, options: LogOptions, redelivery: Redelivery) -> Result<Arc<Self>, Error> {
        let storage = |source: std::io::Error| {
            let text = format!("the directory {} cannot be used: {source}", root.display());
            Error::new(ErrorKind::Storage, text).with_source(source)
        };
        options.disk.create_dir(&root).map_err(storage)?;
        let lock = Some(options.disk.lock(&root).map_err(error::bus)?);
        Ok(Arc::new(Self {
            lifecycle: Lifecycle::new(),
            waiting: Waiting::new(RandomState::new().hash_one(std::process::id())),
            root,
            options,
            redelivery,
            open: Mutex::new(Open { lock, ..Open::default() }),
            opening: Arc::new(Semaphore::new(1)),
        }))
    }

    /// The log of this stream's events.
    pub(crate) async fn stream(self: &Arc<Self>, name: &str) -> Result<Log, Error> {
        self.lifecycle.check()?;
        let dir = self.stream_dir(name)?;
        let options = self.options.clone();
        self.find_or_open(
            |open| &mut open.streams,
            name.to_owned(),
            move || Log::open(dir, options).map_err(error::bus),
        )
        .await
    }

    /// The log of this address's calls.
    pub(crate) async fn calls(self: &Arc<Self>, address: &str) -> Result<Arc<Calls>, Error> {
        self.lifecycle.check()?;
        let dir = self.root.join("calls").join(names::to_dir("the address of a service", address)?);
        let options = self.unlimited(CALLS_SEGMENT.min(self.options.segment_bytes));
        let redelivery = self.redelivery;
        let open = move || Ok(Arc::new(Calls::new(Log::open(dir, options).map_err(error::bus)?, redelivery)));
        self.find_or_open(|open| &mut open.calls, address.to_owned(), open).await
    }

    /// A group of a stream's subscribers.
    pub(crate) async fn group(
        self: &Arc<Self>,
        key: GroupKey,
        log: Log,
        mut options: GroupOptions,
    ) -> Result<Group, Error> {
        let Redelivery { first_delay, max_delay, deadline, max_attempts } = self.redelivery;
        (options.first_delay, options.max_delay) = (first_delay, max_delay);
        (options.deadline, options.max_attempts) = (deadline, max_attempts);
        let letters = self.unlimited(self.options.segment_bytes);
        let group = names::to_dir("a group", &key.group)?;
        let pattern = names::to_dir("a topic", &key.filter.pattern)?;
        let dir = self.stream_dir(&key.filter.stream)?.join("groups").join(group).join(pattern);
        let open = move || {
            if options.max_attempts.is_some() {
                options.dead_letters = Some(Log::open(dir.join("dead"), letters).map_err(error::bus)?);
            }
            Group::open(&log, dir, options).map_err(error::bus)
        };
        self.find_or_open(|open| &mut open.groups, key, open).await
    }

    /// How logs are opened that know by themselves what they still need: retention is for events.
    pub(crate) fn unlimited(&self, segment_bytes: u64) -> LogOptions {
        let options = self.options.clone();
        let (segment_age, retention, compaction) = (None, Retention::default(), None);
        LogOptions { segment_bytes, segment_age, retention, compaction, ..options }
    }

    /// Ends servers after the calls they have, and lets go of every file.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.lifecycle.close().await;
        // Whoever still waits would wait in vain.
        self.waiting.clear();
        let _place = self.opening.acquire().await;
        let Open { streams, calls, groups, lock } = std::mem::take(&mut *self.lock());
        let mut result = Ok(());
        for group in groups.values() {
            result = result.and(group.close().await);
        }
        for log in streams.values().chain(calls.values().map(|calls| calls.log())) {
            result = result.and(log.close().await);
        }
        drop(lock);
        result.map_err(error::bus)
    }

    /// As [`close`](Self::close), for when nobody is left to wait. Calls under way end unanswered and stay in the log.
    fn shut_down(&self) {
        self.lifecycle.token().cancel();
        self.waiting.clear();
        let Open { streams, calls, groups, lock } = std::mem::take(&mut *self.lock());
        let groups = groups.values().map(Group::close_blocking);
        let logs = streams.values().chain(calls.values().map(|calls| calls.log())).map(Log::close_blocking);
        for error in groups.chain(logs).filter_map(Result::err) {
            warn!(dir = %self.root.display(), %error, "a log was not closed cleanly");
        }
        drop(lock);
    }

    /// The log of this stream's events, if it is open.
    #[cfg(feature = "remote")]
    pub(crate) fn open_stream(&self, name: &str) -> Option<Log> {
        self.lock().streams.get(name).cloned()
    }

    /// The streams there are, with their directories.
    #[cfg(feature = "remote")]
    pub(crate) fn stream_dirs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let streams = self.root.join("streams");
        let mut dirs = match self.options.disk.list(&streams) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let text = format!("the directory {} cannot be listed: {error}", streams.display());
                return Err(Error::new(ErrorKind::Storage, text).with_source(error));
            }
            Ok(dirs) => dirs,
        };
        dirs.sort_unstable();
        Ok(dirs.into_iter().filter_map(|dir| Some((names::from_dir(&dir)?, streams.join(dir)))).collect())
    }

    #[cfg(feature = "remote")]
    pub(crate) fn disk(&self) -> Arc<dyn crate::store::disk::Disk> {
        Arc::clone(&self.options.disk)
    }

    fn stream_dir(&self, name: &str) -> Result<PathBuf, Error> {
        Ok(self.root.join("streams").join(names::to_dir("a stream", name)?))
    }

    /// Gives what is open under this name, or opens it on a thread that may block. That goes on to its end when whoever
    /// asked is gone: a log half open would look like one that somebody else has.
    async fn find_or_open<K, T>(
        self: &Arc<Self>,
        map: fn(&mut Open) -> &mut HashMap<K, T>,
        name: K,
        open: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error>
    where
        K: Hash + Eq + Send + 'static,
        T: Clone + Send + 'static,
    {
        if let Some(found) = map(&mut self.lock()).get(&name) {
            return Ok(found.clone());
        }
        // Never closed, so this only waits.
        let place = Arc::clone(&self.opening).acquire_owned().await;
        let shared = Arc::clone(self);
        let opening = tokio::task::spawn_blocking(move || {
            let _place = place;
            shared.lifecycle.check()?;
            if let Some(found) = map(&mut shared.lock()).get(&name) {
                return Ok(found.clone());
            }
            let opened = open()?;
            let mut all = shared.lock();
            // Under the lock: a bus that is closed from here on finds it in the map.
            shared.lifecycle.check()?;
            map(&mut all).insert(name, opened.clone());
            Ok(opened)
        });
        opening.await.map_err(error::interrupted)?
    }

    /// The lock guards plain maps; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}
