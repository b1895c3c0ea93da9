//! Random misfortune: thousands of scripts in which every step on the network, in the wallet and in the store may go wrong, and the
//! program may end at any of them and begin again with what is in the store. Whatever happens, what the README promises holds.
//!
//! `SCRIPTS=1000000 cargo test --release --test scenarios property` runs more of them (`make soak`).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use eliza_jobs::client::{CallOptions, Client, Config, WaitPlan};
use eliza_jobs::error::Error;
use eliza_jobs::http::{Body, HttpRequest, HttpResponse, Method, SendError, SendFailure};
use eliza_jobs::json::Json;
use eliza_jobs::runtime::{Ask, Runtime, StoreCall};
use eliza_jobs::sandbox::{Paywall, Sandbox, cut, place};
use eliza_jobs::spend::{Abilities, SpendLedger, SpendPolicy};
use eliza_jobs::x402::hex;
use proptest::prelude::*;
use serde_json::{Value, json};

const BASE: &str = "http://server:3000";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const USER: &str = "22222222-2222-4222-8222-222222222222";

/// What happens to one request.
#[derive(Debug, Clone)]
enum Net {
    Fine,
    Unreached,
    /// The server never sees it, and nobody knows.
    LostBefore,
    /// The server has done it, and the reply is lost.
    LostAfter,
    /// The same, and it takes as long as the client waits.
    HangAfter,
    /// The reply is cut off.
    Cut(usize),
    /// The server gets it twice; the second reply arrives.
    Twice,
    Slow(u32),
    /// A proxy answers in place of the server.
    Proxy(u16),
    /// A proxy answers after the server has done it.
    ProxyAfter(u16),
    Garbage,
    Redirect,
}

#[derive(Debug, Clone)]
enum Wallet {
    Pays,
    Slow(u32),
    Rejects,
    Fails,
    Junk,
    Hangs,
    /// It pays, and says nothing any more in this program's life.
    Silent,
}

#[derive(Debug, Clone)]
struct Script {
    paywall: Paywall,
    list_open: bool,
    agent_ms: f64,
    net: Vec<Net>,
    wallet: Wallet,
    /// At which steps the store fails.
    store_fails: BTreeSet<usize>,
    /// After how many steps each life of the program ends.
    lives: Vec<usize>,
    timeout_ms: Option<f64>,
    named: bool,
}

fn script() -> impl Strategy<Value = Script> {
    let net = prop_oneof![
        8 => Just(Net::Fine),
        1 => Just(Net::Unreached),
        2 => Just(Net::LostBefore),
        3 => Just(Net::LostAfter),
        1 => Just(Net::HangAfter),
        2 => (0usize..60).prop_map(Net::Cut),
        1 => Just(Net::Twice),
        1 => (1u32..40_000).prop_map(Net::Slow),
        1 => prop::sample::select(vec![400u16, 401, 404, 408, 429, 500, 502, 503, 504]).prop_map(Net::Proxy),
        1 => prop::sample::select(vec![402u16, 429, 500, 502, 504]).prop_map(Net::ProxyAfter),
        1 => Just(Net::Garbage),
        1 => Just(Net::Redirect),
    ];
    let wallet = prop_oneof![
        6 => Just(Wallet::Pays),
        1 => (1u32..200_000).prop_map(Wallet::Slow),
        1 => Just(Wallet::Rejects),
        1 => Just(Wallet::Fails),
        1 => Just(Wallet::Junk),
        1 => Just(Wallet::Hangs),
        1 => Just(Wallet::Silent),
    ];
    let paywall = prop::sample::select(vec![Paywall::Open, Paywall::Lax, Paywall::Strict, Paywall::V1, Paywall::V2]);
    (
        (paywall, any::<bool>(), 0.0..40_000.0, prop::collection::vec(net, 0..14), wallet),
        prop::collection::btree_set(0usize..12, 0..2),
        prop::collection::vec(0usize..24, 0..3),
        prop::option::of(1_000.0..60_000.0),
        any::<bool>(),
    )
        .prop_map(|((paywall, list_open, agent_ms, net, wallet), store_fails, lives, timeout_ms, named)| Script {
            paywall,
            list_open,
            agent_ms,
            net,
            wallet,
            store_fails,
            lives,
            timeout_ms,
            named,
        })
}

/// Everything that outlives the program, and what was seen of it.
struct World {
    script: Script,
    server: RefCell<Sandbox>,
    store: RefCell<BTreeMap<String, String>>,
    now: Cell<f64>,
    net_steps: Cell<usize>,
    store_steps: Cell<usize>,
    /// How many more steps this life has.
    left: Cell<usize>,
    ids: Cell<u32>,
    sent: RefCell<Vec<(f64, String, Option<String>)>>,
    /// The wallet's proofs: hashes of transfers, nonces of signatures.
    asked: RefCell<Vec<String>>,
    /// The proofs that the client has been given.
    given: RefCell<BTreeSet<String>>,
    /// The ids of jobs that the client was told of, whole.
    told: RefCell<BTreeSet<String>>,
}

