//! All jobs that this client waits for, as a value: which of them is polled, and when one list
//! serves all of them. Nothing here sends or sleeps.
//!
//! A wait is a subscription. From four of them on a list costs less than a poll for each: one of
//! them, the leader, asks for it, and what it shows reaches every subscription. The others sleep
//! meanwhile. Where there is no list, each job is polled by itself, but never more of them at once
//! than the server's rate limit has slots for.
//!
//! A wait shares polls only when it has the client's own schedule and no headers of its own, and
//! only when it runs by itself: a call that runs only while it is read could leave the others
//! standing.

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, JobStatus, Seen};
use crate::json::{Json, copied};
use crate::time::{Instant, Millis};
use crate::waiting::agents::Agents;
use crate::waiting::channel::Answers;
use crate::waiting::job_wait::{JobWait, Next, Surroundings, Terms};
use crate::waiting::lists::{ListQuery, ListState, Listed, Lists};
use crate::waiting::pace::Pace;

/// From so many jobs on a list costs less than a poll for each.
const SHARED_FROM: usize = 4;
/// So many jobs of a list are looked at before the program goes on with something else.
const SLICE: usize = 500;
/// A point in time that never comes.
const NEVER: Instant = Instant::from_ms(f64::INFINITY);

/// Names a subscription while it lasts.
pub(crate) type Key = usize;

/// What is known about the way to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// For how long the server asks to stay away.
    pub(crate) quiet: Millis,
    /// How many polls may go out at once.
    pub(crate) spare: f64,
    /// Whether a cache answers in place of the server.
    pub(crate) is_cached: bool,
}

/// What a subscription does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something about its own job.
    Own(Next),
    /// Ask for a list, before `by`, and pass it on.
    List { query: ListQuery, by: Instant },
}

/// What came of reading a job's channel.
#[derive(Debug)]
pub(crate) enum ChannelAnswer {
    /// The server shows no channels.
    NoChannels,
    /// The job has no answer there.
    None,
    /// The job's result.
    Found(Json),
}

#[derive(Debug)]
struct Subscription {
    wait: JobWait,
    /// The agent that was asked, as far as is known.
    agent: String,
    /// Whether the polls of others may serve it.
    shares: bool,
    /// Lists leave it out although it is not finished, as those do that servers cut off.
    is_unlisted: bool,
    /// The last list does not have it, or not its answer: it is polled by itself.
    must_poll: bool,
    /// It has a slot of its own, or waits for one.
    is_single: bool,
    /// It would poll by itself, and waits until fewer do.
    is_held: bool,
}

/// The waits of one client.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What was learned about the agents.
    pub(crate) agents: Agents,
    subscriptions: Vec<Option<Subscription>>,
    free: Vec<Key>,
    sharers: usize,
    leader: Option<Key>,
    /// Whether a list is on its way; if not, when the leader asks for the next one.
    is_listing: bool,
    planned: Instant,
    lists: ListState,
    answers: Answers,
    singles: usize,
    held: usize,
    /// Those that have something to do, and may sleep.
    woken: Vec<Key>,
}

