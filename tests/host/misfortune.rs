//! A world in which everything may go wrong: a network, a wallet, a store and a program that follow
//! a script, on a virtual clock. The server behind it is the sandbox, which keeps account. What
//! happens is told to the [`Watch`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::sandbox::{Paywall, Sandbox, cut};
use eliza_jobs::client::{Client, Config};
use eliza_jobs::encoding;
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::WalletCapabilities;
use eliza_jobs::platform::{Body, HttpRequest, HttpResponse, SendError, SendFailure};
use eliza_jobs::platform::{Callback, Platform, StoreOperation};
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::policy::SpendPolicy;
use eliza_jobs::time::{Instant, Millis, WallTime};
use eliza_jobs::waiting::run::Polling;

use crate::watch::Watch;

pub const BASE: &str = "https://server:3000";
pub const API_KEY: &str = "the-key-of-the-api";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
/// A signature with a plain key, which is not the payer's.
const OF_ANOTHER: &str = "0x1111111111111111111111111111111111111111111111111111111111111111222222222222222222222222222222222222222222222222222222222222222227";

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Net {
    Fine,
    Unreached,
    /// The server never sees it, and nobody knows.
    LostBefore,
    /// The server has done it, and the reply is lost.
    LostAfter,
    /// No reply, for as long as the client waits.
    Hang {
        done: bool,
    },
    /// So many milliseconds to the server and back again. The request arrives, whether or not the
    /// client still waits.
    Slow {
        there: u32,
        back: u32,
    },
    /// The reply is cut off.
    Cut(usize),
    /// The server gets it twice, the second time so much later; the first reply arrives, or the
    /// second.
    Twice {
        later: u32,
        second: bool,
    },
    /// Somebody answers in place of the server, or after it has done it.
    Proxy {
        status: u16,
        body: usize,
        done: bool,
        retry_after: Option<&'static str>,
    },
    Redirect {
        status: u16,
        location: &'static str,
    },
    /// The job is made, and the settlement fails.
    Unsettled {
        pending: bool,
    },
    /// The server starts again and has forgotten its jobs.
    Restart,
    /// The platform fails in another way.
    Failure(SendFailure),
}

/// What answers that are none have in their bodies.
pub const BODIES: usize = 9;
fn body(which: usize) -> Body {
    match which {
        0 => Body::Empty,
        1 => Body::Text("garbage".into()),
        2 => Body::Text("<html><title>proxy</title>".into()),
        3 => Body::Json(json!(null)),
        4 => Body::Json(json!({"jobId": "", "jobs": 5})),
        5 => Body::Json(json!({"jobId": 5, "jobs": [null, 5, {"jobId": 5, "metadata": 5}]})),
        6 => Body::Json(json!({"error": {"message": "no", "code": 7}})),
        7 => Body::Json(json!({"x402Version": 2, "accepts": [{"network": "eip155:8453"}], "payment": [{}]})),
        _ => Body::Json(json!({"jobs": [], "total": 0, "statusCounts": {}})),
    }
}

/// What the wallet does when it is asked to transfer or to sign.
#[derive(Debug, Clone)]
pub enum Wallet {
    Pays,
    Slow(u32),
    Rejects,
    /// It says no, with the hash of a transfer.
    RejectsWithHash,
    /// It breaks before it has done anything.
    Fails,
    /// It does it and breaks; the error says nothing, or the hash.
    FailsAfter {
        hash: bool,
    },
    /// It does nothing and gives this.
    Junk(usize),
    /// It does it and gives an object with the hash in it.
    Wrapped,
    /// It signs with another account.
    Other,
    Hangs,
    /// It does it, and says nothing any more.
    Silent,
}
pub const JUNK: usize = 7;
fn junk(which: usize) -> Json {
    match which {
        0 => json!(null),
        1 => json!(5),
        2 => json!({"what": "is this"}),
        3 => json!("0x1234"),
        4 => json!(format!("0x{}\r\nx-evil: 1", "ab".repeat(32))),
        5 => json!("x".repeat(100_000)),
        _ => json!(["0x", {}]),
    }
}

/// What `confirm`, or `wallet.address`, does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says {
    Yes,
    Slow(u32),
    No,
    Odd,
    Throws,
    Hangs,
}

