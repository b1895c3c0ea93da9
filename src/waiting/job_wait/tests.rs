//! Each rule of one wait, without async.

use super::*;
use crate::json;
use crate::waiting::pace::{AgentTimes, Pace};

const ALONE: Surroundings = Surroundings { quiet: Millis::ZERO, is_alone: true, is_cached: false };
const OURS: WaitPlan = WaitPlan { interval_ms: None, max_attempts: None };

fn at(ms: f64) -> Instant {
    Instant::from_ms(ms)
}
fn planned() -> Rc<PollPlan> {
    Rc::new(AgentTimes::default().plan(Pace::default()))
}
fn terms(plan: WaitPlan) -> Terms {
    Terms { plan, lifetime: None, was_there: true, deadline: Instant::NEVER, limit: None, may_share: true }
}
/// A wait for a job that was just created and lives for thirty seconds.
fn created() -> JobWait {
    JobWait::new("job-1", Terms { lifetime: Some(Millis::new(30_000.0)), was_there: false, ..terms(OURS) }, planned(), at(0.0))
}
fn limited(limit_ms: f64) -> JobWait {
    let terms = Terms { deadline: at(limit_ms), limit: Some(Millis::new(limit_ms)), ..terms(OURS) };
    JobWait::new("job-1", terms, planned(), at(0.0))
}
fn job(status: &str) -> Seen {
    let result = json!({"message": {"content": "here"}});
    let job = json!({"jobId": "job-1", "status": status, "createdAt": 0, "expiresAt": 30_000});
    jobs::read_job(if status == "completed" { job.set("result", result) } else { job })
}
fn error(code: ErrorCode) -> Box<Error> {
    Error::new(code, "no")
}
/// The time of the next poll, which this makes: as if the rate limit had a slot.
fn polls_at(wait: &mut JobWait, mut now: Instant) -> Instant {
    loop {
        match wait.next(now, ALONE) {
            Next::Sleep(until) => now = until,
            Next::TakeSlot { .. } => wait.slot_taken(),
            Next::Poll { .. } => return now,
            Next::Report(_) => {}
            other => panic!("{other:?} at {now:?}"),
        }
    }
}
/// What the wait ends with, when it is asked at this time.
fn end(wait: &mut JobWait, now: Instant) -> Result<Seen> {
    loop {
        match wait.next(now, ALONE) {
            Next::Over(end) => return *end,
            Next::Report(_) => {}
            other => panic!("{other:?} at {now:?}"),
        }
    }
}
fn words(wait: &mut JobWait, now: f64) -> (ErrorCode, String) {
    let error = end(wait, at(now)).unwrap_err();
    (error.code, error.message)
}
/// All polls of a job that stays as it is, in milliseconds, and when the wait ends.
fn all_polls(mut wait: JobWait, status: &str) -> (Vec<f64>, f64) {
    let (mut now, mut polls) = (at(0.0), Vec::new());
    loop {
        match wait.next(now, ALONE) {
            Next::Sleep(until) => now = until,
            Next::TakeSlot { .. } => wait.slot_taken(),
            Next::Report(_) => {}
            Next::Poll { .. } => {
                polls.push(now.as_ms());
                wait.seen(now, job(status), Answers::InJobs);
            }
            Next::Over(_) => return (polls, now.as_ms()),
            Next::ReadChannel { .. } => wait.channel_read(now, None),
        }
    }
}

#[test]
fn the_callers_interval_and_number_of_polls_are_obeyed_exactly() {
    let polls = |interval_ms, max_attempts| {
        all_polls(JobWait::new("job-1", terms(WaitPlan { interval_ms, max_attempts }), planned(), at(0.0)), "processing").0
    };
    assert_eq!(polls(Some(700), Some(3)), [0.0, 700.0, 1_400.0]);
    assert_eq!(polls(None, Some(2)), [0.0, 1_000.0]);
    assert_eq!(polls(Some(10), None), (0..30).map(|poll| f64::from(poll) * 10.0).collect::<Vec<_>>());
    let plan = WaitPlan { interval_ms: Some(700), max_attempts: Some(9) };
    let limited = JobWait::new("job-1", Terms { deadline: at(1_500.0), ..terms(plan) }, planned(), at(0.0));
    assert_eq!(all_polls(limited, "processing"), (vec![0.0, 700.0, 1_400.0], 1_500.0));
}

