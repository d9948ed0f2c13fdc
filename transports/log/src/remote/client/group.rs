//! A member of a group at the server: asks for one record at a time, and joins again on the next connection when one was lost.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use thriftwood_core::event::{Acknowledge, Delivery, Guarantee, TopicFilter};
use thriftwood_core::transport::EventSource;
use thriftwood_core::{BoxFuture, Error};
use tokio::time::Sleep;

use super::follow::{REST, WAIT, nonsense, passed_over};
use super::line::{Failed, Hold, Line};
use super::link::Link;
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
    let seat = loop {
        let line = link.patient().await?;
        match Seat::take(&line, &key, from).await {
            Ok(seat) => break seat,
            Err(Failed::Lost { .. }) => {}
            Err(failed) => return Err(failed.into_error(link.url())),
        }
    };
    let in_order = Arc::new(AtomicBool::new(false));
    let membership =
        Membership { link: Arc::clone(link), key, from, in_order: Arc::clone(&in_order), seat: Some(seat) };
    Ok(Box::new(Shares { membership: Some(membership), taking: None, rest: None, in_order }))
}

/// A subscription in a group.
struct Shares {
    /// `None` while it is being asked with.
    membership: Option<Membership>,
    taking: Option<BoxFuture<'static, (Membership, Result<Handed, Error>)>>,
    rest: Option<Pin<Box<Sleep>>>,
    /// Whether of each key it has one record at a time.
    in_order: Arc<AtomicBool>,
}

/// A record, and the hold on it.
type Handed = (Taken, Hold);

struct Membership {
    link: Arc<Link>,
    key: Arc<GroupKey>,
    from: From,
    in_order: Arc<AtomicBool>,
    seat: Option<Seat>,
}

/// Being a member, on one connection.
struct Seat {
    line: Arc<Line>,
    member: u32,
}

impl Seat {
    async fn take(line: &Arc<Line>, key: &GroupKey, from: From) -> Result<Self, Failed> {
        match line.ask(&Request::Join { key: key.clone(), from }).await? {
            Reply::Joined { member } => Ok(Self { line: Arc::clone(line), member }),
            _ => Err(Failed::Lost { cause: "the server gave an answer to something else".into(), sent: true }),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.line.tell(&Request::Leave { member: self.member });
    }
}

impl Membership {
    /// The next record, on as many connections as it takes.
    async fn next(&mut self) -> Result<Handed, Error> {
        loop {
            let seat = match self.seat.take().filter(|seat| seat.line.is_open()) {
                Some(seat) => seat,
                None => {
                    let line = self.link.tireless().await?;
                    match Seat::take(&line, &self.key, self.from).await {
                        Ok(seat) => seat,
                        Err(failed) => {
                            passed_over(failed).await?;
                            continue;
                        }
                    }
                }
            };
            let seat = self.seat.insert(seat);
            let in_order = self.in_order.load(Ordering::Relaxed);
            let request = Request::Take { member: seat.member, in_order, wait: WAIT.as_millis() as u32 };
            match seat.line.poll(&request, WAIT).await {
                Ok((Reply::Taken(taken), Some(hold))) => return Ok((taken, hold)),
                Ok((Reply::Nothing, _)) => {}
                Ok(_) => return Err(nonsense()),
                Err(failed) => passed_over(failed).await?,
            }
        }
    }
}

impl EventSource for Shares {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery, Error>>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        if let Some(mut membership) = self.membership.take() {
            self.taking = Some(Box::pin(async move {
                let next = membership.next().await;
                (membership, next)
            }));
        }
        let Some(taking) = &mut self.taking else { return Poll::Ready(None) };
        let (membership, next) = ready!(taking.as_mut().poll(cx));
        self.taking = None;
        let (link, key) = (Arc::clone(&membership.link), Arc::clone(&membership.key));
        self.membership = Some(membership);
        Poll::Ready(match next {
            Ok((Taken { attempt, record, .. }, hold)) => {
                let verdict = Verdict { link, key, offset: record.offset(), hold };
                Some(Ok(delivery(record, attempt, Some(Box::new(verdict)))))
            }
            Err(error) if error.is_closed() && link.lifecycle.check().is_err() => None,
            Err(error) => {
                self.rest = Some(Box::pin(tokio::time::sleep(REST)));
                Some(Err(error))
            }
        })
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn keep_key_order(&mut self) -> bool {
        // Not in the middle of a request, so that what is asked for next is in order.
        self.in_order.store(true, Ordering::Relaxed);
        true
    }
}

/// Tells the group what became of an event; dropped, that it was not handled.
struct Verdict {
    link: Arc<Link>,
    key: Arc<GroupKey>,
    offset: u64,
    hold: Hold,
}

impl Acknowledge for Verdict {
    /// On another connection as well: handled is handled, and the group is told so if it has not given the event to somebody who was
    /// quicker.
    fn ack(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            let Self { link, key, offset, hold } = *self;
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

    fn nack(self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        self.hold.nack(reason);
        Box::pin(std::future::ready(Ok(())))
    }
}
