//! What may be paid: the member `spend` of a client's options.

use std::rc::Rc;

use super::error::argument;
use super::members::{is_well_formed, only, whole};
use crate::api::error::{Error, Result};
use crate::api::options::{AssetOptions, BudgetOptions, SpendOptions};
use crate::json::{Json, Kind, shown};
use crate::spending::policy::{Limit, SpendPolicy};
use crate::x402::tokens::Token;
use crate::x402::{address, amount};

/// The longest name of a scope, in bytes.
const MAX_SCOPE: usize = 100;

/// Whether the client's store can lock, which limits for hours and days need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locking {
    Supported,
    Unsupported,
}

impl Locking {
    fn of(store: &Json) -> Self {
        let lock = store.get("lock").filter(|lock| lock.0.is_function());
        lock.map_or(Self::Unsupported, |_| Self::Supported)
    }
}

/// Reads `spend`.
pub(super) fn read(options: &Json, store: &Json) -> Result<SpendPolicy> {
    let locking = Locking::of(store);
    let mut policy = SpendPolicy::default();
    let Some(spend) = options.get("spend") else { return Ok(policy) };
    only("spend", &spend, &[SpendOptions::MEMBERS])?;
    if let Some(usdc) = policy.limits.first_mut() {
        limits(&spend, usdc, locking)?;
    }
    if let Some(list) = spend.get("assets") {
        assets(&list, &mut policy, locking)?;
    }
    if let Some(list) = spend.get("networks") {
        policy.networks = networks(&list, &policy)?;
    }
    if let Some(token) = policy.tokens.iter().find(|token| token.limit > 0 && !policy.networks.contains(&token.network)) {
        return Err(Error::argument(ASSETS, "must be on networks that spend.networks names", &token.network));
    }
    let is_elsewhere = policy.tokens.iter().any(|token| token.chain_id == 0);
    let rule = "must be a list of addresses with right checksums";
    policy.recipients = texts(&spend, "recipients", "spend.recipients", rule, &|text| {
        address::is_payable(text) || (is_elsewhere && !text.starts_with("0x"))
    })?;
    policy.resources = texts(&spend, "allowResource", "spend.allowResource", "must be a URL or a list of URLs", &|text| {
        text.starts_with("http") && web_sys::Url::new(text).is_ok()
    })?;
    Ok(policy)
}

/// Adds the tokens of the caller's own.
fn assets(list: &Json, policy: &mut SpendPolicy, locking: Locking) -> Result<()> {
    let entries = some(list).ok_or_else(|| argument(ASSETS, "must be a list of tokens", &list.0))?;
    for (at, entry) in entries.iter().enumerate() {
        asset(entry, policy, locking).map_err(|error| of_asset(error, at))?;
    }
    Ok(())
}

/// The networks that may be paid on: some of those that the tokens are on.
fn networks(list: &Json, policy: &SpendPolicy) -> Result<Vec<String>> {
    const FIELD: &str = "spend.networks";
    let mut known = Vec::new();
    for token in &policy.tokens {
        known.push(token.network.clone());
    }
    let rule = format!("must be a list of network names: {}", known.join(", "));
    let mut networks = Vec::new();
    for given in some(list).ok_or_else(|| argument(FIELD, &rule, &list.0))? {
        let name = given.as_text().unwrap_or_default();
        let token = policy.tokens.iter().find(|token| token.is_on(&name));
        networks.push(token.ok_or_else(|| argument(FIELD, &rule, &given.0))?.network.clone());
    }
    Ok(networks)
}

