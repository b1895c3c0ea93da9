//! One payment as a state machine. No clock, no I/O: what has happened comes in with its time, what to do next goes out.
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
//!           the call has ended, and the wallet is open:                     │           ▲ found
//!           AskingAlone ─► Rereading ─► Keeping ─► Over (the record)        │        Finding ◄── lost or refused
//!                                   └─► Withdrawing                         │           │ not found
//!                                                                           │           ▼
//!           the wallet failed, money may have moved: Concluding ◄───────────┤        Resting ─► Sending, twice at most
//!           └─► Over (the error, the record)                                │           │
//!                                                                           └───────────┴─► Concluding
//! resumed:  Resumed ─► Checking ─► Counting ─► Rewriting ─► Finding, and on as above
//!                          └─► Closing ─► Over (no record): the chain says that no money has moved, and never will
//! ```
//!
//! Every state in which the call waits may end for it before it ends for the payment: a call that goes away ([`Event::CallerGone`])
//! or whose time is over ([`Event::Timer`]) leaves a payment that goes on until nothing is open at the store (`Undoing`,
//! `Withdrawing`, `Keeping`, `Concluding`), or until the wallet answers.
//!
//! What holds in every state, whatever happens (the tests below try everything):
//! - the intent is written before the money is set aside in the store, and that before the wallet is asked;
//! - a signed proof is written before it is sent; a transfer's hash too, unless the store fails: unsent it would be lost;
//! - all sends of a payment carry one proof;
//! - the wallet is asked once; a second time, with the same nonce, only when the first signature came too late to be sent;
//! - every end has a record, or certainly no money has moved;
//! - the money stays counted exactly as long as it may have moved.

use crate::api::error::{Error, ErrorCode};
use crate::api::jobs::{self, Created};
use crate::api::payments::{Attempt, PaymentState};
use crate::encoding::is_hex;
use crate::http::outcome::ONLY_CREATES;
use crate::json::{Json, is_true, shown};
use crate::payment::body;
use crate::payment::record::{Found, UNSIGNED};
use crate::payment::step::{
    Action, Answer, Counting, Event, Moment, Order, Reply, ReservationChange, Resumption, Step, StoredRecord,
};
use crate::payment::store_failed;
use crate::payment::wallet_request::{CHECK_WALLET, NoProof, Proof, UNMOVED, WalletRequest, threw};
use crate::spending::policy::{OverBudget, PaymentMethod};
use crate::time::{Deadline, Millis, WallTime};
use crate::x402::onchain::ChainWord;
use crate::x402::{address, refused};