#[test]
fn a_new_job_is_left_a_moment_and_a_known_one_is_polled_at_once() {
    assert_eq!(polls_at(&mut created(), at(0.0)), at(400.0));
    assert_eq!(polls_at(&mut JobWait::new("job-1", terms(OURS), planned(), at(5.0)), at(5.0)), at(5.0));
}

#[test]
fn the_last_poll_comes_right_after_the_expiry_and_the_wait_ends_five_seconds_later() {
    let (polls, over) = all_polls(created(), "processing");
    assert!(polls.contains(&30_050.0) && over == 35_000.0, "{polls:?} {over}");
    assert!(polls.len() < 32, "fewer than one a second: {}", polls.len());
}

#[test]
fn a_poll_that_began_before_the_expiry_was_not_the_last() {
    let next_poll = |began: f64| {
        let mut wait = created();
        polls_at(&mut wait, at(began));
        wait.seen(at(30_100.0), job("processing"), Answers::InJobs);
        wait.due().as_ms()
    };
    assert_eq!(next_poll(29_999.0), 30_100.0, "at once");
    assert!(next_poll(30_000.0) > 30_500.0, "after a pause");
}

#[test]
fn a_list_that_shows_a_job_as_it_was_stands_in_for_a_poll() {
    let mut wait = created();
    wait.failed(at(400.0), &error(ErrorCode::JobNotFound));
    wait.is_unchanged(at(9_000.0));
    assert_eq!(wait.observed(), Some(Observed::Unfinished(Millis::new(9_000.0))));
    assert_eq!(wait.due(), at(9_000.0) + planned().gap(Millis::new(9_000.0)));
    // It is there again: missing once more is no end.
    wait.failed(at(9_500.0), &error(ErrorCode::JobNotFound));
    polls_at(&mut wait, at(9_500.0));
}

#[test]
fn the_last_poll_may_take_its_slot_from_the_reserve() {
    let mut wait = created();
    let slot = |next| matches!(next, Next::TakeSlot { slot: Slot::LastPoll, .. });
    assert!(!slot(wait.next(at(29_000.0), ALONE)));
    assert!(slot(wait.next(at(30_000.0), ALONE)));
}

#[test]
fn a_slot_is_waited_for_until_the_expiry_and_then_until_the_end() {
    let mut wait = created();
    assert!(matches!(wait.next(at(400.0), ALONE), Next::TakeSlot { by, .. } if by == at(30_050.0)));
    wait.slot_missed(at(30_050.0));
    assert!(matches!(wait.next(at(30_050.0), ALONE), Next::TakeSlot { by, slot: Slot::LastPoll } if by == at(35_000.0)));
    wait.slot_missed(at(35_000.0));
    assert_eq!(words(&mut wait, 35_000.0).0, ErrorCode::WaitTimeout);
}

