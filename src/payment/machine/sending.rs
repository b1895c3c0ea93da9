//! From the proof to the job: sending it, searching for the job after a lost reply, sending it
//! again.

use super::errors::{dropped, not_dropped, out_of_time, stale, unwritten, void};
use super::{Delivery, Payment, State};
use crate::api::error::Error;
use crate::api::jobs::{self, Created};
use crate::api::payments::{Attempt, AttemptJob, Certainty, JobSource, PaymentState};
use crate::json::Json;
use crate::payment::body;
use crate::payment::step::{Action, Moment, Paid, Reply, ReservationChange, Settlement, Step};
use crate::payment::store_failed;

/// How often the same proof is sent again after a reply was lost.
const RESENDS: u32 = 2;

impl Payment {
    /// The store has not taken the proof. What was only signed can be left unsent. What was
    /// transferred is lost when it is not sent.
    pub(super) fn not_recorded(&mut self, thrown: Json, at: Moment) -> Step {
        if !self.attempt.is_signed() {
            self.is_unrecorded = true;
            let words = "the store of payments failed: the proof of a payment is not written down, and is sent all the same";
            return self.send(Some(words), at);
        }
        self.attempt.state = self.unsent_state();
        let error = store_failed(thrown, "; the signature was not sent");
        if self.is_unsent() {
            return self.discard(Some(error), at);
        }
        // What may land all the same says that it was sent.
        self.write(State::Concluding(Some(error)), at)
    }

    /// The proof is there, and nobody waits for the job. What was transferred can be resumed; so
    /// can what was signed before this call. What was signed for this call ends with it: another
    /// call pays for the same.
    pub(super) fn leave_unsent(&mut self, state: PaymentState, at: Moment) -> Step {
        self.attempt.state = state;
        if self.is_unsent() && self.order.is_some() {
            return self.discard(None, at);
        }
        self.state = State::Concluding(None);
        Step::new(Action::Write(Box::new(self.attempt.clone()))).with(self.unsent_reservation())
    }

    /// The proof was sent, and nobody waits for the job: the record says so, if there is one.
    pub(super) fn leave_sent(&mut self) -> Step {
        if !self.is_unrecorded {
            return Step::new(Action::Done);
        }
        self.state = State::Concluding(None);
        Step::new(Action::Write(Box::new(self.attempt.clone())))
    }

    pub(super) fn was_sent(&self) -> bool {
        self.delivery != Delivery::Unsent
    }

    /// What is written of a proof that is not sent now.
    pub(super) fn unsent_state(&self) -> PaymentState {
        match self.delivery {
            Delivery::Unsent => PaymentState::Proven,
            Delivery::Refused => PaymentState::Refused,
            Delivery::Unknown => PaymentState::Unknown,
        }
    }

    /// Whether there is a signature that was never sent: it moves nothing.
    pub(super) fn is_unsent(&self) -> bool {
        self.attempt.is_signed() && !self.was_sent()
    }

    pub(super) fn unsent_reservation(&self) -> ReservationChange {
        if self.is_unsent() { ReservationChange::Release } else { ReservationChange::Unchanged }
    }

    /// The call ends, and what was signed was never sent: it never will be. The application learns
    /// that nothing was paid, and may call again; what is open it may resume besides.
    pub(super) fn discard(&mut self, error: Option<Box<Error>>, at: Moment) -> Step {
        // Neither by what the error has, when the record is gone.
        self.attempt.proof.clear();
        self.state = State::Dropping(error);
        let step = Step::new(Action::Forget).with(ReservationChange::Release);
        if self.is_waiting { step.until(self.store_limit(at)) } else { step }
    }

    pub(super) fn dropped(&mut self, error: Option<Box<Error>>, result: &Result<(), Json>) -> Step {
        if result.is_ok() {
            self.attempt.certainty = Certainty::Unmoved;
            return Step::done(error.and_then(|error| self.failed(dropped(error))));
        }
        // The record may say that it was sent.
        self.attempt.state = PaymentState::Sent;
        let answer = error.and_then(|error| self.failed(not_dropped(error)));
        let words = "what was signed for a payment and never sent could not be deleted from the store: forgetPayment() ends it";
        Step::done(answer).warn(Some(words))
    }

    /// The store takes long: what it may still have is not taken for gone.
    pub(super) fn not_dropped_yet(&mut self, error: Option<Box<Error>>) -> Step {
        let open = Attempt { state: PaymentState::Sent, ..self.attempt.clone() };
        let answer = error.filter(|_| self.is_waiting).map(|error| {
            let mut error = not_dropped(error);
            error.payment = Some(Box::new(open));
            Err(error)
        });
        self.answer_early(State::Dropping(None), answer)
    }

