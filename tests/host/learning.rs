//! What is learned about agents: where it is kept, what is read back, and that it changes when jobs
//! are polled.

use crate::world::*;
use eliza_jobs::client::Client;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::LogLevel;
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::run::{Pace, Polling, WaitPlan};
use std::cell::Cell;
use std::rc::Rc;

const OURS: WaitPlan = WaitPlan { interval_ms: None, max_attempts: None };

/// A server whose agent takes so long, for as many jobs as are asked: each is created and polled
/// until it is there.
fn ask(scene: &Scene, takes_ms: f64) -> Vec<f64> {
    let (began, before) = (scene.world.now.get(), scene.requests());
    scene.world.script.borrow_mut().push_back(created());
    let mut done = job("completed");
    done["result"]["processingTimeMs"] = json!(takes_ms).0;
    // More than are needed: the rest is taken away.
    scene.world.answers_by.borrow_mut().replace((began + takes_ms, answer(200, done)));
    run(scene.client.create_and_wait(&params(), &plain(), OURS, &|_| ())).unwrap();
    scene.world.turn();
    let sent = scene.world.sent.borrow();
    let polls = sent.iter().skip(before + 1).filter(|(_, request)| request.url.ends_with("/job-1"));
    polls.map(|(at, _)| at - began).collect()
}
fn pace_records(scene: &Scene) -> Vec<String> {
    let store = scene.world.store.borrow();
    store.iter().filter(|(key, _)| key.starts_with("eliza-jobs/pace/")).map(|(_, text)| text.clone()).collect()
}
/// Another program with the same store.
fn next_program(scene: &Scene) -> Scene {
    let next = crate::world::scene([]).forever(seen("processing"));
    next.world.store.replace(scene.world.store.borrow().clone());
    next
}
fn fresh() -> Scene {
    scene([]).forever(seen("processing"))
}
fn warnings(scene: &Scene) -> usize {
    scene.world.logged.borrow().iter().filter(|(level, words)| *level == LogLevel::Warn && words.contains("learned")).count()
}

#[test]
fn a_steady_agent_is_polled_when_its_answers_come_in_the_next_program_too() {
    let scene = fresh();
    let first = ask(&scene, 5_000.0);
    for _ in 0..15 {
        ask(&scene, 5_000.0);
    }
    let later = ask(&scene, 5_000.0);
    assert!(first.len() > 5 && later.len() <= 4 && later[0] > 3_000.0, "{first:?} {later:?}");
    assert_eq!(pace_records(&scene).len(), 1);
    let next = next_program(&scene);
    let polls = ask(&next, 5_000.0);
    assert!(polls.len() <= 4 && polls[0] > 3_000.0, "{polls:?}");
    assert_eq!((warnings(&next), pace_records(&next).len()), (0, 1));
}

#[test]
fn nothing_is_kept_where_the_application_does_not_want_it_or_has_an_interval() {
    let forgets = scene_with([], |config| config.polling = Polling { is_kept: false, ..Polling::default() });
    let forgets = forgets.forever(seen("processing"));
    for _ in 0..5 {
        ask(&forgets, 5_000.0);
    }
    assert!(pace_records(&forgets).is_empty());
    let own = scene([created(), seen("completed")]);
    let plan = WaitPlan { interval_ms: Some(1_000), max_attempts: None };
    run(own.client.create_and_wait(&params(), &plain(), plan, &|_| ())).unwrap();
    own.world.turn();
    // An answer is an answer, whoever has asked; but nothing is read for its sake.
    assert!(own.world.store_calls.get() <= 2);
}

#[test]
fn a_record_that_is_damaged_or_of_a_later_version_is_the_prior_with_one_warning() {
    let before = fresh();
    let unknown = ask(&before, 5_000.0);
    let key = before.world.store.borrow().keys().find(|key| key.starts_with("eliza-jobs/pace/")).cloned().unwrap();
    for (text, is_replaced) in
        [("{", true), ("", true), ("[]", true), ("{\"version\":1,\"agents\":[5]}", true), ("{\"version\":2}", false)]
    {
        let scene = fresh();
        scene.world.store.borrow_mut().insert(key.clone(), text.to_owned());
        assert_eq!(ask(&scene, 5_000.0), unknown, "{text}");
        ask(&scene, 5_000.0);
        assert_eq!(warnings(&scene), 1, "{text}");
        assert_eq!(pace_records(&scene)[0] != text, is_replaced, "{text}");
    }
}

