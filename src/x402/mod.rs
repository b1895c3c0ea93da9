//! What a 402 asks for. Every dialect is read into the same [`PaymentRequired`]; what cannot be paid is left out, with the reason.
//!
//! The dialect is recognised from the answer: `payment` in the body is the seed's, `accepts` with `x402Version` 1 or 2 is
//! x402's, and version 2 comes in the header `PAYMENT-REQUIRED` or in the body. Nothing here signs.

pub mod address;
pub mod amount;
pub mod eip3009;
pub mod elizaos;
mod exact;
pub mod keccak;
pub mod networks;
mod offer;
mod secp256k1;
pub mod signature;

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
pub use crate::api::payments::{Attempt, PaymentAttempt, PaymentState, Price, Quote, SettlementResponse};
use crate::encoding;
use crate::json::{Json, Kind, shown};
use crate::platform::{Body, HttpResponse};
use crate::text::{decimal, fill, join, shorten};
use amount::Amount;
use networks::Token;

/// How many reasons an error names.
const MAX_REASONS: usize = 8;
/// How many offers of a 402 are read; servers send one or two.
const MAX_OFFERS: usize = 100;
/// The longest header that is read or sent, in characters.
pub const MAX_HEADER: usize = 65_536;
/// The longest entry that is sent back, in bytes: with its base64 and the signature it fits into the headers that servers take
/// (16 KB in Node).
const MAX_ENTRY: usize = 10_000;

/// How a server speaks of payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// elizaOS's own paywall: the proof is the hash of a plain token transfer.
    Elizaos,
    /// x402 version 1.
    X402V1,
    /// x402 version 2.
    X402V2,
}

impl Dialect {
    /// The dialect as applications see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Elizaos => "seed",
            Dialect::X402V1 => "v1",
            Dialect::X402V2 => "v2",
        }
    }
}

/// One offer: what the server wants for the job.
#[derive(Debug, Clone)]
pub struct Offer {
    /// How the server speaks of payment.
    pub dialect: Dialect,
    /// The token, from the client's own list.
    pub token: Rc<Token>,
    /// Who is to be paid.
    pub recipient: String,
    /// How much.
    pub amount: Amount,
    /// Why the client does not sign this itself: another scheme, another way to move the token. Only a wallet that takes the
    /// whole payment over can serve it.
    pub foreign: Option<String>,
    /// What is paid for, as the server says.
    pub resource: Option<String>,
    /// How long the server waits for the payment, in seconds; at most 300.
    pub timeout_s: u32,
    /// The entry as it came.
    pub entry: Json,
    /// What the entry came in.
    pub required: Json,
}

/// What a 402 asks for.
#[derive(Debug, Clone)]
pub struct PaymentRequired {
    /// What could be paid.
    pub offers: Vec<Offer>,
    /// Why the other entries could not.
    pub skipped: Vec<String>,
}

/// Reads a 402, whatever its dialect. `tokens` are those that the client knows.
pub fn read(response: &HttpResponse, tokens: &[Rc<Token>]) -> Result<PaymentRequired> {
    let mut required: PaymentRequired = PaymentRequired { offers: Vec::new(), skipped: Vec::new() };
    let header = response.header("payment-required").map(read_header);
    if let Some(Some(document)) = &header {
        required.add(document, document.get_number("x402Version").or(Some(2.0)), true, tokens);
    }
    let in_header = !required.offers.is_empty() || !required.skipped.is_empty();
    if let Body::Json(document) = &response.body {
        let version = document.get_number("x402Version");
        // The same offers a second time, or others in their place.
        let is_other = !in_header || !matches!(version, None | Some(2.0));
        required.add(document, version, is_other, tokens);
    }
    if required.offers.is_empty() {
        let why = if !required.skipped.is_empty() {
            fill("its entries cannot be paid (%)", &[&reasons(&required.skipped)])
        } else if header.is_some() {
            "its PAYMENT-REQUIRED header cannot be read".to_owned()
        } else {
            let hint = "in a browser a server on another origin must expose the PAYMENT-REQUIRED header";
            fill("it names no payment (%)", &[hint])
        };
        return Err(refused(ErrorCode::PaymentRequirementsInvalid, &why));
    }
    Ok(required)
}

