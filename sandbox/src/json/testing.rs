//! What makes documents short to write and to look into, in tests.

use std::ops::{Index, IndexMut};

use super::{MAX_DEPTH, Value, host};

/// A document from a literal, as `serde_json::json!` takes it.
macro_rules! json {
    ($($literal:tt)+) => { $crate::json::Value::from(serde_json::json!($($literal)+)) };
}
pub(crate) use json;

impl From<serde_json::Value> for Value {
    fn from(literal: serde_json::Value) -> Self {
        host::value(literal, MAX_DEPTH).unwrap()
    }
}

impl Index<&str> for Value {
    type Output = Value;
    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&Value::Null)
    }
}

impl IndexMut<&str> for Value {
    fn index_mut(&mut self, key: &str) -> &mut Value {
        let members = self.as_object_mut().unwrap();
        if members.get(key).is_none() {
            members.insert(key, Value::Null);
        }
        &mut members.0.iter_mut().find(|(known, _)| known == key).unwrap().1
    }
}

macro_rules! equal {
    ($($given:ty),*) => {
        $(impl PartialEq<$given> for Value {
            fn eq(&self, other: &$given) -> bool {
                *self == json!(other)
            }
        })*
    };
}
equal!(&str, String, i32, bool);
