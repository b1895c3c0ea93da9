//! How long an agent takes, learned from its finished jobs, and when to poll because of it.
//!
//! The rate at which jobs finish (their hazard) is estimated by age, in bins that grow with the
//! age: events divided by the time that jobs have spent at that age (Gamma-Poisson, with a prior
//! that is worth one or two jobs). Old jobs count less and less, so that an agent that changes is
//! noticed. Several humps, as of an agent that sometimes calls a tool, are no problem.
//!
//! A poll is worth a certain time of waiting. The plan has the least sum of the expected delay and
//! of the expected number of polls, each at that price, for this hazard. Where the hazard hardly
//! changes, its gaps are √(2 · price / hazard).
//!
//! Powers and exponentials are not among what WebAssembly has, and cost a kilobyte or two: what is
//! here does with roots and fractions.

use crate::json::{Json, Kind};
use crate::time::Millis;

/// The number of bins.
const BINS: usize = 36;
/// Where the first bin ends, in seconds.
const FIRST_EDGE: f64 = 0.1;
/// How many times as old a job is at the end of each further bin: the last one ends at 400 s.
const GROWTH: f64 = 1.267_406_703_236_476_4;
/// How many jobs the prior is worth at first, how much of that is left after one more job, and at
/// last.
const PRIOR_JOBS: f64 = 1.5;
const PRIOR_MEMORY: f64 = 0.95;
const LAST_PRIOR_JOBS: f64 = 0.2;
/// The prior's median without any other knowledge, and between which medians it can be, in seconds.
const PRIOR_MEDIAN: f64 = 3.0;
const MIN_MEDIAN: f64 = 0.1;
const MAX_MEDIAN: f64 = 400.0;
/// No hazard of the prior is less than this, per second.
const MIN_HAZARD: f64 = 0.004;
/// No bin of the prior has fewer events than this.
const MIN_EVENTS: f64 = 0.005;
/// How much of what is known is left after one more job.
const MEMORY: f64 = 0.98;
/// How many jobs are remembered at most: the sum of all powers of `MEMORY`, and a little for the
/// rounding of what is kept.
const MAX_JOBS: f64 = 51.0;
/// How an event is spread over its bin and the two on each side of it.
const SPREAD: [f64; 5] = [0.11, 0.22, 0.34, 0.22, 0.11];
/// A longer time is not believed: one day.
const MAX_BELIEVED: Millis = Millis::from_secs(86_400.0);
/// The first poll of an agent of which nothing is known comes no later than this, in seconds: some
/// answer in a fraction of a second.
const FIRST_POLL: f64 = 0.4;
/// When fewer jobs than this are unfinished, nothing is known about them.
const FEWEST_UNFINISHED: f64 = 1e-9;

/// What polls are worth, and how far they may be apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How much waiting one poll may save to be worth it.
    pub price: Millis,
    /// The shortest gap between the answer to a poll and the next poll.
    pub floor: Millis,
    /// The longest gap.
    pub ceiling: Millis,
}

impl Default for Pace {
    /// A poll is worth 100 ms; gaps of 50 ms to 10 s.
    fn default() -> Self {
        Self { price: Millis::new(100.0), floor: Millis::new(50.0), ceiling: Millis::new(10_000.0) }
    }
}

/// What was seen of the time that a job takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observed {
    /// It took so long.
    Finished(Millis),
    /// At this age it was not finished yet: it takes longer.
    Unfinished(Millis),
}

/// What is known about the time that an agent takes.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentTimes {
    /// The prior's median, in seconds, and how many jobs it is worth.
    median: f64,
    prior_jobs: f64,
    /// How many jobs have finished in each bin.
    events: [f64; BINS],
    /// How many seconds jobs have spent in each bin.
    seconds: [f64; BINS],
}

impl Default for AgentTimes {
    fn default() -> Self {
        Self::with_median(Millis::from_secs(PRIOR_MEDIAN))
    }
}

