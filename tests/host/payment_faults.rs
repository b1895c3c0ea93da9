//! What went wrong with payments in the field: slow stores, wallets that are still open when their
//! call has ended, servers that want another body, jobs of others.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::{funds_moved, record};
use eliza_jobs::platform::{Callback, LogLevel, SendFailure};
use eliza_jobs::waiting::run::WaitPlan;

const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const ID: &str = "33333333-3333-4333-8333-333333333333";

fn entry() -> Json {
    json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}})
}
fn asks(entry: Json) -> Step {
    answer(402, json!({"x402Version": 1, "accepts": [entry.0]}))
}
/// The entry of a server that wants these fields in the body.
fn wants(fields: Json) -> Json {
    entry().set("outputSchema", json!({"input": {"type": "http", "method": "POST", "bodyFields": fields.0}}))
}
fn signature() -> Json {
    json!(format!("0x{}", "ab".repeat(70)))
}
fn signing(scene: Scene) -> Scene {
    with_address(scene).giving(Callback::Sign, |_, _| Some(Ok(signature())))
}
fn with_address(scene: Scene) -> Scene {
    scene.giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
}
fn create(scene: &Scene) -> Result<String, Box<Error>> {
    run(scene.client.create_job(&params(), &plain(), &|_| ())).map(|job| job.created.job_id)
}
fn resume(scene: &Scene, attempt: &Json, call: &CallOptions) -> Result<Json, Box<Error>> {
    run(scene.client.resume(attempt, call, WaitPlan::default(), &|_| ()))
}
fn pending(scene: &Scene) -> Vec<Json> {
    run(scene.client.pending_payments(&plain())).unwrap()
}
fn spent(scene: &Scene) -> String {
    scene.client.spent("USDC").unwrap()
}
/// The wallet answers, and from then on the store waits for the sign.
fn slow_after_the_wallet(scene: Scene, whom: Callback, gives: Json) -> (Scene, Rc<Cell<bool>>) {
    let sign = Rc::new(Cell::new(false));
    let waits = sign.clone();
    let scene = scene.giving(whom, move |world, _| {
        *world.store_waits.borrow_mut() = Some((true, waits.clone()));
        Some(Ok(gives.clone()))
    });
    (scene, sign)
}
fn lands(scene: &Scene, sign: &Cell<bool>) {
    sign.set(true);
    for _ in 0..4 {
        scene.world.turn();
    }
}

#[test]
fn a_signature_that_was_not_sent_is_never_recorded_as_sent() {
    let scene = with_address(scene([asks(entry()), jobs(&[]), created(), seen("completed")]));
    let (scene, sign) = slow_after_the_wallet(scene, Callback::Sign, signature());
    let error = create(&scene).unwrap_err();
    assert_eq!((error.code, scene.requests(), spent(&scene).as_str()), (ErrorCode::StoreFailed, 1, "0"));
    assert!(error.message.contains("it did not answer within 5000 ms; the signature was not sent"), "{}", error.message);
    // What may still land says that it was sent, until it is deleted.
    assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::Unknown);
    lands(&scene, &sign);
    assert!(scene.world.records().is_empty() && pending(&scene).is_empty() && scene.sent_proofs().is_empty());
    // Neither does what the error has.
    resume(&scene, &record::to_json(&error.payment.unwrap()), &plain()).unwrap_err();
    assert_eq!((scene.sent_proofs().len(), spent(&scene).as_str()), (0, "0"));
}

