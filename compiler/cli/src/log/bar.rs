//! How far something long is, on a terminal; nothing elsewhere, so that scripts read only what they asked for.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn, at most, a second.
const RATE: u8 = 10;

/// A line on standard error that says how far it is. It goes when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Of so many records.
    pub(super) fn records(what: impl Into<String>, all: u64) -> Self {
        Self::new(what, Some(all), "{msg}  {wide_bar} {human_pos}/{human_len} records, {eta} left")
    }

    /// Of so many bytes.
    pub(super) fn bytes(what: impl Into<String>, all: u64) -> Self {
        Self::new(what, Some(all), "{msg}  {wide_bar} {binary_bytes}/{binary_total_bytes}, {eta} left")
    }

    /// Of what nobody knows the end of: it shows that it goes on, and for how long.
    pub(super) fn endless(what: impl Into<String>) -> Self {
        Self::new(what, None, "{spinner} {msg}  {elapsed}")
    }

    fn new(what: impl Into<String>, all: Option<u64>, template: &str) -> Self {
        let target = match stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(RATE),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(all, target).with_message(what.into());
        // Written here, so it can be read.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        if all.is_none() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }

    /// So far it is.
    pub(super) fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// So much further.
    pub(super) fn add(&self, done: u64) {
        self.0.inc(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
