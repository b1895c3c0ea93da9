//! What a response or a failure means. Nothing here sends. Whether the request may be sent again is
//! in [`retry`](super::retry).

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::routes;
use crate::http::message::carries_proof;
use crate::http::words::{ServerWords, fit, host, html_title, is_html, place, server_words};
use crate::json::{self, Json};
use crate::platform::{Body, HttpRequest, HttpResponse, Method, SendError, SendFailure};
use crate::time::Millis;

/// How often a redirect is followed.
const MAX_REDIRECTS: u32 = 5;

/// What a 402 means where nothing is paid.
pub(crate) const ONLY_CREATES: &str = "; only creating a job is ever paid";

/// Whether it is unknown what the server did with the request: no response arrived, or none that
/// says so.
pub fn is_reply_lost(error: &Error) -> bool {
    match error.code {
        ErrorCode::ConnectionFailed => !error.not_sent,
        ErrorCode::ConnectionReset
        | ErrorCode::RequestTimeout
        | ErrorCode::InvalidResponse
        | ErrorCode::UnexpectedHtml
        | ErrorCode::ResponseTooLarge
        | ErrorCode::ServerError => true,
        _ => false,
    }
}

/// What to do with a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A success or a 402: the caller reads it.
    Answer,
    /// The same request goes to this address.
    Redirect(String),
    /// Everything else is an error.
    Refused,
}

/// What a response means, after so many redirects. A redirect is followed on the server's own
/// origin only, only if the request stays the same, and never with a proof of payment.
pub fn outcome(request: &HttpRequest, response: &HttpResponse, base_url: &str, redirects: u32) -> Outcome {
    if response.is_success() || response.status == 402 {
        return Outcome::Answer;
    }
    let keeps_request = match response.status {
        301..=303 => request.method == Method::Get,
        307 | 308 => true,
        _ => false,
    };
    let target = response.header("location").and_then(|location| same_origin(base_url, location));
    match target {
        Some(url) if keeps_request && !carries_proof(request) && redirects < MAX_REDIRECTS => Outcome::Redirect(url),
        _ => Outcome::Refused,
    }
}

/// Where a redirect leads, when that is on the origin of `base_url`.
fn same_origin(base_url: &str, location: &str) -> Option<String> {
    let (scheme, _) = base_url.split_once("://")?;
    let origin = format!("{scheme}://{}", host(base_url));
    if location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\") {
        return Some(format!("{origin}{location}"));
    }
    let path = location.strip_prefix(&origin)?;
    path.starts_with('/').then(|| location.to_owned())
}

/// The error for a request without a response.
pub fn send_error(request: &HttpRequest, failed: SendError) -> Box<Error> {
    let (code, what) = match failed.failure {
        SendFailure::Unreached | SendFailure::Failed => (ErrorCode::ConnectionFailed, "no connection to"),
        SendFailure::Reset => (ErrorCode::ConnectionReset, "the connection broke before the answer was complete, to"),
        SendFailure::Timeout => (ErrorCode::RequestTimeout, "no complete answer in time from"),
        SendFailure::TooLarge => (ErrorCode::ResponseTooLarge, "the answer is larger than maxResponseBytes, from"),
        SendFailure::HeadersTooLarge => (
            ErrorCode::ResponseTooLarge,
            "the answer's headers are larger than this runtime reads (Node: 16 KB; node --max-http-header-size allows more), from",
        ),
        SendFailure::HiddenRedirect => {
            (ErrorCode::RedirectRefused, "a redirect was refused (set baseUrl to where it leads), from")
        }
        SendFailure::NoResponse => (ErrorCode::InvalidResponse, "the given fetch did not return a Response, for"),
    };
    // Some runtimes put the whole address into their words.
    let words = fit(request, &failed.words, 200);
    let words = if words.is_empty() { words } else { format!(": {words}") };
    let mut error = Error::new(code, format!("{what} {} ({}){words}", host(&request.url), place(request)));
    error.cause = failed.cause;
    error.not_sent = failed.failure == SendFailure::Unreached;
    // It may be the only trace of a job.
    if request.method == Method::Post {
        error.job_id = job_id_in(&failed.partial);
    }
    error
}

/// The id of a job in a text that was cut off after it.
fn job_id_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"jobId\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(':')?.trim_ascii_start().strip_prefix('"')?;
    let (id, _) = rest.split_once('"')?;
    (!id.is_empty() && !id.contains('\\')).then(|| id.to_owned())
}

