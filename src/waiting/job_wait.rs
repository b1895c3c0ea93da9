//! Waiting for one job, as a value: what happens and the time come in, the next step goes out.
//! Nothing here sends or sleeps.
//!
//! ```text
//!             not final, or the poll failed
//!        ┌──────────────────────────────────────┐
//!        v                                      │
//!     Idle ───── due, slot taken ──> Polling ───┼──> Over
//!                                       │       │
//!                                       └──> ReadingChannel
//! ```
//!
//! The rules, in the order of importance:
//! - The caller's deadline ends the wait. With neither an interval nor a number of polls of the
//!   caller's, the job's own expiry ends it too, [`GRACE`] later.
//! - Right after its expiry the job gets one last poll, whatever the rate limit says: it makes the
//!   server end the job, and soon afterwards the server forgets it.
//! - A failed poll ends nothing, unless the server refuses it for good.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, JobStatus, Seen};
use crate::http::rate_limit::Slot;
use crate::http::retry::POLL_LIMIT;
use crate::json::Json;
use crate::time::{Instant, Millis, WallTime};
use crate::waiting::channel::{self, Answers};
use crate::waiting::pace::{Observed, PollPlan};
use crate::waiting::schedule::{PollSchedule, WaitPlan};

/// How long a job may outlive its own expiry before the wait ends. A poll after the expiry makes
/// the server end the job, so that one or two more polls are enough.
pub(crate) const GRACE: Millis = Millis::new(5_000.0);
/// How long after its expiry a job gets its last poll.
pub(crate) const AFTER_EXPIRY: Millis = Millis::new(50.0);
/// How long after a job's expiry a poll may last that began before it: the last poll comes then.
const OVERLAP: Millis = Millis::new(1_000.0);
/// A timer that is later than this was held up: the page was hidden, or the machine slept.
const HELD_UP: Millis = Millis::new(1_000.0);
/// What was seen so short a time ago is not looked at again because the page is back.
const JUST_SEEN: Millis = Millis::new(300.0);
/// Two points in time that are nearer than this are the same: timers end a fraction of a
/// millisecond early.
const SAME: Millis = Millis::new(0.5);
/// The age of a wait from which it reads the channel of a job, on a server that is not known yet.
const FIRST_CHANNEL: Millis = Millis::new(5_000.0);
/// How many times as old the wait is when the channel is read again.
const LATER_CHANNEL: f64 = 3.0;
/// How long a job that no poll has found yet is waited for where nothing else limits the wait.
const NEVER_SEEN: Millis = Millis::new(jobs::MAX_JOB_TIMEOUT_MS);

/// A processing time that differs by more than this from what was seen is not believed: the way to
/// the server takes some time, and so does what stands between a create and its answer.
const UNBELIEVABLE: Millis = Millis::new(5_000.0);

/// Why a wait sees nothing new.
const CACHED: &str = "; the server's answers came from an HTTP cache and were old (their Age or Date says so): keep it from \
                      caching /api/messaging";

/// What a wait begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// The caller's interval and number of polls.
    pub(crate) plan: WaitPlan,
    /// How long the job lives, where it was created here.
    pub(crate) lifetime: Option<Millis>,
    /// Whether it was there before the call began: its answer may be there too, and the wait's
    /// beginning says nothing of the job's age.
    pub(crate) was_there: bool,
    /// When the caller's time is over; infinite without a limit.
    pub(crate) deadline: Instant,
    /// The caller's limit, for messages.
    pub(crate) limit: Option<Millis>,
    /// Whether polls of others may serve it, and its own polls others.
    pub(crate) may_share: bool,
}

/// What a step depends on beside the job itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// For how long the server asks to stay away.
    pub(crate) quiet: Millis,
    /// Whether no shared list stands in for this wait's polls.
    pub(crate) is_alone: bool,
    /// Whether a cache answers in place of the server.
    pub(crate) is_cached: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing, before this point in time.
    Sleep(Instant),
    /// Take a slot of the rate limit before `by`.
    TakeSlot { by: Instant, slot: Slot },
    /// Poll the job. What takes longer than `limit` has failed.
    Poll { limit: Millis },
    /// Read the channel of the job, which was created at `created_at` on the server's clock, before
    /// `by`. Its requests take such slots of the rate limit.
    ReadChannel { created_at: Option<WallTime>, by: Instant, slot: Slot },
    /// Report that the job was seen for the first time, or in another status.
    Report(Json),
    /// The wait is over: a job that is final, or why there is none.
    Over(Box<Result<Seen>>),
}

