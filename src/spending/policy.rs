//! Which offer may be paid, and up to what price. Each rule is one function.

use std::rc::Rc;

use super::budget::{Budget, Caps, Counters, Reserved, Window};
use super::ledger::{Reservation, SpendLedger};
use super::location::{as_url, is_same_resource, is_unreadable_to_others};
use crate::api::error::{ErrorCode, Result};
use crate::api::payments::Dialect;
use crate::json::Json;
use crate::platform::WalletCapabilities;
use crate::text::shorten;
use crate::time::WallTime;
use crate::x402::amount::{Amount, to_decimal};
use crate::x402::tokens::{MAINNETS, Token, USDC_DECIMALS, usdc};
use crate::x402::{self, Asked, Offer, PaymentRequired, refused};

/// The most that one payment may cost when the caller says nothing: 0.10 USDC, in atomic units.
const USUAL_MAX_PER_PAYMENT: u128 = 100_000;
/// The longest resource that a reason shows, in characters.
const MAX_SHOWN: usize = 200;

/// How much of a token may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The token's symbol.
    pub symbol: String,
    /// How many decimals it has.
    pub decimals: u8,
    /// The most that one payment may cost, in atomic units.
    pub max_per_payment: u128,
    /// The most that all payments of the scope together may cost, in atomic units.
    pub budget: u128,
    /// The most that they may cost in one day (UTC), in atomic units.
    pub per_day: u128,
    /// The most that they may cost in one hour (UTC), in atomic units.
    pub per_hour: u128,
    /// Whose payments count: those of all clients of the store with the same scope.
    pub scope: String,
}

impl Limit {
    /// What one payment may cost at most, with no other limit.
    pub fn new(symbol: &str, decimals: u8, max_per_payment: u128) -> Self {
        let (budget, per_day, per_hour) = (u128::MAX, u128::MAX, u128::MAX);
        Self { symbol: symbol.to_owned(), decimals, max_per_payment, budget, per_day, per_hour, scope: String::new() }
    }

    /// The limits of the budget.
    pub fn caps(&self) -> Caps {
        Caps { per_hour: self.per_hour, per_day: self.per_day, total: self.budget }
    }

    /// Atomic units as a decimal number of tokens: `0.02`.
    pub fn decimal(&self, units: u128) -> String {
        to_decimal(units, self.decimals)
    }

    /// Atomic units for people: `0.02 USDC`.
    fn shown(&self, units: u128) -> String {
        format!("{} {}", self.decimal(units), self.symbol)
    }
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPolicy {
    /// The networks that may be paid on, the preferred one first.
    pub networks: Vec<String>,
    /// The tokens that may be paid with; each names its limit.
    pub tokens: Vec<Rc<Token>>,
    /// The limits: USDC's, whatever the network, then those of the caller's own tokens. The order
    /// is the order of preference.
    pub limits: Vec<Limit>,
    /// Who may be paid: addresses. Empty for anybody.
    pub recipients: Vec<String>,
    /// What else may be paid for than the request's own address: URLs.
    pub resources: Vec<String>,
}

impl Default for SpendPolicy {
    /// 0.10 USDC a payment without a budget; Base before Polygon.
    fn default() -> Self {
        Self {
            networks: MAINNETS.map(str::to_owned).into(),
            tokens: usdc(),
            limits: vec![Limit::new("USDC", USDC_DECIMALS, USUAL_MAX_PER_PAYMENT)],
            recipients: Vec::new(),
            resources: Vec::new(),
        }
    }
}

/// How an offer is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentMethod {
    /// By a transfer, whose hash is the proof.
    Transfer,
    /// By a signed authorization. Nothing moves before the proof is sent.
    Sign,
    /// By a wallet that takes over the payment.
    Pay,
}

/// What becomes of a payment that was begun before when it is above the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBudget {
    /// It is refused: it can still be left undone.
    Refuse,
    /// It is reserved all the same: its money may have moved.
    Reserve,
}

