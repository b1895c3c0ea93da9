//! The three paywalls: what a 402 asks for, which proofs are taken, and when the money moves.
//!
//! elizaOS's paywall takes the hash of a transfer that has been made, before the request is looked
//! at. Those of x402 verify a signed authorization, let the request through, and settle it when the
//! answer is below 400.

mod elizaos;
mod identifier;
mod v1;
mod v2;

use crate::chain::{Chain, Network, Transfer};
use crate::faults::{FaultName, Faults};
use crate::json::Value;
use crate::message::{Reply, Request};
use crate::options::{HashCheck, Options, PaywallKind};
use crate::random::Random;
use crate::time::Ms;
use crate::wallet::{Authorization, STRANGER};

/// How long an authorization may be valid, in seconds.
const MAX_TIMEOUT_S: u32 = 60;
/// An authorization must be valid for so long at least, in seconds: settling takes a while.
const MIN_LEFT_S: u64 = 6;
/// What the fault `ask-more` asks for, in atomic units.
const MORE: u128 = 5_000_000;
/// What is paid for, as the 402 says it.
const DESCRIPTION: &str = "One answer of the agent";

/// What was asked for in a 402: proofs for it are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Terms {
    /// In atomic units.
    amount: u128,
    recipient: String,
}

/// A proof that was taken.
#[derive(Debug, Clone)]
pub enum Proof {
    /// Of a payment that was made before.
    Paid,
    /// Of one that is to be settled.
    Authorized(&'static Network, Authorization),
}

/// What the paywall says to a request.
#[derive(Debug)]
pub enum Verdict {
    /// Pay first; or what is answered in place of a job.
    Asked(Reply),
    /// Go on.
    Taken(Proof),
}

/// Everything around the paywall that it needs.
pub struct Around<'a> {
    /// The chains.
    pub chain: &'a mut Chain,
    /// What goes wrong.
    pub faults: &'a mut Faults,
    /// For hashes.
    pub random: &'a mut Random,
    /// The time on the chains.
    pub now: Ms,
    /// The time on the server's clock.
    pub time: Ms,
}

/// The server's paywall.
#[derive(Debug)]
pub struct Paywall {
    kind: PaywallKind,
    networks: Vec<&'static Network>,
    hash_check: HashCheck,
    slow_ms: Ms,
    /// The first are the server's own; the others were asked for in a fault.
    terms: Vec<Terms>,
    /// The hashes that have paid.
    used: Vec<String>,
    /// Payments with an id.
    identified: identifier::Identified,
}

impl Paywall {
    /// The paywall of these options; `None` for a free server.
    pub fn new(options: &Options) -> Option<Self> {
        let terms = Terms { amount: options.price, recipient: options.recipient.clone() };
        let paywall = Self {
            kind: options.paywall,
            networks: options.networks.clone(),
            hash_check: options.hash_check,
            slow_ms: options.slow_ms,
            terms: vec![terms],
            used: vec![],
            identified: identifier::Identified::new(options.payment_identifier),
        };
        (options.paywall != PaywallKind::None).then_some(paywall)
    }

