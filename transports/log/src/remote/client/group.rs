//! A member of a group at the server: a subscription that takes its records from a task that asks for them, and what is said of each.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use thriftwood_core::event::{Acknowledge, Delivery, Guarantee, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error};
use tokio::task::AbortHandle;

use super::follow::{nonsense, passed_over};
use super::line::{Failed, Hold};
use super::link::Link;
use super::member::{Intake, Membership, Next, Place, Seat};
use crate::remote::wire::{Reply, Request, Taken};
use crate::shared::GroupKey;
use crate::store::From;
use crate::subscriber::delivery;

/// Joins the group.
pub(super) async fn subscribe(
    link: &Arc<Link>,
    group: String,
    filter: TopicFilter,
    from: From,
) -> Result<Box<dyn EventSource>, Error> {
    let key = Arc::new(GroupKey { group, filter });
    let intake = Intake::new();
    let seat = loop {
        let line = link.patient().await?;
        match Seat::take(&line, &intake, &key, from).await {
            Ok(seat) => break seat,
            Err(Failed::Lost { .. }) => {}
            Err(failed) => return Err(failed.into_error(link.url())),
        }
    };
    Ok(Box::new(Shares { link: Arc::clone(link), key, from, intake, seat: Some(seat), task: None }))
}

/// A subscription in a group.
struct Shares {
    link: Arc<Link>,
    key: Arc<GroupKey>,
    from: From,
    intake: Arc<Intake>,
    /// The first one, for the task that is not there yet.
    seat: Option<Seat>,
    task: Option<AbortHandle>,
}

impl EventSource for Shares {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        if self.intake.wants_task() {
            let (link, key, from) = (Arc::clone(&self.link), Arc::clone(&self.key), self.from);
            let membership = Membership { link, key, from, intake: Arc::clone(&self.intake), seat: self.seat.take() };
            self.task = Some(tokio::spawn(membership.run()).abort_handle());
        }
        let Some(next) = self.intake.next(cx.waker()) else { return Poll::Pending };
        Poll::Ready(match next {
            Next::Record((Taken { attempt, record, .. }, hold), place) => {
                let (link, key, offset) = (Arc::clone(&self.link), Arc::clone(&self.key), record.offset());
                let verdict = Verdict { link, key, offset, hold, _place: place };
                Some(Ok(delivery(record, attempt, Some(Box::new(verdict)))))
            }
            Next::Error(error) => Some(Err(error)),
            Next::Ended => None,
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn keep_key_order(&mut self) -> bool {
        self.intake.keep_key_order();
        true
    }

    fn max_in_flight(&mut self, events: usize) {
        self.intake.limit(events);
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.intake.clear();
    }
}

/// Tells the group what became of an event; dropped, that it was not handled.
struct Verdict {
    link: Arc<Link>,
    key: Arc<GroupKey>,
    offset: u64,
    hold: Hold,
    _place: Place,
}

impl Acknowledge for Verdict {
    /// On another connection as well: handled is handled, and the group is told so if it has not given the event to somebody who was
    /// quicker.
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            let Self { link, key, offset, hold, _place } = *self;
            let request = Request::Ack { key: (*key).clone(), claim: hold.claim(), offset };
            hold.settle();
            loop {
                let line = link.patient().await.map_err(|error| {
                    let text =
                        format!("the event may come again, since it could not be acknowledged: {}", error.message());
                    Error::new(error.kind(), text).with_source(error)
                })?;
                match line.ask(&request).await {
                    Ok(_) => return Ok(()),
                    Err(failed) => passed_over(failed).await?,
                }
            }
        })
    }

    fn nack(self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        self.hold.nack(reason, delay);
        Box::pin(std::future::ready(Ok(())))
    }

    /// On the connection it came on: when that was lost, the group has given it back.
    fn dead_letter(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        let Self { link, hold, _place, .. } = *self;
        let burying = hold.dead_letter(reason);
        Box::pin(async move {
            let _place = _place;
            burying.await.map(drop).map_err(|failed| failed.into_error(link.url()))
        })
    }

    /// On the connection it came on: when that was lost, the group has given it to another, or will in a moment.
    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        let extending = self.hold.extend();
        Box::pin(async move {
            match extending.await {
                Ok(Reply::Extended(has_time)) => Ok(has_time),
                Ok(_) => Err(nonsense()),
                Err(failed) => passed_over(failed).await.map(|()| false),
            }
        })
    }
}
