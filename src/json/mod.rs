//! How the core looks into a JSON document.
//!
//! [`Json`] is one type with one set of methods and two representations. On wasm32 it is a
//! JavaScript value (`js.rs`): the runtime has a parser already, and shipping another one costs
//! more than everything else (a small client is 41 KB with serde_json and 13 KB without, brotli);
//! answers reach the application without being copied. On the host it is a `serde_json::Value`
//! (`host.rs`).

#[cfg(not(target_arch = "wasm32"))]
mod host;
#[cfg(target_arch = "wasm32")]
pub(crate) mod js;
mod kind;

use crate::encoding::{MAX_HEADER, from_base64};
use crate::text::shorten;
#[cfg(not(target_arch = "wasm32"))]
pub use host::Json;
#[cfg(target_arch = "wasm32")]
pub use js::Json;
pub use kind::Kind;

/// The JSON object in a header, in base64 as x402 has it, or as plain JSON, which some servers
/// send. `None` for a header that is too long, or holds anything else.
pub fn read_header(value: &str) -> Option<Json> {
    if value.len() > MAX_HEADER {
        return None;
    }
    let text = if value.trim_start().starts_with('{') { value.to_owned() } else { from_base64(value)? };
    Json::parse(&text).filter(|document| document.kind() == Kind::Object)
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

/// A value of its own that says the same: what is done with one of them does not reach the other.
pub fn copied(value: &Json) -> Json {
    Json::parse(&value.to_json()).unwrap_or_else(|| value.clone())
}

/// Whether it is the boolean `true`, and nothing that only looks like it.
pub fn is_true(value: &Json) -> bool {
    value.kind() == Kind::Boolean && value.to_json() == "true"
}

/// A value as an error message shows it: what was given, but never much of it.
pub fn shown(value: &Json) -> String {
    match value.kind() {
        Kind::Text => format!("\"{}\"", shorten(&value.as_text().unwrap_or_default(), 60)),
        Kind::Number | Kind::Boolean => value.to_json(),
        kind => kind.name().to_owned(),
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::encoding::to_base64;

    #[test]
    fn a_header_holds_an_object_in_base64_or_as_it_is() {
        let object = "{\"a\":1}";
        for header in [to_base64(object), object.to_owned(), format!(" {object}")] {
            assert_eq!(read_header(&header).unwrap(), crate::json!({"a": 1}), "{header}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_HEADER));
        for other in ["", "{", "€", "[1]", &to_base64("[1]"), &to_base64("{"), &to_base64(&long), &long] {
            assert_eq!(read_header(other), None, "{}", shorten(other, 40));
        }
    }
}
