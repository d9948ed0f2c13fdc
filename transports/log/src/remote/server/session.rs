//! One connection: reads requests, has each done, and gives back what its client had when it ends.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use thriftwood_socket::{ReadHalf, Socket};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tracing::{debug, warn};

use super::Server;
use super::groups::Groups;
use super::out::{self, Out, What};
use super::streams;
use super::work::Workers;
use crate::remote::wire::{Fault, FaultKind, Frames, Message, Reply, Request};
use crate::store::Pending;

/// The most answers that were ready at once and wait to be written.
const UNREAD: usize = 1024;

/// One connection.
pub(super) struct Session {
    pub(super) server: Arc<Server>,
    pub(super) groups: Groups,
    pub(super) workers: Workers,
    out: UnboundedSender<Out>,
    /// Calls whose replies are waited for.
    calls: Mutex<HashMap<u32, AbortHandle>>,
}

/// What became of a request right away.
enum AtOnce {
    /// It is done, and this is to be said.
    Done(Option<Reply>),
    TakesLonger(Request),
}

/// What a connection has under way.
#[derive(Default)]
struct Tasks {
    appends: JoinSet<()>,
    others: JoinSet<()>,
}

/// Serves a client that was let in.
pub(super) async fn run(server: Arc<Server>, socket: Socket, peer: String) {
    debug!(peer, "a client is there");
    let (read, write) = socket.split();
    let (out, queue) = mpsc::unbounded_channel();
    let mut writer = tokio::spawn(out::run(write, queue, server.config.stall));
    let mut frames = Frames::new(read, server.config.stall, Some(Arc::clone(&server.room)));
    let (groups, workers) = (Groups::default(), Workers::default());
    let session = Arc::new(Session { server, groups, workers, out, calls: Mutex::default() });
    let mut tasks = Tasks::default();
    let ended = session.read(&mut frames, &mut tasks, &mut writer).await;
    let (is_stopping, grace) = (session.server.stop.is_cancelled(), session.server.config.grace);
    if is_stopping && ended.is_ok() {
        session.say(0, &Reply::Goodbye);
        let appended = async { while tasks.appends.join_next().await.is_some() {} };
        // What takes longer is stored or not; its client asks again.
        let _ = tokio::time::timeout(grace, appended).await;
    }
    tasks.others.shutdown().await;
    // What the client had is for others now.
    session.groups.clear();
    session.workers.clear().await;
    if is_stopping && ended.is_ok() {
        session.send(What::End, None);
        let _ = tokio::time::timeout(grace, &mut writer).await;
    }
    writer.abort();
    match ended {
        Ok(()) => debug!(peer, "a client is gone"),
        Err(problem) => warn!(peer, %problem, "the connection to a client was lost"),
    }
}

