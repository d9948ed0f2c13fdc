//! Looking after a served directory from elsewhere: which streams there are, how far groups have come, and moving them.

use std::fmt;
use std::sync::Arc;

use thriftwood_core::Error;
use thriftwood_core::event::TopicFilter;

use super::ConnectConfig;
use super::follow::nonsense;
use super::line::Failed;
use super::link::Link;
use crate::remote::wire::{GroupAction, Reply, Request, StreamInfo};
use crate::shared::GroupKey;
use crate::store::{From, Lag};

/// A directory that a server has, to be looked after. Cheap to clone.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let directory = thriftwood_log::Config::default().open(folder.path()).await?;
/// # let serving = directory.serve("log://127.0.0.1:0", thriftwood_log::ServeConfig::default()).await?;
/// # let url = format!("log://{}", serving.local_addr().unwrap());
/// use thriftwood_log::{ConnectConfig, GroupName};
/// use thriftwood_log::store::From;
///
/// let served = ConnectConfig::default().served(&url).await?;
/// assert!(served.streams().await?.is_empty());
///
/// let mailer = GroupName::new("v1.music.{}.AlbumWinners", "mailer", "v1.music.*.AlbumWinners.Winner");
/// let (position, lag) = served.lag(&mailer).await?;
/// assert_eq!((position, lag.untaken, lag.outstanding), (0, 0, 0));
/// served.pause(&mailer).await?;
/// served.seek(&mailer, From::First).await?;
/// served.resume(&mailer).await?;
/// # Ok::<(), thriftwood_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ServedLog(Arc<Link>);

/// A group, by what makes it one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupName(GroupKey);

impl GroupName {
    /// The group of this name that asks for topics of this pattern in this stream. A stream is a scope's topic with its variables left open:
    /// `v1.music.{}.AlbumWinners`.
    pub fn new(stream: &str, group: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self(GroupKey { group: group.into(), filter: TopicFilter { pattern: pattern.into(), stream: stream.into() } })
    }
}

impl ConnectConfig {
    /// The directory of this server, to be looked after.
    ///
    /// # Errors
    /// As [`connect`](ConnectConfig::connect).
    pub async fn served(self, url: &str) -> Result<ServedLog, Error> {
        let link = Link::to(url, self)?;
        link.line().await?;
        Ok(ServedLog(link))
    }
}

impl ServedLog {
    /// The streams there are, in order of their names.
    ///
    /// # Errors
    /// When the server cannot be reached, or cannot list them.
    pub async fn streams(&self) -> Result<Vec<StreamInfo>, Error> {
        match self.ask(&Request::Streams).await? {
            Reply::Streams(streams) => Ok(streams),
            _ => Err(nonsense()),
        }
    }

    /// The offset before which a group has handled everything, and how far it is behind. A group that is new starts at the first event.
    ///
    /// # Errors
    /// When the server cannot be reached, or cannot open the group.
    pub async fn lag(&self, group: &GroupName) -> Result<(u64, Lag), Error> {
        match self.tell(group, GroupAction::Lag).await? {
            Reply::Lag { position, untaken, outstanding } => Ok((position, Lag { untaken, outstanding })),
            _ => Err(nonsense()),
        }
    }

    /// Has a group hand out nothing more, until [`resume`](ServedLog::resume) or the end of the server. What members have they keep.
    ///
    /// # Errors
    /// As [`lag`](ServedLog::lag).
    pub async fn pause(&self, group: &GroupName) -> Result<(), Error> {
        self.tell(group, GroupAction::Pause).await.map(drop)
    }

    /// Has a group go on after [`pause`](ServedLog::pause).
    ///
    /// # Errors
    /// As [`lag`](ServedLog::lag).
    pub async fn resume(&self, group: &GroupName) -> Result<(), Error> {
        self.tell(group, GroupAction::Resume).await.map(drop)
    }

    /// Has a group go on from another place, as [`Group::seek`](crate::store::Group::seek) does.
    ///
    /// # Errors
    /// As [`lag`](ServedLog::lag).
    pub async fn seek(&self, group: &GroupName, to: From) -> Result<(), Error> {
        self.tell(group, GroupAction::Seek(to)).await.map(drop)
    }

    async fn tell(&self, group: &GroupName, action: GroupAction) -> Result<Reply, Error> {
        self.ask(&Request::Group { key: group.0.clone(), action }).await
    }

    /// Asks, again on the next connection where one was lost: all of this can be done twice.
    async fn ask(&self, request: &Request) -> Result<Reply, Error> {
        loop {
            let line = self.0.patient().await?;
            match line.ask(request).await {
                Err(Failed::Lost { .. }) => {}
                reply => return reply.map_err(|failed| failed.into_error(self.0.url())),
            }
        }
    }
}

impl fmt::Debug for ServedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServedLog").field(&self.0.url()).finish()
    }
}