/// How often the same proof is sent again after a reply was lost.
const RESENDS: u32 = 2;
/// How long the store is waited for.
pub const STORE: Millis = Millis::from_secs(5.0);
/// How long the store is waited for when the call's time is over: what has come at the last moment is written down all the same.
pub const LEAST_STORE: Millis = Millis::new(20.0);

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
    /// The wallet is asked.
    Asking(Box<WalletRequest>),
    /// The wallet is open, and nobody waits for it.
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
    /// The chain says that no money has moved, and never will: the record is being deleted. With what the call gets then.
    Closing(Option<Box<Error>>),
    /// The ledger is counting it.
    Counting(Resumption),
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
    waiting: bool,
    /// How long the last step may take.
    limit: Millis,
    /// How often the proof was sent again.
    resends: u32,
    /// Whether the wallet is asked for the second time.
    again: bool,
    delivery: Delivery,
    /// Whether the store has not taken the proof.
    unrecorded: bool,
    /// Whether the money is set aside in the store.
    counted: bool,
    /// Whether the body was corrected after the server had named what it wants.
    corrected: bool,
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
        // Version 0.1.0 could send a proof without writing down that it did; its records do not say until when a proof is good.
        let may_be_sent = attempt.state != PaymentState::Proven || attempt.valid_until.is_none();
        let delivery = if may_be_sent { Delivery::Unknown } else { Delivery::Unsent };
        let payment = Self::begin(attempt, State::Resumed(resumption), None, end);
        Self { delivery, unrecorded: resumption.is_unwritten, ..payment }
    }

    fn begin(attempt: Attempt, state: State, order: Option<Order>, end: Deadline) -> Self {
        Self {
            attempt,
            state,
            order,
            payer: String::new(),
            end,
            waiting: true,
            limit: Millis::ZERO,
            resends: 0,
            again: false,
            delivery: Delivery::Unsent,
            unrecorded: false,
            counted: false,
            corrected: false,
            hint: None,
        }
    }

    /// The attempt as it is now.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Whether a call waits for the outcome.
    pub fn is_waited_for(&self) -> bool {
        self.waiting
    }

    /// What to do after this.
    pub fn next(&mut self, event: Event, at: Moment) -> Step {
        if matches!(event, Event::CallerGone) {
            self.waiting = false;
        }
        let step = self.follow(event, at);
        if step.answer.is_some() {
            self.waiting = false;
        }
        step
    }

    /// The table: one line for each state and what may happen in it. It stays in one piece, however long it is: a transition that is
    /// missing shows.
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

            (S::Claiming, E::Claimed(Ok(true))) => self.intend(at),
            (S::Claiming, E::Claimed(Ok(false))) => self.refuse(taken()),
            (S::Intending, E::Written(Ok(()))) => self.reserve(at),
            (S::Reserving, E::Counted(Counting::Done)) => self.reserved(at),
            (S::Reserving, E::Counted(Counting::Over(why))) => {
                self.withdraw(Some(refused(ErrorCode::PaymentOverLimit, &format!("it may not be paid: {why}"))), at)
            }
            (S::Reserving, E::Counted(Counting::Failed(thrown))) => {
                self.withdraw(Some(store_failed(thrown, "; nothing was paid")), at)
            }
            (S::Reserving, E::Timer) => self.undo(Some(uncounted())),
            (S::Claiming, E::Claimed(Err(thrown))) | (S::Intending, E::Written(Err(thrown))) => {
                self.withdraw(Some(store_failed(thrown, "; nothing was paid")), at)
            }
            (S::Claiming | S::Intending, E::Timer) => self.undo(Some(store_failed(self.late_store(), "; nothing was paid"))),
            (S::Claiming | S::Intending | S::Reserving, E::CallerGone) => self.undo(None),
            (S::Undoing, E::Claimed(Ok(false))) => Step::new(Action::Done),
            (S::Undoing, E::Claimed(_) | E::Written(_) | E::Counted(_)) => self.withdraw(None, at),
            (S::Withdrawing(error), E::Forgotten(result)) => self.withdrawn(error, &result),
            (S::Withdrawing(error), E::Timer) => self.answer_early(S::Withdrawing(None), error.map(|error| self.failed(error))),

            (S::Asking(request), E::WalletAnswered(answer)) => self.answered(&request, answer, at),
            (S::Asking(_), E::LockLost) => self.withdraw(Some(lock_lost()), at),
            (S::Asking(request), E::Timer | E::CallerGone) => self.leave_wallet(request),
            (S::AskingAlone(request), E::WalletAnswered(answer)) => self.reread(request, answer),
            (S::Rereading(request, answer), E::Reread(found, closed)) => self.keep(&request, answer, &found, closed, at),
            (S::Keeping, E::Written(result)) => Step::new(Action::Done).warn(Some(kept_words(&result))),

            (S::Recording, E::Written(Ok(()))) => self.send(None, at),
            (S::Recording, E::Written(Err(thrown))) => self.not_recorded(thrown, at),
            (S::Recording, E::Timer) => self.not_recorded(self.late_store(), at),
            (S::Recording, E::CallerGone) => self.leave_unsent(self.unsent_state()),
            (S::Sending, E::Responded(reply)) => self.responded(*reply, at),
            (S::Finding(_), E::JobFound(created)) => {
                self.attempt.found = true;
                self.accept(*created, at)
            }
            (S::Finding(None), E::JobNotFound) => self.send(None, at),
            (S::Finding(Some(error)), E::JobNotFound) => self.try_again(error, at),
            (S::Resting(_), E::Rested(true)) => self.send_again(at),
            (S::Resting(error), E::Rested(false)) => self.conclude(*error, at),
            (S::Sending, E::CallerGone) => self.leave_sent(),
            (S::Finding(_) | S::Resting(_), E::CallerGone) if self.was_sent() => self.leave_sent(),
            (S::Finding(_) | S::Resting(_), E::CallerGone) => self.leave_unsent(PaymentState::Proven),
            (S::Accepting(created), E::Written(result)) => self.accepted(*created, &result),
            (S::Accepting(created), E::Timer) => self.accepted_early(*created),
            (S::Concluding(error), E::Written(result)) => self.concluded(error, &result),
            (S::Concluding(error), E::Timer) => {
                self.answer_early(S::Concluding(None), error.map(|error| self.failed(unwritten(error))))
            }

            (S::Resumed(resumption), E::Begin) => self.resume(resumption, at),
            (S::Checking(resumption), E::ChainSaid(word)) => self.checked(resumption, word, at),
            (S::Checking(resumption), E::Timer) => self.checked(resumption, ChainWord::Unknown, at),
            (S::Closing(error), E::Forgotten(result)) => self.closed(error, result),
            (S::Closing(error), E::Timer) => self.answer_early(S::Closing(None), error.map(|error| self.failed(error))),
            (S::Counting(_), E::Counted(Counting::Done)) if !self.waiting => self.leave_counted(),
            (S::Counting(resumption), E::Counted(Counting::Done)) => self.rewrite(resumption, at),
            (S::Counting(_), E::Counted(Counting::Over(why))) => self.over_budget(&why),
            (S::Counting(_), E::Counted(Counting::Failed(thrown))) => self.uncounted(thrown),
            (S::Rewriting(_), E::Written(Ok(()))) => self.find(None),
            (S::Rewriting(before), E::Written(Err(thrown))) => self.not_rewritten(before, thrown),
            (S::Rewriting(before), E::Timer) => self.not_rewritten(before, self.late_store()),
            (S::Rewriting(before), E::CallerGone) => self.leave_unsent(before),
            (S::Resumed(_) | S::Checking(_), E::CallerGone) => self.leave_counted(),

            // A call that goes away changes nothing in the other states, in which something is being written; nor does anything that
            // comes when it is over.
            (state, _) => {
                self.state = state;
                Step::new(Action::Wait)
            }
        }
    }
}

