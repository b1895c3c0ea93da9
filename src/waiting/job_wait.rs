//! Waiting for one job, as a value: what happens and the time come in, the next step goes out.
//! Nothing here sends or sleeps.
//!
//! ```text
//!              not final, or the poll failed
//!      ┌───────────────────────────────────────────────┐
//!      v                                               │
//!    Idle ── due, slot taken ──> HasSlot ──> Polling ──┼──> Over
//!                                               │      │
//!                                               └──> ReadingChannel
//! ```
//!
//! A schedule of the caller's takes no slot: it goes from `Idle` to `Polling`.
//!
//! The rules, in the order of importance:
//! - The caller's deadline ends the wait. With neither an interval nor a number of polls of the
//!   caller's, the job's own expiry ends it too, [`GRACE`] later.
//! - Right after its expiry the job gets one last poll, whatever the rate limit says: it makes the
//!   server end the job, and soon afterwards the server forgets it.
//! - A failed poll ends nothing, unless the server refuses it for good.

mod ending;
mod known_job;
mod outcome;

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
use known_job::{KnownJob, Last};
pub(crate) use outcome::outcome;

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
    /// It waits for its next poll.
    Idle,
    /// There is a rate-limit slot for its next poll.
    HasSlot,
    Polling {
        may_read_channel: bool,
    },
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

/// What the caller limits.
#[derive(Debug)]
struct Limits {
    /// When the caller's time is over; infinite without a limit.
    deadline: Instant,
    /// The caller's limit, for messages.
    given: Option<Millis>,
    /// How many polls there are at most.
    polls: Option<u32>,
}

impl Limits {
    /// `None` where there are none.
    fn of(terms: &Terms) -> Option<Box<Self>> {
        let limits = Self { deadline: terms.deadline, given: terms.limit, polls: terms.plan.max_polls() };
        let are_none = limits.deadline == Instant::NEVER && limits.given.is_none() && limits.polls.is_none();
        (!are_none).then(|| Box::new(limits))
    }
}

/// The polls of one wait.
#[derive(Debug)]
struct Polls {
    /// How many there were; a list that shows the job counts as one.
    made: u32,
    /// When the next one is due.
    due: Instant,
    /// The pause that the schedule makes before it.
    gap: Millis,
    /// When the last one began.
    began_at: Instant,
    /// How long the next one may take: twice as long after each that took too long.
    limit: Millis,
    /// Whether the job had its last poll while the server asked to stay away.
    had_last_chance: bool,
    /// Why the last one saw nothing.
    failure: Option<Box<str>>,
}

/// The sleep between two polls, which ends late when the page is hidden or the machine sleeps.
#[derive(Debug)]
struct Sleep {
    /// Until when the wait sleeps, while it does.
    until: Instant,
    /// A wait that was held up ends no sooner than this: it gets another poll.
    extended_until: Instant,
}

impl Sleep {
    /// It does not sleep, and was not held up.
    const NONE: Self = Self { until: Instant::NEVER, extended_until: Instant::LONG_AGO };
}

/// The wait for one job. Ten thousand of them may wait: what few of them have is boxed.
#[derive(Debug)]
pub(crate) struct JobWait {
    job_id: Box<str>,
    limits: Option<Box<Limits>>,
    /// Whether the job was created by this client.
    was_created_here: bool,
    /// Whether the job was there before the call began.
    was_there: bool,
    schedule: PollSchedule,
    began: Instant,
    state: State,
    job: KnownJob,
    polls: Polls,
    sleep: Sleep,
    /// The age of the wait from which it reads the channel of its job.
    channel_due: Millis,
    /// Whether a cache answers in place of the server.
    is_cached: bool,
}

impl JobWait {
    pub(crate) fn new(job_id: &str, terms: Terms, plan: Rc<PollPlan>, now: Instant) -> Self {
        let polls = Polls {
            made: 0,
            due: now,
            gap: Millis::ZERO,
            began_at: now,
            limit: POLL_LIMIT,
            had_last_chance: false,
            failure: None,
        };
        let mut wait = Self {
            job_id: job_id.into(),
            limits: Limits::of(&terms),
            was_created_here: terms.lifetime.is_some(),
            was_there: terms.was_there,
            schedule: terms.plan.schedule(plan),
            began: now,
            state: State::Idle,
            job: KnownJob::new(terms.lifetime),
            polls,
            sleep: Sleep::NONE,
            channel_due: FIRST_CHANNEL,
            is_cached: false,
        };
        // Our own schedule leaves a new job a moment; the caller's interval comes after the first
        // poll.
        if wait.is_planned() && !terms.was_there {
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
        self.polls.due
    }

    /// The pause that the schedule makes between the last poll and the next.
    pub(crate) fn gap(&self) -> Millis {
        self.polls.gap
    }

    /// Whether the schedule is ours, so that other polls than this wait's own may serve it.
    pub(crate) fn is_planned(&self) -> bool {
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
        self.job.observed()
    }

    /// Whether a job of which nothing is known has been quiet for long enough that its channel is
    /// worth a look.
    pub(crate) fn is_channel_due(&self, now: Instant) -> bool {
        self.age(now) >= self.channel_due
    }

    fn age(&self, now: Instant) -> Millis {
        now.since(self.began)
    }

    /// Whether it waits for nothing but its next poll.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.job.is_news
    }

