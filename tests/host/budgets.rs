//! Budgets in the store: several clients, several programs, crashes, clocks that jump, counters
//! that are damaged or gone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::api::payments::PaymentState;
use eliza_jobs::client::{Client, PaymentFilter};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::record;
use eliza_jobs::platform::Callback;
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::policy::{Limit, SpendPolicy};
use eliza_jobs::time::{Millis, WallTime};
use eliza_jobs::waiting::run::WaitPlan;
use proptest::prelude::*;

use crate::misfortune::{self, Misfortune, Net, Process, Says, StoreFault, Task, Wallet};
use crate::sandbox::Paywall;
use crate::world::{
    HASH, Records, Scene, Shared, Step, TO, World, config, created, jobs, params, payment_required, scene_with, seen,
};

const COUNTERS: &str = "eliza-jobs/budget/";
const DAY_MS: f64 = 86_400_000.0;

fn budget(change: impl FnOnce(&mut Limit)) -> SpendPolicy {
    let mut policy = SpendPolicy::default();
    change(&mut policy.limits[0]);
    policy
}

/// A scene whose client pays each job, with this budget; each answer creates a job.
fn paying(jobs: usize, spend: &SpendPolicy) -> Scene {
    let steps = (0..jobs).flat_map(|_| [payment_required(), created()]).chain([payment_required()]);
    let scene = scene_with(steps, |config| config.spend = spend.clone()).paying();
    scene.world.own_uuids.set(true);
    scene
}

/// Another client with the same store, as in another program.
fn another(world: &Rc<World>, spend: &SpendPolicy) -> Rc<Client<Shared>> {
    let config = eliza_jobs::client::Config { spend: spend.clone(), ..config() };
    let ledger = SpendLedger::new(vec![0; spend.limits.len()], Box::new(|_, _| ()));
    Rc::new(Client::new(Shared(world.clone()), config, ledger))
}

fn pay(world: &World, client: &Rc<Client<Shared>>) -> Result<(), Box<Error>> {
    let paid = run(world, async { client.create_job(&params(), &CallOptions::default(), &|_| ()).await.map(drop) });
    world.turn();
    paid
}

fn run<T>(world: &World, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    for _ in 0..10_000 {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(value) = work.as_mut().poll(&mut context) {
            return value;
        }
        world.turn();
    }
    panic!("it never ends")
}

fn spending(world: &World, client: &Rc<Client<Shared>>) -> Json {
    run(world, client.spending("USDC", &CallOptions::default())).unwrap()
}

fn counters(world: &World) -> Vec<(String, Json)> {
    let store = world.store.borrow();
    store
        .iter()
        .filter(|(key, _)| key.starts_with(COUNTERS))
        .map(|(key, text)| (key.clone(), Json::parse(text).unwrap()))
        .collect()
}

/// The payments whose money is set aside in the store's counters.
fn set_aside(world: &World) -> Vec<String> {
    let (_, counters) = counters(world).remove(0);
    counters.get("open").unwrap().elements().iter().map(|open| open.elements()[0].as_text().unwrap()).collect()
}

#[test]
fn a_budget_is_one_for_all_clients_of_a_store_and_survives_a_restart() {
    let spend = budget(|limit| limit.budget = 40_000);
    let scene = paying(2, &spend);
    pay(&scene.world, &scene.client).unwrap();
    let later = another(&scene.world, &spend);
    assert_eq!(later.spent("USDC").unwrap(), "0", "what this client has spent");
    pay(&scene.world, &later).unwrap();
    let error = pay(&scene.world, &another(&scene.world, &spend)).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentOverLimit);
    assert!(error.message.contains("spend.budget allows 0.04 USDC, of which 0.04 USDC are spent"), "{}", error.message);
    let asked = scene.world.asked.borrow().iter().filter(|(callback, _)| *callback == Callback::Transfer).count();
    assert_eq!(asked, 2);
    let expected = json!({"currency": "USDC", "total": {"spent": "0.04", "reserved": "0", "remaining": "0", "since": 1_800_000_000_000_u64}});
    assert_eq!(spending(&scene.world, &later), expected);
}

#[test]
fn days_and_hours_have_budgets_of_their_own_and_scopes_too() {
    let spend = budget(|limit| (limit.per_hour, limit.per_day, limit.budget) = (20_000, 40_000, 60_000));
    let scene = paying(4, &spend);
    let (world, client) = (&scene.world, &scene.client);
    pay(world, client).unwrap();
    world.script.borrow_mut().push_front(payment_required());
    let error = pay(world, client).unwrap_err();
    let words = "spend.budget.perHour allows 0.02 USDC an hour (UTC), of which 0.02 USDC are spent";
    assert!(error.message.contains(words), "{}", error.message);
    world.now.set(3_600_000.0);
    pay(world, client).unwrap();
    world.now.set(2.0 * 3_600_000.0);
    world.script.borrow_mut().push_front(payment_required());
    let error = pay(world, client).unwrap_err();
    let words = "spend.budget.perDay allows 0.04 USDC a day (UTC), of which 0.04 USDC are spent";
    assert!(error.message.contains(words), "{}", error.message);
    let shown = spending(world, client);
    assert_eq!((shown["perHour"]["remaining"].as_str(), shown["perDay"]["remaining"].as_str()), (Some("0.02"), Some("0")));
    world.now.set(DAY_MS);
    pay(world, client).unwrap();
    world.now.set(2.0 * DAY_MS);
    world.script.borrow_mut().push_front(payment_required());
    let error = pay(world, client).unwrap_err();
    assert!(error.message.contains("spend.budget allows 0.06 USDC"), "{}", error.message);
    let scoped = budget(|limit| (limit.budget, limit.scope) = (20_000, "search".into()));
    pay(world, &another(world, &scoped)).unwrap();
    assert_eq!(spending(world, &another(world, &scoped))["scope"], "search");
    assert_eq!(spending(world, client)["total"]["spent"], "0.06", "of its own scope");
    // The scope is in the record: whoever counts again counts the same.
    for (key, _) in counters(world) {
        world.store.borrow_mut().remove(&key);
    }
    assert_eq!(spending(world, &another(world, &scoped))["total"]["spent"], "0.02");
    assert_eq!(spending(world, client)["total"]["spent"], "0.06");
}

