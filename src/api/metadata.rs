//! The application's own data in a request or an answer.

/// A JSON object that belongs to the application.
#[cfg(not(target_arch = "wasm32"))]
pub type Metadata = serde_json::Map<String, serde_json::Value>;
/// On wasm32 the structs are only declarations: metadata stays a JavaScript object. This names a
/// type that `derive` accepts.
#[cfg(target_arch = "wasm32")]
pub type Metadata = std::collections::BTreeMap<String, String>;
