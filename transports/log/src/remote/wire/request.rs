//! What a client asks of a server.

use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::event::TopicFilter;

use super::Malformed;
use super::fields::{Reading, Writing};
use crate::shared::GroupKey;
use crate::store::{Durability, From};

/// Stands for the usual delay.
const USUAL: u64 = u64::MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Store a batch.
    Append { stream: String, durability: Durability, batch: Bytes },
    /// Find a place in a stream, which is made if it is not there.
    Open { stream: String, from: From },
    /// Send batches from the one with this offset on, as soon as there are some.
    Fetch { stream: String, offset: u64, segment: u64, position: u64, most: u32, wait: u32 },
    /// Say what cannot be read from this offset on.
    Check { stream: String, offset: u64 },
    /// Become a member of a group.
    Join { key: GroupKey, from: From },
    /// Hand out the next records, as soon as there are some, and at most so many; in order, of each key only when the one before it was
    /// acknowledged.
    Take { member: u32, in_order: bool, most: u32, wait: u32 },
    /// Be no member any more. What was handed out stays so.
    Leave { member: u32 },
    /// A record was handled.
    Ack { key: GroupKey, claim: u64, offset: u64 },
    /// A record was not handled.
    Nack { claim: u64, delay: Option<Duration>, reason: String },
    /// A record can never be handled.
    DeadLetter { claim: u64, reason: String },
    /// A record takes longer.
    Extend { claim: u64 },
    /// Ask or tell a group something.
    Group { key: GroupKey, action: GroupAction },
    /// List the streams.
    Streams,
    /// Store a call, and send its reply.
    Call { address: String, oneway: bool, frame: Bytes },
    /// Nobody waits any more for the reply to the request of this number.
    Cancel { id: u32 },
    /// Send calls of this address to a worker of this number, so many at once.
    Serve { worker: u32, address: String, concurrency: u32 },
    /// What became of a call.
    Answer { worker: u32, call: u64, outcome: Outcome },
    /// Send no further calls, and say when the ones under way were answered.
    Rest { worker: u32 },
    /// A record is being handled: from here on its delivery counts, and its deadline runs.
    Begin { claim: u64 },
}

