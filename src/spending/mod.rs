//! What may be paid: limits, networks, recipients, and how much has been spent.

pub mod policy;
