//! Waiting: when it looks, when it ends, and that nothing on the way ends it early.

use std::cell::RefCell;
use std::rc::Rc;

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::client::Client;
use eliza_jobs::http::rate_limit::RateLimit;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::waiting::run::WaitPlan;

const OURS: WaitPlan = WaitPlan { interval_ms: None, max_attempts: None };
fn plan(interval_ms: Option<u32>, max_attempts: Option<u32>) -> WaitPlan {
    WaitPlan { interval_ms, max_attempts }
}
fn poll(scene: &Scene, plan: WaitPlan) -> Result<Json, Box<Error>> {
    run(scene.client.poll_job("job-1", &plain(), plan, &|update| scene.tell(update)))
}
fn create(scene: &Scene, plan: WaitPlan) -> Result<Json, Box<Error>> {
    run(scene.client.create_and_wait(&params(), &plain(), plan, &|update| scene.tell(update)))
}

#[test]
fn a_paid_job_is_answered() {
    let scene =
        scene([payment_required(), created(), seen("pending"), seen("processing"), seen("processing"), seen("completed")])
            .paying();
    let job = create(&scene, OURS).unwrap();
    assert_eq!(job["result"]["message"]["content"], "the answer");
    assert_eq!(
        *scene.told.borrow(),
        [
            "quote base 0.02",
            "payment proven",
            "payment accepted",
            "created job-1",
            "status pending",
            "status processing",
            "status completed"
        ]
    );
}

#[test]
fn the_callers_interval_and_attempts_are_obeyed_exactly() {
    for (plan, times) in [
        (plan(Some(700), Some(3)), vec![0.0, 700.0, 1_400.0]),
        (plan(Some(1), Some(1)), vec![0.0]),
        (plan(None, Some(2)), vec![0.0, 1_000.0]),
        (plan(Some(10), None), (0..30).map(|look| f64::from(look) * 10.0).collect()),
    ] {
        let scene = scene([]).forever(seen("processing"));
        let error = poll(&scene, plan).unwrap_err();
        assert_eq!(error.code, ErrorCode::WaitTimeout);
        assert_eq!(scene.times(), times);
        assert_eq!((error.job_id.as_deref(), &error.job.unwrap()["status"]), (Some("job-1"), &json!("processing").0));
    }
}

#[test]
fn without_limits_the_jobs_own_expiry_ends_the_wait() {
    let scene = scene([created()]).forever(seen("pending"));
    let error = create(&scene, OURS).unwrap_err();
    assert_eq!(error.code, ErrorCode::WaitTimeout);
    let end = scene.world.now.get();
    assert!((35_000.0..35_100.0).contains(&end), "30 s of life and 5 s of grace, not {end}");
    let sent = scene.world.sent.borrow();
    let times: Vec<f64> = sent.iter().filter(|(_, request)| !request.url.ends_with("/channels")).map(|(at, _)| *at).collect();
    assert!(times.iter().any(|at| (30_000.0..30_200.0).contains(at)), "a look right after the expiry: {times:?}");
    assert!(times.len() < 32, "fewer requests than one a second: {}", times.len());
    assert!(times.windows(2).skip(1).all(|pair| pair[1] - pair[0] >= 40.0), "{times:?}");
}

#[test]
fn the_callers_time_limit_covers_the_whole_call() {
    let scene = scene([created().after(300.0)]).forever(seen("processing"));
    let call = within(2_000.0);
    let error = run(scene.client.create_and_wait(&params(), &call, OURS, &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.world.now.get()), (ErrorCode::WaitTimeout, 2_000.0));
    let stalled = crate::world::scene([created(), seen("processing").after(9_000.0)]);
    run(stalled.client.create_and_wait(&params(), &call, OURS, &|_| ())).unwrap_err();
    assert_eq!(stalled.world.now.get(), 2_000.0);
}

