//! Payments, from the wallet to the job.
//!
//! What is decided: [`machine`] (one payment, from [`step`] to step), [`book`] (all that this
//! client knows), [`keys`] (idempotency keys), [`record`] (what is written down),
//! [`wallet_request`] and [`wallet`] (what wallets are asked, and what they answer), [`body`] (what
//! servers want in the request). What performs it: [`run`], with the calls in `create`, `quote` and
//! `resume`, the store in `store`, its budgets in `budgets` and what was paid in [`history`].

pub mod body;
pub mod book;
mod budgets;
mod create;
pub mod history;
pub mod keys;
mod late;
pub mod machine;
pub mod payments;
mod quote;
pub mod record;
mod resume;
pub mod run;
pub mod step;
mod store;
mod subscription;
pub mod wallet;
pub mod wallet_request;

use crate::api::error::{Error, ErrorCode};
use crate::api::jobs::Created;
use crate::api::payments::Attempt;
use crate::json::{Json, shown};
use crate::text::shorten;

/// How many characters the reasons for which nothing is paid have at most.
const MAX_REASONS: usize = 3_000;

/// A job that was created, with what was paid for it.
#[derive(Debug, Clone)]
pub struct PaidJob {
    /// The job.
    pub created: Created,
    /// What was paid; `None` when the server asked for nothing.
    pub payment: Option<Attempt>,
}

/// The error for a store that has thrown this. `advice` says what that means.
pub(crate) fn store_failed(thrown: Json, advice: &str) -> Box<Error> {
    let words = thrown.as_text().or_else(|| thrown.get_text("message")).unwrap_or_else(|| shown(&thrown));
    let words = format!("the store of payments failed: {}{advice}", shorten(&words, 200));
    let mut error = Error::new(ErrorCode::StoreFailed, words);
    error.cause = Some(thrown);
    error
}