/// Before the wallet is asked.
impl Payment {
    fn confirm(&mut self, at: Moment) -> Step {
        let Some(order) = self.order.as_ref().filter(|order| order.confirms) else { return self.ask_address(at) };
        let quote = order.offer.document();
        self.state = State::Confirming;
        self.wait_for_people(Action::Confirm(quote), at)
    }

    fn confirmed(&mut self, answer: Result<Json, Json>, at: Moment) -> Step {
        let (cause, why) = match answer {
            Ok(answer) if is_true(&answer) => return self.ask_address(at),
            Ok(_) => (None, "confirm did not return true, so nothing was paid"),
            Err(thrown) => (Some(thrown), "confirm threw, so nothing was paid"),
        };
        let mut error = Error::new(ErrorCode::PaymentDeclined, why);
        error.cause = cause;
        self.refuse(error)
    }

    fn ask_address(&mut self, at: Moment) -> Step {
        if !self.order.as_ref().is_some_and(|order| order.has_address) {
            return self.claim(at);
        }
        self.state = State::Addressing;
        self.wait_for_people(Action::AskAddress, at)
    }

    fn addressed(&mut self, answer: Result<Json, Json>, at: Moment) -> Step {
        let given = match answer {
            Ok(given) => given,
            Err(thrown) => return self.refuse(threw(PaymentMethod::Sign, thrown)),
        };
        let Some(payer) = given.as_text().filter(|text| is_hex(text, 40)) else {
            let said = shown(&given);
            let words = format!("wallet.address must be an address (0x and 40 hexadecimal digits); it is {said}");
            return self.refuse(Error::new(ErrorCode::WalletFailed, words));
        };
        let recipient = self.order.as_ref().map(|order| order.offer.recipient.as_str());
        if recipient.is_some_and(|recipient| payer.eq_ignore_ascii_case(recipient)) {
            return self.refuse(refused(ErrorCode::PaymentRecipientNotAllowed, "it would pay the wallet's own address"));
        }
        self.payer = address::checksummed(&payer);
        self.claim(at)
    }

    fn claim(&mut self, at: Moment) -> Step {
        if self.attempt.idempotency_key.is_empty() {
            return self.intend(at);
        }
        self.state = State::Claiming;
        Step::new(Action::Claim(Box::new(self.attempt.clone()))).until(self.store_limit(at))
    }

    fn intend(&mut self, at: Moment) -> Step {
        // The wallet is asked when the store has taken this, which may be a while later.
        self.attempt.valid_until = self.valid_until(self.request(at).as_ref()).map(|until| until + STORE);
        self.write(State::Intending, at)
    }

    /// The record is there: what is set aside for it can be resolved by it, whatever happens. There may be many who wait for that.
    fn reserve(&mut self, at: Moment) -> Step {
        if self.counted {
            return self.ask(at);
        }
        self.state = State::Reserving;
        let step = Step::new(Action::Count { over: OverBudget::Refuse, record: StoredRecord::Written });
        if self.waiting && self.end != Deadline::NEVER { step.until(self.end) } else { step }
    }

    fn reserved(&mut self, at: Moment) -> Step {
        self.counted = true;
        self.ask(at)
    }

    /// Nothing was written yet, and no money has moved.
    fn refuse(&mut self, error: Box<Error>) -> Step {
        self.attempt.unmoved = true;
        let answer = self.failed(error);
        Step::done(answer).with(ReservationChange::Release)
    }

    /// What is on its way to the store is over for the call, and is undone when it has landed.
    fn undo(&mut self, error: Option<Box<Error>>) -> Step {
        self.attempt.unmoved = true;
        let answer = error.and_then(|error| self.failed(error));
        let step = self.answer_early(State::Undoing, None);
        step.with(ReservationChange::Release).answering(answer)
    }

    /// Certainly no money has moved: nothing is left of the payment.
    fn withdraw(&mut self, error: Option<Box<Error>>, at: Moment) -> Step {
        self.attempt.unmoved = true;
        self.state = State::Withdrawing(error);
        let step = Step::new(Action::Forget).with(ReservationChange::Release);
        if self.waiting { step.until(self.store_limit(at)) } else { step }
    }

    fn withdrawn(&mut self, error: Option<Box<Error>>, result: &Result<(), Json>) -> Step {
        let words = "a payment for which no money has moved could not be deleted from the store: forgetPayment() ends it";
        let answer = error.and_then(|error| self.failed(error));
        Step::done(answer).warn(result.is_err().then_some(words))
    }
}

