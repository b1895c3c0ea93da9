//! Reading: get, list, health; retries and redirects.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::LogLevel;
use eliza_jobs::platform::{Progress, SendFailure};
use eliza_jobs::time::Millis;

fn get(scene: &Scene) -> Result<Json, Box<Error>> {
    run(scene.client.get_job("job-1", &plain())).map(|seen| seen.document)
}

#[test]
fn reads_are_tried_again_with_growing_pauses() {
    for broken in [
        Step::Fail(SendFailure::Unreached),
        Step::Fail(SendFailure::Reset),
        text(500, ""),
        text(502, "<html><title>Bad Gateway</title>"),
        text(200, r#"{"jobId": "jo"#),
        text(200, ""),
    ] {
        let scene = scene([broken.clone(), broken, seen("processing")]);
        assert_eq!(get(&scene).unwrap()["status"], "processing");
        assert_eq!(*scene.world.sleeps.borrow(), [200.0, 400.0]);
        assert!(scene.finished());
    }
}

#[test]
fn reads_are_not_tried_again_when_that_cannot_help() {
    for (step, code) in [
        (text(400, ""), ErrorCode::BadRequest),
        (text(401, ""), ErrorCode::Unauthorized),
        (text(403, ""), ErrorCode::Forbidden),
        (answer(404, json!({"error": "Job not found"})), ErrorCode::JobNotFound),
        (text(418, ""), ErrorCode::RequestRefused),
        (text(200, "<html></html>"), ErrorCode::UnexpectedHtml),
        (payment_required(), ErrorCode::PaymentNotSupportedHere),
        (Step::Fail(SendFailure::TooLarge), ErrorCode::ResponseTooLarge),
    ] {
        let scene = scene([step]).paying();
        let error = get(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests()), (code, 1));
        assert_eq!(error.job_id.as_deref(), Some("job-1"));
        assert_eq!(scene.world.asked.borrow().len(), 0, "a read is never paid");
    }
}

#[test]
fn tries_end_with_the_last_error_and_its_cause() {
    let scene = scene([]).forever(Step::Fail(SendFailure::Reset));
    let error = get(&scene).unwrap_err();
    assert_eq!((error.code, scene.requests()), (ErrorCode::ConnectionReset, 3));
    assert!(
        error.cause.is_some() && error.message.contains("server:3000") && error.message.contains("ESCRIPT"),
        "{}",
        error.message
    );
}

#[test]
fn retry_rules_an_outage_is_not_hammered() {
    let scene = scene([]).forever(text(500, ""));
    for _ in 0..100 {
        get(&scene).unwrap_err();
    }
    assert_eq!(scene.requests(), 120, "100 first tries and the budget of 20 more");
}

#[test]
fn a_429_is_obeyed_inside_the_time_limit_and_reported_outside() {
    let scene1 = scene([text(429, "").with("retry-after", "2"), seen("processing")]);
    get(&scene1).unwrap();
    assert_eq!(scene1.times(), [0.0, 2_000.0]);

    let scene2 = scene([text(429, "").with("retry-after", "900")]);
    let error = get(&scene2).unwrap_err();
    assert_eq!((error.code, error.retry_after.map(Millis::get), scene2.requests()), (ErrorCode::RateLimited, Some(900_000.0), 1));
    assert_eq!(scene2.world.now.get(), 0.0, "at once");
}

#[test]
fn the_time_limit_covers_all_tries() {
    let scene = scene([]).forever(text(500, "").after(400.0));
    run(scene.client.get_job("job-1", &within(1_000.0))).unwrap_err();
    assert!(scene.world.now.get() <= 1_000.0, "{}", scene.world.now.get());
    let slow = crate::world::scene([seen("processing").after(2_000.0)]);
    let error = run(slow.client.get_job("job-1", &within(1_000.0))).unwrap_err();
    assert_eq!((error.code, slow.world.now.get()), (ErrorCode::RequestTimeout, 1_000.0));
}

#[test]
fn redirects_stay_on_the_origin() {
    let moved = |to: &str| text(307, "").with("location", to);
    let scene1 = scene([moved("/elsewhere"), moved("https://server:3000/api/x"), seen("processing")]);
    get(&scene1).unwrap();
    assert_eq!(scene1.request(1).url, "https://server:3000/elsewhere");
    assert_eq!(scene1.header(2, "x-api-key").as_deref(), Some("key"));
    for to in [
        "http://server:3000/x",
        "https://server:3001/x",
        "http://evil/x",
        "//evil/x",
        "/\\evil",
        "https://server:3000.evil/x",
        "x",
    ] {
        let scene = scene([moved(to)]);
        let error = get(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests()), (ErrorCode::RedirectRefused, 1), "{to}");
    }
    let endless = scene([]).forever(moved("/again"));
    assert_eq!(get(&endless).unwrap_err().code, ErrorCode::RedirectRefused);
    assert_eq!(endless.requests(), 6);
}

