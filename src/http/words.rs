//! Which of a server's words may be shown, and how a request is named in messages.
//!
//! A server's words may repeat what the request contained: an API key, a proof of payment, a
//! session's id. Every text for people goes through [`fit`].

use super::validation::details;
use crate::json::Kind;
use crate::platform::{Body, HttpRequest};
use crate::text::{redact, shorten};

/// How many characters of a server's words are searched for secrets; the rest is cut off.
const MAX_WORDS: usize = 4_000;
/// A header value that is shorter than this is no secret.
const MIN_SECRET: usize = 8;
/// This many consecutive characters identify a secret, though the others be missing.
const SECRET_PART: usize = 24;
/// How much of a text that is no JSON is shown.
const MAX_TEXT: usize = 200;
/// How much of the message in a JSON document is shown.
const MAX_MESSAGE: usize = 1_000;
/// How an HTML page begins: its first tag, in lower case. Pages of proxies often have no `<html>`.
const HTML_TAGS: [&str; 14] =
    ["!doctype html", "!--", "html", "head", "title", "body", "meta", "script", "center", "h1", "h2", "div", "p", "pre"];

/// What a request is, for messages: method and path, never the query.
pub(crate) fn place(request: &HttpRequest) -> String {
    let path = request.url.split_once("://").map_or(request.url.as_str(), |(_, rest)| rest);
    let path = path.find('/').and_then(|at| path.get(at..)).unwrap_or("/");
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    // A redirect may have led to any path.
    format!("{} {}", request.method.as_str(), fit(request, path, 200))
}

/// The server and its port, for messages.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

/// A server's words as they may be shown: at most so many characters, without the request's own
/// secrets, and without what could be a proof of payment.
pub(crate) fn fit(request: &HttpRequest, text: &str, limit: usize) -> String {
    let mut words = shorten(text, MAX_WORDS);
    for (name, value) in &request.headers {
        if name != "content-type" {
            words = without_secret(words, value);
        }
    }
    for secret in &request.secrets {
        words = without_secret(words, secret);
    }
    shorten(&redact(&words), limit)
}

/// The words with `…` in place of the secret. The secret is found by its parts, because what was
/// cut off at either end is a secret too.
fn without_secret(mut words: String, secret: &str) -> String {
    if secret.len() < MIN_SECRET {
        return words;
    }
    for at in (0..secret.len()).step_by(SECRET_PART) {
        let Some((head, rest)) = secret.split_at_checked(at) else { continue };
        let Some((part, tail)) = rest.split_at_checked(rest.len().min(SECRET_PART)) else { continue };
        if part.len() < MIN_SECRET {
            continue;
        }
        while let Some((before, after)) = words.split_once(part) {
            let same = |(one, other): &(u8, u8)| one == other;
            let ahead = before.bytes().rev().zip(head.bytes().rev()).take_while(same).count();
            let behind = after.bytes().zip(tail.bytes()).take_while(same).count();
            let before = before.get(..before.len().saturating_sub(ahead)).unwrap_or("");
            words = format!("{before}…{}", after.get(behind..).unwrap_or(""));
        }
    }
    words
}

/// What a server says of its refusal, as it may be shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServerWords {
    /// Its words.
    pub(super) words: Option<String>,
    /// Its code for the error.
    pub(super) code: Option<String>,
}

impl ServerWords {
    fn only(words: String) -> Self {
        Self { words: Some(words).filter(|words| !words.is_empty()), code: None }
    }
}

/// What a body says, whatever shape it has.
pub(super) fn server_words(request: &HttpRequest, body: &Body) -> ServerWords {
    let document = match body {
        Body::Empty => return ServerWords::default(),
        Body::Text(text) if is_html(text) => {
            return ServerWords::only(html_title(request, text).unwrap_or_else(|| "a web page without a title".to_owned()));
        }
        Body::Text(text) => {
            return ServerWords::only(fit(request, text.trim_ascii(), MAX_TEXT));
        }
        Body::Json(document) => document,
    };
    if let Some(text) = document.as_text() {
        return ServerWords { words: Some(fit(request, &text, MAX_TEXT)), code: None };
    }
    let message = document.get_text("message").or_else(|| document.get_text("title"));
    let (words, code) = match document.get("error") {
        Some(error) if error.kind() == Kind::Object => {
            let code = error.get("code").map(|code| code.as_text().unwrap_or_else(|| code.to_json()));
            let code = code.map(|code| fit(request, &code, MAX_TEXT));
            (error.get_text("message").or(message), code)
        }
        Some(error) => match (error.as_text(), message) {
            (Some(error), Some(message)) => (Some(format!("{error}: {message}")), None),
            (error, message) => (error.or(message), None),
        },
        None => (message, None),
    };
    let details = details(document);
    let words = match words {
        Some(words) if !details.is_empty() => Some(format!("{words}: {details}")),
        words => words.or(Some(details).filter(|details| !details.is_empty())),
    };
    ServerWords { words: words.map(|words| fit(request, &words, MAX_MESSAGE)), code }
}

