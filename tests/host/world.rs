//! A world that follows a script: what the server answers to each request in turn, what the wallet
//! gives, and a clock that jumps.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Client, Config, Update};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::payment::record::PREFIX;
use eliza_jobs::platform::WalletCapabilities;
use eliza_jobs::platform::{Body, HttpRequest, HttpResponse, RESPONSE_HEADERS, SendError, SendFailure};
use eliza_jobs::platform::{Callback, LogLevel, Platform, StoreOperation};
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::policy::SpendPolicy;
pub use eliza_jobs::time::Millis;
use eliza_jobs::time::{Instant, WallTime};
use eliza_jobs::waiting::run::Polling;

pub const USER: &str = "22222222-2222-4222-8222-222222222222";
pub const HASH: &str = "0xabababababababababababababababababababababababababababababababab";
pub const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
pub const BASE: &str = "https://server:3000";

/// What happens to one request.
#[derive(Clone)]
pub enum Step {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
        after_ms: f64,
    },
    Fail(SendFailure),
    /// This, after a while.
    Late {
        after_ms: f64,
        then: Box<Step>,
    },
    /// The answer breaks off in its body.
    Cut {
        failure: SendFailure,
        partial: String,
    },
    /// No answer, and no end.
    Hang,
}

pub fn answer(status: u16, body: Json) -> Step {
    text(status, &body.to_string())
}
pub fn text(status: u16, body: &str) -> Step {
    Step::Answer { status, headers: vec![], body: body.to_owned(), after_ms: 0.0 }
}
impl Step {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        assert!(RESPONSE_HEADERS.contains(&name));
        if let Step::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
    pub fn after(mut self, ms: f64) -> Self {
        if let Step::Answer { after_ms, .. } = &mut self {
            *after_ms = ms;
        }
        self
    }
}

pub fn created() -> Step {
    answer(201, json!({"jobId": "job-1", "status": "processing", "createdAt": 1000, "expiresAt": 31000.5}))
}
pub fn job(status: &str) -> Json {
    let mut job = json!({"jobId": "job-1", "status": status, "agentId": USER, "userId": USER, "prompt": "p",
        "createdAt": 1000, "expiresAt": 31000, "metadata": {}});
    if status == "completed" {
        job["result"] = json!({"message": {"id": "m", "content": "the answer", "authorId": USER, "createdAt": 2000}, "processingTimeMs": 1000}).0;
    }
    job
}
/// The job that a client of these scenes has paid for, as a list shows it.
pub fn paid_for() -> Json {
    let mut job = job("processing");
    job["metadata"] = json!({"elizaJobsRef": "33333333-3333-4333-8333-333333333333"}).0;
    job["prompt"] = params()["content"].clone();
    job
}
pub fn jobs(jobs: &[Json]) -> Step {
    answer(200, json!({"jobs": jobs, "total": jobs.len(), "filtered": jobs.len()}))
}
pub fn seen(status: &str) -> Step {
    answer(200, job(status))
}
pub fn payment_required() -> Step {
    answer(
        402,
        json!({"error": "Payment Required", "message": "pay", "payment": [
        {"network": "base", "recipient": TO, "amount": "0.020000", "currency": "USDC", "chainId": 8453},
        {"network": "polygon", "recipient": TO, "amount": "0.020000", "currency": "USDC", "chainId": 137}]}),
    )
}

/// What is in the store.
pub type Records = std::collections::BTreeMap<String, String>;
/// What another program does to it.
pub type Change = Box<dyn FnOnce(&mut Records)>;

