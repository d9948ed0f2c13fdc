//! What telemetry costs where nobody listens, in heap allocations: exact, and the same on every run.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use thriftwood::{Bus, Context};
use thriftwood_telemetry::observer;
use thriftwood_telemetry_tests::hops;
use thriftwood_telemetry_tests::idl::{BackClient, Greetings};
use tokio::runtime::{Builder, Runtime};

/// The allocations of one call and of one event, all ends included. Every task is on this thread, where they are counted.
fn allocations(runtime: &Runtime, bus: &Bus) -> (u64, u64) {
    let context = Context::new().with_timeout(Duration::from_secs(60));
    let (back, publisher, mut greetings, _seen) = runtime.block_on(async {
        let seen = hops::serve(bus, bus).await;
        let greetings = Greetings::subscriber(bus, "emea").greeted().await.unwrap();
        (BackClient::new(bus.rpc("back")), Greetings::publisher(bus, "emea"), greetings, seen)
    });
    let call = || drop(runtime.block_on(back.title(&context, "No".into())).unwrap());
    let mut event = || {
        runtime.block_on(async {
            publisher.greeted(&context, &"Hello".to_owned()).await.unwrap();
            greetings.next().await.unwrap().unwrap().ack().await.unwrap();
        });
    };
    // Of many the fewest: a call takes two allocations more when its tasks are woken in another order, and now and then one
    // pays for a channel's next block.
    let fewest = |work: &mut dyn FnMut()| {
        let counts = (0..1000).map(|_| allocation_counter::measure(&mut *work).count_total);
        counts.min().unwrap()
    };
    (fewest(&mut { call }), fewest(&mut event))
}

#[test]
fn an_observer_without_a_subscriber_allocates_nothing() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bus = || runtime.block_on(thriftwood::connect("memory:")).unwrap();
    let without = allocations(&runtime, &bus().unobserved());
    let with = allocations(&runtime, &bus().with_observer(observer("memory:")));
    assert_eq!(with, without, "allocations of a call and of an event, with the observer and without");
    assert!(without.0 > 0 && without.1 > 0, "nothing was counted");
}
