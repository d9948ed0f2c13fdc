//! One connection to a server: requests of any number of tasks out, each reply to whoever asked.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::{ReadHalf, Socket, WriteHalf};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::member::Intake;
use crate::remote::wire::{Fault, Frames, Message, Reply, Request};

/// So many bytes are put together before they are written.
const TOGETHER: usize = 64 * 1024;

/// The number of requests to whose replies nobody listens.
const UNHEARD: u32 = u32::MAX;

/// One connection.
pub(super) struct Line {
    /// Which connection of its bus it is.
    pub(super) number: u64,
    stall: Duration,
    out: UnboundedSender<Bytes>,
    /// Who waits for which reply; `None` when none will come any more.
    waiting: Mutex<Option<HashMap<u32, oneshot::Sender<Answer>>>>,
    /// Who works on calls.
    workers: Mutex<HashMap<u32, UnboundedSender<Work>>>,
    /// Where members of groups have what they took ahead.
    members: Mutex<HashMap<u32, Weak<Intake>>>,
    next: AtomicU32,
    /// Whether the server takes no further requests.
    is_closing: AtomicBool,
    end: CancellationToken,
    cause: OnceLock<Arc<str>>,
}

/// A call for a worker.
pub(super) struct Work {
    pub(super) call: u64,
    pub(super) age: Duration,
    pub(super) frame: Bytes,
}

/// A reply, with the holds on the records that came with it, in their order.
struct Answer {
    reply: Reply,
    holds: Vec<Hold>,
}

/// Why there is no reply.
#[derive(Clone, Debug)]
pub(super) enum Failed {
    /// The connection was lost, for this reason, and whether the request was on its way by then.
    Lost { cause: Arc<str>, sent: bool },
    /// The server says why.
    Fault(Fault),
}

impl Failed {
    /// For people, given where the server is.
    pub(super) fn into_error(self, url: &str) -> Error {
        match self {
            Self::Lost { cause, .. } => {
                Error::new(ErrorKind::Unreachable, format!("the connection to {url} was lost: {cause}"))
            }
            Self::Fault(fault) => fault.into(),
        }
    }
}

/// A record that the server handed out on this connection. Dropped, it is given back: as if it had not been handed out, until it was
/// [begun with](Hold::begin).
pub(super) struct Hold {
    line: Arc<Line>,
    claim: u64,
    is_settled: bool,
}

impl Hold {
    pub(super) fn claim(&self) -> u64 {
        self.claim
    }

    /// Whether it still holds: what was handed out on a connection that was lost has been given back there.
    pub(super) fn is_good(&self) -> bool {
        self.line.is_open()
    }

    /// Says that the record is being handled now.
    pub(super) fn begin(&self) {
        self.line.tell(&Request::Begin { claim: self.claim });
    }

    /// Asks for more time.
    pub(super) fn extend(&self) -> impl Future<Output = Result<Reply, Failed>> + Send + use<> {
        let (line, request) = (Arc::clone(&self.line), Request::Extend { claim: self.claim });
        async move { line.ask(&request).await }
    }

    /// Gives it back, says why, and after which time it is to come again if that is not the usual one.
    pub(super) fn nack(self, reason: &str, delay: Option<Duration>) {
        let (line, claim) = (Arc::clone(&self.line), self.claim);
        self.settle();
        line.tell(&Request::Nack { claim, delay, reason: reason.to_owned() });
    }

    /// Has it become a dead letter.
    pub(super) fn dead_letter(self, reason: &str) -> impl Future<Output = Result<Reply, Failed>> + Send + use<> {
        let request = Request::DeadLetter { claim: self.claim, reason: reason.to_owned() };
        async move {
            let line = Arc::clone(&self.line);
            let reply = line.ask(&request).await;
            self.settle();
            reply
        }
    }

    /// What became of it is told in another way.
    pub(super) fn settle(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_settled {
            self.line.tell(&Request::Nack { claim: self.claim, delay: None, reason: String::new() });
        }
    }
}

