//! Performs what [`machine`](super::machine) decides: a payment runs in a task of its own, which
//! holds its locks. How the wallet is asked is in [`ask_wallet`](super::ask_wallet).

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use std::rc::Rc;

use super::ask_wallet::{ask_wallet, reread};
use super::book::KeyedJob;
use super::machine::{COUNTING, Payment};
use super::payments::Payments;
use super::retention;
use super::step::{Action, Answer, Event, Paid, Reply, ReservationChange, ReserveOutcome, Step};
use super::store::Locks;
use super::subscription::{Publisher, subscription};
use super::{PaidJob, body};
use crate::api::error::Error;
use crate::api::options::CallOptions;
use crate::api::payments::Attempt;
use crate::api::update::Update;
use crate::json::Json;
use crate::platform::{Callback, HttpRequest, LogLevel, Platform};
use crate::spending::policy::OverBudget;
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
            gives_back: false,
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
    /// Whether the money is given back when all is written.
    gives_back: bool,
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
        if self.gives_back {
            // What fails here is resolved later.
            let _ = self.payments.give_back(self.payment.attempt()).await;
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
                // Only a record that says so is certain: after all writes.
                self.gives_back |= core::mem::take(&mut self.has_reserved);
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
            Action::AskWallet(request) => {
                Box::pin(ask_wallet(payments, self.payment.attempt().clone(), request, self.locks.clone(), self.said.clone()))
            }
            Action::Reread => Box::pin(reread(payments, self.id.clone(), self.locks.clone())),
            Action::Send(attempt) => self.send(*attempt),
            Action::FindJob(hint) => self.find_job(hint),
            Action::Rest { error, resends } => self.rest(error, resends),
            Action::Reserve { over, record } => {
                let end = self.end.min(payments.deadline(Some(COUNTING)));
                let attempt = self.payment.attempt().clone();
                Box::pin(async move {
                    // What may have moved is sent, whatever the store says.
                    let is_kept = match over {
                        OverBudget::Refuse => payments.check_kept(&attempt, end).await,
                        OverBudget::Reserve => Ok(()),
                    };
                    Event::Reserved(match is_kept {
                        Ok(()) => payments.reserve(attempt, over, record, end).await,
                        Err(thrown) => ReserveOutcome::Failed(thrown),
                    })
                })
            }
            Action::AskChain => {
                let attempt = self.payment.attempt().clone();
                Box::pin(async move { Event::ChainSaid(payments.ask_chain(&attempt).await) })
            }
            action @ (Action::Forget | Action::Refund) => {
                // Nobody waits for a wallet that is still open.
                self.payments.book.borrow_mut().wallet_closed(&self.id);
                // Without its lock the claim may be another payment's in a moment. One that stays
                // behind is free.
                let (attempt, key) = (self.payment.attempt().clone(), self.key.clone().filter(|_| self.holds_locks()));
                Box::pin(async move {
                    Event::Forgotten(match action {
                        Action::Refund => payments.refund(&attempt, key).await,
                        _ => payments.forget(&attempt.id, key).await,
                    })
                })
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
        self.payments.holds_all(&self.locks)
    }

    fn send(&self, attempt: Attempt) -> Work {
        let payments = self.payments.clone();
        let mut request = self.request.clone();
        request.body = Some(attempt.request.clone());
        request.headers.extend(attempt.proof.iter().cloned());
        let deadline = self.request_end();
        Box::pin(async move {
            let answer = payments.http.send(&mut request, deadline, None).await;
            let reply = Reply::read(&request, answer, attempt);
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
