//! Performs what the watch decides: sends, sleeps, and passes on what has come.
//!
//! The calls themselves do all of it. There is no task beside them, so that nothing is left over
//! when they have ended, and a call that is given up stops at once: dropping its future is enough.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::rc::Rc;

use crate::api::error::Result;
use crate::api::jobs::{self, Created, JobStatus, Seen};
use crate::api::options::CallOptions;
use crate::api::update::Update;
use crate::http::rate_limit::Slot;
use crate::http::retry::POLL_LIMIT;
use crate::http::run::Http;
use crate::json::{Json, Kind};
use crate::platform::{Method, Platform, within};
use crate::time::{Deadline, Instant, Millis, WallTime};
use crate::waiting::channel::{self, Answers};
use crate::waiting::job_list::JobList;
pub(crate) use crate::waiting::job_wait::outcome;
use crate::waiting::job_wait::{Next, Terms};
use crate::waiting::learned_record::LearnedRecord;
use crate::waiting::list_schedule::ListQuery;
pub use crate::waiting::pace::Pace;
pub use crate::waiting::schedule::WaitPlan;
pub(crate) use crate::waiting::watch::Waited;
use crate::waiting::watch::{ChannelAnswer, Key, ListLimit, Step, Watch, Way, push};

/// The options of polling.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// What polls are worth, and how far they may be apart.
    pub pace: Pace,
    /// Whether what was learned about the agents is kept in the store.
    pub is_kept: bool,
}

impl Default for Polling {
    fn default() -> Self {
        Self { pace: Pace::default(), is_kept: true }
    }
}

/// A wait for one job.
pub(crate) struct Wanted<'a, 'i> {
    pub(crate) job_id: &'i str,
    pub(crate) call: &'a CallOptions,
    /// The agent that was asked; empty where that is not known.
    pub(crate) agent: &'i str,
    /// How long the job lives, where it was created here.
    pub(crate) lifetime: Option<Millis>,
    /// Whether the job was there before the call began.
    pub(crate) was_there: bool,
    /// When the caller's time is over; infinite without a limit.
    pub(crate) deadline: Instant,
    pub(crate) plan: WaitPlan,
}

impl<'a, 'i> Wanted<'a, 'i> {
    /// The wait for a job that was created by this client, just now or before. `agent` is empty
    /// where it is not known.
    pub(crate) fn created(job: &'i Created, agent: &'i str, end: Deadline, call: &'a CallOptions, plan: WaitPlan) -> Self {
        let Created { job_id, lifetime, was_there, .. } = job;
        let (lifetime, was_there, deadline) = (Some(*lifetime), *was_there, end.instant());
        Self { job_id, call, agent, lifetime, was_there, deadline, plan }
    }
}

/// What tells a subscription that it has something to do.
#[derive(Debug, Default)]
struct Signal {
    is_set: bool,
    waker: Option<Waker>,
}

/// All waits of a client.
#[derive(Debug)]
pub(crate) struct JobWatch {
    /// Shared with the tasks that read and write what was learned.
    watch: Rc<RefCell<Watch>>,
    signals: RefCell<Vec<Signal>>,
    /// Absent where nothing is kept.
    record: Option<Rc<LearnedRecord>>,
}

impl JobWatch {
    pub(crate) fn new(polling: Polling) -> Self {
        Self {
            watch: Rc::new(RefCell::new(Watch::new(polling.pace))),
            signals: RefCell::default(),
            record: polling.is_kept.then(Rc::default),
        }
    }

    /// The server has said how long its agents take on average.
    pub(crate) fn average_is(&self, average: Millis) {
        self.watch.borrow_mut().agents.average_is(average);
    }