#[derive(Default)]
pub struct World {
    pub script: RefCell<VecDeque<Step>>,
    /// Answered when the script is over.
    pub forever: RefCell<Option<Step>>,
    /// From this time on the script's end is answered with this.
    pub answers_by: RefCell<Option<(f64, Step)>>,
    pub sent: RefCell<Vec<(f64, HttpRequest)>>,
    pub now: Cell<f64>,
    pub sleeps: RefCell<Vec<f64>>,
    pub abilities: Cell<WalletCapabilities>,
    /// The wallet's address, where it need not be asked.
    pub address: RefCell<Option<String>>,
    /// What the application and its wallet give when they are asked.
    pub gives: RefCell<Vec<(Callback, Give)>>,
    pub asked: RefCell<Vec<(Callback, Json)>>,
    /// What is not given before there is a sign.
    late: RefCell<Vec<(Callback, Rc<Cell<bool>>)>>,
    /// Which transaction the wallet says that it has sent, before it answers, once the sign is
    /// there.
    says_sent: RefCell<Option<(Rc<Cell<bool>>, Json)>>,
    /// Sleeps do not end.
    pub frozen: Cell<bool>,
    /// How much longer than asked for the coming pauses last (less, when negative): held-up timers,
    /// and pages that come back.
    pub held_up: RefCell<VecDeque<f64>>,
    /// What the logger was told.
    pub logged: RefCell<Vec<(LogLevel, String)>>,
    pub store: RefCell<Records>,
    /// The next list of the store has no keys with this in them.
    pub list_misses: Cell<Option<&'static str>>,
    /// What another program does to the store after it was asked so many times.
    pub meanwhile: RefCell<Option<(usize, Change)>>,
    /// How many more times the store works; it throws after that.
    pub store_works: Cell<Option<usize>>,
    /// How many of the coming reads fail.
    pub reads_fail: Cell<usize>,
    /// After so many writes, so many fail.
    pub store_fails: Cell<Option<(usize, usize)>>,
    /// How many bytes of a value the store keeps.
    pub store_keeps: Cell<Option<usize>>,
    /// Whether the store writes a question mark for each letter that is not ASCII.
    pub store_is_ascii: Cell<bool>,
    /// How long the store takes for each call, in milliseconds; and how often it was called.
    pub store_ms: Cell<f64>,
    pub store_calls: Cell<usize>,
    /// How often it listed all its keys.
    pub store_lists: Cell<usize>,
    /// The store's answers wait for this sign; and so does what it does, if this is true.
    pub store_waits: RefCell<Option<(bool, Rc<Cell<bool>>)>>,
    /// How many more times the store answers; it gives nothing after that.
    pub store_hangs: Cell<Option<usize>>,
    /// Each id is another one, and how many there were.
    pub own_uuids: Cell<bool>,
    uuids: Cell<u64>,
    /// How long it takes until nobody else has the lock, in milliseconds.
    pub lock_ms: Cell<f64>,
    /// Whether all locks are held no more: the program was suspended for too long.
    pub locks_lost: Rc<Cell<bool>>,
    /// How many more times a lock is held when somebody asks; it was lost then.
    pub lock_holds: Cell<Option<usize>>,
    /// Tasks do not begin before the world turns.
    pub lazy: Cell<bool>,
    tasks: RefCell<Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>>>,
}

impl World {
    fn change_meanwhile(&self) {
        let mut meanwhile = self.meanwhile.borrow_mut();
        if let Some((calls, _)) = meanwhile.as_mut() {
            *calls -= 1;
        }
        if let Some((_, change)) = meanwhile.take_if(|(calls, _)| *calls == 0) {
            change(&mut self.store.borrow_mut());
        }
    }
    fn answer_by(&self) -> Option<Step> {
        let now = self.now.get();
        self.answers_by.borrow().as_ref().filter(|(at, _)| now >= *at).map(|(_, step)| step.clone())
    }
    /// Goes on with what was begun beside the calls.
    pub fn turn(&self) {
        for mut task in self.tasks.take() {
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.borrow_mut().push(task);
            }
        }
    }
    /// The payments in the store, once what was begun beside the calls has gone on.
    pub fn records(&self) -> Vec<Json> {
        self.turn();
        let store = self.store.borrow();
        store.iter().filter(|(key, _)| key.starts_with(PREFIX)).map(|(_, text)| Json::parse(text).unwrap()).collect()
    }
}

/// `None` is a promise that never settles.
pub type Give = Rc<dyn Fn(&World, &Json) -> Option<Result<Json, Json>>>;

#[derive(Clone)]
pub struct Shared(pub Rc<World>);

impl Shared {
    fn does(&self, call: StoreOperation, key: &str, value: &str) -> Result<Json, Json> {
        let mut store = self.0.store.borrow_mut();
        let is_kept = |letter: char| letter.is_ascii() || !self.0.store_is_ascii.get();
        let value: String = value.chars().map(|letter| if is_kept(letter) { letter } else { '?' }).collect();
        let value = &value[..self.0.store_keeps.get().unwrap_or(value.len()).min(value.len())];
        Ok(match call {
            StoreOperation::Get if store.get(key).is_some_and(|text| text == "!") => return Err(json!("it cannot be read")),
            StoreOperation::Get => store.get(key).map_or(json!(null), |text| json!(text)),
            StoreOperation::Set => store.insert(key.to_owned(), value.to_owned()).map_or(json!(null), |_| json!(null)),
            StoreOperation::Add if store.contains_key(key) => json!(false),
            StoreOperation::Add => store.insert(key.to_owned(), value.to_owned()).map_or(json!(true), |_| json!(true)),
            StoreOperation::Delete => store.remove(key).map_or(json!(null), |_| json!(null)),
            StoreOperation::Keys => {
                self.0.store_lists.set(self.0.store_lists.get() + 1);
                let missed = self.0.list_misses.take();
                let is_listed = |key: &&String| missed.is_none_or(|part| !key.contains(part));
                json!(store.keys().filter(is_listed).collect::<Vec<_>>())
            }
        })
    }
}

