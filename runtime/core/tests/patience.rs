//! A peer that took its time once has all of it again the next time.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::time::Duration;

use bytes::Bytes;
use calc::soon;
use pipe::{frame, options, receive, serve};
use thriftwood_core::BoxFuture;
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::session::Deframer;
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::sleep;

const STALL: Duration = Duration::from_secs(10);

/// Gives back what it gets.
struct Echo;

impl Handler for Echo {
    fn service(&self) -> &'static str {
        "Echo"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        Box::pin(std::future::ready(Some(inbound.frame)))
    }
}

#[tokio::test(start_paused = true)]
async fn each_wait_for_a_peer_to_read_begins_anew() {
    let call = frame(1, "m", MessageType::Call, b"");
    // Two replies fill the pipe to its last byte, and of the third it takes none.
    let (mut near, far) = duplex(2 * call.len());
    let mut patient = options(8);
    patient.stall = Some(STALL);
    let (_serving, _stop) = serve(far, Echo, patient);
    let mut deframer = Deframer::new(1 << 20);
    for _ in 0..4 {
        for _ in 0..3 {
            near.write_all(&call).await.unwrap();
            // The clock of this test moves on when everybody else has nothing to do.
            sleep(Duration::from_millis(1)).await;
        }
        sleep(STALL * 6 / 10).await;
        for _ in 0..3 {
            let reply = soon("the reply", receive(&mut near, &mut deframer)).await;
            assert_eq!(reply.as_ref(), Some(&call), "the server gave the peer up");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_wait_for_the_rest_of_a_frame_begins_anew() {
    let (mut near, far) = duplex(256);
    let mut patient = options(8);
    patient.stall = Some(STALL);
    let (_serving, _stop) = serve(far, Echo, patient);
    let mut deframer = Deframer::new(1 << 20);
    let call = frame(1, "m", MessageType::Call, b"");
    for _ in 0..4 {
        let (begin, end) = call.split_at(7);
        near.write_all(begin).await.unwrap();
        sleep(STALL * 6 / 10).await;
        near.write_all(end).await.unwrap();
        let reply = soon("the reply", receive(&mut near, &mut deframer)).await;
        assert_eq!(reply.as_ref(), Some(&call), "the server gave the peer up");
        sleep(STALL * 2).await;
    }
}
