//! What is written down, when, and how whoever comes after a crash goes on with it.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::api::payments::PaymentState;
use eliza_jobs::client::Config;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::funds_moved;
use eliza_jobs::payment::record::{self, PREFIX};
use eliza_jobs::platform::SendFailure;
use eliza_jobs::platform::{Callback, LogLevel};
use eliza_jobs::waiting::run::WaitPlan;
use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Waker};

const ID: &str = "33333333-3333-4333-8333-333333333333";

fn create(scene: &Scene) -> Result<String, Box<Error>> {
    create_named(scene, "")
}
fn create_named(scene: &Scene, key: &str) -> Result<String, Box<Error>> {
    let call = CallOptions { idempotency_key: key.to_owned(), ..plain() };
    run(scene.client.create_job(&params(), &call, &|update| scene.tell(update))).map(|job| job.created.job_id)
}
fn pending(scene: &Scene) -> Vec<Json> {
    run(scene.client.pending_payments(&CallOptions::default())).unwrap()
}
fn resume(scene: &Scene, attempt: &Json) -> Result<Json, Box<Error>> {
    run(scene.client.resume(attempt, &plain(), WaitPlan::default(), &|update| scene.tell(update)))
}
/// Another program with the same store: what is there after a crash.
fn after_crash(before: &Scene, steps: impl IntoIterator<Item = Step>) -> Scene {
    let scene = scene(steps);
    *scene.world.store.borrow_mut() = before.world.store.borrow().clone();
    scene
}
/// A wallet that looks into the store when it is asked.
fn watching(scene: Scene) -> (Scene, Rc<std::cell::RefCell<Vec<Json>>>) {
    let found = Rc::new(std::cell::RefCell::default());
    let seen: Rc<std::cell::RefCell<Vec<Json>>> = found.clone();
    let scene = scene.giving(Callback::Transfer, move |world, _| {
        seen.borrow_mut().extend(world.records());
        Some(Ok(json!(HASH)))
    });
    (scene, found)
}

#[test]
fn the_intent_is_written_before_the_wallet_is_asked_and_the_handle_before_it_is_given_away() {
    let (scene, found) = watching(scene([payment_required(), created()]));
    create(&scene).unwrap();
    let intent = &found.borrow()[0];
    assert_eq!((&intent["state"], &intent["attemptId"], &intent["version"]), (&json!("intended").0, &json!(ID).0, &json!(1).0));
    assert_eq!((&intent["server"], &intent["amount"]), (&json!(BASE).0, &json!("0.02").0));
    assert_eq!(intent["request"].as_str(), scene.request(0).body.as_deref());
    let handle = &scene.world.records()[0];
    assert_eq!((&handle["state"], &handle["jobId"], &handle["proof"]), (&json!("accepted").0, &json!("job-1").0, &json!(null).0));
}

#[test]
fn the_proof_is_written_before_it_is_sent() {
    let scene = scene([payment_required()]).paying();
    // The process ends while the paid request is on its way.
    let params = params();
    let call = plain();
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    scene.world.script.borrow_mut().push_back(Step::Hang);
    assert!(create.as_mut().poll(&mut context).is_pending());
    drop(create);
    let record = scene.world.records().remove(0);
    assert_eq!((&record["state"], &record["proof"]["x-payment"]), (&json!("sent").0, &json!(HASH).0));
}

