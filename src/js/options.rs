//! Options and arguments: read once, when the call is made, so that what the caller changes later changes nothing.

use std::rc::Rc;

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::error::argument;
use super::platform::JsPlatform;
use crate::api::error::{Error, Result};
use crate::api::options::CallOptions;
use crate::client::Config;
use crate::http::message::set_header;
use crate::json::{Json, Kind, picked, shown};
use crate::payment::wallet::is_proof_header;
use crate::platform::WalletCapabilities;
use crate::spending::policy::{Limit, SpendPolicy};
use crate::text::{concat, decimal, fill, has, join, shorten};
use crate::waiting::run::WaitPlan;
use crate::x402::tokens::Token;
use crate::x402::{address, amount};

/// The longest time that timers can hold, in milliseconds.
const MAX_MS: f64 = 2_147_483_647.0;
const MS_RULE: &str = "must be a number of milliseconds from 1 to 2147483647";

/// The members of the constructor's options, and of those of calls: one list for all calls, so that options can be handed on.
const CLIENT: &[&str] = &[
    "baseUrl",
    "apiKey",
    "headers",
    "fetch",
    "timeoutMs",
    "retries",
    "maxResponseBytes",
    "wallet",
    "confirm",
    "walletTimeoutMs",
    "spend",
    "store",
    "logger",
];
const CALL: &[&str] = &["signal", "timeoutMs", "headers", "onUpdate", "idempotencyKey", "intervalMs", "maxAttempts"];

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    #[wasm_bindgen(js_name = plainJson, catch)]
    fn plain_json(value: &JsValue) -> Result<String, JsValue>;
}

#[wasm_bindgen(js_namespace = host)]
extern "C" {
    // With `catch` it goes through the glue; without, wasm-bindgen would import the module as a whole.
    #[wasm_bindgen(js_name = defaultStore, catch)]
    fn default_store() -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Object, js_name = keys, catch)]
    fn keys(object: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_name = Headers)]
    type HeadersFrom;
    #[wasm_bindgen(constructor, catch, js_class = "Headers")]
    fn new(init: &JsValue) -> Result<HeadersFrom, JsValue>;
}

/// What a client is made of.
#[derive(Debug)]
pub(super) struct ClientOptions {
    pub(super) config: Config,
    pub(super) runtime: JsPlatform,
}

/// What a call was given.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) options: CallOptions,
    pub(super) plan: WaitPlan,
    pub(super) signal: Option<Json>,
    pub(super) on_update: Option<Function>,
    /// The options as they were read, which can be read again; on the other side what is remembered of the call is put there too.
    pub(super) told: Json,
}

impl Default for Call {
    fn default() -> Self {
        Self { options: CallOptions::default(), plan: WaitPlan::default(), signal: None, on_update: None, told: Json::object() }
    }
}

/// Reads the constructor's options, and puts in their place a copy that can be read again.
pub(super) fn client(given: &Array) -> Result<ClientOptions> {
    let options = once(&given.get(0), CLIENT)?;
    given.set(0, options.0.clone());
    let mut headers = headers(&options)?;
    if let Some(key) = options.get("apiKey") {
        // Never shown: it is a secret.
        let rule = || Error::argument("apiKey", "must be a string of visible ASCII characters", key.kind().name());
        let key = key
            .as_text()
            .filter(|key| !key.is_empty() && key.bytes().all(|byte| (0x21..0x7f).contains(&byte)))
            .ok_or_else(rule)?;
        set_header(&mut headers, "x-api-key", &key);
    }
    let (wallet, abilities) = wallet(&options)?;
    Ok(ClientOptions {
        config: Config {
            base_url: base_url(&options)?,
            headers,
            timeout_ms: number(&options, "timeoutMs", 1.0, MAX_MS, MS_RULE)?.unwrap_or(30_000.0),
            retries: whole(&options, "retries", 0.0, 10.0, "must be a whole number from 0 to 10")?.unwrap_or(2),
            wallet_timeout_ms: number(&options, "walletTimeoutMs", 1.0, MAX_MS, MS_RULE)?.unwrap_or_else(wallet_timeout_ms),
            spend: spend(&options)?,
        },
        runtime: JsPlatform {
            fetch: function(&options, "fetch")?,
            confirm: function(&options, "confirm")?,
            wallet,
            abilities,
            store: store(&options)?,
            logger: logger(&options)?,
            max_response_bytes: number(
                &options,
                "maxResponseBytes",
                1.0,
                MAX_MS,
                "must be a number of bytes from 1 to 2147483647",
            )?
            .unwrap_or(8_388_608.0),
        },
    })
}

