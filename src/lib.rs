//! eliza-jobs: ask an elizaOS agent one question over the Jobs API, pay for it with x402, get the
//! answer.
//!
//! The crate is a core in plain Rust with a thin JavaScript edge. The core has no clock, no
//! randomness, no network and no JavaScript: it reaches them through one seam,
//! [`platform::Platform`], and so runs under plain `cargo test` with a virtual clock and scripted
//! servers. It is no server, no wallet and no facilitator, and it keeps no key.
//!
//! Each room is a domain. Its decisions are plain values, which neither wait nor send; its `run.rs`
//! performs them. `docs/architecture.md` has the picture and the way of a job through it. In
//! reading order, each room using only those before it:
//!
//! | room | what it decides |
//! | --- | --- |
//! | [`time`], [`text`], [`encoding`], `table` | instants and durations; text for people; hex, base64 and hashes; a small map |
//! | [`json`] | how the core looks into a JSON document, wherever that lives |
//! | [`api`] | what is said to servers and applications: types, validation, routes, error codes |
//! | [`platform`] | the seam: what the core needs from its runtime |
//! | [`http`] | what a response means, what may be sent again, the rate limit |
//! | [`x402`] | what a 402 asks for: one [`x402::Offer`] whatever the dialect; what a proof of payment is |
//! | [`spending`] | which offer may be paid, and how much is left |
//! | [`payment`] | one payment from its offer to its job ([`payment::machine`]), what is written down of it, all that are open |
//! | [`waiting`] | when a job is polled next, alone and among many |
//! | [`sessions`] | conversations: messages, answers, streams |
//! | [`client`] | the calls: which rooms serve them |
//! | `js` | the edge, on wasm32 only: converts and delegates |

pub mod api;
pub mod client;
pub mod encoding;
pub mod http;
pub mod json;
pub mod payment;
pub mod platform;
pub mod sessions;
pub mod spending;
mod table;
pub mod text;
pub mod time;
pub mod waiting;
pub mod x402;

#[cfg(target_arch = "wasm32")]
pub mod js;

#[cfg(target_arch = "wasm32")]
#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to declare; wasm has one thread, and this one is 1.7 KB smaller than the default"
)]
#[global_allocator]
static ALLOCATOR: talc::TalckWasm = unsafe { talc::TalckWasm::new_global() };