impl AgentTimes {
    /// What is assumed of an agent of which half the jobs are said to take no longer than this.
    pub fn with_median(median: Millis) -> Self {
        let median = seconds(median).clamp(MIN_MEDIAN, MAX_MEDIAN);
        Self { median, prior_jobs: PRIOR_JOBS, events: [0.0; BINS], seconds: [0.0; BINS] }
    }

    /// Learns from a job. Returns whether its time can be believed.
    pub fn learn(&mut self, observed: Observed) -> bool {
        let (Observed::Finished(age) | Observed::Unfinished(age)) = observed;
        if !(Millis::ZERO..=MAX_BELIEVED).contains(&age) {
            return false;
        }
        let (took, is_finished) = (seconds(age), matches!(observed, Observed::Finished(_)));
        self.prior_jobs = (self.prior_jobs * PRIOR_MEMORY).max(LAST_PRIOR_JOBS);
        let own = bins().position(|(_, to)| took < to).unwrap_or(BINS).min(BINS.saturating_sub(1));
        for (at, ((from, to), (events, seconds))) in bins().zip(self.events.iter_mut().zip(&mut self.seconds)).enumerate() {
            // The bin itself is the third of five.
            let place = at.saturating_add(2).checked_sub(own).filter(|_| is_finished);
            let share = place.and_then(|place| SPREAD.get(place)).copied().unwrap_or(0.0);
            // A job that counts in later bins too has spent time in them in the same way.
            let beyond: f64 = place.map_or(0.0, |place| SPREAD.iter().skip(place.saturating_add(1)).sum());
            let later = if at > own { (to - from) * (beyond + share / 2.0) } else { 0.0 };
            *seconds = *seconds * MEMORY + later + (took - from).clamp(0.0, to - from);
            *events = *events * MEMORY + share;
        }
        true
    }

    /// The hazard in each bin, per second, with the bin's end.
    fn hazards(&self) -> impl Iterator<Item = (f64, f64)> {
        // Log-logistic, with a shape of one and a half.
        let done_by = |age: f64| {
            let ratio = age / self.median;
            let odds = ratio * ratio.sqrt();
            odds / (1.0 + odds)
        };
        bins().zip(self.events.iter().zip(&self.seconds)).map(move |((from, to), (events, seconds))| {
            let share = done_by(to) - done_by(from);
            let left = 1.0 - (done_by(from) + done_by(to)) / 2.0;
            let hazard = (share / left / (to - from)).max(MIN_HAZARD);
            let assumed = (self.prior_jobs * share).max(MIN_EVENTS);
            (to, (assumed + events) / (assumed / hazard + seconds))
        })
    }

    /// The best times to poll.
    pub fn plan(&self, pace: Pace) -> PollPlan {
        let points = self.points();
        // From the end: each choice counts on those that come after it.
        let mut choices: Vec<Choice> = Vec::new();
        for (at, from) in points.iter().enumerate().rev() {
            let later = points.get(at.saturating_add(1)..).unwrap_or_default();
            choices.push(from.choose(later, &choices, pace));
        }
        let is_unknown = self.prior_jobs >= PRIOR_JOBS && self.median == PRIOR_MEDIAN;
        if let Some(first) = choices.last_mut().filter(|_| is_unknown) {
            first.next = first.next.min(FIRST_POLL);
        }
        let next = points.iter().zip(choices.iter().rev()).map(|(point, choice)| (point.age, choice.next)).collect();
        PollPlan { next, floor: seconds(pace.floor), ceiling: seconds(pace.ceiling) }
    }

