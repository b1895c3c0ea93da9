//! Many jobs at once, each with a call of its own that waits for it: a world of events in which the
//! calls really run beside each other, and a server with the real one's limiter that counts what it
//! is asked.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "instants as whole numbers, which can be ordered and counted"
)]

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::world::{BASE, plain};
use eliza_jobs::api::error::{Error, ErrorCode};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Client, Config};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::WalletCapabilities;
use eliza_jobs::platform::{Body, HttpRequest, HttpResponse, Method, SendError, SendFailure};
use eliza_jobs::platform::{Callback, Platform, StoreOperation};
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::policy::SpendPolicy;
use eliza_jobs::time::{Instant, Millis, WallTime};
use eliza_jobs::waiting::run::{Polling, WaitPlan};

/// There and back, in milliseconds.
const RTT: f64 = 50.0;
/// What a job is in a list, in KB: as long as it is not finished, and with its answer.
const SIZES: (f64, f64) = (0.6, 2.6);
/// How long a job lives, in milliseconds.
const LIFETIME: f64 = 300_000.0;

#[derive(Clone, Copy, PartialEq)]
enum Limiter {
    None,
    /// Its headers can be read.
    Told,
    /// They cannot, as in a page of another origin.
    Hidden,
}

/// What the server does with lists.
#[derive(Clone, Copy, PartialEq)]
enum Lists {
    Shown,
    Refused(u16),
    /// No more than so many.
    Cut(usize),
    Absent,
    /// No answer, and no end.
    Hang,
}

/// What becomes of one list that is asked for.
#[derive(Clone, Copy, PartialEq)]
enum ListFault {
    Status(u16),
    WebPage,
    /// JSON that is no list.
    NoList,
    /// JSON that breaks off.
    Truncated,
    Hangs,
}

struct Job {
    created_at: f64,
    done_at: f64,
}

/// A server as elizaOS's, as far as looks go.
struct Server {
    jobs: Vec<Job>,
    limiter: Limiter,
    lists: Lists,
    window: (f64, u32),
    /// Requests: looks at one job, lists, creates; and those that the limiter refused.
    counts: [usize; 4],
    sent_at: Vec<f64>,
    kilobytes: f64,
    /// What happens to the next lists.
    list_faults: VecDeque<ListFault>,
    /// What the last answer weighs, in KB.
    last_kilobytes: f64,
    /// What the lists asked for, without repetitions.
    queries: Vec<String>,
    /// How long a job lives, in milliseconds.
    lifetime: f64,
    /// Answers are in channels, and no job is ever completed: as with elizaOS 1.7.2. And how often
    /// channels were asked for.
    in_channels: bool,
    channel_requests: usize,
    /// The largest answer that is taken, in KB; one that stands for thousands may be as many times
    /// larger.
    max_kilobytes: f64,
}

impl Server {
    fn handle(&mut self, now: f64, request: &HttpRequest) -> HttpResponse {
        self.sent_at.push(now);
        let mut headers = vec![];
        if self.limiter != Limiter::None {
            if now >= self.window.0 {
                self.window = (now + 900_000.0, 1_000);
            }
            let seconds = ((self.window.0 - now) / 1000.0).ceil();
            if self.limiter == Limiter::Told {
                headers.push(("ratelimit-limit", "1000".to_owned()));
                headers.push(("ratelimit-remaining", self.window.1.saturating_sub(1).to_string()));
                headers.push(("ratelimit-reset", seconds.to_string()));
            }
            if self.window.1 == 0 {
                self.counts[3] += 1;
                if self.limiter == Limiter::Told {
                    headers.push(("retry-after", seconds.to_string()));
                }
                return HttpResponse { status: 429, headers, body: Body::Empty };
            }
            self.window.1 -= 1;
        }
        let (status, body) = self.answer(now, request);
        HttpResponse { status, headers, body: Body::Json(body) }
    }

    fn answer(&mut self, now: f64, request: &HttpRequest) -> (u16, Json) {
        let Some(rest) = request.url.strip_prefix(BASE).unwrap().strip_prefix("/api/messaging/jobs") else {
            self.counts[0] += 1;
            self.channel_requests += 1;
            return self.channel(now, &request.url);
        };
        if request.method == Method::Post {
            self.counts[2] += 1;
            let content: Json = Json::parse(request.body.as_deref().unwrap()).unwrap();
            let takes: f64 = content["content"].as_str().unwrap().parse().unwrap();
            self.jobs.push(Job { created_at: now, done_at: now + takes });
            return (201, self.show(self.jobs.len() - 1, now));
        }
        if let Some(id) = rest.strip_prefix("/job-") {
            self.counts[0] += 1;
            let id: usize = id.parse().unwrap();
            if now > self.jobs[id].created_at + self.lifetime + 30_000.0 {
                return (404, json!({"error": "Job not found"}));
            }
            self.kilobytes += if now < self.jobs[id].done_at { SIZES.0 } else { SIZES.1 };
            return (200, self.show(id, now));
        }
        self.counts[1] += 1;
        if self.queries.last().is_none_or(|last| last != rest) {
            self.queries.push(rest.to_owned());
        }
        match self.lists {
            Lists::Refused(status) => return (status, json!({"error": "no"})),
            Lists::Absent => return (200, json!({"welcome": true})),
            Lists::Shown | Lists::Cut(_) | Lists::Hang => {}
        }
        let limit = rest.split_once("limit=").map_or(50, |(_, rest)| rest.split('&').next().unwrap().parse().unwrap());
        let most = if let Lists::Cut(most) = self.lists { most.min(limit) } else { limit };
        let unfinished = rest.contains("status=processing");
        let there = |job: &Job| job.created_at <= now && (!unfinished || self.in_channels || now < job.done_at);
        let listed: Vec<usize> = (0..self.jobs.len()).rev().filter(|id| there(&self.jobs[*id])).take(most).collect();
        self.last_kilobytes = listed.iter().map(|id| if now < self.jobs[*id].done_at { SIZES.0 } else { SIZES.1 }).sum::<f64>();
        self.kilobytes += self.last_kilobytes;
        let jobs: Vec<Json> = listed.iter().map(|id| self.show(*id, now)).collect();
        (200, json!({"total": self.jobs.len(), "filtered": jobs.len(), "jobs": jobs}))
    }

