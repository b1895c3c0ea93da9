//! What may be paid: limits, networks, recipients, and how much has been spent.
//!
//! | file | what it decides |
//! | --- | --- |
//! | `policy.rs` | what the caller allows |
//! | `offer_rules.rs` | whether one offer may be paid, and how: what is refused before a wallet is asked |
//! | `offer_choice.rs` | which of a 402's offers is paid |
//! | `location.rs` | which addresses are the same, and which connections others can read |
//! | `budget.rs` | how payments are counted: by hour, by day, and in all |
//! | `ledger.rs` | what all calls of a client have spent and set aside |

pub mod budget;
pub mod ledger;
mod location;
pub mod offer_choice;
pub mod offer_rules;
pub mod policy;