#[test]
fn a_store_that_fails_or_hangs_costs_a_wait_nothing() {
    let unknown = ask(&fresh(), 5_000.0);
    let failing = fresh();
    failing.world.store_works.set(Some(0));
    assert_eq!(ask(&failing, 5_000.0), unknown);
    assert_eq!(warnings(&failing), 1);
    let hanging = fresh();
    hanging.world.store_hangs.set(Some(0));
    assert_eq!(ask(&hanging, 5_000.0), unknown);
}

#[test]
fn what_is_learned_while_it_is_being_written_is_written_next_and_not_at_the_same_time() {
    let (scene, usual) = (fresh(), fresh());
    let sign = Rc::new(Cell::new(false));
    scene.world.store_waits.replace(Some((true, sign.clone())));
    ask(&scene, 5_000.0);
    let calls = scene.world.store_calls.get();
    ask(&scene, 5_000.0);
    assert_eq!(scene.world.store_calls.get(), calls, "one write at a time");
    sign.set(true);
    (0..8).for_each(|_| scene.world.turn());
    (0..2).for_each(|_| drop(ask(&usual, 5_000.0)));
    assert_eq!(pace_records(&scene), pace_records(&usual), "nothing is lost by that");
}

#[test]
fn times_that_cannot_be_are_not_learned() {
    let scene = fresh();
    for took in [json!(-1), json!(1e12), json!("5000"), json!(null), json!({})] {
        let mut done = job("completed");
        done["result"]["processingTimeMs"] = took.0;
        scene.world.script.borrow_mut().extend([created(), answer(200, done)]);
        run(scene.client.create_and_wait(&params(), &plain(), OURS, &|_| ())).unwrap();
        scene.world.turn();
    }
    assert!(pace_records(&scene).is_empty());
}

#[test]
fn the_health_routes_average_moves_the_first_polls_of_an_unknown_agent() {
    let health = |average: Json| {
        let scene =
            scene([answer(200, json!({"statusCounts": {}, "totalJobs": 1, "metrics": {"averageProcessingTimeMs": average}}))]);
        let scene = scene.forever(seen("processing"));
        run(scene.client.jobs_health(&plain())).unwrap();
        ask(&scene, 20_000.0)
    };
    let unknown = health(json!(0));
    let told = health(json!(20_000));
    assert!(told.len() * 3 < unknown.len() * 2, "{} {}", told.len(), unknown.len());
    for odd in [json!("20000"), json!(-1), json!(null)] {
        assert_eq!(health(odd), unknown);
    }
}

#[test]
fn what_a_poll_is_worth_and_the_bounds_of_pauses_are_kept() {
    let polls = |pace: Pace| {
        let scene = scene_with([], |config| config.polling.pace = pace).forever(seen("processing"));
        ask(&scene, 25_000.0)
    };
    let usual = polls(Pace::default()).len();
    let dear = polls(Pace { price: Millis::new(1_600.0), ..Pace::default() }).len();
    let cheap = polls(Pace { price: Millis::new(10.0), ..Pace::default() }).len();
    assert!(dear * 2 < usual && cheap > usual * 2, "{dear} {usual} {cheap}");
    let between = polls(Pace { floor: Millis::new(2_000.0), ceiling: Millis::new(3_000.0), ..Pace::default() });
    let gaps: Vec<f64> = between.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2_000.0..=3_000.0).contains(gap)), "{gaps:?}");
}

#[test]
fn each_program_keeps_what_others_have_learned_of_other_agents() {
    let scene = fresh();
    ask(&scene, 5_000.0);
    let ledger = SpendLedger::new(vec![0], Box::new(|_, _| ()));
    let other = Rc::new(Client::new(Shared(scene.world.clone()), config(), ledger));
    scene.world.script.borrow_mut().extend([created(), seen("completed")]);
    let asked = params().set("agentId", json!(USER));
    run(other.create_and_wait(&asked, &plain(), OURS, &|_| ())).unwrap();
    scene.world.turn();
    let record = Json::parse(&pace_records(&scene)[0]).unwrap();
    assert_eq!(record["agents"].as_array().unwrap().len(), 2, "{record}");
}