#[test]
fn the_record_goes_when_the_answer_was_seen_or_nothing_has_moved() {
    let waited = scene([payment_required(), created(), seen("completed")]).paying();
    run(waited.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap();
    assert!(waited.world.records().is_empty());
    let looked = scene([payment_required(), created(), seen("processing"), seen("failed")]).paying();
    create(&looked).unwrap();
    for left in [1, 0] {
        run(looked.client.get_job("job-1", &plain())).unwrap();
        assert_eq!(looked.world.records().len(), left);
    }
    let rejected = scene([payment_required()]).wallet(Err(json!({"code": 4001})));
    create(&rejected).unwrap_err();
    assert!(rejected.world.records().is_empty());
}

#[test]
fn a_store_that_fails_before_the_payment_means_no_payment() {
    let scene = scene([payment_required()]).paying();
    scene.world.store_works.set(Some(0));
    let error = create(&scene).unwrap_err();
    assert_eq!((error.code, scene.asked(Callback::Transfer), scene.requests()), (ErrorCode::StoreFailed, 0, 1));
    assert!(error.message.contains("the disk is full; nothing was paid"), "{}", error.message);
    assert_eq!(scene.client.spent("USDC").unwrap(), "0");
}

#[test]
fn a_store_that_fails_keeps_nobody_from_a_job() {
    let scene = scene([seen("completed")]);
    scene.world.store_works.set(Some(0));
    assert_eq!(resume(&scene, &json!("job-1")).unwrap()["jobId"], "job-1");
}

#[test]
fn a_store_that_fails_after_a_transfer_does_not_keep_the_proof_from_the_server() {
    let scene = scene([payment_required(), created()]).paying();
    // The intent, whether it is there, and whether anybody counts.
    scene.world.store_works.set(Some(3));
    assert_eq!(create(&scene).unwrap(), "job-1");
}

#[test]
fn after_a_crash_what_is_open_is_listed_and_goes_on_with_the_same_proof() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    create(&before).unwrap_err();
    let after = after_crash(&before, [jobs(&[]), created(), seen("completed")]);
    let open = pending(&after);
    assert_eq!((open.len(), &open[0]["state"], &open[0]["attemptId"]), (1, &json!("unknown").0, &json!(ID).0));
    assert_eq!(open[0]["proof"], json!(null), "what may be printed holds no proof");
    let job = resume(&after, &open[0]).unwrap();
    assert_eq!(job["result"]["message"]["content"], "the answer");
    assert_eq!(after.sent_proofs(), [HASH]);
    assert_eq!(after.request(1).body, before.request(0).body);
    assert!(after.world.records().is_empty() && pending(&after).is_empty());
    assert_eq!(*after.told.borrow(), ["payment accepted", "created job-1", "status completed"]);
}

#[test]
fn after_a_crash_a_job_that_is_there_is_found_and_not_paid_for_again() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = *create(&before).unwrap_err();
    let found = after_crash(&before, [jobs(&[paid_for()]), seen("completed")]);
    resume(&found, &record::to_json(&attempt.payment.unwrap())).unwrap();
    assert!(found.sent_proofs().is_empty());
    // The handle was written down: nothing need be looked for.
    let before = scene([payment_required(), created()]).paying();
    create(&before).unwrap();
    let handle = after_crash(&before, [seen("completed")]);
    let open = pending(&handle);
    assert_eq!((&open[0]["state"], &open[0]["jobId"]), (&json!("accepted").0, &json!("job-1").0));
    resume(&handle, &open[0]).unwrap();
    assert!(handle.world.records().is_empty());
}

#[test]
fn an_error_carries_enough_to_go_on_without_any_store() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = record::to_json(&create(&before).unwrap_err().payment.unwrap());
    let serialised = Json::parse(&attempt.to_json()).unwrap();
    let elsewhere = scene([jobs(&[]), created(), seen("completed")]);
    resume(&elsewhere, &serialised).unwrap();
    assert_eq!(elsewhere.sent_proofs(), [HASH]);
}

#[test]
fn what_an_error_brings_to_a_store_without_its_record_is_written_down_before_it_is_sent() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = record::to_json(&create(&before).unwrap_err().payment.unwrap());
    // Of a token that has a limit, and of one that has none.
    for attempt in [attempt.clone(), attempt.set("currency", json!("OTHER"))] {
        let elsewhere = scene([jobs(&[]), Step::Hang]);
        let call = plain();
        let mut resume = Box::pin(elsewhere.client.resume(&attempt, &call, WaitPlan::default(), &|_| ()));
        assert!(resume.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(elsewhere.sent_proofs(), [HASH]);
        let record = &elsewhere.world.records()[0];
        assert_eq!((&record["state"], &record["proof"]["x-payment"]), (&json!("unknown").0, &json!(HASH).0));
    }
}

