//! The client: makes every call, insists on its result, and stops at the first that differs.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use thriftwood::{Context, Error, RpcError, RpcErrorKind};
use tower::util::MapRequestLayer;

use super::{APPLICATION_CODE, LIMIT, Pair};
use crate::idl::frugal_test::{
    Event, Events, FrugalTestClient, Insanity, Numberz, TestExceptionError, TestMultiExceptionError, Xtruct, Xtruct2,
};

/// How long the answer to an event may take.
const EVENT: Duration = Duration::from_secs(3);

/// Runs every test of the pair and gives how many passed.
///
/// # Errors
/// What the first that failed expected and got.
pub async fn run(pair: &Pair) -> Result<usize, String> {
    let told = |error: Error| format!("{} at port {}: {error}", pair.transport, pair.port);
    let bus = match &*pair.transport {
        "nats" => pair.nats().await.map_err(told)?,
        "http" => pair.http(LIMIT).map_err(told)?,
        _ => return Err(told(pair.unknown())),
    };
    let address =
        if pair.transport == "nats" { format!("frugal.foo.bar.rpc.{}", pair.port) } else { "frugal".to_owned() };
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let client = FrugalTestClient::new(bus.rpc(&address)).layer(MapRequestLayer::new(move |call| {
        counter.fetch_add(1, Ordering::Relaxed);
        call
    }));
    let mut checks = Checks { ctx: Context::new().with_timeout(Duration::from_secs(5)), passed: 0 };
    checks.values(&client).await?;
    checks.structs(&client).await?;
    checks.failures(&client).await?;
    let calls = checks.passed;
    let layered = seen.load(Ordering::Relaxed);
    if layered != calls {
        return Err(format!("the middleware saw {layered} of {calls} calls"));
    }
    if pair.transport == "nats" {
        let port = pair.port.to_string();
        let heard = checks.event(&bus, &port).await.map_err(|error| format!("events: {error}"))?;
        checks.same("event", Ok::<_, Error>(heard), &"received: Sending call".to_owned())?;
    }
    Ok(checks.passed)
}

struct Checks {
    ctx: Context,
    passed: usize,
}

impl Checks {
    fn same<T: Debug + PartialEq, E: Debug>(
        &mut self,
        what: &str,
        got: Result<T, E>,
        expected: &T,
    ) -> Result<(), String> {
        match got {
            Ok(value) if value == *expected => self.pass(),
            got => Err(format!("{what}: expected {expected:?}, got {got:?}")),
        }
    }

    fn pass(&mut self) -> Result<(), String> {
        self.passed += 1;
        Ok(())
    }

    fn fails<T: Debug>(
        &mut self,
        what: &str,
        got: Result<T, RpcError>,
        kind: RpcErrorKind,
        text: &str,
    ) -> Result<(), String> {
        match got {
            Err(error) if error.kind() == kind && error.message().contains(text) => self.pass(),
            got => Err(format!("{what}: expected {kind:?} with \"{text}\", got {got:?}")),
        }
    }

    async fn values(&mut self, client: &FrugalTestClient) -> Result<(), String> {
        let ctx = &self.ctx.clone();
        self.same("testVoid", client.test_void(ctx).await, &())?;
        let text = "thing\u{e5}\u{2c6}\u{f0}\u{2016}";
        self.same("testString", client.test_string(ctx, text.into()).await, &text.to_owned())?;
        for value in [true, false] {
            self.same("testBool", client.test_bool(ctx, value).await, &value)?;
        }
        self.same("testByte", client.test_byte(ctx, 42).await, &42)?;
        self.same("testI32", client.test_i32(ctx, 4242).await, &4242)?;
        self.same("testI64", client.test_i64(ctx, 424_242).await, &424_242)?;
        self.same("testDouble", client.test_double(ctx, 42.42).await, &42.42)?;
        for bytes in ["400", "101010"] {
            let got = client.test_binary(ctx, bytes.into()).await;
            self.same("testBinary", got, &bytes.into())?;
        }
        self.same("testEnum", client.test_enum(ctx, Numberz::TWO).await, &Numberz::TWO)?;
        self.same("testTypedef", client.test_typedef(ctx, 42).await, &42)?;
        self.same("TestUppercaseMethod", client.test_uppercase_method(ctx, true).await, &true)?;
        self.same("testSuperClass", client.test_super_class(ctx).await, &())?;
        self.same("testOneway", client.test_oneway(ctx, 1).await, &())
    }

