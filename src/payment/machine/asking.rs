//! From the offer to the proof: `confirm`, the address, the key, the record, the reservation, the
//! wallet.

use super::errors::silent;
use super::{COUNTING, Payment, STORE, State};
use crate::api::error::{Error, ErrorCode};
use crate::api::payments::{Attempt, Certainty, PaymentState};
use crate::encoding::is_hex;
use crate::json::{Json, is_true, shown};
use crate::payment::step::{Action, Moment, Order, ReservationChange, Step, StoredRecord};
use crate::payment::wallet_error::LOOK_IN_WALLET;
use crate::payment::wallet_request::{NoProof, Proof, WalletRequest, threw};
use crate::spending::offer_rules::PaymentMethod;
use crate::spending::policy::OverBudget;
use crate::time::{Deadline, Millis, WallTime};
use crate::x402::typed_data::Clock;
use crate::x402::{address, refused};

/// Said where the wallet has named its transaction before its time was up.
const HAS_HASH: &str = "; it has said before which transaction it has sent: do not pay again, client.resume(error.payment) goes on \
                        with that";

/// Before the wallet is asked.
impl Payment {
    pub(super) fn confirm(&mut self, at: Moment) -> Step {
        let Some(order) = self.order.as_ref().filter(|order| order.confirms) else { return self.ask_address(at) };
        let quote = order.offer.document();
        self.state = State::Confirming;
        self.wait_for_people(Action::Confirm(quote), at)
    }

    pub(super) fn confirmed(&mut self, answer: Result<Json, Json>, at: Moment) -> Step {
        let (cause, why) = match answer {
            Ok(answer) if is_true(&answer) => return self.ask_address(at),
            Ok(_) => (None, "confirm did not return true, so nothing was paid"),
            Err(thrown) => (Some(thrown), "confirm threw, so nothing was paid"),
        };
        let mut error = Error::new(ErrorCode::PaymentDeclined, why);
        error.cause = cause;
        self.refuse(error)
    }

    pub(super) fn ask_address(&mut self, at: Moment) -> Step {
        if !self.order.as_ref().is_some_and(|order| order.has_address) {
            return self.claim(at);
        }
        self.state = State::Addressing;
        self.wait_for_people(Action::AskAddress, at)
    }

    pub(super) fn addressed(&mut self, answer: Result<Json, Json>, at: Moment) -> Step {
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

    pub(super) fn claim(&mut self, at: Moment) -> Step {
        if self.attempt.idempotency_key.is_empty() {
            return self.intend(at);
        }
        self.state = State::Claiming;
        Step::new(Action::Claim(Box::new(self.attempt.clone()))).until(self.store_limit(at))
    }

    pub(super) fn intend(&mut self, at: Moment) -> Step {
        // The wallet is asked when the store has taken this, which may be a while later.
        let until = self.valid_until(self.request(at).as_ref()).map(|until| until + STORE);
        self.attempt.set_valid_until(until);
        self.write(State::Intending, at)
    }

    /// The record is there: what is set aside for it can be resolved by it, whatever happens. There
    /// may be many who wait for that.
    pub(super) fn reserve(&mut self, at: Moment) -> Step {
        if self.is_reserved {
            return self.ask(at);
        }
        self.state = State::Reserving;
        let limit = self.end.min(Deadline::after(at.now, Some(COUNTING)));
        Step::new(Action::Reserve { over: OverBudget::Refuse, record: StoredRecord::Written }).until(limit)
    }

    pub(super) fn reserved(&mut self, at: Moment) -> Step {
        self.is_reserved = true;
        self.ask(at)
    }

    /// Nothing was written yet, and no money has moved.
    pub(super) fn refuse(&mut self, error: Box<Error>) -> Step {
        self.attempt.certainty = Certainty::Unmoved;
        let answer = self.failed(error);
        Step::done(answer).with(ReservationChange::Release)
    }

    /// What is on its way to the store is over for the call, and is undone when it has landed.
    pub(super) fn undo(&mut self, error: Option<Box<Error>>) -> Step {
        self.attempt.certainty = Certainty::Unmoved;
        let answer = error.and_then(|error| self.failed(error));
        self.answer_early(State::Undoing, answer).with(ReservationChange::Release)
    }

    /// Certainly no money has moved: nothing is left of the payment.
    pub(super) fn withdraw(&mut self, error: Option<Box<Error>>, at: Moment) -> Step {
        self.attempt.certainty = Certainty::Unmoved;
        self.state = State::Withdrawing(error);
        let step = Step::new(Action::Forget).with(ReservationChange::Release);
        if self.is_waiting { step.until(self.store_limit(at)) } else { step }
    }

    pub(super) fn withdrawn(&mut self, error: Option<Box<Error>>, result: &Result<(), Json>) -> Step {
        let words = "a payment for which no money has moved could not be deleted from the store: forgetPayment() ends it";
        let answer = error.and_then(|error| self.failed(error));
        Step::done(answer).warn(result.is_err().then_some(words))
    }
}

/// The wallet.
impl Payment {
    pub(super) fn request(&self, at: Moment) -> Option<WalletRequest> {
        let order = self.order.as_ref()?;
        let clock = Clock { wall: at.wall, server_ahead: order.server_ahead() };
        Some(WalletRequest::new(&self.attempt.id, order.offer.clone(), order.method, self.payer.clone(), &order.nonce, clock))
    }