impl Watch {
    /// Without waits, and without knowledge of any agent.
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            agents: Agents::new(pace),
            subscriptions: Vec::new(),
            free: Vec::new(),
            sharers: 0,
            leader: None,
            is_listing: false,
            planned: Instant::default(),
            lists: ListState::default(),
            answers: Answers::default(),
            singles: 0,
            held: 0,
            woken: Vec::new(),
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.free.len() == self.subscriptions.len()
    }

    /// Where this server's answers are.
    pub(crate) fn answers(&self) -> Answers {
        self.answers
    }

    /// Those that have something to do: each of them is to ask for its next step.
    pub(crate) fn take_woken(&mut self) -> Vec<Key> {
        core::mem::take(&mut self.woken)
    }

    /// A wait for a job of this agent begins; the name is empty where the agent is not known.
    pub(crate) fn subscribe(&mut self, (job_id, agent): (&str, &str), terms: Terms, may_share: bool, now: Instant) -> Key {
        let wait = JobWait::new(job_id, terms, self.agents.plan(agent), now);
        let shares = may_share && wait.is_paced_here();
        let agent = agent.to_owned();
        let subscription =
            Subscription { wait, agent, shares, is_unlisted: false, must_poll: false, is_single: false, is_held: false };
        self.sharers = self.sharers.saturating_add(usize::from(shares));
        let key = self.free.pop().unwrap_or(self.subscriptions.len());
        match self.subscriptions.get_mut(key) {
            Some(entry) => *entry = Some(subscription),
            None => self.subscriptions.push(Some(subscription)),
        }
        let due = self.get(key).map_or(NEVER, |own| own.wait.due());
        // It may want a list sooner than the leader has planned.
        if shares && self.lists.due(Millis::FOREVER, due) < self.planned {
            self.woken.extend(self.leader.filter(|_| !self.is_listing));
        }
        key
    }

    /// A wait has ended, or its call was given up.
    pub(crate) fn unsubscribe(&mut self, key: Key, now: Instant) {
        let Some(gone) = self.subscriptions.get_mut(key).and_then(Option::take) else { return };
        self.free.push(key);
        if let Some((took, is_finished)) = gone.wait.observed() {
            self.agents.learn(&gone.agent, took, is_finished);
        }
        self.singles = self.singles.saturating_sub(usize::from(gone.is_single));
        self.held = self.held.saturating_sub(usize::from(gone.is_held));
        if !gone.shares {
            return;
        }
        self.sharers = self.sharers.saturating_sub(1);
        self.resign(key, now);
        self.wake_held();
        if self.sharers.saturating_add(1) == SHARED_FROM {
            self.wake_sharers();
        }
    }

    /// Its next step.
    pub(crate) fn next(&mut self, key: Key, now: Instant, way: Way) -> Step {
        let stands_in = self.list_stands_in(key, now, way);
        let Some(own) = self.get_mut(key) else { return Step::Own(Next::Sleep(NEVER)) };
        own.wait.wakes(now);
        if let Some(job) = own.wait.take_report() {
            return Step::Own(Next::Report(job));
        }
        let was_held = core::mem::take(&mut own.is_held);
        self.held = self.held.saturating_sub(usize::from(was_held));
        let step = if stands_in { self.share(key, now, way) } else { self.alone(key, now, way) };
        // The slot that it was woken for is another's.
        if was_held && !matches!(step, Step::Own(Next::TakeSlot { .. })) && !self.is_held(key) {
            self.wake_held();
        }
        step
    }

    /// Whether another one asks for lists on its behalf: it has nothing to do when the page is active
    /// again.
    pub(crate) fn is_led(&self, key: Key) -> bool {
        self.leader.is_some_and(|leader| leader != key) && self.get(key).is_some_and(|own| own.shares)
    }

    fn is_held(&self, key: Key) -> bool {
        self.get(key).is_some_and(|own| own.is_held)
    }

    fn get(&self, key: Key) -> Option<&Subscription> {
        self.subscriptions.get(key)?.as_ref()
    }

    fn get_mut(&mut self, key: Key) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(key)?.as_mut()
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
    fn waiting(&self) -> f64 {
        self.sharers as f64
    }

    /// Whether a list is to be had that makes polls of single jobs unnecessary.
    fn has_lists(&self, now: Instant, way: Way) -> bool {
        self.sharers >= SHARED_FROM
            && match self.lists.lists(now) {
                Lists::Open => true,
                // Each could have a request of its own meanwhile; more than that would use up what
                // lists need.
                Lists::Failing { is_broken, .. } => !is_broken && way.spare < self.waiting(),
                Lists::Refused => false,
            }
    }

    /// Whether a list stands in for this one's own polls.
    fn list_stands_in(&self, key: Key, now: Instant, way: Way) -> bool {
        let Some(own) = self.get(key) else { return false };
        own.wants_list(now) && now < own.wait.shares_until(now) && self.has_lists(now, way)
    }

    /// The step of one whose polls a list stands in for.
    fn share(&mut self, key: Key, now: Instant, way: Way) -> Step {
        let by = self.get(key).map_or(NEVER, |own| own.wait.shares_until(now));
        let mut until = by;
        if !self.is_listing && self.leader.is_none_or(|leader| leader == key) {
            self.leader = Some(key);
            let due = self.list_due(now);
            self.planned = due;
            if now >= due {
                self.is_listing = true;
                return Step::List { query: self.lists.query(now, self.waiting(), way.spare), by };
            }
            until = until.min(due);
        }
        if let Some(own) = self.get_mut(key) {
            own.wait.sleep_until(until);
        }
        Step::Own(Next::Sleep(until))
    }

    /// The step of one that polls by itself.
    fn alone(&mut self, key: Key, now: Instant, way: Way) -> Step {
        self.resign(key, now);
        let is_crowd = self.has_lists(now, way);
        let (singles, most) = (self.singles, if self.sharers >= SHARED_FROM { way.spare.max(1.0) } else { f64::INFINITY });
        let Some(own) = self.get_mut(key) else { return Step::Own(Next::Sleep(NEVER)) };
        let is_alone = !own.shares || own.is_unlisted || !is_crowd;
        let next = own.wait.next(now, Surroundings { quiet: way.quiet, is_alone, is_cached: way.is_cached });
        let Next::TakeSlot { by, is_last: false } = next else { return Step::Own(next) };
        if !own.shares || own.is_single {
            return Step::Own(next);
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        if singles as f64 >= most {
            own.is_held = true;
            own.wait.sleep_until(by);
            self.held = self.held.saturating_add(1);
            return Step::Own(Next::Sleep(by));
        }
        own.is_single = true;
        self.singles = singles.saturating_add(1);
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        if (self.singles as f64) < most {
            self.wake_held();
        }
        Step::Own(next)
    }

    /// When the next list is due. The more jobs are waited for, the more a list is worth: a crowd's
    /// gap is that of a single job whose answer comes at the sum of their rates.
    fn list_due(&self, now: Instant) -> Instant {
        let (mut first, mut rate) = (NEVER, 0.0);
        for own in self.subscriptions.iter().flatten().filter(|own| own.wants_list(now)) {
            first = first.min(own.wait.due());
            let gap = own.wait.gap().get();
            rate += if gap > 0.0 { 1.0 / (gap * gap) } else { 0.0 };
        }
        let gap = if rate > 0.0 { Millis::new(1.0 / rate.sqrt()) } else { Millis::ZERO };
        self.lists.due(gap, first)
    }

    /// It leads no longer: another takes its place.
    fn resign(&mut self, key: Key, now: Instant) {
        if self.leader != Some(key) {
            return;
        }
        self.leader = None;
        self.is_listing = false;
        let wants = |own: &Option<Subscription>| own.as_ref().is_some_and(|own| own.wants_list(now));
        let mut others = self.subscriptions.iter().enumerate().filter(|(other, own)| *other != key && wants(own));
        self.woken.extend(others.next().map(|(other, _)| other));
    }

    /// One fewer polls by itself: the one that has waited longest may.
    fn wake_held(&mut self) {
        if self.held == 0 {
            return;
        }
        let mut first = (NEVER, None);
        for (key, own) in self.subscriptions.iter().enumerate() {
            if let Some(own) = own.as_ref().filter(|own| own.is_held && own.wait.due() < first.0) {
                first = (own.wait.due(), Some(key));
            }
        }
        self.woken.extend(first.1);
    }

    fn wake_sharers(&mut self) {
        for (key, own) in self.subscriptions.iter().enumerate() {
            if own.as_ref().is_some_and(|own| own.shares) {
                self.woken.push(key);
            }
        }
    }

    /// The page is visible or online again.
    pub(crate) fn is_active_again(&mut self, key: Key, now: Instant) {
        if let Some(own) = self.get_mut(key) {
            // One return is several events, with room for a poll between them.
            if own.wait.was_just_seen(now) {
                return;
            }
            own.wait.is_active_again(now);
        }
        self.woken.extend(self.leader.filter(|leader| *leader != key && !self.is_listing));
    }

    /// Whether a slot was there in time; `None` when it is not needed any more.
    pub(crate) fn slot(&mut self, key: Key, now: Instant, taken: Option<bool>) {
        let Some(own) = self.get_mut(key) else { return };
        match taken {
            Some(true) => return own.wait.slot_taken(),
            Some(false) => own.wait.slot_missed(now),
            None => {}
        }
        self.single_ends(key);
    }

    fn single_ends(&mut self, key: Key) {
        let was_single = self.get_mut(key).is_some_and(|own| core::mem::take(&mut own.is_single));
        if was_single {
            self.singles = self.singles.saturating_sub(1);
            self.wake_held();
        }
    }

    /// What came of its poll.
    pub(crate) fn polled(&mut self, key: Key, now: Instant, outcome: Result<Seen>) {
        let answers = self.answers;
        if let Ok(seen) = &outcome {
            self.learn_from(seen);
        }
        if let Some(own) = self.subscriptions.get_mut(key).and_then(Option::as_mut) {
            if let Ok(seen) = &outcome {
                own.is_of(&seen.document);
            }
            own.wait.follow(self.agents.plan(&own.agent));
            own.is_unlisted |= core::mem::take(&mut own.must_poll);
            match outcome {
                Ok(seen) => own.wait.seen(now, seen, answers),
                Err(error) => own.wait.failed(now, &error),
            }
        }
        self.single_ends(key);
    }

    /// What came of reading its job's channel.
    pub(crate) fn channel_read(&mut self, key: Key, now: Instant, answer: ChannelAnswer) {
        let result = self.learn(answer);
        if let Some(own) = self.get_mut(key) {
            own.wait.channel_read(now, result);
        }
    }

    /// Learns where this server's answers are, and returns the result that a channel had.
    pub(crate) fn learn(&mut self, answer: ChannelAnswer) -> Option<Json> {
        match answer {
            ChannelAnswer::NoChannels => self.answers = Answers::InJobs,
            ChannelAnswer::None => {}
            ChannelAnswer::Found(result) => {
                self.answers = Answers::InChannels;
                return Some(result);
            }
        }
        None
    }

    /// A job was seen outside the waits.
    pub(crate) fn learn_from(&mut self, seen: &Seen) {
        if seen.status == JobStatus::Completed && seen.has_result {
            self.answers = Answers::InJobs;
        }
    }

    /// There was no slot for the list before the leader's time was over.
    pub(crate) fn list_given_up(&mut self, key: Key, now: Instant) {
        self.is_listing = false;
        self.resign(key, now);
    }

    /// There is no list this time. `is_own_limit`: only the time of the one that asked for it was
    /// over.
    pub(crate) fn list_failed(&mut self, query: ListQuery, now: Instant, way: Way, error: &Error, is_own_limit: bool) {
        self.is_listing = false;
        match error.code {
            ErrorCode::ConnectionFailed | ErrorCode::ConnectionReset | ErrorCode::RateLimited => {
                self.lists.unanswered(now);
                for (key, own) in self.subscriptions.iter_mut().enumerate() {
                    let Some(own) = own.as_mut().filter(|own| own.shares && !own.is_unlisted && own.wait.is_idle()) else {
                        continue;
                    };
                    own.wait.failed(now, error);
                    if !own.wait.is_idle() {
                        self.woken.push(key);
                    }
                }
            }
            _ if is_own_limit => {}
            _ => {
                self.lists.failed(now, query, error);
                if !self.has_lists(now, way) {
                    self.wake_sharers();
                }
            }
        }
    }

    /// A list has come that was asked for at `asked_at`: some more subscriptions learn what it says
    /// about their jobs. Returns whether all of them have.
    pub(crate) fn listed(&mut self, shown: &mut Shown, now: Instant) -> bool {
        let mut changed = Vec::new();
        for (key, own) in self.subscriptions.iter_mut().enumerate().skip(shown.next).take(SLICE) {
            let Some(own) = own.as_mut() else { continue };
            if !own.shares || !own.wait.is_idle() || own.wait.began() > shown.asked_at {
                continue;
            }
            if let Some(job) = shown.job(own.wait.job_id()) {
                (own.is_unlisted, own.must_poll) = (false, false);
                if own.wait.was_last(&job.get_text("status").unwrap_or_default()) {
                    own.wait.follow(self.agents.plan(&own.agent));
                    own.wait.is_unchanged(now);
                } else {
                    changed.push((key, shown.for_one(own.wait.job_id(), job)));
                }
            } else if !own.is_unlisted && !own.must_poll {
                shown.falls_short |= shown.is_cut;
                if !shown.is_cut {
                    own.must_poll_by_itself(now);
                    self.woken.push(key);
                }
            }
        }
        for (key, job) in changed {
            self.shown(key, now, jobs::read_job(job));
        }
        shown.next = shown.next.saturating_add(SLICE);
        if shown.next < self.subscriptions.len() {
            return false;
        }
        self.is_listing = false;
        let Shown { query, asked_at, count, falls_short, .. } = *shown;
        self.lists.arrived(now, query, Listed { asked_at, count, falls_short });
        true
    }

    /// A list shows the job of this subscription in another status.
    fn shown(&mut self, key: Key, now: Instant, seen: Seen) {
        let answers = self.answers;
        self.learn_from(&seen);
        if let Some(own) = self.subscriptions.get_mut(key).and_then(Option::as_mut) {
            own.is_of(&seen.document);
            own.wait.follow(self.agents.plan(&own.agent));
            if seen.status == JobStatus::Completed && !seen.has_result {
                // Lists may leave the answers out.
                own.must_poll_by_itself(now);
            } else {
                own.wait.seen(now, seen, answers);
            }
            self.woken.push(key);
        }
    }
}

