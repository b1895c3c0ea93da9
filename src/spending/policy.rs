//! Which offer may be paid, up to what price, and how much has been spent.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::api::error::{ErrorCode, Result};
use crate::platform::WalletCapabilities;
use crate::text::{fill, find, join, split};
use crate::x402::amount::{Amount, to_decimal};
use crate::x402::networks::{MAINNETS, Token, USDC_DECIMALS, usdc};
use crate::x402::{self, Dialect, Offer, PaymentRequired, refused};

/// How much of a token may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The token's symbol.
    pub symbol: String,
    /// How many decimals it has.
    pub decimals: u8,
    /// The most that one payment may cost, in atomic units.
    pub max_per_payment: u128,
    /// The most that all payments of this client together may cost, in atomic units.
    pub budget: u128,
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPolicy {
    /// The networks that may be paid on, the preferred one first.
    pub networks: Vec<String>,
    /// The tokens that may be paid with; each names its limit.
    pub tokens: Vec<Rc<Token>>,
    /// The limits: USDC's, whatever the network, then those of the caller's own tokens. The order is the order of preference.
    pub limits: Vec<Limit>,
    /// Who may be paid: addresses. Empty for anybody.
    pub recipients: Vec<String>,
    /// What else may be paid for than the request's own address: URLs.
    pub resources: Vec<String>,
}

impl Default for SpendPolicy {
    /// 0.10 USDC a payment; Base before Polygon.
    fn default() -> Self {
        let mut networks = Vec::new();
        for name in MAINNETS {
            networks.push(name.to_owned());
        }
        Self {
            networks,
            tokens: usdc(),
            limits: vec![Limit {
                symbol: "USDC".to_owned(),
                decimals: USDC_DECIMALS,
                max_per_payment: 100_000,
                budget: u128::MAX,
            }],
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
    /// By a signed authorisation.
    Sign,
    /// By a wallet that takes the payment over.
    Pay,
}

/// How a wallet pays an offer; `None` when it cannot.
fn payment_method(wallet: WalletCapabilities, offer: &Offer) -> Option<PaymentMethod> {
    let own = match (offer.dialect, &offer.foreign) {
        (_, Some(_)) => None,
        (Dialect::Elizaos, None) => wallet.transfer.then_some(PaymentMethod::Transfer),
        (_, None) => wallet.sign.then_some(PaymentMethod::Sign),
    };
    own.or(wallet.pay.then_some(PaymentMethod::Pay))
}

/// What has been spent so far, of each limit.
pub struct SpendLedger {
    spent: RefCell<Vec<u128>>,
    changed: Box<dyn Fn(usize, u128)>,
}

impl core::fmt::Debug for SpendLedger {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("SpendLedger")
    }
}

/// Money that is set aside for one payment. Given back when it is dropped, unless it was kept.
#[derive(Debug)]
pub struct Reservation {
    ledger: Rc<SpendLedger>,
    limit: usize,
    units: u128,
    /// Whether the money may have moved.
    pub kept: Cell<bool>,
}

impl SpendLedger {
    /// A ledger that begins with these sums, one for each limit. `changed` is told of every new sum.
    pub fn new(spent: Vec<u128>, changed: Box<dyn Fn(usize, u128)>) -> Rc<Self> {
        Rc::new(Self { spent: RefCell::new(spent), changed })
    }

    /// What was spent of this limit, in atomic units, with what is set aside.
    pub fn spent(&self, limit: usize) -> u128 {
        self.spent.borrow().get(limit).copied().unwrap_or(0)
    }

    fn set(&self, limit: usize, units: u128) {
        if let Some(spent) = self.spent.borrow_mut().get_mut(limit) {
            *spent = units;
        }
        (self.changed)(limit, units);
    }