#[derive(Debug)]
enum State {
    Idle,
    Polling { may_read_channel: bool },
    ReadingChannel(Box<Seen>),
    Over(Option<Box<Result<Seen>>>),
}

/// Why a wait ends without an answer.
enum Limit {
    /// The caller's deadline, or the job's own end.
    Time,
    /// The caller's number of polls.
    Polls,
}

/// The wait for one job.
#[derive(Debug)]
pub(crate) struct JobWait {
    job_id: String,
    schedule: PollSchedule,
    max_polls: Option<u32>,
    began: Instant,
    deadline: Instant,
    limit: Option<Millis>,
    was_created_here: bool,
    was_there: bool,
    lifetime: Option<Millis>,
    state: State,
    has_slot: bool,
    /// When the next poll is due, and how long after the one before.
    due: Instant,
    gap: Millis,
    sleeps_until: Option<Instant>,
    /// A wait that was held up ends no sooner than this.
    extended_until: Option<Instant>,
    polls: u32,
    /// When the last poll began, and how long the next one may take: twice as long after each that
    /// took too long.
    polled_at: Instant,
    poll_limit: Millis,
    last: Option<Seen>,
    /// The age at which the job was last seen unfinished.
    unfinished_at: Millis,
    /// How long the agent took, by the server's word.
    took: Option<Millis>,
    unreported: Option<Json>,
    /// Whether the last poll found no such job.
    is_missing: bool,
    had_last_chance: bool,
    is_cached: bool,
    channel_due: Millis,
}

impl JobWait {
    pub(crate) fn new(job_id: &str, terms: Terms, plan: Rc<PollPlan>, now: Instant) -> Self {
        let (schedule, max_polls) = terms.plan.schedule(plan);
        let mut wait = Self {
            job_id: job_id.to_owned(),
            schedule,
            max_polls,
            began: now,
            deadline: terms.deadline,
            limit: terms.limit,
            was_created_here: terms.lifetime.is_some(),
            was_there: terms.was_there,
            lifetime: terms.lifetime,
            state: State::Idle,
            has_slot: false,
            due: now,
            gap: Millis::ZERO,
            sleeps_until: None,
            extended_until: None,
            polls: 0,
            polled_at: now,
            poll_limit: POLL_LIMIT,
            last: None,
            unfinished_at: Millis::ZERO,
            took: None,
            unreported: None,
            is_missing: false,
            had_last_chance: false,
            is_cached: false,
            channel_due: FIRST_CHANNEL,
        };
        // Our own schedule leaves a new job a moment; the caller's interval comes after the first
        // poll.
        if wait.is_paced_here() && !wait.was_there {
            wait.is_due_after(now, wait.schedule.gap(Millis::ZERO));
        }
        wait
    }

    pub(crate) fn job_id(&self) -> &str {
        &self.job_id
    }

    pub(crate) fn was_created_here(&self) -> bool {
        self.was_created_here
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// When the next poll is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The pause that the schedule makes between the last poll and the next.
    pub(crate) fn gap(&self) -> Millis {
        self.gap
    }

    /// Whether the schedule is ours, so that other polls than this wait's own may serve it.
    pub(crate) fn is_paced_here(&self) -> bool {
        matches!(self.schedule, PollSchedule::Planned(_))
    }

    /// More is known about the agent: from now on the wait goes by this plan, where it goes by one.
    pub(crate) fn follow(&mut self, plan: Rc<PollPlan>) {
        if let PollSchedule::Planned(followed) = &mut self.schedule {
            *followed = plan;
        }
    }

    /// What the wait says about the time that the agent takes.
    pub(crate) fn observed(&self) -> Option<Observed> {
        match self.took {
            Some(took) => Some(Observed::Finished(took)),
            None if self.unfinished_at.is_positive() => Some(Observed::Unfinished(self.unfinished_at)),
            None => None,
        }
    }

    /// How long the agent took, by the server's word, if that goes with what was seen.
    fn believed(&self, now: Instant, took: Millis) -> Option<Millis> {
        let latest = if !self.was_there { now.since(self.began) + UNBELIEVABLE } else { Millis::FOREVER };
        let earliest = (self.unfinished_at - UNBELIEVABLE).max(Millis::ZERO);
        (earliest..=latest).contains(&took).then_some(took)
    }

    /// Whether a job of which nothing is known has been quiet for long enough that its channel is
    /// worth a look.
    pub(crate) fn is_channel_due(&self, now: Instant) -> bool {
        now.since(self.began) >= self.channel_due
    }

    /// Whether it waits for nothing but its next poll.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.has_slot && self.unreported.is_none()
    }