#[test]
fn no_blip_ends_a_wait() {
    let scene = scene([
        created(),
        Step::Fail(SendFailure::Reset),
        Step::Fail(SendFailure::Unreached),
        text(502, "<html>"),
        text(200, "{"),
        text(429, ""),
        answer(404, json!({"error": "Job not found"})),
        text(302, "").with("location", "https://portal.example/login"),
        seen("completed"),
    ]);
    assert_eq!(create(&scene, OURS).unwrap()["status"], "completed");
    assert!(scene.finished());
    let times = scene.times();
    assert!(times[6] - times[5] >= 15_000.0, "well away after a 429 that says no time: {times:?}");
}

#[test]
fn an_outage_does_not_last_for_ever() {
    let scene1 = scene([]).forever(Step::Fail(SendFailure::Unreached));
    assert_eq!(poll(&scene1, plan(Some(100), Some(5))).unwrap_err().code, ErrorCode::ConnectionFailed);
    assert_eq!(scene1.requests(), 5);
    let scene2 = scene([]).forever(Step::Fail(SendFailure::Unreached));
    assert_eq!(poll(&scene2, OURS).unwrap_err().code, ErrorCode::ConnectionFailed);
    assert!(scene2.world.now.get() < 310_000.0);
    let scene3 = scene([seen("processing")]).forever(Step::Fail(SendFailure::Unreached));
    let error = poll(&scene3, plan(Some(100), Some(5))).unwrap_err();
    assert_eq!((error.code, error.job.is_some()), (ErrorCode::WaitTimeout, true));
}

#[test]
fn a_number_of_polls_is_obeyed_however_long_each_takes() {
    let late = Step::Late { after_ms: 10_000.0, then: Box::new(Step::Fail(SendFailure::Unreached)) };
    let scene = scene([]).forever(late);
    assert_eq!(poll(&scene, plan(Some(1), Some(100))).unwrap_err().code, ErrorCode::ConnectionFailed);
    assert_eq!(scene.requests(), 100);
}

#[test]
fn a_poll_on_a_dead_connection_costs_ten_seconds_and_never_the_last_poll() {
    let scene1 = scene([created(), seen("processing"), Step::Fail(SendFailure::Timeout), seen("completed")]);
    create(&scene1, OURS).unwrap();
    assert!(scene1.world.now.get() < 14_000.0, "{}", scene1.world.now.get());
    // None comes through before the job expires.
    let scene2 = scene([created()]).forever(Step::Fail(SendFailure::Timeout));
    *scene2.world.answers_by.borrow_mut() = Some((30_500.0, seen("completed")));
    create(&scene2, OURS).unwrap();
    assert_eq!(scene2.times().last(), Some(&31_000.5));
}

#[test]
fn a_failure_of_the_channels_says_nothing_about_where_answers_are() {
    let quiet = || (0..7).map(|_| seen("processing"));
    for failure in [text(500, ""), text(200, "{"), Step::Fail(SendFailure::Reset), text(429, "").with("retry-after", "1")] {
        let steps = [created()].into_iter().chain(quiet()).chain([failure, seen("completed")]);
        let scene = scene(steps);
        create(&scene, OURS).unwrap();
        assert!(scene.finished());
    }
    // With one client: the first wait finds out where answers are, the failure of the second
    // changes nothing.
    let found = || [channels(json!(USER)), in_channel(json!([said("here", "agent_response", 3_500)]))];
    let first = [created()].into_iter().chain(quiet()).chain(found());
    let second = [created(), seen("processing"), text(500, ""), seen("processing")].into_iter().chain(found());
    let third = [created(), seen("processing")].into_iter().chain(found());
    let scene = scene(first.chain(second).chain(third));
    for _ in 0..3 {
        assert_eq!(create(&scene, OURS).unwrap()["result"]["message"]["content"], "here");
    }
    assert!(scene.finished());
}

#[test]
fn a_refusal_ends_a_wait_at_once() {
    for status in [400, 401, 402, 403] {
        let scene = scene([text(status, "")]);
        let error = poll(&scene, OURS).unwrap_err();
        assert_eq!((error.status, error.job_id.as_deref(), scene.requests()), (Some(status), Some("job-1"), 1));
    }
}