/// How the store fails.
#[derive(Debug, Clone, Copy)]
pub enum StoreFault {
    /// Nothing was done.
    Before,
    /// It was done, and the store throws all the same.
    After,
}

#[derive(Debug, Clone)]
pub struct Misfortune {
    pub paywall: Paywall,
    pub list_open: bool,
    pub agent_ms: f64,
    pub net: Vec<Net>,
    pub wallet: Vec<Wallet>,
    pub confirm: Option<Says>,
    pub address: Says,
    pub store: BTreeMap<usize, StoreFault>,
    /// How long the store takes for each call, in milliseconds.
    pub store_ms: u32,
}

impl Misfortune {
    /// None: everything works.
    pub fn none(paywall: Paywall) -> Self {
        Self {
            paywall,
            list_open: true,
            agent_ms: 500.0,
            net: Vec::new(),
            wallet: Vec::new(),
            confirm: None,
            address: Says::Yes,
            store: BTreeMap::new(),
            store_ms: 0,
        }
    }
}

/// What is waited for, by kind: nothing of it may be left when nobody waits any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    Sleep,
    Send,
    Question,
    Wallet,
    Store,
    Lock,
}

/// Everything that outlives the program.
pub struct World {
    pub script: Misfortune,
    pub server: RefCell<Sandbox>,
    pub store: RefCell<BTreeMap<String, String>>,
    pub now: Cell<f64>,
    pub watch: RefCell<Watch>,
    /// Whether misfortune is over.
    pub calm: Cell<bool>,
    /// What the clients may pay.
    pub spend: RefCell<SpendPolicy>,
    /// How far the clients' wall clock is ahead of the server's, in milliseconds.
    pub ahead_ms: Cell<f64>,
    /// When the wallet has transferred money, on the clients' wall clock.
    pub transfers: RefCell<Vec<f64>>,
    net_steps: Cell<usize>,
    store_steps: Cell<usize>,
    wallet_steps: Cell<usize>,
    ids: Cell<u32>,
    alarms: RefCell<BTreeSet<(u64, u32)>>,
    /// Requests that are still on their way.
    travelling: RefCell<Vec<Parcel>>,
    waiting: RefCell<BTreeMap<Waiting, usize>>,
    locks: RefCell<BTreeMap<String, VecDeque<u32>>>,
    /// Whether something has happened since this was looked at.
    pub stirred: Cell<bool>,
}

/// A request that is on its way: when it arrives, and where its answer goes.
type Parcel = (f64, HttpRequest, Rc<RefCell<Option<HttpResponse>>>);
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// One life of the program.
pub struct Process {
    pub world: Rc<World>,
    tasks: RefCell<Vec<Task>>,
    /// How many more steps this life has.
    left: Cell<usize>,
    pub steps: Cell<usize>,
    pub ended: Cell<bool>,
    /// After how many more calls of the store this life rests.
    pub rests_after: Cell<usize>,
    /// Whether it rests: what the store has answered comes when that is over.
    pub rests: Cell<bool>,
}

/// One client in a program, as it sees the world.
pub struct Tab {
    process: Rc<Process>,
    /// The attempt that it has written down last before it asks the wallet.
    intended: RefCell<String>,
}

async fn never<T>() -> T {
    std::future::pending().await
}

struct Busy(Rc<World>, Waiting);
impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.waiting.borrow_mut().get_mut(&self.1).unwrap() -= 1;
    }
}

pub struct Alarm(Rc<World>, (u64, u32));
impl Future for Alarm {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.now.get() < f64::from_bits(self.1.0) {
            return Poll::Pending;
        }
        self.0.stirred.set(true);
        Poll::Ready(())
    }
}
impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.alarms.borrow_mut().remove(&self.1);
    }
}

/// A lock that is held, or asked for.
pub struct Held(Rc<World>, String, u32);
impl Drop for Held {
    fn drop(&mut self) {
        self.0.locks.borrow_mut().get_mut(&self.1).unwrap().retain(|ticket| *ticket != self.2);
        self.0.stirred.set(true);
    }
}

