//! Creating a job without a payment; what is checked before the first byte.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::SendFailure;

fn create(scene: &Scene, params: &Json) -> Result<Json, Box<Error>> {
    run(scene.client.create_job(params, &plain(), &|update| scene.tell(update))).map(|job| job.created.document)
}

#[test]
fn the_body_holds_what_was_given_and_nothing_else() {
    let scene = scene([created()]);
    let params =
        json!({"userId": USER, "agentId": USER, "content": "hi", "metadata": {"a": [1, null]}, "timeoutMs": 1000, "other": 1});
    let job = create(&scene, &params).unwrap();
    assert_eq!(job["jobId"], "job-1");
    let request = scene.request(0);
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://server:3000/api/messaging/jobs"));
    assert_eq!(
        request.body.unwrap(),
        format!(r#"{{"agentId":"{USER}","userId":"{USER}","content":"hi","metadata":{{"a":[1,null]}},"timeoutMs":1000}}"#)
    );
    assert_eq!(scene.header(0, "content-type").as_deref(), Some("application/json"));
    assert_eq!(scene.header(0, "x-api-key").as_deref(), Some("key"));
    assert_eq!(*scene.told.borrow(), ["created job-1"]);
}

#[test]
fn an_empty_agent_id_is_no_agent_id_as_on_the_server() {
    let scene = scene([created()]);
    create(&scene, &json!({"userId": USER, "agentId": "", "content": "hi"})).unwrap();
    assert_eq!(scene.request(0).body.unwrap(), format!(r#"{{"userId":"{USER}","content":"hi"}}"#));
}

#[test]
fn what_the_server_would_refuse_is_never_sent() {
    let good = json!({"userId": USER, "content": "hi"});
    let long = "x".repeat(50_001);
    let cases: Vec<(&str, Json, &str)> = vec![
        ("userId", json!(null), "null"),
        ("userId", json!("abc"), "\"abc\""),
        ("userId", json!(5), "5"),
        ("userId", json!("22222222-2222-4222-8222-22222222222g"), "UUID"),
        ("agentId", json!(null), "null"),
        ("agentId", json!("agent"), "\"agent\""),
        ("content", json!(""), "empty"),
        ("content", json!(7), "7"),
        ("content", json!(null), "null"),
        ("content", json!(long), "50001 characters"),
        ("metadata", json!([]), "an array"),
        ("metadata", json!("x"), "\"x\""),
        ("metadata", json!(null), "null"),
        ("metadata", json!({"k": "x".repeat(9_993)}), "10001 characters"),
        ("timeoutMs", json!(999), "999"),
        ("timeoutMs", json!(300_001), "300001"),
        ("timeoutMs", json!("5s"), "\"5s\""),
        ("timeoutMs", json!(null), "null"),
    ];
    for (field, value, given) in cases {
        let mut params = good.clone();
        params[field] = value.clone().into();
        let scene = scene([]);
        let error = create(&scene, &params).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some(field)), "{field} {value:.40}");
        assert!(error.message.starts_with(field) && error.message.contains(given), "{}", error.message);
        assert_eq!(scene.requests(), 0);
    }
    for params in [json!(null), json!("x"), json!([]), json!({"content": "x"}), json!({"userId": USER})] {
        assert_eq!(create(&scene([]), &params).unwrap_err().code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    for params in [
        json!({"userId": USER, "content": "x".repeat(50_000)}),
        json!({"userId": USER, "content": "😀".repeat(25_000)}),
        json!({"userId": USER, "content": " "}),
        json!({"userId": USER, "content": "x", "metadata": {"k": "x".repeat(9_992)}, "timeoutMs": 1000}),
        json!({"userId": USER.to_uppercase(), "content": "x", "timeoutMs": 300_000}),
    ] {
        create(&scene([created()]), &params).unwrap();
    }
    assert!(create(&scene([]), &json!({"userId": USER, "content": "😀".repeat(25_001)})).is_err());
}

#[test]
fn a_success_that_is_no_job_never_resolves_and_is_never_repeated() {
    for (step, code) in [
        (text(201, ""), ErrorCode::InvalidResponse),
        (text(204, ""), ErrorCode::InvalidResponse),
        (text(201, r#"{"jobId":"job-7","sta"#), ErrorCode::InvalidResponse),
        (text(200, "<!doctype html><title>Hotel WiFi</title>"), ErrorCode::UnexpectedHtml),
        (answer(201, json!({"status": "processing"})), ErrorCode::InvalidResponse),
        (answer(201, json!({"jobId": ""})), ErrorCode::InvalidResponse),
        (answer(201, json!({"jobId": 5})), ErrorCode::InvalidResponse),
        (answer(201, json!([])), ErrorCode::InvalidResponse),
        (answer(201, json!(null)), ErrorCode::InvalidResponse),
    ] {
        let scene = scene([step]);
        let error = create(&scene, &params()).unwrap_err();
        assert_eq!((error.code, scene.requests()), (code, 1), "{}", error.message);
    }
    let scene = scene([text(201, r#"{"jobId" : "job-7","sta"#)]);
    assert_eq!(create(&scene, &params()).unwrap_err().job_id.as_deref(), Some("job-7"), "the only trace of the job");
}

#[test]
fn retry_rules_a_create_is_repeated_only_when_it_certainly_did_nothing() {
    for (first, requests) in [
        (Step::Fail(SendFailure::Unreached), 2),
        (text(429, ""), 2),
        (text(503, ""), 2),
        (Step::Fail(SendFailure::Reset), 1),
        (Step::Fail(SendFailure::Timeout), 1),
        (Step::Fail(SendFailure::Failed), 1),
        (text(500, ""), 1),
        (text(502, ""), 1),
    ] {
        let scene = scene([first, created()]);
        let result = create(&scene, &params());
        assert_eq!(scene.requests(), requests);
        assert_eq!(result.is_ok(), requests == 2);
    }
}

#[test]
fn the_servers_words_and_status_are_in_the_error() {
    let scene = scene([answer(404, json!({"success": false, "error": "Agent x not found"}))]);
    let error = create(&scene, &params()).unwrap_err();
    assert_eq!((error.code, error.status), (ErrorCode::NotFound, Some(404)));
    assert_eq!(error.server_message.as_deref(), Some("Agent x not found"));
    assert_eq!(error.message, "Agent x not found (HTTP 404, POST /api/messaging/jobs)");
}
