//! A directory that another process has: an error that names it, and nothing that outlives it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use thriftwood::ErrorKind;
use thriftwood_faults::Process;

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");

#[tokio::test]
async fn a_directory_held_by_another_process_is_refused_by_name_until_that_process_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("log:{}", folder.path().display());
    let mut holder = Process::start(PROGRAM, "hold", folder.path(), &[]).unwrap();
    assert_eq!(holder.line().as_deref(), Some("ready"));
    for _ in 0..3 {
        let error = thriftwood::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let text = error.to_string();
        assert!(
            text.contains(&format!("process {}", holder.id())) && text.contains(folder.path().to_str().unwrap()),
            "{text}"
        );
    }
    holder.kill();
    let bus = thriftwood::connect(&url).await.unwrap();

    let mut second = Process::start(PROGRAM, "hold", folder.path(), &[]).unwrap();
    assert_eq!(second.line(), None, "it is refused in its turn, and ends");
    let complaint = second.complaint();
    assert!(complaint.contains(&format!("is held by process {}", std::process::id())), "{complaint}");
    bus.close().await.unwrap();
}