#[test]
fn an_intent_without_a_proof_is_never_paid_again_and_goes_on_with_the_transaction_that_was_found() {
    let before = scene([payment_required()]).wallet(Err(json!("the page was closed")));
    create(&before).unwrap_err();
    let after = after_crash(&before, [jobs(&[]), created(), seen("completed")]).paying();
    let open = pending(&after).remove(0);
    let error = resume(&after, &open).unwrap_err();
    assert_eq!((error.code, after.requests(), after.asked(Callback::Transfer)), (ErrorCode::PaymentOutcomeUnknown, 0, 0));
    assert!(error.message.contains("put the transaction's hash into attempt.transaction"), "{}", error.message);
    resume(&after, &open.set("transaction", json!(HASH))).unwrap();
    assert_eq!((after.sent_proofs(), after.asked(Callback::Transfer)), (vec![HASH.to_owned()], 0));
}

#[test]
fn what_the_wallet_gives_after_the_call_has_ended_is_kept() {
    for how in ["abort", "timeout"] {
        let late = Rc::new(std::cell::Cell::new(false));
        let arrived = late.clone();
        let scene = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0));
        let scene = scene.giving_when(Callback::Transfer, late, Ok(json!(HASH)));
        let (params, call) = (params(), plain());
        let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if how == "abort" {
            scene.world.frozen.set(true);
            assert!(create.as_mut().poll(&mut context).is_pending());
        } else {
            let std::task::Poll::Ready(answer) = create.as_mut().poll(&mut context) else { panic!("it hangs") };
            assert_eq!(answer.unwrap_err().code, ErrorCode::WalletTimeout);
        }
        drop(create);
        assert_eq!(scene.world.records()[0]["state"], "intended");
        arrived.set(true);
        scene.world.turn();
        let record = scene.world.records().remove(0);
        assert_eq!((&record["state"], &record["proof"]["x-payment"]), (&json!("proven").0, &json!(HASH).0), "{how}");
        // It is listed, and a logger is told. A callback of its own would come to nobody after a
        // reload, and the call has ended.
        assert_eq!((&pending(&scene)[0]["state"], &pending(&scene)[0]["transaction"]), (&json!("proven").0, &json!(HASH).0));
        let logged = scene.world.logged.borrow();
        let (level, words) = logged.last().unwrap();
        assert_eq!(*level, LogLevel::Warn);
        assert!(words.contains("pendingPayments()") && !words.contains(HASH), "{words}");
        drop(logged);
        let after = after_crash(&scene, [jobs(&[]), created(), seen("completed")]);
        resume(&after, &pending(&after)[0]).unwrap();
    }
}

#[test]
fn a_record_that_cannot_be_read_is_reported_and_kept() {
    let scene = scene([]);
    for (id, text) in [("a", "{"), ("b", "{}"), ("c", r#"{"version":2,"attemptId":"c","state":"sent"}"#), ("d", "[]")] {
        scene.world.store.borrow_mut().insert(format!("{PREFIX}{id}"), text.into());
    }
    scene.world.store.borrow_mut().insert("somebody-elses".into(), "x".into());
    let open = pending(&scene);
    assert_eq!(open.iter().map(|open| open["attemptId"].as_str().unwrap()).collect::<String>(), "abcd");
    assert!(open.iter().all(|open| open["state"] == "unreadable"));
    let error = resume(&scene, &open[2]).unwrap_err();
    assert_eq!((error.code, scene.world.store.borrow().len()), (ErrorCode::StoreFailed, 5));
    assert!(error.message.contains("eliza-jobs/payment/c cannot be read; it was kept"), "{}", error.message);
}

#[test]
fn payments_of_another_server_are_not_this_clients_business() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = record::to_json(&create(&before).unwrap_err().payment.unwrap());
    let other = scene_with([], |config| config.base_url = "https://other.example".into());
    *other.world.store.borrow_mut() = before.world.store.borrow().clone();
    assert!(pending(&other).is_empty());
    let error = resume(&other, &attempt).unwrap_err();
    assert_eq!((error.code, other.requests()), (ErrorCode::InvalidArgument, 0));
    assert!(error.message.contains("https://other.example"), "{}", error.message);
}

#[test]
fn what_is_no_attempt_is_refused() {
    for odd in [
        json!(null),
        json!(5),
        json!({}),
        json!({"attemptId": ""}),
        json!({"attemptId": "x"}),
        json!({"attemptId": "x", "state": "?"}),
    ] {
        let scene = scene([]);
        assert_eq!(resume(&scene, &odd).unwrap_err().code, ErrorCode::InvalidArgument);
        assert_eq!(scene.requests(), 0);
    }
}

