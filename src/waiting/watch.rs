//! All jobs that this client waits for, as a value: which of them is polled, and when one list
//! serves all of them. Nothing here sends or sleeps.
//!
//! A wait is a subscription. From four of them on a list costs less than a poll for each: one of
//! them, the leader, asks for it, and what it shows reaches every subscription. The others sleep
//! meanwhile, without timers of their own: the leader wakes each when its time is over. Where there
//! is no list, each job is polled by itself, but never more of them at once than the server's rate
//! limit has slots for.
//!
//! A wait shares polls only when it has the client's own schedule and no headers of its own, and
//! only when it runs by itself: a call that runs only while it is read could leave the others
//! standing.
//!
//! Lists do not tell a quiet job from one whose answer is in its channel. As long as none was
//! answered, the leader polls by itself now and then, as one that waits alone does: a probe.

mod answers;
mod leading;
mod list_outcome;
mod subscription;

use crate::api::error::Result;
use crate::api::jobs::Seen;
use crate::http::rate_limit::Slot;
use crate::json::Json;
use crate::time::{Instant, Millis};
use crate::waiting::agents::Agents;
use crate::waiting::channel::Answers;
use crate::waiting::job_wait::{JobWait, Next, Surroundings, Terms};
use crate::waiting::list_schedule::{Availability, ListQuery, ListSchedule};
use crate::waiting::pace::Pace;
use answers::KnownAnswers;
pub(crate) use subscription::{Key, push};
use subscription::{OwnPoll, Subscription, Subscriptions};

/// From so many jobs on a list costs less than a poll for each.
const SHARED_FROM: usize = 4;

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
    /// Nothing, until it is woken: the leader's timer is its timer too.
    Led,
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

/// Those that share polls, and who asks for the list that serves them.
#[derive(Debug)]
struct Sharing {
    /// How many they are.
    count: usize,
    /// The one that asks for the list.
    leader: Option<Key>,
    /// Whether a list is on its way.
    is_listing: bool,
    /// When the leader has something to do at the latest. One that is silent for longer has lost
    /// its timer, as happens in tests with a clock of their own.
    attends_until: Instant,
    /// When the first of those who sleep without a timer of their own is to be woken, or before.
    led_until: Instant,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { count: 0, leader: None, is_listing: false, attends_until: Instant::NEVER, led_until: Instant::NEVER }
    }
}

/// Those that poll by themselves though they share polls.
#[derive(Debug, Default)]
struct OwnPolls {
    /// How many have a slot, or wait for one.
    under_way: usize,
    /// How many wait until fewer poll by themselves.
    held: usize,
}

/// What a wait is for.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    pub(crate) job_id: String,
    /// When the caller's time is over; infinite without a limit.
    pub(crate) deadline: Instant,
    /// Whether the job was created by this client.
    pub(crate) was_created_here: bool,
}

/// The waits of one client.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What was learned about the agents.
    pub(crate) agents: Agents,
    subscriptions: Subscriptions,
    sharing: Sharing,
    own_polls: OwnPolls,
    lists: ListSchedule,
    answers: KnownAnswers,
    /// Those that have something to do, and may sleep.
    woken: Vec<Key>,
    /// The texts that jobs have in common, as long as somebody waits.
    texts: Json,
}

impl Watch {
    /// Without waits, and without knowledge of any agent.
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            agents: Agents::new(pace),
            subscriptions: Subscriptions::default(),
            sharing: Sharing::default(),
            own_polls: OwnPolls::default(),
            lists: ListSchedule::default(),
            answers: KnownAnswers::default(),
            woken: Vec::new(),
            texts: Json::object(),
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// Where this server's answers are.
    pub(crate) fn answers(&self) -> Answers {
        self.answers.place
    }

    /// The channels of jobs that the server has shown last, by name.
    pub(crate) fn channels(&self) -> Option<&Json> {
        self.answers.channels.as_ref()
    }

    /// The server shows these channels. They are kept for the others that wait.
    pub(crate) fn channels_shown(&mut self, channels: Json) {
        self.answers.channels = Some(channels).filter(|_| !self.is_idle());
    }

    /// What the server has shown last is not true any more.
    pub(crate) fn forget_channels(&mut self) {
        self.answers.channels = None;
    }

    /// Those that have something to do: each of them is to ask for its next step.
    pub(crate) fn take_woken(&mut self) -> Vec<Key> {
        core::mem::take(&mut self.woken)
    }

    /// A wait for a job of this agent begins; the name is empty where the agent is not known.
    pub(crate) fn subscribe(&mut self, job_id: &str, agent: &str, terms: Terms, now: Instant) -> Key {
        let wait = JobWait::new(job_id, terms, self.agents.plan(agent), now);
        let shares = terms.may_share && wait.is_planned();
        let due = wait.due();
        let key = self.subscriptions.insert(Subscription::new(wait, self.agents.name(agent), shares));
        self.sharing.count = self.sharing.count.saturating_add(usize::from(shares));
        // It may want a list before the leader wakes.
        if shares && self.lists.due(Millis::FOREVER, due) < self.sharing.attends_until {
            self.woken.extend(self.sharing.leader.filter(|_| !self.sharing.is_listing));
        }
        key
    }

