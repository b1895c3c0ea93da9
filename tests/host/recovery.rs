//! What is open goes on, or is over, and says which: beyond the servers' newest jobs, with
//! transfers that were sped up, signatures that never came, and stores and wallets that give
//! nothing or too late.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::Config;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::funds_moved::{FundsMoved, funds_moved_for};
use eliza_jobs::payment::record;
use eliza_jobs::platform::Callback;
use eliza_jobs::platform::SendFailure;
use eliza_jobs::waiting::run::WaitPlan;

use crate::world::*;

const USER_CHANNEL: &str = "44444444-4444-4444-8444-444444444444";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

type Outcome<T> = Result<T, Box<Error>>;
fn create(scene: &Scene, call: &CallOptions) -> Outcome<String> {
    run(scene.client.create_job(&params(), call, &|_| ())).map(|job| job.created.job_id)
}
fn resume(scene: &Scene, attempt: &Json) -> Outcome<Json> {
    run(scene.client.resume(attempt, &plain(), WaitPlan::default(), &|_| ()))
}
fn pending(scene: &Scene) -> Vec<Json> {
    run(scene.client.pending_payments(&CallOptions::default())).unwrap()
}
fn other_jobs(count: usize) -> Vec<Json> {
    (0..count).map(|number| json!({"jobId": format!("other-{number}"), "status": "completed"})).collect()
}
fn lost() -> Step {
    Step::Fail(SendFailure::Reset)
}
/// A server of x402 version 1, and a wallet that signs as contracts do.
fn asks() -> Step {
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    answer(402, json!({"x402Version": 1, "accepts": [entry]}))
}
fn signature() -> Result<Json, Json> {
    Ok(json!(format!("0x{}", "ab".repeat(70))))
}
fn with_address(scene: Scene) -> Scene {
    scene.giving(Callback::Address, |_, _| Some(Ok(json!(PAYER))))
}
/// A signature that comes when its call has ended.
fn signed_late(budget: u128, more: impl IntoIterator<Item = Step>) -> (Scene, Rc<Cell<bool>>) {
    let sign = Rc::new(Cell::new(false));
    let scene = scene_with([asks()].into_iter().chain(more), |config| {
        config.wallet_timeout = Millis::new(1_000.0);
        config.spend.limits[0].budget = budget;
    });
    (with_address(scene).giving_when(Callback::Sign, sign.clone(), signature()), sign)
}

#[test]
fn a_lost_job_is_found_among_all_jobs_and_with_the_headers_of_the_call() {
    let mut all = other_jobs(60);
    all.push(paid_for());
    let scene = scene([payment_required(), lost(), jobs(&other_jobs(50)), jobs(&all)]).paying();
    let call = CallOptions { headers: vec![("x-mine".into(), "1".into())], ..plain() };
    assert_eq!(create(&scene, &call).unwrap(), "job-1");
    assert!(scene.request(2).url.ends_with("/jobs") && scene.request(3).url.ends_with("/jobs?limit=10000"));
    assert_eq!([2, 3].map(|at| scene.header(at, "x-mine")), [Some("1".into()), Some("1".into())]);
}

#[test]
fn a_transfer_that_was_sped_up_goes_on_with_the_hash_that_was_mined() {
    let scene = scene([
        payment_required(),
        answer(400, json!({"error": "no such transaction"})),
        jobs(&[]),
        jobs(&[]),
        created(),
        seen("completed"),
    ]);
    let scene = scene.paying();
    let error = create(&scene, &plain()).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRefused);
    let mined = format!("0x{}", "cd".repeat(32));
    let mut attempt = pending(&scene).remove(0);
    attempt["transaction"] = json!(mined).0;
    resume(&scene, &attempt).unwrap();
    assert_eq!(scene.sent_proofs(), [HASH.to_owned(), mined]);
    assert_eq!(scene.asked(Callback::Transfer), 1);
}