#[test]
fn failed_and_timed_out_jobs_reject_with_the_job() {
    let mut failed = job("failed");
    failed["error"] = json!("model error").0;
    let error = poll(&scene([answer(200, failed.clone())]), OURS).unwrap_err();
    assert_eq!((error.code, error.job), (ErrorCode::JobFailed, Some(failed)));
    assert!(error.message.contains("model error"));
    let closed = answer(404, json!({"success": false, "error": {"message": "API endpoint not found", "code": 404}}));
    let error = create(&scene([payment_required(), created(), seen("timeout"), closed]).paying(), OURS).unwrap_err();
    assert_eq!((error.code, error.job_id.as_deref()), (ErrorCode::JobTimeout, Some("job-1")));
    assert!(error.job.is_some() && error.payment.is_some(), "what was paid is not lost");
}

/// The channels of a server, and the messages in the job's one, the newest first.
fn channels(id: Json) -> Step {
    let other = json!({"id": USER, "name": "job-2"});
    answer(200, json!({"success": true, "data": {"channels": [null, other, {"id": id, "name": "job-job-1"}]}}))
}
fn in_channel(messages: Json) -> Step {
    answer(200, json!({"success": true, "data": {"messages": messages}}))
}
fn said(content: &str, by: &str, at: u64) -> Json {
    json!({"id": content, "content": content, "authorId": USER, "sourceType": by, "created_at": at, "metadata": {"thought": "hm"}})
}

#[test]
fn an_answer_that_the_job_never_heard_of_is_found_in_its_channel() {
    let messages =
        json!([said("more", "agent_response", 4_000), said("here", "agent_response", 3_500), said("p", "job_request", 1_000)]);
    let steps = [payment_required(), created(), seen("timeout"), channels(json!(USER)), in_channel(messages)];
    let scene = scene(steps).paying();
    let job = create(&scene, OURS).unwrap();
    assert_eq!((&job["status"], job.get("error")), (&json!("completed").0, None));
    let message = json!({"id": "here", "content": "here", "authorId": USER, "metadata": {"thought": "hm"}, "createdAt": 3_500});
    assert_eq!(job["result"], json!({"message": message, "processingTimeMs": 2_500}));
    assert_eq!(scene.told.borrow().last().unwrap(), "status completed");
    assert!(scene.request(4).url.ends_with(&format!("/api/messaging/channels/{USER}/messages")), "{}", scene.request(4).url);
    assert!(scene.world.records().is_empty() && scene.finished());
}

#[test]
fn a_job_whose_channel_has_no_answer_has_timed_out() {
    for steps in [
        vec![channels(json!(USER)), in_channel(json!([said("p", "job_request", 1_000)]))],
        vec![channels(json!(USER)), in_channel(json!([{"sourceType": "agent_response", "content": "no instant"}]))],
        vec![channels(json!(USER)), answer(403, json!({}))],
        vec![channels(json!("../sessions"))],
        vec![answer(200, json!({"data": {"channels": []}}))],
        vec![text(200, "<html>")],
    ] {
        let scene = scene([created(), seen("timeout")].into_iter().chain(steps).collect::<Vec<_>>());
        assert_eq!(create(&scene, OURS).unwrap_err().code, ErrorCode::JobTimeout);
        assert!(scene.finished());
    }
}

#[test]
fn completed_without_an_answer_is_an_error_with_the_job() {
    for result in [json!(null), json!({}), json!({"message": {}}), json!("x")] {
        let mut empty = job("completed");
        empty["result"] = result.into();
        let error = poll(&scene([answer(200, empty)]), OURS).unwrap_err();
        assert_eq!((error.code, error.job.is_some()), (ErrorCode::InvalidResponse, true));
    }
}

