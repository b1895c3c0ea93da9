//! The learned schedule against the optimum: five kinds of agents, each known by its law to the
//! optimum alone.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "points of a grid, which can be counted")]

use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::pace::{AgentTimes, Pace};

/// There and back, in seconds.
const RTT: f64 = 0.05;
/// What a poll is worth, in seconds.
const PRICE: f64 = 0.1;
/// The grid of the optimum, in seconds.
const GRID: f64 = 0.025;

struct Random(u64);
impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^= mixed >> 33;
        ((mixed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        median * (sigma * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }
}

/// How long a job takes, in seconds.
#[derive(Debug, Clone, Copy)]
enum Law {
    /// Median 3 s, 95 % within 20 s.
    LogNormal,
    /// 0.2 to 30 s.
    Uniform,
    /// 3 s ± 30 %.
    Steady,
    /// 45 s ± 40 %.
    Slow,
    /// 70 % 1.5 s, 30 % 12 s.
    Bimodal,
}
const LAWS: [Law; 5] = [Law::LogNormal, Law::Uniform, Law::Steady, Law::Slow, Law::Bimodal];
impl Law {
    fn draw(self, random: &mut Random) -> f64 {
        match self {
            Law::LogNormal => random.log_normal(3.0, 1.153_34).min(300.0),
            Law::Uniform => 0.2 + 29.8 * random.uniform(),
            Law::Steady => random.log_normal(3.0, 0.3),
            Law::Slow => random.log_normal(45.0, 0.4).min(300.0),
            Law::Bimodal if random.uniform() < 0.7 => random.log_normal(1.5, 0.25),
            Law::Bimodal => random.log_normal(12.0, 0.25),
        }
    }
    fn sample(self, count: usize) -> Vec<f64> {
        let mut random = Random(7 + self as u64);
        let mut sample: Vec<f64> = (0..count).map(|_| self.draw(&mut random)).collect();
        sample.sort_by(f64::total_cmp);
        sample
    }
}

/// Mean delay plus the polls at their price, for jobs that take so long.
fn cost(polls: &[f64], took: &[f64]) -> f64 {
    let sum: f64 = took
        .iter()
        .map(|took| {
            let at = polls.partition_point(|poll| poll < took);
            polls[at] + RTT / 2.0 - took + PRICE * (at + 1) as f64
        })
        .sum();
    sum / took.len() as f64
}

/// The polls of a schedule that waits so long after each answer, at the age that it sees.
fn polls(gap: impl Fn(f64, u32) -> f64) -> Vec<f64> {
    let mut polls = vec![RTT + gap(0.0, 0)];
    while *polls.last().unwrap() < 400.0 {
        let last = *polls.last().unwrap();
        polls.push(last + RTT + gap(last, polls.len() as u32));
    }
    polls
}
fn planned(times: &AgentTimes) -> Vec<f64> {
    let plan = times.plan(Pace::default());
    polls(|age, _| plan.gap(Millis::from_secs(age)).get() / 1e3)
}
/// The schedule that was there before, and learned nothing.
fn before() -> Vec<f64> {
    polls(|age, count| if count == 0 { 0.4 } else { (0.85 + age / 40.0).min(4.0) })
}

/// The least cost that any schedule has which knows the law, by dynamic programming over all polls
/// on a grid.
fn optimum(took: &[f64]) -> f64 {
    let count = (took.last().unwrap() / GRID).ceil() as usize + 2;
    let done: Vec<f64> =
        (0..count).map(|at| took.partition_point(|took| *took <= at as f64 * GRID) as f64 / took.len() as f64).collect();
    let mut integral = vec![0.0; count];
    for at in 1..count {
        integral[at] = integral[at - 1] + (done[at - 1] + done[at]) / 2.0 * GRID;
    }
    let mut costs = vec![0.0; count];
    for from in (0..count - 1).rev() {
        if done[from] >= 1.0 {
            continue;
        }
        let gaps = (from + (RTT / GRID) as usize).min(count - 1)..count.min(from + 1_600);
        let cost = |to: usize| {
            let delay = integral[to] - integral[from] - done[from] * (to - from) as f64 * GRID;
            PRICE * (1.0 - done[from]) + delay + costs[to]
        };
        costs[from] = gaps.map(cost).fold(f64::INFINITY, f64::min);
    }
    // The answer takes its way back.
    costs[0] + RTT / 2.0
}

#[test]
fn after_twenty_jobs_a_plan_costs_at_most_fifteen_percent_more_than_the_optimum_and_the_first_five_no_more_than_before() {
    for law in LAWS {
        let took = law.sample(20_000);
        let (optimum, before) = (optimum(&took), cost(&self::before(), &took));
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
                times.learn(law.draw(&mut random) * 1e3, true);
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
        times.learn(Law::Slow.draw(&mut random) * 1e3, true);
    }
    let took = Law::Steady.sample(2_000);
    let optimum = optimum(&took);
    let cost_after = |times: &mut AgentTimes, jobs: usize, random: &mut Random| {
        for _ in 0..jobs {
            times.learn(Law::Steady.draw(random) * 1e3, true);
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
            times.learn(random.uniform() * scale * 1e3, true);
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
    for odd in [-1.0, f64::NAN, f64::INFINITY, 1e12, f64::NEG_INFINITY] {
        assert!(!times.learn(odd, true), "{odd}");
    }
    assert_eq!(times, AgentTimes::default());
    assert!(times.learn(0.0, true) && times.learn(86_400_000.0, true));
}

#[test]
fn a_job_that_did_not_finish_says_only_that_it_takes_longer() {
    let mean = |times: &AgentTimes| {
        let polls = planned(times);
        polls.partition_point(|poll| *poll < 10.0)
    };
    let mut censored = AgentTimes::default();
    for _ in 0..20 {
        censored.learn(10_000.0, false);
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
        times.learn(Law::LogNormal.draw(&mut random) * 1e3, true);
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
        with("events", numbers(f64::NAN, 36)),
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
