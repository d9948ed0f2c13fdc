//! Subscriptions without a group: where they start, what they take, what they promise.

use thriftwood_core::event::{Guarantee, Start};
use thriftwood_core::{Error, ErrorKind};

use crate::support::{connect, next, publish, subscribe, subscriber, try_publish};

#[tokio::test]
async fn events_are_replayed_after_reopening_from_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mut live = subscribe(&subscriber(&bus, "emea")).await;
    let mut times = Vec::new();
    for number in 0..10 {
        publish(&bus, "emea", number).await;
        let event = next(&mut live).await;
        assert_eq!((*event, event.offset(), event.attempt()), (number, Some(number as u64), 1));
        assert_eq!(event.topic(), "v1.emea.Numbers.Counted");
        assert_eq!(event.variable("region"), Some("emea"));
        assert_eq!(event.guarantee(), Guarantee::AtMostOnce);
        times.push(event.time().unwrap());
        assert_eq!(event.nack().await.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    bus.close().await.unwrap();
    assert!(live.next().await.is_none(), "the subscription ends with its bus");

    let bus = connect(folder.path()).await;
    for (start, first) in [(Start::First, 0), (Start::Offset(7), 7), (Start::Time(times[4]), 4)] {
        let mut replay = subscribe(&subscriber(&bus, "emea").start(start)).await;
        for number in first..10 {
            assert_eq!(*next(&mut replay).await, number, "{start:?}");
        }
    }
    let mut fresh = subscribe(&subscriber(&bus, "emea")).await;
    publish(&bus, "emea", 10).await;
    assert_eq!(*next(&mut fresh).await, 10, "without a start, only what comes from now on");
}

#[tokio::test]
async fn a_wildcard_takes_events_of_every_region_in_the_order_they_were_stored() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let mut all = subscribe(&subscriber(&bus, "*")).await;
    let mut one = subscribe(&subscriber(&bus, "apac")).await;
    for number in 0..1000 {
        publish(&bus, ["emea", "apac", "latam"][number as usize % 3], number).await;
        assert_eq!(*next(&mut all).await, number);
    }
    for number in (1..1000).step_by(3) {
        assert_eq!(*next(&mut one).await, number);
    }
}

#[tokio::test]
async fn a_directory_that_is_open_elsewhere_is_locked_until_the_last_clone_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    let refused = |error: Error| (error.kind(), error.to_string().contains(&std::process::id().to_string()));
    let second = thriftwood_log::connect(folder.path()).await.unwrap_err();
    assert_eq!(refused(second), (ErrorKind::Locked, true));
    let subscription = subscribe(&subscriber(&bus, "emea").group("g")).await;
    let rpc = bus.rpc("address");
    publish(&bus, "emea", 1).await;
    drop(bus);
    assert_eq!(refused(thriftwood_log::connect(folder.path()).await.unwrap_err()), (ErrorKind::Locked, true));
    drop(rpc);
    assert_eq!(refused(thriftwood_log::connect(folder.path()).await.unwrap_err()), (ErrorKind::Locked, true));
    drop(subscription);
    connect(folder.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_bus_says_so_and_closing_again_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bus = connect(folder.path()).await;
    bus.close().await.unwrap();
    bus.close().await.unwrap();
    let error = try_publish(&bus, "emea", 1).await.unwrap_err();
    assert!(error.is_closed(), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_directory_is_a_storage_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = thriftwood_log::connect(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}
