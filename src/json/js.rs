//! [`Json`] on wasm32: a JavaScript value. Cloning copies the reference.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, JsString, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::kind::Kind;

/// How many names of members are kept as JavaScript strings, and how long they may be. The core's
/// own names fit; ids, which come without end, are longer.
const MAX_NAMES: usize = 150;
const MAX_NAME_BYTES: usize = 24;

#[wasm_bindgen]
extern "C" {
    /// Not js_sys's: that one copies the text into wasm's memory first.
    #[wasm_bindgen(js_namespace = JSON, js_name = parse, catch)]
    fn json_parse(text: &JsString) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = JSON, js_name = stringify, catch)]
    fn json_stringify(value: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = host, catch)]
    fn list(given: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_namespace = host)]
    fn settled(value: &JsValue) -> Promise;
}

// Not js_sys's `Reflect`: one call does what takes three there, and there are dozens in each
// request.
#[wasm_bindgen(js_namespace = host)]
extern "C" {
    fn member(of: &JsValue, name: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = memberText)]
    fn member_text(of: &JsValue, name: &JsValue) -> Option<String>;
    #[wasm_bindgen(js_name = memberNumber)]
    fn member_number(of: &JsValue, name: &JsValue) -> Option<f64>;
    #[wasm_bindgen(js_name = setMember)]
    fn set_member(of: &JsValue, name: &JsValue, value: &JsValue);
    #[wasm_bindgen(js_name = shareTexts)]
    fn share_texts(of: &JsValue, known: &JsValue);
    #[wasm_bindgen(js_name = deleteMember)]
    fn delete_member(of: &JsValue, name: &JsValue);
    #[wasm_bindgen(js_name = kindOf)]
    fn kind_of(value: &JsValue) -> u32;
}

thread_local! {
    static NAMES: RefCell<Vec<(Box<str>, Rc<JsValue>)>> = const { RefCell::new(Vec::new()) };
}

/// A member's name as a JavaScript string. Making one costs more than the rest of reading a member.
fn js_name(text: &str) -> Rc<JsValue> {
    if text.len() > MAX_NAME_BYTES {
        return Rc::new(text.into());
    }
    NAMES.with_borrow_mut(|names| {
        let at = match names.binary_search_by(|(known, _)| (known.len(), &**known).cmp(&(text.len(), text))) {
            Ok(at) => return names.get(at).map(|(_, name)| name.clone()).unwrap_or_default(),
            Err(at) => at,
        };
        let name = Rc::new(JsValue::from(text));
        if names.len() < MAX_NAMES {
            names.insert(at, (text.into(), name.clone()));
        }
        name
    })
}

/// One JSON value. `set` and `without` are only called on objects that the crate itself has made or
/// has just parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub(crate) JsValue);

impl Json {
    /// Reads a text that is on JavaScript's side already.
    pub(crate) fn parse_js(text: &JsString) -> Option<Self> {
        json_parse(text).ok().map(Json)
    }

    /// Calls a method; `None` when there is none. An application's object may throw anywhere, and
    /// what is not caught ends this instance of the module: all of its methods are called in this
    /// way.
    pub(crate) fn call(&self, method: &str, first: &JsValue, second: &JsValue) -> Option<Result<JsValue, JsValue>> {
        let method: Function = self.get(method)?.0.dyn_into().ok()?;
        Some(method.call2(&self.0, first, second))
    }

    /// What this comes to, if it is a promise, of whatever kind. Not by `Promise.resolve`: that
    /// returns a promise as it is, and its `then` may throw.
    pub(crate) fn settled(self) -> JsFuture {
        JsFuture::from(settled(&self.0))
    }

    /// The elements of anything iterable; what it throws when it is not.
    pub(crate) fn list(&self) -> Result<Array, JsValue> {
        list(&self.0)
    }
}

impl Json {
    /// Reads a text; `None` when it is not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_js(&JsString::from(text))
    }

    /// A new empty object.
    pub fn object() -> Self {
        Json(Object::new().into())
    }

    /// A string value.
    pub fn text(text: &str) -> Self {
        Json(text.into())
    }

    /// A number value.
    pub fn number(number: f64) -> Self {
        Json(number.into())
    }

    /// `true` or `false`.
    pub fn boolean(is: bool) -> Self {
        Json(is.into())
    }

    /// An array of these elements.
    pub fn array(elements: impl IntoIterator<Item = Self>) -> Self {
        let array = Array::new();
        for element in elements {
            array.push(&element.0);
        }
        Json(array.into())
    }

    /// Thousands of jobs name the same agent and the same user: members that are texts become those
    /// of `known`, an object of the crate's own, which learns the others.
    pub(crate) fn share_texts(&self, known: &Self) {
        share_texts(&self.0, &known.0);
    }

    /// What the value is.
    pub fn kind(&self) -> Kind {
        // As `kindOf` counts them.
        match kind_of(&self.0) {
            0 => Kind::Undefined,
            1 => Kind::Null,
            2 => Kind::Boolean,
            3 => Kind::Number,
            4 => Kind::Text,
            5 => Kind::Array,
            6 => Kind::Object,
            _ => Kind::Other,
        }
    }

    /// The member `key`; `None` when this is no object, or the member is absent. A getter that
    /// throws counts as absent.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = member(&self.0, &js_name(key));
        (!value.is_undefined()).then_some(Json(value))
    }

    /// The member `key` if it is a string.
    pub fn get_text(&self, key: &str) -> Option<String> {
        member_text(&self.0, &js_name(key))
    }

    /// The member `key` if it is a number.
    pub fn get_number(&self, key: &str) -> Option<f64> {
        member_number(&self.0, &js_name(key))
    }

    /// The names of an object's members; none when this is no object.
    pub fn names(&self) -> Vec<String> {
        if self.kind() != Kind::Object {
            return Vec::new();
        }
        let mut names = Vec::new();
        for name in Object::keys(self.0.unchecked_ref::<Object>()).iter() {
            names.extend(name.as_string());
        }
        names
    }

    /// The elements of an array; empty when this is no array.
    pub fn elements(&self) -> Vec<Self> {
        if self.kind() != Kind::Array {
            return Vec::new();
        }
        let mut elements = Vec::new();
        for element in self.list().unwrap_or_default().iter() {
            elements.push(Json(element));
        }
        elements
    }

    /// So many elements of an array from this one on, as far as there are any.
    pub fn some_elements(&self, from: usize, count: usize) -> Vec<Self> {
        let part = self.call("slice", &from.into(), &from.saturating_add(count).into());
        part.and_then(Result::ok).map(|part| Json(part).elements()).unwrap_or_default()
    }

    /// An array of strings in their order, each once. JavaScript sorts: that takes no code.
    pub fn sorted(self) -> Self {
        let _ = self.call("sort", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
        let mut sorted = self.elements();
        sorted.dedup();
        Self::array(sorted)
    }

    /// The string that this is.
    pub fn as_text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// The number that this is.
    pub fn as_number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    /// The object with this member put in.
    pub fn set(self, key: &str, value: Self) -> Self {
        set_member(&self.0, &js_name(key), &value.0);
        self
    }

    /// The object without this member.
    pub fn without(self, key: &str) -> Self {
        delete_member(&self.0, &js_name(key));
        self
    }

    /// The value as JSON text.
    pub fn to_json(&self) -> String {
        // NaN and the infinities are null in JSON; in a message they are themselves.
        if self.0.as_f64().is_some_and(|number| !number.is_finite()) {
            return String::from(self.0.unchecked_ref::<Object>().to_string());
        }
        json_stringify(&self.0).ok().and_then(|text| text.as_string()).unwrap_or_default()
    }
}
