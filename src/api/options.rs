//! What one call was given, as the core takes it.

use crate::json::Json;

/// The options of one call.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The longest time, in milliseconds: of the request with its retries, or of the whole wait. `None`: the client's.
    pub timeout_ms: Option<f64>,
    /// Further headers: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The caller's name for this payment: two calls with the same key pay once. Empty for none.
    pub idempotency_key: String,
    /// Whether the call runs only while somebody reads from it, so that no other call may depend on it.
    pub runs_only_while_read: bool,
    /// For `resume`: the job's request in place of the one that the server refused. `None` keeps the request as it was.
    pub params: Option<Json>,
}