    /// Has what was learned read from the store, once, beside whatever else is done.
    pub(crate) fn recall<P: Platform + 'static>(&self, http: &Http<P>, plan: WaitPlan) {
        if let Some(record) = self.record.as_ref().filter(|_| plan.is_ours()) {
            record.recall(http, &self.watch);
        }
    }

    /// Has what was learned written to the store, beside whatever else is done.
    fn keep<P: Platform + 'static>(&self, http: &Http<P>) {
        if let Some(record) = &self.record {
            record.keep(http, &self.watch);
        }
    }

    /// Waits until the job is final, which it returns, or until a limit is reached. `update`
    /// receives the job when it is seen for the first time, and in another status.
    pub(crate) fn wait<'a, P: Platform + 'static>(
        &'a self,
        http: &'a Http<P>,
        wanted: Wanted<'a, '_>,
        update: &'a dyn Fn(Update),
    ) -> Wait<'a, P> {
        Wait { subscription: Subscription::new(self, http, wanted), update, work: None }
    }

    /// A job that was read outside the waits: with its answer from its channel, where this server's
    /// answers are there.
    pub(crate) async fn complete<P: Platform>(
        &self,
        http: &Http<P>,
        seen: Seen,
        job_id: &str,
        by: Instant,
        call: &CallOptions,
    ) -> Seen {
        self.watch.borrow_mut().learn_from(&seen);
        let in_channels = self.watch.borrow().answers() == Answers::InChannels;
        let is_last = seen.status == JobStatus::Timeout;
        if !is_last && (seen.status.is_terminal() || !in_channels) {
            return seen;
        }
        let answer = self.read_channel(http, job_id, seen.created_at(), by, call, Slot::last_if(is_last)).await;
        match self.change(|watch| watch.learn(answer)) {
            Some(result) => channel::answered(seen, result),
            None => seen,
        }
    }

    /// Reads the answer that a job does not have from its channel.
    async fn read_channel<P: Platform>(
        &self,
        http: &Http<P>,
        job_id: &str,
        created_at: Option<WallTime>,
        by: Instant,
        call: &CallOptions,
        slot: Slot,
    ) -> ChannelAnswer {
        let known = |channels: Option<&Json>| channel::messages_route(job_id, channels?);
        let mut route = known(self.watch.borrow().channels());
        if route.is_none() {
            let channels = match read_list(http, "channels", channel::CHANNELS, by, call, slot).await {
                Ok(channels) => channel::by_name(&channels),
                Err(answer) => return answer,
            };
            route = known(Some(&channels));
            self.watch.borrow_mut().channels_shown(channels);
        }
        let Some(route) = route else { return ChannelAnswer::None };
        let Ok(messages) = read_list(http, "messages", &route, by, call, slot).await else {
            // After a restart of the server it is another one.
            self.watch.borrow_mut().forget_channels();
            return ChannelAnswer::Failed;
        };
        let result = channel::result(&messages, created_at, &|text| http.platform.parse_date(text));
        result.map_or(ChannelAnswer::None, ChannelAnswer::Found)
    }

    /// Changes the watch, and wakes the subscriptions that have something to do because of it.
    fn change<T>(&self, change: impl FnOnce(&mut Watch) -> T) -> T {
        let mut watch = self.watch.borrow_mut();
        let value = change(&mut watch);
        let woken = watch.take_woken();
        drop(watch);
        for key in woken {
            let waker = self.signals.borrow_mut().get_mut(key).and_then(|signal| {
                signal.is_set = true;
                signal.waker.take()
            });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        value
    }
}

/// A wait that is under way; it ends when it is dropped. Written by hand: ten thousand may wait,
/// and an `async` function would hold most of this twice.
pub(crate) struct Wait<'a, P: Platform + 'static> {
    subscription: Subscription<'a, P>,
    update: &'a dyn Fn(Update),
    /// What is done at the moment. `None` for one that is led: nearly all of thousands that wait.
    work: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

impl<'a, P: Platform + 'static> Wait<'a, P> {
    /// The call that waits.
    pub(crate) fn call(&self) -> &'a CallOptions {
        self.subscription.call
    }

    /// Ends it, and returns what it was for.
    pub(crate) fn ended(self) -> Waited {
        self.subscription.waited()
    }
}

impl<P: Platform + 'static> Future for Wait<'_, P> {
    type Output = Result<Seen>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Seen>> {
        let own = self.subscription;
        loop {
            let polled = match &mut self.work {
                Some(work) => work.as_mut().poll(context),
                None => own.poll_signal(context),
            };
            if polled.is_pending() {
                return Poll::Pending;
            }
            // Dropped before the next one begins.
            self.work = None;
            self.work = match own.next() {
                Step::Own(Next::Over(end)) => return Poll::Ready(*end),
                Step::Own(Next::Report(job)) => {
                    (self.update)(Update::Status(job));
                    own.set_signal();
                    continue;
                }
                Step::Led => continue,
                Step::Own(Next::Sleep(until)) => Some(Box::pin(own.sleep(until))),
                Step::Own(Next::TakeSlot { by, slot }) => Some(Box::pin(own.take_slot(by, slot))),
                Step::Own(Next::Poll { limit }) => Some(Box::pin(own.poll(limit))),
                Step::Own(Next::ReadChannel { created_at, by, slot }) => Some(Box::pin(own.read_channel(created_at, by, slot))),
                Step::List { query, by } => Some(Box::pin(own.lead(query, by))),
            };
        }
    }
}