    fn add(self: &Rc<Self>, limit: usize, units: u128) -> Reservation {
        self.set(limit, self.spent(limit).saturating_add(units));
        Reservation { ledger: self.clone(), limit, units, kept: Cell::new(false) }
    }
}

impl SpendPolicy {
    /// Counts a payment that was begun before this client's ledger, or that the ledger gave up. The error says why a payment that can
    /// still be left undone (`avoidable`) is not made: it is above the budget. `None` for a token without a limit.
    pub fn count(
        &self,
        symbol: &str,
        atomic: &str,
        avoidable: bool,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Option<Reservation>, String> {
        let Some(at) = self.limits.iter().position(|limit| limit.symbol == symbol) else { return Ok(None) };
        let (Some(limit), Some(amount)) = (self.limits.get(at), Amount::from_atomic(atomic)) else { return Ok(None) };
        if avoidable && ledger.spent(at).saturating_add(amount.units) > limit.budget {
            let shown = |units: u128| fill("% %", &[&to_decimal(units, limit.decimals), &limit.symbol]);
            return Err(fill("spend.budget allows %, of which % are spent", &[&shown(limit.budget), &shown(ledger.spent(at))]));
        }
        Ok(Some(ledger.add(at, amount.units)))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.kept.get() {
            self.ledger.set(self.limit, self.ledger.spent(self.limit).saturating_sub(self.units));
        }
    }
}

/// What will be paid, how, and the money that is set aside for it.
#[derive(Debug)]
pub struct Chosen {
    /// What will be paid.
    pub offer: Offer,
    /// How.
    pub means: PaymentMethod,
    /// The money.
    pub reservation: Reservation,
}

/// Why an offer is not paid: the later the rule, the nearer the offer came.
type Refusal = (u8, ErrorCode, String);
/// The order of offers: token, price, network.
type Rank = (usize, u128, usize);

impl SpendPolicy {
    /// Chooses among the offers and sets the money aside, both at once: calls that run at the same time cannot overspend.
    ///
    /// Of the offers that keep every rule and that the wallet can serve, the cheapest is taken, USDC before other tokens; at the
    /// same price the network that the caller prefers. `url` is where the request goes.
    pub fn choose(
        &self,
        required: PaymentRequired,
        wallet: WalletCapabilities,
        url: &str,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Chosen> {
        if !is_unreadable(url) && !self.resources.iter().any(|allowed| is_same_place(url, allowed)) {
            let why = fill(
                "others can read what goes to %, and take the proof of payment; use https, or name this address in spend.allowResource \
                 where the network is your own",
                &[url],
            );
            return Err(refused(ErrorCode::PaymentInsecureConnection, &why));
        }
        let mut reasons = Vec::new();
        let mut nearest: Option<(u8, ErrorCode)> = None;
        let mut best: Option<(Rank, PaymentMethod, Offer)> = None;
        for offer in required.offers {
            match self.judge(&offer, wallet, url, ledger) {
                Ok((network, means)) => {
                    let rank = (offer.token.limit, offer.amount.units, network);
                    if best.as_ref().is_none_or(|(known, _, _)| rank < *known) {
                        best = Some((rank, means, offer));
                    }
                }
                Err((step, code, reason)) => {
                    let token = &offer.token;
                    let price = offer.amount.decimal(token.decimals);
                    reasons.push(fill("% % on %: %", &[&price, &token.symbol, &token.network, &reason]));
                    if nearest.is_none_or(|(known, _)| step >= known) {
                        nearest = Some((step, code));
                    }
                }
            }
        }
        let Some((_, means, offer)) = best else {
            reasons.extend(required.skipped);
            let why = fill("no offer may be paid: %", &[&x402::reasons(&reasons)]);
            let code = nearest.map_or(ErrorCode::PaymentRequirementsInvalid, |(_, code)| code);
            return Err(refused(code, &why));
        };
        let reservation = ledger.add(offer.token.limit, offer.amount.units);
        Ok(Chosen { offer, means, reservation })
    }

    /// The rank of the offer's network and how it is paid, or why it is not.
    fn judge(
        &self,
        offer: &Offer,
        wallet: WalletCapabilities,
        url: &str,
        ledger: &SpendLedger,
    ) -> Result<(usize, PaymentMethod), Refusal> {
        let token = &offer.token;
        let allowed = |list: &[String]| join(list, ", ");
        let Some(network) = self.networks.iter().position(|network| *network == token.network) else {
            let why = fill("spend.networks allows %", &[&allowed(&self.networks)]);
            return Err((0, ErrorCode::PaymentNetworkNotAllowed, why));
        };
        // Addresses of other chains have their own rules for case.
        let is_allowed = |address: &String| {
            if token.chain_id > 0 { address.eq_ignore_ascii_case(&offer.recipient) } else { *address == offer.recipient }
        };
        if !self.recipients.is_empty() && !self.recipients.iter().any(is_allowed) {
            let why = fill("it goes to %, and spend.recipients allows %", &[&offer.recipient, &allowed(&self.recipients)]);
            return Err((1, ErrorCode::PaymentRecipientNotAllowed, why));
        }
        if let Some(resource) = &offer.resource
            && !is_same_place(resource, url)
            && !self.resources.iter().any(|allowed| is_same_place(resource, allowed))
        {
            let shown = crate::text::shorten(resource, 200);
            let why = fill("it is for %, not for %; if that is right, name it in spend.allowResource", &[&shown, url]);
            return Err((2, ErrorCode::PaymentResourceMismatch, why));
        }
        let Some(means) = payment_method(wallet, offer) else {
            let needs = match (&offer.foreign, offer.dialect) {
                (Some(foreign), _) => fill("% is only for a wallet with pay", &[foreign]),
                (None, Dialect::Elizaos) => "the wallet needs sendTransfer".to_owned(),
                (None, _) => "the wallet needs address and signTypedData (eliza-jobs/wallets makes such wallets)".to_owned(),
            };
            return Err((3, ErrorCode::WalletCannotPay, needs));
        };
        let Some(limit) = self.limits.get(token.limit) else {
            return Err((0, ErrorCode::PaymentOverLimit, "it has no limit".to_owned()));
        };
        let shown = |units: u128| fill("% %", &[&to_decimal(units, limit.decimals), &limit.symbol]);
        if offer.amount.units > limit.max_per_payment {
            let why = fill("spend.maxPerPayment allows %; raise it if the price is right", &[&shown(limit.max_per_payment)]);
            return Err((4, ErrorCode::PaymentOverLimit, why));
        }
        let spent = ledger.spent(token.limit);
        if spent.saturating_add(offer.amount.units) > limit.budget {
            let why = fill("spend.budget allows %, of which % are spent", &[&shown(limit.budget), &shown(spent)]);
            return Err((5, ErrorCode::PaymentOverLimit, why));
        }
        Ok((network, means))
    }
}

/// Whether nobody else can read what goes to this address: it is encrypted, or stays on this machine.
fn is_unreadable(url: &str) -> bool {
    let Some((origin, _)) = place(url) else { return false };
    let Some((scheme, host)) = split(&origin, "://") else { return false };
    let end = if host.starts_with('[') { "]" } else { ":" };
    let name = split(host, end).map_or(host, |(name, _)| name);
    scheme == "https"
        || name == "[::1"
        || name == "localhost"
        || name.ends_with(".localhost")
        || (name.starts_with("127.") && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Whether a resource is the address of a request: the same origin and path. A path alone is one of the same origin.
fn is_same_place(resource: &str, url: &str) -> bool {
    let Some(wanted) = place(url) else { return false };
    if resource.starts_with('/') && !resource.starts_with("//") {
        return resource.split(['?', '#']).next() == Some(wanted.1);
    }
    place(resource).is_some_and(|place| place == wanted)
}

/// The origin, in small letters and without the scheme's own port, and the path.
fn place(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = split(url, "://")?;
    let end = rest.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(rest.len());
    let rest = rest.get(..end)?;
    let (host, path) = rest.split_at_checked(find(rest, "/").unwrap_or(rest.len()))?;
    let scheme = scheme.to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(port).unwrap_or(&host);
    Some((fill("%://%", &[&scheme, host]), if path.is_empty() { "/" } else { path }))
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

    fn required(policy: &SpendPolicy, body: Json) -> PaymentRequired {
        x402::read(&HttpResponse { status: 402, headers: vec![], body: Body::Json(body) }, &policy.tokens).unwrap()
    }
    fn seed(offers: &[(&str, &str)]) -> Json {
        let entry = |(network, amount): &(&str, &str)| json!({"network": network, "recipient": TO, "amount": amount});
        json!({"payment": offers.iter().map(entry).collect::<Vec<_>>()})
    }
    fn v1(change: impl FnOnce(&mut serde_json::Value)) -> Json {
        let mut body =
            serde_json::from_str::<Json>(include_str!("../../tests/fixtures/x402-v1-base.json")).unwrap()["body"].clone();
        change(&mut body["accepts"][0]);
        body.into()
    }
    fn choose(policy: &SpendPolicy, wallet: WalletCapabilities, body: Json) -> Result<Chosen> {
        policy.choose(required(policy, body), wallet, URL, &SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ())))
    }
    fn chosen(policy: &SpendPolicy, offers: &[(&str, &str)]) -> Result<String, Box<Error>> {
        choose(policy, TRANSFER, seed(offers)).map(|chosen| chosen.offer.token.network.clone())
    }
    fn networks(names: &[&str]) -> SpendPolicy {
        SpendPolicy { networks: names.iter().map(|name| (*name).to_owned()).collect(), ..SpendPolicy::default() }
    }

    #[test]
    fn a_proof_never_goes_where_others_can_read_it_unless_the_caller_says_so() {
        let pays = |policy: &SpendPolicy, url: &str| {
            let ledger = SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()));
            policy
                .choose(required(policy, seed(&[("base", "0.02")])), TRANSFER, url, &ledger)
                .map(|_| ())
                .map_err(|error| error.code)
        };
        let ours = SpendPolicy::default();
        for url in [
            "https://a.b/x",
            "http://localhost/x",
            "http://localhost:3000/x",
            "http://a.localhost/x",
            "HTTP://127.0.0.1:3000/x",
            "http://127.9.9.9/x",
            "http://[::1]:3000/x",
        ] {
            assert_eq!(pays(&ours, url), Ok(()), "{url}");
        }
        let open = [
            "http://a.b/x",
            "http://127.0.0.1.evil.example/x",
            "http://localhost.evil.example/x",
            "http://10.0.0.1/x",
            "http://[::2]/x",
            "ftp://localhost.x/x",
            "http://notlocalhost/x",
            "x",
        ];
        for url in open {
            assert_eq!(pays(&ours, url), Err(ErrorCode::PaymentInsecureConnection), "{url}");
        }
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
    fn the_budget_counts_what_is_set_aside_and_gives_back_what_was_not_kept() {
        let mut policy = SpendPolicy::default();
        policy.limits[0].budget = 50_000;
        let ledger = SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()));
        let pay = || policy.choose(required(&policy, seed(&[("base", "0.02"), ("polygon", "0.02")])), TRANSFER, URL, &ledger);
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
    fn only_the_named_recipients_are_paid() {
        let mut policy = SpendPolicy { recipients: vec![TO.to_lowercase()], ..SpendPolicy::default() };
        assert!(chosen(&policy, &[("base", "0.02")]).is_ok());
        policy.recipients = vec![usdc()[0].asset.clone()];
        let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentRecipientNotAllowed);
        assert!(error.message.contains(TO) && error.message.contains(&policy.recipients[0]), "{}", error.message);
    }

