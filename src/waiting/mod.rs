//! Waiting for answers: when to poll, one list for many jobs, and answers that a job never hears of.

pub mod channel;
pub mod run;
pub mod schedule;
pub(crate) mod watch;
