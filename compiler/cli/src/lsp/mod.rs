//! `thriftwood lsp`: the language server. It reads messages from standard input and writes answers and findings to
//! standard output; what goes wrong is said on standard error.

mod analysis;
mod completion;
mod context;
mod diagnostics;
mod documents;
mod formatting;
mod frames;
mod hover;
mod navigation;
mod positions;
mod rename;
mod server;
mod symbols;
mod workspace;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use clap::Args;
use thriftwood_idl::Options;

use crate::lints::LintArgs;
use frames::Frame;
use server::Server;

/// Where the language server looks.
#[derive(Args)]
pub(crate) struct Lsp {
    /// Also look for included files in this folder; may be given more than once. It is relative to the folder that is
    /// open in the editor.
    #[arg(short = 'I', long = "include-dir", value_name = "DIR")]
    include_dirs: Vec<PathBuf>,
    #[command(flatten)]
    lints: LintArgs,
    /// Accepted because many editors pass it; standard input and output are used in any case.
    #[arg(long, hide = true)]
    stdio: bool,
}

/// How many messages wait at most before the editor has to.
const WAITING: usize = 64;

/// Serves one editor, until it says `exit` or closes its end.
///
/// # Errors
///
/// What keeps messages from being read or written. Input that is no frame is an error too.
pub(crate) fn run(lsp: &Lsp) -> io::Result<ExitCode> {
    let (sender, frames) = sync_channel(WAITING);
    // Not joined: it may wait for input that never comes, and ends with the process.
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let frame = frames::read(&mut input).transpose();
            let is_last = !matches!(frame, Some(Ok(_)));
            if frame.is_none_or(|frame| sender.send(frame).is_err()) || is_last {
                return;
            }
        }
    });
    let options = Options { include_dirs: lsp.include_dirs.clone(), lints: lsp.lints.lints()?, ..Options::default() };
    let mut server = Server::new(options);
    let mut output = io::stdout().lock();
    while let Some(frame) = next(&frames, &mut server, &mut output)? {
        match frame? {
            Frame::Message(message) => {
                for answer in server.take(message) {
                    frames::write(&mut output, &answer)?;
                }
            }
            Frame::Unreadable(answer) => frames::write(&mut output, &answer)?,
        }
        if let Some(code) = server.exit() {
            return Ok(code);
        }
    }
    Ok(server.end())
}

/// The next frame; none at the end of the input. Findings are worked out only while nothing waits, so that a burst of
/// changes is compiled once.
fn next(
    frames: &Receiver<io::Result<Frame>>,
    server: &mut Server,
    output: &mut impl io::Write,
) -> io::Result<Option<io::Result<Frame>>> {
    match frames.try_recv() {
        Ok(frame) => return Ok(Some(frame)),
        Err(TryRecvError::Disconnected) => return Ok(None),
        Err(TryRecvError::Empty) => {}
    }
    for news in server.news() {
        frames::write(output, &news)?;
    }
    Ok(frames.recv().ok())
}
