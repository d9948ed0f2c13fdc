//! Who writes a log: its thread, for everybody who waits; or whoever appends while nobody else does, for itself.
//!
//! Handing one append over to a thread and being woken by it takes two switches of threads, which cost a lone producer as much as
//! a third of an fdatasync. So one that may block takes the role for itself, and so does a task for what is only buffered: that is
//! a copy into the system's memory, and being woken twice took ten times as long. Where several append, the thread gathers them:
//! of those who came together, nobody goes ahead alone.

use std::sync::{Arc, PoisonError, TryLockError};

use super::StoreError;
use super::queue::{Command, Waiter};
use super::shared::Shared;
use super::writer::Writer;
use crate::sync::{Mutex, MutexGuard};

/// The one who may write, and what is needed for it. `None` once the log has ended.
#[derive(Debug)]
pub(crate) struct Role {
    shared: Arc<Shared>,
    writer: Mutex<Option<Writer>>,
}

impl Role {
    pub(crate) fn new(shared: Arc<Shared>, writer: Writer) -> Self {
        Self { shared, writer: Mutex::new(Some(writer)) }
    }

    /// Does this and answers it before it returns, where nobody else waits or writes, and nobody is expected to. Else gives it
    /// back, to be queued.
    pub(crate) fn alone(&self, command: Command) -> Result<(), Command> {
        self.take_for(command, |_, _| true, Writer::flush_beside)
    }

    /// As [`alone`](Self::alone), for a task: where that takes no longer than a copy into the memory of the system. What is due beside
    /// it is left to the thread.
    pub(crate) fn in_passing(&self, command: Command) -> Result<(), Command> {
        self.take_for(command, Writer::is_quick, |_| ())
    }

    fn take_for(
        &self,
        command: Command,
        may: impl FnOnce(&mut Writer, &Command) -> bool,
        then: impl FnOnce(&mut Writer),
    ) -> Result<(), Command> {
        let mut role = match self.writer.try_lock() {
            Ok(role) => role,
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return Err(command),
        };
        let Some(writer) = role.as_mut() else { return Err(command) };
        // Before the first lock that waits: in a fork whoever holds it may not be there. The queue says so.
        if !may(writer, &command) || self.shared.check_owner().is_err() {
            return Err(command);
        }
        // Looked at with the role in hand: what was queued before this is done before it.
        if writer.expected().0 > 1 || !self.shared.queue.is_free() {
            return Err(command);
        }
        let panics = EndOnDrop(&self.shared);
        writer.round([command]);
        then(writer);
        std::mem::forget(panics);
        drop(role);
        self.shared.queue.nudge();
        Ok(())
    }

    /// The thread: works until the log is closed or has failed.
    pub(crate) fn run(&self, lock: Box<dyn Send + Sync>) {
        let end = EndOnDrop(&self.shared);
        let (writer, closing) = self.work();
        let result = writer.map(|mut writer| writer.close());
        drop(lock);
        drop(end);
        if let Some((done, result)) = closing.zip(result) {
            // Nobody waits when the last handle was dropped.
            let _ = done.send(result);
        }
    }

    /// Gives what is to be closed, and who waits for that.
    fn work(&self) -> (Option<Writer>, Option<Waiter<()>>) {
        let queue = &self.shared.queue;
        let mut commands = Vec::new();
        let Some(mut rest) = self.lock().as_ref().map(Writer::rest) else { return (None, None) };
        let mut seen = 0;
        loop {
            let has_come = queue.wait(rest);
            let mut role = self.lock();
            let Some(writer) = role.as_mut() else { return (None, None) };
            let mut closing = None;
            if queue.ended().is_some() {
                return (role.take(), closing);
            }
            if has_come {
                let (expected, patience) = writer.expected();
                queue.take(&mut commands, expected, patience);
                writer.lone = if commands.len() > 1 { 0 } else { writer.lone.saturating_add(1) };
                closing = writer.round(commands.drain(..));
                writer.flush_beside();
            } else if writer.rounds == seen {
                writer.pause();
            } else {
                writer.flush_beside();
            }
            (seen, rest) = (writer.rounds, writer.rest());
            if closing.is_some() || writer.failed {
                return (role.take(), closing);
            }
        }
    }

    /// Whoever panicked while writing has ended the log.
    fn lock(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells everybody when the log has ended, however it ended.
struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        // Only a panic gets here without a reason given before.
        let panicked = StoreError::Failed { dir: self.0.home.dir.clone(), reason: "its thread panicked".into() };
        self.0.queue.end(&panicked);
        self.0.wake();
    }
}
