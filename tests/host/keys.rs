//! Idempotency keys: one key, one job, whatever happens to the store, the program and the other
//! programs.

use std::cell::Cell;
use std::rc::Rc;

use crate::world::*;
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Config, PaymentFilter};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::{funds_moved, keys, record};
use eliza_jobs::platform::{Callback, SendFailure};

const ID: &str = "33333333-3333-4333-8333-333333333333";

fn named(key: &str) -> CallOptions {
    CallOptions { idempotency_key: key.into(), ..plain() }
}
fn create(scene: &Scene, key: &str) -> Result<String, Box<Error>> {
    run(scene.client.create_job(&params(), &named(key), &|_| ())).map(|job| job.created.job_id)
}
/// Another program with the same store.
fn later(before: &Scene, steps: impl IntoIterator<Item = Step>) -> Scene {
    let scene = scene(steps);
    *scene.world.store.borrow_mut() = before.world.store.borrow().clone();
    scene
}
fn key_record(key: &str) -> String {
    format!("{}{}", keys::PREFIX, keys::name(BASE, key))
}
/// A payment of version 0.1.0, which had no key records.
fn old_payment(id: &str, key: &str) -> (String, String) {
    let record = json!({"version": 1, "attemptId": id, "state": "accepted", "dialect": "seed", "server": BASE,
        "created": {"jobId": "job-1", "createdAt": 1000, "expiresAt": 31000}, "createdAt": 1.8e12, "idempotencyKey": key});
    (record::key(id), record.to_json())
}

#[test]
fn a_record_that_cannot_be_read_blocks_its_key_and_is_named() {
    let before = scene([payment_required(), Step::Fail(SendFailure::Reset)]).forever(Step::Fail(SendFailure::Reset)).paying();
    create(&before, "k").unwrap_err();
    for name in [record::key(ID), key_record("k")] {
        let whole = before.world.store.borrow()[&name].clone();
        let cut = whole[..whole.len() / 2].to_owned();
        let newer = Json::parse(&whole).unwrap().set("version", json!(2)).to_json();
        for damaged in [cut, newer, String::new(), "\0".repeat(whole.len()), format!("\u{feff}{whole}"), "!".to_owned()] {
            let after = later(&before, []).paying();
            after.world.store.borrow_mut().insert(name.clone(), damaged.clone());
            let error = create(&after, "k").unwrap_err();
            assert_eq!((error.code, after.requests(), after.asked(Callback::Transfer)), (ErrorCode::StoreFailed, 0, 0));
            let is_named = error.message.contains(&name) && error.message.contains("cannot be read; it was kept");
            assert!(is_named || damaged == "!", "{}", error.message);
            assert_eq!(after.world.store.borrow()[&name], damaged);
        }
    }
    // Another key is another payment.
    let other = later(&before, [payment_required(), created()]).paying();
    other.world.own_uuids.set(true);
    other.world.store.borrow_mut().insert(record::key(ID), "{".into());
    assert_eq!(create(&other, "l").unwrap(), "job-1");
}

#[test]
fn a_key_creates_one_job_where_nothing_is_paid_too() {
    for wallet in [false, true] {
        let first = scene([created()]);
        let first = if wallet { first.paying() } else { first };
        assert_eq!(create(&first, "k").unwrap(), "job-1");
        // Other programs with the same store.
        for _ in 0..2 {
            let other = later(&first, []);
            assert_eq!((create(&other, "k").unwrap().as_str(), other.requests()), ("job-1", 0));
            let call = named("k");
            let different = run(other.client.create_job(&json!({"userId": USER, "content": "other"}), &call, &|_| ()));
            assert_eq!(different.unwrap_err().code, ErrorCode::InvalidArgument);
        }
        // Two days after the job's expiry the key is free again, in a program that is still running
        // too.
        let next = later(&first, [created()]);
        next.world.now.set(173_000_000.0);
        create(&next, "k").unwrap();
        assert_eq!(next.requests(), 1);
        assert_eq!((create(&first, "k").unwrap().as_str(), first.requests()), ("job-1", 1));
        first.world.now.set(173_000_000.0);
        first.world.script.borrow_mut().push_back(created());
        create(&first, "k").unwrap();
        assert_eq!(first.requests(), 2);
    }
}

