//! What applications and wallets see of an offer and of a payment, as the package declares it
//! (`derive(Tsify)`).

use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::metadata::Metadata;
use crate::encoding::is_hex;
use crate::json::{Json, Kind, is_true};
use crate::text::shorten;

/// How a server asks for payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
pub enum Dialect {
    /// The paywall of elizaOS: the proof is the hash of a plain token transfer.
    #[serde(rename = "elizaos")]
    Elizaos,
    /// x402, version 1: the proof is a signed authorization in the header `X-PAYMENT`.
    #[serde(rename = "x402-v1")]
    X402V1,
    /// x402, version 2: the proof is a signed authorization in the header `PAYMENT-SIGNATURE`.
    #[serde(rename = "x402-v2")]
    X402V2,
}

impl Dialect {
    /// The dialect as applications see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Elizaos => "elizaos",
            Dialect::X402V1 => "x402-v1",
            Dialect::X402V2 => "x402-v2",
        }
    }

    /// Reads a dialect. Records of version 0.1 have the names `seed`, `v1` and `v2`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "elizaos" | "seed" => Some(Dialect::Elizaos),
            "x402-v1" | "v1" => Some(Dialect::X402V1),
            "x402-v2" | "v2" => Some(Dialect::X402V2),
            _ => None,
        }
    }
}

/// What is paid, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// How the server asks for payment.
    pub dialect: Dialect,
    /// The network to pay on.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "NetworkName"))]
    pub network: String,
    /// The network's EVM chain id; 0 for a network that is no EVM chain.
    pub chain_id: u32,
    /// The token's contract address.
    pub asset: String,
    /// Who is to be paid.
    pub recipient: String,
    /// How much, as a decimal number of tokens: `"0.02"`.
    pub amount: String,
    /// How much, in the token's smallest unit: `"20000"`.
    pub amount_atomic: String,
    /// The token's name: `"USDC"`.
    pub currency: String,
    /// How many decimals the token has.
    pub decimals: u8,
}

impl Price {
    /// The price as applications and records have it.
    pub fn document(&self) -> Json {
        [
            ("dialect", self.dialect.as_str()),
            ("network", &self.network),
            ("asset", &self.asset),
            ("recipient", &self.recipient),
            ("amount", &self.amount),
            ("amountAtomic", &self.amount_atomic),
            ("currency", &self.currency),
        ]
        .into_iter()
        .fold(Json::object(), |document, (key, text)| document.set(key, Json::text(text)))
        .set("chainId", Json::number(self.chain_id.into()))
        .set("decimals", Json::number(self.decimals.into()))
    }

    /// Reads the price in a record. `None` when a member is missing or of another type.
    pub fn read(record: &Json) -> Option<Self> {
        let text = |key: &str| record.get_text(key);
        let whole = |key: &str| record.get_number(key).filter(|number| number.fract() == 0.0 && *number >= 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        Some(Self {
            dialect: Dialect::parse(&text("dialect")?)?,
            network: text("network")?,
            chain_id: whole("chainId").filter(|id| *id <= f64::from(u32::MAX))? as u32,
            asset: text("asset")?,
            recipient: text("recipient")?,
            amount: text("amount")?,
            amount_atomic: text("amountAtomic")?,
            currency: text("currency")?,
            decimals: whole("decimals").filter(|decimals| *decimals <= f64::from(u8::MAX))? as u8,
        })
    }
}

/// One offer: what the server wants for the job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// What is to be paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// What is paid for, as the server says. Not in the dialect `elizaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The server's entry as it came, for a wallet that takes the payment over. Not in the dialect
    /// `elizaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_requirements: Option<Metadata>,
    /// The server's whole request for payment as it came. Not in the dialect `elizaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_required: Option<Metadata>,
}

/// What a job would cost, as `quote()` says it.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
pub struct PriceQuote {
    /// Whether a job costs nothing. Absent where it is not known: the server has looked at the
    /// request before it asked for a payment.
    #[tsify(optional)]
    pub free: Option<bool>,
    /// What the server asks for: one of these.
    pub offers: Vec<QuotedOffer>,
    /// The one that would be paid now, by the client's rules. Absent where none would be.
    #[tsify(optional)]
    pub chosen: Option<QuotedOffer>,
    /// Why none would be paid, or why it is not known what a job costs.
    #[tsify(optional)]
    pub why: Option<String>,
}

/// One offer of a server.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
pub struct QuotedOffer {
    /// What is to be paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// Whether the client's rules, its wallet and what is left of the budget allow it.
    pub allowed: bool,
    /// Why not.
    #[tsify(optional)]
    pub why: Option<String>,
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "lowercase")]
pub enum PaymentState {
    /// The wallet was asked, or is about to be.
    Intended,
    /// The wallet has given a proof.
    Proven,
    /// The proof is on its way to the server.
    Sent,
    /// The server has taken it: there is a job.
    Accepted,
    /// The server has refused it.
    Refused,
    /// It is not known what became of it.
    Unknown,
}

impl PaymentState {
    /// The state that is written so.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Intended, Self::Proven, Self::Sent, Self::Accepted, Self::Refused, Self::Unknown]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// The state as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentState::Intended => "intended",
            PaymentState::Proven => "proven",
            PaymentState::Sent => "sent",
            PaymentState::Accepted => "accepted",
            PaymentState::Refused => "refused",
            PaymentState::Unknown => "unknown",
        }
    }
}

