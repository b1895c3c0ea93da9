//! Options and arguments: read once, when the call is made, so that what the caller changes later changes nothing.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Headers};

use super::document::Document;
use super::error::argument;
use crate::client::{CallOptions, Config, WaitPlan};
use crate::error::{Error, Result};
use crate::json::{Json, Kind};
use crate::spend::SpendPolicy;
use crate::text::{concat, has, shorten};
use crate::x402::amount;
use crate::x402::networks::{self, USDC_DECIMALS};

/// The longest time that timers can hold, in milliseconds.
const MAX_MS: f64 = 2_147_483_647.0;
const MS_RULE: &str = "must be a number of milliseconds from 1 to 2147483647";

#[wasm_bindgen(module = "/pkg-template/metadata.js")]
extern "C" {
    #[wasm_bindgen(js_name = plainJson, catch)]
    fn plain_json(value: &JsValue) -> core::result::Result<String, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Object, js_name = keys)]
    fn keys(object: &JsValue) -> Array;
    #[wasm_bindgen(extends = Headers, js_name = Headers)]
    type HeadersFrom;
    #[wasm_bindgen(constructor, catch, js_class = "Headers")]
    fn new(init: &JsValue) -> core::result::Result<HeadersFrom, JsValue>;
    #[wasm_bindgen(js_namespace = Array, js_name = from)]
    fn pairs(headers: &Headers) -> Array;
}

/// What a client is made of.
#[derive(Debug)]
pub(super) struct ClientOptions {
    pub(super) config: Config,
    pub(super) fetch: Option<Function>,
    pub(super) wallet: Option<Function>,
    pub(super) max_response_bytes: f64,
}

/// What a call was given.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) options: CallOptions,
    pub(super) plan: WaitPlan,
    pub(super) signal: Option<AbortSignal>,
    pub(super) on_update: Option<Function>,
}

/// Reads the constructor's options.
pub(super) fn client(given: &JsValue) -> Result<ClientOptions, Document> {
    let options = Document(given.clone());
    if options.kind() != Kind::Object {
        return Err(argument("options", "must be an object with baseUrl", given));
    }
    let mut headers = headers(&options)?;
    if let Some(key) = options.get("apiKey") {
        // Never shown: it is a secret.
        let rule = || Error::argument("apiKey", "must be a string of visible ASCII characters", key.kind().name());
        let key = key
            .as_text()
            .filter(|key| !key.is_empty() && key.bytes().all(|byte| (0x21..0x7f).contains(&byte)))
            .ok_or_else(rule)?;
        headers.retain(|(name, _)| name != "x-api-key");
        headers.push(("x-api-key".to_owned(), key));
    }
    Ok(ClientOptions {
        config: Config {
            base_url: base_url(&options)?,
            headers,
            timeout_ms: number(&options, "timeoutMs", 1.0, MAX_MS, MS_RULE)?.unwrap_or(30_000.0),
            retries: whole(&options, "retries", 0.0, 10.0, "must be a whole number from 0 to 10")?.unwrap_or(2),
            spend: spend(&options)?,
        },
        fetch: function(&options, "fetch")?,
        wallet: function(&options, "wallet")?,
        max_response_bytes: number(&options, "maxResponseBytes", 1.0, MAX_MS, "must be a number of bytes from 1 to 2147483647")?
            .unwrap_or(8_388_608.0),
    })
}

/// Reads the last argument of a method: its options.
pub(super) fn call(given: &JsValue) -> Result<Call, Document> {
    let options = Document(given.clone());
    match options.kind() {
        Kind::Undefined => return Ok(Call::default()),
        Kind::Object => {}
        _ => return Err(argument("options", "must be an object", given)),
    }
    let signal = options.get("signal").filter(|signal| signal.kind() != Kind::Null);
    // By its shape: a signal of another realm or of a polyfill is as good.
    if let Some(signal) = &signal
        && !signal.get("aborted").is_some_and(|aborted| aborted.kind() == Kind::Boolean)
    {
        return Err(argument("signal", "must be an AbortSignal", &signal.0));
    }
    Ok(Call {
        options: CallOptions { timeout_ms: number(&options, "timeoutMs", 1.0, MAX_MS, MS_RULE)?, headers: headers(&options)? },
        plan: WaitPlan { interval_ms: interval(&options, "intervalMs")?, max_attempts: attempts(&options)? },
        signal: signal.map(|signal| signal.0.unchecked_into()),
        on_update: function(&options, "onUpdate")?,
    })
}