#[test]
fn a_poll_that_hangs_costs_ten_seconds_and_never_the_last_poll() {
    let limit = |wait: &mut JobWait, mut now: f64| loop {
        match wait.next(at(now), ALONE) {
            Next::Sleep(until) => now = until.as_ms(),
            Next::TakeSlot { .. } => wait.slot_taken(),
            Next::Poll { limit } => return (now, limit.get()),
            other => panic!("{other:?}"),
        }
    };
    let slow = error(ErrorCode::RequestTimeout);
    let mut wait = created();
    assert_eq!(limit(&mut wait, 0.0), (400.0, 10_000.0));
    wait.failed(at(10_400.0), &slow);
    // Where all are slow, they are given more time; but the last one comes in time.
    let (now, more) = limit(&mut wait, 10_400.0);
    assert_eq!(now + more, 31_000.0);
    assert!(more > 10_000.0);
    wait.failed(at(31_000.0), &slow);
    assert_eq!(limit(&mut wait, 31_000.0), (31_000.0, 4_000.0), "at once, until the end of the wait");
    wait.seen(at(31_050.0), job("completed"), Answers::InJobs);
    wait.take_report();
    assert!(end(&mut wait, at(31_050.0)).is_ok());
    // The caller's interval has the client's time limit.
    let mut own = JobWait::new("job-1", terms(WaitPlan { interval_ms: Some(700), max_attempts: None }), planned(), at(0.0));
    assert_eq!(limit(&mut own, 0.0), (0.0, f64::INFINITY));
}

#[test]
fn a_channel_is_read_before_the_last_poll_and_a_final_jobs_for_five_seconds_at_most() {
    let by = |wait: &mut JobWait, now| match wait.next(at(now), ALONE) {
        Next::ReadChannel { by, .. } => by.as_ms(),
        other => panic!("{other:?}"),
    };
    let mut quiet = created();
    polls_at(&mut quiet, at(8_000.0));
    quiet.seen(at(8_050.0), job("processing"), Answers::Unknown);
    quiet.take_report();
    assert_eq!(by(&mut quiet, 8_050.0), 30_050.0);
    quiet.channel_read(at(30_050.0), None);
    assert_eq!(polls_at(&mut quiet, at(30_050.0)), at(30_050.0));
    let plan = WaitPlan { interval_ms: Some(200), max_attempts: None };
    let mut own = JobWait::new("job-1", terms(plan), planned(), at(0.0));
    polls_at(&mut own, at(0.0));
    own.seen(at(50.0), job("timeout"), Answers::Unknown);
    assert_eq!(by(&mut own, 50.0), 5_050.0);
}

#[test]
fn a_wait_whose_time_is_over_before_its_first_poll_ends_then() {
    let mut wait = limited(3_000.0);
    assert!(matches!(wait.next(at(0.0), ALONE), Next::TakeSlot { by, .. } if by == at(3_000.0)));
    assert_eq!(words(&mut wait, 3_000.0).0, ErrorCode::WaitTimeout);
    // With the caller's own interval the first poll is made all the same.
    let plan = WaitPlan { interval_ms: Some(10), max_attempts: None };
    let terms = Terms { deadline: at(3_000.0), ..terms(plan) };
    assert_eq!(polls_at(&mut JobWait::new("job-1", terms, planned(), at(0.0)), at(3_000.0)), at(3_000.0));
}

#[test]
fn a_server_that_asks_to_stay_away_until_the_job_is_gone_gets_one_poll_all_the_same() {
    let around = Surroundings { quiet: Millis::new(900_000.0), ..ALONE };
    // Up to the end of the wait there may be a slot.
    let until_the_end = Surroundings { quiet: Millis::new(4_950.0), ..ALONE };
    assert!(matches!(created().next(at(30_050.0), until_the_end), Next::TakeSlot { .. }));
    let mut wait = created();
    assert!(matches!(wait.next(at(30_050.0), around), Next::Poll { .. }));
    wait.seen(at(30_050.0), job("processing"), Answers::InJobs);
    assert!(matches!(wait.next(at(30_050.0), around), Next::Report(_)));
    assert!(matches!(wait.next(at(34_000.0), around), Next::TakeSlot { .. }), "only once");
    // Many that wait have none: their lists come first.
    let crowd = Surroundings { is_alone: false, ..around };
    assert!(matches!(created().next(at(30_050.0), crowd), Next::TakeSlot { .. }));
}

