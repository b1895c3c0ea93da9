//! The dialect of elizaOS's own paywall: `payment: [{network, recipient, amount}]` with decimal
//! amounts. The proof is the hash of a plain token transfer, in `x-payment` and
//! `x-payment-network`.

use std::rc::Rc;

use super::amount::Amount;
use super::entry::{self, shown_member};
use super::offer::Offer;
use super::tokens::Token;
use crate::api::payments::Dialect;
use crate::json::Json;
use crate::text::shorten;

/// How much of a header a reason shows, in characters.
const MAX_HEADER: usize = 40;

/// What the headers of a 402 say of all its entries. A page on another origin cannot read them.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// `X-Payment-Amount`.
    pub(super) amount: Option<&'a str>,
    /// `X-Payment-Currency`.
    pub(super) currency: Option<&'a str>,
    /// `X-Payment-Networks`, with commas between them.
    pub(super) networks: Option<&'a str>,
}

impl Headers<'_> {
    /// What contradicts the entry. A transfer cannot be taken back, so a server that says two
    /// things is not paid.
    fn contradiction(&self, network: &str, token: &Token, amount: &Amount) -> Option<String> {
        // Servers write the amount as in the body; in atomic units it says the same.
        let is_amount = |text: &str| {
            let read = [Amount::from_decimal(text, token.decimals), Amount::from_atomic(text)];
            read.iter().all(Option::is_none) || read.contains(&Some(amount.clone()))
        };
        let is_network = |text: &str| text.split(',').any(|name| name.trim() == network || token.is_on(name.trim()));
        let other = |name: &str, text: Option<&str>, is_same: &dyn Fn(&str) -> bool| {
            let text = text.map(str::trim).filter(|text| !text.is_empty() && !is_same(text))?;
            Some(format!("the header {name} says \"{}\", which is not what the body says", shorten(text, MAX_HEADER)))
        };
        other("X-Payment-Amount", self.amount, &is_amount)
            .or_else(|| other("X-Payment-Currency", self.currency, &|text| text == token.symbol))
            .or_else(|| other("X-Payment-Networks", self.networks, &is_network))
    }
}

/// One entry as an offer, or why it cannot be paid.
pub(super) fn read_entry(entry: &Json, headers: &Headers<'_>, tokens: &[Rc<Token>]) -> Result<Offer, String> {
    let currency = match entry.get("currency") {
        None => "USDC".to_owned(),
        Some(currency) => currency.as_text().ok_or_else(|| shown_member(entry, "currency"))?,
    };
    let token = entry::token(entry, tokens, "currency", |token| token.symbol == currency)?;
    if entry.get("chainId").is_some_and(|id| id.as_number() != Some(token.chain_id.into())) {
        return Err(format!("{} is not that of {}", shown_member(entry, "chainId"), token.network));
    }
    if entry.get("asset").is_some_and(|asset| !asset.as_text().is_some_and(|asset| token.is_named_by(&asset))) {
        return Err(format!("{} is not {} on {}", shown_member(entry, "asset"), token.symbol, token.network));
    }
    // Members of other dialects name the same token, or none.
    for key in ["token", "tokenAddress", "contract"] {
        let address = entry.get_text(key).filter(|text| text.starts_with("0x"));
        if address.is_some_and(|address| !token.is_named_by(&address)) {
            return Err(format!("{} is not {} on {}", shown_member(entry, key), token.symbol, token.network));
        }
    }
    if entry.get("decimals").is_some_and(|decimals| decimals.as_number() != Some(token.decimals.into())) {
        return Err(format!("{} is not that of {}", shown_member(entry, "decimals"), token.symbol));
    }
    let recipient = entry::recipient(entry, "recipient", &token)?;
    let amount = entry.get_text("amount").and_then(|text| Amount::from_decimal(&text, token.decimals));
    let amount =
        amount.ok_or_else(|| format!("{} is no positive decimal number of {}", shown_member(entry, "amount"), token.symbol))?;
    let network = entry.get_text("network").unwrap_or_default();
    if let Some(contradiction) = headers.contradiction(&network, &token, &amount) {
        return Err(contradiction);
    }
    let none = Json::object();
    Ok(Offer {
        dialect: Dialect::Elizaos,
        foreign: token.foreign_chain(),
        token,
        recipient,
        amount,
        resource: None,
        timeout_s: 0,
        entry: none.clone(),
        required: none,
    })
}

