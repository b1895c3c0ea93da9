//! The edge: the core for JavaScript. It converts and delegates; what is decided is decided in the core.
//!
//! How values cross the boundary follows the package's size: what a server sends stays a JavaScript object and is read member
//! by member ([`document`]); options are read the same way ([`options`]); our own few types go out through
//! serde-wasm-bindgen. Deriving `Deserialize` for everything would double the package (measured on a small client: 44 KB
//! against 16 KB).

mod abort;
mod client;
mod document;
mod error;
mod options;
mod runtime;
mod types;

pub use client::JobsClient;
