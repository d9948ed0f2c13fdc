//! Publishing: events of a stream go out in batches, several under way at once, and each is stored once however often its connection is
//! lost.
//!
//! A bus is one producer of each stream. It numbers its events, and sends again, with the same numbers, what it has no answer to; the log knows
//! what it has. A log remembers the last five batches of a producer, so no more are under way; what is published meanwhile goes
//! together into the next one.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use thriftwood_core::event::{PublishOptions, Topic};
use thriftwood_core::frame::event_key;
use thriftwood_core::{Error, ErrorKind};
use tokio::sync::{mpsc, oneshot};

use super::line::{Asked, Failed, Line};
use super::link::Link;
use crate::remote::wire::{FaultKind, Reply, Request};
use crate::store::{Batch, Durability, Entry, Producer, StoreError};
use crate::{MAX_FRAME, TOPIC, error, publisher};

/// The most batches of a stream under way.
const UNDER_WAY: usize = 5;
/// The most events and bytes that go into one batch, unless one alone is larger.
const MOST_EVENTS: usize = 1024;
const MOST_BYTES: usize = 512 * 1024;
/// Events that wait to go into a batch; whoever publishes further ones waits.
const QUEUE: usize = 1024;

/// The producers of a bus, by stream.
pub(super) struct Producers {
    link: Arc<Link>,
    durability: Durability,
    queues: Mutex<HashMap<Arc<str>, mpsc::Sender<Event>>>,
}

/// An event on its way.
struct Event {
    topic: String,
    frame: Bytes,
    durability: Durability,
    done: oneshot::Sender<Result<(), Error>>,
}

impl Producers {
    pub(super) fn new(link: Arc<Link>, durability: Durability) -> Self {
        Self { link, durability, queues: Mutex::default() }
    }

