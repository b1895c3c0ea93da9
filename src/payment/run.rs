//! Performs what [`machine`](super::machine) decides: a payment runs in a task of its own, which
//! holds its locks.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::rc::Rc;

use super::book::KeyedJob;
use super::budget_store::GivenBack;
use super::late::{LateAnswer, late_answer};
use super::machine::{COUNTING, Payment};
use super::payments::Payments;
use super::record::{self, Found};
use super::retention;
use super::step::{Action, Answer, Event, Paid, Reply, ReservationChange, ReserveOutcome, Settlement, Step};
use super::subscription::{Publisher, subscription};
use super::wallet;
use super::wallet_request::{WalletCall, WalletRequest};
use super::{PaidJob, body};
use crate::api::error::{Error, Result};
use crate::api::options::CallOptions;
use crate::api::payments::{Attempt, PaymentState};
use crate::api::update::Update;
use crate::http::jobs::read_created;
use crate::http::outcome::refusal;
use crate::http::words::fit;
use crate::json::{Json, read_header};
use crate::platform::{Callback, HttpRequest, HttpResponse, LogLevel, Platform};
use crate::time::{Deadline, Millis};

impl<P: Platform + 'static> Payments<P> {
    /// Runs a payment in a task of its own, and waits for its job.
    pub(super) async fn follow(self: &Rc<Self>, start: Start<P>, update: &dyn Fn(Update)) -> Answer {
        update(Update::Paying);
        let (publisher, mut subscription) = subscription();
        let Start { payment, request, call, end, locks, key } = start;
        let id = payment.attempt().id.clone();
        let locks = Rc::new(RefCell::new(locks));
        let task = Task {
            payments: self.clone(),
            id,
            payment,
            request,
            call,
            end,
            locks,
            key,
            publisher,
            said: Rc::default(),
            has_reserved: false,
            gives_back: None,
        };
        self.platform.spawn(task.run());
        loop {
            match subscription.next().await {
                Notice::Update(received) => update(received),
                Notice::Answer(answer) => return *answer,
            }
        }
    }
}

/// What a payment's task is given.
pub(super) struct Start<P: Platform> {
    pub(super) payment: Payment,
    /// The request without its proof.
    pub(super) request: HttpRequest,
    pub(super) call: CallOptions,
    pub(super) end: Deadline,
    pub(super) locks: Vec<P::Lock>,
    /// The idempotency key whose lock is among them.
    pub(super) key: Option<String>,
}

/// What a task says to its call.
enum Notice {
    Update(Update),
    Answer(Box<Answer>),
}

/// The locks that a task holds.
type Locks<P> = Rc<RefCell<Vec<<P as Platform>::Lock>>>;
type Work = Pin<Box<dyn Future<Output = Event>>>;

struct Task<P: Platform> {
    payments: Rc<Payments<P>>,
    id: String,
    payment: Payment,
    request: HttpRequest,
    call: CallOptions,
    end: Deadline,
    locks: Locks<P>,
    key: Option<String>,
    publisher: Publisher<Notice>,
    /// What the wallet has said that it has sent, before its answer.
    said: Rc<RefCell<Option<Attempt>>>,
    /// Whether this task has set the money aside in the store.
    has_reserved: bool,
    /// What is given back when all is written.
    gives_back: Option<GivenBack>,
}