    /// Where an answer may be that a job never heard of.
    fn channel(&self, now: f64, url: &str) -> (u16, Json) {
        let id_of = |id: usize| format!("22222222-2222-4222-8222-{id:012}");
        if !self.in_channels {
            return (404, json!({"error": "no"}));
        }
        if url.ends_with("/channels") {
            let one = |id: usize| json!({"id": id_of(id), "name": format!("job-job-{id}")});
            let channels: Vec<Json> = (0..self.jobs.len()).map(one).collect();
            return (200, json!({"data": {"channels": channels}}));
        }
        let id = (0..self.jobs.len()).find(|id| url.contains(&id_of(*id))).unwrap();
        let at = self.jobs[id].done_at;
        let answer = json!({"id": "m", "content": "here", "sourceType": "agent_response", "created_at": at});
        let messages = if now >= at { vec![answer] } else { vec![] };
        (200, json!({"data": {"messages": messages}}))
    }

    fn show(&self, id: usize, now: f64) -> Json {
        let Job { created_at, done_at } = self.jobs[id];
        let mut job = json!({"jobId": format!("job-{id}"), "status": "processing", "createdAt": created_at, "expiresAt": created_at + self.lifetime});
        if now >= created_at + self.lifetime {
            job["status"] = json!("timeout").0;
        }
        if now >= done_at && !self.in_channels {
            job["status"] = json!("completed").0;
            job["result"] = json!({"message": {"content": "here"}, "processingTimeMs": done_at - created_at}).0;
        }
        job
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Ready = Arc<Mutex<VecDeque<usize>>>;

struct World {
    now: Cell<f64>,
    server: RefCell<Server>,
    /// When, in microseconds, and which sleeper.
    timers: RefCell<BinaryHeap<Reverse<(u64, u64)>>>,
    sleepers: RefCell<std::collections::BTreeMap<u64, Waker>>,
    timer_ids: Cell<u64>,
    tasks: RefCell<Vec<Option<Task>>>,
    ready: Ready,
    /// Requests that arrive now fail like this.
    down: Cell<Option<SendFailure>>,
    /// Until when the page, its machine or the network sleeps.
    sleeps_until: Cell<f64>,
    /// How often it was active again, and who waits for that.
    returns: Cell<u32>,
    expecting: RefCell<Vec<Waker>>,
}

struct Alarm {
    id: usize,
    ready: Ready,
}
impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.id);
    }
}

/// A sleep that is forgotten when it is dropped.
struct Sleep(Rc<World>, u64);
impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut sleepers = self.0.sleepers.borrow_mut();
        match sleepers.get_mut(&self.1) {
            Some(waker) => {
                *waker = context.waker().clone();
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}
impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.sleepers.borrow_mut().remove(&self.1);
    }
}

impl World {
    fn new(limiter: Limiter, lists: Lists) -> Rc<Self> {
        let server = Server {
            jobs: vec![],
            limiter,
            lists,
            window: (0.0, 0),
            counts: [0; 4],
            sent_at: vec![],
            kilobytes: 0.0,
            list_faults: VecDeque::new(),
            last_kilobytes: 0.0,
            queries: vec![],
            lifetime: LIFETIME,
            in_channels: false,
            channel_requests: 0,
            max_kilobytes: 8_000.0,
        };
        Rc::new(Self {
            now: Cell::new(0.0),
            server: RefCell::new(server),
            timers: RefCell::default(),
            sleepers: RefCell::default(),
            timer_ids: Cell::new(0),
            tasks: RefCell::default(),
            ready: Ready::default(),
            down: Cell::new(None),
            sleeps_until: Cell::new(0.0),
            returns: Cell::new(0),
            expecting: RefCell::default(),
        })
    }
    fn sleep(self: &Rc<Self>, ms: f64) -> Sleep {
        let id = self.timer_ids.get() + 1;
        self.timer_ids.set(id);
        self.sleepers.borrow_mut().insert(id, Waker::noop().clone());
        if ms.is_finite() {
            // Whole microseconds, so that instants can be ordered.
            self.timers.borrow_mut().push(Reverse((((self.now.get() + ms) * 1000.0).ceil() as u64, id)));
        }
        Sleep(self.clone(), id)
    }
    /// The page sleeps until this instant, and is active again.
    fn sleep_page(self: &Rc<Self>, until: f64) {
        self.sleeps_until.set(until);
        let (world, sleep) = (self.clone(), self.sleep(until - self.now.get()));
        self.begin(async move {
            sleep.await;
            world.returns.set(world.returns.get() + 1);
            world.expecting.take().into_iter().for_each(Waker::wake);
        });
    }
    fn begin(&self, task: impl Future<Output = ()> + 'static) -> usize {
        let id = self.tasks.borrow().len();
        self.tasks.borrow_mut().push(Some(Box::pin(task)));
        self.ready.lock().unwrap().push_back(id);
        id
    }
    /// Goes on until nothing is left to do, or until this instant.
    fn run(&self, until: f64) {
        loop {
            let ready = self.ready.lock().unwrap().pop_front();
            if let Some(id) = ready {
                let Some(mut task) = self.tasks.borrow_mut()[id].take() else { continue };
                let waker = Waker::from(Arc::new(Alarm { id, ready: self.ready.clone() }));
                if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                    self.tasks.borrow_mut()[id] = Some(task);
                }
                continue;
            }
            let Some(Reverse((at, timer))) = self.timers.borrow_mut().pop() else { break };
            let Some(waker) = self.sleepers.borrow_mut().remove(&timer) else { continue };
            if at as f64 / 1000.0 > until {
                self.timers.borrow_mut().push(Reverse((at, timer)));
                self.sleepers.borrow_mut().insert(timer, waker);
                self.now.set(until);
                return;
            }
            self.now.set(self.now.get().max(at as f64 / 1000.0));
            waker.wake();
        }
    }
    /// Whether all calls have come to an end.
    fn is_over(&self) -> bool {
        self.tasks.borrow().iter().all(Option::is_none)
    }
}

