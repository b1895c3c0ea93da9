//! The world: fetch, timers, clocks, randomness, and the wallet, as JavaScript has them.

use core::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, JsString, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, RequestInit};

use super::options::header_pairs;
use crate::http::message::is_event_stream;
use crate::json::Json;
use crate::platform::{Body, HttpRequest, HttpResponse, RESPONSE_HEADERS, SendError, SendFailure, WalletCapabilities};
use crate::platform::{Callback, LogLevel, Platform, StoreOperation, within};
use crate::text::concat;
use crate::time::{Instant, Millis, WallTime};

/// How much of a body that is no JSON is looked at, in UTF-16 code units.
const SNIPPET_UNITS: u32 = 4_000;
/// The longest delay of a timer: JavaScript fires at once above it.
const MAX_DELAY_MS: f64 = 2_147_483_647.0;
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
    type Request;
    #[wasm_bindgen(constructor, catch)]
    fn new(url: &str, init: &JsValue) -> Result<Request, JsValue>;
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn random_values(bytes: &Uint8Array);
}

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    fn lock(name: &str, request: &JsValue, store: &JsValue) -> Promise;
}

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    // `catch` as for the default store.
    #[wasm_bindgen(catch)]
    fn wake(request: &JsValue) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    fn log(logger: &JsValue, level: &str, words: &str);
}

/// JavaScript's world for one client.
#[derive(Debug)]
pub(super) struct JsPlatform {
    pub(super) fetch: Option<Function>,
    pub(super) confirm: Option<Function>,
    pub(super) wallet: Json,
    pub(super) abilities: WalletCapabilities,
    pub(super) store: Json,
    pub(super) logger: Json,
    pub(super) max_response_bytes: f64,
}

/// Something that is held, or asked for, on the other side; given back when it is dropped.
pub(super) struct Held(Json);

impl Drop for Held {
    fn drop(&mut self) {
        let request = self.0.clone().set("gone", Json(true.into())).without("failed");
        let _ = request.call("release", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
    }
}

/// Aborts its request when it is dropped before the answer is complete.
struct AbortOnDrop(Option<Json>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            let _ = controller.call("abort", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
        }
    }
}

impl Platform for JsPlatform {
    type Lock = Held;

    async fn send(&self, request: &HttpRequest, on_chunk: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        let controller = AbortController::new().map_err(|thrown| failed(thrown, false))?;
        let controller = Json(controller.into());
        let mut guard = AbortOnDrop(Some(controller.clone()));
        let signal = controller.get("signal").unwrap_or(controller);
        let read = RefCell::new(JsString::from(""));
        let answer = within(self.exchange(request, signal, on_chunk, &read), self.sleep(request.timeout)).await;
        let late = Err(unread(SendFailure::Timeout, ""));
        let answer = answer.unwrap_or(late);
        if answer.is_ok() {
            guard.0 = None;
        }
        answer.map_err(|failed| SendError { partial: read.take().slice(0, SNIPPET_UNITS).into(), ..failed })
    }