#[test]
fn unknown_statuses_are_not_final_and_no_hot_loop() {
    let scene1 = scene([seen("paused"), seen("paused"), seen("Completed"), seen("completed")]);
    assert_eq!(poll(&scene1, OURS).unwrap()["status"], "completed");
    assert_eq!(*scene1.told.borrow(), ["status unknown", "status unknown", "status completed"], "paused, then Completed");
    let scene2 = scene([]).forever(seen("paused"));
    poll(&scene2, OURS).unwrap_err();
    assert!(scene2.requests() < 33);
}

#[test]
fn gone_is_not_the_same_as_never_seen() {
    let missing = || answer(404, json!({"error": "Job not found"}));
    let scene1 = scene([missing()]);
    assert_eq!(poll(&scene1, OURS).unwrap_err().code, ErrorCode::JobNotFound);
    let scene2 = scene([seen("processing"), missing(), missing()]);
    let error = poll(&scene2, OURS).unwrap_err();
    assert_eq!((error.code, error.job.is_some()), (ErrorCode::JobGone, true));
    let scene3 = scene([seen("processing"), missing(), seen("completed")]);
    assert!(poll(&scene3, OURS).is_ok(), "once may be a server that is just starting");
    let scene4 = scene([created(), missing(), missing()]);
    assert_eq!(create(&scene4, OURS).unwrap_err().code, ErrorCode::JobGone);
    let paid = scene([payment_required(), created(), seen("processing"), missing(), missing()]).paying();
    let error = create(&paid, OURS).unwrap_err();
    assert_eq!((error.code, error.job_id.as_deref()), (ErrorCode::JobGone, Some("job-1")));
    assert!(error.job.is_some() && error.payment.unwrap().transaction.as_deref() == Some(HASH));
}

#[test]
fn a_limit_that_the_server_asks_for_comes_before_the_look_at_the_expiry() {
    let slow = seen("processing").after(25_000.0);
    let no_channels = text(404, "");
    let scene = scene([created(), slow, no_channels, text(429, "").with("retry-after", "8"), seen("completed")]);
    create(&scene, OURS).unwrap();
    let times = scene.times();
    assert!(times[4] - times[3] >= 8_000.0, "{times:?}");
}

/// The pauses of this wait last so much longer than asked for, or less.
fn held_up(steps: impl IntoIterator<Item = Step>, more: &[f64]) -> Scene {
    let scene = scene(steps);
    scene.world.held_up.borrow_mut().extend(more);
    scene
}

#[test]
fn a_machine_that_slept_or_a_page_that_was_hidden_looks_at_once_and_once_more_after_the_expiry() {
    // An hour in the middle of the first pause: the job has long outlived its expiry, and its
    // answer is there.
    let slept = held_up([created(), seen("completed")], &[3_600_000.0]);
    assert!(create(&slept, OURS).is_ok());
    assert_eq!(slept.requests(), 2);
    // There is none: the wait ends after that look, and has a handle to go on with.
    let over = held_up([created(), seen("processing")], &[3_600_000.0]);
    let error = create(&over, OURS).unwrap_err();
    assert_eq!((error.code, error.job_id.as_deref(), over.requests()), (ErrorCode::WaitTimeout, Some("job-1"), 2));
    // The server has forgotten it meanwhile: one look may be a server that is just starting, and
    // then it is said.
    let forgotten = held_up([created(), seen("processing")], &[0.0, 3_600_000.0]);
    let forgotten = forgotten.forever(answer(404, json!({"error": "Job not found"})));
    let error = create(&forgotten, OURS).unwrap_err();
    assert_eq!((error.code, error.job.is_some()), (ErrorCode::WaitTimeout, true));
    // The caller's own limit is kept: it is over, whatever has happened.
    let limited = held_up([created(), seen("processing")], &[0.0, 3_600_000.0]);
    let error = run(limited.client.create_and_wait(&params(), &within(10_000.0), OURS, &|_| ())).unwrap_err();
    assert_eq!((error.code, limited.requests()), (ErrorCode::WaitTimeout, 2));
}

