//! When the next poll of a job is due.

use std::rc::Rc;

use crate::time::Millis;
use crate::waiting::pace::PollPlan;

/// The interval of a caller that gives only a number of polls.
const DEFAULT_INTERVAL: Millis = Millis::new(1_000.0);
/// The number of polls of a caller that gives only an interval.
const DEFAULT_ATTEMPTS: u32 = 30;

/// How the caller wants to wait: with neither, the client chooses; if only one is given, the other
/// takes the documented default (1,000 ms, 30 polls).
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitPlan {
    /// The caller's own interval, in milliseconds.
    pub interval_ms: Option<u32>,
    /// The greatest number of polls.
    pub max_attempts: Option<u32>,
}

impl WaitPlan {
    /// Whether the caller leaves it to us when to poll.
    pub(crate) fn is_ours(self) -> bool {
        self.interval_ms.is_none() && self.max_attempts.is_none()
    }

    /// When to poll: by the agent's plan, or at the caller's interval.
    pub(crate) fn schedule(self, planned: Rc<PollPlan>) -> PollSchedule {
        match self.interval_ms {
            None if self.is_ours() => PollSchedule::Planned(planned),
            interval => PollSchedule::Every(interval.map_or(DEFAULT_INTERVAL, |ms| Millis::new(f64::from(ms)))),
        }
    }

    /// How many polls end the wait. Where the caller leaves it to us, the job's own expiry does.
    pub(crate) fn max_polls(self) -> Option<u32> {
        if self.is_ours() { None } else { Some(self.max_attempts.unwrap_or(DEFAULT_ATTEMPTS)) }
    }
}

/// When to poll again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PollSchedule {
    /// At the caller's own interval.
    Every(Millis),
    /// Ours, for what is known about the agent.
    Planned(Rc<PollPlan>),
}

impl PollSchedule {
    /// The time from now to the next poll of a job of this age.
    pub(crate) fn gap(&self, age: Millis) -> Millis {
        match self {
            PollSchedule::Every(interval) => *interval,
            PollSchedule::Planned(plan) => plan.gap(age),
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::waiting::pace::{AgentTimes, Pace};

    #[test]
    fn own_interval_is_obeyed_exactly() {
        let plan = Rc::new(AgentTimes::default().plan(Pace::default()));
        for age in [0.0, 1e3, 1e6].map(Millis::new) {
            let wait = |interval_ms, max_attempts| {
                let wait = WaitPlan { interval_ms, max_attempts };
                (wait.schedule(plan.clone()).gap(age).get(), wait.max_polls())
            };
            assert_eq!(wait(Some(700), None), (700.0, Some(30)));
            assert_eq!(wait(None, Some(5)), (1_000.0, Some(5)));
            assert_eq!(wait(Some(700), Some(5)), (700.0, Some(5)));
            assert_eq!(wait(None, None), (plan.gap(age).get(), None));
        }
    }

    #[test]
    fn without_knowledge_a_first_poll_comes_soon_and_the_others_stay_between_bounds() {
        let schedule = PollSchedule::Planned(Rc::new(AgentTimes::default().plan(Pace::default())));
        let (mut age, mut polls) = (0.0, 0);
        while age < 300_000.0 {
            let gap = schedule.gap(Millis::new(age)).get();
            assert!(if polls == 0 { gap == 400.0 } else { (500.0..=10_000.0).contains(&gap) }, "{gap} at {age}");
            (age, polls) = (age + gap, polls + 1);
        }
        assert!(polls < 110, "{polls}");
    }
}
