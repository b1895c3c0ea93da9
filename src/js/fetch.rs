//! One request through `fetch`, and its response, whoever made it: nothing of it is trusted.

use core::cell::RefCell;

use js_sys::{JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, Headers, RequestInit, RequestRedirect};

use super::platform::JsPlatform;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, HttpResponse, RESPONSE_HEADERS, SendError, SendFailure, within};
use crate::text::has;

/// How much of a body that is no JSON is kept, in UTF-16 code units.
const SNIPPET_UNITS: u32 = 4_000;
/// Why a response cannot be read.
const USED: &str = "its body was read already; read a clone() of it";

#[wasm_bindgen]
extern "C" {
    // A bare global: `window().fetch` is not there in workers and Node.
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(url: &str, init: &RequestInit) -> Result<JsValue, JsValue>;
    // Not web-sys's: that one copies the text into wasm's memory, which never shrinks.
    type TextDecoder;
    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<TextDecoder, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &JsValue, options: &JsValue) -> Result<JsValue, JsValue>;
}

/// Aborts its request when it is dropped before the response is complete.
struct AbortOnDrop(Option<Json>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            let _ = controller.call("abort", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
        }
    }
}

impl JsPlatform {
    /// Sends a request and reads the whole response, before `limit` ends.
    pub(super) async fn fetch_within(
        &self,
        request: &HttpRequest,
        on_chunk: Option<&dyn Fn(&str)>,
        limit: impl Future<Output = ()>,
    ) -> Result<HttpResponse, SendError> {
        #[cfg(feature = "trap")]
        if request.url.ends_with("/trap") {
            core::arch::wasm32::unreachable();
        }
        let controller = AbortController::new().map_err(|thrown| failed(thrown, false))?;
        let signal = controller.signal();
        let mut guard = AbortOnDrop(Some(Json(controller.into())));
        let read = RefCell::new(JsString::from(""));
        let answer = within(self.exchange(request, &signal, on_chunk, &read), limit).await;
        let answer = answer.unwrap_or_else(|| Err(unread(SendFailure::Timeout, "")));
        if answer.is_ok() {
            guard.0 = None;
        }
        answer.map_err(|failed| SendError { partial: read.take().slice(0, SNIPPET_UNITS).into(), ..failed })
    }

    async fn exchange(
        &self,
        request: &HttpRequest,
        signal: &AbortSignal,
        on_chunk: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<HttpResponse, SendError> {
        let before = |thrown| failed(thrown, false);
        let response = self.start(request, signal).map_err(before)?;
        let response = Json(response.await.map_err(before)?);
        // By its shape, not by `instanceof`: polyfills and other realms have their own classes.
        let (Some(status), Some(headers)) = (response.get_number("status"), response.get("headers")) else {
            return Err(no_response(""));
        };
        let kind = response.get_text("type");
        if kind.as_deref() == Some("opaqueredirect") {
            return Err(unread(SendFailure::HiddenRedirect, ""));
        }
        let headers = read_headers(&headers, kind.as_deref());
        let is_stream = headers.iter().any(|(name, value)| *name == "content-type" && has(value, "text/event-stream"));
        let text = self.text(&response, request.answers, on_chunk.filter(|_| is_stream), read).await?;
        let body = if text.length() == 0 {
            Body::Empty
        } else if let Some(document) = Json::parse_js(&text) {
            Body::Json(document)
        } else {
            Body::Text(text.slice(0, SNIPPET_UNITS).into())
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status")]
        Ok(HttpResponse { status: status as u16, headers, body })
    }

    fn start(&self, request: &HttpRequest, signal: &AbortSignal) -> Result<JsFuture, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &request.headers {
            headers.set(name, value)?;
        }
        let init = RequestInit::new();
        init.set_method(request.method.as_str());
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(signal));
        if let Some(body) = &request.body {
            init.set_body(&body.as_str().into());
        }
        let response = match &self.fetch {
            None => global_fetch(&request.url, &init)?,
            Some(fetch) => fetch.call2(&JsValue::UNDEFINED, &request.url.as_str().into(), &init)?,
        };
        Ok(Json(response).settled())
    }

