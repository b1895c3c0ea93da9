//! Paying: once, the same body, the right headers, and never in doubt about what happened to the
//! money.

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::payments::PaymentState;
use eliza_jobs::client::PaidJob;
use eliza_jobs::json;
use eliza_jobs::platform::Callback;
use eliza_jobs::platform::SendFailure;

fn create(scene: &Scene) -> Result<PaidJob, Box<Error>> {
    run(scene.client.create_job(&params(), &plain(), &|update| scene.tell(update)))
}

#[test]
fn the_same_body_goes_out_again_with_the_proof_and_only_then() {
    let scene = scene([payment_required(), created()]).paying();
    let paid = create(&scene).unwrap();
    assert_eq!(scene.requests(), 2);
    let (first, second) = (scene.request(0), scene.request(1));
    assert_eq!((&first.body, &first.url, first.method), (&second.body, &second.url, second.method));
    assert_eq!(scene.header(0, "x-payment"), None);
    assert_eq!(scene.header(1, "x-payment").as_deref(), Some(HASH));
    assert_eq!(scene.header(1, "x-payment-network").as_deref(), Some("base"));
    assert_eq!(second.headers.len(), first.headers.len() + 2);

    let asked = scene.last_asked();
    assert_eq!(
        (&asked["amount"], &asked["amountAtomic"], &asked["chainId"]),
        (&json!("0.02").0, &json!("20000").0, &json!(8453).0)
    );
    assert_eq!((&asked["recipient"], &asked["asset"]), (&json!(TO).0, &json!("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913").0));
    let payment = paid.payment.unwrap();
    assert_eq!((payment.state, payment.transaction.as_deref()), (PaymentState::Accepted, Some(HASH)));
    assert_eq!(*scene.told.borrow(), ["quote base 0.02", "payment proven", "payment accepted", "created job-1"]);
}

#[test]
fn the_callers_preference_chooses_the_network() {
    let scene = scene_with([payment_required(), created()], |config| config.spend.networks = vec!["polygon".into()]).paying();
    create(&scene).unwrap();
    assert_eq!(scene.header(1, "x-payment-network").as_deref(), Some("polygon"));
    assert_eq!(scene.last_asked()["chainId"], json!(137));
}

#[test]
fn what_must_not_be_paid_never_reaches_the_wallet() {
    let offer =
        |network: &str, amount: &str| answer(402, json!({"payment": [{"network": network, "recipient": TO, "amount": amount}]}));
    for (step, code) in [
        (offer("base", "0.100001"), ErrorCode::PaymentOverLimit),
        (offer("base", "20000"), ErrorCode::PaymentOverLimit),
        (offer("base-sepolia", "0.02"), ErrorCode::PaymentNetworkNotAllowed),
        (offer("base", "0"), ErrorCode::PaymentRequirementsInvalid),
        (text(402, ""), ErrorCode::PaymentRequirementsInvalid),
        (text(402, "<html><title>Pay!</title>"), ErrorCode::PaymentRequirementsInvalid),
        (answer(402, json!({"payment": null})), ErrorCode::PaymentRequirementsInvalid),
        (answer(402, json!({"payment": {}})), ErrorCode::PaymentRequirementsInvalid),
        (answer(402, json!({"payment": []})), ErrorCode::PaymentRequirementsInvalid),
        (answer(402, json!([])), ErrorCode::PaymentRequirementsInvalid),
        (answer(402, json!({"payment": vec![json!(null); 10_000]})), ErrorCode::PaymentRequirementsInvalid),
    ] {
        let scene = scene([step]).paying();
        let error = create(&scene).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert_eq!((scene.requests(), scene.asked(Callback::Transfer)), (1, 0));
        assert!(error.message.len() < 10_000);
    }
}

#[test]
fn without_a_wallet_the_error_names_the_price() {
    let error = create(&scene([payment_required()])).unwrap_err();
    assert_eq!((error.code, error.status), (ErrorCode::PaymentRequired, Some(402)));
    assert!(error.message.contains("0.02 USDC on base or 0.02 USDC on polygon"), "{}", error.message);
}

