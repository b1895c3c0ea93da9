//! The entries of x402's `accepts`, versions 1 and 2. They say the same with other names; amounts are atomic in both.

use std::rc::Rc;

use super::amount::Amount;
use super::networks::Token;
use super::{Dialect, MAX_ENTRY, MAX_HEADER, Offer, no_evm_chain, recipient_of, shown_member, token_of};
use crate::json::{Json, Kind};
use crate::text::{decimal, fill};

/// The longest time for which a payment is signed, in seconds, however long the server asks for.
const MAX_TIMEOUT_S: f64 = 300.0;
/// Facilitators want so many seconds to be left: a shorter offer can never be paid.
pub(super) const MIN_LEFT_S: f64 = 6.0;

/// One entry as an offer, or why it cannot be paid.
pub(super) fn read_entry(dialect: Dialect, entry: &Json, required: &Json, tokens: &[Rc<Token>]) -> Result<Offer, String> {
    let asset = entry.get_text("asset").unwrap_or_default();
    let token = token_of(entry, tokens, &|token| token.is_asset(&asset), "asset")?;
    let recipient = recipient_of(entry, "payTo", &token)?;
    let amount_key = if dialect == Dialect::X402V1 { "maxAmountRequired" } else { "amount" };
    let amount = entry.get_text(amount_key).and_then(|text| Amount::from_atomic(&text));
    let amount =
        amount.ok_or_else(|| fill("% is no positive whole number of atomic units", &[&shown_member(entry, amount_key)]))?;
    let timeout = entry.get_number("maxTimeoutSeconds").filter(|seconds| seconds.fract() == 0.0 && *seconds >= MIN_LEFT_S);
    let timeout =
        timeout.ok_or_else(|| fill("% is no whole number of at least 6", &[&shown_member(entry, "maxTimeoutSeconds")]))?;
    // In version 2 all this goes back to the server in a header. A document too deep to be written is empty.
    let is_v2 = dialect == Dialect::X402V2;
    let echoed = [Some(entry.clone()), required.get("resource").filter(|_| is_v2), required.get("extensions").filter(|_| is_v2)];
    let most = if is_v2 { MAX_ENTRY } else { MAX_HEADER };
    let mut size: usize = 0;
    for part in echoed.iter().flatten() {
        let length = part.to_json().len();
        size = if length == 0 { usize::MAX } else { size.saturating_add(length) };
    }
    if size > most {
        return Err(fill("it is too large: more than % bytes, with what goes back to the server", &[&decimal(most as u64)]));
    }
    let resource = text_of(entry.get("resource"))?;
    let resource = match required.get("resource").filter(|_| is_v2) {
        None => resource,
        Some(named) => {
            let named = text_of(if named.kind() == Kind::Object { named.get("url") } else { Some(named) })?;
            if resource.is_some() && resource != named {
                return Err("it names two resources".to_owned());
            }
            named
        }
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is made sure of")]
    Ok(Offer {
        dialect,
        foreign: foreign(entry, &token)?,
        token,
        recipient,
        amount,
        resource,
        timeout_s: timeout.min(MAX_TIMEOUT_S) as u32,
        entry: entry.clone(),
        required: required.clone(),
    })
}

/// A resource, which is a text where there is one.
fn text_of(value: Option<Json>) -> Result<Option<String>, String> {
    match value.filter(|value| value.kind() != Kind::Null) {
        None => Ok(None),
        Some(value) => value.as_text().map(Some).ok_or_else(|| "its resource is no text".to_owned()),
    }
}

/// Why the client does not sign this itself; an error where nobody should.
fn foreign(entry: &Json, token: &Token) -> Result<Option<String>, String> {
    let no_chain = no_evm_chain(token);
    if no_chain.is_some() {
        return Ok(no_chain);
    }
    if entry.get_text("scheme").as_deref() != Some("exact") {
        return Ok(Some(shown_member(entry, "scheme")));
    }
    let Some(extra) = entry.get("extra").filter(|extra| extra.kind() != Kind::Null) else { return Ok(None) };
    if extra.kind() != Kind::Object {
        return Err(fill("% is no object", &[&shown_member(entry, "extra")]));
    }
    let given = |document: &Json, key: &str| document.get(key).filter(|value| value.kind() != Kind::Null);
    for (document, key, usual) in [
        (&extra, "assetTransferMethod", "eip3009"),
        (&extra, "paymentFlow", "authorization"),
        (entry, "paymentFlow", "authorization"),
    ] {
        if given(document, key).is_some_and(|value| value.as_text().as_deref() != Some(usual)) {
            return Ok(Some(shown_member(document, key)));
        }
    }
    // A signature for another domain is good for another contract.
    for (key, pinned) in [("name", &token.name), ("version", &token.version)] {
        if extra.get(key).is_some_and(|value| value.as_text().as_ref() != Some(pinned)) {
            return Err(fill("its % is not the token's, \"%\"", &[&shown_member(&extra, key), pinned]));
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
    use crate::x402::networks::usdc;

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
    fn entries_that_a_careful_person_would_not_sign_are_left_out() {
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
    fn ten_years_are_five_minutes() {
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
            ("extra", json!({"paymentFlow": "upfront"}), "upfront"),
        ] {
            let offer = read(Dialect::X402V2, &good(Dialect::X402V2).set(key, value)).unwrap();
            assert!(offer.foreign.unwrap().contains(why), "{why}");
        }
        let same = json!({"assetTransferMethod": "eip3009", "paymentFlow": "authorization", "name": "USD Coin", "version": "2"});
        assert_eq!(read(Dialect::X402V2, &good(Dialect::X402V2).set("extra", same)).unwrap().foreign, None);
        assert_eq!(read(Dialect::X402V2, &good(Dialect::X402V2).without("extra")).unwrap().foreign, None);
    }
}