/// An error about a token of the caller's own, with its place: its limits are read as those of
/// `spend` are.
fn of_asset(mut error: Box<Error>, at: usize) -> Box<Error> {
    let whose = ["spend.assets[", &at.to_string(), "]"].concat();
    let placed = |text: &str| {
        let rest = text.strip_prefix("spend.assets").or_else(|| text.strip_prefix("spend"));
        rest.map_or_else(|| [&whose, ".", text].concat(), |rest| [&whose, rest].concat())
    };
    // A misspelt member is named in the middle of the message.
    if !error.message.starts_with("unknown") {
        error.message = placed(&error.message);
        error.field = error.field.as_deref().map(placed);
    }
    error
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
fn limits(options: &Json, limit: &mut Limit, locking: Locking) -> Result<()> {
    if let Some(most) = units(options, "maxPerPayment", "spend.maxPerPayment", limit)? {
        limit.max_per_payment = most;
    }
    match options.get("budget") {
        Some(given) if given.kind() == Kind::Object => budget(&given, limit, locking)?,
        _ => limit.budget = units(options, "budget", BUDGET, limit)?.unwrap_or(limit.budget),
    }
    Ok(())
}

const BUDGET: &str = "spend.budget";

/// An amount of the limit's token.
fn units(options: &Json, key: &str, field: &'static str, limit: &Limit) -> Result<Option<u128>> {
    let Some(given) = options.get(key) else { return Ok(None) };
    // What does not fit would be above no amount.
    let units = given.as_text().and_then(|text| amount::limit(&text, limit.decimals)).filter(|units| *units < u128::MAX);
    let rule = || format!("must be a decimal string of {} such as \"0.10\"", limit.symbol);
    units.map(Some).ok_or_else(|| argument(field, &rule(), &given.0))
}

/// Limits for each hour, each day and in all.
fn budget(given: &Json, limit: &mut Limit, locking: Locking) -> Result<()> {
    only(BUDGET, given, &[BudgetOptions::MEMBERS])?;
    let read = |key, field| units(given, key, field, limit).map(|units| units.unwrap_or(u128::MAX));
    let per_hour = read("perHour", "spend.budget.perHour")?;
    let per_day = read("perDay", "spend.budget.perDay")?;
    let total = read("total", "spend.budget.total")?;
    if per_hour.min(per_day).min(total) == u128::MAX {
        return Err(argument(BUDGET, "must have at least one of perHour, perDay and total", &given.0));
    }
    for (smaller, larger, key, rule) in [
        (per_hour, per_day, "perHour", "must not be above perDay"),
        (per_hour, total, "perHour", "must not be above total"),
        (per_day, total, "perDay", "must not be above total"),
    ] {
        if smaller < u128::MAX && smaller > larger {
            return Err(Error::argument(BUDGET, &format!("has a {key} that {rule}"), &member(given, key)));
        }
    }
    if locking == Locking::Unsupported {
        let rule = "needs a store that can lock, as fileStore, localStorageStore and memoryStore can";
        return Err(Error::argument(BUDGET, rule, "a store without lock(name, request)"));
    }
    if let Some(scope) = given.get("scope") {
        let text = scope.as_text().filter(|text| !text.is_empty() && text.len() <= MAX_SCOPE && is_well_formed(&scope.0));
        limit.scope = text
            .ok_or_else(|| argument("spend.budget.scope", "must be a string of 1 to 100 bytes of well-formed text", &scope.0))?;
    }
    (limit.per_hour, limit.per_day, limit.budget) = (per_hour, per_day, total);
    Ok(())
}

const ASSETS: &str = "spend.assets";

/// Adds a token of the caller's own, with its limit.
fn asset(given: &Json, policy: &mut SpendPolicy, locking: Locking) -> Result<()> {
    only(ASSETS, given, &[AssetOptions::MEMBERS])?;
    let (network, asset, symbol) = (text(given, "network")?, text(given, "asset")?, text(given, "symbol")?);
    text(given, "maxPerPayment")?;
    let (network, chain_id) = chain(given, network, policy)?;
    if chain_id > 0 && !address::is_payable(&asset) {
        return Err(Error::argument(ASSETS, "must have an asset that is 0x and 40 hexadecimal digits", &member(given, "asset")));
    }
    let decimals = decimals(given)?;
    if policy.limits.iter().any(|limit| limit.symbol == symbol)
        || policy.tokens.iter().any(|token| token.network == network && token.is_asset(&asset))
    {
        return Err(Error::argument(ASSETS, "must name tokens and symbols that are not there already", &symbol));
    }
    let mut limit = Limit::new(&symbol, decimals, 0);
    limits(given, &mut limit, locking)?;
    let name = given.get_text("name").unwrap_or_else(|| symbol.clone());
    let version = given.get_text("version").unwrap_or_else(|| "1".to_owned());
    let at = policy.limits.len();
    policy.limits.push(limit);
    policy.tokens.push(Rc::new(Token { network, chain_id, asset, symbol, decimals, name, version, limit: at }));
    Ok(())
}

fn text(given: &Json, key: &str) -> Result<String> {
    let text = given.get_text(key).filter(|text| !text.is_empty());
    text.ok_or_else(|| Error::argument(ASSETS, &format!("must have a {key} (a string)"), &member(given, key)))
}

/// The network's name and its chain id; 0 for a network that is not known and gives none: it is no
/// EVM chain.
fn chain(given: &Json, network: String, policy: &SpendPolicy) -> Result<(String, u32)> {
    let chain_id = whole(given, "chainId", 1.0, f64::from(u32::MAX), "must be a whole number")?;
    let Some(known) = policy.tokens.iter().find(|token| token.is_on(&network)) else {
        return Ok((network, chain_id.unwrap_or(0)));
    };
    match chain_id {
        Some(id) if id != known.chain_id => {
            let rule = format!("must have the chainId of {}, {}, or none", known.network, known.chain_id);
            Err(Error::argument(ASSETS, &rule, &id.to_string()))
        }
        _ => Ok((known.network.clone(), known.chain_id)),
    }
}

fn decimals(given: &Json) -> Result<u8> {
    let decimals = whole(given, "decimals", 0.0, 36.0, "must be a whole number from 0 to 36")?;
    let decimals = decimals.and_then(|decimals| u8::try_from(decimals).ok());
    decimals.ok_or_else(|| Error::argument(ASSETS, "must have decimals", &member(given, "decimals")))
}

fn member(given: &Json, key: &str) -> String {
    given.get(key).map_or_else(|| format!("no {key}"), |value| shown(&value))
}
