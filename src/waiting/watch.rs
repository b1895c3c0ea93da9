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
use crate::http::rate_limit::Slot;
use crate::json::Json;
use crate::time::{Instant, Millis};
use crate::waiting::agents::Agents;
use crate::waiting::channel::Answers;
use crate::waiting::job_list::{JobList, Progress, SLICE};
use crate::waiting::job_wait::{JobWait, Next, Surroundings, Terms};
use crate::waiting::lists::{ListQuery, ListState, Listed, Lists, Which};
use crate::waiting::pace::Pace;

/// From so many jobs on a list costs less than a poll for each.
const SHARED_FROM: usize = 4;
/// After so many changed jobs of a list the program goes on with something else: for each of them a
/// call goes on, and often the application.
const CHANGED: usize = 100;
/// For so long a job that lists leave out is polled by itself; then the next list may have it.
const UNLISTED: Millis = Millis::new(10_000.0);
/// The pause after the first try to find out where answers are; it doubles with each further one.
const CHANNEL_PAUSE: Millis = Millis::new(5_000.0);
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

/// Whose time limit has ended the request for a list, if one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListLimit {
    /// That of the wait that asked for it. It says nothing about lists.
    Leader,
    /// The request's own.
    Request,
}

/// What came of reading a job's channel.
#[derive(Debug)]
pub(crate) enum ChannelAnswer {
    /// The server shows no channels.
    NoChannels,
    /// They could not be read.
    Failed,
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
    /// Lists leave it out although it is not finished, as those do that servers cut off: until then
    /// it is polled by itself.
    unlisted_until: Option<Instant>,
    /// The last list of all jobs does not have it. One alone says nothing: a server that has just
    /// begun shows an empty one.
    is_missed: bool,
    /// The last list does not have it, or not its answer: it is polled by itself.
    must_poll: bool,
    /// It polls by itself once, to find out whether answers are in the channels of jobs.
    is_scout: bool,
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
    /// The channels that the server has shown last, by name, while somebody waits.
    channels: Option<Json>,
    /// When a crowd next finds out where answers are, and the pause after that.
    scouts_at: Instant,
    scout_pause: Millis,
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
            channels: None,
            scouts_at: Instant::default(),
            scout_pause: CHANNEL_PAUSE,
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

    /// The channels of jobs that the server has shown last, by name.
    pub(crate) fn channels(&self) -> Option<&Json> {
        self.channels.as_ref()
    }

    /// The server shows these channels. They are kept for the others that wait.
    pub(crate) fn channels_shown(&mut self, channels: Json) {
        self.channels = Some(channels).filter(|_| !self.is_idle());
    }

    /// What the server has shown last is not true any more.
    pub(crate) fn forget_channels(&mut self) {
        self.channels = None;
    }

    /// Those that have something to do: each of them is to ask for its next step.
    pub(crate) fn take_woken(&mut self) -> Vec<Key> {
        core::mem::take(&mut self.woken)
    }

