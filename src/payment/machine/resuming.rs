//! Payments that were begun before: by another call, another program, or one that has crashed.

use super::errors::void;
use super::{Payment, State};
use crate::api::error::{Error, ErrorCode};
use crate::api::jobs;
use crate::api::payments::{Certainty, PaymentState};
use crate::json::Json;
use crate::payment::funds_moved::UNSIGNED;
use crate::payment::step::{Action, Moment, Paid, ReservationChange, Resumption, Step, StoredRecord};
use crate::payment::store_failed;
use crate::spending::policy::OverBudget;
use crate::x402::onchain::ChainWord;

impl Payment {
    pub(super) fn resume(&mut self, resumption: Resumption, at: Moment) -> Step {
        if let Some(job) = &self.attempt.job {
            let created = jobs::read_created(jobs::handle(&job.handle));
            return Step::done(Some(Ok(Paid { created, attempt: self.attempt.clone() })));
        }
        if self.attempt.certainty == Certainty::Unmoved {
            let words = "no money has moved for this payment, and it is not open any more";
            let answer = self.failed(Error::new(ErrorCode::PaymentNotOpen, words));
            return Step::done(answer);
        }
        let has_proof = !self.attempt.proof.is_empty();
        let never_sent = self.attempt.is_signed() && self.attempt.state == PaymentState::Proven;
        if has_proof && never_sent && self.is_stale(at) {
            return self.withdraw(Some(void()), at);
        }
        if !has_proof && self.attempt.is_signed() && self.attempt.transaction.is_none() {
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
            return Step::new(Action::AskChain).until(self.end);
        }
        if resumption.has_reservation {
            return self.rewrite(resumption, at);
        }
        self.state = State::ReservingAgain(resumption);
        // What was signed and never sent can be left so; everything else has perhaps been spent.
        let over = if never_sent { OverBudget::Refuse } else { OverBudget::Reserve };
        Step::new(Action::Reserve { over, record: resumption.record })
    }

    /// What the chain says is the last word.
    pub(super) fn checked(&mut self, resumption: Resumption, word: ChainWord, at: Moment) -> Step {
        if word == ChainWord::Another {
            return self.not_this_transaction();
        }
        if word == ChainWord::Never {
            let words = "the chain says that the money of this payment has not moved and never will: it is not open any more, and the \
                         budget has it back";
            let error = Error::new(ErrorCode::PaymentNotOpen, words);
            if resumption.record == StoredRecord::Missing {
                // There is no record: it was closed before, and the budget of the store has it back
                // since then.
                return self.refuse(error);
            }
            self.state = State::Closing(Some(error));
            let step = Step::new(Action::Refund);
            return if self.is_waiting { step.until(self.store_limit(at)) } else { step };
        }
        self.attempt.certainty = if word == ChainWord::Moved { Certainty::Moved } else { Certainty::None };
        self.resume(resumption, at)
    }

    /// What `resume` was given is left out again; the record has what it had.
    fn not_this_transaction(&mut self) -> Step {
        self.attempt.transaction = None;
        self.attempt.proof.clear();
        let words = "the chain says that the transaction that was given to resume has not moved the money of this payment: nothing was \
                     sent, and the payment is open as before. Look in the wallet for the transaction that has";
        Step::done(self.failed(Error::new(ErrorCode::PaymentOutcomeUnknown, words)))
    }

    /// [`Action::Refund`] is done: the record is gone, and the store's budget has the money back.
    pub(super) fn closed(&mut self, error: Option<Box<Error>>, result: Result<(), Json>) -> Step {
        let (error, reservation) = match result {
            Ok(()) => {
                self.attempt.certainty = Certainty::Unmoved;
                (error, ReservationChange::Release)
            }
            Err(thrown) => (error.map(|_| store_failed(thrown, "; the payment is still open")), ReservationChange::Unchanged),
        };
        let answer = error.and_then(|error| self.failed(error));
        Step::done(answer).with(reservation)
    }

    /// No signature is written down. One that comes later is of no use when its time is over.
    pub(super) fn unsigned(&mut self, resumption: Resumption, at: Moment) -> Step {
        let until = self.attempt.valid_until().unwrap_or(self.attempt.created_at + UNSIGNED);
        let left = until.since(at.wall);
        if !(left.is_positive() || resumption.is_asking && self.attempt.valid_until().is_none()) {
            let words = "nothing was signed in time for this payment, and nothing was sent: no money has moved, and it is not open any \
                         more";
            return self.withdraw(Some(Error::new(ErrorCode::PaymentNotOpen, words)), at);
        }
        let seconds = left.whole().div_ceil(1_000).max(1);
        let words = format!(
            "no signature is written down for this payment, and none was sent: no money has moved. For another {seconds} seconds a \
             program that is still at it may send one; after that, or after forgetPayment, it is over"
        );
        let answer = self.failed(Error::new(ErrorCode::WalletTimeout, words));
        Step::done(answer)
    }

    pub(super) fn over_budget(&mut self, why: &str, at: Moment) -> Step {
        let words = format!("the payment is signed and was not sent: {why}");
        self.not_reserved(Error::new(ErrorCode::PaymentOverLimit, words), at)
    }

    pub(super) fn not_reserved(&mut self, error: Box<Error>, at: Moment) -> Step {
        if self.is_unsent() {
            return self.discard(Some(error), at);
        }
        // Version 0.1.0 may have sent it. In memory it is reserved already: the next call that
        // resumes it is to be checked as this one was.
        Step::done(self.failed(error)).with(ReservationChange::Release)
    }

    /// Its money may be reserved already.
    pub(super) fn leave_reserved(&mut self) -> Step {
        let may_have_moved = self.unsent_reservation() == ReservationChange::Unchanged;
        Step::new(Action::Done).with(if may_have_moved { ReservationChange::Keep } else { ReservationChange::Release })
    }

    /// What will be sent is in the store, and it says that it was sent.
    pub(super) fn rewrite(&mut self, resumption: Resumption, at: Moment) -> Step {
        let before = self.attempt.state;
        if before == PaymentState::Proven {
            self.attempt.state = PaymentState::Sent;
        } else if resumption.record == StoredRecord::Written && !resumption.is_corrected {
            return self.find(None).with(ReservationChange::Keep);
        }
        self.write(State::Rewriting(before), at).with(ReservationChange::Keep)
    }

    pub(super) fn not_rewritten(&mut self, before: PaymentState, thrown: Json, at: Moment) -> Step {
        if !self.attempt.is_signed() {
            self.is_unrecorded = true;
            let words = "the store of payments failed: the proof of a payment is not written down, and is sent all the same";
            return self.find(None).warn(Some(words));
        }
        let error = store_failed(thrown, "; the signature was not sent");
        if self.is_unsent() {
            return self.discard(Some(error), at);
        }
        // What may land all the same says that it was sent.
        let step = self.leave_unsent(before, at);
        let answer = self.failed(error);
        step.answering(answer)
    }
}
