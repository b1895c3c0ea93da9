//! HTTP: requests and responses as values, what a response means, what is sent again, and the server's rate limit.

pub mod event_stream;
pub(crate) mod jobs;
pub mod message;
pub mod rate_limit;
pub mod retry;
pub mod run;
