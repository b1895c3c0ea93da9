//! Servers, facilitators and stores that are unlike the ones the client was written for.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::api::payments::Attempt;
use eliza_jobs::encoding::to_base64;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::{funds_moved, record};
use eliza_jobs::platform::{Callback, SendFailure};
use eliza_jobs::waiting::run::WaitPlan;

const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

fn asks(extra: Json) -> Step {
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO,
        "maxTimeoutSeconds": 60, "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": extra.0});
    answer(402, json!({"x402Version": 1, "accepts": [entry.0]}))
}
fn usual() -> Step {
    asks(json!({"name": "USD Coin", "version": "2"}))
}
fn signing(scene: Scene) -> Scene {
    let signature = json!(format!("0x{}", "ab".repeat(70)));
    scene.giving(Callback::Address, |_, _| Some(Ok(json!(PAYER)))).giving(Callback::Sign, move |_, _| Some(Ok(signature.clone())))
}
fn create(scene: &Scene) -> Result<String, Box<Error>> {
    run(scene.client.create_job(&params(), &plain(), &|_| ())).map(|job| job.created.job_id)
}
fn ask(scene: &Scene) -> Result<Json, Box<Error>> {
    run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ()))
}
fn says(receipt: Json) -> String {
    to_base64(&receipt.to_string())
}
fn receipt(success: bool) -> Json {
    let transaction = if success { HASH } else { "" };
    json!({"success": success, "transaction": transaction, "network": "base", "payer": PAYER, "errorReason": "why"})
}
fn payment(error: Box<Error>) -> Attempt {
    *error.payment.unwrap()
}
fn wrapped(document: Json) -> Step {
    answer(200, json!({"success": true, "data": document.0}))
}

#[test]
fn a_server_that_wants_another_signature_than_ours_gets_none() {
    for extra in
        [json!({"primaryType": "ReceiveWithAuthorization"}), json!({"primaryType": "Permit"}), json!({"verifyingContract": TO})]
    {
        let scene = signing(scene([asks(extra.clone())]));
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.asked(Callback::Sign), scene.requests()), (ErrorCode::WalletCannotPay, 0, 1), "{extra}");
        assert!(error.message.contains("is only for a wallet with pay"), "{}", error.message);
        assert_eq!(scene.client.spent("USDC").unwrap(), "0");
    }
}

#[test]
fn a_store_that_does_not_keep_what_it_is_given_means_no_payment() {
    for keeps in [0, 1, 255] {
        for scene in [scene([payment_required()]).paying(), signing(scene([usual()]))] {
            scene.world.store_keeps.set(Some(keeps));
            let error = create(&scene).unwrap_err();
            assert_eq!((error.code, scene.requests()), (ErrorCode::StoreFailed, 1), "{}", error.message);
            assert!(error.message.contains("it does not return what was written; nothing was paid"), "{}", error.message);
            assert_eq!((scene.asked(Callback::Transfer), scene.asked(Callback::Sign)), (0, 0));
            assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::No);
            assert!(scene.world.store.borrow().is_empty(), "nothing is left of it");
        }
    }
    // Another question than the one that was asked would be paid for after a crash.
    let scene = scene([payment_required()]).paying();
    scene.world.store_is_ascii.set(true);
    let asked = params().set("content", json!("Wie ist das Wetter in Zürich?"));
    let error = run(scene.client.create_job(&asked, &plain(), &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.asked(Callback::Transfer)), (ErrorCode::StoreFailed, 0));
}

#[test]
fn what_a_facilitator_says_beside_a_refusal_is_kept() {
    for (status, code) in [
        (400, ErrorCode::PaymentRequestRefused),
        (402, ErrorCode::PaymentRefused),
        (409, ErrorCode::PaymentRefused),
        (307, ErrorCode::PaymentOutcomeUnknown),
        (500, ErrorCode::PaymentOutcomeUnknown),
    ] {
        let refusal = || answer(status, json!({"error": "no such agentId"})).with("payment-response", &says(receipt(true)));
        // After a 500 the same proof goes out twice again.
        let tries = if status == 500 { 3 } else { 1 };
        let again = (0..tries).flat_map(|_| [refusal(), jobs(&[])]);
        let scene = signing(scene([usual()].into_iter().chain(again)));
        let error = create(&scene).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        let attempt = payment(error);
        assert_eq!(attempt.transaction.as_deref(), Some(HASH), "{status}");
        assert_eq!(attempt.receipt.unwrap()["success"], true, "{status}");
        // A crash loses it as little.
        let written = record::read(&scene.world.records()[0]).unwrap();
        assert_eq!(written.transaction.as_deref(), Some(HASH), "{status}");
    }
}

