//! What may be paid: limits, networks, recipients, and how much has been spent.

pub mod budget;
mod ledger;
mod location;
pub mod policy;

pub use ledger::{Reservation, SpendLedger};
