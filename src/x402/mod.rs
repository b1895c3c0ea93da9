//! What a 402 asks for, and what proves a payment. Every dialect is read into the same [`Offer`].
//!
//! Nothing here decides whether an offer may be paid, and nothing here sends or signs.

pub mod address;
pub mod amount;
pub mod elizaos;
mod entry;
mod exact;
pub mod extensions;
mod offer;
pub mod onchain;
mod payment_required;
mod request_schema;
pub mod signature;
pub mod tokens;
pub mod typed_data;

pub use offer::Offer;
pub use payment_required::{PaymentRequired, read, reasons, refused};
pub use request_schema::Asked;
