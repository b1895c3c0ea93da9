//! Creating a job, and paying for it when the server asks for that.

use core::pin::pin;
use std::rc::Rc;

use super::book::KeyedJob;
use super::keys::{Holder, KeyRecord, name};
use super::machine::{Payment, STORE};
use super::payments::Payments;
use super::run::Start;
use super::step::{Order, Paid};
use super::store::{Held, KeyHolder, unread};
use super::{MAX_REASON_CHARS, PaidJob, body, record};
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Created};
use crate::api::options::CallOptions;
use crate::api::payments::{Attempt, Certainty, NamedBy, PaidBy, PaymentState};
use crate::api::routes;
use crate::api::update::Update;
use crate::encoding;
use crate::http::jobs::read_created;
use crate::http::words::fit;
use crate::json::Json;
use crate::platform::{Callback, HttpRequest, HttpResponse, LogLevel, Method, Platform};
use crate::spending::offer_choice::Chosen;
use crate::spending::offer_rules::{Circumstances, PaymentMethod};
use crate::time::{Deadline, Millis};
use crate::x402::{self, Asked, Offer, PaymentRequired};

/// One create.
struct Create<'a> {
    /// The attempt's id, if it comes to one; it is also the reference in the job's metadata.
    id: String,
    body: Json,
    /// The request fingerprint; empty without a key.
    fingerprint: String,
    call: &'a CallOptions,
    /// The longest time for a request with its retries. The end covers everything; this one, not
    /// what people take.
    limit: Millis,
    end: Deadline,
}

