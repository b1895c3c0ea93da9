//! What a wallet gives, and what it throws.

use crate::api::error::ErrorCode;
use crate::encoding::is_hex;
use crate::json::{Json, Kind, shown};
use crate::text::{decimal, fill, has, shorten, split};
use crate::x402::MAX_HEADER;

/// How many errors within an error are looked at.
const MAX_CAUSES: usize = 16;

/// Where libraries put what they wrap: a receipt first, for it is of the transaction that was mined, in the place of the one that was
/// sent perhaps.
const WRAPPED: [&str; 9] = ["receipt", "cause", "error", "info", "data", "originalError", "errors", "transaction", "tx"];

/// What was given or thrown, and what is wrapped in it.
fn wrapped(value: &Json) -> Vec<Json> {
    let mut found = vec![value.clone()];
    let mut at = 0;
    while let Some(this) = found.get(at).cloned() {
        for key in WRAPPED {
            let Some(inner) = this.get(key) else { continue };
            let inner = if key == "errors" { inner.elements() } else { vec![inner] };
            found.extend(inner);
        }
        found.truncate(MAX_CAUSES);
        at = at.saturating_add(1);
    }
    found
}

/// The transaction hash that a wallet gave: `0x` and 64 hexadecimal digits. Everything else is refused before it can get
/// into a header. The error says what it is, and never shows a text that could be a proof.
pub fn transaction_hash(given: &Json) -> Result<String, String> {
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
/// how to find out. Libraries give whole transactions and receipts, or put the hash on the error, somewhere.
pub fn stray_hash(value: &Json) -> Option<String> {
    let whole = |text: String| {
        let digits = text.trim_ascii().get(2..).filter(|_| text.trim_ascii().to_ascii_lowercase().starts_with("0x"));
        let hash = fill("0x%", &[digits.unwrap_or(text.trim_ascii())]);
        Some(hash).filter(|hash| is_hex(hash, 64))
    };
    let parts = wrapped(value);
    let mined = value.get("receipt");
    for part in mined.iter().chain(&parts) {
        for key in ["transactionHash", "hash", "txHash", "sendTransactionHash"] {
            if let Some(hash) = part.get_text(key).and_then(whole) {
                return Some(hash);
            }
        }
    }
    value.as_text().and_then(whole).or_else(|| parts.iter().find_map(|part| hash_in(&words_of(part))))
}

/// All that an error says.
fn words_of(error: &Json) -> String {
    let said = |key: &str| error.get_text(key).unwrap_or_default();
    fill("%\n%\n%\n%", &[&error.as_text().unwrap_or_default(), &said("message"), &said("shortMessage"), &said("details")])
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
pub fn headers(given: &Json) -> Result<Vec<(String, String)>, &'static str> {
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
/// 4001, ethers' `ACTION_REJECTED`, viem's `UserRejectedRequestError`, WalletConnect's 5000, generic JSON-RPC codes with words, plain
/// strings; often wrapped in other errors.
pub fn is_rejection(thrown: &Json) -> bool {
    wrapped(thrown).iter().any(|this| {
        let number = this.get_number("code");
        let words = words_of(this).to_ascii_lowercase();
        let any = |parts: &[&str]| parts.iter().any(|part| has(&words, part));
        let no = any(&["reject", "denied", "cancel", "declin", "refus", "abort", "dismiss", "closed"]);
        // Nodes and connections cancel, decline and reject too: only what the user did is a no of the user's, and what is already
        // known to a node has been sent.
        let by_user = any(&["user ", "user\n", "byuser"]) && !any(&["user agent", "user op"]);
        let by_node = any(&["known", "nonce", "underpriced", "limit", "fund", "gas", "access", "revert", "pool", "wait"]);
        let is_generic = matches!(number, Some(-32000.0 | -32603.0)) && any(&["reject", "denied"]);
        let is_bare = matches!(words.trim_ascii(), "cancelled" | "canceled") && number.is_some();
        number == Some(4001.0)
            || this.get_text("code").is_some_and(|code| code == "ACTION_REJECTED" || code == "4001")
            || this.get_text("name").as_deref() == Some("UserRejectedRequestError")
            || (number == Some(5000.0) && no)
            || (((by_user && no) || is_generic || is_bare) && !by_node)
    })
}

/// The code and the words for what a wallet threw.
pub fn thrown(value: &Json) -> (ErrorCode, String) {
    let words = value.as_text().or_else(|| value.get_text("message")).filter(|words| !words.is_empty());
    // Who names a transaction has perhaps sent it, whatever was said no to.
    if is_rejection(value) && stray_hash(value).is_none() {
        return (ErrorCode::WalletRejected, "the payment was rejected in the wallet; no money has moved".to_owned());
    }
    let words = words.map_or_else(|| shown(value), |words| shorten(&words, 200));
    (ErrorCode::WalletFailed, fill("the wallet failed: %", &[&words]))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

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
            json!({"txHash": hash}),
            json!({"cause": {"transactionHash": hash}}),
            json!({"code": 4001, "info": {"sendTransactionHash": hash}}),
            json!({"errors": [{}, {"data": {"txHash": hash}}]}),
            json!({"tx": {"hash": hash}}),
            json!(format!("https://basescan.org/tx/{hash}")),
            json!({"shortMessage": format!("no receipt of {hash}.")}),
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
            json!({"code": -32603, "message": "Internal error", "data": {"originalError": {"code": 4001}}}),
            json!({"cause": null, "error": {"code": 4001}}),
            json!({"cause": "x", "info": {"error": {"code": 4001}}}),
            json!({"errors": [{"message": "x"}, {"code": 4001}]}),
            json!({"code": 5000, "message": "Rejected"}),
            json!({"shortMessage": "User rejected the request."}),
            json!({"details": "the user dismissed the request"}),
            json!("Popup closed by user"),
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
            json!({"code": -32000, "message": "transaction rejected: already known"}),
            json!({"code": -32603, "message": "access denied: rate limit"}),
            json!("user has insufficient funds; the request was cancelled"),
            json!({"code": 4001, "message": format!("user cancelled the wait for 0x{}", "ab".repeat(32))}),
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
        let error = crate::payment::wallet_request::threw(json!({"message": format!("timeout waiting for {hash} now")}), false, "");
        let words = error.message;
        assert!(words.contains("timeout waiting for 0x… now") && !words.contains(&hash), "{words}");
    }
}
