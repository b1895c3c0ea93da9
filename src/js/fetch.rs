//! One request through `fetch`, and its response.

use js_sys::JsString;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, Request, RequestCache, RequestInit, RequestRedirect};

use super::platform::JsPlatform;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, HttpResponse, Progress, RESPONSE_HEADERS, SendError, SendFailure, within};

/// How much of a body that is no JSON is kept, in UTF-16 code units.
const SNIPPET_UNITS: u32 = 4_000;

#[wasm_bindgen]
extern "C" {
    // A bare global: `window().fetch` is not there in workers and Node.
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(url: &str, init: &RequestInit) -> Result<JsValue, JsValue>;
    /// How the response is to be read, with the signal of its request.
    #[wasm_bindgen(js_namespace = host, catch)]
    fn reading(names: &JsValue, most: f64, streams: bool) -> Result<JsValue, JsValue>;
    /// Waits for a response and reads it (`pkg-template/response.ts`).
    #[wasm_bindgen(js_namespace = host)]
    fn receive(response: &JsValue, reading: &JsValue) -> js_sys::Promise;
    /// The next piece of a stream's text; `undefined` at its end.
    #[wasm_bindgen(js_namespace = host, js_name = nextPiece)]
    fn next_piece(stream: &JsValue) -> js_sys::Promise;

    /// What `receive` resolves with: a response, or why there is none.
    type Received;
    #[wasm_bindgen(method, getter)]
    fn failure(this: &Received) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn message(this: &Received) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn head(this: &Received) -> String;
    #[wasm_bindgen(method, getter)]
    fn text(this: &Received) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn json(this: &Received) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn stream(this: &Received) -> JsValue;
}

thread_local! {
    /// [`RESPONSE_HEADERS`] as JavaScript has them.
    static HEADER_NAMES: Json = Json::array(RESPONSE_HEADERS.into_iter().map(Json::text));
}

thread_local! {
    /// Whether the runtime knows `cache` in the options of a request. Caches of frameworks,
    /// networks and browsers would repeat an old response to every poll, but Cloudflare Workers
    /// with a compatibility date before 2024-11-11 throw on the member.
    static TAKES_CACHE: bool = {
        let is_known = |init: &RequestInit| Request::new_with_str_and_init("https://localhost", init).is_ok();
        let init = RequestInit::new();
        init.set_cache(RequestCache::NoStore);
        // Without a `Request` nothing is known, and nothing is in the way.
        is_known(&init) || !is_known(&RequestInit::new())
    };
}

/// Whether fetch refused the request because of its signal, before it sent anything. Test
/// environments such as jsdom replace `AbortController` with a class that the runtime's own fetch
/// does not accept.
fn is_about_signal(thrown: &JsValue) -> bool {
    let error = Json(thrown.clone());
    let words = error.get_text("message").unwrap_or_default();
    let is_refusal = ["instance of AbortSignal", "of type AbortSignal", "of type 'AbortSignal'", "interface AbortSignal"];
    error.get_text("name").as_deref() == Some("TypeError") && is_refusal.iter().any(|part| words.contains(part))
}

/// Aborts its request when it is dropped before the response is complete.
struct AbortOnDrop {
    reading: Json,
    is_complete: bool,
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let _ = self.reading.call("end", &self.is_complete.into(), &JsValue::UNDEFINED);
    }
}

impl JsPlatform {
    /// Sends a request and reads the whole response, before `limit` ends. The text of an event
    /// stream goes to `on_chunk` as it comes.
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
        // A list of thousands of jobs is large, and still smaller than they would be one by one.
        let most = self.max_response_bytes * (request.answers / 1000.0).max(1.0);
        let reading = HEADER_NAMES.with(|names| reading(&names.0, most, on_chunk.is_some()));
        let reading = reading.map(Json).map_err(|thrown| failed(thrown, Progress::Unknown))?;
        let mut guard = AbortOnDrop { reading: reading.clone(), is_complete: false };
        let signal = reading.get("signal").map(|signal| signal.0.unchecked_into());
        let exchange = async {
            let received = match self.receive(request, signal.as_ref(), &reading).await {
                // Nothing was sent. The time limit does not need the signal.
                Err(thrown) if is_about_signal(&thrown) => self.receive(request, None, &reading).await,
                received => received,
            };
            let received = received.map_err(|thrown| failed(thrown, progress(&reading)))?;
            match on_chunk {
                Some(on_chunk) => read_stream(&received, on_chunk).await,
                None => read(&received),
            }
        };
        let response = within(exchange, limit).await.unwrap_or_else(|| Err(unread(SendFailure::Timeout, "")));
        guard.is_complete = response.is_ok();
        response
            .map_err(|failed| SendError { partial: snippet(reading.get("text").unwrap_or(Json(JsValue::UNDEFINED)).0), ..failed })
    }

    /// Calls fetch, and reads the response.
    async fn receive(&self, request: &HttpRequest, signal: Option<&AbortSignal>, reading: &Json) -> Result<Received, JsValue> {
        let response = self.start(request, signal)?;
        JsFuture::from(receive(&response, &reading.0)).await.map(JsCast::unchecked_into)
    }

    /// Calls fetch.
    fn start(&self, request: &HttpRequest, signal: Option<&AbortSignal>) -> Result<JsValue, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &request.headers {
            headers.set(name, value)?;
        }
        let init = RequestInit::new();
        init.set_method(request.method.as_str());
        init.set_headers(&headers);
        init.set_redirect(RequestRedirect::Manual);
        if signal.is_some() {
            init.set_signal(signal);
        }
        if TAKES_CACHE.with(|takes| *takes) {
            init.set_cache(RequestCache::NoStore);
        }
        if let Some(body) = &request.body {
            init.set_body(&body.as_str().into());
        }
        match &self.fetch {
            None => global_fetch(&request.url, &init),
            Some(fetch) => fetch.call2(&JsValue::UNDEFINED, &request.url.as_str().into(), &init),
        }
    }
}

