//! One payment as a state machine. No clock, no I/O: what has happened comes in with its time, what
//! to do next goes out.
//!
//! ```text
//! new:      Fresh ─► Confirming ─► Addressing ─► Claiming ─► Intending
//!             only where there are   only with a key ┘          ▼  ▲ too late: once more, same nonce
//!             callbacks                                  Reserving ─► Asking ─► Recording ─► Sending
//!                                                                │          │                       │ ▲ the body is
//!                                                                │          │                       │ │ corrected: once
//!           no money has moved: ◄────────────────────────────────┴──────────┤                       │ └── Recording
//!           Withdrawing ─► Over (no record)                                 │                       ▼
//!                                                                           │     created: Accepting ─► Over (the job)
//!           the call has ended, and a transfer is open:                     │           ▲ found
//!           AskingAlone ─► Rereading ─► Keeping ─► Over (the record)        │        Finding ◄── lost or refused
//!                                   └─► Withdrawing                         │           │ not found
//!                                                                           │           ▼
//!           the wallet failed, money may have moved: Concluding ◄───────────┤        Resting ─► Sending, twice at most
//!           └─► Over (the error, the record)                                │           │
//!                                                                           └───────────┴─► Concluding
//!           signed, and never sent: Dropping ◄──────────────────────────────────────────┘
//!           └─► Over (the error, no record)
//! resumed:  Resumed ─► Checking ─► ReservingAgain ─► Rewriting ─► Finding, and on as above
//!                          └─► Closing ─► Over (no record): the chain says that no money has moved, and never will
//! ```
//!
//! Every state in which the call waits may end for it before it ends for the payment: a call that
//! goes away ([`Event::CallerGone`]) or whose time is over ([`Event::Timer`]) leaves a payment that
//! goes on until nothing is open at the store (`Undoing`, `Withdrawing`, `Keeping`, `Concluding`),
//! or until the wallet answers.
//!
//! What holds in every state, whatever happens (the tests below try everything):
//! - the intent is written before the money is set aside in the store, and that before the wallet
//!   is asked;
//! - a signed proof is written before it is sent; a transfer's hash too, unless the store fails:
//!   unsent it would be lost;
//! - all sends of a payment carry one proof;
//! - the wallet is asked once; a second time, with the same nonce, only when the first signature
//!   came too late to be sent;
//! - every end has a record, or certainly no money has moved;
//! - an error that says that no money has moved leaves nothing signed that could be sent later: the
//!   application may call again;
//! - the money stays reserved exactly as long as it may have moved.

mod asking;
mod errors;
mod outcome;
mod resuming;
mod sending;

use self::errors::{kept_words, lock_lost, not_reserved_in_time, silent, taken, unwritten};
use crate::api::error::{Error, ErrorCode};
use crate::api::jobs::Created;
use crate::api::payments::{Attempt, JobSource, PaymentState};
use crate::json::Json;
use crate::payment::late::needs_no_answer;
use crate::payment::step::{Action, Answer, Claim, Event, Moment, Order, ReservationChange, ReserveOutcome, Resumption, Step};
use crate::payment::store_failed;
use crate::payment::wallet_error::UNMOVED;
use crate::payment::wallet_request::WalletRequest;
use crate::time::{Deadline, Millis};
use crate::x402::onchain::ChainWord;
use crate::x402::refused;

/// How long the store is waited for.
pub const STORE: Millis = Millis::from_secs(5.0);
/// How long the store is waited for when the call's time is over: what has come at the last moment
/// is written down all the same.
pub const LEAST_STORE: Millis = Millis::new(20.0);
/// How long a payment waits for its turn to be counted in the store: many may wait, and all records
/// may have to be read. A store that does not answer at all holds up no call for longer.
pub const COUNTING: Millis = Millis::from_secs(60.0);

