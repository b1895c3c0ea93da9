//! The edge: the core for JavaScript. It converts and delegates; what is decided is decided in the core.
//!
//! How values cross the boundary follows the package's size: what a server sends stays a JavaScript object and is read member
//! by member ([`document`]); options are read the same way ([`options`]), and our own few types are written so. Derived
//! conversions would double the package (measured on a small client: 44 KB against 16 KB); the tests use them, to prove that
//! what goes out is what the types declare.

mod abort;
mod call;

mod engine;
mod error;
mod feed;
mod options;
mod platform;
mod types;

pub use engine::Engine;