impl<P: Platform + 'static> Payments<P> {
    /// Creates a job, and pays for it when the server asks for that.
    pub(crate) async fn create(
        self: &Rc<Self>,
        params: &Json,
        call: &CallOptions,
        limit: Millis,
        update: &dyn Fn(Update),
    ) -> Result<PaidJob> {
        let create = self.prepare(params, call, limit)?;
        let job = self.create_once(&create, update).await?;
        update(Update::Created(job.created.document.clone()));
        Ok(job)
    }

    fn prepare<'a>(&self, params: &Json, call: &'a CallOptions, limit: Millis) -> Result<Create<'a>> {
        let mut body = jobs::validate(params)?;
        let id = self.platform.uuid();
        // What is paid for can be found again by this.
        if !self.platform.wallet_capabilities().is_none() {
            body = jobs::with_reference(body, &id, jobs::MAX_METADATA_UNITS);
        }
        let fingerprint = if call.idempotency_key.is_empty() { String::new() } else { jobs::request_fingerprint(&body) };
        let end = self.deadline(call.timeout);
        Ok(Create { id, body, fingerprint, call, limit, end })
    }

    /// Calls with the same key wait for each other, in whatever program; the later one finds the
    /// job of the first.
    async fn create_once(self: &Rc<Self>, create: &Create<'_>, update: &dyn Fn(Update)) -> Result<PaidJob> {
        let key = create.call.idempotency_key.as_str();
        let lock = Held::<P>::default();
        if !key.is_empty() {
            *lock.borrow_mut() = Some(self.lock("create", &name(&self.http.config.base_url, key), create.end).await?);
            if let Some(job) = self.made_before(create, &lock, update).await? {
                return Ok(job);
            }
        }
        let lock = lock.take();
        let mut request = self.http.request(Method::Post, routes::JOBS, create.call);
        request.body = Some(self.body(create.body.clone()).to_json());
        let address = request.url.clone();
        let response = self.first_request(&mut request, create).await?;
        if response.status != 402 {
            let created = read_created(&request, &response)?;
            self.keep_free(create, &created, lock).await;
            return Ok(PaidJob { created, payment: None });
        }
        if request.url != address {
            return Err(redirected());
        }
        let chosen = self.choose(&mut request, &response, create.end).await?;
        let apart = self.clocks_apart(&response);
        Ok(self.pay(create, request, chosen, apart, lock, update).await?.into())
    }

    /// The job that was created or paid for under this key before.
    async fn made_before(
        self: &Rc<Self>,
        create: &Create<'_>,
        lock: &Held<P>,
        update: &dyn Fn(Update),
    ) -> Result<Option<PaidJob>> {
        let key = create.call.idempotency_key.as_str();
        if let Some(KeyedJob { fingerprint, job, .. }) = self.book.borrow().keyed(key, self.platform.wall_time()).cloned() {
            same_request(&fingerprint, &create.fingerprint, key)?;
            let created = Created { document: jobs::handle(&job.created.document), ..job.created }.known();
            return Ok(Some(PaidJob { created, payment: job.payment }));
        }
        match self.key_holder(key, lock, create.end).await? {
            KeyHolder::Nobody => Ok(None),
            KeyHolder::Job { created, fingerprint } => {
                same_request(&fingerprint, &create.fingerprint, key)?;
                Ok(Some(PaidJob { created: jobs::read_created(jobs::handle(&created)).known(), payment: None }))
            }
            KeyHolder::Payment(attempt) => {
                same_request(&attempt.fingerprint, &create.fingerprint, key)?;
                let gone_on = self.go_on(&attempt.id, &record::to_json(&attempt), create.call, create.end, update).await;
                match gone_on.map_err(unread) {
                    Ok(paid) => Ok(Some(paid.into())),
                    Err(error) if error.code != ErrorCode::PaymentNotOpen => Err(error),
                    // What was begun before is over, and has moved nothing: the key is free.
                    Err(error) => match self.key_holder(key, lock, create.end).await? {
                        KeyHolder::Nobody => Ok(None),
                        _ => Err(error),
                    },
                }
            }
        }
    }

    /// The body with what the server is known to want.
    pub(super) fn body(&self, body: Json) -> Json {
        if self.wants_prompt.get() { body::with_prompt(body) } else { body }
    }

    /// Asks for the job, without a payment. A server that names what the body lacks is asked once
    /// more.
    async fn first_request(&self, request: &mut HttpRequest, create: &Create<'_>) -> Result<HttpResponse> {
        let mut is_corrected = false;
        loop {
            let left = create.end.left(self.platform.now());
            if !left.is_positive() {
                let why = "the call's time limit was over before the job could be asked for; nothing was sent";
                return Err(Error::new(ErrorCode::RequestTimeout, why));
            }
            let error = match self.http.send(request, self.deadline(Some(create.limit.min(left))), None).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let words = error.server_message.as_deref().filter(|_| !is_corrected && body::is_refused(&error));
            let corrected = words.and_then(|words| body::corrected(request.body.as_deref()?, words));
            let Some(corrected) = corrected else { return Err(error) };
            self.wants_prompt.set(true);
            request.body = Some(corrected);
            is_corrected = true;
        }
    }

    /// Chooses what is paid, and sets the money aside. The body gets what the server says that it
    /// wants.
    async fn choose(self: &Rc<Self>, request: &mut HttpRequest, response: &HttpResponse, end: Deadline) -> Result<Chosen> {
        // Reasons show what the server has sent, which may be our own secrets.
        let fitted = |request: &HttpRequest, mut error: Box<Error>| {
            error.message = fit(request, &error.message, MAX_REASON_CHARS);
            error
        };
        let required = x402::read(response, &self.config.spend.tokens).map_err(|error| fitted(request, error))?;
        let wallet = self.platform.wallet_capabilities();
        if wallet.is_none() {
            return Err(no_wallet(&required));
        }
        let stored = self.stored_counters(end).await?;
        let body = request.body.as_deref().and_then(Json::parse).unwrap_or_else(Json::object);
        let asked = Asked { url: &request.url, headers: &request.headers, body: &body, is_sample: false };
        let payer = self.platform.wallet_address();
        let circumstances = Circumstances { wallet, payer: payer.as_deref(), asked, stored: &stored };
        let chosen = self.config.spend.choose(required, circumstances, &self.ledger);
        let chosen = chosen.map_err(|error| fitted(request, error))?;
        // An offer that cannot be filled is not chosen.
        let wants_prompt = chosen.offer.wants_prompt(asked).unwrap_or_default() || body.get("prompt").is_some();
        self.wants_prompt.set(self.wants_prompt.get() || wants_prompt);
        request.body = Some(self.body(body).to_json());
        Ok(chosen)
    }

    /// How far the server's clock is ahead of this one, where it says what time it is.
    fn clocks_apart(&self, response: &HttpResponse) -> Option<Millis> {
        let date = response.header("date").and_then(|date| self.platform.parse_date(date))?;
        Some(date.since(self.platform.wall_time()))
    }

    /// Pays, in a task of its own that holds the locks.
    async fn pay(
        self: &Rc<Self>,
        create: &Create<'_>,
        request: HttpRequest,
        chosen: Chosen,
        clocks_apart: Option<Millis>,
        lock: Option<P::Lock>,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        let Chosen { offer, method, reservation } = chosen;
        let key = Some(create.call.idempotency_key.clone()).filter(|_| lock.is_some());
        let mut locks: Vec<P::Lock> = lock.into_iter().collect();
        // A call that resumes this attempt meanwhile, in another tab, waits for what becomes of it
        // here. Nobody has this lock yet: only a store that fails does not give it at once.
        let soon = create.end.min(self.deadline(Some(STORE)));
        locks.push(self.lock("resume", &create.id, soon).await?);
        // No await from here to the payment's task, which gives it back: a call that goes away
        // while it waits drops it, and so gives it back too.
        self.book.borrow_mut().reserve(&create.id, reservation);
        let attempt = self.attempt(create, &request, &offer, method);
        update(Update::Quote(offer.document()));
        let order = Order {
            offer: Rc::new(offer),
            method,
            nonce: encoding::to_hex(&self.platform.nonce()),
            confirms: self.platform.has_callback(Callback::Confirm),
            has_address: self.platform.has_callback(Callback::Address),
            wallet_timeout: self.config.wallet_timeout,
            clocks_apart,
        };
        let payment = Payment::new(attempt, order, create.end);
        let call = create.call.clone();
        self.follow(Start { payment, request, call, end: create.end, locks, key }, update).await
    }

    fn attempt(&self, create: &Create<'_>, request: &HttpRequest, offer: &Offer, method: PaymentMethod) -> Attempt {
        let now = self.platform.wall_time();
        Attempt {
            id: create.id.clone(),
            state: PaymentState::Intended,
            price: Some(offer.price()),
            paid_by: match method {
                PaymentMethod::Sign => PaidBy::Signature { valid_until: None },
                PaymentMethod::Transfer | PaymentMethod::Pay => PaidBy::Transfer,
            },
            certainty: Certainty::None,
            transaction: None,
            named_by: NamedBy::Wallet,
            proof: Vec::new(),
            receipt: None,
            server: self.http.config.base_url.clone(),
            request: request.body.clone().unwrap_or_default(),
            first_request: String::new(),
            job: None,
            created_at: now,
            begun_at: now,
            scope: self.config.spend.limits.get(offer.token.limit).map(|limit| limit.scope.clone()).unwrap_or_default(),
            idempotency_key: create.call.idempotency_key.clone(),
            fingerprint: create.fingerprint.clone(),
            answered: false,
        }
    }

    /// A job that cost nothing was created under a key: another call with it gets the same job, in
    /// whatever program.
    async fn keep_free(self: &Rc<Self>, create: &Create<'_>, created: &Created, lock: Option<P::Lock>) {
        let Some(lock) = lock else { return };
        let key = create.call.idempotency_key.as_str();
        let job = PaidJob { created: created.clone(), payment: None };
        let record = KeyRecord {
            holder: Holder::Job(jobs::handle(&created.document)),
            fingerprint: create.fingerprint.clone(),
            created_at: self.platform.wall_time(),
        };
        let kept_until = record.kept_until().unwrap_or_default();
        self.book.borrow_mut().set_keyed(key, KeyedJob { fingerprint: create.fingerprint.clone(), job, kept_until });
        if self.in_time(pin!(self.keep_free_job(key, record, lock)), create.end).await.is_err() {
            let words =
                "the store of payments failed: the idempotencyKey of a job that cost nothing is known to this client alone";
            self.platform.log(LogLevel::Warn, words);
        }
    }
}

pub(super) fn redirected() -> Box<Error> {
    let said = "the server redirects to where it asks for a payment, which is not made there: set baseUrl to where it leads";
    let mut error = Error::new(ErrorCode::RedirectRefused, said);
    error.status = Some(402);
    error
}

pub(super) fn no_wallet(required: &PaymentRequired) -> Box<Error> {
    let prices: Vec<String> = required.offers.iter().map(Offer::summary).collect();
    let words = format!("the server asks for {} for this job; give the client a wallet", prices.join(" or "));
    let mut error = Error::new(ErrorCode::PaymentRequired, words);
    error.status = Some(402);
    error
}

/// A key stands for one request: another one would get the first one's answer. Old records may not
/// say what was asked.
fn same_request(asked: &str, fingerprint: &str, key: &str) -> Result<()> {
    if asked.is_empty() || asked == fingerprint {
        return Ok(());
    }
    let rule = "must be another one for another request: a job with another agentId, userId or content was created under it";
    Err(Error::argument("idempotencyKey", rule, key))
}