#[test]
fn a_claim_without_a_payment_is_free() {
    // The program ended after it had claimed the key, and before it had written the intent down.
    let scene = scene([payment_required(), created()]).paying();
    let claim = json!({"version": 1, "attemptId": "gone", "fingerprint": "another", "createdAt": 1.8e12});
    scene.world.store.borrow_mut().insert(key_record("k"), claim.to_json());
    assert_eq!(create(&scene, "k").unwrap(), "job-1");
    let claim = Json::parse(&scene.world.store.borrow()[&key_record("k")]).unwrap();
    assert_eq!(claim["attemptId"], ID);
}

#[test]
fn a_key_whose_payment_was_rejected_or_forgotten_is_free_and_leaves_nothing() {
    let scene1 = scene([payment_required(), payment_required(), created()]);
    scene1.world.own_uuids.set(true);
    let answers = Cell::new(0);
    let scene1 = scene1.giving(Callback::Transfer, move |_, _| {
        answers.set(answers.get() + 1);
        Some(if answers.get() == 1 { Err(json!({"code": 4001})) } else { Ok(json!(HASH)) })
    });
    assert_eq!(create(&scene1, "k").unwrap_err().code, ErrorCode::WalletRejected);
    assert!(!scene1.world.store.borrow().contains_key(&key_record("k")) && scene1.world.records().is_empty());
    assert_eq!(create(&scene1, "k").unwrap(), "job-1");
    // What the application forgets frees its key, in this program and in others.
    let open = run(scene1.client.pending_payments(&plain())).unwrap().remove(0);
    run(scene1.client.forget_payment(&open, &plain())).unwrap();
    for scene in [&scene1, &later(&scene1, []).paying()] {
        scene.world.own_uuids.set(true);
        scene.world.script.borrow_mut().extend([payment_required(), created()]);
        let before = scene.asked(Callback::Transfer);
        assert_eq!((create(scene, "k").unwrap().as_str(), scene.asked(Callback::Transfer)), ("job-1", before + 1));
        let open = run(scene.client.pending_payments(&plain())).unwrap().remove(0);
        run(scene.client.forget_payment(&open, &plain())).unwrap();
    }
}

#[test]
fn keys_of_the_first_version_are_found_and_the_store_is_looked_through_once() {
    let scene1 = scene([payment_required(), created()]).paying();
    for number in 0..200 {
        let (key, record) = old_payment(&format!("old-{number}"), &format!("k{number}"));
        scene1.world.store.borrow_mut().insert(key, record);
    }
    for number in [0, 199, 57] {
        assert_eq!((create(&scene1, &format!("k{number}")).unwrap().as_str(), scene1.requests()), ("job-1", 0));
    }
    // Other clients of this store need not look.
    let scene2 = later(&scene1, []);
    scene2.world.store_calls.set(0);
    assert_eq!(create(&scene2, "k3").unwrap(), "job-1");
    assert!(scene2.world.store_calls.get() <= 4, "{}", scene2.world.store_calls.get());
    // What cannot be read may belong to any key, as long as not all keys have records.
    let scene3 = scene([]);
    scene3.world.store.borrow_mut().insert(record::key("broken"), "{".into());
    let error = create(&scene3, "k").unwrap_err();
    assert!(error.message.contains("eliza-jobs/payment/broken cannot be read"), "{}", error.message);
}

#[test]
fn a_call_with_a_key_does_the_same_work_however_many_records_there_are() {
    let work = |records: usize| {
        let scene = scene([created(), payment_required(), created(), payment_required(), created()]).paying();
        scene.world.own_uuids.set(true);
        create(&scene, "first").unwrap();
        for number in 0..records {
            let (key, record) = old_payment(&format!("{number}"), &format!("k{number}"));
            scene.world.store.borrow_mut().insert(key, record);
        }
        scene.world.store_calls.set(0);
        create(&scene, "second").unwrap();
        create(&scene, "third").unwrap();
        create(&scene, "third").unwrap();
        scene.world.store_calls.get()
    };
    assert_eq!(work(0), work(5_000));
    assert!(work(0) <= 20, "{}", work(0));
}