#[test]
fn a_page_that_comes_back_looks_at_once_and_only_once() {
    let looks = |more: &[f64]| {
        let scene = held_up([created(), seen("processing"), seen("processing"), seen("completed")], more);
        create(&scene, OURS).unwrap();
        scene.times()
    };
    let ordinary = looks(&[]);
    // The pause before the third look is cut short by the page's return.
    let back = looks(&[0.0, 0.0, -400.0]);
    assert_eq!((back.len(), back[2], back[3]), (4, ordinary[2], ordinary[3] - 400.0));
    // A second event of the same return comes right after a look: there is none.
    assert_eq!(looks(&[0.0, 0.0, -1e9]), ordinary);
}

#[test]
fn the_wall_clock_has_no_part_in_waiting() {
    // The server's clock is a day off, and only the difference of its instants counts.
    for shift in [-86_400_000.0, 86_400_000.0] {
        let shifted =
            json!({"jobId": "job-1", "status": "processing", "createdAt": 1_000.0 + shift, "expiresAt": 31_000.0 + shift});
        let scene = scene([answer(201, shifted)]).forever(answer(200, {
            let mut job = job("pending");
            job["createdAt"] = json!(1_000.0 + shift).0;
            job["expiresAt"] = json!(31_000.0 + shift).0;
            job
        }));
        assert_eq!(create(&scene, OURS).unwrap_err().code, ErrorCode::WaitTimeout);
        let end = scene.world.now.get();
        assert!((35_000.0..35_100.0).contains(&end), "{end}");
    }
}

#[test]
fn the_last_look_is_right_after_the_expiry() {
    let scene = scene([created().after(0.0)]).forever(seen("processing"));
    create(&scene, OURS).unwrap_err();
    assert!(scene.times().contains(&30_050.5), "{:?}", scene.times());
}

#[test]
fn what_one_client_hears_of_the_rate_limit_holds_for_the_others_of_this_server() {
    let first = scene([answer(429, json!({"error": "slow down"})).with("retry-after", "20")]);
    let allowance = Rc::<RefCell<RateLimit>>::default();
    let share = |scene: &Scene| {
        let ledger = SpendLedger::new(vec![0], Box::new(|_, _| ()));
        Rc::new(Client::sharing(allowance.clone(), Shared(scene.world.clone()), config(), ledger))
    };
    let second = scene([seen("completed")]);
    run(share(&first).get_job("job-1", &within(1_000.0))).unwrap_err();
    run(share(&second).poll_job("job-1", &plain(), OURS, &|_| ())).unwrap();
    assert_eq!(second.times(), [20_000.0]);
}

#[test]
fn requests_that_never_left_do_not_use_the_servers_window_up() {
    let left = |left: &str, step: Step| {
        step.with("ratelimit-limit", "1000").with("ratelimit-remaining", left).with("ratelimit-reset", "800")
    };
    let away = (0..950).map(|_| Step::Fail(SendFailure::Unreached));
    let scene = scene([left("979", seen("processing"))].into_iter().chain(away).chain([left("978", seen("completed"))]));
    poll(&scene, plan(Some(1), Some(951))).unwrap_err();
    *scene.world.script.borrow_mut() = [left("978", created()), left("977", seen("completed"))].into();
    let before = scene.world.now.get();
    create(&scene, OURS).unwrap();
    assert!(scene.world.now.get() - before < 1_000.0);
}

#[test]
fn a_job_is_looked_at_when_it_expires_even_where_the_server_wants_to_be_left_alone_for_longer() {
    let far = answer(429, json!({"error": "slow down"})).with("retry-after", "86400");
    let scene = scene([created(), far, seen("completed")]);
    create(&scene, OURS).unwrap();
    assert_eq!(scene.times(), [0.0, 400.0, 30_050.5]);
    // Nobody waits for longer than a server's window.
    let quiet = answer(429, json!({"error": "slow down"})).with("retry-after", "86400");
    let own = scene_with([quiet, seen("completed")], |_| ());
    poll(&own, plan(Some(100), Some(5))).unwrap();
    assert_eq!(own.times(), [0.0, 900_000.0]);
}

