//! [`Json`] on the host: a `serde_json::Value`.

use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind::Kind;

/// One JSON value. `set` and `without` are only called on objects that the crate itself has made or
/// has just parsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub Value);

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        json.0
    }
}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        self.0 == *other
    }
}

impl PartialEq<Json> for Value {
    fn eq(&self, other: &Json) -> bool {
        *self == other.0
    }
}

impl Deref for Json {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0
    }
}

impl DerefMut for Json {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.0
    }
}

impl core::fmt::Display for Json {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Json {
    /// Reads a text; `None` when it is not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// A new empty object.
    pub fn object() -> Self {
        Self(Value::Object(serde_json::Map::new()))
    }

    /// A string value.
    pub fn text(text: &str) -> Self {
        Self(text.into())
    }

    /// A number value, written as JavaScript writes it: a whole number has no fraction.
    pub fn number(number: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        Self(if number.fract() == 0.0 && number.abs() < 9e15 { (number as i64).into() } else { number.into() })
    }

    /// `true` or `false`.
    pub fn boolean(is: bool) -> Self {
        Self(Value::Bool(is))
    }

    /// An array of these elements.
    pub fn array(elements: impl IntoIterator<Item = Self>) -> Self {
        Self(Value::Array(elements.into_iter().map(|element| element.0).collect()))
    }

    /// On wasm32 the object's texts become those that are known already.
    pub(crate) fn share_texts(&self, _known: &Self) {}

    /// What the value is.
    pub fn kind(&self) -> Kind {
        match self.0 {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::Text,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    /// The member `key`; `None` when this is no object, or the member is absent.
    pub fn get(&self, key: &str) -> Option<Self> {
        self.0.get(key).cloned().map(Self)
    }

    /// The member `key` if it is a string.
    pub fn get_text(&self, key: &str) -> Option<String> {
        self.get(key)?.as_text()
    }

    /// The member `key` if it is a number.
    pub fn get_number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_number()
    }

    /// The elements of an array; empty when this is no array.
    pub fn elements(&self) -> Vec<Self> {
        self.0.as_array().map(|elements| elements.iter().cloned().map(Self).collect()).unwrap_or_default()
    }

    /// So many elements of an array from this one on, as far as there are any.
    pub fn some_elements(&self, from: usize, count: usize) -> Vec<Self> {
        self.elements().into_iter().skip(from).take(count).collect()
    }

    /// The names of an object's members; empty when this is no object.
    pub fn names(&self) -> Vec<String> {
        self.0.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default()
    }

    /// An array of strings in their order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        if let Value::Array(elements) = &mut self.0 {
            elements.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            elements.dedup();
        }
        self
    }

    /// The string that this is.
    pub fn as_text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    /// The number that this is.
    pub fn as_number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    /// The object with this member put in.
    #[must_use]
    pub fn set(mut self, key: &str, value: Self) -> Self {
        if let Value::Object(map) = &mut self.0 {
            map.insert(key.to_owned(), value.0);
        }
        self
    }

    /// The object without this member.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        if let Value::Object(map) = &mut self.0 {
            map.shift_remove(key);
        }
        self
    }

    /// The value as JSON text.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }
}

/// A [`Json`] written as a literal, for tests: what `serde_json::json!` takes.
#[macro_export]
macro_rules! json {
    ($($literal:tt)+) => { $crate::json::Json(serde_json::json!($($literal)+)) };
}