#[test]
fn two_calls_of_the_same_name_make_and_pay_one_job() {
    let scene = scene([payment_required(), created(), created()]).paying();
    for _ in 0..3 {
        assert_eq!(create_named(&scene, "question-1").unwrap(), "job-1");
    }
    assert_eq!((scene.requests(), scene.asked(Callback::Transfer)), (2, 1));
    // After a crash as well, as long as the answer was not seen.
    let after = after_crash(&scene, []).paying();
    assert_eq!(create_named(&after, "question-1").unwrap(), "job-1");
    assert_eq!((after.requests(), after.asked(Callback::Transfer)), (0, 0));
    // Another name is another job.
    create_named(&after_crash(&scene, [created()]).paying(), "question-2").unwrap();
}

#[test]
fn a_name_stands_for_one_question() {
    let ask = |scene: &Scene, content: &str, metadata: Json| {
        let call = CallOptions { idempotency_key: "k".into(), ..plain() };
        let params = json!({"userId": USER, "content": content, "metadata": metadata});
        run(scene.client.create_job(&params, &call, &|_| ())).map(|job| job.created.job_id)
    };
    let scene = scene([payment_required(), created()]).paying();
    assert_eq!(ask(&scene, "one", json!({"try": 1})).unwrap(), "job-1");
    let after = after_crash(&scene, []).paying();
    for scene in [&scene, &after] {
        assert_eq!(ask(scene, "one", json!({"try": 2})).unwrap(), "job-1");
        let error = ask(scene, "two", json!({})).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("idempotencyKey")));
        assert!(
            error.message.contains("another one for another request") && error.message.ends_with("given: k"),
            "{}",
            error.message
        );
    }
    assert_eq!((scene.requests(), after.requests(), scene.asked(Callback::Transfer)), (2, 0, 1));
    // A record that the first version wrote has no key record, and may not say what was asked.
    after.world.store.borrow_mut().retain(|key, _| key.starts_with(PREFIX));
    for text in after.world.store.borrow_mut().values_mut() {
        *text = Json::parse(text).unwrap().without("fingerprint").to_json();
    }
    assert_eq!(ask(&after_crash(&after, []).paying(), "two", json!({})).unwrap(), "job-1");
}

#[test]
fn waiting_for_a_call_of_the_same_name_takes_from_the_time_limit() {
    let scene = scene([]).forever(Step::Fail(SendFailure::Timeout));
    scene.world.lock_ms.set(700.0);
    let call = CallOptions { idempotency_key: "k".into(), timeout: Some(Millis::new(1_000.0)), ..plain() };
    run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err();
    assert_eq!((scene.request(0).timeout.get(), scene.world.now.get()), (300.0, 1_000.0));
}

#[test]
fn a_named_call_that_failed_after_the_payment_goes_on_with_the_same_proof() {
    let before = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    create_named(&before, "q").unwrap_err();
    let after = after_crash(&before, [jobs(&[]), created()]).paying();
    assert_eq!(create_named(&after, "q").unwrap(), "job-1");
    assert_eq!((after.sent_proofs(), after.asked(Callback::Transfer)), (vec![HASH.to_owned()], 0));
}

#[test]
fn the_reference_is_the_clients_own_business() {
    let scene = scene([payment_required(), created(), answer(200, paid_for())]).paying();
    create(&scene).unwrap();
    let body = Json::parse(scene.request(0).body.as_deref().unwrap()).unwrap();
    assert_eq!(body["metadata"]["elizaJobsRef"], ID);
    let job = run(scene.client.get_job("job-1", &plain())).unwrap().document;
    assert_eq!(job["metadata"], json!({}));
}

#[test]
fn old_handles_are_forgotten() {
    let scene = scene([payment_required(), created(), payment_required(), created()]).paying();
    create(&scene).unwrap();
    assert_eq!(pending(&scene).len(), 1);
    // A clock that is put right by a day drops nothing that is open.
    scene.world.now.set(scene.world.now.get() + 90_000_000.0);
    assert_eq!(pending(&scene).len(), 1);
    scene.world.now.set(scene.world.now.get() + 90_000_000.0);
    assert!(pending(&scene).is_empty() && scene.world.records().is_empty());
    assert_eq!(PaymentState::read("unreadable"), None);
}

