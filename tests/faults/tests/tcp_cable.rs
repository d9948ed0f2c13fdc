//! A cable that is pulled: nothing that either end sends arrives, and nothing says so. Both ends notice by themselves within the
//! silence they were given, calls under way end long before their own limit, and when the cable is back calls go on.
//!
//! The two ends stand in two network namespaces with a pair of virtual interfaces between them. All of it is gone when the processes
//! are, and nothing outside of them changes.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thriftwood::{Bus, Context, RpcErrorKind};
use thriftwood_conformance::fixture::soon;
use thriftwood_conformance::idl::{Item, ProbeClient};
use thriftwood_faults::{Process, SERVICE};

const PROGRAM: &str = env!("CARGO_BIN_EXE_thriftwood-faults");
const NAME: &str = "a_pulled_cable_is_noticed_at_both_ends_and_calls_go_on_when_it_is_back";
/// Set for the test when it runs again in a namespace of its own.
const INSIDE: &str = "THRIFTWOOD_TEST_NAMESPACE";

/// The shortest silence that can be asked for.
const SILENCE: Duration = Duration::from_secs(4);
/// What the system and a busy machine may take over it.
const SLACK: Duration = Duration::from_secs(8);
/// What a call may take; nothing here is to be explained by it.
const LIMIT: Duration = Duration::from_secs(60);

/// Addresses that are kept for examples (RFC 5737).
const NEAR: &str = "192.0.2.1";
const FAR: &str = "192.0.2.2";
const URL: &str = "tcp://192.0.2.2:7100";
/// The hardware address of nobody.
const NOBODY: &str = "02:00:00:00:00:99";

#[test]
fn a_pulled_cable_is_noticed_at_both_ends_and_calls_go_on_when_it_is_back() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(pulled_and_plugged_in());
        return;
    }
    let possible = isolated("ip").args(["link", "show", "lo"]).output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        let why = format!("a network namespace and `ip` are not to be had: {possible:?}");
        thriftwood_test_support::skipped(NAME, &why);
        return;
    }
    let program = std::env::current_exe().unwrap();
    let again =
        isolated(program.to_str().unwrap()).args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    // Set in, so that nobody who counts tests counts this one twice.
    let said = [again.stdout, again.stderr].map(|said| String::from_utf8_lossy(&said).replace('\n', "\n  ")).concat();
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
    println!("  {said}");
}

async fn pulled_and_plugged_in() {
    let cable = Cable::lay();
    let mut server = cable.start_far(&["answer", URL, &SILENCE.as_secs().to_string()]);
    assert_eq!(server.line().as_deref(), Some("ready"), "{}", server.complaint());

    let (idle, waiting, sending) = (bus(), bus(), bus());
    for bus in [&idle, &waiting, &sending] {
        echo(bus, LIMIT).await.unwrap();
    }
    let under_way = probe(&waiting);
    let limit = Context::new().with_timeout(LIMIT);
    let mut under_way = std::pin::pin!(under_way.after_millis(&limit, i32::MAX, 1));
    // A reply on the same connection: the call before it is with the server, and acknowledged.
    tokio::select! {
        biased;
        ended = &mut under_way => panic!("it takes longer than that: {ended:?}"),
        reply = echo(&waiting, LIMIT) => reply.unwrap(),
    }
    assert_eq!((established("self"), established(&server.id().to_string())), (3, 3));

    cable.pull();
    let pulled = Instant::now();
    let (kept_waiting, sent) = tokio::join!(under_way, echo(&sending, LIMIT));
    for (what, error) in [("the call under way", kept_waiting.unwrap_err()), ("the call after it", sent.unwrap_err())] {
        assert_eq!(error.kind(), RpcErrorKind::Disconnected, "{what}: {error}");
        println!("{what}: {error}");
    }
    soon("the end of the connections at both ends", async {
        while established("self") + established(&server.id().to_string()) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(pulled.elapsed() < SILENCE + SLACK, "noticed after {:?}", pulled.elapsed());
    println!("noticed after {:?}", pulled.elapsed());
    let error = echo(&idle, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error.kind(), RpcErrorKind::Timeout | RpcErrorKind::Unavailable), "{error}");

    cable.plug_in();
    for bus in [&idle, &waiting, &sending] {
        soon("a reply over the cable", async {
            while echo(bus, LIMIT).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
    server.kill();
}

fn bus() -> Bus {
    let mut config = thriftwood::tcp::Config::default();
    config.silence = SILENCE;
    thriftwood::tcp::connect(URL, config).unwrap()
}

fn probe(bus: &Bus) -> ProbeClient {
    ProbeClient::new(bus.rpc(SERVICE))
}

async fn echo(bus: &Bus, limit: Duration) -> Result<(), thriftwood::RpcError> {
    probe(bus).echo(&Context::new().with_timeout(limit), Item::new("x")).await.map(drop)
}

/// How many connections are established in the namespace of a process.
fn established(process: &str) -> usize {
    /// What Linux calls `TCP_ESTABLISHED` in the fourth column.
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    table.lines().filter(|line| line.split_whitespace().nth(3) == Some(ESTABLISHED)).count()
}

/// A command in a new network namespace. Who is not root is it there.
fn isolated(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--").arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}

/// Two interfaces, this namespace's and another's, and what keeps the other namespace there.
struct Cable {
    keeper: Child,
}

impl Cable {
    fn lay() -> Self {
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
        let keeper =
            Command::new("unshare").args(["--net", "--", "sleep", "300"]).stdin(Stdio::null()).spawn().unwrap();
        let process = keeper.id().to_string();
        let cable = Self { keeper };
        while namespace(&process) == namespace("self") {
            std::thread::sleep(Duration::from_millis(1));
        }
        let peer = ["type", "veth", "peer", "name", "far", "netns", &process];
        run(Command::new("ip").args(["link", "add", "near"]).args(peer));
        for (mut command, address, name) in [(Command::new("ip"), NEAR, "near"), (cable.far("ip"), FAR, "far")] {
            run(command.args(["addr", "add", &format!("{address}/30"), "dev", name]));
        }
        run(Command::new("ip").args(["link", "set", "near", "up"]));
        run(cable.far("ip").args(["link", "set", "far", "up"]));
        cable
    }

    /// Has both ends send to a hardware address that nobody has. An interface that goes down would tell its own end.
    fn pull(&self) {
        run(Command::new("ip").args(["neigh", "replace", FAR, "lladdr", NOBODY, "dev", "near", "nud", "permanent"]));
        run(self.far("ip").args(["neigh", "replace", NEAR, "lladdr", NOBODY, "dev", "far", "nud", "permanent"]));
    }

    fn plug_in(&self) {
        run(Command::new("ip").args(["neigh", "del", FAR, "dev", "near"]));
        run(self.far("ip").args(["neigh", "del", NEAR, "dev", "far"]));
    }

    /// Starts the program of this crate at the far end.
    fn start_far(&self, arguments: &[&str]) -> Process {
        let target = self.keeper.id().to_string();
        let rest: Vec<&str> = [&["-n", "--", PROGRAM], arguments].concat();
        Process::start("nsenter", "-t", Path::new(&target), &rest).unwrap()
    }

    /// A command at the far end.
    fn far(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.keeper.id().to_string(), "-n", "--", program]);
        command
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
