//! Where a server's answers are, as far as is known: in its jobs, or in their channels alone.

use crate::api::jobs::{JobStatus, Seen};
use crate::json::Json;
use crate::time::{Instant, Millis};
use crate::waiting::channel::Answers;

/// The pause after the first probe; it doubles with each further one.
const FIRST_PROBE_PAUSE: Millis = Millis::new(5_000.0);

/// What is known of a server's answers.
#[derive(Debug)]
pub(super) struct KnownAnswers {
    pub(super) place: Answers,
    /// The channels that the server has shown last, by name, while somebody waits.
    pub(super) channels: Option<Json>,
    /// When the next probe may begin, and the pause after that.
    probe_at: Instant,
    probe_pause: Millis,
}

impl Default for KnownAnswers {
    fn default() -> Self {
        let place = Answers::default();
        Self { place, channels: None, probe_at: Instant::default(), probe_pause: FIRST_PROBE_PAUSE }
    }
}

impl KnownAnswers {
    /// Whether one of many waits should find out where the answers are.
    pub(super) fn needs_probe(&self, now: Instant) -> bool {
        self.place == Answers::Unknown && now >= self.probe_at
    }

    pub(super) fn probe_begins(&mut self, now: Instant) {
        self.probe_at = now + self.probe_pause;
        self.probe_pause = self.probe_pause.times(2.0);
    }

    /// A job was seen.
    pub(super) fn learn_from(&mut self, seen: &Seen) {
        if seen.status == JobStatus::Completed && seen.has_result {
            self.place = Answers::InJobs;
        }
    }

    /// A channel had an answer that its job has not. Returns whether that was not known before.
    pub(super) fn found_in_channel(&mut self) -> bool {
        core::mem::replace(&mut self.place, Answers::InChannels) != Answers::InChannels
    }
}