#[derive(Clone)]
struct Shared(Rc<World>);

impl Platform for Shared {
    type Lock = ();
    async fn send(&self, request: &HttpRequest, _hear: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        let world = &self.0;
        if world.now.get() < world.sleeps_until.get() {
            // Sent on a connection that does not outlive the sleep.
            world.sleep(request.timeout.get()).await;
            return Err(SendError { failure: SendFailure::Timeout, words: String::new(), cause: None, partial: String::new() });
        }
        if request.timeout.get() < RTT {
            world.sleep(request.timeout.get()).await;
            return Err(SendError { failure: SendFailure::Timeout, words: String::new(), cause: None, partial: String::new() });
        }
        world.sleep(RTT / 2.0).await;
        if let Some(failure) = world.down.get() {
            world.server.borrow_mut().sent_at.push(world.now.get());
            return Err(SendError { failure, words: String::new(), cause: None, partial: String::new() });
        }
        if world.server.borrow().lists == Lists::Hang && request.method == Method::Get && request.url.contains("/jobs?") {
            world.server.borrow_mut().counts[1] += 1;
            world.sleep(request.timeout.get() - RTT / 2.0).await;
            return Err(SendError { failure: SendFailure::Timeout, words: String::new(), cause: None, partial: String::new() });
        }
        let is_list = request.method == Method::Get && request.url.contains("/jobs?");
        let fault = if is_list { world.server.borrow_mut().list_faults.pop_front() } else { None };
        world.server.borrow_mut().last_kilobytes = 0.0;
        let mut answer = world.server.borrow_mut().handle(world.now.get(), request);
        #[expect(clippy::result_large_err, reason = "the trait has it so")]
        let failure = |failure| Err(SendError { failure, words: String::new(), cause: None, partial: String::new() });
        let most = world.server.borrow().max_kilobytes * (request.answers / 1_000.0).max(1.0);
        if world.server.borrow().last_kilobytes > most {
            world.sleep(RTT / 2.0).await;
            return failure(SendFailure::TooLarge);
        }
        match fault {
            Some(ListFault::Hangs) => {
                world.sleep(request.timeout.get()).await;
                return failure(SendFailure::Timeout);
            }
            Some(ListFault::Status(status)) => (answer.status, answer.body) = (status, Body::Text("no".into())),
            Some(ListFault::WebPage) => answer.body = Body::Text("<html><title>Login</title>".into()),
            Some(ListFault::NoList) => answer.body = Body::Json(json!({"welcome": true})),
            Some(ListFault::Truncated) => answer.body = Body::Text("{\"jobs\": [{\"jobId\": \"jo".into()),
            None => {}
        }
        world.sleep(RTT / 2.0).await;
        Ok(answer)
    }
    async fn sleep(&self, duration: Millis) {
        let ms = duration.get();
        assert!(ms >= 0.0, "a sleep of {ms} ms");
        self.0.sleep(ms).await;
    }
    async fn active_again(&self) {
        let before = self.0.returns.get();
        std::future::poll_fn(|context| {
            self.0.expecting.borrow_mut().push(context.waker().clone());
            if self.0.returns.get() > before { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    fn now(&self) -> Instant {
        Instant::from_ms(self.0.now.get())
    }
    fn wall_time(&self) -> WallTime {
        WallTime::from_ms(1.8e12 + self.0.now.get())
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn uuid(&self) -> String {
        "33333333-3333-4333-8333-333333333333".into()
    }
    fn parse_date(&self, _text: &str) -> Option<WallTime> {
        None
    }
    fn nonce(&self) -> [u8; 32] {
        [0; 32]
    }
    async fn store(&self, _call: StoreOperation, _key: &str, _value: &str) -> Result<Json, Json> {
        Ok(json!(null))
    }
    async fn lock(&self, _name: &str) -> Result<(), Json> {
        Ok(())
    }
    fn spawn(&self, _work: impl Future<Output = ()> + 'static) {}
    fn wallet_capabilities(&self) -> WalletCapabilities {
        WalletCapabilities::default()
    }
    fn has_callback(&self, _whom: Callback) -> bool {
        false
    }
    async fn call(&self, _whom: Callback, _given: Json) -> Result<Json, Json> {
        Ok(json!(null))
    }
}

fn client(world: &Rc<World>) -> Rc<Client<Shared>> {
    let config = Config {
        base_url: BASE.into(),
        headers: vec![],
        timeout: Millis::new(30_000.0),
        retries: 2,
        wallet_timeout: Millis::FOREVER,
        spend: SpendPolicy::default(),
        keep_payments: Millis::from_secs(400.0 * 86_400.0),
        polling: Polling::default(),
    };
    let ledger = SpendLedger::new(vec![0; config.spend.limits.len()], Box::new(|_, _| ()));
    Rc::new(Client::new(Shared(world.clone()), config, ledger))
}

/// What comes of each call, and when.
type Ends = Rc<RefCell<Vec<(f64, Result<Json, Box<Error>>)>>>;

/// Waits for a job with a call of its own, which begins at this instant.
fn wait(world: &Rc<World>, client: &Rc<Client<Shared>>, id: usize, at: f64, ends: &Ends) -> usize {
    wait_as(world, client, id, at, ends, plain(), WaitPlan::default())
}
fn wait_as(
    world: &Rc<World>,
    client: &Rc<Client<Shared>>,
    id: usize,
    at: f64,
    ends: &Ends,
    call: CallOptions,
    plan: WaitPlan,
) -> usize {
    let (world2, client, ends) = (world.clone(), client.clone(), ends.clone());
    world.begin(async move {
        world2.sleep(at).await;
        let end = client.poll_job(&format!("job-{id}"), &call, plan, &|_| ()).await;
        ends.borrow_mut().push((world2.now.get(), end));
    })
}

/// How long agents take, in milliseconds: log-normal, median 3 s, 95 % within 20 s; the same in
/// each run.
fn durations(count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let normal = |a: f64, b: f64| (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    (0..count).map(|_| (3_000.0 * (1.1533 * normal(random(), random())).exp()).min(120_000.0)).collect()
}

#[derive(Debug)]
struct Figures {
    per_job: f64,
    mean_ms: f64,
    p95_ms: f64,
    lists: usize,
    refused: usize,
    peak: usize,
    kilobytes: f64,
}

/// So many jobs that begin within ten seconds, each waited for.
fn crowd(count: usize, limiter: Limiter, lists: Lists) -> Figures {
    let world = World::new(limiter, lists);
    let client = client(&world);
    let ends: Ends = Ends::default();
    for (id, takes) in durations(count).into_iter().enumerate() {
        let created_at = 10_000.0 * id as f64 / count as f64;
        world.server.borrow_mut().jobs.push(Job { created_at, done_at: created_at + takes });
        wait(&world, &client, id, created_at + RTT, &ends);
    }
    world.run(f64::INFINITY);
    assert!(world.is_over(), "a call hangs");
    let server = world.server.borrow();
    let mut delays: Vec<f64> = vec![];
    for (at, end) in ends.borrow().iter() {
        let job = end.as_ref().unwrap_or_else(|error| panic!("{} {:?} {:?}", error.message, server.counts, server.queries));
        let id: usize = job["jobId"].as_str().unwrap().strip_prefix("job-").unwrap().parse().unwrap();
        assert_eq!(job["status"], "completed");
        delays.push(at - server.jobs[id].done_at);
    }
    assert_eq!(delays.len(), count);
    delays.sort_by(f64::total_cmp);
    let mut peak = std::collections::BTreeMap::new();
    for at in &server.sent_at {
        *peak.entry((at / 1000.0) as u64).or_insert(0usize) += 1;
    }
    Figures {
        per_job: (server.counts[0] + server.counts[1]) as f64 / count as f64,
        mean_ms: delays.iter().sum::<f64>() / count as f64,
        p95_ms: delays[count * 95 / 100],
        lists: server.counts[1],
        refused: server.counts[3],
        peak: *peak.values().max().unwrap(),
        kilobytes: server.kilobytes / count as f64,
    }
}

/// The figures, and that the server never had to refuse anything.
fn figures(count: usize, limiter: Limiter) -> Figures {
    let figures = crowd(count, limiter, Lists::Shown);
    println!(
        "{count:6} jobs: {:5.3} requests a job ({} lists), at most {} a second, {:.0} KB a job; mean delay {:.0} ms, 95 % within {:.0} ms",
        figures.per_job, figures.lists, figures.peak, figures.kilobytes, figures.mean_ms, figures.p95_ms,
    );
    assert_eq!(figures.refused, 0);
    figures
}

#[test]
fn one_job_after_another_is_looked_at_by_itself() {
    let mut sums = (0.0, 0.0);
    for takes in durations(200) {
        let world = World::new(Limiter::Told, Lists::Shown);
        let ends: Ends = Ends::default();
        world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: takes });
        wait(&world, &client(&world), 0, RTT, &ends);
        world.run(f64::INFINITY);
        let server = world.server.borrow();
        assert_eq!((server.counts[1], server.counts[3]), (0, 0));
        sums = (sums.0 + server.counts[0] as f64 / 200.0, sums.1 + (ends.borrow()[0].0 - takes) / 200.0);
    }
    println!("     1 job: {:5.2} requests a job; mean delay {:.0} ms", sums.0, sums.1);
    assert!(sums.0 < 8.0 && sums.1 < 700.0, "{sums:?}");
}

#[test]
fn many_jobs_at_once_cost_few_requests_and_no_429() {
    for limiter in [Limiter::Told, Limiter::Hidden] {
        let twenty = figures(20, limiter);
        assert!(twenty.per_job < 5.1 && twenty.mean_ms < 560.0, "{twenty:?}");
        let hundred = figures(100, limiter);
        assert!(hundred.per_job < 2.6 && hundred.mean_ms < 536.0, "{hundred:?}");
        assert!(hundred.kilobytes < 40.0, "{hundred:?}");
        let thousand = figures(1_000, limiter);
        assert!(thousand.per_job < 0.9, "{thousand:?}");
    }
}

#[test]
fn ten_thousand_jobs_are_answered_within_the_servers_limit() {
    let all = figures(10_000, Limiter::Told);
    assert!(all.per_job <= 0.05, "one request for twenty jobs: {all:?}");
}

/// A world with so many jobs that begin together, and their calls.
fn together(takes: &[f64], limiter: Limiter, lists: Lists) -> (Rc<World>, Rc<Client<Shared>>, Ends) {
    let world = World::new(limiter, lists);
    let (client, ends) = (client(&world), Ends::default());
    for (id, takes) in takes.iter().enumerate() {
        world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: *takes });
        wait(&world, &client, id, RTT, &ends);
    }
    (world, client, ends)
}
fn answered(ends: &Ends) -> usize {
    ends.borrow().iter().filter(|(_, end)| end.is_ok()).count()
}

#[test]
fn where_the_list_is_refused_each_job_is_polled_and_the_list_is_asked_for_once() {
    for lists in [401, 402, 403, 404].map(Lists::Refused) {
        let (world, _, ends) = together(&[4_000.0; 10], Limiter::Told, lists);
        world.run(f64::INFINITY);
        let counts = world.server.borrow().counts;
        assert_eq!((answered(&ends), counts[1], counts[3]), (10, 1, 0));
    }
    // Not for ever: a key may be put right.
    let (world, _, ends) = together(&[500_000.0; 10], Limiter::Told, Lists::Refused(403));
    world.server.borrow_mut().lifetime = 600_000.0;
    world.run(290_000.0);
    assert_eq!(world.server.borrow().counts[1], 1);
    world.server.borrow_mut().lists = Lists::Shown;
    world.run(f64::INFINITY);
    let server = world.server.borrow();
    assert!(server.counts[1] > 50, "{} lists", server.counts[1]);
    assert_eq!((answered(&ends), server.counts[3]), (10, 0));
}

#[test]
fn while_lists_fail_a_small_crowd_polls_job_by_job_and_asks_for_lists_with_growing_pauses() {
    for lists in [Lists::Refused(500), Lists::Refused(502), Lists::Absent] {
        let (world, _, ends) = together(&[100_000.0; 10], Limiter::Told, lists);
        world.run(60_000.0);
        let counts = world.server.borrow().counts;
        // After one second, two, four, and then every five.
        assert!((11..=16).contains(&counts[1]), "{counts:?}");
        assert!(counts[0] > 10 * 20, "{counts:?}");
        world.server.borrow_mut().lists = Lists::Shown;
        world.run(f64::INFINITY);
        assert_eq!((answered(&ends), world.server.borrow().counts[3]), (10, 0));
    }
}

#[test]
fn one_list_that_fails_costs_a_crowd_a_second_and_no_polls_of_single_jobs() {
    use ListFault::{Hangs, NoList, Status, Truncated, WebPage};
    for fault in [Status(500), Status(502), WebPage, NoList, Truncated, Hangs] {
        let (world, _, ends) = together(&[20_000.0; 1_500], Limiter::Told, Lists::Shown);
        world.run(10_000.0);
        let before = world.server.borrow().counts;
        world.server.borrow_mut().list_faults.push_back(fault);
        world.run(19_000.0);
        let singles = world.server.borrow().counts[0] - before[0];
        assert_eq!(singles, 0);
        world.run(f64::INFINITY);
        assert_eq!((answered(&ends), world.server.borrow().counts[3]), (1_500, 0));
        let latest = latest(&ends);
        assert!(latest < 23_000.0, "the last one after {latest} ms");
    }
}

#[test]
fn a_crowd_whose_lists_never_come_polls_as_many_jobs_as_the_rate_limit_has_slots_for() {
    let (world, _, ends) = together(&[60_000.0; 3_000], Limiter::Told, Lists::Refused(500));
    world.run(100_000.0);
    let counts = world.server.borrow().counts;
    assert_eq!(counts[3], 0, "429");
    assert!(counts[1] >= 12, "{} lists", counts[1]);
    // The list comes back, and each job has its answer with the next one.
    world.server.borrow_mut().lists = Lists::Shown;
    world.run(f64::INFINITY);
    assert_eq!((answered(&ends), world.server.borrow().counts[3]), (3_000, 0));
    let latest = ends.borrow().iter().map(|(at, _)| *at).fold(0.0, f64::max);
    assert!(latest < 110_000.0, "the last one after {latest} ms");
}

/// Three hundred jobs that are waited for, and 4,000 finished ones of other people, ten megabytes
/// of them.
fn among_others(is_ours_first: bool, max_kilobytes: f64) -> (Rc<World>, Ends) {
    let world = World::new(Limiter::Told, Lists::Shown);
    let (client, ends) = (client(&world), Ends::default());
    let own = (0..300).map(|_| Job { created_at: 0.0, done_at: 30_000.0 });
    let others = (0..4_000).map(|_| Job { created_at: 0.0, done_at: 0.0 });
    let first = if is_ours_first { 0 } else { 4_000 };
    let mut server = world.server.borrow_mut();
    if is_ours_first {
        server.jobs.extend(own.chain(others))
    } else {
        server.jobs.extend(others.chain(own))
    }
    // A good part of the window is gone: a request for each job would be too much.
    (server.window, server.max_kilobytes) = ((900_000.0, 600), max_kilobytes);
    drop(server);
    for id in first..first + 300 {
        wait(&world, &client, id, RTT, &ends);
    }
    world.run(f64::INFINITY);
    (world, ends)
}
fn latest(ends: &Ends) -> f64 {
    ends.borrow().iter().map(|(at, _)| *at).fold(0.0, f64::max)
}

#[test]
fn lists_are_asked_for_in_pieces_that_other_peoples_jobs_do_not_make_too_large() {
    // Ours are newer: the newest thousand jobs are enough.
    let (world, ends) = among_others(false, 8_000.0);
    assert!(world.server.borrow().queries.iter().all(|query| query.starts_with("?limit=1000")), "few at a time");
    assert_eq!((answered(&ends), world.server.borrow().counts[3]), (300, 0));
    assert!(latest(&ends) < 31_000.0, "{}", latest(&ends));
    // Ours are older: the limit grows until it reaches them.
    let (world, ends) = among_others(true, 8_000.0);
    assert_eq!((answered(&ends), world.server.borrow().counts[3]), (300, 0));
    assert!(latest(&ends) < 36_000.0, "{} {:?}", latest(&ends), world.server.borrow().queries);
    // Nothing of that kind may be so large: the jobs that have left the list of unfinished ones are
    // polled one by one.
    let (world, ends) = among_others(true, 1_000.0);
    let server = world.server.borrow();
    assert_eq!((answered(&ends), server.counts[3]), (300, 0));
    assert!(server.counts[0] >= 300 && server.counts[0] < 320, "{:?} {:?}", server.counts, server.queries);
    assert!(server.queries.contains(&"?limit=250".to_owned()), "{:?}", server.queries);
    assert_eq!(server.queries.last().unwrap(), "?limit=1000&status=processing");
}

#[test]
fn jobs_that_a_server_leaves_out_of_its_list_are_looked_at_as_if_there_were_no_list() {
    let (world, _, ends) = together(&[30_000.0; 20], Limiter::Told, Lists::Cut(10));
    world.run(f64::INFINITY);
    let counts = world.server.borrow().counts;
    assert_eq!((answered(&ends), counts[3]), (20, 0));
    // Ten by lists each half second or so, ten by themselves each second or two.
    assert!(counts[0] < 300 && counts[1] < 65, "{counts:?}");
}

#[test]
fn looks_leave_requests_for_others_and_never_use_up_the_window() {
    // Nothing is ever answered: all look as long as they can, and once more at the end.
    for (limiter, left) in [(Limiter::Told, 1_000), (Limiter::Told, 450), (Limiter::Told, 40), (Limiter::Hidden, 1_000)] {
        let (world, _, ends) = together(&[f64::INFINITY; 200], limiter, Lists::Shown);
        world.server.borrow_mut().window = (900_000.0, left);
        let mut before = 0;
        world.run(290_000.0);
        if left > 100 {
            before = world.server.borrow().window.1;
            assert!(before >= 100, "{before} left for creating jobs");
        }
        world.run(f64::INFINITY);
        let server = world.server.borrow();
        assert!(server.window.1 >= 19, "{} of {left} left, {before} before the end", server.window.1);
        assert_eq!((server.counts[3], ends.borrow().len()), (0, 200));
        for (at, end) in ends.borrow().iter() {
            let error = end.as_ref().unwrap_err();
            // Whether there was still a look for it or not.
            assert!(matches!(error.code, ErrorCode::WaitTimeout | ErrorCode::JobTimeout), "{}", error.message);
            assert!(*at < 306_000.0, "{at}");
        }
    }
}

#[test]
fn the_callers_interval_and_headers_are_his_own_in_any_crowd() {
    let (world, client, _) = together(&[60_000.0; 20], Limiter::Told, Lists::Shown);
    let (ends, plan) = (Ends::default(), WaitPlan { interval_ms: Some(700), max_attempts: Some(5) });
    world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: 60_000.0 });
    wait_as(&world, &client, 20, 1_000.0, &ends, plain(), plan);
    world.run(30_000.0);
    // Five looks of its own, each a round trip long, with four pauses between them.
    let (at, end) = ends.borrow_mut().remove(0);
    assert_eq!(end.unwrap_err().code, ErrorCode::WaitTimeout);
    assert_eq!(at, 1_000.0 + 5.0 * RTT + 4.0 * 700.0);
    // The first three came before there was a crowd; after five seconds one looked whether answers
    // are in channels.
    assert_eq!((world.server.borrow().counts[0], world.server.borrow().channel_requests), (3 + 5 + 2, 1));
    let headers = vec![("authorization".to_owned(), "mine".to_owned())];
    wait_as(&world, &client, 20, 0.0, &ends, CallOptions { headers, ..plain() }, WaitPlan::default());
    world.run(40_000.0);
    assert!(world.server.borrow().counts[0] >= 8 + 5);
}

#[test]
fn late_answers_are_looked_for_within_the_limit_too() {
    // All time out together, and each could have its answer in a channel.
    let (world, _, ends) = together(&[f64::INFINITY; 600], Limiter::Told, Lists::Shown);
    world.run(f64::INFINITY);
    assert_eq!((ends.borrow().len(), world.server.borrow().counts[3]), (600, 0));
    assert!(world.server.borrow().window.1 >= 19);
}

#[test]
fn nobody_depends_on_a_call_that_may_be_left_standing() {
    let world = World::new(Limiter::Told, Lists::Shown);
    let (client, ends) = (client(&world), Ends::default());
    for id in 0..10 {
        world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: 5_000.0 });
        let call = CallOptions { runs_only_while_read: id < 7, ..plain() };
        wait_as(&world, &client, id, RTT, &ends, call, WaitPlan::default());
    }
    world.run(2_000.0);
    // Seven of them go no further.
    for task in world.tasks.borrow_mut().iter_mut().take(7) {
        std::mem::forget(task.take());
    }
    world.run(f64::INFINITY);
    assert_eq!((answered(&ends), world.server.borrow().counts[1]), (3, 0));
    assert!(ends.borrow().iter().all(|(at, _)| *at < 8_000.0));
}

