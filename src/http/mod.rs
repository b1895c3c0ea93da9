//! HTTP to one server: requests, what a response means, what may be sent again, and the server's
//! rate limit. Knows nothing of payments and of waiting.
//!
//! | file | what it decides |
//! | --- | --- |
//! | `message.rs` | what a request consists of, and which headers prove a payment |
//! | `outcome.rs` | what a response or a failure means |
//! | `words.rs` | which of a server's words may be shown |
//! | `validation.rs` | what a server's validator says of the fields of a request |
//! | `retry.rs` | whether a request may be sent again, and when: backoff, retry budget, `Retry-After` |
//! | `rate_limit.rs` | when the next poll may be sent |
//! | `freshness.rs` | whether answers come from a cache, and how to ask past it |
//! | `event_stream.rs` | how the text of an event stream becomes events |
//! | `jobs.rs` | the job requests that several rooms send |
//! | `run.rs` | performs all of it |

pub mod event_stream;
pub(crate) mod freshness;
pub(crate) mod jobs;
pub mod message;
pub mod outcome;
pub mod rate_limit;
pub mod retry;
pub mod run;
mod validation;
pub(crate) mod words;
