//! The options of a client, read once when it is made.

use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::error::argument;
use super::headers::{OwnHeaders, headers};
use super::members::{duration, function, number, only, whole};
use super::platform::JsPlatform;
use super::{polling_options, spend_options};
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::options::JobsClientOptions;
use crate::client::Config;
use crate::http::message::set_header;
use crate::json::{Json, Kind, picked, shown};
use crate::platform::WalletCapabilities;
use crate::time::Millis;
use crate::x402::address;

#[wasm_bindgen]
extern "C" {
    // With `catch`, because an application's object may throw.
    #[wasm_bindgen(js_namespace = host, js_name = defaultStore, catch)]
    fn default_store() -> Result<JsValue, JsValue>;
    /// A wallet of one of the usual libraries in the client's own form, anything else as it is
    /// (`pkg-template/host.ts`).
    #[wasm_bindgen(js_namespace = host, js_name = asWallet, catch)]
    fn as_wallet(given: &JsValue) -> Result<JsValue, JsValue>;
}

/// What a client is made of.
#[derive(Debug)]
pub(super) struct ClientOptions {
    pub(super) config: Config,
    pub(super) platform: JsPlatform,
    /// The options as they were read, which can be read again.
    pub(super) copy: Json,
}

/// The longest time for one request, where the application says nothing.
const USUAL_TIMEOUT: Millis = Millis::from_secs(30.0);
/// Further tries of a read.
const USUAL_RETRIES: u32 = 2;
/// The longest time for the wallet outside of pages.
const USUAL_WALLET_TIMEOUT: Millis = Millis::from_secs(300.0);
/// The largest answer that is read, in bytes: 8 MiB.
const USUAL_MAX_RESPONSE_BYTES: f64 = 8_388_608.0;
/// For how many days payments are kept.
const USUAL_KEEP_DAYS: f64 = 400.0;

/// Reads the constructor's argument.
pub(super) fn read(given: &JsValue) -> Result<ClientOptions> {
    let given = Json(given.clone());
    only("options", &given, &[JobsClientOptions::MEMBERS])?;
    let mut options = picked(&given, JobsClientOptions::MEMBERS);
    let OwnHeaders { list: mut headers, pairs } = headers(&options)?;
    if let Some(pairs) = pairs {
        options = options.set("headers", pairs);
    }
    if let Some(key) = api_key(&options)? {
        set_header(&mut headers, "x-api-key", &key);
    }
    let (wallet, capabilities) = wallet(&options)?;
    let store = store(&options)?;
    Ok(ClientOptions {
        config: Config {
            base_url: base_url(&options)?,
            headers,
            timeout: duration(&options, "timeoutMs")?.unwrap_or(USUAL_TIMEOUT),
            retries: whole(&options, "retries", 0.0, 10.0, "must be a whole number from 0 to 10")?.unwrap_or(USUAL_RETRIES),
            wallet_timeout: duration(&options, "walletTimeoutMs")?.unwrap_or_else(usual_wallet_timeout),
            spend: spend_options::read(&options, &store)?,
            keep_payments: keep_payments(&options)?,
            polling: polling_options::read(&options)?,
        },
        platform: JsPlatform {
            fetch: fetch(&options)?,
            confirm: function(&options, "confirm")?,
            wallet,
            capabilities,
            store,
            logger: logger(&options)?,
            max_response_bytes: max_response_bytes(&options)?,
            kept: Json::object(),
        },
        copy: options,
    })
}

fn max_response_bytes(options: &Json) -> Result<f64> {
    const RULE: &str = "must be a number of bytes from 1 to 2147483647";
    Ok(number(options, "maxResponseBytes", 1.0, 2_147_483_647.0, RULE)?.unwrap_or(USUAL_MAX_RESPONSE_BYTES))
}

/// How long payments are kept, which the application gives in days.
fn keep_payments(options: &Json) -> Result<Millis> {
    const DAY_S: f64 = 86_400.0;
    let days = number(options, "keepPaymentsDays", 1.0, 36_500.0, "must be a number of days from 1 to 36500")?;
    Ok(Millis::from_secs(days.unwrap_or(USUAL_KEEP_DAYS) * DAY_S))
}

/// A `fetch` of the application's own; `None` for the global one.
fn fetch(options: &Json) -> Result<Option<Function>> {
    let own = function(options, "fetch")?;
    if own.is_none() && Json(js_sys::global().into()).get("fetch").is_none() {
        let words = "eliza-jobs needs fetch, which this runtime does not have; pass one as options.fetch";
        return Err(Error::new(ErrorCode::InitFailed, words));
    }
    Ok(own)
}

/// Never shown: it is a secret.
fn api_key(options: &Json) -> Result<Option<String>> {
    let Some(key) = options.get("apiKey") else { return Ok(None) };
    let is_key = |key: &String| !key.is_empty() && key.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let refused = || Error::argument("apiKey", "must be a string of visible ASCII characters", key.kind().name());
    key.as_text().filter(is_key).map(Some).ok_or_else(refused)
}

