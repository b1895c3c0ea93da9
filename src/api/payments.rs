//! What applications and wallets see of an offer and of a payment.

use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::api::jobs::Metadata;
use crate::encoding::is_hex;
use crate::json::{Json, Kind};
use crate::text::shorten;
use crate::time::WallTime;

/// What is paid, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// How the server speaks of payment. `seed`: the proof is the hash of a plain token transfer. `v1`, `v2`: x402's versions.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"seed\" | \"v1\" | \"v2\""))]
    pub dialect: String,
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

/// One offer: what the server wants for the job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// What is to be paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// What is paid for, as the server says. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The server's entry as it came, for a wallet that takes the payment over. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_requirements: Option<Metadata>,
    /// The server's whole request for payment as it came. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_required: Option<Metadata>,
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

/// What a facilitator says of a settlement (x402's `SettlementResponse`, the header `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`).
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// The hash of the transaction that moves the money, once it is known. Whoever has it may be able to use it as proof of payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The request headers that prove the payment, once the wallet has given them. A secret: whoever has them can use them, so
    /// only an error has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, string>"))]
    pub proof: Option<Metadata>,
    /// What the server's facilitator says of the settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SettlementResponse>,
    /// The job that was paid for, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

/// One payment for one job, as the client keeps it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The attempt's own id. It is in the job's metadata too, so that the job can be found again.
    pub id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// What is paid, and to whom; `None` in a record that does not say.
    pub price: Option<Price>,
    /// The hash of the transaction that moves the money.
    pub transaction: Option<String>,
    /// The request headers that prove the payment; none before the wallet has returned them.
    pub proof: Vec<(String, String)>,
    /// What the server's facilitator says of the settlement.
    pub receipt: Option<Json>,
    /// The base address of the server that is paid.
    pub server: String,
    /// The body of the request.
    pub request: String,
    /// What the server said of the job, once there is one.
    pub created: Option<Json>,
    /// When this began, or when the job was there.
    pub created_at: WallTime,
    /// The caller's idempotency key; empty for none.
    pub idempotency_key: String,
    /// The request fingerprint; empty when the payment has no key.
    pub fingerprint: String,
    /// Whether the job's end has been seen. Only what has a key is kept so long.
    pub answered: bool,
    /// Whether the wallet signs, so that nothing moves before the proof is sent.
    pub signs: bool,
    /// Until when what the wallet signs can be settled; `None` where nothing is signed, and in old records.
    pub valid_until: Option<WallTime>,
}

impl Price {
    /// The price as applications and records have it.
    pub fn document(&self) -> Json {
        [
            ("dialect", &self.dialect),
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
            dialect: text("dialect")?,
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

impl Attempt {
    /// The attempt as the application sees it: a [`PaymentAttempt`] without the proof, so that it may be printed.
    pub fn document(&self) -> Json {
        let mut document = self
            .price
            .as_ref()
            .map_or_else(Json::object, Price::document)
            .set("attemptId", Json::text(&self.id))
            .set("state", Json::text(self.state.as_str()));
        if let Some(hash) = &self.transaction {
            document = document.set("transaction", Json::text(hash));
        }
        if let Some(id) = self.created.as_ref().and_then(|created| created.get("jobId")) {
            document = document.set("jobId", id);
        }
        match &self.receipt {
            Some(receipt) => document.set("receipt", receipt.clone()),
            None => document,
        }
    }

    /// The attempt with its proof.
    pub fn with_proof(&self) -> Json {
        if self.proof.is_empty() {
            return self.document();
        }
        let proof = self.proof.iter().fold(Json::object(), |proof, (name, value)| proof.set(name, Json::text(value)));
        self.document().set("proof", proof)
    }

    /// Why the facilitator has not settled it.
    pub fn reason(&self) -> Option<String> {
        self.receipt.as_ref()?.get_text("errorReason")
    }

    /// Takes over what the facilitator says of the settlement: the header's document. Members of another form are left out.
    /// `fit` makes a server's words fit to be shown.
    pub fn settle(&mut self, said: &Json, fit: &dyn Fn(&str) -> String) {
        let Some(success) = said.get("success").filter(|success| success.kind() == Kind::Boolean) else { return };
        let mut receipt = Json::object().set("success", success);
        for key in ["transaction", "network", "payer", "amount", "errorReason"] {
            let text = said.get_text(key).filter(|text| !text.is_empty());
            if let Some(text) = text {
                let text = if key == "errorReason" { fit(&text) } else { text };
                receipt = receipt.set(key, Json::text(&shorten(&text, 200)));
            }
        }
        self.transaction = self.transaction.take().or_else(|| receipt.get_text("transaction").filter(|hash| is_hex(hash, 64)));
        self.receipt = Some(receipt);
    }
}