#[test]
fn a_wallet_that_gives_no_proof_is_asked_once_and_nothing_is_sent() {
    for (gives, code) in [
        (Ok(json!(null)), ErrorCode::WalletInvalidProof),
        (Ok(json!(5)), ErrorCode::WalletInvalidProof),
        (Ok(json!("0x12")), ErrorCode::WalletInvalidProof),
        (Ok(json!(format!("{HASH}\r\nx-evil: 1"))), ErrorCode::WalletInvalidProof),
        (Err(json!("boom")), ErrorCode::WalletFailed),
        (Err(json!({"code": 4001})), ErrorCode::WalletRejected),
    ] {
        let scene = scene([payment_required()]).wallet(gives);
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, scene.requests(), scene.asked(Callback::Transfer)), (code, 1, 1));
        let rejected = code == ErrorCode::WalletRejected;
        assert_eq!(error.payment.unwrap().state, if rejected { PaymentState::Intended } else { PaymentState::Unknown });
        assert_eq!(scene.world.records().len(), usize::from(!rejected), "what may have moved money is remembered");
    }
}

#[test]
fn a_second_402_is_an_error_with_the_transaction_and_never_a_second_payment() {
    let scene = scene([payment_required(), payment_required(), jobs(&[])]).paying();
    let error = create(&scene).unwrap_err();
    assert_eq!((error.code, error.status), (ErrorCode::PaymentRefused, Some(402)));
    assert_eq!((scene.requests(), scene.asked(Callback::Transfer)), (3, 1));
    assert!(!error.message.contains(HASH), "no proof in a text: {}", error.message);
    let payment = error.payment.unwrap();
    assert_eq!((payment.state, payment.transaction.as_deref()), (PaymentState::Refused, Some(HASH)));
    assert_eq!(scene.world.records()[0]["state"], "refused");
}

/// Everything after which nobody knows whether the server has made the job.
fn lost_replies() -> Vec<Step> {
    vec![
        Step::Fail(SendFailure::Reset),
        Step::Fail(SendFailure::Timeout),
        Step::Fail(SendFailure::TooLarge),
        text(500, ""),
        text(503, ""),
        text(307, "").with("location", "/elsewhere"),
        text(201, ""),
        text(201, r#"{"jobId":"job-9","#),
        text(200, "<!doctype html>"),
    ]
}

#[test]
fn after_a_lost_reply_the_job_is_looked_for_first() {
    for step in lost_replies() {
        let scene = scene([payment_required(), step, jobs(&[paid_for()])]).paying();
        let hint = scene
            .world
            .script
            .borrow()
            .get(1)
            .is_some_and(|step| matches!(step, Step::Answer { body, .. } if body.contains("job-9")));
        if hint {
            scene.world.script.borrow_mut().insert(2, text(404, ""));
        }
        let paid = create(&scene).unwrap();
        assert_eq!((paid.created.job_id.as_str(), scene.asked(Callback::Transfer)), ("job-1", 1));
        assert_eq!(paid.payment.unwrap().state, PaymentState::Accepted);
        assert_eq!(scene.sent_proofs(), [HASH], "sent once");
    }
}

#[test]
fn after_a_lost_reply_the_same_proof_goes_out_again_when_the_job_is_not_there() {
    let closed = || answer(403, json!({"error": "closed"}));
    for list in [jobs(&[]), closed(), text(200, "<html>"), jobs(&[job("completed")])] {
        let scene = scene([payment_required(), Step::Fail(SendFailure::Reset), list, created()]).paying();
        create(&scene).unwrap();
        assert_eq!((scene.sent_proofs(), scene.asked(Callback::Transfer)), (vec![HASH.to_owned(), HASH.to_owned()], 1));
        assert_eq!(scene.request(1).body, scene.request(3).body);
    }
}

#[test]
fn after_a_proof_every_other_failure_is_unknown_and_carries_the_transaction() {
    for step in lost_replies() {
        let scene = scene([payment_required(), step.clone()]).forever(step).paying();
        // Nothing that comes back makes sense.
        let error = create(&scene).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentOutcomeUnknown, "{}", error.message);
        assert_eq!(scene.asked(Callback::Transfer), 1);
        let proofs = scene.sent_proofs();
        assert!((1..=3).contains(&proofs.len()) && proofs.iter().all(|proof| proof == HASH), "{proofs:?}");
        assert!(!error.message.contains(HASH));
        let payment = error.payment.unwrap();
        assert_eq!((payment.state, payment.transaction.as_deref()), (PaymentState::Unknown, Some(HASH)));
        let record = &scene.world.records()[0];
        assert_eq!((&record["state"], &record["proof"]["x-payment"]), (&json!("unknown").0, &json!(HASH).0));
    }
    for status in [400, 401, 404, 409] {
        let error = create(&scene([payment_required(), answer(status, json!({"error": "no"})), jobs(&[])]).paying()).unwrap_err();
        assert_eq!((error.code, error.server_message.as_deref()), (ErrorCode::PaymentRefused, Some("no")));
        assert!(error.payment.is_some());
    }
}

