//! What a sandbox is made with: the types of the options, and how they are read.
//!
//! `SandboxOptions` is the declaration that applications see; [`Options`] is what the server uses.
//! Whatever can never be meant is refused with the option's name, its rule and a way out.

#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::chain::{NETWORKS, Network, network, same};
use crate::faults::{FAULTS, FaultName};
use crate::json::{Map, Value};
use crate::text::{atomic, checksummed, is_hex, meant};
use crate::time::Ms;
use crate::wallet::{RECIPIENT, STRANGER, WALLET};

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
    /// how long `server-restarts` refuses connections; also those that `fault()` turns on later.
    /// @default 2000
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

impl OptionError {
    fn new(field: &str, message: String) -> Self {
        Self { field: field.to_owned(), message }
    }
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

/// The options that were given, and the first thing that is wrong with them. What is wrong is read
/// as the default.
struct Given<'a> {
    options: &'a Map,
    error: Option<OptionError>,
}

impl Given<'_> {
    /// What was given; `None` for what is absent, `undefined` or `null`.
    fn get(&self, name: &str) -> Option<&Value> {
        self.options.get(name).filter(|value| **value != Value::Null)
    }

    /// Notes what is wrong, unless something was before.
    fn refuse(&mut self, field: &str, message: String) {
        self.error.get_or_insert_with(|| OptionError::new(field, message));
    }

    /// Refuses what was given: `field` must be `rule`.
    fn must(&mut self, field: &str, rule: &str) {
        let given = self.get(field).map(shown).unwrap_or_default();
        self.refuse(field, format!("{field} must be {rule}; given: {given}"));
    }

    fn one_of<T: Copy>(&mut self, field: &str, values: &[(&str, T)], default: T) -> T {
        let Some(given) = self.get(field) else { return default };
        if let Some((_, value)) = values.iter().find(|(name, _)| given.as_str() == Some(*name)) {
            return *value;
        }
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let hint = hint(given.as_str().unwrap_or_default(), &names);
        self.refuse(field, format!("{field} must be one of {}; given: {}.{hint}", or(&names), shown(given)));
        default
    }

    fn amount(&mut self, field: &str, default: u128) -> u128 {
        let Some(given) = self.get(field) else { return default };
        given.as_str().and_then(atomic).unwrap_or_else(|| {
            self.must(field, "a decimal string of USDC such as '0.02', with at most six decimals");
            default
        })
    }

    fn ms(&mut self, field: &str, default: f64) -> Ms {
        let Some(given) = self.get(field) else { return default };
        given.as_f64().filter(|ms| (0.0..=f64::from(MAX_MS)).contains(ms)).unwrap_or_else(|| {
            self.must(field, &format!("a number of milliseconds from 0 to {MAX_MS}"));
            default
        })
    }

    fn integer(&mut self, field: &str) -> Option<u32> {
        let given = self.get(field)?;
        let whole = given.as_u64().and_then(|number| u32::try_from(number).ok());
        if whole.is_none() {
            self.must(field, &format!("an integer from 0 to {}", u32::MAX));
        }
        whole
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let text = self.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.must(field, "a string that is not empty");
        }
        text
    }

    fn boolean(&mut self, field: &str, default: bool) -> bool {
        match self.get(field) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.must(field, "true or false");
                default
            }
        }
    }

    fn list<T>(&mut self, field: &str, names: &[&str], find: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let Some(items) = self.get(field)?.as_array() else {
            self.must(field, &format!("an array such as ['{}']", names.first().unwrap_or(&"")));
            return None;
        };
        let found: Vec<T> = items.iter().filter_map(Value::as_str).filter_map(&find).collect();
        let is_wrong = |item: &&Value| !item.as_str().is_some_and(|name| names.contains(&name));
        if let Some(item) = items.iter().find(is_wrong) {
            let hint = hint(item.as_str().unwrap_or_default(), names);
            let message = format!("{field} has {}, but may only have {}.{hint}", shown(item), or(names));
            self.refuse(field, message);
        }
        Some(found)
    }

    fn price(&mut self) -> u128 {
        let price = self.amount("price", 20_000);
        if price == 0 {
            self.refuse("price", "price must be more than 0; for a free server, leave out paywall".to_owned());
        }
        price
    }

    fn networks(&mut self, paywall: PaywallKind) -> Vec<&'static Network> {
        let names = NETWORKS.each_ref().map(|network| network.name);
        let networks = self.list("networks", &names, network);
        if networks.as_ref().is_some_and(Vec::is_empty) {
            self.refuse("networks", "networks must have at least one name".to_owned());
        }
        let both = if paywall == PaywallKind::Elizaos { 2 } else { 1 };
        networks.unwrap_or_else(|| NETWORKS.iter().take(both).collect())
    }

    fn recipient(&mut self) -> String {
        let Some(address) = self.text("recipient") else { return checksummed(RECIPIENT) };
        if !is_hex(&address, 40) || !address.bytes().any(|byte| byte != b'0' && byte != b'x') {
            self.must("recipient", "an address: 0x and 40 hexadecimal digits, not all of them zeros");
        }
        for (taken, whose) in [(WALLET, "the test wallet's own"), (STRANGER, "the one that the fault 'wrong-recipient' names")] {
            if same(&address, taken) {
                self.must("recipient", &format!("another address than {whose}"));
            }
        }
        checksummed(&address)
    }

    fn api_key(&mut self) -> Option<String> {
        let key = self.text("apiKey")?;
        if key.trim() != key || !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.must("apiKey", "what a header can carry: ASCII without line breaks, and without blanks at its ends");
        }
        Some(key)
    }

    fn url(&mut self) -> String {
        let url = self.text("url").unwrap_or_else(|| "https://sandbox.test".to_owned());
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        let host = host.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            self.must("url", "a scheme and a host such as 'https://sandbox.test'");
        }
        url.trim_end_matches('/').to_owned()
    }
}

