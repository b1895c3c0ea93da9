//! Paying for a job: the wallet is asked, the proof is written down and sent, and what became of it is found out, also by whoever
//! comes after a crash. The same proof may be sent again; another one never is.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::rc::Rc;

use crate::client::{CallOptions, Client, Update, WaitPlan, read_created};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{HttpRequest, Method, path, refusal};
use crate::journal::{self, Found};
use crate::json::{Json, shown};
use crate::protocol::{self, Created};
use crate::prove::{LOOK, NoProof, Proof, Question, UNMOVED, threw};
use crate::runtime::{Ask, Level, Runtime, within};
use crate::spend::{Chosen, Means, Reservation};
use crate::text::{concat, decimal, fill, shorten};
use crate::x402::{self, Attempt, PaymentState, address, hex};

/// How often the same proof is sent again after a reply was lost.
const RESENDS: u32 = 2;
/// The longest time for looking whether the job is there, in milliseconds.
const FIND_MS: f64 = 10_000.0;
/// How long after its expiry a paid job may still be asked for: servers clean up some minutes later.
const KEPT_MS: f64 = 600_000.0;
/// How long after its job's expiry a payment's name is remembered.
const NAMED_MS: f64 = 86_400_000.0;
/// How long the store is waited for, in milliseconds.
const STORE_MS: f64 = 5_000.0;
/// How long a payment that nobody has signed is open, in milliseconds.
const UNSIGNED_MS: f64 = 3_600_000.0;
/// How many ids of payments are kept in mind.
const MAX_NOTED: usize = 1_000;
/// How many jobs a server lists that is not told how many.
const USUAL_LIST: usize = 50;
/// What was open when it was listed.
const NOT_OPEN: &str = "this payment is not open any more: it was finished or forgotten elsewhere";
/// What cannot be resumed.
const NO_ATTEMPT: &str = "must be a job's id, or an attempt with its attemptId";

/// A job and what was paid for it.
pub(crate) type Paid<J> = (Created<J>, Attempt<J>);

/// A wallet's answer that somebody waits for, or does not wait for any more.
struct Pending<R: Runtime> {
    client: Rc<Client<R>>,
    question: Question<R::Json>,
    attempt: Attempt<R::Json>,
    answer: RefCell<Option<core::result::Result<R::Json, R::Json>>>,
    waker: RefCell<Option<Waker>>,
    left: Cell<bool>,
}

/// Whoever waits. What comes after it has gone is written down.
struct Waiting<R: Runtime + 'static>(Rc<Pending<R>>);

impl<R: Runtime + 'static> Drop for Waiting<R> {
    fn drop(&mut self) {
        self.0.left.set(true);
        let answer = self.0.answer.borrow_mut().take();
        if let Some(answer) = answer {
            let pending = self.0.clone();
            self.0.client.runtime.spawn(async move { pending.keep(answer).await });
        }
    }
}

impl<R: Runtime + 'static> Pending<R> {
    /// An answer that came too late: a proof is kept, so that it can be used.
    async fn keep(&self, answer: core::result::Result<R::Json, R::Json>) {
        let runtime = &self.client.runtime;
        let mut attempt = self.attempt.clone();
        // Whoever goes on with the payment meanwhile comes first; what has a proof or a job already needs no other.
        let _alone = runtime.lock(&fill("eliza-jobs/resume/%", &[&attempt.id])).await;
        let is_over = match journal::find(runtime, &attempt.id).await {
            Ok(Some(Found::Attempt(known))) => known.created.is_some() || !known.proof.is_empty(),
            _ => self.client.finished.borrow().contains(&attempt.id),
        };
        if is_over {
            return;
        }
        match self.question.read(answer) {
            Ok(Proof { headers, transaction }) => {
                attempt.proof = headers;
                attempt.transaction = transaction;
                attempt.state = PaymentState::Proven;
            }
            Err(NoProof { unmoved: true, .. }) => return drop(journal::forget(runtime, &attempt.id).await),
            Err(NoProof { transaction, .. }) => {
                attempt.transaction = transaction;
                attempt.state = PaymentState::Unknown;
            }
        }
        let words = match journal::save(runtime, &attempt).await {
            Ok(()) => "the wallet has answered after its call had ended; pendingPayments() knows what is open",
            Err(_) => "the wallet has answered after its call had ended, and the store has failed: look in the wallet",
        };
        runtime.log(Level::Warn, words);
    }
}

