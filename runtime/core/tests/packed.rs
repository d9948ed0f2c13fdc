//! Frames that share memory: how seldom it is asked for, and how much of it one that is kept keeps.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod calc;

use std::future::ready;
use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use bytes::Bytes;
use calc::{NUMBERS, NumbersEvent, SOME, patient};
use futures_util::FutureExt;
use thriftwood_core::call::Handler;
use thriftwood_core::event::{PublishOptions, Publisher, SubscribeOptions, Topic, TopicFilter};
use thriftwood_core::frame::pack;
use thriftwood_core::transport::{EventSource, RpcChannel, ServeOptions, Serving, Transport};
use thriftwood_core::{BoxFuture, Bus, Error, ErrorKind};
use tower::layer::util::Identity;

const EVENTS: usize = 10_000;

/// Takes events, those of the first kind packed, and keeps one of so many.
struct Sink {
    at_once: bool,
    keeps_one_of: usize,
    taken: Arc<Mutex<(usize, Vec<Bytes>)>>,
}

impl Sink {
    fn take(&self, frame: Bytes) -> Result<(), Error> {
        let (count, kept) = &mut *self.taken.lock().unwrap();
        *count += 1;
        if count.is_multiple_of(self.keeps_one_of) {
            kept.push(frame);
        }
        Ok(())
    }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "a sink takes events and nothing else")
}

impl Transport for Sink {
    fn scheme(&self) -> &'static str {
        "sink"
    }

    fn rpc(&self, _: &str) -> Arc<dyn RpcChannel> {
        unreachable!("nothing is called here")
    }

    fn serve(&self, _: String, _: Arc<dyn Handler>, _: ServeOptions) -> BoxFuture<'_, Result<Serving, Error>> {
        Box::pin(ready(Err(unsupported())))
    }

    fn publish_at_once(&self, _: &Topic, frame: &[u8], _: PublishOptions) -> Option<Result<(), Error>> {
        self.at_once.then(|| self.take(pack(frame)))
    }

    fn publish<'a>(&'a self, _: &'a Topic, frame: Bytes, _: PublishOptions) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(ready(self.take(frame)))
    }

    fn subscribe(&self, _: TopicFilter, _: SubscribeOptions) -> BoxFuture<'_, Result<Box<dyn EventSource>, Error>> {
        Box::pin(ready(Err(unsupported())))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(ready(Ok(())))
    }
}

/// How often memory is asked for while so many are published, and how many bytes are held for each event that is kept.
fn published(at_once: bool, keeps_one_of: usize, layer: bool) -> (u64, i64) {
    let taken = Arc::new(Mutex::new((0, Vec::with_capacity(EVENTS))));
    let mut bus = Bus::new(Sink { at_once, keeps_one_of, taken: Arc::clone(&taken) });
    if layer {
        bus = bus.layer_published(Identity::new());
    }
    let publisher = Publisher::<NumbersEvent>::new(&bus, &NUMBERS, ["bill", "emea"].map(String::from).into());
    let ctx = patient();
    let publish = || publisher.publish(&ctx, &SOME, &7, NumbersEvent::Some).now_or_never().unwrap().unwrap();
    publish();
    let measured = measure(|| (0..EVENTS).for_each(|_| publish()));
    let kept = taken.lock().unwrap().1.len();
    (measured.count_total, measured.bytes_current / kept as i64)
}

#[test]
fn what_is_published_at_once_asks_for_memory_once_for_dozens_of_events() {
    let ((packed, _), (alone, _)) = (published(true, EVENTS, false), published(false, EVENTS, false));
    let events = EVENTS as u64;
    assert!(packed < events / 10, "{packed} for {events} events");
    // The frame and the transport's future.
    assert_eq!(alone, 2 * events);
}

#[test]
fn one_frame_that_is_kept_keeps_no_more_than_the_few_around_it() {
    let (_, alone) = published(false, 500, false);
    assert!(alone < 256, "{alone} bytes for a frame by itself");
    let (_, each) = published(true, 500, false);
    assert!(each < 9 * 1024, "{each} bytes for each frame that is kept");
    let (_, all) = published(true, 1, false);
    assert!(all < 256, "{all} bytes for each where all are kept");
}

#[test]
fn a_layer_over_frames_sees_frames_that_are_not_packed_since_it_may_keep_them() {
    let (_, each) = published(true, 500, true);
    assert!(each < 256, "{each} bytes for each frame that is kept");
}