#[test]
fn what_lands_late_overwrites_nothing_that_came_after_it() {
    let (scene1, sign) = slow_after_the_wallet(scene([payment_required(), created()]), Callback::Transfer, json!(HASH));
    assert_eq!(create(&scene1).unwrap(), "job-1");
    assert_eq!(scene1.world.records()[0]["state"], "intended");
    lands(&scene1, &sign);
    assert_eq!(scene1.world.records()[0]["state"], "accepted");
    // A payment that is finished by then stays so.
    let steps = [payment_required(), created(), seen("completed")];
    let (scene2, sign) = slow_after_the_wallet(scene(steps), Callback::Transfer, json!(HASH));
    run(scene2.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap();
    lands(&scene2, &sign);
    assert!(scene2.world.records().is_empty() && pending(&scene2).is_empty());
}

#[test]
fn an_intent_that_lands_after_its_call_is_undone_and_its_key_is_free() {
    let scene = scene([payment_required(), payment_required(), created()]).paying();
    let sign = Rc::new(Cell::new(false));
    let call = CallOptions { idempotency_key: "k".into(), timeout: Some(Millis::new(1_000.0)), ..plain() };
    // The store takes the claim, and not the intent in time.
    let waits = sign.clone();
    let scene = scene.giving(Callback::Confirm, move |world, _| {
        if !waits.get() {
            *world.store_waits.borrow_mut() = Some((false, waits.clone()));
        }
        Some(Ok(json!(true)))
    });
    let error = run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.asked(Callback::Transfer), spent(&scene).as_str()), (ErrorCode::StoreFailed, 0, "0"));
    lands(&scene, &sign);
    let left: Vec<String> = scene.world.store.borrow().keys().cloned().collect();
    assert_eq!(left, [eliza_jobs::payment::old_keys::INDEXED]);
    assert!(run(scene.client.create_job(&params(), &call, &|_| ())).is_ok());
}

#[test]
fn the_end_of_a_payment_is_in_the_store_before_the_answer_is_returned() {
    let scene = scene([payment_required(), created(), seen("completed")]).paying();
    // Tasks go on between the call's steps only.
    scene.world.lazy.set(true);
    let (params, call) = (params(), plain());
    let mut answered = Box::pin(scene.client.create_and_wait(&params, &call, WaitPlan::default(), &|_| ()));
    let mut context = Context::from_waker(Waker::noop());
    while answered.as_mut().poll(&mut context).is_pending() {
        scene.world.turn();
    }
    // The program ends here.
    let is_open = |text: &String| Json::parse(text).unwrap().get("answered").is_none();
    assert_eq!(scene.world.store.borrow().values().filter(|text| is_open(text)).count(), 0);
    let next = crate::world::scene([]);
    *next.world.store.borrow_mut() = scene.world.store.borrow().clone();
    assert!(pending(&next).is_empty());
    // What is left of it goes with its time.
    next.world.now.set(173_000_000.0);
    assert!(pending(&next).is_empty() && next.world.records().is_empty());
}

#[test]
fn a_call_that_is_given_up_while_its_answer_is_written_down_leaves_its_payment_open() {
    let scene = scene([payment_required(), created(), seen("completed"), seen("completed")]).paying();
    let (params, call) = (params(), plain());
    let job = run(scene.client.create_job(&params, &call, &|_| ())).unwrap();
    let sign = Rc::new(Cell::new(false));
    *scene.world.store_waits.borrow_mut() = Some((false, sign.clone()));
    scene.world.frozen.set(true);
    let mut get = Box::pin(scene.client.get_job(&job.created.job_id, &call));
    assert!(get.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(get);
    lands(&scene, &sign);
    assert_eq!(pending(&scene)[0]["jobId"], "job-1");
    // The next job that is paid for does not take it for one whose time is over.
    scene.world.own_uuids.set(true);
    let another = answer(201, json!({"jobId": "job-2", "status": "processing", "createdAt": 1000, "expiresAt": 31000}));
    let steps = [payment_required(), another];
    steps.into_iter().rev().for_each(|step| scene.world.script.borrow_mut().push_front(step));
    assert_eq!((create(&scene).unwrap().as_str(), pending(&scene).len()), ("job-2", 2));
    run(scene.client.get_job("job-1", &call)).unwrap();
    assert_eq!(scene.world.records().len(), 1);
}

#[test]
fn a_no_that_comes_after_the_call_has_ended_gives_the_money_back() {
    let sign = Rc::new(Cell::new(false));
    let scene = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0)).giving_when(
        Callback::Transfer,
        sign.clone(),
        Err(json!({"code": 4001})),
    );
    assert_eq!(create(&scene).unwrap_err().code, ErrorCode::WalletTimeout);
    assert_eq!((spent(&scene).as_str(), pending(&scene).len()), ("0.02", 1));
    lands(&scene, &sign);
    assert_eq!((spent(&scene).as_str(), pending(&scene).len(), scene.world.records().len()), ("0", 0, 0));
}