#[test]
fn counters_that_are_damaged_newer_or_gone_are_counted_again_from_the_records() {
    let spend = budget(|limit| limit.budget = 40_000);
    let whole = |total: &str, hours: &str, open: &str| {
        format!(r#"{{"version":1,"since":0,"total":{total},"hours":{hours},"open":{open}}}"#)
    };
    let garbage = [
        whole("\"-20000\"", "[]", "[]"),
        whole("0", "[]", "[]"),
        whole("\"0.02\"", "[]", "[]"),
        whole("\"0\"", "[[1,\"20000\"]]", "[]"),
        whole("\"0\"", "[[-1,\"0\"]]", "[]"),
        whole("\"0\"", "[5]", "[]"),
        whole("\"0\"", "{}", "[]"),
        whole("\"0\"", "[]", "[[\"a\",\"x\",5]]"),
        whole("\"0\"", "[]", "null"),
        whole("\"0\"", "[]", "[]").replace("\"since\":0", "\"since\":-1"),
        whole("\"0\"", "[]", "[]").replace("\"version\":1", "\"version\":\"1\""),
    ];
    let simple = [None, Some(""), Some("{"), Some("null"), Some("{\"version\":2}"), Some("[]"), Some("\0\0\0\0")];
    for damage in simple.into_iter().chain(garbage.iter().map(|text| Some(text.as_str()))) {
        let scene = paying(2, &spend);
        pay(&scene.world, &scene.client).unwrap();
        pay(&scene.world, &scene.client).unwrap();
        let (key, _) = counters(&scene.world).remove(0);
        match damage {
            None => drop(scene.world.store.borrow_mut().remove(&key)),
            Some(text) => drop(scene.world.store.borrow_mut().insert(key, text.to_owned())),
        }
        let error = pay(&scene.world, &another(&scene.world, &spend)).unwrap_err();
        assert!(error.message.contains("of which 0.04 USDC are spent"), "{damage:?}: {}", error.message);
    }
    // A record that nobody can read may be of any payment.
    let scene = paying(0, &budget(|limit| limit.budget = 100_000));
    scene.world.store.borrow_mut().insert("eliza-jobs/payment/x".into(), "damaged".into());
    let error = pay(&scene.world, &scene.client).unwrap_err();
    assert!(error.message.contains("of which 0.1 USDC are spent"), "{}", error.message);
}

#[test]
fn what_is_set_aside_is_shown_and_is_not_left_over() {
    let spend = budget(|limit| limit.budget = 50_000);
    let scene =
        scene_with([payment_required()], |config| (config.spend, config.wallet_timeout) = (spend.clone(), Millis::new(1_000.0)));
    let scene = scene.giving(Callback::Transfer, |_, _| None).paying().giving(Callback::Transfer, |_, _| None);
    assert_eq!(pay(&scene.world, &scene.client).unwrap_err().code, ErrorCode::WalletTimeout);
    let shown = &spending(&scene.world, &another(&scene.world, &spend))["total"];
    assert_eq!((&shown["spent"], &shown["reserved"], &shown["remaining"]), (&json!("0").0, &json!("0.02").0, &json!("0.03").0));
}

#[test]
fn a_quote_knows_what_others_have_spent_of_the_budget() {
    let spend = budget(|limit| limit.budget = 20_000);
    let scene = paying(1, &spend);
    pay(&scene.world, &scene.client).unwrap();
    let other = another(&scene.world, &spend);
    let quoted = run(&scene.world, other.quote(&CallOptions::default())).unwrap();
    assert_eq!((&quoted["chosen"], &quoted["offers"][0]["allowed"]), (&json!(null).0, &json!(false).0));
    assert!(quoted["why"].as_str().unwrap().contains("spend.budget allows 0.02 USDC"), "{quoted}");
}

#[test]
fn what_was_paid_is_listed_by_time_and_state_without_proofs_and_questions() {
    let scene = paying(0, &SpendPolicy::default());
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &SpendPolicy::default());
    let (_, text) = world
        .store
        .borrow()
        .iter()
        .find(|(key, _)| key.starts_with("eliza-jobs/paid/"))
        .map(|(key, text)| (key.clone(), text.clone()))
        .unwrap();
    let kept = Json::parse(&text).unwrap();
    for gone in ["request", "firstRequest", "proof", "idempotencyKey", "fingerprint"] {
        assert!(kept.get(gone).is_none(), "{gone} is kept");
    }
    world.store.borrow_mut().retain(|key, _| !key.starts_with("eliza-jobs/paid/"));
    // What was signed and not sent has moved nothing; everything else has, or may have.
    for (at, state, signs) in
        [(1_000, "accepted", false), (2_000, "sent", true), (3_000, "intended", true), (4_000, "unknown", false)]
    {
        let record = kept.clone().set("attemptId", json!(state)).set("state", json!(state)).set("signs", json!(signs));
        let record =
            record.set("begunAt", json!(at)).set("request", json!("{\"content\":\"secret\"}")).set("answered", json!(false));
        world.store.borrow_mut().insert(format!("eliza-jobs/payment/{state}"), record.to_string());
    }
    let listed = |since: Option<f64>, until: Option<f64>, state: Option<PaymentState>| {
        let at = |ms: Option<f64>| ms.map(WallTime::from_ms);
        let filter = PaymentFilter { since: at(since), until: at(until), state };
        let rows = RefCell::new(Vec::new());
        let put = async |row: Json| rows.borrow_mut().push(row);
        run(world, scene.client.payments(&filter, &CallOptions::default(), put)).unwrap();
        for row in rows.borrow().iter() {
            assert!(!row.to_string().contains("secret"), "{row}");
        }
        rows.take().iter().map(|row| row.get_text("attemptId").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, None), ["accepted", "sent", "unknown"]);
    assert_eq!(listed(Some(2_000.0), None, None), ["sent", "unknown"]);
    assert_eq!(listed(None, Some(2_000.0), None), ["accepted"], "the end is not in it");
    assert_eq!(listed(None, None, Some(PaymentState::Sent)), ["sent"]);
}

