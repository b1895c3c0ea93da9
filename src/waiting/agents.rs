//! What is known about the agents of a server, and their plans.
//!
//! The agents that were used last come first, and only [`MAX_AGENTS`] of them are known. An agent's
//! name is its id; it is empty for the one that a server chooses when a job names none.
//!
//! It is kept in the store as one record for each server: `version`, and `agents` with the `agent`
//! and what [`AgentTimes::document`] says, below a kilobyte for each.

use std::rc::Rc;

use crate::encoding::short_hash;
use crate::json::{Json, Kind};
use crate::time::Millis;
use crate::waiting::pace::{AgentTimes, Observed, Pace, PollPlan};

/// How many agents of a server are known at most.
const MAX_AGENTS: usize = 16;
/// A longer name is none, in characters.
const MAX_NAME: usize = 100;
/// What every record's key begins with.
const PREFIX: &str = "eliza-jobs/pace/";
const VERSION: f64 = 1.0;
/// After so many jobs what was learned is kept even while others are waited for.
const KEPT_AFTER: u32 = 25;

/// A plan is made again after one more job, and after one more of each [`PLANNED_AGAIN`] jobs, up
/// to so many.
const MANY_JOBS: u32 = 50;
const PLANNED_AGAIN: u32 = 20;

/// The key of a server's record.
pub(crate) fn record_key(base_url: &str) -> String {
    [PREFIX, &short_hash(base_url.as_bytes())].concat()
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// It was read, or there is none.
    Read,
    /// It is no record, or was changed by somebody.
    Unreadable,
    /// It is of a later version of this package, which may be used beside this one.
    OfLaterVersion,
}

#[derive(Debug)]
struct Agent {
    name: Rc<str>,
    times: AgentTimes,
    plan: Option<Rc<PollPlan>>,
    /// How many jobs were learned from, and for how many of them the plan was made.
    jobs: u32,
    planned: u32,
}

/// The agents of one server.
#[derive(Debug)]
pub(crate) struct Agents {
    pace: Pace,
    /// What is assumed of an agent that is not known.
    prior: AgentTimes,
    prior_plan: Option<Rc<PollPlan>>,
    /// Those that were used last come first.
    known: Vec<Agent>,
    /// How many jobs were learned from since it was kept last.
    unsaved: u32,
    /// The name that was asked for last, of an agent that is not known.
    named: Rc<str>,
}