impl Subscription {
    /// The job was seen: where the agent was not known, it is now. That a server chooses for a job
    /// which was created here without one stays what it is: the server's choice.
    fn is_of(&mut self, job: &Json) {
        if self.agent.is_empty() && !self.wait.was_created_here() {
            self.agent = job.get_text("agentId").unwrap_or_default();
        }
    }

    fn must_poll_by_itself(&mut self, now: Instant) {
        self.must_poll = true;
        self.wait.is_active_again(now);
    }

    /// Whether lists are asked for on its behalf.
    fn wants_list(&self, now: Instant) -> bool {
        self.shares && !self.is_unlisted && !self.must_poll && self.wait.is_idle() && !self.wait.is_expired(now)
    }
}

/// The jobs of a list by their ids.
#[derive(Debug)]
pub(crate) struct Shown {
    query: ListQuery,
    asked_at: Instant,
    /// Those that are not among `jobs` yet.
    listed: Vec<Json>,
    /// The runtime's own object finds them fast.
    jobs: Json,
    /// Which of them went to a subscription.
    used: Json,
    count: u32,
    /// Whether there may be more than it shows. A server that returns more than it was asked for
    /// knows no limit.
    is_cut: bool,
    falls_short: bool,
    /// The next subscription to learn of it.
    next: Key,
}