/// The keys of the history begin with their time, so that a short period costs no look at all of
/// it.
#[test]
fn of_the_history_only_the_payments_of_the_period_are_read() {
    let scene = paying(0, &budget(|limit| limit.budget = 1_000_000));
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &budget(|limit| limit.budget = 1_000_000));
    let (key, text) =
        world.store.borrow().iter().find(|(key, _)| key.contains("/paid/")).map(|(k, t)| (k.clone(), t.clone())).unwrap();
    let begun_at = Json::parse(&text).unwrap().get("begunAt").unwrap().as_number().unwrap();
    for day in 1..=9 {
        let at = begun_at - f64::from(day) * 86_400_000.0;
        let old = text.replace(&begun_at.to_string(), &at.to_string());
        world.store.borrow_mut().insert(key.replace(&begun_at.to_string(), &at.to_string()), old);
    }
    let reads = |since: f64, until: f64| {
        let at = |days: f64| Some(WallTime::from_ms(begun_at - days * 86_400_000.0));
        let filter = PaymentFilter { since: at(since), until: at(until), state: None };
        let (before, rows) = (world.store_calls.get(), Cell::new(0));
        run(world, scene.client.payments(&filter, &CallOptions::default(), async |_| rows.set(rows.get() + 1))).unwrap();
        (rows.get(), world.store_calls.get() - before)
    };
    let (none, list) = reads(20.0, 15.0);
    assert_eq!(none, 0);
    assert_eq!(reads(3.5, 1.5), (2, list + 2));
    assert_eq!(reads(20.0, 7.5), (2, list + 2));
    assert_eq!(reads(1.5, -1.0), (2, list + 2));
}

#[test]
fn what_was_answered_counts_when_all_is_counted_again_and_once() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(0, &spend);
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &spend);
    pay_and_get(world, &spend);
    let spent_again = || {
        let (key, _) = counters(world).remove(0);
        world.store.borrow_mut().remove(&key);
        spending(world, &another(world, &spend))["total"]["spent"].clone()
    };
    assert_eq!(spent_again(), "0.04");
    // A program has ended between writing the history and deleting the record.
    let paid = |(key, text): (&String, &String)| key.starts_with("eliza-jobs/paid/").then(|| text.clone());
    let text = world.store.borrow().iter().find_map(paid).unwrap();
    let id = Json::parse(&text).unwrap().get_text("attemptId").unwrap();
    world.store.borrow_mut().insert(format!("eliza-jobs/payment/{id}"), text);
    assert_eq!(spent_again(), "0.04");
    // What has a key is not in the history: its record stays for as long as the key.
    world.script.borrow_mut().extend([payment_required(), created(), seen("completed")]);
    let call = CallOptions { idempotency_key: "k".into(), ..CallOptions::default() };
    run(world, another(world, &spend).create_and_wait(&params(), &call, WaitPlan::default(), &|_| ())).unwrap();
    world.turn();
    assert_eq!(spent_again(), "0.06");
}

/// Another program sees a job's end while this one reads what was paid: the record moves to the
/// history after this program's first, second, third call of the store, and so on.
#[test]
fn a_payment_that_moves_to_the_history_while_it_is_read_is_listed_and_counted_once() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(1, &SpendPolicy::default());
    let world = &scene.world;
    pay(world, &scene.client).unwrap();
    let kept = world.store.borrow().clone();
    // It can end before it deletes the record.
    for (calls, deletes) in (1..=12).flat_map(|calls| [(calls, true), (calls, false)]) {
        let moves = move |records: &mut Records| {
            let key = records.keys().find(|key| key.starts_with(record::PREFIX)).unwrap().clone();
            let text = records.get(&key).unwrap().clone();
            let attempt = record::read(&Json::parse(&text).unwrap()).unwrap();
            records.insert(record::paid_key(&attempt.id, attempt.begun_at), record::history(&attempt).to_json());
            if deletes {
                records.remove(&key);
            }
        };
        let meanwhile = || {
            *world.store.borrow_mut() = kept.clone();
            *world.meanwhile.borrow_mut() = Some((calls, Box::new(moves)));
        };
        meanwhile();
        let rows = Cell::new(0);
        let put = async |_| rows.set(rows.get() + 1);
        run(world, scene.client.payments(&PaymentFilter::default(), &CallOptions::default(), put)).unwrap();
        assert_eq!(rows.get(), 1, "it moves after {calls} calls");
        meanwhile();
        let shown = spending(world, &another(world, &spend));
        assert_eq!(shown["total"]["remaining"], "0.04", "it moves after {calls} calls");
    }
    *world.meanwhile.borrow_mut() = None;
}

/// A store that reads its list in pieces: the payment is not in its history when that is read, and
/// not under its other key any more when that would be.
#[test]
fn a_payment_that_moves_to_the_history_while_a_list_is_read_in_pieces_is_listed_and_counted() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(0, &SpendPolicy::default());
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &SpendPolicy::default());
    world.list_misses.set(Some("/paid/"));
    let rows = Cell::new(0);
    let put = async |_| rows.set(rows.get() + 1);
    run(world, scene.client.payments(&PaymentFilter::default(), &CallOptions::default(), put)).unwrap();
    assert_eq!((rows.get(), world.list_misses.get()), (1, None));
    world.list_misses.set(Some("/paid/"));
    assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.04");
}

#[test]
fn old_records_and_payments_of_clients_without_a_budget_count() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(3, &SpendPolicy::default());
    let old = json!({"version": 1, "attemptId": "old", "state": "accepted", "dialect": "seed", "network": "base", "chainId": 8453,
        "asset": "0x1", "recipient": TO, "amount": "0.02", "amountAtomic": "20000", "currency": "USDC", "decimals": 6,
        "server": "https://server:3000", "createdAt": 1.7e12, "created": {"jobId": "j"}});
    scene.world.store.borrow_mut().insert("eliza-jobs/payment/old".into(), old.to_string());
    pay(&scene.world, &scene.client).unwrap();
    assert!(counters(&scene.world).is_empty(), "nobody has a budget");
    let limited = another(&scene.world, &spend);
    assert_eq!(spending(&scene.world, &limited)["total"]["spent"], "0.04");
    pay(&scene.world, &scene.client).unwrap();
    let shown = spending(&scene.world, &limited);
    assert_eq!((shown["total"]["spent"].as_str(), shown["total"]["since"].as_f64()), (Some("0.06"), Some(1.7e12)));
    assert_eq!(pay(&scene.world, &limited).unwrap_err().code, ErrorCode::PaymentOverLimit);
}

