//! The bare echo: u32 length, u32 id, hand-written bytes; many calls on one connection and nothing else.
//!
//! No headers, no deadline, no cancellation, no limits. The handler runs in the read loop, what one read brings is
//! answered with one write, and calls that are made at the same time are written together. It is about the least that a multiplexed call can cost.

use std::io;
use std::sync::{Arc, Mutex};

use slab::Slab;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

/// Bytes asked of the stream at a time.
const READ: usize = 64 * 1024;

/// From so many calls under way on, a write waits for those of other tasks that are ready, as ours does.
const CROWD: usize = 8;

/// The message that is echoed: the same fields as `Note` of `idl/echo.frugal`.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub id: i64,
    pub kind: i32,
    pub author: String,
    pub text: String,
}

impl Note {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.kind.to_be_bytes());
        for text in [&self.author, &self.text] {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let id = i64::from_be_bytes(*take(&mut bytes)?);
        let kind = i32::from_be_bytes(*take(&mut bytes)?);
        Some(Self { id, kind, author: text(&mut bytes)?, text: text(&mut bytes)? })
    }
}

/// One connection's calling end.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    waiting: Mutex<Slab<oneshot::Sender<Note>>>,
    output: Mutex<Vec<u8>>,
    written: Notify,
}

impl Client {
    /// Drives the calling end of `stream` until its other end is gone.
    pub fn connect<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Slab::new()),
            output: Mutex::new(Vec::new()),
            written: Notify::new(),
        });
        let (reader, writer) = tokio::io::split(stream);
        tokio::spawn(read_replies(reader, Arc::clone(&shared)));
        tokio::spawn(write_calls(writer, Arc::clone(&shared)));
        Self(shared)
    }

    /// Sends a note and waits until it comes back.
    pub async fn echo(&self, note: &Note) -> Note {
        let (sender, reply) = oneshot::channel();
        let id = self.0.waiting.lock().expect("unharmed").insert(sender);
        write_frame(&mut self.0.output.lock().expect("unharmed"), id as u32, note);
        self.0.written.notify_one();
        reply.await.expect("the server answers every call")
    }
}

/// Answers every call on `stream` with its own note.
pub async fn serve<S: AsyncRead + AsyncWrite>(stream: S) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (mut input, mut output) = (Vec::with_capacity(READ), Vec::new());
    while reader.read_buf(&mut input).await? > 0 {
        for_each_frame(&mut input, |id, note| write_frame(&mut output, id, &note));
        writer.write_all(&output).await?;
        output.clear();
    }
    Ok(())
}

async fn read_replies(mut reader: impl AsyncRead + Unpin, shared: Arc<Shared>) -> io::Result<()> {
    let mut input = Vec::with_capacity(READ);
    while reader.read_buf(&mut input).await? > 0 {
        let mut waiting = shared.waiting.lock().expect("unharmed");
        for_each_frame(&mut input, |id, note| {
            if let Some(sender) = waiting.try_remove(id as usize) {
                // The caller may be gone.
                let _ = sender.send(note);
            }
        });
    }
    Ok(())
}

async fn write_calls(mut writer: impl AsyncWrite + Unpin, shared: Arc<Shared>) -> io::Result<()> {
    let mut output = Vec::new();
    loop {
        std::mem::swap(&mut output, &mut shared.output.lock().expect("unharmed"));
        if output.is_empty() {
            shared.written.notified().await;
            // tokio runs a task right behind the one that woke it, and each of many calls would be a write of its own.
            if shared.waiting.lock().expect("unharmed").len() >= CROWD {
                tokio::task::yield_now().await;
            }
        } else {
            writer.write_all(&output).await?;
            output.clear();
        }
    }
}

fn write_frame(out: &mut Vec<u8>, id: u32, note: &Note) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&id.to_be_bytes());
    note.write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Takes every whole frame off the front of `input`, and makes room for the next read.
fn for_each_frame(input: &mut Vec<u8>, mut take_frame: impl FnMut(u32, Note)) {
    let mut rest = &input[..];
    while let Some(length) = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize) {
        let Some(mut frame) = rest.get(4..4 + length) else { break };
        let id = take(&mut frame).map(|id| u32::from_be_bytes(*id)).expect("a frame has an id");
        take_frame(id, Note::read(frame).expect("a frame holds a note"));
        rest = &rest[4 + length..];
    }
    let done = input.len() - rest.len();
    input.drain(..done);
    input.reserve(READ);
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let length = u32::from_be_bytes(*take(bytes)?) as usize;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(taken).ok().map(str::to_owned)
}