#[test]
fn the_budget_counts_what_is_resumed_and_stops_what_was_only_signed() {
    let spend = |config: &mut Config| config.spend.limits[0].budget = 20_000;
    let scene = scene_with([payment_required(), created()], spend).paying();
    // Another payment uses the budget up.
    assert_eq!(create(&scene, &plain()).unwrap(), "job-1");
    let open = scene.left_signed("left");
    assert_eq!(pending(&scene).len(), 2);
    assert_eq!(scene.client.spent("USDC").unwrap(), "0.02");
    let before = scene.requests();
    let error = resume(&scene, &open).unwrap_err();
    assert_eq!((error.code, scene.requests()), (ErrorCode::PaymentOverLimit, before));
    assert!(error.message.contains("spend.budget allows 0.02 USDC, of which 0.02 USDC are spent"), "{}", error.message);
    assert_eq!(scene.client.spent("USDC").unwrap(), "0.02");
    // The error says that no money has moved: nothing moves later, when the budget is free.
    assert_eq!(funds_moved_for(&error), FundsMoved::No);
    assert!(pending(&scene).iter().all(|open| open["attemptId"] != "left"));
    let again = scene_with([], |_| ());
    *again.world.store.borrow_mut() = scene.world.store.borrow().clone();
    let given = record::to_json(&error.payment.unwrap());
    assert_eq!((resume(&again, &given).unwrap_err().code, again.requests()), (ErrorCode::PaymentNotOpen, 0));
}

/// What the application is told and what it may do then must not pay twice between them: an error
/// whose `fundsMoved` is `false` says that the call can be made again, and what is open is resumed
/// at the next start.
#[test]
fn what_is_signed_and_not_sent_when_its_call_ends_is_never_sent() {
    let signs = |scene: Scene| with_address(scene).giving(Callback::Sign, |_, _| Some(signature()));
    for key in ["", "k"] {
        let call = CallOptions { idempotency_key: key.into(), ..within(60_000.0) };
        // The server is not reached. The store fails. The wallet takes the call's time. The wallet
        // takes too long.
        let unreached = signs(scene([asks()]).forever(Step::Fail(SendFailure::Unreached)));
        let failing = with_address(scene([asks()])).giving(Callback::Sign, |world, _| {
            world.store_works.set(Some(0));
            Some(signature())
        });
        let (late, sign) = signed_late(u128::MAX, []);
        let hasty = CallOptions { timeout: Some(Millis::new(2_000.0)), ..call.clone() };
        let slow = with_address(scene([asks()])).giving(Callback::Sign, |world, _| {
            world.now.set(world.now.get() + 2_500.0);
            Some(signature())
        });
        for (name, scene, call, code) in [
            ("unreached", unreached, &call, ErrorCode::ConnectionFailed),
            ("failing", failing, &call, ErrorCode::StoreFailed),
            ("late", late, &call, ErrorCode::WalletTimeout),
            ("slow", slow, &hasty, ErrorCode::RequestTimeout),
        ] {
            let error = create(&scene, call).unwrap_err();
            assert_eq!(error.code, code, "{name}: {}", error.message);
            sign.set(name == "late");
            scene.world.store_works.set(None);
            scene.world.turn();
            let attempt = error.payment.clone().unwrap();
            let warned = scene.world.logged.borrow().iter().any(|(_, words)| words.contains("could not be deleted"));
            assert_eq!(warned, name == "failing", "{name}");
            if name == "failing" {
                assert_eq!(funds_moved_for(&error), FundsMoved::Unknown, "the store may still have it");
                assert!(error.repeats_payment, "the same call may pay again");
                assert!(error.message.contains("do not pay again"), "{}", error.message);
                continue;
            }
            assert_eq!(funds_moved_for(&error), FundsMoved::No, "{name}");
            assert!(name == "late" || !error.repeats_payment, "{name}");
            assert!(error.message.contains("the call can be made again"), "{name}: {}", error.message);
            assert!(!error.message.contains("resume"), "{name}: {}", error.message);
            assert!(attempt.proof.is_empty() && pending(&scene).is_empty(), "{name}");
            assert_eq!(scene.client.spent("USDC").unwrap(), "0", "{name}");
            // Neither by what the error has, nor by a call of the same key, which signs anew.
            let again = signs(scene_with([asks(), created()], |_| ()));
            *again.world.store.borrow_mut() = scene.world.store.borrow().clone();
            again.world.now.set(scene.world.now.get());
            let error = resume(&again, &record::to_json(&attempt)).unwrap_err();
            assert_eq!((error.code, again.requests()), (ErrorCode::PaymentNotOpen, 0), "{name}");
            assert_eq!(create(&again, call).unwrap(), "job-1", "{name}");
            assert_eq!((again.asked(Callback::Sign), again.sent_proofs().len(), pending(&again).len()), (1, 1, 1), "{name}");
        }
    }
}

