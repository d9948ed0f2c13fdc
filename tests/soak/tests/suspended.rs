//! A server that is suspended (SIGSTOP): its system takes what is sent to it, and nothing answers.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use std::path::Path;
use std::time::{Duration, Instant};

use thriftwood::event::Start;
use thriftwood::log::ConnectConfig;
use thriftwood::{Bus, Context, Error, ErrorKind};
use thriftwood_conformance::fixture::{patient, soon};
use thriftwood_conformance::idl::{ProbeClient, ProbeServer, Things};
use thriftwood_conformance::probe::Probe;
use thriftwood_soak::Server;

const PUBLISHES: i64 = 20;

fn server(dir: &Path) -> Server {
    Server::start(Path::new(env!("CARGO_BIN_EXE_thriftwood-soak")), dir)
}

/// Publishes these numbers at once.
fn publishing(bus: &Bus, numbers: std::ops::Range<i64>) -> Vec<tokio::task::JoinHandle<Result<(), Error>>> {
    let publish = |number| {
        let bus = bus.clone();
        tokio::spawn(async move { Things::publisher(&bus, "bill", "emea").counted(&patient(), number).await })
    };
    numbers.map(publish).collect()
}

/// Everything that is stored by now, in order of the numbers.
async fn stored(bus: &Bus) -> Vec<i64> {
    let mut events = Things::subscriber(bus, "bill", "emea").start(Start::First).counted().await.expect("it is served");
    Things::publisher(bus, "bill", "emea").counted(&patient(), -1).await.expect("published");
    let mut all = Vec::new();
    loop {
        match *soon("an event", events.next()).await.expect("open").expect("an event") {
            -1 => break,
            number => all.push(number),
        }
    }
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_by_their_deadline_and_publishes_go_on_when_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path());
    let bus = thriftwood::connect(&server.url()).await.expect("it is served");
    let serving = thriftwood::connect(&server.url()).await.expect("it is served");
    serving.serve("probe", ProbeServer::new(Probe::default())).await.expect("the probe is served");
    let probe = ProbeClient::new(bus.rpc("probe"));
    probe.after_millis(&patient(), 0, 7).await.expect("it is answered");

    server.suspend();
    let publishes = publishing(&bus, 0..PUBLISHES);
    let began = Instant::now();
    let context = Context::new().with_timeout(Duration::from_millis(400));
    let error = probe.after_millis(&context, 0, 7).await.expect_err("nothing answers");
    assert!(error.is_timeout(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    assert!(publishes.iter().all(|publish| !publish.is_finished()), "nobody can have said that it is stored");
    server.resume();
    for publish in publishes {
        soon("a publish", publish).await.expect("no panic").expect("it goes on");
    }
    assert_eq!(stored(&bus).await, (0..PUBLISHES).collect::<Vec<_>>(), "each once");
    probe.after_millis(&patient(), 0, 7).await.expect("it is answered again");
}

/// Longer than anybody is patient: what was under way says that it may have been stored, what comes then that it was not, and nothing is
/// stored twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_fail_when_it_stays_so_and_what_they_say_is_true() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path());
    let mut config = ConnectConfig::default();
    (config.stall, config.patience) = (Duration::from_secs(1), Duration::from_secs(1));
    config.connect_timeout = Duration::from_millis(500);
    let bus = config.connect(&server.url()).await.expect("it is served");
    let mut events = Things::subscriber(&bus, "bill", "emea").group("mailer").counted().await.expect("a group");
    publishing(&bus, 0..1).pop().expect("one").await.expect("no panic").expect("published");
    let event = soon("an event", events.next()).await.expect("open").expect("an event");

    server.suspend();
    let began = Instant::now();
    let mut unsent = vec![100];
    for (number, publish) in (1..).zip(publishing(&bus, 1..PUBLISHES)) {
        let error = soon("a publish", publish).await.expect("no panic").expect_err("nobody can have stored it");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        match error.message().contains("may have been stored") {
            true => {}
            false if error.message().contains("was not stored") => unsent.push(number),
            false => panic!("{error}"),
        }
    }
    assert!(unsent.len() < PUBLISHES as usize, "none was on its way");
    let late = soon("a publish", publishing(&bus, 100..101).remove(0)).await.expect("no panic");
    let late = late.expect_err("nobody answers");
    assert!(late.message().contains("it was not stored"), "{late}");
    let error = soon("an acknowledgement", event.ack()).await.expect_err("nobody can have taken it");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    server.resume();

    let all = stored(&bus).await;
    let mut once = all.clone();
    once.dedup();
    assert_eq!(all, once, "nothing is there twice");
    assert!(all.first() == Some(&0) && !unsent.iter().any(|number| all.contains(number)), "{all:?}, not {unsent:?}");
    // What was with the member, and what was stored while nobody could say so, comes now.
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < all.len() {
        let event = soon("an event", events.next()).await.expect("open").expect("an event");
        seen.extend(Some(*event).filter(|number| *number >= 0));
        event.ack().await.expect("it is served again");
    }
    assert!(seen.into_iter().eq(all));
}
