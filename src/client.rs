//! The calls: what a create does from its beginning to its end.

mod sessions;

use core::cell::RefCell;
use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Created, Seen};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::http::jobs::read_created;
use crate::http::rate_limit::RateLimit;
use crate::http::run::{Http, HttpConfig};
use crate::http::words::fit;
use crate::json::Json;
use crate::payment::journal::{self, Found};
use crate::payment::pay::{Names, store_failed};
use crate::payment::resume::kept_until;
use crate::platform::Method;
use crate::platform::{Platform, WalletCapabilities, within};
use crate::spending::SpendLedger;
use crate::spending::policy::SpendPolicy;
use crate::text::{concat, fill, join};
use crate::time::{Instant, Millis};
use crate::waiting::run::{JobWatch, WaitPlan, Wanted, outcome};
use crate::x402::amount::to_decimal;
use crate::x402::{self, Attempt};

/// How many calls with an idempotency key are kept in mind.
const MAX_NAMED: usize = 1_000;

/// How many characters the reasons for which nothing is paid have at most.
const MAX_REASONS: usize = 3_000;

/// What a client was made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's address, without a slash at the end.
    pub base_url: String,
    /// Sent with every request: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The longest time for one request, in milliseconds.
    pub timeout_ms: f64,
    /// Further tries of a read.
    pub retries: u32,
    /// The longest time for the wallet, and for `confirm`, in milliseconds; infinite for none.
    pub wallet_timeout_ms: f64,
    /// What may be paid.
    pub spend: SpendPolicy,
}

/// What an application is told while it waits.
#[derive(Debug, Clone)]
pub enum Update {
    /// The price was read and keeps the rules ([`x402::Quote`]); `confirm` and the wallet are about to be asked.
    Quote(Json),
    /// A payment has come further ([`x402::PaymentAttempt`]): the wallet has given the proof, which is about to be sent; or the
    /// server has accepted it.
    Payment(Json),
    /// There is a job.
    Created(Json),
    /// The job was seen for the first time, or in another status.
    Status(Json),
}

/// A job that was created, with what was paid for it.
#[derive(Debug, Clone)]
pub struct PaidJob {
    /// The job.
    pub created: Created,
    /// What was paid; `None` when the server asked for nothing.
    pub payment: Option<Attempt>,
}

/// A call that had an idempotency key: that, what it asked, and its job.
type Named = (String, String, PaidJob);

/// The client.
#[derive(Debug)]
pub struct Client<P: Platform> {
    pub(crate) platform: Rc<P>,
    pub(crate) http: Http<P>,
    pub(crate) config: Config,
    /// The jobs that are waited for.
    pub(crate) watch: JobWatch,
    pub(crate) ledger: Rc<SpendLedger>,
    /// The payments that the ledger has counted.
    pub(crate) counted: RefCell<Vec<String>>,
    /// The payments about which a wallet is being asked.
    pub(crate) asking: RefCell<Vec<String>>,
    /// The payments whose jobs' ends were seen.
    pub(crate) finished: RefCell<Vec<String>>,
    /// The paid jobs whose end was not seen yet: the job, its record, and until when that is kept.
    pub(crate) open: RefCell<Vec<(String, String, f64)>>,
    /// The records of jobs whose end was seen, which are about to go.
    pub(crate) closing: RefCell<Vec<String>>,
    /// The calls that had an idempotency key.
    named: RefCell<Vec<Named>>,
}