#[test]
fn a_slow_store_keeps_no_call_beyond_its_limit_and_nothing_is_sent_after_it() {
    let scene1 = scene([created()]);
    for number in 0..600 {
        let (key, record) = old_payment(&format!("old-{number}"), &format!("k{number}"));
        scene1.world.store.borrow_mut().insert(key, record);
    }
    scene1.world.store_ms.set(15.0);
    let limited = CallOptions { timeout: Some(Millis::new(300.0)), ..named("new") };
    let began = scene1.world.now.get();
    run(scene1.client.create_job(&params(), &limited, &|_| ())).unwrap_err();
    assert!(scene1.world.now.get() - began <= 350.0 && scene1.requests() == 0, "{}", scene1.world.now.get() - began);
    let began = scene1.world.now.get();
    let error = run(scene1.client.pending_payments(&within(300.0))).unwrap_err();
    assert!(scene1.world.now.get() - began <= 350.0, "{}", scene1.world.now.get() - began);
    assert!(error.message.contains("before all records were read"), "{}", error.message);
    // What was read is not read again: after a while there is a job.
    let tries = (0..100).take_while(|_| run(scene1.client.create_job(&params(), &limited, &|_| ())).is_err()).count();
    assert!((5..99).contains(&tries) && scene1.requests() == 1, "{tries}");
}

/// All that reads many records: of what is open, of what is set aside, of what was paid.
#[test]
fn a_slow_store_keeps_no_list_beyond_its_limit() {
    let spend = |config: &mut Config| config.spend.limits[0].budget = 12_000_000;
    let busy = scene_with([], spend).forever(payment_required()).giving(Callback::Transfer, |_, _| None);
    busy.world.own_uuids.set(true);
    let (params, call) = (params(), within(0.5));
    for _ in 0..600 {
        let mut create = Box::pin(busy.client.create_job(&params, &call, &|_| ()));
        let _ = create.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    }
    let later = scene_with([], spend).forever(payment_required()).paying();
    *later.world.store.borrow_mut() = busy.world.store.borrow().clone();
    later.world.own_uuids.set(true);
    later.world.store_ms.set(15.0);
    let (client, limited, filter) = (&later.client, within(300.0), PaymentFilter::default());
    let in_time = |what: &str, error: Box<Error>, began: f64| {
        let took = later.world.now.get() - began;
        assert!(took <= 350.0, "{what}: {took} ms");
        assert!(error.message.contains("the time limit was over before all records were read"), "{what}: {}", error.message);
    };
    let now = || later.world.now.get();
    let began = now();
    in_time("payments", run(client.payments(&filter, &limited, async |_| ())).unwrap_err(), began);
    let began = now();
    in_time("spending", run(client.spending("USDC", &limited)).unwrap_err(), began);
    let began = now();
    in_time("pending", run(client.pending_payments(&limited)).unwrap_err(), began);
    // The budget is used up by what is set aside: what became of that is looked up.
    let began = now();
    in_time("create", run(client.create_job(&params, &limited, &|_| ())).map(|_| ()).unwrap_err(), began);
    assert_eq!(later.asked(Callback::Transfer), 0);
}

#[test]
fn a_call_whose_time_is_over_asks_for_no_job() {
    let scene = scene([]);
    scene.world.lock_ms.set(700.0);
    let call = CallOptions { timeout: Some(Millis::new(700.0)), ..named("k") };
    let error = run(scene.client.create_job(&params(), &call, &|_| ())).unwrap_err();
    assert_eq!((error.code, scene.requests()), (ErrorCode::RequestTimeout, 0));
    assert!(error.message.contains("nothing was sent"), "{}", error.message);
}

