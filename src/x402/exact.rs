//! The entries of x402's `accepts`, in versions 1 and 2. They say the same with other names, and
//! amounts are atomic in both.
//!
//! The agent of elizaOS 2 mixes them: entries of version 2 that have `maxAmountRequired` in place
//! of `amount`, and assets written as CAIP-19.

use std::rc::Rc;

use super::amount::Amount;
use super::entry::{self, shown_member};
use super::offer::Offer;
use super::tokens::Token;
use crate::api::payments::Dialect;
use crate::json::{Json, Kind};

/// The longest time for which a payment is signed, in seconds, however long the server asks for.
const MAX_TIMEOUT_S: f64 = 300.0;
/// Facilitators want so many seconds to be left: a shorter offer can never be paid.
pub(super) const MIN_LEFT_S: u32 = 6;
/// The longest entry of version 1, in bytes. Nothing of it is sent back.
const MAX_ENTRY: usize = 65_536;
/// The longest entry of version 2, with the resource and the extensions that are sent back with
/// it, in bytes. With base64 and the signature it fits into the headers that servers take (16 KB in
/// Node).
const MAX_ECHO: usize = 10_000;

/// One entry as an offer, or why it cannot be paid.
pub(super) fn read_entry(dialect: Dialect, entry: &Json, required: &Json, tokens: &[Rc<Token>]) -> Result<Offer, String> {
    let asset = entry.get_text("asset").unwrap_or_default();
    let token = entry::token(entry, tokens, "asset", |token| token.is_named_by(&asset))?;
    let recipient = entry::recipient(entry, "payTo", &token)?;
    let amount = amount(dialect, entry)?;
    let timeout_s = timeout_s(entry)?;
    check_size(dialect, entry, required)?;
    let resource = resource(dialect, entry, required)?;
    Ok(Offer {
        dialect,
        foreign: foreign(entry, &token)?,
        token,
        recipient,
        amount,
        resource,
        timeout_s,
        entry: entry.clone(),
        required: required.clone(),
    })
}

/// The price. Version 2 calls it `amount`, version 1 `maxAmountRequired`, and elizaOS 2 mixes them.
/// Two prices in one entry are refused: the server could settle the one that was not looked at.
fn amount(dialect: Dialect, entry: &Json) -> Result<Amount, String> {
    let (key, other) = match dialect {
        Dialect::X402V1 => ("maxAmountRequired", "amount"),
        _ => ("amount", "maxAmountRequired"),
    };
    let given = |key: &str| entry.get(key).filter(|value| value.kind() != Kind::Null);
    let key = match (given(key), given(other)) {
        (Some(one), Some(two)) if one.to_json() != two.to_json() => {
            return Err(format!("{} and {} are two prices", shown_member(entry, key), shown_member(entry, other)));
        }
        (None, Some(_)) if dialect == Dialect::X402V2 => other,
        _ => key,
    };
    let amount = entry.get_text(key).and_then(|text| Amount::from_atomic(&text));
    amount.ok_or_else(|| format!("{} is no positive whole number of atomic units", shown_member(entry, key)))
}

/// How long the server waits for the payment, in seconds.
fn timeout_s(entry: &Json) -> Result<u32, String> {
    let seconds = entry.get_number("maxTimeoutSeconds");
    let seconds = seconds.filter(|seconds| seconds.fract() == 0.0 && *seconds >= MIN_LEFT_S.into());
    let seconds = seconds
        .ok_or_else(|| format!("{} is no whole number of at least {MIN_LEFT_S}", shown_member(entry, "maxTimeoutSeconds")))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 6 to 300")]
    Ok(seconds.min(MAX_TIMEOUT_S) as u32)
}

/// Makes sure that the payment fits into a header.
fn check_size(dialect: Dialect, entry: &Json, required: &Json) -> Result<(), String> {
    let (most, echoed) = match dialect {
        Dialect::X402V2 => (MAX_ECHO, [required.get("resource"), required.get("extensions")]),
        _ => (MAX_ENTRY, [None, None]),
    };
    let mut size: usize = 0;
    for part in [Some(entry.clone())].into_iter().chain(echoed).flatten() {
        let length = part.to_json().len();
        // A document that is too deep to be written is written as nothing.
        size = if length == 0 { usize::MAX } else { size.saturating_add(length) };
    }
    if size > most {
        return Err(format!("it is too large: more than {most} bytes, with what goes back to the server"));
    }
    Ok(())
}

