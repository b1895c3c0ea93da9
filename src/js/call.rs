//! One call of a method: what it does, and what the application is told meanwhile.

use core::pin::Pin;

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::options::Call;
use super::platform::JsPlatform;
use crate::api::error::Result;
use crate::client::{Client, Update};
use crate::json::Json;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = tell, catch)]
    fn tell_application(on_update: &Function, update: &JsValue, logger: &JsValue, call: &JsValue) -> Result<(), JsValue>;
}

/// What a method does, and the signal that ends it.
pub(super) type Work = (Option<Json>, Pin<Box<dyn Future<Output = Result<Json>>>>);

/// Tells the application. What its callback throws is its own affair and does not end the wait.
pub(super) fn tell(client: &Client<JsPlatform>, call: &Call, update: &Update) {
    let Some(callback) = &call.on_update else { return };
    let (kind, key, value) = match update {
        Update::Quote(quote) => ("quote", "quote", quote),
        Update::Payment(payment) => ("payment", "payment", payment),
        Update::Created(job) => ("created", "job", job),
        Update::Status(job) => ("status", "job", job),
    };
    let update = Json::object().set("type", Json::text(kind)).set(key, value.clone());
    let _ = tell_application(callback, &update.0, &client.platform.logger.0, &call.told.0);
}
