//! How a wait ends without a final job: the errors, and what they say.

use super::{JobWait, Limit, SAME};
use crate::api::error::{Error, ErrorCode};
use crate::time::Instant;

/// Why a wait sees nothing new.
const CACHED: &str = "; the server's answers came from an HTTP cache and were old (their Age or Date says so): keep it from \
                      caching /api/messaging";

impl JobWait {
    /// What a poll said, as an error about this job.
    pub(super) fn about(&self, error: &Error) -> Box<Error> {
        Box::new(error.clone()).about_job(&self.job_id)
    }

    /// The time or the polls that the caller allows are used up.
    pub(super) fn over(&self, now: Instant, limit: Limit) -> Box<Error> {
        let waited = self.age(now);
        // The deadline covers more than the wait: the caller knows the limit that it gave.
        let given = self.limits.as_ref().filter(|limits| now + SAME >= limits.deadline).and_then(|limits| limits.given);
        let waited = format!("{} ms", given.unwrap_or(waited).whole());
        let after = match limit {
            Limit::Time => waited,
            Limit::Polls => {
                let polls = if self.polls.made == 1 { "poll" } else { "polls" };
                format!("{} {polls} in {waited}", self.polls.made)
            }
        };
        let state = self.job.last.as_ref().map_or("not seen yet", |seen| seen.status.as_str());
        let why = self.polls.failure.as_ref().map(|words| format!("; the last poll failed: {words}")).unwrap_or_default();
        let cache = if self.is_cached { CACHED } else { "" };
        let words = format!("no answer after {after}: the job is {state}; wait on with pollJob(error.jobId){why}{cache}");
        self.with_job(Error::new(ErrorCode::WaitTimeout, words))
    }

    /// The server had the job, and has it no more.
    pub(super) fn gone(&self) -> Box<Error> {
        let words = "the job is not on the server any more: servers forget a finished job soon after its expiry, and all \
                     jobs when they restart";
        let mut error = Error::new(ErrorCode::JobGone, words);
        error.status = Some(404);
        self.with_job(error)
    }

    fn with_job(&self, mut error: Box<Error>) -> Box<Error> {
        error.job = self.job.last.as_ref().map(|seen| seen.document.clone());
        error.reference = self.job.last.as_ref().and_then(|seen| seen.reference.as_deref().map(str::to_owned));
        error.about_job(&self.job_id)
    }
}
