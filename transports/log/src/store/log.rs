//! A log: a directory of segments, one thread that writes, any number of handles and readers.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::StoreError;
use super::backwards::Backwards;
use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::compaction::{Compacted, Compaction};
use super::home::Home;
use super::options::{Durability, LogOptions};
use super::quarantine::Quarantine;
use super::queue::{Command, Queue, Refused, Waiter};
use super::reader::{From, Reader};
use super::recovery;
use super::role::Role;
use super::segment;
use super::shared::{Shared, View};
use super::sleepers::Wakeup;
use super::time;
use super::writer::Writer;
use crate::sync::{self, JoinHandle};

/// Where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record; the others follow without a gap.
    pub first: u64,
    /// How many records.
    pub count: u32,
    pub(super) time: i64,
}

impl Appended {
    /// When it was stored.
    pub fn time(&self) -> SystemTime {
        time::to_system(self.time)
    }
}

/// An open log. Cheap to clone; it is closed when the last clone is dropped, or by [`close`](Log::close).
///
/// ```
/// use thriftwood_log::store::{Batch, Durability, Entry, From, Log, LogOptions};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// let log = Log::open(dir, LogOptions::default())?;
/// let batch = Batch::of(&[Entry::of(b"hello")])?;
/// let appended = log.append(batch, Durability::Durable).await?;
///
/// let mut reader = log.reader(From::Offset(appended.first))?;
/// let record = reader.next_ready()?.expect("it was appended");
/// assert_eq!(&record.value()[..], b"hello");
/// # Ok::<(), thriftwood_log::store::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Log {
    owner: Arc<Owner>,
}

