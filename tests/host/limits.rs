//! No step of a call takes longer than the call may, and nothing is kept for longer than it is of
//! use.

use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::Callback;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::waiting::run::WaitPlan;

use crate::world::*;

fn create(scene: &Scene, call: &CallOptions) -> Result<String, Box<Error>> {
    run(scene.client.create_job(&params(), call, &|_| ())).map(|job| job.created.job_id)
}
fn named(key: &str, timeout_ms: Option<f64>) -> CallOptions {
    CallOptions { idempotency_key: key.into(), timeout: timeout_ms.map(Millis::new), ..plain() }
}
/// How long each request may take.
fn limits(scene: &Scene) -> Vec<f64> {
    scene.world.sent.borrow().iter().map(|(_, request)| request.timeout.get()).collect()
}

#[test]
fn a_call_of_the_same_name_that_never_ends_is_waited_for_within_the_limit() {
    let scene = scene([]);
    scene.world.lock_ms.set(f64::INFINITY);
    let error = create(&scene, &named("k", Some(1_000.0))).unwrap_err();
    assert_eq!((error.code, scene.world.now.get(), scene.requests()), (ErrorCode::RequestTimeout, 1_000.0, 0));
}

#[test]
fn a_paid_request_and_the_look_for_its_job_have_what_is_left() {
    let asks = payment_required().after(300.0);
    let scene1 = scene([asks.clone(), created()]).paying();
    create(&scene1, &within(1_000.0)).unwrap();
    assert_eq!(limits(&scene1), [1_000.0, 700.0]);
    // The reply is lost after another 300 ms.
    let lost = Step::Late { after_ms: 300.0, then: Box::new(Step::Fail(SendFailure::Reset)) };
    let scene2 = scene([asks, lost, jobs(&[paid_for()])]).paying();
    assert_eq!(create(&scene2, &within(1_000.0)).unwrap(), "job-1");
    assert_eq!(limits(&scene2), [1_000.0, 700.0, 400.0]);
    // Without a limit of the caller's a look may take ten seconds.
    let scene3 = scene([payment_required(), Step::Fail(SendFailure::Reset), jobs(&[paid_for()])]).paying();
    create(&scene3, &plain()).unwrap();
    assert_eq!(limits(&scene3), [30_000.0, 30_000.0, 10_000.0]);
}

#[test]
fn a_look_and_the_search_for_its_late_answer_share_the_limit() {
    let channels = answer(200, json!({"data": {"channels": []}})).after(900.0);
    let scene = scene([seen("timeout").after(600.0), channels]);
    scene.world.now.set(500.0);
    run(scene.client.get_job("job-1", &within(1_000.0))).unwrap();
    assert_eq!((limits(&scene), scene.world.now.get()), (vec![1_000.0, 400.0], 1_500.0));
}

