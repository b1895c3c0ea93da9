//! What an error means once there is a proof of payment, and what to do about it.

use super::{Delivery, Payment};
use crate::api::error::{Error, ErrorCode};
use crate::api::payments::{Certainty, PaymentState};
use crate::http::outcome::ONLY_CREATES;
use crate::payment::body;
use crate::time::Millis;

/// What became of a proof of payment for which there is no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The server has accepted it, and refused the request that it came with.
    RequestRefused,
    /// The chain says that the money has moved.
    MovedWithoutJob,
    /// It was sent at least once, and nobody knows what became of it.
    Unknown,
    /// It was never sent.
    NotSent,
    /// The server has refused it each time.
    Refused,
}

impl Outcome {
    fn said(self) -> &'static str {
        match self {
            Outcome::RequestRefused => "the server took the proof of payment, but not the request",
            Outcome::MovedWithoutJob => "the payment has moved, as the chain says, and there is no job for it",
            Outcome::Unknown => "the payment was sent and its outcome is not known",
            Outcome::NotSent => "the payment could not be sent",
            Outcome::Refused => "the server refused the payment",
        }
    }

    /// What the application can do. Never "pay again".
    fn advice(self) -> &'static str {
        match self {
            Outcome::RequestRefused => {
                "; do not pay again: client.resume(error.payment, { params }) sends the same proof with another request"
            }
            Outcome::MovedWithoutJob => {
                "; do not pay again: the server has the money; ask its operator, or resume the payment later"
            }
            Outcome::Unknown | Outcome::NotSent | Outcome::Refused => {
                "; do not pay again: client.resume(error.payment) goes on with the same proof"
            }
        }
    }
}

impl Payment {
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

    /// What became of the proof when the server has answered with this error.
    fn outcome_of(&self, error: &Error) -> Outcome {
        if body::is_refused(error) {
            Outcome::RequestRefused
        } else if self.attempt.certainty == Certainty::Moved {
            Outcome::MovedWithoutJob
        } else if self.delivery == Delivery::Unknown {
            Outcome::Unknown
        } else if error.not_sent {
            Outcome::NotSent
        } else {
            Outcome::Refused
        }
    }

    /// The error of a payment that ends with this one. The attempt takes the state that goes with
    /// it.
    pub(super) fn outcome(&mut self, error: Error) -> Box<Error> {
        let outcome = self.outcome_of(&error);
        let code = match outcome {
            Outcome::RequestRefused => ErrorCode::PaymentRequestRefused,
            Outcome::MovedWithoutJob | Outcome::Unknown => ErrorCode::PaymentOutcomeUnknown,
            Outcome::NotSent => error.code,
            Outcome::Refused => ErrorCode::PaymentRefused,
        };
        self.attempt.state = match outcome {
            Outcome::RequestRefused | Outcome::NotSent => self.unsent_state(),
            Outcome::MovedWithoutJob | Outcome::Unknown => PaymentState::Unknown,
            Outcome::Refused => PaymentState::Refused,
        };
        let said = outcome.said();
        // Of a signature that was never sent it is said when the record is deleted.
        let advice = if outcome == Outcome::NotSent && self.is_unsent() { "" } else { outcome.advice() };
        let reason = self.attempt.reason().map(|reason| format!("{reason}, ")).unwrap_or_default();
        let words = error.message.strip_suffix(ONLY_CREATES).unwrap_or(&error.message);
        let clocks = if self.attempt.is_signed() && speaks_of_time(&reason, words) { self.clocks() } else { String::new() };
        let mut about = Error::new(code, format!("{said}: {reason}{words}{clocks}{advice}"));
        about.status = error.status;
        about.server_message = error.server_message;
        about.server_code = error.server_code;
        about.retry_after = error.retry_after;
        about.job_id = self.hint.take();
        about.cause = error.cause;
        about
    }
}

/// Whether a refusal is about the time in which what was signed is good.
fn speaks_of_time(reason: &str, words: &str) -> bool {
    let words = [reason, words].concat().to_ascii_lowercase();
    ["valid_before", "valid_after", "validbefore", "validafter", "expired", "not yet valid"]
        .iter()
        .any(|part| words.contains(part))
}