/// The store's counters as they were read.
#[derive(Debug, Default)]
pub struct StoredCounters {
    /// In the order of the policy's limits; `None` for a limit without a budget.
    pub counters: Vec<Option<Counters>>,
    /// When they were read.
    pub read_at: WallTime,
}

impl StoredCounters {
    fn of(&self, limit: usize) -> Option<&Counters> {
        self.counters.get(limit)?.as_ref()
    }
}

/// What the verdict on an offer depends on beside the policy and the client's own budget.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// What the wallet can do.
    pub wallet: WalletCapabilities,
    /// The wallet's address, where it is known without calling the wallet.
    pub payer: Option<&'a str>,
    /// What is paid for.
    pub asked: Asked<'a>,
    /// What all clients of the store have spent.
    pub stored: &'a StoredCounters,
}

/// What will be paid, how, and the money that is set aside for it.
#[derive(Debug)]
pub struct Chosen {
    /// What will be paid.
    pub offer: Offer,
    /// How.
    pub method: PaymentMethod,
    /// The money.
    pub reservation: Reservation,
}

/// What the rules say of the offers of a 402.
#[derive(Debug)]
pub struct Judgement {
    /// All offers, in the order of the 402.
    pub offers: Vec<Judged>,
    /// The place of the one that is paid; the error says which rule each offer breaks.
    pub chosen: Result<usize>,
}

/// One offer, and how it would be paid or why it would not.
#[derive(Debug)]
pub struct Judged {
    /// The offer.
    pub offer: Offer,
    /// How it would be paid; the error says why it would not.
    pub verdict: Result<PaymentMethod, String>,
}

/// The rules, in the order in which they are checked. An offer that breaks a later one came closer
/// to being paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Network,
    Recipient,
    Resource,
    Request,
    Wallet,
    Price,
    Budget,
}

impl Rule {
    fn code(self) -> ErrorCode {
        match self {
            Rule::Network => ErrorCode::PaymentNetworkNotAllowed,
            Rule::Recipient => ErrorCode::PaymentRecipientNotAllowed,
            Rule::Resource => ErrorCode::PaymentResourceMismatch,
            Rule::Request => ErrorCode::PaymentRequirementsInvalid,
            Rule::Wallet => ErrorCode::WalletCannotPay,
            Rule::Price | Rule::Budget => ErrorCode::PaymentOverLimit,
        }
    }
}

/// Why an offer is not paid.
#[derive(Debug)]
struct Refusal {
    rule: Rule,
    reason: String,
}

/// The order in which offers are preferred; the least one is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The token's place among the limits.
    limit: usize,
    /// The price in atomic units.
    units: u128,
    /// The network's place in the caller's order of preference.
    network: usize,
}

impl SpendPolicy {
    /// Chooses among the offers and reserves the money, both at once: calls of a client that run at
    /// the same time cannot overspend. The error says which rule each offer breaks.
    pub fn choose(
        &self,
        required: PaymentRequired,
        circumstances: Circumstances<'_>,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Chosen> {
        let (offer, method) = self.best_offer(required, circumstances, &ledger.budget())?;
        let reservation = ledger.reserve(Reserved { limit: offer.token.limit, units: offer.amount.units });
        Ok(Chosen { offer, method, reservation })
    }

    /// The offer that is paid, and how. Of the offers that keep every rule it is the cheapest, USDC
    /// before other tokens; at the same price the one on the network that the caller prefers.
    pub fn best_offer(
        &self,
        required: PaymentRequired,
        circumstances: Circumstances<'_>,
        budget: &Budget,
    ) -> Result<(Offer, PaymentMethod)> {
        let Judgement { mut offers, chosen } = self.judge_all(required, circumstances, budget);
        let Judged { offer, verdict } = offers.swap_remove(chosen?);
        let method = verdict.map_err(|reason| refused(ErrorCode::PaymentRequirementsInvalid, &reason))?;
        Ok((offer, method))
    }

