//! The core's errors as JavaScript's.

use wasm_bindgen::prelude::*;

use crate::api::error::{Error, ErrorClass};
use crate::json::Json;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = makeError)]
    fn make_error(class: u8, message: &str, fields: &JsValue, cause: &JsValue) -> JsValue;
}

/// The error object. Members that do not apply are absent.
pub(super) fn to_js(error: Box<Error>) -> JsValue {
    let class = match error.code.class() {
        ErrorClass::Argument => 0,
        ErrorClass::Api => 1,
        ErrorClass::Job => 2,
        ErrorClass::Payment => 3,
        ErrorClass::Connection => 4,
        ErrorClass::Session => 5,
    };
    let text = |text: &str| Json::text(text);
    let mut fields = Json::object()
        .set("code", text(error.code.as_str()))
        .set("retryable", Json((error.code.retryable() && error.payment.is_none()).into()));
    let mut put = |key: &str, value: Option<JsValue>| {
        if let Some(value) = value {
            fields = fields.clone().set(key, Json(value));
        }
    };
    put("field", error.field.map(JsValue::from_str));
    put("status", error.status.map(Into::into));
    put("statusCode", error.status.map(Into::into));
    put("serverMessage", error.server_message.as_deref().map(JsValue::from_str));
    put("serverCode", error.server_code.as_deref().map(JsValue::from_str));
    put("retryAfterMs", error.retry_after.map(|pause| pause.get().into()));
    put("jobId", error.job_id.as_deref().map(JsValue::from_str));
    put("job", error.job.map(|job| job.0));
    put("sessionId", error.session_id.as_deref().map(JsValue::from_str));
    put("payment", error.payment.map(|payment| crate::payment::journal::record(&payment).0));
    put("userMessage", error.user_message.map(|message| message.0));
    let cause = error.cause.map_or(JsValue::UNDEFINED, |cause| cause.0);
    make_error(class, &error.message, &fields.0, &cause)
}

/// A bad argument that the edge itself sees.
pub(super) fn argument(field: &'static str, rule: &str, given: &JsValue) -> Box<Error> {
    Error::argument(field, rule, &crate::json::shown(&Json(given.clone())))
}