#[test]
fn what_a_record_holds_is_read_again_and_what_cannot_be_sent_is_not() {
    let written = |proof: &str, receipt: Json| json!({"attemptId": "a", "state": "sent", "proof": {"x-payment": proof}, "receipt": receipt, "answered": "yes"});
    let attempt = record::read(&written("p", json!({"success": true}))).unwrap();
    assert_eq!((attempt.receipt, attempt.proof.len(), attempt.answered), (Some(json!({"success": true})), 1, true));
    for (proof, receipt) in [("a\r\nx-evil: 1", json!([])), ("", json!("settled")), ("\u{e9}", json!(null))] {
        let attempt = record::read(&written(proof, receipt)).unwrap();
        assert_eq!((attempt.receipt, attempt.proof), (None, vec![]), "{proof}");
    }
    let hash =
        |hash: &str| json!({"attemptId": "a", "state": "unknown", "dialect": "seed", "network": "base", "transaction": hash});
    assert_eq!(record::read(&hash(HASH)).unwrap().proof.len(), 2);
    assert!(record::read(&hash("not a hash")).unwrap().proof.is_empty());
}

#[test]
fn the_name_of_a_payment_is_remembered_for_two_days_and_lists_as_over() {
    let scene = scene([payment_required(), created(), seen("completed")]).paying();
    assert_eq!(create_named(&scene, "k").unwrap(), "job-1");
    run(scene.client.poll_job("job-1", &plain(), WaitPlan::default(), &|_| ())).unwrap();
    let records = scene.world.records();
    assert_eq!((records.len(), &records[0]["answered"], records[0].get("request")), (1, &json!(true).0, None));
    assert!(pending(&scene).is_empty());

    let later = after_crash(&scene, []).paying();
    later.world.now.set(172_000_000.0);
    assert_eq!(create_named(&later, "k").unwrap(), "job-1");
    assert_eq!((later.requests(), later.asked(Callback::Transfer)), (0, 0));

    let next_day = after_crash(&scene, [payment_required(), created()]).paying();
    next_day.world.now.set(173_500_000.0);
    assert_eq!(create_named(&next_day, "k").unwrap(), "job-1");
    assert_eq!((next_day.requests(), next_day.world.records().len()), (2, 1));
}

/// An internal error has ended the module that had asked: another instance gets the wallet's
/// answer, and has only the record.
#[test]
fn what_the_wallet_answers_after_an_internal_error_is_written_down() {
    let budget = |config: &mut Config| config.spend.limits[0].budget = 20_000;
    let hash = HASH.replace("ab", "cd");
    let no_hash = json!({"message": "broke"});
    for (answer, open) in [
        (Ok(json!(HASH)), Some(("proven", Some(HASH)))),
        (Ok(json!({"hash": HASH})), Some(("proven", Some(HASH)))),
        (Ok(json!([["x-payment", hash]])), Some(("proven", None))),
        (Err(json!({"message": format!("timed out: {HASH}")})), Some(("proven", Some(HASH)))),
        (Err(no_hash), Some(("unknown", None))),
        (Ok(json!(7)), Some(("unknown", None))),
        (Err(json!({"code": 4001})), None),
    ] {
        let before = scene_with([payment_required()], budget).giving(Callback::Transfer, |_, _| None);
        let call = plain();
        let params = params();
        let mut create = std::pin::pin!(before.client.create_job(&params, &call, &|_| ()));
        assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let intended = &before.world.records()[0];
        assert_eq!(intended["state"], "intended");

        let after = scene_with([jobs(&[]), created(), seen("completed")], budget).paying();
        *after.world.store.borrow_mut() = before.world.store.borrow().clone();
        run(after.client.wallet_answered(intended["attemptId"].as_str().unwrap(), answer.clone()));
        let records = after.world.records();
        assert!(after.world.logged.borrow()[0].1.contains("or after an internal error"), "{answer:?}");
        let spending = run(after.client.spending("USDC", &plain())).unwrap();
        let Some((state, transaction)) = open else {
            assert_eq!((records.len(), spending["total"]["remaining"].as_str()), (0, Some("0.02")), "{answer:?}");
            continue;
        };
        assert_eq!((records[0]["state"].as_str(), records[0]["transaction"].as_str()), (Some(state), transaction), "{answer:?}");
        assert_eq!(spending["total"]["remaining"], "0", "{answer:?}");
        let resumed = resume(&after, &records[0]);
        assert_eq!(resumed.is_ok(), state == "proven", "{answer:?} {resumed:?}");
        assert_eq!(after.asked(Callback::Transfer), 0);
    }
}