impl Line {
    /// Goes on from a socket on which the hellos were said.
    pub(super) fn spawn(socket: Socket, number: u64, stall: Duration) -> Arc<Self> {
        let (read, write) = socket.split();
        let (out, queue) = mpsc::unbounded_channel();
        let line = Arc::new(Self {
            number,
            stall,
            out,
            waiting: Mutex::new(Some(HashMap::new())),
            workers: Mutex::default(),
            members: Mutex::default(),
            next: AtomicU32::new(1),
            is_closing: AtomicBool::new(false),
            end: CancellationToken::new(),
            cause: OnceLock::new(),
        });
        let (reader, writer) = (Half(Arc::clone(&line)), Half(Arc::clone(&line)));
        tokio::spawn(async move {
            let line = &reader.0;
            tokio::select! {
                () = line.end.cancelled() => {}
                ended = line.read(read) => match ended {
                    Ok(()) => line.end("the server closed it"),
                    Err(error) => line.end(&error.to_string()),
                }
            }
        });
        tokio::spawn(async move {
            let line = &writer.0;
            tokio::select! {
                () = line.end.cancelled() => {}
                written = write_all(write, queue, line.stall) => {
                    if let Err(error) = written {
                        line.end(&error.to_string());
                    }
                }
            }
        });
        line
    }

    /// Whether it takes requests.
    pub(super) fn is_open(&self) -> bool {
        !self.is_closing.load(Ordering::Relaxed) && !self.end.is_cancelled()
    }

    /// Ends it for this reason, unless it has ended.
    pub(super) fn end(&self, cause: &str) {
        self.cause.get_or_init(|| cause.into());
        self.end.cancel();
    }

    /// Asks, and waits for the reply.
    pub(super) async fn ask(self: &Arc<Self>, request: &Request) -> Result<Reply, Failed> {
        self.asked(request).await.map(|(reply, _)| reply)
    }

    /// [`ask`](Line::ask), with the holds on what came.
    pub(super) async fn asked(self: &Arc<Self>, request: &Request) -> Result<(Reply, Vec<Hold>), Failed> {
        self.start(request)?.reply().await
    }

    /// Asks, and gives what waits for the reply.
    pub(super) fn start(self: &Arc<Self>, request: &Request) -> Result<Asked, Failed> {
        let (sender, answer) = oneshot::channel();
        // 0 is for what is said unasked, the other for replies to which nobody listens.
        let id = loop {
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            if id != 0 && id != UNHEARD {
                break id;
            }
        };
        match &mut *self.waiting() {
            Some(waiting) if self.is_open() => drop(waiting.insert(id, sender)),
            _ => return Err(self.lost(false)),
        }
        let until = request.patience().map(|patience| Instant::now() + patience + self.stall);
        let is_call = matches!(request, Request::Call { .. });
        let asked = Asked { line: Arc::clone(self), id, answer, until, is_call };
        self.out.send(request.encode(id)).map_err(|_| self.lost(false))?;
        Ok(asked)
    }

    /// Says something to which the reply does not matter.
    pub(super) fn tell(&self, request: &Request) {
        // A connection that was lost takes it as told: the server has given back what it was about.
        let _ = self.out.send(request.encode(UNHEARD));
    }

    /// Has the calls for a worker go there.
    pub(super) fn employ(&self, worker: u32) -> UnboundedReceiver<Work> {
        let (sender, works) = mpsc::unbounded_channel();
        lock(&self.workers).insert(worker, sender);
        works
    }

    /// Has a member's records called back from there when the server says so.
    pub(super) fn seat(&self, member: u32, intake: &Arc<Intake>) {
        lock(&self.members).insert(member, Arc::downgrade(intake));
    }

    /// The member leaves.
    pub(super) fn leave(&self, member: u32) {
        lock(&self.members).remove(&member);
        self.tell(&Request::Leave { member });
    }

    fn lost(&self, sent: bool) -> Failed {
        let closing = || "the server is stopping".into();
        Failed::Lost { cause: self.cause.get().cloned().unwrap_or_else(closing), sent }
    }