impl World {
    /// A step: whether the program ends here.
    fn ends(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0
    }
}

type Task = std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// One life of the program, with what it does beside its calls.
#[derive(Clone)]
struct Life(Rc<World>, Rc<RefCell<Vec<Task>>>);

async fn never<T>() -> T {
    std::future::pending().await
}

impl Runtime for Life {
    type Json = Value;
    type Lock = ();

    async fn send(&self, request: &HttpRequest, _hear: Option<&dyn Fn(&str)>) -> Result<HttpResponse<Value>, SendError<Value>> {
        let world = &self.0;
        let proof = request.headers.iter().find(|(name, _)| name == "x-payment" || name == "payment-signature");
        world.sent.borrow_mut().push((world.now.get(), place(request), proof.map(|(_, value)| value.clone())));
        // The origin and the route of everything that carries a secret.
        assert!(request.url.starts_with(&format!("{BASE}/")), "sent to {}", request.url);
        assert!(proof.is_none() || (request.method == Method::Post && request.url.ends_with("/api/messaging/jobs")));
        if world.ends() {
            return never().await;
        }
        let step = world.net_steps.get();
        world.net_steps.set(step + 1);
        let fault = world.script.net.get(step).cloned().unwrap_or(Net::Fine);
        let wall = self.wall_ms();
        let handle = || world.server.borrow_mut().handle(wall, request);
        let failed = |failure| Err(SendError { failure, words: String::new(), cause: None });
        let text = |status, body: &str| {
            let body = if body.is_empty() { Body::Empty } else { Body::Text(body.to_owned()) };
            Ok(HttpResponse { status, headers: vec![], body })
        };
        let late = |ms: f64| {
            world.now.set(world.now.get() + ms.min(request.timeout_ms));
            ms > request.timeout_ms
        };
        let answer = match fault {
            Net::Fine => Ok(handle()),
            Net::Unreached => failed(SendFailure::Unreached),
            Net::LostBefore => failed(SendFailure::Reset),
            Net::LostAfter => {
                handle();
                failed(SendFailure::Reset)
            }
            Net::HangAfter => {
                handle();
                late(f64::INFINITY);
                failed(SendFailure::Timeout)
            }
            Net::Cut(keep) => Ok(cut(&handle(), keep)),
            Net::Twice => {
                handle();
                Ok(handle())
            }
            Net::Slow(ms) => {
                let answer = handle();
                if late(f64::from(ms)) { failed(SendFailure::Timeout) } else { Ok(answer) }
            }
            Net::Proxy(status) => text(status, "<html><title>proxy</title>"),
            Net::ProxyAfter(status) => {
                handle();
                text(status, "")
            }
            Net::Garbage => text(200, "garbage"),
            Net::Redirect => Ok(HttpResponse {
                status: 307,
                headers: vec![("location", "https://evil.example/api/messaging/jobs".into())],
                body: Body::Empty,
            }),
        };
        if world.ends() {
            return never().await;
        }
        if let Ok(HttpResponse { status: 201, body: Body::Json(job), .. }) = &answer {
            world.told.borrow_mut().extend(job.get_text("jobId"));
        }
        answer
    }
    async fn sleep(&self, ms: f64) {
        if ms.is_infinite() || self.0.ends() {
            return never().await;
        }
        self.0.now.set(self.0.now.get() + ms);
    }
    fn now_ms(&self) -> f64 {
        self.0.now.get()
    }
    fn wall_ms(&self) -> f64 {
        1.8e12 + self.0.now.get()
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn uuid(&self) -> String {
        self.0.ids.set(self.0.ids.get() + 1);
        format!("33333333-3333-4333-8333-{:012}", self.0.ids.get())
    }
    fn parse_date(&self, _text: &str) -> Option<f64> {
        None
    }
    fn nonce(&self) -> [u8; 32] {
        self.0.ids.set(self.0.ids.get() + 1);
        let mut nonce = [0; 32];
        nonce[..4].copy_from_slice(&self.0.ids.get().to_be_bytes());
        nonce
    }
    async fn store(&self, call: StoreCall, key: &str, value: &str) -> Result<Value, Value> {
        let world = &self.0;
        let step = world.store_steps.get();
        world.store_steps.set(step + 1);
        let answer = {
            let mut store = world.store.borrow_mut();
            match call {
                _ if world.script.store_fails.contains(&step) => Err(json!("the disk is full")),
                StoreCall::Get => Ok(store.get(key).map_or(Value::Null, |text| json!(text))),
                StoreCall::Set => Ok(store.insert(key.to_owned(), value.to_owned()).map_or(Value::Null, |_| Value::Null)),
                StoreCall::Delete => Ok(store.remove(key).map_or(Value::Null, |_| Value::Null)),
                StoreCall::Keys => Ok(json!(store.keys().collect::<Vec<_>>())),
            }
        };
        // What was begun is done, whether or not the program sees it: the write is on its way before anything is awaited.
        if world.ends() {
            return never().await;
        }
        answer
    }
    async fn lock(&self, _name: &str) {}
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let mut work: Task = Box::pin(work);
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.1.borrow_mut().push(work);
        }
    }
    fn abilities(&self) -> Abilities {
        Abilities { transfer: true, sign: true, pay: false }
    }
    fn can_ask(&self, whom: Ask) -> bool {
        matches!(whom, Ask::Address | Ask::Transfer | Ask::Sign)
    }
    async fn ask(&self, whom: Ask, given: Value) -> Result<Value, Value> {
        let world = &self.0;
        if whom == Ask::Address {
            return Ok(json!(PAYER));
        }
        let number = world.asked.borrow().len() as u64 + 1;
        // What moves money: the hash of a transfer, the nonce of an authorisation.
        let (mark, proof) = match whom {
            Ask::Sign => {
                let nonce = given["message"]["nonce"].as_str().unwrap().to_owned();
                // As long as a contract wallet's: the check of a plain one is slow, and tested elsewhere.
                (nonce, format!("0x{}", format!("{number:02x}").repeat(70)))
            }
            _ => (format!("0x{number:064x}"), format!("0x{number:064x}")),
        };
        let pays = !matches!(world.script.wallet, Wallet::Rejects | Wallet::Hangs);
        world.asked.borrow_mut().push(mark.clone());
        if world.ends() {
            return never().await;
        }
        match world.script.wallet {
            Wallet::Pays => {}
            Wallet::Slow(ms) => world.now.set(world.now.get() + f64::from(ms)),
            Wallet::Rejects => return Err(json!({"code": 4001})),
            Wallet::Fails => return Err(json!("the wallet broke")),
            Wallet::Junk => return Ok(json!({"what": "is this"})),
            Wallet::Hangs | Wallet::Silent => return never().await,
        }
        assert!(pays);
        world.given.borrow_mut().insert(mark);
        Ok(json!(proof))
    }
}