#[test]
fn a_transfer_that_is_confirmed_for_a_forgotten_payment_is_written_down() {
    let sign = Rc::new(Cell::new(false));
    let scene = scene_with([payment_required()], |config| config.wallet_timeout = Millis::new(1_000.0));
    let scene = scene.giving_when(Callback::Transfer, sign.clone(), Ok(json!(HASH)));
    create(&scene).unwrap_err();
    run(scene.client.forget_payment(&pending(&scene)[0], &plain())).unwrap();
    assert!(pending(&scene).is_empty());
    lands(&scene, &sign);
    let open = pending(&scene);
    assert_eq!((open.len(), open[0]["transaction"].as_str()), (1, Some(HASH)));
    assert_eq!(spent(&scene), "0.02");
}

#[test]
fn a_chain_that_does_not_answer_says_nothing_and_holds_up_nobody_for_long() {
    let scene = scene([payment_required(), payment_required(), jobs(&[])]).paying().giving(Callback::Receipt, |_, _| None);
    let error = create(&scene).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRefused);
    let attempt = record::to_json(&error.payment.unwrap());
    let began = scene.world.now.get();
    scene.world.script.borrow_mut().extend([jobs(&[]), created(), seen("completed")]);
    assert_eq!(resume(&scene, &attempt, &plain()).unwrap()["status"], "completed");
    let took = scene.world.now.get() - began;
    assert!((10_000.0..12_000.0).contains(&took), "{took} ms");
    assert_eq!((scene.asked(Callback::Receipt), spent(&scene).as_str()), (1, "0.02"));
}

#[test]
fn a_call_that_goes_away_while_it_waits_for_a_lock_gives_the_money_back() {
    let scene = scene([payment_required()]).paying();
    scene.world.lock_ms.set(f64::INFINITY);
    scene.world.frozen.set(true);
    let (params, call) = (params(), plain());
    let mut work = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    for _ in 0..50 {
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        scene.world.turn();
    }
    assert_eq!((scene.requests(), scene.asked(Callback::Transfer)), (1, 0));
    drop(work);
    assert_eq!(spent(&scene), "0");
}

#[test]
fn what_was_counted_is_not_counted_again_however_many_payments_there_are() {
    let scene = scene([]).paying();
    scene.world.own_uuids.set(true);
    let count = 1_500;
    let mut first = json!(null);
    for number in 0..count {
        scene.world.script.borrow_mut().extend([payment_required(), answer(400, json!({"error": "no"})), jobs(&[])]);
        let attempt = record::to_json(&create(&scene).map(drop).unwrap_err().payment.unwrap());
        if number == 0 {
            first = attempt;
        }
    }
    let sum = spent(&scene);
    assert_eq!(sum, "30");
    scene.world.script.borrow_mut().extend([jobs(&[]), created(), seen("completed")]);
    resume(&scene, &first, &plain()).unwrap();
    assert_eq!(spent(&scene), sum);
}

#[test]
fn a_rejection_whose_words_hold_the_request_moves_nothing() {
    let call = CallOptions { idempotency_key: "k".into(), ..plain() };
    for code in [json!(4001), json!("ACTION_REJECTED")] {
        let answers = Cell::new(0);
        let scene = with_address(scene([asks(entry()), asks(entry()), created()]));
        let scene = scene.giving(Callback::Sign, move |_, data| {
            answers.set(answers.get() + 1);
            let words = format!("user rejected signing (request={data})");
            Some(if answers.get() == 1 { Err(json!({"code": code.0, "message": words})) } else { Ok(signature()) })
        });
        let error = run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err();
        assert_eq!((error.code, spent(&scene).as_str()), (ErrorCode::WalletRejected, "0"));
        assert!(scene.world.records().is_empty() && pending(&scene).is_empty());
        assert!(run(scene.client.create_job(&params(), &call, &|_| ())).is_ok());
    }
}

#[test]
fn the_body_has_what_a_402_says_that_it_wants_before_anything_is_signed() {
    let prompt = json!({"prompt": {"type": "string", "required": true}, "userId": {"type": "string"}});
    let scene1 = signing(scene([asks(wants(prompt)), created(), created()]));
    create(&scene1).unwrap();
    let bodies: Vec<Json> = (0..2).map(|at| Json::parse(&scene1.request(at).body.unwrap()).unwrap()).collect();
    assert_eq!((bodies[0].get("prompt"), &bodies[1]["prompt"]), (None, &params()["content"]));
    assert_eq!(bodies[1]["content"], params()["content"]);
    // The client has learned it.
    create(&scene1).unwrap();
    assert!(scene1.request(2).body.unwrap().contains("\"prompt\""));
    // What it cannot fill is refused before the wallet.
    let scene2 = signing(scene([asks(wants(json!({"colour": {"required": true}})))]));
    let error = create(&scene2).unwrap_err();
    assert_eq!((error.code, scene2.asked(Callback::Sign)), (ErrorCode::PaymentRequirementsInvalid, 0));
    assert!(error.message.contains("requires colour in the request"), "{}", error.message);
    assert_eq!(spent(&scene2), "0");
}