/// The error for a response that is no success.
pub fn refusal(request: &HttpRequest, response: &HttpResponse, retry_after: Option<Millis>) -> Box<Error> {
    let code = match response.status {
        // No condition was sent: that is a cache which believes that its own copy was asked about.
        304 => ErrorCode::InvalidResponse,
        300..=399 => ErrorCode::RedirectRefused,
        400 => ErrorCode::BadRequest,
        401 => ErrorCode::Unauthorized,
        402 => ErrorCode::PaymentNotSupportedHere,
        403 => ErrorCode::Forbidden,
        // The API's own 404 is no page.
        404 if matches!(&response.body, Body::Text(text) if is_html(text)) => ErrorCode::UnexpectedHtml,
        404 => ErrorCode::NotFound,
        429 => ErrorCode::RateLimited,
        // 408 and 425 are about the connection and not about the request: it was slow, or too
        // early.
        408 | 425 | 500.. => ErrorCode::ServerError,
        _ => ErrorCode::RequestRefused,
    };
    let ServerWords { words, code: server_code } = server_words(request, &response.body);
    // Version 2 of x402 says in its header why it refuses.
    let in_header = || response.header("payment-required").and_then(json::read_header)?.get_text("error");
    let words = words.or_else(|| in_header().map(|words| fit(request, &words, 1_000)));
    let hint = match response.status {
        304 => "; an HTTP cache has answered, which has nothing: keep it from caching /api/messaging",
        300..=399 => "; it was not followed: set baseUrl to where it leads",
        401 => "; set apiKey",
        402 => ONLY_CREATES,
        404 => hint_of_base(request),
        431 => "; the request's headers are larger than the server reads (Node: 16 KB in all): send fewer or shorter ones",
        _ => "",
    };
    let shown = words.as_deref().unwrap_or("the server gave no reason");
    let mut error = Error::new(code, format!("{shown} (HTTP {}, {}){hint}", response.status, place(request)));
    error.status = Some(response.status);
    error.server_message = words;
    error.server_code = server_code;
    error.retry_after = retry_after;
    error.receipt = response.receipt();
    error.job_id = stray_job_id(request, response);
    error
}

/// The id of a job in an answer that should be about one, and cannot be read as that: it may be the
/// only trace of it.
fn stray_job_id(request: &HttpRequest, response: &HttpResponse) -> Option<String> {
    match &response.body {
        _ if request.method != Method::Post => None,
        Body::Empty => None,
        Body::Json(document) => job_id_in(&document.to_json()),
        Body::Text(text) => job_id_in(text),
    }
}

/// What is probably wrong with the client's `baseUrl`.
fn hint_of_base(request: &HttpRequest) -> &'static str {
    if request.url.contains("/api/api/") {
        "; baseUrl ends in /api, which the client adds itself: leave it out"
    } else if request.url.matches(routes::JOBS).count() > 1 {
        "; baseUrl ends in the path of the Jobs API, which the client adds itself: leave it out"
    } else {
        ""
    }
}

/// The error for a success whose body is not what was `wanted`.
pub fn no_answer(request: &HttpRequest, response: &HttpResponse, wanted: &str) -> Box<Error> {
    let (code, found) = match &response.body {
        Body::Empty => (ErrorCode::InvalidResponse, "an empty body".to_owned()),
        Body::Json(_) => (ErrorCode::InvalidResponse, "JSON that has none".to_owned()),
        Body::Text(text) if is_html(text) => {
            let title = html_title(request, text).map(|title| format!(" titled \"{title}\"")).unwrap_or_default();
            (ErrorCode::UnexpectedHtml, format!("a web page{title}; is baseUrl the address of the API?"))
        }
        Body::Text(text) => {
            let text = fit(request, text.trim_ascii(), 100);
            (ErrorCode::InvalidResponse, format!("a body that is no complete JSON: {text}"))
        }
    };
    let place = place(request);
    let hint = hint_of_base(request);
    let mut error = Error::new(code, format!("expected {wanted} and got {found} (HTTP {}, {place}){hint}", response.status));
    error.status = Some(response.status);
    error.job_id = stray_job_id(request, response);
    error
}

