//! Values as JavaScript would write them.

use serde_json::{Map, Number, Value};

/// What can be a member of a document.
pub trait ToJson {
    /// The member.
    fn json(&self) -> Value;
}

impl ToJson for Value {
    fn json(&self) -> Value {
        self.clone()
    }
}

impl ToJson for str {
    fn json(&self) -> Value {
        Value::String(self.to_owned())
    }
}

impl ToJson for String {
    fn json(&self) -> Value {
        Value::String(self.clone())
    }
}

impl ToJson for bool {
    fn json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl ToJson for u32 {
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

impl ToJson for usize {
    fn json(&self) -> Value {
        Value::from(*self)
    }
}

impl ToJson for Map<String, Value> {
    fn json(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn json(&self) -> Value {
        (**self).json()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToJson::json)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn json(&self) -> Value {
        Value::Array(self.iter().map(ToJson::json).collect())
    }
}

/// An object of these members. Use [`document!`].
#[inline(never)]
pub fn object(members: &mut [(&str, Value)]) -> Value {
    Value::Object(members.iter_mut().map(|(key, value)| ((*key).to_owned(), std::mem::take(value))).collect())
}

/// A document: `document!({"key": value, …})`. In place of serde_json's macro, whose code is
/// several times as large: what is nested is `document!` again.
macro_rules! document {
    ({$($key:literal: $value:expr),* $(,)?}) => {
        $crate::json::object(&mut [$(($key, $crate::json::ToJson::json(&$value))),*])
    };
}
pub(crate) use document;

/// The largest integer of which JavaScript knows every one below.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// A number, without `.0` when it is whole.
pub fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough")]
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The document with its numbers as JavaScript reads them.
pub fn normal(document: &Value) -> Value {
    match document {
        Value::Number(given) => given.as_f64().map_or(Value::Null, number),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        assert_eq!([1.0, 1.5, -0.0, 1e15].map(|value| number(value).to_string()), ["1", "1.5", "0", "1000000000000000"]);
        assert_eq!(normal(&json!({"a": [1.0, {"b": 2.0}, "3.0"]})).to_string(), r#"{"a":[1,{"b":2},"3.0"]}"#);
    }
}