impl Shown {
    pub(crate) fn new(query: ListQuery, asked_at: Instant, list: &Json) -> Self {
        let listed = list.get("jobs").map(|jobs| jobs.elements()).unwrap_or_default();
        let count = u32::try_from(listed.len()).unwrap_or(u32::MAX);
        let (jobs, used) = (Json::object(), Json::object());
        Self { query, asked_at, listed, jobs, used, count, is_cut: count == query.limit, falls_short: false, next: 0 }
    }

    /// Looks through some more of the list. Returns whether it has been through all of it.
    pub(crate) fn read_on(&mut self) -> bool {
        let rest = self.listed.len().saturating_sub(SLICE);
        for job in self.listed.drain(rest..) {
            if let Some(id) = job.get_text("jobId") {
                self.jobs = core::mem::replace(&mut self.jobs, Json::object()).set(&Self::key(&id), job);
            }
        }
        self.listed.is_empty()
    }

    /// The colon keeps names away that mean something else to an object.
    fn key(id: &str) -> String {
        format!(":{id}")
    }

    fn job(&self, id: &str) -> Option<Json> {
        self.jobs.get(&Self::key(id))
    }

    /// The job as it came for the first that waits for it, and a copy for each other one: what one
    /// caller does with its job must not reach another.
    fn for_one(&mut self, id: &str, job: Json) -> Json {
        let key = Self::key(id);
        if self.used.get(&key).is_some() {
            return copied(&job);
        }
        self.used = core::mem::replace(&mut self.used, Json::object()).set(&key, Json::boolean(true));
        job
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::waiting::schedule::WaitPlan;

    const FREE: Way = Way { quiet: Millis::ZERO, spare: 500.0, is_cached: false };
    const SPENT: Way = Way { quiet: Millis::ZERO, spare: 0.0, is_cached: false };

    fn at(ms: f64) -> Instant {
        Instant::from_ms(ms)
    }
    /// A watch over so many jobs, named by their keys, that were created a second ago and are being
    /// processed.
    fn watch(count: usize, way: Way) -> Watch {
        let mut watch = Watch::new(Pace::default());
        let keys: Vec<Key> = (0..count).map(|key| join(&mut watch, &format!("job-{key}"), at(0.0))).collect();
        if count >= SHARED_FROM {
            show(&mut watch, at(1_000.0), way, &keys);
        }
        watch
    }
    fn join(watch: &mut Watch, id: &str, now: Instant) -> Key {
        let plan = WaitPlan::default();
        let terms = Terms { plan, lifetime: Some(Millis::new(30_000.0)), deadline: NEVER, limit: None };
        watch.subscribe((id, ""), terms, true, now)
    }
    fn job(key: Key, status: &str) -> Json {
        let job = json!({"jobId": format!("job-{key}"), "status": status, "createdAt": 0, "expiresAt": 30_000});
        if status == "completed" { job.set("result", json!({"message": {"content": "here"}})) } else { job }
    }
    fn list(jobs: Vec<Json>) -> Json {
        Json::object().set("jobs", Json::array(jobs))
    }
    /// Asks all of them for their next steps until one asks for a list.
    fn leader(watch: &mut Watch, now: Instant, way: Way) -> Option<(Key, ListQuery)> {
        (0..watch.subscriptions.len()).find_map(|key| match step(watch, key, now, way) {
            Step::List { query, .. } => Some((key, query)),
            Step::Own(_) => None,
        })
    }
    /// The next step that is no report.
    fn step(watch: &mut Watch, key: Key, now: Instant, way: Way) -> Step {
        loop {
            match watch.next(key, now, way) {
                Step::Own(Next::Report(_)) => {}
                step => return step,
            }
        }
    }
    /// A list that shows these jobs as being processed.
    fn show(watch: &mut Watch, now: Instant, way: Way, keys: &[Key]) {
        let (_, query) = leader(watch, now, way).unwrap();
        listed(watch, query, now, now, list(keys.iter().map(|key| job(*key, "processing")).collect()));
        for key in 0..watch.subscriptions.len() {
            step(watch, key, now, way);
        }
        watch.take_woken();
    }
    fn listed(watch: &mut Watch, query: ListQuery, asked_at: Instant, now: Instant, list: Json) {
        let mut shown = Shown::new(query, asked_at, &list);
        while !shown.read_on() {}
        while !watch.listed(&mut shown, now) {}
    }
    fn sleeps_until(step: &Step) -> Instant {
        let Step::Own(Next::Sleep(until)) = step else { panic!("{step:?}") };
        *until
    }
    fn takes_slot(step: &Step) -> bool {
        matches!(step, Step::Own(Next::TakeSlot { .. }))
    }

    #[test]
    fn three_jobs_are_polled_one_by_one_and_four_by_one_list() {
        let mut three = watch(3, FREE);
        assert!((0..3).all(|key| takes_slot(&three.next(key, at(1_000.0), FREE))));
        let mut four = watch(4, FREE);
        let (key, query) = leader(&mut four, at(2_000.0), FREE).unwrap();
        assert_eq!((key, query.path()), (0, "/api/messaging/jobs?limit=1000&status=processing".into()));
        for key in 1..4 {
            assert_eq!(sleeps_until(&four.next(key, at(2_000.0), FREE)), at(30_050.0), "until its own expiry");
        }
    }

    #[test]
    fn a_long_list_is_looked_through_in_parts_and_every_wait_learns_of_it() {
        let count = 2 * SLICE + 1;
        let mut watch = watch(count, SPENT);
        let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
        let mut shown = Shown::new(query, at(3_000.0), &list((0..count).map(|key| job(key, "completed")).collect()));
        let parts = (1..).find(|_| shown.read_on());
        assert_eq!(parts, Some(3));
        for known in [SLICE, 2 * SLICE] {
            assert!(!watch.listed(&mut shown, at(3_100.0)));
            assert_eq!(watch.take_woken().len(), SLICE, "{known}");
            assert!(leader(&mut watch, at(9_000.0), SPENT).is_none(), "no other list meanwhile");
        }
        assert!(watch.listed(&mut shown, at(3_200.0)));
        assert_eq!(watch.take_woken().len(), 1);
    }

    #[test]
    fn a_wait_that_does_not_share_polls_by_itself_in_any_crowd() {
        let mut watch = watch(4, FREE);
        let terms = |plan| Terms { plan, lifetime: None, deadline: NEVER, limit: None };
        let own_interval = WaitPlan { interval_ms: Some(700), max_attempts: None };
        let own = watch.subscribe(("job-9", ""), terms(own_interval), true, at(1_000.0));
        assert!(matches!(watch.next(own, at(1_000.0), FREE), Step::Own(Next::Poll { .. })));
        let alone = watch.subscribe(("job-9", ""), terms(WaitPlan::default()), false, at(1_000.0));
        assert!(takes_slot(&watch.next(alone, at(1_000.0), FREE)));
    }

    #[test]
    fn when_the_leader_goes_another_one_asks_for_the_list_even_while_it_is_on_its_way() {
        let mut watch = watch(6, FREE);
        let mut gone = Vec::new();
        for _ in 0..2 {
            let (key, _) = leader(&mut watch, at(2_000.0), FREE).unwrap();
            assert!((0..6).filter(|other| !gone.contains(other)).all(|key| !takes_slot(&step(
                &mut watch,
                key,
                at(2_000.0),
                FREE
            ))));
            watch.unsubscribe(key, at(2_000.0));
            gone.push(key);
            let woken = watch.take_woken();
            assert!(woken.len() == 1 && !gone.contains(&woken[0]), "{woken:?} after {gone:?}");
        }
        // Three are left: no list for them.
        watch.unsubscribe(5, at(2_000.0));
        assert_eq!(watch.take_woken().into_iter().filter(|key| [2, 3, 4].contains(key)).count(), 3);
        assert!([2, 3, 4].iter().all(|key| takes_slot(&step(&mut watch, *key, at(2_000.0), FREE))));
    }

    #[test]
    fn only_those_wake_whose_jobs_have_changed() {
        let mut watch = watch(10, SPENT);
        let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
        assert_eq!(query.path(), "/api/messaging/jobs?limit=1000");
        let status = |key| if key == 7 { "completed" } else { "processing" };
        listed(&mut watch, query, at(3_000.0), at(3_050.0), list((0..10).map(|key| job(key, status(key))).collect()));
        assert_eq!(watch.take_woken(), [7]);
        assert!(matches!(step(&mut watch, 7, at(3_050.0), SPENT), Step::Own(Next::Over(end)) if end.is_ok()));
    }

    #[test]
    fn a_job_that_has_left_the_list_is_polled_by_itself_and_one_that_lists_leave_out_stays_so_until_one_has_it() {
        let mut watch = watch(4, FREE);
        let rest: Vec<Key> = vec![0, 1, 2];
        let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list(rest.iter().map(|key| job(*key, "processing")).collect()));
        assert_eq!(watch.take_woken(), [3]);
        let poll = |watch: &mut Watch, now| {
            assert!(takes_slot(&step(watch, 3, now, FREE)));
            watch.slot(3, now, Some(true));
            assert!(matches!(watch.next(3, now, FREE), Step::Own(Next::Poll { .. })));
            watch.polled(3, now, Ok(jobs::read_job(job(3, "processing"))));
        };
        poll(&mut watch, at(2_050.0));
        show(&mut watch, at(2_600.0), FREE, &rest);
        let due = sleeps_until(&step(&mut watch, 3, at(2_600.0), FREE));
        assert!(due < at(4_000.0), "at its own time: {due:?}");
        poll(&mut watch, due);
        show(&mut watch, at(5_000.0), FREE, &[0, 1, 2, 3]);
        assert_eq!(sleeps_until(&step(&mut watch, 3, at(5_000.0), FREE)), at(30_050.0), "the list has it again");
    }

