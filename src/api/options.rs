//! The options of one call, as the core takes them.

use crate::time::Millis;

/// The options of one call.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The longest time, in milliseconds: of the request with its retries, or of the whole wait.
    /// `None`: the client's default.
    pub timeout_ms: Option<f64>,
    /// Further headers: names in lower case. They replace the client's headers of the same name.
    pub headers: Vec<(String, String)>,
    /// The caller's key for this payment: two calls with the same key pay once. Empty for none.
    pub idempotency_key: String,
    /// Whether the call makes progress only while its caller reads from it. No other call may
    /// depend on such a call.
    pub runs_only_while_read: bool,
}

impl CallOptions {
    /// The longest time that the caller allows.
    pub fn timeout(&self) -> Option<Millis> {
        self.timeout_ms.map(Millis::new)
    }
}