/// Why the entries of a 402 are not paid: the first reasons.
pub(crate) fn reasons(reasons: &[String]) -> String {
    match reasons.get(..MAX_REASONS) {
        Some(first) if first.len() < reasons.len() => fill("%; …", &[&join(first, "; ")]),
        _ => join(reasons, "; "),
    }
}

/// The error for a 402 that is not paid.
pub fn refused(code: ErrorCode, why: &str) -> Box<Error> {
    let mut error = Error::new(code, fill("the server asks for a payment (402), but %; the wallet was not asked", &[why]));
    error.status = Some(402);
    error
}

/// The JSON object in a header.
pub fn read_header(value: &str) -> Option<Json> {
    let text = if value.len() <= MAX_HEADER { encoding::from_base64(value)? } else { return None };
    Json::parse(&text).filter(|document| document.kind() == Kind::Object)
}

impl PaymentRequired {
    fn add(&mut self, document: &Json, version: Option<f64>, accepts: bool, tokens: &[Rc<Token>]) {
        let list = |key: &str| document.get(key).map(|list| list.elements()).unwrap_or_default();
        let mut entries = list("payment");
        let seeds = entries.len();
        if accepts {
            entries.extend(list("accepts"));
        }
        for (index, entry) in entries.iter().take(MAX_OFFERS).enumerate() {
            let is_first = version == Some(1.0) || (version.is_none() && entry.get("maxAmountRequired").is_some());
            let dialect = match is_first {
                _ if index < seeds => Dialect::Elizaos,
                true => Dialect::X402V1,
                false => Dialect::X402V2,
            };
            let offer = match (dialect, version) {
                (Dialect::Elizaos, _) => elizaos::read_entry(entry, tokens),
                (_, None | Some(1.0 | 2.0)) => exact::read_entry(dialect, entry, document, tokens),
                (_, Some(version)) => Err(fill("x402Version % is not known", &[&Json::number(version).to_json()])),
            };
            match offer {
                Ok(offer) => self.offers.push(offer),
                Err(reason) => self.skipped.push(fill("entry %: %", &[&decimal(index as u64), &reason])),
            }
        }
    }
}

/// A member as an error message shows it.
fn shown_member(entry: &Json, key: &str) -> String {
    fill("% %", &[key, &entry.get(key).map_or_else(|| "(nothing)".to_owned(), |value| shown(&value))])
}

/// The token that an entry is about, from the client's own list.
fn token_of(entry: &Json, tokens: &[Rc<Token>], is_it: &dyn Fn(&Token) -> bool, what: &str) -> Result<Rc<Token>, String> {
    let network = entry.get_text("network").ok_or_else(|| shown_member(entry, "network"))?;
    let mut is_known = false;
    for token in tokens {
        if token.is_on(&network) {
            if is_it(token) {
                return Ok(token.clone());
            }
            is_known = true;
        }
    }
    let network = shorten(&network, 40);
    Err(if is_known {
        fill("% is no token that may be paid with on %", &[&shown_member(entry, what), &network])
    } else {
        fill("unknown network %", &[&network])
    })
}

/// Why only a wallet that takes the whole payment over can pay there.
fn no_evm_chain(token: &Token) -> Option<String> {
    (token.chain_id == 0).then(|| fill("% is no EVM chain", &[&token.network]))
}

/// Whom an entry asks to pay: an address that can be paid, and not the token's own.
fn recipient_of(entry: &Json, key: &str, token: &Token) -> Result<String, String> {
    let recipient = entry
        .get_text(key)
        .filter(|to| if token.chain_id == 0 { !to.is_empty() } else { address::is_payable(to) && !token.is_asset(to) });
    recipient.ok_or_else(|| fill("% cannot be paid", &[&shown_member(entry, key)]))
}