/// Closes the log when the last handle goes.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    role: Arc<Role>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log in a directory, which is made if it is not there. What a crash left is put in order: an append that
    /// was cut off is removed, and damage is kept, and told by [`damage`](Log::damage) and by readers.
    ///
    /// Reads what was appended since the last checkpoint, so this takes milliseconds however long the log is; async callers use
    /// a thread for it.
    ///
    /// # Errors
    /// [`StoreError::TailMissing`] when the newest segment is gone, unless
    /// [`accept_loss`](LogOptions::accept_loss) is set;
    /// [`StoreError::Locked`] when the directory is open elsewhere, [`StoreError::Version`] when a newer build wrote it,
    /// and what the file system says.
    pub fn open(dir: impl AsRef<Path>, options: LogOptions) -> Result<Self, StoreError> {
        let (dir, disk) = (dir.as_ref(), Arc::clone(&options.disk));
        disk.create_dir(dir).map_err(|source| StoreError::io("create", dir, source))?;
        let lock = disk.lock(dir)?;
        // Once: with the lock in hand nothing changes it, and the names are all that grows with the log.
        let names = disk.list(dir).map_err(|source| StoreError::io("list", dir, source))?;
        let has_segments = !segment::bases_among(&names, ".log").is_empty();
        let checkpoint = Checkpoint::open(&*disk, dir, has_segments)?;
        let mark = checkpoint.mark();
        let home = Home::new(dir, disk, mark.log_id);
        let recovered = recovery::survey(&home, &names, &mark, options.accept_loss)?;
        recovery::settle(&recovered, &home)?;
        let view = View { segments: recovered.segments.clone(), end: recovered.end()? };
        let queue = Queue::new(options.queue_bytes);
        let quarantine = Quarantine::load(&home)?;
        let shared = Shared::new(home, queue, recovered.damage.clone(), quarantine, recovered.next, view);
        let shared = Arc::new(shared);
        let writer = Writer::new(Arc::clone(&shared), checkpoint, options, recovered)?;
        let role = Arc::new(Role::new(Arc::clone(&shared), writer));
        let of_thread = Arc::clone(&role);
        let thread = sync::spawn("thriftwood-log", move || of_thread.run(lock));
        let thread = thread.map_err(|source| StoreError::io("start a thread for", dir, source))?;
        Ok(Self { owner: Arc::new(Owner { shared, role, thread: Mutex::new(Some(thread)) }) })
    }

    /// Stores a batch, and resolves when it is as durable as asked for.
    ///
    /// # Errors
    /// [`StoreError::Moved`], [`StoreError::Sequence`] and [`StoreError::Fenced`] when the batch [asks](Batch::at) for an
    /// offset or tells its [producer](Batch::by) and does not fit;
    /// [`StoreError::Full`] when the disk is, with nothing kept; [`StoreError::Failed`] when a write or an fsync failed,
    /// and ever after; [`StoreError::Closed`].
    pub async fn append(&self, batch: Batch, durability: Durability) -> Result<Appended, StoreError> {
        self.submit(batch, durability).await?.wait().await
    }

    /// Hands a batch over, and resolves when it has its place in the queue; what comes of it is told by the [`Pending`].
    /// One producer can have many batches under way like this, and they keep their order.
    ///
    /// # Errors
    /// [`StoreError::Failed`] and [`StoreError::Closed`].
    pub async fn submit(&self, batch: Batch, durability: Durability) -> Result<Pending, StoreError> {
        let (done, wait) = oneshot::channel();
        if let Err(command) = self.owner.role.in_passing(Command::Append { batch, durability, done }) {
            self.send(command).await?;
        }
        Ok(Pending { wait, dir: self.owner.shared.home.dir.clone() })
    }

    /// Stores a batch from a thread that may block. While nobody else appends, that thread writes and syncs by itself.
    ///
    /// # Errors
    /// As [`append`](Log::append).
    ///
    /// # Panics
    /// On a thread that drives async tasks.
    pub fn append_blocking(&self, batch: Batch, durability: Durability) -> Result<Appended, StoreError> {
        let (done, wait) = oneshot::channel();
        let mut left = self.owner.role.alone(Command::Append { batch, durability, done }).err();
        while let Some(command) = left.take() {
            match self.owner.shared.offer(command) {
                Ok(()) => {}
                Err(Refused::Ended(error)) => return Err(error),
                Err(Refused::NoRoom(back, room)) => {
                    left = Some(back);
                    // Resolves as well when the log ends, which the next attempt then tells.
                    let _ = sync::wait(room);
                }
            }
        }
        sync::wait(wait).unwrap_or_else(|_| Err(self.gone()))
    }

    /// Makes everything appended before this durable.
    ///
    /// # Errors
    /// As [`append`](Log::append).
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.ask(|done| Command::Sync { done }).await
    }

    /// Removes the segments that lie wholly before this offset; the newest one always stays.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn trim(&self, before: u64) -> Result<(), StoreError> {
        self.ask(|done| Command::Trim { before, done }).await
    }

    /// Removes what is older or more than [`Retention`](super::Retention) allows, now. The log does so by itself when it begins
    /// a segment, and in pauses every minute.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        self.ask(|done| Command::Tidy { done }).await
    }

    /// Keeps only the last record of each key, now, of everything that was appended before this; a new segment is begun for that.
    /// With [`LogOptions::compaction`] a log does so by itself. Appends and reads go on beside it. At most 16 MiB of keys and one
    /// batch are in memory.
    ///
    /// # Errors
    /// What the file system says. What was done by then is done, and the rest is as it was.
    pub async fn compact(&self, compaction: Compaction) -> Result<Compacted, StoreError> {
        self.ask(|done| Command::Compact { compaction, done }).await
    }

    /// Makes everything durable, lets go of the directory, and resolves when another may open it. Every handle and reader
    /// is told [`StoreError::Closed`] from then on. Closing again does nothing.
    ///
    /// # Errors
    /// When the last writes could not be made durable, or the log had failed before.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self.ask(|done| Command::Close { done }).await {
            Err(StoreError::Closed { .. }) => Ok(()),
            // The thread is about to end, or has.
            Err(_) => self.owner.close(),
            Ok(()) => Ok(()),
        }
    }

    /// [`close`](Log::close) for a thread that may block for as long as a sync takes.
    ///
    /// # Errors
    /// As [`close`](Log::close).
    pub fn close_blocking(&self) -> Result<(), StoreError> {
        self.owner.close()
    }

    /// A reader that starts at this place.
    ///
    /// # Errors
    /// What the file system says, when a time has to be looked up.
    pub fn reader(&self, from: From) -> Result<Reader, StoreError> {
        Reader::open(Arc::clone(&self.owner.shared), from)
    }

    /// A reader that goes back: the first record it gives is the last one before this place.
    ///
    /// # Errors
    /// What the file system says, when a time has to be looked up.
    pub fn backwards(&self, before: From) -> Result<Backwards, StoreError> {
        Ok(Backwards::new(self.reader(before)?))
    }

    /// A way to wait for more without a reader of one's own: several tasks that share one reader each need theirs.
    pub fn wakeup(&self) -> Wakeup {
        Wakeup::among(&self.owner.shared.sleepers)
    }

    /// The offset of the first record that is kept, or would be.
    pub fn first_offset(&self) -> u64 {
        self.owner.shared.first()
    }

    /// The offset after the last record that can be read.
    pub fn next_offset(&self) -> u64 {
        self.owner.shared.visible()
    }

    /// What was found damaged when the log was opened. Older damage shows when it is read.
    pub fn damage(&self) -> &[Range<u64>] {
        &self.owner.shared.damage
    }

    /// Why nothing more comes, where that is so.
    #[cfg(feature = "remote")]
    pub(crate) fn ended(&self) -> Option<StoreError> {
        self.owner.shared.queue.ended()
    }

    /// The number that tells this log from any other, and starts the checksum of each of its headers.
    pub fn id(&self) -> u64 {
        self.owner.shared.home.log_id
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.owner.shared.home.dir
    }

    /// Hands a batch over without waiting for room or for the outcome. `None` where it was not taken.
    pub(crate) fn post(&self, batch: Batch, durability: Durability) -> Option<Pending> {
        let (done, wait) = oneshot::channel();
        self.owner.shared.offer(Command::Append { batch, durability, done }).ok()?;
        Some(Pending { wait, dir: self.owner.shared.home.dir.clone() })
    }

    /// [`trim`](Log::trim), without waiting for it. It frees space, and is tried again another time.
    pub(super) fn post_trim(&self, before: u64) {
        let (done, _) = oneshot::channel();
        let _ = self.owner.shared.offer(Command::Trim { before, done });
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.owner.shared
    }

    async fn ask<T>(&self, command: impl FnOnce(Waiter<T>) -> Command) -> Result<T, StoreError> {
        let (done, wait) = oneshot::channel();
        self.send(command(done)).await?;
        wait.await.unwrap_or_else(|_| Err(self.gone()))
    }

    async fn send(&self, mut command: Command) -> Result<(), StoreError> {
        loop {
            match self.owner.shared.offer(command) {
                Ok(()) => return Ok(()),
                Err(Refused::Ended(error)) => return Err(error),
                Err(Refused::NoRoom(back, room)) => {
                    command = back;
                    // Resolves as well when the log ends, which the next attempt then tells.
                    let _ = room.await;
                }
            }
        }
    }

    /// Why a command went unanswered.
    fn gone(&self) -> StoreError {
        let shared = &self.owner.shared;
        shared.queue.ended().unwrap_or_else(|| StoreError::Closed { dir: shared.home.dir.clone() })
    }
}

