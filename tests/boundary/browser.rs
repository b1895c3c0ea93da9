//! The boundary in a browser's page.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected should stop"
)]

mod shared;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
