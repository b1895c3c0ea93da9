//! How the core looks into a JSON document.
//!
//! In the package a document is a JavaScript value: the runtime's own parser is already there, shipping another one costs more
//! than everything else (a small client was 41 KB with serde_json and 13 KB without, brotli), and answers reach the application
//! without being copied. On the host it is a `serde_json::Value`.

use crate::text::{fill, shorten};

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

/// One JSON value. Cloning is cheap where values are references (JavaScript); [`Json::set`] is only called on objects
/// that the core itself has made or has just parsed.
pub trait Json: Clone {
    /// Reads a text; `None` when it is not JSON.
    fn parse(text: &str) -> Option<Self>;
    /// A new empty object.
    fn object() -> Self;
    /// A string value.
    fn text(text: &str) -> Self;
    /// A number value.
    fn number(number: f64) -> Self;
    /// `true` or `false`.
    fn boolean(is: bool) -> Self;
    /// An array of these elements.
    fn array(elements: Vec<Self>) -> Self;

    /// What the value is.
    fn kind(&self) -> Kind;
    /// The member `key`; `None` when this is no object, or the member is absent or undefined.
    fn get(&self, key: &str) -> Option<Self>;
    /// The elements of an array; empty when this is no array.
    fn elements(&self) -> Vec<Self>;
    /// The string that this is.
    fn as_text(&self) -> Option<String>;
    /// The number that this is.
    fn as_number(&self) -> Option<f64>;
    /// The object with this member put in.
    #[must_use]
    fn set(self, key: &str, value: Self) -> Self;
    /// The object without this member.
    #[must_use]
    fn without(self, key: &str) -> Self;
    /// The value as JSON text.
    fn to_json(&self) -> String;

    /// The member `key` if it is a string.
    fn get_text(&self, key: &str) -> Option<String> {
        self.get(key)?.as_text()
    }
    /// The member `key` if it is a number.
    fn get_number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_number()
    }
}

/// An object of those of the members that are there.
pub fn picked<J: Json>(from: &J, keys: &[&str]) -> J {
    let mut picked = J::object();
    for key in keys {
        if let Some(value) = from.get(key) {
            picked = picked.set(key, value);
        }
    }
    picked
}

/// Whether it is the boolean `true`, and nothing that only looks like it.
pub fn is_true<J: Json>(value: &J) -> bool {
    value.kind() == Kind::Boolean && value.to_json() == "true"
}

/// A value as an error message shows it: what was given, but never much of it.
pub fn shown<J: Json>(value: &J) -> String {
    match value.kind() {
        Kind::Text => fill("\"%\"", &[&shorten(&value.as_text().unwrap_or_default(), 60)]),
        Kind::Number | Kind::Boolean => value.to_json(),
        kind => kind.name().to_owned(),
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Json for serde_json::Value {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
    fn object() -> Self {
        Self::Object(serde_json::Map::new())
    }
    fn text(text: &str) -> Self {
        text.into()
    }
    fn number(number: f64) -> Self {
        // As JavaScript has it: a whole number is written without a fraction.
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        if number.fract() == 0.0 && number.abs() < 9e15 { (number as i64).into() } else { number.into() }
    }
    fn boolean(is: bool) -> Self {
        Self::Bool(is)
    }
    fn array(elements: Vec<Self>) -> Self {
        Self::Array(elements)
    }
    fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Boolean,
            Self::Number(_) => Kind::Number,
            Self::String(_) => Kind::Text,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        }
    }
    fn get(&self, key: &str) -> Option<Self> {
        Self::get(self, key).cloned()
    }
    fn elements(&self) -> Vec<Self> {
        self.as_array().cloned().unwrap_or_default()
    }
    fn as_text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }
    fn as_number(&self) -> Option<f64> {
        self.as_f64()
    }
    fn set(mut self, key: &str, value: Self) -> Self {
        if let Self::Object(map) = &mut self {
            map.insert(key.to_owned(), value);
        }
        self
    }
    fn without(mut self, key: &str) -> Self {
        if let Self::Object(map) = &mut self {
            map.shift_remove(key);
        }
        self
    }
    fn to_json(&self) -> String {
        self.to_string()
    }
}
