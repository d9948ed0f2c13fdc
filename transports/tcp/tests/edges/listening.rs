//! Listeners that come and go.

use std::time::Duration;

use thriftwood_core::ErrorKind;
use thriftwood_tcp::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Echo, bus_to, call, echo, read_frame, request, soon};

#[tokio::test]
async fn a_port_that_the_system_chose_is_told_and_the_bus_calls_itself_there() {
    let (bus, serving, port) = echo(Config::default()).await;
    assert_ne!(port, 0);
    call(&bus, 1).await.unwrap();
    call(&bus_to(port), 2).await.unwrap();
    serving.stop().await;
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_port_that_somebody_has_is_locked_and_named() {
    let (bus, _serving, port) = echo(Config::default()).await;
    let error = bus_to(port).serve("echo", Echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.message().contains(&format!("tcp://127.0.0.1:{port}")), "{error}");
    bus.close().await.unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_cannot_be_listened_at() {
    let bus = thriftwood_tcp::connect("tcp://192.0.2.1:4090", Config::default()).unwrap();
    let error = bus.serve("echo", Echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("does not have that address"), "{error}");
}

#[tokio::test]
async fn a_bus_serves_each_address_once_and_again_when_it_was_stopped() {
    let (bus, serving, _) = echo(Config::default()).await;
    let other = bus.serve("other", Echo).await.unwrap();
    assert_eq!(other.local_addr(), serving.local_addr());
    let error = bus.serve("echo", Echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
    assert!(error.message().contains("`echo` is served on this bus already"), "{error}");

    serving.stop().await;
    let again = bus.serve("echo", Echo).await.unwrap();
    assert_eq!(again.local_addr(), other.local_addr(), "the listener stayed");
    other.stop().await;
    again.stop().await;
    let anew = bus.serve("echo", Echo).await.unwrap();
    call(&bus, 1).await.unwrap();
    anew.stop().await;
    bus.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_bus_serves_and_calls_no_more() {
    let (bus, _serving, port) = echo(Config::default()).await;
    bus.close().await.unwrap();
    assert!(bus.serve("echo", Echo).await.unwrap_err().is_closed());
    assert!(call(&bus, 1).await.unwrap_err().message().contains("closed"));
    TcpStream::connect(("127.0.0.1", port)).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_ends() {
    let mut config = Config::default();
    config.max_connections = 2;
    let (bus, _serving, port) = echo(config).await;
    let mut sockets = Vec::new();
    for id in 1..=3 {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        socket.write_all(&request(id)).await.unwrap();
        sockets.push(socket);
    }
    let mut third = sockets.pop().unwrap();
    for socket in &mut sockets {
        soon("a reply within the limit", read_frame(socket)).await;
    }
    let early = tokio::time::timeout(Duration::from_millis(100), third.readable()).await;
    assert!(early.is_err(), "the third connection was served beside two others");
    drop(sockets.pop());
    soon("the third one's reply", read_frame(&mut third)).await;
    bus.close().await.unwrap();
}

#[cfg(unix)]
mod threads {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};
    use std::thread::ThreadId;

    use bytes::Bytes;
    use thriftwood_core::BoxFuture;
    use thriftwood_core::call::{Handler, Inbound};

    use super::*;
    use crate::support::port_of;

    /// An echo that remembers on which threads it ran.
    struct Witness(Arc<Mutex<HashSet<ThreadId>>>);

    impl Handler for Witness {
        fn service(&self) -> &'static str {
            "Witness"
        }

        fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
            self.0.lock().unwrap().insert(std::thread::current().id());
            Echo.handle(inbound)
        }
    }

    #[tokio::test]
    async fn a_server_on_threads_of_its_own_answers_on_all_of_them_and_stops_with_its_bus() {
        let mut config = Config::default();
        config.threads = 3;
        let seen = Arc::default();
        let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", config).unwrap();
        let serving = bus.serve("echo", Witness(Arc::clone(&seen))).await.unwrap();
        let port = port_of(&serving);
        // The system chooses the socket by the client's port, so that enough connections reach each.
        let all_seen = async {
            while seen.lock().unwrap().len() < 3 {
                call(&bus_to(port), 1).await.unwrap();
            }
        };
        soon("a call on each thread", all_seen).await;
        assert!(!seen.lock().unwrap().contains(&std::thread::current().id()));
        let error = bus_to(port).serve("echo", Echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "shared by its own threads, and with nobody else");
        soon("the stop", serving.stop()).await;
        assert!(call(&bus_to(port), 2).await.unwrap_err().is_unavailable());
        bus.close().await.unwrap();
    }

    #[tokio::test]
    async fn without_threads_of_its_own_a_server_runs_where_it_was_started() {
        let seen = Arc::default();
        let bus = thriftwood_tcp::connect("tcp://127.0.0.1:0", Config::default()).unwrap();
        bus.serve("echo", Witness(Arc::clone(&seen))).await.unwrap();
        call(&bus, 1).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), HashSet::from([std::thread::current().id()]));
        bus.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_port_that_somebody_has_is_not_shared() {
        let (taken, _serving, port) = echo(Config::default()).await;
        let mut config = Config::default();
        config.threads = 2;
        let bus = thriftwood_tcp::connect(&format!("tcp://127.0.0.1:{port}"), config).unwrap();
        assert_eq!(bus.serve("echo", Echo).await.unwrap_err().kind(), ErrorKind::Locked);
        taken.close().await.unwrap();
    }
}

#[cfg(unix)]
mod unix {
    use std::path::Path;

    use super::*;

    fn bus_at(path: &Path) -> thriftwood_core::Bus {
        thriftwood_tcp::connect(&format!("unix:{}", path.display()), Config::default()).unwrap()
    }

    #[tokio::test]
    async fn a_socket_is_told_by_its_path_and_gone_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let bus = bus_at(&path);
        let serving = bus.serve("echo", Echo).await.unwrap();
        assert_eq!(serving.local_addr(), path.to_str());
        call(&bus_at(&path), 1).await.unwrap();
        serving.stop().await;
        assert!(!path.exists());
        let error = call(&bus_at(&path), 2).await.unwrap_err();
        assert!(error.message().contains("nobody listens at unix:"), "{error}");
    }

    #[tokio::test]
    async fn a_socket_that_a_killed_server_left_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "nobody unlinked it, as after a kill");
        let bus = bus_at(&path);
        let _serving = bus.serve("echo", Echo).await.unwrap();
        let error = bus_at(&path).serve("echo", Echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        call(&bus_at(&path), 1).await.unwrap();
        bus.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        std::fs::write(&path, "mine").unwrap();
        let error = bus_at(&path).serve("echo", Echo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains("something is there that is no socket; remove it"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
