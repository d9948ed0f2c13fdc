//! What travels beside a call or an event: who asked, with which headers, and how long it may take.

mod correlation;
mod handling;
mod received;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use correlation::CorrelationId;
use handling::Handling;
use received::{Brought, Received};

use crate::event::Durability;
use crate::frame::{self, FrameBuilder, Headers, Own};

/// The timeout of a call for which nobody chose one; Frugal's own.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The first argument of every call and every publish, and the first thing every handler gets.
///
/// A context holds a correlation id, request headers and a time limit. The one a handler receives carries what its caller
/// sent; passed to an onward call it carries correlation id, headers and the *remaining* time along, with no line of code.
/// It is cheap to clone, and one context may be used for any number of calls at once.
///
/// ```
/// use std::time::Duration;
/// use thriftwood_core::Context;
///
/// let ctx = Context::new().with_timeout(Duration::from_millis(250)).with_header("tenant", "blue");
/// assert_eq!(ctx.header("tenant"), Some("blue"));
/// assert_eq!(ctx.correlation_id().len(), 32);
/// ```
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    correlation_id: CorrelationId,
    headers: Headers,
    /// Whether none of the headers is one that the runtime writes itself, as long as nobody else's were taken over.
    plain: bool,
    timeout: Duration,
    /// Set where a caller's time limit is already running.
    deadline: Option<Instant>,
    /// For events published with it, and sent with those.
    key: Option<Arc<str>>,
    /// For events published with it.
    durability: Option<Durability>,
    /// The context from which this one was made; `None` in the first.
    first: Option<Arc<Inner>>,
    /// For a handler, and used in the first only, since there is one reply and one call that can end.
    handling: Handling,
    /// What the last reply brought: kept apart, so that the answer to an onward call does not leak into the answer of
    /// the call that made it.
    received: Received,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            correlation_id: self.correlation_id.clone(),
            headers: self.headers.clone(),
            plain: self.plain,
            timeout: self.timeout,
            deadline: self.deadline,
            key: self.key.clone(),
            durability: self.durability,
            first: self.first.clone(),
            handling: Handling::default(),
            received: Received::default(),
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Context {
    /// A context with a correlation id of its own, no headers, and [`DEFAULT_TIMEOUT`].
    pub fn new() -> Self {
        Self::with_parts(correlation::fresh(), Headers::new(), DEFAULT_TIMEOUT, None)
    }

    /// The context of a message that was received `now`: its headers, and a deadline counted from `now` where it names
    /// a timeout.
    ///
    /// A message without a correlation id is given one, so that what it causes can be followed all the same. A timeout of
    /// zero is none: that is how some peers say that they wait as long as it takes.
    pub fn received(headers: &Headers, now: Instant) -> Self {
        Self::received_with(headers, &headers.own(), now)
    }

    /// The same, for who has looked already where the headers are.
    pub(crate) fn received_with(headers: &Headers, own: &Own, now: Instant) -> Self {
        let timeout = own.timeout.and_then(|at| frame::number(headers.at(at))).filter(|ms| *ms > 0);
        let timeout = timeout.map(Duration::from_millis);
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        Self::with_parts(received_id(headers, own), headers.clone(), timeout.unwrap_or(DEFAULT_TIMEOUT), deadline)
    }

    /// The context of an event that was received. The publisher's timeout was for publishing, and does not bound what is
    /// done about the event; calls made with this context have [`DEFAULT_TIMEOUT`].
    pub fn received_event(headers: &Headers) -> Self {
        Self::received_event_with(headers, &headers.own())
    }

    /// The same, for who has looked already where the headers are.
    pub(crate) fn received_event_with(headers: &Headers, own: &Own) -> Self {
        Self::with_parts(received_id(headers, own), headers.clone(), DEFAULT_TIMEOUT, None)
    }

    /// The sender's time limit was for sending, and does not bound what is done about what was sent.
    pub(crate) fn lift_limit(&mut self) {
        let inner = self.own();
        inner.deadline = None;
        inner.timeout = DEFAULT_TIMEOUT;
    }

    fn with_parts(
        correlation_id: CorrelationId,
        headers: Headers,
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> Self {
        let (first, (handling, received)) = (None, Default::default());
        let (key, durability) = (None, None);
        let plain = headers.is_empty();
        Self(Arc::new(Inner {
            correlation_id,
            headers,
            plain,
            timeout,
            deadline,
            key,
            durability,
            first,
            handling,
            received,
        }))
    }

    /// What can be changed without another context's being changed too.
    fn own(&mut self) -> &mut Inner {
        if Arc::strong_count(&self.0) > 1 {
            let first = Some(Arc::clone(self.first()));
            self.0 = Arc::new(Inner { first, ..Inner::clone(&self.0) });
        }
        Arc::make_mut(&mut self.0)
    }

    /// The context from which this one was made, at first.
    fn first(&self) -> &Arc<Inner> {
        self.0.first.as_ref().unwrap_or(&self.0)
    }

    /// This context with a time limit for each call made with it, counted from when the call is made. Sent in whole
    /// milliseconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.own().timeout = timeout;
        self
    }

    /// This context with a point in time by which all calls made with it must be done.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.own().deadline = Some(deadline);
        self
    }

    /// This context with another correlation id; any text that is not empty will do.
    #[must_use]
    pub fn with_correlation_id(mut self, id: impl Into<String>) -> Self {
        self.own().correlation_id = CorrelationId::Chosen(id.into());
        self
    }

    /// This context with a key for the events published with it: what they are about, an account or an order. Subscribers that
    /// handle several events at once handle those of one key in order, and a log keeps the key with the event.
    ///
    /// A handler's context does not hand on the key of the event it came with; [`event_key`](Self::event_key) is there to do so.
    ///
    /// ```
    /// use thriftwood_core::Context;
    ///
    /// let ctx = Context::new().with_key("B000");
    /// assert_eq!(ctx.event_key(), Some("B000"));
    /// ```
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.own().key = Some(key.into());
        self
    }

    /// This context with a word on what publishing with it waits for, where that differs from what the bus is set to. Not sent.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.own().durability = Some(durability);
        self
    }

    /// This context with a request header, in place of any value it had.
    ///
    /// Some names belong to the runtime. `_cid` and `_timeout` (milliseconds) set what they are named for, as in Frugal;
    /// `_key` is the [key](Self::with_key) of an event; `_opid` is numbered anew for each call, `_address` is where the call goes, and those that start with `_topic_` are
    /// written for each event from its topic, so none of them is taken.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match name {
            frame::CORRELATION_ID => return self.with_correlation_id(value),
            frame::TIMEOUT => match value.parse() {
                Ok(ms) => return self.with_timeout(Duration::from_millis(ms)),
                Err(_) => return self,
            },
            frame::KEY => return self.with_key(value),
            _ if frame::is_reserved(name.as_bytes()) => return self,
            _ => self.own().headers.set(name, value),
        }
        self
    }

    /// The id by which everything that one request caused can be found again.
    pub fn correlation_id(&self) -> &str {
        self.0.correlation_id.as_str()
    }

    /// A request header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)
    }

    /// The request headers. Those of a received message include the reserved ones.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The key of events published with this context; in the context of an event that was received, that event's key.
    pub fn event_key(&self) -> Option<&str> {
        self.0.key.as_deref().or_else(|| self.header(frame::KEY))
    }

    /// The key that was set here, and not received.
    pub(crate) fn own_key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What publishing with this context waits for, where that was set.
    pub fn durability(&self) -> Option<Durability> {
        self.0.durability
    }

    /// How long a call made now may take: its timeout, and never longer than the deadline leaves.
    pub fn remaining(&self) -> Duration {
        match self.0.deadline {
            Some(deadline) => self.0.timeout.min(deadline.saturating_duration_since(Instant::now())),
            None => self.0.timeout,
        }
    }

    /// When the time is up, where a limit is already running.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// For a handler: adds a header to the reply, in place of any value it had. The contexts made from the handler's own
    /// add to the same reply.
    pub fn set_response_header(&self, name: &str, value: &str) {
        lock(&self.first().handling.headers).set(name, value);
    }

    /// For a caller: a header that came with the last reply to a call made with this context.
    pub fn response_header(&self, name: &str) -> Option<String> {
        self.response_headers().get(name).map(str::to_owned)
    }

    /// For a caller: all headers that came with the last reply to a call made with this context. Calls that are under way
    /// at once need a context each (a [`with_header`](Self::with_header) makes one) where their replies' headers matter.
    pub fn response_headers(&self) -> Headers {
        self.0.received.headers(self.correlation_id())
    }

    /// For a middleware that made a call with a context of its own: keeps the headers that came with the reply to that one, as
    /// if they had come with the reply to this one.
    pub fn adopt_response(&self, other: &Context) {
        self.0.received.set(Brought::Headers(other.response_headers()));
    }

    /// For a handler: resolves when nobody wants its result any more, because the caller has given up or is gone, or the time is
    /// up. The handler itself is stopped then, at the next point where it waits; this is for what it started elsewhere. Where
    /// the handler ends first, it never resolves.
    ///
    /// ```
    /// # use thriftwood_core::Context;
    /// # async fn work() {}
    /// # fn handle(ctx: &Context) {
    /// let ctx = ctx.clone();
    /// tokio::spawn(async move {
    ///     tokio::select! {
    ///         () = work() => {}
    ///         () = ctx.cancelled() => {}
    ///     }
    /// });
    /// # }
    /// ```
    pub async fn cancelled(&self) {
        self.first().handling.cancelled().await;
    }

    /// Whether nobody wants the handler's result any more.
    pub fn is_cancelled(&self) -> bool {
        self.first().handling.is_cancelled()
    }

    /// Nobody wants the handler's result any more.
    pub(crate) fn cancel(&self) {
        self.first().handling.cancel();
    }

    /// Does something with what the handler wants to send back.
    pub(crate) fn with_outgoing_headers<R>(&self, look: impl FnOnce(&Headers) -> R) -> R {
        look(&lock(&self.first().handling.headers))
    }

    /// Keeps the headers of a reply in place of those of the reply before, without the operation id, which is the
    /// transport's business. Most replies have nothing beside it but the caller's own correlation id; of those nothing is kept,
    /// neither a copy nor the memory of the frame.
    pub(crate) fn receive_headers(&self, headers: &Headers, own: &Own) {
        let correlation_id = own.correlation_id.map(|at| headers.at(at));
        self.0.received.set(match correlation_id {
            None if !own.others => Brought::Nothing,
            Some(id) if !own.others && id == self.0.correlation_id.as_bytes() => Brought::CorrelationId,
            _ => {
                let mut headers = headers.clone();
                headers.remove(frame::OPERATION_ID);
                Brought::Headers(headers)
            }
        });
    }

    /// Writes the headers of a request: the user's, and the three of the runtime.
    pub(crate) fn write_request(&self, frame: &mut FrameBuilder, operation_id: u64, remaining: Duration) {
        match self.0.plain {
            true => frame.all_headers(&self.0.headers),
            false => frame.headers(&self.0.headers),
        }
        // Rounded up: half a millisecond is not the zero by which peers mean no limit.
        let millis = u64::from(remaining.subsec_nanos().div_ceil(1_000_000));
        let millis = remaining.as_secs().saturating_mul(1000).saturating_add(millis);
        frame.request(self.0.correlation_id.as_bytes(), operation_id, millis);
    }
}

fn received_id(headers: &Headers, own: &Own) -> CorrelationId {
    own.correlation_id.map_or_else(correlation::fresh, |id| CorrelationId::Received(headers.share(id)))
}

/// The lock guards a plain value; a panic while it was held cannot have left it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
