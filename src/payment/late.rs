//! What a wallet answers when the module that had asked it has trapped meanwhile. Only the payment's record is left then.

use std::rc::Rc;

use super::budgets::GivenBack;
use super::payments::Payments;
use super::record::{self, Found};
use super::wallet;
use crate::api::payments::{Attempt, PaymentState};
use crate::json::Json;
use crate::platform::{LogLevel, Platform};
use crate::spending::policy::PaymentMethod;
use crate::time::Deadline;

/// What becomes of the record.
enum Outcome {
    /// It stays as it is: it has a proof already, or a job, or no money can have moved.
    Same,
    /// It says this.
    Kept(Box<Attempt>),
    /// Certainly no money has moved: it is deleted.
    Over(Box<Attempt>),
}

/// What the answer of a wallet that was asked for a transfer, or took the payment over, means for the payment.
fn outcome(attempt: Attempt, answer: Result<Json, Json>) -> Outcome {
    // What is only signed moves nothing.
    if attempt.signs || attempt.created.is_some() || !attempt.proof.is_empty() || attempt.unmoved {
        return Outcome::Same;
    }
    let (proof, transaction) = match answer {
        Ok(given) => match wallet::headers(&given) {
            Ok(proof) => (proof, None),
            Err(_) => (Vec::new(), wallet::stray_hash(&given)),
        },
        Err(thrown) => {
            let thrown = wallet::thrown(PaymentMethod::Transfer, &thrown);
            if thrown.unmoved {
                return Outcome::Over(Box::new(Attempt { unmoved: true, ..attempt }));
            }
            (Vec::new(), thrown.transaction)
        }
    };
    let attempt = record::with_transaction(attempt, transaction);
    let proof = if proof.is_empty() { attempt.proof } else { proof };
    let state = if proof.is_empty() { PaymentState::Unknown } else { PaymentState::Proven };
    Outcome::Kept(Box::new(Attempt { proof, state, ..attempt }))
}

impl<P: Platform + 'static> Payments<P> {
    /// Writes down what the wallet has returned, or thrown, for the attempt with this id, and logs a line.
    pub(crate) async fn wallet_answered(self: &Rc<Self>, id: &str, answer: Result<Json, Json>) {
        // What is worth money is kept even where the lock cannot be had.
        let _lock = self.lock("resume", id, Deadline::NEVER).await;
        let written = match self.find_again(id).await {
            Found::Attempt(attempt) => match outcome(*attempt, answer) {
                Outcome::Same => return,
                Outcome::Kept(attempt) => self.write(*attempt).await,
                Outcome::Over(attempt) => match self.forget(id, None).await {
                    Ok(()) => self.give_back(&attempt, GivenBack::Reserved).await,
                    failed => failed,
                },
            },
            Found::Missing | Found::Unreadable | Found::Withheld(_) => Err(Json::object()),
        };
        let words = match written {
            Ok(()) => "the wallet has answered after an internal error; pendingPayments() knows what is open",
            Err(_) => "the wallet has answered after an internal error, and no record could be written: look in the wallet",
        };
        self.platform.log(LogLevel::Warn, words);
    }
}
