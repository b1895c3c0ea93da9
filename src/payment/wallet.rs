//! What a wallet returned or threw, as values: a transaction's hash, request headers, words. What
//! it means that a wallet threw is in [`wallet_error`](super::wallet_error).

use crate::encoding::is_hex;
use crate::http::message::{PROOF_HEADERS, can_be_sent};
use crate::json::{Json, Kind, is_true, shown};
use crate::text::{only_hosts, shorten};

/// How many errors within an error are read.
const MAX_CAUSES: usize = 16;
/// The most of a wallet's words that a message shows, in characters.
const MAX_WORDS: usize = 200;

/// Where libraries put what they wrap. A receipt comes first: its transaction was mined, perhaps in
/// place of the one that was sent.
pub(super) const WRAPPED: [&str; 10] =
    ["receipt", "cause", "error", "info", "data", "originalError", "errors", "transaction", "tx", "payload"];
/// Where libraries put a transaction's hash.
const HASHES: [&str; 4] = ["transactionHash", "hash", "txHash", "sendTransactionHash"];

/// What the wallet itself says of its failure.
pub(super) fn own_words(value: &Json) -> String {
    said(value).map_or_else(|| shown(value), |words| shorten(&only_hosts(&words), MAX_WORDS))
}

/// What was returned or thrown, and what is wrapped in it.
pub(super) fn wrapped(value: &Json) -> Vec<Json> {
    let mut found = vec![value.clone()];
    let mut at = 0;
    while let Some(this) = found.get(at).cloned() {
        for key in WRAPPED {
            let Some(inner) = this.get(key) else { continue };
            let inner = if key == "errors" { inner.elements() } else { vec![inner] };
            found.extend(inner);
        }
        found.extend(parsed_message(&this));
        found.truncate(MAX_CAUSES);
        at = at.saturating_add(1);
    }
    found
}

/// WalletConnect throws errors whose message is the JSON of the wallet's answer.
pub(super) fn parsed_message(error: &Json) -> Option<Json> {
    error.get_text("message").filter(|message| message.starts_with('{')).and_then(|json| Json::parse(&json))
}

/// The transaction hash that a wallet returned: `0x` and 64 hexadecimal digits. Everything else is
/// refused before it can get into a header. The error says what it is, and never shows a text that
/// could be a proof.
pub fn transaction_hash(given: &Json) -> Result<String, String> {
    match given.as_text() {
        Some(text) if is_hex(&text, 64) => Ok(text),
        Some(text) => Err(format!("a string of {} characters", text.encode_utf16().count())),
        None => Err(match given.kind() {
            Kind::Undefined | Kind::Null => "nothing".to_owned(),
            _ => shown(given),
        }),
    }
}

/// What the answer of a wallet means that has said before that it has sent a transaction: this one;
/// `None` where what it said was no hash. Only the wallet itself can take that back: what goes
/// wrong while it waits until that is mined says nothing about the money.
pub fn after_sending(answer: Result<Json, Json>, hash: Option<&str>) -> Result<Json, Json> {
    match (answer, hash) {
        (Err(thrown), _) if says_unmoved(&thrown) => Err(thrown),
        (Ok(given), _) if transaction_hash(&given).is_ok() => Ok(given),
        (_, Some(hash)) => Ok(Json::text(hash)),
        (Err(thrown), None) => {
            // Its codes mean nothing any more.
            let words = match stray_hash(&thrown) {
                Some(hash) => format!("it has called onSent, and sent {hash}"),
                None => format!("it has called onSent, so that it has sent something, and then: {}", own_words(&thrown)),
            };
            Err(Json::object().set("message", Json::text(&words)))
        }
        (answer, None) => answer,
    }
}

/// Whether a wallet says that certainly no money has moved.
pub(super) fn says_unmoved(thrown: &Json) -> bool {
    thrown.get("noMoneyMoved").as_ref().is_some_and(is_true)
}

/// A transaction hash in what a wallet returned or threw, though it is not what was asked for.
/// Money may have moved, and this is how to find out. Libraries return whole transactions and
/// receipts, or put the hash somewhere on the error.
pub fn stray_hash(value: &Json) -> Option<String> {
    let parts = wrapped(value);
    let mined = value.get("receipt");
    let named = mined.iter().chain(&parts).flat_map(|part| HASHES.map(|key| part.get_text(key))).flatten();
    named
        .chain(value.as_text())
        .find_map(|text| whole_hash(&text))
        .or_else(|| parts.iter().find_map(|part| hash_in(&words_of(part))))
}

/// The hash that a text is, with or without `0x`.
fn whole_hash(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    Some(format!("0x{digits}")).filter(|hash| is_hex(hash, 64))
}

/// What is shown of what was thrown. `message` of viem and ethers holds the whole request and the
/// node's address besides.
fn said(value: &Json) -> Option<String> {
    let part = |key: &str| value.get_text(key).filter(|words| !words.is_empty());
    let text = value.as_text().filter(|words| !words.is_empty());
    text.or_else(|| match (part("shortMessage"), part("details")) {
        (Some(short), Some(details)) if !short.contains(&details) => Some([&short, " (", &details, ")"].concat()),
        (short, _) => short.or_else(|| part("message")),
    })
}

/// All that an error says.
pub(super) fn words_of(error: &Json) -> String {
    let said = |key: &str| error.get_text(key).unwrap_or_default();
    [error.as_text().unwrap_or_default(), said("message"), said("shortMessage"), said("details")].join("\n")
}

/// The hash in a text, such as "timed out while waiting for 0x…".
fn hash_in(text: &str) -> Option<String> {
    text.split("0x").skip(1).find_map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        (digits == 64).then(|| format!("0x{}", rest.get(..digits).unwrap_or_default()))
    })
}

/// The request headers that a wallet returned which took over the payment: names in lower case.
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
        // What `Headers` makes of a member that has no value.
        if !matches!(value.as_str(), "undefined" | "null") {
            headers.push((name, value));
        }
    }
    if headers.is_empty() { Err("no request headers") } else { Ok(headers) }
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
        let without_network = json!([["x-payment", "abc="], ["x-payment-network", "undefined"], ["payment-signature", "null"]]);
        assert_eq!(headers(&without_network).unwrap(), [("x-payment".to_owned(), "abc=".to_owned())]);
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
            json!([["x-payment", "undefined"]]),
        ] {
            assert!(headers(&bad).is_err(), "{bad}");
        }
    }
}
