//! The world: fetch, timers, clocks, randomness, and the wallet, as JavaScript has them.

use core::cell::RefCell;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, JsString, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, RequestInit};

use super::document::Document;
use super::options::header_pairs;
use crate::http::{Body, HttpRequest, HttpResponse, RESPONSE_HEADERS, SendError, SendFailure};
use crate::json::Json;
use crate::runtime::{Ask, Level, Runtime, StoreCall, within};
use crate::spend::Abilities;
use crate::text::{concat, has};

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
pub(super) struct JsRuntime {
    pub(super) fetch: Option<Function>,
    pub(super) confirm: Option<Function>,
    pub(super) wallet: Document,
    pub(super) abilities: Abilities,
    pub(super) store: Document,
    pub(super) logger: Document,
    pub(super) max_response_bytes: f64,
}

/// Something that is held, or asked for, on the other side; given back when it is dropped.
pub(super) struct Held(Document);

impl Drop for Held {
    fn drop(&mut self) {
        let request = self.0.clone().set("gone", Document(true.into())).without("failed");
        let _ = request.call("release", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
    }
}

/// Aborts its request when it is dropped before the answer is complete.
struct AbortOnDrop(Option<Document>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            let _ = controller.call("abort", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
        }
    }
}

impl Runtime for JsRuntime {
    type Json = Document;
    type Lock = Held;

    async fn send(
        &self,
        request: &HttpRequest,
        hear: Option<&dyn Fn(&str)>,
    ) -> Result<HttpResponse<Document>, SendError<Document>> {
        let controller = AbortController::new().map_err(|thrown| failed(thrown, false))?;
        let controller = Document(controller.into());
        let mut guard = AbortOnDrop(Some(controller.clone()));
        let signal = controller.get("signal").unwrap_or(controller);
        let read = RefCell::new(JsString::from(""));
        let answer = within(self.exchange(request, signal, hear, &read), self.sleep(request.timeout_ms)).await;
        let late = Err(unread(SendFailure::Timeout, ""));
        let answer = answer.unwrap_or(late);
        if answer.is_ok() {
            guard.0 = None;
        }
        answer.map_err(|failed| SendError { partial: read.take().slice(0, SNIPPET_UNITS).into(), ..failed })
    }

    async fn sleep(&self, ms: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is made sure of")]
        TimeoutFuture::new(ms.clamp(0.0, MAX_DELAY_MS).ceil() as u32).await;
    }

    async fn nap(&self, ms: f64) {
        let held = Held(Document::object());
        match wake(&held.0.0) {
            Ok(back) => drop(within(JsFuture::from(back), self.sleep(ms)).await),
            Err(_) => self.sleep(ms).await,
        }
    }

    fn log(&self, level: Level, words: &str) {
        let level = if level == Level::Debug { "debug" } else { "warn" };
        log(&self.logger.0, level, &concat(&["eliza-jobs: ", words]));
    }

    fn now_ms(&self) -> f64 {
        performance_now()
    }

    fn wall_ms(&self) -> f64 {
        js_sys::Date::now()
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }

    fn uuid(&self) -> String {
        let mut buffer = uuid::Uuid::encode_buffer();
        uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer).to_owned()
    }

    fn parse_date(&self, text: &str) -> Option<f64> {
        Some(js_sys::Date::parse(text)).filter(|at| at.is_finite())
    }

    fn nonce(&self) -> [u8; 32] {
        let bytes = Uint8Array::new_with_length(32);
        random_values(&bytes);
        let mut nonce = [0; 32];
        bytes.copy_to(&mut nonce);
        nonce
    }

    async fn store(&self, call: StoreCall, key: &str, value: &str) -> Result<Document, Document> {
        let name = match call {
            StoreCall::Get => "get",
            StoreCall::Set => "set",
            StoreCall::Delete => "delete",
            StoreCall::Keys => "keys",
        };
        let given = self.store.call(name, &key.into(), &value.into()).unwrap_or_else(|| Err("it has lost a method".into()));
        let given = Document(given.map_err(Document)?).settled().await.map(Document).map_err(Document)?;
        if call != StoreCall::Keys {
            return Ok(given);
        }
        // Any list, an iterator of a Map for one; but no text, which can be gone through too.
        let keys = Some(&given).filter(|given| given.0.is_object()).and_then(|given| given.list().ok());
        keys.map(|keys| Document(keys.into())).ok_or_else(|| Document::text("keys() gave no list"))
    }

    async fn lock(&self, name: &str) -> Result<Held, Document> {
        let held = Held(Document::object());
        JsFuture::from(lock(name, &held.0.0, &self.store.0)).await.map(|_| held).map_err(Document)
    }

    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        spawn_local(work);
    }

    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn can_ask(&self, whom: Ask) -> bool {
        match whom {
            Ask::Confirm => self.confirm.is_some(),
            Ask::Address => self.wallet.get("address").is_some(),
            Ask::Transfer => self.abilities.transfer,
            Ask::Sign => self.abilities.sign,
            Ask::Pay => self.abilities.pay,
        }
    }

    async fn ask(&self, whom: Ask, given: Document) -> Result<Document, Document> {
        let member = |name: &str| self.wallet.get(name).map(|member| member.0).unwrap_or_default();
        let member = match whom {
            Ask::Confirm => self.confirm.clone().map(JsValue::from).unwrap_or_default(),
            Ask::Address => member("address"),
            Ask::Transfer if self.wallet.0.is_function() => self.wallet.0.clone(),
            Ask::Transfer => member("sendTransfer"),
            Ask::Sign => member("signTypedData"),
            Ask::Pay => member("pay"),
        };
        let given = match member.dyn_into::<Function>() {
            Ok(function) => function.call1(&self.wallet.0, &given.0).map_err(Document)?,
            Err(value) => value,
        };
        let given = Document(given).settled().await.map(Document).map_err(Document)?;
        Ok(if whom == Ask::Pay { header_pairs(&given).unwrap_or(given) } else { given })
    }
}