/// Whether the text is an HTML page.
pub(super) fn is_html(text: &str) -> bool {
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    let Some(tag) = text.strip_prefix('<') else { return false };
    HTML_TAGS.iter().any(|known| {
        let start = tag.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
        // `<p>` and `<p class`, and not `<payload>`.
        let goes_on = tag.get(known.len()..).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphanumeric()));
        start && (!goes_on || known.ends_with('-'))
    })
}

/// The title of an HTML page.
pub(super) fn html_title(request: &HttpRequest, text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (before, rest) = lower.split_once("<title")?;
    let (attributes, rest) = rest.split_once('>')?;
    let (title, _) = rest.split_once("</title")?;
    // Lower case has the same length as what the server wrote.
    let from = before.len().checked_add("<title".len())?.checked_add(attributes.len())?.checked_add(1)?;
    let title = text.get(from..)?.get(..title.len())?;
    Some(fit(request, title.trim_ascii(), MAX_TEXT)).filter(|title| !title.is_empty())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::options::CallOptions;
    use crate::http::message::HttpConfig;
    use crate::json;
    use crate::platform::Method;
    use crate::time::Millis;

    fn request(url: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = HttpConfig { base_url: url.to_owned(), headers, timeout: Millis::new(1.0), retries: 0 };
        config.request(Method::Post, "", &CallOptions::default())
    }
    fn said(body: Body) -> (Option<String>, Option<String>) {
        let ServerWords { words, code } = server_words(&request("", &[("x-api-key", "open sesame")]), &body);
        (words, code)
    }

    #[test]
    fn half_a_secret_that_a_server_sends_back_is_not_shown_either() {
        let proof = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123".repeat(200);
        let request = request("", &[("payment-signature", &proof)]);
        for sent in [&proof[..], &proof[..3_000], &proof[..40]] {
            for text in [format!("cannot settle {sent}"), format!("cannot settle {sent} (cut)")] {
                let ServerWords { words, .. } = server_words(&request, &Body::Json(json!({"error": text})));
                assert!(!words.as_deref().unwrap().contains(&proof[..24]), "{words:?}");
            }
        }
    }

    #[test]
    fn the_servers_own_words_come_through_whatever_their_shape() {
        for (body, words, code) in [
            (json!({"success": false, "error": "Job not found"}), "Job not found", None),
            (
                json!({"success": false, "error": {"message": "API endpoint not found", "code": 404}}),
                "API endpoint not found",
                Some("404"),
            ),
            (json!({"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many"}}), "Too many", Some("RATE_LIMIT_EXCEEDED")),
            (json!({"error": "API key required", "message": "Missing"}), "API key required: Missing", None),
            (json!({"message": "only this"}), "only this", None),
            (json!("just text"), "just text", None),
        ] {
            assert_eq!(said(Body::Json(body)), (Some(words.to_owned()), code.map(str::to_owned)));
        }
        for (body, words) in [
            (
                json!({"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}]}),
                "prompt: Field required",
            ),
            (json!({"error": {"name": "ZodError", "issues": [{"path": ["prompt"], "message": "Required"}]}}), "prompt: Required"),
            (json!({"error": {"formErrors": [], "fieldErrors": {"prompt": ["Required"]}}}), "prompt: Required"),
            (
                json!({"message": "Validation failed", "errors": [{"path": ["prompt"], "message": "Invalid input"}]}),
                "Validation failed: prompt: Invalid input",
            ),
            (
                json!({"errors": [{"instancePath": "", "params": {"missingProperty": "prompt"}, "message": "is required"}]}),
                "prompt: is required",
            ),
            (
                json!({"errors": [{"msg": "Invalid value", "path": "prompt", "location": "body"}, {"msg": "no", "path": "x"}]}),
                "prompt: Invalid value; x: no",
            ),
            (
                json!({"statusCode": 400, "message": ["prompt should not be empty"], "error": "Bad Request"}),
                "Bad Request: prompt should not be empty",
            ),
            (json!({"errors": ["prompt is a required field"]}), "prompt is a required field"),
            (json!({"errors": {"prompt": ["can't be blank"]}}), "prompt: can't be blank"),
            (json!({"prompt": ["This field is required."]}), "prompt: This field is required."),
            (
                json!({"title": "Bad Request", "status": 400, "detail": "Missing property: prompt"}),
                "Bad Request: Missing property: prompt",
            ),
            (
                json!({"title": "One is wrong.", "errors": {"Prompt": ["The Prompt field is required."]}}),
                "One is wrong.: Prompt: The Prompt field is required.",
            ),
            (json!({"on": "body", "property": "/prompt", "message": "Expected string"}), "Expected string: prompt"),
            (
                json!({"error": "Bad Request", "validation": {"body": {"keys": ["prompt"], "message": "\"prompt\" is required"}}}),
                "Bad Request: \"prompt\" is required",
            ),
            (json!({"issues": [{"path": [{"key": "prompt"}], "message": "Invalid key"}]}), "prompt: Invalid key"),
            (
                json!({"error": "Bad Request", "errors": [{"field": "prompt", "defaultMessage": "must not be blank"}]}),
                "Bad Request: prompt: must not be blank",
            ),
        ] {
            assert_eq!(said(Body::Json(body)).0.as_deref(), Some(words));
        }
        assert_eq!(said(Body::Text(" Unauthorized \n".into())).0.as_deref(), Some("Unauthorized"));
        assert_eq!(said(Body::Empty), (None, None));
        for odd in [json!(null), json!([]), json!({}), json!({"error": null}), json!({"error": 5}), json!({"error": {}})] {
            assert_eq!(said(Body::Json(odd)).0, None);
        }
    }

    #[test]
    fn an_html_page_is_quoted_by_its_title_only() {
        for (page, words) in [
            ("<!DOCTYPE html><TITLE>502 Bad Gateway</TITLE>", "502 Bad Gateway"),
            ("\u{feff} <HTML><Title lang=en> Sign in </title>", "Sign in"),
            ("<title>404 Not Found</title><h1>Not Found</h1>", "404 Not Found"),
            ("<!--error--><html><body>oops</body></html>", "a web page without a title"),
            ("<!-- proxy --><html><title>Proxy</title>", "Proxy"),
            ("<h1>Forbidden</h1>", "a web page without a title"),
            ("<p class=\"a\">no</p>", "a web page without a title"),
            ("<center><h1>413</h1></center>", "a web page without a title"),
        ] {
            assert_eq!(said(Body::Text(page.into())).0.as_deref(), Some(words), "{page}");
        }
        for other in ["<payload>x</payload>", "<Error><Code>AccessDenied</Code></Error>", "a < b", "<", ""] {
            assert!(!is_html(other), "{other}");
        }
    }

    #[test]
    fn what_a_server_sends_back_of_the_requests_secrets_is_not_shown() {
        let hash = format!("0x{}", "ab".repeat(32));
        let body =
            json!({"error": {"message": format!("key open sesame, proof {hash}, application/json"), "code": "open sesame"}});
        let (words, code) = said(Body::Json(body));
        assert_eq!(words.as_deref(), Some("key …, proof 0x…, application/json"));
        assert_eq!(code.as_deref(), Some("…"));
        assert_eq!(said(Body::Text(format!("{hash} open sesame"))).0.as_deref(), Some("0x… …"));
        let title = format!("<html><title>{hash}</title>");
        assert_eq!(said(Body::Text(title)).0.as_deref(), Some("0x…"));
    }

    #[test]
    fn messages_name_the_place_and_never_the_query_or_a_secret_in_the_path() {
        let plain = request("https://h:1/x/api/messaging/jobs?limit=1", &[]);
        assert_eq!(place(&plain), "POST /x/api/messaging/jobs");
        assert_eq!(host(&plain.url), "h:1");
        let id = "44444444-4444-4444-8444-444444444444";
        let mut secret = request(&format!("https://h/sessions/{id}/messages"), &[]);
        secret.secrets.push(id.to_owned());
        assert_eq!(place(&secret), "POST /sessions/…/messages");
        assert_eq!(fit(&secret, &format!("Session {id} not found"), 100), "Session … not found");
    }
}
