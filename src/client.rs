//! The main loop: create, pay, wait.

use crate::error::{Error, ErrorCode, Result};
use crate::http::{Body, HttpRequest, HttpResponse, Method, no_answer, path, refusal, send_error};
use crate::json::Json;
use crate::poll::{GRACE_MS, PollSchedule};
use crate::protocol::{self, Created, JobStatus, Seen};
use crate::retry::{RetryBudget, backoff_ms, retry_after_ms};
use crate::runtime::Runtime;
use crate::spend::SpendPolicy;
use crate::text::{concat, decimal, find, join, split};
use crate::wallet;
use crate::x402::{self, PaymentAttempt, PaymentState, Quote};

/// How often a redirect is followed.
const MAX_REDIRECTS: u32 = 5;

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
    /// The price was read and accepted ([`Quote`]); the wallet is about to be asked.
    Quote(J),
    /// The wallet has paid ([`PaymentAttempt`]); the proof is about to be sent.
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
    pub payment: Option<PaymentAttempt>,
}

/// The client.
#[derive(Debug)]
pub struct Client<R> {
    runtime: R,
    config: Config,
    retries: RetryBudget,
}

impl<R: Runtime> Client<R> {
    /// A client in this world.
    pub fn new(runtime: R, config: Config) -> Self {
        Self { runtime, config, retries: RetryBudget::new() }
    }