impl World {
    pub fn new(script: Misfortune) -> Rc<Self> {
        Rc::new(Self {
            server: RefCell::new(Sandbox::new(script.paywall, script.list_open, script.agent_ms)),
            script,
            store: RefCell::default(),
            now: Cell::new(0.0),
            watch: RefCell::default(),
            calm: Cell::new(false),
            spend: RefCell::default(),
            ahead_ms: Cell::new(0.0),
            transfers: RefCell::default(),
            net_steps: Cell::new(0),
            store_steps: Cell::new(0),
            wallet_steps: Cell::new(0),
            ids: Cell::new(0),
            alarms: RefCell::default(),
            travelling: RefCell::default(),
            waiting: RefCell::default(),
            locks: RefCell::default(),
            stirred: Cell::new(false),
        })
    }
    /// The clients' wall clock.
    pub fn wall(&self) -> f64 {
        self.server_time() + self.ahead_ms.get()
    }
    fn server_time(&self) -> f64 {
        1.8e12 + self.now.get()
    }
    /// How many payments have moved: transfers of the wallet, or signatures that the server has
    /// taken.
    pub fn moved(&self) -> usize {
        match self.script.paywall {
            Paywall::V1 | Paywall::V2 => self.server.borrow().taken.len(),
            _ => self.transfers.borrow().len(),
        }
    }
    fn id(&self) -> u32 {
        self.ids.set(self.ids.get() + 1);
        self.ids.get()
    }
    pub fn alarm(self: &Rc<Self>, after_ms: f64) -> Alarm {
        let key = ((self.now.get() + after_ms.max(0.0)).to_bits(), self.id());
        self.alarms.borrow_mut().insert(key);
        Alarm(self.clone(), key)
    }
    fn busy(self: &Rc<Self>, kind: Waiting) -> Busy {
        *self.waiting.borrow_mut().entry(kind).or_insert(0) += 1;
        Busy(self.clone(), kind)
    }
    fn is_waited_for(&self, kind: Waiting) -> bool {
        self.waiting.borrow().get(&kind).is_some_and(|count| *count > 0)
    }
    /// Lets time pass until the next thing happens, or until `end`; false when nothing will happen
    /// any more.
    pub fn pass(&self, end: f64) -> bool {
        let alarm = self.alarms.borrow().first().map_or(f64::INFINITY, |(at, _)| f64::from_bits(*at));
        let parcel = self.travelling.borrow().iter().map(|(at, _, _)| *at).fold(f64::INFINITY, f64::min);
        let next = alarm.min(parcel).min(end);
        if next == f64::INFINITY {
            return false;
        }
        self.now.set(next.max(self.now.get()));
        let (arrived, travelling) = self.travelling.take().into_iter().partition::<Vec<_>, _>(|(at, _, _)| *at <= next);
        *self.travelling.borrow_mut() = travelling;
        for (_, request, slot) in arrived {
            *slot.borrow_mut() = Some(self.handle(&request));
        }
        true
    }
    /// Nobody lives, and time passes.
    pub fn rest(&self, ms: f64) {
        let end = self.now.get() + ms;
        while self.now.get() < end {
            self.pass(end);
        }
    }
    /// Whether somebody waits for a lock that another one has.
    pub fn is_locked(&self) -> bool {
        self.locks.borrow().values().any(|queue| queue.len() > 1)
    }
    fn handle(&self, request: &HttpRequest) -> HttpResponse {
        self.server.borrow_mut().handle(self.server_time(), request)
    }
}

impl Process {
    pub fn new(world: &Rc<World>, steps: usize) -> Rc<Self> {
        Rc::new(Self {
            world: world.clone(),
            tasks: RefCell::default(),
            left: Cell::new(steps),
            steps: Cell::new(0),
            ended: Cell::new(false),
            rests_after: Cell::new(usize::MAX),
            rests: Cell::new(false),
        })
    }

    /// Lets the calls go on, and what was begun beside them; whether anything has ended.
    pub fn go_on(&self, calls: &mut Vec<Task>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let before = calls.len();
        calls.retain_mut(|call| call.as_mut().poll(&mut context).is_pending());
        let mut done = calls.len() < before;
        for mut task in self.tasks.take() {
            if task.as_mut().poll(&mut context).is_ready() {
                done = true;
            } else {
                self.tasks.borrow_mut().push(task);
            }
        }
        done
    }

