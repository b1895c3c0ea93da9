//! What an application receives while a call is under way.

use crate::json::Json;

/// What an application receives while a call is under way.
#[derive(Debug, Clone)]
pub enum Update {
    /// The price was read and keeps the rules (a [`Quote`](crate::api::payments::Quote)); `confirm`
    /// and the wallet are asked next.
    Quote(Json),
    /// A payment has come further (a [`PaymentAttempt`](crate::api::payments::PaymentAttempt)): the
    /// wallet has returned the proof, which is sent next; or the server has accepted it.
    Payment(Json),
    /// There is a job.
    Created(Json),
    /// The call is about a payment from now on. Applications do not receive it; whoever has to end
    /// the call without an answer needs to know.
    Paying,
    /// The job was seen for the first time, or in another status.
    Status(Json),
}
