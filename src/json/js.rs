//! [`Json`] on wasm32: a JavaScript value. Cloning copies the reference.

use js_sys::{Array, Function, JsString, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::kind::Kind;

#[wasm_bindgen]
extern "C" {
    /// Not js_sys's: that one copies the text into wasm's memory first.
    #[wasm_bindgen(js_namespace = JSON, js_name = parse, catch)]
    fn json_parse(text: &JsString) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = JSON, js_name = stringify, catch)]
    fn json_stringify(value: &JsValue) -> Result<JsValue, JsValue>;
    // Not js_sys's: a Proxy that was revoked makes it throw.
    #[wasm_bindgen(js_namespace = Array, js_name = isArray, catch)]
    fn is_array(value: &JsValue) -> Result<bool, JsValue>;
    #[wasm_bindgen(js_namespace = Promise, js_name = race)]
    fn race(promises: &Array) -> Promise;
}

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(catch)]
    fn list(given: &JsValue) -> Result<Array, JsValue>;
}

/// One JSON value. `set` and `without` are only called on objects that the crate itself has made or has just parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub(crate) JsValue);

impl Json {
    /// Reads a text that is on the JavaScript side already.
    pub(crate) fn parse_js(text: &JsString) -> Option<Self> {
        json_parse(text).ok().map(Json)
    }

    /// Calls a method. `None` when there is none. What others have made may throw anywhere, and what is thrown here and not caught ends the
    /// whole module: so all of theirs is called in this way.
    pub(crate) fn call(&self, method: &str, first: &JsValue, second: &JsValue) -> Option<Result<JsValue, JsValue>> {
        let method: Function = self.get(method)?.0.dyn_into().ok()?;
        Some(method.call2(&self.0, first, second))
    }

    /// What this comes to, if it is a promise, of whatever kind. Not by `Promise.resolve`: that gives a promise back as it is, and its `then`
    /// may throw.
    pub(crate) fn settled(self) -> JsFuture {
        JsFuture::from(race(Self::array(vec![self]).0.unchecked_ref()))
    }

    /// The elements of whatever can be gone through; what it throws when it cannot.
    pub(crate) fn list(&self) -> Result<Array, JsValue> {
        list(&self.0)
    }
}

impl Json {
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_js(&JsString::from(text))
    }
    pub fn object() -> Self {
        Json(Object::new().into())
    }
    pub fn text(text: &str) -> Self {
        Json(text.into())
    }
    pub fn number(number: f64) -> Self {
        Json(number.into())
    }
    pub fn boolean(is: bool) -> Self {
        Json(is.into())
    }
    pub fn array(elements: Vec<Self>) -> Self {
        let array = Array::new();
        for element in elements {
            array.push(&element.0);
        }
        Json(array.into())
    }

    pub fn kind(&self) -> Kind {
        let value = &self.0;
        if value.is_undefined() {
            Kind::Undefined
        } else if value.is_null() {
            Kind::Null
        } else if value.is_string() {
            Kind::Text
        } else if value.as_bool().is_some() {
            Kind::Boolean
        } else if value.as_f64().is_some() {
            Kind::Number
        } else if is_array(value).unwrap_or(false) {
            Kind::Array
        } else if value.is_object() {
            Kind::Object
        } else {
            Kind::Other
        }
    }
    pub fn get(&self, key: &str) -> Option<Self> {
        if !self.0.is_object() {
            return None;
        }
        // A getter may throw: then there is nothing to be had.
        Reflect::get(&self.0, &key.into()).ok().filter(|value| !value.is_undefined()).map(Json)
    }
    pub fn elements(&self) -> Vec<Self> {
        let mut elements = Vec::new();
        if is_array(&self.0).unwrap_or(false)
            && let Ok(list) = self.list()
        {
            for at in 0..list.length() {
                elements.push(Json(list.get(at)));
            }
        }
        elements
    }
    pub fn as_text(&self) -> Option<String> {
        self.0.as_string()
    }
    pub fn as_number(&self) -> Option<f64> {
        self.0.as_f64()
    }
    pub fn set(self, key: &str, value: Self) -> Self {
        // The object is the core's own: it can be written to.
        let _ = Reflect::set(&self.0, &key.into(), &value.0);
        self
    }
    pub fn without(self, key: &str) -> Self {
        if self.0.is_object() {
            let _ = Reflect::delete_property(self.0.unchecked_ref::<Object>(), &key.into());
        }
        self
    }
    pub fn to_json(&self) -> String {
        // NaN and the infinities are null in JSON; in a message they are themselves.
        if self.0.as_f64().is_some_and(|number| !number.is_finite()) {
            return String::from(self.0.unchecked_ref::<Object>().to_string());
        }
        json_stringify(&self.0).ok().and_then(|text| text.as_string()).unwrap_or_default()
    }
}