#[derive(Debug, Clone)]
enum State {
    /// Nothing was done yet.
    Fresh,
    /// `confirm` is asked.
    Confirming,
    /// `wallet.address` is asked.
    Addressing,
    /// The idempotency key is being claimed.
    Claiming,
    /// The intent is being written.
    Intending,
    /// The money is being set aside in the store.
    Reserving,
    /// What was begun at the store is over for the call; when it has landed, it is undone.
    Undoing,
    /// Certainly no money has moved: the record is being deleted. With what the call gets then.
    Withdrawing(Option<Box<Error>>),
    /// What was signed was never sent, and never will be: the record is being deleted. With what
    /// the call gets then.
    Dropping(Option<Box<Error>>),
    /// The wallet is asked.
    Asking(Box<WalletRequest>),
    /// The wallet is open for a transfer, and nobody waits for it.
    AskingAlone(Box<WalletRequest>),
    /// The wallet has answered after the call had ended: the record is being read again.
    Rereading(Box<WalletRequest>, Result<Json, Json>),
    /// What the wallet has answered late is being written.
    Keeping,
    /// The proof is being written, to be sent next.
    Recording,
    /// The request is on its way.
    Sending,
    /// A search for the job, after this error; before the first send without one.
    Finding(Option<Box<Error>>),
    /// A pause before another try, after this error.
    Resting(Box<Error>),
    /// The job's handle is being written.
    Accepting(Box<Created>),
    /// How it ended without a job is being written. With what the call gets then.
    Concluding(Option<Box<Error>>),
    /// To be resumed.
    Resumed(Resumption),
    /// The chain is asked what became of it.
    Checking(Resumption),
    /// The chain says that no money has moved, and never will: the record is being deleted. With
    /// what the call gets then.
    Closing(Option<Box<Error>>),
    /// The money is being reserved, in memory and in the store.
    ReservingAgain(Resumption),
    /// What will be sent is being written again. With the state before.
    Rewriting(PaymentState),
    /// Over; something that was begun may still end.
    Over,
}

/// What is known of the proof at the server. Later ones are worse: what is unknown stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    /// It was never sent, as far as this program knows.
    Unsent,
    /// It was sent, and the server has refused it each time.
    Refused,
    /// It was sent, and what became of it is not known.
    Unknown,
}

/// One payment.
#[derive(Debug, Clone)]
pub struct Payment {
    attempt: Attempt,
    state: State,
    order: Option<Order>,
    payer: String,
    end: Deadline,
    /// Whether a call waits for the outcome.
    is_waiting: bool,
    /// How long the last step may take.
    limit: Millis,
    /// How often the proof was sent again.
    resends: u32,
    /// Whether the wallet is asked for the second time.
    is_asked_again: bool,
    delivery: Delivery,
    /// Whether the store has not taken the proof.
    is_unrecorded: bool,
    /// Whether the money is reserved in the store.
    is_reserved: bool,
    /// Whether the body was corrected after the server had named what it wants.
    is_corrected: bool,
    /// The id of the job, as a cut-off answer had it.
    hint: Option<String>,
}

impl Payment {
    /// A new payment for a call that ends at `end`. Its money is set aside.
    pub fn new(attempt: Attempt, order: Order, end: Deadline) -> Self {
        Self::begin(attempt, State::Fresh, Some(order), end)
    }

    /// A payment that was begun before.
    pub fn resumed(attempt: Attempt, resumption: Resumption, end: Deadline) -> Self {
        // Version 0.1.0 could send a proof without writing down that it did; its records do not say
        // until when a proof is good.
        let may_be_sent = attempt.state != PaymentState::Proven || attempt.valid_until().is_none();
        let delivery = if may_be_sent { Delivery::Unknown } else { Delivery::Unsent };
        let payment = Self::begin(attempt, State::Resumed(resumption), None, end);
        Self { delivery, ..payment }
    }

    fn begin(attempt: Attempt, state: State, order: Option<Order>, end: Deadline) -> Self {
        Self {
            attempt,
            state,
            order,
            payer: String::new(),
            end,
            is_waiting: true,
            limit: Millis::ZERO,
            resends: 0,
            is_asked_again: false,
            delivery: Delivery::Unsent,
            is_unrecorded: false,
            is_reserved: false,
            is_corrected: false,
            hint: None,
        }
    }

    /// The attempt as it is now.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Whether a call waits for the outcome.
    pub fn is_waited_for(&self) -> bool {
        self.is_waiting
    }

    /// What to do after this.
    pub fn next(&mut self, event: Event, at: Moment) -> Step {
        if matches!(event, Event::CallerGone) {
            self.is_waiting = false;
        }
        let step = self.follow(event, at);
        if step.answer.is_some() {
            self.is_waiting = false;
        }
        step
    }