    /// Whether the job was last seen in this status, by the server's own word.
    pub(crate) fn was_last(&self, status: &str) -> bool {
        self.last.as_ref().is_some_and(|seen| seen.status.as_str() == status && seen.status != JobStatus::Unknown)
    }

    /// Up to when a shared list may stand in for the polls of this wait: until just after the job's
    /// expiry, but not beyond the end of the wait.
    pub(crate) fn shares_until(&self, now: Instant) -> Instant {
        let stop = self.stop();
        if self.is_expired(now) { stop } else { stop.min(self.expiry() + AFTER_EXPIRY) }
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expiry()
    }

    /// Notes until when it sleeps, so that a timer that is held up is noticed.
    pub(crate) fn sleep_until(&mut self, until: Instant) {
        self.sleeps_until = Some(until);
    }

    /// It sleeps no longer. One that was held up gets another poll, for the answer may have come
    /// meanwhile.
    pub(crate) fn wakes(&mut self, now: Instant) {
        let is_late = self.sleeps_until.take().is_some_and(|until| now > until + HELD_UP);
        if is_late {
            self.extended_until = Some(self.deadline.min(now + GRACE));
        }
    }

    /// Whether the job was seen a moment ago.
    pub(crate) fn was_just_seen(&self, now: Instant) -> bool {
        self.last.is_some() && now.since(self.began) < self.unfinished_at + JUST_SEEN
    }

    /// The page is visible or online again: the next poll is due at once.
    pub(crate) fn is_active_again(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }

    /// The job, where it was seen for the first time or in another status.
    pub(crate) fn take_report(&mut self) -> Option<Json> {
        self.unreported.take()
    }

    /// The next step.
    pub(crate) fn next(&mut self, now: Instant, around: Surroundings) -> Next {
        self.wakes(now);
        self.is_cached = around.is_cached;
        if let Some(job) = self.take_report() {
            return Next::Report(job);
        }
        match &mut self.state {
            State::Over(end) => match end.take() {
                Some(end) => return Next::Over(end),
                None => return Next::Sleep(Instant::from_ms(f64::INFINITY)),
            },
            State::ReadingChannel(seen) => {
                let (created_at, is_last) = (seen.created_at(), seen.status.is_terminal());
                // The job's last poll does not wait for a channel, and nobody for a rate limit
                // without end.
                let by = self.stop().min(if is_last { now + GRACE } else { self.shares_until(now) });
                return Next::ReadChannel { created_at, by, slot: Slot::last_if(is_last) };
            }
            State::Polling { .. } => return Next::Sleep(self.stop()),
            State::Idle => {}
        }
        if self.has_slot {
            return self.poll(now, around);
        }
        if now < self.due {
            self.sleep_until(self.due);
            return Next::Sleep(self.due);
        }
        self.poll_when_allowed(now, around)
    }

    /// The poll is due.
    fn poll_when_allowed(&mut self, now: Instant, around: Surroundings) -> Next {
        let stop = self.stop();
        // A clock of fractions may stand just before it.
        if (self.polls > 0 || self.is_paced_here()) && now + SAME >= stop {
            return Next::Over(Box::new(Err(self.over(now, Limit::Time, None))));
        }
        if !self.is_paced_here() {
            // The caller's interval is obeyed; so is a server that asks to stay away.
            let pause = around.quiet.min(stop.since(now));
            if pause.is_positive() {
                self.due = now + pause;
                return self.next(now, around);
            }
            return self.poll(now, around);
        }
        let is_last = self.is_expired(now);
        // The server asks to stay away until there is nothing left to poll.
        if is_last && around.is_alone && !self.had_last_chance && now + around.quiet > stop {
            self.had_last_chance = true;
            return self.poll(now, around);
        }
        Next::TakeSlot { by: self.shares_until(now), slot: Slot::last_if(is_last) }
    }

    fn poll(&mut self, now: Instant, around: Surroundings) -> Next {
        self.has_slot = false;
        let may_read_channel = self.is_paced_here() && around.is_alone && !self.is_expired(now);
        self.state = State::Polling { may_read_channel };
        self.polled_at = now;
        let mut end = self.stop();
        if self.is_paced_here() {
            end = end.min(now + self.poll_limit);
            if !self.is_expired(now) {
                end = end.min(self.expiry() + OVERLAP);
            }
        }
        Next::Poll { limit: end.since(now).max(Millis::new(1.0)) }
    }