#[test]
fn what_certainly_did_not_move_is_given_back_and_nothing_else() {
    let spend = budget(|limit| limit.budget = 20_000);
    for (gives, is_given_back) in [
        (Err(json!({"code": 4001})), true),
        (Err(json!({"message": "no", "noMoneyMoved": true})), true),
        (Err(json!("broke")), false),
        (Ok(json!(HASH)), false),
    ] {
        let scene = scene_with([payment_required(), created()], |config| config.spend = spend.clone()).wallet(gives.clone());
        let _ = pay(&scene.world, &scene.client);
        let left = spending(&scene.world, &another(&scene.world, &spend));
        let expected = if is_given_back { "0.02" } else { "0" };
        assert_eq!(left["total"]["remaining"], expected, "{gives:?}");
        // At once, and not when the next payment looks for what became of this one.
        assert_eq!(set_aside(&scene.world).is_empty(), is_given_back, "{gives:?}");
    }
}

#[test]
fn what_is_forgotten_stays_counted_unless_it_certainly_did_not_move() {
    let spend = budget(|limit| limit.budget = 20_000);
    let scene = scene_with([payment_required()], |config| config.spend = spend.clone()).wallet(Err(json!("broke")));
    let error = pay(&scene.world, &scene.client).unwrap_err();
    let attempt = eliza_jobs::payment::record::to_json(&error.payment.unwrap());
    run(&scene.world, scene.client.forget_payment(&attempt, &CallOptions::default())).unwrap();
    assert!(scene.world.records().is_empty());
    assert_eq!(spending(&scene.world, &another(&scene.world, &spend))["total"]["spent"], "0.02");
    assert_eq!(scene.client.spent("USDC").unwrap(), "0.02", "in memory too");
}

#[test]
fn a_store_that_fails_means_no_payment_and_one_that_changes_nothing_is_found_out() {
    let spend = budget(|limit| limit.budget = 20_000);
    let scene = paying(1, &spend);
    scene.world.store_works.set(Some(1));
    let error = pay(&scene.world, &scene.client).unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreFailed, "{}", error.message);
    assert!(scene.world.asked.borrow().is_empty());
}

#[test]
fn a_store_that_never_answers_holds_up_no_call_for_ever_and_means_no_payment() {
    let spend = budget(|limit| limit.budget = 20_000);
    let refused = |scene: &Scene, paid: Result<(), Box<Error>>| {
        let error = paid.unwrap_err();
        assert!(matches!(error.code, ErrorCode::StoreFailed | ErrorCode::RequestTimeout), "{}", error.message);
        assert!(scene.world.asked.borrow().is_empty());
        let took = scene.world.now.get();
        assert!(took <= 120_000.0, "{took} ms: {}", error.message);
        assert_eq!(scene.client.spent("USDC").unwrap(), "0");
    };
    for spend in [&SpendPolicy::default(), &spend] {
        let scene = paying(1, spend);
        scene.world.lock_ms.set(f64::INFINITY);
        refused(&scene, pay(&scene.world, &scene.client));
    }
    // It hangs from any of its operations on, until the wallet is asked.
    for operation in 0.. {
        let scene = paying(1, &spend);
        scene.world.store_hangs.set(Some(operation));
        let paid = pay(&scene.world, &scene.client);
        if !scene.world.asked.borrow().is_empty() {
            assert!(operation > 6, "{operation} operations before the wallet");
            break;
        }
        refused(&scene, paid);
    }
}

#[test]
fn a_program_whose_lock_was_lost_pays_nothing_and_has_all_counted_again() {
    let spend = budget(|limit| limit.budget = 40_000);
    // Lost before the counters are written, and while they are.
    for (holds, is_written) in [(0, true), (1, false)] {
        let scene = paying(1, &spend);
        let (world, client) = (&scene.world, &scene.client);
        pay(world, client).unwrap();
        let before = counters(world);
        world.lock_holds.set(Some(holds));
        let error = pay(world, client).unwrap_err();
        world.lock_holds.set(None);
        assert_eq!(error.code, ErrorCode::StoreFailed);
        assert!(error.message.contains("a lock was lost"), "{}", error.message);
        let asked = world.asked.borrow().iter().filter(|(callback, _)| *callback == Callback::Transfer).count();
        assert_eq!(asked, 1, "the wallet is not asked for the second one");
        let after = counters(world);
        // What was written may stand in the place of somebody else's: nothing is left of it.
        assert_eq!(after, if is_written { before } else { Vec::new() });
        assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.02");
    }
}

#[test]
fn a_payment_costs_as_much_with_ten_thousand_records_as_with_none() {
    let spend = budget(|limit| limit.budget = u128::MAX - 1);
    let calls = |records: usize| {
        let scene = paying(3, &spend);
        pay(&scene.world, &scene.client).unwrap();
        for number in 0..records {
            let key = format!("eliza-jobs/paid/{:013}-{number}", 1_700_000_000_000_u64 + number as u64);
            scene.world.store.borrow_mut().insert(key, "{}".into());
        }
        pay(&scene.world, &scene.client).unwrap();
        let before = scene.world.store_calls.get();
        pay(&scene.world, &scene.client).unwrap();
        scene.world.store_calls.get() - before
    };
    assert_eq!(calls(0), calls(10_000));
}

#[test]
fn a_payment_looks_at_a_few_of_those_whose_money_is_set_aside_however_many_there_are() {
    let spend = budget(|limit| limit.budget = u128::MAX - 1);
    let calls = |open: usize| {
        let scene = paying(2, &spend);
        let world = &scene.world;
        pay(world, &scene.client).unwrap();
        // Nobody knows yet what became of these.
        let text = world.store.borrow().iter().find(|(key, _)| key.starts_with("eliza-jobs/payment/")).unwrap().1.clone();
        let record = Json::parse(&text).unwrap().set("state", json!("intended"));
        let (key, mut counters) = counters(world).remove(0);
        let ids: Vec<String> = (0..open).map(|number| format!("open-{number}")).collect();
        for id in &ids {
            let record = record.clone().set("attemptId", json!(id));
            world.store.borrow_mut().insert(format!("eliza-jobs/payment/{id}"), record.to_string());
        }
        counters["open"] = ids.iter().map(|id| json!([id, "1", 1_800_000_000_000_u64]).0).collect();
        world.store.borrow_mut().insert(key, counters.to_string());
        let before = world.store_calls.get();
        pay(world, &scene.client).unwrap();
        world.store_calls.get() - before
    };
    assert_eq!(calls(10), calls(500));
}

