//! Members of groups whose clients are elsewhere, and the records that they have.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Server;
use super::session::Speaker;
use super::streams::{MAX_WAIT, fault};
use crate::remote::wire::{FOREVER, Fault, FaultKind, GroupAction, Reply, Taken};
use crate::shared::GroupKey;
use crate::store::{Claim, From, Group, Member, StoreError};
use crate::subscriber::{self, NO_DEAD_LETTERS};

/// The most members and the most records in the hands of one connection.
const MOST: usize = 64 * 1024;
/// When one answer has so many bytes of records, no more are put into it.
const TOGETHER: usize = 256 * 1024;

/// What one connection has.
#[derive(Default)]
pub(super) struct Groups(Mutex<Held>);

#[derive(Default)]
struct Held {
    members: HashMap<u32, Seat>,
    next_member: u32,
    /// Dropped, they are given back.
    claims: HashMap<u64, Claim>,
}

/// A member, which one request at a time waits for.
#[derive(Clone)]
struct Seat {
    taker: Arc<tokio::sync::Mutex<Taker>>,
    left: CancellationToken,
}

/// A member, with what went wrong behind the records that were in its last answer.
struct Taker {
    member: Member,
    failed: Option<StoreError>,
}

impl Groups {
    pub(super) async fn join(
        &self,
        server: &Server,
        speaker: Speaker,
        key: GroupKey,
        from: From,
    ) -> Result<Reply, Fault> {
        let group = open(server, key, from).await?;
        let mut member = group.member();
        member.take_ahead();
        let taker = Arc::new(tokio::sync::Mutex::new(Taker { member, failed: None }));
        let seat = Seat { taker, left: CancellationToken::new() };
        let mut held = self.lock();
        if held.members.len() >= MOST {
            return Err(too_many("members"));
        }
        held.next_member = held.next_member.wrapping_add(1);
        let number = held.next_member;
        tokio::spawn(recall(group.recalls(), seat.left.clone(), speaker, number));
        held.members.insert(number, seat);
        let deadline = group.deadline().map_or(FOREVER, |time| u64::try_from(time.as_millis()).unwrap_or(FOREVER));
        Ok(Reply::Joined { member: number, deadline })
    }

    pub(super) async fn take(
        &self,
        server: &Server,
        member: u32,
        in_order: bool,
        most: u32,
        wait: u32,
    ) -> Result<Reply, Fault> {
        let unknown = || Fault::new(FaultKind::Unknown, format!("there is no member {member} on this connection"));
        let (seat, room) = {
            let held = self.lock();
            let room = MOST.saturating_sub(held.claims.len()).min(most as usize);
            (held.members.get(&member).cloned().ok_or_else(unknown)?, room)
        };
        if room == 0 {
            return Err(too_many("records at once"));
        }
        let wait = Duration::from_millis(wait.into()).min(MAX_WAIT);
        let next = async {
            let mut taker = seat.taker.lock().await;
            if in_order {
                taker.member.keep_key_order();
            }
            taker.several(room).await
        };
        let claims = tokio::select! {
            biased;
            () = server.stop.cancelled() => return Ok(Reply::Nothing),
            () = seat.left.cancelled() => return Err(unknown()),
            claims = next => claims.map_err(fault)?,
            () = tokio::time::sleep(wait) => return Ok(Reply::Nothing),
        };
        if claims.is_empty() {
            return Err(Fault::new(FaultKind::Closed, "the log was closed"));
        }
        let mut held = self.lock();
        let taken = claims.into_iter().map(|claim| {
            let number = server.claims.fetch_add(1, Ordering::Relaxed);
            let (attempt, record) = (claim.attempt(), claim.record().clone());
            held.claims.insert(number, claim);
            Taken { claim: number, attempt, record }
        });
        Ok(Reply::Taken(taken.collect()))
    }

    pub(super) fn leave(&self, member: u32) -> Reply {
        if let Some(seat) = self.lock().members.remove(&member) {
            seat.left.cancel();
        }
        Reply::Done
    }

