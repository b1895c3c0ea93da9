//! Requests and responses as values, and what a response means. Nothing here sends.

use crate::api::error::{Error, ErrorCode};
use crate::json::Kind;
use crate::platform::{Body, HttpRequest, HttpResponse, Method, SendError, SendFailure};
use crate::text::{decimal, fill, find, redact, shorten, split};
use crate::x402;

/// How many characters of a server's words are looked through for what must not be shown.
const MAX_WORDS: usize = 4_000;
/// A header's value that is shorter than this is no secret.
const MIN_SECRET: usize = 8;
/// By so many of its characters a secret is known, though the others be missing.
const SECRET_PART: usize = 24;

/// Puts a header in, in place of one of the same name.
pub fn set_header(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    for (known, before) in headers.iter_mut() {
        if known == name {
            value.clone_into(before);
            return;
        }
    }
    headers.push((name.to_owned(), value.to_owned()));
}

/// Where a request went, for messages: method and path, never the whole address.
pub fn place(request: &HttpRequest) -> String {
    let path = split(&request.url, "://").map_or(request.url.as_str(), |(_, rest)| rest);
    let path = find(path, "/").and_then(|at| path.get(at..)).unwrap_or("/");
    // A redirect may have led to whatever the server likes.
    let path = fit(request, split(path, "?").map_or(path, |(path, _)| path), 200);
    fill("% %", &[request.method.as_str(), &path])
}

/// The server and its port, for messages.
fn host(url: &str) -> &str {
    let rest = split(url, "://").map_or(url, |(_, rest)| rest);
    split(rest, "/").map_or(rest, |(host, _)| host)
}

/// The error for a request without a response.
pub fn send_error(request: &HttpRequest, failed: SendError) -> Box<Error> {
    let (code, what) = match failed.failure {
        SendFailure::Unreached | SendFailure::Failed => (ErrorCode::ConnectionFailed, "no connection to "),
        SendFailure::Reset => (ErrorCode::ConnectionReset, "the connection broke before the answer was complete, to "),
        SendFailure::Timeout => (ErrorCode::RequestTimeout, "no complete answer in time from "),
        SendFailure::TooLarge => (ErrorCode::ResponseTooLarge, "the answer is larger than maxResponseBytes, from "),
        SendFailure::HiddenRedirect => {
            (ErrorCode::RedirectRefused, "a redirect was refused (set baseUrl to where it leads), from ")
        }
        SendFailure::NoResponse => (ErrorCode::InvalidResponse, "the given fetch did not return a Response, for "),
    };
    let words = if failed.words.is_empty() { String::new() } else { fill(": %", &[&shorten(&failed.words, 200)]) };
    let mut error = Error::new(code, fill("%% (%)%", &[what, host(&request.url), &place(request), &words]));
    error.cause = failed.cause;
    error.not_sent = failed.failure == SendFailure::Unreached;
    // It may be the only trace of a job.
    if request.method == Method::Post {
        error.job_id = job_id_in(&failed.partial);
    }
    error
}

/// The id of a job in a text that was cut off after it.
pub(crate) fn job_id_in(text: &str) -> Option<String> {
    let (_, rest) = split(text, "\"jobId\"")?;
    let (id, _) = split(rest.trim_ascii_start().strip_prefix(':')?.trim_ascii_start().strip_prefix('"')?, "\"")?;
    (!id.is_empty() && find(id, "\\").is_none()).then(|| id.to_owned())
}