/// A payment with its answer, by a client of its own, as in a program that pays once.
fn pay_and_get(world: &Rc<World>, spend: &SpendPolicy) {
    world.script.borrow_mut().extend([payment_required(), created(), seen("completed")]);
    let client = another(world, spend);
    let call = CallOptions::default();
    run(world, client.create_and_wait(&params(), &call, WaitPlan::default(), &|_| ())).unwrap();
    world.turn();
}

#[test]
fn a_program_that_pays_once_looks_through_the_history_only_when_payments_are_over() {
    let spend = budget(|limit| limit.budget = u128::MAX - 1);
    let scene = paying(0, &spend);
    let world = &scene.world;
    world.script.borrow_mut().clear();
    let history = || world.store.borrow().keys().filter(|key| key.starts_with("eliza-jobs/paid/")).count();
    let old_key = |days: f64, number: u32| {
        let at = 1_800_000_000_000.0 + world.now.get() - days * DAY_MS;
        format!("eliza-jobs/paid/{at:013.0}-old-{number}")
    };
    for number in 0..1_200 {
        world.store.borrow_mut().insert(old_key(399.0, number), "{}".into());
    }
    pay_and_get(world, &spend);
    pay_and_get(world, &spend);
    let (lists, calls) = (world.store_lists.get(), world.store_calls.get());
    pay_and_get(world, &spend);
    let one = world.store_calls.get() - calls;
    for number in 0..10_000 {
        world.store.borrow_mut().insert(old_key(1.0, 10_000 + number), "{}".into());
    }
    pay_and_get(world, &spend);
    assert_eq!((world.store_lists.get(), world.store_calls.get()), (lists, calls + 2 * one), "the same work with more records");
    // All are over by then: the first thousand goes, and after a pause the others.
    for (hours, left) in [(24.0, 11_205), (49.0, 10_206), (49.5, 10_207), (50.5, 10_008), (60.0, 10_009)] {
        world.now.set(hours * 3_600_000.0);
        pay_and_get(world, &spend);
        assert_eq!(history(), left, "after {hours} hours");
    }
    // What is put back or damaged says nothing: all is looked through again, once.
    world.store.borrow_mut().insert("eliza-jobs/tidied".into(), "{".into());
    let lists = world.store_lists.get();
    pay_and_get(world, &spend);
    world.now.set(61.5 * 3_600_000.0);
    pay_and_get(world, &spend);
    assert_eq!(world.store_lists.get(), lists + 1);
}

#[test]
fn a_history_that_another_client_keeps_for_a_shorter_time_gives_no_money_back() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(0, &spend);
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &spend);
    world.now.set(3.0 * DAY_MS);
    let other = budget(|limit| (limit.budget, limit.scope) = (60_000, "other".into()));
    let config = eliza_jobs::client::Config { spend: other, keep_payments: Millis::from_secs(86_400.0), ..config() };
    let client = Rc::new(Client::new(Shared(world.clone()), config, SpendLedger::new(vec![0], Box::new(|_, _| ()))));
    world.script.borrow_mut().extend([payment_required(), created(), seen("completed")]);
    run(world, client.create_and_wait(&params(), &CallOptions::default(), WaitPlan::default(), &|_| ())).unwrap();
    world.turn();
    let history = world.store.borrow().keys().filter(|key| key.starts_with("eliza-jobs/paid/")).count();
    assert_eq!(history, 1, "the first payment is deleted");
    pay_and_get(world, &spend);
    assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.02");
}

#[test]
fn what_the_chain_calls_void_is_closed_and_given_back_once() {
    let spend = budget(|limit| limit.budget = 40_000);
    let steps = [payment_required(), created(), payment_required(), payment_required(), jobs(&[])];
    let scene = scene_with(steps, |config| config.spend = spend.clone()).paying();
    scene.world.own_uuids.set(true);
    let scene = scene.giving(Callback::Receipt, |_, asked| {
        assert_eq!(*asked, json!({"chainId": 8453, "hash": HASH}));
        Some(Ok(json!({"status": "reverted"})))
    });
    let (world, client) = (&scene.world, &scene.client);
    pay(world, client).unwrap();
    let error = pay(world, client).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRefused);
    let attempt = eliza_jobs::payment::record::to_json(&error.payment.unwrap());
    assert_eq!(spending(world, client)["total"]["remaining"], "0");
    let (sent, records) = (scene.requests(), world.records().len());
    for _ in 0..2 {
        let later = another(world, &spend);
        let call = CallOptions::default();
        let error = run(world, later.resume(&attempt, &call, Default::default(), &|_| ())).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentNotOpen, "{}", error.message);
        world.turn();
        assert_eq!(spending(world, &later)["total"]["remaining"], "0.02", "the other payment stays counted");
    }
    assert_eq!((scene.requests(), world.records().len()), (sent, records - 1));
}

#[test]
fn what_the_chain_calls_void_is_given_back_where_the_counters_have_it_as_spent() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = scene_with([], |config| config.spend = spend.clone()).paying();
    scene.world.own_uuids.set(true);
    let scene = scene.giving(Callback::Receipt, |_, _| Some(Ok(json!({"status": "reverted"}))));
    let (world, client) = (&scene.world, &scene.client);
    world.script.borrow_mut().extend([payment_required(), payment_required(), jobs(&[])]);
    let error = pay(world, client).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentRefused);
    // The next payment resolves what was set aside for this one: it may have moved.
    world.script.borrow_mut().extend([payment_required(), created()]);
    pay(world, client).unwrap();
    assert_eq!(set_aside(world).len(), 1);
    let attempt = eliza_jobs::payment::record::to_json(&error.payment.unwrap());
    let later = another(world, &spend);
    let error = run(world, later.resume(&attempt, &CallOptions::default(), Default::default(), &|_| ())).unwrap_err();
    assert_eq!(error.code, ErrorCode::PaymentNotOpen, "{}", error.message);
    world.turn();
    assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.04");
}

