//! What a server wants in the body of a create, where that is not what the Jobs API says.
//!
//! Some forks of elizaOS want the question as `prompt`. They say so in the 402
//! (`Offer::wants_prompt`), before anything is signed, or in the 400 that follows. It goes into the
//! body beside what is there.

use crate::api::error::Error;
use crate::json::Json;

/// The body with the question as `prompt` too, where it has none.
pub fn with_prompt(body: Json) -> Json {
    match (body.get("prompt"), body.get("content")) {
        (None, Some(content)) => body.set("prompt", content),
        _ => body,
    }
}

/// The field that a refusal asks for, of those that can be filled.
pub fn wanted(words: &str) -> Option<&'static str> {
    words.to_ascii_lowercase().contains("prompt").then_some("prompt")
}

/// The body with what a refusal asks for; `None` where that changes nothing.
pub fn corrected(body: &str, words: &str) -> Option<String> {
    let body = Json::parse(body)?;
    let can_be_filled = body.get("prompt").is_none() && body.get("content").is_some();
    wanted(words).filter(|_| can_be_filled).map(|_| with_prompt(body).to_json())
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
    fn what_is_wanted_goes_beside_what_is_there() {
        let filled = with_prompt(json!({"userId": "u", "content": "c"}));
        assert_eq!(filled, json!({"userId": "u", "content": "c", "prompt": "c"}));
        assert_eq!(with_prompt(filled.clone()), filled);
        assert_eq!(with_prompt(json!({"prompt": "p", "content": "c"}))["prompt"], "p");
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