#[test]
fn the_body_has_what_a_400_says_that_it_wants() {
    let lacks = || answer(400, json!({"error": "Invalid request. Required fields: prompt"}));
    // Where nothing is paid.
    let scene1 = scene([lacks(), created()]);
    create(&scene1).unwrap();
    assert!(scene1.request(1).body.unwrap().contains("\"prompt\""));
    let scene2 = scene([lacks(), lacks()]);
    assert_eq!((create(&scene2).unwrap_err().code, scene2.requests()), (ErrorCode::BadRequest, 2));
    // After the payment: the same proof, once, and written down before.
    for scene in [signing(scene([asks(entry()), lacks(), created()])), scene([payment_required(), lacks(), created()]).paying()] {
        create(&scene).unwrap();
        let proofs = scene.sent_proofs();
        assert_eq!((proofs.len(), &proofs[0]), (2, &proofs[1]));
        assert!(scene.request(2).body.unwrap().contains("\"prompt\""));
    }
}

#[test]
fn a_refusal_that_is_not_about_the_request_changes_no_body_whatever_its_words() {
    let blocked = || answer(403, json!({"error": "this prompt is blocked"}));
    let scene1 = scene([]).forever(blocked()).paying();
    create(&scene1).unwrap_err();
    assert_eq!(scene1.requests(), 1);
    let scene2 = scene([payment_required(), blocked(), jobs(&[])]).forever(blocked()).paying();
    create(&scene2).unwrap_err();
    let sent = scene2.world.sent.borrow();
    let bodies: Vec<_> = sent.iter().filter_map(|(_, request)| request.body.clone()).collect();
    assert!(bodies.len() >= 2 && bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[test]
fn the_chain_is_asked_about_a_signature_and_knows_whether_it_was_used() {
    use funds_moved::FundsMoved;
    // What Multicall3 returns: the block's time, and whether the authorization was used.
    let said = |used: u64| {
        let word = |at| match at {
            4 | 8 => 1,
            6 | 10 => 32,
            7 => 1_800_000_000,
            11 => used,
            _ => 0,
        };
        json!((0..12).fold("0x".to_owned(), |words, at| format!("{words}{:064x}", word(at))))
    };
    for (used, moved) in [(1, FundsMoved::Yes), (0, FundsMoved::Unknown)] {
        let refused = answer(402, json!({"error": "no"}));
        let scene = signing(scene([asks(entry()), refused])).forever(jobs(&[]));
        let answer = said(used);
        let scene = scene.giving(Callback::Call, move |_, _| Some(Ok(answer.clone())));
        let attempt = record::to_json(&create(&scene).unwrap_err().payment.unwrap());
        let error = resume(&scene, &attempt, &within(20_000.0)).unwrap_err();
        assert_eq!((funds_moved::funds_moved_for(&error), scene.asked(Callback::Call)), (moved, 1), "{}", error.message);
    }
}

#[test]
fn no_chain_is_asked_about_a_payment_whose_chain_is_not_known() {
    for (chain_id, asked) in [(0, 0), (8453, 1)] {
        let scene = scene([jobs(&[]), created(), seen("completed")]).giving(Callback::Receipt, |_, _| Some(Ok(json!(null))));
        let transfer = json!({"version": 1, "attemptId": "a", "state": "unknown", "dialect": "elizaos", "network": "base",
            "server": BASE, "asset": "0x1", "recipient": TO, "amount": "0.02", "amountAtomic": "20000", "currency": "USDC",
            "chainId": chain_id, "decimals": 6, "request": "{}", "transaction": format!("0x{}", "ab".repeat(32))});
        scene.world.store.borrow_mut().insert(record::key("a"), transfer.to_json());
        resume(&scene, &transfer, &plain()).unwrap();
        assert_eq!(scene.asked(Callback::Receipt), asked);
    }
}

/// A program that has lost its lock may find out so late.
#[test]
fn what_is_forgotten_while_its_wallet_is_open_stays_counted_until_the_wallet_has_answered() {
    let sign = Rc::new(Cell::new(false));
    let scene = with_address(scene([asks(entry())])).giving_when(Callback::Sign, sign.clone(), Err(json!({"code": 4001})));
    let (params, call) = (params(), plain());
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(create.as_mut().poll(&mut context).is_pending());
    run(scene.client.forget_payment(&pending(&scene)[0], &plain())).unwrap();
    assert_eq!(spent(&scene), "0.02");
    lands(&scene, &sign);
    assert!(create.as_mut().poll(&mut context).is_ready());
    assert_eq!(spent(&scene), "0");
}

#[test]
fn a_proof_that_was_taken_with_a_request_that_was_not_goes_out_with_another_request() {
    let refused = || answer(400, json!({"error": "content exceeds maximum length of 10 characters"}));
    for transfer in [false, true] {
        let steps = if transfer { payment_required() } else { asks(entry()) };
        let scene = scene([steps, refused(), jobs(&[]), jobs(&[]), created(), seen("completed")]);
        let scene = if transfer { scene.paying() } else { signing(scene) };
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, error.status), (ErrorCode::PaymentRequestRefused, Some(400)));
        assert!(error.message.contains("took the proof of payment, but not the request"), "{}", error.message);
        assert!(error.message.contains("resume(error.payment, { params })") && spent(&scene) == "0.02");
        let attempt = record::to_json(&error.payment.unwrap());
        let params = json!({"userId": USER, "content": "short"});
        // What can never work is refused before it is sent.
        let bad = CallOptions { params: Some(json!({"userId": "me"})), ..plain() };
        assert_eq!(resume(&scene, &attempt, &bad).unwrap_err().code, ErrorCode::InvalidArgument);
        resume(&scene, &attempt, &CallOptions { params: Some(params), ..plain() }).unwrap();
        let proofs = scene.sent_proofs();
        assert_eq!((proofs.len(), &proofs[0], spent(&scene).as_str()), (2, &proofs[1], "0.02"));
        let body = Json::parse(&scene.request(4).body.unwrap()).unwrap();
        assert_eq!((&body["content"], &body["metadata"]["elizaJobsRef"]), (&json!("short").0, &json!(ID).0));
    }
}