#[test]
fn a_pause_after_a_429_comes_before_the_callers_interval() {
    let plan = WaitPlan { interval_ms: Some(100), max_attempts: Some(5) };
    let mut wait = JobWait::new("job-1", terms(plan), planned(), at(0.0));
    let quiet = |ms| Surroundings { quiet: Millis::new(ms), ..ALONE };
    assert!(matches!(wait.next(at(0.0), quiet(15_000.0)), Next::Sleep(until) if until == at(15_000.0)));
    assert!(matches!(wait.next(at(15_000.0), quiet(0.0)), Next::Poll { .. }));
}

#[test]
fn a_timer_that_was_held_up_is_followed_by_one_more_poll() {
    for (late, polls) in [(1_000.0, false), (1_001.0, true), (3_600_000.0, true)] {
        let mut wait = created();
        polls_at(&mut wait, at(34_850.0));
        wait.seen(at(34_900.0), job("processing"), Answers::InJobs);
        wait.take_report();
        assert!(matches!(wait.next(at(34_900.0), ALONE), Next::Sleep(until) if until == at(35_000.0)));
        let now = at(35_000.0 + late);
        let next = wait.next(now, ALONE);
        assert_eq!(matches!(next, Next::TakeSlot { by, .. } if by == now + GRACE), polls, "{late}: {next:?}");
        if polls {
            // Only one.
            assert_eq!(polls_at(&mut wait, now), now);
            wait.seen(now, job("processing"), Answers::InJobs);
            assert_eq!(words(&mut wait, now.as_ms()).0, ErrorCode::WaitTimeout);
        }
    }
}

#[test]
fn the_callers_deadline_holds_even_when_a_timer_was_held_up() {
    let mut wait = limited(2_000.0);
    polls_at(&mut wait, at(0.0));
    wait.seen(at(0.0), job("processing"), Answers::InJobs);
    wait.take_report();
    wait.next(at(0.0), ALONE);
    assert_eq!(words(&mut wait, 3_600_000.0).0, ErrorCode::WaitTimeout);
}

#[test]
fn a_wait_that_ends_between_two_polls_says_why_the_last_one_saw_nothing() {
    let refused = Error::new(ErrorCode::ServerError, "the server failed (HTTP 500)");
    let end = |wait: &mut JobWait| {
        let now = polls_at(wait, at(1_000.0));
        wait.failed(now, &refused);
        words(wait, 3_000.0).1
    };
    let mut wait = limited(3_000.0);
    let said = "the job is not seen yet; wait on with pollJob(error.jobId); the last poll failed: the server failed (HTTP 500)";
    assert_eq!(end(&mut wait), format!("no answer after 3000 ms: {said}"));
    // A poll that saw the job since then.
    let mut wait = limited(3_000.0);
    let now = polls_at(&mut wait, at(1_000.0));
    wait.failed(now, &refused);
    let now = polls_at(&mut wait, now);
    wait.seen(now, job("processing"), Answers::InJobs);
    assert_eq!(words(&mut wait, 3_000.0).1, "no answer after 3000 ms: the job is processing; wait on with pollJob(error.jobId)");
}

#[test]
fn a_page_that_is_active_again_polls_at_once() {
    let mut wait = created();
    polls_at(&mut wait, at(0.0));
    wait.seen(at(400.0), job("processing"), Answers::InJobs);
    wait.take_report();
    assert!(matches!(wait.next(at(400.0), ALONE), Next::Sleep(_)));
    wait.is_active_again(at(500.0));
    assert_eq!(polls_at(&mut wait, at(500.0)), at(500.0));
}

#[test]
fn what_was_seen_less_than_three_tenths_of_a_second_ago_was_just_seen() {
    let mut wait = created();
    assert!(!wait.was_just_seen(at(0.0)), "nothing was seen");
    wait.seen(at(1_000.0), job("processing"), Answers::InJobs);
    for (now, is_just_seen) in [(1_000.0, true), (1_299.0, true), (1_300.0, false), (9_000.0, false)] {
        assert_eq!(wait.was_just_seen(at(now)), is_just_seen, "{now}");
    }
}