    async fn structs(&mut self, client: &FrugalTestClient) -> Result<(), String> {
        let ctx = &self.ctx.clone();
        let thing = Xtruct { string_thing: "thing".into(), byte_thing: 42, i32_thing: 4242, i64_thing: 424_242 };
        self.same("testStruct", client.test_struct(ctx, thing.clone()).await, &thing)?;
        let nest = Xtruct2 { byte_thing: 42, struct_thing: thing.clone(), i32_thing: 4242 };
        self.same("testNest", client.test_nest(ctx, nest.clone()).await, &nest)?;
        let map = [(1, 2), (3, 4), (5, 42)].into();
        self.same("testMap", client.test_map(ctx, [(1, 2), (3, 4), (5, 42)].into()).await, &map)?;
        let texts = [("a", "2"), ("b", "blah"), ("some", "\u{201c}thing\u{201d}")];
        let texts = std::collections::BTreeMap::from(texts.map(|(key, value)| (key.to_owned(), value.to_owned())));
        self.same("testStringMap", client.test_string_map(ctx, texts.clone()).await, &texts)?;
        self.same("testSet", client.test_set(ctx, [1, 2, 42].into()).await, &[1, 2, 42].into())?;
        self.same("testList", client.test_list(ctx, vec![1, 2, 42]).await, &vec![1, 2, 42])?;
        let same = |numbers: [i32; 4]| numbers.into_iter().map(|number| (number, number)).collect();
        let deep = [(-4, same([-4, -3, -2, -1])), (4, same([4, 3, 2, 1]))].into();
        self.same("testMapMap", client.test_map_map(ctx, 42).await, &deep)?;
        let truck = |text: &str, number: i8| Xtruct {
            string_thing: text.to_owned(),
            byte_thing: number,
            i32_thing: number.into(),
            i64_thing: number.into(),
        };
        let insanity = Insanity {
            user_map: [(Numberz::FIVE, 5), (Numberz::EIGHT, 8)].into(),
            xtructs: vec![truck("Goodbye4", 4), truck("Hello2", 2)],
        };
        let first = [(Numberz::TWO, insanity.clone()), (Numberz::THREE, insanity.clone())].into();
        let got = client.test_insanity(ctx, insanity).await;
        self.same("testInsanity", got, &[(1, first), (2, [].into())].into())?;
        let names = [(1, "blah".to_owned()), (2, "thing".to_owned())].into();
        let got = client.test_multi(ctx, 42, 4242, 424_242, names, Numberz::EIGHT, 24).await;
        self.same("testMulti", got, &Xtruct { string_thing: "Hello2".to_owned(), ..thing })
    }

    async fn failures(&mut self, client: &FrugalTestClient) -> Result<(), String> {
        let ctx = &self.ctx.clone();
        match client.test_exception(ctx, "Xception".into()).await {
            Err(TestExceptionError::Xception(x)) if (x.error_code, &*x.message) == (1001, "Xception") => self.pass()?,
            got => return Err(format!("testException: {got:?}")),
        }
        match client.test_exception(ctx, "TException".into()).await {
            Err(TestExceptionError::Rpc(error)) => {
                self.fails("testException", Err::<(), _>(error), RpcErrorKind::Internal, "")?;
            }
            got => return Err(format!("testException: {got:?}")),
        }
        let got = client.test_exception(ctx, "success".into()).await;
        self.same("testException", got, &())?;
        match client.test_multi_exception(ctx, "Xception".into(), "ignore".into()).await {
            Err(TestMultiExceptionError::Xception(x)) if x.message == "This is an Xception" => self.pass()?,
            got => return Err(format!("testMultiException: {got:?}")),
        }
        match client.test_multi_exception(ctx, "Xception2".into(), "ignore".into()).await {
            Err(TestMultiExceptionError::Xception2(x)) if x.error_code == 2002 => {
                self.same(
                    "testMultiException",
                    Ok::<_, ()>(x.struct_thing.string_thing),
                    &"This is an Xception2".into(),
                )?;
            }
            got => return Err(format!("testMultiException: {got:?}")),
        }
        let got = client.test_uncaught_exception(ctx).await;
        self.fails("testUncaughtException", got, RpcErrorKind::Internal, "An uncaught error")?;
        let got = client.test_unchecked_t_application_exception(ctx).await;
        let kind = RpcErrorKind::Application(APPLICATION_CODE);
        self.fails("testUncheckedTApplicationException", got, kind, "Unchecked TApplicationException")?;
        let got = client.test_request_too_large(ctx, vec![0; LIMIT].into()).await;
        self.fails("testRequestTooLarge", got, RpcErrorKind::RequestTooLarge, "")?;
        let got = client.test_response_too_large(ctx, vec![0; 4].into()).await;
        self.fails("testResponseTooLarge", got, RpcErrorKind::ResponseTooLarge, "")
    }

    /// Publishes an event and waits for the one that answers it.
    async fn event(&self, bus: &thriftwood::Bus, port: &str) -> Result<String, String> {
        let told = |error: Error| error.to_string();
        let mut responses =
            Events::subscriber(bus, "foo", "bar", "response", port).event_created().await.map_err(told)?;
        let ctx = self.ctx.clone().with_header("preamble", "foo").with_header("ramble", "bar");
        let event = Event { message: "Sending call".to_owned(), ..Event::default() };
        Events::publisher(bus, "foo", "bar", "call", port).event_created(&ctx, &event).await.map_err(told)?;
        match tokio::time::timeout(EVENT, responses.next()).await {
            Ok(Some(Ok(event))) => Ok(event.message.clone()),
            Ok(Some(Err(error))) => Err(told(error)),
            Ok(None) => Err("the subscription ended".to_owned()),
            Err(_) => Err(format!("no response within {EVENT:?}")),
        }
    }
}
