//! What a sandbox is made with: the types of the options, and how they are read.
//!
//! `SandboxOptions` is the declaration that applications see; [`Options`] is what the server uses.
//! Whatever can never be meant is refused with the option's name, its rule and a way out.

#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::chain::{NETWORKS, Network, network};
use crate::faults::{FAULTS, FaultName};
use crate::json::{Map, Value};
use crate::text::{atomic, checksummed, is_hex, meant};
use crate::time::Ms;
use crate::wallet::RECIPIENT;

/// How the server asks for payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaywallKind {
    /// Not at all.
    None,
    /// As elizaOS does: the proof is the hash of a transfer.
    Elizaos,
    /// x402, version 1.
    X402V1,
    /// x402, version 2.
    X402V2,
}

/// What the elizaOS paywall looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashCheck {
    /// The hash is that of a transfer of the price to the recipient, and pays once.
    Chain,
    /// The hash has the form of one, and pays once.
    Once,
    /// The hash has the form of one.
    Shape,
}

/// Whether the server of x402 version 2 wants payments to have an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRule {
    /// It knows no ids.
    None,
    /// A payment may have one.
    Optional,
    /// A payment must have one.
    Required,
}

/// What a sandbox is made with. @default a free server with an agent that repeats the question
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SandboxOptions {
    /// How the server asks for payment: not at all, as elizaOS does (the proof is the hash of a
    /// token transfer), or with x402 of version 1 or 2 (the proof is a signature). @default "none"
    #[tsify(optional, type = "'none' | 'elizaos' | 'x402-v1' | 'x402-v2'")]
    pub paywall: Option<String>,
    /// What a job costs, as a decimal string of USDC. @default "0.02"
    #[tsify(optional)]
    pub price: Option<String>,
    /// The networks that may be paid on.
    /// @default ["base", "polygon"] for elizaOS, ["base"] for x402
    #[tsify(optional, type = "('base' | 'polygon' | 'base-sepolia' | 'polygon-amoy')[]")]
    pub networks: Option<Vec<String>>,
    /// Who is paid. @default an address that reads "test"
    #[tsify(optional)]
    pub recipient: Option<String>,
    /// What every account has in the beginning, on each network, as a decimal string of USDC.
    /// @default "1000"
    #[tsify(optional)]
    pub balance: Option<String>,
    /// What the elizaOS paywall looks at: `chain`: the hash is that of a transfer on the sandbox's
    /// chain, and pays once; `once`: it has the form of a hash, and pays once; `shape`: it has the
    /// form of a hash. @default "chain"
    #[tsify(optional, type = "'chain' | 'once' | 'shape'")]
    pub hash_check: Option<String>,
    /// Whether a payment may or must have an id (x402 version 2's extension `payment-identifier`):
    /// the same id is answered with the same answer, and moves nothing again.
    /// @default the server knows no ids
    #[tsify(optional, type = "'optional' | 'required'")]
    pub payment_identifier: Option<String>,
    /// What the agent says: a function that returns the text, or the text in pieces, or a promise
    /// of it. `undefined` or `null`: the agent chooses not to answer. Throwing: the model fails.
    /// @default it repeats the question
    #[tsify(optional, type = "AnswerFunction")]
    pub answer: Option<String>,
    /// How long the agent takes before it answers, in milliseconds. @default 0
    #[tsify(optional)]
    pub answer_ms: Option<f64>,
    /// How long every answer of the server is under way, in milliseconds. @default 0
    #[tsify(optional)]
    pub latency_ms: Option<f64>,
    /// What goes wrong: each strikes once, at the next opportunity; a name that is there twice
    /// strikes twice. @default []
    #[tsify(optional, type = "FaultName[]")]
    pub faults: Option<Vec<FaultName>>,
    /// How long slow faults take, in milliseconds: `slow-wallet`, `settle-late`, `slow-body`, and
    /// how long `server-restarts` refuses connections. @default 2000
    #[tsify(optional)]
    pub slow_ms: Option<f64>,
    /// Whether time passes by itself, or only with `advance()`. @default "real"
    #[tsify(optional, type = "'real' | 'virtual'")]
    pub time: Option<String>,
    /// When virtual time begins: milliseconds since 1970, or a date as JSON has it.
    /// @default the machine's time
    #[tsify(optional, type = "number | string")]
    pub now: Option<f64>,
    /// Determines all ids and hashes: an integer from 0 to 4294967295. @default a random one
    #[tsify(optional)]
    pub seed: Option<f64>,
    /// The server wants this key in `X-API-KEY`. @default none
    #[tsify(optional)]
    pub api_key: Option<String>,
    /// How many requests the server answers in fifteen minutes; 0 for any number. @default 1000
    #[tsify(optional)]
    pub rate_limit: Option<f64>,
    /// Whether the server has an agent. @default true
    #[tsify(optional)]
    pub agent: Option<bool>,
    /// The server's address, as `sandbox.url`. Nothing listens there.
    /// @default "https://sandbox.test"
    #[tsify(optional)]
    pub url: Option<String>,
}