#[test]
fn a_wait_goes_by_what_was_learned_meanwhile_but_for_an_interval_of_the_callers() {
    let mut quick = AgentTimes::default();
    (0..20).for_each(|_| assert!(quick.learn(Observed::Finished(Millis::new(300.0)))));
    let quick = Rc::new(quick.plan(Pace::default()));
    let next_poll = |plan| {
        let mut wait = JobWait::new("job-1", terms(plan), planned(), at(0.0));
        wait.follow(quick.clone());
        wait.seen(at(0.0), job("processing"), Answers::InJobs);
        wait.due().as_ms()
    };
    let learned = quick.gap(Millis::ZERO).get();
    assert_ne!(planned().gap(Millis::ZERO).get(), learned);
    assert_eq!(next_poll(OURS), learned);
    assert_eq!(next_poll(WaitPlan { interval_ms: Some(700), max_attempts: None }), 700.0);
}

#[test]
fn a_page_that_is_active_again_changes_nothing_about_the_callers_interval() {
    let mut wait = JobWait::new("job-1", terms(WaitPlan { interval_ms: Some(2_000), ..OURS }), planned(), at(0.0));
    polls_at(&mut wait, at(0.0));
    wait.seen(at(50.0), job("processing"), Answers::InJobs);
    wait.is_active_again(at(500.0));
    assert_eq!(polls_at(&mut wait, at(500.0)), at(2_050.0));
}

#[test]
fn a_job_that_is_missing_once_is_polled_again_and_gone_when_it_is_missing_twice() {
    let missing = error(ErrorCode::JobNotFound);
    let mut wait = created();
    wait.failed(at(400.0), &missing);
    let again = polls_at(&mut wait, at(400.0));
    wait.failed(again, &missing);
    assert_eq!(words(&mut wait, again.as_ms()).0, ErrorCode::JobGone);
    // A poll that finds it in between counts.
    let mut wait = created();
    wait.failed(at(400.0), &missing);
    wait.seen(at(1_500.0), job("processing"), Answers::InJobs);
    wait.failed(at(3_000.0), &missing);
    polls_at(&mut wait, at(3_000.0));
    // A job that was never seen is not found.
    let mut unknown = JobWait::new("job-1", terms(OURS), planned(), at(0.0));
    unknown.failed(at(0.0), &missing);
    assert_eq!(words(&mut unknown, 0.0).0, ErrorCode::JobNotFound);
}

#[test]
fn failures_that_may_pass_never_end_a_wait_before_its_limits() {
    for code in [ErrorCode::ConnectionFailed, ErrorCode::ServerError, ErrorCode::InvalidResponse, ErrorCode::RateLimited] {
        let mut wait = created();
        let mut now = polls_at(&mut wait, at(0.0));
        while now < at(30_000.0) {
            wait.failed(now, &error(code));
            now = polls_at(&mut wait, now);
        }
    }
}

