//! The core on a virtual clock against scripted servers and wallets: no network, no JavaScript, no waiting.
#![cfg(not(target_arch = "wasm32"))]
#![allow(missing_docs)]

mod create;
mod pay;
mod read;
mod recorded;
mod wait;
mod world;