    /// Acknowledges a record, also one that was handed out on a connection that was lost.
    pub(super) async fn ack(&self, server: &Server, key: GroupKey, claim: u64, offset: u64) -> Result<Reply, Fault> {
        let claim = self.lock().claims.remove(&claim);
        match claim {
            Some(claim) => claim.ack().await.map_err(fault)?,
            None => open(server, key, From::First).await?.ack(offset).await.map_err(fault)?,
        }
        Ok(Reply::Done)
    }

    pub(super) fn nack(&self, claim: u64, delay: Option<Duration>, reason: &str) -> Reply {
        let claim = self.lock().claims.remove(&claim);
        match (claim, delay) {
            (Some(claim), Some(delay)) => claim.nack_after(delay, reason),
            (Some(claim), None) => claim.nack_because(reason),
            (None, _) => {}
        }
        Reply::Done
    }

    pub(super) async fn dead_letter(&self, claim: u64, reason: &str) -> Result<Reply, Fault> {
        let claim = self.lock().claims.remove(&claim);
        let Some(claim) = claim else { return Ok(Reply::Done) };
        match claim.dead_letter(reason).await.map_err(fault)? {
            true => Ok(Reply::Done),
            false => Err(Fault::new(FaultKind::Unsupported, NO_DEAD_LETTERS)),
        }
    }

    pub(super) fn begin(&self, claim: u64) {
        if let Some(claim) = self.lock().claims.get_mut(&claim) {
            claim.begin();
        }
    }

    pub(super) fn extend(&self, claim: u64) -> Reply {
        Reply::Extended(self.lock().claims.get(&claim).is_some_and(Claim::extend))
    }

    /// Gives everything back.
    pub(super) fn clear(&self) {
        // Outside of the lock: giving back wakes others.
        let held = std::mem::take(&mut *self.lock());
        held.members.values().for_each(|seat| seat.left.cancel());
        drop(held);
    }

    /// The lock guards plain maps; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taker {
    /// The next record, and those that are there behind it, at most so many and not much more than [`TOGETHER`] bytes. None when the log was
    /// closed. Dropping the future loses nothing.
    async fn several(&mut self, most: usize) -> Result<Vec<Claim>, StoreError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        let Some(first) = self.member.next().await.transpose()? else { return Ok(Vec::new()) };
        let mut bytes = first.record().value().len();
        let mut claims = vec![first];
        while claims.len() < most && bytes < TOGETHER {
            let next = poll_fn(|cx| Poll::Ready(self.member.poll_next(cx))).await;
            match next {
                Poll::Ready(Some(Ok(claim))) => {
                    bytes += claim.record().value().len();
                    claims.push(claim);
                }
                Poll::Ready(Some(Err(failed))) => {
                    self.failed = Some(failed);
                    break;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Ok(claims)
    }
}

/// Tells a member to give back what it took ahead, each time that its group was paused or moved, until it leaves.
async fn recall(mut recalls: watch::Receiver<u64>, left: CancellationToken, speaker: Speaker, member: u32) {
    loop {
        tokio::select! {
            () = left.cancelled() => return,
            recalled = recalls.changed() => {
                if recalled.is_err() || !speaker.say(Reply::Recall { member }.encode(0)) {
                    return;
                }
            }
        }
    }
}

/// Asks or tells a group something.
pub(super) async fn tell(server: &Server, key: GroupKey, action: GroupAction) -> Result<Reply, Fault> {
    let group = open(server, key, From::First).await?;
    match action {
        GroupAction::Lag => {
            let (position, lag) = (group.position(), group.lag());
            return Ok(Reply::Lag { position, untaken: lag.untaken, outstanding: lag.outstanding });
        }
        GroupAction::Pause => group.pause(),
        GroupAction::Resume => group.resume(),
        GroupAction::Seek(to) => group.seek(to).await.map_err(fault)?,
    }
    Ok(Reply::Done)
}

async fn open(server: &Server, key: GroupKey, from: From) -> Result<Group, Fault> {
    let shared = &server.handle.0;
    let log = shared.stream(&key.filter.stream).await?;
    Ok(subscriber::group_of(shared, key, log, from).await?)
}

fn too_many(what: &str) -> Fault {
    Fault::new(FaultKind::Overloaded, format!("this connection has {MOST} {what}, as many as it may"))
}
