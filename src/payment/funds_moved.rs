//! Whether money has moved for a payment, and what that means for the budget.

use crate::api::error::Error;
use crate::api::payments::{Attempt, Certainty, JobSource, PaidBy, PaymentState};
use crate::spending::budget::Fate;
use crate::time::{Millis, WallTime};

/// Nobody waits so long for a reply: a payment that is still on its way is forgotten by its
/// program.
const IN_FLIGHT: Millis = Millis::from_secs(600.0);
/// Nobody answers a wallet so late.
const IN_WALLET: Millis = Millis::from_secs(86_400.0);
/// A signature that nobody has sent so long after its time is never sent.
const UNSENT: Millis = Millis::from_secs(60.0);
/// How long a payment that nobody has signed is open, where its record does not say until when a
/// signature would be good.
pub const UNSIGNED: Millis = Millis::from_secs(3_600.0);

/// Whether money has moved, as far as can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FundsMoved {
    /// Certainly not.
    No,
    /// It may have, or may still.
    Unknown,
    /// The server has taken the payment.
    Yes,
}

/// Whether money has moved for this payment.
///
/// - What was signed moves nothing before it is sent. Version 0.1.0 could send a proof without
///   writing that down.
/// - A server that refuses what was signed can still settle it, until its time is over.
/// - A wallet's word for a transfer is no more than that until the server has taken it.
pub fn funds_moved(attempt: &Attempt) -> FundsMoved {
    match (attempt.certainty, attempt.state, attempt.paid_by) {
        (Certainty::Moved, ..) => FundsMoved::Yes,
        (Certainty::Unmoved, ..) => FundsMoved::No,
        (Certainty::None, PaymentState::Accepted, PaidBy::Transfer) => FundsMoved::Yes,
        (Certainty::None, PaymentState::Accepted, PaidBy::Signature { .. }) => settled(attempt),
        (Certainty::None, PaymentState::Intended, PaidBy::Signature { .. })
        | (Certainty::None, PaymentState::Proven, PaidBy::Signature { valid_until: Some(_) }) => FundsMoved::No,
        _ => FundsMoved::Unknown,
    }
}

/// Whether a server that has made a job of a signed payment has settled it.
fn settled(attempt: &Attempt) -> FundsMoved {
    let source = attempt.job.as_ref().map(|job| job.source);
    let says_nothing = || attempt.receipt.as_ref().and_then(|receipt| receipt.get("success")).is_none();
    if attempt.is_settled() || (source != Some(JobSource::Search) && says_nothing()) {
        FundsMoved::Yes
    } else {
        FundsMoved::Unknown
    }
}

/// What a record says of the money that is set aside for its payment.
pub fn fate(attempt: &Attempt, now: WallTime) -> Fate {
    let over = |limit: Millis| attempt.begun_at + limit < now;
    match (funds_moved(attempt), attempt.state) {
        // It is sent only after it was reserved again, or while its time is not over.
        (FundsMoved::No, _) => {
            let until = attempt.valid_until().unwrap_or(attempt.begun_at + UNSIGNED);
            if until + UNSENT < now { Fate::Unmoved } else { Fate::Open }
        }
        (FundsMoved::Yes, _) => Fate::Spent(attempt.created_at),
        // It may still come to nothing, and is given back then.
        (_, PaymentState::Intended | PaymentState::Proven) if !over(IN_WALLET) => Fate::Open,
        (_, PaymentState::Sent) if !over(IN_FLIGHT) => Fate::Open,
        _ => Fate::Spent(attempt.begun_at),
    }
}

