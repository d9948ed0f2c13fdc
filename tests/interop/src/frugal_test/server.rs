//! The server: does what each method's name says, and answers one kind of event with another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use thriftwood::{Context, Error, ErrorKind, RpcError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{APPLICATION_CODE, LIMIT, Pair};
use crate::idl::frugal_test::{
    Event, Events, FrugalTest, FrugalTestServer, Insanity, Numberz, SuperService, TestExceptionError,
    TestMultiExceptionError, Xception, Xception2, Xtruct, Xtruct2,
};

/// Serves until the process ends.
///
/// # Errors
/// When the transport cannot be had.
pub async fn run(pair: &Pair) -> Result<(), Error> {
    let served = FrugalTestServer::new(Tester);
    match &*pair.transport {
        "nats" => {
            let bus = pair.nats().await?;
            let _serving = bus.serve(format!("frugal.*.*.rpc.{}", pair.port), served).await?;
            let port = pair.port.to_string();
            let calls = Events::subscriber(&bus, "*", "*", "call", &port).event_created().await?;
            let answer = async {
                let answered = calls.for_each(|ctx, event| {
                    let (bus, port) = (bus.clone(), port.clone());
                    async move { respond(&bus, &port, &ctx, &event).await }
                });
                answered.await
            };
            tokio::try_join!(answer, healthy(pair.port))?;
            Ok(())
        }
        "http" => {
            let _serving = pair.http(64 * LIMIT)?.serve("frugal", served).await?;
            println!("ready");
            std::future::pending().await
        }
        _ => Err(pair.unknown()),
    }
}

/// Answers an event as its sender's headers say.
async fn respond(bus: &thriftwood::Bus, port: &str, ctx: &Context, event: &Event) -> Result<(), Error> {
    let part = |name: &str| {
        let text = format!("the event has no `{name}` header");
        ctx.header(name).ok_or_else(|| Error::new(ErrorKind::InvalidData, text))
    };
    let publisher = Events::publisher(bus, part("preamble")?, part("ramble")?, "response", port);
    let response = Event { message: format!("received: {}", event.message), ..Event::default() };
    publisher.event_created(&Context::new(), &response).await
}

/// The runner asks over HTTP whether a server is up, whatever it serves over; any answer will do.
async fn healthy(port: u16) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Unreachable, format!("port {port} cannot be listened at: {error}")).with_source(error)
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    println!("ready");
    loop {
        let Ok((mut socket, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let mut request = [0; 1024];
            // A request that is not read whole would be answered with a reset.
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        });
    }
}

/// Does what the tests expect.
#[derive(Clone, Copy, Debug)]
struct Tester;

impl SuperService for Tester {
    async fn test_super_class(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }
}

/// Methods that give back what they are given.
macro_rules! echoes {
    ($($method:ident: $ty:ty;)*) => {$(
        async fn $method(&self, _: &Context, thing: $ty) -> Result<$ty, RpcError> {
            Ok(thing)
        }
    )*};
}

impl FrugalTest for Tester {
    echoes! {
        test_string: String;
        test_bool: bool;
        test_byte: i8;
        test_i32: i32;
        test_i64: i64;
        test_double: f64;
        test_binary: Bytes;
        test_struct: Xtruct;
        test_nest: Xtruct2;
        test_map: BTreeMap<i32, i32>;
        test_string_map: BTreeMap<String, String>;
        test_set: BTreeSet<i32>;
        test_list: Vec<i32>;
        test_enum: Numberz;
        test_typedef: i64;
        test_uppercase_method: bool;
    }

    async fn test_void(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }

    async fn test_map_map(&self, _: &Context, _: i32) -> Result<BTreeMap<i32, BTreeMap<i32, i32>>, RpcError> {
        let same = |numbers: [i32; 4]| numbers.into_iter().map(|number| (number, number)).collect();
        Ok([(-4, same([-4, -3, -2, -1])), (4, same([4, 3, 2, 1]))].into())
    }

    async fn test_insanity(
        &self,
        _: &Context,
        argument: Insanity,
    ) -> Result<BTreeMap<i64, BTreeMap<Numberz, Insanity>>, RpcError> {
        let first = [(Numberz::TWO, argument.clone()), (Numberz::THREE, argument)].into();
        Ok([(1, first), (2, BTreeMap::new())].into())
    }

    async fn test_multi(
        &self,
        _: &Context,
        arg0: i8,
        arg1: i32,
        arg2: i64,
        _: BTreeMap<i16, String>,
        _: Numberz,
        _: i64,
    ) -> Result<Xtruct, RpcError> {
        Ok(Xtruct { string_thing: "Hello2".to_owned(), byte_thing: arg0, i32_thing: arg1, i64_thing: arg2 })
    }

    async fn test_exception(&self, _: &Context, arg: String) -> Result<(), TestExceptionError> {
        match &*arg {
            "Xception" => Err(Xception { error_code: 1001, message: arg }.into()),
            "TException" => Err(RpcError::internal("a failure that is not declared").into()),
            _ => Ok(()),
        }
    }

    async fn test_multi_exception(
        &self,
        _: &Context,
        arg0: String,
        arg1: String,
    ) -> Result<Xtruct, TestMultiExceptionError> {
        match &*arg0 {
            "Xception" => Err(Xception { error_code: 1001, message: "This is an Xception".to_owned() }.into()),
            "Xception2" => {
                let struct_thing = Xtruct { string_thing: "This is an Xception2".to_owned(), ..Xtruct::default() };
                Err(Xception2 { error_code: 2002, struct_thing }.into())
            }
            _ => Ok(Xtruct { string_thing: arg1, ..Xtruct::default() }),
        }
    }

    async fn test_uncaught_exception(&self, _: &Context) -> Result<(), RpcError> {
        Err(RpcError::internal("An uncaught error"))
    }

    async fn test_unchecked_t_application_exception(&self, _: &Context) -> Result<(), RpcError> {
        Err(RpcError::application(APPLICATION_CODE, "Unchecked TApplicationException"))
    }

    async fn test_request_too_large(&self, _: &Context, request: Bytes) -> Result<(), RpcError> {
        Err(RpcError::internal(format_args!("{} bytes came, and should not have been sent", request.len())))
    }

    async fn test_response_too_large(&self, _: &Context, _: Bytes) -> Result<Bytes, RpcError> {
        Ok(vec![0; LIMIT].into())
    }

    async fn test_oneway(&self, _: &Context, milliseconds: i32) -> Result<(), RpcError> {
        tokio::time::sleep(Duration::from_millis(milliseconds.unsigned_abs().into())).await;
        Ok(())
    }
}
