//! When the next poll of a job is due.

use std::rc::Rc;

use crate::time::Millis;
use crate::waiting::pace::PollPlan;

/// How the caller wants to wait.
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

    /// With neither, the schedule is `planned` and the job's own expiry ends the wait. If only one
    /// of them is given, the other takes the documented default.
    pub(crate) fn schedule(self, planned: Rc<PollPlan>) -> (PollSchedule, Option<u32>) {
        match (self.interval_ms, self.max_attempts) {
            (None, None) => (PollSchedule::Planned(planned), None),
            (interval, attempts) => (PollSchedule::Every(interval.unwrap_or(1_000)), Some(attempts.unwrap_or(30))),
        }
    }
}

/// When to poll again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PollSchedule {
    /// The caller's own interval, in milliseconds.
    Every(u32),
    /// Ours, for what is known about the agent.
    Planned(Rc<PollPlan>),
}

impl PollSchedule {
    /// The time from now to the next poll of a job of this age.
    pub(crate) fn gap(&self, age: Millis) -> Millis {
        match self {
            PollSchedule::Every(interval) => Millis::new(f64::from(*interval)),
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
        for age in [0.0, 1e3, 1e6] {
            let schedule = |interval_ms, max_attempts| WaitPlan { interval_ms, max_attempts }.schedule(plan.clone());
            assert_eq!(schedule(Some(700), None), (PollSchedule::Every(700), Some(30)));
            assert_eq!(schedule(None, Some(5)), (PollSchedule::Every(1_000), Some(5)));
            assert_eq!(PollSchedule::Every(1_000).gap(Millis::new(age)), Millis::new(1_000.0));
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