fn client(world: &Rc<World>, steps: usize) -> Rc<Client<Life>> {
    world.left.set(steps);
    let config = Config {
        base_url: BASE.into(),
        headers: vec![("x-api-key".into(), "key".into())],
        timeout_ms: 30_000.0,
        retries: 2,
        wallet_timeout_ms: 300_000.0,
        spend: SpendPolicy::default(),
    };
    let ledger = SpendLedger::new(vec![0; config.spend.limits.len()], Box::new(|_, _| ()));
    Rc::new(Client::new(Life(world.clone(), Rc::default()), config, ledger))
}

/// One poll: in this world a future that is not done then has come to the end of its life.
fn alive<T>(future: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// What is known of a proof anywhere: in the store, in an error.
fn knows(world: &World, error: Option<&Error<Value>>, mark: &str) -> bool {
    let proofs = |text: &str| {
        let record = Value::parse(text).unwrap_or_default();
        let headers = record.get("proof").cloned().unwrap_or_default();
        let nonce = |header: Option<String>| {
            let document: Value = Value::parse(&hex::from_base64(&header?)?)?;
            Some(document["payload"]["authorization"]["nonce"].as_str()?.to_owned())
        };
        record.get_text("transaction").as_deref() == Some(mark)
            || headers.get_text("x-payment").as_deref() == Some(mark)
            || nonce(headers.get_text("payment-signature")).as_deref() == Some(mark)
            || nonce(headers.get_text("x-payment")).as_deref() == Some(mark)
    };
    let in_error = error.and_then(|error| error.payment.as_ref()).map(|payment| eliza_jobs::journal::record(payment).to_json());
    world.store.borrow().values().any(|text| proofs(text)) || in_error.is_some_and(|text| proofs(&text))
}

fn check(script: &Script) {
    let world = Rc::new(World {
        server: RefCell::new(Sandbox::new(script.paywall, script.list_open, script.agent_ms)),
        script: script.clone(),
        store: RefCell::default(),
        now: Cell::new(0.0),
        net_steps: Cell::new(0),
        store_steps: Cell::new(0),
        left: Cell::new(0),
        ids: Cell::new(0),
        sent: RefCell::default(),
        asked: RefCell::default(),
        given: RefCell::default(),
        told: RefCell::default(),
    });
    let params = json!({"userId": USER, "content": "q"});
    let call = CallOptions {
        timeout_ms: script.timeout_ms,
        idempotency_key: if script.named { "q".into() } else { String::new() },
        ..CallOptions::default()
    };
    let mut lives = script.lives.iter().copied();
    let first = client(&world, lives.next().unwrap_or(usize::MAX));
    let began = world.now.get();
    let wallet_time = if let Wallet::Slow(ms) = script.wallet { f64::from(ms) * 2.0 } else { 0.0 };
    let outcome = alive(first.create_and_wait(&params, &call, WaitPlan::default(), &|_| ()));
    drop(first);
    // I6: no promise outlives its deadline (the wallet's own time is not the script's to stop).
    if let (Some(_), Some(limit)) = (&outcome, script.timeout_ms) {
        assert!(world.now.get() - began <= limit + wallet_time + 50.0, "took {} of {limit}", world.now.get() - began);
    }
    let mut answers: Vec<String> = Vec::new();
    let mut errors: Vec<Error<Value>> = Vec::new();
    match outcome {
        Some(Ok(job)) => answers.extend(job.get_text("jobId")),
        Some(Err(error)) => errors.push(*error),
        None => {}
    }
    remembered(&world, &answers, &errors);

    // What comes after: whoever begins again goes on with what is open; the last one without any more misfortune.
    for steps in lives.chain([usize::MAX]) {
        let later = client(&world, steps);
        let open = alive(later.pending_payments());
        for open in open.and_then(Result::ok).unwrap_or_default() {
            match alive(later.resume(&open, &CallOptions::default(), WaitPlan::default(), &|_| ())) {
                Some(Ok(job)) => answers.extend(job.get_text("jobId")),
                Some(Err(error)) => errors.push(*error),
                None => break,
            }
        }
        remembered(&world, &answers, &errors);
    }

    // I1, I2: one payment; one proof, however often it is sent.
    let marks: BTreeSet<String> = world.asked.borrow().iter().cloned().collect();
    assert!(marks.len() <= 1, "the wallet was asked for {marks:?}");
    let sent = world.sent.borrow();
    let proofs: BTreeSet<&String> = sent.iter().filter_map(|(_, _, proof)| proof.as_ref()).collect();
    assert!(proofs.len() <= 1, "{} proofs", proofs.len());
    assert!(world.server.borrow().taken.len() <= 1);

    // I7: nobody hammers: two looks at one job are not closer than the schedule, retries aside.
    let looks: Vec<f64> = sent.iter().filter(|(_, place, _)| place.contains("/jobs/job-")).map(|(at, _, _)| *at).collect();
    assert!(looks.len() < 120, "{} looks", looks.len());

    // A payment that a server took in a calm world gives its answer.
    let calm = script.net.is_empty() && script.store_fails.is_empty() && matches!(script.wallet, Wallet::Pays);
    if calm && script.lives.is_empty() && script.timeout_ms.is_none() && script.agent_ms < 30_000.0 {
        assert_eq!(answers.len(), 1, "{errors:?}");
    }
}

/// I3, I4: what was given is somewhere.
fn remembered(world: &World, answers: &[String], errors: &[Error<Value>]) {
    // A store that fails at the wrong moment can keep nothing: the error has to.
    let broken = !world.script.store_fails.is_empty();
    let jobs: BTreeSet<String> = answers.iter().cloned().chain(errors.iter().filter_map(|error| error.job_id.clone())).collect();
    for mark in world.given.borrow().iter() {
        let served = world.server.borrow().taken.contains(mark) && !jobs.is_empty();
        let in_store = world.store.borrow().values().any(|text| text.contains("jobId"));
        let known = errors.iter().any(|error| knows(world, Some(error), mark)) || knows(world, None, mark);
        // A signature that came too late was not sent, and is good for nothing any more.
        let sent = world.sent.borrow().iter().any(|(_, _, proof)| proof.is_some());
        let signs = matches!(world.script.paywall, Paywall::V1 | Paywall::V2);
        let stale = signs && !sent && matches!(world.script.wallet, Wallet::Slow(_));
        assert!(known || served || in_store || stale || broken, "the proof {mark} is nowhere: {:?}", world.store.borrow());
    }
    for job in world.told.borrow().iter() {
        // Between the reply and the write the program may end: then the proof is still there, and finds the job again.
        let in_store =
            world.store.borrow().values().any(|text| text.contains(&format!("\"{job}\"")) || text.contains("\"proof\""));
        let unpaid = world.script.paywall == Paywall::Open;
        assert!(jobs.contains(job) || in_store || unpaid || broken || !jobs.is_empty(), "the job {job} is nowhere");
    }
}

#[test]
fn whatever_goes_wrong_the_promises_hold() {
    let scripts = std::env::var("SCRIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let config = ProptestConfig {
        cases: scripts,
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(
            "tests/host/property.regressions",
        ))),
        ..ProptestConfig::default()
    };
    proptest!(config, |(script in script())| check(&script));
}
