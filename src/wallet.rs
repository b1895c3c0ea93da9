//! What a wallet gives, and what it throws.

use crate::error::ErrorCode;
use crate::json::{Json, Kind, shown};
use crate::text::{decimal, fill, has, shorten, split};
use crate::x402::MAX_HEADER;
use crate::x402::hex::is_hex;

/// How deep causes are followed.
const MAX_CAUSES: usize = 8;

/// The transaction hash that a wallet gave: `0x` and 64 hexadecimal digits. Everything else is refused before it can get
/// into a header. The error says what it is, and never shows a text that could be a proof.
pub fn transaction_hash<J: Json>(given: &J) -> Result<String, String> {
    match given.as_text() {
        Some(text) if is_hex(&text, 64) => Ok(text),
        Some(text) => Err(fill("a string of % characters", &[&decimal(text.encode_utf16().count() as u64)])),
        None => Err(match given.kind() {
            Kind::Undefined | Kind::Null => "nothing".to_owned(),
            _ => shown(given),
        }),
    }
}

/// A transaction hash in what a wallet gave or threw, though it is not what was asked for: money may have moved, and this is
/// how to find out. Libraries give whole transactions and receipts, or put the hash on the error.
pub fn stray_hash<J: Json>(value: &J) -> Option<String> {
    let found = |text: String| {
        let digits = text.trim_ascii().get(2..).filter(|_| text.trim_ascii().to_ascii_lowercase().starts_with("0x"));
        let hash = fill("0x%", &[digits.unwrap_or(text.trim_ascii())]);
        Some(hash).filter(|hash| is_hex(hash, 64))
    };
    // A receipt first: it is of the transaction that was mined, in the place of the one that was sent perhaps.
    let named = value
        .as_text()
        .or_else(|| value.get("receipt")?.get_text("hash"))
        .or_else(|| value.get_text("transactionHash"))
        .or_else(|| value.get_text("hash"));
    named.and_then(found).or_else(|| hash_in(&value.get_text("message")?))
}

/// The hash in a text, such as "timed out while waiting for 0x…".
fn hash_in(text: &str) -> Option<String> {
    let mut text = text;
    while let Some((_, rest)) = split(text, "0x") {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits == 64 {
            return rest.get(..digits).map(|digits| fill("0x%", &[digits]));
        }
        text = rest;
    }
    None
}

/// The request headers that a wallet gave which took the payment over: names in lower case.
pub fn headers<J: Json>(given: &J) -> Result<Vec<(String, String)>, &'static str> {
    let mut headers = Vec::new();
    for pair in given.elements() {
        let pair = pair.elements();
        let text = |at: usize| pair.get(at).and_then(Json::as_text);
        let (Some(name), Some(value)) = (text(0), text(1)) else { return Err("something that is no header") };
        if !PROOF_HEADERS.contains(&name.as_str()) {
            return Err("a header that is no proof of payment (x-payment, x-payment-network, payment-signature)");
        }
        if !can_be_sent(&value) {
            return Err("a header value that cannot be sent");
        }
        headers.push((name, value));
    }
    if headers.is_empty() { Err("no request headers") } else { Ok(headers) }
}