    pub(super) fn ask(&mut self, at: Moment) -> Step {
        if self.end.is_over(at.now) {
            let words = "the call's time limit was over before the wallet could be asked; nothing was paid";
            return self.withdraw(Some(Error::new(ErrorCode::RequestTimeout, words)), at);
        }
        // Only a new payment gets here, and it has an order.
        let Some(request) = self.request(at) else { return self.withdraw(None, at) };
        // The store has taken its time: the record must say until when the signature is good.
        let until = self.attempt.valid_until();
        if until.zip(self.valid_until(Some(&request))).is_some_and(|(until, later)| later > until) {
            // By the old record others may have given the money back.
            self.is_reserved = until.is_some_and(|until| at.wall < until);
            return self.intend(at);
        }
        // A transfer may move money from now on, whatever the wallet says.
        let reservation = if self.attempt.is_signed() { ReservationChange::Unchanged } else { ReservationChange::Keep };
        self.state = State::Asking(Box::new(request.clone()));
        self.wait_for_people(Action::AskWallet(Box::new(request)), at).with(reservation)
    }

    /// The wallet has said before its answer that it has sent something.
    pub fn wallet_said(&mut self, sent: Attempt) {
        if matches!(self.state, State::Asking(_) | State::AskingAlone(_)) {
            self.attempt = sent;
        }
    }

    /// The wallet takes back what it has said before.
    fn unsaid(&mut self) {
        self.attempt.state = PaymentState::Intended;
        self.attempt.transaction = None;
        self.attempt.proof.clear();
    }

    pub(super) fn answered(&mut self, request: &WalletRequest, answer: Result<Json, Json>, at: Moment) -> Step {
        match request.read(answer) {
            Ok(_) if !self.is_fresh(request, at) => self.too_late(at),
            Ok(Proof { headers, transaction }) => {
                (self.attempt.proof, self.attempt.transaction) = (headers, transaction);
                self.attempt.set_valid_until(self.valid_until(Some(request)));
                self.attempt.state = PaymentState::Sent;
                self.write(State::Recording, at).with(ReservationChange::Keep)
            }
            Err(NoProof { error, unmoved: true, .. }) => {
                self.unsaid();
                self.withdraw(Some(error), at)
            }
            Err(NoProof { error, transaction, .. }) => {
                self.attempt.transaction = transaction;
                self.attempt.state = PaymentState::Unknown;
                self.write(State::Concluding(Some(error)), at).with(ReservationChange::Keep)
            }
        }
    }

    /// The server could not settle what was signed. The wallet is asked once more, with the same
    /// nonce: of the two only one could ever move money, and the first was not sent.
    pub(super) fn too_late(&mut self, at: Moment) -> Step {
        let was_asked_again = core::mem::replace(&mut self.is_asked_again, true);
        if !was_asked_again && !self.end.is_over(at.now) {
            self.is_reserved = false;
            return self.intend(at);
        }
        let seconds = self.order.as_ref().map_or(0, |order| order.offer.timeout_s);
        let said = if was_asked_again { "twice" } else { "when the call's time was over" };
        let words = format!("the signature came too late, {said}: the server waits {seconds} seconds for it; nothing was sent");
        self.withdraw(Some(Error::new(ErrorCode::WalletTimeout, words)), at)
    }

    /// What is signed later is not sent: the call has learned that no money has moved, and may have
    /// been made again. What is transferred later is kept.
    pub(super) fn leave_wallet(&mut self, request: Box<WalletRequest>, at: Moment) -> Step {
        if self.attempt.is_signed() {
            let words = "; nothing was sent, and what is signed now is not sent either: the call can be made again";
            return self.withdraw(self.is_waiting.then(|| silent("the wallet", self.limit, words)), at);
        }
        let has_hash = !self.attempt.proof.is_empty();
        let advice = if has_hash { HAS_HASH } else { LOOK_IN_WALLET };
        let answer = if self.is_waiting { self.failed(silent("the wallet", self.limit, advice)) } else { None };
        Step { unlock: true, ..self.answer_early(State::AskingAlone(request), answer) }
    }

    pub(super) fn reread(&mut self, request: Box<WalletRequest>, answer: Result<Json, Json>) -> Step {
        self.state = State::Rereading(request, answer);
        Step::new(Action::Reread)
    }

    pub(super) fn keep(&mut self, request: &WalletRequest, answer: Result<Json, Json>, at: Moment) -> Step {
        match request.read(answer) {
            Ok(Proof { headers, transaction }) => {
                (self.attempt.proof, self.attempt.transaction) = (headers, transaction);
                self.attempt.state = PaymentState::Proven;
                self.write(State::Keeping, at)
            }
            Err(NoProof { unmoved: true, .. }) => {
                self.unsaid();
                self.withdraw(None, at)
            }
            Err(NoProof { transaction, .. }) => {
                self.attempt.transaction = transaction;
                self.attempt.state = PaymentState::Unknown;
                self.write(State::Keeping, at)
            }
        }
    }

    pub(super) fn is_fresh(&self, request: &WalletRequest, at: Moment) -> bool {
        request.is_fresh(at.wall + self.server_ahead())
    }

    pub(super) fn server_ahead(&self) -> Millis {
        self.order.as_ref().map_or(Millis::ZERO, Order::server_ahead)
    }

    /// Until when a signature can be settled, on this clock: the later one of what this clock says
    /// and the server's. A server that lies about the time must not make anyone believe that what
    /// it holds is worth nothing any more.
    pub(super) fn valid_until(&self, request: Option<&WalletRequest>) -> Option<WallTime> {
        let server_behind = Millis::ZERO - self.server_ahead();
        Some(request?.valid_until()? + server_behind.max(Millis::ZERO))
    }
}