impl<P: Platform + 'static> Client<P> {
    /// A client in this world, with a ledger for the limits of its policy.
    pub fn new(platform: P, config: Config, ledger: Rc<SpendLedger>) -> Self {
        let platform = Rc::new(platform);
        let http = HttpConfig {
            base_url: config.base_url.clone(),
            headers: config.headers.clone(),
            timeout_ms: config.timeout_ms,
            retries: config.retries,
        };
        Self {
            http: Http::new(platform.clone(), http, Rc::default()),
            platform,
            config,
            watch: JobWatch::default(),
            ledger,
            open: RefCell::default(),
            closing: RefCell::default(),
            counted: RefCell::default(),
            asking: RefCell::default(),
            finished: RefCell::default(),
            named: RefCell::default(),
        }
    }

    /// The same client, which goes by what others have heard of this server's rate limit too.
    #[must_use]
    pub fn sharing(mut self, rate_limit: Rc<RefCell<RateLimit>>) -> Self {
        self.http.rate_limit = rate_limit;
        self
    }

    /// What was spent of a token so far, as a decimal number of tokens, with what is set aside for payments under way. `None`
    /// for a token that is not paid with.
    pub fn spent(&self, symbol: &str) -> Option<String> {
        let at = self.config.spend.limits.iter().position(|limit| limit.symbol == symbol)?;
        Some(to_decimal(self.ledger.spent(at), self.config.spend.limits.get(at)?.decimals))
    }

    /// Creates a job, and pays for it when the server asks for that.
    pub async fn create_job(self: &Rc<Self>, params: &Json, call: &CallOptions, update: &dyn Fn(Update)) -> Result<PaidJob> {
        self.create(params, call, call.timeout_ms.unwrap_or(self.http.config.timeout_ms), update).await
    }

    /// Creates a job. `limit` is the longest time for a request with its retries; the application's own limit covers everything,
    /// ours does not count what a person takes to look at a wallet.
    async fn create(self: &Rc<Self>, params: &Json, call: &CallOptions, limit: f64, update: &dyn Fn(Update)) -> Result<PaidJob> {
        let mut body = jobs::validate(params)?;
        let wallet = self.platform.wallet_capabilities();
        // What is paid for can be found again by this.
        let id = self.platform.uuid();
        if wallet != WalletCapabilities::default() {
            body = jobs::with_reference(body, &id, jobs::MAX_METADATA_UNITS);
        }
        let end = self.platform.now().as_ms() + call.timeout_ms.unwrap_or(f64::INFINITY);
        let key = call.idempotency_key.as_str();
        let question = if key.is_empty() { String::new() } else { jobs::request_fingerprint(&body) };
        // Two calls of the same name: the second waits, and finds what the first has made.
        let _alone = if key.is_empty() {
            None
        } else {
            Some(self.alone("create", &concat(&[&self.http.config.base_url, "/", key]), end).await?)
        };
        if let Some((asked, made)) = self.made(key) {
            return same_question(&asked, &question, key).map(|()| made);
        }
        if let Some(attempt) = self.begun(key, end).await? {
            same_question(&attempt.question, &question, key)?;
            let (created, payment) = self.go_on(&attempt.id, &journal::record(&attempt), call, end, update).await?;
            return Ok(self.make(key, question, created, Some(payment), update));
        }
        let mut request = self.http.request(Method::Post, routes::JOBS, call);
        request.body = Some(body.to_json());
        let address = request.url.clone();
        let response = self.http.post(&mut request, limit.min(end - self.platform.now().as_ms()), None).await?;
        if response.status == 402 && request.url != address {
            let said =
                "the server redirects to where it asks for a payment, which is not made there: set baseUrl to where it leads";
            let mut error = Error::new(ErrorCode::RedirectRefused, said);
            error.status = Some(402);
            return Err(error);
        }
        if response.status != 402 {
            let created = read_created(&request, &response)?;
            return Ok(self.make(key, question, created, None, update));
        }
        // Reasons show what the server has sent, which may be our own secrets.
        let fitted = |mut error: Box<Error>| {
            error.message = fit(&request, &error.message, MAX_REASONS);
            error
        };
        let required = x402::read(&response, &self.config.spend.tokens).map_err(fitted)?;
        if wallet == WalletCapabilities::default() {
            let prices: Vec<_> = required.offers.iter().map(x402::Offer::summary).collect();
            let mut error = Error::new(
                ErrorCode::PaymentRequired,
                fill("the server asks for % for this job; give the client a wallet", &[&join(&prices, " or ")]),
            );
            error.status = Some(402);
            return Err(error);
        }
        let chosen = self.config.spend.choose(required, wallet, &request.url, &self.ledger).map_err(fitted)?;
        // Who resumes this attempt meanwhile, in another tab, waits for what becomes of it here.
        let _alone = self.alone("resume", &id, end).await?;
        let names = Names { id, key: call.idempotency_key.clone(), question: question.clone() };
        let (created, payment) = self.pay(request, chosen, names, call, end, update).await?;
        Ok(self.make(key, question, created, Some(payment), update))
    }

    /// Waits until nobody else does this, in this program or in another tab; not longer than until `end`.
    pub(crate) async fn alone(&self, what: &str, name: &str, end: f64) -> Result<P::Lock> {
        let name = fill("eliza-jobs/%/%", &[what, name]);
        match within(self.platform.lock(&name), self.platform.sleep(Millis::new(end - self.platform.now().as_ms()))).await {
            Some(lock) => lock.map_err(|thrown| store_failed(thrown, "; nothing was sent")),
            None => {
                let why = "another call, here or in another tab, is still at the same job; nothing was sent";
                Err(Error::new(ErrorCode::RequestTimeout, why))
            }
        }
    }

    /// A job was made: whoever asks for the same again gets it.
    fn make(&self, key: &str, question: String, created: Created, payment: Option<Attempt>, update: &dyn Fn(Update)) -> PaidJob {
        update(Update::Created(created.document.clone()));
        let job = PaidJob { created, payment };
        if !key.is_empty() {
            let mut named = self.named.borrow_mut();
            if named.len() >= MAX_NAMED {
                named.remove(0);
            }
            named.push((key.to_owned(), question, job.clone()));
        }
        job
    }

    /// What a call of this name has asked and made before.
    fn made(&self, key: &str) -> Option<(String, PaidJob)> {
        let named = self.named.borrow();
        let (_, question, job) = named.iter().find(|(known, ..)| known == key)?;
        let created = Created { document: jobs::handle(&job.created.document), ..job.created.clone() };
        Some((question.clone(), PaidJob { created, payment: job.payment.clone() }))
    }

    /// The payment of this name that was begun before, if there is one.
    async fn begun(&self, key: &str, end: f64) -> Result<Option<Attempt>> {
        if key.is_empty() {
            return Ok(None);
        }
        let found = self.all_records(end).await.map_err(|thrown| store_failed(thrown, "; nothing was paid"))?;
        let mut begun = None;
        for found in found {
            // It may be the one.
            if let Found::Withheld(_, thrown) = found {
                return Err(store_failed(thrown, "; nothing was paid"));
            }
            if let Found::Attempt(attempt) = found
                && !attempt.idempotency_key.is_empty()
                && attempt.server == self.http.config.base_url
            {
                if kept_until(&attempt) < self.platform.wall_time().as_ms() {
                    let _ = self.in_time(journal::forget(&*self.platform, &attempt.id), end).await;
                } else if attempt.idempotency_key == key {
                    begun = Some(*attempt);
                }
            }
        }
        Ok(begun)
    }

    /// One job.
    pub async fn get_job(self: &Rc<Self>, job_id: &str, call: &CallOptions) -> Result<Seen> {
        let end = self.platform.now() + Millis::new(call.timeout_ms.unwrap_or(self.http.config.timeout_ms));
        let seen = self.http.get_job(job_id, call, self.http.config.retries).await?;
        let seen = self.watch.complete(&self.http, seen, job_id, end, call).await;
        self.is_finished(job_id, &seen);
        Ok(seen)
    }

    /// Waits for a job's answer. `lifetime` is known for a job that was just created here; `end` is a point in time. What
    /// was paid for a job that has ended is not open any more.
    pub(crate) async fn wait(
        self: &Rc<Self>,
        job_id: &str,
        lifetime: Option<f64>,
        end: Option<f64>,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let deadline = Instant::from_ms(end.unwrap_or(f64::INFINITY));
        let wanted = Wanted { job_id, lifetime: lifetime.map(Millis::new), deadline, plan, call };
        match self.watch.wait(&self.http, wanted, &|job| update(Update::Status(job))).await {
            Ok(seen) => {
                self.is_finished(job_id, &seen);
                outcome(job_id, seen)
            }
            Err(error) => {
                if error.code == ErrorCode::JobGone {
                    self.close(job_id, None);
                }
                Err(error)
            }
        }
    }

    /// A job that is final leaves nothing open; but one that is completed without its answer may have it the next time.
    fn is_finished(self: &Rc<Self>, job_id: &str, seen: &Seen) {
        if seen.is_settled() {
            self.close(job_id, seen.reference.as_deref());
        }
    }

    /// Jobs, the newest first.
    pub async fn list_jobs(&self, params: Option<&Json>, call: &CallOptions) -> Result<Json> {
        let query = jobs::list_query(params)?;
        let path = concat(&[routes::JOBS, &query]);
        self.http.read(Method::Get, &path, call, self.http.config.retries, "a list of jobs", &jobs::read_list).await
    }

    /// How the Jobs service is.
    pub async fn jobs_health(&self, call: &CallOptions) -> Result<Json> {
        self.http.read(Method::Get, routes::HEALTH, call, self.http.config.retries, "statusCounts", &jobs::read_health).await
    }

    /// Creates a job and waits for its answer.
    pub async fn create_and_wait(
        self: &Rc<Self>,
        params: &Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let end = call.timeout_ms.map(|limit| self.platform.now().as_ms() + limit);
        let limit = call.timeout_ms.unwrap_or(f64::INFINITY).min(self.http.config.timeout_ms);
        // Boxed: what it needed is gone while the call waits.
        let paid = Box::pin(self.create(params, call, limit, update)).await?;
        let waited = self.wait(&paid.created.job_id, Some(paid.created.lifetime_ms), end, call, plan, update).await;
        waited.map_err(|mut error| {
            error.payment = paid.payment;
            error
        })
    }

    /// Waits for a job's answer.
    pub async fn poll_job(
        self: &Rc<Self>,
        job_id: &str,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let end = call.timeout_ms.map(|limit| self.platform.now().as_ms() + limit);
        self.wait(job_id, None, end, call, plan, update).await
    }
}

/// A name stands for one question: another one would get the first one's answer. Records of before this was checked do not have theirs.
fn same_question(asked: &str, question: &str, key: &str) -> Result<()> {
    if asked.is_empty() || asked == question {
        return Ok(());
    }
    let rule = "must be another one for another question: a job with another agentId, userId or content was made under it";
    Err(Error::argument("idempotencyKey", rule, key))
}
