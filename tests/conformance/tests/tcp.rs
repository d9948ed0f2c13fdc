//! The list of behaviours, over TCP.

#![allow(clippy::expect_used, reason = "a test whose parts do not start has failed")]

use thriftwood_conformance::Fixture;

/// One bus at both ends, since nobody knows the port before it is bound. It has a real connection to itself.
async fn connect(_test: &str) -> Option<Fixture> {
    Some(Fixture::shared(thriftwood::connect("tcp://127.0.0.1:0").await.expect("nothing is opened yet")))
}

thriftwood_conformance::call_behaviours!(connect);
thriftwood_conformance::protocol_behaviours!(connect);
thriftwood_conformance::no_event_behaviours!(connect);

mod routes {
    use thriftwood::codec::{Message, MessageType, Wire};
    use thriftwood::frame::{Frame, FrameBuilder};
    use thriftwood::transport::Outbound;
    use thriftwood::{Bus, RpcErrorKind};
    use thriftwood_conformance::fixture::{patient, soon};
    use thriftwood_conformance::idl::{Item, ProbeClient, ProbeServer};
    use thriftwood_conformance::probe::Probe;

    /// Two probes at one listener, told apart by what is noted in them.
    async fn two(bus: &Bus) -> [(Probe, thriftwood::Serving); 2] {
        let (first, second) = (Probe::default(), Probe::default());
        let one = bus.serve("first", ProbeServer::new(first.clone())).await.expect("the first is served");
        let two = bus.serve("second", ProbeServer::new(second.clone())).await.expect("the second is served");
        [(first, one), (second, two)]
    }

    async fn bus() -> Bus {
        thriftwood::connect("tcp://127.0.0.1:0").await.expect("nothing is opened yet")
    }

    #[tokio::test]
    async fn services_behind_one_listener_are_told_apart_by_address() {
        let bus = bus().await;
        let [(first, _one), (second, _two)] = two(&bus).await;
        ProbeClient::new(bus.rpc("second")).note(&patient(), "for the second".into()).await.expect("it is sent");
        assert_eq!(soon("the note", second.next_note()).await.as_deref(), Some("for the second"));
        ProbeClient::new(bus.rpc("first")).note(&patient(), "for the first".into()).await.expect("it is sent");
        assert_eq!(soon("the note", first.next_note()).await.as_deref(), Some("for the first"));

        let error =
            ProbeClient::new(bus.rpc("third")).echo(&patient(), Item::new("x")).await.expect_err("there is none");
        assert_eq!(error.kind(), RpcErrorKind::UnknownMethod);
        assert!(error.message().contains("nobody serves `third` here, only first, second"), "{error}");
        bus.close().await.expect("it closes");
    }

    /// A Frugal peer knows of no address.
    #[tokio::test]
    async fn a_frame_without_an_address_is_for_the_service_that_came_first() {
        let bus = bus().await;
        let [(first, _one), _second] = two(&bus).await;
        let mut frame = FrameBuilder::new();
        frame.header("_opid", "7");
        let frame = frame.message(Message::new("note", MessageType::Oneway), |w| {
            use thriftwood::codec::{TType, Writer};
            w.struct_begin();
            w.field_begin(1, TType::String);
            "from Frugal".to_owned().encode(w);
            w.struct_end();
        });
        let outbound = Outbound { operation_id: 7, frame: frame.expect("it is small"), oneway: true };
        bus.rpc("any").call_frame(outbound).await.expect("it is sent");
        assert_eq!(soon("the note", first.next_note()).await.as_deref(), Some("from Frugal"));
        bus.close().await.expect("it closes");
    }

    /// The address is where this call goes, not where the one that caused it went.
    #[tokio::test]
    async fn an_onward_call_goes_to_its_own_address() {
        let bus = bus().await;
        let [(first, _one), (second, _two)] = two(&bus).await;
        let mut frame = FrameBuilder::new();
        frame.header("_opid", "7");
        frame.header("_address", "first");
        let frame = frame.message(Message::new("echo", MessageType::Call), |_| {}).expect("it is small");
        let frame = Frame::decode(frame).expect("it is a frame");
        let received = thriftwood::Context::received(frame.headers(), std::time::Instant::now());
        ProbeClient::new(bus.rpc("second")).note(&received, "onward".into()).await.expect("it is sent");
        assert_eq!(soon("the note", second.next_note()).await.as_deref(), Some("onward"));
        drop(first);
        bus.close().await.expect("it closes");
    }

    #[tokio::test]
    async fn one_of_two_services_is_stopped_after_its_calls_and_the_other_goes_on() {
        let bus = bus().await;
        let [(first, one), (second, _two)] = two(&bus).await;
        let client = ProbeClient::new(bus.rpc("first"));
        let under_way = tokio::spawn({
            let client = client.clone();
            async move { client.after_millis(&patient(), 300, -9).await }
        });
        assert_eq!(soon("the handler's note", first.next_note()).await.as_deref(), Some("began -9"));
        soon("the stop", one.stop()).await;
        assert_eq!(soon("the reply", under_way).await.expect("no panic").expect("it was under way"), -9);
        let late = client.echo(&patient(), Item::new("late")).await.expect_err("it is not the second's to answer");
        assert_eq!(late.kind(), RpcErrorKind::UnknownMethod, "{late}");
        ProbeClient::new(bus.rpc("second")).note(&patient(), "still there".into()).await.expect("it is sent");
        assert_eq!(soon("the note", second.next_note()).await.as_deref(), Some("still there"));
        bus.close().await.expect("it closes");
    }
}
