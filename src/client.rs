//! The main loop: create, pay, wait.

use std::rc::Rc;

use crate::error::{Error, ErrorCode, Result};
use crate::http::{Body, HttpRequest, HttpResponse, Method, no_answer, path, refusal, send_error};
use crate::json::{Json, shown};
use crate::poll::{GRACE_MS, PollSchedule};
use crate::protocol::{self, Created, JobStatus, Seen};
use crate::retry::{RetryBudget, backoff_ms, retry_after_ms};
use crate::runtime::{Ask, Runtime, within};
use crate::spend::{Abilities, Chosen, Means, Reservation, SpendLedger, SpendPolicy};
use crate::text::{concat, decimal, fill, find, join, split};
use crate::wallet;
use crate::x402::amount::to_decimal;
use crate::x402::eip3009::Authorization;
use crate::x402::signature::normalised;
use crate::x402::{self, Attempt, PaymentState, address, hex};

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
pub struct Client<R> {
    runtime: R,
    config: Config,
    retries: RetryBudget,
    ledger: Rc<SpendLedger>,
}

impl<R: Runtime> Client<R> {
    /// A client in this world.
    pub fn new(runtime: R, config: Config) -> Self {
        let ledger = SpendLedger::new(&config.spend.limits);
        Self { runtime, config, retries: RetryBudget::new(), ledger }
    }

    /// What was spent of a token so far, as a decimal number of tokens, with what is set aside for payments under way. `None`
    /// for a token that is not paid with.
    pub fn spent(&self, symbol: &str) -> Option<String> {
        let at = self.config.spend.limits.iter().position(|limit| limit.symbol == symbol)?;
        Some(to_decimal(self.ledger.spent(at), self.config.spend.limits.get(at)?.decimals))
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
        // The application's own limit covers everything; ours does not count what a person takes to look at a wallet.
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(f64::INFINITY);
        let limit = call.timeout_ms.unwrap_or(self.config.timeout_ms);
        let response = self.post(&mut request, limit).await?;
        if response.status != 402 {
            let created = read_created(&request, &response)?;
            update(Update::Created(created.document.clone()));
            return Ok(PaidJob { created, payment: None });
        }
        let required = x402::read(&response, &self.config.spend.tokens)?;
        let wallet = self.runtime.abilities();
        if wallet == Abilities::default() {
            let prices = required.offers.iter().map(|offer| {
                let token = &offer.token;
                fill("% % on %", &[&offer.amount.decimal(token.decimals), &token.symbol, &token.network])
            });
            let mut error = Error::new(
                ErrorCode::PaymentRequired,
                fill("the server asks for % for this job; give the client a wallet", &[&join(prices, " or ")]),
            );
            error.status = Some(402);
            return Err(error);
        }
        let chosen = self.config.spend.choose(required, wallet, &request.url, &self.ledger)?;
        let (created, payment) = self.pay(request, chosen, limit, end, update).await?;
        update(Update::Created(created.document.clone()));
        Ok(PaidJob { created, payment: Some(payment) })
    }

