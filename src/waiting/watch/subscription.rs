//! One wait among all of a client's, and all of them by their keys.

use std::rc::Rc;

use crate::json::Json;
use crate::time::{Instant, Millis};
use crate::waiting::agents::Agents;
use crate::waiting::job_wait::JobWait;
use crate::waiting::list_schedule::Which;

/// For so long a job that lists leave out is polled by itself; then the next list may have it.
const UNLISTED: Millis = Millis::new(10_000.0);

/// Names a subscription while it lasts.
pub(crate) type Key = usize;

/// Whether lists show a job that is not finished.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Listing {
    /// They do, as far as is known.
    Shown,
    /// The last list of all jobs does not. One alone says nothing: a server that has just begun
    /// shows an empty one.
    Missed,
    /// The last list does not, or leaves its answer out: it is polled by itself.
    MustPoll,
    /// They do not, as those that servers cut off: until then it is polled by itself.
    LeftOut { until: Instant },
}

/// The poll of its own that a subscription makes though it shares the polls of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnPoll {
    /// There is none.
    None,
    /// It waits until fewer poll by themselves.
    Held,
    /// It has a rate-limit slot, or waits for one.
    UnderWay,
}

/// One wait.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) wait: JobWait,
    /// The agent that was asked, as far as is known; the name is shared by all who wait for it.
    pub(super) agent: Rc<str>,
    /// Whether the polls of others may serve it.
    pub(super) shares: bool,
    pub(super) listing: Listing,
    pub(super) own_poll: OwnPoll,
    /// It polls by itself once, to find out whether answers are in the channels of jobs.
    pub(super) is_probe: bool,
    /// Whether it sleeps without a timer of its own: the leader wakes it when its time is over.
    pub(super) is_led: bool,
}

impl Subscription {
    /// `agent` is empty where it is not known.
    pub(super) fn new(wait: JobWait, agent: Rc<str>, shares: bool) -> Self {
        let (listing, own_poll) = (Listing::Shown, OwnPoll::None);
        Self { wait, agent, shares, listing, own_poll, is_probe: false, is_led: false }
    }

    /// The job was seen: where the agent was not known, it is now. That a server chooses for a job
    /// which was created here without one stays what it is: the server's choice.
    pub(super) fn is_of(&mut self, job: &Json, agents: &mut Agents) {
        if self.agent.is_empty() && !self.wait.was_created_here() {
            self.agent = agents.name(&job.get_text("agentId").unwrap_or_default());
        }
    }

    /// Whether lists are known not to show the job.
    pub(super) fn is_left_out(&self, now: Instant) -> bool {
        matches!(self.listing, Listing::LeftOut { until } if now < until)
    }

    /// Whether the next list may say something about the job.
    pub(super) fn is_served(&self, now: Instant) -> bool {
        self.listing != Listing::MustPoll && !self.is_left_out(now)
    }

    /// A list that is not cut off does not show the job. Returns whether it has something to do
    /// now.
    pub(super) fn missed_by(&mut self, list: Which, now: Instant) -> bool {
        match self.listing {
            // Still: it goes on as before, at its own times.
            Listing::LeftOut { .. } => self.listing = Listing::LeftOut { until: now + UNLISTED },
            Listing::Shown if list == Which::All => {
                self.listing = Listing::Missed;
                return false;
            }
            _ => self.must_poll(now),
        }
        true
    }

    /// It is polled by itself, at once.
    pub(super) fn must_poll(&mut self, now: Instant) {
        self.listing = Listing::MustPoll;
        self.wait.is_active_again(now);
    }

    /// It was polled by itself.
    pub(super) fn was_polled(&mut self, now: Instant) {
        self.is_probe = false;
        if self.listing == Listing::MustPoll {
            self.listing = Listing::LeftOut { until: now + UNLISTED };
        }
    }

    /// Whether lists are asked for on its behalf.
    pub(super) fn wants_list(&self, now: Instant) -> bool {
        let has_time = !self.wait.is_expired(now) && now < self.wait.shares_until(now);
        self.shares && self.is_served(now) && !self.is_probe && self.wait.is_idle() && has_time
    }
}

/// Puts a value at the end of a list of which there may be thousands. A vector doubles when it is
/// full; this one grows by an eighth.
pub(crate) fn push<V>(list: &mut Vec<V>, value: V) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(4));
    }
    list.push(value);
}

/// The waits of one client by their keys. A key that is free is used again.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Boxed, so that a vector that grows moves little, and an empty place costs little.
    entries: Vec<Option<Box<Subscription>>>,
    free: Vec<Key>,
}

impl Subscriptions {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.entries.len()
    }

    /// The number that all keys are below.
    pub(super) fn key_end(&self) -> Key {
        self.entries.len()
    }

    pub(super) fn insert(&mut self, subscription: Subscription) -> Key {
        let key = self.free.pop().unwrap_or(self.entries.len());
        match self.entries.get_mut(key) {
            Some(entry) => *entry = Some(Box::new(subscription)),
            None => push(&mut self.entries, Some(Box::new(subscription))),
        }
        key
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Box<Subscription>> {
        let removed = self.entries.get_mut(key).and_then(Option::take)?;
        self.free.push(key);
        Some(removed)
    }

    pub(super) fn get(&self, key: Key) -> Option<&Subscription> {
        self.entries.get(key)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Subscription> {
        self.entries.get_mut(key)?.as_deref_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Subscription)> {
        self.entries.iter().enumerate().filter_map(|(key, own)| Some((key, own.as_deref()?)))
    }

    /// Of the others that want lists, the one that waits for longest; of several the newest.
    pub(super) fn last_to_end(&self, but: Key, now: Instant) -> Option<Key> {
        let (mut last, mut latest) = (None, Instant::LONG_AGO);
        for (key, own) in self.iter() {
            let until = own.wait.shares_until(now);
            if key != but && until >= latest && own.wants_list(now) {
                (last, latest) = (Some(key), until);
            }
        }
        last
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut Subscription)> {
        self.entries.iter_mut().enumerate().filter_map(|(key, own)| Some((key, own.as_deref_mut()?)))
    }

    /// What stands under so many keys from this one on.
    pub(super) fn range_mut(&mut self, from: Key, count: usize) -> impl Iterator<Item = (Key, Option<&mut Subscription>)> {
        self.entries.iter_mut().enumerate().skip(from).take(count).map(|(key, own)| (key, own.as_deref_mut()))
    }
}
