//! Payments, from the wallet to the job.
//!
//! What is decided, without I/O:
//!
//! | file | what it decides |
//! | --- | --- |
//! | `machine.rs`, `step.rs` | one payment from step to step: the table of states and events |
//! | `book.rs` | all payments that this client knows |
//! | `record.rs` | what is written down |
//! | `funds_moved.rs` | whether money has moved, and what that means for the budget |
//! | `retention.rs` | how long records are kept |
//! | `keys.rs` | idempotency keys: which payment or job a key stands for |
//! | `wallet_request.rs`, `wallet.rs`, `wallet_error.rs` | what wallets are asked, and what their answers mean |
//! | `late.rs` | what a wallet's answer means after its call |
//! | `body.rs` | what servers want in the request |
//!
//! What performs it:
//!
//! | file | what it does |
//! | --- | --- |
//! | `run.rs`, `ask_wallet.rs` | one payment's steps, in a task of its own; its wallet |
//! | `create.rs`, `quote.rs`, `resume.rs`, `pending.rs` | the calls |
//! | `chain.rs`, `find_job.rs` | ask the chain what became of a payment, and the server for its job |
//! | `paid_for.rs`, `closing.rs` | find what was paid for a job, and close what has ended |
//! | `store.rs`, `budget_store.rs`, `history.rs` | records, counters and the past in the store |
//! | `old_keys.rs` | keys that version 0.1.0 has written |
//! | `payments.rs`, `subscription.rs` | what all of them share; tasks and the calls that wait for them |

mod ask_wallet;
pub mod body;
pub mod book;
mod budget_store;
mod chain;
mod closing;
mod create;
mod find_job;
pub mod funds_moved;
pub mod history;
pub mod keys;
mod late;
pub mod machine;
pub mod old_keys;
mod paid_for;
pub mod payments;
mod pending;
mod quote;
pub mod record;
mod resume;
mod retention;
pub mod run;
pub mod step;
mod store;
mod subscription;
pub mod wallet;
pub mod wallet_error;
pub mod wallet_request;

use crate::api::error::{Error, ErrorCode};
use crate::api::jobs::Created;
use crate::api::payments::Attempt;
use crate::json::{Json, shown};
use crate::text::shorten;

/// How many characters the reasons for which nothing is paid have at most.
const MAX_REASON_CHARS: usize = 3_000;

/// A job that was created, with what was paid for it.
#[derive(Debug, Clone)]
pub struct PaidJob {
    /// The job.
    pub created: Created,
    /// What was paid; `None` when the server asked for nothing.
    pub payment: Option<Box<Attempt>>,
}

impl From<step::Paid> for PaidJob {
    fn from(paid: step::Paid) -> Self {
        Self { created: paid.created, payment: Some(Box::new(paid.attempt)) }
    }
}

/// The error for a store that has thrown this. `advice` says what that means.
pub(crate) fn store_failed(thrown: Json, advice: &str) -> Box<Error> {
    let words = thrown.as_text().or_else(|| thrown.get_text("message")).unwrap_or_else(|| shown(&thrown));
    let words = format!("the store of payments failed: {}{advice}", shorten(&words, 200));
    let mut error = Error::new(ErrorCode::StoreFailed, words);
    error.cause = Some(thrown);
    error
}