#[test]
fn a_402_after_a_lost_reply_is_no_refusal_for_the_first_one_may_have_been_taken() {
    let lost = Step::Fail(SendFailure::Reset);
    let error = create(&scene([payment_required(), lost, jobs(&[]), payment_required(), jobs(&[])]).paying()).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentOutcomeUnknown);
}

#[test]
fn a_settlement_that_failed_after_the_job_was_made_still_gives_the_job() {
    let scene = scene([payment_required(), payment_required(), jobs(&[paid_for()])]).paying();
    assert_eq!(create(&scene).unwrap().created.job_id, "job-1");
}

#[test]
fn a_proof_that_is_refused_because_it_has_served_finds_its_job() {
    for status in [400, 402, 409, 412] {
        let refused = answer(status, json!({"error": "payment already used"}));
        let scene = scene([payment_required(), refused, jobs(&[paid_for()])]).paying();
        assert_eq!(create(&scene).unwrap().created.job_id, "job-1");
    }
}

#[test]
fn the_id_in_a_body_that_broke_off_is_a_hint() {
    let cut = Step::Cut { failure: SendFailure::Reset, partial: r#"{"jobId":"job-1","status":"proc"#.into() };
    // The list does not show it; its own address does.
    let scene1 = scene([payment_required(), cut.clone(), seen("processing")]).paying();
    assert_eq!(create(&scene1).unwrap().created.job_id, "job-1");
    assert!(scene1.request(2).url.ends_with("/jobs/job-1"));
    for no_id in [r#"{"jobId":"","status"#, r#"{"jobId":"job\"1","status"#, r#"{"jobId":"job-1"#, r#"{"status":"x""#] {
        let cut = Step::Cut { failure: SendFailure::Reset, partial: no_id.into() };
        assert_eq!(create(&scene([cut])).unwrap_err().job_id, None, "{no_id}");
    }
    // Where nothing was paid, the error has it.
    assert_eq!(create(&scene([cut])).unwrap_err().job_id.as_deref(), Some("job-1"));
}

#[test]
fn a_proof_that_comes_when_the_time_is_over_is_not_sent_into_nothing() {
    let scene = scene([payment_required()]).giving(Callback::Transfer, |world, _| {
        world.store_hangs.set(Some(0));
        Some(Ok(json!(HASH)))
    });
    let error = run(scene.client.create_job(&params(), &within(1_000.0), &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.requests()), (ErrorCode::RequestTimeout, 1));
    assert!((1_000.0..=1_050.0).contains(&scene.world.now.get()), "{}", scene.world.now.get());
    let payment = error.payment.unwrap();
    assert_eq!((payment.state, payment.transaction.as_deref()), (PaymentState::Proven, Some(HASH)));
}

#[test]
fn a_proof_that_could_not_be_sent_is_kept_and_no_money_is_in_doubt() {
    let scene = scene([payment_required()]).forever(Step::Fail(SendFailure::Unreached)).paying();
    let error = create(&scene).unwrap_err();
    assert!(error.message.contains("the payment could not be sent"), "{}", error.message);
    assert!(error.message.ends_with("; do not pay again: client.resume(error.payment) goes on with the same proof"));
    assert_eq!((error.code, error.payment.unwrap().state), (ErrorCode::ConnectionFailed, PaymentState::Proven));
}

#[test]
fn a_paid_request_that_certainly_did_not_arrive_goes_out_again_with_the_same_proof() {
    for step in [Step::Fail(SendFailure::Unreached), text(429, "")] {
        let scene = scene([payment_required(), step, created()]).paying();
        create(&scene).unwrap();
        assert_eq!((scene.requests(), scene.asked(Callback::Transfer)), (3, 1));
        assert_eq!(scene.request(1).body, scene.request(2).body);
        assert_eq!(scene.header(1, "x-payment"), scene.header(2, "x-payment"));
    }
}
