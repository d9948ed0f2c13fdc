//! What a publish waits for.

use crate::{Error, ErrorKind};

/// What has become of an event when its publish resolves, on a transport that keeps events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// It is on the disk, and survives a power cut. Transports that keep no events refuse to publish it.
    Durable,
    /// The operating system has it: it survives the death of the process. A permission: a transport may do more.
    Buffered,
}

/// What a transport is told about one publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishOptions {
    /// What the publish waits for; where nobody said, what the bus is set to.
    pub durability: Option<Durability>,
}

impl PublishOptions {
    /// With this durability, or none in particular.
    #[must_use]
    pub fn durability(mut self, durability: Option<Durability>) -> Self {
        self.durability = durability;
        self
    }

    /// For a transport that keeps no events: fails when they were to be kept.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`].
    pub fn refuse_durable(&self, scheme: &str) -> Result<(), Error> {
        match self.durability {
            Some(Durability::Durable) => {
                let text =
                    format!("{scheme} keeps no events, so none can be durable; `log:DIR` and `jetstream://` keep them");
                Err(Error::new(ErrorKind::Unsupported, text))
            }
            Some(Durability::Buffered) | None => Ok(()),
        }
    }
}
