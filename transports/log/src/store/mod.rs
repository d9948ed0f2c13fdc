//! The store: an embedded, segmented, checksummed log. It knows nothing of calls, events or frames, and can be used by
//! itself: open a directory, append, read, follow.
//!
//! ```text
//! DIR/                           one log
//!   lock                         the owner's process id; locked while it lives
//!   checkpoint                   the log's id, and how far it is known to be durable
//!   00000000000000000000.log     a segment: batches back to back, from offset 0 on
//!   00000000000000000000.index   where some of its batches are: a cache, made again when it is missing
//!   00000000000000052117.log     the next segment; only the newest is written to
//! ```
//!
//! [`Log`] is the handle, [`Batch`] what is appended, [`Reader`] what reads, [`Group`] what remembers how far it read. One thread
//! at a time writes the files of a log ([`Durability`] says what it waits for); readers read by themselves. What a crash may
//! leave, and what an opening makes of it, is in `docs/log-format.md`.

mod active;
mod background;
mod backwards;
mod batch;
mod checkpoint;
mod cleaned;
mod clock;
mod codec;
mod compaction;
mod compactor;
pub mod disk;
mod durable;
mod error;
mod evidence;
mod format;
mod gathered;
mod group;
mod home;
mod index;
mod log;
mod options;
#[cfg(test)]
mod page;
mod pool;
mod producer;
mod quarantine;
mod queue;
#[cfg(feature = "remote")]
pub(crate) mod raw;
mod reader;
mod record;
mod recovery;
mod remembered;
mod repair;
mod rewrite;
mod role;
mod run;
mod scan;
mod segment;
mod shared;
mod sleepers;
mod time;
mod varint;
mod view;
mod writer;

pub use backwards::Backwards;
pub use batch::{Batch, Entry};
pub use clock::{Clock, SimClock, SystemClock};
pub use codec::Codec;
pub use compaction::{Compacted, Compaction};
pub use error::{StoreError, StoreErrorKind};
pub use group::{Claim, Group, GroupOptions, Lag, Member};
pub(crate) use group::{Patience, Progress};
/// The headers of a dead letter.
pub mod dead_letter {
    pub use super::group::{ATTEMPTS, HISTORY, OFFSET, REASON};
}
pub use log::{Appended, Log, Pending};
pub use options::{Durability, LogOptions, Retention};
pub use producer::Producer;
pub use reader::{From, Reader};
pub use record::Record;
pub use repair::{Repair, repair};
pub(crate) use sleepers::Sleepers;
pub use sleepers::Wakeup;
pub use view::{GroupInfo, LogView, SegmentInfo, Verification};