    #[test]
    fn what_is_paid_for_is_what_was_asked_for() {
        let mut policy = SpendPolicy::default();
        let judge = |policy: &SpendPolicy, resource: &str| choose(policy, ALL, v1(|entry| entry["resource"] = json!(resource).0));
        for same in [
            URL,
            "HTTPS://API.example.com:443/api/messaging/jobs",
            "https://api.example.com/api/messaging/jobs?x=1#y",
            "/api/messaging/jobs",
        ] {
            assert!(judge(&policy, same).is_ok(), "{same}");
        }
        for other in [
            "https://evil.example/api/messaging/jobs",
            "http://api.example.com/api/messaging/jobs",
            "https://api.example.com:8443/api/messaging/jobs",
            "https://api.example.com/api/messaging/jobs/other",
            "https://api.example.com",
            "https://api.example.com@evil.example/api/messaging/jobs",
            "https://api.example.com\\@evil.example/api/messaging/jobs",
            "//evil.example/api/messaging/jobs",
            "/api/messaging/sessions",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(judge(&policy, other).unwrap_err().code, ErrorCode::PaymentResourceMismatch, "{other}");
        }
        assert!(choose(&policy, ALL, v1(|entry| drop(entry.as_object_mut().unwrap().remove("resource")))).is_ok());
        policy.resources = vec!["http://api.example.com/api/messaging/jobs".into()];
        assert!(judge(&policy, "http://api.example.com/api/messaging/jobs").is_ok());
        assert!(judge(&policy, "https://evil.example/api/messaging/jobs").is_err());
    }