/// In a page a person may take any time over the wallet; a program that waits for ever is stuck.
fn usual_wallet_timeout() -> Millis {
    if Json(js_sys::global().into()).get("document").is_some() { Millis::FOREVER } else { USUAL_WALLET_TIMEOUT }
}

fn base_url(options: &Json) -> Result<String> {
    const FIELD: &str = "baseUrl";
    const RULE: &str = "must be an absolute http:// or https:// address";
    let given = options.get(FIELD).map_or(JsValue::UNDEFINED, |value| value.0);
    let refused = |rule: &str| argument(FIELD, rule, &given);
    let text = given.as_string().ok_or_else(|| refused(RULE))?;
    // A host without its scheme reads as a scheme without `//`.
    let lacks_scheme = !text.contains("//") && !text.trim_ascii().starts_with('/') && !text.trim_ascii().is_empty();
    let refuse = || {
        let meant = if lacks_scheme { format!("; did you mean \"http://{}\"?", text.trim_ascii()) } else { String::new() };
        refused(&[RULE, &meant].concat())
    };
    let url = web_sys::Url::new(text.trim_ascii()).map_err(|_| refuse())?;
    // Read by name, as everything else: each of web-sys's own getters would be another import.
    let url = Json(url.into());
    let part = |name: &str| url.get_text(name).unwrap_or_default();
    if !matches!(part("protocol").as_str(), "http:" | "https:") {
        return Err(refuse());
    }
    if !part("username").is_empty() || !part("password").is_empty() {
        let shown = format!("{}//…@{}", part("protocol"), part("host"));
        return Err(Error::argument(FIELD, "must not hold credentials (use apiKey or headers)", &shown));
    }
    if text.contains(['?', '#']) {
        return Err(argument(FIELD, "must not have a query or a fragment", &given));
    }
    let mut base = format!("{}{}", part("origin"), part("pathname"));
    while base.ends_with('/') {
        base.pop();
    }
    Ok(base)
}

/// Reads a wallet: a function that makes transfers, an object with any of `sendTransfer`,
/// `signTypedData` and `pay`, or a wallet of one of the usual libraries.
fn wallet(options: &Json) -> Result<(Json, WalletCapabilities)> {
    const RULE: &str = "must be a wallet of viem, wagmi, ethers or EIP-1193 (in a page: after import 'eliza-jobs/wallets'), a function \
                        that makes the transfer, or an object with any of sendTransfer, signTypedData (with address) and pay";
    let Some(wallet) = options.get("wallet") else {
        return Ok((Json(JsValue::UNDEFINED), WalletCapabilities::default()));
    };
    if wallet.0.is_function() {
        return Ok((wallet, WalletCapabilities { transfer: true, ..WalletCapabilities::default() }));
    }
    // One that cannot be read is refused below.
    let wallet = as_wallet(&wallet.0).map_or(wallet, Json);
    let has = |name: &'static str| match wallet.get(name) {
        None => Ok(false),
        Some(member) if member.0.is_function() => Ok(true),
        Some(other) => Err(Error::argument("wallet", &format!("has a {name} that must be a function"), &shown(&other))),
    };
    let capabilities = WalletCapabilities { transfer: has("sendTransfer")?, sign: has("signTypedData")?, pay: has("pay")? };
    for name in ["call", "receipt"] {
        has(name)?;
    }
    let address = wallet.get("address");
    let is_address = |address: &Json| address.0.is_function() || address.as_text().is_some_and(|text| address::is_payable(&text));
    if let Some(address) = &address
        && !is_address(address)
    {
        let rule = "has an address that must be 0x and 40 hexadecimal digits with a right checksum, \
                    or a function that returns it";
        return Err(Error::argument("wallet", rule, &shown(address)));
    }
    if capabilities.is_none() || (capabilities.sign && address.is_none()) {
        let without_address = "an object with signTypedData and without address".to_owned();
        let given = match wallet.kind() {
            _ if capabilities.sign => without_address,
            // It may be a key.
            Kind::Text => "a string".to_owned(),
            _ => shown(&wallet),
        };
        return Err(Error::argument("wallet", RULE, &given));
    }
    Ok((wallet, capabilities))
}

fn store(options: &Json) -> Result<Json> {
    const RULE: &str = "must be an object with get, set, delete and keys (memoryStore, localStorageStore, fileStore)";
    let Some(store) = options.get("store") else { return Ok(Json(default_store().unwrap_or_default())) };
    let has = |name: &&str| store.get(name).is_some_and(|member| member.0.is_function());
    if ["get", "set", "delete", "keys"].iter().all(has) { Ok(store) } else { Err(argument("store", RULE, &store.0)) }
}

fn logger(options: &Json) -> Result<Json> {
    const RULE: &str = "must be an object with any of debug, info, warn and error, which are functions; console is one";
    let Some(logger) = options.get("logger") else { return Ok(Json(JsValue::UNDEFINED)) };
    let levels: Vec<Json> = ["debug", "info", "warn", "error"].iter().filter_map(|level| logger.get(level)).collect();
    if levels.is_empty() || levels.iter().any(|level| !level.0.is_function()) {
        return Err(argument("logger", RULE, &logger.0));
    }
    Ok(logger)
}
