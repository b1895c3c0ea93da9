//! The learned schedule against the optimum: five kinds of agents, each known by its law to the
//! optimum alone.

use crate::laws::{LAWS, Law, RTT, Random, before, cost, optimum, planned};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::pace::{AgentTimes, Observed, Pace};

/// A job that took so many milliseconds.
fn finished(ms: f64) -> Observed {
    Observed::Finished(Millis::new(ms))
}

#[test]
fn after_twenty_jobs_a_plan_costs_at_most_fifteen_percent_more_than_the_optimum_and_the_first_five_no_more_than_before() {
    for law in LAWS {
        let took = law.sample(20_000);
        let (optimum, before) = (optimum(&took), cost(&before(), &took));
        let mut random = Random(1_000 + law as u64);
        let (mut first, mut after) = (0.0, [0.0; 4]);
        let sessions = 20;
        for _ in 0..sessions {
            let mut times = AgentTimes::default();
            for job in 0..=50 {
                let at = [1, 5, 20, 50].iter().position(|known| *known == job);
                if job < 5 || at.is_some() {
                    let cost = cost(&planned(&times), &took);
                    first += if job < 5 { cost / 5.0 } else { 0.0 };
                    if let Some(at) = at {
                        after[at] += cost / f64::from(sessions) / optimum;
                    }
                }
                times.learn(finished(law.draw(&mut random) * 1e3));
            }
        }
        let first = first / f64::from(sessions) / before;
        println!(
            "{law:?}: before x{:.2} of the optimum; jobs 1 to 5 x{first:.2} of before; after 1, 5, 20, 50 jobs x{after:.3?}",
            before / optimum
        );
        assert!(first <= 1.1, "{law:?}: {first}");
        assert!(after[2] <= 1.15, "{law:?}: {after:?}");
        assert!(after[3] <= after[1], "{law:?} gets better: {after:?}");
    }
}

#[test]
fn an_agent_that_changes_is_noticed() {
    let mut times = AgentTimes::default();
    let mut random = Random(3);
    for _ in 0..200 {
        times.learn(finished(Law::Slow.draw(&mut random) * 1e3));
    }
    let took = Law::Steady.sample(2_000);
    let optimum = optimum(&took);
    let cost_after = |times: &mut AgentTimes, jobs: usize, random: &mut Random| {
        for _ in 0..jobs {
            times.learn(finished(Law::Steady.draw(random) * 1e3));
        }
        cost(&planned(times), &took) / optimum
    };
    let costs = [0, 5, 45].map(|jobs| cost_after(&mut times, jobs, &mut random));
    assert!(costs[0] > 2.0 && costs[1] < costs[0] && costs[2] < 1.3, "{costs:?}");
}

#[test]
fn gaps_stay_between_floor_and_ceiling_whatever_was_learned() {
    let mut random = Random(5);
    for scale in [0.0, 0.01, 1.0, 100.0, 1e6] {
        let mut times = AgentTimes::default();
        for _ in 0..500 {
            times.learn(finished(random.uniform() * scale * 1e3));
        }
        let pace = Pace { floor: Millis::new(200.0), ceiling: Millis::new(3_000.0), ..Pace::default() };
        let plan = times.plan(pace);
        for age in [0.0, 1.0, 50.0, 999.0, 30_000.0, 299_000.0, 5e5, 1e9] {
            let gap = plan.gap(Millis::new(age)).get();
            assert!((200.0..=3_000.0).contains(&gap), "{gap} at {age} of {scale}");
        }
    }
}

#[test]
fn what_cannot_be_a_time_is_not_learned() {
    let mut times = AgentTimes::default();
    for odd in [-1.0, f64::INFINITY, 1e12, f64::NEG_INFINITY] {
        assert!(!times.learn(finished(odd)), "{odd}");
    }
    assert_eq!(times, AgentTimes::default());
    assert!(times.learn(finished(0.0)) && times.learn(finished(86_400_000.0)));
}