/// The document of a success, as `parse` reads it; an error that names what was `wanted` when it is
/// none.
pub(crate) fn read_answer(
    request: &HttpRequest,
    response: &HttpResponse,
    wanted: &str,
    parse: &dyn Fn(Json) -> Option<Json>,
) -> Result<Json> {
    if !response.is_success() {
        return Err(refusal(request, response, None));
    }
    match &response.body {
        // Other routes of elizaOS wrap their answers.
        Body::Json(document) => parse(document.clone()).or_else(|| parse(document.get("data")?)),
        _ => None,
    }
    .ok_or_else(|| no_answer(request, response, wanted))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::options::CallOptions;
    use crate::http::message::HttpConfig;

    const BASE: &str = "https://h:1/base";

    fn request(method: Method, path: &str) -> HttpRequest {
        let config = HttpConfig { base_url: BASE.into(), headers: vec![], timeout: Millis::new(1.0), retries: 0 };
        config.request(method, path, &CallOptions::default())
    }
    fn paid() -> HttpRequest {
        let mut request = request(Method::Post, routes::JOBS);
        request.headers.push(("x-payment".into(), "abc".into()));
        request
    }
    fn response(status: u16) -> HttpResponse {
        HttpResponse { status, headers: vec![], body: Body::Empty }
    }
    fn failed(failure: SendFailure) -> SendError {
        SendError { failure, words: String::new(), cause: None, partial: String::new() }
    }

    #[test]
    fn a_base_address_that_ends_in_what_the_client_adds_is_named_where_nothing_is_found() {
        for (path, hint) in [
            ("", ""),
            ("/eliza", ""),
            ("/api", "; baseUrl ends in /api, which the client adds itself: leave it out"),
            (routes::JOBS, "; baseUrl ends in the path of the Jobs API, which the client adds itself: leave it out"),
        ] {
            let config =
                HttpConfig { base_url: format!("https://h{path}"), headers: vec![], timeout: Millis::new(1.0), retries: 0 };
            let request = config.request(Method::Get, routes::JOBS, &CallOptions::default());
            for error in [refusal(&request, &response(404), None), no_answer(&request, &response(200), "a job")] {
                let words = &error.message;
                assert!(words.ends_with(hint) && words.contains("baseUrl ends in") != hint.is_empty(), "{words}");
            }
        }
    }

    #[test]
    fn a_reply_is_lost_when_the_server_may_have_acted() {
        let get = request(Method::Get, routes::JOBS);
        for failure in [SendFailure::Failed, SendFailure::Reset, SendFailure::Timeout, SendFailure::HeadersTooLarge] {
            assert!(is_reply_lost(&send_error(&get, failed(failure))), "{failure:?}");
        }
        for status in [500, 502, 503, 504, 408] {
            assert!(is_reply_lost(&refusal(&get, &response(status), None)), "{status}");
        }
        assert!(is_reply_lost(&no_answer(&get, &response(200), "a job")));
        for failure in [SendFailure::Unreached, SendFailure::HiddenRedirect] {
            assert!(!is_reply_lost(&send_error(&get, failed(failure))), "{failure:?}");
        }
        for status in [302, 400, 401, 402, 404, 410, 429, 431] {
            assert!(!is_reply_lost(&refusal(&get, &response(status), None)), "{status}");
        }
    }

    #[test]
    fn redirects_are_followed_on_the_origin_and_never_with_a_proof() {
        let moved = |status, to: &str| HttpResponse { headers: vec![("location", to.to_owned())], ..response(status) };
        let get = request(Method::Get, routes::JOBS);
        let post = request(Method::Post, routes::JOBS);
        let to = |url: &str| Outcome::Redirect(url.to_owned());
        assert_eq!(outcome(&get, &moved(302, "/x"), BASE, 0), to("https://h:1/x"));
        assert_eq!(outcome(&get, &moved(308, "https://h:1/x"), BASE, 4), to("https://h:1/x"));
        assert_eq!(outcome(&get, &moved(302, "/x"), BASE, 5), Outcome::Refused);
        assert_eq!(outcome(&post, &moved(307, "/x"), BASE, 0), to("https://h:1/x"));
        assert_eq!(outcome(&post, &moved(302, "/x"), BASE, 0), Outcome::Refused);
        assert_eq!(outcome(&paid(), &moved(307, "/x"), BASE, 0), Outcome::Refused);
        assert_eq!(outcome(&get, &moved(304, "/x"), BASE, 0), Outcome::Refused);
        for other in ["http://h:1/x", "https://h:2/x", "//evil/x", "/\\evil", "https://h:1.evil/x", "https://h:1", "x", ""] {
            assert_eq!(outcome(&get, &moved(302, other), BASE, 0), Outcome::Refused, "{other}");
        }
        for status in [200, 204, 402] {
            assert_eq!(outcome(&get, &response(status), BASE, 0), Outcome::Answer);
        }
    }

    #[test]
    fn headers_that_are_too_large_for_either_side_are_said_to_be() {
        let error = refusal(&request(Method::Post, routes::JOBS), &response(431), None);
        assert!(error.message.contains("headers are larger than the server reads (Node: 16 KB"), "{}", error.message);
        let error = send_error(&request(Method::Get, routes::JOBS), failed(SendFailure::HeadersTooLarge));
        assert!(error.message.contains("headers are larger than this runtime reads (Node: 16 KB"), "{}", error.message);
    }

    #[test]
    fn the_id_in_an_answer_that_was_cut_off_is_kept() {
        for (text, id) in [
            (r#"{"jobId": "j-1", "status": "pro"#, Some("j-1")),
            (r#"{"success":true,"jobId":"j-1""#, Some("j-1")),
            (r#"{"jobId": "j-"#, None),
            (r#"{"jobId": "", "#, None),
            (r#"{"jobId": "a\"b", "#, None),
            (r#"{"jobId": 5"#, None),
            ("", None),
        ] {
            let cut = SendError { partial: text.to_owned(), ..failed(SendFailure::Reset) };
            assert_eq!(send_error(&request(Method::Post, routes::JOBS), cut.clone()).job_id.as_deref(), id, "{text}");
            assert_eq!(send_error(&request(Method::Get, routes::JOBS), cut).job_id, None, "{text}");
        }
    }
}
