//! The client: one short method for each call, composed of what the rooms below do.

mod sessions;

use core::cell::RefCell;
use std::rc::Rc;

use crate::api::agents;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Seen};
use crate::api::options::CallOptions;
use crate::api::payments::Attempt;
use crate::api::routes;
pub use crate::api::update::Update;
use crate::http::message::HttpConfig;
use crate::http::rate_limit::RateLimit;
use crate::http::run::Http;
use crate::http::words::fit;
use crate::json::Json;
pub use crate::payment::PaidJob;
pub use crate::payment::history::PaymentFilter;
use crate::payment::keys::uuid_of;
use crate::payment::payments::{PaymentConfig, Payments};
use crate::payment::step::Paid;
use crate::payment::store_failed;
use crate::platform::{Method, Platform};
use crate::spending::ledger::SpendLedger;
use crate::spending::policy::SpendPolicy;
use crate::time::{Deadline, Millis};
use crate::waiting::run::{JobWatch, Polling, WaitPlan, Waited, Wanted, outcome};
use crate::x402::amount::to_decimal;

/// How much of what a job says of its failure is shown.
const MAX_FAILURE: usize = 1_000;

/// What a client was made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's address, without a slash at the end.
    pub base_url: String,
    /// Sent with every request: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The longest time for one request with its retries.
    pub timeout: Millis,
    /// Further tries of a read.
    pub retries: u32,
    /// The longest time for the wallet, and for `confirm`.
    pub wallet_timeout: Millis,
    /// What may be paid.
    pub spend: SpendPolicy,
    /// How long payments are kept after their answers.
    pub keep_payments: Millis,
    /// When jobs are polled.
    pub polling: Polling,
}

/// The client.
#[derive(Debug)]
pub struct Client<P: Platform> {
    pub(crate) platform: Rc<P>,
    pub(crate) http: Rc<Http<P>>,
    pub(crate) payments: Rc<Payments<P>>,
    pub(crate) config: Config,
    /// The jobs that calls wait for.
    pub(crate) watch: JobWatch,
}