/// The options' names.
pub const MEMBERS: &[&str] = &[
    "paywall",
    "price",
    "networks",
    "recipient",
    "balance",
    "hashCheck",
    "paymentIdentifier",
    "answer",
    "answerMs",
    "latencyMs",
    "faults",
    "slowMs",
    "time",
    "now",
    "seed",
    "apiKey",
    "rateLimit",
    "agent",
    "url",
];
const PAYWALLS: &[(&str, PaywallKind)] = &[
    ("none", PaywallKind::None),
    ("elizaos", PaywallKind::Elizaos),
    ("x402-v1", PaywallKind::X402V1),
    ("x402-v2", PaywallKind::X402V2),
];
const HASH_CHECKS: &[(&str, HashCheck)] = &[("chain", HashCheck::Chain), ("once", HashCheck::Once), ("shape", HashCheck::Shape)];
const ID_RULES: &[(&str, IdRule)] = &[("optional", IdRule::Optional), ("required", IdRule::Required)];
const TIMES: &[(&str, bool)] = &[("real", false), ("virtual", true)];

/// A day: longer than any test waits.
const MAX_MS: u32 = 86_400_000;

/// The options as the server uses them.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the server asks for payment.
    pub paywall: PaywallKind,
    /// In atomic units.
    pub price: u128,
    /// The networks that may be paid on.
    pub networks: Vec<&'static Network>,
    /// Who is paid.
    pub recipient: String,
    /// In atomic units.
    pub balance: u128,
    /// What the elizaOS paywall looks at.
    pub hash_check: HashCheck,
    /// Whether payments have ids.
    pub payment_identifier: IdRule,
    /// How long the agent takes.
    pub answer_ms: Ms,
    /// How long an answer is under way.
    pub latency_ms: Ms,
    /// What goes wrong.
    pub faults: Vec<FaultName>,
    /// How long slow faults take.
    pub slow_ms: Ms,
    /// Whether time passes only when it is told to.
    pub is_virtual: bool,
    /// When virtual time begins.
    pub now: Option<Value>,
    /// Determines ids and hashes.
    pub seed: Option<u32>,
    /// What the server wants in `X-API-KEY`.
    pub api_key: Option<String>,
    /// Requests in fifteen minutes; 0 for any number.
    pub rate_limit: u32,
    /// Whether there is an agent.
    pub has_agent: bool,
    /// The server's address.
    pub url: String,
}

/// What is wrong with an option.
#[derive(Debug, PartialEq, Eq)]
pub struct OptionError {
    /// Which one; empty for all of them.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

type Read<T> = Result<T, OptionError>;

fn error<T>(field: &str, message: String) -> Read<T> {
    Err(OptionError { field: field.to_owned(), message })
}

/// A value as it is shown in a message.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    };
    if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
}

fn or(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// ` Did you mean 'x'?`, or nothing.
fn hint(given: &str, names: &[&str]) -> String {
    meant(given, names).map(|name| format!(" Did you mean '{name}'?")).unwrap_or_default()
}

struct Given<'a>(&'a Map);