    pub(super) fn send(&mut self, warning: Option<&'static str>, at: Moment) -> Step {
        let is_first = self.order.is_some() && self.resends == 0 && !self.was_sent();
        let proven = Attempt { state: PaymentState::Proven, ..self.attempt.clone() };
        let update = is_first.then(|| proven.document());
        let step = if self.end.is_over(at.now) {
            self.conclude(*out_of_time(), at)
        } else if !is_first && self.is_stale(at) {
            if self.was_sent() { self.conclude(*stale(), at) } else { self.withdraw(Some(void()), at) }
        } else {
            self.state = State::Sending;
            Step::new(Action::Send(Box::new(self.attempt.clone())))
        };
        Step { update, ..step.warn(warning) }
    }

    pub(super) fn send_again(&mut self, at: Moment) -> Step {
        self.resends = self.resends.saturating_add(1);
        self.send(None, at)
    }

    /// Whether the time of what was signed is over, so that it can be settled no more.
    pub(super) fn is_stale(&self, at: Moment) -> bool {
        self.attempt.is_signed() && self.attempt.valid_until().is_some_and(|until| until < at.wall)
    }

    /// A lost reply, and a refusal too (a failed settlement refuses a job that is there), leads to
    /// a search for the job.
    pub(super) fn responded(&mut self, reply: Reply, at: Moment) -> Step {
        if let Some(Settlement { transaction, receipt }) = reply.settlement {
            (self.attempt.transaction, self.attempt.receipt) = (transaction, Some(receipt));
        }
        let mut error = match reply.result {
            Ok(created) => return self.accept(created, JobSource::Reply, at),
            Err(error) => error,
        };
        self.hint = error.job_id.take().or_else(|| self.hint.take());
        if !error.not_sent {
            let delivery = if self.is_definite(&error) { Delivery::Refused } else { Delivery::Unknown };
            self.delivery = self.delivery.max(delivery);
        }
        if let Some(corrected) = self.correction(&error) {
            self.is_corrected = true;
            self.attempt.request = corrected;
            return self.write(State::Recording, at);
        }
        if error.not_sent { self.try_again(error, at) } else { self.find(Some(error)) }
    }

    /// The body with what the server says that it wants, once.
    pub(super) fn correction(&self, error: &Error) -> Option<String> {
        let words = error.server_message.as_ref().filter(|_| !self.is_corrected && body::is_refused(error))?;
        body::corrected(&self.attempt.request, words)
    }

    /// Whether the server's answer is its last word. A settlement that is pending may still
    /// succeed.
    pub(super) fn is_definite(&self, error: &Error) -> bool {
        let pending = self.attempt.reason().as_deref() == Some("settlement_pending");
        error.is_last_word() && !pending
    }

    pub(super) fn find(&mut self, error: Option<Box<Error>>) -> Step {
        self.state = State::Finding(error);
        Step::new(Action::FindJob(self.hint.clone()))
    }

    pub(super) fn try_again(&mut self, error: Box<Error>, at: Moment) -> Step {
        // What redirects this request will not take it the next time either.
        let over = self.is_definite(&error) || matches!(error.status, Some(300..=399)) || self.resends >= RESENDS;
        if over {
            return self.conclude(*error, at);
        }
        let action = Action::Rest { error: error.clone(), resends: self.resends };
        self.state = State::Resting(error);
        Step::new(action)
    }

    /// There is a job: its handle is written down before the call gets it.
    pub(super) fn accept(&mut self, created: Created, source: JobSource, at: Moment) -> Step {
        self.attempt.state = PaymentState::Accepted;
        self.attempt.job = Some(AttemptJob { handle: jobs::handle(&created.document), source });
        // The job's time begins now, however old the payment is.
        self.attempt.created_at = at.wall;
        // The server has accepted it.
        self.attempt.proof.clear();
        self.attempt.set_valid_until(None);
        self.write(State::Accepting(Box::new(created)), at).with(ReservationChange::Keep)
    }

    pub(super) fn accepted(&mut self, created: Created, result: &Result<(), Json>) -> Step {
        let words = "the store of payments failed: the job of a payment is not written down; its id is in the answer alone";
        self.accepted_early(created).warn(result.is_err().then_some(words))
    }

    pub(super) fn accepted_early(&mut self, created: Created) -> Step {
        self.state = State::Over;
        let update = self.is_waiting.then(|| self.attempt.document());
        let answer = self.is_waiting.then(|| Ok(Paid { created, attempt: self.attempt.clone() }));
        // All writes are waited for at the end.
        Step { update, ..Step::done(answer) }
    }

    /// The end without a job: what it means is written down before the call gets it.
    pub(super) fn conclude(&mut self, error: Error, at: Moment) -> Step {
        let is_unsent = error.not_sent && self.is_unsent();
        let error = self.outcome(error);
        if is_unsent { self.discard(Some(error), at) } else { self.write(State::Concluding(Some(error)), at) }
    }

    pub(super) fn concluded(&mut self, error: Option<Box<Error>>, result: &Result<(), Json>) -> Step {
        let error = error.map(|error| if result.is_err() { unwritten(error) } else { error });
        let answer = error.and_then(|error| self.failed(error));
        let words = "the store of payments failed: what became of a payment is not written down";
        Step::done(answer).warn(result.is_err().then_some(words))
    }
}
