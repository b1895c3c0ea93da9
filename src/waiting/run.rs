//! Waiting for a job: look, rest, look again, until it is final or a limit is reached.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, JobStatus, Seen};
use crate::api::options::CallOptions;
use crate::client::{Client, Update};
use crate::json::Json;
use crate::platform::Platform;
use crate::text::{decimal, fill};
use crate::time::{Deadline, Instant, Millis};
use crate::waiting::channel::{self, Answers};
use crate::waiting::schedule::{GRACE_MS, PollSchedule};
use crate::waiting::watch::News;

/// A timer that is later than this, in milliseconds, was held up: the page was hidden, or the machine slept.
const HELD_UP_MS: f64 = 1_000.0;
/// How long after its expiry a job is looked at, in milliseconds: the look makes the server end it.
const LATE_MS: f64 = 50.0;

/// How to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitPlan {
    /// The caller's own interval, in milliseconds.
    pub interval_ms: Option<u32>,
    /// How often to look at most.
    pub max_attempts: Option<u32>,
}

impl WaitPlan {
    /// The seed's defaults complete what the caller gave only half of; with neither, the schedule is ours and the job's own
    /// expiry ends the wait.
    fn schedule(self) -> (PollSchedule, Option<u32>) {
        match (self.interval_ms, self.max_attempts) {
            (None, None) => (PollSchedule::Growing, None),
            (interval, attempts) => (PollSchedule::Every(interval.unwrap_or(1_000)), Some(attempts.unwrap_or(30))),
        }
    }
}

impl<P: Platform + 'static> Client<P> {
    /// Looks at a job again and again until it is final, the caller's limits are reached, or the job has outlived its own
    /// expiry. `lifetime` is known for a job that was just created here. `end` is an instant.
    pub(crate) async fn wait(
        self: &Rc<Self>,
        job_id: &str,
        mut lifetime: Option<f64>,
        end: Option<f64>,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let (schedule, max_looks) = plan.schedule();
        let start = self.platform.now().as_ms();
        let created_here = lifetime.is_some();
        let mut last: Option<Seen> = None;
        let mut looks: u32 = 0;
        let mut missing = false;
        let mut had_last_chance = false;
        let mut next_channel_ms = channel::FIRST_MS;
        // The caller's own interval is obeyed and his own headers are sent: neither can be shared.
        let ours = schedule == PollSchedule::Growing;
        let seat = (ours && call.headers.is_empty() && !call.runs_only_while_read).then(|| self.take_seat(job_id));
        // Our own schedule gives a new job a moment; the caller's interval is kept as the seed has it: look, then sleep.
        let mut gap = if created_here && ours { schedule.gap_ms(0.0, 0) } else { 0.0 };
        loop {
            let now = self.platform.now().as_ms();
            let own_end = match max_looks {
                None => lifetime.map(|lifetime| start + lifetime + GRACE_MS),
                Some(_) => None,
            };
            let stop = end.unwrap_or(f64::INFINITY).min(own_end.unwrap_or(f64::INFINITY));
            // A look right after the expiry makes the server end the job.
            if let (Some(lifetime), PollSchedule::Growing) = (lifetime, schedule) {
                let expiry = start + lifetime + LATE_MS;
                if now < expiry {
                    gap = gap.min(expiry - now);
                }
            }
            if now + gap > stop {
                gap = (stop - now).max(0.0);
            }
            let news = if gap > 0.0 { self.rest(seat.as_ref(), gap, false).await } else { None };
            let rested_until = now + gap;
            let now = self.platform.now().as_ms();
            // Who was held up looks once more: the answer may have come meanwhile.
            let held_up = now > rested_until + HELD_UP_MS && end.is_none_or(|end| now < end);
            // A clock of fractions may stand a hair before it.
            if looks > 0 && now + 0.5 >= stop && !held_up {
                return Err(over(job_id, last, now - start, None));
            }
            let stop = if held_up { stop.max(end.unwrap_or(f64::INFINITY).min(now + GRACE_MS)) } else { stop };
            // Whatever becomes of a look for all, each job is looked at right after its expiry: soon the server forgets it.
            let expiry = lifetime.map_or(f64::INFINITY, |lifetime| start + lifetime);
            let until = if now < expiry { stop.min(expiry + LATE_MS) } else { stop };
            let news = match (&seat, news) {
                (Some(seat), None) if now < expiry => self.look_for_all(seat, until).await,
                (_, news) => news,
            };
            let now = self.platform.now().as_ms();
            let expired = now >= expiry;
            // One last look even where the server wants to be left alone until there is nothing to look at any more; but not of a crowd.
            let is_alone = seat.as_ref().map_or(ours, |seat| !seat.is_shared(now));
            let last_chance = is_alone && expired && !had_last_chance && now + self.http.rate_limit.quiet_ms(now) > stop;
            had_last_chance |= last_chance;
            let ready = match &news {
                Some(News::Found(_) | News::Failed(_)) => true,
                _ if last_chance => true,
                _ if ours => self.http.wait_for_slot(if expired { stop } else { until }, expired).await,
                _ => {
                    // The caller's interval is obeyed; so is a server that wants to be left alone.
                    let quiet = self.http.rate_limit.quiet_ms(now).min(stop - now);
                    if quiet > 0.0 {
                        self.platform.sleep(Millis::new(quiet)).await;
                    }
                    looks == 0 || self.platform.now().as_ms() < stop
                }
            };
            let now = self.platform.now().as_ms();
            if !ready && now < stop {
                gap = 0.0;
                continue;
            }
            if !ready {
                return Err(over(job_id, last, now - start, None));
            }
            let look = CallOptions {
                timeout_ms: Some(self.http.config.timeout_ms.min((stop - now).max(1.0))),
                headers: call.headers.clone(),
                ..CallOptions::default()
            };
            // Another look is the retry.
            let was_missing = match &news {
                Some(News::Found(_)) => Some(false),
                Some(News::Missing) => Some(true),
                _ => None,
            };
            let seen = match news {
                Some(News::Found(job)) => match jobs::read_job(job) {
                    // Lists may leave the answers out.
                    seen if seen.status.is_terminal() && !seen.is_settled() => self.http.get_job(job_id, &look, 0).await,
                    seen => Ok(seen),
                },
                Some(News::Failed(error)) => Err(error.about_job(job_id)),
                Some(News::Missing) | None => self.http.get_job(job_id, &look, 0).await,
            };
            looks = looks.saturating_add(1);
            let now = self.platform.now().as_ms();
            let age = now - start;
            gap = schedule.gap_ms(age, looks);
            if let Some(seat) = &seat {
                if let Some(was_missing) = was_missing {
                    seat.goes_on(was_missing);
                }
                gap = seat.gap_ms(gap, now);
            }
            let failed = match seen {
                Ok(seen) => {
                    // The caller's own interval says how often to look, and a crowd looks together.
                    let early = is_alone
                        && !expired
                        && match self.answers.get() {
                            Answers::InJobs => false,
                            Answers::InChannels => true,
                            Answers::Unknown => age >= next_channel_ms,
                        };
                    if early {
                        next_channel_ms = age * channel::LATER;
                    }
                    let seen = self.with_late_answer(job_id, seen, stop, call, early).await;
                    missing = false;
                    // Who created it may not have been told the job's time, or not well.
                    lifetime = Some(lifetime.map_or(seen.lifetime_ms, |lifetime| lifetime.max(seen.lifetime_ms)));
                    let raw = |seen: &Seen| (seen.status, seen.document.get_text("rawStatus"));
                    if last.as_ref().map(raw) != Some(raw(&seen)) {
                        update(Update::Status(seen.document.clone()));
                    }
                    if seen.status.is_terminal() {
                        // Completed without an answer is no end: the next look may have it.
                        if seen.is_settled() {
                            let end = Deadline::at(Instant::from_ms(end.unwrap_or(f64::INFINITY)));
                            self.payments.job_finished(job_id, seen.reference.as_deref(), end).await;
                        }
                        return finish(job_id, seen);
                    }
                    last = Some(seen);
                    None
                }
                Err(error) if error.code == ErrorCode::JobNotFound && (created_here || last.is_some()) => {
                    // Once may be a server that is just starting; twice is gone.
                    if missing {
                        let end = Deadline::at(Instant::from_ms(end.unwrap_or(f64::INFINITY)));
                        self.payments.job_finished(job_id, None, end).await;
                        return Err(gone(job_id, last));
                    }
                    missing = true;
                    Some(error)
                }
                // A page of a proxy's or a login's is a blip too, once the job was there.
                Err(error) if error.code == ErrorCode::UnexpectedHtml && (created_here || last.is_some()) => Some(error),
                Err(error) if error.code.retryable() => Some(error),
                Err(error) => return Err(error),
            };
            if max_looks.is_some_and(|most| looks >= most) {
                return Err(match failed {
                    Some(error) if last.is_none() => error.about_job(job_id),
                    failed => over(job_id, last, age, failed),
                });
            }
            // Never seen and no limit of the caller's: the outage may last for ever, the wait does not.
            if lifetime.is_none() && end.is_none() && age > jobs::MAX_JOB_TIMEOUT_MS {
                return Err(match failed {
                    Some(error) => error.about_job(job_id),
                    None => over(job_id, last, age, None),
                });
            }
        }
    }
}