    /// A wait has ended, or its call was given up.
    pub(crate) fn unsubscribe(&mut self, key: Key, now: Instant) {
        let Some(gone) = self.subscriptions.remove(key) else { return };
        if self.is_idle() {
            self.forget_channels();
            self.texts = Json::object();
        }
        if let Some(observed) = gone.wait.observed() {
            self.agents.learn(&gone.agent, observed);
        }
        match gone.own_poll {
            OwnPoll::None => {}
            OwnPoll::Held => self.own_polls.held = self.own_polls.held.saturating_sub(1),
            OwnPoll::UnderWay => self.own_polls.under_way = self.own_polls.under_way.saturating_sub(1),
        }
        if !gone.shares {
            return;
        }
        self.sharing.count = self.sharing.count.saturating_sub(1);
        self.resign(key, now);
        self.wake_held();
        if self.sharing.count.saturating_add(1) == SHARED_FROM {
            self.wake_sharers();
        }
    }

    /// What it waits for.
    pub(crate) fn waited(&self, key: Key) -> Waited {
        let of = |wait: &JobWait| Waited {
            job_id: wait.job_id().to_owned(),
            deadline: wait.deadline(),
            was_created_here: wait.was_created_here(),
        };
        self.subscriptions.get(key).map(|own| of(&own.wait)).unwrap_or_default()
    }

    /// Its next step.
    pub(crate) fn next(&mut self, key: Key, now: Instant, way: Way) -> Step {
        self.begin_probe(key, now);
        let stands_in = self.list_stands_in(key, now, way);
        let Some(own) = self.subscriptions.get_mut(key) else { return Step::Own(Next::Sleep(Instant::NEVER)) };
        own.is_led = false;
        own.wait.wakes(now);
        if let Some(job) = own.wait.take_report() {
            return Step::Own(Next::Report(job));
        }
        let was_held = own.own_poll == OwnPoll::Held;
        if was_held {
            own.own_poll = OwnPoll::None;
            self.own_polls.held = self.own_polls.held.saturating_sub(1);
        }
        let step = if stands_in { self.share(key, now, way) } else { self.alone(key, now, way) };
        // The slot that it was woken for is another's.
        if was_held && !matches!(step, Step::Own(Next::TakeSlot { .. })) && !self.is_held(key) {
            self.wake_held();
        }
        step
    }

    fn is_held(&self, key: Key) -> bool {
        self.subscriptions.get(key).is_some_and(|own| own.own_poll == OwnPoll::Held)
    }

    /// Whether a list is to be had that makes polls of single jobs unnecessary. Where answers are
    /// in channels, lists never have them.
    fn has_lists(&self, now: Instant, way: Way) -> bool {
        self.sharing.count >= SHARED_FROM
            && self.answers.place != Answers::InChannels
            && match self.lists.availability(now) {
                Availability::Open => true,
                // Each could have a request of its own meanwhile; more than that would use up what
                // lists need.
                Availability::Failing { is_broken, .. } => !is_broken && way.spare < number(self.sharing.count),
                Availability::Refused => false,
            }
    }

    /// Whether a list stands in for this one's own polls.
    fn list_stands_in(&self, key: Key, now: Instant, way: Way) -> bool {
        let Some(own) = self.subscriptions.get(key) else { return false };
        own.wants_list(now) && self.has_lists(now, way)
    }

    /// The leader finds out where the answers are, as long as that is not known.
    fn begin_probe(&mut self, key: Key, now: Instant) {
        if self.sharing.leader != Some(key) || !self.answers.needs_probe(now) {
            return;
        }
        if let Some(own) = self.subscriptions.get_mut(key)
            && own.wants_list(now)
            && own.wait.is_channel_due(now)
        {
            own.is_probe = true;
            own.wait.is_active_again(now);
            self.answers.probe_begins(now);
        }
    }

    /// The step of one that polls by itself.
    fn alone(&mut self, key: Key, now: Instant, way: Way) -> Step {
        let has_lists = self.has_lists(now, way);
        if has_lists {
            self.resign(key, now);
        } else {
            self.disband(key);
        }
        let Some(own) = self.subscriptions.get_mut(key) else { return Step::Own(Next::Sleep(Instant::NEVER)) };
        let is_alone = !own.shares || own.is_left_out(now) || own.is_probe || !has_lists;
        let next = own.wait.next(now, Surroundings { quiet: way.quiet, is_alone, is_cached: way.is_cached });
        match next {
            Next::TakeSlot { by, slot: Slot::Ordinary } if own.shares && own.own_poll != OwnPoll::UnderWay => {
                self.begin_own_poll(key, by, way)
            }
            next => Step::Own(next),
        }
    }