impl Agents {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, prior: AgentTimes::default(), prior_plan: None, known: Vec::new(), unsaved: 0, named: Rc::default() }
    }

    /// The name as one text for all who wait for the agent: there may be thousands of them.
    pub(crate) fn name(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.known.iter().find(|agent| &*agent.name == name) {
            return known.name.clone();
        }
        if &*self.named != name {
            self.named = name.into();
        }
        self.named.clone()
    }

    /// When to poll the jobs of this agent.
    pub(crate) fn plan(&mut self, name: &str) -> Rc<PollPlan> {
        let (times, plan) = match self.known.iter_mut().find(|agent| &*agent.name == name) {
            Some(agent) => {
                if agent.jobs.saturating_sub(agent.planned) > agent.jobs.min(MANY_JOBS) / PLANNED_AGAIN {
                    (agent.plan, agent.planned) = (None, agent.jobs);
                }
                (&agent.times, &mut agent.plan)
            }
            None => (&self.prior, &mut self.prior_plan),
        };
        plan.get_or_insert_with(|| Rc::new(times.plan(self.pace))).clone()
    }

    /// Learns from a job of this agent.
    pub(crate) fn learn(&mut self, name: &str, observed: Observed) {
        if name.len() > MAX_NAME {
            return;
        }
        let at = self.known.iter().position(|agent| &*agent.name == name);
        let mut agent = match at {
            Some(at) => self.known.remove(at),
            None => Agent { name: name.into(), times: self.prior.clone(), plan: None, jobs: 0, planned: 0 },
        };
        if agent.times.learn(observed) {
            agent.jobs = agent.jobs.saturating_add(1);
            self.unsaved = self.unsaved.saturating_add(1);
        }
        self.known.insert(0, agent);
        self.known.truncate(MAX_AGENTS);
    }

    /// The server has said how long its agents take on average. Agents of which more is known stay
    /// as they are.
    pub(crate) fn average_is(&mut self, average: Millis) {
        if average.is_positive() && average < Millis::FOREVER {
            self.prior = AgentTimes::with_median(average);
            self.prior_plan = None;
        }
    }

    /// Whether what was learned is to be kept now; it counts as kept then. `is_idle`: nobody waits
    /// any more.
    pub(crate) fn take_unsaved(&mut self, is_idle: bool) -> bool {
        let is_due = self.unsaved >= KEPT_AFTER || (is_idle && self.unsaved > 0);
        if is_due {
            self.unsaved = 0;
        }
        is_due
    }

    /// The record to keep.
    pub(crate) fn record(&self) -> Json {
        let agents = self.known.iter().map(|agent| agent.times.document().set("agent", Json::text(&agent.name)));
        Json::object().set("version", Json::number(VERSION)).set("agents", Json::array(agents))
    }

    /// Reads what the store has. Agents that are known already stay as they are.
    pub(crate) fn recall(&mut self, kept: &Json) -> Recalled {
        if matches!(kept.kind(), Kind::Undefined | Kind::Null) {
            return Recalled::Read;
        }
        let Some(record) = kept.as_text().and_then(|text| Json::parse(&text)) else { return Recalled::Unreadable };
        if record.get_number("version").is_some_and(|version| version > VERSION) {
            return Recalled::OfLaterVersion;
        }
        let agents = record.get("agents").filter(|agents| agents.kind() == Kind::Array);
        let (Some(agents), true) = (agents, record.get_number("version") == Some(VERSION)) else { return Recalled::Unreadable };
        for agent in agents.elements() {
            let name = agent.get_text("agent").filter(|name| name.len() <= MAX_NAME);
            let (Some(name), Some(times)) = (name, AgentTimes::read(&agent)) else { return Recalled::Unreadable };
            if self.known.len() < MAX_AGENTS && self.known.iter().all(|known| *known.name != name) {
                self.known.push(Agent { name: name.into(), times, plan: None, jobs: MANY_JOBS, planned: MANY_JOBS });
            }
        }
        Recalled::Read
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    fn first(agents: &mut Agents, name: &str) -> f64 {
        agents.plan(name).gap(Millis::ZERO).get()
    }
    fn taught(jobs: &[(&str, f64)]) -> Agents {
        let mut agents = Agents::new(Pace::default());
        for (name, ms) in jobs {
            for _ in 0..20 {
                agents.learn(name, Observed::Finished(Millis::new(*ms)));
            }
        }
        agents
    }
    fn text(agents: &Agents) -> Json {
        Json::text(&agents.record().to_json())
    }

    #[test]
    fn each_agent_has_a_plan_of_its_own() {
        let mut agents = taught(&[("a", 300.0), ("b", 20_000.0)]);
        let unknown = first(&mut Agents::new(Pace::default()), "x");
        assert!(first(&mut agents, "a") < unknown && first(&mut agents, "b") > 3.0 * unknown);
        assert_eq!(first(&mut agents, "c"), unknown);
    }

    #[test]
    fn a_plan_is_made_again_after_one_more_job_and_then_after_one_more_of_each_twenty() {
        for (jobs, kept) in [(0, 0), (18, 0), (19, 1), (45, 2), (70, 2)] {
            let mut agents = Agents::new(Pace::default());
            let learn = |agents: &mut Agents, count: u32| {
                (0..count).for_each(|_| agents.learn("a", Observed::Finished(Millis::new(300.0))));
            };
            learn(&mut agents, jobs);
            let made = agents.plan("a");
            learn(&mut agents, kept);
            assert!(Rc::ptr_eq(&agents.plan("a"), &made), "{jobs}");
            learn(&mut agents, 1);
            assert!(!Rc::ptr_eq(&agents.plan("a"), &made), "{jobs}");
        }
    }

    #[test]
    fn the_servers_average_moves_what_is_assumed_and_nothing_that_was_learned() {
        let mut agents = taught(&[("a", 300.0)]);
        let before = (first(&mut agents, "a"), first(&mut agents, "b"));
        for odd in [0.0, -5.0, f64::NAN, f64::INFINITY] {
            agents.average_is(Millis::new(odd));
        }
        assert_eq!((first(&mut agents, "a"), first(&mut agents, "b")), before);
        agents.average_is(Millis::new(30_000.0));
        assert_eq!(first(&mut agents, "a"), before.0);
        assert!(first(&mut agents, "b") > 2.0 * before.1);
    }

    #[test]
    fn what_was_learned_is_kept_and_read_again() {
        let mut agents = taught(&[("a", 300.0), ("", 20_000.0)]);
        let mut read = Agents::new(Pace::default());
        assert_eq!(read.recall(&text(&agents)), Recalled::Read);
        for name in ["a", "", "b"] {
            assert!((first(&mut read, name) - first(&mut agents, name)).abs() < 60.0, "{name}");
        }
        // What was learned since stays.
        read.learn("a", Observed::Finished(Millis::new(5_000.0)));
        let before = first(&mut read, "a");
        read.recall(&text(&agents));
        assert_eq!(first(&mut read, "a"), before);
        // What others have learned comes with it.
        let mut busy = taught(&[("b", 300.0)]);
        busy.recall(&text(&agents));
        assert_eq!(busy.known.iter().map(|agent| &*agent.name).collect::<Vec<_>>(), ["b", "", "a"]);
    }

    #[test]
    fn no_more_agents_are_read_than_are_known_at_most() {
        let full = |prefix: &str| {
            let mut agents = Agents::new(Pace::default());
            (0..MAX_AGENTS).for_each(|at| agents.learn(&format!("{prefix}{at}"), Observed::Finished(Millis::new(300.0))));
            agents
        };
        let mut agents = full("a");
        agents.recall(&text(&full("b")));
        assert_eq!(agents.record(), full("a").record());
    }

    #[test]
    fn the_least_used_agents_are_dropped_and_a_record_is_small() {
        let mut agents = Agents::new(Pace::default());
        for job in 0..2_000 {
            agents.learn(
                &format!("00000000-0000-4000-8000-{:012}", job % 20),
                Observed::Finished(Millis::new(f64::from(job % 97) * 4e3)),
            );
        }
        for _ in 0..20 {
            agents.learn("00000000-0000-4000-8000-000000000003", Observed::Finished(Millis::new(1_000.0)));
        }
        let record = agents.record();
        let agent = |at: usize| record["agents"][at].clone();
        assert_eq!(record["agents"].as_array().unwrap().len(), MAX_AGENTS);
        assert_eq!(agent(0)["agent"], "00000000-0000-4000-8000-000000000003");
        assert!((0..MAX_AGENTS).all(|at| agent(at).to_string().len() <= 1_024), "{}", agent(5));
        agents.learn(&"x".repeat(101), Observed::Finished(Millis::new(1.0)));
        assert_eq!(agents.record(), record);
        agents.learn(&"x".repeat(100), Observed::Finished(Millis::new(1.0)));
        assert_eq!(agents.record()["agents"][0]["agent"], "x".repeat(100));
    }

    #[test]
    fn garbage_is_not_read_and_a_later_version_is_known_as_one() {
        let good = taught(&[("a", 300.0)]).record();
        let recalled = |record: &Json| {
            let mut agents = Agents::new(Pace::default());
            let recalled = agents.recall(&Json::text(&record.to_json()));
            assert!(recalled == Recalled::Read || agents.known.is_empty());
            recalled
        };
        assert_eq!(recalled(&good), Recalled::Read);
        assert_eq!(recalled(&good.clone().set("version", json!(2))), Recalled::OfLaterVersion);
        for bad in [
            json!(null),
            json!([1]),
            json!({}),
            good.clone().set("version", json!("1")),
            good.clone().set("version", json!(0)),
            good.clone().set("agents", json!({})),
            good.clone().set("agents", json!([null])),
            good.clone().set("agents", json!([{"agent": "a"}])),
        ] {
            assert_eq!(recalled(&bad), Recalled::Unreadable, "{bad}");
        }
        let mut agents = Agents::new(Pace::default());
        assert_eq!(agents.recall(&json!("{")), Recalled::Unreadable);
        assert_eq!(agents.recall(&json!(5)), Recalled::Unreadable);
        assert_eq!(agents.recall(&json!(null)), Recalled::Read);
    }

    #[test]
    fn it_is_kept_when_nobody_waits_or_after_some_jobs() {
        let mut agents = Agents::new(Pace::default());
        assert!(!agents.take_unsaved(true));
        agents.learn("a", Observed::Finished(Millis::new(1e12)));
        assert!(!agents.take_unsaved(true), "it is not believed");
        agents.learn("a", Observed::Finished(Millis::new(1.0)));
        assert!(!agents.take_unsaved(false) && agents.take_unsaved(true) && !agents.take_unsaved(true));
        for _ in 0..KEPT_AFTER {
            agents.learn("a", Observed::Finished(Millis::new(1.0)));
        }
        assert!(agents.take_unsaved(false));
    }
}
