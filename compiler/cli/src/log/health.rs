//! `thriftwood log verify` and `repair`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use thriftwood_log::store::disk::RealDisk;

use super::bar::Bar;
use super::{Outcome, find, when};
use crate::output::stdout;

#[derive(Args)]
pub(super) struct Verify {
    /// The directory of a log, or one above it.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Args)]
pub(super) struct Repair {
    /// The directory of a log, or one above it. Nobody may have it open.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Go on without a newest segment that is gone, with what was in it.
    #[arg(long)]
    accept_loss: bool,
}

pub(super) fn verify(verify: &Verify) -> Outcome {
    let mut code = ExitCode::SUCCESS;
    for log in found(&verify.dir)? {
        let view = match find::view(&log) {
            Ok(view) => view,
            Err(error) => {
                writeln!(stdout(), "{}: {error}", log.display())?;
                code = ExitCode::FAILURE;
                continue;
            }
        };
        let (first, next) = (view.first_offset(), view.next_offset());
        let bar = Bar::records(log.display().to_string(), next - first);
        let found = view.verify(|offset| bar.set(offset - first))?;
        drop(bar);
        writeln!(stdout(), "{}: {} records, {}", log.display(), found.records, when::bytes(found.bytes))?;
        for range in &found.damage {
            let known = found.given_up.contains(range);
            let said = if known { "cannot be read, and was given up" } else { "CANNOT BE READ" };
            writeln!(stdout(), "  offsets {} to {}: {said}", range.start, range.end - 1)?;
            if !known {
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

pub(super) fn repair(repair: &Repair) -> Outcome {
    for log in found(&repair.dir)? {
        let bar = Bar::endless(format!("reading {}", log.display()));
        let done = thriftwood_log::store::repair(&log, Arc::new(RealDisk), repair.accept_loss)?;
        drop(bar);
        let mut out = stdout();
        if done.checkpoint {
            writeln!(out, "{}: made the checkpoint again", log.display())?;
        }
        for range in &done.given_up {
            writeln!(out, "{}: gave up offsets {} to {}", log.display(), range.start, range.end - 1)?;
        }
        if !done.checkpoint && done.given_up.is_empty() {
            writeln!(out, "{}: nothing to repair", log.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn found(dir: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let logs = find::logs(dir)?;
    if logs.is_empty() { Err(format!("there is no log in {}", dir.display()).into()) } else { Ok(logs) }
}