/// Whether money has moved for what an error is about. This is `error.fundsMoved`.
pub fn funds_moved_for(error: &Error) -> FundsMoved {
    match &error.payment {
        Some(attempt) => funds_moved(attempt),
        None if error.is_about_unread_payment => FundsMoved::Unknown,
        None => FundsMoved::No,
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::error::ErrorCode;
    use crate::api::payments::AttemptJob;
    use crate::json;
    use crate::json::Json;
    use crate::payment::record::{read, to_json};

    fn record() -> Json {
        json!({"attemptId": "a", "state": "sent", "dialect": "v1", "network": "base", "amountAtomic": "20000",
            "amount": "0.02", "asset": "0x1", "recipient": "0x2", "currency": "USDC", "chainId": 8453, "decimals": 6})
    }

    fn paid_by(is_signed: bool, valid_until: Option<WallTime>) -> PaidBy {
        if is_signed { PaidBy::Signature { valid_until } } else { PaidBy::Transfer }
    }

    #[test]
    fn whether_money_has_moved_is_known_by_the_state_and_by_what_the_wallet_gave() {
        use FundsMoved::{No, Unknown, Yes};
        use PaymentState::{Accepted, Intended, Proven, Refused, Sent};
        let until = Some(WallTime::from_ms(9.0));
        let settled = |success: Json| Some(json!({"success": success}));
        // The state; whether the wallet signs, the end of what it signed, the receipt, whether the
        // job was found by a search.
        for (state, is_signed, valid_until, receipt, is_found, moved) in [
            (Intended, true, until, None, false, No),
            (Intended, false, None, None, false, Unknown),
            (Proven, true, until, None, false, No),
            // Version 0.1.0 could send it without writing that down.
            (Proven, true, None, None, false, Unknown),
            (Proven, false, None, None, false, Unknown),
            (Sent, true, until, None, false, Unknown),
            (Sent, false, None, None, false, Unknown),
            (Refused, true, until, None, false, Unknown),
            (Refused, true, until, settled(json!(false)), false, Unknown),
            (Refused, false, None, None, false, Unknown),
            (PaymentState::Unknown, true, until, None, false, Unknown),
            (PaymentState::Unknown, false, None, None, false, Unknown),
            (Accepted, false, None, None, false, Yes),
            (Accepted, false, None, None, true, Yes),
            (Accepted, true, None, None, false, Yes),
            (Accepted, true, None, None, true, Unknown),
            (Accepted, true, None, settled(json!(true)), true, Yes),
            (Accepted, true, None, settled(json!(false)), false, Unknown),
        ] {
            let attempt = Attempt { state, paid_by: paid_by(is_signed, valid_until), receipt, ..read(&record()).unwrap() };
            let source = if is_found { JobSource::Search } else { JobSource::Reply };
            let job = (state == Accepted).then(|| AttemptJob { handle: json!({"jobId": "job-1"}), source });
            let attempt = Attempt { job, ..attempt };
            assert_eq!(funds_moved(&attempt), moved, "{attempt:?}");
            assert_eq!(funds_moved(&read(&to_json(&attempt)).unwrap()), moved, "as it was written: {attempt:?}");
            let mined = Attempt { certainty: Certainty::Moved, ..attempt.clone() };
            assert_eq!(funds_moved(&mined), Yes, "the chain has the last word");
            assert_eq!(funds_moved(&read(&to_json(&mined)).unwrap()), Yes);
            let over = Attempt { certainty: Certainty::Unmoved, ..attempt };
            assert_eq!(funds_moved(&over), No);
            assert_eq!(funds_moved(&read(&to_json(&over)).unwrap()), No);
        }
    }

    #[test]
    fn what_is_set_aside_for_a_payment_is_open_until_nobody_can_still_be_at_it() {
        use PaymentState::{Accepted, Intended, Proven, Refused, Sent};
        let begun = WallTime::from_ms(1_700_000_000_000.0);
        let until = Some(begun + Millis::from_secs(300.0));
        let soon = Millis::from_secs(1.0);
        // The state; whether the wallet signs, and until when; after how long another thing is
        // true, and what that is.
        for (state, is_signed, valid_until, limit, later) in [
            (Intended, true, None, UNSIGNED + UNSENT, Fate::Unmoved),
            (Proven, true, until, Millis::from_secs(300.0) + UNSENT, Fate::Unmoved),
            (Intended, false, None, IN_WALLET, Fate::Spent(begun)),
            (Proven, false, None, IN_WALLET, Fate::Spent(begun)),
            (Sent, true, until, IN_FLIGHT, Fate::Spent(begun)),
            (Sent, false, None, IN_FLIGHT, Fate::Spent(begun)),
        ] {
            let attempt =
                Attempt { state, paid_by: paid_by(is_signed, valid_until), begun_at: begun, ..read(&record()).unwrap() };
            let at = |after: Millis| format!("{:?}", fate(&attempt, begun + after));
            assert_eq!(at(Millis::ZERO), "Open", "{state:?}");
            assert_eq!(at(limit), "Open", "{state:?}");
            assert_eq!(at(limit + soon), format!("{later:?}"), "{state:?}");
        }
        // What has moved is spent when it moved, and what may have moved when it began.
        for (state, spent_at) in [(Accepted, begun + soon), (Refused, begun), (PaymentState::Unknown, begun)] {
            let attempt = Attempt { state, begun_at: begun, created_at: begun + soon, ..read(&record()).unwrap() };
            assert_eq!(format!("{:?}", fate(&attempt, begun)), format!("{:?}", Fate::Spent(spent_at)), "{state:?}");
        }
    }

    #[test]
    fn every_error_says_whether_money_has_moved() {
        for &code in ErrorCode::ALL {
            let mut error = Error::new(code, "x");
            assert_eq!(funds_moved_for(&error), FundsMoved::No, "{code:?}: it is about no payment");
            error.is_about_unread_payment = true;
            assert_eq!(funds_moved_for(&error), FundsMoved::Unknown, "{code:?}");
            for (state, moved) in [
                ("intended", FundsMoved::Unknown),
                ("sent", FundsMoved::Unknown),
                ("refused", FundsMoved::Unknown),
                ("accepted", FundsMoved::Yes),
            ] {
                error.payment = read(&record().set("state", Json::text(state))).map(Box::new);
                assert_eq!(funds_moved_for(&error), moved, "{code:?} {state}");
            }
        }
    }
}
