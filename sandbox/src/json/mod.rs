//! JSON documents. Numbers are those of JavaScript.
//!
//! The type is our own and small: where it runs, JavaScript reads texts and numbers
//! (`javascript.rs`), and a parser of our own would be a third of the module. On the host
//! serde_json does (`host.rs`).

#[cfg(not(target_arch = "wasm32"))]
mod host;
#[cfg(target_arch = "wasm32")]
pub(crate) mod javascript;
mod number;
#[cfg(test)]
mod testing;

use number::{number_of, text_of};
use serde::{Serialize, Serializer};
#[cfg(test)]
pub(crate) use testing::json;

/// How deep documents may be nested. The servers have no such limit; the stack has one.
const MAX_DEPTH: u32 = 127;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number. What is not finite is written as `null`.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Map),
}

/// An object's members, in their order.
#[derive(Debug, Clone, Default)]
pub struct Map(Vec<(String, Value)>);

impl PartialEq for Map {
    /// Whether they have the same members, in any order.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Map {
    /// No members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The member of this name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Adds a member, or changes it where it stands.
    pub fn insert(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Forgets members.
    pub fn remove(&mut self, keys: &[&str]) {
        self.0.retain(|(key, _)| !keys.contains(&key.as_str()));
    }

    /// Adds the members of another one.
    pub fn merge(&mut self, other: &Self) {
        for (key, value) in &other.0 {
            self.insert(key, value.clone());
        }
    }

    /// The names of the members.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl Value {
    /// The member of this name; `None` when there is none, or this is no object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The string that this is.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number that this is.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The whole number that this is, where JavaScript knows every one below.
    pub fn as_u64(&self) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative, and small enough")]
        self.as_f64().filter(|number| is_whole(*number) && *number >= 0.0).map(|number| number as u64)
    }

    /// The elements of the array that this is.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The members of the object that this is.
    pub fn as_object(&self) -> Option<&Map> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The same, to change them.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// Whether it is an object or an array: `typeof` says the same of both.
    pub fn has_members(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Array(_))
    }

    /// `Number(value)` of what is no object, where that is finite.
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::String(text) => Some(number_of(text)).filter(|number| number.is_finite()),
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Null => Some(0.0),
            _ => None,
        }
    }

    /// Puts a member into an object, or changes it.
    pub fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(members) = self {
            members.insert(key, value);
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(&number_text(*number)),
            Self::String(string) => write_string(string, text),
            Self::Array(items) => {
                write_all(items, ['[', ']'], text, |item, text| item.write(text));
            }
            Self::Object(members) => write_all(&members.0, ['{', '}'], text, |(key, value), text| {
                write_string(key, text);
                text.push(':');
                value.write(text);
            }),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => serializer.collect_map(members.0.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl core::fmt::Display for Value {
    /// As `JSON.stringify` writes it.
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        formatter.write_str(&text)
    }
}

fn write_all<T>(all: &[T], [begin, end]: [char; 2], text: &mut String, write: impl Fn(&T, &mut String)) {
    text.push(begin);
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(one, text);
    }
    text.push(end);
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..' ' => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// The largest integer of which JavaScript knows every one below.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= MAX_SAFE
}

/// A number as JSON has it.
fn number_text(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough")]
    match number {
        _ if is_whole(number) => (number as i64).to_string(),
        _ if number.is_finite() => text_of(number),
        _ => "null".to_owned(),
    }
}

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
        self.as_str().json()
    }
}

impl ToJson for bool {
    fn json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl ToJson for f64 {
    fn json(&self) -> Value {
        Value::Number(*self)
    }
}

impl ToJson for u32 {
    fn json(&self) -> Value {
        Value::Number((*self).into())
    }
}

impl ToJson for usize {
    fn json(&self) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "counts and lengths are far below 2^53")]
        Value::Number(*self as f64)
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
        let mut items = vec![];
        for item in self {
            items.push(item.json());
        }
        Value::Array(items)
    }
}

/// An object of these members. Use [`document!`].
#[inline(never)]
pub fn object(members: &mut [(&str, Value)]) -> Value {
    let mut map = Map::new();
    for (key, value) in members {
        map.0.push(((*key).to_owned(), core::mem::replace(value, Value::Null)));
    }
    Value::Object(map)
}

/// A document: `document!({"key": value, …})`. What is nested is `document!` again.
macro_rules! document {
    ({$($key:literal: $value:expr),* $(,)?}) => {
        $crate::json::object(&mut [$(($key, $crate::json::ToJson::json(&$value))),*])
    };
}
pub(crate) use document;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_as_javascript_writes_them() {
        let numbers = [1.0, 1.5, -0.0, 1e15, f64::NAN].map(|number| Value::Number(number).to_string());
        assert_eq!(numbers, ["1", "1.5", "0", "1000000000000000", "null"]);
        let document = document!({"a": vec![1.0, 2.5], "": Value::Null, "é\"\\": "\n\r\t\u{8}\u{c}\u{1b}\u{7f}😀", "b": true});
        let text = r#"{"a":[1,2.5],"":null,"é\"\\":"\n\r\t\b\f\u001b😀","b":true}"#;
        assert_eq!(document.to_string(), text.replace("\\u001b", "\\u001b\u{7f}"));
        assert_eq!(Value::parse(&document.to_string()), Some(document));
    }

    #[test]
    fn documents_are_equal_in_any_order_of_their_members() {
        assert_eq!(json!({"a": 1, "b": [1]}), json!({"b": [1], "a": 1.0}));
        for other in [json!({"a": 1}), json!({"a": 1, "b": [2]}), json!({"a": 1, "c": [1]}), json!({"a": 1, "b": [1], "c": null})]
        {
            assert_ne!(other, json!({"a": 1, "b": [1]}));
        }
    }

    #[test]
    fn members_are_added_and_changed_where_they_stand() {
        let mut one = json!({"a": 1, "b": 2, "c": 3});
        one.set("b", json!("new"));
        let members = one.as_object_mut().unwrap();
        members.merge(json!({"d": 4, "a": 5}).as_object().unwrap());
        members.remove(&["c"]);
        assert_eq!(one.to_string(), r#"{"a":5,"b":"new","d":4}"#);
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::parse(&nested(127)).is_some() && Value::parse(&nested(128)).is_none());
        for text in ["", "{", "{a:1}", "'a'", "[1,]", "NaN"] {
            assert_eq!(Value::parse(text), None, "{text}");
        }
    }

    #[test]
    fn values_become_numbers() {
        let numbers = [json!(1.5), json!(" 7 "), json!(true), json!(null), json!("x"), json!("1e999"), json!([])];
        let expected = [Some(1.5), Some(7.0), Some(1.0), Some(0.0), None, None, None];
        assert_eq!(numbers.map(|value| value.to_number()), expected);
        assert_eq!([json!(5), json!(5.5), json!(-1), json!("5")].map(|value| value.as_u64()), [Some(5), None, None, None]);
    }
}