#[test]
fn when_the_call_that_looks_for_all_is_aborted_another_goes_on() {
    let (world, _, ends) = together(&[5_000.0; 20], Limiter::Told, Lists::Shown);
    // Whichever has a list on its way: it ends now, and then the next.
    for _ in 0..10 {
        let lists = world.server.borrow().counts[1];
        let mut at = world.now.get();
        while world.server.borrow().counts[1] == lists {
            at += 5.0;
            assert!(at < 20_000.0, "nobody has gone on");
            world.run(at);
        }
        world.tasks.borrow_mut().iter_mut().find(|task| task.is_some()).unwrap().take();
    }
    world.run(f64::INFINITY);
    assert!(world.is_over());
    assert_eq!(answered(&ends), 10);
}

/// One signal can end many calls at once: those that were woken to go on are gone as well.
#[test]
fn when_one_signal_ends_the_call_that_looks_for_all_and_others_the_rest_goes_on() {
    let (world, _, ends) = together(&[5_000.0; 12], Limiter::Told, Lists::Shown);
    world.run(2_000.0);
    for call in 0..6 {
        world.tasks.borrow_mut()[call].take();
    }
    world.run(f64::INFINITY);
    assert_eq!(answered(&ends), 6);
    assert!(latest(&ends) < 8_000.0, "{}", latest(&ends));
}

