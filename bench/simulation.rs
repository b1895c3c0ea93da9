//! What polls cost, by simulation: the package's own schedule, compiled for the host, beside what
//! others do and beside the optimum of somebody who knows each agent's law. Prints JSON, for
//! `bench/schedules.mjs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a benchmark may stop")]
#![cfg(not(target_arch = "wasm32"))]

#[path = "../tests/host/laws.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "the tests use the rest")]
mod laws;

use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::time::Millis;
use eliza_jobs::waiting::pace::{AgentTimes, Observed, Pace};
use laws::{LAWS, Law, PRICE, RTT, Random, before, optimal, planned_at, polls, seen};

/// Of how many jobs each figure is the mean.
const JOBS: usize = 20_000;
/// In so many programs, of which each learns by itself.
const PROGRAMS: u16 = 20;
/// After so many jobs.
const KNOWN: [usize; 5] = [0, 1, 5, 20, 50];
/// What a poll is worth, for the curves of delay against requests, in milliseconds.
const PRICES: [f64; 7] = [12.5, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0];
/// The intervals of those who poll in one interval, in seconds.
const INTERVALS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 3.0, 5.0];

/// A strategy, and what it does with jobs of one law.
#[derive(Debug, Default, Clone)]
struct Row {
    delays: Vec<f64>,
    requests: f64,
    unseen: f64,
}

impl Row {
    /// With at most so many polls a job, `None` for no limit: those that are not finished by then
    /// are never seen.
    fn add(&mut self, polls: &[f64], took: &[f64], most: Option<usize>) {
        for took in took {
            let (delay, count) = seen(polls, *took);
            match most.filter(|most| count > *most) {
                None => {
                    self.delays.push(delay);
                    self.requests += count as f64;
                }
                // The peers ask once more at the end.
                Some(most) => {
                    self.requests += most as f64;
                    self.unseen += 1.0;
                }
            }
        }
    }

    fn figures(mut self, name: &str) -> Json {
        self.delays.sort_by(f64::total_cmp);
        let seen = self.delays.len() as f64;
        let all = seen + self.unseen;
        let mean = self.delays.iter().sum::<f64>() / seen;
        let requests = self.requests / all;
        json!({
            "name": name,
            "meanMs": (mean * 1e3).round(),
            "p95Ms": (self.delays[self.delays.len() * 95 / 100] * 1e3).round(),
            "requests": (requests * 100.0).round() / 100.0,
            "cost": mean + PRICE * requests,
            "unseen": self.unseen / all,
        })
    }
}

fn row(name: &str, polls: &[f64], took: &[f64], most: Option<usize>) -> Json {
    let mut row = Row::default();
    row.add(polls, took, most);
    row.figures(name)
}

/// The learned schedule, after so many jobs in each program.
fn learned(law: Law, took: &[f64], known: usize, price_ms: f64) -> Row {
    let mut random = Random(1_000 + law as u64);
    let mut row = Row::default();
    for _ in 0..PROGRAMS {
        let mut times = AgentTimes::default();
        for _ in 0..known {
            times.learn(Observed::Finished(Millis::new(law.draw(&mut random) * 1e3)));
        }
        row.add(&planned_at(&times, Pace { price: Millis::new(price_ms), ..Pace::default() }), took, None);
    }
    row
}

/// Asks at once, and then after pauses that grow.
fn backoff(first: f64, factor: f64, longest: f64, asks_at_once: bool) -> Vec<f64> {
    let mut pause = first;
    let mut at = if asks_at_once { 0.0 } else { RTT };
    let mut polls = vec![at];
    while at < 400.0 {
        at += RTT + pause;
        pause = (pause * factor).min(longest);
        polls.push(at);
    }
    polls
}

fn law(law: Law) -> Json {
    let took = law.sample(JOBS);
    let fixed = |interval: f64| polls(move |_, _| interval);
    let mut rows = vec![row("optimum", &optimal(&took), &took, None)];
    for known in KNOWN {
        rows.push(learned(law, &took, known, 100.0).figures(&format!("eliza-jobs, job {}", known + 1)));
    }
    rows.push(row("eliza-jobs before learning (0.1)", &before(), &took, None));
    // The document's two strategies, and the defaults of elizaOS's own client, which are the same
    // numbers.
    rows.push(row("document: 1 s, 30 times", &backoff(1.0, 1.0, 1.0, true), &took, Some(30)));
    rows.push(row("document: 0.5 s × 1.5 up to 5 s", &backoff(0.5, 1.5, 5.0, true), &took, None));
    rows.push(row("@elizaos/api-client: 1 s, 30 times", &backoff(1.0, 1.0, 1.0, true), &took, Some(31)));
    rows.push(row("@elizaos/api-client: backoff, 40 times", &backoff(0.5, 1.5, 5.0, true), &took, Some(41)));
    for interval in INTERVALS {
        rows.push(row(&format!("every {interval} s"), &fixed(interval), &took, None));
    }
    let curve: Vec<Json> =
        PRICES.iter().map(|price| learned(law, &took, 20, *price).figures(&format!("{price} ms a poll"))).collect();
    json!({"law": format!("{law:?}"), "rows": rows, "curve": curve})
}

fn main() {
    let laws: Vec<Json> = LAWS.into_iter().map(law).collect();
    println!("{}", json!({"rttMs": RTT * 1e3, "pollCostMs": PRICE * 1e3, "laws": laws}).to_json());
}
