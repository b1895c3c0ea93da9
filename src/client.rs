//! The main loop: create, pay, wait.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::allowance::Allowance;
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Body, HttpRequest, HttpResponse, Method, no_answer, path, place, refusal, send_error, set_header};
use crate::journal::{self, Found};
use crate::json::Json;
use crate::pay::{kept_until, store_failed};
use crate::poll::{GRACE_MS, PollSchedule};
use crate::poller::{News, Poller};
use crate::protocol::{self, Created, JobStatus, Seen};
use crate::retry::{RetryBudget, backoff_ms, retry_after_ms};
use crate::runtime::{Level, Runtime, within};
use crate::spend::{Abilities, SpendLedger, SpendPolicy};
use crate::text::{concat, decimal, fill, find, has, join, split};
use crate::wallet;
use crate::x402::amount::to_decimal;
use crate::x402::{self, Attempt};

/// How many calls with an idempotency key are kept in mind.
const MAX_NAMED: usize = 1_000;
/// How often a redirect is followed.
const MAX_REDIRECTS: u32 = 5;

/// A timer that is later than this, in milliseconds, was held up: the page was hidden, or the machine slept.
const HELD_UP_MS: f64 = 1_000.0;

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

/// What one call was given.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The longest time, in milliseconds: of the request with its retries, or of the whole wait.
    pub timeout_ms: Option<f64>,
    /// Further headers: names in lower case.
    pub headers: Vec<(String, String)>,
    /// What the caller calls this payment: two calls with the same name pay once. Empty for none.
    pub idempotency_key: String,
    /// Whether the call may be left standing for any time, so that nobody else may depend on it.
    pub is_fitful: bool,
}

/// How to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitPlan {
    /// The caller's own interval, in milliseconds.
    pub interval_ms: Option<u32>,
    /// How often to look at most.
    pub max_attempts: Option<u32>,
}

impl WaitPlan {
    /// The seed's defaults complete what the caller gave only half of; with neither, the schedule is ours and the job's own
    /// expiry ends the wait.
    fn schedule(self) -> (PollSchedule, Option<u32>) {
        match (self.interval_ms, self.max_attempts) {
            (None, None) => (PollSchedule::Growing, None),
            (interval, attempts) => (PollSchedule::Every(interval.unwrap_or(1_000)), Some(attempts.unwrap_or(30))),
        }
    }
}

/// What an application is told while it waits.
#[derive(Debug, Clone)]
pub enum Update<J> {
    /// The price was read and keeps the rules ([`x402::Quote`]); `confirm` and the wallet are about to be asked.
    Quote(J),
    /// A payment has come further ([`x402::PaymentAttempt`]): the wallet has given the proof, which is about to be sent; or the
    /// server has accepted it.
    Payment(J),
    /// There is a job.
    Created(J),
    /// The job was seen for the first time, or in another status.
    Status(J),
}

/// A job that was created, with what was paid for it.
#[derive(Debug, Clone)]
pub struct PaidJob<J> {
    /// The job.
    pub created: Created<J>,
    /// What was paid; `None` when the server asked for nothing.
    pub payment: Option<Attempt<J>>,
}

/// The client.
#[derive(Debug)]
pub struct Client<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    retries: RetryBudget,
    pub(crate) allowance: Rc<Allowance>,
    pub(crate) poller: Poller<R::Json>,
    /// Whether an odd content type was reported.
    reported: Cell<bool>,
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
    /// The jobs of calls that had an idempotency key.
    named: RefCell<Vec<(String, PaidJob<R::Json>)>>,
}