/// The wallet.
impl Payment {
    fn request(&self, at: Moment) -> Option<WalletRequest> {
        let order = self.order.as_ref()?;
        let now = at.wall + order.server_ahead;
        Some(WalletRequest::new(&self.attempt.id, order.offer.clone(), order.method, self.payer.clone(), &order.nonce, now))
    }

    fn ask(&mut self, at: Moment) -> Step {
        if self.end.is_over(at.now) {
            let words = "the call's time limit was over before the wallet could be asked; nothing was paid";
            return self.withdraw(Some(Error::new(ErrorCode::RequestTimeout, words)), at);
        }
        // Only a new payment gets here, and it has an order.
        let Some(request) = self.request(at) else { return self.withdraw(None, at) };
        // The store has taken its time: the record must say until when the signature is good.
        let until = self.attempt.valid_until;
        if until.zip(self.valid_until(Some(&request))).is_some_and(|(until, later)| later > until) {
            // By the old record others may have given the money back.
            self.counted = until.is_some_and(|until| at.wall < until);
            return self.intend(at);
        }
        // A transfer may move money from now on, whatever the wallet says.
        let reservation = if self.attempt.signs { ReservationChange::Unchanged } else { ReservationChange::Keep };
        self.state = State::Asking(Box::new(request.clone()));
        self.wait_for_people(Action::AskWallet(Box::new(request)), at).with(reservation)
    }

    fn answered(&mut self, request: &WalletRequest, answer: Result<Json, Json>, at: Moment) -> Step {
        match request.read(answer) {
            Ok(_) if !self.is_fresh(request, at) => self.too_late(at),
            Ok(Proof { headers, transaction }) => {
                (self.attempt.proof, self.attempt.transaction) = (headers, transaction);
                self.attempt.valid_until = self.valid_until(Some(request));
                self.attempt.state = PaymentState::Sent;
                self.write(State::Recording, at).with(ReservationChange::Keep)
            }
            Err(NoProof { error, unmoved: true, .. }) => self.withdraw(Some(error), at),
            Err(NoProof { error, transaction, .. }) => {
                self.attempt.transaction = transaction;
                self.attempt.state = PaymentState::Unknown;
                self.write(State::Concluding(Some(error)), at).with(ReservationChange::Keep)
            }
        }
    }

    /// The server could not settle what was signed. The wallet is asked once more, with the same nonce: of the two only one could
    /// ever move money, and the first was not sent.
    fn too_late(&mut self, at: Moment) -> Step {
        let again = core::mem::replace(&mut self.again, true);
        if !again && !self.end.is_over(at.now) {
            self.counted = false;
            return self.intend(at);
        }
        let seconds = self.order.as_ref().map_or(0, |order| order.offer.timeout_s);
        let said = if again { "twice" } else { "when the call's time was over" };
        let words = format!("the signature came too late, {said}: the server waits {seconds} seconds for it; nothing was sent");
        self.withdraw(Some(Error::new(ErrorCode::WalletTimeout, words)), at)
    }

    /// The wallet stays open, and what it answers is kept. What it only signs is counted when it is sent.
    fn leave_wallet(&mut self, request: Box<WalletRequest>) -> Step {
        let advice = if self.attempt.signs { "; nothing was sent" } else { CHECK_WALLET };
        let answer = if self.waiting { self.failed(silent("the wallet", self.limit, advice)) } else { None };
        let reservation = if self.attempt.signs { ReservationChange::Release } else { ReservationChange::Unchanged };
        let step = self.answer_early(State::AskingAlone(request), None);
        Step { unlock: true, ..step.with(reservation).answering(answer) }
    }

    fn reread(&mut self, request: Box<WalletRequest>, answer: Result<Json, Json>) -> Step {
        self.state = State::Rereading(request, answer);
        Step::new(Action::Reread)
    }

    /// An answer that came after the call had ended. Another call may have gone on with the payment meanwhile: what has a proof or a
    /// job needs no other. What was transferred is kept even where the record is gone, or cannot be read; what was only signed moves
    /// nothing, and is not.
    fn keep(&mut self, request: &WalletRequest, answer: Result<Json, Json>, found: &Found, closed: bool, at: Moment) -> Step {
        let read = request.read(answer);
        let went_on = match found {
            Found::Attempt(known) => known.created.is_some() || !known.proof.is_empty(),
            _ => closed || self.attempt.signs,
        };
        if went_on {
            let is_lost = read.is_ok() && matches!(found, Found::Withheld(_) | Found::Unreadable);
            let words = "the wallet has signed after its call had ended, and the store has failed: the signature was dropped";
            return Step::new(Action::Done).warn(is_lost.then_some(words));
        }
        match read {
            Ok(_) if !self.is_fresh(request, at) => self.withdraw(None, at),
            Ok(Proof { headers, transaction }) => {
                (self.attempt.proof, self.attempt.transaction) = (headers, transaction);
                self.attempt.valid_until = self.valid_until(Some(request));
                self.attempt.state = PaymentState::Proven;
                self.write(State::Keeping, at)
            }
            Err(NoProof { unmoved: true, .. }) => self.withdraw(None, at),
            Err(NoProof { transaction, .. }) => {
                self.attempt.transaction = transaction;
                self.attempt.state = PaymentState::Unknown;
                self.write(State::Keeping, at)
            }
        }
    }

