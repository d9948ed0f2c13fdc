//! Handlers that keep their thread.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;
mod pipe;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use calc::{Calc, CalcRequest, CalcResponse, add, patient, soon};
use pipe::{client, frame, options, serve};
use thriftwood_core::call::{Handler, Inbound};
use thriftwood_core::codec::MessageType;
use thriftwood_core::codec::binary::BinaryReader;
use thriftwood_core::frame::Frame;
use thriftwood_core::{BoxFuture, Server};
use tokio::io::duplex;
use tokio::sync::mpsc;

/// Serves `Calc`, but for `wait`, which blocks its thread until two of them do.
struct Blocking {
    calc: Server<CalcRequest, Calc>,
    together: Arc<std::sync::Barrier>,
    began: mpsc::UnboundedSender<()>,
}

impl Handler for Blocking {
    fn service(&self) -> &'static str {
        "Blocking"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let Some(id) = waits(&inbound) else { return self.calc.handle(inbound) };
        let (together, began) = (Arc::clone(&self.together), self.began.clone());
        Box::pin(async move {
            began.send(()).unwrap();
            together.wait();
            Some(frame(id, "wait", MessageType::Reply, &[]))
        })
    }
}

/// The operation id of a call of `wait`.
fn waits(inbound: &Inbound) -> Option<u64> {
    let request = Frame::decode(inbound.frame.clone()).unwrap();
    let is_wait = BinaryReader::new(request.message()).message().unwrap().name == "wait";
    is_wait.then(|| request.operation_id().unwrap())
}

/// Lets the handlers go when the test fails, since a runtime does not end before its threads do.
struct Release(Arc<std::sync::Barrier>);

impl Drop for Release {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for _ in 0..2 {
                let together = Arc::clone(&self.0);
                std::thread::spawn(move || together.wait());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_block_their_threads_delay_neither_each_other_nor_the_rest_of_their_connection() {
    let (near, far) = duplex(4096);
    let (calc, _strings) = Calc::server();
    let together = Arc::new(std::sync::Barrier::new(3));
    let _release = Release(Arc::clone(&together));
    let (began, mut begun) = mpsc::unbounded_channel();
    let (serving, _) = serve(far, Blocking { calc, together: Arc::clone(&together), began }, options(8));
    let client = client(near);
    let mut blocked = Vec::new();
    // The first call of the connection is polled in place and blocks it; the second is read only once someone else does.
    for _ in 0..2 {
        let client = client.clone();
        blocked.push(tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await }));
        soon("a blocking handler", begun.recv()).await.unwrap();
    }
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

/// Serves `Calc`, but for `wait`, which blocks its thread until it is let, and then waits for ever.
struct Tardy {
    calc: Server<CalcRequest, Calc>,
    release: Arc<Mutex<std::sync::mpsc::Receiver<()>>>,
    words: mpsc::UnboundedSender<&'static str>,
}

impl Handler for Tardy {
    fn service(&self) -> &'static str {
        "Tardy"
    }

    fn handle(&self, inbound: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        if waits(&inbound).is_none() {
            return self.calc.handle(inbound);
        }
        let (release, words) = (Arc::clone(&self.release), self.words.clone());
        Box::pin(async move {
            words.send("began").ok();
            let end = Stopped(words);
            release.lock().unwrap().recv_timeout(Duration::from_secs(30)).ok();
            std::future::pending::<()>().await;
            drop(end);
            None
        })
    }
}

struct Stopped(mpsc::UnboundedSender<&'static str>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.send("stopped").ok();
    }
}

/// The word, or the end of the connection, comes while nobody could stop the handler, and is read by the connection's next driver.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_given_up_while_its_handler_blocks_its_thread_is_stopped_when_it_waits() {
    for (others, stays) in [(0, true), (40, true), (0, false)] {
        let (near, far) = duplex(4096);
        let (calc, _strings) = Calc::server();
        let (let_go, release) = std::sync::mpsc::channel();
        let (words, mut heard) = mpsc::unbounded_channel();
        let (serving, _) = serve(far, Tardy { calc, release: Arc::new(Mutex::new(release)), words }, options(8));
        let client = client(near);
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.call(&patient(), CalcRequest::Wait).await }
        });
        assert_eq!(soon("the handler", heard.recv()).await, Some("began"));
        // Answered by that driver, which has told by now that calls can be cancelled.
        assert_eq!(soon("the sum", add(&client, &patient(), 1, 1)).await.unwrap(), 2);
        // Others are given up before it, and are answered or wait for their turn by then.
        for _ in 0..others {
            drop(tokio::time::timeout(Duration::ZERO, add(&client, &patient(), 1, 1)).await);
        }
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        if stays {
            // Read behind the word.
            assert_eq!(soon("the sum", add(&client, &patient(), 1, 2)).await.unwrap(), 3);
        }
        drop(client);
        let_go.send(()).unwrap();
        assert_eq!(soon("the handler's end", heard.recv()).await, Some("stopped"));
        soon("the server's end", serving).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_its_thread_when_its_server_is_dropped_is_stopped_when_it_waits() {
    let (near, far) = duplex(4096);
    let (calc, _strings) = Calc::server();
    let (let_go, release) = std::sync::mpsc::channel();
    let (words, mut heard) = mpsc::unbounded_channel();
    let (serving, _) = serve(far, Tardy { calc, release: Arc::new(Mutex::new(release)), words }, options(8));
    let client = client(near);
    let call = tokio::spawn(async move { client.call(&patient(), CalcRequest::Wait).await });
    assert_eq!(soon("the handler", heard.recv()).await, Some("began"));
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    let_go.send(()).unwrap();
    assert_eq!(soon("the handler's end", heard.recv()).await, Some("stopped"));
    assert!(soon("the call's end", call).await.unwrap().is_err());
}
