//! What a server answers, and what it says by itself.

use bytes::Bytes;
use thriftwood_core::{Error, ErrorKind};

use super::Malformed;
use super::fields::{Reading, Writing};
use crate::store::{Record, raw};

/// Stands for no deadline.
pub(crate) const FOREVER: u64 = u64::MAX;

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// It is done.
    Done,
    /// It could not be done.
    Fault(Fault),
    /// Where a batch went.
    Appended { first: u64, count: u32, time: i64 },
    /// Which log it is, the first offset that is kept, the next one to be given out, and the place that was looked for.
    Opened { log_id: u64, first: u64, next: u64, at: u64 },
    /// Batches, or none when the time was up.
    Fetched(Fetched, Bytes),
    /// What cannot be read: nothing where both are the same, and then the next record is there.
    Checked { from: u64, to: u64 },
    /// The number of a member, and how long it may have a record, in milliseconds; [`FOREVER`] where there is no deadline.
    Joined { member: u32, deadline: u64 },
    /// Records for a member, one at least.
    Taken(Vec<Taken>),
    /// The time was up.
    Nothing,
    /// Whether there is more time now.
    Extended(bool),
    /// How far a group has come.
    Lag { position: u64, untaken: u64, outstanding: u64 },
    /// The streams.
    Streams(Vec<StreamInfo>),
    /// The reply to a call; none for a oneway call that is stored.
    Replied(Option<Bytes>),
    /// Unasked: a call for a worker. `age` is how long ago it was stored, in milliseconds.
    Work { worker: u32, call: u64, age: u64, frame: Bytes },
    /// Unasked: no further requests are taken here.
    Goodbye,
    /// Unasked: a member is to give back what it has not begun with.
    Recall { member: u32 },
}

/// Where batches come from. They fill the rest of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// The first offset that is kept.
    pub(crate) first: u64,
    /// The offset after the last record that can be read.
    pub(crate) next: u64,
    /// The segment they are from, by its base offset.
    pub(crate) segment: u64,
    /// Where in the segment they begin.
    pub(crate) position: u64,
    /// The offset after the last record of these batches.
    pub(crate) until: u64,
}

/// A record that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) claim: u64,
    pub(crate) attempt: u32,
    pub(crate) record: Record,
}

/// What there is to know of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its name: a scope's topic with its variables left open.
    pub name: String,
    /// The number that tells its log from any other.
    pub log_id: u64,
    /// The first offset that is kept.
    pub first: u64,
    /// The offset that the next record gets.
    pub next: u64,
}

/// Why a request could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The request makes no sense.
    Invalid = 1,
    /// A name cannot be one.
    Name = 2,
    /// Another process has the files.
    Locked = 3,
    /// The disk failed, is full, or refuses.
    Storage = 4,
    /// Stored bytes are damaged.
    Corrupt = 5,
    /// It is too large.
    TooLarge = 6,
    /// The server stops, or the log was closed.
    Closed = 7,
    /// This server cannot do that.
    Unsupported = 8,
    /// A producer's batch does not follow on its last one. Nothing was stored.
    Sequence = 9,
    /// Too much at once. Nothing was done.
    Overloaded = 10,
    /// There is no such member, claim or worker on this connection.
    Unknown = 11,
}

impl FaultKind {
    const ALL: [Self; 11] = [
        Self::Invalid,
        Self::Name,
        Self::Locked,
        Self::Storage,
        Self::Corrupt,
        Self::TooLarge,
        Self::Closed,
        Self::Unsupported,
        Self::Sequence,
        Self::Overloaded,
        Self::Unknown,
    ];
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidName => FaultKind::Name,
            ErrorKind::Locked => FaultKind::Locked,
            ErrorKind::Corrupt => FaultKind::Corrupt,
            ErrorKind::TooLarge => FaultKind::TooLarge,
            ErrorKind::Closed => FaultKind::Closed,
            ErrorKind::Unsupported => FaultKind::Unsupported,
            _ => FaultKind::Storage,
        };
        Self { kind, text: error.message().to_owned() }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Invalid | FaultKind::Unsupported => ErrorKind::Unsupported,
            FaultKind::Name => ErrorKind::InvalidName,
            FaultKind::Locked => ErrorKind::Locked,
            FaultKind::Storage | FaultKind::Sequence => ErrorKind::Storage,
            FaultKind::Corrupt => ErrorKind::Corrupt,
            FaultKind::TooLarge => ErrorKind::TooLarge,
            FaultKind::Closed | FaultKind::Unknown => ErrorKind::Closed,
            FaultKind::Overloaded => ErrorKind::Refused,
        };
        Error::new(kind, fault.text)
    }
}