    /// The table: one line for each state and what may happen in it. It stays in one piece, however
    /// long it is: a transition that is missing shows.
    fn follow(&mut self, event: Event, at: Moment) -> Step {
        use Event as E;
        use State as S;
        match (core::mem::replace(&mut self.state, S::Over), event) {
            (S::Fresh, E::Begin) => self.confirm(at),
            (S::Confirming, E::Confirmed(answer)) => self.confirmed(answer, at),
            (S::Confirming, E::Timer) => self.refuse(silent("confirm", self.limit, UNMOVED)),
            (S::Addressing, E::Address(answer)) => self.addressed(answer, at),
            (S::Addressing, E::Timer) => self.refuse(silent("wallet.address", self.limit, UNMOVED)),
            (S::Fresh | S::Confirming | S::Addressing, E::CallerGone) => Step::new(Action::Done).with(ReservationChange::Release),

            (S::Claiming, E::Claimed(Ok(Claim::Own))) => self.intend(at),
            (S::Claiming, E::Claimed(Ok(Claim::Taken))) => self.refuse(taken()),
            (S::Intending, E::Written(Ok(()))) => self.reserve(at),
            (S::Reserving, E::Reserved(ReserveOutcome::Done)) => self.reserved(at),
            (S::Reserving, E::Reserved(ReserveOutcome::OverBudget(why))) => {
                self.withdraw(Some(refused(ErrorCode::PaymentOverLimit, &format!("it may not be paid: {why}"))), at)
            }
            (S::Reserving, E::Reserved(ReserveOutcome::Failed(thrown))) => {
                self.withdraw(Some(store_failed(thrown, "; nothing was paid")), at)
            }
            (S::Reserving, E::Timer) => self.undo(Some(not_reserved_in_time())),
            (S::Claiming, E::Claimed(Err(thrown))) | (S::Intending, E::Written(Err(thrown))) => {
                self.withdraw(Some(store_failed(thrown, "; nothing was paid")), at)
            }
            (S::Claiming | S::Intending, E::Timer) => self.undo(Some(store_failed(self.late_store(), "; nothing was paid"))),
            (S::Claiming | S::Intending | S::Reserving, E::CallerGone) => self.undo(None),
            (S::Undoing, E::Claimed(Ok(Claim::Taken))) => Step::new(Action::Done),
            (S::Undoing, E::Claimed(_) | E::Written(_) | E::Reserved(_)) => self.withdraw(None, at),
            (S::Withdrawing(error), E::Forgotten(result)) => self.withdrawn(error, &result),
            (S::Withdrawing(error), E::Timer) => {
                self.answer_early(S::Withdrawing(None), error.and_then(|error| self.failed(error)))
            }

            (S::Asking(request), E::WalletAnswered(answer)) => self.answered(&request, answer, at),
            (S::Asking(_), E::LockLost) => self.withdraw(Some(lock_lost()), at),
            (S::Dropping(error), E::Forgotten(result)) => self.dropped(error, &result),
            (S::Dropping(error), E::Timer) => self.not_dropped_yet(error),
            (S::Asking(request), E::Timer | E::CallerGone) => self.leave_wallet(request, at),
            (S::AskingAlone(request), E::WalletAnswered(answer)) => self.reread(request, answer),
            (S::Rereading(..), E::Reread { found, is_closed }) if needs_no_answer(&found, is_closed) => Step::new(Action::Done),
            (S::Rereading(request, answer), E::Reread { .. }) => self.keep(&request, answer, at),
            (S::Keeping, E::Written(result)) => Step::new(Action::Done).warn(Some(kept_words(&result))),

            (S::Recording, E::Written(Ok(()))) => self.send(None, at),
            (S::Recording, E::Written(Err(thrown))) => self.not_recorded(thrown, at),
            (S::Recording, E::Timer) => self.not_recorded(self.late_store(), at),
            (S::Recording, E::CallerGone) => self.leave_unsent(self.unsent_state(), at),
            (S::Sending, E::Responded(reply)) => self.responded(*reply, at),
            (S::Finding(_), E::JobFound(created)) => self.accept(*created, JobSource::Search, at),
            (S::Finding(None), E::JobNotFound) => self.send(None, at),
            (S::Finding(Some(error)), E::JobNotFound) => self.try_again(error, at),
            (S::Resting(_), E::Rested) => self.send_again(at),
            (S::Resting(error), E::NoRetry) => self.conclude(*error, at),
            (S::Sending, E::CallerGone) => self.leave_sent(),
            (S::Finding(_) | S::Resting(_), E::CallerGone) if self.was_sent() => self.leave_sent(),
            (S::Finding(_) | S::Resting(_), E::CallerGone) => self.leave_unsent(PaymentState::Proven, at),
            (S::Accepting(created), E::Written(result)) => self.accepted(*created, &result),
            (S::Accepting(created), E::Timer) => self.accepted_early(*created),
            (S::Concluding(error), E::Written(result)) => self.concluded(error, &result),
            (S::Concluding(error), E::Timer) => {
                self.answer_early(S::Concluding(None), error.and_then(|error| self.failed(unwritten(error))))
            }

            (S::Resumed(resumption), E::Begin) => self.resume(resumption, at),
            (S::Checking(resumption), E::ChainSaid(word)) => self.checked(resumption, word, at),
            (S::Checking(resumption), E::Timer) => self.checked(resumption, ChainWord::Unknown, at),
            (S::Closing(error), E::Forgotten(result)) => self.closed(error, result),
            (S::Closing(error), E::Timer) => self.answer_early(S::Closing(None), error.and_then(|error| self.failed(error))),
            (S::ReservingAgain(_), E::Reserved(ReserveOutcome::Done)) if !self.is_waiting => self.leave_reserved(),
            (S::ReservingAgain(resumption), E::Reserved(ReserveOutcome::Done)) => self.rewrite(resumption, at),
            (S::ReservingAgain(_), E::Reserved(ReserveOutcome::OverBudget(why))) => self.over_budget(&why, at),
            (S::ReservingAgain(_), E::Reserved(ReserveOutcome::Failed(thrown))) => {
                self.not_reserved(store_failed(thrown, "; the payment is signed and was not sent"), at)
            }
            (S::Rewriting(_), E::Written(Ok(()))) => self.find(None),
            (S::Rewriting(before), E::Written(Err(thrown))) => self.not_rewritten(before, thrown, at),
            (S::Rewriting(before), E::Timer) => self.not_rewritten(before, self.late_store(), at),
            (S::Rewriting(before), E::CallerGone) => self.leave_unsent(before, at),
            (S::Resumed(_) | S::Checking(_), E::CallerGone) => self.leave_reserved(),

            // A call that goes away changes nothing in the other states, in which something is
            // being written; nor does anything that comes when it is over.
            (state, _) => {
                self.state = state;
                Step::new(Action::Wait)
            }
        }
    }
}

