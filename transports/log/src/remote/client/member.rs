//! Being a member of a group, on one connection after the other: a task that takes records ahead of the subscription.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use thriftwood_core::{BoxFuture, Error};
use tokio::sync::Notify;

use super::ahead::Ahead;
use super::follow::{REST, WAIT, nonsense, passed_over};
use super::line::{Failed, Hold, Line};
use super::link::Link;
use crate::remote::wire::{FOREVER, Reply, Request, Taken};
use crate::shared::GroupKey;
use crate::store::From;

/// A record, and the hold on it.
pub(super) type Handed = (Taken, Hold);

/// What a subscription and the task behind it share.
pub(super) struct Intake {
    state: Mutex<State>,
    /// Something has changed that the task should look at.
    changed: Notify,
    /// How many records are with the consumer.
    with_consumer: AtomicUsize,
    /// Whether of each key it has one record at a time.
    in_order: AtomicBool,
}

struct State {
    ahead: Ahead<Handed>,
    failed: Option<Error>,
    has_ended: bool,
    /// The subscription, when it waits.
    waker: Option<Waker>,
    /// Whether there is a task.
    has_task: bool,
    /// Whether a request is under way.
    is_asking: bool,
    /// Whether what that request brings is to be given back: it may have been taken without the order of keys, or before the group was
    /// paused or moved, or comes behind what was given back.
    is_unwanted: bool,
}

/// One record that is with the consumer.
pub(super) struct Place(Arc<Intake>);

/// What the subscription gets.
pub(super) enum Next {
    Record(Handed, Place),
    Error(Error),
    Ended,
}

impl Intake {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                ahead: Ahead::new(),
                failed: None,
                has_ended: false,
                waker: None,
                has_task: false,
                is_asking: false,
                is_unwanted: false,
            }),
            changed: Notify::new(),
            with_consumer: AtomicUsize::new(0),
            in_order: AtomicBool::new(false),
        })
    }

    /// Whether a task is to be started: at first, and when the last one went with its runtime.
    pub(super) fn wants_task(&self) -> bool {
        let mut state = self.lock();
        let wants = !state.has_task && !state.has_ended;
        state.has_task |= wants;
        wants
    }

    /// The next record; `None` when there is none yet, and then the subscription is woken.
    pub(super) fn next(self: &Arc<Self>, waker: &Waker) -> Option<Next> {
        let mut state = self.lock();
        loop {
            match state.ahead.next(Instant::now()) {
                Some((taken, hold)) if hold.is_good() => {
                    self.with_consumer.fetch_add(1, Ordering::Relaxed);
                    self.look_after(&state);
                    drop(state);
                    hold.begin();
                    return Some(Next::Record((taken, hold), Place(Arc::clone(self))));
                }
                // It comes again on the next connection.
                Some(_) => {}
                None => break,
            }
        }
        if let Some(error) = state.failed.take() {
            return Some(Next::Error(error));
        }
        if state.has_ended {
            return Some(Next::Ended);
        }
        state.waker = Some(waker.clone());
        self.look_after(&state);
        None
    }

    /// No more than so many are to be with the consumer and ahead of it.
    pub(super) fn limit(&self, records: usize) {
        self.lock().ahead.limit(records);
    }

    /// From now on of each key the next one comes when the one before it was acknowledged. What came without that is given back.
    pub(super) fn keep_key_order(&self) {
        self.in_order.store(true, Ordering::Relaxed);
        self.clear();
    }

    /// Gives back what is ahead or on its way.
    pub(super) fn clear(&self) {
        let ahead = {
            let mut state = self.lock();
            state.is_unwanted = state.is_asking;
            state.ahead.clear()
        };
        // Outside of the lock: that tells the server.
        drop(ahead);
        self.changed.notify_one();
    }

    /// Has the task look, if there is something to ask for.
    fn look_after(&self, state: &State) {
        if !state.is_asking && state.ahead.wanted(self.with_consumer.load(Ordering::Relaxed)) > 0 {
            self.changed.notify_one();
        }
    }

    /// The lock guards plain values; a panic while it was held cannot have left them half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.with_consumer.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A membership.
pub(super) struct Membership {
    pub(super) link: Arc<Link>,
    pub(super) key: Arc<GroupKey>,
    pub(super) from: From,
    pub(super) intake: Arc<Intake>,
    pub(super) seat: Option<Seat>,
}

/// Being a member, on one connection.
pub(super) struct Seat {
    line: Arc<Line>,
    member: u32,
    deadline: Option<Duration>,
}