impl<P: Platform + 'static> Task<P> {
    async fn run(mut self) {
        let mut work: Option<Work> = None;
        let mut limit = None;
        // A call that is over begins nothing.
        let mut event = if self.publisher.is_gone() { Event::CallerGone } else { Event::Begin };
        loop {
            if let Some(sent) = self.said.take() {
                self.payment.wallet_said(sent);
            }
            let step = self.payment.next(event, self.payments.moment());
            match self.tell(step, &mut limit) {
                Action::Wait => {}
                Action::Done => break,
                action => work = Some(self.perform(action)),
            }
            event = self.happening(&mut work, limit).await;
            self.has_reserved |= matches!(event, Event::Reserved(ReserveOutcome::Done));
        }
        drop(work);
        self.payments.writes.join(&self.id).ready().await;
        if let Some(given_back) = self.gives_back {
            // What fails here is resolved later.
            let _ = self.payments.give_back(self.payment.attempt(), given_back).await;
        }
    }

    /// What happens first: the call goes, what was begun ends, or its time is over.
    async fn happening(&self, work: &mut Option<Work>, limit: Option<Deadline>) -> Event {
        let left = limit.map_or(Millis::FOREVER, |limit| limit.left(self.payments.platform.now()).max(Millis::ZERO));
        let mut timer = pin!(self.payments.platform.sleep(left));
        let mut gone = pin!(self.publisher.gone());
        poll_fn(|context| {
            if self.payment.is_waited_for() && gone.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::CallerGone);
            }
            if let Some(Poll::Ready(event)) = work.as_mut().map(|work| work.as_mut().poll(context)) {
                *work = None;
                return Poll::Ready(event);
            }
            if left < Millis::FOREVER && timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Timer);
            }
            Poll::Pending
        })
        .await
    }

    /// Does what a step says beside its action.
    fn tell(&mut self, step: Step, limit: &mut Option<Deadline>) -> Action {
        match step.reservation {
            ReservationChange::Unchanged => {}
            ReservationChange::Keep => self.payments.book.borrow_mut().keep(&self.id),
            ReservationChange::Release => {
                self.payments.book.borrow_mut().release(&self.id);
                if core::mem::take(&mut self.has_reserved) {
                    // Only a record that says so is certain: after all writes.
                    self.gives_back = Some(GivenBack::Reserved);
                }
            }
            ReservationChange::Refund => {
                self.payments.book.borrow_mut().release(&self.id);
                self.gives_back = Some(GivenBack::ReservedOrSpent);
            }
        }
        if step.unlock {
            self.key = None;
            self.locks.borrow_mut().clear();
        }
        if let Some(words) = step.warning {
            self.payments.platform.log(LogLevel::Warn, words);
        }
        if let Some(document) = step.update {
            self.publisher.send(Notice::Update(Update::Payment(document)));
        }
        if let Some(answer) = step.answer {
            if let Ok(paid) = &answer {
                self.payments.remember(paid);
            }
            self.publisher.send(Notice::Answer(Box::new(answer)));
        }
        *limit = step.limit;
        step.action
    }

    fn perform(&mut self, action: Action) -> Work {
        let payments = self.payments.clone();
        match action {
            Action::Confirm(quote) => {
                Box::pin(async move { Event::Confirmed(payments.platform.call(Callback::Confirm, quote).await) })
            }
            Action::AskAddress => {
                Box::pin(async move { Event::Address(payments.platform.call(Callback::Address, Json::object()).await) })
            }
            Action::Claim(attempt) => Box::pin(async move { Event::Claimed(payments.claim(*attempt).await) }),
            Action::Write(attempt) => Box::pin(async move { Event::Written(payments.write(*attempt).await) }),
            // By the claim of the key alone two programs could pay: who has the lock takes a claim
            // for free whose payment has no record.
            Action::AskWallet(_) if !self.holds_locks() => Box::pin(core::future::ready(Event::LockLost)),
            Action::AskWallet(request) => {
                Box::pin(ask_wallet(payments, self.payment.attempt().clone(), request, self.locks.clone(), self.said.clone()))
            }
            Action::Reread => Box::pin(reread(payments, self.id.clone(), self.locks.clone())),
            Action::Send(attempt) => self.send(*attempt),
            Action::FindJob(hint) => self.find_job(hint),
            Action::Rest { error, resends } => self.rest(error, resends),
            Action::Reserve { over, record } => {
                let end = self.end.min(payments.deadline(Some(COUNTING)));
                let reserving = payments.reserve(self.payment.attempt().clone(), over, record, end);
                Box::pin(async move { Event::Reserved(reserving.await) })
            }
            Action::AskChain => {
                let attempt = self.payment.attempt().clone();
                Box::pin(async move { Event::ChainSaid(payments.ask_chain(&attempt).await) })
            }
            Action::Forget => {
                // Nobody waits for a wallet that is still open.
                self.payments.book.borrow_mut().wallet_closed(&self.id);
                // Without its lock the claim may be another payment's in a moment. One that stays
                // behind is free.
                let (id, key) = (self.id.clone(), self.key.clone().filter(|_| self.holds_locks()));
                Box::pin(async move { Event::Forgotten(payments.forget(&id, key).await) })
            }
            Action::Wait | Action::Done => Box::pin(core::future::pending()),
        }
    }

    fn find_job(&self, hint: Option<String>) -> Work {
        let payments = self.payments.clone();
        let (attempt, call, end) = (self.payment.attempt().clone(), self.call.clone(), self.end);
        Box::pin(async move {
            let found = payments.find_job(&attempt, hint.as_deref(), &call, end).await;
            found.map_or(Event::JobNotFound, |created| Event::JobFound(Box::new(created)))
        })
    }

    /// Waits before the proof is sent again. A server that asks for a longer pause than a request
    /// may take gets it from the caller, who has the attempt.
    fn rest(&self, error: Box<Error>, resends: u32) -> Work {
        let (payments, end) = (self.payments.clone(), self.request_end());
        Box::pin(async move {
            let may_retry = payments.http.wait_before_retry(&error, resends, end).await;
            if may_retry { Event::Rested } else { Event::NoRetry }
        })
    }

    /// When a request that begins now must have ended.
    fn request_end(&self) -> Deadline {
        let timeout = self.payments.http.timeout();
        self.end.min(Deadline::after(self.payments.platform.now(), Some(timeout)))
    }

    fn holds_locks(&self) -> bool {
        self.locks.borrow().iter().all(|lock| self.payments.platform.holds(lock))
    }

    fn send(&self, attempt: Attempt) -> Work {
        let payments = self.payments.clone();
        let mut request = self.request.clone();
        request.body = Some(attempt.request.clone());
        request.headers.extend(attempt.proof.iter().cloned());
        let deadline = self.request_end();
        Box::pin(async move {
            let answer = payments.http.send(&mut request, deadline, None).await;
            let reply = read_reply(&request, answer, attempt);
            if let Err(error) = &reply.result
                && body::is_refused(error)
                && body::wanted(error.server_message.as_deref().unwrap_or_default()).is_some()
            {
                payments.wants_prompt.set(true);
            }
            Event::Responded(Box::new(reply))
        })
    }
}