#[test]
fn a_call_that_waits_for_its_turn_in_a_crowd_ends_at_its_limit() {
    let (world, client, ends) = together(&[60_000.0; 4], Limiter::Told, Lists::Refused(402));
    world.run(1_000.0);
    world.server.borrow_mut().window.1 = 300;
    let limited = Ends::default();
    for id in 4..8 {
        world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: 60_000.0 });
        let call = CallOptions { timeout: Some(Millis::new(3_000.0)), ..plain() };
        wait_as(&world, &client, id, 2_000.0, &limited, call, WaitPlan::default());
    }
    world.run(7_000.0);
    assert_eq!(limited.borrow().len(), 4);
    for (at, end) in limited.borrow().iter() {
        assert_eq!(end.as_ref().unwrap_err().code, ErrorCode::WaitTimeout);
        assert!((6_000.0 - 1.0..6_000.0 + RTT).contains(at), "{at}");
    }
    assert!(world.timer_ids.get() < 500, "{} timers", world.timer_ids.get());
    world.run(f64::INFINITY);
    assert_eq!(answered(&ends), 4);
}

#[test]
fn a_crowd_finds_answers_that_are_in_channels_as_soon_as_one_that_waits_alone() {
    for count in [4, 12, 100] {
        let (world, client, ends) = together(&vec![1_000.0; count], Limiter::Told, Lists::Shown);
        world.server.borrow_mut().in_channels = true;
        world.run(f64::INFINITY);
        assert_eq!(answered(&ends), count);
        assert!(latest(&ends) < 9_000.0, "{count}: {}", latest(&ends));
        // Later ones do not wait for that.
        let (began, ends) = (world.now.get(), Ends::default());
        for id in count..count + 20 {
            world.server.borrow_mut().jobs.push(Job { created_at: began, done_at: began + 1_000.0 });
            wait(&world, &client, id, RTT, &ends);
        }
        let before = world.server.borrow().counts;
        world.run(f64::INFINITY);
        let server = world.server.borrow();
        assert_eq!((answered(&ends), server.counts[1], server.counts[3]), (20, before[1], 0), "no lists");
        assert!(latest(&ends) - began < 3_000.0, "{count}: {}", latest(&ends) - began);
        assert!(server.counts[0] - before[0] <= 20 * 8, "{}", server.counts[0] - before[0]);
    }
}