/// What many states have in common.
impl Payment {
    fn write(&mut self, state: State, at: Moment) -> Step {
        self.state = state;
        let step = Step::new(Action::Write(Box::new(self.attempt.clone())));
        if self.is_waiting { step.until(self.store_limit(at)) } else { step }
    }

    fn store_limit(&mut self, at: Moment) -> Deadline {
        self.limit = STORE.min(self.end.left(at.now).max(LEAST_STORE));
        Deadline::at(at.now + self.limit)
    }

    fn wait_for_people(&mut self, action: Action, at: Moment) -> Step {
        let patience = self.order.as_ref().map_or(Millis::FOREVER, |order| order.wallet_timeout);
        self.limit = patience.min(self.end.left(at.now)).max(Millis::ZERO);
        Step::new(action).until(Deadline::at(at.now + self.limit))
    }

    /// What the call gets in place of a job, if it still waits.
    fn failed(&self, mut error: Box<Error>) -> Option<Answer> {
        error.payment = Some(Box::new(self.attempt.clone()));
        self.is_waiting.then_some(Err(error))
    }

    /// The call is answered, and what was begun goes on without it.
    fn answer_early(&mut self, state: State, answer: Option<Answer>) -> Step {
        self.state = state;
        Step::new(Action::Wait).answering(answer)
    }

    fn late_store(&self) -> Json {
        Json::text(&format!("it did not answer within {} ms", self.limit.whole()))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
#[expect(clippy::arithmetic_side_effects, clippy::type_complexity, reason = "a test that overflows should stop")]
mod tests;
