//! The core's seam over JavaScript: timers, clocks, randomness, the wallet, the store, the logger.

use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::headers::header_pairs;
use crate::json::{Json, Kind};
use crate::platform::WalletCapabilities;
use crate::platform::{Callback, HttpRequest, HttpResponse, LogLevel, Platform, SendError, StoreOperation};
use crate::time::{Instant, Millis, WallTime};

/// The longest delay of a timer: JavaScript fires at once above it.
const MAX_DELAY_MS: f64 = 2_147_483_647.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn random_values(bytes: &Uint8Array);

    #[wasm_bindgen(js_namespace = host)]
    fn lock(name: &str, request: &JsValue, store: &JsValue) -> Promise;
    #[wasm_bindgen(js_namespace = host, catch)]
    fn wake(request: &JsValue) -> Result<Promise, JsValue>;
    /// Calls a wallet: `{ answer, sent }`, the promises of what it answers, and of the transaction
    /// that it says before that (`undefined` where it says none). When this module has trapped by
    /// then, `kept` hands them on to the next one.
    #[wasm_bindgen(js_namespace = host, js_name = askWallet)]
    fn ask_wallet(ask: &JsValue, wallet: &JsValue, given: &JsValue, is_transfer: bool, kept: &JsValue, id: &str) -> JsValue;
    #[wasm_bindgen(js_namespace = host)]
    fn log(logger: &JsValue, level: &str, words: &str);
}

/// JavaScript's world for one client.
#[derive(Debug)]
pub(super) struct JsPlatform {
    pub(super) fetch: Option<Function>,
    pub(super) confirm: Option<Function>,
    pub(super) wallet: Json,
    pub(super) capabilities: WalletCapabilities,
    pub(super) store: Json,
    pub(super) logger: Json,
    pub(super) max_response_bytes: f64,
    /// What outlives this instance of the module.
    pub(super) kept: Json,
}

/// Something that is held, or asked for, on JavaScript's side; released when it is dropped.
pub(super) struct Held(Json);

impl Drop for Held {
    fn drop(&mut self) {
        let request = self.0.clone().set("gone", Json::boolean(true)).without("failed");
        let _ = request.call("release", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
    }
}

impl JsPlatform {
    /// Whether the wallet can ask the chain. Functions have a member `call` too.
    fn asks_chain(&self, member: &str) -> bool {
        !self.wallet.0.is_function() && self.wallet.get(member).is_some()
    }

    /// One of the application's callbacks.
    fn member(&self, callback: Callback) -> JsValue {
        let member = |name: &str| self.wallet.get(name).map(|member| member.0).unwrap_or_default();
        match callback {
            Callback::Confirm => self.confirm.clone().map(JsValue::from).unwrap_or_default(),
            Callback::Address => member("address"),
            Callback::Transfer if self.wallet.0.is_function() => self.wallet.0.clone(),
            Callback::Transfer => member("sendTransfer"),
            Callback::Sign => member("signTypedData"),
            Callback::Pay => member("pay"),
            Callback::Call => member("call"),
            Callback::Receipt => member("receipt"),
        }
    }

    /// Calls one of them: what it returned, or threw.
    fn begin(&self, callback: Callback, argument: &Json) -> Result<Json, Json> {
        match self.member(callback).dyn_into::<Function>() {
            Ok(function) if callback == Callback::Receipt => {
                let part = |name: &str| argument.get(name).map(|part| part.0).unwrap_or_default();
                function.call2(&self.wallet.0, &part("hash"), &part("chainId"))
            }
            Ok(function) => function.call1(&self.wallet.0, &argument.0),
            Err(value) => Ok(value),
        }
        .map(Json)
        .map_err(Json)
    }

    /// What `add` does, for a store that has no such method.
    async fn get_then_set(&self, key: &str, value: &str) -> Result<Json, Json> {
        let there = Box::pin(self.store(StoreOperation::Get, key, "")).await?;
        let is_there = !matches!(there.kind(), Kind::Undefined | Kind::Null);
        if !is_there {
            Box::pin(self.store(StoreOperation::Set, key, value)).await?;
        }
        Ok(Json::boolean(!is_there))
    }
}

impl Platform for JsPlatform {
    type Lock = Held;

    async fn send(&self, request: &HttpRequest, on_chunk: Option<&dyn Fn(&str)>) -> Result<HttpResponse, SendError> {
        self.fetch_within(request, on_chunk, self.sleep(request.timeout)).await
    }

