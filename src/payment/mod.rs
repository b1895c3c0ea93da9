//! One payment from the wallet to the job: what is written down, what the wallet is asked, what is sent.

pub(crate) mod deliver;
mod detached;
pub mod journal;
pub(crate) mod pay;
pub mod prove;
pub(crate) mod resume;
pub mod wallet;