    /// All offers, each with how it would be paid or why not; and which one is paid.
    pub fn judge_all(&self, required: PaymentRequired, circumstances: Circumstances<'_>, budget: &Budget) -> Judgement {
        let connection = self.check_connection(circumstances.asked.url);
        let mut offers = Vec::new();
        let mut best: Option<(Rank, usize)> = None;
        let mut reasons = Vec::new();
        let mut nearest: Option<Rule> = None;
        for offer in required.offers {
            let verdict = match (self.judge(&offer, circumstances, budget), &connection) {
                (_, Err(error)) => Err(error.message.clone()),
                (Ok((rank, method)), Ok(())) => {
                    // Of equal offers the first.
                    if best.is_none_or(|(least, _)| rank < least) {
                        best = Some((rank, offers.len()));
                    }
                    Ok(method)
                }
                (Err(Refusal { rule, reason }), Ok(())) => {
                    reasons.push(format!("{}: {reason}", offer.summary()));
                    nearest = nearest.max(Some(rule));
                    Err(reason)
                }
            };
            offers.push(Judged { offer, verdict });
        }
        let chosen = connection.and_then(|()| match best {
            Some((_, at)) => Ok(at),
            None => {
                reasons.extend(required.skipped);
                let code = nearest.map_or(ErrorCode::PaymentRequirementsInvalid, Rule::code);
                Err(refused(code, &format!("no offer may be paid: {}", x402::reasons(&reasons))))
            }
        });
        Judgement { offers, chosen }
    }