    /// Which headers of its own a page may send.
    pub fn request_headers(&self) -> &'static str {
        match self.kind {
            PaywallKind::X402V2 => "PAYMENT-SIGNATURE",
            PaywallKind::X402V1 => "X-PAYMENT",
            _ => "X-PAYMENT, X-PAYMENT-NETWORK",
        }
    }

    /// Which headers of its own a page may read.
    pub fn response_headers(&self) -> &'static str {
        match self.kind {
            PaywallKind::X402V2 => "PAYMENT-REQUIRED, PAYMENT-RESPONSE",
            PaywallKind::X402V1 => "X-PAYMENT-RESPONSE",
            _ => "X-PAYMENT-REQUIRED, X-PAYMENT-AMOUNT, X-PAYMENT-CURRENCY, X-PAYMENT-NETWORKS",
        }
    }

    /// Forgets what a server keeps in memory.
    pub fn restart(&mut self) {
        self.used.clear();
        self.identified.clear();
        self.terms.truncate(1);
    }

    /// What tells the proof in a request from all others: the hash of a transfer, or the nonce of
    /// a signature; in lower case.
    pub fn proof_in(&self, request: &Request) -> Option<String> {
        let is_v2 = self.kind == PaywallKind::X402V2;
        let header = request.header(if is_v2 { "payment-signature" } else { "x-payment" })?;
        if !is_v2 && self.kind != PaywallKind::X402V1 {
            return Some(header.to_ascii_lowercase());
        }
        let payment = from_base64(header)?;
        Some(payment.get("payload")?.get("authorization")?.get("nonce")?.as_str()?.to_ascii_lowercase())
    }

    /// Whether this request for a job may go on.
    pub fn check(&mut self, request: &Request, around: &mut Around) -> Verdict {
        match self.kind {
            PaywallKind::X402V2 => self.check_v2(request, around),
            PaywallKind::X402V1 => self.check_v1(request, around),
            _ => self.check_hash(request, around),
        }
    }

    /// The 402 of a request without a proof. Faults may change what it asks for.
    fn ask(&mut self, request: &Request, faults: &mut Faults) -> Reply {
        let mut terms = self.terms.first().cloned().unwrap_or(Terms { amount: 0, recipient: String::new() });
        if faults.strikes(FaultName::AskMore) {
            terms.amount = terms.amount.saturating_mul(100).max(MORE);
        }
        if faults.strikes(FaultName::WrongRecipient) {
            terms.recipient = crate::text::checksummed(STRANGER);
        }
        if !self.terms.contains(&terms) {
            self.terms.push(terms.clone());
        }
        self.demand(request, &terms, None)
    }

    /// The same 402 as for a request without a proof, after one.
    pub fn again(&self, request: &Request) -> Reply {
        self.refuse(request, None)
    }

    fn refuse(&self, request: &Request, refusal: Option<&Refusal>) -> Reply {
        let terms = self.terms.first().cloned().unwrap_or(Terms { amount: 0, recipient: String::new() });
        self.demand(request, &terms, refusal)
    }

    fn demand(&self, request: &Request, terms: &Terms, refusal: Option<&Refusal>) -> Reply {
        match self.kind {
            PaywallKind::X402V2 => self.demand_v2(request, terms, refusal),
            PaywallKind::X402V1 => self.demand_v1(request, terms, refusal),
            _ => self.demand_hash(terms, refusal),
        }
    }

    /// Moves the money for an answer that is on its way; the answer with its receipt, or what is
    /// answered in its place.
    pub fn settle(&mut self, request: &Request, reply: Reply, proof: &Proof, around: &mut Around) -> Reply {
        let Proof::Authorized(network, authorization) = proof else { return reply };
        let settlement = self.move_money(network, authorization, around);
        match self.kind {
            PaywallKind::X402V2 => {
                let reply = v2::settled(reply, network, authorization, &settlement);
                if matches!(settlement, Settlement::Done(_)) {
                    self.identified.keep(request, &reply);
                }
                reply
            }
            _ => match settlement {
                Settlement::Done(hash) => v1::settled(reply, network, authorization, &hash),
                other => self.refuse(request, Some(&Refusal::new(v1::failed(&other)))),
            },
        }
    }

    fn move_money(&self, network: &'static Network, authorization: &Authorization, around: &mut Around) -> Settlement {
        let Authorization { from, to, value, nonce, .. } = authorization;
        if let Some(earlier) = around.chain.settled(network, from, nonce) {
            let is_pending = earlier.at > around.now;
            return if is_pending { Settlement::Pending(earlier.hash.clone()) } else { Settlement::Failed };
        }
        if around.faults.strikes(FaultName::SettleFails) {
            return Settlement::Failed;
        }
        let is_late = around.faults.strikes(FaultName::SettleLate);
        let transfer = Transfer {
            hash: String::new(),
            network,
            from: from.clone(),
            to: to.clone(),
            value: *value,
            nonce: Some(nonce.clone()),
            at: if is_late { around.now + self.slow_ms } else { around.now },
            is_reverted: false,
        };
        let hash = around.chain.add(transfer, around.random);
        if is_late { Settlement::Pending(hash) } else { Settlement::Done(hash) }
    }

    fn network(&self, matches: impl Fn(&Network) -> bool) -> Option<&'static Network> {
        self.networks.iter().find(|network| matches(network)).copied()
    }
}

/// How a settlement went; with the transaction's hash where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Settlement {
    Done(String),
    Pending(String),
    Failed,
}

/// Why a proof is not taken.
#[derive(Debug, Clone)]
struct Refusal {
    reason: String,
    /// Whose signature it is, where that can be read.
    payer: Option<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), payer: None }
    }
}

/// Whether the authorization's time has come, and is not over.
fn timing(authorization: &Authorization, now: Ms) -> Result<(), &'static str> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let now_s = (now / 1000.0) as u64;
    if authorization.valid_before < now_s.saturating_add(MIN_LEFT_S) {
        return Err("invalid_exact_evm_payload_authorization_valid_before");
    }
    if authorization.valid_after > now_s {
        return Err("invalid_exact_evm_payload_authorization_valid_after");
    }
    Ok(())
}

/// The JSON document in a header.
fn from_base64(header: &str) -> Option<Value> {
    use base64::engine::{Engine, general_purpose::GeneralPurpose, general_purpose::GeneralPurposeConfig};
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(header.trim()).ok()?;
    Value::parse(core::str::from_utf8(&bytes).ok()?)
}

/// A JSON document as a header.
fn to_base64(document: &Value) -> String {
    use base64::engine::{Engine, general_purpose::STANDARD};
    STANDARD.encode(document.to_string())
}