impl Reply {
    /// The whole message. [`Fetched`](Reply::Fetched) has a way of its own, since its batches need not pass through memory.
    pub(crate) fn encode(&self, id: u32) -> Bytes {
        let write = |kind, room| Writing::of(kind, id, room);
        match self {
            Self::Done => write(128, 0),
            Self::Fault(Fault { kind, text }) => write(129, 8 + text.len()).u8(*kind as u8).text(text),
            Self::Appended { first, count, time } => write(130, 20).u64(*first).u32(*count).i64(*time),
            Self::Opened { log_id, first, next, at } => write(131, 32).u64(*log_id).u64(*first).u64(*next).u64(*at),
            Self::Fetched(fetched, batches) => {
                return [&fetched.encode(id, batches.len())[..], batches].concat().into();
            }
            Self::Checked { from, to } => write(133, 16).u64(*from).u64(*to),
            Self::Joined { member, deadline } => write(134, 12).u32(*member).u64(*deadline),
            Self::Taken(taken) => {
                let start = write(135, 4 + taken.iter().map(Taken::room).sum::<usize>()).u32(taken.len() as u32);
                taken.iter().fold(start, |out, taken| taken.put(out))
            }
            Self::Nothing => write(136, 0),
            Self::Extended(has_time) => write(137, 1).u8((*has_time).into()),
            Self::Lag { position, untaken, outstanding } => {
                write(138, 24).u64(*position).u64(*untaken).u64(*outstanding)
            }
            Self::Streams(streams) => {
                let start = write(139, 64 * streams.len()).u32(streams.len() as u32);
                streams.iter().fold(start, |out, stream| {
                    out.text(&stream.name).u64(stream.log_id).u64(stream.first).u64(stream.next)
                })
            }
            Self::Replied(reply) => {
                let frame = reply.as_deref().unwrap_or_default();
                write(140, 1 + frame.len()).u8(reply.is_some().into()).rest(frame)
            }
            Self::Work { worker, call, age, frame } => {
                write(141, 20 + frame.len()).u32(*worker).u64(*call).u64(*age).rest(frame)
            }
            Self::Goodbye => write(142, 0),
            Self::Recall { member } => write(143, 4).u32(*member),
        }
        .finish()
    }

    pub(crate) fn decode(kind: u8, body: Bytes) -> Result<Self, Malformed> {
        let mut body = Reading(body);
        let reply = match kind {
            128 => Self::Done,
            129 => {
                let code = body.u8()?;
                let kind = FaultKind::ALL.into_iter().find(|kind| *kind as u8 == code).ok_or(Malformed)?;
                Self::Fault(Fault { kind, text: body.text()? })
            }
            130 => Self::Appended { first: body.u64()?, count: body.u32()?, time: body.i64()? },
            131 => Self::Opened { log_id: body.u64()?, first: body.u64()?, next: body.u64()?, at: body.u64()? },
            132 => Self::Fetched(Fetched::take(&mut body)?, body.rest()),
            133 => Self::Checked { from: body.u64()?, to: body.u64()? },
            134 => Self::Joined { member: body.u32()?, deadline: body.u64()? },
            135 => Self::Taken(all_taken(&mut body)?),
            136 => Self::Nothing,
            137 => Self::Extended(body.bool()?),
            138 => Self::Lag { position: body.u64()?, untaken: body.u64()?, outstanding: body.u64()? },
            139 => Self::Streams(streams(&mut body)?),
            140 => Self::Replied(if body.bool()? { Some(body.rest()) } else { None }),
            141 => Self::Work { worker: body.u32()?, call: body.u64()?, age: body.u64()?, frame: body.rest() },
            142 => Self::Goodbye,
            143 => Self::Recall { member: body.u32()? },
            _ => return Err(Malformed),
        };
        body.end(reply)
    }
}

impl Fetched {
    /// The message up to its batches, which have so many bytes.
    pub(crate) fn encode(&self, id: u32, length: usize) -> Bytes {
        let start = Writing::of(132, id, 40).u64(self.first).u64(self.next);
        start.u64(self.segment).u64(self.position).u64(self.until).finish_before(length)
    }

    fn take(body: &mut Reading) -> Result<Self, Malformed> {
        Ok(Self {
            first: body.u64()?,
            next: body.u64()?,
            segment: body.u64()?,
            position: body.u64()?,
            until: body.u64()?,
        })
    }
}

