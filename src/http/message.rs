//! Requests as values: what they consist of, and which headers prove a payment.

use crate::api::options::CallOptions;
use crate::encoding::MAX_HEADER;
use crate::platform::{HttpRequest, Method};
use crate::time::Millis;

/// The headers that a proof of payment can be in.
pub const PROOF_HEADERS: [&str; 3] = ["x-payment", "x-payment-network", "payment-signature"];

/// What every request needs.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The server's address, without a slash at the end.
    pub base_url: String,
    /// Sent with every request: names in lower case.
    pub headers: Vec<(String, String)>,
    /// The longest time for one request with its retries.
    pub timeout: Millis,
    /// Further tries of a read.
    pub retries: u32,
}

impl HttpConfig {
    /// A request to this server. It has no time limit yet.
    pub fn request(&self, method: Method, path: &str, call: &CallOptions) -> HttpRequest {
        let mut headers = self.headers.clone();
        for (name, value) in &call.headers {
            set_header(&mut headers, name, value);
        }
        if method == Method::Post {
            set_header(&mut headers, "content-type", "application/json");
        }
        let url = format!("{}{path}", self.base_url);
        HttpRequest { method, url, headers, body: None, timeout: Millis::FOREVER, answers: 1.0, secrets: Vec::new() }
    }
}

/// Sets a header, in place of one of the same name.
pub fn set_header(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    match headers.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => value.clone_into(known),
        None => headers.push((name.to_owned(), value.to_owned())),
    }
}

/// Whether a request header is about payment, so that only the client itself may set it.
pub fn is_proof_header(name: &str) -> bool {
    name.starts_with("x-payment") || name.starts_with("payment-")
}

/// Whether this can be a header's value.
pub fn can_be_sent(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_HEADER && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// Whether the request carries a proof of payment.
pub fn carries_proof(request: &HttpRequest) -> bool {
    request.headers.iter().any(|(name, _)| is_proof_header(name))
}

/// Whether this content type is that of an event stream.
pub fn is_event_stream(content_type: &str) -> bool {
    content_type.to_ascii_lowercase().contains("text/event-stream")
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_the_call_replaces_that_of_the_client() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let config = HttpConfig {
            base_url: "https://h".into(),
            headers: vec![pair("a", "1"), pair("b", "2")],
            timeout: Millis::new(1.0),
            retries: 0,
        };
        let call = CallOptions { headers: vec![pair("b", "3"), pair("c", "4")], ..CallOptions::default() };
        let request = config.request(Method::Post, "/x", &call);
        assert_eq!(request.headers, [pair("a", "1"), pair("b", "3"), pair("c", "4"), pair("content-type", "application/json")]);
        assert_eq!((request.url.as_str(), carries_proof(&request)), ("https://h/x", false));
    }

    #[test]
    fn only_printable_ascii_can_be_sent_in_a_header() {
        assert!(can_be_sent("a b~"));
        for bad in ["", "a\r\nb", "\t", "€", "\u{7f}", &"x".repeat(MAX_HEADER + 1)] {
            assert!(!can_be_sent(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_event_stream_is_one_in_any_case() {
        for kind in ["text/event-stream", "Text/Event-Stream; charset=utf-8", "TEXT/EVENT-STREAM"] {
            assert!(is_event_stream(kind), "{kind}");
        }
        assert!(!is_event_stream("application/json"));
    }
}