#[test]
fn a_wait_says_how_long_the_agent_took_and_of_an_unfinished_job_how_long_it_takes_at_least() {
    let completed = |took: Json| {
        let result = json!({"message": {"content": "here"}}).set("processingTimeMs", took);
        jobs::read_job(
            json!({"jobId": "job-1", "status": "completed", "createdAt": 0, "expiresAt": 30_000}).set("result", result),
        )
    };
    let observed = |seen: Seen| {
        let mut wait = created();
        assert_eq!(wait.observed(), None, "nothing was seen");
        wait.seen(at(9_000.0), job("processing"), Answers::InJobs);
        assert_eq!(wait.observed(), Some(Observed::Unfinished(Millis::new(9_000.0))));
        wait.seen(at(12_000.0), seen, Answers::InJobs);
        wait.channel_read(at(12_000.0), None);
        wait.observed()
    };
    assert_eq!(observed(completed(json!(11_000))), Some(Observed::Finished(Millis::new(11_000.0))));
    // It was unfinished later than that, or was there sooner; or it is no time at all.
    for odd in [json!(1), json!(60_000), json!(-1), json!(1e12), json!("11000"), json!(null), Json::number(f64::NAN)] {
        assert_eq!(observed(completed(odd.clone())), None, "{odd}");
    }
    assert_eq!(observed(job("failed")), Some(Observed::Unfinished(Millis::new(9_000.0))));
    assert_eq!(observed(job("timeout")), Some(Observed::Unfinished(Millis::new(30_000.0))));
    // Of a job that was not created here nobody knows how old it was.
    let mut wait = JobWait::new("job-1", terms(OURS), planned(), at(0.0));
    wait.seen(at(0.0), completed(json!(60_000)), Answers::InJobs);
    assert_eq!(wait.observed(), Some(Observed::Finished(Millis::new(60_000.0))));
}

#[test]
fn a_refusal_ends_a_wait_at_once() {
    for code in [ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::BadRequest, ErrorCode::PaymentNotSupportedHere] {
        let mut wait = created();
        wait.failed(at(400.0), &error(code));
        assert_eq!(words(&mut wait, 400.0).0, code);
    }
    // A web page or a redirect does too, unless the job was there: then it is a proxy's or a
    // login's, and may pass.
    for code in [ErrorCode::UnexpectedHtml, ErrorCode::RedirectRefused] {
        let page = error(code);
        let mut unknown = JobWait::new("job-1", terms(OURS), planned(), at(0.0));
        unknown.failed(at(0.0), &page);
        assert_eq!(words(&mut unknown, 0.0).0, code);
        let mut known = created();
        known.failed(at(400.0), &page);
        polls_at(&mut known, at(400.0));
    }
}

#[test]
fn a_job_that_was_never_seen_is_waited_for_as_long_as_a_job_may_live() {
    let mut wait = JobWait::new("job-1", terms(OURS), planned(), at(0.0));
    let mut now = at(0.0);
    let last = loop {
        now = polls_at(&mut wait, now);
        wait.failed(now, &error(ErrorCode::ConnectionFailed));
        if now >= at(300_000.0) {
            break now;
        }
    };
    assert_eq!((last, words(&mut wait, last.as_ms()).0), (at(300_050.0), ErrorCode::ConnectionFailed));
    // A limit of the caller's is the only one, and so is a number of polls.
    let plan = WaitPlan { interval_ms: Some(1), max_attempts: Some(100) };
    for mut wait in [limited(900_000.0), JobWait::new("job-1", terms(plan), planned(), at(0.0))] {
        wait.failed(at(400_000.0), &error(ErrorCode::ConnectionFailed));
        polls_at(&mut wait, at(400_000.0));
    }
}

#[test]
fn an_unknown_status_is_not_final_and_keeps_the_schedule() {
    let (polls, over) = all_polls(created(), "paused");
    assert_eq!((polls, over), all_polls(created(), "processing"));
}

#[test]
fn a_status_is_reported_once() {
    let mut wait = created();
    let mut reports = Vec::new();
    for status in ["processing", "processing", "paused", "stalled", "stalled", "processing"] {
        wait.seen(at(400.0), job(status), Answers::InJobs);
        reports.extend(wait.take_report().map(|job| job.get_text("rawStatus").or_else(|| job.get_text("status")).unwrap()));
    }
    assert_eq!(reports, ["processing", "paused", "stalled", "processing"]);
}

#[test]
fn a_final_job_is_reported_and_ends_the_wait() {
    let mut wait = created();
    wait.seen(at(400.0), job("completed"), Answers::Unknown);
    assert!(matches!(wait.next(at(400.0), ALONE), Next::Report(_)));
    let seen = end(&mut wait, at(400.0)).unwrap();
    assert_eq!(outcome("job-1", seen).unwrap()["result"]["message"]["content"], "here");
}

