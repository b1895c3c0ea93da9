//! What each error says of the money, and that it says no more than the client can know.

#![expect(clippy::vec_box, reason = "errors as calls return them")]

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorClass, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::funds_moved::{FundsMoved, funds_moved_for};
use eliza_jobs::payment::record;
use eliza_jobs::platform::Callback;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::waiting::run::WaitPlan;

use FundsMoved::{No, Unknown, Yes};

const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const RECEIPT: &str = "payment-response";

fn create(scene: &Scene) -> Box<Error> {
    named(scene, "")
}
fn named(scene: &Scene, key: &str) -> Box<Error> {
    let call = CallOptions { idempotency_key: key.to_owned(), ..plain() };
    run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err()
}
fn ask(scene: &Scene) -> Box<Error> {
    run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap_err()
}
fn resume(scene: &Scene, attempt: &Json) -> Box<Error> {
    run(scene.client.resume(attempt, &plain(), WaitPlan::default(), &|_| ())).unwrap_err()
}
/// A server of x402 version 1.
fn asks() -> Step {
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    answer(402, json!({"x402Version": 1, "accepts": [entry]}))
}
/// A wallet that signs.
fn signing(scene: Scene) -> Scene {
    let signature = json!(format!("0x{}", "ab".repeat(70)));
    scene.giving(Callback::Address, |_, _| Some(Ok(json!(PAYER)))).giving(Callback::Sign, move |_, _| Some(Ok(signature.clone())))
}
fn refused() -> Step {
    answer(402, json!({"error": "no"}))
}
fn lost() -> Step {
    Step::Fail(SendFailure::Reset)
}
fn unreached() -> Step {
    Step::Fail(SendFailure::Unreached)
}
/// What a server without any job answers to whatever comes.
fn nothing() -> Step {
    jobs(&[])
}
/// The record of an error's payment, as the application hands it back.
fn handle(error: &Error) -> Json {
    record::to_json(error.payment.as_ref().unwrap())
}

/// Errors of which certainly nothing has moved.
fn nothing_has_moved() -> Vec<Box<Error>> {
    let limited = |change: fn(&mut eliza_jobs::client::Config)| scene_with([payment_required()], change).paying();
    let elsewhere = json!({"x402Version": 1, "accepts": [{"scheme": "exact", "network": "base", "maxAmountRequired": "20000",
        "payTo": TO, "maxTimeoutSeconds": 60, "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "extra": {"name": "USD Coin", "version": "2"}, "resource": "https://evil.example/"}]});
    let silent = |whom: Callback| {
        let scene = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0));
        scene.paying().giving(whom, |_, _| None)
    };
    let full = scene([payment_required()]).paying();
    full.world.store_works.set(Some(0));
    // The signature is there, and the store does not take it.
    let unrecorded = signing(scene([asks()]));
    unrecorded.world.store_fails.set(Some((1, 4)));
    let unreachable = scene([unreached(), unreached(), unreached()]);
    let unsent = signing(scene([asks()]).forever(unreached()));
    let unsigned = scene_with([asks()], |config| config.wallet_timeout = Millis::new(1_000.0))
        .giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
        .giving(Callback::Sign, |_, _| None);
    let waiting = scene([created()]).forever(seen("processing"));
    vec![
        create(&scene([payment_required()])),
        create(&limited(|config| config.spend.limits[0].max_per_payment = 1)),
        create(&limited(|config| config.spend.networks = vec!["base-sepolia".into()])),
        create(&limited(|config| config.spend.recipients = vec![PAYER.into()])),
        create(&limited(|config| config.base_url = "http://server".into())),
        create(&signing(scene([answer(402, elsewhere)]))),
        create(&scene([answer(402, json!({}))]).paying()),
        create(&signing(scene([payment_required()]))),
        create(&scene([payment_required()]).paying().giving(Callback::Confirm, |_, _| Some(Ok(json!(false))))),
        create(&silent(Callback::Confirm)),
        create(&scene([payment_required()]).wallet(Err(json!({"code": 4001})))),
        create(&scene([payment_required()]).wallet(Err(json!({"noMoneyMoved": true})))),
        create(&full),
        create(&unrecorded),
        create(&unsigned),
        create(&unreachable),
        create(&unsent),
        run(scene([refused()]).client.get_job("j", &plain())).unwrap_err(),
        ask(&waiting),
        ask(&scene([created(), seen("failed")])),
    ]
}

#[test]
fn an_error_before_anything_could_move_says_so() {
    for error in nothing_has_moved() {
        assert_eq!(funds_moved_for(&error), No, "{:?}: {}", error.code, error.message);
    }
}

/// Errors after which money may have moved, or may still.
fn something_may_have_moved() -> Vec<Box<Error>> {
    let silent = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0));
    let silent = silent.giving(Callback::Transfer, |_, _| None);
    let bad_request = || answer(400, json!({"error": "userId is required"}));
    let pending = r#"{"success": false, "errorReason": "settlement_pending"}"#;
    vec![
        create(&silent),
        create(&scene([payment_required()]).wallet(Err(json!("boom")))),
        create(&scene([payment_required()]).wallet(Ok(json!(5)))),
        create(&scene([payment_required()]).forever(unreached()).paying()),
        create(&scene([payment_required(), refused(), nothing()]).paying()),
        create(&signing(scene([asks(), refused(), nothing()]))),
        create(&signing(scene([asks(), bad_request(), nothing()]))),
        create(&scene([payment_required()]).forever(lost()).paying()),
        create(&signing(scene([asks()]).forever(lost()))),
        // The job is there, and no answer says that it is paid for.
        ask(&signing(scene([asks(), lost(), jobs(&[paid_for()]), seen("failed")]))),
        ask(&signing(scene([asks(), refused().with(RECEIPT, pending), jobs(&[paid_for()]), seen("failed")]))),
    ]
}

