//! One call of a method: what it does, and what the application is told meanwhile.

use core::pin::Pin;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::document::Document;
use super::options::Call;
use super::runtime::JsRuntime;
use crate::client::{Client, Update};
use crate::error::Result;
use crate::json::Json;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = tell, catch)]
    fn tell_application(
        on_update: &Function,
        update: &JsValue,
        logger: &JsValue,
        call: &JsValue,
    ) -> core::result::Result<(), JsValue>;
}

/// What a method does, and the signal that ends it.
pub(super) type Work = (Option<Document>, Pin<Box<dyn Future<Output = Result<Document, Document>>>>);

/// Tells the application. What its callback throws is its own affair and does not end the wait.
pub(super) fn tell(client: &Client<JsRuntime>, call: &Call, update: &Update<Document>) {
    let Some(callback) = &call.on_update else { return };
    let (kind, key, value) = match update {
        Update::Quote(quote) => ("quote", "quote", quote),
        Update::Payment(payment) => ("payment", "payment", payment),
        Update::Created(job) => ("created", "job", job),
        Update::Status(job) => ("status", "job", job),
    };
    let update = Document::object().set("type", Document::text(kind)).set(key, value.clone());
    let _ = tell_application(callback, &update.0, &client.runtime.logger.0, &call.told.0);
}