    async fn sleep(&self, duration: Millis) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is made sure of")]
        TimeoutFuture::new(duration.get().clamp(0.0, MAX_DELAY_MS).ceil() as u32).await;
    }

    async fn sleep_until_active(&self, duration: Millis) {
        let held = Held(Json::object());
        match wake(&held.0.0) {
            Ok(back) => drop(within(JsFuture::from(back), self.sleep(duration)).await),
            Err(_) => self.sleep(duration).await,
        }
    }

    fn log(&self, level: LogLevel, words: &str) {
        let level = if level == LogLevel::Debug { "debug" } else { "warn" };
        log(&self.logger.0, level, &concat(&["eliza-jobs: ", words]));
    }

    fn now(&self) -> Instant {
        Instant::from_ms(performance_now())
    }

    fn wall_time(&self) -> WallTime {
        WallTime::from_ms(js_sys::Date::now())
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }

    fn uuid(&self) -> String {
        let mut buffer = uuid::Uuid::encode_buffer();
        uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer).to_owned()
    }

    fn parse_date(&self, text: &str) -> Option<WallTime> {
        Some(js_sys::Date::parse(text)).filter(|at| at.is_finite()).map(WallTime::from_ms)
    }

    fn nonce(&self) -> [u8; 32] {
        let bytes = Uint8Array::new_with_length(32);
        random_values(&bytes);
        let mut nonce = [0; 32];
        bytes.copy_to(&mut nonce);
        nonce
    }

    async fn store(&self, call: StoreOperation, key: &str, value: &str) -> Result<Json, Json> {
        let name = match call {
            StoreOperation::Get => "get",
            StoreOperation::Set => "set",
            StoreOperation::Delete => "delete",
            StoreOperation::Keys => "keys",
        };
        let given = self.store.call(name, &key.into(), &value.into()).unwrap_or_else(|| Err("it has lost a method".into()));
        let given = Json(given.map_err(Json)?).settled().await.map(Json).map_err(Json)?;
        if call != StoreOperation::Keys {
            return Ok(given);
        }
        // Any list, an iterator of a Map for one; but no text, which can be gone through too.
        let keys = Some(&given).filter(|given| given.0.is_object()).and_then(|given| given.list().ok());
        keys.map(|keys| Json(keys.into())).ok_or_else(|| Json::text("keys() gave no list"))
    }

    async fn lock(&self, name: &str) -> Result<Held, Json> {
        let held = Held(Json::object());
        JsFuture::from(lock(name, &held.0.0, &self.store.0)).await.map(|_| held).map_err(Json)
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        spawn_local(work);
    }

    fn wallet_capabilities(&self) -> WalletCapabilities {
        self.abilities
    }

    fn has_callback(&self, whom: Callback) -> bool {
        match whom {
            Callback::Confirm => self.confirm.is_some(),
            Callback::Address => self.wallet.get("address").is_some(),
            Callback::Transfer => self.abilities.transfer,
            Callback::Sign => self.abilities.sign,
            Callback::Pay => self.abilities.pay,
        }
    }

    async fn call(&self, whom: Callback, given: Json) -> Result<Json, Json> {
        let member = |name: &str| self.wallet.get(name).map(|member| member.0).unwrap_or_default();
        let member = match whom {
            Callback::Confirm => self.confirm.clone().map(JsValue::from).unwrap_or_default(),
            Callback::Address => member("address"),
            Callback::Transfer if self.wallet.0.is_function() => self.wallet.0.clone(),
            Callback::Transfer => member("sendTransfer"),
            Callback::Sign => member("signTypedData"),
            Callback::Pay => member("pay"),
        };
        let given = match member.dyn_into::<Function>() {
            Ok(function) => function.call1(&self.wallet.0, &given.0).map_err(Json)?,
            Err(value) => value,
        };
        let given = Json(given).settled().await.map(Json).map_err(Json)?;
        Ok(if whom == Callback::Pay { header_pairs(&given).unwrap_or(given) } else { given })
    }
}