    /// A wait for a job of this agent begins; the name is empty where the agent is not known.
    pub(crate) fn subscribe(&mut self, job_id: &str, agent: &str, terms: Terms, now: Instant) -> Key {
        let wait = JobWait::new(job_id, terms, self.agents.plan(agent), now);
        let shares = terms.may_share && wait.is_paced_here();
        let agent = agent.to_owned();
        let subscription = Subscription {
            wait,
            agent,
            shares,
            unlisted_until: None,
            is_missed: false,
            must_poll: false,
            is_scout: false,
            is_single: false,
            is_held: false,
        };
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
        if self.is_idle() {
            self.forget_channels();
        }
        if let Some(observed) = gone.wait.observed() {
            self.agents.learn(&gone.agent, observed);
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
        self.send_scout(key, now);
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

    /// Whether another one asks for lists on its behalf: it has nothing to do when the page is
    /// active again.
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

    fn waiting(&self) -> f64 {
        number(self.sharers)
    }

    /// Whether a list is to be had that makes polls of single jobs unnecessary. Where answers are
    /// in channels, lists never have them.
    fn has_lists(&self, now: Instant, way: Way) -> bool {
        self.sharers >= SHARED_FROM
            && self.answers != Answers::InChannels
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
        own.wants_list(now) && self.has_lists(now, way)
    }

    /// Lists do not tell a quiet job from one whose answer is in its channel. As long as none was
    /// answered, the leader of a crowd finds out, as one that waits alone does.
    fn send_scout(&mut self, key: Key, now: Instant) {
        if self.answers != Answers::Unknown || self.leader != Some(key) || now < self.scouts_at {
            return;
        }
        if let Some(own) = self.subscriptions.get_mut(key).and_then(Option::as_mut)
            && own.wants_list(now)
            && own.wait.is_channel_due(now)
        {
            own.is_scout = true;
            own.wait.is_active_again(now);
            self.scouts_at = now + self.scout_pause;
            self.scout_pause = self.scout_pause.times(2.0);
        }
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
        let is_crowd = self.has_lists(now, way);
        if is_crowd {
            self.resign(key, now);
        } else {
            self.disband(key);
        }
        let (singles, most) = (self.singles, if self.sharers >= SHARED_FROM { way.spare.max(1.0) } else { f64::INFINITY });
        let Some(own) = self.get_mut(key) else { return Step::Own(Next::Sleep(NEVER)) };
        let is_alone = !own.shares || own.is_unlisted(now) || own.is_scout || !is_crowd;
        let next = own.wait.next(now, Surroundings { quiet: way.quiet, is_alone, is_cached: way.is_cached });
        let Next::TakeSlot { by, slot: Slot::Ordinary } = next else { return Step::Own(next) };
        if !own.shares || own.is_single {
            return Step::Own(next);
        }
        if number(singles) >= most {
            own.is_held = true;
            own.wait.sleep_until(by);
            self.held = self.held.saturating_add(1);
            return Step::Own(Next::Sleep(by));
        }
        own.is_single = true;
        self.singles = singles.saturating_add(1);
        if number(self.singles) < most {
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
            // One that was not polled yet has no gap: its rate has no end.
            let gap = own.wait.gap().get();
            rate += 1.0 / (gap * gap);
        }
        self.lists.due(Millis::new(1.0 / rate.sqrt()), first)
    }

    /// It leads no longer: the next one that wants lists takes its place. If that one goes too, or
    /// polls by itself, it passes the place on: a call that was only woken may have been given up.
    fn resign(&mut self, key: Key, now: Instant) {
        if self.leader != Some(key) {
            return;
        }
        self.is_listing = false;
        let wants = |own: &Option<Subscription>| own.as_ref().is_some_and(|own| own.wants_list(now));
        let all = self.subscriptions.iter().enumerate();
        let mut others = all.clone().skip(key.saturating_add(1)).chain(all.take(key)).filter(|(_, own)| wants(own));
        self.leader = others.next().map(|(other, _)| other);
        self.woken.extend(self.leader);
    }

    /// Nobody leads where there are no lists: those who slept in the meantime poll by themselves.
    fn disband(&mut self, key: Key) {
        if self.leader == Some(key) {
            (self.leader, self.is_listing) = (None, false);
            self.wake_sharers();
        }
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
            own.is_scout = false;
            if core::mem::take(&mut own.must_poll) {
                own.unlisted_until = Some(now + UNLISTED);
            }
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
            ChannelAnswer::None | ChannelAnswer::Failed => {}
            ChannelAnswer::Found(result) => {
                // From now on lists stand in for nobody.
                if core::mem::replace(&mut self.answers, Answers::InChannels) != Answers::InChannels {
                    self.wake_sharers();
                }
                return Some(result);
            }
        }
        None
    }

    /// Learns where this server's answers are from a job that was seen.
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

    /// There is no list this time. `limit`: whose time limit the request had.
    pub(crate) fn list_failed(&mut self, query: ListQuery, now: Instant, way: Way, error: &Error, limit: ListLimit) {
        self.is_listing = false;
        match error.code {
            ErrorCode::ConnectionFailed | ErrorCode::ConnectionReset | ErrorCode::RateLimited => {
                self.lists.unanswered(now);
                for (key, own) in self.subscriptions.iter_mut().enumerate() {
                    let Some(own) = own.as_mut().filter(|own| own.shares && !own.is_unlisted(now) && own.wait.is_idle()) else {
                        continue;
                    };
                    own.wait.failed(now, error);
                    if !own.wait.is_idle() {
                        self.woken.push(key);
                    }
                }
            }
            _ if limit == ListLimit::Leader => {}
            _ => {
                self.lists.failed(now, query, error);
                if !self.has_lists(now, way) {
                    self.wake_sharers();
                }
            }
        }
    }

    /// A list has come: some more subscriptions learn what it says about their jobs. Returns
    /// whether all of them have.
    pub(crate) fn listed(&mut self, list: &mut JobList, now: Instant) -> bool {
        let mut changed = Vec::new();
        for (key, own) in self.subscriptions.iter_mut().enumerate().skip(list.next).take(SLICE) {
            if changed.len() == CHANGED {
                break;
            }
            list.next = key.saturating_add(1);
            let Some(own) = own.as_mut() else { continue };
            if !own.shares || !own.wait.is_idle() || own.wait.began() > list.asked_at {
                continue;
            }
            if let Some(job) = list.job(own.wait.job_id()) {
                (own.unlisted_until, own.is_missed, own.must_poll) = (None, false, false);
                if own.wait.was_last(&job.get_text("status").unwrap_or_default()) {
                    own.wait.follow(self.agents.plan(&own.agent));
                    own.wait.is_unchanged(now);
                } else {
                    changed.push((key, job));
                }
            } else if !own.is_unlisted(now) && !own.must_poll {
                list.falls_short |= list.is_cut;
                if !list.is_cut && own.is_left_out(list.query.which, now) {
                    self.woken.push(key);
                }
            }
        }
        let progress = if list.next < self.subscriptions.len() { Progress::UnderWay } else { Progress::Done };
        for (key, job) in changed {
            let job = self.get(key).map(|own| list.job_for(own.wait.job_id(), job, progress));
            if let Some(job) = job {
                self.shown(key, now, jobs::read_job(job));
            }
        }
        if progress == Progress::UnderWay {
            return false;
        }
        self.is_listing = false;
        let JobList { query, asked_at, count, falls_short, .. } = *list;
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

/// A number of jobs, to be compared with slots of a rate limit, of which there may be no end.
#[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
fn number(jobs: usize) -> f64 {
    jobs as f64
}

impl Subscription {
    /// The job was seen: where the agent was not known, it is now. That a server chooses for a job
    /// which was created here without one stays what it is: the server's choice.
    fn is_of(&mut self, job: &Json) {
        if self.agent.is_empty() && !self.wait.was_created_here() {
            self.agent = job.get_text("agentId").unwrap_or_default();
        }
    }

    /// Lists are known not to have it.
    fn is_unlisted(&self, now: Instant) -> bool {
        self.unlisted_until.is_some_and(|until| now < until)
    }

    /// A list that is not cut off does not have it. Returns whether it has something to do now.
    fn is_left_out(&mut self, which: Which, now: Instant) -> bool {
        if self.unlisted_until.is_some() {
            // Still: it goes on as before, at its own times.
            self.unlisted_until = Some(now + UNLISTED);
        } else if which == Which::All && !core::mem::replace(&mut self.is_missed, true) {
            return false;
        } else {
            self.must_poll_by_itself(now);
        }
        true
    }

    fn must_poll_by_itself(&mut self, now: Instant) {
        self.must_poll = true;
        self.wait.is_active_again(now);
    }

    /// Whether lists are asked for on its behalf.
    fn wants_list(&self, now: Instant) -> bool {
        let has_time = !self.wait.is_expired(now) && now < self.wait.shares_until(now);
        let is_served = self.shares && !self.is_unlisted(now) && !self.must_poll && !self.is_scout;
        is_served && self.wait.is_idle() && has_time
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