#[test]
fn a_wait_that_begins_late_ends_late() {
    let scene = scene([]).forever(seen("processing"));
    scene.world.now.set(500.0);
    run(scene.client.poll_job("job-1", &within(2_000.0), WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!(scene.world.now.get(), 2_500.0);
}

#[test]
fn a_create_that_reaches_nobody_is_tried_three_times() {
    let scene = scene([]).forever(Step::Fail(SendFailure::Unreached));
    assert_eq!(create(&scene, &plain()).unwrap_err().code, ErrorCode::ConnectionFailed);
    assert_eq!(scene.requests(), 3);
}

#[test]
fn calls_of_the_same_name_make_one_job_that_is_not_paid_for_too_and_calls_without_a_name_each_their_own() {
    let other = answer(201, json!({"jobId": "job-2", "status": "processing", "createdAt": 1, "expiresAt": 2}));
    let scene = scene([created(), other.clone(), created(), other]);
    let ids = ["k", "l", "k", "l"].map(|key| create(&scene, &named(key, None)).unwrap());
    assert_eq!((ids, scene.requests()), (["job-1", "job-2", "job-1", "job-2"].map(str::to_owned), 2));
    // What an application has done to the first answer is not in the second.
    let again = run(scene.client.create_job(&params(), &named("k", None), &|_| ())).unwrap();
    assert_eq!(again.created.document["status"], "processing");
    assert_eq!([1, 2].map(|_| create(&scene, &plain()).unwrap()), ["job-1", "job-2"].map(str::to_owned));
}

#[test]
fn records_of_jobs_that_servers_have_forgotten_go_when_the_next_job_is_paid() {
    let scene = scene([payment_required(), created(), payment_required(), created(), payment_required(), created()]).paying();
    scene.world.own_uuids.set(true);
    create(&scene, &plain()).unwrap();
    // A clock that has been put right counts as little as it can.
    scene.world.now.set(170_000_000.0);
    create(&scene, &plain()).unwrap();
    assert_eq!(scene.world.records().len(), 2);
    scene.world.now.set(173_000_000.0);
    create(&scene, &plain()).unwrap();
    assert_eq!(scene.world.records().len(), 2, "the first one's two days are over, the second one's are not");
}

#[test]
fn what_was_spent_is_counted_once_however_it_went_on() {
    let resume = |scene: &Scene, attempt: &Json| run(scene.client.resume(attempt, &plain(), WaitPlan::default(), &|_| ()));
    let spent = |scene: &Scene| scene.client.spent("USDC").unwrap();
    // A transfer whose wallet has failed: its money may be gone, and is when it goes on.
    let failed = json!({"message": "no receipt", "transactionHash": HASH});
    let scene1 = scene([payment_required(), jobs(&[]), created(), seen("completed")]).wallet(Err(failed));
    let attempt = create(&scene1, &plain()).unwrap_err().payment.unwrap();
    assert_eq!(spent(&scene1), "0.02");
    resume(&scene1, &eliza_jobs::payment::record::to_json(&attempt)).unwrap();
    assert_eq!(spent(&scene1), "0.02");
    // Another client, as in another run of the program, has spent it when it resumes it.
    let scene2 = scene([jobs(&[]), created(), seen("completed")]);
    assert_eq!(spent(&scene2), "0");
    resume(&scene2, &eliza_jobs::payment::record::to_json(&attempt)).unwrap();
    assert_eq!(spent(&scene2), "0.02");
}

#[test]
fn a_late_proof_leaves_a_payment_alone_that_has_gone_on_without_it() {
    let sign = std::rc::Rc::new(std::cell::Cell::new(false));
    let steps = [payment_required(), jobs(&[]), created()];
    let scene = scene_with(steps, |config| config.wallet_timeout = Millis::new(1_000.0)).forever(seen("processing"));
    let scene = scene.giving_when(Callback::Transfer, sign.clone(), Ok(json!(format!("0x{}", "cd".repeat(32)))));
    let mut attempt = eliza_jobs::payment::record::to_json(&create(&scene, &plain()).unwrap_err().payment.unwrap());
    attempt["transaction"] = json!(HASH).0;
    run(scene.client.resume(&attempt, &within(2_000.0), WaitPlan::default(), &|_| ())).unwrap_err();
    let before = scene.world.records();
    sign.set(true);
    scene.world.turn();
    assert_eq!(scene.world.records(), before);
    assert_eq!((&before[0]["state"], &before[0]["transaction"]), (&json!("accepted").0, &json!(HASH).0));
}

#[test]
fn what_is_resumed_or_forgotten_late_keeps_its_limit() {
    let scene = scene([payment_required(), Step::Fail(SendFailure::Reset)]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = eliza_jobs::payment::record::to_json(&create(&scene, &plain()).unwrap_err().payment.unwrap());
    for (begins, lock_ms) in [(100_000.0, 0.0), (200_000.0, f64::INFINITY)] {
        scene.world.now.set(begins);
        scene.world.lock_ms.set(lock_ms);
        run(scene.client.resume(&attempt, &within(1_000.0), WaitPlan::default(), &|_| ())).unwrap_err();
        let took = scene.world.now.get() - begins;
        assert!(took <= 1_000.0 && (lock_ms == 0.0 || took == 1_000.0), "{took}");
    }
    scene.world.now.set(300_000.0);
    assert_eq!(run(scene.client.forget_payment(&attempt, &within(500.0))).unwrap_err().code, ErrorCode::RequestTimeout);
    assert_eq!(scene.world.now.get(), 300_500.0);
}

#[test]
fn a_transaction_that_is_given_takes_the_place_of_a_transfers_own_and_of_nothing_else() {
    let mined = format!("0x{}", "cd".repeat(32));
    let resumed = |record: &Json, given: &str| {
        let scene = scene([jobs(&[]), created(), seen("completed")]);
        scene.world.store.borrow_mut().insert("eliza-jobs/payment/a".into(), record.to_string());
        let mut attempt = record.clone();
        attempt["transaction"] = json!(given).0;
        let end = run(scene.client.resume(&attempt, &plain(), WaitPlan::default(), &|_| ()));
        (scene.sent_proofs(), end.is_ok())
    };
    let transfer = json!({"version": 1, "attemptId": "a", "state": "unknown", "dialect": "seed", "network": "base", "server": BASE,
        "asset": "0x1", "recipient": TO, "amount": "0.02", "amountAtomic": "20000", "currency": "USDC", "chainId": 8453, "decimals": 6, "request": "{}", "transaction": HASH, "proof": {"x-payment": HASH, "x-payment-network": "base"}});
    assert_eq!(resumed(&transfer, &mined), (vec![mined.clone()], true));
    for odd in [HASH, "soon", ""] {
        assert_eq!(resumed(&transfer, odd), (vec![HASH.to_owned()], true), "{odd}");
    }
    // What was signed is its own proof.
    let mut signed = transfer.clone();
    (signed["signs"], signed["dialect"], signed["proof"]) =
        (json!("yes").0, json!("v1").0, json!({"x-payment": "a signature"}).0);
    assert_eq!(resumed(&signed, &mined), (vec!["a signature".to_owned()], true));
    // A job that is there needs no proof.
    let mut accepted = transfer;
    accepted["created"] = json!({"jobId": "job-1"}).0;
    let scene = scene([seen("completed")]);
    scene.world.store.borrow_mut().insert("eliza-jobs/payment/a".into(), accepted.to_string());
    accepted["transaction"] = json!(mined).0;
    run(scene.client.resume(&accepted, &plain(), WaitPlan::default(), &|_| ())).unwrap();
    assert!(scene.sent_proofs().is_empty());
}