/// The error for a response that is no success.
pub fn refusal(request: &HttpRequest, response: &HttpResponse, retry_after_ms: Option<f64>) -> Box<Error> {
    let code = match response.status {
        300..=399 => ErrorCode::RedirectRefused,
        400 => ErrorCode::BadRequest,
        401 => ErrorCode::Unauthorized,
        402 => ErrorCode::PaymentNotSupportedHere,
        403 => ErrorCode::Forbidden,
        // The API's own 404 is no page.
        404 if matches!(&response.body, Body::Text(text) if is_html(text)) => ErrorCode::UnexpectedHtml,
        404 => ErrorCode::NotFound,
        429 => ErrorCode::RateLimited,
        // Neither says anything about the request: the connection was slow, or too early.
        408 | 425 | 500.. => ErrorCode::ServerError,
        _ => ErrorCode::RequestRefused,
    };
    let (words, server_code) = server_words(request, &response.body);
    // Version 2 of x402 says in its header why it refuses.
    let in_header = || response.header("payment-required").and_then(x402::read_header)?.get_text("error");
    let words = words.or_else(|| in_header().map(|words| fit(request, &words, 1000)));
    let hint = match response.status {
        300..=399 => "; it was not followed: set baseUrl to where it leads",
        401 => "; set apiKey",
        402 => "; only creating a job is ever paid",
        _ => "",
    };
    let shown = words.as_deref().map_or("the server gave no reason", |words| words);
    let mut error = Error::new(code, fill("% (HTTP %, %)%", &[shown, &decimal(response.status.into()), &place(request), hint]));
    error.status = Some(response.status);
    error.server_message = words;
    error.server_code = server_code;
    error.retry_after_ms = retry_after_ms;
    error
}

/// The error for a success whose body is no answer.
pub fn no_answer(request: &HttpRequest, response: &HttpResponse, wanted: &str) -> Box<Error> {
    let (code, found) = match &response.body {
        Body::Empty => (ErrorCode::InvalidResponse, "an empty body".to_owned()),
        Body::Json(_) => (ErrorCode::InvalidResponse, "JSON that has none".to_owned()),
        Body::Text(text) if is_html(text) => {
            let title = html_title(request, text).map(|title| fill(" titled \"%\"", &[&title])).unwrap_or_default();
            (ErrorCode::UnexpectedHtml, fill("a web page%; is baseUrl the address of the API?", &[&title]))
        }
        Body::Text(text) => {
            (ErrorCode::InvalidResponse, fill("a body that is no complete JSON: %", &[&fit(request, text.trim_ascii(), 100)]))
        }
    };
    let mut error = Error::new(
        code,
        fill("expected % and got % (HTTP %, %)", &[wanted, &found, &decimal(response.status.into()), &place(request)]),
    );
    error.status = Some(response.status);
    error
}

/// Words of a server's as they may be shown: so many characters, without what could be a proof, and without the request's own secrets,
/// which some servers send back.
pub(crate) fn fit(request: &HttpRequest, text: &str, limit: usize) -> String {
    let mut words = shorten(text, MAX_WORDS);
    for (name, value) in &request.headers {
        if name == "content-type" || value.len() < MIN_SECRET {
            continue;
        }
        // By its parts: what was cut off before or after them is a secret too.
        for at in (0..value.len()).step_by(SECRET_PART) {
            let Some((head, rest)) = value.split_at_checked(at) else { continue };
            let Some((part, tail)) = rest.split_at_checked(rest.len().min(SECRET_PART)) else { continue };
            if part.len() < MIN_SECRET {
                continue;
            }
            while let Some((before, after)) = split(&words, part) {
                let same = |(one, other): &(u8, u8)| one == other;
                let ahead = before.bytes().rev().zip(head.bytes().rev()).take_while(same).count();
                let behind = after.bytes().zip(tail.bytes()).take_while(same).count();
                let before = before.get(..before.len().saturating_sub(ahead)).unwrap_or("");
                words = fill("%…%", &[before, after.get(behind..).unwrap_or("")]);
            }
        }
    }
    shorten(&redact(&words), limit)
}