impl JsRuntime {
    async fn exchange(
        &self,
        request: &HttpRequest,
        signal: Document,
        hear: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<HttpResponse<Document>, SendError<Document>> {
        let before = |thrown| failed(thrown, false);
        let response = self.start(request, signal).map_err(before)?;
        let response = Document(response.await.map_err(before)?);
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
                is_stream |= name == "content-type" && has(&value, "text/event-stream");
                hides |= name == "date";
                found.push((name, value));
            }
        }
        if !hides {
            found.push(("date", String::new()));
        }
        let text = self.text(&response, request.answers, hear.filter(|_| is_stream), read).await?;
        let body = if text.length() == 0 {
            Body::Empty
        } else if let Some(document) = Document::parse_js(&text) {
            Body::Json(document)
        } else {
            Body::Text(text.slice(0, SNIPPET_UNITS).into())
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status")]
        Ok(HttpResponse { status: status as u16, headers: found, body })
    }

    fn start(&self, request: &HttpRequest, signal: Document) -> Result<JsFuture, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &request.headers {
            headers.set(name, value)?;
        }
        // A plain object: each of web-sys's setters would be another import.
        let init = Document::object()
            .set("method", Document::text(request.method.as_str()))
            .set("headers", Document(headers.into()))
            .set("redirect", Document::text("manual"))
            .set("signal", signal);
        let init = match &request.body {
            Some(body) => init.set("body", Document::text(body)),
            None => init,
        };
        let init: RequestInit = init.0.unchecked_into();
        let response = match &self.fetch {
            None => global_fetch(&request.url, &init)?,
            Some(fetch) => fetch.call2(&JsValue::UNDEFINED, &request.url.as_str().into(), &init)?,
        };
        Ok(Document(response).settled())
    }

    /// The whole body as a JavaScript string; or nothing, when its pieces are heard. `read` has what was read when it breaks off.
    async fn text(
        &self,
        response: &Document,
        answers: f64,
        hear: Option<&dyn Fn(&str)>,
        read: &RefCell<JsString>,
    ) -> Result<JsString, SendError<Document>> {
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
            let text = Document(text.map_err(during)?).settled().await.map_err(during)?;
            let text: JsString = text.dyn_into().unwrap_or_else(|_| JsString::from(""));
            if f64::from(text.length()) > most {
                return Err(too_large());
            }
            let Some(hear) = hear else { return Ok(text) };
            hear(&String::from(text));
            return Ok(JsString::from(""));
        };
        let reader = Document(reader.map_err(|_| no_response(USED))?);
        let decoder = TextDecoder::new().map_err(during)?;
        let more = Document::object().set("stream", Document(true.into()));
        let mut bytes = 0.0;
        loop {
            let chunk = reader.call("read", &nothing, &nothing).ok_or_else(|| no_response(""))?.map_err(during)?;
            let chunk = Document(Document(chunk).settled().await.map_err(during)?);
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
            match hear {
                Some(hear) => hear(&piece.as_string().unwrap_or_default()),
                None => drop(read.replace_with(|text| text.concat(&piece))),
            }
        }
        Ok(read.take().concat(&decoder.decode(&Uint8Array::new_with_length(0), &JsValue::UNDEFINED).map_err(during)?))
    }
}

/// What the application's fetch has given cannot be read.
fn no_response(why: &str) -> SendError<Document> {
    unread(SendFailure::NoResponse, why)
}

/// Nothing was thrown, and there is no answer all the same.
fn unread(failure: SendFailure, words: &str) -> SendError<Document> {
    SendError { failure, words: words.to_owned(), cause: None, partial: String::new() }
}

/// What fetch threw. The useful word is often a cause's code: Node says `fetch failed` and keeps `ECONNREFUSED` below.
fn failed(thrown: JsValue, reading: bool) -> SendError<Document> {
    let cause = Document(thrown);
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