impl Taken {
    /// How many bytes it takes in a message.
    pub(crate) fn room(&self) -> usize {
        let key = self.record.key().map_or(0, Bytes::len);
        41 + key + self.record.raw_headers().len() + self.record.value().len()
    }

    fn put(&self, out: Writing) -> Writing {
        let record = &self.record;
        let out = out.u64(self.claim).u32(self.attempt).u64(record.offset()).i64(record.micros());
        let out = out.u8(record.key().is_some().into()).bytes(record.key().map_or(&[][..], |key| key));
        out.bytes(record.raw_headers()).bytes(record.value())
    }

    fn take(body: &mut Reading) -> Result<Self, Malformed> {
        let (claim, attempt, offset, time) = (body.u64()?, body.u32()?, body.u64()?, body.i64()?);
        let (has_key, key) = (body.bool()?, body.bytes()?);
        let (headers, value) = (body.bytes()?, body.bytes()?);
        let record = raw::record(offset, time, has_key.then_some(key), headers, value).ok_or(Malformed)?;
        Ok(Taken { claim, attempt, record })
    }
}

fn all_taken(body: &mut Reading) -> Result<Vec<Taken>, Malformed> {
    let count = body.u32()?;
    // Grows with what is there, whatever the count says.
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Taken::take(body)?);
    }
    if all.is_empty() { Err(Malformed) } else { Ok(all) }
}

fn streams(body: &mut Reading) -> Result<Vec<StreamInfo>, Malformed> {
    let count = body.u32()?;
    // Grows with what is there, whatever the count says.
    let mut streams = Vec::new();
    for _ in 0..count {
        let (name, log_id, first, next) = (body.text()?, body.u64()?, body.u64()?, body.u64()?);
        streams.push(StreamInfo { name, log_id, first, next });
    }
    Ok(streams)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::wire::PREFIX;

    fn all() -> Vec<Reply> {
        let some = || Bytes::from_static(b"bytes");
        let headers = Bytes::from_static(b"\x05topic\x03a.b");
        let record = raw::record(7, -5, Some(some()), headers, some()).unwrap();
        let taken = |claim| Taken { claim, attempt: 2, record: record.clone() };
        assert_eq!(Reply::Taken(vec![taken(1)]).encode(1).len() - PREFIX - 4, taken(1).room());
        let info = StreamInfo { name: "v1.{}.Winners".into(), log_id: 9, first: 2, next: 4 };
        vec![
            Reply::Done,
            Reply::Fault(Fault::new(FaultKind::Sequence, "not next")),
            Reply::Appended { first: 1, count: 2, time: -3 },
            Reply::Opened { log_id: 1, first: 2, next: 3, at: 4 },
            Reply::Fetched(Fetched { first: 1, next: 2, segment: 3, position: 4, until: 5 }, some()),
            Reply::Checked { from: 5, to: 6 },
            Reply::Joined { member: 4, deadline: FOREVER },
            Reply::Taken(vec![taken(1), taken(2)]),
            Reply::Nothing,
            Reply::Extended(true),
            Reply::Lag { position: 1, untaken: 2, outstanding: 3 },
            Reply::Streams(vec![info.clone(), info]),
            Reply::Replied(None),
            Reply::Replied(Some(some())),
            Reply::Work { worker: 6, call: 7, age: 8, frame: some() },
            Reply::Goodbye,
            Reply::Recall { member: 4 },
        ]
    }

    #[test]
    fn every_reply_comes_back_as_it_was() {
        for reply in all() {
            let message = reply.encode(5);
            assert_eq!(message.len() - 4, u32::from_le_bytes(message[..4].try_into().unwrap()) as usize);
            let back = Reply::decode(message[8], message.slice(PREFIX..)).unwrap();
            assert_eq!(format!("{back:?}"), format!("{reply:?}"));
        }
    }

    #[test]
    fn no_bytes_lead_past_their_end() {
        for reply in all() {
            let message = reply.encode(1);
            for at in PREFIX..message.len() {
                let _ = Reply::decode(message[8], message.slice(PREFIX..at));
                for bit in 0..8 {
                    let mut changed = message.to_vec();
                    changed[at] ^= 1 << bit;
                    let _ = Reply::decode(changed[8], Bytes::from(changed).slice(PREFIX..));
                }
            }
        }
        assert!(Reply::decode(1, Bytes::new()).is_err());
    }
}