    async fn read(self: &Arc<Self>, read: ReadHalf) -> io::Result<()> {
        let mut frames = Frames::new(read, self.stall, None);
        while let Some(Message { id, kind, body, .. }) = frames.next().await? {
            let Ok(reply) = Reply::decode(kind, body) else {
                let problem = format!("a message of kind {kind} came that cannot be understood");
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            };
            match reply {
                Reply::Goodbye => {
                    debug!("the server is stopping");
                    self.is_closing.store(true, Ordering::Relaxed);
                }
                Reply::Recall { member } => {
                    let intake = lock(&self.members).get(&member).and_then(Weak::upgrade);
                    if let Some(intake) = intake {
                        intake.clear();
                    }
                }
                Reply::Work { worker, call, age, frame } => {
                    let work = Work { call, age: Duration::from_millis(age), frame };
                    // Nobody is employed any more whose server was stopped; the call goes to another when this end has gone.
                    if let Some(worker) = lock(&self.workers).get(&worker) {
                        let _ = worker.send(work);
                    }
                }
                reply => {
                    let taken = if let Reply::Taken(taken) = &reply { &taken[..] } else { &[] };
                    let hold = |claim| Hold { line: Arc::clone(self), claim, is_settled: false };
                    let holds = taken.iter().map(|taken| hold(taken.claim)).collect();
                    let waiting = self.waiting().as_mut().and_then(|waiting| waiting.remove(&id));
                    // With nobody to take them, records are given back.
                    if let Some(waiting) = waiting {
                        let _ = waiting.send(Answer { reply, holds });
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells everybody that nothing more comes.
    fn let_go(&self) {
        let waiting = self.waiting().take();
        let workers = std::mem::take(&mut *lock(&self.workers));
        drop((waiting, workers));
    }

    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u32, oneshot::Sender<Answer>>>> {
        lock(&self.waiting)
    }
}

/// One of the two tasks of a connection. With it ends the connection, also when it goes with its runtime: whoever asks on another would wait
/// in vain, or try again without end.
struct Half(Arc<Line>);

impl Drop for Half {
    fn drop(&mut self) {
        self.0.end("the runtime it was made on has shut down");
        self.0.let_go();
    }
}

/// A request on its way.
pub(super) struct Asked {
    line: Arc<Line>,
    id: u32,
    answer: oneshot::Receiver<Answer>,
    /// When a server that has not answered by then, not even that there was nothing, is given up with the connection: its process may hang
    /// or be suspended, and its system still take what is sent to it.
    until: Option<Instant>,
    is_call: bool,
}

impl Asked {
    /// The reply, when it is there. May be given up and asked again.
    pub(super) async fn reply(mut self) -> Result<(Reply, Vec<Hold>), Failed> {
        self.ready().await
    }

    /// [`reply`](Asked::reply), of which nothing is lost when the future is dropped.
    pub(super) async fn ready(&mut self) -> Result<(Reply, Vec<Hold>), Failed> {
        let answer = match self.until {
            Some(until) => tokio::time::timeout_at(until, &mut self.answer).await,
            None => Ok((&mut self.answer).await),
        };
        match answer {
            Ok(Ok(Answer { reply: Reply::Fault(fault), .. })) => Err(Failed::Fault(fault)),
            Ok(Ok(Answer { reply, holds })) => Ok((reply, holds)),
            Ok(Err(_)) => Err(self.line.lost(true)),
            Err(_) => {
                self.line.end("the server did not answer in time");
                Err(self.line.lost(true))
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let was_waiting = self.line.waiting().as_mut().is_some_and(|waiting| waiting.remove(&self.id).is_some());
        if was_waiting && self.is_call {
            self.line.tell(&Request::Cancel { id: self.id });
        }
    }
}

async fn write_all(mut half: WriteHalf, mut queue: UnboundedReceiver<Bytes>, stall: Duration) -> io::Result<()> {
    let mut together = Vec::new();
    while let Some(first) = queue.recv().await {
        together.extend_from_slice(&first);
        while together.len() < TOGETHER {
            let Ok(next) = queue.try_recv() else { break };
            together.extend_from_slice(&next);
        }
        for piece in together.chunks(TOGETHER) {
            let written = tokio::time::timeout(stall, half.write_all(piece)).await;
            written.map_err(|_| io::Error::other("the server took nothing of what was written to it"))??;
        }
        half.flush().await?;
        if together.capacity() > 4 * TOGETHER {
            together = Vec::new();
        }
        together.clear();
    }
    Ok(())
}

/// The locks guard plain maps; a panic while one was held cannot have left it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
