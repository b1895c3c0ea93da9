//! A list of jobs that has come, on its way to those who wait for them.

use crate::json::{Json, copied};
use crate::time::Instant;
use crate::waiting::list_schedule::ListQuery;

/// So many jobs of a list are looked at before the program goes on with something else.
pub(super) const SLICE: usize = 500;

/// How far a list has come on its way to the subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There are further subscriptions. Before they learn of it, callers run.
    UnderWay,
    /// All subscriptions have learned of it.
    Done,
}

/// The jobs of a list by their ids.
#[derive(Debug)]
pub(crate) struct JobList {
    pub(super) query: ListQuery,
    pub(super) asked_at: Instant,
    /// The jobs as they came.
    listed: Json,
    /// How many of them were looked at.
    count: usize,
    /// Those that were looked at. The runtime's own object finds them fast.
    jobs: Json,
    /// Which of them went to a subscription.
    used: Json,
    /// Whether there may be more than it shows, when it was looked through. A server that returns
    /// more than it was asked for knows no limit.
    pub(super) is_cut: bool,
    /// Whether it was cut off and leaves out jobs that are waited for.
    pub(super) falls_short: bool,
    /// The next subscription to learn of it.
    pub(super) next: usize,
}

impl JobList {
    /// A list as it came.
    pub(crate) fn new(query: ListQuery, asked_at: Instant, document: &Json) -> Self {
        let listed = document.get("jobs").unwrap_or_else(Json::object);
        let (jobs, used) = (Json::object(), Json::object());
        Self { query, asked_at, listed, count: 0, jobs, used, is_cut: false, falls_short: false, next: 0 }
    }

    /// Looks through some more of the list. Returns whether it has been through all of it.
    pub(crate) fn read_on(&mut self) -> bool {
        let end = self.count.saturating_add(SLICE);
        for job in self.listed.some_elements(self.count, SLICE) {
            self.count = self.count.saturating_add(1);
            if let Some(id) = job.get_text("jobId") {
                self.jobs = core::mem::replace(&mut self.jobs, Json::object()).set(&Self::key(&id), job);
            }
        }
        self.is_cut = self.count() == self.query.limit;
        self.count < end
    }

    /// How many jobs it has, when it was looked through.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// The colon keeps names away that mean something else to an object.
    fn key(id: &str) -> String {
        format!(":{id}")
    }

    /// The job with this id, as it came.
    pub(super) fn job(&self, id: &str) -> Option<Json> {
        self.jobs.get(&Self::key(id))
    }

    /// Whether a subscription has the job as it came.
    pub(super) fn is_used(&self, id: &str) -> bool {
        self.used.get(&Self::key(id)).is_some()
    }

    /// The job as it came for one that waits for it, and a copy for each other one: what one caller
    /// does with its job must not reach another. As long as callers run before others learn of the
    /// list, each gets a copy.
    pub(super) fn job_for(&mut self, id: &str, job: Json, progress: Progress) -> Json {
        if progress == Progress::UnderWay || self.is_used(id) {
            return copied(&job);
        }
        self.used = core::mem::replace(&mut self.used, Json::object()).set(&Self::key(id), Json::boolean(true));
        job
    }
}