#[test]
fn completed_without_a_result_is_an_error_with_the_job() {
    let mut wait = created();
    let bare = jobs::read_job(json!({"jobId": "job-1", "status": "completed"}));
    wait.seen(at(400.0), bare, Answers::Unknown);
    let error = outcome("job-1", end(&mut wait, at(400.0)).unwrap()).unwrap_err();
    assert_eq!((error.code, error.job.is_some()), (ErrorCode::InvalidResponse, true));
}

#[test]
fn a_job_that_timed_out_has_its_channel_read_once() {
    let mut wait = created();
    wait.seen(at(400.0), job("timeout"), Answers::InJobs);
    assert!(matches!(wait.next(at(400.0), ALONE), Next::ReadChannel { slot: Slot::LastPoll, .. }));
    wait.channel_read(at(450.0), None);
    assert_eq!(outcome("job-1", end(&mut wait, at(450.0)).unwrap()).unwrap_err().code, ErrorCode::JobTimeout);
    let mut wait = created();
    wait.seen(at(400.0), job("timeout"), Answers::InJobs);
    wait.channel_read(at(450.0), Some(json!({"message": {"content": "late"}})));
    assert_eq!(end(&mut wait, at(450.0)).unwrap().status, JobStatus::Completed);
}

#[test]
fn a_quiet_job_has_its_channel_read_after_five_seconds_and_seldom_after_that() {
    let reads = |answers, around: Surroundings| {
        let (mut wait, mut now, mut reads) = (created(), at(0.0), Vec::new());
        while now < at(30_000.0) {
            match wait.next(now, around) {
                Next::Sleep(until) => now = until,
                Next::TakeSlot { .. } => wait.slot_taken(),
                Next::Poll { .. } => wait.seen(now, job("processing"), answers),
                Next::ReadChannel { slot, .. } => {
                    assert_eq!(slot, Slot::Ordinary);
                    reads.push(now.as_ms());
                    wait.channel_read(now, None);
                }
                Next::Report(_) => {}
                Next::Over(_) => panic!("too soon"),
            }
        }
        reads
    };
    let found = reads(Answers::Unknown, ALONE);
    assert!(found.len() == 2 && found[0] >= 5_000.0 && found[1] >= 3.0 * found[0], "{found:?}");
    assert!(reads(Answers::InJobs, ALONE).is_empty());
    assert!(reads(Answers::InChannels, ALONE).len() > 20, "with every poll");
    assert!(reads(Answers::Unknown, Surroundings { is_alone: false, ..ALONE }).is_empty());
}

#[test]
fn the_longest_time_that_the_job_names_counts() {
    let mut wait = created();
    let mut long = job("processing");
    long.lifetime = Millis::new(120_000.0);
    wait.seen(at(400.0), long, Answers::InJobs);
    wait.seen(at(500.0), job("processing"), Answers::InJobs);
    assert!(!wait.is_expired(at(119_000.0)) && wait.is_expired(at(120_000.0)));
}

#[test]
fn the_message_names_the_limit_that_was_given() {
    let mut wait = limited(700.0);
    polls_at(&mut wait, at(0.0));
    wait.seen(at(650.0), job("processing"), Answers::InJobs);
    let said = words(&mut wait, 700.0).1;
    assert!(said.starts_with("no answer after 700 ms: the job is processing; wait on with pollJob"), "{said}");
    let plan = WaitPlan { interval_ms: Some(10), max_attempts: Some(1) };
    let mut wait = JobWait::new("job-1", terms(plan), planned(), at(0.0));
    wait.seen(at(5.0), job("processing"), Answers::InJobs);
    let said = words(&mut wait, 5.0).1;
    assert!(said.starts_with("no answer after 1 poll in 5 ms: the job is processing"), "{said}");
}
