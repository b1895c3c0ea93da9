//! eliza-jobs: ask an elizaOS agent one question over the Jobs API, pay for it with x402, get the answer.
//!
//! The crate is a pure core with a thin JavaScript edge. The core knows no clock, no randomness, no network and no
//! JavaScript; it reaches them through one seam, [`runtime::Platform`], and therefore runs under plain `cargo test`
//! with a virtual clock and scripted servers. Modules in reading order:
//!
//! | module | what it decides |
//! | --- | --- |
//! | [`error`] | what can go wrong, with a stable code for each |
//! | [`json`] | how the core looks into a JSON document, wherever that lives |
//! | [`text`] | text for people |
//! | [`protocol`] | the Jobs API's types, the local validation, how answers are read |
//! | [`http`] | requests and responses as values, and what a response means |
//! | [`x402`] | what a 402 asks for: one [`x402::Quote`] whatever the dialect |
//! | [`spend`] | which offer may be paid, and up to what price |
//! | [`retry`] | when a failed request is sent again |
//! | [`poll`] | when to look at a job again |
//! | [`allowance`] | how many looks the server's rate limit leaves |
//! | [`wallet`] | what a wallet gives and what it throws |
//! | [`journal`] | what is written down of a payment, and how it is read again |
//! | [`runtime`] | the seam |
//! | [`prove`] | what a wallet is asked, and what its answer means |
//! | [`client`] | the calls: what a create does from its beginning to its end |
//! | [`exchange`] | what may be sent again, what a redirect may do, what an answer must be |
//! | [`wait`] | waiting for a job: look, rest, look again |
//! | `detached` | work that goes on when whoever waits for it has gone |
//! | [`channel`] | where an answer is when the job does not have it |
//! | [`sessions`] | conversations that last: messages, answers, streams |
//! | `poller` | many jobs that are waited for at once: one look for all |
//! | [`pay`] | paying: ask the wallet, and write down before anything could be lost |
//! | `deliver` | sending a proof, and finding out what becomes of it |
//! | `resume` | going on with payments that were begun before |
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
