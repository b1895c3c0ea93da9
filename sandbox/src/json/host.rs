//! What JavaScript does where the module runs, for tests on the host.

use super::{MAX_DEPTH, Map, Value};

/// Reads a text.
pub(super) fn parse(text: &str) -> Option<Value> {
    value(serde_json::from_str(text).ok()?, MAX_DEPTH)
}

pub(super) fn value(given: serde_json::Value, depth: u32) -> Option<Value> {
    use serde_json::Value as Given;
    let inner = || depth.checked_sub(1);
    Some(match given {
        Given::Null => Value::Null,
        Given::Bool(value) => Value::Bool(value),
        Given::Number(number) => Value::Number(number.as_f64()?),
        Given::String(text) => Value::String(text),
        Given::Array(items) => Value::Array(items.into_iter().map(|item| value(item, inner()?)).collect::<Option<_>>()?),
        Given::Object(members) => {
            let member = |(key, member)| Some((key, value(member, inner()?)?));
            Value::Object(Map(members.into_iter().map(member).collect::<Option<_>>()?))
        }
    })
}

/// A finite number as JSON has it.
pub(super) fn text_of(number: f64) -> String {
    number.to_string()
}

/// `Number(text)`, but for the notations that only JavaScript has.
pub(super) fn number_of(text: &str) -> f64 {
    match text.trim() {
        "" => 0.0,
        text => text.parse().unwrap_or(f64::NAN),
    }
}