/// The first request may have a job, of which nobody has heard.
#[test]
fn a_request_that_was_corrected_in_vain_does_not_forget_the_first_one() {
    let scene = signing(scene([asks(entry()), Step::Fail(SendFailure::Reset)]).forever(text(502, "")));
    let attempt = record::to_json(&create(&scene).unwrap_err().payment.unwrap());
    let params = json!({"userId": USER, "content": "another wording"});
    resume(&scene, &attempt, &CallOptions { params: Some(params), ..plain() }).unwrap_err();
    assert!(scene.world.records()[0]["request"].to_string().contains("another wording"));
    // Now the server can be searched. It has the first job, and would take no proof twice.
    scene.world.script.borrow_mut().push_back(jobs(&[paid_for()]));
    *scene.world.forever.borrow_mut() = Some(seen("completed"));
    let before = scene.sent_proofs().len();
    resume(&scene, &attempt, &plain()).unwrap();
    assert_eq!(scene.sent_proofs().len(), before);
}

#[test]
fn a_job_of_others_with_the_same_reference_is_not_taken() {
    let with = |key: &str, value: &str| {
        let mut job = paid_for();
        (job["jobId"], job[key]) = (json!("theirs").0, json!(value).0);
        job
    };
    let copied = with("jobId", "theirs");
    let other_user = with("userId", "44444444-4444-4444-8444-444444444444");
    let other_prompt = with("prompt", "something else");
    for listed in [vec![other_user.clone(), other_prompt.clone(), paid_for()], vec![copied, paid_for()]] {
        let scene = scene([payment_required(), Step::Fail(SendFailure::Reset), jobs(&listed)]).paying();
        assert_eq!(create(&scene).unwrap(), "job-1");
    }
    let scene =
        scene([payment_required(), Step::Fail(SendFailure::Reset), jobs(&[other_user, other_prompt]), created()]).paying();
    assert_eq!((create(&scene).unwrap().as_str(), scene.sent_proofs().len()), ("job-1", 2));
    // A job of others that bears our reference leaves our payment open.
    let mut theirs = with("userId", "44444444-4444-4444-8444-444444444444");
    (theirs["status"], theirs["result"]) = (json!("completed").0, job("completed")["result"].clone());
    scene.world.script.borrow_mut().extend([answer(200, theirs), seen("completed")]);
    run(scene.client.get_job("theirs", &plain())).unwrap();
    assert_eq!(pending(&scene).len(), 1);
    run(scene.client.get_job("job-1", &plain())).unwrap();
    assert!(pending(&scene).is_empty());
}