impl Given<'_> {
    /// What was given; `None` for what is absent, `undefined` or `null`.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| **value != Value::Null)
    }

    fn one_of<T: Copy>(&self, field: &str, values: &[(&str, T)], default: T) -> Read<T> {
        let Some(given) = self.get(field) else { return Ok(default) };
        if let Some((_, value)) = values.iter().find(|(name, _)| given.as_str() == Some(*name)) {
            return Ok(*value);
        }
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let hint = hint(given.as_str().unwrap_or_default(), &names);
        error(field, format!("{field} must be one of {}; given: {}.{hint}", or(&names), shown(given)))
    }

    fn amount(&self, field: &str, default: u128) -> Read<Option<u128>> {
        let Some(given) = self.get(field) else { return Ok(Some(default)) };
        match given.as_str().and_then(atomic) {
            Some(amount) => Ok(Some(amount)),
            None => error(
                field,
                format!(
                    "{field} must be a decimal string of USDC such as '0.02', with at most six decimals; given: {}",
                    shown(given)
                ),
            ),
        }
    }

    fn ms(&self, field: &str, default: f64) -> Read<Ms> {
        let Some(given) = self.get(field) else { return Ok(default) };
        match given.as_f64().filter(|ms| (0.0..=f64::from(MAX_MS)).contains(ms)) {
            Some(ms) => Ok(ms),
            None => error(field, format!("{field} must be a number of milliseconds from 0 to {MAX_MS}; given: {}", shown(given))),
        }
    }

    fn integer(&self, field: &str) -> Read<Option<u32>> {
        let Some(given) = self.get(field) else { return Ok(None) };
        let whole = given.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        match whole {
            Some(number) => Ok(Some(number as u32)),
            None => error(field, format!("{field} must be an integer from 0 to {}; given: {}", u32::MAX, shown(given))),
        }
    }

    fn text(&self, field: &str) -> Read<Option<String>> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(other) => error(field, format!("{field} must be a string that is not empty; given: {}", shown(other))),
        }
    }

    fn list<T>(&self, field: &str, names: &[&str], find: impl Fn(&str) -> Option<T>) -> Read<Option<Vec<T>>> {
        let Some(given) = self.get(field) else { return Ok(None) };
        let Some(items) = given.as_array() else {
            return error(
                field,
                format!("{field} must be an array such as ['{}']; given: {}", names.first().unwrap_or(&""), shown(given)),
            );
        };
        let mut found = vec![];
        for item in items {
            match item.as_str().and_then(&find) {
                Some(value) => found.push(value),
                None => {
                    let hint = hint(item.as_str().unwrap_or_default(), names);
                    return error(field, format!("{field} has {}, but may only have {}.{hint}", shown(item), or(names)));
                }
            }
        }
        Ok(Some(found))
    }
}

impl Options {
    /// Reads the options of an application.
    pub fn read(options: &Map) -> Read<Self> {
        if let Some(unknown) = options.keys().find(|name| !MEMBERS.contains(name)) {
            let hint = hint(unknown, MEMBERS);
            return error(unknown, format!("there is no option '{unknown}'.{hint} There are {}", MEMBERS.join(", ")));
        }
        let given = Given(options);
        let paywall = given.one_of("paywall", PAYWALLS, PaywallKind::None)?;
        let price = given.amount("price", 20_000)?.filter(|price| *price > 0);
        let Some(price) = price else {
            return error("price", "price must be more than 0; for a free server, leave out paywall".to_owned());
        };
        let names = NETWORKS.each_ref().map(|network| network.name);
        let networks = given.list("networks", &names, network)?;
        if networks.as_ref().is_some_and(Vec::is_empty) {
            return error("networks", "networks must have at least one name".to_owned());
        }
        let both = if paywall == PaywallKind::Elizaos { 2 } else { 1 };
        let read = Self {
            paywall,
            price,
            networks: networks.unwrap_or_else(|| NETWORKS.iter().take(both).collect()),
            recipient: recipient(&given)?,
            balance: given.amount("balance", 1_000_000_000)?.unwrap_or_default(),
            hash_check: given.one_of("hashCheck", HASH_CHECKS, HashCheck::Chain)?,
            payment_identifier: given.one_of("paymentIdentifier", ID_RULES, IdRule::None)?,
            answer_ms: given.ms("answerMs", 0.0)?,
            latency_ms: given.ms("latencyMs", 0.0)?,
            faults: given.list("faults", &FAULTS.map(|(_, name)| name), FaultName::parse)?.unwrap_or_default(),
            slow_ms: given.ms("slowMs", 2_000.0)?,
            is_virtual: given.one_of("time", TIMES, false)?,
            now: given.get("now").cloned(),
            seed: given.integer("seed")?,
            api_key: given.text("apiKey")?,
            rate_limit: given.integer("rateLimit")?.unwrap_or(1000),
            has_agent: given.one_of_booleans("agent", true)?,
            url: url(&given)?,
        };
        read.contradictions(&given)?;
        Ok(read)
    }

    /// Whether two options cannot both be meant.
    fn contradictions(&self, given: &Given) -> Read<()> {
        let free = self.paywall == PaywallKind::None;
        for field in ["price", "networks", "recipient", "hashCheck", "paymentIdentifier"] {
            if free && given.get(field).is_some() {
                return error(
                    field,
                    format!(
                        "{field} is given, but without a paywall nothing is paid; add paywall: 'x402-v2', or leave out {field}"
                    ),
                );
            }
        }
        if given.get("hashCheck").is_some() && self.paywall != PaywallKind::Elizaos {
            return error("hashCheck", "hashCheck is given, but only paywall: 'elizaos' has hashes to check".to_owned());
        }
        if self.payment_identifier != IdRule::None && self.paywall != PaywallKind::X402V2 {
            let message = "paymentIdentifier is given, but only paywall: 'x402-v2' has ids of payments";
            return error("paymentIdentifier", message.to_owned());
        }
        if given.get("now").is_some() && !self.is_virtual {
            return error(
                "now",
                "now is given, but real time is the machine's; add time: 'virtual', or leave out now".to_owned(),
            );
        }
        self.faults.iter().try_for_each(|fault| self.can_strike(*fault))
    }

