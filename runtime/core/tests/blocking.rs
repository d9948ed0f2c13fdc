//! Handlers that keep their thread.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::sync::Arc;

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse, add, patient, soon};
use pipe::{client, frame, options, serve};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::frame::Frame;
use thriftwood_core::{BoxFuture, Server};
use tokio::io::duplex;

/// Serves `Calc`, but for `wait`, which blocks its thread until two of them do.
struct Blocking {
    calc: Server<CalcRequest, Calc>,
    together: Arc<std::sync::Barrier>,
}

impl Handler for Blocking {
    fn service(&self) -> &'static str {
        "Blocking"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let request = Frame::decode(inbound.frame.clone()).unwrap();
        if BinaryReader::new(request.message()).message().unwrap().name != "wait" {
            return self.calc.handle(inbound);
        }
        let (id, together) = (request.operation_id().unwrap(), Arc::clone(&self.together));
        Box::pin(async move {
            together.wait();
            Some(frame(id, "wait", MessageType::Reply, &[]))
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_block_their_threads_delay_neither_each_other_nor_the_rest_of_their_connection() {
    let (near, far) = duplex(4096);
    let (calc, _strings) = Calc::server();
    let together = Arc::new(std::sync::Barrier::new(3));
    let (serving, _) = serve(far, Blocking { calc, together: Arc::clone(&together) }, options(8));
    let client = client(near);
    let blocked = [0, 1].map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await })
    });
    for n in 0..100 {
        assert_eq!(soon("the sum", add(&client, &patient(), n, 1)).await.unwrap(), n + 1);
    }
    assert!(blocked.iter().all(|call| !call.is_finished()));
    tokio::task::spawn_blocking(move || together.wait()).await.unwrap();
    for call in blocked {
        assert!(matches!(soon("the reply", call).await.unwrap(), Ok(CalcResponse::Done)));
    }
    drop(client);
    soon("the server's end", serving).await.unwrap();
}