#[test]
fn what_the_store_did_not_take_is_said() {
    // The proof of a transfer: the logger is told at once, and the error says what only it knows.
    let scene1 = scene([payment_required()]).forever(Step::Fail(SendFailure::Reset)).paying();
    scene1.world.store_fails.set(Some((1, usize::MAX)));
    let error = create(&scene1).unwrap_err();
    assert!(error.message.contains("only error.payment knows how it ended"), "{}", error.message);
    assert_eq!(error.payment.unwrap().transaction.as_deref(), Some(HASH));
    let warned = |scene: &Scene, words: &str| {
        scene.world.logged.borrow().iter().any(|(level, said)| *level == LogLevel::Warn && said.contains(words))
    };
    assert!(warned(&scene1, "the proof of a payment is not written down, and is sent all the same"));
    // A signature: nothing is claimed that is not known.
    let scene2 = signing(scene([asks(entry())]));
    scene2.world.store_fails.set(Some((1, usize::MAX)));
    assert_eq!(create(&scene2).unwrap_err().code, ErrorCode::StoreFailed);
    assert!(pending(&scene2).is_empty() && scene2.sent_proofs().is_empty());
    // A job.
    let scene3 = scene([payment_required(), created()]).paying();
    scene3.world.store_fails.set(Some((2, usize::MAX)));
    assert_eq!(create(&scene3).unwrap(), "job-1");
    assert!(warned(&scene3, "the job of a payment is not written down"));
}

#[test]
fn a_signature_is_good_by_the_servers_clock_and_never_sent_again_when_its_time_is_over() {
    let before = |scene: &Scene| {
        let message = scene.last_asked()["message"].clone();
        message["validBefore"].as_str().unwrap().parse::<f64>().unwrap()
    };
    // 2027-01-15T08:00:00Z is now; the server is a minute ahead, or a day, which is not believed.
    for (date, ahead) in [("Fri, 15 Jan 2027 08:01:00 GMT", 60.0), ("Sat, 16 Jan 2027 08:00:00 GMT", 0.0), ("soon", 0.0)] {
        let scene = signing(scene([asks(entry()).with("date", date), created()]));
        create(&scene).unwrap();
        assert_eq!(before(&scene), 1.8e9 + 60.0 + ahead, "{date}");
    }
    // The record says until when it can be settled by the later one of both clocks: the server is
    // behind, or ahead.
    for (date, apart) in [("Fri, 15 Jan 2027 07:59:00 GMT", -60.0), ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0)] {
        let scene = signing(scene([asks(entry()).with("date", date)])).forever(Step::Fail(SendFailure::Reset));
        create(&scene).unwrap_err();
        let until = scene.world.records()[0]["validUntil"].as_f64().unwrap() / 1_000.0;
        assert_eq!((before(&scene), until), (1.8e9 + 60.0 + apart, 1.8e9 + 60.0 + f64::max(apart, 0.0)), "{date}");
    }
    let scene = signing(scene([asks(entry()), Step::Fail(SendFailure::Reset)])).forever(Step::Fail(SendFailure::Reset));
    create(&scene).unwrap_err();
    let proofs = scene.sent_proofs().len();
    scene.world.now.set(scene.world.now.get() + 100_000.0);
    let error = resume(&scene, &pending(&scene)[0], &plain()).unwrap_err();
    assert_eq!((error.code, scene.sent_proofs().len()), (ErrorCode::PaymentOutcomeUnknown, proofs));
    assert!(error.message.contains("whether it was settled before is on the chain"), "{}", error.message);
    assert_eq!(spent(&scene), "0.02");
}