#[test]
fn a_job_that_did_not_finish_says_only_that_it_takes_longer() {
    let mean = |times: &AgentTimes| {
        let polls = planned(times);
        polls.partition_point(|poll| *poll < 10.0)
    };
    let mut censored = AgentTimes::default();
    for _ in 0..20 {
        censored.learn(Observed::Unfinished(Millis::new(10_000.0)));
    }
    assert!(mean(&censored) < mean(&AgentTimes::default()), "fewer polls at an age at which nothing comes");
    let plan = censored.plan(Pace::default());
    assert!(plan.gap(Millis::new(11_000.0)) < Millis::new(4_000.0), "and it goes on after that");
}

#[test]
fn a_median_from_elsewhere_moves_the_prior() {
    let (quick, slow) = (AgentTimes::with_median(Millis::new(500.0)), AgentTimes::with_median(Millis::new(40_000.0)));
    let first = |times: &AgentTimes| planned(times)[0];
    assert!(first(&quick) < first(&AgentTimes::default()) && first(&AgentTimes::default()) < first(&slow));
    for odd in [f64::NAN, f64::INFINITY, -3.0, 0.0, 1e300] {
        planned(&AgentTimes::with_median(Millis::new(odd)));
    }
}

#[test]
fn what_was_learned_is_kept_in_less_than_two_kilobytes_and_read_again() {
    let mut times = AgentTimes::default();
    let mut random = Random(9);
    for _ in 0..5_000 {
        times.learn(finished(Law::LogNormal.draw(&mut random) * 1e3));
    }
    let text = times.document().to_json();
    assert!(text.len() <= 2_048, "{} bytes", text.len());
    let read = AgentTimes::read(&Json::parse(&text).unwrap()).unwrap();
    let gap = |times: &AgentTimes, age: f64| times.plan(Pace::default()).gap(Millis::new(age)).get();
    for age in [0.0, 1_000.0, 20_000.0] {
        assert!((gap(&read, age) - gap(&times, age)).abs() < 100.0);
    }
}

#[test]
fn a_kept_text_that_is_anything_else_is_not_read() {
    let good = AgentTimes::default().document();
    let with = |key: &str, value: Json| good.clone().set(key, value);
    let numbers = |number: f64, count: usize| Json::array(vec![Json::number(number); count]);
    for bad in [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        with("medianMs", json!(0)),
        with("medianMs", json!("3000")),
        with("events", json!("x")),
        with("events", numbers(1.0, 35)),
        with("events", numbers(1.0, 37)),
        with("events", numbers(-1.0, 36)),
        with("medianMs", Json::number(f64::NAN)),
        with("prior", Json::number(f64::NAN)),
        with("events", numbers(f64::NAN, 36)),
        with("seconds", numbers(f64::NAN, 36)),
        // More than can have been learned.
        with("events", numbers(2_000.0, 36)),
        with("seconds", numbers(5_200.0, 36)),
        with("seconds", numbers(1e300, 36)),
        good.clone().without("seconds"),
    ] {
        assert_eq!(AgentTimes::read(&bad), None, "{bad}");
    }
    // What can be read is no hot loop, whatever it says.
    for (events, seconds) in [(0.0, 0.0), (1_400.0, 0.0), (0.0, 1_300.0), (1.0, 1.0)] {
        let read = AgentTimes::read(&with("events", numbers(events, 36)).set("seconds", numbers(seconds, 36))).unwrap();
        let polls = planned(&read);
        assert!(polls.windows(2).all(|pair| pair[1] - pair[0] >= 0.05 + RTT - 1e-9 && pair[1] - pair[0] <= 10.0 + RTT + 1e-9));
        let early = polls.iter().filter(|at| **at < 300.0).count();
        assert!(early <= 130, "{early} polls of {events} in {seconds}");
    }
}
