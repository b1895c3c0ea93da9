//! The application's own request headers.

use wasm_bindgen::prelude::*;

use crate::api::error::{Error, Result};
use crate::http::message::is_proof_header;
use crate::json::Json;

#[wasm_bindgen]
extern "C" {
    // Not web-sys's: its constructors take no iterables.
    #[wasm_bindgen(js_name = Headers)]
    type HeadersFrom;
    #[wasm_bindgen(constructor, catch, js_class = "Headers")]
    fn new(init: &JsValue) -> Result<HeadersFrom, JsValue>;
}

/// Headers of the application.
#[derive(Debug, Default)]
pub(super) struct OwnHeaders {
    /// Names in lower case with values.
    pub(super) list: Vec<(String, String)>,
    /// The same as a JavaScript list, where there are any: an iterator can be read only once.
    pub(super) pairs: Option<Json>,
}

/// Reads the member `headers`.
pub(super) fn headers(options: &Json) -> Result<OwnHeaders> {
    let Some(given) = options.get("headers") else { return Ok(OwnHeaders::default()) };
    // Values may be secrets: only the kind is shown.
    let refused = |what: &str| Error::argument("headers", "must be an object of valid header names and string values", what);
    if !given.0.is_object() {
        return Err(refused(given.kind().name()));
    }
    let mut list = Vec::new();
    let pairs = header_pairs(&given).ok_or_else(|| refused("a name or value that HTTP does not allow"))?;
    for pair in pairs.elements() {
        let pair = pair.elements();
        let text = |at: usize| pair.get(at).and_then(Json::as_text).unwrap_or_default();
        let name = text(0);
        if is_proof_header(&name) {
            return Err(refused("a payment header, which only the client itself sets"));
        }
        list.push((name, text(1)));
    }
    Ok(OwnHeaders { list, pairs: Some(pairs) })
}

/// A list of names in lower case and values, of everything that `Headers` takes.
pub(super) fn header_pairs(given: &Json) -> Option<Json> {
    Some(Json(Json(HeadersFrom::new(&given.0).ok()?.into()).list().ok()?.into()))
}