#[test]
fn a_payment_that_nobody_signed_is_over_after_an_hour_and_open_before() {
    let (scene, _) = signed_late(u128::MAX, []);
    // Its program ends while the wallet is open.
    scene.world.frozen.set(true);
    let (params, call) = (params(), plain());
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let later = scene_with([], |_| ());
    *later.world.store.borrow_mut() = scene.world.store.borrow().clone();
    let open = pending(&later).remove(0);
    let error = resume(&later, &open).unwrap_err();
    assert_eq!((error.code, pending(&later).len()), (ErrorCode::WalletTimeout, 1));
    later.world.now.set(3_700_000.0);
    let error = resume(&later, &open).unwrap_err();
    assert_eq!((error.code, pending(&later).len(), later.requests()), (ErrorCode::PaymentNotOpen, 0, 0));
    // What is not there any more says so too; where a job is known, that is waited for.
    assert_eq!(resume(&later, &open).unwrap_err().code, ErrorCode::PaymentNotOpen);
    let mut with_job = open.clone();
    with_job["jobId"] = json!("job-1").0;
    let elsewhere = scene_with([seen("completed")], |_| ());
    assert_eq!(resume(&elsewhere, &with_job).unwrap()["status"], "completed");
    assert_eq!(elsewhere.times(), [0.0], "at once");
}

#[test]
fn where_a_record_does_not_say_until_when_a_signature_would_be_good_it_is_open_for_an_hour() {
    let scene = scene([]);
    let signed = scene.left_signed("left").without("validUntil").without("proof").set("state", json!("intended"));
    scene.world.store.borrow_mut().insert(record::key("left"), signed.to_json());
    for (after_ms, code) in [(3_599_000.0, ErrorCode::WalletTimeout), (3_601_000.0, ErrorCode::PaymentNotOpen)] {
        scene.world.now.set(after_ms);
        assert_eq!((resume(&scene, &signed).unwrap_err().code, scene.requests()), (code, 0), "{after_ms}");
    }
}

#[test]
fn what_has_a_job_needs_no_other_request() {
    let before = scene([payment_required(), created()]).paying();
    create(&before, &plain()).unwrap();
    let open = pending(&before).remove(0);
    before.world.script.borrow_mut().push_back(seen("completed"));
    // No request at all, where one would be needed.
    let call = CallOptions { params: Some(json!({})), ..plain() };
    run(before.client.resume(&open, &call, WaitPlan::default(), &|_| ())).unwrap();
}

#[test]
fn a_long_list_of_payments_gives_other_work_its_turn_after_every_fifty_records() {
    let scene = scene([]);
    for number in 0..120 {
        scene.left_signed(&format!("{number:03}"));
    }
    assert_eq!(pending(&scene).len(), 120);
    assert_eq!(scene.world.sleeps.borrow().iter().filter(|ms| **ms == 0.0).count(), 2);
}

/// The record must say until when a signature is good, however long it took to write and to count
/// it.
#[test]
fn a_store_that_takes_seconds_to_count_a_payment_hinders_no_signature() {
    let budget = |config: &mut Config| config.spend.limits[0].budget = 20_000;
    let slow = with_address(scene_with([asks(), created()], budget)).giving(Callback::Sign, |_, _| Some(signature()));
    slow.world.store_ms.set(3_000.0);
    assert_eq!(create(&slow, &within(120_000.0)).unwrap(), "job-1");
}