impl Platform for Shared {
    async fn send(&self, request: &HttpRequest, _hear: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        self.0.sent.borrow_mut().push((self.0.now.get(), request.clone()));
        let step =
            self.0.script.borrow_mut().pop_front().or_else(|| self.0.answer_by()).or_else(|| self.0.forever.borrow().clone());
        let step = step.unwrap_or_else(|| panic!("no step left for {} {}", request.method.as_str(), request.url));
        let step = match step {
            Step::Late { after_ms, then } => {
                self.0.now.set(self.0.now.get() + after_ms);
                *then
            }
            step => step,
        };
        match step {
            Step::Late { .. } => panic!("late twice"),
            Step::Hang => std::future::pending().await,
            Step::Fail(failure) => {
                if failure == SendFailure::Timeout {
                    self.0.now.set(self.0.now.get() + request.timeout.get());
                }
                Err(SendError { failure, words: "ESCRIPT".into(), cause: Some(json!("the cause")), partial: String::new() })
            }
            Step::Cut { failure, partial } => Err(SendError { failure, words: String::new(), cause: None, partial }),
            Step::Answer { status, headers, body, after_ms } => {
                if after_ms > request.timeout.get() {
                    self.0.now.set(self.0.now.get() + request.timeout.get());
                    return Err(SendError {
                        failure: SendFailure::Timeout,
                        words: String::new(),
                        cause: None,
                        partial: String::new(),
                    });
                }
                self.0.now.set(self.0.now.get() + after_ms);
                let body = match (body.is_empty(), Json::parse(&body)) {
                    (true, _) => Body::Empty,
                    (false, Some(document)) => Body::Json(document),
                    (false, None) => Body::Text(body),
                };
                Ok(HttpResponse { status, headers, body })
            }
        }
    }
    async fn sleep(&self, duration: Millis) {
        let ms = duration.get();
        assert!(ms >= 0.0, "a sleep of {ms} ms");
        if ms.is_infinite() || self.0.frozen.get() {
            return std::future::pending().await;
        }
        self.0.sleeps.borrow_mut().push(ms);
        self.0.now.set(self.0.now.get() + ms);
    }
    async fn sleep_until_active(&self, duration: Millis) -> bool {
        let ms = duration.get();
        let more = self.0.held_up.borrow_mut().pop_front().unwrap_or(0.0);
        self.sleep(Millis::new((ms + more).max(0.0))).await;
        more < 0.0
    }
    fn log(&self, level: LogLevel, words: &str) {
        self.0.logged.borrow_mut().push((level, words.to_owned()));
    }
    fn now(&self) -> Instant {
        Instant::from_ms(self.0.now.get())
    }
    fn wall_time(&self) -> WallTime {
        WallTime::from_ms(1.8e12 + self.0.now.get())
    }
    fn random(&self) -> f64 {
        1.0
    }
    fn uuid(&self) -> String {
        let given = self.0.uuids.replace(self.0.uuids.get() + 1);
        format!("33333333-3333-4333-8333-{:012}", 333_333_333_333_u64 + if self.0.own_uuids.get() { given } else { 0 })
    }
    fn parse_date(&self, text: &str) -> Option<WallTime> {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(WallTime::from_ms(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0))
    }
    fn nonce(&self) -> [u8; 32] {
        [0x11; 32]
    }
    async fn store(&self, call: StoreOperation, key: &str, value: &str) -> Result<Json, Json> {
        match self.0.store_hangs.get() {
            Some(0) => return std::future::pending().await,
            Some(times) => self.0.store_hangs.set(Some(times - 1)),
            None => {}
        }
        match self.0.store_works.get() {
            Some(0) => return Err(json!({"message": "the disk is full"})),
            Some(times) => self.0.store_works.set(Some(times - 1)),
            None => {}
        }
        if call == StoreOperation::Get && self.0.reads_fail.get() > 0 {
            self.0.reads_fail.set(self.0.reads_fail.get() - 1);
            return Err(json!("busy"));
        }
        if let (StoreOperation::Set, Some((before, fails))) = (call, self.0.store_fails.get()) {
            self.0.store_fails.set(Some((before.saturating_sub(1), fails.saturating_sub(usize::from(before == 0)))));
            if before == 0 && fails > 0 {
                return Err(json!("busy"));
            }
        }
        let waits = self.0.store_waits.borrow().clone();
        let wait = |does: bool| {
            let sign = waits.clone().filter(|(first, _)| *first == does).map(|(_, sign)| sign);
            std::future::poll_fn(move |_| match &sign {
                Some(sign) if !sign.get() => Poll::Pending,
                _ => Poll::Ready(()),
            })
        };
        self.0.store_calls.set(self.0.store_calls.get() + 1);
        self.0.now.set(self.0.now.get() + self.0.store_ms.get());
        wait(true).await;
        let answer = self.does(call, key, value);
        self.0.change_meanwhile();
        wait(false).await;
        answer
    }
    type Lock = ();
    async fn lock(&self, _name: &str) -> Result<(), Json> {
        if self.0.lock_ms.get().is_infinite() {
            return std::future::pending().await;
        }
        self.0.now.set(self.0.now.get() + self.0.lock_ms.get());
        Ok(())
    }
    fn holds(&self, _lock: &()) -> bool {
        let left = self.0.lock_holds.get();
        self.0.lock_holds.set(left.map(|left| left.saturating_sub(1)));
        left != Some(0) && !self.0.locks_lost.get()
    }
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.0.tasks.borrow_mut().push(Box::pin(work));
        if !self.0.lazy.get() {
            self.0.turn();
        }
    }
    fn wallet_capabilities(&self) -> WalletCapabilities {
        self.0.abilities.get()
    }
    fn wallet_address(&self) -> Option<String> {
        self.0.address.borrow().clone()
    }
    fn has_callback(&self, whom: Callback) -> bool {
        self.0.gives.borrow().iter().any(|(known, _)| *known == whom)
    }
    async fn ask_wallet(&self, _id: &str, whom: Callback, given: Json, on_sent: &dyn Fn(Json)) -> Result<Json, Json> {
        let says = self.0.says_sent.borrow().clone();
        if let Some((sign, hash)) = says {
            std::future::poll_fn(|_| if sign.get() { Poll::Ready(()) } else { Poll::Pending }).await;
            on_sent(hash);
        }
        self.call(whom, given).await
    }
    async fn call(&self, whom: Callback, given: Json) -> Result<Json, Json> {
        self.0.asked.borrow_mut().push((whom, given.clone()));
        let give = self.0.gives.borrow().iter().find(|(known, _)| *known == whom).map(|(_, give)| give.clone());
        match give.unwrap_or_else(|| panic!("nobody is there for {whom:?}"))(&self.0, &given) {
            Some(answer) => {
                let sign = self.0.late.borrow().iter().find(|(late, _)| *late == whom).map(|(_, sign)| sign.clone());
                std::future::poll_fn(|_| match &sign {
                    Some(sign) if !sign.get() => Poll::Pending,
                    _ => Poll::Ready(()),
                })
                .await;
                answer
            }
            None => std::future::pending().await,
        }
    }
}

