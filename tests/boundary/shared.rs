//! What holds wherever the module runs: conversions, promises, aborts, errors. The servers are
//! functions given as `fetch`.

use eliza_jobs::api::jobs::{CreateJobResponse, JobDetailsResponse};
use eliza_jobs::js::JobsClient;
use js_sys::{Error, Function, JSON, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::*;

const USER: &str = "22222222-2222-4222-8222-222222222222";
const JOB: &str = r#"{"jobId":"job-1","status":"completed","agentId":"a","userId":"u","prompt":"p","createdAt":1.5,
  "expiresAt":30001.5,"result":{"message":{"id":"m","content":"é😀","authorId":"a","createdAt":2},"processingTimeMs":7}}"#;

// Bundled from tests/boundary/host.ts.
#[wasm_bindgen(module = "/target/boundary/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = installHost)]
    fn install_host();
}

fn get(value: &JsValue, key: &str) -> JsValue {
    Reflect::get(value, &key.into()).unwrap()
}
fn text(value: &JsValue, key: &str) -> String {
    get(value, key).as_string().unwrap_or_else(|| panic!("{key} is {:?}", get(value, key)))
}
fn object(json: &str) -> JsValue {
    JSON::parse(json).unwrap()
}
fn none() -> JsValue {
    JsValue::UNDEFINED
}
/// What the wrapper passes to a constructor.
fn kept(options: &JsValue) -> JsValue {
    let kept = Object::new();
    Reflect::set(&kept, &"options".into(), options).unwrap();
    kept.into()
}
fn create_and_wait(client: &JobsClient, params: &JsValue) -> Promise {
    client.create_and_wait_for_job(params.clone(), none(), none(), none())
}