    /// Whether nothing is left that was begun beside its calls.
    pub fn is_idle(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    pub fn client(self: &Rc<Self>) -> Rc<Client<Tab>> {
        self.client_with(|_| ())
    }

    pub fn client_with(self: &Rc<Self>, change: impl FnOnce(&mut Config)) -> Rc<Client<Tab>> {
        let mut config = Config {
            base_url: BASE.into(),
            headers: vec![("x-api-key".into(), API_KEY.into())],
            timeout: Millis::new(30_000.0),
            retries: 2,
            wallet_timeout: Millis::new(300_000.0),
            spend: self.world.spend.borrow().clone(),
            keep_payments: Millis::from_secs(400.0 * 86_400.0),
            polling: Polling::default(),
        };
        change(&mut config);
        let ledger = SpendLedger::new(vec![0; config.spend.limits.len()], Box::new(|_, _| ()));
        Rc::new(Client::new(Tab { process: self.clone(), intended: RefCell::default() }, config, ledger))
    }

    /// A step: whether the program ends here.
    fn ends(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 {
            self.ended.set(true);
        }
        self.ended.get()
    }

    /// Runs several programs at once, each with its calls, until all have ended or crashed, or only
    /// open wallets are left.
    pub fn run_all(world: &Rc<World>, mut programs: Vec<(Rc<Process>, Vec<Task>)>) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            world.stirred.set(false);
            let mut done = false;
            for (process, calls) in &mut programs {
                let mut poll = |task: &mut Task| process.ended.get() || task.as_mut().poll(&mut context).is_ready();
                let before = calls.len();
                calls.retain_mut(|call| !poll(call));
                done |= calls.len() < before;
                for mut task in process.tasks.take() {
                    if poll(&mut task) {
                        done = true;
                    } else {
                        process.tasks.borrow_mut().push(task);
                    }
                }
                if process.ended.get() {
                    // What the program held is free again.
                    done |= !calls.is_empty() || !process.tasks.borrow().is_empty();
                    calls.clear();
                    process.tasks.take();
                }
            }
            let is_over = programs.iter().all(|(process, calls)| calls.is_empty() && process.tasks.borrow().is_empty());
            if is_over || (!done && !world.stirred.get() && !world.pass(f64::INFINITY)) {
                break;
            }
        }
        for (process, calls) in &mut programs {
            process.ended.set(true);
            calls.clear();
            process.tasks.take();
        }
    }

    /// Runs the calls to their ends, with all that they began. After so many steps the calls are
    /// given up, as by a signal.
    pub fn run(&self, mut calls: Vec<Task>, abort_after: usize) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            loop {
                self.world.stirred.set(false);
                let mut done = false;
                calls.retain_mut(|call| {
                    let ready = !self.ended.get() && call.as_mut().poll(&mut context).is_ready();
                    done |= ready;
                    !ready
                });
                if self.steps.get() >= abort_after {
                    done |= !calls.is_empty();
                    calls.clear();
                }
                for mut task in self.tasks.take() {
                    if !self.ended.get() && task.as_mut().poll(&mut context).is_pending() {
                        self.tasks.borrow_mut().push(task);
                    } else {
                        done = true;
                    }
                }
                if self.ended.get() {
                    calls.clear();
                    self.tasks.take();
                    return;
                }
                if !done && !self.world.stirred.get() {
                    break;
                }
            }
            if calls.is_empty() {
                // What is to be written down, while the store fails, is tried again a few times.
                let writes = !self.tasks.borrow().is_empty();
                for left in [Waiting::Sleep, Waiting::Send, Waiting::Question, Waiting::Lock] {
                    let may = left == Waiting::Sleep && writes;
                    assert!(may || !self.world.is_waited_for(left), "I6: a {left:?} is left over");
                }
                if !writes {
                    return;
                }
            }
            if !self.world.pass(f64::INFINITY) {
                break;
            }
        }
        assert!(calls.is_empty(), "I6: a call never ends");
        assert!(
            self.world.is_waited_for(Waiting::Wallet) && !self.world.is_waited_for(Waiting::Store),
            "I6: a task is left over and waits for no wallet"
        );
        self.ended.set(true);
        self.tasks.take();
    }
}

impl Tab {
    fn world(&self) -> &Rc<World> {
        &self.process.world
    }