fn sign(is_there: bool) -> Rc<Cell<bool>> {
    Rc::new(Cell::new(is_there))
}

/// A wallet that waits until its transfer is mined can say before that which one it is.
#[test]
fn a_program_that_ends_while_its_transfer_is_being_mined_leaves_the_hash() {
    let before = scene([payment_required()]).giving(Callback::Transfer, |_, _| None).saying_sent(sign(true), json!(HASH));
    let (call, params) = (plain(), params());
    let mut create = std::pin::pin!(before.client.create_job(&params, &call, &|_| ()));
    assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    before.world.turn();
    let record = before.world.records().remove(0);
    assert_eq!((&record["state"], &record["transaction"]), (&json!("proven").0, &json!(HASH).0));

    let after = after_crash(&before, [jobs(&[]), created(), seen("completed")]).paying();
    resume(&after, &record).unwrap();
    assert_eq!((after.sent_proofs(), after.asked(Callback::Transfer)), (vec![HASH.to_owned()], 0));
}

#[test]
fn what_is_said_to_be_sent_is_written_down_while_the_call_has_the_payments_lock() {
    let said = sign(false);
    let scene = scene([payment_required()]).giving(Callback::Transfer, |_, _| None).saying_sent(said.clone(), json!(HASH));
    let (call, params) = (plain(), params());
    let mut create = std::pin::pin!(scene.client.create_job(&params, &call, &|_| ()));
    assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // Nobody gets the lock as long as the call has it.
    scene.world.lock_ms.set(f64::INFINITY);
    said.set(true);
    scene.world.turn();
    assert_eq!(scene.world.records()[0]["transaction"], HASH);
}

#[test]
fn a_store_that_fails_for_a_moment_does_not_lose_what_a_wallet_answers_late() {
    for (fails, state) in [(3, "proven"), (4, "unknown")] {
        let scene = scene([payment_required()]).wallet(Err(json!("broke")));
        let id = create(&scene).unwrap_err().payment.unwrap().id;
        scene.world.sleeps.take();
        scene.world.reads_fail.set(fails);
        run(scene.client.wallet_answered(&id, Ok(json!(HASH))));
        assert_eq!(scene.world.records()[0]["state"], state);
        assert_eq!(*scene.world.sleeps.borrow(), [50.0, 100.0, 150.0]);
        let logged = scene.world.logged.borrow();
        assert_eq!(logged.last().unwrap().1.contains("look in the wallet"), state == "unknown");
    }
}

