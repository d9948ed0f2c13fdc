//! What handlers of several events at once may rely on, on every transport that carries events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use thriftwood::Context;
use thriftwood::event::Guarantee;
use tokio::sync::{Mutex, Notify, Semaphore, oneshot};

use crate::Fixture;
use crate::fixture::{patient, soon};
use crate::idl::{Item, Things};

/// Publishes a number under a key.
async fn publish(fixture: &Fixture, key: &str, number: i64) {
    let things = Things::publisher(&fixture.client, "bill", "emea");
    things.counted(&patient().with_key(key), number).await.unwrap();
}

/// What is promised to a group.
async fn guarantee(fixture: &Fixture) -> Guarantee {
    let mut made = Things::subscriber(&fixture.server, "anna", "emea").group("asking").made().await.unwrap();
    Things::publisher(&fixture.client, "anna", "emea").made(&patient(), &Item::new("a question")).await.unwrap();
    let event = soon("the event", made.next()).await.unwrap().unwrap();
    let guarantee = event.guarantee();
    event.ack().await.unwrap();
    guarantee
}

/// What handlers did, by key.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, Vec<i64>>>>, Arc<Notify>);

impl Seen {
    async fn note(&self, ctx: &Context, number: i64) {
        self.0.lock().await.entry(ctx.event_key().unwrap().to_owned()).or_default().push(number);
        self.1.notify_one();
    }

    /// Waits until so many events are noted.
    async fn wait(&self, events: usize) -> BTreeMap<String, Vec<i64>> {
        soon("the handlers", async {
            loop {
                let seen = self.0.lock().await.clone();
                if seen.values().map(Vec::len).sum::<usize>() >= events {
                    return seen;
                }
                self.1.notified().await;
            }
        })
        .await
    }
}

/// Many handlers at once, and yet each key's events one after the other, as they were published.
pub async fn events_of_one_key_are_handled_in_order(fixture: &Fixture) {
    const EVENTS: i64 = 120;
    let things = Things::subscriber(&fixture.server, "bill", "emea").group("ordered");
    let counted = things.counted().await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (seen, running, most) = (Seen::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Closed until all are published: handlers that keep up with their publisher would have nothing to mix up.
    let gate = Arc::new(Semaphore::new(0));
    let handling = tokio::spawn({
        let (seen, running, most) = (seen.clone(), Arc::clone(&running), Arc::clone(&most));
        let gate = Arc::clone(&gate);
        let until = async { drop(stopped.await) };
        counted.until(until).for_each_concurrent(8, move |ctx, number| {
            let (seen, running, most) = (seen.clone(), Arc::clone(&running), Arc::clone(&most));
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.map_err(|error| error.to_string())?.forget();
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Later events would overtake earlier ones.
                for _ in 0..(EVENTS - number) % 7 {
                    tokio::task::yield_now().await;
                }
                seen.note(&ctx, number).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<(), String>(())
            }
        })
    });
    for number in 0..EVENTS {
        publish(fixture, ["a", "b", "c", "d", "e"][number as usize % 5], number).await;
    }
    gate.add_permits(EVENTS as usize);
    let seen = seen.wait(EVENTS as usize).await;
    for (key, numbers) in &seen {
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
        assert_eq!(numbers.len(), EVENTS as usize / 5, "{key}: each once");
    }
    assert!(most.load(Ordering::SeqCst) <= 5, "one at a time of each key");
    stop.send(()).unwrap();
    soon("the handlers' end", handling).await.unwrap().unwrap();
}