/// What a facilitator says of a settlement: x402's `SettlementResponse`, in the header
/// `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SettlementResponse {
    /// Whether the payment was settled.
    pub success: bool,
    /// The hash of the transaction that moved the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The network, as the server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whose money it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// How much was settled, in atomic units, where it may differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Why it was not settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
}

/// The longest member of a settlement response that is kept, in characters.
const MAX_MEMBER: usize = 200;

impl SettlementResponse {
    /// Reads the document of the header; `None` when it does not say whether the payment was
    /// settled. Members of another type are left out.
    ///
    /// `clean` takes out of a server's words whatever could be a secret of the request, which some
    /// servers send back, and every long hexadecimal run.
    pub fn read(said: &Json, clean: &dyn Fn(&str) -> String) -> Option<Self> {
        let success = said.get("success").filter(|success| success.kind() == Kind::Boolean)?;
        let member = |key: &str| {
            let text = said.get_text(key).filter(|text| !text.is_empty())?;
            Some(if is_public_hash(&text, clean) { text } else { shorten(&clean(&text), MAX_MEMBER) })
        };
        Some(Self {
            success: is_true(&success),
            transaction: member("transaction"),
            network: member("network"),
            payer: member("payer"),
            amount: member("amount"),
            error_reason: member("errorReason"),
        })
    }

    /// The response as applications and records have it.
    pub fn document(&self) -> Json {
        [
            ("transaction", &self.transaction),
            ("network", &self.network),
            ("payer", &self.payer),
            ("amount", &self.amount),
            ("errorReason", &self.error_reason),
        ]
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_ref()?)))
        .fold(Json::object().set("success", Json::boolean(self.success)), |document, (key, text)| {
            document.set(key, Json::text(text))
        })
    }
}

/// Whether this is a transaction hash that holds no secret of the request.
///
/// `clean` takes out every hash, for a hash may be a proof. It leaves half a hash alone, unless
/// that half is part of a secret.
fn is_public_hash(text: &str, clean: &dyn Fn(&str) -> String) -> bool {
    let is_public = |half: Option<&str>| half.is_some_and(|half| clean(half) == half);
    is_hex(text, 64) && is_public(text.get(2..34)) && is_public(text.get(34..))
}

/// One payment for one job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PaymentAttempt {
    /// What is paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// The attempt's own id.
    pub attempt_id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// The hash of the transaction that moves the money, once it is known. Whoever has it may be
    /// able to use it as proof of payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The request headers that prove the payment, once the wallet has given them. A secret:
    /// whoever has them can use them, so only an error has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, string>"))]
    pub proof: Option<Metadata>,
    /// What the server's facilitator says of the settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SettlementResponse>,
    /// The job that was paid for, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// `true` when the chain itself says that the money has moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_chain: Option<bool>,
}

/// A payment that is open, with what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct OpenPayment {
    /// The payment.
    #[serde(flatten)]
    pub attempt: PaymentAttempt,
    /// When the payment began, or when the job was there, in milliseconds since 1970.
    pub created_at: f64,
    /// The message. Empty in a record that does not say.
    pub content: String,
    /// The user who sent it. Empty in a record that does not say.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub user_id: String,
    /// The agent that was asked; absent for the server's first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "UUID"))]
    pub agent_id: Option<String>,
}

/// A payment that is open, or a record that cannot be read.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a declaration, of which no value is ever made")]
pub enum PendingPayment {
    /// A payment.
    Attempt(OpenPayment),
    /// A record that cannot be read.
    #[serde(rename_all = "camelCase")]
    Unreadable {
        /// The attempt's id.
        attempt_id: String,
        /// No state of a payment.
        #[tsify(type = "'unreadable'")]
        state: String,
    },
}

/// What a wallet signs, as `eth_signTypedData_v4` takes it.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct TypedData {
    /// The members of each type.
    #[tsify(type = "Record<string, { name: string; type: string }[]>")]
    pub types: Json,
    /// The type of the message.
    #[tsify(type = "'TransferWithAuthorization'")]
    pub primary_type: String,
    /// The token's contract.
    #[tsify(type = "{ name: string; version: string; chainId: number; verifyingContract: `0x${string}` }")]
    pub domain: Json,
    /// The transfer. Integers are decimal strings.
    #[tsify(type = "{ from: string; to: string; value: string; validAfter: string; validBefore: string; nonce: string }")]
    pub message: Json,
}

/// A payment as `payments()` lists it: what it moved, or may have moved.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRow {
    /// What was paid, and what became of it; never with a proof.
    #[serde(flatten)]
    pub payment: PaymentAttempt,
    /// The base address of the server that was paid.
    pub server: String,
    /// When the payment began, in milliseconds since 1970.
    pub created_at: f64,
}

/// How much of a token's budget is used: a member for each limit that the budget has.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Spending {
    /// The token's symbol: `"USDC"`.
    pub currency: String,
    /// The budget's scope, where it names one.
    #[tsify(optional)]
    pub scope: Option<String>,
    /// This hour (UTC).
    #[tsify(optional)]
    pub per_hour: Option<LimitUse>,
    /// This day (UTC).
    #[tsify(optional)]
    pub per_day: Option<LimitUse>,
    /// Everything.
    #[tsify(optional)]
    pub total: Option<LimitUse>,
}

/// How much of one limit is used, as decimal numbers of tokens.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// What has moved, or may have: `"0.04"`.
    pub spent: String,
    /// What is set aside for payments under way.
    pub reserved: String,
    /// What may still be spent.
    pub remaining: String,
    /// Since when, in milliseconds since 1970.
    pub since: f64,
}
