//! Whether an offer may be paid, and how. Each rule is one function.

use super::budget::{Budget, Counters, Reserved, Window};
use super::location::{as_url, is_same_resource, is_unreadable_to_others};
use super::policy::{Limit, SpendPolicy};
use crate::api::error::{ErrorCode, Result};
use crate::api::payments::Dialect;
use crate::json::Json;
use crate::platform::WalletCapabilities;
use crate::text::shorten;
use crate::time::WallTime;
use crate::x402::{Asked, Offer, refused};

/// The longest resource that a reason shows, in characters.
const MAX_SHOWN: usize = 200;

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

/// The rules, in the order in which they are checked. An offer that breaks a later one came closer
/// to being paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Network,
    Recipient,
    Resource,
    Request,
    Wallet,
    Price,
    Budget,
}

impl Rule {
    pub(super) fn code(self) -> ErrorCode {
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
pub(super) struct Refusal {
    pub(super) rule: Rule,
    pub(super) reason: String,
}

/// An offer that keeps every rule.
#[derive(Debug)]
pub(super) struct Payable {
    pub(super) rank: Rank,
    pub(super) method: PaymentMethod,
}

/// The order in which offers are preferred; the least one is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The token's place among the limits.
    limit: usize,
    /// The price in atomic units.
    units: u128,
    /// The network's place in the caller's order of preference.
    network: usize,
}

impl SpendPolicy {
    /// The offer's rank and how it is paid, or the first rule that it breaks.
    pub(super) fn judge(
        &self,
        offer: &Offer,
        Circumstances { wallet, payer, asked, stored }: Circumstances<'_>,
        budget: &Budget,
    ) -> Result<Payable, Refusal> {
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
        let rank = Rank { limit: offer.token.limit, units: offer.amount.units, network };
        Ok(Payable { rank, method })
    }

    /// A proof goes only where nobody else can read it, unless the caller says so.
    pub(super) fn check_connection(&self, url: &str) -> Result<()> {
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
    if budget.allows(payment, limit.budget) { Ok(()) } else { Err(limit.over_budget(budget.spent(payment.limit))) }
}

/// Whether the store's counters leave room for a payment of so much. The error says which limit it
/// would break.
pub fn fits(limit: &Limit, counters: &Counters, units: u128, now: WallTime) -> Result<(), String> {
    let Some(window) = counters.refuses(units, limit.caps(), now) else { return Ok(()) };
    let used = counters.used(window, now);
    let (name, time) = match window {
        Window::Total => return Err(limit.over_budget(used)),
        Window::Day => (".perDay", "a day"),
        Window::Hour => (".perHour", "an hour"),
    };
    let most = limit.shown(limit.caps().of(window));
    Err(format!("spend.budget{name} allows {most} {time} (UTC), of which {} are spent", limit.shown(used)))
}

/// The line that allows this resource, as it goes into the client's options. A server chooses the
/// text: where it could end the quotes, it is escaped.
fn allow_resource(url: &str) -> String {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'\\'));
    let quoted = if is_plain { format!("'{url}'") } else { Json::text(url).to_json() };
    format!("spend: {{ allowResource: {quoted} }}")
}
