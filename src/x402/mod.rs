//! What a 402 asks for. Every dialect is read into the same [`PaymentRequired`]; what cannot be paid is left out, with the reason.

pub mod amount;
pub mod networks;
mod seed;

use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use crate::error::{Error, ErrorCode, Result};
use crate::http::{Body, HttpResponse};
use crate::json::Json;
use crate::text::{concat, decimal, join};
use networks::Network;

/// How many offers of a 402 are read; servers send one or two.
const MAX_OFFERS: usize = 100;

/// One offer: what the server wants for the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// How the server speaks of payment. `seed`: the proof is the hash of a plain token transfer.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"seed\""))]
    pub dialect: &'static str,
    /// The network to pay on.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "NetworkName"))]
    pub network: &'static str,
    /// The network's EVM chain id.
    pub chain_id: u32,
    /// The token's contract address.
    pub asset: &'static str,
    /// Who is to be paid.
    pub recipient: String,
    /// How much, as a decimal number of tokens: `"0.02"`.
    pub amount: String,
    /// How much, in the token's smallest unit: `"20000"`.
    pub amount_atomic: String,
    /// The token's name.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"USDC\""))]
    pub currency: &'static str,
    /// How many decimals the token has.
    pub decimals: u8,
    /// The amount to reckon with.
    #[serde(skip)]
    pub atomic: u64,
}

impl Quote {
    fn new(dialect: &'static str, network: &'static Network, recipient: String, atomic: u64) -> Self {
        Self {
            dialect,
            network: network.name,
            chain_id: network.chain_id,
            asset: network.usdc,
            recipient,
            amount: amount::to_decimal(atomic, networks::USDC_DECIMALS),
            amount_atomic: decimal(atomic),
            currency: "USDC",
            decimals: networks::USDC_DECIMALS,
            atomic,
        }
    }

    /// The quote as the application and its wallet get it.
    pub fn document<J: Json>(&self) -> J {
        let payment = [self.network, self.asset, &self.recipient, &self.amount, &self.amount_atomic];
        described::<J>(self.chain_id, payment)
            .set("dialect", J::text(self.dialect))
            .set("currency", J::text(self.currency))
            .set("decimals", J::number(self.decimals.into()))
    }
}

/// What a quote and an attempt have in common: network, asset, recipient, amount and atomic amount.
fn described<J: Json>(chain_id: u32, payment: [&str; 5]) -> J {
    ["network", "asset", "recipient", "amount", "amountAtomic"]
        .into_iter()
        .zip(payment)
        .fold(J::object().set("chainId", J::number(chain_id.into())), |document, (key, value)| document.set(key, J::text(value)))
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

/// One payment for one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PaymentAttempt {
    /// The attempt's own id.
    pub attempt_id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// The network it is paid on.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "NetworkName"))]
    pub network: &'static str,
    /// The network's EVM chain id.
    pub chain_id: u32,
    /// The token's contract address.
    pub asset: &'static str,
    /// Who is paid.
    pub recipient: String,
    /// How much, as a decimal number of tokens: `"0.02"`.
    pub amount: String,
    /// How much, in the token's smallest unit: `"20000"`.
    pub amount_atomic: String,
    /// The hash of the transfer, once the wallet has given it. Whoever has it may be able to use it as proof of payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

impl PaymentAttempt {
    /// The attempt to pay this quote.
    pub fn new(attempt_id: String, quote: &Quote) -> Self {
        Self {
            attempt_id,
            state: PaymentState::Intended,
            network: quote.network,
            chain_id: quote.chain_id,
            asset: quote.asset,
            recipient: quote.recipient.clone(),
            amount: quote.amount.clone(),
            amount_atomic: quote.amount_atomic.clone(),
            transaction: None,
        }
    }

    /// The attempt as the application gets it.
    pub fn document<J: Json>(&self) -> J {
        let payment = [self.network, self.asset, &self.recipient, &self.amount, &self.amount_atomic];
        let document = described::<J>(self.chain_id, payment)
            .set("attemptId", J::text(&self.attempt_id))
            .set("state", J::text(self.state.as_str()));
        match &self.transaction {
            Some(hash) => document.set("transaction", J::text(hash)),
            None => document,
        }
    }

    /// The headers that carry the proof; none before the wallet has given one.
    pub fn proof_headers(&self) -> Vec<(String, String)> {
        self.transaction.as_deref().map(|hash| seed::proof_headers(hash, self.network)).unwrap_or_default()
    }
}

/// What a 402 asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequired {
    /// What could be paid.
    pub offers: Vec<Quote>,
    /// Why the other entries could not.
    pub skipped: Vec<String>,
}

/// Reads a 402, whatever its dialect.
pub fn read<J: Json>(response: &HttpResponse<J>) -> Result<PaymentRequired, J> {
    let entries = match &response.body {
        Body::Json(document) => seed::entries(document),
        _ => Vec::new(),
    };
    let mut required = PaymentRequired { offers: Vec::new(), skipped: Vec::new() };
    for (index, entry) in entries.iter().take(MAX_OFFERS).enumerate() {
        match seed::read_entry(entry) {
            Ok(quote) => required.offers.push(quote),
            Err(reason) => required.skipped.push(concat(&[&decimal(index as u64), ": ", &reason])),
        }
    }
    if required.offers.is_empty() {
        let why = if required.skipped.is_empty() {
            "it names no payment".to_owned()
        } else {
            concat(&["its entries cannot be paid (", &join(required.skipped.iter(), "; "), ")"])
        };
        let mut error = Error::new(
            ErrorCode::PaymentRequirementsInvalid,
            concat(&["the server asks for a payment (402), but ", &why, "; the wallet was not asked"]),
        );
        error.status = Some(response.status);
        return Err(error);
    }
    Ok(required)
}

/// Whether this is an address that can be paid: 20 bytes in hexadecimal, not zero.
pub fn is_address(text: &str) -> bool {
    is_hex(text, 40) && text.bytes().skip(2).any(|byte| byte != b'0')
}

/// Whether this is `0x` and so many hexadecimal digits.
pub fn is_hex(text: &str, digits: usize) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_applications_get_is_what_the_types_declare() {
        let quote = Quote::new("seed", &networks::BASE, "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".into(), 20_000);
        // Through text: there 8453 and 8453.0 are the same number, as in JavaScript.
        let numbers = |value: Value| value.to_string().replace(".0,", ",").replace(".0}", "}");
        let same = |document: Value, declared: Value| {
            let read = |value| serde_json::from_str::<serde_json::Map<String, Value>>(&numbers(value)).unwrap();
            assert_eq!(read(document), read(declared));
        };
        same(quote.document(), serde_json::to_value(&quote).unwrap());
        for state in [
            PaymentState::Intended,
            PaymentState::Proven,
            PaymentState::Sent,
            PaymentState::Accepted,
            PaymentState::Refused,
            PaymentState::Unknown,
        ] {
            let mut attempt = PaymentAttempt { state, ..PaymentAttempt::new("id".into(), &quote) };
            same(attempt.document(), serde_json::to_value(&attempt).unwrap());
            attempt.transaction = Some("0x1".into());
            same(attempt.document(), serde_json::to_value(&attempt).unwrap());
        }
    }
}