#[test]
fn the_jobs_time_is_learned_from_the_job() {
    let bare = answer(201, json!({"jobId": "job-1", "status": "processing"}));
    let mut long = job("processing");
    long["expiresAt"] = json!(121_000).0;
    let scene = scene([bare]).forever(answer(200, long));
    let error = create(&scene, OURS).unwrap_err();
    assert_eq!((error.code, scene.world.now.get()), (ErrorCode::WaitTimeout, 125_000.0));
}

#[test]
fn a_server_that_is_busy_and_says_for_how_long_is_left_alone_for_so_long() {
    let busy = answer(503, json!({"error": "restarting"})).with("retry-after", "8");
    let scene = scene([created(), busy, seen("completed")]);
    create(&scene, OURS).unwrap();
    assert_eq!(scene.times(), [0.0, 400.0, 8_400.0]);
}

#[test]
fn a_slow_or_early_connection_does_not_end_a_wait() {
    let scene = scene([created(), text(408, ""), text(425, ""), seen("completed")]);
    create(&scene, OURS).unwrap();
}

#[test]
fn waits_that_end_without_a_look_leave_the_limit_to_others() {
    let scene = scene([answer(429, json!({"error": "slow down"})).with("retry-after", "1"), seen("completed")]);
    // Nine calls give up before the time is over.
    for _ in 0..9 {
        run(scene.client.poll_job("job-1", &within(50.0), OURS, &|_| ())).unwrap_err();
    }
    let before = scene.world.now.get();
    poll(&scene, OURS).unwrap();
    assert_eq!((before, scene.times()), (450.0, vec![0.0, 1_000.0]));
}

#[test]
fn a_server_whose_jobs_never_hear_of_their_answers_is_found_out_with_the_first_quiet_job() {
    let answered = || {
        let action = said("Executing action: LOOK", "agent_response", 2_000);
        in_channel(json!([said("more", "agent_response", 4_000), said("here", "agent_response", 3_500), action]))
    };
    let quiet = (0..7).map(|_| seen("processing"));
    let first = [created()].into_iter().chain(quiet).chain([channels(json!(USER)), answered()]);
    // One list of channels is enough.
    let second = [created(), seen("processing"), channels(json!(USER)), in_channel(json!([])), seen("processing")];
    let steps: Vec<_> = first.chain(second).chain([answered()]).collect();
    let scene = scene(steps);
    let job = create(&scene, OURS).unwrap();
    assert_eq!((&job["status"], &job["result"]["message"]["content"]), (&json!("completed").0, &json!("here").0));
    assert_eq!((scene.requests(), scene.world.now.get() < 6_000.0), (10, true), "{:?}", scene.times());
    // From here on every look looks there too.
    let job = create(&scene, OURS).unwrap();
    assert_eq!((&job["result"]["message"]["content"], scene.finished()), (&json!("here").0, true));
    let times = scene.times();
    // The first one at about the time that the first job has taken.
    assert!(times[15] - times[10] < 3_000.0, "{times:?}");
}

#[test]
fn where_jobs_hear_of_their_answers_nobody_looks_for_them_elsewhere() {
    let slow = || (0..12).map(|_| seen("processing")).chain([seen("completed")]);
    let known = scene([created(), seen("completed"), created()].into_iter().chain(slow()));
    create(&known, OURS).unwrap();
    create(&known, OURS).unwrap();
    // Nor where there are no channels.
    let none = [created()].into_iter().chain((0..7).map(|_| seen("processing"))).chain([text(404, "")]).chain(slow());
    create(&scene(none), OURS).unwrap();
    // Nor where the caller has an interval of his own.
    let own = scene((0..12).map(|_| seen("processing")).chain([seen("completed")]));
    poll(&own, plan(Some(1_000), Some(20))).unwrap();
}

#[test]
fn the_headers_of_a_wait_go_with_each_of_its_looks() {
    let scene = scene([seen("processing"), seen("completed")]);
    let call = eliza_jobs::api::options::CallOptions { headers: vec![("x-mine".into(), "1".into())], ..plain() };
    run(scene.client.poll_job("job-1", &call, OURS, &|_| ())).unwrap();
    assert_eq!([0, 1].map(|at| scene.header(at, "x-mine")), [Some("1".to_owned()), Some("1".to_owned())]);
}

