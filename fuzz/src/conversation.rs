//! A whole call of the client against answers that come out of the input.
//!
//! The input is text: sections with `---` between them. The first line of the first names the call:
//! create, get, list, health, wait or resume; a second line there is a record that the store holds.
//! The others are answers: a status, headers, an empty line, a body. When there is no answer left,
//! the server cannot be reached.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use eliza_jobs::api::error::{Error, ErrorClass};
use eliza_jobs::api::options::CallOptions;
use eliza_jobs::client::{Client, Config};
use eliza_jobs::json;
use eliza_jobs::json::Json;
use eliza_jobs::platform::WalletCapabilities;
use eliza_jobs::platform::{Callback, Platform, StoreOperation};
use eliza_jobs::platform::{HttpRequest, HttpResponse, RESPONSE_HEADERS, SendError, SendFailure};
use eliza_jobs::spending::ledger::SpendLedger;
use eliza_jobs::spending::policy::SpendPolicy;
use eliza_jobs::time::{Instant, Millis, WallTime};
use eliza_jobs::waiting::run::Polling;
use eliza_jobs::waiting::run::WaitPlan;

use super::{LONGEST_MESSAGE, PAYER, body, is_fit_to_show, text};

const BASE: &str = "https://server:3000";
const API_KEY: &str = "the-key-of-the-api";
const USER: &str = "22222222-2222-4222-8222-222222222222";
/// The hash of the wallet's only transfer. Whoever reads it in a message could use it.
const HASH: &str = "0xabababababababababababababababababababababababababababababababab";
/// How many requests are sent at once at most, beside one for each answer and one for each pause.
const MOST_REQUESTS: usize = 40;
/// The shortest pause between looks at a job, with room for the one that comes at its expiry.
const LEAST_PAUSE_MS: f64 = 700.0;

#[derive(Default)]
struct World {
    answers: RefCell<VecDeque<HttpResponse>>,
    record: RefCell<Option<String>>,
    now: Cell<f64>,
    sent: Cell<usize>,
    /// How many answers there are in the input.
    given: Cell<usize>,
    asked: Cell<usize>,
    tasks: RefCell<Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>>>,
}

#[derive(Clone)]
struct Scripted(Rc<World>);

impl Platform for Scripted {
    type Lock = ();
    async fn send(&self, request: &HttpRequest, _hear: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        self.0.sent.set(self.0.sent.get() + 1);
        self.0.now.set(self.0.now.get() + 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let pauses = (self.0.now.get() / LEAST_PAUSE_MS) as usize;
        let most = MOST_REQUESTS + self.0.given.get() + pauses;
        assert!(self.0.sent.get() <= most, "one request after the other: {} of {most}", self.0.sent.get());
        assert!(request.url.starts_with("https://server:3000/"), "sent to {}", request.url);
        assert!(request.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])), "a header of two lines");
        let unreached =
            SendError { failure: SendFailure::Unreached, words: "ECONNREFUSED".into(), cause: None, partial: String::new() };
        self.0.answers.borrow_mut().pop_front().ok_or(unreached)
    }
    async fn sleep(&self, duration: Millis) {
        let ms = duration.get();
        assert!(ms >= 0.0, "a sleep of {ms} ms");
        if ms.is_infinite() {
            return std::future::pending().await;
        }
        self.0.now.set(self.0.now.get() + ms);
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
        "33333333-3333-4333-8333-333333333333".into()
    }
    fn parse_date(&self, text: &str) -> Option<WallTime> {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(WallTime::from_ms(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0))
    }
    fn nonce(&self) -> [u8; 32] {
        [0x11; 32]
    }
    fn wallet_capabilities(&self) -> WalletCapabilities {
        WalletCapabilities { transfer: true, sign: true, pay: false }
    }
    fn has_callback(&self, whom: Callback) -> bool {
        matches!(whom, Callback::Address | Callback::Transfer | Callback::Sign)
    }
    async fn store(&self, call: StoreOperation, _key: &str, value: &str) -> Result<Json, Json> {
        let mut record = self.0.record.borrow_mut();
        Ok(match call {
            StoreOperation::Get => record.clone().map_or(json!(null), |text| json!(text)),
            StoreOperation::Set => record.replace(value.to_owned()).map_or(json!(null), |_| json!(null)),
            StoreOperation::Add => json!(record.get_or_insert_with(|| value.to_owned()) == value),
            StoreOperation::Delete => record.take().map_or(json!(null), |_| json!(null)),
            StoreOperation::Keys => json!(record.iter().map(|_| "eliza-jobs/payment/a").collect::<Vec<_>>()),
        })
    }
    async fn lock(&self, _name: &str) -> Result<(), Json> {
        Ok(())
    }
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let mut work: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.0.tasks.borrow_mut().push(work);
        }
    }
    async fn call(&self, whom: Callback, _given: Json) -> Result<Json, Json> {
        if whom == Callback::Address {
            return Ok(json!(PAYER));
        }
        self.0.asked.set(self.0.asked.get() + 1);
        Ok(json!(if whom == Callback::Sign { format!("0x{}", "22".repeat(70)) } else { HASH.to_owned() }))
    }
}