    /// Whether this fault can ever strike.
    pub fn can_strike(&self, fault: FaultName) -> Read<()> {
        if self.paywall != PaywallKind::None || !fault.is_about_money() {
            return Ok(());
        }
        error(
            "faults",
            format!("the fault '{name}' needs a paywall: add paywall: 'x402-v2', or leave the fault out", name = fault.name()),
        )
    }
}

impl Given<'_> {
    fn one_of_booleans(&self, field: &str, default: bool) -> Read<bool> {
        match self.get(field) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => error(field, format!("{field} must be true or false; given: {}", shown(other))),
        }
    }
}

fn recipient(given: &Given) -> Read<String> {
    let Some(address) = given.text("recipient")? else { return Ok(checksummed(RECIPIENT)) };
    if is_hex(&address, 40) && address.bytes().any(|byte| byte != b'0' && byte != b'x') {
        return Ok(checksummed(&address));
    }
    error(
        "recipient",
        format!("recipient must be an address: 0x and 40 hexadecimal digits, not all of them zeros; given: '{address}'"),
    )
}

fn url(given: &Given) -> Read<String> {
    let url = given.text("url")?.unwrap_or_else(|| "https://sandbox.test".to_owned());
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = host.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return error("url", format!("url must be a scheme and a host such as 'https://sandbox.test'; given: '{url}'"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn read(options: Value) -> Read<Options> {
        Options::read(options.as_object().unwrap())
    }

    #[test]
    fn without_options_it_is_a_free_server() {
        let options = read(json!({"price": null})).unwrap();
        assert_eq!((options.paywall, options.rate_limit, options.has_agent), (PaywallKind::None, 1000, true));
        assert_eq!(options.url, "https://sandbox.test");
        let paid = read(json!({"paywall": "elizaos", "price": "0.5", "balance": "0"})).unwrap();
        assert_eq!((paid.price, paid.balance, paid.networks.len()), (500_000, 0, 2));
        assert_eq!(read(json!({"paywall": "x402-v2"})).unwrap().networks, [&NETWORKS[0]]);
    }

    #[test]
    fn what_can_never_be_meant_is_refused() {
        let cases = [
            (json!({"prize": "1"}), "prize", "there is no option 'prize'. Did you mean 'price'?"),
            (json!({"paywall": "x402-v3"}), "paywall", "given: 'x402-v3'. Did you mean 'x402-v"),
            (json!({"paywall": "x402-v2", "price": 0.02}), "price", "a decimal string of USDC such as '0.02'"),
            (json!({"paywall": "x402-v2", "price": "0"}), "price", "more than 0"),
            (json!({"price": "1"}), "price", "add paywall: 'x402-v2'"),
            (json!({"networks": []}), "networks", "at least one"),
            (json!({"paywall": "x402-v1", "networks": ["bsae"]}), "networks", "Did you mean 'base'?"),
            (json!({"paywall": "x402-v1", "hashCheck": "once"}), "hashCheck", "only paywall: 'elizaos'"),
            (json!({"paywall": "x402-v1", "paymentIdentifier": "required"}), "paymentIdentifier", "only paywall: 'x402-v2'"),
            (json!({"paymentIdentifier": "optional"}), "paymentIdentifier", "add paywall: 'x402-v2'"),
            (
                json!({"paywall": "x402-v2", "paymentIdentifier": true}),
                "paymentIdentifier",
                "'optional', 'required'; given: true",
            ),
            (json!({"paywall": "elizaos", "recipient": "0x1"}), "recipient", "40 hexadecimal digits"),
            (json!({"paywall": "elizaos", "recipient": format!("0x{}", "0".repeat(40))}), "recipient", "not all of them zeros"),
            (json!({"faults": ["lose-repyl"]}), "faults", "Did you mean 'lose-reply'?"),
            (json!({"faults": "html"}), "faults", "must be an array"),
            (json!({"faults": ["ask-more"]}), "faults", "'ask-more' needs a paywall"),
            (json!({"now": 5}), "now", "add time: 'virtual'"),
            (json!({"seed": 1.5}), "seed", "an integer"),
            (json!({"answerMs": -1}), "answerMs", "milliseconds"),
            (json!({"agent": "yes"}), "agent", "true or false"),
            (json!({"apiKey": ""}), "apiKey", "not empty"),
            (json!({"url": "localhost:3000"}), "url", "a scheme and a host"),
        ];
        for (options, field, words) in cases {
            let refused = read(options.clone()).unwrap_err();
            assert_eq!(refused.field, field, "{options}");
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }
}
