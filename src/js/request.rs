//! The bodies of requests: copies of what the application passed, in which every value is plain
//! JSON.

use wasm_bindgen::prelude::*;

use super::members::{is_well_formed, only};
use crate::api::error::{Error, Result};
use crate::api::jobs::{CreateJobRequest, ListJobsParams, about_question};
use crate::api::options::AskOptions;
use crate::api::sessions::{CreateSessionRequest, GetMessagesParams, SendMessageRequest};
use crate::json::{Json, Kind, picked};
use crate::text::shorten;

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = plainJson, catch)]
    fn plain_json(value: &JsValue) -> Result<String, JsValue>;
}

/// What `createJob` was given.
pub(super) fn job(given: &JsValue) -> Result<Json> {
    copy(given, CreateJobRequest::MEMBERS)
}

/// What `ask` was given: its question, and the members of a job among its options.
pub(super) fn question(question: &JsValue, options: &JsValue) -> Result<Json> {
    let options = Json(options.clone());
    let of_options = if options.kind() == Kind::Object { picked(&options, AskOptions::MEMBERS) } else { Json::object() };
    job(&of_options.set("content", Json(question.clone())).0).map_err(about_question)
}

/// What `createSession` was given.
pub(super) fn session(given: &JsValue) -> Result<Json> {
    copy(given, CreateSessionRequest::MEMBERS)
}

/// What `sendMessage` was given.
pub(super) fn message(given: &JsValue) -> Result<Json> {
    copy(given, SendMessageRequest::MEMBERS)
}

/// What `listJobs` was given. `None` when it was given nothing.
pub(super) fn list(given: &JsValue) -> Result<Option<Json>> {
    let params = Json(given.clone());
    Ok(match params.kind() {
        Kind::Undefined => None,
        Kind::Object => Some(known(&params, ListJobsParams::MEMBERS)?),
        _ => Some(params),
    })
}

/// What `getMessages` was given, with dates as numbers. `None` when it was given nothing.
pub(super) fn page(given: &JsValue) -> Result<Option<Json>> {
    let params = Json(given.clone());
    match params.kind() {
        Kind::Undefined => return Ok(None),
        Kind::Object => {}
        _ => return Ok(Some(params)),
    }
    let mut copy = known(&params, GetMessagesParams::MEMBERS)?;
    for key in ["before", "after"] {
        let date = copy.get(key);
        if let Some(Ok(time)) = date.and_then(|date| date.call("getTime", &JsValue::UNDEFINED, &JsValue::UNDEFINED)) {
            copy = copy.set(key, Json(time));
        }
    }
    Ok(Some(copy))
}

/// A copy of an object that has no members but these: a misspelt one would be ignored without a
/// word.
fn known(params: &Json, members: &[&'static str]) -> Result<Json> {
    only("params", params, &[members])?;
    Ok(picked(params, members))
}

fn copy(given: &JsValue, members: &[&'static str]) -> Result<Json> {
    let params = Json(given.clone());
    if params.kind() != Kind::Object {
        return Ok(params);
    }
    only("params", &params, &[members])?;
    let mut copy = Json::object();
    for &key in members {
        let Some(value) = params.get(key) else { continue };
        let value = match key {
            "content" if !is_well_formed(&value.0) => {
                return Err(Error::argument("content", "must be well-formed text", "half a surrogate pair"));
            }
            "metadata" | "attachments" | "timeoutConfig" if value.0.is_object() => plain(key, &value)?,
            _ => value,
        };
        copy = copy.set(key, value);
    }
    Ok(copy)
}

/// A copy that holds nothing but JSON.
fn plain(field: &'static str, value: &Json) -> Result<Json> {
    let text = plain_json(&value.0).map_err(|thrown| {
        let mut error = Error::argument(field, "", "");
        // A text is our own rule; anything else was thrown by the object itself.
        let rule = thrown.as_string().unwrap_or_else(|| "must be a plain JSON object; given: one that throws".to_owned());
        error.message = format!("{field} {}", shorten(&rule, 300));
        error
    })?;
    Ok(Json::parse(&text).unwrap_or_else(|| value.clone()))
}
