//! When the next poll of a job is due.

use crate::time::Millis;

/// The first poll after a job was created: quick agents answer in a fraction of a second.
const FIRST_POLL: Millis = Millis::new(400.0);
/// How the caller wants to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitPlan {
    /// The caller's own interval, in milliseconds.
    pub interval_ms: Option<u32>,
    /// The greatest number of polls.
    pub max_attempts: Option<u32>,
}

impl WaitPlan {
    /// With neither, the schedule is ours and the job's own expiry ends the wait. If only one of
    /// them is given, the other takes the documented default.
    pub(crate) fn schedule(self) -> (PollSchedule, Option<u32>) {
        match (self.interval_ms, self.max_attempts) {
            (None, None) => (PollSchedule::Growing, None),
            (interval, attempts) => (PollSchedule::Every(interval.unwrap_or(1_000)), Some(attempts.unwrap_or(30))),
        }
    }
}

/// When to poll again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PollSchedule {
    /// The caller's own interval, in milliseconds.
    Every(u32),
    /// Ours: gaps that grow with the job's age, near √(2λ/h) for the rate h at which answers come
    /// at that age (log-normal, median 3 s, σ 1.15; one request is worth λ = 100 ms of waiting).
    Growing,
}

impl PollSchedule {
    /// The time from now to the next poll of a job that was created `age` ago and polled `polls`
    /// times.
    pub fn gap(self, age: Millis, polls: u32) -> Millis {
        match self {
            PollSchedule::Every(interval) => Millis::new(f64::from(interval)),
            PollSchedule::Growing if polls == 0 => FIRST_POLL,
            PollSchedule::Growing => Millis::new(850.0 + age.get() / 40.0).min(Millis::new(4_000.0)),
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn own_interval_is_obeyed_exactly() {
        for age in [0.0, 1e3, 1e6] {
            assert_eq!(PollSchedule::Every(1000).gap(Millis::new(age), 0), Millis::new(1000.0));
        }
    }

    #[test]
    fn gaps_grow_and_stay_bounded() {
        let mut age = 0.0;
        let mut last = 0.0;
        for polls in 0..500 {
            let gap = PollSchedule::Growing.gap(Millis::new(age), polls).get();
            assert!(gap >= last && (400.0..=4_000.0).contains(&gap), "{gap} at {age}");
            last = gap;
            age += gap;
        }
    }
}