#[test]
fn what_was_said_to_be_sent_is_paid_whatever_the_wallet_answers_unless_it_takes_that_back() {
    let other = HASH.replace("ab", "cd");
    for (answer, proof) in [
        (Err(json!({"message": "no receipt"})), Some(HASH)),
        (Err(json!({"code": 4001})), Some(HASH)),
        (Ok(json!(null)), Some(HASH)),
        (Ok(json!(other)), Some(other.as_str())),
        (Err(json!({"message": "the transfer was reverted", "noMoneyMoved": true})), None),
    ] {
        let scene = scene([payment_required(), created()]).wallet(answer.clone()).saying_sent(sign(true), json!(HASH));
        let made = create(&scene);
        scene.world.turn();
        assert_eq!(scene.sent_proofs(), proof.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{answer:?}");
        match proof {
            Some(proof) => {
                assert_eq!((made.unwrap().as_str(), &scene.world.records()[0]["transaction"]), ("job-1", &json!(proof).0))
            }
            None => {
                let error = made.unwrap_err();
                assert_eq!((error.code, scene.world.records().len()), (ErrorCode::WalletFailed, 0));
                let attempt = error.payment.unwrap();
                assert_eq!((attempt.transaction, attempt.proof.len()), (None, 0), "what was taken back is nowhere");
            }
        }
    }
}

#[test]
fn a_hash_that_is_said_after_the_call_has_ended_is_written_down_and_the_answer_is_the_last_word() {
    let other = HASH.replace("ab", "cd");
    for (answer, transaction) in [
        (Ok(json!(HASH)), Some(HASH)),
        (Ok(json!(other)), Some(other.as_str())),
        (Err(json!({"message": "no receipt"})), Some(HASH)),
        (Err(json!({"message": "reverted", "noMoneyMoved": true})), None),
    ] {
        let (said, answered) = (sign(false), sign(false));
        let scene = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0));
        let scene =
            scene.giving_when(Callback::Transfer, answered.clone(), answer.clone()).saying_sent(said.clone(), json!(HASH));
        assert_eq!(create(&scene).unwrap_err().code, ErrorCode::WalletTimeout);
        assert_eq!(scene.world.records()[0]["state"], "intended");
        said.set(true);
        scene.world.turn();
        let record = scene.world.records().remove(0);
        assert_eq!((&record["state"], &record["transaction"]), (&json!("proven").0, &json!(HASH).0));
        answered.set(true);
        scene.world.turn();
        let left: Vec<_> = scene.world.records().iter().map(|record| record["transaction"].clone()).collect();
        assert_eq!(left, transaction.map(|hash| json!(hash).0).into_iter().collect::<Vec<_>>(), "{answer:?}");
    }
}

#[test]
fn after_an_internal_error_the_answer_of_a_wallet_replaces_the_hash_that_it_said_before_unless_that_was_sent() {
    let other = HASH.replace("ab", "cd");
    let taken_back = json!({"message": "reverted", "noMoneyMoved": true});
    for (answer, is_sent, transaction) in [
        (Ok(json!(HASH)), false, Some(HASH)),
        (Ok(json!(other)), false, Some(other.as_str())),
        (Err(json!({"message": "no receipt"})), false, Some(HASH)),
        (Err(taken_back.clone()), false, None),
        (Ok(json!(other)), true, Some(HASH)),
        (Err(taken_back), true, Some(HASH)),
    ] {
        let before = scene([payment_required()]).giving(Callback::Transfer, |_, _| None);
        let (call, params) = (plain(), params());
        let mut create = std::pin::pin!(before.client.create_job(&params, &call, &|_| ()));
        assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let id = before.world.records()[0]["attemptId"].as_str().unwrap().to_owned();

        let after = after_crash(&before, []);
        run(after.client.wallet_answered(&id, Ok(json!(HASH))));
        assert_eq!(after.world.records()[0]["transaction"], HASH);
        if is_sent {
            let key = record::key(&id);
            let text = after.world.store.borrow()[&key].replace("\"proven\"", "\"sent\"");
            after.world.store.borrow_mut().insert(key, text);
        }
        run(after.client.wallet_answered(&id, answer.clone()));
        let left: Vec<_> = after.world.records().iter().map(|record| record["transaction"].clone()).collect();
        assert_eq!(left, transaction.map(|hash| json!(hash).0).into_iter().collect::<Vec<_>>(), "{answer:?} {is_sent}");
    }
}

#[test]
fn what_is_said_to_be_sent_and_is_no_hash_is_told_and_the_answer_counts() {
    let scene = scene([payment_required(), created()]).paying().saying_sent(sign(true), json!(7));
    assert_eq!(create(&scene).unwrap(), "job-1");
    assert!(scene.world.logged.borrow().iter().any(|(_, words)| words.contains("onSent without a transaction hash")));
}