    /// Has an event stored. Resolves when it is as durable as was asked for.
    pub(super) async fn publish(&self, topic: &Topic, frame: Bytes, options: PublishOptions) -> Result<(), Error> {
        self.link.lifecycle.check()?;
        let (size, limit) = (frame.len(), MAX_FRAME);
        if size > limit {
            let text = format!("an event of {size} bytes is over the limit of {limit}");
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        let (done, stored) = oneshot::channel();
        let closed = || Error::new(ErrorKind::Closed, "the bus is closed");
        let durability = publisher::durability(options, self.durability);
        let event = Event { topic: topic.name.clone(), frame, durability, done };
        self.queue(&topic.stream).send(event).await.map_err(|_| closed())?;
        stored.await.map_err(|_| closed())?
    }

    fn queue(&self, stream: &Arc<str>) -> mpsc::Sender<Event> {
        // The lock guards a plain map; a panic while it was held cannot have left it half-changed.
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(stream).filter(|queue| !queue.is_closed()) {
            return queue.clone();
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        let sending = Sending {
            link: Arc::clone(&self.link),
            stream: stream.to_string(),
            id: random(),
            next: 0,
            under_way: VecDeque::new(),
            again: VecDeque::new(),
            line: None,
            was_refused: false,
        };
        tokio::spawn(sending.run(queue));
        queues.insert(Arc::clone(stream), sender.clone());
        sender
    }
}

/// One stream's producer at work.
struct Sending {
    link: Arc<Link>,
    stream: String,
    /// The producer's number; another one after something was refused.
    id: u64,
    /// The number of the next event.
    next: u32,
    under_way: VecDeque<Flight>,
    /// Events that were certainly not stored and go into the next batches, under new numbers.
    again: VecDeque<Event>,
    line: Option<Arc<Line>>,
    /// Whether a batch was refused. Until everything behind it has its answer nothing more is sent.
    was_refused: bool,
}

/// A batch without an answer.
struct Flight {
    sequence: u32,
    events: Vec<Event>,
    asked: Option<Asked>,
    /// Whether it was on its way on a connection that was lost.
    is_uncertain: bool,
}

/// What happened next.
enum Step {
    Event(Option<Event>),
    Answer(Result<Reply, Failed>),
}

impl Sending {
    async fn run(mut self, mut queue: mpsc::Receiver<Event>) {
        let mut is_open = true;
        loop {
            if self.under_way.is_empty() {
                self.renumber();
            }
            while is_open && self.takes_more() {
                let Ok(event) = queue.try_recv() else { break };
                self.again.push_back(event);
            }
            while self.can_depart() && !self.again.is_empty() {
                self.depart();
            }
            if self.send().await.is_err() {
                continue;
            }
            let takes_more = self.takes_more();
            if self.under_way.is_empty() && !is_open {
                return;
            }
            let front = self.under_way.front_mut().and_then(|flight| flight.asked.as_mut());
            let step = tokio::select! {
                event = queue.recv(), if is_open && takes_more => Step::Event(event),
                answer = answer_to(front) => Step::Answer(answer),
            };
            match step {
                Step::Event(Some(event)) => self.again.push_back(event),
                Step::Event(None) => is_open = false,
                Step::Answer(answer) => self.landed(answer),
            }
        }
    }

    fn can_depart(&self) -> bool {
        !self.was_refused && self.under_way.len() < UNDER_WAY
    }

    /// Whether further events are taken from the queue, rather than left to wait there.
    fn takes_more(&self) -> bool {
        self.can_depart() && self.again.len() < MOST_EVENTS
    }

    /// Puts what waits into a batch.
    fn depart(&mut self) {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(event) = self.again.pop_front() {
            if event.done.is_closed() {
                // Whoever published it has given up.
                continue;
            }
            bytes += event.frame.len();
            if !events.is_empty() && (bytes > MOST_BYTES || events.len() >= MOST_EVENTS) {
                self.again.push_front(event);
                break;
            }
            events.push(event);
        }
        if !events.is_empty() {
            let sequence = self.next;
            self.next = sequence.wrapping_add(events.len() as u32);
            self.under_way.push_back(Flight { sequence, events, asked: None, is_uncertain: false });
        }
    }

    /// Sends what is not on its way, in order. Fails when there is nobody to send it to, and everything was told so.
    async fn send(&mut self) -> Result<(), ()> {
        if self.under_way.iter().all(|flight| flight.asked.is_some()) {
            return Ok(());
        }
        let line = match &self.line {
            Some(line) if line.is_open() => Arc::clone(line),
            _ => match self.link.patient().await {
                Ok(line) => Arc::clone(self.line.insert(line)),
                Err(error) => {
                    self.give_up(&error);
                    return Err(());
                }
            },
        };
        let (stream, id) = (self.stream.clone(), self.id);
        for flight in self.under_way.iter_mut().filter(|flight| flight.asked.is_none()) {
            let started = flight.batch(id).map(|batch| {
                let (batch, durability) = (batch.into_wire().into(), flight.durability());
                line.start(&Request::Append { stream: stream.clone(), durability, batch })
            });
            match started {
                Ok(Ok(asked)) => flight.asked = Some(asked),
                // Lost again; the next round finds another.
                Ok(Err(_)) => {
                    self.line = None;
                    return Err(());
                }
                Err(error) => {
                    let error = error::bus(error);
                    self.refuse(&error);
                    return Err(());
                }
            }
        }
        Ok(())
    }

    /// The first batch under way has its answer.
    fn landed(&mut self, answer: Result<Reply, Failed>) {
        match answer {
            Ok(_) => {
                for event in self.under_way.pop_front().into_iter().flat_map(|flight| flight.events) {
                    // Whoever published it may have given up.
                    let _ = event.done.send(Ok(()));
                }
            }
            Err(Failed::Lost { .. }) => {
                self.line = None;
                for flight in &mut self.under_way {
                    flight.is_uncertain |= flight.asked.take().is_some();
                }
            }
            // Behind one that was refused: not stored, since that one is missing before it.
            Err(Failed::Fault(fault)) if fault.kind == FaultKind::Sequence && self.was_refused => {
                self.again.extend(self.under_way.pop_front().into_iter().flat_map(|flight| flight.events));
            }
            Err(Failed::Fault(fault)) => {
                let is_uncertain = self.under_way.front().is_some_and(|flight| flight.is_uncertain);
                let mut error = Error::from(fault);
                if is_uncertain {
                    let text =
                        format!("{}; the connection was lost before, so it may have been stored then", error.message());
                    error = Error::new(error.kind(), text);
                }
                self.refuse(&error);
            }
        }
    }

    /// Tells those of the first batch, and has what follows wait for what becomes of the rest.
    fn refuse(&mut self, error: &Error) {
        let Some(flight) = self.under_way.pop_front() else { return };
        tell(flight.events, error.kind(), error.message());
        self.was_refused = true;
    }

    /// Tells everybody that nobody is there.
    fn give_up(&mut self, error: &Error) {
        for flight in std::mem::take(&mut self.under_way) {
            let fate = if flight.is_uncertain { "it may have been stored" } else { "it was not stored" };
            tell(flight.events, error.kind(), &format!("{}; {fate}", error.message()));
        }
        tell(std::mem::take(&mut self.again), error.kind(), &format!("{}; it was not stored", error.message()));
        self.was_refused = true;
    }

    /// With nothing under way: begins with new numbers where the old ones have a gap.
    fn renumber(&mut self) {
        if std::mem::take(&mut self.was_refused) {
            (self.id, self.next) = (random(), 0);
        }
    }
}

impl Flight {
    /// What the one who asks for most asks for.
    fn durability(&self) -> Durability {
        let is_durable = self.events.iter().any(|event| event.durability == Durability::Durable);
        if is_durable { Durability::Durable } else { Durability::Buffered }
    }

    fn batch(&self, id: u64) -> Result<Batch, StoreError> {
        let headers: Vec<[(&str, &[u8]); 1]> =
            self.events.iter().map(|event| [(TOPIC, event.topic.as_bytes())]).collect();
        let entries = self.events.iter().zip(&headers).map(|(event, headers)| Entry {
            key: event_key(&event.frame),
            headers,
            value: &event.frame,
        });
        let entries: Vec<Entry<'_>> = entries.collect();
        Batch::of(&entries)?.by(Producer { id, epoch: 0, sequence: self.sequence })
    }
}

async fn answer_to(asked: Option<&mut Asked>) -> Result<Reply, Failed> {
    match asked {
        Some(asked) => asked.ready().await.map(|(reply, _)| reply),
        None => std::future::pending().await,
    }
}

fn tell(events: impl IntoIterator<Item = Event>, kind: ErrorKind, text: &str) {
    for event in events {
        // Whoever published it may have given up.
        let _ = event.done.send(Err(Error::new(kind, text)));
    }
}

/// A number that nobody else has.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
