//! What a wallet's answer means when the module that had asked it has trapped meanwhile, or what it
//! says after its answer. Only the payment's record is left then.

use super::record::Found;
use super::{record, wallet, wallet_error};
use crate::api::payments::{Attempt, PaymentState};
use crate::json::Json;
use crate::spending::offer_rules::PaymentMethod;

/// What becomes of the payment's record.
#[derive(Debug)]
pub(super) enum LateAnswer {
    /// It stays as it is: it has a proof already, or a job, or no money can have moved.
    Same,
    /// It says this.
    Kept(Box<Attempt>),
    /// Certainly no money has moved: it is deleted.
    Over(Box<Attempt>),
}

/// What the answer of a wallet that was asked for a transfer, or took the payment over, means for
/// the payment.
pub(super) fn late_answer(attempt: Attempt, answer: Result<Json, Json>) -> LateAnswer {
    // A hash that the wallet has said before its answer is not sent yet: the answer is the wallet's
    // last word.
    let has_gone_on = !attempt.proof.is_empty() && attempt.state != PaymentState::Proven;
    // What is only signed moves nothing.
    if attempt.signs || attempt.created.is_some() || has_gone_on || attempt.unmoved {
        return LateAnswer::Same;
    }
    // It is open for longer than its call, or the wallet has said that it has sent something.
    let has_sent = attempt.transaction.is_some() || attempt.state == PaymentState::Unknown;
    let answer = if has_sent { wallet::after_sending(answer, attempt.transaction.as_deref()) } else { answer };
    let (proof, transaction) = match answer {
        Ok(given) => match wallet::headers(&given) {
            Ok(proof) => (proof, None),
            Err(_) => (Vec::new(), wallet::stray_hash(&given)),
        },
        Err(thrown) => {
            let thrown = wallet_error::thrown(PaymentMethod::Transfer, &thrown);
            if thrown.unmoved {
                return LateAnswer::Over(Box::new(Attempt { unmoved: true, ..attempt }));
            }
            (Vec::new(), thrown.transaction)
        }
    };
    let attempt = record::with_transaction(attempt, transaction);
    let proof = if proof.is_empty() { attempt.proof } else { proof };
    let state = if proof.is_empty() { PaymentState::Unknown } else { PaymentState::Proven };
    LateAnswer::Kept(Box::new(Attempt { proof, state, ..attempt }))
}

/// Whether a transfer wallet's answer that came after the call had ended is dropped. Another call
/// may have gone on with the payment meanwhile: what has a proof or a job needs no other. What was
/// transferred is kept even where the record is gone, or cannot be read.
pub(super) fn needs_no_answer(found: &Found, is_closed: bool) -> bool {
    match found {
        // A hash that the wallet has said before its answer is not sent yet: the answer is the
        // wallet's last word.
        Found::Attempt(known) if known.state == PaymentState::Proven => known.created.is_some(),
        Found::Attempt(known) => known.created.is_some() || !known.proof.is_empty(),
        _ => is_closed,
    }
}