fn store(options: &Json) -> Result<Json> {
    let Some(store) = options.get("store") else { return Ok(Json(default_store().unwrap_or_default())) };
    let has = |name: &&str| store.get(name).is_some_and(|member| member.0.is_function());
    if ["get", "set", "delete", "keys"].iter().all(has) {
        return Ok(store);
    }
    Err(argument(
        "store",
        "must be an object with get, set, delete and keys (memoryStore, localStorageStore, fileStore)",
        &store.0,
    ))
}

fn logger(options: &Json) -> Result<Json> {
    const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];
    const RULE: &str = "must be an object with any of debug, info, warn and error, which are functions; console is one";
    let Some(logger) = options.get("logger") else { return Ok(Json(JsValue::UNDEFINED)) };
    let mut has_some = false;
    for level in LEVELS {
        match logger.get(level) {
            Some(member) if !member.0.is_function() => return Err(argument("logger", RULE, &logger.0)),
            Some(_) => has_some = true,
            None => {}
        }
    }
    if has_some { Ok(logger) } else { Err(argument("logger", RULE, &logger.0)) }
}

/// In a page a person may take any time over the wallet; a program that waits for ever is stuck.
fn wallet_timeout_ms() -> f64 {
    if Json(js_sys::global().into()).get("document").is_some() { f64::INFINITY } else { 300_000.0 }
}

/// Reads the last argument of a method: its options.
pub(super) fn call(given: &JsValue) -> Result<Call> {
    if given.is_undefined() {
        return Ok(Call::default());
    }
    let options = once(given, CALL)?;
    let signal = options.get("signal").filter(|signal| signal.kind() != Kind::Null);
    // By its shape: a signal of another realm or of a polyfill is as good.
    if let Some(signal) = &signal
        && !signal.get("aborted").is_some_and(|aborted| aborted.kind() == Kind::Boolean)
    {
        return Err(argument("signal", "must be an AbortSignal", &signal.0));
    }
    Ok(Call {
        options: CallOptions {
            timeout_ms: number(&options, "timeoutMs", 1.0, MAX_MS, MS_RULE)?,
            headers: headers(&options)?,
            idempotency_key: idempotency_key(&options)?,
            runs_only_while_read: false,
        },
        plan: WaitPlan { interval_ms: interval(&options, "intervalMs")?, max_attempts: attempts(&options)? },
        signal,
        on_update: function(&options, "onUpdate")?,
        told: options,
    })
}

/// Reads the arguments of a wait: an interval and a number of attempts, or an options object in the interval's place, or both.
pub(super) fn wait(interval_or_options: &JsValue, max_attempts: &JsValue, options: &JsValue) -> Result<Call> {
    if Json(interval_or_options.clone()).kind() == Kind::Object {
        for (rest, field) in [(max_attempts, "maxAttempts"), (options, "options")] {
            if !rest.is_undefined() {
                return Err(argument(field, "cannot follow an options object", rest));
            }
        }
        return call(interval_or_options);
    }
    let mut call = call(options)?;
    let positional =
        Json::object().set("interval", Json(interval_or_options.clone())).set("maxAttempts", Json(max_attempts.clone()));
    call.plan.interval_ms = interval(&positional, "interval")?.or(call.plan.interval_ms);
    call.plan.max_attempts = attempts(&positional)?.or(call.plan.max_attempts);
    Ok(call)
}

