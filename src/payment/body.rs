//! What a server wants in the body of a create, where that is not what the Jobs API says.
//!
//! Some forks of elizaOS want the question as `prompt`. They say so in the 402 (`outputSchema` of
//! version 1), before anything is signed, or in the 400 that follows. What they want goes into the
//! body beside what is there.

use crate::api::error::Error;
use crate::json::{Json, Kind, is_true};

/// The fields that an entry of a 402 requires in the body.
pub fn required(entry: &Json) -> Vec<String> {
    let fields = entry.get("outputSchema").and_then(|schema| schema.get("input")?.get("bodyFields"));
    let Some(fields) = fields.filter(|fields| fields.kind() == Kind::Object) else { return Vec::new() };
    let is_required = |name: &String| fields.get(name).and_then(|field| field.get("required")).is_some_and(|it| is_true(&it));
    fields.names().into_iter().filter(is_required).collect()
}

/// The body with these fields. The error is the name of one that cannot be filled.
pub fn with_fields(body: Json, fields: &[String]) -> Result<Json, String> {
    fields.iter().try_fold(body, |body, field| match (body.get(field), field.as_str(), body.get("content")) {
        (Some(_), ..) => Ok(body),
        (None, "prompt", Some(content)) => Ok(body.set("prompt", content)),
        _ => Err(field.clone()),
    })
}

/// The field that a refusal asks for, of those that can be filled.
pub fn wanted(words: &str) -> Option<&'static str> {
    words.to_ascii_lowercase().contains("prompt").then_some("prompt")
}

/// The body with what a refusal asks for; `None` where that changes nothing.
pub fn corrected(body: &str, words: &str) -> Option<String> {
    let body = Json::parse(body)?;
    let field = wanted(words).filter(|field| body.get(field).is_none())?;
    with_fields(body, &[field.to_owned()]).ok().map(|body| body.to_json())
}

/// Whether a refusal is about the request, and not about its payment. Paywalls run before the
/// request is checked: whoever speaks of the request has taken the proof.
pub fn is_refused(error: &Error) -> bool {
    const REQUEST: [&str; 13] = [
        "field",
        "body",
        "json",
        "validation",
        "invalid request",
        "userid",
        "agentid",
        "content",
        "prompt",
        "question",
        "metadata",
        "timeoutms",
        "too long",
    ];
    const PAYMENT: [&str; 9] =
        ["payment", "proof", "signature", "transaction", "nonce", "settle", "authorization", "facilitator", "funds"];
    let words = error.server_message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let any = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    match error.status {
        Some(400 | 422) => any(&REQUEST) && !any(&PAYMENT),
        // Too large, or of another type: these speak of nothing else.
        Some(413 | 415) => !any(&PAYMENT),
        Some(404) => words.contains("agent") && words.contains("not found") || words.contains("no agents available"),
        _ => false,
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::error::ErrorCode;
    use crate::json;

    #[test]
    fn a_402_names_the_fields_that_it_requires() {
        let entry = |fields: Json| json!({"outputSchema": {"input": {"type": "http", "bodyFields": fields.0}}});
        let fields = json!({"prompt": {"required": true}, "userId": {"required": false}, "x": {"type": "string"}, "y": 5});
        assert_eq!(required(&entry(fields)), ["prompt"]);
        for odd in [json!(null), json!([]), json!("prompt"), json!({"prompt": {"required": "true"}})] {
            assert!(required(&entry(odd.clone())).is_empty(), "{odd}");
        }
        assert!(required(&json!({})).is_empty() && required(&json!({"outputSchema": null})).is_empty());
    }

    #[test]
    fn what_is_wanted_goes_beside_what_is_there() {
        let body = json!({"userId": "u", "content": "c"});
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let filled = with_fields(body.clone(), &fields(&["userId", "prompt"])).unwrap();
        assert_eq!(filled, json!({"userId": "u", "content": "c", "prompt": "c"}));
        assert_eq!(with_fields(filled.clone(), &fields(&["prompt"])).unwrap(), filled);
        assert_eq!(with_fields(body, &fields(&["prompt", "colour"])).unwrap_err(), "colour");
        assert_eq!(
            corrected(r#"{"content":"c"}"#, "Invalid request. Required fields: prompt").unwrap(),
            r#"{"content":"c","prompt":"c"}"#
        );
        assert_eq!(corrected(r#"{"content":"c","prompt":"c"}"#, "prompt is too long"), None);
        assert_eq!(corrected(r#"{"content":"c"}"#, "no"), None);
        assert_eq!(corrected("{", "prompt"), None);
    }

    #[test]
    fn a_refusal_is_about_the_request_or_about_its_payment() {
        let refused = |status: u16, words: &str| {
            let mut error = Error::new(ErrorCode::BadRequest, "x");
            (error.status, error.server_message) = (Some(status), Some(words.to_owned()));
            is_refused(&error)
        };
        for (status, words) in [
            (400, "Invalid request. Required fields: prompt"),
            (400, "userId is required and must be a valid UUID string"),
            (400, "content exceeds maximum length of 50000 characters"),
            (422, "metadata must be an object"),
            (400, "Unexpected field: content"),
            (400, "Validation failed"),
            (400, "Unexpected token in JSON at position 3"),
            (400, "the question is too long"),
            (413, "Payload Too Large"),
            (413, ""),
            (415, "Unsupported Media Type"),
            (404, "Agent 1234 not found"),
            (404, "No agents available on server"),
        ] {
            assert!(refused(status, words), "{words}");
        }
        for (status, words) in [
            (400, "no"),
            (400, "payment already used"),
            (400, "no such transaction"),
            (400, "Invalid request: x-payment is no valid payment"),
            (400, "payment field is missing"),
            (413, "the payment header is too large"),
            (402, "userId is required"),
            (409, "content is the same"),
            (404, "Job not found"),
            (500, "Invalid request body"),
        ] {
            assert!(!refused(status, words), "{words}");
        }
    }
}