/// Where a failed event comes again, its key waits for it. No other does, on any transport.
pub async fn a_failing_key_holds_back_no_other(fixture: &Fixture) {
    let things = Things::subscriber(&fixture.server, "bill", "emea").group("failing");
    let counted = things.counted().await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (seen, mended) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
    let handling = tokio::spawn({
        let (seen, mended) = (seen.clone(), Arc::clone(&mended));
        let until = async { drop(stopped.await) };
        counted.until(until).for_each_concurrent(4, move |ctx, number| {
            let (seen, mended) = (seen.clone(), Arc::clone(&mended));
            async move {
                if number == 0 && mended.load(Ordering::SeqCst) == 0 {
                    return Err("not yet".to_owned());
                }
                seen.note(&ctx, number).await;
                Ok(())
            }
        })
    });
    for number in 0..30 {
        publish(fixture, ["bad", "good", "better"][number as usize % 3], number).await;
    }
    let kept = guarantee(fixture).await == Guarantee::AtLeastOnce;
    let others = seen.wait(if kept { 20 } else { 29 }).await;
    let numbers = |first: i64| (first..30).step_by(3).collect::<Vec<_>>();
    assert_eq!((&others["good"], &others["better"]), (&numbers(1), &numbers(2)));
    if kept {
        assert!(!others.contains_key("bad"), "its key waits: {others:?}");
        mended.store(1, Ordering::SeqCst);
        assert_eq!(seen.wait(30).await["bad"], numbers(0), "in order, the failed one first");
    }
    stop.send(()).unwrap();
    soon("the handlers' end", handling).await.unwrap().unwrap();
}

/// Whoever has so many unacknowledged is given no more until one of them is acknowledged.
pub async fn no_more_than_max_in_flight(fixture: &Fixture) {
    let things = Things::subscriber(&fixture.server, "bill", "emea");
    let counted = things.counted().await.unwrap();
    let mut bystander = things.counted().await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (begun, begun_all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let gate = Arc::new(Semaphore::new(0));
    let handling = tokio::spawn({
        let (begun, begun_all, gate) = (Arc::clone(&begun), Arc::clone(&begun_all), Arc::clone(&gate));
        let until = async { drop(stopped.await) };
        counted.max_in_flight(3).until(until).for_each_concurrent(100, move |_, _| {
            let (begun, begun_all, gate) = (Arc::clone(&begun), Arc::clone(&begun_all), Arc::clone(&gate));
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                begun_all.notify_one();
                gate.acquire().await.map_err(|error| error.to_string())?.forget();
                Ok::<(), String>(())
            }
        })
    });
    let things = Things::publisher(&fixture.client, "bill", "emea");
    for number in 0..10 {
        things.counted(&patient(), number).await.unwrap();
    }
    let wait = |events: usize| {
        let (begun, begun_all) = (Arc::clone(&begun), Arc::clone(&begun_all));
        soon("handlers", async move {
            while begun.load(Ordering::SeqCst) < events {
                begun_all.notified().await;
            }
        })
    };
    wait(3).await;
    // By when a bystander has them all, the other would have had them too.
    for number in 0..10 {
        assert_eq!(*soon("an event", bystander.next()).await.unwrap().unwrap(), number);
    }
    assert_eq!(begun.load(Ordering::SeqCst), 3);
    gate.add_permits(1);
    wait(4).await;
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    assert_eq!(begun.load(Ordering::SeqCst), 4);
    gate.add_permits(6);
    wait(10).await;
    stop.send(()).unwrap();
    gate.add_permits(3);
    soon("the handlers' end", handling).await.unwrap().unwrap();
}

/// A subscription that is told to end is given no more; what it had begun is finished and acknowledged.
pub async fn a_stopped_subscription_finishes_what_it_has(fixture: &Fixture) {
    let things = Things::subscriber(&fixture.server, "bill", "emea").group("stopping");
    let counted = things.counted().await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (begin, begun) = oneshot::channel::<()>();
    let (finish, finished) = oneshot::channel::<()>();
    let mut once = Some((begin, finished));
    let handling =
        tokio::spawn(counted.until(async { drop(stopped.await) }).for_each_concurrent(2, move |_, number| {
            let once = once.take();
            async move {
                let (begin, finished) = once.ok_or_else(|| format!("{number} came after the end"))?;
                begin.send(()).map_err(|()| "nobody waits".to_owned())?;
                finished.await.map_err(|error| error.to_string())
            }
        }));
    publish(fixture, "a", 1).await;
    soon("the handler", begun).await.unwrap();
    stop.send(()).unwrap();
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    assert!(!handling.is_finished(), "it waits for its handler");
    finish.send(()).unwrap();
    soon("the end", handling).await.unwrap().unwrap();
}
