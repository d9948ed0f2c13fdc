//! Real peers for tests and benchmarks: found on this machine, started on a free loopback port, stopped by their own id.

mod nats;

pub use nats::NatsServer;

/// Says that a test's part is not to be had. In CI that is a failure: there, nothing may be skipped.
///
/// # Panics
/// When the environment has `CI`.
pub fn skipped(test: &str, why: &str) {
    let in_ci = std::env::var_os("CI").is_some();
    assert!(!in_ci, "{test}: {why}, and in CI nothing may be skipped");
    println!("SKIPPED {test}: {why}");
}
