//! How the core looks into a JSON document.
//!
//! [`Json`] is one type with one set of methods and two representations. On wasm32 it is a JavaScript value
//! (`js.rs`): the runtime has a parser already, and shipping another one costs more than everything else (a small
//! client is 41 KB with serde_json and 13 KB without, brotli); answers reach the application without being copied.
//! On the host it is a `serde_json::Value` (`host.rs`).

#[cfg(not(target_arch = "wasm32"))]
mod host;
#[cfg(target_arch = "wasm32")]
pub(crate) mod js;

use crate::text::{fill, shorten};
#[cfg(not(target_arch = "wasm32"))]
pub use host::Json;
#[cfg(target_arch = "wasm32")]
pub use js::Json;

/// What a value is. `Other` stands for everything that JSON cannot hold: functions, symbols, big integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Absent.
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number, NaN included.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object that is no array.
    Object,
    /// Not JSON.
    Other,
}

impl Kind {
    /// The kind with its article, for error messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Undefined => "nothing",
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::Number => "a number",
            Kind::Text => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
            Kind::Other => "a value that JSON cannot hold",
        }
    }
}

impl Json {
    /// The member `key` if it is a string.
    pub fn get_text(&self, key: &str) -> Option<String> {
        self.get(key)?.as_text()
    }

    /// The member `key` if it is a number.
    pub fn get_number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_number()
    }
}

/// An object of those of the members that are there.
pub fn picked(from: &Json, keys: &[&str]) -> Json {
    let mut picked = Json::object();
    for key in keys {
        if let Some(value) = from.get(key) {
            picked = picked.set(key, value);
        }
    }
    picked
}

/// Whether it is the boolean `true`, and nothing that only looks like it.
pub fn is_true(value: &Json) -> bool {
    value.kind() == Kind::Boolean && value.to_json() == "true"
}

/// A value as an error message shows it: what was given, but never much of it.
pub fn shown(value: &Json) -> String {
    match value.kind() {
        Kind::Text => fill("\"%\"", &[&shorten(&value.as_text().unwrap_or_default(), 60)]),
        Kind::Number | Kind::Boolean => value.to_json(),
        kind => kind.name().to_owned(),
    }
}
