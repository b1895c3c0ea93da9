//! The core on a virtual clock against scripted servers and wallets: no network, no JavaScript, no
//! waiting.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that meets the unexpected should stop"
)]

mod budgets;
mod create;
mod crowd;
mod declared;
mod funds;
mod inputs;
mod journal;
mod keys;
mod laws;
mod learning;
mod limits;
mod meanwhile;
mod misfortune;
mod pace;
mod paid;
mod pay;
mod payment_faults;
mod property;
mod quote;
mod read;
mod recorded;
mod recovery;
mod sandbox;
mod sessions;
mod unlike;
mod wait;
mod watch;
mod world;
mod x402;