fn answer(section: &str) -> HttpResponse {
    let (head, rest) = section.split_once("\n\n").unwrap_or((section, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let known = RESPONSE_HEADERS.into_iter().find(|known| *known == name)?;
        let value = value.trim();
        // What x402 wants in base64 may stand here as JSON.
        Some((known, if value.starts_with('{') { eliza_jobs::encoding::to_base64(value) } else { value.to_owned() }))
    });
    HttpResponse { status, headers: headers.collect(), body: body(rest.trim_end_matches('\n')) }
}

/// The target.
pub(crate) fn conversation(bytes: &[u8]) {
    let text = text(bytes);
    let mut sections = text.split("\n---\n");
    let (call, record) =
        sections.next().and_then(|first| first.split_once('\n')).unwrap_or((text.lines().next().unwrap_or(""), ""));
    let world = Rc::new(World::default());
    *world.answers.borrow_mut() = sections.map(answer).collect();
    world.given.set(world.answers.borrow().len());
    *world.record.borrow_mut() = Some(record.to_owned()).filter(|record| !record.is_empty());
    let config = Config {
        base_url: BASE.into(),
        headers: vec![("x-api-key".into(), API_KEY.into())],
        timeout: Millis::new(30_000.0),
        retries: 2,
        wallet_timeout: Millis::FOREVER,
        spend: SpendPolicy::default(),
        keep_payments: Millis::from_secs(400.0 * 86_400.0),
        polling: Polling::default(),
    };
    let ledger = SpendLedger::new(vec![0; config.spend.limits.len()], Box::new(|_, _| ()));
    let client = Rc::new(Client::new(Scripted(world.clone()), config, ledger));
    let error = run(async {
        let params = json!({"userId": USER, "content": "q"});
        let (plain, plan) = (CallOptions::default(), WaitPlan::default());
        let nothing = |_| ();
        match call {
            "get" => client.get_job("job-1", &plain).await.map(|_| ()),
            "list" => client.list_jobs(None, &plain).await.map(|_| ()),
            "health" => client.jobs_health(&plain).await.map(|_| ()),
            "wait" => client.poll_job("job-1", &plain, plan, &nothing).await.map(|_| ()),
            "resume" => {
                client.pending_payments(&CallOptions::default()).await?;
                client.resume(&json!({"attemptId": "a"}), &plain, plan, &nothing).await.map(|_| ())
            }
            _ => client.create_and_wait(&params, &plain, plan, &nothing).await.map(|_| ()),
        }
    });
    assert!(world.asked.get() <= 1, "the wallet was asked {} times", world.asked.get());
    assert!(
        client.spent("USDC").is_some_and(|sum| sum.parse::<f64>().is_ok_and(|sum| sum <= 0.1)),
        "more was spent than one job may cost"
    );
    if let Err(error) = error {
        shows(&error);
    }
}

fn shows(error: &Error) {
    is_fit_to_show(&error.message);
    for words in [Some(&error.message), error.server_message.as_ref(), error.server_code.as_ref()].into_iter().flatten() {
        assert!(words.len() <= LONGEST_MESSAGE, "words of {} bytes", words.len());
        // What is said of an offer, or by an agent of its own failure, was not made out of the
        // request that asks for it.
        assert!(error.code.class() != ErrorClass::Api || !words.contains(API_KEY), "the key is in {words}");
        assert!(!words.contains(HASH), "a proof is in {words}");
    }
    let wait = error.retry_after.map_or(0.0, |pause| pause.get());
    assert!((0.0..1e15).contains(&wait), "stay away for {wait} ms");
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a scripted world never waits"),
    }
}
