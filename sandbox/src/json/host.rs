//! Documents as serde_json reads them, for tests on the host.

use super::{MAX_DEPTH, Map, Value};

impl Value {
    /// Reads a text; `None` when it is not JSON, or nested too deep.
    pub fn parse(text: &str) -> Option<Self> {
        value(serde_json::from_str(text).ok()?, MAX_DEPTH)
    }
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