/// The server's own words and code, whatever shape they have.
fn server_words(request: &HttpRequest, body: &Body) -> (Option<String>, Option<String>) {
    let document = match body {
        Body::Empty => return (None, None),
        Body::Text(text) if is_html(text) => {
            return (html_title(request, text).or_else(|| Some("a web page without a title".to_owned())), None);
        }
        Body::Text(text) => return (Some(fit(request, text.trim_ascii(), 200)).filter(|text| !text.is_empty()), None),
        Body::Json(document) => document,
    };
    if let Some(text) = document.as_text() {
        return (Some(fit(request, &text, 200)), None);
    }
    let message = document.get_text("message");
    let (words, code) = match document.get("error") {
        Some(error) if error.kind() == Kind::Object => {
            let code = error.get("code").map(|code| code.as_text().unwrap_or_else(|| code.to_json()));
            let code = code.map(|code| fit(request, &code, 200));
            (error.get_text("message").or(message), code)
        }
        Some(error) => match (error.as_text(), message) {
            (Some(error), Some(message)) => (Some(fill("%: %", &[error.as_str(), &message])), None),
            (error, message) => (error.or(message), None),
        },
        None => (message, None),
    };
    (words.map(|words| fit(request, &words, 1000)), code)
}

fn is_html(text: &str) -> bool {
    let start = text.trim_ascii_start().as_bytes();
    ["<!doctype", "<html", "<head"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes())))
}

fn html_title(request: &HttpRequest, text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let from = find(&lower, "<title")?;
    let from = from.checked_add(find(lower.get(from..)?, ">")?)?.checked_add(1)?;
    let to = from.checked_add(find(lower.get(from..)?, "</title")?)?;
    Some(fit(request, text.get(from..to)?.trim_ascii(), 200)).filter(|title| !title.is_empty())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::routes;
    use crate::json;

    fn said(body: Body) -> (Option<String>, Option<String>) {
        let request = HttpRequest {
            method: Method::Post,
            url: String::new(),
            headers: vec![("x-api-key".into(), "open sesame".into()), ("content-type".into(), "application/json".into())],
            body: None,
            timeout_ms: 1.0,
            answers: 1.0,
        };
        server_words(&request, &body)
    }

    #[test]
    fn half_a_secret_that_a_server_sends_back_is_not_shown_either() {
        let proof = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123".repeat(200);
        let request = HttpRequest {
            method: Method::Post,
            url: String::new(),
            headers: vec![("payment-signature".into(), proof.clone())],
            body: None,
            timeout_ms: 1.0,
            answers: 1.0,
        };
        for sent in [&proof[..], &proof[..3_000], &proof[..40]] {
            for text in [format!("cannot settle {sent}"), format!("cannot settle {sent} (cut)")] {
                let (words, _) = server_words(&request, &Body::Json(json!({"error": text})));
                assert!(!words.as_deref().unwrap().contains(&proof[..24]), "{words:?}");
            }
        }
    }

    #[test]
    fn ids_stay_inside_their_route() {
        assert_eq!(routes::job("a-b_c~1"), "/api/messaging/jobs/a-b_c~1");
        assert_eq!(routes::job("../sessions"), "/api/messaging/jobs/%2E%2E%2Fsessions");
        assert_eq!(routes::job("é?#%"), "/api/messaging/jobs/%C3%A9%3F%23%25");
        assert_eq!(routes::session("../jobs", "/renew"), "/api/messaging/sessions/%2E%2E%2Fjobs/renew");
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
        assert_eq!(said(Body::Text(" Unauthorized \n".into())).0.as_deref(), Some("Unauthorized"));
        assert_eq!(
            said(Body::Text("<!DOCTYPE html><TITLE>502 Bad Gateway</TITLE>".into())).0.as_deref(),
            Some("502 Bad Gateway")
        );
        assert_eq!(said(Body::Empty), (None, None));
        for odd in [json!(null), json!([]), json!({}), json!({"error": null}), json!({"error": 5}), json!({"error": {}})] {
            assert_eq!(said(Body::Json(odd)).0, None);
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
    fn messages_name_the_place_and_never_the_query() {
        let request = HttpRequest {
            method: Method::Get,
            url: "https://h:1/x/api/messaging/jobs?limit=1".into(),
            headers: vec![],
            body: None,
            timeout_ms: 1.0,
            answers: 1.0,
        };
        assert_eq!(place(&request), "GET /x/api/messaging/jobs");
        assert_eq!(host(&request.url), "h:1");
    }
}