/// Wallets hand on what their library gave them. Whatever it is, something was sent.
#[test]
fn what_is_said_to_be_sent_is_read_like_what_a_wallet_returns_and_no_code_takes_it_back() {
    let no = || Err(json!({"code": 4001, "message": "User rejected"}));
    let taken_back = || Err(json!({"message": "it was not sent", "noMoneyMoved": true}));
    let digits = HASH.strip_prefix("0x").unwrap();
    for said in [
        json!(HASH),
        json!({"hash": HASH}),
        json!({"receipt": {"transactionHash": HASH}}),
        json!(digits),
        json!(format!("0X{digits}")),
        json!(format!(" {HASH}\n")),
        json!(format!("tx {HASH}")),
    ] {
        let scene = scene([payment_required(), created()]).wallet(no()).saying_sent(sign(true), said.clone());
        assert_eq!(create(&scene).unwrap(), "job-1", "{said}");
        assert_eq!(scene.sent_proofs(), [HASH], "{said}");
    }
    for said in [json!(null), json!(7), json!("0x12"), json!({}), json!([7, 7, 7])] {
        for answer in [no(), Err(json!("broke")), Ok(json!(null))] {
            let scene = scene([payment_required()]).wallet(answer).saying_sent(sign(true), said.clone());
            let error = create(&scene).unwrap_err();
            scene.world.turn();
            assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::Unknown, "{said}: {}", error.message);
            assert!(error.message.contains("look in the wallet"), "{said}: {}", error.message);
            assert_eq!(
                (pending(&scene)[0]["state"].as_str(), scene.client.spent("USDC").unwrap()),
                (Some("unknown"), "0.02".into())
            );
        }
        let scene = scene([payment_required()]).wallet(taken_back()).saying_sent(sign(true), said.clone());
        let error = create(&scene).unwrap_err();
        scene.world.turn();
        assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::No, "{said}");
        assert!(pending(&scene).is_empty() && scene.client.spent("USDC").unwrap() == "0");
    }
}

#[test]
fn an_error_has_the_transaction_that_the_wallet_said_before_its_time_was_up() {
    for (said, state, words) in
        [(json!(HASH), "proven", "client.resume(error.payment)"), (json!(7), "unknown", "look in the wallet")]
    {
        let scene = scene_with([payment_required(), jobs(&[]), created(), seen("completed")], |config| {
            config.wallet_timeout = Millis::new(1_000.0);
        });
        let scene = scene.giving(Callback::Transfer, |_, _| None).saying_sent(sign(true), said.clone());
        let error = create(&scene).unwrap_err();
        assert_eq!(
            (error.code, funds_moved::funds_moved_for(&error)),
            (ErrorCode::WalletTimeout, funds_moved::FundsMoved::Unknown)
        );
        assert!(error.message.contains(words), "{}", error.message);
        let given = record::to_json(&error.payment.unwrap());
        let open = pending(&scene).remove(0);
        assert_eq!((given["state"].as_str(), &given["transaction"]), (Some(state), &open["transaction"]));
        assert_eq!(open["state"], state);
        assert_eq!(resume(&scene, &given).is_ok(), state == "proven");
    }
}

/// A wallet with a time limit of its own has given up, and says later which transaction it has
/// sent.
#[test]
fn what_a_wallet_says_after_its_answer_is_written_down_or_told() {
    let hash = || Ok(json!(HASH));
    for answer in [Err(json!({"message": "timed out"})), Ok(json!(null))] {
        let scene = scene([payment_required(), jobs(&[]), created(), seen("completed")]).wallet(answer);
        let attempt = create(&scene).unwrap_err().payment.unwrap();
        run(scene.client.wallet_answered(&attempt.id, hash()));
        let open = pending(&scene).remove(0);
        assert_eq!((open["state"].as_str(), open["transaction"].as_str()), (Some("proven"), Some(HASH)));
        assert!(scene.world.logged.borrow().iter().any(|(_, words)| words.contains("after its call had ended")));
        resume(&scene, &open).unwrap();
        assert_eq!(scene.sent_proofs(), [HASH]);
    }
    // It was a no: nothing is open.
    let scene = scene([payment_required()]).wallet(Err(json!({"code": 4001})));
    let attempt = create(&scene).unwrap_err().payment.unwrap();
    run(scene.client.wallet_answered(&attempt.id, hash()));
    let logged = scene.world.logged.borrow();
    let (level, words) = logged.last().unwrap();
    assert!(*level == LogLevel::Warn && words.contains("look in the wallet whether money has moved"), "{words}");
    assert!(!words.contains(HASH) && !words.contains(&attempt.id));
}