    #[test]
    fn a_job_that_a_cut_off_list_leaves_out_is_not_polled_and_the_next_list_is_longer() {
        let mut watch = watch(4, FREE);
        let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
        let others = (100..1_100).map(|key| job(key, "processing")).collect();
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list(others));
        assert!(watch.take_woken().is_empty());
        let (_, query) = leader(&mut watch, at(9_000.0), FREE).unwrap();
        assert_eq!(query.limit, 2_000);
    }

    #[test]
    fn an_answer_that_the_list_does_not_have_is_fetched() {
        let mut watch = watch(4, SPENT);
        let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
        let without = (0..4).map(|key| job(key, "completed").without("result")).collect();
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list(without));
        assert_eq!(watch.take_woken().len(), 4);
        assert!(takes_slot(&step(&mut watch, 0, at(2_050.0), SPENT)));
    }

    #[test]
    fn a_job_that_was_waited_for_after_the_list_was_asked_for_is_not_missing_from_it() {
        let mut watch = watch(4, FREE);
        let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
        let new = join(&mut watch, "job-9", at(2_010.0));
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list((0..4).map(|key| job(key, "processing")).collect()));
        assert!(!watch.take_woken().contains(&new));
        assert!(!takes_slot(&step(&mut watch, new, at(2_050.0), FREE)));
    }

    #[test]
    fn each_of_two_waits_for_one_job_gets_its_end_and_its_reference() {
        let mut watch = watch(4, SPENT);
        let twin = join(&mut watch, "job-0", at(1_000.0));
        show(&mut watch, at(2_000.0), SPENT, &[0, 1, 2, 3]);
        let (_, query) = leader(&mut watch, at(3_000.0), SPENT).unwrap();
        let done = job(0, "completed").set("metadata", json!({"elizaJobsRef": "mine"}));
        listed(&mut watch, query, at(3_000.0), at(3_050.0), list(vec![done]));
        for key in [0, twin] {
            let Step::Own(Next::Over(end)) = step(&mut watch, key, at(3_050.0), SPENT) else { panic!("{key}") };
            assert_eq!(end.unwrap().reference.as_deref(), Some("mine"));
        }
    }

    #[test]
    fn no_more_jobs_are_polled_one_by_one_than_the_rate_limit_has_slots_for() {
        let mut watch = watch(10, SPENT);
        let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
        // All of them have left the list.
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list(vec![]));
        let way = Way { spare: 3.0, ..SPENT };
        let slots: Vec<Key> = (0..10).filter(|key| takes_slot(&step(&mut watch, *key, at(2_050.0), way))).collect();
        assert_eq!(slots, [0, 1, 2]);
        watch.take_woken();
        // One that is done makes room for one, and so does one that is given up.
        watch.slot(0, at(2_100.0), Some(true));
        watch.next(0, at(2_100.0), way);
        watch.polled(0, at(2_100.0), Ok(jobs::read_job(job(0, "completed"))));
        assert_eq!(watch.take_woken(), [3]);
        assert!(takes_slot(&step(&mut watch, 3, at(2_100.0), way)));
        watch.unsubscribe(1, at(2_100.0));
        let woken = watch.take_woken();
        assert_eq!(woken.iter().filter(|key| takes_slot(&step(&mut watch, **key, at(2_100.0), way))).count(), 1);
        // The last poll of a job that expires is no part of that.
        assert!(takes_slot(&step(&mut watch, 9, at(30_050.0), way)));
    }

    #[test]
    fn a_slot_that_is_not_needed_any_more_is_somebody_elses() {
        let mut watch = watch(4, SPENT);
        let (_, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
        listed(&mut watch, query, at(2_000.0), at(2_050.0), list(vec![]));
        assert!(takes_slot(&step(&mut watch, 0, at(2_050.0), SPENT)));
        assert_eq!(sleeps_until(&step(&mut watch, 1, at(2_050.0), SPENT)), at(30_050.0));
        watch.take_woken();
        // The next list shows it after all.
        listed(&mut watch, query, at(3_000.0), at(3_050.0), list(vec![job(0, "completed")]));
        watch.slot(0, at(3_050.0), None);
        assert!(watch.take_woken().contains(&1));
        assert!(takes_slot(&step(&mut watch, 1, at(3_050.0), SPENT)));
    }

    #[test]
    fn a_list_that_fails_leaves_a_crowd_asleep_where_single_polls_would_be_too_many() {
        let error = Error::new(ErrorCode::ServerError, "no");
        for (way, alone) in [(FREE, true), (SPENT, false)] {
            let mut watch = watch(10, way);
            let (_, query) = leader(&mut watch, at(2_000.0), way).unwrap();
            watch.list_failed(query, at(2_050.0), way, &error, false);
            assert_eq!(watch.take_woken().len(), if alone { 10 } else { 0 });
            assert_eq!(takes_slot(&step(&mut watch, 9, at(2_050.0), way)), alone);
            // A second later a list is asked for again.
            let (_, query) = leader(&mut watch, at(3_050.0), way).unwrap();
            listed(&mut watch, query, at(3_050.0), at(3_100.0), list((0..10).map(|key| job(key, "processing")).collect()));
            assert!(!takes_slot(&step(&mut watch, 9, at(3_100.0), way)));
        }
    }

    #[test]
    fn an_outage_is_every_waits_own_failure_and_says_nothing_about_lists() {
        for code in [ErrorCode::ConnectionFailed, ErrorCode::ConnectionReset, ErrorCode::RateLimited] {
            let mut watch = watch(4, FREE);
            let (_, query) = leader(&mut watch, at(2_000.0), FREE).unwrap();
            watch.list_failed(query, at(2_050.0), FREE, &Error::new(code, "no"), false);
            assert!(watch.take_woken().is_empty());
            assert!(leader(&mut watch, at(2_400.0), FREE).is_none(), "not at once");
            assert!(leader(&mut watch, at(2_950.0), FREE).is_some());
        }
    }

    #[test]
    fn when_the_time_of_the_one_that_asks_is_over_the_list_is_not_to_blame() {
        let mut watch = watch(4, SPENT);
        let (key, query) = leader(&mut watch, at(2_000.0), SPENT).unwrap();
        watch.list_failed(query, at(2_050.0), SPENT, &Error::new(ErrorCode::RequestTimeout, "no"), true);
        watch.unsubscribe(key, at(2_050.0));
        join(&mut watch, "job-9", at(2_050.0));
        assert!(leader(&mut watch, at(2_500.0), SPENT).is_some());
    }

    #[test]
    fn a_page_that_is_active_again_asks_for_one_list_at_once() {
        let mut watch = watch(4, FREE);
        show(&mut watch, at(5_000.0), FREE, &[0, 1, 2, 3]);
        assert!(leader(&mut watch, at(5_550.0), FREE).is_some(), "its usual time");
        let mut watch = self::watch(4, FREE);
        for age in [60_000.0, 61_000.0] {
            for key in 0..4 {
                watch.subscriptions[key].as_mut().unwrap().wait.is_unchanged(at(age));
            }
        }
        watch.is_active_again(2, at(5_000.0));
        assert!(leader(&mut watch, at(5_000.0), FREE).is_some());
    }

    #[test]
    fn the_first_answer_that_is_seen_says_where_this_servers_answers_are() {
        let mut watch = Watch::new(Pace::default());
        watch.learn_from(&jobs::read_job(job(0, "processing")));
        assert_eq!(watch.answers(), Answers::Unknown);
        watch.learn_from(&jobs::read_job(job(0, "completed")));
        assert_eq!(watch.answers(), Answers::InJobs);
        assert!(watch.learn(ChannelAnswer::None).is_none());
        assert_eq!(watch.answers(), Answers::InJobs);
        assert_eq!(watch.learn(ChannelAnswer::Found(json!(1))), Some(json!(1)));
        assert_eq!(watch.answers(), Answers::InChannels);
    }
}