/// Asks the wallet, and waits for as long as it takes. Which transaction it has sent is written
/// down as soon as it says so.
async fn ask_wallet<P: Platform + 'static>(
    payments: Rc<Payments<P>>,
    attempt: Attempt,
    request: Box<WalletRequest>,
    locks: Locks<P>,
    said: Rc<RefCell<Option<Attempt>>>,
) -> Event {
    payments.book.borrow_mut().wallet_opened(&attempt.id);
    let WalletCall { callback, argument } = request.call();
    let has_said = RefCell::new(None);
    let on_sent = |value: Json| {
        let sent = payments.wallet_sent(&attempt, value, &locks);
        has_said.replace(Some(sent.transaction.clone()));
        said.replace(Some(sent));
    };
    let answer = payments.platform.ask_wallet(&attempt.id, callback, argument, &on_sent).await;
    payments.book.borrow_mut().wallet_closed(&attempt.id);
    Event::WalletAnswered(match has_said.take() {
        Some(hash) => wallet::after_sending(answer, hash.as_deref()),
        None => answer,
    })
}

impl<P: Platform + 'static> Payments<P> {
    /// A wallet has said which transaction it has sent, and now waits until that is mined, which
    /// may take longer than this program lasts: the record has it from now on. Returns the attempt
    /// with what is known now.
    fn wallet_sent(self: &Rc<Self>, attempt: &Attempt, value: Json, locks: &Locks<P>) -> Attempt {
        let sent = record::with_transaction(attempt.clone(), wallet::stray_hash(&value));
        let is_hash = !sent.proof.is_empty();
        if !is_hash {
            let words = "the wallet has called onSent without a transaction hash (0x and 64 hexadecimal digits): what it has sent is \
                         not known";
            self.platform.log(LogLevel::Warn, words);
        }
        let sent = Attempt { state: if is_hash { PaymentState::Proven } else { PaymentState::Unknown }, ..sent };
        let (payments, written) = (self.clone(), sent.clone());
        // While the locks are held, nobody else writes the record.
        if !locks.borrow().is_empty() {
            // Before all that is written later: the place in the order is taken now.
            let ticket = self.writes.join(&sent.id);
            self.platform.spawn(async move {
                ticket.ready().await;
                let _ = payments.set(&record::key(&written.id), &record::to_json(&written)).await;
            });
        } else {
            self.platform.spawn(async move { drop(payments.keep_answer(&written.id, Ok(value)).await) });
        }
        sent
    }

    /// Writes down what the wallet has returned, or thrown, for the attempt with this id, and logs
    /// a line.
    pub(crate) async fn wallet_answered(self: &Rc<Self>, id: &str, answer: Result<Json, Json>) {
        let words = match self.keep_answer(id, answer).await {
            None => return,
            Some(Ok(())) => {
                "the wallet has answered after its call had ended, or after an internal error; pendingPayments() knows what is open"
            }
            Some(Err(_)) => {
                "the wallet has answered after its call had ended, or after an internal error, and no payment is open that could \
                 keep it, or the store has failed: look in the wallet whether money has moved"
            }
        };
        self.platform.log(LogLevel::Warn, words);
    }

    /// Writes it down where that changes anything.
    async fn keep_answer(self: &Rc<Self>, id: &str, answer: Result<Json, Json>) -> Option<Result<(), Json>> {
        // What is worth money is kept even where the lock cannot be had.
        let _lock = self.lock("resume", id, Deadline::NEVER).await;
        Some(match self.find_again(id).await {
            Found::Attempt(attempt) => match late_answer(*attempt, answer) {
                LateAnswer::Same => return None,
                LateAnswer::Kept(attempt) => self.write(*attempt).await,
                LateAnswer::Over(attempt) => match self.forget(id, None).await {
                    Ok(()) => self.give_back(&attempt, GivenBack::Reserved).await,
                    failed => failed,
                },
            },
            Found::Missing | Found::Unreadable | Found::Withheld(_) => Err(Json::object()),
        })
    }
}