    /// Reserves the money of a payment that was begun before this client's ledger, or whose money
    /// was released. `None` when no limit is about its token. The error says why it is refused.
    pub fn reserve(
        &self,
        symbol: &str,
        atomic: &str,
        over: OverBudget,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Option<Reservation>, String> {
        let Some((payment, limit)) = self.limit_of(symbol, atomic) else { return Ok(None) };
        let budget = ledger.budget();
        if over == OverBudget::Refuse && !budget.allows(payment, limit.budget) {
            return Err(over_budget(limit, budget.spent(payment.limit)));
        }
        Ok(Some(ledger.reserve(payment)))
    }

    /// How much a payment takes of which limit; `None` when no limit is about its token.
    fn limit_of(&self, symbol: &str, atomic: &str) -> Option<(Reserved, &Limit)> {
        let (at, limit) = self.limits.iter().enumerate().find(|(_, limit)| limit.symbol == symbol)?;
        Some((Reserved { limit: at, units: Amount::from_atomic(atomic)?.units }, limit))
    }

    /// The offer's rank and how it is paid, or the rule that it breaks.
    fn judge(
        &self,
        offer: &Offer,
        Circumstances { wallet, payer, asked, stored }: Circumstances<'_>,
        budget: &Budget,
    ) -> Result<(Rank, PaymentMethod), Refusal> {
        let broken = |rule: Rule| move |reason: String| Refusal { rule, reason };
        let network = self.network_rank(offer).map_err(broken(Rule::Network))?;
        self.check_recipient(offer).map_err(broken(Rule::Recipient))?;
        check_payer(offer, payer).map_err(broken(Rule::Recipient))?;
        self.check_resource(offer, asked.url).map_err(broken(Rule::Resource))?;
        offer.wants_prompt(asked).map_err(broken(Rule::Request))?;
        let method = payment_method(wallet, offer).map_err(broken(Rule::Wallet))?;
        let limit = self.limits.get(offer.token.limit).ok_or_else(|| broken(Rule::Price)("it has no limit".to_owned()))?;
        check_price(offer, limit).map_err(broken(Rule::Price))?;
        check_budget(offer, limit, budget).map_err(broken(Rule::Budget))?;
        if let Some(counters) = stored.of(offer.token.limit) {
            fits(limit, counters, offer.amount.units, stored.read_at).map_err(broken(Rule::Budget))?;
        }
        Ok((Rank { limit: offer.token.limit, units: offer.amount.units, network }, method))
    }

    /// A proof goes only where nobody else can read it, unless the caller says so.
    fn check_connection(&self, url: &str) -> Result<()> {
        if is_unreadable_to_others(url) || self.is_allowed_resource(url) {
            return Ok(());
        }
        let why = format!(
            "others can read what goes to {url}, and take the proof of payment; use https, or, where the network is your own, \
             add {}",
            allow_resource(url),
        );
        Err(refused(ErrorCode::PaymentInsecureConnection, &why))
    }

    /// Where the offer's network stands in the caller's order of preference.
    fn network_rank(&self, offer: &Offer) -> Result<usize, String> {
        let rank = self.networks.iter().position(|network| *network == offer.token.network);
        rank.ok_or_else(|| format!("spend.networks allows {}", self.networks.join(", ")))
    }

    fn check_recipient(&self, offer: &Offer) -> Result<(), String> {
        // Addresses of other chains have their own rules for case.
        let is_recipient = |address: &String| match offer.token.chain_id {
            0 => *address == offer.recipient,
            _ => address.eq_ignore_ascii_case(&offer.recipient),
        };
        if self.recipients.is_empty() || self.recipients.iter().any(is_recipient) {
            return Ok(());
        }
        Err(format!("it goes to {}, and spend.recipients allows {}", offer.recipient, self.recipients.join(", ")))
    }

    /// What is paid for is what was asked for, or what the caller allows besides.
    fn check_resource(&self, offer: &Offer, url: &str) -> Result<(), String> {
        let Some(resource) = &offer.resource else { return Ok(()) };
        if is_same_resource(resource, url) || self.is_allowed_resource(resource) {
            return Ok(());
        }
        let said = format!("it is for {}, not for {url}", shorten(resource, MAX_SHOWN));
        // A line that was cut short would not help.
        match as_url(resource, url).filter(|named| named.chars().count() <= MAX_SHOWN) {
            Some(named) => Err(format!("{said}; if that is right, add {}", allow_resource(&named))),
            None => Err(said),
        }
    }

    fn is_allowed_resource(&self, resource: &str) -> bool {
        self.resources.iter().any(|allowed| is_same_resource(resource, allowed))
    }
}

/// Nobody pays himself.
fn check_payer(offer: &Offer, payer: Option<&str>) -> Result<(), String> {
    match payer.filter(|payer| payer.eq_ignore_ascii_case(&offer.recipient)) {
        Some(_) => Err("it would pay the wallet's own address".to_owned()),
        None => Ok(()),
    }
}

/// What a wallet lacks, and who makes those that have it.
fn lacks(members: &str) -> String {
    let makers = "fromViem with a wallet client, fromEthers and fromEip1193 of eliza-jobs/wallets make such wallets";
    format!("the wallet needs {members}; {makers}")
}

/// How a wallet pays an offer, or what it lacks.
fn payment_method(wallet: WalletCapabilities, offer: &Offer) -> Result<PaymentMethod, String> {
    if wallet.is_none() {
        return Err("the client has no wallet".to_owned());
    }
    let (own, lacks) = match (&offer.foreign, offer.dialect) {
        (Some(foreign), _) => (None, format!("{foreign} is only for a wallet with pay")),
        (None, Dialect::Elizaos) => (wallet.transfer.then_some(PaymentMethod::Transfer), lacks("sendTransfer")),
        (None, _) => (wallet.sign.then_some(PaymentMethod::Sign), lacks("address and signTypedData")),
    };
    own.or(wallet.pay.then_some(PaymentMethod::Pay)).ok_or(lacks)
}

fn check_price(offer: &Offer, limit: &Limit) -> Result<(), String> {
    if offer.amount.units <= limit.max_per_payment {
        return Ok(());
    }
    Err(format!("spend.maxPerPayment allows {}; raise it if the price is right", limit.shown(limit.max_per_payment)))
}

fn check_budget(offer: &Offer, limit: &Limit, budget: &Budget) -> Result<(), String> {
    let payment = Reserved { limit: offer.token.limit, units: offer.amount.units };
    if budget.allows(payment, limit.budget) { Ok(()) } else { Err(over_budget(limit, budget.spent(payment.limit))) }
}

/// Whether the store's counters leave room for a payment of so much. The error says which limit it
/// would break.
pub fn fits(limit: &Limit, counters: &Counters, units: u128, now: WallTime) -> Result<(), String> {
    let Some(window) = counters.refuses(units, limit.caps(), now) else { return Ok(()) };
    let used = counters.used(window, now);
    let (name, time) = match window {
        Window::Total => return Err(over_budget(limit, used)),
        Window::Day => (".perDay", "a day"),
        Window::Hour => (".perHour", "an hour"),
    };
    let most = limit.shown(limit.caps().of(window));
    Err(format!("spend.budget{name} allows {most} {time} (UTC), of which {} are spent", limit.shown(used)))
}

fn over_budget(limit: &Limit, spent: u128) -> String {
    format!("spend.budget allows {}, of which {} are spent", limit.shown(limit.budget), limit.shown(spent))
}

/// The line that allows this resource, as it goes into the client's options. A server chooses the
/// text: where it could end the quotes, it is escaped.
fn allow_resource(url: &str) -> String {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'\\'));
    let quoted = if is_plain { format!("'{url}'") } else { Json::text(url).to_json() };
    format!("spend: {{ allowResource: {quoted} }}")
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::error::Error;
    use crate::json;
    use crate::json::Json;
    use crate::platform::{Body, HttpResponse};
    use crate::x402;

    const URL: &str = "https://api.example.com/api/messaging/jobs";
    const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
    const TRANSFER: WalletCapabilities = WalletCapabilities { transfer: true, sign: false, pay: false };
    const ALL: WalletCapabilities = WalletCapabilities { transfer: true, sign: true, pay: true };

    fn ledger(policy: &SpendPolicy) -> Rc<SpendLedger> {
        SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()))
    }
    fn required(policy: &SpendPolicy, body: Json) -> PaymentRequired {
        x402::read(&HttpResponse { status: 402, headers: vec![], body: Body::Json(body) }, &policy.tokens).unwrap()
    }
    fn elizaos(offers: &[(&str, &str)]) -> Json {
        let entry = |(network, amount): &(&str, &str)| json!({"network": network, "recipient": TO, "amount": amount});
        json!({"payment": offers.iter().map(entry).collect::<Vec<_>>()})
    }
    fn v1(change: impl FnOnce(&mut serde_json::Value)) -> Json {
        let mut body =
            serde_json::from_str::<Json>(include_str!("../../tests/fixtures/x402-v1-base.json")).unwrap()["body"].clone();
        change(&mut body["accepts"][0]);
        body.into()
    }
    /// With a store in which nothing is spent.
    fn unspent(wallet: WalletCapabilities, url: &str) -> Circumstances<'_> {
        const NOTHING: &StoredCounters = &StoredCounters { counters: Vec::new(), read_at: WallTime::from_ms(0.0) };
        const NO_BODY: &Json = &Json(serde_json::Value::Null);
        let asked = Asked { url, headers: &[], body: NO_BODY, is_sample: false };
        Circumstances { wallet, payer: None, asked, stored: NOTHING }
    }
    fn choose(policy: &SpendPolicy, wallet: WalletCapabilities, body: Json) -> Result<Chosen> {
        policy.choose(required(policy, body), unspent(wallet, URL), &ledger(policy))
    }
    fn chosen(policy: &SpendPolicy, offers: &[(&str, &str)]) -> Result<String, Box<Error>> {
        choose(policy, TRANSFER, elizaos(offers)).map(|chosen| chosen.offer.token.network.clone())
    }
    fn networks(names: &[&str]) -> SpendPolicy {
        SpendPolicy { networks: names.iter().map(|name| (*name).to_owned()).collect(), ..SpendPolicy::default() }
    }

    #[test]
    fn a_proof_never_goes_where_others_can_read_it_unless_the_caller_says_so() {
        let pays = |policy: &SpendPolicy, url: &str| {
            let ledger = ledger(policy);
            policy
                .choose(required(policy, elizaos(&[("base", "0.02")])), unspent(TRANSFER, url), &ledger)
                .map(|_| ())
                .map_err(|error| error.code)
        };
        let ours = SpendPolicy::default();
        assert_eq!(pays(&ours, "http://localhost:3000/x"), Ok(()));
        assert_eq!(pays(&ours, "http://a.b/x"), Err(ErrorCode::PaymentInsecureConnection));
        let allowed = SpendPolicy { resources: vec!["http://a.b/x".to_owned()], ..SpendPolicy::default() };
        assert_eq!(pays(&allowed, "http://a.b/x"), Ok(()));
        assert_eq!(pays(&allowed, "http://a.b/y"), Err(ErrorCode::PaymentInsecureConnection));
    }

    #[test]
    fn cheapest_then_preferred() {
        let ours = SpendPolicy::default();
        let theirs = networks(&["polygon", "base"]);
        let same = [("base", "0.02"), ("polygon", "0.02")];
        assert_eq!(chosen(&ours, &same).unwrap(), "base");
        assert_eq!(chosen(&theirs, &same).unwrap(), "polygon");
        assert_eq!(chosen(&theirs, &[("polygon", "0.03"), ("base", "0.02")]).unwrap(), "base");
        // Of equal ones the first.
        let twice = required(&ours, elizaos(&[("polygon", "0.02"), ("base", "0.02"), ("base", "0.02")]));
        assert_eq!(ours.judge_all(twice, unspent(TRANSFER, URL), &ledger(&ours).budget()).chosen.unwrap(), 1);
    }

    #[test]
    fn networks_that_are_not_allowed_are_never_paid_on() {
        let policy = networks(&["polygon"]);
        assert_eq!(chosen(&policy, &[("base", "0.02"), ("polygon", "0.05")]).unwrap(), "polygon");
        let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentNetworkNotAllowed);
        assert!(error.message.contains("0.02 USDC on base: spend.networks allows polygon"), "{}", error.message);
        let testnet = [("base-sepolia", "0.01"), ("base", "0.02")];
        assert_eq!(chosen(&SpendPolicy::default(), &testnet).unwrap(), "base", "a testnet is cheaper and not asked for");
        assert_eq!(chosen(&networks(&["base-sepolia"]), &testnet).unwrap(), "base-sepolia");
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_unit_more_is_not() {
        let policy = SpendPolicy::default();
        assert!(chosen(&policy, &[("base", "0.10")]).is_ok());
        let error = chosen(&policy, &[("base", "0.100001")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentOverLimit);
        assert!(error.message.contains("0.100001 USDC") && error.message.contains("allows 0.1 USDC"), "{}", error.message);
        let error = choose(&policy, ALL, v1(|entry| entry["maxAmountRequired"] = json!("9".repeat(77)).0)).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentOverLimit);
    }

    #[test]
    fn the_budget_counts_what_is_set_aside_until_it_is_released() {
        let mut policy = SpendPolicy::default();
        policy.limits[0].budget = 50_000;
        let ledger = ledger(&policy);
        let both = || elizaos(&[("base", "0.02"), ("polygon", "0.02")]);
        let pay = || policy.choose(required(&policy, both()), unspent(TRANSFER, URL), &ledger);
        let first = pay().unwrap();
        first.reservation.kept.set(true);
        drop(first);
        let second = pay().unwrap();
        assert_eq!(ledger.spent(0), 40_000);
        let error = pay().unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentOverLimit);
        assert!(error.message.contains("spend.budget allows 0.05 USDC, of which 0.04 USDC are spent"), "{}", error.message);
        drop(second);
        assert_eq!(ledger.spent(0), 20_000);
        assert!(pay().is_ok());
    }

    #[test]
    fn a_payment_of_before_counts_above_the_budget_unless_it_can_be_left_undone() {
        let mut policy = SpendPolicy::default();
        policy.limits[0].budget = 30_000;
        let ledger = ledger(&policy);
        let reserve = |symbol: &str, atomic: &str, over| policy.reserve(symbol, atomic, over, &ledger);
        let first = reserve("USDC", "20000", OverBudget::Refuse).unwrap();
        assert_eq!(ledger.spent(0), 20_000);
        let why = reserve("USDC", "20000", OverBudget::Refuse).unwrap_err();
        assert_eq!(why, "spend.budget allows 0.03 USDC, of which 0.02 USDC are spent");
        let second = reserve("USDC", "20000", OverBudget::Reserve).unwrap().unwrap();
        second.kept.set(true);
        drop((first, second));
        assert_eq!(ledger.spent(0), 20_000);
        for (symbol, atomic) in [("EURC", "20000"), ("USDC", "0"), ("USDC", "soon")] {
            assert!(reserve(symbol, atomic, OverBudget::Refuse).unwrap().is_none(), "{symbol} {atomic}");
        }
    }

    #[test]
    fn only_the_named_recipients_are_paid() {
        let mut policy = SpendPolicy { recipients: vec![TO.to_lowercase()], ..SpendPolicy::default() };
        assert!(chosen(&policy, &[("base", "0.02")]).is_ok());
        policy.recipients = vec![usdc()[0].asset.clone()];
        let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentRecipientNotAllowed);
        assert!(error.message.contains(TO) && error.message.contains(&policy.recipients[0]), "{}", error.message);
        // Small and capital letters tell addresses of other chains apart.
        let token = Token { network: "solana".into(), chain_id: 0, ..(*usdc()[0]).clone() };
        let mut policy = SpendPolicy { tokens: vec![Rc::new(token)], ..networks(&["solana"]) };
        let asset = policy.tokens[0].asset.clone();
        for (recipients, is_paid) in
            [(vec!["FeePayer1"], true), (vec!["feepayer1"], false), (vec!["feepayer1", "FeePayer1"], true)]
        {
            policy.recipients = recipients.into_iter().map(str::to_owned).collect();
            let body = v1(|entry| {
                entry["network"] = json!("solana").0;
                entry["asset"] = json!(asset.clone()).0;
                entry["payTo"] = json!("FeePayer1").0;
            });
            let code = choose(&policy, ALL, body).map(|_| ()).map_err(|error| error.code);
            assert_eq!(
                code,
                if is_paid { Ok(()) } else { Err(ErrorCode::PaymentRecipientNotAllowed) },
                "{:?}",
                policy.recipients
            );
        }
    }

    #[test]
    fn what_is_paid_for_is_what_was_asked_for() {
        let mut policy = SpendPolicy::default();
        let judge = |policy: &SpendPolicy, resource: &str| choose(policy, ALL, v1(|entry| entry["resource"] = json!(resource).0));
        assert!(judge(&policy, URL).is_ok());
        let error = judge(&policy, "https://public.example/api/messaging/jobs").unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentResourceMismatch);
        let line = "if that is right, add spend: { allowResource: 'https://public.example/api/messaging/jobs' }";
        assert!(error.message.contains(line), "{}", error.message);
        let error = judge(&policy, "/other").unwrap_err();
        assert!(error.message.contains("allowResource: 'https://api.example.com/other' }"), "{}", error.message);
        // A text that would end the quotes is escaped, and one that is no URL is no line.
        let error = judge(&policy, "https://x.y/', maxPerPayment: '1000").unwrap_err();
        assert!(error.message.contains(r#"allowResource: "https://x.y/', maxPerPayment: '1000" }"#), "{}", error.message);
        for none in ["javascript:alert(1)", "", &format!("https://x.y/{}", "z".repeat(300))] {
            let error = judge(&policy, none).unwrap_err();
            assert!(!error.message.contains("allowResource"), "{}", error.message);
        }
        assert!(choose(&policy, ALL, v1(|entry| drop(entry.as_object_mut().unwrap().remove("resource")))).is_ok());
        policy.resources = vec!["http://api.example.com/api/messaging/jobs".into()];
        assert!(judge(&policy, "http://api.example.com/api/messaging/jobs").is_ok());
        assert!(judge(&policy, "https://evil.example/api/messaging/jobs").is_err());
    }

    #[test]
    fn an_offer_is_paid_by_what_the_wallet_can_do() {
        let policy = SpendPolicy::default();
        let method = |wallet, body| choose(&policy, wallet, body).map(|chosen| chosen.method);
        let none = WalletCapabilities::default();
        let (transfer, sign, pay) = (
            WalletCapabilities { transfer: true, ..none },
            WalletCapabilities { sign: true, ..none },
            WalletCapabilities { pay: true, ..none },
        );
        let exact = || v1(|_| ());
        let upto = || v1(|entry| entry["scheme"] = json!("upto").0);
        assert_eq!(method(transfer, elizaos(&[("base", "0.02")])).unwrap(), PaymentMethod::Transfer);
        assert_eq!(method(sign, exact()).unwrap(), PaymentMethod::Sign);
        assert_eq!(method(ALL, exact()).unwrap(), PaymentMethod::Sign);
        assert_eq!(method(pay, exact()).unwrap(), PaymentMethod::Pay);
        assert_eq!(method(ALL, upto()).unwrap(), PaymentMethod::Pay);
        for (wallet, body, needs) in [
            (sign, elizaos(&[("base", "0.02")]), "needs sendTransfer; fromViem with a wallet client, fromEthers"),
            (transfer, exact(), "needs address and signTypedData; fromViem"),
            (WalletCapabilities { pay: false, ..ALL }, upto(), "scheme \"upto\" is only for a wallet with pay"),
        ] {
            let error = method(wallet, body).unwrap_err();
            assert_eq!(error.code, ErrorCode::WalletCannotPay);
            assert!(error.message.contains(needs), "{}", error.message);
        }
        // A dearer offer that the wallet can serve comes before a cheaper one that it cannot.
        let mut both = v1(|_| ());
        both["payment"] = json!([{"network": "base", "recipient": TO, "amount": "0.01"}]).0;
        assert_eq!(method(sign, both.clone()).unwrap(), PaymentMethod::Sign);
        assert_eq!(method(ALL, both).unwrap(), PaymentMethod::Transfer);
    }

    #[test]
    fn other_tokens_have_their_own_limits_and_come_after_usdc() {
        let mut policy = SpendPolicy::default();
        let token = Token {
            symbol: "EURC".into(),
            asset: "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42".into(),
            name: "EURC".into(),
            limit: 1,
            ..(*usdc()[0]).clone()
        };
        policy.limits.push(Limit { budget: 15_000, ..Limit::new("EURC", 6, 10_000) });
        policy.tokens.push(Rc::new(token));
        let entry =
            |currency: &str, amount: &str| json!({"network": "base", "recipient": TO, "amount": amount, "currency": currency});
        let ledger = ledger(&policy);
        let choose =
            |entries: Json| policy.choose(required(&policy, json!({"payment": entries})), unspent(TRANSFER, URL), &ledger);
        let usdc_first = choose(json!([entry("EURC", "0.001"), entry("USDC", "0.05")])).unwrap();
        assert_eq!(usdc_first.offer.token.symbol, "USDC");
        let eurc = choose(json!([entry("USDC", "0.5"), entry("EURC", "0.01")])).unwrap();
        assert_eq!((eurc.offer.token.symbol.as_str(), ledger.spent(1)), ("EURC", 10_000));
        let error = choose(json!([entry("EURC", "0.01")])).unwrap_err();
        assert!(error.message.contains("spend.budget allows 0.015 EURC, of which 0.01 EURC"), "{}", error.message);
    }
}
