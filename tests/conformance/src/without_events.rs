//! Events on a transport that has nobody to carry them.

use thriftwood::{Error, ErrorKind};

use crate::Fixture;
use crate::fixture::patient;
use crate::idl::Things;

/// A publish fails, and says which transports would take it.
pub async fn publishing_is_refused_and_the_error_names_who_can(fixture: &Fixture) {
    let refused = Things::publisher(&fixture.client, "bill", "emea").counted(&patient(), 1).await;
    assert_names_who_can(&refused.unwrap_err());
}

/// So does a subscription.
pub async fn subscribing_is_refused_and_the_error_names_who_can(fixture: &Fixture) {
    match Things::subscriber(&fixture.client, "bill", "emea").counted().await {
        Err(error) => assert_names_who_can(&error),
        Ok(_) => panic!("nobody would bring an event"),
    }
}

fn assert_names_who_can(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    for part in ["nats://", "log:"] {
        assert!(error.message().contains(part), "{part:?} is not in: {error}");
    }
}