/// Reads the arguments of a wait: an interval and a number of attempts, or an options object in the interval's place, or both.
pub(super) fn wait(interval_or_options: &JsValue, max_attempts: &JsValue, options: &JsValue) -> Result<Call, Document> {
    if Document(interval_or_options.clone()).kind() == Kind::Object {
        for (rest, field) in [(max_attempts, "maxAttempts"), (options, "options")] {
            if !rest.is_undefined() {
                return Err(argument(field, "cannot follow an options object", rest));
            }
        }
        return call(interval_or_options);
    }
    let mut call = call(options)?;
    let positional = Document::object()
        .set("interval", Document(interval_or_options.clone()))
        .set("maxAttempts", Document(max_attempts.clone()));
    call.plan.interval_ms = interval(&positional, "interval")?.or(call.plan.interval_ms);
    call.plan.max_attempts = attempts(&positional)?.or(call.plan.max_attempts);
    Ok(call)
}

/// A copy of a job request, in which metadata is plain JSON and the content is text that can be sent.
pub(super) fn job_request(given: &JsValue) -> Result<Document, Document> {
    let params = Document(given.clone());
    if params.kind() != Kind::Object {
        return Ok(params);
    }
    let mut copy = Document::object();
    for key in ["agentId", "userId", "content", "timeoutMs"] {
        if let Some(value) = params.get(key) {
            if key == "content" && !is_well_formed(&value.0) {
                return Err(Error::argument("content", "must be well-formed text", "half a surrogate pair"));
            }
            copy = copy.set(key, value);
        }
    }
    if let Some(metadata) = params.get("metadata") {
        let metadata = if metadata.0.is_object() {
            let text = plain_json(&metadata.0).map_err(|rule| {
                let mut error = Error::argument("metadata", "must be a plain JSON object", "");
                // A text is our own; anything else was thrown by the object itself.
                let rule = rule.as_string().unwrap_or_else(|| "must be a plain JSON object; given: one that throws".to_owned());
                error.message = concat(&["metadata ", &shorten(&rule, 300)]);
                error
            })?;
            Document::parse(&text).unwrap_or(metadata)
        } else {
            metadata
        };
        copy = copy.set("metadata", metadata);
    }
    Ok(copy)
}

/// Reads a job id.
pub(super) fn job_id(given: &JsValue) -> Result<String, Document> {
    const RULE: &str = "must be a string of well-formed text that is not empty";
    given.as_string().filter(|id| !id.is_empty() && is_well_formed(given)).ok_or_else(|| argument("jobId", RULE, given))
}

/// Whether a string would come through as it is: Rust's strings hold no half of a surrogate pair.
fn is_well_formed(value: &JsValue) -> bool {
    value.as_string().is_none_or(|text| *value == text)
}

fn base_url(options: &Document) -> Result<String, Document> {
    const FIELD: &str = "baseUrl";
    let given = options.get("baseUrl").map_or(JsValue::UNDEFINED, |value| value.0);
    let rule = "must be an absolute http:// or https:// address";
    let text = given.as_string().ok_or_else(|| argument(FIELD, rule, &given))?;
    let url = web_sys::Url::new(text.trim_ascii()).map_err(|_| argument(FIELD, rule, &given))?;
    // Read by name, as everything else: each of web-sys's own getters would be another import.
    let url = Document(url.into());
    let part = |name: &str| url.get_text(name).unwrap_or_default();
    if !matches!(part("protocol").as_str(), "http:" | "https:") {
        return Err(argument(FIELD, rule, &given));
    }
    if !part("username").is_empty() || !part("password").is_empty() {
        let shown = concat(&[&part("protocol"), "//…@", &part("host")]);
        return Err(Error::argument(FIELD, "must not hold credentials (use apiKey or headers)", &shown));
    }
    if has(&text, "?") || has(&text, "#") {
        return Err(argument(FIELD, "must not have a query or a fragment", &given));
    }
    let mut base = concat(&[&part("origin"), &part("pathname")]);
    while base.ends_with('/') {
        base.pop();
    }
    Ok(base)
}

