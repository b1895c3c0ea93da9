//! Documents and numbers as JavaScript reads and writes them.

use js_sys::{Array, JSON, Object};
use wasm_bindgen::prelude::*;

use super::{MAX_DEPTH, Map, Value};

impl Value {
    /// Reads a text; `None` when it is not JSON, or nested too deep.
    pub fn parse(text: &str) -> Option<Self> {
        read(&JSON::parse(text).ok()?)
    }
}

/// The document that a value of JavaScript is; `None` when it is nested too deep.
pub(crate) fn read(value: &JsValue) -> Option<Value> {
    within(value, MAX_DEPTH)
}

fn within(value: &JsValue, depth: u32) -> Option<Value> {
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    if let Some(number) = value.as_f64() {
        return Some(Value::Number(number));
    }
    if let Some(value) = value.as_bool() {
        return Some(Value::Bool(value));
    }
    if !value.is_object() {
        return Some(Value::Null);
    }
    let depth = depth.checked_sub(1)?;
    if let Some(array) = value.dyn_ref::<Array>() {
        return array.iter().map(|item| within(&item, depth)).collect::<Option<_>>().map(Value::Array);
    }
    let member = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        Some((entry.get(0).as_string()?, within(&entry.get(1), depth)?))
    };
    Object::entries(value.unchecked_ref()).iter().map(member).collect::<Option<_>>().map(|members| Value::Object(Map(members)))
}