    /// Asks the wallet for a proof, then sends the same body again with it. From here on every error carries the attempt.
    async fn pay(
        &self,
        mut request: HttpRequest,
        chosen: Chosen<R::Json>,
        limit: f64,
        end: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<(Created<R::Json>, Attempt<R::Json>), R::Json> {
        let Chosen { offer, means, reservation } = chosen;
        let mut attempt = Attempt::new(self.runtime.uuid(), Rc::new(offer));
        update(Update::Quote(attempt.offer.document()));
        if let Err(mut error) = self.prove(&mut attempt, means, &reservation, end).await {
            error.payment = Some(attempt);
            return Err(error);
        }
        attempt.state = PaymentState::Proven;
        update(Update::Payment(attempt.document()));
        request.headers.extend(attempt.proof.iter().cloned());
        attempt.state = PaymentState::Sent;
        let limit = limit.min(end - self.runtime.now_ms());
        let answer = self.post(&mut request, limit).await.and_then(|response| {
            let receipt = response.header("payment-response").or_else(|| response.header("x-payment-response"));
            if let Some(said) = receipt.and_then(x402::read_header::<R::Json>) {
                attempt.settle(&said);
            }
            if response.status == 402 { Err(refusal(&request, &response, None)) } else { read_created(&request, &response) }
        });
        match answer {
            Ok(created) => {
                attempt.state = PaymentState::Accepted;
                update(Update::Payment(attempt.document()));
                Ok((created, attempt))
            }
            Err(error) => Err(after_payment(*error, attempt)),
        }
    }

    /// Gets the proof of payment into the attempt, by the means that were chosen. `end` is an instant.
    async fn prove(
        &self,
        attempt: &mut Attempt<R::Json>,
        means: Means,
        reservation: &Reservation,
        end: f64,
    ) -> Result<(), R::Json> {
        let quote = attempt.offer.document();
        if self.runtime.can_ask(Ask::Confirm) {
            let (cause, why) = match self.ask(Ask::Confirm, quote.clone(), end).await? {
                Ok(answer) if answer.to_json() == "true" => (None, ""),
                Ok(_) => (None, "confirm did not give true, so nothing was paid"),
                Err(thrown) => (Some(thrown), "confirm threw, so nothing was paid"),
            };
            if !why.is_empty() {
                let mut error = Error::new(ErrorCode::PaymentDeclined, why);
                error.cause = cause;
                return Err(error);
            }
        }
        let mut payer = String::new();
        if self.runtime.can_ask(Ask::Address) {
            let given = self.ask(Ask::Address, R::Json::object(), end).await?.map_err(|thrown| wallet_threw(thrown, UNMOVED))?;
            let address = given.as_text().filter(|text| hex::is_hex(text, 40));
            payer = address.map(|address| address::checksummed(&address)).ok_or_else(|| {
                let said = "wallet.address must be an address (0x and 40 hexadecimal digits); it is ";
                Error::new(ErrorCode::WalletFailed, concat(&[said, &shown(&given)]))
            })?;
            if payer.eq_ignore_ascii_case(&attempt.offer.recipient) {
                let why = "it would pay the wallet's own address";
                return Err(x402::refused(ErrorCode::PaymentRecipientNotAllowed, why));
            }
        }
        let what = match means {
            Means::Transfer => Ask::Transfer,
            Means::Pay => Ask::Pay,
            Means::Sign => return self.sign(attempt, payer, reservation, end).await,
        };
        // From here on money may move, whatever the wallet says.
        reservation.kept.set(true);
        let given = match self.ask(what, quote, end).await? {
            Ok(given) => given,
            Err(thrown) => {
                attempt.transaction = wallet::stray_hash(&thrown);
                let error = wallet_threw(thrown, LOOK);
                reservation.kept.set(error.code != ErrorCode::WalletRejected || attempt.transaction.is_some());
                return Err(error);
            }
        };
        let proof = if what == Ask::Pay {
            wallet::headers(&given).map_err(|what| ("request headers such as x-payment", what.to_owned()))
        } else {
            wallet::transaction_hash(&given)
                .map(|hash| {
                    attempt.transaction = Some(hash.clone());
                    x402::seed::proof(&hash, &attempt.offer.token.network)
                })
                .map_err(|what| ("a transaction hash (0x and 64 hexadecimal digits)", what))
        };
        attempt.proof = proof.map_err(|(wanted, what)| {
            attempt.transaction = wallet::stray_hash(&given);
            Error::new(ErrorCode::WalletInvalidProof, fill("the wallet must give %; it gave %%", &[wanted, &what, LOOK]))
        })?;
        Ok(())
    }

    /// Has the wallet sign an authorisation. What is not sent cannot be settled, so until then no money can have moved. When the signature comes too late for the server to settle it, the wallet is asked
    /// once more, with the same nonce: of the two only one could ever move money, and the first was not sent.
    async fn sign(
        &self,
        attempt: &mut Attempt<R::Json>,
        payer: String,
        reservation: &Reservation,
        end: f64,
    ) -> Result<(), R::Json> {
        let offer = attempt.offer.clone();
        let nonce = hex::encode(&self.runtime.nonce());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
        let now_s = || (self.runtime.wall_ms() / 1000.0) as u64;
        for _ in 0..2 {
            let authorization = Authorization::new(&offer, payer.clone(), now_s(), nonce.clone());
            let given = self.ask(Ask::Sign, authorization.typed_data(&offer.token), end).await?;
            let given = given.map_err(|thrown| wallet_threw(thrown, UNMOVED))?;
            let digest = authorization.digest(&offer.token);
            let text = given.as_text().ok_or_else(|| shown(&given));
            let signature = text.and_then(|text| normalised(&text, &digest, &payer).map_err(str::to_owned)).map_err(|what| {
                attempt.transaction = wallet::stray_hash(&given);
                reservation.kept.set(attempt.transaction.is_some());
                Error::new(
                    ErrorCode::WalletInvalidProof,
                    fill("the wallet must give a signature by %; it gave %; nothing was sent", &[&payer, &what]),
                )
            })?;
            if authorization.is_fresh(now_s()) {
                reservation.kept.set(true);
                attempt.proof = vec![authorization.proof(&offer, &signature)];
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorCode::WalletTimeout,
            fill(
                "the signature came too late, twice: the server waits % seconds for it; nothing was sent",
                &[&decimal(offer.timeout_s.into())],
            ),
        ))
    }

    /// Asks the application or its wallet. An error when nothing came before `end` or within the wallet's own limit.
    async fn ask(&self, whom: Ask, given: R::Json, end: f64) -> Result<core::result::Result<R::Json, R::Json>, R::Json> {
        let limit = self.config.wallet_timeout_ms.min(end - self.runtime.now_ms());
        within(self.runtime.ask(whom, given), self.runtime.sleep(limit.max(0.0))).await.ok_or_else(|| {
            let (who, advice) = match whom {
                Ask::Confirm => ("confirm", "; nothing was paid"),
                Ask::Address => ("wallet.address", UNMOVED),
                Ask::Sign => ("the wallet", "; nothing was sent"),
                Ask::Transfer | Ask::Pay => ("the wallet", LOOK),
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
            let waited = decimal(limit.max(0.0) as u64);
            Error::new(ErrorCode::WalletTimeout, fill("% gave nothing in % ms%", &[who, &waited, advice]))
        })
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

const UNMOVED: &str = "; no money has moved";
const LOOK: &str = "; look in the wallet whether money has moved before you pay again";

/// The error for what a wallet threw.
fn wallet_threw<J: Json>(thrown: J, advice: &str) -> Box<Error<J>> {
    let (code, message) = wallet::thrown(&thrown);
    let advice = if code == ErrorCode::WalletRejected { "" } else { advice };
    let mut error = Error::new(code, concat(&[&message, advice]));
    error.cause = Some(thrown);
    error
}

/// What an error means once a proof has been sent: refused where the server says so, else unknown. Never "pay again".
fn after_payment<J: Json>(error: Error<J>, mut attempt: Attempt<J>) -> Box<Error<J>> {
    // A settlement that is pending may still succeed.
    let reason = attempt.receipt.as_ref().and_then(|receipt| receipt.get_text("errorReason"));
    let refused = matches!(error.status, Some(400..=428 | 430..=499)) && reason.as_deref() != Some("settlement_pending");
    let (code, state, advice) = if refused {
        (ErrorCode::PaymentRefused, PaymentState::Refused, "the server refused the payment: ")
    } else {
        (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, "the payment was sent and its outcome is not known: ")
    };
    attempt.state = state;
    let message = fill(
        "%%%%; do not pay again before you have looked: error.payment has the proof",
        &[
            advice,
            reason.as_deref().unwrap_or(""),
            if reason.is_some() { ", " } else { "" },
            error.message.strip_suffix("; only creating a job is ever paid").unwrap_or(&error.message),
        ],
    );
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