impl<R: Runtime + 'static> Client<R> {
    /// Asks the wallet for a proof, then sends the same body again with it. From here on every error carries the attempt.
    /// `end` is an instant.
    pub(crate) async fn pay(
        self: &Rc<Self>,
        request: HttpRequest,
        chosen: Chosen<R::Json>,
        names: (String, String),
        call: &CallOptions,
        end: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<Paid<R::Json>, R::Json> {
        let Chosen { offer, means, reservation } = chosen;
        let offer = Rc::new(offer);
        let mut attempt = Attempt {
            id: names.0,
            state: PaymentState::Intended,
            price: offer.described().to_json(),
            transaction: None,
            proof: Vec::new(),
            receipt: None,
            server: self.config.base_url.clone(),
            request: request.body.clone().unwrap_or_default(),
            created: None,
            created_at: self.runtime.wall_ms(),
            idempotency_key: names.1,
            answered: false,
            signs: means == Means::Sign,
        };
        update(Update::Quote(offer.document()));
        let proof = match self.prove(&attempt, &offer, means, &reservation, end).await {
            Ok(proof) => proof,
            Err(NoProof { mut error, transaction, unmoved }) => {
                attempt.transaction = transaction;
                if unmoved {
                    let _ = self.in_time(journal::forget(&self.runtime, &attempt.id)).await;
                } else if error.code != ErrorCode::WalletTimeout {
                    attempt.state = PaymentState::Unknown;
                    let _ = self.in_time(journal::save(&self.runtime, &attempt)).await;
                }
                error.payment = Some(attempt);
                return Err(error);
            }
        };
        note(&self.counted, &attempt.id);
        (attempt.proof, attempt.transaction) = (proof.headers, proof.transaction);
        attempt.state = PaymentState::Proven;
        update(Update::Payment(attempt.document()));
        attempt.state = PaymentState::Sent;
        // What was only signed can be left unsent. What was transferred is lost when it is not sent.
        if let Err(thrown) = self.in_time(journal::save(&self.runtime, &attempt)).await
            && means == Means::Sign
        {
            reservation.kept.set(false);
            self.counted.borrow_mut().retain(|id| *id != attempt.id);
            attempt.state = PaymentState::Proven;
            let mut error = store_failed(thrown, "; the signature was not sent");
            error.payment = Some(attempt);
            return Err(error);
        }
        self.deliver(attempt, request, call, end, false, update).await
    }

    /// Gets the proof of payment, by the means that were chosen.
    async fn prove(
        self: &Rc<Self>,
        attempt: &Attempt<R::Json>,
        offer: &Rc<x402::Offer<R::Json>>,
        means: Means,
        reservation: &Reservation,
        end: f64,
    ) -> core::result::Result<Proof, NoProof<R::Json>> {
        let payer = self.agreed(offer, end).await.map_err(|error| NoProof { error, transaction: None, unmoved: true })?;
        if let Err(thrown) = self.in_time(journal::save(&self.runtime, attempt)).await {
            let error = store_failed(thrown, "; nothing was paid");
            return Err(NoProof { error, transaction: None, unmoved: true });
        }
        // A signature moves nothing until it is sent; a transfer may, whatever the wallet says.
        reservation.kept.set(means != Means::Sign);
        if means != Means::Sign {
            note(&self.counted, &attempt.id);
        }
        let nonce = hex::encode(&self.runtime.nonce());
        for _ in 0..2 {
            let question = Question::new(offer.clone(), means, payer.clone(), &nonce, self.now_s());
            let read = self.ask_wallet(&question, attempt, end).await.and_then(|answer| question.read(answer));
            let proof = match read {
                Ok(proof) => proof,
                Err(no_proof) => {
                    reservation.kept.set(!no_proof.unmoved && (means != Means::Sign || no_proof.transaction.is_some()));
                    return Err(no_proof);
                }
            };
            // When a signature comes too late for the server to settle it, the wallet is asked once more, with the same nonce: of
            // the two only one could ever move money, and the first was not sent.
            if question.authorization.is_none_or(|authorization| authorization.is_fresh(self.now_s())) {
                reservation.kept.set(true);
                return Ok(proof);
            }
        }
        let message = fill(
            "the signature came too late, twice: the server waits % seconds for it; nothing was sent",
            &[&decimal(offer.timeout_s.into())],
        );
        Err(NoProof { error: Error::new(ErrorCode::WalletTimeout, message), transaction: None, unmoved: true })
    }

    /// Asks the application whether it agrees, and the wallet whose money it is. Nothing has moved when this fails.
    async fn agreed(&self, offer: &x402::Offer<R::Json>, end: f64) -> Result<String, R::Json> {
        if self.runtime.can_ask(Ask::Confirm) {
            let (cause, why) = match self.ask(Ask::Confirm, offer.document(), end).await? {
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
        if !self.runtime.can_ask(Ask::Address) {
            return Ok(String::new());
        }
        let given = self.ask(Ask::Address, R::Json::object(), end).await?.map_err(|thrown| threw(thrown, UNMOVED))?;
        let payer = given.as_text().filter(|text| hex::is_hex(text, 40)).ok_or_else(|| {
            let said = "wallet.address must be an address (0x and 40 hexadecimal digits); it is %";
            Error::new(ErrorCode::WalletFailed, fill(said, &[&shown(&given)]))
        })?;
        if payer.eq_ignore_ascii_case(&offer.recipient) {
            let why = "it would pay the wallet's own address";
            return Err(x402::refused(ErrorCode::PaymentRecipientNotAllowed, why));
        }
        Ok(address::checksummed(&payer))
    }

    /// Asks the application or its wallet. An error when nothing came before `end` or within the wallet's own limit.
    async fn ask(&self, whom: Ask, given: R::Json, end: f64) -> Result<core::result::Result<R::Json, R::Json>, R::Json> {
        let limit = self.patience_ms(end);
        let answer = within(self.runtime.ask(whom, given), self.runtime.sleep(limit)).await;
        answer.ok_or_else(|| silent(if whom == Ask::Confirm { "confirm" } else { "wallet.address" }, limit, UNMOVED))
    }

    /// Asks the wallet in a task of its own: whatever becomes of the call, what the wallet gives at last is kept.
    async fn ask_wallet(
        self: &Rc<Self>,
        question: &Question<R::Json>,
        attempt: &Attempt<R::Json>,
        end: f64,
    ) -> core::result::Result<core::result::Result<R::Json, R::Json>, NoProof<R::Json>> {
        let limit = self.patience_ms(end);
        let pending = Rc::new(Pending {
            client: self.clone(),
            question: question.clone(),
            attempt: attempt.clone(),
            answer: RefCell::new(None),
            waker: RefCell::new(None),
            left: Cell::new(false),
        });
        let (whom, given) = question.asks();
        let waiting = Waiting(pending.clone());
        note(&self.asking, &attempt.id);
        self.runtime.spawn(async move {
            // Whoever gave up before the wallet was asked has paid nothing.
            if pending.left.get() {
                pending.client.asking.borrow_mut().retain(|id| *id != pending.attempt.id);
                return drop(journal::forget(&pending.client.runtime, &pending.attempt.id).await);
            }
            let answer = pending.client.runtime.ask(whom, given).await;
            pending.client.asking.borrow_mut().retain(|id| *id != pending.attempt.id);
            if pending.left.get() {
                return pending.keep(answer).await;
            }
            *pending.answer.borrow_mut() = Some(answer);
            let waker = pending.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let answered = poll_fn(|context| {
            *waiting.0.waker.borrow_mut() = Some(context.waker().clone());
            waiting.0.answer.borrow_mut().take().map_or(Poll::Pending, Poll::Ready)
        });
        within(answered, self.runtime.sleep(limit)).await.ok_or_else(|| {
            let advice = if whom == Ask::Sign { "; nothing was sent" } else { LOOK };
            // It may still come, so the attempt is kept.
            NoProof { error: silent("the wallet", limit, advice), transaction: None, unmoved: false }
        })
    }

    /// What the store gives, within its time. One that gives nothing has failed.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = core::result::Result<T, R::Json>>,
    ) -> core::result::Result<T, R::Json> {
        let given = within(work, self.runtime.sleep(STORE_MS)).await;
        given.unwrap_or_else(|| Err(R::Json::text("it gave nothing in 5 seconds")))
    }

    fn patience_ms(&self, end: f64) -> f64 {
        self.config.wallet_timeout_ms.min(end - self.runtime.now_ms()).max(0.0)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
    fn now_s(&self) -> u64 {
        (self.runtime.wall_ms() / 1000.0) as u64
    }

    /// Sends the proof and finds out what becomes of it. When a reply is lost, and when the server refuses after all (a failed
    /// settlement refuses a job that is there), the client looks for the job; then it sends the same proof again. `resumed`:
    /// the proof may have been sent before.
    async fn deliver(
        self: &Rc<Self>,
        mut attempt: Attempt<R::Json>,
        mut request: HttpRequest,
        call: &CallOptions,
        end: f64,
        resumed: bool,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<Paid<R::Json>, R::Json> {
        request.headers.extend(attempt.proof.iter().cloned());
        let mut lost = resumed;
        if resumed && let Some(created) = self.find_job(&attempt, None, call, end).await {
            return Ok(self.accept(attempt, created, update).await);
        }
        let mut tries = 0;
        let mut hint = None;
        loop {
            let limit = self.config.timeout_ms.min(end - self.runtime.now_ms());
            let answer = self.post(&mut request, limit, None).await.and_then(|response| {
                let receipt = response.header("payment-response").or_else(|| response.header("x-payment-response"));
                if let Some(said) = receipt.and_then(x402::read_header::<R::Json>) {
                    attempt.settle(&said);
                }
                if response.status == 402 { Err(refusal(&request, &response, None)) } else { read_created(&request, &response) }
            });
            let mut error = match answer {
                Ok(created) => return Ok(self.accept(attempt, created, update).await),
                Err(error) => error,
            };
            hint = error.job_id.take().or(hint);
            // A settlement that is pending may still succeed.
            let is_pending = attempt.reason().as_deref() == Some("settlement_pending");
            let definite = matches!(error.status, Some(400..=428 | 430..=499)) && !is_pending;
            lost |= !definite && !error.not_sent;
            if (!definite || error.status == Some(402))
                && let Some(created) = self.find_job(&attempt, hint.as_deref(), call, end).await
            {
                return Ok(self.accept(attempt, created, update).await);
            }
            // What redirects this request will not take it the next time either.
            let over = definite || matches!(error.status, Some(300..=399)) || tries >= RESENDS;
            // A server that asks for a longer rest than a request may take gets it from the caller, who has the attempt.
            let soon = end.min(self.runtime.now_ms() + self.config.timeout_ms);
            if over || !self.may_retry_after(&error, tries, soon).await {
                error.job_id = hint;
                let error = after_payment(*error, &mut attempt, lost);
                let _ = self.in_time(journal::save(&self.runtime, &attempt)).await;
                return Err(carrying(error, attempt));
            }
            tries = tries.saturating_add(1);
        }
    }

    /// There is a job: its handle is written down before anybody gets it.
    async fn accept(
        &self,
        mut attempt: Attempt<R::Json>,
        created: Created<R::Json>,
        update: &dyn Fn(Update<R::Json>),
    ) -> Paid<R::Json> {
        attempt.state = PaymentState::Accepted;
        attempt.created = Some(protocol::handle(&created.document));
        // The job's time begins now, however old the payment is.
        attempt.created_at = self.runtime.wall_ms();
        // It has served.
        attempt.proof.clear();
        self.remember(&created.job_id, &attempt).await;
        let _ = self.in_time(journal::save(&self.runtime, &attempt)).await;
        update(Update::Payment(attempt.document()));
        (created, attempt)
    }

    /// Keeps in mind which record belongs to a job, and forgets those of jobs that servers have cleaned away by now.
    async fn remember(&self, job_id: &str, attempt: &Attempt<R::Json>) {
        // The clock on the wall may jump.
        let now = self.runtime.now_ms();
        let left = kept_until(attempt) - self.runtime.wall_ms();
        let mut over = Vec::new();
        while let Some(id) = self.take_open(&|_, until| until <= now) {
            over.push(id);
        }
        self.open.borrow_mut().push((job_id.to_owned(), attempt.id.clone(), now + left));
        for id in over {
            let _ = self.in_time(journal::forget(&self.runtime, &id)).await;
        }
    }

    /// Takes a paid job that fits, by its id and until when it is kept, from those that are open; gives its record's.
    fn take_open(&self, fits: &dyn Fn(&str, f64) -> bool) -> Option<String> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|(job_id, _, until)| fits(job_id, *until))?;
        Some(open.remove(at).1)
    }

    /// The job's end has been seen: nothing is open any more. The record goes in a task of its own: whoever is about to get the
    /// answer must not lose it because the program ends meanwhile.
    pub(crate) fn close(self: &Rc<Self>, job_id: &str) {
        let mut closed = None;
        while let Some(id) = self.take_open(&|known, _| known == job_id) {
            closed = Some(id);
        }
        if let Some(id) = closed {
            let client = self.clone();
            note(&self.finished, &id);
            self.closing.borrow_mut().push(id.clone());
            self.runtime.spawn(async move {
                journal::close(&client.runtime, &id).await;
                client.closing.borrow_mut().retain(|known| *known != id);
            });
        }
    }

    /// Looks whether the job that was paid for is there: under the id that a cut-off answer still had, else in the server's list, by
    /// the reference in its metadata.
    async fn find_job(
        &self,
        attempt: &Attempt<R::Json>,
        hint: Option<&str>,
        call: &CallOptions,
        end: f64,
    ) -> Option<Created<R::Json>> {
        let within = || {
            let limit = FIND_MS.min(self.config.timeout_ms).min(end - self.runtime.now_ms());
            let headers = call.headers.clone();
            (limit > 0.0).then(|| CallOptions { timeout_ms: Some(limit), headers, ..CallOptions::default() })
        };
        let call = within()?;
        if let Some(id) = hint
            && let Ok(seen) = self.look(id, &call, 1).await
        {
            return Some(protocol::read_created(protocol::handle(&seen.document)));
        }
        // The newest ones first; then all of them, where the server has more.
        for (query, answers) in [("", 1.0), ("?limit=10000", 10_000.0)] {
            let call = within()?;
            let mut request = self.request(Method::Get, &concat(&[path::JOBS, query]), &call);
            request.answers = answers;
            let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(FIND_MS);
            let list = self.read_answers(request, end, 1, "a list of jobs", &protocol::list);
            let jobs = list.await.ok()?.get("jobs")?.elements();
            let is_all = jobs.len() < USUAL_LIST;
            if let Some(job) = jobs.into_iter().find(|job| protocol::reference(job).as_deref() == Some(&attempt.id)) {
                return protocol::is_job(&job).then(|| protocol::read_created(protocol::handle(&job)));
            }
            if is_all {
                return None;
            }
        }
        None
    }

    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs that were not used, jobs whose
    /// answers were not seen; and records that cannot be read.
    pub async fn pending_payments(&self) -> Result<Vec<R::Json>, R::Json> {
        // What has been answered is not open, though its record may not have gone yet.
        let closing = self.closing.borrow().clone();
        for id in closing {
            let _ = within(journal::close(&self.runtime, &id), self.runtime.sleep(STORE_MS)).await;
        }
        let found = self.in_time(journal::all(&self.runtime)).await.map_err(|thrown| store_failed(thrown, ""))?;
        let (mut times, mut documents) = (Vec::new(), Vec::new());
        for found in found {
            let (created_at, document) = match found {
                Found::Unreadable(id) => (0.0, journal::unreadable(&id)),
                Found::Attempt(attempt) if attempt.server != self.config.base_url => continue,
                Found::Attempt(attempt) => {
                    if kept_until(&attempt) < self.runtime.wall_ms() {
                        let _ = self.in_time(journal::forget(&self.runtime, &attempt.id)).await;
                        continue;
                    }
                    if attempt.answered {
                        continue;
                    }
                    (attempt.created_at, attempt.document())
                }
            };
            // Not `sort`: its code is larger than all of this function.
            let at = times.iter().position(|other| *other > created_at).unwrap_or(times.len());
            times.insert(at, created_at);
            documents.insert(at, document);
        }
        Ok(documents)
    }

    /// Goes on where an attempt ends, and waits for the job's answer: with the job that is there, else with the same proof. `given`
    /// is an attempt (of an error, or of [`Client::pending_payments`]).
    pub async fn resume(
        self: &Rc<Self>,
        given: &R::Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<R::Json, R::Json> {
        let id = given.get_text("attemptId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
        let start = self.runtime.now_ms();
        let end = start + call.timeout_ms.unwrap_or(f64::INFINITY);
        let (created, payment) = self.go_on(&id, given, call, end, update).await?;
        update(Update::Created(created.document.clone()));
        let waited =
            self.wait(&created.job_id, Some(created.lifetime_ms), call.timeout_ms.map(|_| end), call, plan, update).await;
        waited.map_err(|error| carrying(error, payment))
    }

    /// Forgets a payment that the application knows to be over.
    pub async fn forget_payment(&self, given: &R::Json, call: &CallOptions) -> Result<(), R::Json> {
        let id = given.get_text("attemptId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
        let end = self.runtime.now_ms() + call.timeout_ms.unwrap_or(self.config.timeout_ms);
        let _alone = self.alone("resume", &id, end).await?;
        self.in_time(journal::forget(&self.runtime, &id)).await.map_err(|thrown| store_failed(thrown, ""))
    }

    /// Finds or makes the job of the attempt with this id, of which the caller knows this much.
    pub(crate) async fn go_on(
        self: &Rc<Self>,
        id: &str,
        given: &R::Json,
        call: &CallOptions,
        end: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<Paid<R::Json>, R::Json> {
        // Only one sends, in whatever tab: whoever comes second finds the job.
        let _alone = self.alone("resume", id, end).await?;
        let attempt = match self.in_time(journal::find(&self.runtime, id)).await.map_err(|thrown| store_failed(thrown, ""))? {
            Some(Found::Attempt(attempt)) => merged(*attempt, given),
            Some(Found::Unreadable(id)) => return Err(Error::new(ErrorCode::StoreFailed, journal::unreadable_words(&id))),
            None => {
                let attempt = journal::read(given).ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
                if attempt.request.is_empty() && attempt.created.is_none() {
                    return match given.get("jobId") {
                        // Finished elsewhere: the job may still be there.
                        Some(job_id) => Ok((protocol::read_created(R::Json::object().set("jobId", job_id)), attempt)),
                        None => Err(carrying(Error::new(ErrorCode::PaymentNotOpen, NOT_OPEN), attempt)),
                    };
                }
                // What will be sent is written down; the caller has it, whatever the store says.
                if !attempt.proof.is_empty() {
                    let _ = self.in_time(journal::save(&self.runtime, &attempt)).await;
                }
                attempt
            }
        };
        self.carry_on(attempt, call, end, update).await
    }

    /// Finds or makes the job of an attempt that was begun before.
    async fn carry_on(
        self: &Rc<Self>,
        attempt: Attempt<R::Json>,
        call: &CallOptions,
        end: f64,
        update: &dyn Fn(Update<R::Json>),
    ) -> Result<Paid<R::Json>, R::Json> {
        if attempt.server != self.config.base_url {
            let rule = fill("must be one of this client's server, %", &[&self.config.base_url]);
            return Err(Error::argument("attempt", &rule, &shorten(&attempt.server, 200)));
        }
        if let Some(created) = &attempt.created {
            let created = protocol::read_created(protocol::handle(created));
            self.remember(&created.job_id, &attempt).await;
            return Ok((created, attempt));
        }
        if attempt.proof.is_empty() && attempt.signs && attempt.transaction.is_none() {
            // Whatever a wallet may still sign, in whatever tab, is out of date by then.
            let is_over =
                self.runtime.wall_ms() > attempt.created_at + UNSIGNED_MS && !self.asking.borrow().contains(&attempt.id);
            let (code, said) = if is_over {
                let _ = self.in_time(journal::forget(&self.runtime, &attempt.id)).await;
                (
                    ErrorCode::PaymentNotOpen,
                    "nothing was signed for this payment: no money has moved, and it is not open any more",
                )
            } else {
                let said = "the wallet has signed nothing for this payment yet, and no money has moved; when it does, the signature is kept \
                            and can be resumed. forgetPayment ends it";
                (ErrorCode::WalletTimeout, said)
            };
            return Err(carrying(Error::new(code, said), attempt));
        }
        if attempt.proof.is_empty() || attempt.request.is_empty() {
            let message = "there is no proof of this payment; look in the wallet whether money has moved, and if it has, put the \
                           transaction's hash into attempt.transaction and resume that";
            return Err(carrying(Error::new(ErrorCode::PaymentOutcomeUnknown, message), attempt));
        }
        if !self.counted.borrow().contains(&attempt.id) {
            let price = R::Json::parse(&attempt.price).unwrap_or_else(R::Json::object);
            let text = |key: &str| price.get_text(key).unwrap_or_default();
            // What was signed and never sent can be left so; everything else has perhaps been spent.
            let avoidable = attempt.signs && attempt.state == PaymentState::Proven;
            if let Err(why) = self.config.spend.count(&text("currency"), &text("amountAtomic"), avoidable, &self.ledger) {
                let error = Error::new(ErrorCode::PaymentOverLimit, fill("the payment is signed and was not sent: %", &[&why]));
                return Err(carrying(error, attempt));
            }
            note(&self.counted, &attempt.id);
        }
        let mut request = self.request(Method::Post, path::JOBS, call);
        request.body = Some(attempt.request.clone());
        self.deliver(attempt, request, call, end, true, update).await
    }
}

/// Until when an attempt is remembered: an instant on the wall. One without a job, for ever.
pub(crate) fn kept_until<J: Json>(attempt: &Attempt<J>) -> f64 {
    let lifetime = attempt.created.as_ref().map_or(f64::INFINITY, protocol::lifetime);
    attempt.created_at + lifetime + if attempt.idempotency_key.is_empty() { KEPT_MS } else { NAMED_MS }
}

/// What the caller knows beyond the record: the transaction that was found in the wallet.
fn merged<J: Json>(attempt: Attempt<J>, given: &J) -> Attempt<J> {
    let known = attempt.transaction.clone();
    let new = given.get_text("transaction").filter(|hash| hex::is_hex(hash, 64) && known.as_ref() != Some(hash));
    match new {
        // It may be in the place of one that was sped up in the wallet. What was signed is its own proof.
        Some(hash) if !attempt.signs && attempt.created.is_none() => {
            let record = journal::record(&attempt).without("proof").set("transaction", J::text(&hash));
            journal::read(&record).unwrap_or(attempt)
        }
        _ => attempt,
    }
}

/// Keeps an id in mind, the last thousand of them.
fn note(ids: &RefCell<Vec<String>>, id: &str) {
    let mut ids = ids.borrow_mut();
    if ids.len() >= MAX_NOTED {
        ids.remove(0);
    }
    if !ids.iter().any(|known| known == id) {
        ids.push(id.to_owned());
    }
}

fn carrying<J>(mut error: Box<Error<J>>, attempt: Attempt<J>) -> Box<Error<J>> {
    error.payment = Some(attempt);
    error
}

fn silent<J>(who: &str, limit_ms: f64, advice: &str) -> Box<Error<J>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
    let waited = decimal(limit_ms as u64);
    Error::new(ErrorCode::WalletTimeout, fill("% gave nothing in % ms%", &[who, &waited, advice]))
}

pub(crate) fn store_failed<J: Json>(thrown: J, advice: &str) -> Box<Error<J>> {
    let words = thrown.as_text().or_else(|| thrown.get_text("message")).unwrap_or_else(|| shown(&thrown));
    let mut error =
        Error::new(ErrorCode::StoreFailed, fill("the store of payments failed: %%", &[&shorten(&words, 200), advice]));
    error.cause = Some(thrown);
    error
}

/// What an error means once there is a proof: not sent, refused where the server says so and always said so, else unknown.
/// Never "pay again".
fn after_payment<J: Json>(error: Error<J>, attempt: &mut Attempt<J>, lost: bool) -> Box<Error<J>> {
    let (code, state, said) = if lost {
        let said = "the payment was sent and its outcome is not known";
        (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, said)
    } else if error.not_sent {
        (error.code, PaymentState::Proven, "the payment could not be sent")
    } else {
        (ErrorCode::PaymentRefused, PaymentState::Refused, "the server refused the payment")
    };
    attempt.state = state;
    let message = fill(
        "%: %%%; do not pay again: client.resume(error.payment) goes on with the same proof",
        &[
            said,
            attempt.reason().as_deref().unwrap_or(""),
            if attempt.reason().is_some() { ", " } else { "" },
            error.message.strip_suffix("; only creating a job is ever paid").unwrap_or(&error.message),
        ],
    );
    let mut about = Error::new(code, message);
    about.status = error.status;
    about.server_message = error.server_message;
    about.server_code = error.server_code;
    about.retry_after_ms = error.retry_after_ms;
    about.job_id = error.job_id;
    about.cause = error.cause;
    about
}
