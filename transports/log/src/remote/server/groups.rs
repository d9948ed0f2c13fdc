//! Members of groups whose clients are elsewhere, and the records that they have.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Server;
use super::streams::{MAX_WAIT, fault};
use crate::remote::wire::{Fault, FaultKind, GroupAction, Reply, Taken};
use crate::shared::GroupKey;
use crate::store::{Claim, From, Group, Member};
use crate::subscriber;

/// The most members and the most records in the hands of one connection.
const MOST: usize = 64 * 1024;

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
    member: Arc<tokio::sync::Mutex<Member>>,
    left: CancellationToken,
}

impl Groups {
    pub(super) async fn join(&self, server: &Server, key: GroupKey, from: From) -> Result<Reply, Fault> {
        let group = open(server, key, from).await?;
        let seat = Seat { member: Arc::new(tokio::sync::Mutex::new(group.member())), left: CancellationToken::new() };
        let mut held = self.lock();
        if held.members.len() >= MOST {
            return Err(too_many("members"));
        }
        held.next_member = held.next_member.wrapping_add(1);
        let number = held.next_member;
        held.members.insert(number, seat);
        Ok(Reply::Joined { member: number })
    }

    pub(super) async fn take(&self, server: &Server, member: u32, in_order: bool, wait: u32) -> Result<Reply, Fault> {
        let unknown = || Fault::new(FaultKind::Unknown, format!("there is no member {member} on this connection"));
        let seat = {
            let held = self.lock();
            if held.claims.len() >= MOST {
                return Err(too_many("records at once"));
            }
            held.members.get(&member).cloned().ok_or_else(unknown)?
        };
        let wait = Duration::from_millis(wait.into()).min(MAX_WAIT);
        let next = async {
            let mut member = seat.member.lock().await;
            if in_order {
                member.keep_key_order();
            }
            member.next().await
        };
        let taken = tokio::select! {
            biased;
            () = server.stop.cancelled() => return Ok(Reply::Nothing),
            () = seat.left.cancelled() => return Err(unknown()),
            taken = next => taken,
            () = tokio::time::sleep(wait) => return Ok(Reply::Nothing),
        };
        let Some(taken) = taken else { return Err(Fault::new(FaultKind::Closed, "the log was closed")) };
        let claim = taken.map_err(fault)?;
        let number = server.claims.fetch_add(1, Ordering::Relaxed);
        let (attempt, record) = (claim.attempt(), claim.record().clone());
        self.lock().claims.insert(number, claim);
        Ok(Reply::Taken(Taken { claim: number, attempt, record }))
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

    pub(super) fn extend(&self, claim: u64) -> Reply {
        Reply::Extended(self.lock().claims.get(&claim).is_some_and(Claim::extend))
    }

    /// Gives everything back.
    pub(super) fn clear(&self) {
        // Outside of the lock: giving back wakes others.
        let held = std::mem::take(&mut *self.lock());
        drop(held);
    }

    /// The lock guards plain maps; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