/// A response that was read.
fn read(received: &Received) -> Result<HttpResponse, SendError> {
    if let Some(failure) = received.failure() {
        let failure = match failure.as_str() {
            "HiddenRedirect" => SendFailure::HiddenRedirect,
            "TooLarge" => SendFailure::TooLarge,
            _ => SendFailure::NoResponse,
        };
        return Err(unread(failure, &received.message().unwrap_or_default()));
    }
    let head = received.head();
    let mut lines = head.split('\n');
    let status = lines.next().and_then(|status| status.parse().ok()).unwrap_or_default();
    // Only another origin's response hides headers: elsewhere a date that is absent was not sent.
    let hides = lines.next() == Some("cors");
    let mut headers: Vec<_> = lines.filter_map(header).collect();
    if !hides && headers.iter().all(|(name, _)| *name != "date") {
        headers.push(("date", String::new()));
    }
    let document = received.json();
    let body = if !document.is_undefined() {
        Body::Json(Json(document))
    } else {
        match snippet(received.text()) {
            text if text.is_empty() => Body::Empty,
            text => Body::Text(text),
        }
    };
    Ok(HttpResponse { status, headers, body })
}

/// A header of the response's head.
fn header(line: &str) -> Option<(&'static str, String)> {
    let (name, value) = line.split_once(": ")?;
    let name = RESPONSE_HEADERS.into_iter().find(|known| *known == name)?;
    Some((name, value.to_owned()))
}

/// An event stream, to its end. Each piece is read when the one before was taken, so that nothing
/// is read ahead.
async fn read_stream(received: &Received, on_chunk: &dyn Fn(&str)) -> Result<HttpResponse, SendError> {
    let stream = received.stream();
    while !stream.is_undefined() {
        let piece = JsFuture::from(next_piece(&stream)).await.map_err(|thrown| failed(thrown, Progress::Connected))?;
        match piece.as_string() {
            Some(piece) => on_chunk(&piece),
            None if piece.is_undefined() => break,
            None => return read(piece.unchecked_ref()),
        }
    }
    read(received)
}

/// How far the request has come: the response's head was there, or nothing is known.
fn progress(reading: &Json) -> Progress {
    if reading.get("text").is_some() { Progress::Connected } else { Progress::Unknown }
}

/// The beginning of a text that was read. The rest stays on JavaScript's side.
fn snippet(text: JsValue) -> String {
    text.dyn_into::<JsString>().map(|text| text.slice(0, SNIPPET_UNITS).into()).unwrap_or_default()
}

/// Nothing was thrown, and there is no response all the same.
fn unread(failure: SendFailure, words: &str) -> SendError {
    SendError { failure, words: words.to_owned(), cause: None, partial: String::new() }
}

/// What fetch threw. The useful word is often a cause's: Node says `fetch failed` and keeps the
/// code `ECONNREFUSED` below, or the words `bad port`.
fn failed(thrown: JsValue, mut progress: Progress) -> SendError {
    let cause = Json(thrown);
    let mut words = cause.as_text().unwrap_or_default();
    let mut at = Some(cause.clone());
    for _ in 0..4 {
        let Some(error) = at else { break };
        if let Some(code) = error.get_text("code") {
            words = code;
            if progress == Progress::Unknown {
                progress = progress_of(&error);
            }
            break;
        }
        words = error.get_text("message").unwrap_or(words);
        at = error.get("cause");
    }
    SendError { failure: SendFailure::from_words(&words, progress), words, cause: Some(cause), partial: String::new() }
}

/// How far the request had come, by the call of the operating system that failed. Node names it;
/// where it tried several addresses, each try has its own error.
fn progress_of(error: &Json) -> Progress {
    let tries = error.get("errors").map(|tries| tries.elements()).unwrap_or_default();
    let call = |error: &Json| error.get_text("syscall");
    match call(error).or_else(|| tries.first().and_then(call)) {
        None => Progress::Unknown,
        Some(call) if ["connect", "getaddrinfo", "query"].iter().any(|known| call.starts_with(known)) => Progress::Connecting,
        Some(_) => Progress::Connected,
    }
}