/// What became of a call at a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was handled, and there is nothing to say about it.
    Done,
    /// This is for the caller.
    Reply(Bytes),
    /// It is to be handled again, after a while.
    Failed(String),
    /// It is to be handled again, elsewhere and at once.
    Stopped(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupAction {
    Lag,
    Pause,
    Resume,
    Seek(From),
}

impl Request {
    /// The whole message.
    pub(crate) fn encode(&self, id: u32) -> Bytes {
        let write = |kind, room| Writing::of(kind, id, room);
        match self {
            Self::Append { stream, durability, batch } => {
                let durability = u8::from(*durability == Durability::Buffered);
                write(1, 16 + stream.len() + batch.len()).text(stream).u8(durability).rest(batch)
            }
            Self::Open { stream, from } => write(2, 32 + stream.len()).text(stream).place(*from),
            Self::Fetch { stream, offset, segment, position, most, wait } => {
                let start = write(3, 64 + stream.len()).text(stream).u64(*offset);
                start.u64(*segment).u64(*position).u32(*most).u32(*wait)
            }
            Self::Check { stream, offset } => write(4, 32 + stream.len()).text(stream).u64(*offset),
            Self::Join { key, from } => put_key(write(5, 128), key).place(*from),
            Self::Take { member, in_order, most, wait } => {
                write(6, 16).u32(*member).u8((*in_order).into()).u32(*most).u32(*wait)
            }
            Self::Leave { member } => write(7, 16).u32(*member),
            Self::Ack { key, claim, offset } => put_key(write(8, 128), key).u64(*claim).u64(*offset),
            Self::Nack { claim, delay, reason } => {
                let delay = delay.map_or(USUAL, |delay| u64::try_from(delay.as_millis()).unwrap_or(USUAL - 1));
                write(9, 32 + reason.len()).u64(*claim).u64(delay).text(reason)
            }
            Self::Extend { claim } => write(10, 16).u64(*claim),
            Self::Group { key, action } => {
                let writing = put_key(write(11, 128), key);
                match action {
                    GroupAction::Lag => writing.u8(0),
                    GroupAction::Pause => writing.u8(1),
                    GroupAction::Resume => writing.u8(2),
                    GroupAction::Seek(to) => writing.u8(3).place(*to),
                }
            }
            Self::Streams => write(12, 0),
            Self::Call { address, oneway, frame } => {
                write(13, 16 + address.len() + frame.len()).text(address).u8((*oneway).into()).rest(frame)
            }
            Self::Cancel { id } => write(14, 16).u32(*id),
            Self::Serve { worker, address, concurrency } => {
                write(15, 32 + address.len()).u32(*worker).text(address).u32(*concurrency)
            }
            Self::Answer { worker, call, outcome } => {
                let (code, rest) = match outcome {
                    Outcome::Done => (0, &[][..]),
                    Outcome::Reply(reply) => (1, &reply[..]),
                    Outcome::Failed(text) => (2, text.as_bytes()),
                    Outcome::Stopped(text) => (3, text.as_bytes()),
                };
                write(16, 32 + rest.len()).u32(*worker).u64(*call).u8(code).rest(rest)
            }
            Self::Rest { worker } => write(17, 16).u32(*worker),
            Self::Begin { claim } => write(18, 16).u64(*claim),
            Self::DeadLetter { claim, reason } => write(19, 32 + reason.len()).u64(*claim).text(reason),
        }
        .finish()
    }

    /// How long the server may take by what it was asked. `None` where others decide that: a call has a time limit of its own, and a worker
    /// rests when its calls are answered.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Call { .. } | Self::Rest { .. } => None,
            Self::Fetch { wait, .. } | Self::Take { wait, .. } => Some(Duration::from_millis((*wait).into())),
            _ => Some(Duration::ZERO),
        }
    }

    pub(crate) fn decode(kind: u8, body: Bytes) -> Result<Self, Malformed> {
        let mut body = Reading(body);
        let request = match kind {
            1 => Self::Append { stream: body.text()?, durability: durability(body.u8()?)?, batch: body.rest() },
            2 => Self::Open { stream: body.text()?, from: body.place()? },
            3 => Self::Fetch {
                stream: body.text()?,
                offset: body.u64()?,
                segment: body.u64()?,
                position: body.u64()?,
                most: body.u32()?,
                wait: body.u32()?,
            },
            4 => Self::Check { stream: body.text()?, offset: body.u64()? },
            5 => Self::Join { key: take_key(&mut body)?, from: body.place()? },
            6 => Self::Take { member: body.u32()?, in_order: body.bool()?, most: body.u32()?, wait: body.u32()? },
            7 => Self::Leave { member: body.u32()? },
            8 => Self::Ack { key: take_key(&mut body)?, claim: body.u64()?, offset: body.u64()? },
            9 => Self::Nack { claim: body.u64()?, delay: delay(body.u64()?), reason: body.text()? },
            10 => Self::Extend { claim: body.u64()? },
            11 => Self::Group { key: take_key(&mut body)?, action: action(&mut body)? },
            12 => Self::Streams,
            13 => Self::Call { address: body.text()?, oneway: body.bool()?, frame: body.rest() },
            14 => Self::Cancel { id: body.u32()? },
            15 => Self::Serve { worker: body.u32()?, address: body.text()?, concurrency: body.u32()? },
            16 => Self::Answer { worker: body.u32()?, call: body.u64()?, outcome: outcome(&mut body)? },
            17 => Self::Rest { worker: body.u32()? },
            18 => Self::Begin { claim: body.u64()? },
            19 => Self::DeadLetter { claim: body.u64()?, reason: body.text()? },
            _ => return Err(Malformed),
        };
        body.end(request)
    }
}

fn durability(code: u8) -> Result<Durability, Malformed> {
    match code {
        0 => Ok(Durability::Durable),
        1 => Ok(Durability::Buffered),
        _ => Err(Malformed),
    }
}

fn delay(millis: u64) -> Option<Duration> {
    (millis != USUAL).then(|| Duration::from_millis(millis))
}

fn action(body: &mut Reading) -> Result<GroupAction, Malformed> {
    Ok(match body.u8()? {
        0 => GroupAction::Lag,
        1 => GroupAction::Pause,
        2 => GroupAction::Resume,
        3 => GroupAction::Seek(body.place()?),
        _ => return Err(Malformed),
    })
}

fn outcome(body: &mut Reading) -> Result<Outcome, Malformed> {
    let text = |rest: Bytes| String::from_utf8_lossy(&rest).into_owned();
    Ok(match body.u8()? {
        0 => Outcome::Done,
        1 => Outcome::Reply(body.rest()),
        2 => Outcome::Failed(text(body.rest())),
        3 => Outcome::Stopped(text(body.rest())),
        _ => return Err(Malformed),
    })
}

fn put_key(writing: Writing, key: &GroupKey) -> Writing {
    writing.text(&key.filter.stream).text(&key.group).text(&key.filter.pattern)
}

