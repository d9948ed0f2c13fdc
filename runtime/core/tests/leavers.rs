//! Members of a group that leave, and servers that stop, on the bus in memory: nothing goes to who is gone.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use calc::{Calc, CalcRequest, NUMBERS, NumbersEvent, SOME, add, patient, soon};
use futures_util::FutureExt;
use thriftwood_core::event::{Publisher, Subscriber};
use thriftwood_core::{Bus, Client, RpcErrorKind, Subscription, memory};
use tower::layer::util::Identity;

async fn member(bus: &Bus, is_layered: bool) -> Subscription<i64> {
    let mut subscriber = Subscriber::<NumbersEvent>::new(bus, &NUMBERS, variables());
    if is_layered {
        subscriber = subscriber.layer(Identity::new());
    }
    subscriber.group("all").subscribe(&SOME, NumbersEvent::Some, NumbersEvent::some).await.unwrap()
}

fn variables() -> Vec<String> {
    vec!["bill".to_owned(), "emea".to_owned()]
}

#[tokio::test]
async fn a_member_that_left_its_group_takes_no_event_from_the_others() {
    for is_layered in [false, true] {
        let bus = memory::bus();
        let (mut stays, mut leaves) = (member(&bus, false).await, member(&bus, is_layered).await);
        // A layer is fed by a task of its own, from when the first event is asked for.
        assert!(leaves.next().now_or_never().is_none());
        drop(leaves);
        // Which ends when it is its turn.
        tokio::task::yield_now().await;
        let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, variables());
        for number in 0..10 {
            publisher.publish(&patient(), &SOME, &number, NumbersEvent::Some).await.unwrap();
            assert_eq!(*soon("the event", stays.next()).await.unwrap().unwrap(), number);
        }
    }
}

#[tokio::test]
async fn of_servers_of_one_address_one_that_stopped_gets_no_connections() {
    let bus = memory::bus();
    let mut servings = Vec::new();
    for _ in 0..2 {
        servings.push(bus.serve("calc", Calc::server().0).await.unwrap());
    }
    servings.pop().unwrap().stop().await;
    for _ in 0..4 {
        // A client of its own each time, which connects.
        let client = Client::<CalcRequest>::new(bus.rpc("calc"));
        assert_eq!(add(&client, &patient(), 2, 40).await.unwrap(), 42);
    }
    servings.pop().unwrap().stop().await;
    let client = Client::<CalcRequest>::new(bus.rpc("calc"));
    assert_eq!(add(&client, &patient(), 2, 40).await.unwrap_err().kind(), RpcErrorKind::Unavailable);
}
