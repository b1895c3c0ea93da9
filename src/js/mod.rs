//! The edge: the core for JavaScript. It converts and delegates; the core decides.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`jobs_client`], [`sessions_client`] | the exported classes: one short method each |
//! | `connection` | what a class holds: the core's client, until it is released |
//! | `arguments`, `request`, `headers` | read what a call is given |
//! | `client_options`, `spend_options`, `polling_options` | read what a client is made with |
//! | `members` | the rules for the members of all of them |
//! | `call` | a call as a promise, ended by its signal |
//! | `deferred` | what settles that promise |
//! | `feed` | a call with several results, as an async iterator |
//! | `platform`, `fetch` | the core's seam over JavaScript |
//! | `error`, `abort` | errors and abort signals |
//!
//! Values cross as JavaScript objects ([`Json`](crate::json::Json)) and are read member by member:
//! conversions that serde derives would add 40 KB. The declarations are derived all the same
//! (`derive(Tsify)` in [`api`](crate::api)). A method takes `JsValue`s, because the glue checks no
//! types: a number in place of a string would be a trap. It returns `Promise` and is no `async fn`,
//! because that would hold a borrow while it waits, and `free()` would throw.

mod abort;
mod arguments;
mod call;
mod client_options;
mod connection;
mod deferred;
mod error;
mod feed;
mod fetch;
mod headers;
pub mod jobs_client;
mod members;
mod platform;
mod polling_options;
mod request;
pub mod sessions_client;
mod spend_options;

pub use jobs_client::JobsClient;
pub use sessions_client::SessionsClient;

use wasm_bindgen::prelude::*;

/// Declarations that Rust cannot express: functions, and types of the runtime.
#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");