#[test]
fn a_payment_is_forgotten_when_the_application_says_so() {
    let scene = scene([payment_required()]).wallet(Err(json!("broke")));
    create(&scene, &plain()).unwrap_err();
    let open = pending(&scene).remove(0);
    run(scene.client.forget_payment(&open, &plain())).unwrap();
    assert!(pending(&scene).is_empty());
    let is_paid = |key: &String| key.starts_with(record::PAID);
    assert!(!scene.world.store.borrow().keys().any(is_paid), "nobody knows that it was paid");
    for odd in [json!(null), json!({}), json!("x")] {
        assert_eq!(run(scene.client.forget_payment(&odd, &plain())).unwrap_err().code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn nothing_is_paid_after_a_redirect() {
    let scene = scene([text(307, "").with("location", "/shop"), payment_required()]).paying();
    let error = create(&scene, &plain()).unwrap_err();
    assert_eq!((error.code, scene.asked(Callback::Transfer), scene.world.records().len()), (ErrorCode::RedirectRefused, 0, 0));
    assert!(error.message.contains("set baseUrl"), "{}", error.message);
}

#[test]
fn a_store_that_gives_nothing_has_failed() {
    let before = scene([payment_required()]).paying();
    before.world.store_hangs.set(Some(0));
    let error = create(&before, &plain()).unwrap_err();
    assert_eq!((error.code, before.asked(Callback::Transfer)), (ErrorCode::StoreFailed, 0));
    assert!(error.message.contains("it did not answer within 5000 ms; nothing was paid"), "{}", error.message);
    // What was paid for is not held back.
    let after = scene([payment_required(), created()]).paying();
    after.world.store_hangs.set(Some(3));
    assert_eq!(create(&after, &plain()).unwrap(), "job-1");
    let lists = scene([]);
    lists.world.store_hangs.set(Some(0));
    assert_eq!(run(lists.client.pending_payments(&CallOptions::default())).unwrap_err().code, ErrorCode::StoreFailed);
}

#[test]
fn a_payment_is_open_until_its_answer_was_seen() {
    let mut empty = job("completed");
    empty["result"] = json!(null).0;
    let scene = scene([payment_required(), created(), answer(200, empty), seen("completed")]).paying();
    let error = run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!((error.code, pending(&scene).len()), (ErrorCode::InvalidResponse, 1));
    assert_eq!(run(scene.client.get_job("job-1", &plain())).unwrap().document["status"], "completed");
    scene.world.turn();
    assert!(pending(&scene).is_empty());
}

#[test]
fn a_proxys_pages_are_no_word_about_the_job() {
    let page = |status| text(status, "<!doctype html><title>Ingress</title>");
    let steps = [payment_required(), created(), page(404), page(404), page(200), seen("completed")];
    let scene = scene(steps).paying();
    run(scene.client.create_and_wait(&params(), &plain(), WaitPlan::default(), &|_| ())).unwrap();
    // A job that was never seen is not waited for behind a wrong address.
    let never = scene_with([page(404)], |_| ());
    let error = run(never.client.poll_job("x", &plain(), WaitPlan::default(), &|_| ())).unwrap_err();
    assert_eq!(error.code, ErrorCode::UnexpectedHtml);
}

#[test]
fn what_a_wallet_gives_late_overwrites_nothing() {
    let sign = Rc::new(Cell::new(false));
    let steps = [payment_required(), jobs(&[]), created(), seen("completed")];
    let scene = scene_with(steps, |config| config.wallet_timeout = Millis::new(1_000.0)).giving_when(
        Callback::Transfer,
        sign.clone(),
        Ok(json!(HASH)),
    );
    assert_eq!(create(&scene, &plain()).unwrap_err().code, ErrorCode::WalletTimeout);
    let mut open = pending(&scene).remove(0);
    open["transaction"] = json!(HASH).0;
    resume(&scene, &open).unwrap();
    scene.world.turn();
    assert!(pending(&scene).is_empty());
    sign.set(true);
    scene.world.turn();
    assert!(pending(&scene).is_empty(), "it was answered");
}

#[test]
fn a_call_that_is_given_up_before_the_wallet_is_asked_asks_nobody() {
    let scene = scene([payment_required()]).paying();
    // Tasks begin later, as a browser's do.
    scene.world.lazy.set(true);
    let (params, call) = (params(), plain());
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(matches!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(create);
    let store_calls = scene.world.store_calls.get();
    for _ in 0..3 {
        scene.world.turn();
    }
    assert_eq!((scene.asked(Callback::Transfer), scene.world.records().len()), (0, 0));
    assert_eq!(scene.world.store_calls.get(), store_calls, "nothing was begun that would have to be undone");
    assert_eq!(scene.client.spent("USDC").unwrap(), "0");
}

#[test]
fn an_intent_that_lands_when_its_call_is_over_is_forgotten() {
    let (params, call) = (params(), plain());
    for lands_before in [false, true] {
        let scene = scene([payment_required()]).paying();
        let sign = Rc::new(Cell::new(false));
        *scene.world.store_waits.borrow_mut() = Some((!lands_before, sign.clone()));
        scene.world.frozen.set(true);
        let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
        assert!(matches!(create.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        assert_eq!(scene.world.records().len(), usize::from(lands_before));
        drop(create);
        scene.world.turn();
        sign.set(true);
        for _ in 0..4 {
            scene.world.turn();
        }
        assert_eq!((scene.asked(Callback::Transfer), scene.world.records().len()), (0, 0), "landed before: {lands_before}");
        assert_eq!(scene.client.spent("USDC").unwrap(), "0");
    }
}

#[test]
fn a_store_that_fails_for_a_moment_loses_nothing() {
    let scene = scene([payment_required(), created()]).paying();
    // Of what is written after the intent, the first three tries fail.
    scene.world.store_fails.set(Some((1, 3)));
    assert_eq!(create(&scene, &plain()).unwrap(), "job-1");
    assert_eq!(scene.world.records()[0]["state"], "accepted");
    assert_eq!(*scene.world.sleeps.borrow(), [50.0, 100.0, 150.0]);
}

#[test]
fn one_record_that_the_store_does_not_give_hides_no_other() {
    let scene = scene([payment_required(), lost()]).forever(lost()).paying();
    create(&scene, &plain()).unwrap_err();
    scene.world.store.borrow_mut().insert("eliza-jobs/payment/0".into(), "!".into());
    let listed = pending(&scene);
    let states: Vec<_> = listed.iter().map(|payment| payment["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["unreadable", "unknown"]);
    // It could be the payment of this name.
    let named = CallOptions { idempotency_key: "k".into(), ..plain() };
    let before = scene.requests();
    assert_eq!(create(&scene, &named).unwrap_err().code, ErrorCode::StoreFailed);
    assert_eq!(scene.requests(), before);
    // A store that gives none of its records has failed.
    scene.world.store.borrow_mut().retain(|key, _| key.ends_with("/0"));
    let call = plain();
    assert_eq!(run(scene.client.pending_payments(&call)).unwrap_err().code, ErrorCode::StoreFailed);
}

#[test]
fn a_store_is_waited_for_no_longer_than_the_call_may_take() {
    for hangs_after in [0, 1] {
        let scene = scene([payment_required()]).paying();
        scene.world.store_hangs.set(Some(hangs_after));
        let error = create(&scene, &within(1_000.0)).unwrap_err();
        assert!((1_000.0..=1_050.0).contains(&scene.world.now.get()), "{} {}", scene.world.now.get(), error.message);
    }
    let lists = scene([]);
    lists.world.store_hangs.set(Some(0));
    run(lists.client.pending_payments(&within(500.0))).unwrap_err();
    assert_eq!(lists.world.now.get(), 500.0);
}

#[test]
fn after_a_restart_whoever_sees_the_answer_closes_the_payment() {
    let before = scene([payment_required(), created()]).paying();
    create(&before, &plain()).unwrap();
    let mut done = paid_for();
    done["status"] = json!("completed").0;
    done["result"] = job("completed")["result"].clone();
    // By its late answer too.
    let mut late = paid_for();
    late["status"] = json!("timeout").0;
    let channels = answer(200, json!({"data": {"channels": [{"id": USER_CHANNEL, "name": "job-job-1"}]}}));
    let message = json!({"content": "here", "sourceType": "agent_response", "created_at": 2_000});
    let after = scene([answer(200, late), channels, answer(200, json!({"data": {"messages": [message]}}))]);
    *after.world.store.borrow_mut() = before.world.store.borrow().clone();
    let call = CallOptions { headers: vec![("x-mine".into(), "1".into())], ..plain() };
    assert_eq!(run(after.client.get_job("job-1", &call)).unwrap().document["status"], "completed");
    assert_eq!(([0, 1, 2].map(|at| after.header(at, "x-mine").is_some()), pending(&after).len()), ([true; 3], 0));
    for other in [false, true] {
        // Somebody else's job may bear the same reference.
        let id = if other { "job-2" } else { "job-1" };
        done["jobId"] = json!(id).0;
        let after = scene([answer(200, done.clone())]);
        *after.world.store.borrow_mut() = before.world.store.borrow().clone();
        assert_eq!(pending(&after).len(), 1);
        run(after.client.get_job(id, &plain())).unwrap();
        assert_eq!(pending(&after).len(), usize::from(other));
    }
}

#[test]
fn the_answer_of_a_job_that_was_there_before_is_asked_for_at_once() {
    let named = CallOptions { idempotency_key: "k".into(), ..plain() };
    let before = scene([payment_required(), created()]).paying();
    create(&before, &named).unwrap();
    let open = pending(&before).remove(0);
    let later = |steps: Vec<Step>| {
        let later = scene(steps);
        *later.world.store.borrow_mut() = before.world.store.borrow().clone();
        later.world.now.set(5_000.0);
        later
    };
    // What another program knows of the payment, with little time.
    let finished = later(vec![seen("completed")]);
    run(finished.client.resume(&open, &within(300.0), WaitPlan::default(), &|_| ())).unwrap();
    assert_eq!(finished.times(), [5_000.0]);
    // What the same key has created, here and in another program.
    let wait = |scene: &Scene, call: &CallOptions| {
        run(scene.client.create_and_wait(&params(), call, WaitPlan::default(), &|_| ())).unwrap();
        scene.times().last().copied().unwrap()
    };
    let short = CallOptions { timeout: Some(Millis::new(300.0)), ..named.clone() };
    assert_eq!(wait(&later(vec![seen("completed")]).paying(), &short), 5_000.0);
    before.world.script.borrow_mut().push_back(seen("completed"));
    before.world.now.set(9_000.0);
    assert_eq!(wait(&before, &short), 9_000.0);
    // What cost nothing.
    let free = scene([created(), seen("completed")]);
    create(&free, &named).unwrap();
    assert_eq!(wait(&free, &short), 0.0);
}

#[test]
fn a_job_that_a_search_finds_is_asked_for_at_once_and_one_that_is_made_now_a_moment_later() {
    let before = scene([payment_required(), lost()]).forever(lost()).paying();
    create(&before, &plain()).unwrap_err();
    let open = pending(&before).remove(0);
    for (list, waits) in [(jobs(&[paid_for()]), false), (jobs(&[]), true)] {
        let after = scene([list, if waits { created() } else { seen("completed") }, seen("completed")]);
        *after.world.store.borrow_mut() = before.world.store.borrow().clone();
        resume(&after, &open).unwrap();
        let times = after.times();
        let [.., made, polled] = times[..] else { panic!("{times:?}") };
        assert_eq!(polled > made, waits, "{times:?}");
    }
}