    /// One that shares polls is about to poll by itself: of many, as many may as there are slots.
    fn begin_own_poll(&mut self, key: Key, by: Instant, way: Way) -> Step {
        let most = if self.sharing.count >= SHARED_FROM { way.spare.max(1.0) } else { f64::INFINITY };
        let Some(own) = self.subscriptions.get_mut(key) else { return Step::Own(Next::Sleep(Instant::NEVER)) };
        if number(self.own_polls.under_way) >= most {
            own.own_poll = OwnPoll::Held;
            own.wait.sleep_until(by);
            self.own_polls.held = self.own_polls.held.saturating_add(1);
            return Step::Own(Next::Sleep(by));
        }
        own.own_poll = OwnPoll::UnderWay;
        self.own_polls.under_way = self.own_polls.under_way.saturating_add(1);
        if number(self.own_polls.under_way) < most {
            self.wake_held();
        }
        Step::Own(Next::TakeSlot { by, slot: Slot::Ordinary })
    }

    /// One fewer polls by itself: the one that has waited longest may.
    fn wake_held(&mut self) {
        if self.own_polls.held == 0 {
            return;
        }
        let (mut first, mut due) = (None, Instant::NEVER);
        for (key, own) in self.subscriptions.iter() {
            if own.own_poll == OwnPoll::Held && own.wait.due() < due {
                (first, due) = (Some(key), own.wait.due());
            }
        }
        self.woken.extend(first);
    }

    /// The page is visible or online again.
    pub(crate) fn is_active_again(&mut self, key: Key, now: Instant) {
        if let Some(own) = self.subscriptions.get_mut(key) {
            // One return is several events, with room for a poll between them.
            if own.wait.was_just_seen(now) {
                return;
            }
            own.wait.is_active_again(now);
        }
        self.woken.extend(self.sharing.leader.filter(|leader| *leader != key && !self.sharing.is_listing));
    }

    /// Whether a slot was there in time; `None` when it is not needed any more.
    pub(crate) fn slot(&mut self, key: Key, now: Instant, taken: Option<bool>) {
        let Some(own) = self.subscriptions.get_mut(key) else { return };
        match taken {
            Some(true) => return own.wait.slot_taken(),
            Some(false) => own.wait.slot_missed(now),
            None => {}
        }
        self.own_poll_ends(key);
    }

    fn own_poll_ends(&mut self, key: Key) {
        if let Some(own) = self.subscriptions.get_mut(key)
            && own.own_poll == OwnPoll::UnderWay
        {
            own.own_poll = OwnPoll::None;
            self.own_polls.under_way = self.own_polls.under_way.saturating_sub(1);
            self.wake_held();
        }
    }

    /// What came of its poll.
    pub(crate) fn polled(&mut self, key: Key, now: Instant, outcome: Result<Seen>) {
        let place = self.answers.place;
        if let Ok(seen) = &outcome {
            self.answers.learn_from(seen);
        }
        if let Some(own) = self.subscriptions.get_mut(key) {
            if let Ok(seen) = &outcome {
                own.is_of(&seen.document, &mut self.agents);
                seen.document.share_texts(&self.texts);
            }
            own.wait.follow(self.agents.plan(&own.agent));
            own.was_polled(now);
            match outcome {
                Ok(seen) => own.wait.seen(now, seen, place),
                Err(error) => own.wait.failed(now, &error),
            }
        }
        self.own_poll_ends(key);
    }

    /// What came of reading its job's channel.
    pub(crate) fn channel_read(&mut self, key: Key, now: Instant, answer: ChannelAnswer) {
        let result = self.learn(answer);
        if let Some(own) = self.subscriptions.get_mut(key) {
            own.wait.channel_read(now, result);
        }
    }

    /// Learns where this server's answers are, and returns the result that a channel had.
    pub(crate) fn learn(&mut self, answer: ChannelAnswer) -> Option<Json> {
        match answer {
            ChannelAnswer::NoChannels => self.answers.place = Answers::InJobs,
            ChannelAnswer::None | ChannelAnswer::Failed => {}
            ChannelAnswer::Found(result) => {
                // From now on lists stand in for nobody.
                if self.answers.found_in_channel() {
                    self.wake_sharers();
                }
                return Some(result);
            }
        }
        None
    }

    /// Learns where this server's answers are from a job that was seen.
    pub(crate) fn learn_from(&mut self, seen: &Seen) {
        self.answers.learn_from(seen);
    }
}

/// A number of jobs, to be compared with slots of a rate limit, of which there may be no end.
#[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
fn number(jobs: usize) -> f64 {
    jobs as f64
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