impl<P: Platform + 'static> Drop for Wait<'_, P> {
    fn drop(&mut self) {
        self.work = None;
        self.subscription.end();
    }
}

/// One that waits, among all of a client's.
struct Subscription<'a, P: Platform + 'static> {
    all: &'a JobWatch,
    http: &'a Http<P>,
    call: &'a CallOptions,
    key: Key,
}

impl<P: Platform + 'static> Clone for Subscription<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Platform + 'static> Copy for Subscription<'_, P> {}

impl<'a, P: Platform + 'static> Subscription<'a, P> {
    fn new(all: &'a JobWatch, http: &'a Http<P>, wanted: Wanted<'a, '_>) -> Self {
        let Wanted { job_id, call, agent, plan, lifetime, was_there, deadline } = wanted;
        // Headers of its own go with no other poll.
        let may_share = call.headers.is_empty() && !call.runs_only_while_read;
        let terms = Terms { plan, lifetime, was_there, deadline, limit: call.timeout, may_share };
        let key = all.change(|watch| watch.subscribe(job_id, agent, terms, http.platform.now()));
        let mut signals = all.signals.borrow_mut();
        while signals.len() <= key {
            push(&mut signals, Signal::default());
        }
        drop(signals);
        let own = Self { all, http, call, key };
        // It has its first step to do.
        own.set_signal();
        own
    }

    fn end(&self) {
        self.with_signal(|signal| *signal = Signal::default());
        self.all.change(|watch| watch.unsubscribe(self.key, self.now()));
        self.all.keep(self.http);
    }

    fn now(&self) -> Instant {
        self.http.platform.now()
    }

    fn waited(&self) -> Waited {
        self.all.watch.borrow().waited(self.key)
    }

    fn way(&self) -> Way {
        let is_cached = self.http.freshness.borrow().is_cache_in_the_way();
        Way { quiet: self.http.pause_left(), spare: self.http.spare_slots(), is_cached }
    }

    fn with_signal(&self, change: impl FnOnce(&mut Signal)) {
        if let Some(signal) = self.all.signals.borrow_mut().get_mut(self.key) {
            change(signal);
        }
    }

    fn clear_signal(&self) {
        self.with_signal(|signal| signal.is_set = false);
    }

    fn set_signal(&self) {
        self.with_signal(|signal| signal.is_set = true);
    }

    fn next(&self) -> Step {
        self.clear_signal();
        self.all.change(|watch| watch.next(self.key, self.now(), self.way()))
    }

    /// Whether there is something to do; if not, the one that polls is woken when there is.
    fn poll_signal(&self, context: &Context<'_>) -> Poll<()> {
        let mut polled = Poll::Ready(());
        self.with_signal(|signal| {
            if !signal.is_set {
                signal.waker = Some(context.waker().clone());
                polled = Poll::Pending;
            }
        });
        polled
    }

    /// Waits until there is something to do.
    async fn signal(&self) {
        poll_fn(|context| self.poll_signal(context)).await;
    }

    async fn sleep(self, until: Instant) {
        let duration = until.since(self.now());
        if self.all.watch.borrow().has_other_leader(self.key) {
            within(self.signal(), self.http.platform.sleep(duration)).await;
            return;
        }
        let mut is_active_again = false;
        let sleep = async { is_active_again = self.http.platform.sleep_until_active(duration).await };
        within(self.signal(), sleep).await;
        if is_active_again {
            self.all.change(|watch| watch.is_active_again(self.key, self.now()));
        }
    }

    /// Waits for a slot of the rate limit, which is given back when a list answers sooner.
    async fn take_slot(self, by: Instant, slot: Slot) {
        let mut taken = None;
        let take = async { taken = Some(self.http.take_slot(Deadline::at(by), slot).await) };
        within(take, self.signal()).await;
        self.all.change(|watch| watch.slot(self.key, self.now(), taken));
    }

    async fn poll(self, limit: Millis) {
        let (id, call) = (self.waited().job_id, self.call);
        let end = self.now() + limit;
        let poll = async || {
            // Another poll is the retry.
            let call = self.limited(call, end.since(self.now()));
            let outcome = self.http.get_job(&id, &call, 0).await;
            self.all.change(|watch| watch.polled(self.key, self.now(), outcome));
        };
        self.http.again_when_active(&|| Box::pin(poll())).await;
    }

    async fn read_channel(self, created_at: Option<WallTime>, by: Instant, slot: Slot) {
        let (id, call) = (self.waited().job_id, self.call);
        let read = async || {
            let answer = self.all.read_channel(self.http, &id, created_at, by, call, slot).await;
            self.all.change(|watch| watch.channel_read(self.key, self.now(), answer));
        };
        self.http.again_when_active(&|| Box::pin(read())).await;
    }

    /// Asks for a list on behalf of all, and wakes those whose time ends meanwhile.
    async fn lead(self, query: ListQuery, by: Instant) {
        let list = || -> Pin<Box<dyn Future<Output = ()> + '_>> { Box::pin(self.list(query, by)) };
        let mut list = pin!(self.http.again_when_active(&list));
        loop {
            let until = self.all.watch.borrow().led_until();
            let end = self.http.platform.sleep(until.since(self.now()));
            let interruption = async {
                within(self.signal(), end).await;
            };
            if within(list.as_mut(), interruption).await.is_some() {
                return;
            }
            self.clear_signal();
            self.all.change(|watch| watch.wake_ended(self.now()));
        }
    }

    /// Asks for a list and passes it on.
    async fn list(&self, query: ListQuery, by: Instant) {
        if !self.http.take_slot(Deadline::at(by), Slot::Ordinary).await {
            return self.all.change(|watch| watch.list_given_up(self.key, self.now()));
        }
        let asked_at = self.now();
        let mut request = self.http.request(Method::Get, &query.path(), &CallOptions::default());
        request.answers = f64::from(query.limit);
        let limit = self.all.watch.borrow().list_limit().min(self.http.timeout());
        let end = by.min(asked_at + limit);
        let list = self.http.read_request(request, Deadline::at(end), 0, "a list of jobs", &jobs::list).await;
        match list {
            Ok(list) => self.listed(JobList::new(query, asked_at, &list)).await,
            Err(error) => {
                let (now, way) = (self.now(), self.way());
                let limit = if now >= by { ListLimit::Leader } else { ListLimit::Request };
                self.all.change(|watch| watch.list_failed(query, now, way, &error, limit));
            }
        }
    }

    /// Passes a list on, without keeping the program from other work.
    async fn listed(&self, mut list: JobList) {
        while !list.read_on() {
            self.http.platform.sleep(Millis::ZERO).await;
        }
        while !self.all.change(|watch| watch.listed(&mut list, self.now())) {
            self.http.platform.sleep(Millis::ZERO).await;
        }
    }

    fn limited(&self, call: &CallOptions, limit: Millis) -> CallOptions {
        let limit = limit.min(self.http.timeout());
        CallOptions { timeout: Some(limit), headers: call.headers.clone(), ..CallOptions::default() }
    }
}