impl<R: Runtime + 'static> Client<R> {
    /// A client in this world, with a ledger for the limits of its policy.
    pub fn new(runtime: R, config: Config, ledger: Rc<SpendLedger>) -> Self {
        Self {
            runtime,
            config,
            retries: RetryBudget::new(),
            allowance: Rc::default(),
            poller: Poller::default(),
            reported: Cell::new(false),
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
    pub fn sharing(self, allowance: Rc<Allowance>) -> Self {
        Self { allowance, ..self }
    }

    /// What was spent of a token so far, as a decimal number of tokens, with what is set aside for payments under way. `None`
    /// for a token that is not paid with.
    pub fn spent(&self, symbol: &str) -> Option<String> {
        let at = self.config.spend.limits.iter().position(|limit| limit.symbol == symbol)?;
        Some(to_decimal(self.ledger.spent(at), self.config.spend.limits.get(at)?.decimals))
    }

    /// Creates a job, and pays for it when the server asks for that.
    pub async fn create_job(
        self: &Rc<Self>,
        params: &R::Json,
        call: &CallOptions,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<PaidJob<R::Json>, R::Json> {
        self.create(params, call, call.timeout_ms.unwrap_or(self.config.timeout_ms), update).await
    }

    /// Creates a job. `limit` is the longest time for a request with its retries; the application's own limit covers everything,
    /// ours does not count what a person takes to look at a wallet.
    async fn create(
        self: &Rc<Self>,
        params: &R::Json,
        call: &CallOptions,
        limit: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<PaidJob<R::Json>, R::Json> {
        let mut body = protocol::validate(params)?;
        let wallet = self.runtime.abilities();
        // What is paid for can be found again by this.
        let id = self.runtime.uuid();
        if wallet != Abilities::default() {
            body = protocol::with_reference(body, &id, protocol::MAX_METADATA_UNITS);
        }
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(f64::INFINITY);
        let key = call.idempotency_key.as_str();
        // Two calls of the same name: the second waits, and finds what the first has made.
        let _alone = if key.is_empty() { None } else { Some(self.alone("create", key, end).await?) };
        if let Some(made) = self.made(key) {
            return Ok(made);
        }
        if let Some(attempt) = self.begun(key).await? {
            let (created, payment) = self.go_on(&attempt.id, &journal::record(&attempt), call, end, update).await?;
            return Ok(self.make(key, created, Some(payment), update));
        }
        let mut request = self.request(Method::Post, path::JOBS, call);
        request.body = Some(body.to_json());
        let address = request.url.clone();
        let response = self.post(&mut request, limit.min(end - self.runtime.now_ms()), None).await?;
        if response.status == 402 && request.url != address {
            let said =
                "the server redirects to where it asks for a payment, which is not made there: set baseUrl to where it leads";
            let mut error = Error::new(ErrorCode::RedirectRefused, said);
            error.status = Some(402);
            return Err(error);
        }
        if response.status != 402 {
            let created = read_created(&request, &response)?;
            return Ok(self.make(key, created, None, update));
        }
        let required = x402::read(&response, &self.config.spend.tokens)?;
        if wallet == Abilities::default() {
            let mut prices = Vec::new();
            for x402::Offer { amount, token, .. } in &required.offers {
                prices.push(fill("% % on %", &[&amount.decimal(token.decimals), &token.symbol, &token.network]));
            }
            let mut error = Error::new(
                ErrorCode::PaymentRequired,
                fill("the server asks for % for this job; give the client a wallet", &[&join(&prices, " or ")]),
            );
            error.status = Some(402);
            return Err(error);
        }
        let chosen = self.config.spend.choose(required, wallet, &request.url, &self.ledger)?;
        // Who resumes this attempt meanwhile, in another tab, waits for what becomes of it here.
        let _alone = self.alone("resume", &id, end).await?;
        let (created, payment) = self.pay(request, chosen, (id, call.idempotency_key.clone()), call, end, update).await?;
        Ok(self.make(key, created, Some(payment), update))
    }

    /// Waits until nobody else does this, in this program or in another tab; not longer than until `end`.
    pub(crate) async fn alone(&self, what: &str, name: &str, end: f64) -> Result<R::Lock, R::Json> {
        let name = fill("eliza-jobs/%/%", &[what, name]);
        within(self.runtime.lock(&name), self.runtime.sleep(end - self.runtime.now_ms())).await.ok_or_else(|| {
            let why = "another call, here or in another tab, is still at the same job; nothing was sent";
            Error::new(ErrorCode::RequestTimeout, why)
        })
    }

    /// A job was made: whoever asks for the same again gets it.
    fn make(
        &self,
        key: &str,
        created: Created<R::Json>,
        payment: Option<Attempt<R::Json>>,
        update: &dyn Fn(Update<R::Json>),
    ) -> PaidJob<R::Json> {
        update(Update::Created(created.document.clone()));
        let job = PaidJob { created, payment };
        if !key.is_empty() {
            let mut named = self.named.borrow_mut();
            if named.len() >= MAX_NAMED {
                named.remove(0);
            }
            named.push((key.to_owned(), job.clone()));
        }
        job
    }

    /// What a call of this name has made before.
    fn made(&self, key: &str) -> Option<PaidJob<R::Json>> {
        let named = self.named.borrow();
        let (_, job) = named.iter().find(|(known, _)| known == key)?;
        let created = Created { document: protocol::handle(&job.created.document), ..job.created.clone() };
        Some(PaidJob { created, payment: job.payment.clone() })
    }

    /// The payment of this name that was begun before, if there is one.
    async fn begun(&self, key: &str) -> Result<Option<Attempt<R::Json>>, R::Json> {
        if key.is_empty() {
            return Ok(None);
        }
        let found =
            self.in_time(journal::all(&self.runtime)).await.map_err(|thrown| store_failed(thrown, "; nothing was paid"))?;
        let mut begun = None;
        for found in found {
            if let Found::Attempt(attempt) = found
                && !attempt.idempotency_key.is_empty()
                && attempt.server == self.config.base_url
            {
                if kept_until(&attempt) < self.runtime.wall_ms() {
                    let _ = self.in_time(journal::forget(&self.runtime, &attempt.id)).await;
                } else if attempt.idempotency_key == key {
                    begun = Some(*attempt);
                }
            }
        }
        Ok(begun)
    }

    /// One job.
    pub async fn get_job(self: &Rc<Self>, job_id: &str, call: &CallOptions) -> Result<Seen<R::Json>, R::Json> {
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        let seen = self.look(job_id, call, self.config.retries).await?;
        let seen = self.with_late_answer(job_id, seen, end, call).await;
        if seen.is_settled() {
            self.close(job_id);
        }
        Ok(seen)
    }

    /// Jobs, the newest first.
    pub async fn list_jobs(&self, params: Option<&R::Json>, call: &CallOptions) -> Result<R::Json, R::Json> {
        let query = protocol::list_query(params)?;
        let path = concat(&[path::JOBS, &query]);
        self.read(Method::Get, &path, call, self.config.retries, "a list of jobs", &protocol::read_list).await
    }

    /// How the Jobs service is.
    pub async fn jobs_health(&self, call: &CallOptions) -> Result<R::Json, R::Json> {
        self.read(Method::Get, path::HEALTH, call, self.config.retries, "statusCounts", &protocol::read_health).await
    }

    /// Creates a job and waits for its answer.
    pub async fn create_and_wait(
        self: &Rc<Self>,
        params: &R::Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<R::Json, R::Json> {
        let end = call.timeout_ms.map(|limit| self.runtime.now_ms() + limit);
        let limit = call.timeout_ms.unwrap_or(f64::INFINITY).min(self.config.timeout_ms);
        let paid = self.create(params, call, limit, update).await?;
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
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<R::Json, R::Json> {
        let end = call.timeout_ms.map(|limit| self.runtime.now_ms() + limit);
        self.wait(job_id, None, end, call, plan, update).await
    }

    /// Looks at a job again and again until it is final, the caller's limits are reached, or the job has outlived its own
    /// expiry. `lifetime` is known for a job that was just created here. `end` is an instant.
    pub(crate) async fn wait(
        self: &Rc<Self>,
        job_id: &str,
        mut lifetime: Option<f64>,
        end: Option<f64>,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<R::Json, R::Json> {
        let (schedule, max_looks) = plan.schedule();
        let start = self.runtime.now_ms();
        let created_here = lifetime.is_some();
        let mut last: Option<Seen<R::Json>> = None;
        let mut looks: u32 = 0;
        let mut missing = false;
        // The caller's own interval is obeyed and his own headers are sent: neither can be shared.
        let ours = schedule == PollSchedule::Growing;
        let seat = (ours && call.headers.is_empty() && !call.is_fitful).then(|| self.take_seat(job_id));
        // Our own schedule gives a new job a moment; the caller's interval is kept as the seed has it: look, then sleep.
        let mut gap = if created_here && ours { schedule.gap_ms(0.0, 0) } else { 0.0 };
        loop {
            let now = self.runtime.now_ms();
            let own_end = match max_looks {
                None => lifetime.map(|lifetime| start + lifetime + GRACE_MS),
                Some(_) => None,
            };
            let stop = end.unwrap_or(f64::INFINITY).min(own_end.unwrap_or(f64::INFINITY));
            // A look right after the expiry makes the server end the job.
            if let (Some(lifetime), PollSchedule::Growing) = (lifetime, schedule) {
                let expiry = start + lifetime + 50.0;
                if now < expiry {
                    gap = gap.min(expiry - now);
                }
            }
            if now + gap > stop {
                gap = (stop - now).max(0.0);
            }
            let news = if gap > 0.0 { self.rest(seat.as_ref(), gap, false).await } else { None };
            let rested_until = now + gap;
            let now = self.runtime.now_ms();
            // Who was held up looks once more: the answer may have come meanwhile.
            let held_up = now > rested_until + HELD_UP_MS && end.is_none_or(|end| now < end);
            // A clock of fractions may stand a hair before it.
            if looks > 0 && now + 0.5 >= stop && !held_up {
                return Err(over(job_id, last, now - start, None));
            }
            let stop = if held_up { stop.max(end.unwrap_or(f64::INFINITY).min(now + GRACE_MS)) } else { stop };
            let expired = lifetime.is_some_and(|lifetime| now >= start + lifetime);
            let news = match (&seat, news) {
                (Some(seat), None) if !expired => self.look_for_all(seat, stop).await,
                (_, news) => news,
            };
            let ready = match &news {
                Some(News::Found(_) | News::Failed(_)) => true,
                _ if ours => self.turn(stop, expired).await,
                _ => {
                    // The caller's interval is obeyed; so is a server that wants to be left alone.
                    let quiet = self.allowance.quiet_ms(now).min(stop - now);
                    if quiet > 0.0 {
                        self.runtime.sleep(quiet).await;
                    }
                    looks == 0 || self.runtime.now_ms() < stop
                }
            };
            let now = self.runtime.now_ms();
            if !ready {
                return Err(over(job_id, last, now - start, None));
            }
            let look = CallOptions {
                timeout_ms: Some(self.config.timeout_ms.min((stop - now).max(1.0))),
                headers: call.headers.clone(),
                ..CallOptions::default()
            };
            // Another look is the retry.
            let was_missing = match &news {
                Some(News::Found(_)) => Some(false),
                Some(News::Missing) => Some(true),
                _ => None,
            };
            let seen = match news {
                Some(News::Found(job)) => match protocol::read_job(job) {
                    // Lists may leave the answers out.
                    seen if seen.status.is_terminal() && !seen.is_settled() => self.look(job_id, &look, 0).await,
                    seen => Ok(seen),
                },
                Some(News::Failed(error)) => Err(error.about_job(job_id)),
                Some(News::Missing) | None => self.look(job_id, &look, 0).await,
            };
            looks = looks.saturating_add(1);
            let now = self.runtime.now_ms();
            let age = now - start;
            gap = schedule.gap_ms(age, looks);
            if let Some(seat) = &seat {
                if let Some(was_missing) = was_missing {
                    seat.goes_on(was_missing);
                }
                gap = seat.gap_ms(gap, now);
            }
            let failed = match seen {
                Ok(seen) => {
                    let seen = self.with_late_answer(job_id, seen, stop, call).await;
                    missing = false;
                    lifetime = lifetime.or(Some(seen.lifetime_ms));
                    let raw = |seen: &Seen<R::Json>| (seen.status, seen.document.get_text("rawStatus"));
                    if last.as_ref().map(raw) != Some(raw(&seen)) {
                        update(Update::Status(seen.document.clone()));
                    }
                    if seen.status.is_terminal() {
                        // Completed without an answer is no end: the next look may have it.
                        if seen.is_settled() {
                            self.close(job_id);
                        }
                        return finish(job_id, seen);
                    }
                    last = Some(seen);
                    None
                }
                Err(error) if error.code == ErrorCode::JobNotFound && (created_here || last.is_some()) => {
                    // Once may be a server that is just starting; twice is gone.
                    if missing {
                        self.close(job_id);
                        return Err(gone(job_id, last));
                    }
                    missing = true;
                    Some(error)
                }
                // A page of a proxy's or a login's is a blip too, once the job was there.
                Err(error) if error.code == ErrorCode::UnexpectedHtml && (created_here || last.is_some()) => Some(error),
                Err(error) if error.code.retryable() => Some(error),
                Err(error) => return Err(error),
            };
            if max_looks.is_some_and(|most| looks >= most) {
                return Err(match failed {
                    Some(error) if last.is_none() => error.about_job(job_id),
                    failed => over(job_id, last, age, failed),
                });
            }
            // Never seen and no limit of the caller's: the outage may last for ever, the wait does not.
            if lifetime.is_none() && end.is_none() && age > protocol::MAX_JOB_TIMEOUT_MS {
                return Err(match failed {
                    Some(error) => error.about_job(job_id),
                    None => over(job_id, last, age, None),
                });
            }
        }
    }

    pub(crate) async fn look(&self, job_id: &str, call: &CallOptions, retries: u32) -> Result<Seen<R::Json>, R::Json> {
        if job_id.is_empty() {
            return Err(Error::argument("jobId", "must be a string that is not empty", "\"\""));
        }
        let wanted = "a job with a jobId";
        let parse = |document| protocol::is_job(&document).then_some(document);
        match self.read(Method::Get, &path::job(job_id), call, retries, wanted, &parse).await {
            Ok(document) => Ok(protocol::read_job(document)),
            Err(mut error) => {
                if error.code == ErrorCode::NotFound {
                    error.code = ErrorCode::JobNotFound;
                }
                Err(error.about_job(job_id))
            }
        }
    }

    /// Does what may be done twice. Failures that may pass are tried again within the time limit.
    pub(crate) fn read<'a>(
        &'a self,
        method: Method,
        path: &str,
        call: &CallOptions,
        retries: u32,
        wanted: &'a str,
        parse: &'a dyn Fn(R::Json) -> Option<R::Json>,
    ) -> impl Future<Output = Result<R::Json, R::Json>> + 'a {
        let request = self.request(method, path, call);
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        self.read_answers(request, end, retries, wanted, parse)
    }

    pub(crate) async fn read_answers(
        &self,
        mut request: HttpRequest,
        end: f64,
        retries: u32,
        wanted: &str,
        parse: &dyn Fn(R::Json) -> Option<R::Json>,
    ) -> Result<R::Json, R::Json> {
        let mut tries = 0;
        loop {
            let answer = self.exchange(&mut request, end, None).await;
            let error = match answer.and_then(|response| read_answer(&request, &response, wanted, parse)) {
                Ok(value) => {
                    self.retries.refill();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if tries >= retries || !error.code.retryable() || !self.may_retry_after(&error, tries, end).await {
                return Err(error);
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Sends a create. It is sent again only when it certainly did not reach the server, or the server itself says that it
    /// did nothing with it: with 429, and with 503 where that may be a proxy's word but does no harm, for a job that was not paid
    /// ends by itself. A request that carries a proof always carries the same one.
    /// `hear` gets the pieces of an event stream as they come.
    pub(crate) async fn post(
        &self,
        request: &mut HttpRequest,
        limit: f64,
        hear: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse<R::Json>, R::Json> {
        let end = self.runtime.now_ms() + limit;
        let harmless = !carries_proof(request) && !has(&request.url, path::SESSIONS);
        let mut tries = 0;
        loop {
            let error = match self.exchange(request, end, hear).await {
                Ok(response) => {
                    self.retries.refill();
                    return Ok(response);
                }
                Err(error) => error,
            };
            let did_nothing = error.not_sent || error.status == Some(429) || (error.status == Some(503) && harmless);
            if !did_nothing {
                return Err(error);
            }
            if tries >= self.config.retries || !self.may_retry_after(&error, tries, end).await {
                return Err(error);
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Waits before another try; false when there is no time or no budget left for one.
    pub(crate) async fn may_retry_after(&self, error: &Error<R::Json>, tries: u32, end: f64) -> bool {
        let wait = backoff_ms(tries, self.runtime.random()).max(error.retry_after_ms.unwrap_or(0.0));
        if self.runtime.now_ms() + wait >= end || !self.retries.take() {
            return false;
        }
        self.runtime.sleep(wait).await;
        true
    }

    /// One request and its answer before `end`: a success or a 402, everything else is an error. Redirects are followed on the same origin, and never with a proof.
    async fn exchange(
        &self,
        request: &mut HttpRequest,
        end: f64,
        hear: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse<R::Json>, R::Json> {
        let mut redirects = 0;
        loop {
            let began = self.runtime.now_ms();
            request.timeout_ms = (end - began).max(1.0);
            self.allowance.sent(began);
            let answer = self.runtime.send(request, hear).await.map_err(|failed| send_error(request, failed));
            let now = self.runtime.now_ms();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
            let took = decimal((now - began).max(0.0) as u64);
            let status =
                answer.as_ref().map_or_else(|error| error.code.as_str().to_owned(), |response| decimal(response.status.into()));
            self.runtime.log(Level::Debug, &fill("% % in % ms", &[&place(request), &status, &took]));
            let response = answer?;
            self.allowance.heard(&response, now);
            self.report_content_type(request, &response);
            let same_method = request.method == Method::Get || matches!(response.status, 307 | 308);
            if !matches!(response.status, 301 | 302 | 303 | 307 | 308)
                || !same_method
                || carries_proof(request)
                || redirects >= MAX_REDIRECTS
            {
                return if response.is_success() || response.status == 402 {
                    Ok(response)
                } else {
                    Err(self.refused(request, &response))
                };
            }
            let Some(target) = response.header("location").and_then(|location| same_origin(&self.config.base_url, location))
            else {
                return Err(self.refused(request, &response));
            };
            request.url = target;
            redirects = redirects.saturating_add(1);
        }
    }

    /// An answer that is JSON and says that it is something else is read, and reported once.
    fn report_content_type(&self, request: &HttpRequest, response: &HttpResponse<R::Json>) {
        let odd = response.header("content-type").is_some_and(|kind| !has(kind, "json"));
        if odd && matches!(response.body, Body::Json(_)) && !self.reported.replace(true) {
            let words = "the server's content-type is not that of JSON (%); the answer was read as JSON all the same";
            self.runtime.log(Level::Warn, &fill(words, &[&place(request)]));
        }
    }

    fn refused(&self, request: &HttpRequest, response: &HttpResponse<R::Json>) -> Box<Error<R::Json>> {
        let after = retry_after_ms(response, self.runtime.wall_ms(), |text| self.runtime.parse_date(text));
        if response.status == 429 {
            self.allowance.limited(after, self.runtime.now_ms());
        }
        refusal(request, response, after)
    }

    pub(crate) fn request(&self, method: Method, path: &str, call: &CallOptions) -> HttpRequest {
        let mut headers = self.config.headers.clone();
        for (name, value) in &call.headers {
            set_header(&mut headers, name, value);
        }
        if method == Method::Post {
            set_header(&mut headers, "content-type", "application/json");
        }
        HttpRequest { method, url: concat(&[&self.config.base_url, path]), headers, body: None, timeout_ms: 0.0, answers: 1.0 }
    }
}

fn carries_proof(request: &HttpRequest) -> bool {
    request.headers.iter().any(|(name, _)| wallet::is_proof_header(name))
}

/// Where a redirect leads, when that is on the origin of `base_url`.
fn same_origin(base_url: &str, location: &str) -> Option<String> {
    let (_, rest) = split(base_url, "://")?;
    let origin = base_url.get(..base_url.len().checked_sub(rest.len())?.checked_add(find(rest, "/").unwrap_or(rest.len()))?)?;
    if location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\") {
        return Some(concat(&[origin, location]));
    }
    let path = location.strip_prefix(origin)?;
    path.starts_with('/').then(|| location.to_owned())
}

pub(crate) fn read_answer<J: Json>(
    request: &HttpRequest,
    response: &HttpResponse<J>,
    wanted: &str,
    parse: &dyn Fn(J) -> Option<J>,
) -> Result<J, J> {
    if !response.is_success() {
        return Err(refusal(request, response, None));
    }
    match &response.body {
        Body::Json(document) => parse(document.clone()),
        _ => None,
    }
    .ok_or_else(|| no_answer(request, response, wanted))
}

pub(crate) fn read_created<J: Json>(request: &HttpRequest, response: &HttpResponse<J>) -> Result<Created<J>, J> {
    match read_answer(request, response, "a job with a jobId", &|document| protocol::is_job(&document).then_some(document)) {
        Ok(document) => Ok(protocol::read_created(document)),
        Err(mut error) => {
            // The id of a cut-off answer is worth having: it may be the only trace of the job.
            if let Body::Text(text) = &response.body {
                error.job_id = job_id_in(text);
            }
            Err(error)
        }
    }
}

/// The id in a text that was cut off after it.
fn job_id_in(text: &str) -> Option<String> {
    let (_, rest) = split(text, "\"jobId\"")?;
    let (id, _) = split(rest.trim_ascii_start().strip_prefix(':')?.trim_ascii_start().strip_prefix('"')?, "\"")?;
    (!id.is_empty() && find(id, "\\").is_none()).then(|| id.to_owned())
}

/// A final job as the caller's result: its answer, or an error that carries it.
fn finish<J: Json>(job_id: &str, seen: Seen<J>) -> Result<J, J> {
    let failure = protocol::failure(&seen.document);
    let (code, message) = match seen.status {
        JobStatus::Completed if seen.has_result => return Ok(seen.document),
        JobStatus::Completed => (ErrorCode::InvalidResponse, "the job is completed but has no answer in it".to_owned()),
        JobStatus::Failed => {
            (ErrorCode::JobFailed, fill("the job failed: %", &[failure.as_deref().unwrap_or("the server gave no reason")]))
        }
        _ => {
            let why = failure.map(|words| fill(": %", &[&words])).unwrap_or_default();
            (ErrorCode::JobTimeout, fill("the agent gave no answer in the job's time%", &[&why]))
        }
    };
    let mut error = Error::new(code, message);
    error.job = Some(seen.document);
    Err(error.about_job(job_id))
}

fn over<J>(job_id: &str, last: Option<Seen<J>>, waited_ms: f64, failed: Option<Box<Error<J>>>) -> Box<Error<J>> {
    let state = last.as_ref().map_or("not seen yet", |seen| seen.status.as_str());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
    let waited = decimal(waited_ms.max(0.0) as u64);
    let why = failed.map(|error| fill("; the last look failed: %", &[&error.message])).unwrap_or_default();
    let mut error = Error::new(
        ErrorCode::WaitTimeout,
        fill("no answer after % ms: the job is %; wait on with pollJob(error.jobId)%", &[&waited, state, &why]),
    );
    error.job = last.map(|seen| seen.document);
    error.about_job(job_id)
}

fn gone<J>(job_id: &str, last: Option<Seen<J>>) -> Box<Error<J>> {
    let mut error = Error::new(
        ErrorCode::JobGone,
        "the job is not on the server any more: servers forget a finished job soon after its expiry, and all jobs when they restart",
    );
    error.status = Some(404);
    error.job = last.map(|seen| seen.document);
    error.about_job(job_id)
}