fn take_key(body: &mut Reading) -> Result<GroupKey, Malformed> {
    let stream = body.text()?.into();
    let group = body.text()?;
    Ok(GroupKey { group, filter: TopicFilter { pattern: body.text()?, stream } })
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::remote::wire::PREFIX;

    fn all() -> Vec<Request> {
        let filter = TopicFilter { pattern: "v1.*.Winner".into(), stream: "v1.{}.Winners".into() };
        let key = GroupKey { group: "mailer".into(), filter };
        let (stream, some) = (|| "v1.{}.Winners".to_owned(), || Bytes::from_static(b"bytes"));
        let time = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert!(time < SystemTime::now());
        vec![
            Request::Append { stream: stream(), durability: Durability::Buffered, batch: some() },
            Request::Open { stream: stream(), from: From::Time(time) },
            Request::Fetch { stream: stream(), offset: 7, segment: 5, position: 4096, most: 1 << 20, wait: 30_000 },
            Request::Check { stream: stream(), offset: 9 },
            Request::Join { key: key.clone(), from: From::First },
            Request::Take { member: 3, in_order: true, most: 64, wait: 1 },
            Request::Leave { member: 3 },
            Request::Ack { key: key.clone(), claim: 1 << 40, offset: 12 },
            Request::Nack { claim: 5, delay: None, reason: "no mail".into() },
            Request::Nack { claim: 5, delay: Some(Duration::from_secs(7)), reason: String::new() },
            Request::DeadLetter { claim: 5, reason: "no such user".into() },
            Request::Extend { claim: 5 },
            Request::Group { key: key.clone(), action: GroupAction::Lag },
            Request::Group { key, action: GroupAction::Seek(From::Offset(77)) },
            Request::Streams,
            Request::Call { address: "music".into(), oneway: true, frame: some() },
            Request::Cancel { id: 4 },
            Request::Serve { worker: 9, address: "music".into(), concurrency: 1024 },
            Request::Answer { worker: 1, call: 2, outcome: Outcome::Done },
            Request::Answer { worker: 1, call: 2, outcome: Outcome::Reply(some()) },
            Request::Answer { worker: 1, call: 2, outcome: Outcome::Stopped("no".into()) },
            Request::Rest { worker: 1 },
            Request::Begin { claim: 1 << 40 },
        ]
    }

    #[test]
    fn every_request_comes_back_as_it_was() {
        for request in all() {
            let message = request.encode(99);
            assert_eq!(message.len() - 4, u32::from_le_bytes(message[..4].try_into().unwrap()) as usize);
            assert_eq!(message[4..8], 99_u32.to_le_bytes());
            assert_eq!(Request::decode(message[8], message.slice(PREFIX..)), Ok(request));
        }
    }

    /// The example of `docs/log-server.md`, and the numbers in its tables.
    #[test]
    fn the_page_says_what_is_sent() {
        let page = include_str!("../../../../../docs/log-server.md");
        let example = page.split("```hex\n").nth(1).unwrap().split("```").next().unwrap();
        let digits: String = example.chars().filter(char::is_ascii_hexdigit).collect();
        let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        let bytes = Bytes::from(bytes.collect::<Vec<u8>>());
        let fetch = Request::Fetch { stream: "a".into(), offset: 7, segment: 0, position: 0, most: 4096, wait: 0 };
        assert_eq!(bytes, fetch.encode(2));
        for request in all() {
            let row = format!(
                "| {} | {} |",
                request.encode(1)[8],
                format!("{request:?}").to_lowercase().split([' ', '{']).next().unwrap()
            );
            assert!(page.contains(&row), "{row}");
        }
        assert!(page.contains("5 to 75,497,472") && crate::remote::wire::MAX_MESSAGE == 75_497_472);
    }

    /// Whatever comes, there is an answer to it; what is cut off is no request, unless its last field is open-ended.
    #[test]
    fn no_bytes_lead_past_their_end() {
        for request in all() {
            let message = request.encode(1);
            for end in PREFIX..message.len() {
                let cut = Request::decode(message[8], message.slice(PREFIX..end));
                let is_open = matches!(request, Request::Append { .. } | Request::Call { .. } | Request::Answer { .. });
                assert!(cut.is_err() || is_open, "{request:?} cut at {end}");
            }
            for at in PREFIX..message.len() {
                for bit in 0..8 {
                    let mut changed = message.to_vec();
                    changed[at] ^= 1 << bit;
                    let _ = Request::decode(changed[8], Bytes::from(changed).slice(PREFIX..));
                }
            }
        }
        for kind in [0, 20, 127, 128, 255] {
            assert_eq!(Request::decode(kind, Bytes::new()), Err(Malformed));
        }
    }
}