    /// Whether the job was last seen in this status, by the server's own word.
    pub(crate) fn was_last(&self, status: &str) -> bool {
        let last = self.job.last.as_ref();
        last.is_some_and(|seen| seen.status.as_str() == status && seen.status != JobStatus::Unknown)
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

    /// When the caller's time is over; infinite without a limit.
    pub(crate) fn deadline(&self) -> Instant {
        self.limits.as_ref().map_or(Instant::NEVER, |limits| limits.deadline)
    }

    /// Until when it sleeps, while it does.
    pub(crate) fn sleeps_until(&self) -> Instant {
        self.sleep.until
    }

    /// Notes until when it sleeps, so that a timer that is held up is noticed.
    pub(crate) fn sleep_until(&mut self, until: Instant) {
        self.sleep.until = until;
    }

    /// It sleeps no longer. One that was held up gets another poll, for the answer may have come
    /// meanwhile.
    pub(crate) fn wakes(&mut self, now: Instant) {
        if now > self.sleep.until + HELD_UP {
            self.sleep.extended_until = self.deadline().min(now + GRACE);
        }
        self.sleep.until = Instant::NEVER;
    }

    /// Whether the job was seen a moment ago.
    pub(crate) fn was_just_seen(&self, now: Instant) -> bool {
        self.job.last.is_some() && self.age(now) < self.job.unfinished_at + JUST_SEEN
    }

    /// The page is visible or online again: the next poll is due at once. An interval of the
    /// caller's is obeyed all the same.
    pub(crate) fn is_active_again(&mut self, now: Instant) {
        if self.is_planned() {
            self.polls.due = self.polls.due.min(now);
        }
    }

    /// The job, where it was seen for the first time or in another status.
    pub(crate) fn take_report(&mut self) -> Option<Json> {
        if !core::mem::take(&mut self.job.is_news) {
            return None;
        }
        match &self.state {
            State::Over(Some(end)) => end.as_ref().as_ref().ok().map(|seen| seen.document.clone()),
            _ => self.job.last.as_ref().map(|last| last.document.clone()),
        }
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
                None => return Next::Sleep(Instant::NEVER),
            },
            State::ReadingChannel(seen) => {
                let (created_at, is_last) = (seen.created_at(), seen.status.is_terminal());
                // The job's last poll does not wait for a channel, and nobody for a rate limit
                // without end.
                let by = self.stop().min(if is_last { now + GRACE } else { self.shares_until(now) });
                return Next::ReadChannel { created_at, by, slot: Slot::last_if(is_last) };
            }
            State::Polling { .. } => return Next::Sleep(self.stop()),
            State::HasSlot => return self.poll(now, around),
            State::Idle => {}
        }
        if now < self.polls.due {
            self.sleep_until(self.polls.due);
            return Next::Sleep(self.polls.due);
        }
        self.poll_when_allowed(now, around)
    }

    /// The poll is due.
    fn poll_when_allowed(&mut self, now: Instant, around: Surroundings) -> Next {
        let stop = self.stop();
        // A clock of fractions may stand just before it.
        if (self.polls.made > 0 || self.is_planned()) && now + SAME >= stop {
            return Next::Over(Box::new(Err(self.over(now, Limit::Time))));
        }
        if !self.is_planned() {
            // The caller's interval is obeyed; so is a server that asks to stay away.
            let pause = around.quiet.min(stop.since(now));
            if pause.is_positive() {
                self.polls.due = now + pause;
                return self.next(now, around);
            }
            return self.poll(now, around);
        }
        let is_last = self.is_expired(now);
        // The server asks to stay away until there is nothing left to poll.
        if is_last && around.is_alone && !self.polls.had_last_chance && now + around.quiet > stop {
            self.polls.had_last_chance = true;
            return self.poll(now, around);
        }
        Next::TakeSlot { by: self.shares_until(now), slot: Slot::last_if(is_last) }
    }

    fn poll(&mut self, now: Instant, around: Surroundings) -> Next {
        let may_read_channel = self.is_planned() && around.is_alone && !self.is_expired(now);
        self.state = State::Polling { may_read_channel };
        self.polls.began_at = now;
        let mut end = self.stop();
        if self.is_planned() {
            end = end.min(now + self.polls.limit);
            if !self.is_expired(now) {
                end = end.min(self.expiry() + OVERLAP);
            }
        }
        Next::Poll { limit: end.since(now).max(Millis::new(1.0)) }
    }

    /// There is a rate-limit slot for its poll.
    pub(crate) fn slot_taken(&mut self) {
        // A list may have ended the wait meanwhile.
        if matches!(self.state, State::Idle) {
            self.state = State::HasSlot;
        }
    }

    /// There was none in time.
    pub(crate) fn slot_missed(&mut self, now: Instant) {
        if now >= self.stop() {
            self.end(Err(self.over(now, Limit::Time)));
        }
        self.sleep.extended_until = Instant::LONG_AGO;
        self.polls.due = now;
    }

    /// The job was seen.
    pub(crate) fn seen(&mut self, now: Instant, seen: Seen, answers: Answers) {
        self.polls.made = self.polls.made.saturating_add(1);
        let age = self.age(now);
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
        self.polls.made = self.polls.made.saturating_add(1);
        self.polls.failure = None;
        self.job.is_missing = false;
        self.job.unfinished_at = self.age(now);
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
        let age = self.age(now);
        self.polls.failure = None;
        self.job.is_shown(&seen);
        if seen.status.is_terminal() {
            let known_age = if self.was_there { None } else { Some(age) };
            self.job.has_ended(&seen, known_age);
            self.end(Ok(seen));
        } else {
            self.job.unfinished_at = age;
            self.job.last = Some(Last::of(seen));
            self.goes_on(now, None);
        }
    }

    /// A poll has failed.
    pub(crate) fn failed(&mut self, now: Instant, error: &Error) {
        self.polls.made = self.polls.made.saturating_add(1);
        self.polls.failure = Some(error.message.as_str().into());
        let was_there = self.was_created_here() || self.job.last.is_some();
        if error.code == ErrorCode::RequestTimeout {
            self.polls.limit = self.polls.limit.times(2.0);
        }
        match error.code {
            ErrorCode::JobNotFound if was_there && self.job.is_missing => self.end(Err(self.gone())),
            // Once may be a server that is just starting.
            ErrorCode::JobNotFound if was_there => {
                self.job.is_missing = true;
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
        self.sleep.extended_until = Instant::LONG_AGO;
        let is_never_seen = !self.job.has_lifetime() && self.is_expired(now);
        let most = self.limits.as_ref().and_then(|limits| limits.polls);
        let limit = if most.is_some_and(|most| self.polls.made >= most) {
            Limit::Polls
        } else if is_never_seen {
            Limit::Time
        } else {
            return self.is_due_after(now, self.schedule.gap(self.age(now)));
        };
        let error = match failed {
            Some(error) if self.job.last.is_none() => self.about(error),
            _ => self.over(now, limit),
        };
        self.end(Err(error));
    }

    /// The next poll is due after the gap; right after the job's expiry, if that comes sooner; and
    /// at the end of the wait at the latest.
    fn is_due_after(&mut self, now: Instant, gap: Millis) {
        let last_poll = self.expiry() + AFTER_EXPIRY;
        let mut due = now + gap;
        // What began before the expiry was not the last poll, however long it took.
        if self.is_planned() && (now < last_poll || self.polls.began_at < self.expiry()) {
            due = due.min(last_poll);
        }
        self.polls.gap = gap;
        self.polls.due = due.min(self.stop()).max(now);
    }

    /// When the job expires. One that was never seen is waited for as long as any job may live,
    /// unless the caller says for how long, or how often.
    fn expiry(&self) -> Instant {
        let is_limited = self.deadline() < Instant::NEVER || !self.is_planned();
        let is_unlimited = !self.job.has_lifetime() && !is_limited;
        self.began + if is_unlimited { NEVER_SEEN } else { self.job.lifetime }
    }

    /// When the wait ends.
    fn stop(&self) -> Instant {
        let own_end = if self.is_planned() { self.expiry() + GRACE } else { Instant::NEVER };
        self.deadline().min(own_end).max(self.sleep.extended_until)
    }

    fn end(&mut self, end: Result<Seen>) {
        self.state = State::Over(Some(Box::new(end)));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