/// The first reply takes longer than what was signed is good for.
#[test]
fn a_call_sends_no_signature_again_whose_time_is_over_and_says_whether_the_first_one_was_sent() {
    use funds_moved::FundsMoved;
    for (failure, code, moved) in [
        (SendFailure::Reset, ErrorCode::PaymentOutcomeUnknown, FundsMoved::Unknown),
        (SendFailure::Unreached, ErrorCode::PaymentNotOpen, FundsMoved::No),
    ] {
        let late = Step::Late { after_ms: 70_000.0, then: Box::new(Step::Fail(failure)) };
        let scene = signing(scene([asks(entry()), late])).forever(jobs(&[]));
        let error = create(&scene).unwrap_err();
        assert_eq!((error.code, funds_moved::funds_moved_for(&error)), (code, moved), "{}", error.message);
        assert_eq!((scene.sent_proofs().len(), pending(&scene).len()), (1, usize::from(moved == FundsMoved::Unknown)));
    }
}

/// A transfer is sent although its proof is not written down.
#[test]
fn what_the_store_did_not_take_before_it_was_sent_is_written_down_when_the_call_goes_away() {
    let scene = scene([payment_required(), Step::Hang]).paying();
    // All tries to write the proof.
    scene.world.store_fails.set(Some((1, 4)));
    let (params, call) = (params(), plain());
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!((scene.requests(), &scene.world.records()[0]["state"]), (2, &json!("intended").0));
    drop(create);
    scene.world.turn();
    let record = scene.world.records().remove(0);
    assert_eq!((&record["state"], record["transaction"].as_str()), (&json!("sent").0, Some(HASH)));
}

#[test]
fn a_refusal_that_is_about_time_says_how_far_the_clocks_are_apart() {
    let refusal = |words: &str| answer(402, json!({"error": words}));
    let expired = || refusal("invalid_exact_evm_payload_authorization_valid_before");
    // 2027-01-15T08:00:00Z is now.
    for (date, said) in [
        (Some("Fri, 15 Jan 2027 10:00:00 GMT"), "; the server's clock is 7200 seconds ahead of this machine's"),
        (Some("Fri, 15 Jan 2027 07:58:30 GMT"), "; the server's clock is 90 seconds behind this machine's"),
        (None, "; the server's clock could not be read: is this machine's clock right?"),
    ] {
        let asks = date.into_iter().fold(asks(entry()), |asks, date| asks.with("date", date));
        let scene = signing(scene([asks, expired()])).forever(jobs(&[]));
        let error = run(scene.client.create_job(&params(), &plain(), &|_| ())).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentRefused);
        assert!(error.message.contains(said), "{}", error.message);
    }
    // Other refusals are not about the clocks; nor is a transfer.
    let scene1 = signing(scene([asks(entry()), refusal("insufficient_funds")])).forever(jobs(&[]));
    let scene2 = scene([payment_required(), expired()]).forever(jobs(&[])).paying();
    for scene in [scene1, scene2] {
        let error = run(scene.client.create_job(&params(), &plain(), &|_| ())).unwrap_err();
        assert!(!error.message.contains("clock"), "{}", error.message);
    }
}

#[test]
fn a_signature_that_was_never_sent_is_over_with_its_time() {
    let scene = scene([]);
    let open = scene.left_signed("left");
    assert_eq!(pending(&scene)[0]["state"], "proven");
    scene.world.now.set(100_000.0);
    let error = resume(&scene, &open, &plain()).unwrap_err();
    assert_eq!((error.code, scene.requests(), pending(&scene).len()), (ErrorCode::PaymentNotOpen, 0, 0));
}

#[test]
fn a_call_that_goes_away_before_what_it_signed_is_sent_leaves_nothing_that_could_be_sent_later() {
    let sign = Rc::new(Cell::new(false));
    let waits = sign.clone();
    // The store takes the proof, and says so when the call has gone.
    let scene = with_address(scene([asks(entry())])).giving(Callback::Sign, move |world, _| {
        *world.store_waits.borrow_mut() = Some((false, waits.clone()));
        Some(Ok(signature()))
    });
    scene.world.frozen.set(true);
    let (params, call) = (params(), plain());
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(matches!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    assert_eq!((scene.requests(), &scene.world.records()[0]["state"]), (1, &json!("sent").0));
    drop(create);
    scene.world.turn();
    lands(&scene, &sign);
    assert_eq!((scene.requests(), scene.world.records().len(), pending(&scene).len()), (1, 0, 0));
    assert_eq!(spent(&scene), "0");
}