impl<P: Platform + 'static> Client<P> {
    /// A client in this world, with a ledger for the limits of its policy.
    pub fn new(platform: P, config: Config, ledger: Rc<SpendLedger>) -> Self {
        Self::sharing(Rc::default(), platform, config, ledger)
    }

    /// A client that shares what is known of the server's rate limit with others.
    pub fn sharing(rate_limit: Rc<RefCell<RateLimit>>, platform: P, config: Config, ledger: Rc<SpendLedger>) -> Self {
        let platform = Rc::new(platform);
        let http = HttpConfig {
            base_url: config.base_url.clone(),
            headers: config.headers.clone(),
            timeout: config.timeout,
            retries: config.retries,
        };
        let http = Rc::new(Http::new(platform.clone(), http, rate_limit));
        let payments =
            PaymentConfig { spend: config.spend.clone(), wallet_timeout: config.wallet_timeout, keep: config.keep_payments };
        Self {
            payments: Payments::new(platform.clone(), http.clone(), payments, ledger),
            platform,
            http,
            watch: JobWatch::new(config.polling),
            config,
        }
    }

    /// What was spent of a token so far, as a decimal number of tokens, with what is set aside for
    /// payments under way. `None` for a token that is not paid with.
    pub fn spent(&self, symbol: &str) -> Option<String> {
        let at = self.config.spend.limits.iter().position(|limit| limit.symbol == symbol)?;
        Some(to_decimal(self.payments.ledger().spent(at), self.config.spend.limits.get(at)?.decimals))
    }

    /// What is spent, set aside and left of each limit of a token's budget, for all clients of the
    /// scope.
    pub async fn spending(&self, symbol: &str, call: &CallOptions) -> Result<Json> {
        self.payments.spending(symbol, self.http.deadline(call)).await
    }

    /// Creates a job, and pays for it when the server asks for that.
    pub async fn create_job(self: &Rc<Self>, params: &Json, call: &CallOptions, update: &dyn Fn(Update)) -> Result<PaidJob> {
        let limit = call.timeout.unwrap_or(self.http.timeout());
        self.payments.create(params, call, limit, update).await
    }

    /// The wallet has returned, or thrown, for a payment of an instance of this module that has
    /// trapped meanwhile.
    pub async fn wallet_answered(&self, attempt_id: &str, answer: Result<Json, Json>) {
        self.payments.wallet_answered(attempt_id, answer).await;
    }

    /// What a job would cost: nothing is paid, no job is made, and the wallet is not asked.
    pub async fn quote(&self, call: &CallOptions) -> Result<Json> {
        self.payments.quote(call).await
    }

    /// The server's agents.
    pub async fn list_agents(&self, call: &CallOptions) -> Result<Json> {
        let parse = |document: Json| agents::read_list(&document);
        self.http.read(Method::Get, routes::AGENTS, call, self.http.config.retries, "a list of agents", &parse).await
    }

    /// The text of the answer to a question. Without a `userId` a random one asks; with a key
    /// always the same one, for a key stands for one request.
    pub async fn ask(self: &Rc<Self>, params: Json, call: &CallOptions, plan: WaitPlan, update: &dyn Fn(Update)) -> Result<Json> {
        let user = || match call.idempotency_key.as_str() {
            "" => self.platform.uuid(),
            key => uuid_of(&self.config.base_url, key),
        };
        let params = if params.get("userId").is_some() { params } else { params.set("userId", Json::text(&user())) };
        let job = Box::pin(self.create_and_wait(&params, call, plan, update)).await.map_err(jobs::about_question)?;
        Ok(job.get("result").and_then(|result| result.get("message")?.get("content")).unwrap_or_else(|| Json::text("")))
    }

    /// What is open at this server, the oldest first.
    pub async fn pending_payments(&self, call: &CallOptions) -> Result<Vec<Json>> {
        self.payments.pending(call).await
    }

    /// Gives each payment of the store that moved or may have moved money to `put`, the oldest
    /// first, when it has taken the one before.
    pub async fn payments(&self, filter: &PaymentFilter, call: &CallOptions, put: impl AsyncFn(Json)) -> Result<()> {
        let mut end = self.end(call);
        let keys = self.payments.paid_keys(filter, end).await?;
        for (at, key) in keys.iter().filter_map(Json::as_text).enumerate() {
            self.payments.breathe(at, end).await.map_err(|thrown| store_failed(thrown, ""))?;
            if let Some(row) = self.payments.paid(&key, filter, end).await? {
                let left = end.left(self.platform.now());
                put(row).await;
                // The time that the application takes is its own.
                end = Deadline::after(self.platform.now(), Some(left));
            }
        }
        Ok(())
    }

    /// Forgets a payment that the application knows to be over.
    pub async fn forget_payment(&self, given: &Json, call: &CallOptions) -> Result<()> {
        self.payments.forget_payment(given, call).await
    }

    /// Resumes an attempt (of an error, or of [`Client::pending_payments`]), and waits for the
    /// job's answer: with the job that is there, else with the same proof. A text is the id of a
    /// payment that the store has, or of a job.
    pub async fn resume(
        self: &Rc<Self>,
        given: &Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let end = self.end(call);
        if let Some(id) = given.as_text()
            && !self.payments.has_record(&id, end).await
        {
            if call.params.is_some() {
                return Err(Error::argument("params", "must be left out where the store has no payment with this id", &id));
            }
            return self.poll_job(&id, call, plan, update).await;
        }
        self.watch.recall(&self.http, plan);
        let wait = {
            let Paid { created, attempt } = Box::pin(self.payments.resume(given, call, end, update)).await?;
            let wanted = Wanted::created(&created, "", end, call, plan);
            update(Update::Created(created.document.clone()));
            self.wait(wanted, Some(Box::new(attempt)), update)
        };
        wait.await
    }

    /// When the call must have ended.
    fn end(&self, call: &CallOptions) -> Deadline {
        Deadline::after(self.platform.now(), call.timeout)
    }

    /// One job.
    pub async fn get_job(self: &Rc<Self>, job_id: &str, call: &CallOptions) -> Result<Seen> {
        let end = self.http.deadline(call);
        let seen = match self.http.get_job(job_id, call, self.http.config.retries).await {
            Ok(seen) => seen,
            Err(mut error) => {
                error.payment = Box::pin(self.payments.known_payment(job_id, None)).await;
                // To ask again pays nothing.
                error.repeats_payment = false;
                return Err(error);
            }
        };
        let seen = self.watch.complete(&self.http, seen, job_id, end.instant(), call).await;
        self.close_finished(job_id, &seen, end).await;
        Ok(seen)
    }

    /// The job as errors show it: what it says of its failure is without the call's secrets.
    fn shown(&self, job: Json, job_id: &str, call: &CallOptions) -> Json {
        let request = self.http.request(Method::Get, &routes::job(job_id), call);
        jobs::with_clean_failure(job, &|words| fit(&request, words, MAX_FAILURE))
    }

    /// Waits for a job's answer, which comes with what was paid for it; an error does too. The
    /// payment of a job that has ended is closed before the answer is returned.
    fn wait<'a>(
        self: &'a Rc<Self>,
        wanted: Wanted<'a, '_>,
        payment: Option<Box<Attempt>>,
        update: &'a dyn Fn(Update),
    ) -> impl Future<Output = Result<Json>> + use<'a, P> {
        if payment.is_some() {
            update(Update::Paying);
        }
        let mut wait = self.watch.wait(&self.http, wanted, update);
        async move {
            let end = (&mut wait).await;
            // Boxed: a wait that only sleeps stays small.
            let call = wait.call();
            Box::pin(self.concluded(wait.ended(), call, payment, end)).await
        }
    }

    /// What a wait has come to.
    async fn concluded(
        self: &Rc<Self>,
        waited: Waited,
        call: &CallOptions,
        mut payment: Option<Box<Attempt>>,
        end: Result<Seen>,
    ) -> Result<Json> {
        let (job_id, deadline) = (waited.job_id.as_str(), Deadline::at(waited.deadline));
        let mut error = match end {
            Ok(seen) => {
                let closed = self.close_finished(job_id, &seen, deadline).await;
                payment = payment.or(closed).or_else(|| self.payments.paid_for(job_id, seen.reference.as_deref()));
                let document = self.shown(seen.document, job_id, call);
                let reference = seen.reference.clone();
                match outcome(job_id, Seen { document, ..seen }) {
                    Ok(job) => return Ok(jobs::with_payment(job, payment.map(|payment| payment.document()))),
                    Err(mut error) => {
                        error.reference = reference;
                        error
                    }
                }
            }
            Err(mut error) => {
                error.job = error.job.map(|job| self.shown(job, job_id, call));
                if error.code == ErrorCode::JobGone {
                    Box::pin(self.payments.job_gone(job_id, deadline)).await;
                }
                error
            }
        };
        if payment.is_none() {
            payment = Box::pin(self.payments.known_payment(job_id, error.reference.as_deref())).await;
        }
        error.payment = payment;
        // To wait again pays nothing.
        error.repeats_payment &= waited.was_created_here;
        Err(error)
    }

    /// A final job leaves nothing open. One that is completed without its answer may have it at the
    /// next poll.
    async fn close_finished(self: &Rc<Self>, job_id: &str, seen: &Seen, end: Deadline) -> Option<Box<Attempt>> {
        if !seen.is_settled() {
            return None;
        }
        Box::pin(self.payments.job_finished(job_id, seen.reference.as_deref(), end)).await
    }

    /// Jobs, the newest first.
    pub async fn list_jobs(&self, params: Option<&Json>, call: &CallOptions) -> Result<Json> {
        let query = jobs::list_query(params)?;
        let path = format!("{}{query}", routes::JOBS);
        self.http.read(Method::Get, &path, call, self.http.config.retries, "a list of jobs", &jobs::read_list).await
    }

    /// How the Jobs service is.
    pub async fn jobs_health(&self, call: &CallOptions) -> Result<Json> {
        let retries = self.http.config.retries;
        let health = self.http.read(Method::Get, routes::HEALTH, call, retries, "statusCounts", &jobs::read_health).await?;
        if let Some(average) = health.get("metrics").and_then(|metrics| metrics.get_number("averageProcessingTimeMs")) {
            self.watch.average_is(Millis::new(average));
        }
        Ok(health)
    }

    /// Creates a job and waits for its answer.
    pub async fn create_and_wait(
        self: &Rc<Self>,
        params: &Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let end = self.end(call);
        self.watch.recall(&self.http, plan);
        let limit = call.timeout.unwrap_or(Millis::FOREVER).min(self.http.timeout());
        // Boxed: what it needed is freed before the call waits.
        let wait = {
            let PaidJob { created, payment } = Box::pin(self.payments.create(params, call, limit, update)).await?;
            let agent = params.get_text("agentId").unwrap_or_default();
            self.wait(Wanted::created(&created, &agent, end, call, plan), payment, update)
        };
        wait.await
    }

    /// Waits for a job's answer.
    pub fn poll_job<'a>(
        self: &'a Rc<Self>,
        job_id: &str,
        call: &'a CallOptions,
        plan: WaitPlan,
        update: &'a dyn Fn(Update),
    ) -> impl Future<Output = Result<Json>> + use<'a, P> {
        let end = self.end(call);
        self.watch.recall(&self.http, plan);
        let payment = self.payments.paid_for(job_id, None);
        let wanted = Wanted { job_id, call, agent: "", lifetime: None, was_there: true, deadline: end.instant(), plan };
        self.wait(wanted, payment, update)
    }
}