    async fn say(&self, says: Says, yes: Json) -> Result<Json, Json> {
        match if self.world().calm.get() { Says::Yes } else { says } {
            Says::Yes => Ok(yes),
            Says::Slow(ms) => {
                self.world().alarm(f64::from(ms)).await;
                Ok(yes)
            }
            Says::No => Ok(json!(false)),
            Says::Odd => Ok(json!("yes")),
            Says::Throws => Err(json!({"message": "it broke"})),
            Says::Hangs => never().await,
        }
    }
}

/// What the store's record under this key is about.
pub const PREFIX: &str = eliza_jobs::payment::record::PREFIX;

impl Platform for Tab {
    type Lock = Held;

    async fn send(&self, request: &HttpRequest, _hear: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        let world = self.world();
        let _busy = world.busy(Waiting::Send);
        if self.process.ends() {
            return never().await;
        }
        let ticket = world.watch.borrow_mut().sends(world.now.get(), request, &world.store.borrow());
        let step = world.net_steps.get();
        world.net_steps.set(step + 1);
        let fault = if world.calm.get() { None } else { world.script.net.get(step).cloned() };
        if !matches!(fault, Some(Net::Unreached)) {
            world.watch.borrow_mut().reaches(&ticket);
        }
        #[expect(clippy::result_large_err, reason = "the trait has it so")]
        let failed = |failure| Err(SendError { failure, words: String::new(), cause: None, partial: String::new() });
        let send_at = |there: u32| {
            let slot = Rc::new(RefCell::new(None));
            world.travelling.borrow_mut().push((world.now.get() + f64::from(there), request.clone(), slot.clone()));
            slot
        };
        let mut after_ms = 1.0;
        let mut slow = None;
        let mut answer = match fault.unwrap_or(Net::Fine) {
            Net::Fine => Ok(world.handle(request)),
            Net::Unreached => failed(SendFailure::Unreached),
            Net::LostBefore => failed(SendFailure::Reset),
            Net::LostAfter => {
                world.handle(request);
                failed(SendFailure::Reset)
            }
            Net::Hang { done } => {
                if done {
                    world.handle(request);
                }
                after_ms = f64::INFINITY;
                failed(SendFailure::Timeout)
            }
            Net::Slow { there, back } => {
                slow = Some(send_at(there));
                after_ms = f64::from(there) + f64::from(back);
                failed(SendFailure::Timeout)
            }
            Net::Cut(keep) => Ok(cut(&world.handle(request), keep)),
            Net::Twice { later, second } => {
                let first = world.handle(request);
                if later == 0 {
                    let again = world.handle(request);
                    Ok(if second { again } else { first })
                } else {
                    send_at(later);
                    Ok(first)
                }
            }
            Net::Proxy { status, body: which, done, retry_after } => {
                if done {
                    world.handle(request);
                }
                let headers = retry_after.map(|text| ("retry-after", text.to_owned())).into_iter().collect();
                Ok(HttpResponse { status, headers, body: body(which) })
            }
            Net::Redirect { status, location } => {
                Ok(HttpResponse { status, headers: vec![("location", location.to_owned())], body: Body::Empty })
            }
            Net::Unsettled { pending } => {
                world.handle(request);
                let reason = if pending { "settlement_pending" } else { "insufficient_funds" };
                let said = encoding::to_base64(&json!({"success": false, "errorReason": reason}).to_string());
                Ok(HttpResponse { status: 402, headers: vec![("payment-response", said)], body: Body::Json(json!({})) })
            }
            Net::Restart => {
                world.server.borrow_mut().restart();
                Ok(world.handle(request))
            }
            Net::Failure(failure) => failed(failure),
        };
        world.alarm(after_ms.min(request.timeout.get())).await;
        if after_ms > request.timeout.get() {
            answer = failed(SendFailure::Timeout);
        } else if let Some(arrived) = slow.and_then(|slot| slot.take()) {
            answer = Ok(arrived);
        }
        if self.process.ends() {
            return never().await;
        }
        world.watch.borrow_mut().is_told(ticket, world.now.get(), answer.as_ref().ok());
        answer
    }
    async fn sleep(&self, duration: Millis) {
        let ms = duration.get();
        assert!(!ms.is_nan(), "a sleep of NaN");
        let _busy = self.world().busy(Waiting::Sleep);
        if ms.is_infinite() || self.process.ends() {
            return never().await;
        }
        self.world().alarm(ms).await;
    }
    fn now(&self) -> Instant {
        Instant::from_ms(self.world().now.get())
    }
    fn wall_time(&self) -> WallTime {
        WallTime::from_ms(self.world().wall())
    }
    fn random(&self) -> f64 {
        f64::from(self.world().ids.get() % 3) / 2.0
    }
    fn uuid(&self) -> String {
        format!("33333333-3333-4333-8333-{:012}", self.world().id())
    }
    fn parse_date(&self, text: &str) -> Option<WallTime> {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(WallTime::from_ms(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0))
    }
    fn nonce(&self) -> [u8; 32] {
        let mut nonce = [0; 32];
        nonce[..4].copy_from_slice(&self.world().id().to_be_bytes());
        nonce
    }
    async fn store(&self, call: StoreOperation, key: &str, value: &str) -> Result<Json, Json> {
        let world = self.world();
        let _busy = world.busy(Waiting::Store);
        if self.process.ends() {
            return never().await;
        }
        let step = world.store_steps.get();
        world.store_steps.set(step + 1);
        let fault = if world.calm.get() { None } else { world.script.store.get(&step) };
        let is_payment = key.starts_with(PREFIX);
        let id = key.strip_prefix(PREFIX).unwrap_or_default();
        let done = if matches!(fault, Some(StoreFault::Before)) {
            None
        } else {
            let mut store = world.store.borrow_mut();
            let mut watch = world.watch.borrow_mut();
            Some(match call {
                StoreOperation::Get => store.get(key).map_or(json!(null), |text| json!(text)),
                StoreOperation::Set => {
                    let before = store.insert(key.to_owned(), value.to_owned());
                    if is_payment {
                        watch.is_written(before.as_deref(), value);
                    }
                    json!(null)
                }
                StoreOperation::Add if store.contains_key(key) => json!(false),
                StoreOperation::Add => {
                    store.insert(key.to_owned(), value.to_owned());
                    json!(true)
                }
                StoreOperation::Delete => {
                    if let Some(text) = store.remove(key).filter(|_| is_payment) {
                        watch.is_forgotten(&text, world.wall());
                    }
                    json!(null)
                }
                StoreOperation::Keys => json!(store.keys().collect::<Vec<_>>()),
            })
        };
        if call == StoreOperation::Get && is_payment && fault.is_some() {
            world.watch.borrow_mut().is_not_read(id);
        }
        if call == StoreOperation::Set && is_payment {
            if Json::parse(value).unwrap()["state"] == "intended" {
                id.clone_into(&mut self.intended.borrow_mut());
            }
            if fault.is_some() {
                world.watch.borrow_mut().is_not_written(value);
            }
        }
        if world.script.store_ms > 0 {
            world.watch.borrow_mut().store_ms += f64::from(world.script.store_ms);
            world.alarm(f64::from(world.script.store_ms)).await;
        }
        let left = self.process.rests_after.get();
        self.process.rests_after.set(left.wrapping_sub(1));
        if left == 0 {
            self.process.rests.set(true);
            std::future::poll_fn(|_| if self.process.rests.get() { Poll::Pending } else { Poll::Ready(()) }).await;
        }
        if self.process.ends() {
            return never().await;
        }
        done.filter(|_| fault.is_none()).ok_or_else(|| json!("the disk is full"))
    }
    async fn lock(&self, name: &str) -> Result<Held, Json> {
        let world = self.world();
        let _busy = world.busy(Waiting::Lock);
        let held = Held(world.clone(), name.to_owned(), world.id());
        world.locks.borrow_mut().entry(name.to_owned()).or_default().push_back(held.2);
        std::future::poll_fn(|_| {
            let first = world.locks.borrow().get(name).and_then(|queue| queue.front().copied());
            if first == Some(held.2) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(held)
    }
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        if !self.process.ended.get() {
            self.process.tasks.borrow_mut().push(Box::pin(work));
            self.world().stirred.set(true);
        }
    }
    fn wallet_capabilities(&self) -> WalletCapabilities {
        WalletCapabilities { transfer: true, sign: true, pay: false }
    }
    fn has_callback(&self, whom: Callback) -> bool {
        match whom {
            Callback::Confirm => self.world().script.confirm.is_some(),
            Callback::Address | Callback::Transfer | Callback::Sign => true,
            Callback::Pay | Callback::Call | Callback::Receipt => false,
        }
    }
    async fn call(&self, whom: Callback, given: Json) -> Result<Json, Json> {
        let world = self.world();
        if matches!(whom, Callback::Confirm | Callback::Address) {
            let _busy = world.busy(Waiting::Question);
            if self.process.ends() {
                return never().await;
            }
            return match whom {
                Callback::Confirm => self.say(world.script.confirm.unwrap_or(Says::Yes), json!(true)).await,
                _ => self.say(world.script.address, json!(PAYER)).await,
            };
        }
        let _busy = world.busy(Waiting::Wallet);
        if self.process.ends() {
            return never().await;
        }
        let step = world.wallet_steps.get();
        world.wallet_steps.set(step + 1);
        let does = if world.calm.get() { None } else { world.script.wallet.get(step).cloned() }.unwrap_or(Wallet::Pays);
        let signs = whom == Callback::Sign;
        let hash = format!("0x{:064x}", step + 1);
        // What moves money: the hash of a transfer, the nonce of an authorisation.
        let mark = if signs { given["message"]["nonce"].as_str().unwrap().to_owned() } else { hash.clone() };
        let until = given["message"]["validBefore"].as_str().map_or(f64::INFINITY, |text| text.parse().unwrap());
        // As long as a contract wallet's: the check of a plain one is slow, and tested elsewhere.
        let proof = if signs { format!("0x{}", format!("{:02x}", step + 1).repeat(70)) } else { hash.clone() };
        let id = self.intended.borrow().clone();
        world.watch.borrow_mut().asks(&id, &mark, until, world.wall(), &world.store.borrow());
        let moves = |moves: bool| {
            if moves && !signs {
                world.transfers.borrow_mut().push(world.wall());
                world.watch.borrow_mut().moves(&id, &mark);
            }
        };
        moves(matches!(does, Wallet::Pays | Wallet::Slow(_) | Wallet::FailsAfter { .. } | Wallet::Wrapped | Wallet::Silent));
        if let Wallet::Slow(ms) = does {
            world.alarm(f64::from(ms)).await;
        }
        if matches!(does, Wallet::Hangs | Wallet::Silent) || self.process.ends() {
            return never().await;
        }
        let given = |answer| {
            world.watch.borrow_mut().gives(&id, &mark, world.wall());
            answer
        };
        let says_no = |answer| {
            world.watch.borrow_mut().gives_nothing(&id);
            answer
        };
        match does {
            Wallet::Pays | Wallet::Slow(_) => given(Ok(json!(proof))),
            Wallet::Hangs | Wallet::Silent => never().await,
            Wallet::Rejects => says_no(Err(json!({"code": 4001}))),
            Wallet::RejectsWithHash if !signs => given(Err(json!({"code": 4001, "transactionHash": hash}))),
            Wallet::RejectsWithHash => says_no(Err(json!({"code": 4001, "transactionHash": hash}))),
            // Who only signs has moved nothing when that fails.
            Wallet::Fails if signs => says_no(Err(json!("the wallet broke"))),
            Wallet::Fails => Err(json!({"message": "the wallet broke"})),
            Wallet::FailsAfter { hash: true } if !signs => given(Err(json!({"message": "lost it", "receipt": {"hash": hash}}))),
            Wallet::FailsAfter { .. } if signs => says_no(Err(json!({"cause": {}}))),
            Wallet::FailsAfter { .. } => Err(json!(null)),
            Wallet::Wrapped if !signs => given(Ok(json!({"transactionHash": hash}))),
            Wallet::Wrapped => Ok(json!({"transactionHash": hash})),
            Wallet::Other if signs => says_no(Ok(json!(OF_ANOTHER))),
            Wallet::Other => Ok(json!("0x00")),
            Wallet::Junk(which) if signs => says_no(Ok(junk(which))),
            Wallet::Junk(which) => Ok(junk(which)),
        }
    }
}
