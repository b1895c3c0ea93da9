//! An elizaOS Jobs server with x402 paywalls as a state machine: for tests, demonstrations and
//! first steps.
//!
//! The server is a value without I/O, clock or async: requests, answers of the agent and the time
//! come in as arguments, and what is to be done comes out as a list of [`message::Effect`]s.
//! `pkg-template/sandbox.ts` performs them.
//!
//! ```text
//!  js.rs            the edge: converts
//!  server.rs        which request goes where, what goes wrong on the way, and what is due when
//!    ├── paywall/   what a 402 asks for, which proofs are taken, when money moves
//!    ├── jobs.rs  sessions.rs  channels.rs  rate_limit.rs     the server's parts, as elizaOS 1.7.0 has them
//!    └── chain.rs  wallet.rs                                  the money
//!  options.rs  faults.rs      what an application asks for
//!  message.rs  random.rs  json/  text.rs  time.rs
//! ```
//!
//! It is no server for users: it keeps everything in memory, believes every signature of the right
//! form, and its money is a number in a list.

pub mod chain;
pub mod channels;
pub mod faults;
pub mod jobs;
#[cfg(target_arch = "wasm32")]
mod js;
pub mod json;
pub mod message;
pub mod options;
pub mod paywall;
pub mod random;
pub mod rate_limit;
pub mod server;
pub mod sessions;
pub mod text;
pub mod time;
pub mod wallet;