/// A client whose server is this function body of `url` and `init`; `calls` counts them.
fn client(fetch: &str) -> (JobsClient, JsValue) {
    install_host();
    let options = object(r#"{"baseUrl":"http://server/api-root/","apiKey":"secret","retries":0}"#);
    let calls = Object::new();
    Reflect::set(&calls, &"count".into(), &0.into()).unwrap();
    let wrapped = Function::new_with_args(
        "calls, body",
        "const f = new Function('url', 'init', body); return (url, init) => { calls.count++; calls.url = url; calls.init = init; return f(url, init) }",
    );
    let fetch = wrapped.call2(&none(), &calls, &fetch.into()).unwrap();
    Reflect::set(&options, &"fetch".into(), &fetch).unwrap();
    (JobsClient::new(kept(&options)).unwrap(), calls.into())
}
fn answers(body: &str) -> String {
    format!("return Promise.resolve(new Response({}, {{ status: 200 }}))", JSON::stringify(&body.into()).unwrap())
}
async fn rejected(promise: Promise) -> JsValue {
    JsFuture::from(promise).await.expect_err("it resolved")
}
fn count(calls: &JsValue) -> f64 {
    get(calls, "count").as_f64().unwrap()
}

#[wasm_bindgen_test]
async fn answers_fit_the_declared_types() {
    let (client, calls) = client(&answers(&JOB.replace("job-1", "a b")));
    let job = JsFuture::from(client.get_job("a b".into(), none())).await.unwrap();
    assert_eq!(text(&calls, "url"), "http://server/api-root/api/messaging/jobs/a%20b");
    let typed: JobDetailsResponse = serde_wasm_bindgen::from_value(job).unwrap();
    assert_eq!(typed.result.unwrap().message.content, "é😀");
    let created =
        JsFuture::from(client.create_job(object(&format!(r#"{{"userId":"{USER}","content":"c"}}"#)), none())).await.unwrap();
    let typed: CreateJobResponse = serde_wasm_bindgen::from_value(created).unwrap();
    assert_eq!((typed.job_id.as_str(), typed.created_at), ("a b", 1.5));
}

#[wasm_bindgen_test]
async fn requests_are_what_fetch_expects() {
    let (client, calls) = client(&answers(JOB));
    let params = object(&format!(r#"{{"userId":"{USER}","content":"é😀","metadata":{{"deep":{{"n":null}}}}}}"#));
    JsFuture::from(client.create_job(params, object(r#"{"headers":{"X-Extra":"1"}}"#))).await.unwrap();
    let init = get(&calls, "init");
    assert_eq!((text(&init, "method").as_str(), text(&init, "redirect").as_str()), ("POST", "manual"));
    assert_eq!(text(&init, "body"), format!(r#"{{"userId":"{USER}","content":"é😀","metadata":{{"deep":{{"n":null}}}}}}"#));
    let headers: web_sys::Headers = get(&init, "headers").unchecked_into();
    for (name, value) in [("x-api-key", "secret"), ("content-type", "application/json"), ("x-extra", "1")] {
        assert_eq!(headers.get(name).unwrap().as_deref(), Some(value), "{name}");
    }
}

#[wasm_bindgen_test]
async fn arguments_are_read_when_the_call_is_made() {
    let (client, calls) = client(&answers(JOB));
    let params = object(&format!(r#"{{"userId":"{USER}","content":"first","metadata":{{"a":1}}}}"#));
    let promise = client.create_job(params.clone(), none());
    Reflect::set(&params, &"content".into(), &"second".into()).unwrap();
    Reflect::set(&get(&params, "metadata"), &"a".into(), &2.into()).unwrap();
    JsFuture::from(promise).await.unwrap();
    assert_eq!(text(&get(&calls, "init"), "body"), format!(r#"{{"userId":"{USER}","content":"first","metadata":{{"a":1}}}}"#));
}

#[wasm_bindgen_test]
async fn metadata_that_json_would_change_is_refused() {
    let (client, calls) = client(&answers(JOB));
    for (metadata, said) in [
        ("new Map([[1, 2]])", "a Map"),
        ("{ a: { b: 1n } }", "a BigInt at a.b"),
        ("{ f() {} }", "a function at f"),
        ("{ s: Symbol() }", "a symbol at s"),
        ("{ n: [1, NaN] }", "NaN at n.1"),
        ("(() => { const o = {}; o.o = { o }; return o })()", "a cycle at o.o"),
        ("{ get x() { throw new Error('no') } }", "one that throws"),
    ] {
        let params = Function::new_no_args(&format!("return {{ userId: '{USER}', content: 'c', metadata: {metadata} }}"))
            .call0(&none())
            .unwrap();
        let error = rejected(client.create_job(params, none())).await;
        assert_eq!((text(&error, "code").as_str(), text(&error, "field").as_str()), ("invalid_argument", "metadata"));
        assert!(text(&error, "message").contains(said), "{}", text(&error, "message"));
    }
    assert_eq!(count(&calls), 0.0);
}

#[wasm_bindgen_test]
async fn arguments_of_any_type_reject_and_never_trap() {
    let (client, calls) = client(&answers(JOB));
    let odd = Function::new_no_args(
        "return [null, 0, -1, NaN, 1e12, '', 'x', true, [], {}, () => 0, Symbol(), 10n, new Date(NaN), new Proxy({}, { get() { throw 1 } })]",
    );
    for value in js_sys::Array::from(&odd.call0(&none()).unwrap()).iter() {
        for promise in [client.create_job(value.clone(), none()), create_and_wait(&client, &value)] {
            assert_eq!(text(&rejected(promise).await, "name"), "ArgumentError", "{value:?}");
        }
        if !value.is_string() || value.as_string().as_deref() == Some("") {
            assert_eq!(text(&rejected(client.get_job(value.clone(), none())).await, "field"), "jobId", "{value:?}");
        }
        if !value.is_object() || value.is_function() {
            let field = text(&rejected(client.get_jobs_health(value.clone())).await, "field");
            assert_eq!(field, "options", "{value:?}");
            let polled = client.poll_job("a".into(), value.clone(), none(), none());
            assert_eq!(text(&rejected(polled).await, "name"), "ArgumentError");
            assert_eq!(text(&rejected(client.list_jobs(value.clone(), none())).await, "name"), "ArgumentError");
        }
        assert!(JobsClient::new(kept(&value)).is_err(), "no options");
    }
    assert_eq!(count(&calls), 0.0);
}

#[wasm_bindgen_test]
async fn errors_are_real_errors_of_their_class() {
    let (client, _) = client("return Promise.resolve(new Response('{\"error\":\"Job not found\"}', { status: 404 }))");
    let error = rejected(client.get_job("gone".into(), none())).await;
    assert!(error.is_instance_of::<Error>());
    assert_eq!((text(&error, "name").as_str(), text(&error, "code").as_str()), ("ApiError", "job_not_found"));
    assert_eq!((get(&error, "status").as_f64(), get(&error, "statusCode").as_f64()), (Some(404.0), Some(404.0)));
    assert_eq!((text(&error, "serverMessage").as_str(), text(&error, "jobId").as_str()), ("Job not found", "gone"));
    assert!(!Reflect::has(&error, &"retryAfterMs".into()).unwrap(), "absent, not undefined");
}

#[wasm_bindgen_test]
async fn an_abort_ends_a_call_at_once_with_its_own_reason() {
    let controller = web_sys::AbortController::new().unwrap();
    let options = Object::new();
    Reflect::set(&options, &"signal".into(), &get(&controller, "signal")).unwrap();
    let (client, calls) =
        client("return new Promise((_, no) => init.signal.addEventListener('abort', () => no(init.signal.reason)))");
    let promise = client.get_job("a".into(), options.clone().into());
    let reason: JsValue = Error::new("enough").into();
    // After the request has begun.
    let abort = Function::new_with_args("controller, reason", "Promise.resolve().then(() => controller.abort(reason))");
    abort.call2(&none(), &controller, &reason).unwrap();
    assert_eq!(rejected(promise).await, reason);
    assert_eq!(rejected(client.get_job("a".into(), options.into())).await, reason, "aborted before the call");
    assert_eq!(count(&calls), 1.0);
}

#[wasm_bindgen_test]
async fn a_time_limit_covers_an_answer_that_never_ends() {
    let (client, _) =
        client("return Promise.resolve(new Response(new ReadableStream({ pull() { return new Promise(() => {}) } })))");
    let error = rejected(client.get_job("a".into(), object(r#"{"timeoutMs":30}"#))).await;
    assert_eq!((text(&error, "name").as_str(), text(&error, "code").as_str()), ("ConnectionError", "request_timeout"));
}

#[wasm_bindgen_test]
async fn what_a_given_fetch_does_wrong_is_an_error_and_no_trap() {
    for (fetch, code) in [
        ("return undefined", "invalid_response"),
        ("return 5", "invalid_response"),
        ("return {}", "invalid_response"),
        ("throw 'boom'", "connection_failed"),
        ("return Promise.reject()", "connection_failed"),
        ("return Promise.resolve(new Response(null, { status: 204 }))", "invalid_response"),
    ] {
        let (client, _) = client(fetch);
        assert_eq!(text(&rejected(client.get_job("a".into(), none())).await, "code"), code, "{fetch}");
    }
}

#[wasm_bindgen_test]
async fn a_client_may_be_freed_while_it_works_and_callbacks_may_call_back() {
    let (client, _) = client(&answers(JOB));
    let calls: Vec<Promise> = (0..200).map(|_| client.get_job("job-1".into(), none())).collect();
    drop(client);
    for call in calls {
        assert_eq!(text(&JsFuture::from(call).await.unwrap(), "status"), "completed");
    }
}