/// The list `key` in `data`, if it can be had in time.
async fn read_list<P: Platform>(
    http: &Http<P>,
    key: &str,
    path: &str,
    by: Instant,
    call: &CallOptions,
    slot: Slot,
) -> Result<Vec<Json>, ChannelAnswer> {
    if !http.take_slot(Deadline::at(by), slot).await {
        return Err(ChannelAnswer::Failed);
    }
    let limit = if slot == Slot::LastPoll { http.timeout() } else { POLL_LIMIT.min(http.timeout()) };
    let left = by.since(http.platform.now()).min(limit);
    if !left.is_positive() {
        return Err(ChannelAnswer::Failed);
    }
    let call = CallOptions { timeout: Some(left), headers: call.headers.clone(), ..CallOptions::default() };
    // Nothing comes after the last one.
    let retries = if slot == Slot::LastPoll { 1 } else { 0 };
    match http.read(Method::Get, path, &call, retries, key, &Some).await {
        Ok(document) => {
            let list = document.get("data").and_then(|data| data.get(key)).filter(|list| list.kind() == Kind::Array);
            list.map(|list| list.elements()).ok_or(ChannelAnswer::NoChannels)
        }
        Err(error) if error.is_last_word() => Err(ChannelAnswer::NoChannels),
        Err(_) => Err(ChannelAnswer::Failed),
    }
}
