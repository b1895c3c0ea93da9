//! What a wallet's answer means when the module that had asked it has trapped meanwhile, or what it
//! says after its answer. Only the payment's record is left then.

use super::record::Found;
use super::{record, wallet, wallet_error};
use crate::api::payments::{Attempt, Certainty, PaymentState};
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
    if attempt.is_signed() || attempt.job.is_some() || has_gone_on || attempt.certainty == Certainty::Unmoved {
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
                return LateAnswer::Over(Box::new(Attempt { certainty: Certainty::Unmoved, ..attempt }));
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
        Found::Attempt(known) if known.state == PaymentState::Proven => known.job.is_some(),
        Found::Attempt(known) => known.job.is_some() || !known.proof.is_empty(),
        _ => is_closed,
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::payments::{AttemptJob, JobSource, PaidBy};
    use crate::json;

    /// A payment by transfer, as its record has it in this state.
    fn attempt(state: &str) -> Attempt {
        let record = json!({"version": 1, "attemptId": "a", "state": state, "dialect": "elizaos", "network": "base",
            "amountAtomic": "20000", "amount": "0.02", "asset": "0x1", "recipient": "0x2", "currency": "USDC", "chainId": 8453,
            "decimals": 6, "server": "https://s", "request": "{}", "createdAt": 5, "proof": {}});
        record::read(&record).unwrap()
    }
    fn with_proof(state: &str) -> Attempt {
        Attempt { proof: vec![("x-payment-proof".into(), "p".into())], ..attempt(state) }
    }
    fn with_job(state: &str) -> Attempt {
        let job = AttemptJob { handle: json!({"jobId": "job-1"}), source: JobSource::Reply };
        Attempt { job: Some(job), ..attempt(state) }
    }

    #[test]
    fn a_late_answer_changes_nothing_of_a_payment_that_has_gone_on_without_it() {
        for (known, is_changed) in [
            (attempt("intended"), true),
            (attempt("unknown"), true),
            (with_proof("proven"), true),
            (with_proof("sent"), false),
            (with_job("accepted"), false),
            (with_job("proven"), false),
            (Attempt { paid_by: PaidBy::Signature { valid_until: None }, ..attempt("intended") }, false),
            (Attempt { certainty: Certainty::Unmoved, ..attempt("intended") }, false),
        ] {
            let answer = late_answer(known.clone(), Ok(json!("0x".to_owned() + &"ab".repeat(32))));
            assert_eq!(!matches!(answer, LateAnswer::Same), is_changed, "{known:?}");
        }
    }

    #[test]
    fn what_a_person_refuses_late_is_over_and_says_that_no_money_has_moved() {
        let refused = late_answer(attempt("intended"), Err(json!({"code": 4001, "message": "User rejected the request."})));
        assert!(matches!(refused, LateAnswer::Over(over) if over.certainty == Certainty::Unmoved));
    }

    #[test]
    fn what_may_have_been_sent_is_over_by_no_code_of_a_wallet() {
        let no = || Err(json!({"code": 4001, "message": "User rejected the request."}));
        assert!(matches!(late_answer(attempt("unknown"), no()), LateAnswer::Kept(kept) if kept.state == PaymentState::Unknown));
        let hash = "0x".to_owned() + &"ab".repeat(32);
        let said = Attempt { transaction: Some(hash.clone()), ..with_proof("proven") };
        let LateAnswer::Kept(kept) = late_answer(said, no()) else { panic!("a transaction is forgotten") };
        assert_eq!((kept.state, kept.transaction, kept.proof.len()), (PaymentState::Proven, Some(hash), 1));
    }

    #[test]
    fn a_transfer_wallets_answer_is_dropped_where_there_is_a_job_or_a_proof_that_was_sent() {
        let found = |attempt| Found::Attempt(Box::new(attempt));
        for (found, is_closed, is_dropped) in [
            (found(attempt("intended")), true, false),
            (found(with_proof("proven")), true, false),
            (found(with_job("proven")), true, true),
            (found(with_proof("sent")), false, true),
            (found(with_job("accepted")), false, true),
            (Found::Missing, true, true),
            (Found::Missing, false, false),
            (Found::Unreadable, false, false),
        ] {
            assert_eq!(needs_no_answer(&found, is_closed), is_dropped, "{found:?}");
        }
    }
}