#[test]
fn a_window_that_seems_to_end_in_years_stops_no_poll() {
    for reset in ["1790000000", "86401"] {
        let limited = |status: &str| {
            let seen = seen(status).with("ratelimit-limit", "1000").with("ratelimit-remaining", "0");
            seen.with("ratelimit-reset", reset)
        };
        let scene = scene([limited("processing"), limited("completed")]);
        run(scene.client.poll_job("job-1", &plain(), WaitPlan::default(), &|_| ())).unwrap();
        assert!(scene.world.now.get() < 5_000.0, "{reset}: {} ms", scene.world.now.get());
    }
}

const DATE: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

#[test]
fn a_cache_that_answers_every_poll_is_asked_past() {
    // The same answer with the same Date, until an address comes that the cache has not seen.
    let cached = || seen("processing").with("date", DATE);
    let steps = [created(), cached(), cached(), cached(), cached(), cached(), seen("completed").with("date", DATE)];
    let scene = scene(steps);
    create(&scene, OURS).unwrap();
    let sent = scene.world.sent.borrow();
    let paths: Vec<_> = sent.iter().skip(1).map(|(at, request)| (*at, request.url.contains("job-1?fresh="))).collect();
    assert!(paths.iter().all(|(at, fresh)| *fresh == (*at > 3_400.0 + 900.0)), "{paths:?}");
    // An Age says so at once.
    let old = self::scene([created(), seen("processing").with("age", "30"), seen("completed")]);
    create(&old, OURS).unwrap();
    assert!(old.request(2).url.ends_with("/job-1?fresh=4294967295"), "{}", old.request(2).url);
    // So does a 304, for nobody asked whether anything had changed.
    let unmodified = self::scene([created(), text(304, ""), seen("completed")]);
    create(&unmodified, OURS).unwrap();
    assert!(unmodified.request(2).url.ends_with("/job-1?fresh=4294967295"), "{}", unmodified.request(2).url);
}

#[test]
fn a_wait_that_sees_only_what_a_cache_has_says_so() {
    let scene1 = scene([created()]).forever(seen("processing").with("date", DATE));
    let error = create(&scene1, OURS).unwrap_err();
    assert_eq!(error.code, ErrorCode::WaitTimeout);
    assert!(error.message.contains("came from an HTTP cache"), "{}", error.message);
    let scene2 = scene([created()]).forever(seen("processing"));
    assert!(!create(&scene2, OURS).unwrap_err().message.contains("cache"));
}

#[test]
fn an_answer_about_another_job_is_none_and_its_record_stays() {
    let mut other = job("completed");
    other["jobId"] = json!("job-2").0;
    let wrong = answer(200, other);
    let scene1 = scene([payment_required(), created(), wrong.clone(), seen("completed")]).paying();
    assert_eq!(create(&scene1, OURS).unwrap()["jobId"], "job-1");
    let scene2 = scene([payment_required(), created()]).paying().forever(wrong.clone());
    let error = run(scene2.client.create_and_wait(&params(), &within(5_000.0), OURS, &|_| ())).unwrap_err();
    assert_eq!((error.code, error.job, scene2.world.records().len()), (ErrorCode::WaitTimeout, None, 1));
    let scene3 = scene([]).forever(wrong);
    assert_eq!(poll(&scene3, plan(Some(10), Some(1))).unwrap_err().code, ErrorCode::InvalidResponse);
}

#[test]
fn the_error_of_a_wait_that_is_over_names_the_limit_that_was_given() {
    let scene = scene([created().after(300.0)]).forever(seen("processing"));
    let error = run(scene.client.create_and_wait(&params(), &within(700.0), OURS, &|_| ())).unwrap_err();
    assert!(error.message.starts_with("no answer after 700 ms: "), "{}", error.message);
}
