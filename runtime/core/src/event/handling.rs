//! Handlers of events: one event at a time, or several at once with the order of their keys.

use std::fmt;
use std::future::Future;

use tokio::task::JoinSet;
use tracing::{Span, warn};

use super::lent::Keeping;
use super::{Event, Payload, Subscription};
use crate::observe::entered;
use crate::unwind::{catching, caught};
use crate::{Context, Error, ErrorKind};

impl<T: Payload + Clone + Send + 'static> Subscription<T> {
    /// Gives every event to `handler`, one at a time, and acknowledges those it returns `Ok` for; the others, and those it
    /// panics over, are delivered again where the transport does that. Ends when the subscription ends.
    ///
    /// # Errors
    /// When an acknowledgement could not be recorded. Events that cannot be read are logged; in a group they become dead letters, or come
    /// again where there are none.
    pub async fn for_each<F, Fut, Err>(self, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Context, T) -> Fut,
        Fut: Future<Output = Result<(), Err>>,
        Err: fmt::Display,
    {
        self.one_by_one(|event| parted(event, &mut handler)).await
    }

    /// [`for_each`](Self::for_each) for a handler that needs more of an event than its payload: its topic, its offset, which attempt it
    /// is; and that may say itself what became of it, or that it is [still in progress](Event::in_progress). What it has not said when it ends is
    /// said as by `for_each`: `Ok` acknowledges, `Err` gives back with the error as the reason.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use thriftwood_core::{Error, Subscription};
    /// # enum Problem { Busy { retry_after: Duration }, Broken(String) }
    /// # struct Film; impl Film { async fn cut_next_scene(&mut self) -> Result<bool, Problem> { Ok(false) } }
    /// # async fn open(number: i64) -> Film { Film }
    /// # async fn run(films: Subscription<i64>) -> Result<(), Error> {
    /// films
    ///     .for_each_event(|event| async move {
    ///         let mut film = open(*event).await;
    ///         loop {
    ///             match film.cut_next_scene().await {
    ///                 Ok(false) => return Ok(()),
    ///                 Ok(true) => drop(event.in_progress().await.map_err(|error| error.to_string())?),
    ///                 Err(Problem::Broken(why)) => return Err(why),
    ///                 Err(Problem::Busy { retry_after }) => {
    ///                     let back = event.nack_after(retry_after, "the disk is full").await;
    ///                     return back.map_err(|error| error.to_string());
    ///                 }
    ///             }
    ///         }
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each), of what is said when a handler ends; what it says itself is its own to look after.
    pub async fn for_each_event<F, Fut, Err>(self, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Event<T>) -> Fut,
        Fut: Future<Output = Result<(), Err>>,
        Err: fmt::Display,
    {
        self.one_by_one(|event| lent(event, &mut handler)).await
    }

    /// [`for_each`](Self::for_each) with up to `limit` handlers at once, each in a task of its own. Events of one
    /// [key](Context::with_key) are handled one after the other, in the order they were published: one that fails holds back
    /// the rest of its key until it was handled or is a dead letter, and nothing else. Events without a key are in no order.
    ///
    /// The groups of a log keep this order over all members that handle their events like this. Elsewhere it holds within this
    /// subscription, which tries a failed event again by itself, after 100 ms and then longer, up to 30 s, for as long as the
    /// transport lets it.
    ///
    /// When the subscription ends, this waits for the handlers it has begun; when it is dropped, it stops them, and their
    /// events are delivered again. Behind a failing key no more than 256 events are held (a thousand in a group of a log); then
    /// the others wait too.
    ///
    /// ```
    /// # use thriftwood_core::{Context, Subscription};
    /// # async fn post(number: i64) -> Result<(), String> { Ok(()) }
    /// # async fn run(numbers: Subscription<i64>) -> Result<(), thriftwood_core::Error> {
    /// let stop = async { tokio::time::sleep(std::time::Duration::from_secs(60)).await };
    /// numbers.until(stop).for_each_concurrent(16, |_ctx, number| post(number)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each); the handlers that run then are waited for. And [`ErrorKind::Unsupported`] when this is a
    /// subscription with middleware of which events were taken before.
    pub async fn for_each_concurrent<F, Fut, Err>(self, limit: usize, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Context, T) -> Fut,
        Fut: Future<Output = Result<(), Err>> + Send + 'static,
        Err: fmt::Display + 'static,
        T: Sync,
    {
        self.several_at_once(limit, |event| parted(event, &mut handler)).await
    }

    /// [`for_each_concurrent`](Self::for_each_concurrent) for a handler that takes the event itself, as
    /// [`for_each_event`](Self::for_each_event) gives it.
    ///
    /// # Errors
    /// As both.
    pub async fn for_each_event_concurrent<F, Fut, Err>(self, limit: usize, mut handler: F) -> Result<(), Error>
    where
        F: FnMut(Event<T>) -> Fut,
        Fut: Future<Output = Result<(), Err>> + Send + 'static,
        Err: fmt::Display + 'static,
    {
        self.several_at_once(limit, |event| lent(event, &mut handler)).await
    }

    async fn one_by_one<Fut, Err>(mut self, mut begin: impl FnMut(Event<T>) -> Begun<Fut>) -> Result<(), Error>
    where
        Fut: Future<Output = Result<(), Err>>,
        Err: fmt::Display,
    {
        while let Some(event) = self.next_readable().await {
            begin(event).end().await?;
        }
        Ok(())
    }

    async fn several_at_once<Fut, Err>(
        mut self,
        limit: usize,
        mut begin: impl FnMut(Event<T>) -> Begun<Fut>,
    ) -> Result<(), Error>
    where
        Fut: Future<Output = Result<(), Err>> + Send + 'static,
        Err: fmt::Display + 'static,
    {
        self.handled_at_once(limit.max(1))?;
        let mut under_way = JoinSet::new();
        let mut result = Ok(());
        while result.is_ok() {
            tokio::select! {
                Some(handled) = under_way.join_next() => result = outcome(handled),
                event = self.next_readable(), if under_way.len() < limit.max(1) => {
                    let Some(event) = event else { break };
                    under_way.spawn(begin(event).end());
                }
            }
        }
        while let Some(handled) = under_way.join_next().await {
            result = result.and(outcome(handled));
        }
        result
    }

    /// The next event that can be read.
    async fn next_readable(&mut self) -> Option<Event<T>> {
        loop {
            match self.next().await? {
                Ok(event) => return Some(event),
                Err(error) => warn!(%error, "an event did not reach its handler"),
            }
        }
    }
}