#[test]
fn unknown_statuses_are_unknown_and_nulls_are_absent() {
    let mut odd = job("Processing");
    odd["result"] = json!(null).0;
    odd["error"] = json!(null).0;
    let document = get(&scene([answer(200, odd)])).unwrap();
    assert_eq!((&document["status"], &document["rawStatus"]), (&json!("unknown").0, &json!("Processing").0));
    assert!(document.get("result").is_none() && document.get("error").is_none());
    let none = get(&scene([answer(200, json!({"jobId": "job-1"}))])).unwrap();
    assert_eq!((&none["status"], &none["rawStatus"]), (&json!("unknown").0, &json!("").0));
}

#[test]
fn lists_are_asked_for_as_given() {
    let list = |params: Json| {
        let scene = scene([answer(200, json!({"jobs": [job("odd"), 5], "total": 2, "filtered": 2}))]);
        let jobs = run(scene.client.list_jobs(Some(&params), &plain()));
        (jobs, (scene.requests() == 1).then(|| scene.request(0).url))
    };
    let (jobs, url) = list(json!({"limit": 10, "status": "completed"}));
    assert_eq!(url.unwrap(), "https://server:3000/api/messaging/jobs?limit=10&status=completed");
    let jobs = jobs.unwrap();
    assert_eq!((&jobs["jobs"][0]["rawStatus"], &jobs["jobs"][1]), (&json!("odd").0, &json!(5).0));
    assert_eq!(list(json!({})).1.unwrap(), "https://server:3000/api/messaging/jobs");
    for bad in [
        json!({"limit": -1}),
        json!({"limit": 0}),
        json!({"limit": 1.5}),
        json!({"limit": "5"}),
        json!({"status": "done"}),
        json!({"status": "unknown"}),
        json!([]),
    ] {
        let (jobs, url) = list(bad);
        assert_eq!((jobs.unwrap_err().code, url), (ErrorCode::InvalidArgument, None));
    }
}

#[test]
fn health_of_servers_with_and_without_metrics() {
    let counts = json!({"pending": 0, "processing": 1, "completed": 2, "failed": 0, "timeout": 0});
    let health = json!({"healthy": true, "timestamp": 1, "totalJobs": 3, "statusCounts": counts, "maxJobs": 10000});
    assert_eq!(run(scene([answer(200, health.clone())]).client.jobs_health(&plain())).unwrap(), health);
    let error = run(scene([answer(404, json!({"error": "Job not found"}))]).client.jobs_health(&plain())).unwrap_err();
    assert_eq!((error.code, error.server_message.as_deref()), (ErrorCode::NotFound, Some("Job not found")));
}

#[test]
fn headers_of_a_call_come_before_those_of_the_client() {
    let scene = scene([seen("processing")]);
    let call = eliza_jobs::api::options::CallOptions {
        timeout: None,
        headers: vec![("x-api-key".into(), "other".into()), ("x-a".into(), "b".into())],
        ..plain()
    };
    run(scene.client.get_job("job-1", &call)).unwrap();
    assert_eq!(scene.header(0, "x-api-key").as_deref(), Some("other"));
    assert_eq!(scene.header(0, "x-a").as_deref(), Some("b"));
}

#[test]
fn the_logger_is_told_each_request_and_nothing_that_is_a_secret() {
    let scene = scene([
        payment_required(),
        Step::Fail(SendFailure::Reset),
        jobs(&[]).after(5.0),
        created().after(1_234.5),
        answer(200, json!({"jobs": []})),
    ])
    .paying();
    run(scene.client.create_job(&params(), &plain(), &|_| ())).unwrap();
    run(scene.client.list_jobs(Some(&json!({"limit": 7})), &plain())).unwrap();
    let logged = scene.world.logged.borrow();
    assert!(logged.iter().all(|(level, _)| *level == LogLevel::Debug));
    assert_eq!(
        logged.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(),
        [
            "POST /api/messaging/jobs 402 in 0 ms",
            "POST /api/messaging/jobs connection_reset in 0 ms",
            "GET /api/messaging/jobs 200 in 5 ms",
            "POST /api/messaging/jobs 201 in 1234 ms",
            "GET /api/messaging/jobs 200 in 0 ms",
        ]
    );
}

