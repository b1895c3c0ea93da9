//! What one wait knows of its job.

use crate::api::jobs::{JobStatus, Seen};
use crate::json::Json;
use crate::time::Millis;
use crate::waiting::pace::Observed;

/// A processing time that differs by more than this from what was seen is not believed: the way to
/// the server takes some time, and so does what stands between a create and its answer.
const UNBELIEVABLE: Millis = Millis::new(5_000.0);

/// The job as it was last seen while it was not final.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) status: JobStatus,
    pub(super) document: Json,
    pub(super) reference: Option<Box<str>>,
}

impl Last {
    pub(super) fn of(seen: Seen) -> Self {
        Self { status: seen.status, document: seen.document, reference: seen.reference.map(String::into_boxed_str) }
    }
}

/// What was seen of the job. Its age is that of the wait.
#[derive(Debug)]
pub(super) struct KnownJob {
    pub(super) last: Option<Last>,
    /// How long it lives; without end for one that was not created here, until it is seen.
    pub(super) lifetime: Millis,
    /// The age at which it was last seen unfinished.
    pub(super) unfinished_at: Millis,
    /// How long the agent took, by the server's word.
    took: Option<Millis>,
    /// Whether it is in a status that the caller does not know of yet.
    pub(super) is_news: bool,
    /// Whether the last poll found no such job.
    pub(super) is_missing: bool,
}

impl KnownJob {
    pub(super) fn new(lifetime: Option<Millis>) -> Self {
        let lifetime = lifetime.unwrap_or(Millis::FOREVER);
        Self { last: None, lifetime, unfinished_at: Millis::ZERO, took: None, is_news: false, is_missing: false }
    }

    /// Whether it is known how long it lives.
    pub(super) fn has_lifetime(&self) -> bool {
        self.lifetime < Millis::FOREVER
    }

    /// The server shows the job.
    pub(super) fn is_shown(&mut self, seen: &Seen) {
        self.is_missing = false;
        // A client that has created the job may not know its time, or not well.
        self.lifetime = if self.has_lifetime() { self.lifetime.max(seen.lifetime) } else { seen.lifetime };
        let word = |status: JobStatus, document: &Json| (status, document.get_text("rawStatus"));
        let known = self.last.as_ref().map(|last| word(last.status, &last.document));
        self.is_news |= known != Some(word(seen.status, &seen.document));
    }

    /// The job is final. `age` is absent where the job is older than the wait.
    pub(super) fn has_ended(&mut self, seen: &Seen, age: Option<Millis>) {
        match seen.status {
            JobStatus::Completed => {
                let took = seen.document.get("result").and_then(|result| result.get_number("processingTimeMs"));
                self.took = took.map(Millis::new).filter(|took| self.is_believed(*took, age));
                // Else nothing is known but that it has ended.
                self.unfinished_at = Millis::ZERO;
            }
            JobStatus::Timeout => self.unfinished_at = self.unfinished_at.max(seen.lifetime),
            _ => {}
        }
    }

    /// Whether the server's word for the time that the agent took goes with what was seen.
    fn is_believed(&self, took: Millis, age: Option<Millis>) -> bool {
        let earliest = (self.unfinished_at - UNBELIEVABLE).max(Millis::ZERO);
        let latest = age.map_or(Millis::FOREVER, |age| age + UNBELIEVABLE);
        (earliest..=latest).contains(&took)
    }

    /// What this says about the time that the agent takes.
    pub(super) fn observed(&self) -> Option<Observed> {
        match self.took {
            Some(took) => Some(Observed::Finished(took)),
            None => self.unfinished_at.is_positive().then_some(Observed::Unfinished(self.unfinished_at)),
        }
    }
}