    fn is_fresh(&self, request: &WalletRequest, at: Moment) -> bool {
        request.is_fresh(at.wall + self.server_ahead())
    }

    fn server_ahead(&self) -> Millis {
        self.order.as_ref().map_or(Millis::ZERO, |order| order.server_ahead)
    }

    /// Until when a signature can be settled, on this clock.
    fn valid_until(&self, request: Option<&WalletRequest>) -> Option<WallTime> {
        Some(request?.valid_until()? + (Millis::ZERO - self.server_ahead()))
    }
}

/// From the proof to the job.
impl Payment {
    /// The store has not taken the proof. What was only signed can be left unsent. What was transferred is lost when it is not sent.
    fn not_recorded(&mut self, thrown: Json, at: Moment) -> Step {
        if !self.attempt.signs {
            self.unrecorded = true;
            let words = "the store of payments failed: the proof of a payment is not written down, and is sent all the same";
            return self.send(Some(words), at);
        }
        self.attempt.state = self.unsent_state();
        let error = store_failed(thrown, "; the signature was not sent");
        // What may land all the same says that it was sent.
        let reservation = self.unsent_reservation();
        self.write(State::Concluding(Some(error)), at).with(reservation)
    }

    /// The proof is there, and nobody waits for the job: it can be resumed.
    fn leave_unsent(&mut self, state: PaymentState) -> Step {
        self.attempt.state = state;
        self.state = State::Concluding(None);
        Step::new(Action::Write(Box::new(self.attempt.clone()))).with(self.unsent_reservation())
    }

    /// The proof was sent, and nobody waits for the job: the record says so, if there is one.
    fn leave_sent(&mut self) -> Step {
        if !self.unrecorded {
            return Step::new(Action::Done);
        }
        self.state = State::Concluding(None);
        Step::new(Action::Write(Box::new(self.attempt.clone())))
    }

    fn was_sent(&self) -> bool {
        self.delivery != Delivery::Unsent
    }

    /// What is written of a proof that is not sent now.
    fn unsent_state(&self) -> PaymentState {
        match self.delivery {
            Delivery::Unsent => PaymentState::Proven,
            Delivery::Refused => PaymentState::Refused,
            Delivery::Unknown => PaymentState::Unknown,
        }
    }

    /// What was signed and never sent moves nothing.
    fn unsent_reservation(&self) -> ReservationChange {
        if self.attempt.signs && !self.was_sent() { ReservationChange::Release } else { ReservationChange::Unchanged }
    }

    fn send(&mut self, warning: Option<&'static str>, at: Moment) -> Step {
        let is_first = self.order.is_some() && self.resends == 0 && !self.was_sent();
        let proven = Attempt { state: PaymentState::Proven, ..self.attempt.clone() };
        let update = is_first.then(|| proven.document());
        let step = if self.end.is_over(at.now) {
            self.conclude(*out_of_time(), at)
        } else if !is_first && self.is_stale(at) {
            if self.was_sent() || !self.attempt.signs { self.conclude(*stale(), at) } else { self.withdraw(Some(void()), at) }
        } else {
            self.state = State::Sending;
            Step::new(Action::Send(Box::new(self.attempt.clone())))
        };
        Step { update, ..step.warn(warning) }
    }

    fn send_again(&mut self, at: Moment) -> Step {
        self.resends = self.resends.saturating_add(1);
        self.send(None, at)
    }

    /// Whether the time of what was signed is over, so that it can be settled no more.
    fn is_stale(&self, at: Moment) -> bool {
        self.attempt.signs && self.attempt.valid_until.is_some_and(|until| until < at.wall)
    }

    /// A lost reply, and a refusal too (a failed settlement refuses a job that is there), leads to a search for the job.
    fn responded(&mut self, reply: Reply, at: Moment) -> Step {
        if let Some((transaction, receipt)) = reply.settled {
            (self.attempt.transaction, self.attempt.receipt) = (transaction, Some(receipt));
        }
        let mut error = match reply.result {
            Ok(created) => return self.accept(created, at),
            Err(error) => error,
        };
        self.hint = error.job_id.take().or_else(|| self.hint.take());
        if !error.not_sent {
            let delivery = if self.is_definite(&error) { Delivery::Refused } else { Delivery::Unknown };
            self.delivery = self.delivery.max(delivery);
        }
        if let Some(corrected) = self.correction(&error) {
            self.corrected = true;
            self.attempt.request = corrected;
            return self.write(State::Recording, at);
        }
        if error.not_sent { self.try_again(error, at) } else { self.find(Some(error)) }
    }

