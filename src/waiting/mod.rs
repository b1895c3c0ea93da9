//! Waiting for answers: when to poll, one list for many jobs, and answers that their jobs never
//! get.

pub(crate) mod agents;
pub(crate) mod channel;
pub(crate) mod job_list;
pub(crate) mod job_wait;
pub(crate) mod learned_record;
pub(crate) mod list_schedule;
pub mod pace;
pub mod run;
pub mod schedule;
pub(crate) mod watch;