/// A final job as the caller's result: its answer, or an error that carries it.
fn finish(job_id: &str, seen: Seen) -> Result<Json> {
    let failure = jobs::failure(&seen.document);
    let (code, message) = match seen.status {
        JobStatus::Completed if seen.has_result => return Ok(seen.document),
        JobStatus::Completed => (ErrorCode::InvalidResponse, "the job is completed but has no answer in it".to_owned()),
        JobStatus::Failed => {
            (ErrorCode::JobFailed, fill("the job failed: %", &[failure.as_deref().unwrap_or("the server gave no reason")]))
        }
        _ => {
            let why = failure.map(|words| fill(": %", &[&words])).unwrap_or_default();
            (ErrorCode::JobTimeout, fill("the agent gave no answer in the job's time%", &[&why]))
        }
    };
    let mut error = Error::new(code, message);
    error.job = Some(seen.document);
    Err(error.about_job(job_id))
}

fn over(job_id: &str, last: Option<Seen>, waited_ms: f64, failed: Option<Box<Error>>) -> Box<Error> {
    let state = last.as_ref().map_or("not seen yet", |seen| seen.status.as_str());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
    let waited = decimal(waited_ms.max(0.0) as u64);
    let why = failed.map(|error| fill("; the last look failed: %", &[&error.message])).unwrap_or_default();
    let mut error = Error::new(
        ErrorCode::WaitTimeout,
        fill("no answer after % ms: the job is %; wait on with pollJob(error.jobId)%", &[&waited, state, &why]),
    );
    error.job = last.map(|seen| seen.document);
    error.about_job(job_id)
}

fn gone(job_id: &str, last: Option<Seen>) -> Box<Error> {
    let mut error = Error::new(
        ErrorCode::JobGone,
        "the job is not on the server any more: servers forget a finished job soon after its expiry, and all jobs when they restart",
    );
    error.status = Some(404);
    error.job = last.map(|seen| seen.document);
    error.about_job(job_id)
}
