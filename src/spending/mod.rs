//! What may be paid: limits, networks, recipients, and how much has been spent.

pub mod budget;
pub mod ledger;
mod location;
pub mod policy;