impl Seat {
    pub(super) async fn take(
        line: &Arc<Line>,
        intake: &Arc<Intake>,
        key: &GroupKey,
        from: From,
    ) -> Result<Self, Failed> {
        match line.ask(&Request::Join { key: key.clone(), from }).await? {
            Reply::Joined { member, deadline } => {
                line.seat(member, intake);
                let deadline = (deadline != FOREVER).then(|| Duration::from_millis(deadline));
                Ok(Self { line: Arc::clone(line), member, deadline })
            }
            _ => Err(Failed::Lost { cause: "the server gave an answer to something else".into(), sent: true }),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.line.leave(self.member);
    }
}

/// The task, for as long as it is there.
struct Running(Arc<Intake>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        (state.has_task, state.is_asking) = (false, false);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

type Taking = BoxFuture<'static, (Membership, usize, Result<Vec<Handed>, Error>)>;

impl Membership {
    /// Takes records for as long as the subscription wants them. Never ends by itself but with the bus.
    pub(super) fn run(self) -> impl Future<Output = ()> + Send {
        // Outside of the future, which may be dropped before it is polled.
        let running = Running(Arc::clone(&self.intake));
        async move { self.take_ahead(&running.0).await }
    }

    async fn take_ahead(self, intake: &Intake) {
        let mut membership = Some(self);
        let mut taking: Option<Taking> = None;
        loop {
            let until = intake.look(&mut membership, &mut taking);
            let came = async {
                match &mut taking {
                    Some(taking) => taking.await,
                    None => std::future::pending().await,
                }
            };
            let overdue = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            let (back, asked, came) = tokio::select! {
                came = came => came,
                () = intake.changed.notified() => continue,
                () = overdue => continue,
            };
            taking = None;
            let failed = came.is_err();
            let has_ended = intake.take_in(&back, asked, came);
            membership = Some(back);
            if has_ended {
                return;
            }
            if failed {
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// The next records, on as many connections as it takes.
    async fn next(mut self, most: usize, in_order: bool) -> (Self, usize, Result<Vec<Handed>, Error>) {
        let next = self.records(most, in_order).await;
        (self, most, next)
    }

    async fn records(&mut self, most: usize, in_order: bool) -> Result<Vec<Handed>, Error> {
        loop {
            let seat = match self.seat.take().filter(|seat| seat.line.is_open()) {
                Some(seat) => seat,
                None => {
                    let line = self.link.tireless().await?;
                    match Seat::take(&line, &self.intake, &self.key, self.from).await {
                        Ok(seat) => seat,
                        Err(failed) => {
                            passed_over(failed).await?;
                            continue;
                        }
                    }
                }
            };
            let seat = self.seat.insert(seat);
            let (most, wait) = (u32::try_from(most).unwrap_or(u32::MAX), WAIT.as_millis() as u32);
            let request = Request::Take { member: seat.member, in_order, most, wait };
            match seat.line.asked(&request).await {
                Ok((Reply::Taken(taken), holds)) if taken.len() == holds.len() => {
                    return Ok(taken.into_iter().zip(holds).collect());
                }
                Ok((Reply::Nothing, _)) => {}
                Ok(_) => return Err(nonsense()),
                Err(failed) => passed_over(failed).await?,
            }
        }
    }
}

impl Intake {
    /// Asks for more if more is wanted, gives back what the consumer did not come for, and says when to look again.
    fn look(&self, membership: &mut Option<Membership>, taking: &mut Option<Taking>) -> Option<Instant> {
        let mut state = self.lock();
        let overdue = state.ahead.overdue(Instant::now());
        if !overdue.is_empty() {
            state.is_unwanted = state.is_asking;
        }
        let wanted = state.ahead.wanted(self.with_consumer.load(Ordering::Relaxed));
        if wanted > 0
            && let Some(ready) = membership.take()
        {
            *taking = Some(Box::pin(ready.next(wanted, self.in_order.load(Ordering::Relaxed))));
            state.is_asking = true;
        }
        let until = state.ahead.until();
        // Dropped outside of the lock: that tells the server.
        drop(state);
        drop(overdue);
        until
    }

    /// Takes in what came, and wakes the subscription. Whether that was the end.
    fn take_in(&self, membership: &Membership, asked: usize, came: Result<Vec<Handed>, Error>) -> bool {
        let mut state = self.lock();
        state.is_asking = false;
        let is_unwanted = std::mem::take(&mut state.is_unwanted);
        match came {
            Ok(records) if is_unwanted => {
                drop(state);
                drop(records);
                return false;
            }
            Ok(records) => {
                state.ahead.deadline(membership.seat.as_ref().and_then(|seat| seat.deadline));
                let records = records.into_iter().map(|handed| {
                    let bytes = handed.0.room();
                    (handed, bytes)
                });
                state.ahead.came(records, asked, Instant::now());
            }
            Err(error) if error.is_closed() && membership.link.lifecycle.check().is_err() => state.has_ended = true,
            Err(error) => state.failed = Some(error),
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        state.has_ended
    }
}