    /// There is a rate-limit slot for its poll.
    pub(crate) fn slot_taken(&mut self) {
        self.has_slot = true;
    }

    /// There was none in time.
    pub(crate) fn slot_missed(&mut self, now: Instant) {
        if now >= self.stop() {
            self.end(Err(self.over(now, Limit::Time, None)));
        }
        self.extended_until = None;
        self.due = now;
    }

    /// The job was seen.
    pub(crate) fn seen(&mut self, now: Instant, seen: Seen, answers: Answers) {
        self.polls = self.polls.saturating_add(1);
        let age = now.since(self.began);
        let early = match (&self.state, answers) {
            (State::Polling { may_read_channel: true }, Answers::InChannels) => true,
            (State::Polling { may_read_channel: true }, Answers::Unknown) => self.is_channel_due(now),
            _ => false,
        };
        if early {
            self.channel_due = age.times(LATER_CHANNEL);
        }
        if seen.status == JobStatus::Timeout || (early && !seen.status.is_terminal()) {
            self.state = State::ReadingChannel(Box::new(seen));
        } else {
            self.take(now, seen);
        }
    }

    /// A list shows the job as it was.
    pub(crate) fn is_unchanged(&mut self, now: Instant) {
        self.polls = self.polls.saturating_add(1);
        self.is_missing = false;
        self.unfinished_at = now.since(self.began);
        self.goes_on(now, None);
    }

    /// The channel was read: there is the job's result in it, or there is none.
    pub(crate) fn channel_read(&mut self, now: Instant, result: Option<Json>) {
        let State::ReadingChannel(seen) = core::mem::replace(&mut self.state, State::Idle) else { return };
        let seen = match result {
            Some(result) => channel::answered(*seen, result),
            None => *seen,
        };
        self.take(now, seen);
    }

    /// Takes what is known of the job now.
    fn take(&mut self, now: Instant, seen: Seen) {
        self.is_missing = false;
        // A client that has created the job may not know its time, or not well.
        let lifetime = seen.lifetime;
        self.lifetime = Some(self.lifetime.map_or(lifetime, |known| known.max(lifetime)));
        let word = |seen: &Seen| (seen.status, seen.document.get_text("rawStatus"));
        if self.last.as_ref().map(word) != Some(word(&seen)) {
            self.unreported = Some(seen.document.clone());
        }
        if seen.status.is_terminal() {
            match seen.status {
                JobStatus::Completed => {
                    let took = seen.document.get("result").and_then(|result| result.get_number("processingTimeMs"));
                    self.took = took.and_then(|took| self.believed(now, Millis::new(took)));
                    // Else nothing is known but that it has ended.
                    self.unfinished_at = Millis::ZERO;
                }
                JobStatus::Timeout => self.unfinished_at = self.unfinished_at.max(lifetime),
                _ => {}
            }
            self.end(Ok(seen));
        } else {
            self.unfinished_at = now.since(self.began);
            self.last = Some(seen);
            self.goes_on(now, None);
        }
    }

    /// A poll has failed.
    pub(crate) fn failed(&mut self, now: Instant, error: &Error) {
        self.polls = self.polls.saturating_add(1);
        let was_there = self.was_created_here || self.last.is_some();
        if error.code == ErrorCode::RequestTimeout {
            self.poll_limit = self.poll_limit.times(2.0);
        }
        match error.code {
            ErrorCode::JobNotFound if was_there && self.is_missing => self.end(Err(self.gone())),
            // Once may be a server that is just starting.
            ErrorCode::JobNotFound if was_there => {
                self.is_missing = true;
                self.goes_on(now, Some(error));
            }
            code if code.retryable() || (was_there && error.may_be_a_gateways()) => self.goes_on(now, Some(error)),
            _ => self.end(Err(self.about(error))),
        }
    }

    /// It is not over: the next poll comes after the schedule's gap, unless that was the last that
    /// the caller allows.
    fn goes_on(&mut self, now: Instant, failed: Option<&Error>) {
        self.state = State::Idle;
        self.extended_until = None;
        let age = now.since(self.began);
        let is_never_seen = self.lifetime.is_none() && self.is_expired(now);
        let limit = if self.max_polls.is_some_and(|most| self.polls >= most) {
            Limit::Polls
        } else if is_never_seen {
            Limit::Time
        } else {
            return self.is_due_after(now, self.schedule.gap(age));
        };
        let error = match failed {
            Some(error) if self.last.is_none() => self.about(error),
            failed => self.over(now, limit, failed),
        };
        self.end(Err(error));
    }