/// The counters are lost before the money is set aside, and are made again from the records, which
/// have this payment already: it is checked all the same.
#[test]
fn a_payment_that_is_counted_from_its_own_record_is_checked_all_the_same() {
    let spend = budget(|limit| limit.budget = 40_000);
    // When the counters and the offers were read, the record was written, and read again.
    for at in 1..=3 {
        let scene = paying(1, &spend);
        let (world, client) = (&scene.world, &scene.client);
        pay(world, client).unwrap();
        // Another program pays what is left.
        let mut other = world.records().remove(0);
        other["attemptId"] = json!("another").0;
        let change = move |records: &mut Records| {
            records.retain(|key, _| !key.starts_with(COUNTERS));
            records.insert(record::key("another"), other.to_json());
        };
        *world.meanwhile.borrow_mut() = Some((at, Box::new(change)));
        let error = pay(world, client).unwrap_err();
        assert_eq!((error.code, scene.asked(Callback::Transfer)), (ErrorCode::PaymentOverLimit, 1), "{at}: {}", error.message);
        assert_eq!(world.records().len(), 2);
    }
}

/// Three payments, of which the chain says that the first one never moves. It is taken for spent,
/// and so is the second one.
fn one_is_void(spend: &SpendPolicy) -> (Scene, Json) {
    let scene = scene_with([], |config| config.spend = spend.clone()).paying();
    scene.world.own_uuids.set(true);
    let scene = scene.giving(Callback::Receipt, |_, _| Some(Ok(json!({"status": "reverted"}))));
    scene.world.script.borrow_mut().extend([payment_required(), payment_required(), jobs(&[])]);
    let error = pay(&scene.world, &scene.client).unwrap_err();
    scene.world.script.borrow_mut().extend([payment_required(), created(), payment_required(), created()]);
    pay(&scene.world, &scene.client).unwrap();
    pay(&scene.world, &scene.client).unwrap();
    (scene, record::to_json(&error.payment.unwrap()))
}

fn give_up(world: &Rc<World>, spend: &SpendPolicy, attempt: &Json) -> ErrorCode {
    let end = run(world, another(world, spend).resume(attempt, &CallOptions::default(), Default::default(), &|_| ()));
    world.turn();
    end.unwrap_err().code
}

/// The void payment is given up, and another program changes the store at its call number `at`: its
/// money is given back once.
fn is_given_back_once(
    world: &Rc<World>,
    spend: &SpendPolicy,
    void: &Json,
    at: usize,
    change: impl FnOnce(&mut Records) + 'static,
) -> ErrorCode {
    *world.meanwhile.borrow_mut() = Some((at, Box::new(change)));
    let code = give_up(world, spend, void);
    *world.meanwhile.borrow_mut() = None;
    assert_eq!(spending(world, &another(world, spend))["total"]["remaining"], "0.04", "after {at} calls");
    code
}

#[test]
fn what_is_given_back_is_what_was_counted_though_all_is_counted_again_meanwhile() {
    let spend = budget(|limit| limit.budget = 80_000);
    for at in 1..=12 {
        let (scene, void) = one_is_void(&spend);
        let lose_counters = |records: &mut Records| records.retain(|key, _| !key.starts_with(COUNTERS));
        let code = is_given_back_once(&scene.world, &spend, &void, at, lose_counters);
        assert_eq!(code, ErrorCode::PaymentNotOpen);
    }
}

/// A program that is suspended for so long that another one takes its lock over.
#[test]
fn what_two_programs_find_void_at_once_is_given_back_once() {
    let spend = budget(|limit| limit.budget = 80_000);
    for at in 1..=12 {
        let (scene, void) = one_is_void(&spend);
        let world = &scene.world;
        let before = world.store.borrow().clone();
        assert_eq!(give_up(world, &spend, &void), ErrorCode::PaymentNotOpen);
        let after = world.store.replace(before);
        is_given_back_once(world, &spend, &void, at, move |records| *records = after);
    }
}

/// The user has paid by hand and gone on with that in another program, and then says no to the
/// wallet's question.
#[test]
fn what_was_paid_and_answered_elsewhere_is_not_given_back_when_the_wallet_says_no() {
    let spend = budget(|limit| limit.budget = 60_000);
    let no = Rc::new(Cell::new(false));
    let scene = scene_with([payment_required()], |config| {
        config.spend = spend.clone();
        config.wallet_timeout = Millis::new(1_000.0);
    });
    let scene = scene.giving_when(Callback::Transfer, no.clone(), Err(json!({"code": 4001})));
    let (world, client) = (&scene.world, &scene.client);
    assert_eq!(pay(world, client).unwrap_err().code, ErrorCode::WalletTimeout);
    let open = world.records().remove(0);
    world.script.borrow_mut().extend([jobs(&[]), created(), seen("completed")]);
    let open = open.set("transaction", json!(HASH));
    run(world, another(world, &spend).resume(&open, &CallOptions::default(), Default::default(), &|_| ())).unwrap();
    world.turn();
    assert!(world.records().is_empty());
    no.set(true);
    world.turn();
    assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.04");
}

/// A store whose counters have money set aside for a payment, and no record of it.
#[test]
fn what_is_set_aside_for_a_payment_that_was_never_written_down_is_given_back_as_long_as_the_history_would_have_it() {
    let spend = budget(|limit| limit.budget = 60_000);
    let scene = paying(1, &spend);
    let world = &scene.world;
    pay(world, &scene.client).unwrap();
    let now = 1_800_000_000_000.0 + world.now.get();
    for (age_ms, remaining) in [
        (0.0, "0.04"),
        (399.0 * DAY_MS, "0.04"),
        (400.0 * DAY_MS - 1.0, "0.04"),
        (400.0 * DAY_MS, "0.02"),
        (500.0 * DAY_MS, "0.02"),
    ] {
        let (key, mut counters) = counters(world).remove(0);
        counters["open"] = json!([["never written", "20000", now - age_ms]]).0;
        counters["total"] = json!("20000").0;
        let before = world.store.borrow_mut().insert(key.clone(), counters.to_string()).unwrap();
        let total = spending(world, &another(world, &spend))["total"].clone();
        assert_eq!((total["remaining"].as_str(), total["reserved"].as_str()), (Some(remaining), Some("0")), "{age_ms}");
        world.store.borrow_mut().insert(key, before);
    }
}

