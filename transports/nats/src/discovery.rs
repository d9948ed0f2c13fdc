//! Tells NATS's own tools of a service: answers `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, so that `nats micro ls` and its
//! like see it.
//!
//! What is asked and answered is set down in NATS's ADR-32, the micro protocol. A service here has one endpoint, the
//! subject that all its methods share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Subject;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use serde_json::{Value, json};
use thriftwood_core::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::bus::Shared;
use crate::error;

/// One served service, as it is announced.
pub(crate) struct Service {
    name: String,
    id: String,
    version: String,
    subject: String,
    queue_group: String,
    /// As RFC 3339 has it.
    started: String,
    counts: Mutex<Counts>,
}

/// What came of the calls so far.
#[derive(Clone, Debug, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    last_error: String,
    processing: Duration,
}

impl Service {
    /// Announces `service`, and answers for it until `stop`.
    pub(crate) async fn announce(
        shared: &Arc<Shared>,
        service: &str,
        subject: &str,
        queue_group: &str,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        // Inboxes are unique names that the client library has the means to make.
        let id = shared.nats.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
        // Only a year beyond 9999 has no such form.
        let started = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let this = Arc::new(Self {
            name: service.to_owned(),
            id,
            version: shared.version.clone(),
            subject: subject.to_owned(),
            queue_group: queue_group.to_owned(),
            started,
            counts: Mutex::default(),
        });
        let mut questions = Vec::new();
        for verb in ["PING", "INFO", "STATS"] {
            let all = format!("$SRV.{verb}");
            let named = format!("{all}.{}", this.name);
            let one = format!("{named}.{}", this.id);
            for subject in [all, named, one] {
                questions.push(shared.nats.subscribe(subject).await.map_err(error::bus)?);
            }
        }
        let (nats, answering) = (shared.nats.clone(), Arc::clone(&this));
        tokio::spawn(async move {
            let mut questions = select_all(questions);
            loop {
                let question = tokio::select! {
                    question = questions.next() => question,
                    () = stop.cancelled() => None,
                };
                let Some(question) = question else { return };
                let (Some(reply), Some(answer)) = (question.reply, answering.answer(&question.subject)) else {
                    continue;
                };
                if let Err(error) = nats.publish(reply, answer.to_string().into()).await {
                    debug!(%error, "a question about a service could not be answered");
                }
            }
        });
        Ok(this)
    }

    /// Counts a call that took this long, and its error when it was answered with one.
    pub(crate) fn count(&self, took: Duration, error: Option<String>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests += 1;
        counts.processing += took;
        if let Some(error) = error {
            counts.errors += 1;
            counts.last_error = error;
        }
    }

    fn answer(&self, subject: &Subject) -> Option<Value> {
        let mut answer = json!({ "name": self.name, "id": self.id, "version": self.version, "metadata": {} });
        let (kind, more) = match subject.split('.').nth(1)? {
            "PING" => ("ping", json!({})),
            "INFO" => ("info", json!({ "description": "", "endpoints": [self.endpoint()] })),
            "STATS" => ("stats", json!({ "started": self.started, "endpoints": [self.statistics()] })),
            _ => return None,
        };
        let answers = answer.as_object_mut()?;
        answers.insert("type".into(), format!("io.nats.micro.v1.{kind}_response").into());
        if let Value::Object(more) = more {
            answers.extend(more);
        }
        Some(answer)
    }

    fn endpoint(&self) -> Value {
        json!({ "name": self.name, "subject": self.subject, "queue_group": self.queue_group, "metadata": {} })
    }

    fn statistics(&self) -> Value {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let nanos = counts.processing.as_nanos();
        json!({
            "name": self.name,
            "subject": self.subject,
            "queue_group": self.queue_group,
            "num_requests": counts.requests,
            "num_errors": counts.errors,
            "last_error": counts.last_error,
            "processing_time": nanos as u64,
            "average_processing_time": (nanos / u128::from(counts.requests.max(1))) as u64,
        })
    }
}