/// A batch that was handed over.
#[derive(Debug)]
pub struct Pending {
    wait: oneshot::Receiver<Result<Appended, StoreError>>,
    dir: PathBuf,
}

impl Pending {
    /// Resolves when the batch is as durable as was asked for.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn wait(self) -> Result<Appended, StoreError> {
        self.wait.await.unwrap_or(Err(StoreError::Closed { dir: self.dir }))
    }

    /// Whether it is known by now that the batch was stored.
    pub(super) fn is_stored(&mut self) -> bool {
        matches!(self.outcome(), Some(Ok(_)))
    }

    /// What became of it, when that is known by now.
    pub(super) fn outcome(&mut self) -> Option<Result<Appended, StoreError>> {
        match self.wait.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(StoreError::Closed { dir: self.dir.clone() })),
        }
    }
}

impl Owner {
    fn close(&self) -> Result<(), StoreError> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Err(forked) = self.shared.check_owner() {
            // There is no such thread here to wait for.
            std::mem::forget(thread);
            return Err(forked);
        }
        let (done, _) = oneshot::channel();
        // Refused when the thread has ended already.
        let _ = self.shared.offer(Command::Close { done });
        if let Some(thread) = thread {
            // A panic in it has been told to everybody who waited.
            let _ = thread.join();
        }
        match self.shared.queue.ended() {
            Some(failed @ StoreError::Failed { .. }) => Err(failed),
            _ => Ok(()),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Whoever drops the last handle without closing does not ask for the outcome; the thread logs it.
        let _ = self.close();
    }
}