#[test]
fn while_a_wallet_is_open_its_money_stays_set_aside_and_a_no_after_days_gives_it_back() {
    let spend = budget(|limit| limit.budget = 60_000);
    let no = Rc::new(Cell::new(false));
    let scene = scene_with([payment_required(), payment_required()], |config| config.spend = spend.clone());
    let scene = scene.giving_when(Callback::Transfer, no.clone(), Err(json!({"code": 4001})));
    scene.world.own_uuids.set(true);
    let (world, params, call) = (&scene.world, params(), CallOptions::default());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut first = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(first.as_mut().poll(&mut context).is_pending());
    world.now.set(2.0 * DAY_MS);
    // Another payment looks for what became of the first one.
    let mut second = Box::pin(scene.client.create_job(&params, &call, &|_| ()));
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert_eq!(set_aside(world).len(), 2);
    no.set(true);
    for call in [first, second] {
        assert_eq!(run(world, call).map(drop).unwrap_err().code, ErrorCode::WalletRejected);
    }
    world.turn();
    assert_eq!(spending(world, &another(world, &spend))["total"]["remaining"], "0.06");
}

#[test]
fn what_may_have_moved_is_sent_though_the_store_cannot_count_it_and_is_written_down_before_it_is_counted() {
    let spend = budget(|limit| limit.budget = 20_000);
    let steps = [payment_required(), payment_required(), jobs(&[])];
    let before = scene_with(steps, |config| config.spend = spend.clone()).paying();
    let error = pay(&before.world, &before.client).unwrap_err();
    let attempt = eliza_jobs::payment::record::to_json(&error.payment.unwrap());
    // How often the store works: until it has said that it has no record, open or in the
    // history, and until it has that.
    for (works, records) in [(3, 0), (4, 1)] {
        let steps = [jobs(&[]), created(), seen("completed")];
        let elsewhere = scene_with(steps, |config| config.spend = spend.clone());
        elsewhere.world.store_works.set(Some(works));
        run(&elsewhere.world, elsewhere.client.resume(&attempt, &CallOptions::default(), Default::default(), &|_| ())).unwrap();
        assert_eq!((elsewhere.sent_proofs(), elsewhere.world.records().len()), (vec![HASH.to_owned()], records), "{works}");
    }
    // A store that works counts it, though its counters were made before.
    let elsewhere = scene_with([jobs(&[]), created(), seen("completed")], |config| config.spend = spend.clone());
    let world = &elsewhere.world;
    assert_eq!(spending(world, &another(world, &spend))["total"]["spent"], "0");
    run(world, elsewhere.client.resume(&attempt, &CallOptions::default(), Default::default(), &|_| ())).unwrap();
    world.turn();
    assert_eq!(spending(world, &another(world, &spend))["total"]["spent"], "0.02");
}

/// A call that resumes what was signed and never sent goes away while it looks for the job.
#[test]
fn what_is_left_unsent_again_is_given_back_only_where_its_record_says_so() {
    let spend = budget(|limit| limit.budget = 20_000);
    for (fails, state, remaining) in [(None, "proven", "0.02"), (Some((3, 4)), "sent", "0")] {
        let scene = scene_with([Step::Hang], |config| config.spend = spend.clone());
        let world = &scene.world;
        let open = scene.left_signed("left");
        // The counters are made and written, and the record says that it was sent; then the store
        // takes nothing for a while.
        world.store_fails.set(fails);
        world.frozen.set(fails.is_none());
        let call = CallOptions::default();
        let mut resume = Box::pin(scene.client.resume(&open, &call, Default::default(), &|_| ()));
        assert!(resume.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
        assert_eq!((&world.records()[0]["state"], set_aside(world).len()), (&json!("sent").0, 1));
        drop(resume);
        world.turn();
        assert_eq!(world.records()[0]["state"], state);
        assert_eq!(set_aside(world).is_empty(), state == "proven");
        let total = spending(world, &another(world, &spend))["total"]["remaining"].clone();
        assert_eq!(total.as_str(), Some(remaining), "{state}");
    }
}

#[test]
fn a_payment_that_the_store_does_not_give_is_missing_in_no_list() {
    let scene = paying(0, &SpendPolicy::default());
    let world = &scene.world;
    world.script.borrow_mut().clear();
    pay_and_get(world, &SpendPolicy::default());
    let kept = world.store.borrow().iter().find(|(key, _)| key.contains("/paid/")).map(|(key, text)| (key.clone(), text.clone()));
    let (paid, text) = kept.unwrap();
    let listed = |state| {
        let (filter, rows) = (PaymentFilter { state, ..PaymentFilter::default() }, Cell::new(0));
        let put = async |_| rows.set(rows.get() + 1);
        run(world, scene.client.payments(&filter, &CallOptions::default(), put)).map(|()| rows.get())
    };
    assert_eq!(listed(None).unwrap(), 1);
    assert_eq!((listed(Some(PaymentState::Accepted)).unwrap(), listed(Some(PaymentState::Unknown)).unwrap()), (1, 0));
    // In the history, and among what is open.
    for key in [paid, "eliza-jobs/payment/a".to_owned()] {
        world.store.borrow_mut().insert(key.clone(), "!".into());
        let error = listed(None).unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreFailed, "{key}");
        world.store.borrow_mut().insert(key, text.clone());
    }
}

/// Programs that run at the same time, again and again, on one store. Any of them may end at any
/// step.
#[derive(Debug, Clone)]
struct Script {
    misfortune: Misfortune,
    /// For how many payments there is a budget.
    payments: u32,
    /// The rounds: how long nobody runs before, the programs, and how far the clock is put forward.
    rounds: Vec<(f64, Vec<Program>, f64)>,
    is_daily: bool,
}

#[derive(Debug, Clone)]
struct Program {
    calls: usize,
    crash: Option<usize>,
    resumes: bool,
}