    /// The body with what the server says that it wants, once.
    fn correction(&self, error: &Error) -> Option<String> {
        let words = error.server_message.as_ref().filter(|_| !self.corrected && body::is_refused(error))?;
        body::corrected(&self.attempt.request, words)
    }

    /// Whether the server's answer is its last word. A settlement that is pending may still succeed.
    fn is_definite(&self, error: &Error) -> bool {
        let pending = self.attempt.reason().as_deref() == Some("settlement_pending");
        error.is_last_word() && !pending
    }

    fn find(&mut self, error: Option<Box<Error>>) -> Step {
        self.state = State::Finding(error);
        Step::new(Action::FindJob(self.hint.clone()))
    }

    fn try_again(&mut self, error: Box<Error>, at: Moment) -> Step {
        // What redirects this request will not take it the next time either.
        let over = self.is_definite(&error) || matches!(error.status, Some(300..=399)) || self.resends >= RESENDS;
        if over {
            return self.conclude(*error, at);
        }
        let action = Action::Rest(error.clone(), self.resends);
        self.state = State::Resting(error);
        Step::new(action)
    }

    /// There is a job: its handle is written down before the call gets it.
    fn accept(&mut self, created: Created, at: Moment) -> Step {
        self.attempt.state = PaymentState::Accepted;
        self.attempt.created = Some(jobs::handle(&created.document));
        // The job's time begins now, however old the payment is.
        self.attempt.created_at = at.wall;
        // The server has accepted it.
        self.attempt.proof.clear();
        self.attempt.valid_until = None;
        self.write(State::Accepting(Box::new(created)), at).with(ReservationChange::Keep)
    }

    fn accepted(&mut self, created: Created, result: &Result<(), Json>) -> Step {
        let words = "the store of payments failed: the job of a payment is not written down; its id is in the answer alone";
        self.accepted_early(created).warn(result.is_err().then_some(words))
    }

    fn accepted_early(&mut self, created: Created) -> Step {
        self.state = State::Over;
        let update = self.waiting.then(|| self.attempt.document());
        let answer = self.waiting.then(|| Ok((created, self.attempt.clone())));
        // All writes are waited for at the end.
        Step { update, ..Step::done(answer) }
    }

    /// The end without a job: what it means is written down before the call gets it.
    fn conclude(&mut self, error: Error, at: Moment) -> Step {
        let reservation = if error.not_sent { self.unsent_reservation() } else { ReservationChange::Unchanged };
        let error = self.outcome(error);
        self.write(State::Concluding(Some(error)), at).with(reservation)
    }

    fn concluded(&mut self, error: Option<Box<Error>>, result: &Result<(), Json>) -> Step {
        let error = error.map(|error| if result.is_err() { unwritten(error) } else { error });
        let answer = error.and_then(|error| self.failed(error));
        let words = "the store of payments failed: what became of a payment is not written down";
        Step::done(answer).warn(result.is_err().then_some(words))
    }

    /// What is known of the clocks, for a refusal that is about time.
    fn clocks(&self) -> String {
        let Some(order) = &self.order else { return String::new() };
        let Some(apart) = order.clocks_apart else {
            let words = "; the server's clock could not be read: is this machine's clock right?";
            return words.to_owned();
        };
        let seconds = Millis::new(apart.get().abs()).whole() / 1_000;
        let side = if apart.is_positive() { "ahead of" } else { "behind" };
        format!("; the server's clock is {seconds} seconds {side} this machine's")
    }

    /// What an error means once there is a proof: not sent, refused where the server says so and always said so, else unknown.
    /// Never "pay again".
    fn outcome(&mut self, mut error: Error) -> Box<Error> {
        error.job_id = self.hint.take();
        let same_proof = "do not pay again: client.resume(error.payment) goes on with the same proof";
        let other_body = "do not pay again: client.resume(error.payment, { params }) sends the same proof with another request";
        let settled = "do not pay again: the server has the money; ask its operator, or resume the payment later";
        let (code, state, said, advice) = if self.attempt.on_chain && !body::is_refused(&error) {
            let said = "the payment has moved, as the chain says, and there is no job for it";
            (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, said, settled)
        } else if body::is_refused(&error) {
            (
                ErrorCode::PaymentRequestRefused,
                self.unsent_state(),
                "the server took the proof of payment, but not the request",
                other_body,
            )
        } else if self.delivery == Delivery::Unknown {
            let said = "the payment was sent and its outcome is not known";
            (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, said, same_proof)
        } else if error.not_sent {
            (error.code, self.unsent_state(), "the payment could not be sent", same_proof)
        } else {
            (ErrorCode::PaymentRefused, PaymentState::Refused, "the server refused the payment", same_proof)
        };
        self.attempt.state = state;
        let reason = self.attempt.reason().map(|reason| format!("{reason}, ")).unwrap_or_default();
        let words = error.message.strip_suffix(ONLY_CREATES).unwrap_or(&error.message);
        let clocks = if self.attempt.signs && speaks_of_time(&reason, words) { self.clocks() } else { String::new() };
        let mut about = Error::new(code, format!("{said}: {reason}{words}{clocks}; {advice}"));
        about.status = error.status;
        about.server_message = error.server_message;
        about.server_code = error.server_code;
        about.retry_after = error.retry_after;
        about.job_id = error.job_id;
        about.cause = error.cause;
        about
    }
}