    /// The points in time between which a plan chooses, with what is expected of a job then.
    fn points(&self) -> Vec<Point> {
        let Point { mut age, mut unfinished, mut time } = Point { age: 0.0, unfinished: 1.0, time: 0.0 };
        let (mut points, mut at) = (vec![Point { age, unfinished, time }], 0.0);
        for (to, hazard) in self.hazards() {
            while age < to {
                let is_point = at + step(at) <= to;
                let until = if is_point { at + step(at) } else { to };
                let left = if unfinished > FEWEST_UNFINISHED { left_after(hazard * (until - age)) } else { 1.0 };
                time += unfinished * (until - age) * (1.0 + left) / 2.0;
                unfinished *= left;
                age = until;
                if is_point {
                    at = until;
                    points.push(Point { age, unfinished, time });
                }
            }
        }
        points
    }

    /// As it is kept: a short JSON object of whole numbers.
    pub fn document(&self) -> Json {
        let list = |numbers: &[f64]| Json::array(numbers.iter().map(thousandths));
        let document = Json::object().set("medianMs", thousandths(&self.median));
        let document = document.set("prior", thousandths(&self.prior_jobs));
        document.set("events", list(&self.events)).set("seconds", list(&self.seconds))
    }

    /// Reads what was kept. `None` where it is anything else, or more than can have been learned.
    pub fn read(document: &Json) -> Option<Self> {
        let list = |key: &str| -> Option<[f64; BINS]> {
            let list = document.get(key).filter(|list| list.kind() == Kind::Array)?.elements();
            let numbers: Vec<f64> = list.iter().filter_map(Json::as_number).map(|number| number / 1e3).collect();
            numbers.try_into().ok()
        };
        let median = document.get_number("medianMs").filter(|median| (100.0..=400_000.0).contains(median))?;
        let prior = document.get_number("prior").filter(|prior| (100.0..=1_500.0).contains(prior))?;
        let times = Self { median: median / 1e3, prior_jobs: prior / 1e3, events: list("events")?, seconds: list("seconds")? };
        let mut most = bins().map(|(from, to)| (to - from) * MAX_JOBS);
        let are_seconds = times.seconds.iter().all(|seconds| (0.0..=most.next().unwrap_or(0.0)).contains(seconds));
        let are_events = times.events.iter().all(|events| *events >= 0.0) && times.events.iter().sum::<f64>() <= MAX_JOBS;
        (are_seconds && are_events).then_some(times)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "far below the limit")]
fn thousandths(number: &f64) -> Json {
    Json::number(f64::from((number * 1e3 + 0.5) as u32))
}

/// The part of jobs that is left after a time in which so many of them would finish: e to its
/// negative, closely.
fn left_after(expected: f64) -> f64 {
    1.0 / (1.0 + expected * (1.0 + expected / 2.0 * (1.0 + expected / 3.0 * (1.0 + expected / 4.0))))
}

/// A point in a job's life.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// In seconds.
    age: f64,
    /// The share of jobs that take longer.
    unfinished: f64,
    /// How many seconds a job has been unfinished by then, on average.
    time: f64,
}

/// When to poll next from a point on.
#[derive(Debug, Clone, Copy)]
struct Choice {
    /// The expected delay and polls from that point on, in seconds.
    cost: f64,
    /// The age at which to poll next, in seconds.
    next: f64,
}

impl Point {
    /// The best of the later points to poll at next. `choices` are those of the later points, the
    /// last one first.
    fn choose(&self, later: &[Point], choices: &[Choice], pace: Pace) -> Choice {
        let (price, floor, ceiling) = (seconds(pace.price), seconds(pace.floor), seconds(pace.ceiling));
        let mut best = Choice { cost: f64::INFINITY, next: self.age + ceiling };
        for (to, from_there) in later.iter().zip(choices.iter().rev()) {
            let gap = to.age - self.age;
            if gap > ceiling {
                break;
            }
            // A job that finishes in between is seen at the end of the gap.
            let delay = gap * self.unfinished - (to.time - self.time);
            let cost = price * self.unfinished + delay + from_there.cost;
            if gap >= floor && cost < best.cost {
                best = Choice { cost, next: to.age };
            }
        }
        Choice { cost: if best.cost.is_finite() { best.cost } else { 0.0 }, ..best }
    }
}