/// Whether this can be a header's value.
pub fn can_be_sent(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_HEADER && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// The headers that a proof can be in.
pub const PROOF_HEADERS: [&str; 3] = ["x-payment", "x-payment-network", "payment-signature"];

/// Whether a request header is about payment, so that only the client itself may set it.
pub fn is_proof_header(name: &str) -> bool {
    name.starts_with("x-payment") || name.starts_with("payment-")
}

/// Whether what a wallet threw means that its user said no. Every wallet library says it in another way: EIP-1193's code
/// 4001, ethers' `ACTION_REJECTED`, viem's `UserRejectedRequestError`, generic JSON-RPC codes with words, plain strings;
/// often wrapped in other errors.
pub fn is_rejection<J: Json>(thrown: &J) -> bool {
    let mut error = Some(thrown.clone());
    for _ in 0..MAX_CAUSES {
        let Some(this) = error else { return false };
        let number = this.get_number("code");
        let words = this.as_text().or_else(|| this.get_text("message")).unwrap_or_default().to_ascii_lowercase();
        let any = |parts: &[&str]| parts.iter().any(|part| has(&words, part));
        // A node and a connection cancel and decline too: only what the user did is a no of the user's.
        let by_user =
            any(&["user reject", "user denied", "user cancel", "user declin", "user has ", "by user", "byuser", "by the user"]);
        let says_no = by_user && any(&["reject", "denied", "cancel", "declin"]) && !has(&words, "user agent");
        if number == Some(4001.0)
            || this.get_text("code").is_some_and(|code| code == "ACTION_REJECTED" || code == "4001")
            || this.get_text("name").as_deref() == Some("UserRejectedRequestError")
            || says_no
            || (matches!(number, Some(-32000.0 | -32603.0))
                && (any(&["reject", "denied"]) || matches!(words.as_str(), "cancelled" | "canceled")))
        {
            return true;
        }
        error = this.get("cause").or_else(|| this.get("error")).or_else(|| this.get("info"));
    }
    false
}

/// The code and the words for what a wallet threw.
pub fn thrown<J: Json>(value: &J) -> (ErrorCode, String) {
    let words = value.as_text().or_else(|| value.get_text("message")).filter(|words| !words.is_empty());
    if is_rejection(value) {
        return (ErrorCode::WalletRejected, "the payment was rejected in the wallet; no money has moved".to_owned());
    }
    let words = words.map_or_else(|| shown(value), |words| shorten(&words, 200));
    (ErrorCode::WalletFailed, fill("the wallet failed: %", &[&words]))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_transaction_hash_is_a_proof() {
        let hash = format!("0x{}", "aB".repeat(32));
        assert_eq!(transaction_hash(&json!(hash)).unwrap(), hash);
        for (given, said) in [
            (json!(null), "nothing"),
            (json!(5), "5"),
            (json!({"hash": hash}), "an object"),
            (json!("0x12"), "a string of 4 characters"),
            (json!(format!("{hash}\r\nx: y")), "a string of 72 characters"),
            (json!("0X".to_owned() + &"ab".repeat(32)), "a string of 66 characters"),
        ] {
            let error = transaction_hash(&given).unwrap_err();
            assert_eq!(error, said);
        }
    }

    #[test]
    fn a_hash_is_found_wherever_libraries_put_it() {
        let hash = format!("0x{}", "ab".repeat(32));
        for value in [
            json!(hash),
            json!(format!(" 0X{}\n", "ab".repeat(32))),
            json!("ab".repeat(32)),
            json!({"hash": hash}),
            json!({"transactionHash": hash, "status": 1}),
            json!({"message": "reverted", "receipt": {"hash": hash}}),
            json!({"hash": format!("0x{}", "cd".repeat(32)), "receipt": {"hash": hash}, "code": "TRANSACTION_REPLACED"}),
            json!({"message": format!("0x12: timed out while waiting for transaction with hash \"{hash}\" to be confirmed")}),
        ] {
            assert_eq!(stray_hash(&value).as_deref(), Some(hash.as_str()), "{value}");
        }
        for value in [json!(null), json!(5), json!("0x12"), json!({}), json!({"hash": 5}), json!("é".repeat(32))] {
            assert_eq!(stray_hash(&value), None, "{value}");
        }
    }

    #[test]
    fn only_payment_headers_that_can_be_sent_are_taken() {
        let good = json!([["x-payment", "abc="], ["x-payment-network", "base"], ["payment-signature", "x"]]);
        assert_eq!(headers(&good).unwrap().len(), 3);
        for bad in [
            json!(null),
            json!([]),
            json!({}),
            json!([["x-payment"]]),
            json!([["authorization", "x"]]),
            json!([["x-payment", ""]]),
            json!([["x-payment", "a\r\nb"]]),
            json!([["x-payment", "€"]]),
            json!([["x-payment", "x".repeat(70_000)]]),
        ] {
            assert!(headers(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_known_way_to_say_no_is_a_rejection() {
        for no in [
            json!({"code": 4001, "message": "x"}),
            json!({"code": "ACTION_REJECTED"}),
            json!({"name": "UserRejectedRequestError", "message": "x"}),
            json!({"message": "outer", "cause": {"message": "inner", "cause": {"code": 4001}}}),
            json!({"code": "UNKNOWN_ERROR", "info": {"error": {"code": 4001}}}),
            json!({"code": -32000, "message": "Transaction rejected"}),
            json!({"code": -32603, "message": "User cancelled"}),
            json!("rejectedByUser"),
            json!("User denied transaction signature"),
        ] {
            assert_eq!(thrown(&no).0, ErrorCode::WalletRejected, "{no}");
        }
        for other in [
            json!({"code": -32000, "message": "context canceled"}),
            json!({"message": "RPC failed", "cause": {"code": -32000, "message": "context canceled"}}),
            json!({"code": -32603, "message": "upstream request canceled"}),
            json!("Timed out while waiting for UserOperation 0x1: the wait was cancelled"),
            json!("request cancelled by user agent"),
            json!({"code": -32000, "message": "insufficient funds"}),
            json!("boom"),
            json!(null),
            json!({}),
            json!(7),
        ] {
            assert_eq!(thrown(&other).0, ErrorCode::WalletFailed, "{other}");
        }
    }

    #[test]
    fn a_wallets_words_come_through_without_what_could_be_a_proof() {
        let hash = format!("0x{}", "ab".repeat(32));
        let error = crate::prove::threw(json!({"message": format!("timeout waiting for {hash} now")}), "");
        let words = error.message;
        assert!(words.contains("timeout waiting for 0x… now") && !words.contains(&hash), "{words}");
    }
}