    #[test]
    fn an_offer_is_paid_by_what_the_wallet_can_do() {
        let policy = SpendPolicy::default();
        let means = |wallet, body| choose(&policy, wallet, body).map(|chosen| chosen.means);
        let none = WalletCapabilities::default();
        let (transfer, sign, pay) = (
            WalletCapabilities { transfer: true, ..none },
            WalletCapabilities { sign: true, ..none },
            WalletCapabilities { pay: true, ..none },
        );
        let exact = || v1(|_| ());
        let upto = || v1(|entry| entry["scheme"] = json!("upto").0);
        assert_eq!(means(transfer, seed(&[("base", "0.02")])).unwrap(), PaymentMethod::Transfer);
        assert_eq!(means(sign, exact()).unwrap(), PaymentMethod::Sign);
        assert_eq!(means(ALL, exact()).unwrap(), PaymentMethod::Sign);
        assert_eq!(means(pay, exact()).unwrap(), PaymentMethod::Pay);
        assert_eq!(means(ALL, upto()).unwrap(), PaymentMethod::Pay);
        for (wallet, body, needs) in [
            (sign, seed(&[("base", "0.02")]), "needs sendTransfer"),
            (transfer, exact(), "needs address and signTypedData"),
            (WalletCapabilities { pay: false, ..ALL }, upto(), "scheme \"upto\" is only for a wallet with pay"),
        ] {
            let error = means(wallet, body).unwrap_err();
            assert_eq!(error.code, ErrorCode::WalletCannotPay);
            assert!(error.message.contains(needs), "{}", error.message);
        }
        // A dearer offer that the wallet can serve comes before a cheaper one that it cannot.
        let mut both = v1(|_| ());
        both["payment"] = json!([{"network": "base", "recipient": TO, "amount": "0.01"}]).0;
        assert_eq!(means(sign, both.clone()).unwrap(), PaymentMethod::Sign);
        assert_eq!(means(ALL, both).unwrap(), PaymentMethod::Transfer);
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
        policy.limits.push(Limit { symbol: "EURC".into(), decimals: 6, max_per_payment: 10_000, budget: 15_000 });
        policy.tokens.push(Rc::new(token));
        let entry =
            |currency: &str, amount: &str| json!({"network": "base", "recipient": TO, "amount": amount, "currency": currency});
        let ledger = SpendLedger::new(vec![0; policy.limits.len()], Box::new(|_, _| ()));
        let choose = |entries: Json| policy.choose(required(&policy, json!({"payment": entries})), TRANSFER, URL, &ledger);
        let usdc_first = choose(json!([entry("EURC", "0.001"), entry("USDC", "0.05")])).unwrap();
        assert_eq!(usdc_first.offer.token.symbol, "USDC");
        let eurc = choose(json!([entry("USDC", "0.5"), entry("EURC", "0.01")])).unwrap();
        assert_eq!((eurc.offer.token.symbol.as_str(), ledger.spent(1)), ("EURC", 10_000));
        let error = choose(json!([entry("EURC", "0.01")])).unwrap_err();
        assert!(error.message.contains("spend.budget allows 0.015 EURC, of which 0.01 EURC"), "{}", error.message);
    }
}