impl Options {
    /// Reads the options of an application.
    pub fn read(options: &Map) -> Result<Self, OptionError> {
        if let Some(unknown) = options.keys().find(|name| !MEMBERS.contains(name)) {
            let hint = hint(unknown, MEMBERS);
            let message = format!("there is no option '{unknown}'.{hint} There are {}", MEMBERS.join(", "));
            return Err(OptionError::new(unknown, message));
        }
        let mut given = Given { options, error: None };
        let paywall = given.one_of("paywall", PAYWALLS, PaywallKind::None);
        let read = Self {
            paywall,
            price: given.price(),
            networks: given.networks(paywall),
            recipient: given.recipient(),
            balance: given.amount("balance", 1_000_000_000),
            hash_check: given.one_of("hashCheck", HASH_CHECKS, HashCheck::Chain),
            payment_identifier: given.one_of("paymentIdentifier", ID_RULES, IdRule::None),
            answer_ms: given.ms("answerMs", 0.0),
            latency_ms: given.ms("latencyMs", 0.0),
            faults: given.list("faults", &FAULTS.map(|(_, name)| name), FaultName::parse).unwrap_or_default(),
            slow_ms: given.ms("slowMs", 2_000.0),
            is_virtual: given.one_of("time", TIMES, false),
            seed: given.integer("seed"),
            api_key: given.api_key(),
            rate_limit: given.integer("rateLimit").unwrap_or(1000),
            has_agent: given.boolean("agent", true),
            url: given.url(),
        };
        read.contradictions(&mut given);
        given.error.map_or(Ok(read), Err)
    }

    /// Whether two options cannot both be meant.
    fn contradictions(&self, given: &mut Given) {
        let free = self.paywall == PaywallKind::None;
        for field in ["price", "networks", "recipient", "paymentIdentifier"] {
            if free && given.get(field).is_some() {
                let way_out = format!("add paywall: 'x402-v2', or leave out {field}");
                given.refuse(field, format!("{field} is given, but without a paywall nothing is paid; {way_out}"));
            }
        }
        let rules = [
            (
                "hashCheck",
                self.paywall == PaywallKind::Elizaos,
                "only paywall: 'elizaos' has hashes to check; leave it out with others",
            ),
            ("paymentIdentifier", self.paywall == PaywallKind::X402V2, "only paywall: 'x402-v2' has ids of payments"),
            ("answer", self.has_agent, "with agent: false nobody answers; leave out one of the two"),
            ("answerMs", self.has_agent, "with agent: false nobody answers; leave out one of the two"),
            ("now", self.is_virtual, "real time is the machine's; add time: 'virtual', or leave out now"),
        ];
        for (field, may_be, rule) in rules {
            if given.get(field).is_some() && !may_be {
                given.refuse(field, format!("{field} is given, but {rule}"));
            }
        }
        if let Some(error) = self.faults.iter().find_map(|fault| self.can_strike(*fault).err()) {
            given.error.get_or_insert(error);
        }
    }

    /// Whether this fault can ever strike.
    pub fn can_strike(&self, fault: FaultName) -> Result<(), OptionError> {
        let name = fault.name();
        if fault == FaultName::RateLimit && self.rate_limit == 0 {
            let message = format!("the fault '{name}' needs a limit: leave out rateLimit: 0, or the fault");
            return Err(OptionError::new("faults", message));
        }
        if self.paywall != PaywallKind::None || !fault.is_about_money() {
            return Ok(());
        }
        let message = format!("the fault '{name}' needs a paywall: add paywall: 'x402-v2', or leave the fault out");
        Err(OptionError::new("faults", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn read(options: Value) -> Result<Options, OptionError> {
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
            (json!({"hashCheck": "once"}), "hashCheck", "only paywall: 'elizaos'"),
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
            (json!({"apiKey": "a\nb"}), "apiKey", "what a header can carry"),
            (json!({"agent": false, "answerMs": 5}), "answerMs", "nobody answers"),
            (json!({"rateLimit": 0, "faults": ["rate-limit"]}), "faults", "needs a limit"),
            (json!({"paywall": "x402-v1", "recipient": WALLET}), "recipient", "the test wallet's own"),
            (json!({"paywall": "x402-v1", "recipient": STRANGER}), "recipient", "'wrong-recipient'"),
            (json!({"url": "localhost:3000"}), "url", "a scheme and a host"),
        ];
        for (options, field, words) in cases {
            let refused = read(options.clone()).unwrap_err();
            assert_eq!(refused.field, field, "{options}");
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }
}
