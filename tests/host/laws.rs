//! Five kinds of agents, what polls cost with them, and the least that they can cost: for the tests
//! of the learned schedule and for the benchmark (`bench/simulation.rs`).

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "points of a grid, which can be counted")]

use eliza_jobs::time::Millis;
use eliza_jobs::waiting::pace::{AgentTimes, Pace};

/// There and back, in seconds.
pub const RTT: f64 = 0.05;
/// What a poll is worth, in seconds.
pub const PRICE: f64 = 0.1;
/// The grid of the optimum, in seconds.
const GRID: f64 = 0.025;

pub struct Random(pub u64);
impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^= mixed >> 33;
        ((mixed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        median * (sigma * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }
}

/// How long a job takes, in seconds.
#[derive(Debug, Clone, Copy)]
pub enum Law {
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
pub const LAWS: [Law; 5] = [Law::LogNormal, Law::Uniform, Law::Steady, Law::Slow, Law::Bimodal];
impl Law {
    pub fn draw(self, random: &mut Random) -> f64 {
        match self {
            Law::LogNormal => random.log_normal(3.0, 1.153_34).min(300.0),
            Law::Uniform => 0.2 + 29.8 * random.uniform(),
            Law::Steady => random.log_normal(3.0, 0.3),
            Law::Slow => random.log_normal(45.0, 0.4).min(300.0),
            Law::Bimodal if random.uniform() < 0.7 => random.log_normal(1.5, 0.25),
            Law::Bimodal => random.log_normal(12.0, 0.25),
        }
    }
    pub fn sample(self, count: usize) -> Vec<f64> {
        let mut random = Random(7 + self as u64);
        let mut sample: Vec<f64> = (0..count).map(|_| self.draw(&mut random)).collect();
        sample.sort_by(f64::total_cmp);
        sample
    }
}

/// The delay of the answer of a job that takes so long, in seconds, and the number of polls. A job
/// that no poll sees ends with the last one.
pub fn seen(polls: &[f64], took: f64) -> (f64, usize) {
    let at = polls.partition_point(|poll| *poll < took).min(polls.len() - 1);
    (polls[at] + RTT / 2.0 - took, at + 1)
}

/// Mean delay plus the polls at their price, for jobs that take so long.
pub fn cost(polls: &[f64], took: &[f64]) -> f64 {
    let sum: f64 = took.iter().map(|took| seen(polls, *took)).map(|(delay, count)| delay + PRICE * count as f64).sum();
    sum / took.len() as f64
}

/// The polls of a schedule that waits so long after each answer, at the age that it sees.
pub fn polls(gap: impl Fn(f64, u32) -> f64) -> Vec<f64> {
    let mut polls = vec![RTT + gap(0.0, 0)];
    while *polls.last().unwrap() < 400.0 {
        let last = *polls.last().unwrap();
        polls.push(last + RTT + gap(last, polls.len() as u32));
    }
    polls
}
pub fn planned(times: &AgentTimes) -> Vec<f64> {
    planned_at(times, Pace::default())
}
pub fn planned_at(times: &AgentTimes, pace: Pace) -> Vec<f64> {
    let plan = times.plan(pace);
    polls(|age, _| plan.gap(Millis::from_secs(age)).get() / 1e3)
}
/// The schedule that was there before, and learned nothing.
pub fn before() -> Vec<f64> {
    polls(|age, count| if count == 0 { 0.4 } else { (0.85 + age / 40.0).min(4.0) })
}

/// The least cost that any schedule has which knows the law, by dynamic programming over all polls
/// on a grid.
pub fn optimum(took: &[f64]) -> f64 {
    cost(&optimal(took), took)
}

/// The polls of that schedule.
pub fn optimal(took: &[f64]) -> Vec<f64> {
    let count = (took.last().unwrap() / GRID).ceil() as usize + 2;
    let done: Vec<f64> =
        (0..count).map(|at| took.partition_point(|took| *took <= at as f64 * GRID) as f64 / took.len() as f64).collect();
    let mut integral = vec![0.0; count];
    for at in 1..count {
        integral[at] = integral[at - 1] + (done[at - 1] + done[at]) / 2.0 * GRID;
    }
    let (mut costs, mut next) = (vec![0.0; count], vec![count - 1; count]);
    for from in (0..count - 1).rev() {
        if done[from] >= 1.0 {
            continue;
        }
        let gaps = (from + (RTT / GRID) as usize).min(count - 1)..count.min(from + 1_600);
        let cost = |to: usize| {
            let delay = integral[to] - integral[from] - done[from] * (to - from) as f64 * GRID;
            PRICE * (1.0 - done[from]) + delay + costs[to]
        };
        let best = gaps.map(|to| (cost(to), to)).fold((f64::INFINITY, from), |best, one| if one.0 < best.0 { one } else { best });
        (costs[from], next[from]) = best;
    }
    let (mut polls, mut at) = (vec![], 0);
    while at < count - 1 {
        at = next[at];
        polls.push(at as f64 * GRID);
    }
    polls
}