/// A client, the world that it is in, and what it told.
pub struct Scene {
    pub world: Rc<World>,
    pub client: Rc<Client<Shared>>,
    pub told: RefCell<Vec<String>>,
}

pub fn config() -> Config {
    Config {
        base_url: BASE.into(),
        headers: vec![("x-api-key".into(), "key".into())],
        timeout: Millis::new(30_000.0),
        retries: 2,
        wallet_timeout: Millis::FOREVER,
        spend: SpendPolicy::default(),
        keep_payments: Millis::from_secs(400.0 * 86_400.0),
        polling: Polling::default(),
    }
}
pub fn scene(steps: impl IntoIterator<Item = Step>) -> Scene {
    scene_with(steps, |_| ())
}
pub fn scene_with(steps: impl IntoIterator<Item = Step>, change: impl FnOnce(&mut Config)) -> Scene {
    let world = Rc::new(World { script: RefCell::new(steps.into_iter().collect()), ..World::default() });
    let mut config = config();
    change(&mut config);
    let ledger = SpendLedger::new(vec![0; config.spend.limits.len()], Box::new(|_, _| ()));
    Scene { client: Rc::new(Client::new(Shared(world.clone()), config, ledger)), world, told: RefCell::default() }
}
impl Scene {
    pub fn paying(self) -> Self {
        self.wallet(Ok(json!(HASH)))
    }
    pub fn wallet(self, gives: Result<Json, Json>) -> Self {
        self.giving(Callback::Transfer, move |_, _| Some(gives.clone()))
    }
    /// What is given to this question; a wallet can do what it gives.
    pub fn giving(self, whom: Callback, give: impl Fn(&World, &Json) -> Option<Result<Json, Json>> + 'static) -> Self {
        let mut abilities = self.world.abilities.get();
        match whom {
            Callback::Transfer => abilities.transfer = true,
            Callback::Sign => abilities.sign = true,
            Callback::Pay => abilities.pay = true,
            Callback::Confirm | Callback::Address | Callback::Call | Callback::Receipt => {}
        }
        self.world.abilities.set(abilities);
        self.world.gives.borrow_mut().push((whom, Rc::new(give)));
        self
    }
    /// Gives this once the sign is there.
    pub fn giving_when(self, whom: Callback, sign: Rc<Cell<bool>>, gives: Result<Json, Json>) -> Self {
        self.world.late.borrow_mut().push((whom, sign));
        self.giving(whom, move |_, _| Some(gives.clone()))
    }
    /// The wallet says this before its answer, once the sign is there.
    pub fn saying_sent(self, sign: Rc<Cell<bool>>, hash: Json) -> Self {
        *self.world.says_sent.borrow_mut() = Some((sign, hash));
        self
    }
    /// What a program leaves that signed, and ended before it sent that: its record, good for a
    /// minute.
    pub fn left_signed(&self, id: &str) -> Json {
        let record = json!({"version": 1, "attemptId": id, "state": "proven", "dialect": "x402-v1", "network": "base",
            "chainId": 8453, "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "currency": "USDC", "decimals": 6,
            "amountAtomic": "20000", "amount": "0.02", "recipient": TO, "server": BASE, "request": r#"{"content":"c"}"#,
            "createdAt": 1.8e12, "begunAt": 1.8e12, "proof": {"x-payment": "a signature"}, "signs": true,
            "validUntil": 1.8e12 + 60_000.0});
        self.world.store.borrow_mut().insert(eliza_jobs::payment::record::key(id), record.to_json());
        record
    }
    /// How often this was asked.
    pub fn asked(&self, whom: Callback) -> usize {
        self.world.asked.borrow().iter().filter(|(known, _)| *known == whom).count()
    }
    /// What was asked last.
    pub fn last_asked(&self) -> Json {
        self.world.asked.borrow().last().unwrap().1.clone()
    }
    pub fn forever(self, step: Step) -> Self {
        *self.world.forever.borrow_mut() = Some(step);
        self
    }
    pub fn tell(&self, update: Update) {
        self.told.borrow_mut().push(match update {
            Update::Paying => return,
            Update::Quote(quote) => format!("quote {} {}", quote["network"].as_str().unwrap(), quote["amount"].as_str().unwrap()),
            Update::Payment(payment) => format!("payment {}", payment["state"].as_str().unwrap()),
            Update::Created(job) => format!("created {}", job["jobId"].as_str().unwrap()),
            Update::Status(job) => format!("status {}", job["status"].as_str().unwrap()),
        });
    }
    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.world.sent.borrow().len()
    }
    pub fn request(&self, index: usize) -> HttpRequest {
        self.world.sent.borrow()[index].1.clone()
    }
    /// The proofs that went out, in order.
    pub fn sent_proofs(&self) -> Vec<String> {
        let sent = self.world.sent.borrow();
        let headers = sent.iter().flat_map(|(_, request)| request.headers.clone());
        headers.filter(|(name, _)| name == "x-payment" || name == "payment-signature").map(|(_, value)| value).collect()
    }
    /// When each request was sent.
    pub fn times(&self) -> Vec<f64> {
        self.world.sent.borrow().iter().map(|(at, _)| *at).collect()
    }
    pub fn header(&self, index: usize, name: &str) -> Option<String> {
        let request = self.request(index);
        let values: Vec<_> = request.headers.iter().filter(|(key, _)| key == name).collect();
        assert!(values.len() <= 1, "{name} twice");
        values.first().map(|(_, value)| value.clone())
    }
    /// All that was asked is answered: the script has no step left.
    pub fn finished(&self) -> bool {
        self.world.script.borrow().is_empty()
    }
}

pub fn params() -> Json {
    json!({"userId": USER, "content": "What is the weather in New York?"})
}
pub fn plain() -> CallOptions {
    CallOptions::default()
}
pub fn within(ms: f64) -> CallOptions {
    CallOptions { timeout: Some(Millis::new(ms)), ..CallOptions::default() }
}

/// Runs a future of a world in which nothing ever waits for anything outside.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the scripted world never waits"),
    }
}