    /// The whole body as a JavaScript string; or nothing, when its pieces go to `on_chunk`. `read` has what was read when
    /// it breaks off.
    async fn text(
        &self,
        response: &Json,
        answers: f64,
        on_chunk: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<JsString, SendError> {
        let during = |thrown| failed(thrown, true);
        // A list of thousands of jobs is large, and still smaller than they would be one by one.
        let most = self.max_response_bytes * (answers / 1000.0).max(1.0);
        let too_large = || unread(SendFailure::TooLarge, "");
        // A wrapper around fetch may have read the body, to log it.
        if response.get("bodyUsed").is_some_and(|used| used.0 == true) {
            return Err(no_response(USED));
        }
        let nothing = JsValue::UNDEFINED;
        let body = response.get("body").filter(|body| body.0.is_object());
        let Some(reader) = body.and_then(|body| body.call("getReader", &nothing, &nothing)) else {
            // No body; or a fetch that has no streams, or those of Node.
            let text = response.call("text", &nothing, &nothing).ok_or_else(|| no_response(""))?;
            let text = Json(text.map_err(during)?).settled().await.map_err(during)?;
            let text: JsString = text.dyn_into().unwrap_or_else(|_| JsString::from(""));
            if f64::from(text.length()) > most {
                return Err(too_large());
            }
            let Some(on_chunk) = on_chunk else { return Ok(text) };
            on_chunk(&String::from(text));
            return Ok(JsString::from(""));
        };
        let reader = Json(reader.map_err(|_| no_response(USED))?);
        let decoder = TextDecoder::new().map_err(during)?;
        let more = Json::object().set("stream", Json(true.into()));
        let mut bytes = 0.0;
        loop {
            let chunk = reader.call("read", &nothing, &nothing).ok_or_else(|| no_response(""))?.map_err(during)?;
            let chunk = Json(Json(chunk).settled().await.map_err(during)?);
            if chunk.get("done").is_some_and(|done| done.0 == true) {
                break;
            }
            // By its shape: the bytes of another realm are as good.
            let value = chunk.get("value").and_then(|value| Some((value.get_number("byteLength")?, value)));
            let (length, value) = value.ok_or_else(|| no_response("its body is not of bytes"))?;
            bytes += length;
            if bytes > most {
                return Err(too_large());
            }
            let piece = decoder.decode(&value.0, &more.0).map_err(during)?;
            match on_chunk {
                Some(on_chunk) => on_chunk(&piece.as_string().unwrap_or_default()),
                None => drop(read.replace_with(|text| text.concat(&piece))),
            }
        }
        Ok(read.take().concat(&decoder.decode(&Uint8Array::new_with_length(0), &JsValue::UNDEFINED).map_err(during)?))
    }
}

/// Those of [`RESPONSE_HEADERS`] that are there. `date` is empty where it was certainly not sent: only another origin's
/// response hides headers.
fn read_headers(headers: &Json, kind: Option<&str>) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for name in RESPONSE_HEADERS {
        let value = headers.call("get", &name.into(), &JsValue::UNDEFINED).and_then(|value| value.ok()?.as_string());
        if let Some(value) = value {
            found.push((name, value));
        }
    }
    if kind != Some("cors") && !found.iter().any(|(name, _)| *name == "date") {
        found.push(("date", String::new()));
    }
    found
}

/// What the application's fetch has returned cannot be read.
fn no_response(why: &str) -> SendError {
    unread(SendFailure::NoResponse, why)
}

/// Nothing was thrown, and there is no response all the same.
fn unread(failure: SendFailure, words: &str) -> SendError {
    SendError { failure, words: words.to_owned(), cause: None, partial: String::new() }
}

/// What fetch threw. The useful word is often a cause's code: Node says `fetch failed` and keeps `ECONNREFUSED` below.
fn failed(thrown: JsValue, reading: bool) -> SendError {
    let cause = Json(thrown);
    let mut words = cause.as_text().or_else(|| cause.get_text("message")).unwrap_or_default();
    let mut at = Some(cause.clone());
    for _ in 0..4 {
        let Some(error) = at else { break };
        if let Some(code) = error.get_text("code") {
            words = code;
            break;
        }
        at = error.get("cause");
    }
    SendError { failure: SendFailure::from_words(&words, reading), words, cause: Some(cause), partial: String::new() }
}