/// Payments that were begun before.
impl Payment {
    fn resume(&mut self, resumption: Resumption, at: Moment) -> Step {
        if let Some(created) = &self.attempt.created {
            let created = jobs::read_created(jobs::handle(created));
            let answer = Some(Ok((created, self.attempt.clone())));
            return Step::done(answer);
        }
        if self.attempt.unmoved {
            let words = "no money has moved for this payment, and it is not open any more";
            let answer = self.failed(Error::new(ErrorCode::PaymentNotOpen, words));
            return Step::done(answer);
        }
        let has_proof = !self.attempt.proof.is_empty();
        let never_sent = self.attempt.signs && self.attempt.state == PaymentState::Proven;
        if has_proof && never_sent && self.is_stale(at) {
            return self.withdraw(Some(void()), at);
        }
        if !has_proof && self.attempt.signs && self.attempt.transaction.is_none() {
            return self.unsigned(resumption, at);
        }
        if !has_proof || self.attempt.request.is_empty() {
            let words = "there is no proof of this payment; look in the wallet whether money has moved, and if it has, put the \
                         transaction's hash into attempt.transaction and resume that";
            let answer = self.failed(Error::new(ErrorCode::PaymentOutcomeUnknown, words));
            return Step::done(answer);
        }
        if resumption.asks_chain && !never_sent {
            self.state = State::Checking(Resumption { asks_chain: false, ..resumption });
            let step = Step::new(Action::AskChain);
            return if self.end == Deadline::NEVER { step } else { step.until(self.end) };
        }
        if resumption.is_counted {
            return self.rewrite(resumption, at);
        }
        self.state = State::Counting(resumption);
        // What was signed and never sent can be left so; everything else has perhaps been spent.
        let over = if never_sent { OverBudget::Refuse } else { OverBudget::Count };
        let record = if resumption.is_unwritten { StoredRecord::Missing } else { StoredRecord::Written };
        Step::new(Action::Count { over, record })
    }

    /// What the chain says is the last word.
    fn checked(&mut self, resumption: Resumption, word: ChainWord, at: Moment) -> Step {
        if word == ChainWord::Never {
            let words = "the chain says that the money of this payment has not moved and never will: it is not open any more, and the \
                         budget has it back";
            let error = Error::new(ErrorCode::PaymentNotOpen, words);
            if resumption.is_unwritten {
                // There is no record: it was closed before, and the budget of the store has it back since then.
                return self.refuse(error);
            }
            self.state = State::Closing(Some(error));
            let step = Step::new(Action::Forget);
            return if self.waiting { step.until(self.store_limit(at)) } else { step };
        }
        self.attempt.on_chain = word == ChainWord::Moved;
        self.resume(resumption, at)
    }

    /// The money is given back when the record is gone: it could be given back twice otherwise.
    fn closed(&mut self, error: Option<Box<Error>>, result: Result<(), Json>) -> Step {
        let (error, reservation) = match result {
            Ok(()) => (error, ReservationChange::Refund),
            Err(thrown) => (error.map(|_| store_failed(thrown, "; the payment is still open")), ReservationChange::Unchanged),
        };
        let answer = error.and_then(|error| self.failed(error));
        Step::done(answer).with(reservation)
    }

    /// No signature is written down. One that comes later is of no use when its time is over.
    fn unsigned(&mut self, resumption: Resumption, at: Moment) -> Step {
        let until = self.attempt.valid_until.unwrap_or(self.attempt.created_at + UNSIGNED);
        let left = until.since(at.wall);
        if !(left.is_positive() || resumption.is_asking && self.attempt.valid_until.is_none()) {
            let words = "nothing was signed in time for this payment, and nothing was sent: no money has moved, and it is not open any \
                         more";
            return self.withdraw(Some(Error::new(ErrorCode::PaymentNotOpen, words)), at);
        }
        let seconds = left.whole().div_ceil(1_000).max(1);
        let words = format!(
            "no signature is written down for this payment, and none was sent: no money has moved. For another {seconds} seconds the \
             wallet may still sign it, which is kept and can be resumed; after that, or after forgetPayment, it is over"
        );
        let answer = self.failed(Error::new(ErrorCode::WalletTimeout, words));
        Step::done(answer)
    }

    fn over_budget(&mut self, why: &str) -> Step {
        let words = format!("the payment is signed and was not sent: {why}");
        let answer = self.failed(Error::new(ErrorCode::PaymentOverLimit, words));
        // In memory it is set aside: the next call that resumes it must be counted as this one was.
        Step::done(answer).with(ReservationChange::Release)
    }