/// A handler that has been called with an event.
struct Begun<Fut> {
    /// Its future, or with what it panicked before it had one.
    future: Result<Fut, String>,
    /// Where it runs.
    span: Option<Span>,
    event: Kept,
}

/// What is left of an event while its handler runs.
enum Kept {
    Whole(Event<()>),
    Lent(Keeping),
}

/// Calls a handler that gets an event's context and payload.
fn parted<T, Fut>(event: Event<T>, handler: &mut impl FnMut(Context, T) -> Fut) -> Begun<Fut> {
    let (context, (payload, event)) = (event.context().clone(), event.split());
    begin(event.span(), Kept::Whole(event), || handler(context, payload))
}

/// Calls a handler that gets an event itself.
fn lent<T, Fut>(event: Event<T>, handler: &mut impl FnMut(Event<T>) -> Fut) -> Begun<Fut> {
    let span = event.span();
    let (event, keeping) = event.lend();
    begin(span, Kept::Lent(keeping), || handler(event))
}

/// A handler that panics before it has a future must not end the others.
fn begin<Fut>(span: Option<Span>, event: Kept, handler: impl FnOnce() -> Fut) -> Begun<Fut> {
    let future = span.clone().unwrap_or_else(Span::none).in_scope(|| catching(handler));
    Begun { future, span, event }
}

impl<Fut: Future<Output = Result<(), Err>>, Err: fmt::Display> Begun<Fut> {
    /// Runs the handler, and tells what became of its event.
    async fn end(self) -> Result<(), Error> {
        let Self { future, span, event } = self;
        let problem = match future {
            Ok(future) => problem(entered(span.clone(), caught(future)).await),
            Err(panic) => problem::<Err>(Err(panic)),
        };
        let event = match event {
            Kept::Whole(event) => Some(event),
            Kept::Lent(keeping) => keeping.take(),
        };
        let span = span.unwrap_or_else(Span::none);
        match (event, problem) {
            (None, None) => Ok(()),
            (None, Some(problem)) => {
                span.in_scope(|| warn!(error = problem, "a handler failed after it had said what became of its event"));
                Ok(())
            }
            (Some(event), None) => event.ack().await,
            (Some(event), Some(problem)) => {
                let (topic, attempt) = (event.topic(), event.attempt());
                span.in_scope(|| warn!(topic, attempt, error = problem, "an event was not handled"));
                match event.nack_because(&problem).await {
                    Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Why an event was not handled.
fn problem<Err: fmt::Display>(ended: Result<Result<(), Err>, String>) -> Option<String> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(format!("the handler panicked: {panic}")),
    }
}

/// What a handler's task ended with.
fn outcome(joined: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    // Panics of handlers are caught inside, and nobody aborts one; a runtime that ends does.
    joined.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Closed, "the runtime ended before an event was handled").with_source(error))
    })
}