fn script() -> impl Strategy<Value = Script> {
    let paywall = prop::sample::select(vec![Paywall::Lax, Paywall::Strict, Paywall::V1, Paywall::V2]);
    let net = prop_oneof![
        6 => Just(Net::Fine),
        1 => Just(Net::LostBefore),
        1 => Just(Net::LostAfter),
        1 => Just(Net::Unreached),
        1 => any::<bool>().prop_map(|pending| Net::Unsettled { pending }),
        1 => (0u32..2_000, 0u32..40_000).prop_map(|(there, back)| Net::Slow { there, back }),
    ];
    let wallet = prop_oneof![
        6 => Just(Wallet::Pays),
        2 => (1u32..400_000).prop_map(Wallet::Slow),
        1 => Just(Wallet::Rejects),
        1 => Just(Wallet::Fails),
        1 => any::<bool>().prop_map(|hash| Wallet::FailsAfter { hash }),
        1 => Just(Wallet::Silent),
    ];
    let fault = prop_oneof![Just(StoreFault::Before), Just(StoreFault::After)];
    let misfortune = (
        paywall,
        prop::collection::vec(net, 0..10),
        prop::collection::vec(wallet, 0..6),
        prop::collection::btree_map(0usize..60, fault, 0..3),
        prop::sample::select(vec![0u32, 0, 3]),
    )
        .prop_map(|(paywall, net, wallet, store, store_ms)| Misfortune {
            paywall,
            list_open: true,
            agent_ms: 500.0,
            net,
            wallet,
            confirm: None,
            address: Says::Yes,
            store,
            store_ms,
        });
    let program = (1usize..4, prop::option::of(0usize..60), any::<bool>()).prop_map(|(calls, crash, resumes)| Program {
        calls,
        crash,
        resumes,
    });
    let rest = prop_oneof![Just(0.0), 0.0..400_000.0, Just(DAY_MS)];
    let jump = prop_oneof![3 => Just(0.0), 1 => Just(DAY_MS), 1 => Just(-DAY_MS), 1 => Just(3_600_000.0)];
    let round = (rest, prop::collection::vec(program, 1..5), jump);
    (misfortune, 1u32..5, prop::collection::vec(round, 1..4), any::<bool>()).prop_map(
        |(misfortune, payments, rounds, is_daily)| {
            // Signatures are good by the server's clock: where clocks jump, money is transferred.
            let jumps = !matches!(misfortune.paywall, Paywall::V1 | Paywall::V2);
            let rounds = rounds.into_iter().map(|(rest, programs, jump)| (rest, programs, if jumps { jump } else { 0.0 }));
            Script { misfortune, payments, rounds: rounds.collect(), is_daily }
        },
    )
}

fn check(script: &Script) {
    let world = misfortune::World::new(script.misfortune.clone());
    let most = u128::from(script.payments) * 20_000;
    *world.spend.borrow_mut() = budget(|limit| if script.is_daily { limit.per_day = most } else { limit.budget = most });
    for (rest_ms, programs, jump_ms) in &script.rounds {
        world.rest(*rest_ms);
        world.ahead_ms.set(world.ahead_ms.get() + jump_ms);
        let begun = programs.iter().map(|program| {
            let process = Process::new(&world, program.crash.unwrap_or(usize::MAX));
            let mut calls: Vec<Task> = Vec::new();
            for _ in 0..program.calls {
                // The world knows a payment by what its client has written last: each call has a
                // client of its own.
                let client = process.client();
                let number = world.watch.borrow_mut().begins(world.now.get(), None, Default::default());
                let headers = vec![(crate::watch::CALL.into(), number.to_string())];
                let call = CallOptions { headers, timeout: Some(Millis::new(60_000.0)), ..CallOptions::default() };
                let world = world.clone();
                calls.push(Box::pin(async move {
                    let params = json!({"userId": crate::world::USER, "content": "q"});
                    let job = client.create_job(&params, &call, &|_| ()).await.map(|job| Some(job.created.job_id));
                    world.watch.borrow_mut().ends(number, world.now.get(), &job);
                }));
            }
            if program.resumes {
                let (world, client) = (world.clone(), process.client());
                calls.push(Box::pin(async move {
                    for open in client.pending_payments(&CallOptions::default()).await.unwrap_or_default() {
                        let number = world.watch.borrow_mut().begins(world.now.get(), None, Default::default());
                        let headers = vec![(crate::watch::CALL.into(), number.to_string())];
                        let call = CallOptions { headers, timeout: Some(Millis::new(60_000.0)), ..CallOptions::default() };
                        let job = client.resume(&open, &call, Default::default(), &|_| ()).await;
                        let job = job.map(|job| job.get_text("jobId"));
                        world.watch.borrow_mut().ends(number, world.now.get(), &job);
                    }
                }));
            }
            (process, calls)
        });
        let begun = begun.collect();
        Process::run_all(&world, begun);
    }
    if script.is_daily {
        let mut days: BTreeMap<String, u32> = BTreeMap::new();
        for at in world.transfers.borrow().iter() {
            *days.entry((at / DAY_MS).floor().to_string()).or_default() += 1;
        }
        for (day, count) in days {
            assert!(count <= script.payments, "{count} payments on the day {day}, and {} are allowed", script.payments);
        }
    } else {
        assert!(world.moved() <= script.payments as usize, "{} payments, and {} are allowed", world.moved(), script.payments);
    }
}

#[test]
fn the_sum_of_what_moves_never_exceeds_the_budget() {
    let cases = std::env::var("SCRIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let config = ProptestConfig { cases, max_shrink_iters: 5_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(script in script())| check(&script));
}

#[test]
fn a_calm_world_spends_the_whole_budget() {
    for paywall in [Paywall::Lax, Paywall::V2] {
        let world = misfortune::World::new(Misfortune::none(paywall));
        *world.spend.borrow_mut() = budget(|limit| limit.budget = 100_000);
        let programs = (0..4).map(|_| {
            let process = Process::new(&world, usize::MAX);
            let client = process.client();
            let calls = (0..4).map(|_| -> Task {
                let client = client.clone();
                Box::pin(async move {
                    let params = json!({"userId": crate::world::USER, "content": "q"});
                    let _ = client.create_job(&params, &CallOptions::default(), &|_| ()).await;
                })
            });
            (process.clone(), calls.collect())
        });
        let programs = programs.collect();
        Process::run_all(&world, programs);
        assert_eq!(world.moved(), 5);
    }
}