#[test]
fn a_crowd_of_slow_jobs_seldom_asks_for_channels() {
    let (world, _, ends) = together(&[120_000.0; 50], Limiter::Told, Lists::Shown);
    world.run(f64::INFINITY);
    let server = world.server.borrow();
    assert_eq!(answered(&ends), 50);
    // The server has none: it says so the first time.
    assert_eq!(server.channel_requests, 1);
    let (world, _, ends) = together(&[120_000.0; 50], Limiter::Told, Lists::Shown);
    world.server.borrow_mut().in_channels = true;
    world.run(119_000.0);
    assert!(world.server.borrow().channel_requests <= 10, "{}", world.server.borrow().channel_requests);
    // Nor did that cost the lists their turn.
    assert!(world.server.borrow().counts[1] > 10);
    drop(ends);
}

#[test]
fn a_call_among_ten_thousand_that_is_given_up_is_gone_at_once_and_costs_the_others_nothing() {
    let (world, _, ends) = together(&[40_000.0; 10_000], Limiter::Told, Lists::Shown);
    world.run(20_000.0);
    // Of the one that asks for lists: its request's, and that for the next of the others whose time
    // ends.
    assert!(world.sleepers.borrow().len() <= 2, "{} timers", world.sleepers.borrow().len());
    for call in [0, 5_000, 9_999] {
        world.tasks.borrow_mut()[call].take();
    }
    world.run(f64::INFINITY);
    assert_eq!((answered(&ends), world.server.borrow().counts[3]), (9_997, 0));
}

