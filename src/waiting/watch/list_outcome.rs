//! What a list of jobs that has come, or has not, means for those who wait.

use super::subscription::{Key, Listing};
use super::{ListLimit, Watch, Way};
use crate::api::error::{Error, ErrorCode};
use crate::api::jobs::{self, JobStatus, Seen};
use crate::time::{Instant, Millis};
use crate::waiting::job_list::{JobList, Progress, SLICE};
use crate::waiting::list_schedule::{ListQuery, Listed};

/// After so many changed jobs of a list the program goes on with something else: for each of them a
/// call goes on, and often the application.
pub(super) const CHANGED: usize = 100;

impl Watch {
    /// There was no slot for the list before the leader's time was over.
    pub(crate) fn list_given_up(&mut self, key: Key, now: Instant) {
        self.sharing.is_listing = false;
        self.resign(key, now);
    }

    /// How long a list may take.
    pub(crate) fn list_limit(&self) -> Millis {
        self.lists.limit()
    }

    /// There is no list this time. `limit`: whose time limit the request had.
    pub(crate) fn list_failed(&mut self, query: ListQuery, now: Instant, way: Way, error: &Error, limit: ListLimit) {
        self.sharing.is_listing = false;
        match error.code {
            ErrorCode::ConnectionFailed | ErrorCode::ConnectionReset | ErrorCode::RateLimited => self.unanswered(now, error),
            _ if limit == ListLimit::Leader => {}
            _ => {
                self.lists.failed(now, query, error);
                if !self.has_lists(now, way) {
                    self.wake_sharers();
                }
            }
        }
    }

    /// The server did not answer: for each that the list would have served, a poll has failed.
    fn unanswered(&mut self, now: Instant, error: &Error) {
        self.lists.unanswered(now);
        for (key, own) in self.subscriptions.iter_mut() {
            if !own.shares || own.is_left_out(now) || !own.wait.is_idle() {
                continue;
            }
            own.wait.failed(now, error);
            if !own.wait.is_idle() {
                self.woken.push(key);
            }
        }
    }

    /// A list has come: some more subscriptions learn what it says about their jobs. Returns
    /// whether all of them have.
    pub(crate) fn listed(&mut self, list: &mut JobList, now: Instant) -> bool {
        let mut changed = Vec::new();
        for (key, own) in self.subscriptions.range_mut(list.next, SLICE) {
            if changed.len() == CHANGED {
                break;
            }
            list.next = key.saturating_add(1);
            let Some(own) = own else { continue };
            if !own.shares || !own.wait.is_idle() {
                continue;
            }
            if let Some(job) = list.job(own.wait.job_id()) {
                own.listing = Listing::Shown;
                if own.wait.was_last(&job.get_text("status").unwrap_or_default()) {
                    own.wait.follow(self.agents.plan(&own.agent));
                    own.wait.is_unchanged(now);
                } else {
                    changed.push((key, job));
                }
                // A list that was asked for before the wait began may be older than the job.
            } else if own.is_served(now) && own.wait.began() <= list.asked_at {
                list.falls_short |= list.is_cut;
                if !list.is_cut && own.missed_by(list.query.which, now) {
                    self.woken.push(key);
                }
            }
        }
        let progress = if list.next < self.subscriptions.key_end() { Progress::UnderWay } else { Progress::Done };
        for (key, job) in changed {
            let job = self.subscriptions.get(key).map(|own| list.job_for(own.wait.job_id(), job, progress));
            if let Some(job) = job {
                self.shown(key, now, jobs::read_job(job));
            }
        }
        if progress == Progress::UnderWay {
            return false;
        }
        self.sharing.is_listing = false;
        let JobList { query, asked_at, falls_short, .. } = *list;
        self.lists.arrived(now, query, Listed { asked_at, count: list.count(), falls_short });
        true
    }

    /// A list shows the job of this subscription in another status.
    fn shown(&mut self, key: Key, now: Instant, seen: Seen) {
        let place = self.answers.place;
        self.answers.learn_from(&seen);
        let Some(own) = self.subscriptions.get_mut(key) else { return };
        own.is_of(&seen.document, &mut self.agents);
        seen.document.share_texts(&self.texts);
        own.wait.follow(self.agents.plan(&own.agent));
        if seen.status == JobStatus::Completed && !seen.has_result {
            // Lists may leave the answers out.
            own.must_poll(now);
        } else {
            own.wait.seen(now, seen, place);
        }
        self.woken.push(key);
    }
}
