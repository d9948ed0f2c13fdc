//! Events that can never be handled, said from elsewhere.

use std::sync::Arc;

use thriftwood_core::ErrorKind;
use thriftwood_log::store::dead_letter::{ATTEMPTS, REASON};
use thriftwood_log::store::disk::RealDisk;
use thriftwood_log::store::{From, LogView};
use thriftwood_log::{Config, ServeConfig};

use crate::served::{Served, bus};
use crate::support::{next, publish, subscribe, subscriber};

#[tokio::test]
async fn an_event_that_can_never_be_handled_is_a_dead_letter_at_the_server_when_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.groups.max_attempts = Some(5);
    let directory = config.open(folder.path()).await.unwrap();
    let serving = directory.serve("log://127.0.0.1:0", ServeConfig::default()).await.unwrap();
    let far = bus(serving.local_addr().unwrap()).await;
    for number in 0..2 {
        publish(&far, "emea", number).await;
    }
    let mut mailer = subscribe(&subscriber(&far, "emea").group("mailer")).await;
    next(&mut mailer).await.dead_letter("no such account").await.unwrap();
    let dead = folder.path().join("streams/v1.{}.Numbers/groups/mailer/v1.emea.Numbers.Counted/dead");
    let mut letters = LogView::open(&dead, Arc::new(RealDisk)).unwrap().reader(From::First).unwrap();
    let letter = letters.next_ready().unwrap().expect("it is there when the call resolves");
    assert_eq!([ATTEMPTS, REASON].map(|name| letter.header(name).unwrap()), ["1", "no such account"]);
    next(&mut mailer).await.ack().await.unwrap();
    publish(&far, "emea", 2).await;
    let event = next(&mut mailer).await;
    assert_eq!((*event, event.attempt()), (2, 1), "it does not come again");
}

#[tokio::test]
async fn a_server_without_dead_letters_says_so_and_gives_the_event_again() {
    let served = Served::new().await;
    let far = served.bus().await;
    publish(&far, "emea", 7).await;
    let mut mailer = subscribe(&subscriber(&far, "emea").group("mailer")).await;
    let error = next(&mut mailer).await.dead_letter("no such account").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("max_attempts"), "{error}");
    let event = next(&mut mailer).await;
    assert_eq!((*event, event.attempt()), (7, 2));
}