#[test]
fn a_key_whose_program_ended_while_the_wallet_was_open_says_until_when_it_is_taken() {
    let sign = Rc::new(Cell::new(false));
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    let asks = || answer(402, json!({"x402Version": 1, "accepts": [entry.0.clone()]}));
    let payer = |_: &World, _: &Json| Some(Ok(json!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")));
    let before = scene([asks()]).giving(Callback::Address, payer).giving_when(Callback::Sign, sign, Ok(json!("0x")));
    let (params, call) = (params(), named("k"));
    let mut create_job = Box::pin(before.client.create_job(&params, &call, &|_| ()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(create_job.as_mut().poll(&mut context).is_pending());
    // The program ends here.
    let signature = json!(format!("0x{}", "ab".repeat(70)));
    let after = |ms: f64| {
        let signature = signature.clone();
        let scene = later(&before, [asks(), created()]).giving(Callback::Address, payer);
        scene.world.now.set(ms);
        scene.world.own_uuids.set(true);
        scene.giving(Callback::Sign, move |_, _| Some(Ok(signature.clone())))
    };
    let soon = after(20_000.0);
    let error = create(&soon, "k").unwrap_err();
    assert_eq!((error.code, soon.requests(), soon.asked(Callback::Sign)), (ErrorCode::WalletTimeout, 0, 0));
    assert!(error.message.contains("no money has moved. For another 45 seconds"), "{}", error.message);
    let late = after(66_000.0);
    assert_eq!((create(&late, "k").unwrap().as_str(), late.asked(Callback::Sign)), ("job-1", 1));
}

/// Who has the lock of a key takes a claim for free whose payment has no record. A program that was
/// suspended before its record was written sees, when it wakes up, that the lock is gone.
#[test]
fn a_program_that_has_lost_its_lock_asks_no_wallet_and_leaves_the_key_to_whom_has_it() {
    let first = scene([payment_required()]);
    let lost = first.world.locks_lost.clone();
    let first = first.paying().giving(Callback::Confirm, move |_, _| {
        lost.set(true);
        Some(Ok(json!(true)))
    });
    let error = create(&first, "k").unwrap_err();
    assert_eq!((error.code, first.asked(Callback::Transfer), first.world.records().len()), (ErrorCode::StoreFailed, 0, 0));
    assert!(
        error.message.contains("a lock of the payment was lost") && error.message.ends_with("call again"),
        "{}",
        error.message
    );
    assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::No);
    assert_eq!(first.client.spent("USDC").unwrap(), "0");
    // Its claim is left, for it may be another payment's; it is free all the same.
    assert!(first.world.store.borrow().contains_key(&key_record("k")));
    let second = later(&first, [payment_required(), created()]).paying();
    second.world.own_uuids.set(true);
    assert_eq!((create(&second, "k").unwrap().as_str(), second.asked(Callback::Transfer)), ("job-1", 1));
}

/// A program that was suspended while its wallet was open finds its lock gone. Another one may have
/// forgotten the payment, for nothing was signed: what is signed now is not sent.
#[test]
fn what_is_signed_when_the_lock_was_lost_is_not_sent() {
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    let scene = scene([answer(402, json!({"x402Version": 1, "accepts": [entry.0]}))]);
    let lost = scene.world.locks_lost.clone();
    let scene = scene.giving(Callback::Address, |_, _| Some(Ok(json!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))));
    let scene = scene.giving(Callback::Sign, move |world, _| {
        lost.set(true);
        world.store.borrow_mut().retain(|key, _| !key.starts_with("eliza-jobs/payment/"));
        Some(Ok(json!(format!("0x{}", "ab".repeat(70)))))
    });
    let error = create(&scene, "k").unwrap_err();
    assert_eq!((error.code, scene.requests(), scene.world.records().len()), (ErrorCode::StoreFailed, 1, 0));
    assert!(error.message.contains("a lock of the payment was lost"), "{}", error.message);
    assert_eq!(funds_moved::funds_moved_for(&error), funds_moved::FundsMoved::No);
    assert_eq!(scene.client.spent("USDC").unwrap(), "0");
}

/// The job of a key, or a payment, of which this is known: it was there at this time, and servers
/// keep it for thirty seconds.
fn kept_record(holder: &str, at_ms: f64) -> Json {
    let created = json!({"jobId": "job-1", "createdAt": 1000, "expiresAt": 31000});
    let record = json!({"version": 1, "createdAt": at_ms, "fingerprint": ""});
    match holder {
        "" => record.set("created", created),
        id => record.set("attemptId", json!(id)),
    }
}

#[test]
fn a_list_of_payments_deletes_the_keys_that_are_of_no_use_any_more_and_no_others() {
    const DAY: f64 = 86_400_000.0;
    let now = 1.8e12;
    // A job's time and two days; a day for a claim whose payment has no record.
    let two_days = now - 2.0 * DAY - 30_000.0;
    let scene = scene([]);
    scene.world.store.borrow_mut().insert(record::key("open"), old_payment("open", "k").1);
    let keys = [
        ("free, over", kept_record("", two_days - 1.0), false),
        ("free, to the moment", kept_record("", two_days), true),
        ("free, of now", kept_record("", now), true),
        ("claimed, over", kept_record("gone", now - DAY - 1.0), false),
        ("claimed, to the moment", kept_record("gone", now - DAY), true),
        ("claimed, of now", kept_record("gone", now), true),
        ("of a payment", kept_record("open", now - 10.0 * DAY), true),
    ];
    for (name, record, _) in &keys {
        scene.world.store.borrow_mut().insert(format!("{}{name}", keys::PREFIX), record.to_json());
    }
    run(scene.client.pending_payments(&plain())).unwrap();
    scene.world.turn();
    for (name, _, stays) in &keys {
        assert_eq!(scene.world.store.borrow().contains_key(&format!("{}{name}", keys::PREFIX)), *stays, "{name}");
    }
}

#[test]
fn of_many_keys_a_hundred_are_looked_at_wherever_chance_puts_them() {
    let scene = scene([]);
    let key = |number: usize| format!("{}{number:03}", keys::PREFIX);
    for number in 0..150 {
        scene.world.store.borrow_mut().insert(key(number), kept_record("", 0.0).to_json());
    }
    // The highest random number there is.
    run(scene.client.pending_payments(&plain())).unwrap();
    scene.world.turn();
    let left: Vec<usize> = (0..150).filter(|number| scene.world.store.borrow().contains_key(&key(*number))).collect();
    assert_eq!(left, (0..50).collect::<Vec<_>>());
}

#[test]
fn a_key_is_kept_to_the_end_of_its_time_and_that_of_a_payment_too() {
    let time = 30_000.0 + 2.0 * 86_400_000.0;
    for (holder, after_ms, is_kept) in
        [("", time, true), ("", time + 1.0, false), ("paid", time, true), ("paid", time + 1.0, false)]
    {
        let scene = scene([created()]);
        scene.world.store.borrow_mut().insert(key_record("k"), kept_record(holder, 1.8e12).to_json());
        if !holder.is_empty() {
            let (key, record) = old_payment(holder, "k");
            scene.world.store.borrow_mut().insert(key, record);
        }
        scene.world.now.set(after_ms);
        let open = run(scene.client.pending_payments(&plain())).unwrap().len();
        assert_eq!(open, usize::from(is_kept && !holder.is_empty()), "{holder} {after_ms}");
        create(&scene, "k").unwrap();
        assert_eq!(scene.requests(), usize::from(!is_kept), "{holder} {after_ms}");
    }
}

#[test]
fn of_the_first_versions_payments_only_those_with_a_key_that_are_not_over_get_a_key_record() {
    let scene = scene([created()]);
    let ended = 1.8e12 - 30_000.0 - 2.0 * 86_400_000.0;
    for (id, key, at_ms) in [("keyless", "", 1.8e12), ("over", "a", ended - 1.0), ("ends", "b", ended), ("new", "c", 1.8e12)] {
        let record = Json::parse(&old_payment(id, key).1).unwrap().set("createdAt", json!(at_ms));
        scene.world.store.borrow_mut().insert(record::key(id), record.to_json());
    }
    create(&scene, "k").unwrap();
    let has = |key: &str| scene.world.store.borrow().contains_key(&key_record(key));
    assert_eq!(["", "a", "b", "c"].map(has), [false, false, true, true]);
}

#[test]
fn the_program_that_has_created_a_keys_job_knows_it_without_the_store() {
    for step in [vec![created()], vec![payment_required(), created()]] {
        let scene = scene(step).paying();
        create(&scene, "k").unwrap();
        scene.world.store_works.set(Some(0));
        assert_eq!(create(&scene, "k").unwrap(), "job-1");
    }
}

#[test]
fn a_claim_that_is_another_payments_by_then_is_not_deleted_with_ones_own() {
    let scene = scene([payment_required()]).paying();
    let sign = Rc::new(Cell::new(false));
    let waits = sign.clone();
    // The store takes the claim, and says so when the call has gone.
    let scene = scene.giving(Callback::Confirm, move |world, _| {
        *world.store_waits.borrow_mut() = Some((false, waits.clone()));
        Some(Ok(json!(true)))
    });
    scene.world.frozen.set(true);
    let (params, call) = (params(), named("k"));
    let mut create = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(create.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    drop(create);
    let anothers = kept_record("another", 1.8e12).to_json();
    scene.world.store.borrow_mut().insert(key_record("k"), anothers.clone()).unwrap();
    sign.set(true);
    for _ in 0..6 {
        scene.world.turn();
    }
    assert_eq!((scene.world.store.borrow().get(&key_record("k")), scene.world.records().len()), (Some(&anothers), 0));
}

#[test]
fn a_key_whose_payment_the_budget_has_no_room_for_says_so_and_asks_for_no_other_job() {
    let scene = scene_with([payment_required(), created()], |config| config.spend.limits[0].budget = 20_000).paying();
    run(scene.client.create_job(&params(), &plain(), &|_| ())).unwrap();
    let signed = scene.left_signed("left").set("idempotencyKey", json!("k"));
    scene.world.store.borrow_mut().insert(record::key("left"), signed.to_json());
    let error = create(&scene, "k").unwrap_err();
    assert_eq!((error.code, scene.requests()), (ErrorCode::PaymentOverLimit, 2), "{}", error.message);
}