/// Takes the payment's lock and reads its record. What is worth money is kept even where the lock
/// cannot be had.
async fn reread<P: Platform + 'static>(payments: Rc<Payments<P>>, id: String, locks: Locks<P>) -> Event {
    if let Ok(lock) = payments.lock("resume", &id, Deadline::NEVER).await {
        locks.borrow_mut().push(lock);
    }
    // A transfer is worth money: it is written down at once, whatever the store says.
    let found = payments.find(&id, Deadline::NEVER).await;
    let is_closed = payments.book.borrow().is_closed(&id);
    Event::Reread { found: Box::new(found), is_closed }
}

/// What an answer to a proof says, with what the facilitator says of the settlement.
fn read_reply(request: &HttpRequest, answer: Result<HttpResponse>, mut attempt: Attempt) -> Reply {
    let mut settlement = None;
    let result = answer.and_then(|response| {
        let receipt = response.header("payment-response").or_else(|| response.header("x-payment-response"));
        if let Some(said) = receipt.and_then(read_header) {
            attempt.settle(&said, &|words| fit(request, words, 200));
            let transaction = attempt.transaction.take();
            settlement = attempt.receipt.take().map(|receipt| Settlement { transaction, receipt });
        }
        if response.status == 402 { Err(refusal(request, &response, None)) } else { read_created(request, &response) }
    });
    Reply { result, settlement }
}

impl<P: Platform + 'static> Payments<P> {
    /// A payment has its job: its record and its key are kept until the job's end was seen.
    fn remember(self: &Rc<Self>, Paid { created, attempt }: &Paid) {
        let at = self.moment();
        let kept_until = at.now + retention::kept_until(attempt).since(at.wall);
        let over = self.book.borrow_mut().accepted(&attempt.id, &created.job_id, kept_until, at.now);
        self.book.borrow_mut().set_paid(attempt);
        for id in over {
            let payments = self.clone();
            self.platform.spawn(async move { drop(payments.retire(&id, None).await) });
        }
        if !attempt.idempotency_key.is_empty() {
            let job = PaidJob { created: created.clone(), payment: Some(Box::new(attempt.clone())) };
            let keyed = KeyedJob { fingerprint: attempt.fingerprint.clone(), job, kept_until: retention::kept_until(attempt) };
            self.book.borrow_mut().set_keyed(&attempt.idempotency_key, keyed);
        }
    }
}
