//! What a member says of an event: that it was handled, that it was not, or that it takes longer.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use thriftwood_core::event::Acknowledge;
use thriftwood_core::{BoxFuture, Error, ErrorKind};
use tracing::debug;

use super::acker::Acker;
use super::ahead::Place;
use super::dead::Letters;
use super::letter::Event;

/// How long the first redelivery of an event that was refused waits; twice as long for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What whoever wants a dead letter is told where there are none.
const NO_DEAD_LETTERS: &str =
    "this group keeps no dead letters, so the event comes again; connect with max_attempts=N to have some";

/// Tells the server what became of an event; dropped, that it was not handled.
pub(super) struct Verdict {
    /// Taken by the verdict.
    acker: Option<Arc<Acker>>,
    /// Which delivery this is, by the server's count.
    delivered: u32,
    /// The same, with those counted that never left this process.
    attempt: u32,
    /// What it takes to make it a dead letter, where there are such.
    mortal: Option<Box<(Arc<Letters>, Event)>>,
    /// Where it is with the consumer.
    place: Option<Place>,
}

impl Verdict {
    pub(super) fn new(acker: Acker, delivered: u32, mortal: Option<(Arc<Letters>, Event)>) -> Self {
        let acker = Some(Arc::new(acker));
        Self { acker, delivered, attempt: delivered, mortal: mortal.map(Box::new), place: None }
    }

    /// The consumer begins with the event.
    pub(super) fn begin(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Says nothing: the server knows that the time of this delivery is up.
    pub(super) fn forget(mut self) {
        self.acker = None;
    }

    /// Goes back to the group, at once or after a pause, as no handler has begun with it.
    pub(super) async fn give_back(mut self, pause: Option<Duration>) {
        let Some(acker) = self.acker.take() else { return };
        if let Err(error) = acker.say(AckKind::Nak(pause)).await {
            debug!(%error, "an event could not be given back; it comes again when its time is up");
        }
    }

    /// Asks for more time in the background.
    pub(super) fn prolong(&self) {
        let asked = self.in_progress();
        tokio::spawn(async move {
            if let Err(error) = asked.await {
                debug!(%error, "more time could not be asked for; the event comes again when its time is up");
            }
        });
    }

    /// The event comes again, later each time.
    fn refusal(&self) -> AckKind {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.delivered.saturating_sub(1).min(16));
        AckKind::Nak(Some(pause.min(LONGEST_PAUSE)))
    }

    /// Makes it a dead letter, when it had so many deliveries as it may have.
    fn burial(&mut self, attempts: u32) -> Option<impl Future<Output = Result<bool, Error>> + Send + use<>> {
        let is_due = self.mortal.as_ref().is_some_and(|mortal| attempts >= mortal.0.max_attempts);
        if is_due { self.early_burial(attempts) } else { None }
    }

    /// Makes it a dead letter after so many deliveries, where there are such. `false` when that has to be tried again.
    fn early_burial(&mut self, attempts: u32) -> Option<impl Future<Output = Result<bool, Error>> + Send + use<>> {
        let mortal = self.mortal.take()?;
        let (acker, place) = (self.acker.take()?, self.place.take());
        Some(async move {
            let buried = mortal.0.bury(&mortal.1, attempts, &acker).await;
            drop(place);
            buried
        })
    }

    fn note(&self, reason: &str) {
        // By its number it would be noted of another event, when the stream is another.
        if let Some(mortal) = &self.mortal
            && self.acker.as_ref().is_some_and(|acker| acker.check().is_ok())
        {
            mortal.0.failed(mortal.1.offset, self.attempt, reason);
        }
    }
}

impl Acknowledge for Verdict {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        let acker = self.acker.take();
        Box::pin(async move {
            // Confirmed by the server: an acknowledgement that got lost would be a second delivery.
            let Some(acker) = acker else { return Ok(()) };
            acker.confirmed(AckKind::Ack).await?;
            if let Some(mortal) = &self.mortal {
                mortal.0.handled(mortal.1.offset);
            }
            Ok(())
        })
    }

    fn nack(mut self: Box<Self>, reason: &str, delay: Option<Duration>) -> BoxFuture<'static, Result<(), Error>> {
        self.note(reason);
        if let Some(burial) = self.burial(self.attempt) {
            return Box::pin(async move { burial.await.map(drop) });
        }
        let refusal = delay.map_or_else(|| self.refusal(), |delay| AckKind::Nak(Some(delay)));
        let acker = self.acker.take();
        Box::pin(async move {
            let Some(acker) = acker else { return Ok(()) };
            acker.say(refusal).await
        })
    }

    fn dead_letter(mut self: Box<Self>, reason: &str) -> BoxFuture<'static, Result<(), Error>> {
        self.note(reason);
        let Some(burial) = self.early_burial(self.attempt) else {
            let given_back = self.nack(reason, None);
            return Box::pin(async move {
                given_back.await?;
                Err(Error::new(ErrorKind::Unsupported, NO_DEAD_LETTERS))
            });
        };
        Box::pin(async move {
            match burial.await? {
                true => Ok(()),
                false => {
                    Err(Error::new(ErrorKind::Storage, "the dead letter could not be stored; the event comes again"))
                }
            }
        })
    }

    /// The server does not tell whether the time was up by then.
    fn in_progress(&self) -> BoxFuture<'static, Result<bool, Error>> {
        let acker = self.acker.clone();
        Box::pin(async move {
            let Some(acker) = acker else { return Ok(true) };
            acker.prolong().await
        })
    }

    fn again(&mut self, reason: &str) -> bool {
        self.note(reason);
        let again = self.mortal.as_ref().is_none_or(|mortal| self.attempt < mortal.0.max_attempts);
        self.attempt += u32::from(again);
        again
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if self.acker.is_none() {
            return;
        }
        // Without a runtime there is no connection either, and the server delivers it again when the time is up.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.place.is_some()
            && let Some(burial) = self.burial(self.delivered)
        {
            runtime.spawn(burial);
            return;
        }
        let refusal = if self.place.is_some() { self.refusal() } else { AckKind::Nak(None) };
        let Some(acker) = self.acker.take() else { return };
        runtime.spawn(async move {
            if let Err(error) = acker.say(refusal).await {
                debug!(%error, "an event that was dropped could not be given back; it comes again when its time is up");
            }
        });
    }
}