    async fn sleep(&self, duration: Millis) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is made sure of")]
        TimeoutFuture::new(duration.get().clamp(0.0, MAX_DELAY_MS).ceil() as u32).await;
    }

    async fn active_again(&self) {
        let held = Held(Json::object());
        match wake(&held.0.0) {
            Ok(back) => drop(JsFuture::from(back).await),
            Err(_) => core::future::pending().await,
        }
    }

    fn logs_debug(&self) -> bool {
        self.logger.get("debug").is_some()
    }

    fn log(&self, level: LogLevel, words: &str) {
        let level = if level == LogLevel::Debug { "debug" } else { "warn" };
        log(&self.logger.0, level, &format!("eliza-jobs: {words}"));
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

    async fn store(&self, operation: StoreOperation, key: &str, value: &str) -> Result<Json, Json> {
        let name = match operation {
            StoreOperation::Get => "get",
            StoreOperation::Set => "set",
            StoreOperation::Add if self.store.get("add").is_none() => return self.get_then_set(key, value).await,
            StoreOperation::Add => "add",
            StoreOperation::Delete => "delete",
            StoreOperation::Keys => "keys",
        };
        let given = self.store.call(name, &key.into(), &value.into()).unwrap_or_else(|| Err("it has lost a method".into()));
        let given = Json(given.map_err(Json)?).settled().await.map(Json).map_err(Json)?;
        if operation != StoreOperation::Keys {
            return Ok(given);
        }
        // Any list, an iterator of a Map for one; but no text, which can be iterated over too.
        let keys = Some(&given).filter(|given| given.0.is_object()).and_then(|given| given.list().ok());
        keys.map(|keys| Json(keys.into())).ok_or_else(|| Json::text("keys() returned no list"))
    }

    async fn lock(&self, name: &str) -> Result<Held, Json> {
        let held = Held(Json::object());
        JsFuture::from(lock(name, &held.0.0, &self.store.0)).await.map(|_| held).map_err(Json)
    }

    fn holds(&self, lock: &Held) -> bool {
        let valid = lock.0.call("valid", &JsValue::UNDEFINED, &JsValue::UNDEFINED);
        valid.is_some_and(|valid| valid.is_ok_and(|valid| valid.is_truthy()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(task);
    }

    fn wallet_capabilities(&self) -> WalletCapabilities {
        self.capabilities
    }

    fn wallet_address(&self) -> Option<String> {
        self.wallet.get_text("address")
    }

    fn has_callback(&self, callback: Callback) -> bool {
        match callback {
            Callback::Confirm => self.confirm.is_some(),
            Callback::Address => self.wallet.get("address").is_some(),
            Callback::Transfer => self.capabilities.transfer,
            Callback::Sign => self.capabilities.sign,
            Callback::Pay => self.capabilities.pay,
            Callback::Call => self.asks_chain("call"),
            Callback::Receipt => self.asks_chain("receipt"),
        }
    }

    async fn call(&self, callback: Callback, argument: Json) -> Result<Json, Json> {
        self.begin(callback, &argument)?.settled().await.map(Json).map_err(Json)
    }

    async fn ask_wallet(&self, id: &str, callback: Callback, argument: Json, on_sent: &dyn Fn(Json)) -> Result<Json, Json> {
        let is_transfer = callback == Callback::Transfer;
        let asked = ask_wallet(&self.member(callback), &self.wallet.0, &argument.0, is_transfer, &self.kept.0, id);
        let part = |name: &str| Json(asked.clone()).get(name).unwrap_or_else(Json::object);
        if let Ok(hash) = part("sent").settled().await
            && !hash.is_undefined()
        {
            on_sent(Json(hash));
        }
        let given = part("answer").settled().await.map(Json).map_err(Json)?;
        Ok(if callback == Callback::Pay { header_pairs(&given).unwrap_or(given) } else { given })
    }
}

thread_local! {
    static IS_IN_WORKERS: bool = {
        let navigator = Json(js_sys::global().into()).get("navigator");
        navigator.and_then(|navigator| navigator.get_text("userAgent")).as_deref() == Some("Cloudflare-Workers")
    };
}

/// Whether this is a Cloudflare Worker, where what one request has begun cannot wake another one.
pub(super) fn is_in_workers() -> bool {
    IS_IN_WORKERS.with(|is| *is)
}