#[test]
fn a_request_whose_connection_did_not_outlive_a_sleep_is_made_again_when_the_page_is_back() {
    for (count, asleep_for, answered_by) in [(1, 3_000.0, 3_100.0), (3, 3_000.0, 3_100.0), (10, 3_000.0, 3_200.0)] {
        let (world, _, ends) = together(&vec![500.0; count], Limiter::Told, Lists::Shown);
        world.sleep_page(asleep_for);
        world.run(f64::INFINITY);
        assert_eq!(answered(&ends), count);
        let latest = ends.borrow().iter().map(|(at, _)| *at).fold(0.0, f64::max);
        assert!((asleep_for..=answered_by).contains(&latest), "{count} jobs: the last one at {latest} ms");
    }
    // A request that has only just begun is let go on.
    let (world, _, ends) = together(&[500.0], Limiter::Told, Lists::Shown);
    world.sleep_page(900.0);
    world.run(f64::INFINITY);
    assert!(ends.borrow()[0].0 > 9_000.0, "{} ms", ends.borrow()[0].0);
}

#[test]
fn whichever_request_a_sleep_hits_the_answer_comes_when_the_page_is_back() {
    // After five quiet seconds: a poll, the list of channels, the messages of one.
    for from in (5_000..7_500).step_by(10) {
        let (world, _, ends) = together(&[4_000.0], Limiter::Told, Lists::Shown);
        world.server.borrow_mut().in_channels = true;
        world.run(f64::from(from));
        if answered(&ends) == 1 {
            continue;
        }
        let back = world.now.get().max(f64::from(from)) + 3_000.0;
        world.sleep_page(back);
        world.run(f64::INFINITY);
        assert!(ends.borrow()[0].0 < back + 1_000.0, "asleep from {from}: {}", ends.borrow()[0].0);
    }
}