    /// The next poll is due after the gap; right after the job's expiry, if that comes sooner; and
    /// at the end of the wait at the latest.
    fn is_due_after(&mut self, now: Instant, gap: Millis) {
        let last_poll = self.expiry() + AFTER_EXPIRY;
        self.gap = gap;
        self.due = now + gap;
        // What began before the expiry was not the last poll, however long it took.
        if self.is_paced_here() && (now < last_poll || self.polled_at < self.expiry()) {
            self.due = self.due.min(last_poll);
        }
        self.due = self.due.min(self.stop()).max(now);
    }

    /// When the job expires. One that was never seen is waited for as long as any job may live,
    /// unless the caller says for how long, or how often.
    fn expiry(&self) -> Instant {
        let is_limited = self.deadline < Instant::from_ms(f64::INFINITY) || !self.is_paced_here();
        let unknown = if is_limited { Millis::FOREVER } else { NEVER_SEEN };
        self.began + self.lifetime.unwrap_or(unknown)
    }

    /// When the wait ends.
    fn stop(&self) -> Instant {
        let own_end = if self.is_paced_here() { self.expiry() + GRACE } else { Instant::from_ms(f64::INFINITY) };
        let stop = self.deadline.min(own_end);
        self.extended_until.map_or(stop, |until| stop.max(until))
    }

    fn end(&mut self, end: Result<Seen>) {
        self.state = State::Over(Some(Box::new(end)));
    }

    fn about(&self, error: &Error) -> Box<Error> {
        Box::new(error.clone()).about_job(&self.job_id)
    }

    fn over(&self, now: Instant, limit: Limit, failed: Option<&Error>) -> Box<Error> {
        let waited = now.since(self.began);
        // The deadline covers more than the wait: the caller knows the limit that it gave.
        let given = self.limit.filter(|_| now + SAME >= self.deadline);
        let waited = format!("{} ms", given.unwrap_or(waited).whole());
        let after = match limit {
            Limit::Time => waited,
            Limit::Polls => {
                let polls = if self.polls == 1 { "poll" } else { "polls" };
                format!("{} {polls} in {waited}", self.polls)
            }
        };
        let state = self.last.as_ref().map_or("not seen yet", |seen| seen.status.as_str());
        let why = failed.map(|error| format!("; the last poll failed: {}", error.message)).unwrap_or_default();
        let cache = if self.is_cached { CACHED } else { "" };
        let words = format!("no answer after {after}: the job is {state}; wait on with pollJob(error.jobId){why}{cache}");
        self.with_job(Error::new(ErrorCode::WaitTimeout, words))
    }

    fn gone(&self) -> Box<Error> {
        let words = "the job is not on the server any more: servers forget a finished job soon after its expiry, and all \
                     jobs when they restart";
        let mut error = Error::new(ErrorCode::JobGone, words);
        error.status = Some(404);
        self.with_job(error)
    }

    fn with_job(&self, mut error: Box<Error>) -> Box<Error> {
        error.job = self.last.as_ref().map(|seen| seen.document.clone());
        error.reference = self.last.as_ref().and_then(|seen| seen.reference.clone());
        error.about_job(&self.job_id)
    }
}

/// A final job as the caller's result: its answer, or an error that carries the job.
pub(crate) fn outcome(job_id: &str, seen: Seen) -> Result<Json> {
    let failure = jobs::failure(&seen.document);
    let (code, message) = match seen.status {
        JobStatus::Completed if seen.has_result => return Ok(seen.document),
        JobStatus::Completed => (ErrorCode::InvalidResponse, "the job is completed but has no answer in it".to_owned()),
        JobStatus::Failed => {
            (ErrorCode::JobFailed, format!("the job failed: {}", failure.as_deref().unwrap_or("the server gave no reason")))
        }
        _ => {
            let why = failure.map(|words| format!(": {words}")).unwrap_or_default();
            (ErrorCode::JobTimeout, format!("the agent gave no answer in the job's time{why}"))
        }
    };
    let mut error = Error::new(code, message);
    error.job = Some(seen.document);
    Err(error.about_job(job_id))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