impl Session {
    /// Reads until the client goes, is no good, or the server stops.
    async fn read(
        self: &Arc<Self>,
        frames: &mut Frames<ReadHalf>,
        tasks: &mut Tasks,
        writer: &mut JoinHandle<io::Result<()>>,
    ) -> io::Result<()> {
        let most = self.server.config.max_requests;
        let places = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        // For what is done or refused at once: a client that asks and does not read is not read either when so many answers wait for it.
        let unread = Arc::new(Semaphore::new(UNREAD));
        loop {
            let message = tokio::select! {
                () = self.server.stop.cancelled() => return Ok(()),
                written = &mut *writer => return written.unwrap_or_else(|error| Err(io::Error::other(error))),
                Some(_) = tasks.appends.join_next() => continue,
                Some(_) = tasks.others.join_next() => continue,
                message = frames.next() => message?,
            };
            let Some(Message { id, kind, body, held }) = message else { return Ok(()) };
            let Ok(request) = Request::decode(kind, body) else {
                let problem = format!("a message of kind {kind} came that cannot be understood");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            };
            // What is done at once takes no place: it frees some.
            let reply = match self.at_once(request) {
                AtOnce::Done(None) => continue,
                AtOnce::Done(Some(reply)) => reply,
                AtOnce::TakesLonger(request) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        self.begin(id, request, (place, held), tasks).await;
                        continue;
                    }
                    Err(_) => {
                        let text = format!("this connection has {most} requests under way, as many as it may");
                        Reply::Fault(Fault::new(FaultKind::Overloaded, text))
                    }
                },
            };
            let place = tokio::select! {
                // Never closed, so this only waits.
                place = Arc::clone(&unread).acquire_owned() => place.map_err(io::Error::other)?,
                () = self.server.stop.cancelled() => return Ok(()),
                written = &mut *writer => return written.unwrap_or_else(|error| Err(io::Error::other(error))),
            };
            self.send(What::Message(reply.encode(id)), Some(place));
        }
    }

    /// Does what takes no time. Gives back what does.
    fn at_once(&self, request: Request) -> AtOnce {
        AtOnce::Done(Some(match request {
            Request::Cancel { id } => {
                if let Some(call) = self.calls().remove(&id) {
                    call.abort();
                }
                return AtOnce::Done(None);
            }
            Request::Begin { claim } => {
                self.groups.begin(claim);
                return AtOnce::Done(None);
            }
            Request::Leave { member } => self.groups.leave(member),
            Request::Nack { claim, delay, reason } => self.groups.nack(claim, delay, &reason),
            Request::Extend { claim } => self.groups.extend(claim),
            Request::Answer { worker, call, outcome } => self.workers.answer(worker, call, outcome),
            request => return AtOnce::TakesLonger(request),
        }))
    }

    /// Begins what takes longer.
    async fn begin(
        self: &Arc<Self>,
        id: u32,
        request: Request,
        (place, held): (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
        tasks: &mut Tasks,
    ) {
        let reply = match request {
            // Handed over here and not in a task, so that a client's batches keep their order.
            Request::Append { stream, durability, batch } => {
                match streams::append(&self.server, &stream, durability, batch).await {
                    Ok(pending) => {
                        tasks.appends.spawn(Arc::clone(self).appended(id, pending, place, held));
                        return;
                    }
                    Err(fault) => Reply::Fault(fault),
                }
            }
            request @ Request::Call { .. } => {
                // Under the lock: a call that ends at once finds itself there.
                let mut calls = self.calls();
                let call = tasks.others.spawn(Arc::clone(self).done(id, request, place, held));
                calls.insert(id, call);
                return;
            }
            request => {
                tasks.others.spawn(Arc::clone(self).done(id, request, place, held));
                return;
            }
        };
        self.send(What::Message(reply.encode(id)), Some(place));
    }

    /// Waits for an append.
    async fn appended(
        self: Arc<Self>,
        id: u32,
        pending: Pending,
        place: OwnedSemaphorePermit,
        held: Option<OwnedSemaphorePermit>,
    ) {
        let reply = match pending.wait().await {
            Ok(appended) => streams::appended(appended),
            Err(error) => Reply::Fault(streams::fault(error)),
        };
        drop(held);
        self.send(What::Message(reply.encode(id)), Some(place));
    }

    /// Has a request done, and sends what came of it.
    async fn done(
        self: Arc<Self>,
        id: u32,
        request: Request,
        place: OwnedSemaphorePermit,
        held: Option<OwnedSemaphorePermit>,
    ) {
        let server = &self.server;
        let done = match request {
            Request::Fetch { stream, offset, segment, position, most, wait } => {
                let fetched = streams::fetch(server, &stream, offset, (segment, position), most, wait).await;
                match fetched {
                    Ok((fetched, span)) => {
                        let head = fetched.encode(id, span.as_ref().map_or(0, |span| span.length as usize));
                        let what = span.map_or(What::Message(head.clone()), |span| What::Batches(head, span));
                        return self.send(what, Some(place));
                    }
                    Err(fault) => Err(fault),
                }
            }
            Request::Open { stream, from } => streams::open(server, &stream, from).await,
            Request::Check { stream, offset } => streams::check(server, &stream, offset).await,
            Request::Streams => streams::list(server).await,
            Request::Join { key, from } => self.groups.join(server, self.speaker(), key, from).await,
            Request::Take { member, in_order, most, wait } => {
                self.groups.take(server, member, in_order, most, wait).await
            }
            Request::Ack { key, claim, offset } => self.groups.ack(server, key, claim, offset).await,
            Request::DeadLetter { claim, reason } => self.groups.dead_letter(claim, &reason).await,
            Request::Group { key, action } => super::groups::tell(server, key, action).await,
            Request::Call { address, oneway, frame } => {
                let called = streams::call(server, &address, oneway, frame, held).await;
                self.calls().remove(&id);
                called
            }
            Request::Serve { worker, address, concurrency } => self.serve(worker, address, concurrency).await,
            Request::Rest { worker } => Ok(self.workers.rest(worker).await),
            // Done by whoever read it.
            _ => return,
        };
        self.send(What::Message(done.unwrap_or_else(Reply::Fault).encode(id)), Some(place));
    }

    pub(super) fn say(&self, id: u32, reply: &Reply) {
        self.send(What::Message(reply.encode(id)), None);
    }

    /// A way to say something later, for as long as the connection is there.
    pub(super) fn speaker(&self) -> Speaker {
        Speaker(self.out.clone())
    }

    fn send(&self, what: What, place: Option<OwnedSemaphorePermit>) {
        // Nobody writes any more on a connection that was lost, which ends the session as well.
        let _ = self.out.send(Out { what, _place: place });
    }

    /// The lock guards a plain map; a panic while it was held cannot have left it half-changed.
    fn calls(&self) -> MutexGuard<'_, HashMap<u32, AbortHandle>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says things unasked.
#[derive(Clone)]
pub(super) struct Speaker(UnboundedSender<Out>);

impl Speaker {
    /// `false` when there is no connection any more.
    pub(super) fn say(&self, message: Bytes) -> bool {
        self.0.send(Out { what: What::Message(message), _place: None }).is_ok()
    }
}