fn spend(options: &Document) -> Result<SpendPolicy, Document> {
    let mut policy = SpendPolicy::default();
    let Some(spend) = options.get("spend") else { return Ok(policy) };
    if spend.kind() != Kind::Object {
        return Err(argument("spend", "must be an object with maxPerPayment and networks", &spend.0));
    }
    // A limit that is misspelt must not be a limit that is not there.
    for key in keys(&spend.0).iter().filter_map(|key| key.as_string()) {
        if !["maxPerPayment", "networks"].contains(&key.as_str()) {
            return Err(Error::argument("spend", "knows maxPerPayment and networks", &shorten(&key, 60)));
        }
    }
    if let Some(limit) = spend.get("maxPerPayment") {
        let rule = "must be a decimal string of USDC such as \"0.10\"";
        let atomic = limit.as_text().and_then(|text| amount::from_decimal(&text, USDC_DECIMALS));
        policy.max_per_payment = atomic.ok_or_else(|| argument("spend.maxPerPayment", rule, &limit.0))?;
    }
    if let Some(list) = spend.get("networks") {
        let rule = "must be a list of network names: base, polygon";
        let known = |name: &Document| name.as_text().and_then(|name| networks::by_name(&name));
        let names = list.elements();
        if names.is_empty() {
            return Err(argument("spend.networks", rule, &list.0));
        }
        policy.networks = names
            .iter()
            .map(|name| known(name).ok_or_else(|| argument("spend.networks", rule, &name.0)))
            .collect::<Result<_, _>>()?;
    }
    Ok(policy)
}

fn headers(options: &Document) -> Result<Vec<(String, String)>, Document> {
    let Some(given) = options.get("headers") else { return Ok(Vec::new()) };
    // Values may be secrets: only the kind is shown.
    let rule = |what: &str| Error::argument("headers", "must be an object of valid header names and string values", what);
    if !given.0.is_object() {
        return Err(rule(given.kind().name()));
    }
    let headers = HeadersFrom::new(&given.0).map_err(|_| rule("a name or value that HTTP does not allow"))?;
    let read = |pair: JsValue| {
        let pair = Document(pair).elements();
        Some((pair.first()?.as_text()?, pair.get(1)?.as_text()?))
    };
    let headers: Vec<(String, String)> = pairs(&headers).iter().filter_map(read).collect();
    if headers.iter().any(|(name, _)| name.starts_with("x-payment") || name == "payment-signature") {
        return Err(rule("a payment header, which only the client itself sets"));
    }
    Ok(headers)
}

fn function(options: &Document, field: &'static str) -> Result<Option<Function>, Document> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => value.0.dyn_into().map(Some).map_err(|value| argument(field, "must be a function", &value)),
    }
}

fn number(options: &Document, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<f64>, Document> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => match value.as_number() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(argument(field, rule, &value.0)),
        },
    }
}

fn whole(options: &Document, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<u32>, Document> {
    let number = number(options, field, least, most, rule)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    match number {
        Some(number) if number.fract() != 0.0 => Err(argument(field, rule, &number.into())),
        number => Ok(number.map(|number| number as u32)),
    }
}

fn interval(options: &Document, field: &'static str) -> Result<Option<u32>, Document> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    number(options, field, 1.0, MAX_MS, MS_RULE).map(|ms| ms.map(|ms| ms as u32))
}

fn attempts(options: &Document) -> Result<Option<u32>, Document> {
    whole(options, "maxAttempts", 1.0, f64::from(u32::MAX), "must be a whole number of at least 1")
}
