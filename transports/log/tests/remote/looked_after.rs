//! A served directory, looked after from elsewhere.

use thriftwood_log::store::From;
use thriftwood_log::{ConnectConfig, GroupName};

use crate::served::Served;
use crate::support::{next, publish, soon, subscribe, subscriber};

const STREAM: &str = "v1.{}.Numbers";

#[tokio::test]
async fn streams_are_listed_and_groups_are_paused_moved_and_asked_how_far_they_are() {
    let served = Served::new().await;
    let bus = served.bus().await;
    for number in 0..10 {
        publish(&bus, "emea", number).await;
    }
    let admin = ConnectConfig::default().served(&format!("log://{}", served.at())).await.unwrap();
    let [stream] = &admin.streams().await.unwrap()[..] else { panic!("there is one stream") };
    assert_eq!((&*stream.name, stream.first, stream.next), (STREAM, 0, 10));
    let mailer = GroupName::new(STREAM, "mailer", "v1.emea.Numbers.Counted");
    let mut events = subscribe(&subscriber(&bus, "emea").group("mailer")).await.max_in_flight(2);
    for _ in 0..3 {
        next(&mut events).await.ack().await.unwrap();
    }
    let held = next(&mut events).await;
    let (position, lag) = admin.lag(&mailer).await.unwrap();
    assert_eq!((position, lag.untaken + lag.outstanding), (3, 7));
    assert!((1..=2).contains(&lag.outstanding), "one in its hands, and one ahead at most: {lag:?}");
    admin.pause(&mailer).await.unwrap();
    held.ack().await.unwrap();
    let none = tokio::time::timeout(std::time::Duration::from_millis(200), events.next()).await;
    assert!(none.is_err(), "nothing is handed out");
    admin.seek(&mailer, From::Offset(8)).await.unwrap();
    admin.resume(&mailer).await.unwrap();
    assert_eq!(*soon("the event", next(&mut events)).await, 8);
    let _served = served.restarted().await;
    assert_eq!(admin.streams().await.unwrap().len(), 1, "over a restart, opened or not");
}