#[test]
fn what_is_settled_stays_so_whatever_is_said_of_the_same_proof_later() {
    let refusal =
        |status: u16, success: bool| answer(status, json!({"error": "no"})).with("payment-response", &says(receipt(success)));
    let scene = signing(scene([usual(), refusal(500, true), jobs(&[]), refusal(402, false), jobs(&[])]));
    let attempt = payment(create(&scene).unwrap_err());
    assert_eq!((attempt.transaction.as_deref(), scene.asked(Callback::Sign)), (Some(HASH), 1));
    assert_eq!(attempt.receipt.unwrap()["success"], true);
}

#[test]
fn a_job_in_an_envelope_is_read_as_a_job() {
    let handle = json!({"jobId": "job-1", "status": "processing", "createdAt": 1000, "expiresAt": 31000});
    let scene1 = scene([payment_required(), wrapped(handle.clone()), wrapped(job("completed"))]).paying();
    assert_eq!(ask(&scene1).unwrap()["result"]["message"]["content"], "the answer");
    assert_eq!(scene1.sent_proofs(), [HASH]);
    // So is a list of jobs, after a lost reply.
    let list = json!({"jobs": [paid_for().0], "total": 1});
    let lost = Step::Fail(SendFailure::Reset);
    let scene2 = scene([payment_required(), lost, wrapped(list), wrapped(job("completed"))]).paying();
    assert_eq!(ask(&scene2).unwrap()["result"]["message"]["content"], "the answer");
    assert_eq!(scene2.sent_proofs(), [HASH]);
}

#[test]
fn the_id_of_a_payment_resumes_it() {
    let scene = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    let attempt = payment(create(&scene).unwrap_err());
    scene.world.script.borrow_mut().extend([jobs(&[]), created(), seen("completed"), seen("completed")]);
    let resumed = |id: &str| run(scene.client.resume(&json!(id), &plain(), WaitPlan::default(), &|_| ())).unwrap();
    assert_eq!(resumed(&attempt.id)["result"]["message"]["content"], "the answer");
    assert_eq!(scene.sent_proofs().last().map(String::as_str), Some(HASH));
    // A job's id is one, and its request cannot be another one.
    let call = CallOptions { params: Some(params()), ..plain() };
    let error = run(scene.client.resume(&json!("job-1"), &call, WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("params")), "{}", error.message);
    assert_eq!(resumed("job-1")["jobId"], "job-1");
    assert!(scene.finished() && scene.world.records().is_empty());
}

#[test]
fn the_id_of_a_job_in_an_answer_that_cannot_be_read_is_followed() {
    for paid in [
        answer(201, json!({"success": true, "job": {"jobId": "job-1"}})),
        answer(201, json!([{"jobId": "job-1"}])),
        answer(402, json!({"error": "Settlement failed", "jobId": "job-1"})),
        answer(409, json!({"error": "This payment has a job already", "details": {"jobId": "job-1"}})),
        text(500, r#"{"error": "the answer is late", "jobId": "job-1""#),
    ] {
        let scene = scene([payment_required(), paid, seen("processing"), seen("completed")]).paying();
        assert_eq!(ask(&scene).unwrap()["result"]["message"]["content"], "the answer");
        assert_eq!(scene.sent_proofs(), [HASH]);
    }
    // Where nobody has paid it is not gone after.
    let free = scene([answer(409, json!({"error": "busy", "jobId": "job-1"}))]);
    assert_eq!((create(&free).unwrap_err().code, free.requests()), (ErrorCode::RequestRefused, 1));
}