    fn uncounted(&mut self, thrown: Json) -> Step {
        let answer = self.failed(store_failed(thrown, "; the payment is signed and was not sent"));
        Step::done(answer).with(ReservationChange::Release)
    }

    /// The ledger may have counted it already.
    fn leave_counted(&mut self) -> Step {
        let may_have_moved = self.unsent_reservation() == ReservationChange::Unchanged;
        Step::new(Action::Done).with(if may_have_moved { ReservationChange::Keep } else { ReservationChange::Release })
    }

    /// What will be sent is in the store, and it says that it was sent.
    fn rewrite(&mut self, resumption: Resumption, at: Moment) -> Step {
        let before = self.attempt.state;
        if before == PaymentState::Proven {
            self.attempt.state = PaymentState::Sent;
        } else if !resumption.is_unwritten && !resumption.is_corrected {
            return self.find(None).with(ReservationChange::Keep);
        }
        self.write(State::Rewriting(before), at).with(ReservationChange::Keep)
    }

    fn not_rewritten(&mut self, before: PaymentState, thrown: Json) -> Step {
        if !self.attempt.signs {
            self.unrecorded = true;
            let words = "the store of payments failed: the proof of a payment is not written down, and is sent all the same";
            return self.find(None).warn(Some(words));
        }
        // What may land all the same says that it was sent.
        let step = self.leave_unsent(before);
        let answer = self.failed(store_failed(thrown, "; the signature was not sent"));
        step.answering(answer)
    }
}

/// What many states have in common.
impl Payment {
    fn write(&mut self, state: State, at: Moment) -> Step {
        self.state = state;
        let step = Step::new(Action::Write(Box::new(self.attempt.clone())));
        if self.waiting { step.until(self.store_limit(at)) } else { step }
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
        error.payment = Some(self.attempt.clone());
        self.waiting.then_some(Err(error))
    }

    /// The call is answered, and what was begun goes on without it.
    fn answer_early(&mut self, state: State, answer: Option<Option<Answer>>) -> Step {
        self.state = state;
        Step::new(Action::Wait).answering(answer.flatten())
    }

    fn late_store(&self) -> Json {
        Json::text(&format!("it did not answer within {} ms", self.limit.whole()))
    }
}

fn silent(who: &str, limit: Millis, advice: &str) -> Box<Error> {
    Error::new(ErrorCode::WalletTimeout, format!("{who} did not answer within {} ms{advice}", limit.whole()))
}

/// The wallet has taken all the time: what would be sent now could not be waited for.
fn out_of_time() -> Box<Error> {
    let mut error = Error::new(ErrorCode::RequestTimeout, "the call's time limit was over before it could be sent");
    error.not_sent = true;
    error
}

fn uncounted() -> Box<Error> {
    let words = "the call's time limit was over before its payment could be counted in the store; nothing was paid";
    Error::new(ErrorCode::RequestTimeout, words)
}

/// A signature that was never sent, and is not any more.
fn void() -> Box<Error> {
    let words = "what was signed for this payment was never sent, and its time is over: no money has moved, and the payment is not open \
                 any more";
    Error::new(ErrorCode::PaymentNotOpen, words)
}

/// A signature that is not sent again.
fn stale() -> Box<Error> {
    let words =
        "the time of what was signed is over, so that it can be settled no more; whether it was settled before is on the chain";
    Error::new(ErrorCode::PaymentOutcomeUnknown, words)
}

/// Whether a refusal is about the time in which what was signed is good.
fn speaks_of_time(reason: &str, words: &str) -> bool {
    let words = [reason, words].concat().to_ascii_lowercase();
    ["valid_before", "valid_after", "validbefore", "validafter", "expired", "not yet valid"]
        .iter()
        .any(|part| words.contains(part))
}

fn taken() -> Box<Error> {
    let words = "another program has just begun a payment under the same idempotencyKey; nothing was paid: call again";
    Error::new(ErrorCode::StoreFailed, words)
}

/// A program that was suspended for longer than a lock's lease. The intent was written before this was seen, so whoever has the lock
/// now has found it, or has begun a payment of its own.
fn lock_lost() -> Box<Error> {
    let words = "a lock of the payment was lost, for this program was suspended for too long; the wallet was not asked, and nothing was \
                 paid: call again";
    Error::new(ErrorCode::StoreFailed, words)
}

/// The error of a payment whose outcome the store has not taken.
fn unwritten(mut error: Box<Error>) -> Box<Error> {
    error.message.push_str("; the store of payments failed too, so that only error.payment knows how it ended");
    error
}

fn kept_words(result: &Result<(), Json>) -> &'static str {
    match result {
        Ok(()) => "the wallet has answered after its call had ended; pendingPayments() knows what is open",
        Err(_) => "the wallet has answered after its call had ended, and the store has failed: look in the wallet",
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
#[expect(clippy::arithmetic_side_effects, clippy::type_complexity, reason = "a test that overflows should stop")]
mod tests;
