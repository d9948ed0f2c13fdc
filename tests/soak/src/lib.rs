//! Publishers, groups and a follower at a log server that is killed (SIGKILL) and started again while they work, with segments that are
//! rolled, removed and compacted; and at the end an account of every event that was acknowledged.
//!
//! The server is a process of its own, which is this program again. Everybody else is in the process that keeps the account, each with
//! connections of their own.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a soak that cannot go on has failed")]

mod account;
mod memory;
mod server;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thriftwood_faults::Random;

pub use account::Report;
pub use memory::resident;
pub use server::{Server, serve};

use account::Account;
use memory::Samples;

/// How many publish events that are counted, each for itself.
const PUBLISHERS: usize = 8;
/// The groups, and how many members each has.
const GROUPS: [(&str, usize); 2] = [("ledger", 3), ("audit", 1)];
/// How long nobody may see anything new, when there is no further disturbance, before what is missing counts as lost. An event that
/// was given back seven times waits for about so long.
const REST: Duration = Duration::from_secs(15);

/// Lets them work for so long in a directory, and gives the account. `program` is this one.
pub async fn run(program: &Path, dir: &Path, time: Duration) -> Report {
    let began = Instant::now();
    let mut random = Random::seeded("soak");
    let (mut server, mut samples) = (Server::start(program, dir), Samples::default());
    let account = Arc::new(Account::new(PUBLISHERS, GROUPS.len()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishers = tokio::task::JoinSet::new();
    for who in 0..PUBLISHERS {
        publishers.spawn(work::publish(server.url(), who, Arc::clone(&account), Arc::clone(&stop)));
    }
    publishers.spawn(work::publish_keyed(server.url(), Arc::clone(&account), Arc::clone(&stop)));
    let mut readers = tokio::task::JoinSet::new();
    for (number, (name, members)) in GROUPS.into_iter().enumerate() {
        for _ in 0..members {
            readers.spawn(work::consume(server.url(), name, number, Arc::clone(&account)));
        }
    }
    readers.spawn(work::follow(server.url(), Arc::clone(&account)));

    let mut kills = 0;
    while began.elapsed() < time {
        let life = Duration::from_millis(500 + random.below(3_500));
        let until = (Instant::now() + life).min(began + time);
        while Instant::now() < until {
            samples.take(server.id());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        if began.elapsed() < time {
            server.kill();
            kills += 1;
            // Now and then it is away for longer than anybody is patient.
            if random.below(12) == 0 {
                tokio::time::sleep(Duration::from_secs(4)).await;
            }
            server.again();
        }
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(ended) = publishers.join_next().await {
        ended.expect("no publisher panics");
    }
    let all_delivered = account.settled(REST).await;
    let keys = work::last_of_each_key(server.url()).await;
    readers.shutdown().await;
    server.stop();
    account.report(kills, all_delivered, &keys, &samples)
}