    /// Creates a job, and pays for it when the server asks for that.
    pub async fn create_job(
        &self,
        params: &R::Json,
        call: &CallOptions,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<PaidJob<R::Json>, R::Json> {
        let body = protocol::validate(params)?.to_json();
        let mut request = self.request(Method::Post, path::JOBS, call);
        request.body = Some(body);
        let limit = call.timeout_ms.unwrap_or(self.config.timeout_ms);
        let response = self.post(&mut request, limit).await?;
        if response.status != 402 {
            let created = read_created(&request, &response)?;
            update(Update::Created(created.document.clone()));
            return Ok(PaidJob { created, payment: None });
        }
        let required = x402::read(&response)?;
        if !self.runtime.has_wallet() {
            let prices = required.offers.iter().map(|quote| concat(&[&quote.amount, " USDC on ", quote.network]));
            let mut error = Error::new(
                ErrorCode::PaymentRequired,
                concat(&["the server asks for ", &join(prices, " or "), " for this job; give the client a wallet"]),
            );
            error.status = Some(402);
            return Err(error);
        }
        let quote = self.config.spend.select(required)?;
        let (created, payment) = self.pay(request, &quote, limit, update).await?;
        update(Update::Created(created.document.clone()));
        Ok(PaidJob { created, payment: Some(payment) })
    }

    /// Asks the wallet once, then sends the same body again with the proof. From here on every error carries the attempt.
    async fn pay(
        &self,
        mut request: HttpRequest,
        quote: &Quote,
        limit: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<(Created<R::Json>, PaymentAttempt), R::Json> {
        let mut attempt = PaymentAttempt::new(self.runtime.uuid(), quote);
        update(Update::Quote(quote.document()));
        let hash = match self.runtime.transfer(quote).await {
            Ok(given) => match wallet::transaction_hash(&given) {
                Ok(hash) => hash,
                Err(what) => {
                    let said = "the wallet must give a transaction hash (0x and 64 hexadecimal digits); it gave ";
                    let advice = "; look there whether money has moved";
                    return Err(unpaid(ErrorCode::WalletInvalidProof, concat(&[said, &what, advice]), attempt, None));
                }
            },
            Err(thrown) => {
                let (code, message) = wallet::thrown(&thrown);
                return Err(unpaid(code, message, attempt, Some(thrown)));
            }
        };
        attempt.transaction = Some(hash);
        attempt.state = PaymentState::Proven;
        update(Update::Payment(attempt.document()));
        request.headers.extend(attempt.proof_headers());
        attempt.state = PaymentState::Sent;
        let answer = self.post(&mut request, limit).await;
        match answer.and_then(|response| {
            if response.status == 402 { Err(refusal(&request, &response, None)) } else { read_created(&request, &response) }
        }) {
            Ok(created) => {
                attempt.state = PaymentState::Accepted;
                Ok((created, attempt))
            }
            Err(error) => Err(after_payment(*error, attempt)),
        }
    }

    /// One job.
    pub async fn get_job(&self, job_id: &str, call: &CallOptions) -> Result<Seen<R::Json>, R::Json> {
        self.look(job_id, call, self.config.retries).await
    }

    /// Jobs, the newest first.
    pub async fn list_jobs(&self, params: Option<&R::Json>, call: &CallOptions) -> Result<R::Json, R::Json> {
        let query = protocol::list_query(params)?;
        self.read(&concat(&[path::JOBS, &query]), call, self.config.retries, "a list of jobs", protocol::read_list).await
    }

    /// How the Jobs service is.
    pub async fn jobs_health(&self, call: &CallOptions) -> Result<R::Json, R::Json> {
        self.read(path::HEALTH, call, self.config.retries, "statusCounts", protocol::read_health).await
    }

    /// Creates a job and waits for its answer.
    pub async fn create_and_wait(
        &self,
        params: &R::Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<R::Json, R::Json> {
        let end = call.timeout_ms.map(|limit| self.runtime.now_ms() + limit);
        let create = CallOptions {
            timeout_ms: Some(call.timeout_ms.unwrap_or(f64::INFINITY).min(self.config.timeout_ms)),
            headers: call.headers.clone(),
        };
        let paid = self.create_job(params, &create, update).await?;
        let waited = self.wait(&paid.created.job_id, Some(paid.created.lifetime_ms), end, call, plan, update).await;
        waited.map_err(|mut error| {
            error.payment = paid.payment;
            error
        })
    }

    /// Waits for a job's answer.
    pub async fn poll_job(
        &self,
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
    async fn wait(
        &self,
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
        let mut limited = false;
        // Our own schedule gives a new job a moment; the caller's interval is kept as the seed has it: look, then sleep.
        let mut gap = if created_here && schedule == PollSchedule::Growing { schedule.gap_ms(0.0, 0) } else { 0.0 };
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
                if now < expiry && !limited {
                    gap = gap.min(expiry - now);
                }
            }
            if now + gap > stop {
                gap = (stop - now).max(0.0);
            }
            if gap > 0.0 {
                self.runtime.sleep(gap).await;
            }
            let now = self.runtime.now_ms();
            if looks > 0 && now >= stop {
                return Err(over(job_id, last, now - start, None));
            }
            let look = CallOptions {
                timeout_ms: Some(self.config.timeout_ms.min((stop - now).max(1.0))),
                headers: call.headers.clone(),
            };
            // Another look is the retry.
            let seen = self.look(job_id, &look, 0).await;
            looks = looks.saturating_add(1);
            let age = self.runtime.now_ms() - start;
            gap = schedule.gap_ms(age, looks);
            limited = false;
            let failed = match seen {
                Ok(seen) => {
                    missing = false;
                    lifetime = lifetime.or(Some(seen.lifetime_ms));
                    let raw = |seen: &Seen<R::Json>| (seen.status, seen.document.get_text("rawStatus"));
                    if last.as_ref().map(raw) != Some(raw(&seen)) {
                        update(Update::Status(seen.document.clone()));
                    }
                    if seen.status.is_terminal() {
                        return finish(job_id, seen);
                    }
                    last = Some(seen);
                    None
                }
                Err(error) if error.code == ErrorCode::JobNotFound && (created_here || last.is_some()) => {
                    // Once may be a server that is just starting; twice is gone.
                    if missing {
                        return Err(gone(job_id, last));
                    }
                    missing = true;
                    Some(error)
                }
                Err(error) if error.code.retryable() => {
                    if error.code == ErrorCode::RateLimited {
                        limited = true;
                        gap = schedule.gap_after_limit_ms(age, looks, error.retry_after_ms);
                    }
                    Some(error)
                }
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

    async fn look(&self, job_id: &str, call: &CallOptions, retries: u32) -> Result<Seen<R::Json>, R::Json> {
        if job_id.is_empty() {
            return Err(Error::argument("jobId", "must be a string that is not empty", "\"\""));
        }
        let wanted = "a job with a jobId";
        match self
            .read(&path::job(job_id), call, retries, wanted, |document| protocol::is_job(&document).then_some(document))
            .await
        {
            Ok(document) => Ok(protocol::read_job(document)),
            Err(mut error) => {
                if error.code == ErrorCode::NotFound {
                    error.code = ErrorCode::JobNotFound;
                }
                Err(error.about_job(job_id))
            }
        }
    }

    /// Reads something. Failures that may pass are tried again within the time limit.
    async fn read(
        &self,
        path: &str,
        call: &CallOptions,
        retries: u32,
        wanted: &str,
        parse: fn(R::Json) -> Option<R::Json>,
    ) -> Result<R::Json, R::Json> {
        let mut request = self.request(Method::Get, path, call);
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        let mut tries = 0;
        loop {
            let answer = self.exchange(&mut request, end).await;
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
    /// did nothing with it (429, and 503 before any payment); a request that carries a proof always carries the same one.
    async fn post(&self, request: &mut HttpRequest, limit: f64) -> Result<HttpResponse<R::Json>, R::Json> {
        let end = self.runtime.now_ms() + limit;
        let paid = carries_proof(request);
        let mut tries = 0;
        loop {
            let error = match self.exchange(request, end).await {
                Ok(response) => {
                    self.retries.refill();
                    return Ok(response);
                }
                Err(error) => error,
            };
            let did_nothing = error.not_sent || error.status == Some(429) || (error.status == Some(503) && !paid);
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
    async fn may_retry_after(&self, error: &Error<R::Json>, tries: u32, end: f64) -> bool {
        let wait = backoff_ms(tries, self.runtime.random()).max(error.retry_after_ms.unwrap_or(0.0));
        if self.runtime.now_ms() + wait >= end || !self.retries.take() {
            return false;
        }
        self.runtime.sleep(wait).await;
        true
    }

    /// One request and its answer before `end`: a success or a 402, everything else is an error. Redirects are followed on the same origin, and never with a proof.
    async fn exchange(&self, request: &mut HttpRequest, end: f64) -> Result<HttpResponse<R::Json>, R::Json> {
        let mut redirects = 0;
        loop {
            request.timeout_ms = (end - self.runtime.now_ms()).max(1.0);
            let response = self.runtime.send(request).await.map_err(|failed| send_error(request, failed))?;
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

    fn refused(&self, request: &HttpRequest, response: &HttpResponse<R::Json>) -> Box<Error<R::Json>> {
        let after = retry_after_ms(response, self.runtime.wall_ms(), |text| self.runtime.parse_date(text));
        refusal(request, response, after)
    }

    fn request(&self, method: Method, path: &str, call: &CallOptions) -> HttpRequest {
        let mut headers = self.config.headers.clone();
        for (name, value) in &call.headers {
            headers.retain(|(known, _)| known != name);
            headers.push((name.clone(), value.clone()));
        }
        if method == Method::Post {
            headers.retain(|(known, _)| known != "content-type");
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        HttpRequest { method, url: concat(&[&self.config.base_url, path]), headers, body: None, timeout_ms: 0.0 }
    }
}

fn carries_proof(request: &HttpRequest) -> bool {
    request.headers.iter().any(|(name, _)| name == "x-payment")
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

fn read_answer<J: Json>(
    request: &HttpRequest,
    response: &HttpResponse<J>,
    wanted: &str,
    parse: fn(J) -> Option<J>,
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

fn read_created<J: Json>(request: &HttpRequest, response: &HttpResponse<J>) -> Result<Created<J>, J> {
    match read_answer(request, response, "a job with a jobId", |document| protocol::is_job(&document).then_some(document)) {
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

/// The wallet gave no proof.
fn unpaid<J>(code: ErrorCode, message: String, attempt: PaymentAttempt, cause: Option<J>) -> Box<Error<J>> {
    let mut error = Error::new(code, message);
    error.payment = Some(attempt);
    error.cause = cause;
    error
}

/// What an error means once a proof has been sent: refused where the server says so, else unknown. Never "pay again".
fn after_payment<J>(error: Error<J>, mut attempt: PaymentAttempt) -> Box<Error<J>> {
    let refused = matches!(error.status, Some(400..=428 | 430..=499));
    let (code, state, advice) = if refused {
        (ErrorCode::PaymentRefused, PaymentState::Refused, "the server refused the payment: ")
    } else {
        (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, "the payment was sent and its outcome is not known: ")
    };
    attempt.state = state;
    let message = concat(&[
        advice,
        error.message.strip_suffix("; only creating a job is ever paid").unwrap_or(&error.message),
        "; do not pay again before you have looked: error.payment has the transaction",
    ]);
    let mut about = Error::new(code, message);
    about.status = error.status;
    about.server_message = error.server_message;
    about.server_code = error.server_code;
    about.retry_after_ms = error.retry_after_ms;
    about.job_id = error.job_id;
    about.payment = Some(attempt);
    about.cause = error.cause;
    about
}

/// A final job as the caller's result: its answer, or an error that carries it.
fn finish<J: Json>(job_id: &str, seen: Seen<J>) -> Result<J, J> {
    let failure = protocol::failure(&seen.document);
    let (code, message) = match seen.status {
        JobStatus::Completed if seen.has_result => return Ok(seen.document),
        JobStatus::Completed => (ErrorCode::InvalidResponse, "the job is completed but has no answer in it".to_owned()),
        JobStatus::Failed => {
            (ErrorCode::JobFailed, concat(&["the job failed: ", failure.as_deref().unwrap_or("the server gave no reason")]))
        }
        _ => {
            let why = failure.map(|words| concat(&[": ", &words])).unwrap_or_default();
            (ErrorCode::JobTimeout, concat(&["the agent gave no answer in the job's time", &why]))
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
    let why = failed.map(|error| concat(&["; the last look failed: ", &error.message])).unwrap_or_default();
    let mut error = Error::new(
        ErrorCode::WaitTimeout,
        concat(&["no answer after ", &waited, " ms: the job is ", state, "; wait on with pollJob(error.jobId)", &why]),
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
