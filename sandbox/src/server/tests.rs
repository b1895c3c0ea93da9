//! The server as its clients see it.

use super::*;
use crate::json::json;
use crate::wallet;

const USER: &str = "22222222-2222-4222-8222-222222222222";

fn server(options: Value) -> Server {
    Server::new(Options::read(options.as_object().unwrap()).unwrap(), 7, 0.0)
}

fn post(path: &str, body: Value, headers: &[(&str, &str)]) -> Request {
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([kind]).collect();
    Request { method: "POST".into(), url: format!("https://h{path}"), headers, body: body.to_string(), json_error: None }
}

fn create(server: &mut Server, id: u32, headers: &[(&str, &str)], now: Ms) {
    server.receive(id, post("/api/messaging/jobs", json!({"userId": USER, "content": "hi"}), headers), now);
}

fn get(path: &str) -> Request {
    Request { method: "GET".into(), ..post(path, json!(null), &[]) }
}

fn status(effects: &[Effect]) -> Vec<u16> {
    effects.iter().filter_map(|effect| if let Effect::Respond { status, .. } = effect { Some(*status) } else { None }).collect()
}

/// Has the wallet make a transfer, and returns its hash.
fn paid(server: &mut Server, amount: &str, now: Ms) -> String {
    let quote = json!({"network": "base", "recipient": wallet::RECIPIENT, "amount": amount});
    server.transfer(99, &quote, now);
    match server.effects(now).pop() {
        Some(Effect::Settle { value: Some(hash), .. }) => hash,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_agent_is_asked_and_its_answer_completes_the_job() {
    let mut server = server(json!({"answerMs": 50}));
    create(&mut server, 1, &[], 0.0);
    assert_eq!(status(&server.effects(0.0)), [201]);
    assert_eq!(server.next_due(), Some(50.0));
    let asked = server.effects(50.0);
    let [Effect::Ask { id, content, context }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((content.as_str(), &context["userId"]), ("hi", &json!(USER)));
    server.answered(*id, &Answer { text: Some("hello".into()), pieces: vec![], error: None }, 80.0);
    let job = &server.jobs()[0];
    assert_eq!((&job["status"], &job["result"]["message"]["content"]), (&json!("completed"), &json!("hello")));
    assert_eq!(job["result"]["processingTimeMs"], 80);
    server.answered(*id, &Answer { text: Some("again".into()), pieces: vec![], error: None }, 90.0);
    assert_eq!(server.jobs()[0]["result"]["message"]["content"], "hello", "a question has one answer");
}

#[test]
fn a_seed_makes_everything_the_same() {
    let run = || {
        let mut server = server(json!({"paywall": "elizaos", "faults": ["cut-body"]}));
        let hash = paid(&mut server, "0.02", 0.0);
        create(&mut server, 1, &[("x-payment", &hash)], 5.0);
        format!("{:?} {:?} {:?} {:?}", server.effects(9.0), server.jobs(), server.payments(9.0), server.requests())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_transfer_pays_once_and_only_in_full() {
    let mut server = server(json!({"paywall": "elizaos"}));
    let (enough, little) = (paid(&mut server, "0.02", 0.0), paid(&mut server, "0.019999", 0.0));
    let unknown = format!("0x{}", "ab".repeat(32));
    for (hash, expected) in [(&enough, 201), (&enough, 402), (&little, 402), (&unknown, 402)] {
        create(&mut server, 1, &[("x-payment", hash), ("x-payment-network", "base")], 1.0);
        assert_eq!(status(&server.effects(1.0)), [expected], "{hash}");
    }
    assert_eq!(server.payments(1.0).len(), 2);
    assert_eq!(server.balance("base", &wallet::address(), 1.0).unwrap(), "999.960001");
}

#[test]
fn an_empty_wallet_pays_nothing() {
    let mut server = server(json!({"paywall": "elizaos", "balance": "0.01"}));
    server.transfer(1, &json!({"network": "base", "recipient": wallet::RECIPIENT, "amount": "0.02"}), 0.0);
    let effects = server.effects(0.0);
    let [Effect::Settle { error: Some(words), .. }] = &effects[..] else { panic!("{effects:?}") };
    assert!(words.contains("has 0.01 USDC on base, not 0.02"), "{words}");
}

#[test]
fn a_server_that_restarts_forgets_its_jobs_and_keeps_the_money() {
    let mut server = server(json!({"paywall": "elizaos", "slowMs": 100, "faults": ["server-restarts"]}));
    let hash = paid(&mut server, "0.02", 0.0);
    create(&mut server, 1, &[("x-payment", &hash)], 0.0);
    server.effects(0.0);
    server.receive(2, get("/api/messaging/jobs"), 10.0);
    assert_eq!(server.effects(10.0), [Effect::Break { id: 2, code: "ECONNRESET" }]);
    server.receive(3, get("/api/messaging/jobs"), 109.0);
    assert_eq!(server.effects(109.0), [Effect::Break { id: 3, code: "ECONNREFUSED" }]);
    server.receive(4, get("/api/messaging/jobs"), 110.0);
    assert_eq!((status(&server.effects(110.0)), server.jobs().len(), server.payments(110.0).len()), (vec![200], 0, 1));
}

#[test]
fn the_log_keeps_the_last_requests() {
    let mut server = server(json!({"rateLimit": 0}));
    for id in 0..10_500 {
        server.receive(id, get(&format!("/api/messaging/jobs/{id}")), 0.0);
        server.effects(0.0);
    }
    let log = server.requests();
    assert_eq!((log.len(), &log[0]["path"]), (9_500, &json!("/api/messaging/jobs/1000")));
    assert!(log.iter().all(|entry| entry["status"] == 404));
}

#[test]
fn a_body_that_is_cut_breaks_off_in_the_jobs_id() {
    let mut server = server(json!({"faults": ["cut-body"]}));
    create(&mut server, 1, &[], 0.0);
    let effects = server.effects(0.0);
    let [.., Effect::Respond { headers, body, ends: false, .. }, Effect::Break { id: 1, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    let length = &headers.iter().find(|(name, _)| *name == "content-length").unwrap().1;
    assert!(body.starts_with("{\"jobId\":\"") && !body.contains("status") && body.len() < length.parse().unwrap(), "{body}");
}

#[test]
fn a_body_that_drips_is_whole_in_the_end() {
    let mut server = server(json!({"faults": ["slow-body"], "slowMs": 100, "latencyMs": 5}));
    create(&mut server, 1, &[], 0.0);
    assert!(status(&server.effects(4.9)).is_empty(), "it is under way");
    let effects = server.effects(105.0);
    let text: String = effects
        .iter()
        .filter_map(|effect| if let Effect::Piece { text, .. } = effect { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(Value::parse(&text).unwrap()["status"], "processing");
    assert_eq!(effects.last(), Some(&Effect::End { id: 1 }));
}

#[test]
fn a_message_without_an_answer_loses_its_connection_after_thirty_seconds() {
    let mut server = server(json!({}));
    server.receive(1, post("/api/messaging/sessions", json!({"agentId": AGENT, "userId": USER}), &[]), 0.0);
    let created = server.effects(0.0);
    let [Effect::Respond { body, .. }] = &created[..] else { panic!("{created:?}") };
    let id = Value::parse(body).unwrap()["sessionId"].as_str().unwrap().to_owned();
    let path = format!("/api/messaging/sessions/{id}/messages");
    for (request, mode, answered) in [(2, "sync", false), (3, "sync", true), (4, "stream", true)] {
        server.receive(request, post(&path, json!({"content": "hi", "mode": mode}), &[]), 0.0);
        let question =
            server.effects(0.0).into_iter().find_map(|it| if let Effect::Ask { id, .. } = it { Some(id) } else { None });
        if answered {
            server.answered(question.unwrap(), &Answer { text: Some("x".into()), pieces: vec![], error: None }, 1.0);
        }
    }
    server.effects(29_999.0);
    assert_eq!(server.effects(30_000.0), [Effect::Break { id: 2, code: "ECONNRESET" }]);
}

#[test]
fn what_goes_wrong_at_the_paywall_and_in_the_wallet_is_in_the_log_where_it_shows() {
    let mut server = server(json!({"paywall": "elizaos", "faults": ["ask-more", "settle-fails", "slow-wallet", "clock-skew"]}));
    create(&mut server, 1, &[], 0.0);
    let quote = json!({"network": "base", "recipient": wallet::RECIPIENT, "amount": "0.02"});
    server.transfer(99, &quote, 0.0);
    let Some(Effect::Settle { value: Some(hash), .. }) = server.effects(2_000.0).pop() else { panic!("no hash") };
    create(&mut server, 2, &[("x-payment", &"0x12".repeat(17))], 2_000.0);
    create(&mut server, 3, &[("x-payment", &hash)], 2_000.0);
    create(&mut server, 4, &[("x-payment", &hash)], 2_000.0);
    let faults: Vec<Value> = server.requests().iter().map(|request| request["fault"].clone()).collect();
    // Of the two that have struck in the wallet it is the last, and once.
    assert_eq!(faults, ["ask-more", "clock-skew", "settle-fails", "clock-skew"].map(|name| json!(name)));
}