/// A copy of a request's members, in which metadata is plain JSON and the content is text that can be sent.
pub(super) fn request(given: &JsValue, members: &[&'static str]) -> Result<Json> {
    let params = Json(given.clone());
    if params.kind() != Kind::Object {
        return Ok(params);
    }
    let mut copy = Json::object();
    for &key in members {
        let Some(value) = params.get(key) else { continue };
        let value = match key {
            "content" if !is_well_formed(&value.0) => {
                return Err(Error::argument("content", "must be well-formed text", "half a surrogate pair"));
            }
            "metadata" | "attachments" | "timeoutConfig" if value.0.is_object() => plain(key, &value)?,
            _ => value,
        };
        copy = copy.set(key, value);
    }
    Ok(copy)
}

/// A copy that is nothing but JSON.
fn plain(field: &'static str, value: &Json) -> Result<Json> {
    let text = plain_json(&value.0).map_err(|rule| {
        let mut error = Error::argument(field, "", "");
        // A text is our own; anything else was thrown by the object itself.
        let rule = rule.as_string().unwrap_or_else(|| "must be a plain JSON object; given: one that throws".to_owned());
        error.message = fill("% %", &[field, &shorten(&rule, 300)]);
        error
    })?;
    Ok(Json::parse(&text).unwrap_or_else(|| value.clone()))
}

/// A copy of what `getMessages` was given, in which dates are numbers; with the page to begin with, if there is one.
pub(super) fn with_instants(given: &JsValue, first: &JsValue) -> Json {
    let params = Json(given.clone());
    if params.kind() != Kind::Object && (params.kind() != Kind::Undefined || first.is_undefined()) {
        return params;
    }
    let mut copy = picked(&params, &["limit", "before", "after"]).set("first", Json(first.clone()));
    for key in ["before", "after"] {
        let date = copy.get(key);
        if let Some(Ok(instant)) = date.and_then(|date| date.call("getTime", &JsValue::UNDEFINED, &JsValue::UNDEFINED)) {
            copy = copy.set(key, Json(instant));
        }
    }
    copy
}

/// Reads the id of a job or a session. One or two dots lead out of their path, encoded or not.
pub(super) fn id(field: &'static str, given: &JsValue) -> Result<String> {
    const RULE: &str = "must be a string of well-formed text that is not empty, \".\" or \"..\"";
    let is_id = |id: &String| !matches!(id.as_str(), "" | "." | "..") && is_well_formed(given);
    given.as_string().filter(is_id).ok_or_else(|| argument(field, RULE, given))
}

/// Whether a string would come through as it is: Rust's strings hold no half of a surrogate pair.
fn is_well_formed(value: &JsValue) -> bool {
    value.as_string().is_none_or(|text| *value == text)
}

fn base_url(options: &Json) -> Result<String> {
    const FIELD: &str = "baseUrl";
    let given = options.get("baseUrl").map_or(JsValue::UNDEFINED, |value| value.0);
    let rule = "must be an absolute http:// or https:// address";
    let text = given.as_string().ok_or_else(|| argument(FIELD, rule, &given))?;
    let url = web_sys::Url::new(text.trim_ascii()).map_err(|_| argument(FIELD, rule, &given))?;
    // Read by name, as everything else: each of web-sys's own getters would be another import.
    let url = Json(url.into());
    let part = |name: &str| url.get_text(name).unwrap_or_default();
    if !matches!(part("protocol").as_str(), "http:" | "https:") {
        return Err(argument(FIELD, rule, &given));
    }
    if !part("username").is_empty() || !part("password").is_empty() {
        let shown = fill("%//…@%", &[&part("protocol"), &part("host")]);
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

/// Reads a wallet: a function that makes transfers, or an object with any of `sendTransfer`, `signTypedData` and `pay`.
fn wallet(options: &Json) -> Result<(Json, WalletCapabilities)> {
    const RULE: &str = "must be a function that makes the transfer and gives its hash, or an object with any of sendTransfer, \
                        signTypedData (with address) and pay; eliza-jobs/wallets makes them";
    let Some(wallet) = options.get("wallet") else { return Ok((Json(JsValue::UNDEFINED), WalletCapabilities::default())) };
    if wallet.0.is_function() {
        return Ok((wallet, WalletCapabilities { transfer: true, ..WalletCapabilities::default() }));
    }
    let has = |name: &'static str| match wallet.get(name) {
        None => Ok(false),
        Some(member) if member.0.is_function() => Ok(true),
        Some(other) => Err(Error::argument("wallet", &fill("has a % that must be a function", &[name]), &shown(&other))),
    };
    let abilities = WalletCapabilities { transfer: has("sendTransfer")?, sign: has("signTypedData")?, pay: has("pay")? };
    let address = wallet.get("address");
    let is_address = |address: &Json| address.0.is_function() || address.as_text().is_some_and(|text| address::is_payable(&text));
    if let Some(address) = &address
        && !is_address(address)
    {
        let rule = "has an address that must be 0x and 40 hexadecimal digits with a right checksum, or a function that gives it";
        return Err(Error::argument("wallet", rule, &shown(address)));
    }
    if abilities == WalletCapabilities::default() || (abilities.sign && address.is_none()) {
        let given = if abilities.sign { "an object with signTypedData and without address".to_owned() } else { shown(&wallet) };
        return Err(Error::argument("wallet", RULE, &given));
    }
    Ok((wallet, abilities))
}

/// The members of an object of options, none of which may be misspelt: a limit that is misspelt must not be a limit that is not there. What is
/// undefined is not there.
fn only(field: &'static str, given: &Json, known: &[&str]) -> Result<()> {
    let rule = |given: &str| Error::argument(field, &fill("must be an object that knows %", &[&join(known, ", ")]), given);
    if given.kind() != Kind::Object {
        return Err(rule(&shown(given)));
    }
    let keys = keys(&given.0).map_err(|_| rule("one that throws"))?;
    let is_odd = |key: &String| !known.contains(&key.as_str()) && given.get(key).is_some();
    match keys.iter().filter_map(|key| key.as_string()).find(is_odd) {
        Some(key) => Err(rule(&shorten(&key, 60))),
        None => Ok(()),
    }
}

/// A copy of the options.
fn once(given: &JsValue, known: &[&str]) -> Result<Json> {
    let given = Json(given.clone());
    only("options", &given, known)?;
    Ok(picked(&given, known))
}

fn spend(options: &Json) -> Result<SpendPolicy> {
    let mut policy = SpendPolicy::default();
    let Some(spend) = options.get("spend") else { return Ok(policy) };
    only("spend", &spend, &["maxPerPayment", "budget", "networks", "assets", "recipients", "allowResource"])?;
    if let Some(usdc) = policy.limits.first_mut() {
        limits(&spend, usdc)?;
    }
    if let Some(list) = spend.get("assets") {
        for entry in some(&list).ok_or_else(|| argument("spend.assets", "must be a list of tokens", &list.0))? {
            asset(&entry, &mut policy)?;
        }
    }
    if let Some(list) = spend.get("networks") {
        let mut names = Vec::new();
        for token in &policy.tokens {
            names.push(token.network.clone());
        }
        let rule = fill("must be a list of network names: %", &[&join(&names, ", ")]);
        policy.networks.clear();
        for given in some(&list).ok_or_else(|| argument("spend.networks", &rule, &list.0))? {
            let name = given.as_text().unwrap_or_default();
            let token = policy.tokens.iter().find(|token| token.is_on(&name));
            let token = token.ok_or_else(|| argument("spend.networks", &rule, &given.0))?;
            policy.networks.push(token.network.clone());
        }
    }
    if let Some(token) = policy.tokens.iter().find(|token| token.limit > 0 && !policy.networks.contains(&token.network)) {
        return Err(Error::argument("spend.assets", "must be on networks that spend.networks names", &token.network));
    }
    policy.recipients = texts(&spend, "recipients", "spend.recipients", "must be a list of addresses", &|text| {
        address::is_payable(text) || !text.starts_with("0x")
    })?;
    policy.resources =
        texts(&spend, "allowResource", "spend.allowResource", "must be a URL or a list of URLs", &|text| has(text, "://"))?;
    Ok(policy)
}

/// The elements of a list that has some.
fn some(list: &Json) -> Option<Vec<Json>> {
    Some(list.elements()).filter(|elements| !elements.is_empty())
}

fn texts(options: &Json, key: &str, field: &'static str, rule: &str, fits: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
    let Some(given) = options.get(key) else { return Ok(Vec::new()) };
    let elements = if given.kind() == Kind::Text { Some(vec![given.clone()]) } else { some(&given) };
    let mut texts = Vec::new();
    for given in elements.ok_or_else(|| argument(field, rule, &given.0))? {
        let text = given.as_text().filter(|text| !text.is_empty() && fits(text));
        texts.push(text.ok_or_else(|| argument(field, rule, &given.0))?);
    }
    Ok(texts)
}

/// `maxPerPayment` and `budget`.
fn limits(options: &Json, limit: &mut Limit) -> Result<()> {
    let rule = fill("must be a decimal string of % such as \"0.10\"", &[&limit.symbol]);
    for (key, field, to) in
        [("maxPerPayment", "spend.maxPerPayment", &mut limit.max_per_payment), ("budget", "spend.budget", &mut limit.budget)]
    {
        if let Some(given) = options.get(key) {
            // What does not fit would be above no amount.
            let units = given.as_text().and_then(|text| amount::limit(&text, limit.decimals)).filter(|units| *units < u128::MAX);
            *to = units.ok_or_else(|| argument(field, &rule, &given.0))?;
        }
    }
    Ok(())
}

/// A token of the caller's own.
fn asset(given: &Json, policy: &mut SpendPolicy) -> Result<()> {
    const FIELD: &str = "spend.assets";
    only(FIELD, given, &["network", "chainId", "asset", "symbol", "decimals", "name", "version", "maxPerPayment", "budget"])?;
    let text = |key: &str| {
        let text = given.get_text(key).filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::argument(FIELD, &fill("must have a % (a string)", &[key]), &member(given, key)))
    };
    let (network, asset, symbol) = (text("network")?, text("asset")?, text("symbol")?);
    text("maxPerPayment")?;
    let known = policy.tokens.iter().find(|token| token.is_on(&network)).cloned();
    let chain_id = whole(given, "chainId", 1.0, f64::from(u32::MAX), "must be a whole number")?;
    if let (Some(id), Some(known)) = (chain_id, &known)
        && id != known.chain_id
    {
        let rule = fill("must have the chainId of %, %, or none", &[&known.network, &decimal(known.chain_id.into())]);
        return Err(Error::argument(FIELD, &rule, &decimal(id.into())));
    }
    // A network that is not known and has no chain id is no EVM chain.
    let chain_id = chain_id.or(known.as_ref().map(|token| token.chain_id)).unwrap_or(0);
    let network = known.map_or(network, |token| token.network.clone());
    if chain_id > 0 && !address::is_payable(&asset) {
        return Err(Error::argument(FIELD, "must have an asset that is 0x and 40 hexadecimal digits", &member(given, "asset")));
    }
    let decimals = whole(given, "decimals", 0.0, 36.0, "must be a whole number from 0 to 36")?;
    let decimals = decimals.and_then(|decimals| u8::try_from(decimals).ok());
    let decimals = decimals.ok_or_else(|| Error::argument(FIELD, "must have decimals", &member(given, "decimals")))?;
    if policy.limits.iter().any(|limit| limit.symbol == symbol)
        || policy.tokens.iter().any(|token| token.network == network && token.is_asset(&asset))
    {
        return Err(Error::argument(FIELD, "must name tokens and symbols that are not there already", &symbol));
    }
    let mut limit = Limit { symbol: symbol.clone(), decimals, max_per_payment: 0, budget: u128::MAX };
    limits(given, &mut limit)?;
    let name = given.get_text("name").unwrap_or_else(|| symbol.clone());
    let version = given.get_text("version").unwrap_or_else(|| "1".to_owned());
    let at = policy.limits.len();
    policy.limits.push(limit);
    policy.tokens.push(Rc::new(Token { network, chain_id, asset, symbol, decimals, name, version, limit: at }));
    Ok(())
}

fn member(given: &Json, key: &str) -> String {
    given.get(key).map_or_else(|| fill("no %", &[key]), |value| shown(&value))
}

/// The headers, which become a list in the copy: an iterator gives them only once.
fn headers(options: &Json) -> Result<Vec<(String, String)>> {
    let Some(given) = options.get("headers") else { return Ok(Vec::new()) };
    // Values may be secrets: only the kind is shown.
    let rule = |what: &str| Error::argument("headers", "must be an object of valid header names and string values", what);
    if !given.0.is_object() {
        return Err(rule(given.kind().name()));
    }
    let mut headers = Vec::new();
    let pairs = header_pairs(&given).ok_or_else(|| rule("a name or value that HTTP does not allow"))?;
    for pair in pairs.elements() {
        let pair = pair.elements();
        let text = |at: usize| pair.get(at).and_then(Json::as_text).unwrap_or_default();
        let name = text(0);
        if is_proof_header(&name) {
            return Err(rule("a payment header, which only the client itself sets"));
        }
        headers.push((name, text(1)));
    }
    let _ = options.clone().set("headers", pairs);
    Ok(headers)
}

/// A list of names in lower case and values, of whatever `Headers` takes.
pub(super) fn header_pairs(given: &Json) -> Option<Json> {
    Some(Json(Json(HeadersFrom::new(&given.0).ok()?.into()).list().ok()?.into()))
}

fn idempotency_key(options: &Json) -> Result<String> {
    const FIELD: &str = "idempotencyKey";
    let Some(key) = options.get(FIELD) else { return Ok(String::new()) };
    let text = key.as_text().filter(|text| (1..=200).contains(&text.encode_utf16().count()));
    text.ok_or_else(|| argument(FIELD, "must be a string of 1 to 200 characters", &key.0))
}

fn function(options: &Json, field: &'static str) -> Result<Option<Function>> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => value.0.dyn_into().map(Some).map_err(|value| argument(field, "must be a function", &value)),
    }
}

fn number(options: &Json, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<f64>> {
    match options.get(field) {
        None => Ok(None),
        Some(value) => match value.as_number() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(argument(field, rule, &value.0)),
        },
    }
}

fn whole(options: &Json, field: &'static str, least: f64, most: f64, rule: &str) -> Result<Option<u32>> {
    let number = number(options, field, least, most, rule)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    match number {
        Some(number) if number.fract() != 0.0 => Err(argument(field, rule, &number.into())),
        number => Ok(number.map(|number| number as u32)),
    }
}

fn interval(options: &Json, field: &'static str) -> Result<Option<u32>> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    number(options, field, 1.0, MAX_MS, MS_RULE).map(|ms| ms.map(|ms| ms as u32))
}

fn attempts(options: &Json) -> Result<Option<u32>> {
    whole(options, "maxAttempts", 1.0, f64::from(u32::MAX), "must be a whole number of at least 1")
}

/// Whether this is a Cloudflare Worker, where what one request has begun cannot wake another one.
pub(super) fn is_in_workers() -> bool {
    let agent = Json(js_sys::global().into()).get("navigator").and_then(|navigator| navigator.get_text("userAgent"));
    agent.as_deref() == Some("Cloudflare-Workers")
}
