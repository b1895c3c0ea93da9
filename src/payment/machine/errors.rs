//! The errors and the words of a payment that are always the same.

use crate::api::error::{Error, ErrorCode};
use crate::json::Json;
use crate::time::Millis;

pub(super) fn silent(who: &str, limit: Millis, advice: &str) -> Box<Error> {
    Error::new(ErrorCode::WalletTimeout, format!("{who} did not answer within {} ms{advice}", limit.whole()))
}

/// The wallet has taken all the time: what would be sent now could not be waited for.
pub(super) fn out_of_time() -> Box<Error> {
    let mut error = Error::new(ErrorCode::RequestTimeout, "the call's time limit was over before it could be sent");
    error.not_sent = true;
    error
}

pub(super) fn not_reserved_in_time() -> Box<Error> {
    let words = "the call's time limit was over before its payment could be counted in the store; nothing was paid";
    Error::new(ErrorCode::RequestTimeout, words)
}

/// A signature that was never sent, and is not any more.
pub(super) fn void() -> Box<Error> {
    let words = "what was signed for this payment was never sent, and its time is over: no money has moved, and the payment is not open \
                 any more";
    Error::new(ErrorCode::PaymentNotOpen, words)
}

/// A signature that is not sent again.
pub(super) fn stale() -> Box<Error> {
    let words =
        "the time of what was signed is over, so that it can be settled no more; whether it was settled before is on the chain";
    Error::new(ErrorCode::PaymentOutcomeUnknown, words)
}

pub(super) fn taken() -> Box<Error> {
    let words = "another program has just begun a payment under the same idempotencyKey; nothing was paid: call again";
    Error::new(ErrorCode::StoreFailed, words)
}

/// A program that was suspended for longer than a lock's lease. The intent was written before this
/// was seen, so whoever has the lock now has found it, or has begun a payment of its own.
pub(super) fn lock_lost() -> Box<Error> {
    let words = "a lock of the payment was lost, for this program was suspended for too long; nothing was sent, and \
                 nothing was paid: call again";
    Error::new(ErrorCode::StoreFailed, words)
}

/// The error of a payment whose outcome the store has not taken.
pub(super) fn unwritten(mut error: Box<Error>) -> Box<Error> {
    error.message.push_str("; the store of payments failed too, so that only error.payment knows how it ended");
    error
}

/// The error of a call that ends before what was signed for it was sent. The store has no record of
/// it any more.
pub(super) fn dropped(mut error: Box<Error>) -> Box<Error> {
    error.message.push_str("; nothing was paid, and the payment is not open any more: the call can be made again");
    error.repeats_payment = false;
    error
}

/// The same error where the store may still have the record.
pub(super) fn not_dropped(mut error: Box<Error>) -> Box<Error> {
    error.message.push_str(
        "; the store of payments has failed too, so that what was signed may still be open: do not pay again before \
         client.resume(error.payment) or forgetPayment(error.payment)",
    );
    error.repeats_payment = true;
    error
}

pub(super) fn kept_words(result: &Result<(), Json>) -> &'static str {
    match result {
        Ok(()) => "the wallet has answered after its call had ended; pendingPayments() knows what is open",
        Err(_) => "the wallet has answered after its call had ended, and the store has failed: look in the wallet",
    }
}