#[test]
fn json_under_another_name_is_read_and_reported_once() {
    let odd = || seen("processing").with("content-type", "text/plain; secret=1");
    let scene = scene([odd(), odd(), seen("processing").with("content-type", "application/problem+json")]);
    let warned = |scene: &Scene| {
        let logged = scene.world.logged.borrow();
        logged.iter().filter(|(level, _)| *level == LogLevel::Warn).map(|(_, words)| words.clone()).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        assert_eq!(get(&scene).unwrap()["status"], "processing");
        let words = "the server's content-type is not that of JSON (GET /api/messaging/jobs/job-1); the answer was read as JSON all the same";
        assert_eq!(warned(&scene), [words]);
    }
    let usual = self::scene([seen("processing").with("content-type", "application/json; charset=utf-8")]);
    get(&usual).unwrap();
    assert!(warned(&usual).is_empty());
}

#[test]
fn a_read_follows_every_redirect_and_a_create_only_those_that_keep_its_body() {
    for status in [301, 302, 303, 307, 308] {
        let moved = text(status, "").with("location", "/elsewhere");
        let reads = scene([moved.clone(), seen("processing")]);
        assert!(get(&reads).is_ok(), "{status}");
        let creates = scene([moved, created()]);
        let made = run(creates.client.create_job(&params(), &plain(), &|_| ()));
        assert_eq!((made.is_ok(), creates.requests()), if status > 303 { (true, 2) } else { (false, 1) }, "{status}");
    }
}

#[test]
fn an_answer_about_another_job_is_not_taken() {
    let mut other = job("completed");
    other["jobId"] = json!("job-2").0;
    let again = scene([answer(200, other.clone()), seen("completed")]);
    assert_eq!(get(&again).unwrap()["jobId"], "job-1");
    let mixed_up = scene([]).forever(answer(200, other));
    let error = get(&mixed_up).unwrap_err();
    assert_eq!((error.code, error.job_id.as_deref()), (ErrorCode::InvalidResponse, Some("job-1")));
    assert!(error.message.starts_with("expected the job with this jobId"), "{}", error.message);
    // Some servers write ids in lower case.
    let mut lower = job("completed");
    lower["jobId"] = json!("JOB-1").0;
    assert!(get(&scene([answer(200, lower)])).is_ok());
}

#[test]
fn a_fraction_of_a_second_in_retry_after_is_waited_for() {
    let scene = scene([text(429, "").with("retry-after", "1.997"), seen("processing")]);
    get(&scene).unwrap();
    assert_eq!(scene.times(), [0.0, 2_000.0]);
}

#[test]
fn headers_that_are_too_large_are_reported_at_once() {
    let large = scene([text(431, "")]);
    let error = get(&large).unwrap_err();
    assert_eq!((error.code, error.code.retryable(), large.requests()), (ErrorCode::RequestRefused, false, 1));
    assert!(error.message.contains("the request's headers are larger than the server reads"), "{}", error.message);
    let answer = scene([Step::Fail(SendFailure::from_words("UND_ERR_HEADERS_OVERFLOW", Progress::Unknown))]);
    let error = get(&answer).unwrap_err();
    assert_eq!((error.code, error.code.retryable(), answer.requests()), (ErrorCode::ResponseTooLarge, false, 1));
}

#[test]
fn only_what_failed_before_there_was_a_connection_was_certainly_not_sent() {
    use Progress::{Connected, Connecting, Unknown};
    for (words, progress, failure) in [
        ("ECONNREFUSED", Connecting, SendFailure::Unreached),
        ("EHOSTUNREACH", Connecting, SendFailure::Unreached),
        ("ETIMEDOUT", Connecting, SendFailure::Unreached),
        ("ENOTFOUND", Connecting, SendFailure::Unreached),
        ("ConnectionRefused", Unknown, SendFailure::Unreached),
        ("UND_ERR_CONNECT_TIMEOUT", Unknown, SendFailure::Unreached),
        ("tcp connect error: Connection refused (os error 111)", Unknown, SendFailure::Unreached),
        // A connection that was there can end so too.
        ("EHOSTUNREACH", Unknown, SendFailure::Failed),
        ("ENETUNREACH", Unknown, SendFailure::Failed),
        ("ETIMEDOUT", Unknown, SendFailure::Failed),
        ("EHOSTUNREACH", Connected, SendFailure::Reset),
        ("ECONNREFUSED", Connected, SendFailure::Reset),
        ("ENETUNREACH", Connected, SendFailure::Reset),
        // Somebody's words about something else.
        ("the upstream said ECONNREFUSED", Unknown, SendFailure::Failed),
    ] {
        assert_eq!(SendFailure::from_words(words, progress), failure, "{words} {progress:?}");
    }
}
