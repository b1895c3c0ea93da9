//! The dialect of elizaOS's own paywall: `payment: [{network, recipient, amount}]` with decimal amounts; the proof is the
//! hash of a plain token transfer, in `x-payment` and `x-payment-network`.

use super::{Quote, amount, is_address, networks};
use crate::json::{Json, shown};
use crate::text::{concat, shorten};

/// The entries of the body.
pub(super) fn entries<J: Json>(document: &J) -> Vec<J> {
    document.get("payment").map(|list| list.elements()).unwrap_or_default()
}

/// One entry as a quote, or why it cannot be paid.
pub(super) fn read_entry<J: Json>(entry: &J) -> Result<Quote, String> {
    let field = |key: &str| entry.get(key).map_or_else(|| "nothing".to_owned(), |value| shown(&value));
    let name = entry.get_text("network").ok_or_else(|| concat(&["network is ", &field("network")]))?;
    let network = networks::by_name(&name).ok_or_else(|| concat(&["unknown network ", &shorten(&name, 40)]))?;
    if entry.get("chainId").is_some_and(|id| id.as_number() != Some(f64::from(network.chain_id))) {
        return Err(concat(&["chainId of ", network.name, " is not ", &field("chainId")]));
    }
    if entry.get("currency").is_some_and(|currency| currency.as_text().as_deref() != Some("USDC")) {
        return Err(concat(&["currency is ", &field("currency"), ", not USDC"]));
    }
    if entry.get("asset").is_some_and(|asset| !asset.as_text().is_some_and(|asset| asset.eq_ignore_ascii_case(network.usdc))) {
        return Err(concat(&["asset is not USDC on ", network.name]));
    }
    let recipient = entry.get_text("recipient").filter(|to| is_address(to) && !to.eq_ignore_ascii_case(network.usdc));
    let recipient = recipient.ok_or_else(|| concat(&["recipient ", &field("recipient"), " cannot be paid"]))?;
    let atomic = entry
        .get_text("amount")
        .and_then(|text| amount::from_decimal(&text, networks::USDC_DECIMALS))
        .filter(|atomic| *atomic > 0);
    let atomic = atomic.ok_or_else(|| concat(&["amount ", &field("amount"), " is no positive decimal number of USDC"]))?;
    Ok(Quote::new("seed", network, recipient, atomic))
}

/// The headers that carry the proof.
pub(super) fn proof_headers(hash: &str, network: &str) -> Vec<(String, String)> {
    vec![("x-payment".to_owned(), hash.to_owned()), ("x-payment-network".to_owned(), network.to_owned())]
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

    #[test]
    fn minimal_and_full_entries_are_read() {
        let full = json!({"network": "polygon", "recipient": TO, "amount": "0.020000", "currency": "USDC", "chainId": 137});
        let quote = read_entry(&full).unwrap();
        assert_eq!(
            (quote.network, quote.chain_id, quote.amount.as_str(), quote.amount_atomic.as_str()),
            ("polygon", 137, "0.02", "20000")
        );
        assert_eq!(quote.asset, networks::POLYGON.usdc);
        assert_eq!(read_entry(&json!({"network": "base", "recipient": TO, "amount": "1"})).unwrap().atomic, 1_000_000);
    }

    #[test]
    fn entries_that_a_careful_person_would_not_pay_are_left_out() {
        let good = json!({"network": "base", "recipient": TO, "amount": "0.02", "currency": "USDC", "chainId": 8453});
        let cases: [(&str, Value, &str); 16] = [
            ("network", json!("solana"), "unknown network"),
            ("network", json!("Base"), "unknown network"),
            ("network", json!(8453), "network is 8453"),
            ("chainId", json!(1), "chainId of base"),
            ("chainId", json!("8453"), "chainId of base"),
            ("currency", json!("ETH"), "not USDC"),
            ("asset", json!(TO), "not USDC on base"),
            ("recipient", json!("0x0000000000000000000000000000000000000000"), "cannot be paid"),
            ("recipient", json!(networks::BASE.usdc.to_lowercase()), "cannot be paid"),
            ("recipient", json!("0x1234"), "cannot be paid"),
            ("amount", json!(0.02), "no positive decimal"),
            ("amount", json!("0"), "no positive decimal"),
            ("amount", json!("-1"), "no positive decimal"),
            ("amount", json!("1e4"), "no positive decimal"),
            ("amount", json!("0.0200001"), "no positive decimal"),
            ("amount", json!("1".repeat(80)), "no positive decimal"),
        ];
        assert!(read_entry(&good).is_ok());
        for (key, value, reason) in cases {
            let entry = good.clone().set(key, value.clone());
            let said = read_entry(&entry).unwrap_err();
            assert!(said.contains(reason), "{key} {value}: {said}");
        }
    }
}