/// What is paid for. Version 2 names it beside its entries.
fn resource(dialect: Dialect, entry: &Json, required: &Json) -> Result<Option<String>, String> {
    let own = resource_text(entry.get("resource"))?;
    let Some(named) = required.get("resource").filter(|_| dialect == Dialect::X402V2) else { return Ok(own) };
    let named = resource_text(if named.kind() == Kind::Object { named.get("url") } else { Some(named) })?;
    if own.is_some() && own != named {
        return Err("it names two resources".to_owned());
    }
    Ok(named)
}

/// A resource, which is a text where there is one.
fn resource_text(value: Option<Json>) -> Result<Option<String>, String> {
    match value.filter(|value| value.kind() != Kind::Null) {
        None => Ok(None),
        Some(value) => value.as_text().map(Some).ok_or_else(|| "its resource is no text".to_owned()),
    }
}

/// Why the client does not sign this itself; an error where nobody should.
fn foreign(entry: &Json, token: &Token) -> Result<Option<String>, String> {
    if let Some(chain) = token.foreign_chain() {
        return Ok(Some(chain));
    }
    if entry.get_text("scheme").as_deref() != Some("exact") {
        return Ok(Some(shown_member(entry, "scheme")));
    }
    let extra = match entry.get("extra").filter(|extra| extra.kind() != Kind::Null) {
        None => Json::object(),
        Some(extra) if extra.kind() == Kind::Object => extra,
        Some(_) => return Err(format!("{} is no object", shown_member(entry, "extra"))),
    };
    for (document, key, usual) in [
        (&extra, "assetTransferMethod", "eip3009"),
        (&extra, "paymentFlow", "authorization"),
        (entry, "paymentFlow", "authorization"),
        // A server that wants another signature can still use this one, and give nothing for it.
        (&extra, "primaryType", "TransferWithAuthorization"),
    ] {
        let given = document.get(key).filter(|value| value.kind() != Kind::Null);
        if given.is_some_and(|value| value.as_text().as_deref() != Some(usual)) {
            return Ok(Some(shown_member(document, key)));
        }
    }
    let contract = extra.get("verifyingContract").filter(|value| value.kind() != Kind::Null);
    if contract.is_some_and(|value| !value.as_text().is_some_and(|text| token.is_asset(&text))) {
        return Ok(Some(shown_member(&extra, "verifyingContract")));
    }
    // A signature for another domain is good for another contract.
    for (key, pinned) in [("name", &token.name), ("version", &token.version)] {
        if extra.get(key).is_some_and(|value| value.as_text().as_ref() != Some(pinned)) {
            return Err(format!("its {} is not the token's, \"{pinned}\"", shown_member(&extra, key)));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::json::Json;
    use crate::x402::tokens::usdc;

    const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
    const URL: &str = "https://api.example.com/api/messaging/jobs";

    fn good(dialect: Dialect) -> Json {
        let mut entry = json!({"scheme": "exact", "network": "base", "payTo": TO, "maxTimeoutSeconds": 60,
            "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
        match dialect {
            Dialect::X402V1 => {
                entry["maxAmountRequired"] = json!("20000").0;
                entry["resource"] = json!(URL).0;
            }
            _ => {
                entry["network"] = json!("eip155:8453").0;
                entry["amount"] = json!("20000").0;
            }
        }
        entry
    }
    fn read(dialect: Dialect, entry: &Json) -> Result<Offer, String> {
        read_entry(dialect, entry, &json!({"resource": {"url": URL}}), &usdc())
    }

    #[test]
    fn both_versions_say_the_same() {
        for dialect in [Dialect::X402V1, Dialect::X402V2] {
            let offer = read(dialect, &good(dialect)).unwrap();
            assert_eq!((offer.token.network.as_str(), offer.amount.digits.as_str(), offer.timeout_s), ("base", "20000", 60));
            assert_eq!((offer.resource.as_deref(), offer.recipient.as_str(), offer.foreign), (Some(URL), TO, None));
        }
    }

    #[test]
    fn an_entry_that_breaks_a_rule_is_left_out_with_the_reason() {
        for dialect in [Dialect::X402V1, Dialect::X402V2] {
            let amount = if dialect == Dialect::X402V1 { "maxAmountRequired" } else { "amount" };
            let mut cases = vec![
                ("network", json!("solana"), "unknown network"),
                ("network", json!("eip155:1"), "unknown network"),
                ("network", json!(null), "network"),
                ("network", json!("polygon"), "no token that may be paid with on polygon"),
                ("asset", json!(TO), "no token that may be paid with on"),
                ("asset", json!(null), "no token that may be paid with"),
                ("payTo", json!("0x0000000000000000000000000000000000000000"), "cannot be paid"),
                ("payTo", json!("0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"), "cannot be paid"),
                ("payTo", json!(TO.replace("93B", "93b")), "cannot be paid"),
                ("payTo", json!([TO]), "cannot be paid"),
                ("maxTimeoutSeconds", json!(0), "no whole number of at least 6"),
                ("maxTimeoutSeconds", json!(-5), "no whole number of at least 6"),
                ("maxTimeoutSeconds", json!(60.5), "no whole number of at least 6"),
                ("maxTimeoutSeconds", json!("60"), "no whole number of at least 6"),
                ("maxTimeoutSeconds", json!(null), "no whole number of at least 6"),
                ("extra", json!({"name": "USDC", "version": "2"}), "name \"USDC\" is not the token's"),
                ("extra", json!({"name": "USD Coin", "version": "1"}), "version \"1\" is not the token's"),
                ("extra", json!({"name": 5}), "name 5 is not the token's"),
                ("extra", json!([{"assetTransferMethod": "permit2"}]), "extra an array is no object"),
            ];
            for odd in ["", "0", "00", "020000", "0x10", "1e4", "-1", "1.5", "20000 ", "½"] {
                cases.push((amount, json!(odd), "no positive whole number"));
            }
            for odd in [json!(20000), json!(null), json!(["20000"]), json!("1".to_owned() + &"0".repeat(80))] {
                cases.push((amount, odd, "no positive whole number"));
            }
            for (key, value, reason) in cases {
                let said = read(dialect, &good(dialect).set(key, value.clone())).map(|_| ()).unwrap_err();
                assert!(said.contains(reason), "{key} {value}: {said}");
            }
        }
        assert!(read(Dialect::X402V1, &good(Dialect::X402V1).set("resource", json!(5))).is_err());
        let longest = |dialect: Dialect, most: usize, echoed: usize| {
            let length = |text: &str| good(dialect).set("description", json!(text)).to_json().len() + echoed;
            let text = "x".repeat(most - length(""));
            let fits = |text: &str| read(dialect, &good(dialect).set("description", json!(text))).is_ok();
            (fits(&text), fits(&(text.clone() + "x")))
        };
        assert_eq!(longest(Dialect::X402V1, MAX_ENTRY, 0), (true, false));
        assert_eq!(longest(Dialect::X402V2, MAX_ECHO, json!({"url": URL}).to_json().len()), (true, false));
        // Only version 2 sends it back.
        for (dialect, length, fits) in [
            (Dialect::X402V2, 9_000, true),
            (Dialect::X402V2, 10_001, false),
            (Dialect::X402V1, 60_000, true),
            (Dialect::X402V1, 70_000, false),
        ] {
            let said = read(dialect, &good(dialect).set("description", json!("x".repeat(length))));
            assert_eq!(said.err().is_none_or(|said| !said.contains("too large: more than")), fits, "{length}");
        }
    }

    #[test]
    fn a_resource_is_found_wherever_the_server_puts_it() {
        let evil = "https://evil.example/api/messaging/jobs";
        let resource = |required: Json, entry: Json| {
            read_entry(Dialect::X402V2, &good(Dialect::X402V2).set("resource", entry), &required, &usdc())
                .map(|offer| offer.resource)
        };
        assert_eq!(resource(json!({"resource": evil}), json!(null)), Ok(Some(evil.to_owned())));
        assert_eq!(resource(json!({}), json!(evil)), Ok(Some(evil.to_owned())));
        assert_eq!(resource(json!({"resource": {"url": URL}}), json!(URL)), Ok(Some(URL.to_owned())));
        assert_eq!(resource(json!({"resource": null}), json!(null)), Ok(None));
        assert!(resource(json!({"resource": {"url": URL}}), json!(evil)).is_err_and(|said| said.contains("two resources")));
        assert!(resource(json!({"resource": [{"url": evil}]}), json!(null)).is_err_and(|said| said.contains("is no text")));
    }

    #[test]
    fn a_payment_is_signed_for_five_minutes_at_most() {
        let entry = good(Dialect::X402V2).set("maxTimeoutSeconds", json!(315_360_000));
        assert_eq!(read(Dialect::X402V2, &entry).unwrap().timeout_s, 300);
    }

    #[test]
    fn what_the_client_does_not_sign_itself_is_marked() {
        for (key, value, why) in [
            ("scheme", json!("upto"), "scheme \"upto\""),
            ("scheme", json!(null), "scheme"),
            ("scheme", json!("batch-settlement"), "batch"),
            ("paymentFlow", json!("upfront"), "upfront"),
            ("extra", json!({"assetTransferMethod": "permit2"}), "permit2"),
            ("extra", json!({"assetTransferMethod": "EIP3009"}), "EIP3009"),
            ("extra", json!({"paymentFlow": "upfront"}), "upfront"),
            ("extra", json!({"primaryType": "ReceiveWithAuthorization"}), "primaryType \"ReceiveWithAuthorization\""),
            ("extra", json!({"primaryType": "Permit"}), "Permit"),
            ("extra", json!({"verifyingContract": TO}), "verifyingContract"),
        ] {
            let offer = read(Dialect::X402V2, &good(Dialect::X402V2).set(key, value)).unwrap();
            assert!(offer.foreign.unwrap().contains(why), "{why}");
        }
        let same = json!({"assetTransferMethod": "eip3009", "paymentFlow": "authorization", "name": "USD Coin", "version": "2"});
        assert_eq!(read(Dialect::X402V2, &good(Dialect::X402V2).set("extra", same)).unwrap().foreign, None);
        let same = json!({"primaryType": "TransferWithAuthorization",
            "verifyingContract": "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"});
        assert_eq!(read(Dialect::X402V2, &good(Dialect::X402V2).set("extra", same)).unwrap().foreign, None);
        assert_eq!(read(Dialect::X402V2, &good(Dialect::X402V2).without("extra")).unwrap().foreign, None);
    }

    #[test]
    fn an_entry_of_elizaos_2_is_read_and_goes_back_as_it_came() {
        let entry = good(Dialect::X402V2)
            .without("amount")
            .set("maxAmountRequired", json!("20000"))
            .set("asset", json!("eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"));
        let offer = read(Dialect::X402V2, &entry).unwrap();
        assert_eq!((offer.amount.digits.as_str(), offer.token.network.as_str()), ("20000", "base"));
        assert_eq!(offer.entry, entry);
        // What applications and wallets see, and what is signed, is the contract's address.
        assert_eq!(offer.price().asset, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
        let caip19 = json!("eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
        assert!(read(Dialect::X402V1, &good(Dialect::X402V1).set("asset", caip19)).is_ok());
        let other_chain = json!("eip155:137/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
        assert!(read(Dialect::X402V2, &entry.set("asset", other_chain)).is_err());
    }

    #[test]
    fn two_prices_in_one_entry_are_refused_unless_they_are_the_same() {
        for (dialect, other) in [(Dialect::X402V1, "amount"), (Dialect::X402V2, "maxAmountRequired")] {
            assert_eq!(read(dialect, &good(dialect).set(other, json!("20000"))).unwrap().amount.units, 20_000);
            assert!(read(dialect, &good(dialect).set(other, json!(null))).is_ok());
            for price in [json!("20001"), json!("5"), json!("0.02"), json!(20_000), json!("")] {
                let said = read(dialect, &good(dialect).set(other, price.clone())).unwrap_err();
                assert!(said.ends_with("are two prices") && said.contains("20000"), "{price}: {said}");
            }
        }
        // Version 1 knows no `amount`.
        let entry = good(Dialect::X402V1).without("maxAmountRequired").set("amount", json!("20000"));
        assert!(read(Dialect::X402V1, &entry).unwrap_err().contains("maxAmountRequired (nothing)"));
    }
}
