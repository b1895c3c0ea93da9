//! The core's errors as JavaScript's.

use wasm_bindgen::prelude::*;

use crate::api::error::Error;
use crate::json::{Json, shown};
use crate::payment::funds_moved::{FundsMoved, funds_moved_for};
use crate::payment::record;
use crate::time::Millis;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = makeError)]
    fn make_error(class: &str, message: &str, members: &JsValue, cause: &JsValue) -> JsValue;
}

/// The error object. Members that do not apply are absent.
pub(super) fn to_js(error: Box<Error>) -> JsValue {
    let text = |text: Option<&str>| text.map(Json::text);
    let number = |number: Option<f64>| number.map(Json::number);
    let moved = match funds_moved_for(&error) {
        FundsMoved::No => Json::boolean(false),
        FundsMoved::Yes => Json::boolean(true),
        FundsMoved::Unknown => Json::text("unknown"),
    };
    let mut members = Json::object();
    for (key, value) in [
        ("code", text(Some(error.code.as_str()))),
        ("retryable", Some(Json::boolean(error.is_retryable()))),
        ("fundsMoved", Some(moved)),
        ("field", text(error.field.as_deref())),
        ("status", number(error.status.map(f64::from))),
        ("statusCode", number(error.status.map(f64::from))),
        ("serverMessage", text(error.server_message.as_deref())),
        ("serverCode", text(error.server_code.as_deref())),
        ("retryAfterMs", number(error.retry_after.map(Millis::get))),
        ("jobId", text(error.job_id.as_deref())),
        ("job", error.job),
        ("sessionId", text(error.session_id.as_deref())),
        ("payment", error.payment.as_deref().map(record::to_json)),
        ("userMessage", error.user_message),
    ] {
        if let Some(value) = value {
            members = members.set(key, value);
        }
    }
    let cause = error.cause.map_or(JsValue::UNDEFINED, |cause| cause.0);
    make_error(error.code.class().name(), &error.message, &members.0, &cause)
}

/// A bad argument that the edge itself finds.
pub(super) fn argument(field: &'static str, rule: &str, given: &JsValue) -> Box<Error> {
    Error::argument(field, rule, &shown(&Json(given.clone())))
}