#[test]
fn whichever_of_a_crowd_is_given_up_its_timer_is_gone_and_the_others_get_their_answers() {
    let mut without_timer = 0;
    for gone in 0..10 {
        let (world, _, ends) = together(&[40_000.0; 10], Limiter::Told, Lists::Shown);
        world.run(20_000.0 + f64::from(gone) * 130.0);
        world.tasks.borrow_mut()[gone as usize].take();
        without_timer += u32::from(world.sleepers.borrow().is_empty());
        world.run(f64::INFINITY);
        assert_eq!(answered(&ends), 9, "{gone}");
        let latest = ends.borrow().iter().map(|(at, _)| *at).fold(0.0, f64::max);
        assert!(latest < 44_000.0, "the last one at {latest} ms without {gone}");
    }
    assert_eq!(without_timer, 1, "one of them had the timer of all");
}

#[test]
fn a_wait_is_small() {
    let world = World::new(Limiter::Told, Lists::Shown);
    let client = client(&world);
    let (call, nobody) = (plain(), |_| ());
    let wait = client.poll_job("job-1", &call, WaitPlan::default(), &nobody);
    let params = json!({});
    let create = client.create_and_wait(&params, &call, WaitPlan::default(), &nobody);
    let sizes = (size_of_val(&wait), size_of_val(&create));
    // Pointers are twice as large here as they are in WebAssembly. The second one holds what was
    // paid, too.
    assert!(sizes.0 <= 96 && sizes.1 <= 224, "{sizes:?} bytes");
}

#[test]
fn each_of_a_crowd_ends_at_its_own_limit_whoever_has_the_timer_and_whatever_the_list_does() {
    for lists in [Lists::Shown, Lists::Hang] {
        let world = World::new(Limiter::Told, lists);
        let client = client(&world);
        let ends = Rc::new(RefCell::new(Vec::new()));
        for at in 0..100 {
            world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: f64::INFINITY });
            let (client, ends, clock) = (client.clone(), ends.clone(), world.clone());
            let limit = 3_000.0 + f64::from(at * 37 % 100);
            world.begin(async move {
                let call = CallOptions { timeout: Some(Millis::new(limit)), ..plain() };
                let end = client.poll_job(&format!("job-{at}"), &call, WaitPlan::default(), &|_| ()).await;
                ends.borrow_mut().push((limit, clock.now.get(), end.unwrap_err().code));
            });
        }
        world.run(f64::INFINITY);
        let ends = ends.borrow();
        assert_eq!(ends.len(), 100);
        let late: Vec<_> = ends.iter().filter(|(limit, ended_at, _)| ended_at != limit).collect();
        let sent: Vec<f64> = world.server.borrow().sent_at.iter().copied().filter(|at| *at > 2_800.0).collect();
        assert!(late.is_empty(), "{late:?}, requests {sent:?}");
        assert!(ends.iter().all(|(_, _, code)| *code == ErrorCode::WaitTimeout));
    }
}

#[test]
fn a_list_that_never_comes_takes_no_wait_with_it() {
    // Within a list's own time each job is looked at when it expires; afterwards nobody asks for
    // lists.
    let (world, _, ends) = together(&[2_000.0; 20], Limiter::Told, Lists::Hang);
    world.run(f64::INFINITY);
    assert_eq!(answered(&ends), 20);
    let latest = ends.borrow().iter().map(|(at, _)| *at).fold(0.0, f64::max);
    assert!(latest < 5_000.0, "the last one after {latest} ms");
    assert_eq!(world.server.borrow().counts[1], 1, "lists");
}

#[test]
fn an_outage_is_not_hammered_by_a_crowd() {
    let (world, _, ends) = together(&[20_000.0; 100], Limiter::Told, Lists::Shown);
    world.run(5_000.0);
    world.down.set(Some(SendFailure::Unreached));
    let before = world.server.borrow().sent_at.len();
    world.run(35_000.0);
    let tried = world.server.borrow().sent_at.len() - before;
    assert!((10..80).contains(&tried), "{tried} requests in 30 s of an outage, for 100 jobs");
    world.down.set(None);
    world.run(f64::INFINITY);
    assert_eq!(answered(&ends), 100);
}

#[test]
fn a_429_without_a_readable_header_keeps_every_look_away() {
    // Three are looked at one by one, twenty together; the caller's own interval makes no
    // difference.
    for count in [3, 20] {
        let (world, client, ends) = together(&vec![60_000.0; count], Limiter::Hidden, Lists::Shown);
        world.server.borrow_mut().jobs.push(Job { created_at: 0.0, done_at: 60_000.0 });
        let plan = WaitPlan { interval_ms: Some(1_000), max_attempts: Some(1_000) };
        wait_as(&world, &client, count, 0.0, &ends, plain(), plan);
        world.run(5_000.0);
        world.server.borrow_mut().window = (21_000.0, 0);
        while world.server.borrow().counts[3] == 0 {
            world.run(world.now.get() + 100.0);
        }
        // What was on its way already comes too.
        world.run(world.now.get() + RTT);
        let (refused, sent) = (world.server.borrow().counts[3], world.server.borrow().sent_at.len());
        let heard = world.now.get();
        world.run(heard + 14_800.0);
        assert_eq!(world.server.borrow().sent_at.len(), sent, "nobody looks for 15 s");
        assert!(refused <= 4);
        world.run(f64::INFINITY);
        assert_eq!(answered(&ends), count + 1);
        // And gently after that: the limit is there, although it cannot be read.
        let later = world.server.borrow().sent_at.iter().filter(|at| (heard + 15_000.0..heard + 25_000.0).contains(at)).count();
        assert!(later <= 5 + 10, "{later} requests in 10 s, 10 of them the caller's own");
    }
}