#[test]
fn an_error_after_a_proof_or_a_transfer_does_not_say_that_nothing_has_moved() {
    for error in something_may_have_moved() {
        assert_eq!(funds_moved_for(&error), Unknown, "{:?}: {}", error.code, error.message);
    }
}

/// Errors of payments that the server has taken.
fn money_has_moved() -> Vec<Box<Error>> {
    let settled = r#"{"success": true}"#;
    vec![
        ask(&scene([payment_required(), created(), seen("failed")]).paying()),
        ask(&scene([payment_required(), created(), seen("timeout")])
            .paying()
            .forever(answer(200, json!({"data": {"channels": []}})))),
        ask(&scene([payment_required(), created()]).paying().forever(seen("processing"))),
        ask(&scene([payment_required(), created(), seen("processing")])
            .paying()
            .forever(answer(404, json!({"error": "Job not found"})))),
        ask(&signing(scene([asks(), created().with(RECEIPT, settled), seen("failed")]))),
        ask(&signing(scene([asks(), created(), seen("failed")]))),
    ]
}

#[test]
fn an_error_about_a_job_that_was_paid_for_says_that_money_has_moved() {
    for error in money_has_moved() {
        assert_eq!(funds_moved_for(&error), Yes, "{:?}: {}", error.code, error.message);
    }
}

#[test]
fn what_was_begun_before_is_said_too() {
    // Nothing was signed in time; and a payment that has ended without money is not open.
    let rejected = create(&scene([payment_required()]).wallet(Err(json!({"code": 4001}))));
    let error = resume(&scene([]), &handle(&rejected));
    assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::PaymentNotOpen, No));
    // Who has found a transaction in the wallet knows better.
    let found = handle(&rejected).set("transaction", json!(HASH));
    let error = resume(&scene([]).forever(lost()), &found);
    assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::PaymentOutcomeUnknown, Unknown));

    let open = scene([payment_required()]).forever(lost()).paying();
    let attempt = handle(&create(&open));
    let key = record::key(attempt.get_text("attemptId").unwrap().as_str());
    // It was finished or forgotten elsewhere; nobody can say more.
    let error = resume(&scene([]), &attempt.clone().set("request", json!("")));
    assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::PaymentNotOpen, Unknown));
    // It cannot be read, or nobody comes to it.
    for damaged in ["!", "damaged"] {
        open.world.store.borrow_mut().insert(key.clone(), damaged.to_owned());
        let error = resume(&open, &attempt);
        assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::StoreFailed, Unknown));
    }
    open.world.lock_ms.set(f64::INFINITY);
    let waited = run(open.client.resume(&attempt, &within(1_000.0), WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!((waited.code, funds_moved_for(&waited)), (ErrorCode::RequestTimeout, Unknown));
    let waited = run(open.client.forget_payment(&attempt, &within(1_000.0))).unwrap_err();
    assert_eq!((waited.code, funds_moved_for(&waited)), (ErrorCode::RequestTimeout, Unknown));
    // A bad argument is about no payment.
    let error = resume(&scene([]), &json!({}));
    assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::InvalidArgument, No));
}

#[test]
fn a_key_whose_payment_cannot_be_read_may_have_moved_money() {
    let open = scene([payment_required()]).forever(lost()).paying();
    let error = named(&open, "k");
    let key = record::key(&error.payment.unwrap().id);
    for damaged in ["!", "damaged"] {
        open.world.store.borrow_mut().insert(key.clone(), damaged.to_owned());
        let error = named(&open, "k");
        assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::StoreFailed, Unknown), "{}", error.message);
    }
    // A store that gives nothing at all knows of no payment.
    let broken = scene([]).paying();
    broken.world.store_works.set(Some(0));
    let error = named(&broken, "k");
    assert_eq!((error.code, funds_moved_for(&error)), (ErrorCode::StoreFailed, No));
}

#[test]
fn every_code_of_a_payment_is_among_these() {
    let mut seen: Vec<ErrorCode> = [nothing_has_moved(), something_may_have_moved(), money_has_moved()]
        .into_iter()
        .flatten()
        .map(|error| error.code)
        .collect();
    // Of the test above.
    seen.push(ErrorCode::PaymentNotOpen);
    for &code in ErrorCode::ALL {
        let is_about_money = matches!(code.class(), ErrorClass::Payment | ErrorClass::Job);
        assert!(!is_about_money || seen.contains(&code), "{code:?} has no example");
    }
}