impl JsPlatform {
    async fn exchange(
        &self,
        request: &HttpRequest,
        signal: Json,
        on_chunk: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<HttpResponse, SendError> {
        let response = match self.start(request, Some(signal)).await {
            // Nothing was sent. The time limit does not need the signal.
            Err(thrown) if is_about_signal(&thrown) => self.start(request, None).await,
            started => started,
        };
        let response = response.map_err(|thrown| failed(thrown, false))?;
        // By its shape, not by `instanceof`: polyfills and other realms have their own classes.
        let (Some(status), Some(headers)) = (response.get_number("status"), response.get("headers")) else {
            return Err(no_response(""));
        };
        let kind = response.get_text("type");
        if kind.as_deref() == Some("opaqueredirect") {
            return Err(unread(SendFailure::HiddenRedirect, ""));
        }
        let mut found = Vec::new();
        let mut is_stream = false;
        // Only from another origin's answer headers are kept back: elsewhere what is not there was not sent.
        let mut hides = kind.as_deref() == Some("cors");
        for name in RESPONSE_HEADERS {
            let value = headers.call("get", &name.into(), &JsValue::UNDEFINED).and_then(|value| value.ok()?.as_string());
            if let Some(value) = value {
                is_stream |= name == "content-type" && is_event_stream(&value);
                hides |= name == "date";
                found.push((name, value));
            }
        }
        if !hides {
            found.push(("date", String::new()));
        }
        let text = self.text(&response, request.answers, on_chunk.filter(|_| is_stream), read).await?;
        let body = if text.length() == 0 {
            Body::Empty
        } else if let Some(document) = Json::parse_js(&text) {
            Body::Json(document)
        } else {
            Body::Text(text.slice(0, SNIPPET_UNITS).into())
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status")]
        Ok(HttpResponse { status: status as u16, headers: found, body })
    }

    /// Calls fetch.
    async fn start(&self, request: &HttpRequest, signal: Option<Json>) -> Result<Json, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &request.headers {
            headers.set(name, value)?;
        }
        // A plain object: each of web-sys's setters would be another import.
        let mut init = Json::object()
            .set("method", Json::text(request.method.as_str()))
            .set("headers", Json(headers.into()))
            .set("redirect", Json::text("manual"));
        if TAKES_CACHE.with(|takes| *takes) {
            init = without_cache(init);
        }
        if let Some(signal) = signal {
            init = init.set("signal", signal);
        }
        if let Some(body) = &request.body {
            init = init.set("body", Json::text(body));
        }
        let init: RequestInit = init.0.unchecked_into();
        let response = match &self.fetch {
            None => global_fetch(&request.url, &init)?,
            Some(fetch) => fetch.call2(&JsValue::UNDEFINED, &request.url.as_str().into(), &init)?,
        };
        Json(response).settled().await.map(Json)
    }

    /// The whole body as a JavaScript string; or nothing, when its pieces are heard. `read` has what was read when it breaks off.
    async fn text(
        &self,
        response: &Json,
        answers: f64,
        on_chunk: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<JsString, SendError> {
        let during = |thrown| failed(thrown, true);
        // A list of thousands of jobs is large, and still less than they would be one by one.
        let most = self.max_response_bytes * (answers / 1000.0).max(1.0);
        let too_large = || unread(SendFailure::TooLarge, "");
        // A wrapper around fetch may have looked into the answer, to log it.
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

thread_local! {
    /// Whether the runtime knows `cache` in the options of a request. Cloudflare Workers with a
    /// compatibility date before 2024-11-11 throw on it.
    static TAKES_CACHE: bool = {
        let makes = |init: Json| Request::new("https://localhost", &init.0).is_ok();
        // Without a `Request` nothing is known, and nothing is in the way.
        makes(without_cache(Json::object())) || !makes(Json::object())
    };
}

/// The options of a request that no cache may answer: caches of frameworks, networks and browsers
/// would repeat an old answer to every poll.
fn without_cache(init: Json) -> Json {
    init.set("cache", Json::text("no-store"))
}

/// Whether fetch refused the request because of its signal, before it sent anything. Test environments
/// such as jsdom replace `AbortController` with a class that the runtime's own fetch does not accept.
fn is_about_signal(thrown: &JsValue) -> bool {
    let error = Json(thrown.clone());
    let words = error.get_text("message").unwrap_or_default();
    let is_refusal = ["instance of AbortSignal", "of type AbortSignal", "of type 'AbortSignal'", "interface AbortSignal"];
    error.get_text("name").as_deref() == Some("TypeError") && is_refusal.iter().any(|part| words.contains(part))
}

/// What the application's fetch has given cannot be read.
fn no_response(why: &str) -> SendError {
    unread(SendFailure::NoResponse, why)
}

/// Nothing was thrown, and there is no answer all the same.
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
