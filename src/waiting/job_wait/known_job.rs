//! What one wait knows of its job.

use crate::api::jobs::{JobStatus, Seen};
use crate::json::Json;
use crate::time::Millis;
use crate::waiting::pace::Observed;

/// A processing time that differs by more than this from what was seen is not believed: the way to
/// the server takes some time, and so does what stands between a create and its answer.
const UNBELIEVABLE: Millis = Millis::new(5_000.0);

/// What was seen of the job. Its age is that of the wait.
#[derive(Debug)]
pub(super) struct KnownJob {
    /// The job as it was last seen while it was not final.
    pub(super) last: Option<Seen>,
    /// How long it lives; `None` for one that was not created here, until it is seen.
    pub(super) lifetime: Option<Millis>,
    /// The age at which it was last seen unfinished.
    pub(super) unfinished_at: Millis,
    /// The job in a status that the caller does not know of yet.
    pub(super) unreported: Option<Json>,
    /// Whether the last poll found no such job.
    pub(super) is_missing: bool,
    /// How long the agent took, by the server's word.
    took: Option<Millis>,
}

impl KnownJob {
    pub(super) fn new(lifetime: Option<Millis>) -> Self {
        Self { last: None, lifetime, unfinished_at: Millis::ZERO, unreported: None, is_missing: false, took: None }
    }

    /// The server shows the job.
    pub(super) fn is_shown(&mut self, seen: &Seen) {
        self.is_missing = false;
        // A client that has created the job may not know its time, or not well.
        self.lifetime = Some(self.lifetime.map_or(seen.lifetime, |known| known.max(seen.lifetime)));
        let word = |seen: &Seen| (seen.status, seen.document.get_text("rawStatus"));
        if self.last.as_ref().map(word) != Some(word(seen)) {
            self.unreported = Some(seen.document.clone());
        }
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
            None if self.unfinished_at.is_positive() => Some(Observed::Unfinished(self.unfinished_at)),
            None => None,
        }
    }
}
