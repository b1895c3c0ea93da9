//! Reads a 402 of any dialect.
//!
//! The dialect shows in the answer: `payment` in the body is the paywall of elizaOS, `accepts` with
//! `x402Version` 1 or 2 is x402. Version 2 comes in the header `PAYMENT-REQUIRED` or in the body.

use std::rc::Rc;

use super::elizaos::{self, Headers};
use super::exact;
use super::offer::Offer;
use super::tokens::Token;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::payments::Dialect;
use crate::json::{Json, read_header};
use crate::platform::{Body, HttpResponse};

/// How many reasons an error names.
const MAX_REASONS: usize = 8;
/// How many offers of a 402 are read; servers send one or two.
const MAX_OFFERS: usize = 100;

/// What a 402 asks for.
#[derive(Debug, Clone, Default)]
pub struct PaymentRequired {
    /// What could be paid.
    pub offers: Vec<Offer>,
    /// Why the other entries could not.
    pub skipped: Vec<String>,
}

/// Which entries of a document are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entries {
    /// All of them.
    All,
    /// Those of elizaOS's paywall (`payment`), and not those of x402 (`accepts`).
    OfElizaos,
}

/// Reads a 402, whatever its dialect. `tokens` are those that the client knows.
pub fn read(response: &HttpResponse, tokens: &[Rc<Token>]) -> Result<PaymentRequired> {
    let mut required = PaymentRequired::default();
    let headers = Headers {
        amount: response.header("x-payment-amount"),
        currency: response.header("x-payment-currency"),
        networks: response.header("x-payment-networks"),
    };
    let header = response.header("payment-required");
    if let Some(document) = &header.and_then(read_header) {
        let version = document.get_number("x402Version").or(Some(2.0));
        required.add(document, version, Entries::All, &headers, tokens);
    }
    let in_header = !required.offers.is_empty() || !required.skipped.is_empty();
    if let Body::Json(document) = &response.body {
        let version = document.get_number("x402Version");
        // The entries of the header stand in the body a second time, or others in their place.
        let are_read = in_header && matches!(version, None | Some(2.0));
        let entries = if are_read { Entries::OfElizaos } else { Entries::All };
        required.add(document, version, entries, &headers, tokens);
    }
    if !required.offers.is_empty() {
        return Ok(required);
    }
    let why = if !required.skipped.is_empty() {
        format!("its entries cannot be paid ({})", reasons(&required.skipped))
    } else if header.is_some() {
        "its PAYMENT-REQUIRED header cannot be read".to_owned()
    } else {
        "it names no payment (in a browser a server on another origin must expose the PAYMENT-REQUIRED header)".to_owned()
    };
    Err(refused(ErrorCode::PaymentRequirementsInvalid, &why))
}

impl PaymentRequired {
    /// Adds the entries of a document.
    fn add(&mut self, document: &Json, version: Option<f64>, which: Entries, headers: &Headers<'_>, tokens: &[Rc<Token>]) {
        let list = |key: &str| document.get(key).map(|list| list.elements()).unwrap_or_default();
        let elizaos = list("payment").into_iter().map(|entry| (Dialect::Elizaos, entry));
        let exact = if which == Entries::All { list("accepts") } else { Vec::new() };
        let exact = exact.into_iter().map(|entry| (version_of(version, &entry), entry));
        for (index, (dialect, entry)) in elizaos.chain(exact).take(MAX_OFFERS).enumerate() {
            let offer = match (dialect, version) {
                (Dialect::Elizaos, _) => elizaos::read_entry(&entry, headers, tokens),
                (_, None | Some(1.0 | 2.0)) => exact::read_entry(dialect, &entry, document, tokens),
                (_, Some(version)) => Err(format!("x402Version {} is not known", Json::number(version).to_json())),
            };
            match offer {
                Ok(offer) => self.offers.push(offer),
                Err(reason) => self.skipped.push(format!("entry {index}: {reason}")),
            }
        }
    }
}

/// The version of x402 that an entry is of, in a document that may not say.
fn version_of(version: Option<f64>, entry: &Json) -> Dialect {
    match version {
        Some(1.0) => Dialect::X402V1,
        None if entry.get("maxAmountRequired").is_some() => Dialect::X402V1,
        _ => Dialect::X402V2,
    }
}

/// Why the entries of a 402 are not paid: the first reasons.
pub fn reasons(reasons: &[String]) -> String {
    match reasons.get(..MAX_REASONS) {
        Some(first) if first.len() < reasons.len() => format!("{}; …", first.join("; ")),
        _ => reasons.join("; "),
    }
}

/// The error for a 402 that is not paid.
pub fn refused(code: ErrorCode, why: &str) -> Box<Error> {
    let mut error = Error::new(code, format!("the server asks for a payment (402), but {why}; the wallet was not asked"));
    error.status = Some(402);
    error
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn an_entry_is_of_the_version_that_the_document_names_and_else_of_the_one_whose_price_it_has() {
        let (old, new) = (json!({"maxAmountRequired": "1"}), json!({"amount": "1"}));
        for (version, entry, dialect) in [
            (None, &old, Dialect::X402V1),
            (None, &new, Dialect::X402V2),
            (Some(1.0), &new, Dialect::X402V1),
            (Some(2.0), &old, Dialect::X402V2),
        ] {
            assert_eq!(version_of(version, entry), dialect, "{version:?} {entry}");
        }
    }

    #[test]
    fn an_error_names_eight_reasons_and_says_when_there_are_more() {
        let said = |count: usize| reasons(&(1..=count).map(|at| at.to_string()).collect::<Vec<_>>());
        assert_eq!(said(0), "");
        assert_eq!(said(2), "1; 2");
        assert_eq!(said(8), "1; 2; 3; 4; 5; 6; 7; 8");
        assert_eq!(said(9), "1; 2; 3; 4; 5; 6; 7; 8; …");
    }
}
