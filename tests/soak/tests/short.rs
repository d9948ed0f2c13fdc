//! The short form of the soak, for every run of the tests.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::Path;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_outlives_the_kills_of_its_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Path::new(env!("CARGO_BIN_EXE_thriftwood-soak"));
    let report = thriftwood_soak::run(program, folder.path(), Duration::from_secs(20)).await;
    println!("{report}");
    assert_eq!(report.complaints(), Vec::<String>::new());
    assert!(report.kills >= 4 && report.acked > 200, "{report}");
}