/// The headers that carry the proof.
pub fn proof(hash: &str, network: &str) -> Vec<(String, String)> {
    vec![("x-payment".to_owned(), hash.to_owned()), ("x-payment-network".to_owned(), network.to_owned())]
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::json::Json;
    use crate::x402::tokens::usdc;

    const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

    fn read(entry: &Json) -> Result<Offer, String> {
        read_entry(entry, &Headers::default(), &usdc())
    }

    #[test]
    fn minimal_and_full_entries_are_read() {
        let full = json!({"network": "polygon", "recipient": TO, "amount": "0.020000", "currency": "USDC", "chainId": 137});
        let offer = read(&full).unwrap();
        assert_eq!((offer.token.network.as_str(), offer.amount.digits.as_str()), ("polygon", "20000"));
        let least = read(&json!({"network": "base", "recipient": TO, "amount": "1"})).unwrap();
        assert_eq!(least.amount.units, 1_000_000);
    }

    #[test]
    fn an_entry_that_the_headers_contradict_is_left_out() {
        let entry = json!({"network": "base", "recipient": TO, "amount": "0.02", "token": "USDC", "decimals": 6});
        let read = |headers: &Headers<'_>| read_entry(&entry, headers, &usdc());
        for (amount, is_same) in
            [("0.020000", true), (" 0.02 ", true), ("20000", true), ("", true), ("free", true), ("5.000000", false), ("2", false)]
        {
            assert_eq!(read(&Headers { amount: Some(amount), ..Headers::default() }).is_ok(), is_same, "{amount}");
        }
        for (currency, is_same) in [("USDC", true), ("EURC", false), ("usdc", false)] {
            assert_eq!(read(&Headers { currency: Some(currency), ..Headers::default() }).is_ok(), is_same, "{currency}");
        }
        for (networks, is_same) in
            [("base", true), ("polygon, base", true), ("eip155:8453", true), ("polygon", false), ("base-sepolia", false)]
        {
            assert_eq!(read(&Headers { networks: Some(networks), ..Headers::default() }).is_ok(), is_same, "{networks}");
        }
        let said = read(&Headers { amount: Some("5.000000"), ..Headers::default() }).unwrap_err();
        assert_eq!(said, "the header X-Payment-Amount says \"5.000000\", which is not what the body says");
    }

    #[test]
    fn an_entry_that_breaks_a_rule_is_left_out_with_the_reason() {
        let good = json!({"network": "base", "recipient": TO, "amount": "0.02", "currency": "USDC", "chainId": 8453});
        let usdc = &usdc()[0].asset;
        let cases: [(&str, Json, &str); 22] = [
            ("network", json!("solana"), "unknown network"),
            ("network", json!("Base"), "unknown network"),
            ("network", json!(8453), "network 8453"),
            ("chainId", json!(1), "chainId 1 is not"),
            ("chainId", json!("8453"), "is not that of base"),
            ("currency", json!("ETH"), "no token that may be paid with on base"),
            ("currency", json!(5), "currency 5"),
            ("asset", json!(TO), "is not USDC on base"),
            ("token", json!(TO), "is not USDC on base"),
            ("tokenAddress", json!(TO), "is not USDC on base"),
            ("contract", json!(TO), "is not USDC on base"),
            ("decimals", json!(18), "decimals 18 is not that of USDC"),
            ("recipient", json!("0x0000000000000000000000000000000000000000"), "cannot be paid"),
            ("recipient", json!(TO.replace("93B", "93b")), "cannot be paid"),
            ("recipient", json!(usdc.to_lowercase()), "cannot be paid"),
            ("recipient", json!("0x1234"), "cannot be paid"),
            ("amount", json!(0.02), "no positive decimal"),
            ("amount", json!("0"), "no positive decimal"),
            ("amount", json!("-1"), "no positive decimal"),
            ("amount", json!("1e4"), "no positive decimal"),
            ("amount", json!("0.0200001"), "no positive decimal"),
            ("amount", json!("1".repeat(80)), "no positive decimal"),
        ];
        assert!(read(&good).is_ok());
        for (key, value, reason) in cases {
            let said = read(&good.clone().set(key, value.clone())).unwrap_err();
            assert!(said.contains(reason), "{key} {value}: {said}");
        }
    }
}
