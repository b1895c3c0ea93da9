//! Of the waits that share polls, one asks for the list that serves them all: the leader. It has
//! the timer of all, too, and wakes each of the others when its time is over.

use super::subscription::Key;
use super::{Sharing, Step, Watch, Way, number};
use crate::http::retry::POLL_LIMIT;
use crate::time::{Instant, Millis};
use crate::waiting::job_wait::Next;

/// A leader that is silent for so long after its time is led itself from then on.
pub(super) const LOST: Millis = Millis::new(1_000.0);

impl Watch {
    /// Whether another one asks for lists on its behalf: it has nothing to do when the page is
    /// active again.
    pub(crate) fn has_other_leader(&self, key: Key) -> bool {
        let is_another = self.sharing.leader.is_some_and(|leader| leader != key);
        is_another && self.subscriptions.get(key).is_some_and(|own| own.shares)
    }

    /// The step of one whose polls a list stands in for.
    pub(super) fn share(&mut self, key: Key, now: Instant, way: Way) -> Step {
        let by = self.subscriptions.get(key).map_or(Instant::NEVER, |own| own.wait.shares_until(now));
        if self.sharing.leader != Some(key) {
            if self.sharing.leader.is_some() && now < self.sharing.attends_until + LOST {
                return self.be_led(key, by);
            }
            self.sharing.leader = Some(key);
            self.sharing.is_listing = false;
        }
        self.wake_ended(now);
        let mut until = by;
        if !self.sharing.is_listing {
            let due = self.list_due(now);
            if now >= due {
                self.sharing.is_listing = true;
                self.sharing.attends_until = by.min(now + POLL_LIMIT);
                self.lists.asked(now);
                return Step::List { query: self.lists.query(now, number(self.sharing.count), way.spare), by };
            }
            until = until.min(due);
        }
        if let Some(own) = self.subscriptions.get_mut(key) {
            own.wait.sleep_until(until);
        }
        let until = until.min(self.sharing.led_until);
        self.sharing.attends_until = until;
        Step::Own(Next::Sleep(until))
    }

    /// The step of one that the leader wakes, at that time at the latest.
    fn be_led(&mut self, key: Key, until: Instant) -> Step {
        if let Some(own) = self.subscriptions.get_mut(key) {
            own.wait.sleep_until(until);
            own.is_led = true;
        }
        let Sharing { leader, is_listing, attends_until, .. } = self.sharing;
        if until < self.sharing.led_until {
            self.sharing.led_until = until;
            // Unless it wakes before that anyway.
            self.woken.extend(leader.filter(|_| is_listing || until < attends_until));
        }
        Step::Led
    }

    /// Wakes those of the led ones whose time is over.
    pub(crate) fn wake_ended(&mut self, now: Instant) {
        if now < self.sharing.led_until {
            return;
        }
        let mut first = Instant::NEVER;
        for (key, own) in self.subscriptions.iter() {
            if !own.is_led {
                continue;
            }
            let until = own.wait.sleeps_until();
            if until <= now {
                self.woken.push(key);
            } else {
                first = first.min(until);
            }
        }
        self.sharing.led_until = first;
    }

    /// When the first of those who are led is to be woken.
    pub(crate) fn led_until(&self) -> Instant {
        self.sharing.led_until
    }

    /// When the next list is due. The more jobs are waited for, the more a list is worth: the gap
    /// for all is that of a single job whose answer comes at the sum of their rates.
    pub(super) fn list_due(&self, now: Instant) -> Instant {
        let (mut first, mut rate) = (Instant::NEVER, 0.0);
        for (_, own) in self.subscriptions.iter() {
            if !own.wants_list(now) {
                continue;
            }
            first = first.min(own.wait.due());
            // One that was not polled yet has no gap: its rate has no end.
            let gap = own.wait.gap().get();
            rate += 1.0 / (gap * gap);
        }
        self.lists.due(Millis::new(1.0 / rate.sqrt()), first)
    }

    /// It leads no longer: the one that waits for longest takes its place. If that one goes too, or
    /// polls by itself, it passes the place on: a call that was only woken may have been given up.
    pub(super) fn resign(&mut self, key: Key, now: Instant) {
        if self.sharing.leader != Some(key) {
            return;
        }
        // A list that is on its way ends with the one that has asked for it.
        let next = self.subscriptions.last_to_end(key, now);
        self.sharing.is_listing = false;
        self.sharing.leader = next;
        self.sharing.attends_until = now;
        match next {
            Some(leader) => self.woken.push(leader),
            // Who is left looks after itself.
            None => self.wake_sharers(),
        }
    }

    /// Nobody leads where there are no lists: those who slept in the meantime poll by themselves.
    pub(super) fn disband(&mut self, key: Key) {
        if self.sharing.leader == Some(key) {
            (self.sharing.leader, self.sharing.is_listing) = (None, false);
            self.wake_sharers();
        }
    }

    pub(super) fn wake_sharers(&mut self) {
        for (key, own) in self.subscriptions.iter() {
            if own.shares {
                self.woken.push(key);
            }
        }
    }
}