fn seconds(duration: Millis) -> f64 {
    duration.get() / 1e3
}

/// The distance of two points, in seconds.
fn step(age: f64) -> f64 {
    (age * 0.03).clamp(0.05, 1.0)
}

/// The bins as pairs of their edges, in seconds.
fn bins() -> impl Iterator<Item = (f64, f64)> {
    let mut from = 0.0;
    (0..BINS).map(move |_| {
        let to = if from > 0.0 { from * GROWTH } else { FIRST_EDGE };
        (core::mem::replace(&mut from, to), to)
    })
}

/// When to poll an agent's jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct PollPlan {
    /// For ages of a job, the age at which to poll next; in seconds.
    next: Vec<(f64, f64)>,
    floor: f64,
    ceiling: f64,
}

impl PollPlan {
    /// The time from now to the next poll of a job of this age.
    pub fn gap(&self, age: Millis) -> Millis {
        let age = seconds(age);
        let at = self.next.partition_point(|(known, _)| *known <= age);
        let gap = at.checked_sub(1).and_then(|at| self.next.get(at)).map_or(self.ceiling, |(_, next)| next - age);
        Millis::new(gap.clamp(self.floor, self.ceiling) * 1e3)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    /// Whole thousandths of what was learned in the first bins.
    fn learned(times: &AgentTimes, key: &str) -> Vec<f64> {
        times.document().get(key).unwrap().elements().iter().take(6).filter_map(Json::as_number).collect()
    }

    #[test]
    fn a_job_counts_in_the_bin_that_its_time_begins_and_in_two_on_each_side() {
        for (ms, events) in
            [(0.0, [340, 220, 110, 0, 0, 0]), (99.0, [340, 220, 110, 0, 0, 0]), (100.0, [220, 340, 220, 110, 0, 0])]
        {
            let mut times = AgentTimes::default();
            times.learn(Observed::Finished(Millis::new(ms)));
            assert_eq!(learned(&times, "events"), events.map(f64::from), "{ms}");
        }
        // In the later ones it has spent time too.
        let mut finished = AgentTimes::default();
        finished.learn(Observed::Finished(Millis::new(100.0)));
        assert_eq!(learned(&finished, "seconds"), [100.0, 0.0, 7.0, 2.0, 0.0, 0.0]);
        let mut unfinished = AgentTimes::default();
        unfinished.learn(Observed::Unfinished(Millis::new(110.0)));
        assert_eq!(learned(&unfinished, "events"), [0.0; 6]);
        assert_eq!(learned(&unfinished, "seconds"), [100.0, 10.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn no_more_seconds_are_read_than_the_jobs_that_are_remembered_can_have_spent_in_a_bin() {
        for (bin, (from, to)) in bins().enumerate() {
            for (more, is_read) in [(-1.0, true), (1.0, false)] {
                let mut seconds = vec![Json::number(0.0); BINS];
                seconds[bin] = Json::number(((to - from) * MAX_JOBS * 1e3).round() + more);
                let kept = AgentTimes::default().document().set("seconds", Json::array(seconds));
                assert_eq!(AgentTimes::read(&kept).is_some(), is_read, "{bin} {more}");
            }
        }
    }

    #[test]
    fn a_job_that_takes_longer_than_all_before_it_is_not_polled_more_and_more_often() {
        let mut times = AgentTimes::default();
        for ms in [1_000.0, 1_500.0, 2_000.0, 2_500.0, 3_000.0, 3_500.0, 4_000.0, 5_000.0, 6_500.0, 8_000.0] {
            times.learn(Observed::Finished(Millis::new(ms)));
        }
        let plan = times.plan(Pace::default());
        let gaps = [9.0, 12.0, 18.0, 27.0].map(|age| plan.gap(Millis::from_secs(age)).get());
        let before = plan.gap(Millis::from_secs(6.0)).get();
        assert!(gaps.iter().all(|gap| *gap > before && *gap > 600.0), "{before} {gaps:?}");
    }

    #[test]
    fn what_is_left_after_a_time_is_close_to_an_exponential() {
        for expected in [0.0, 0.01, 0.1, 0.5, 1.0] {
            assert!((left_after(expected) - (-expected).exp()).abs() < 0.001_5, "{expected}: {}", left_after(expected));
        }
        assert!(left_after(1e9) < 1e-9);
    }

    #[test]
    fn at_each_point_as_many_jobs_are_unfinished_and_for_as_long_as_the_hazards_before_it_say() {
        let mut times = AgentTimes::default();
        for ms in [400.0, 2_000.0, 2_500.0, 9_000.0] {
            times.learn(Observed::Finished(Millis::new(ms)));
        }
        let (points, hazards) = (times.points(), times.hazards().collect::<Vec<_>>());
        // Both are added up here in small steps.
        let (mut age, mut expected, mut time) = (0.0, 0.0, 0.0);
        let mut left = 1.0;
        let mut point_age = 0.0;
        for point in &points {
            while age < point.age - 1e-4 {
                let hazard = hazards.iter().find(|(to, _)| age < *to).unwrap().1;
                expected += hazard * 1e-3;
                left = f64::exp(-expected);
                time += left * 1e-3;
                age += 1e-3;
            }
            assert!((point.unfinished - left).abs() < 0.003 && (point.time - time).abs() < 0.03, "{point:?} {left} {time}");
            assert_eq!(point.age, point_age);
            point_age += step(point_age);
        }
        assert!(points.last().unwrap().age > 398.0);
    }

    #[test]
    fn the_next_poll_is_where_polls_and_waiting_cost_least() {
        let point = |age, unfinished, time| Point { age, unfinished, time };
        let choice = |cost| Choice { cost, next: f64::NAN };
        let from = point(10.0, 0.5, 6.0);
        let later = [point(11.0, 0.5, 6.5), point(12.0, 0.25, 6.75), point(14.0, 0.125, 7.0)];
        let chosen = |floor, ceiling, costs: [f64; 3]| {
            let pace =
                Pace { price: Millis::from_secs(2.0), floor: Millis::from_secs(floor), ceiling: Millis::from_secs(ceiling) };
            // The last one first.
            let Choice { cost, next } = from.choose(&later, &costs.map(choice), pace);
            (next, cost)
        };
        // Half of the jobs pay for the poll and wait up to it, less the time in which they are
        // unfinished.
        assert_eq!(chosen(0.5, 9.0, [5.0, 5.0, 5.0]), (11.0, 6.0));
        assert_eq!(chosen(0.5, 9.0, [5.0, 3.0, 5.0]), (12.0, 4.25));
        assert_eq!(chosen(0.5, 9.0, [0.0, 5.0, 5.0]), (14.0, 2.0));
        // Of two that cost the same, the sooner.
        assert_eq!(chosen(0.5, 9.0, [5.0, 4.75, 5.0]), (11.0, 6.0));
        // The floor and the ceiling are gaps that are allowed.
        assert_eq!(chosen(2.0, 9.0, [5.0, 5.0, 0.0]), (12.0, 6.25));
        assert_eq!(chosen(2.1, 9.0, [5.0, 0.0, 0.0]), (14.0, 7.0));
        assert_eq!(chosen(0.5, 4.0, [0.0, 5.0, 5.0]), (14.0, 2.0));
        assert_eq!(chosen(0.5, 3.9, [0.0, 5.0, 5.0]), (11.0, 6.0));
        // Nowhere: as late as is allowed, at no further cost.
        assert_eq!(chosen(5.0, 6.0, [0.0, 0.0, 0.0]), (16.0, 0.0));
    }
}
