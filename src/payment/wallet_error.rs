//! What it means that a wallet threw: whether the user said no, and whether money has moved.

use super::wallet::{WRAPPED, own_words, parsed_message, says_unmoved, stray_hash, words_of, wrapped};
use crate::api::error::ErrorCode;
use crate::json::Json;
use crate::spending::offer_rules::PaymentMethod;

/// How deep their codes are looked for.
const MAX_DEPTH: usize = 5;

/// `code` of a no: EIP-1193 (4001; 4100, the account is not authorized), WalletConnect (5000 to
/// 5003), EIP-5792 (5750, the user refused the upgrade that the request needs).
const REJECTED: [f64; 7] = [4001.0, 4100.0, 5000.0, 5001.0, 5002.0, 5003.0, 5750.0];
/// `code`, `name`, `_tag`, `errorType` or `activityStatus` of a no.
const REJECTED_NAMES: [&str; 18] = [
    // ethers, viem
    "ACTION_REJECTED",
    "UserRejectedRequestError",
    "AtomicReadyWalletRejectedUpgradeError",
    "UnauthorizedProviderError",
    // A passkey (WebAuthn): the user said no, or did not answer in time.
    "NotAllowedError",
    // Ledger
    "UserRefusedOnDevice",
    "UserRefusedAddress",
    "UserRefusedAllowManager",
    "TransactionRefusedOnDevice",
    "RefusedByUserDAError",
    "ActionRefusedError",
    // Trezor
    "Failure_ActionCancelled",
    "Failure_PinCancelled",
    "Method_Cancel",
    "Method_Interrupted",
    "Method_PermissionsNotGranted",
    // Turnkey; Coinbase and Privy
    "ACTIVITY_STATUS_REJECTED",
    "policy_violation",
];
/// `statusCode` of a Ledger that is locked: 0x5515.
const LOCKED_STATUS: f64 = 21_781.0;
/// `statusCode` of a no on a Ledger: 0x6985 and 0x5501.
const REJECTED_STATUS: [f64; 2] = [27_013.0, 21_761.0];
/// `errorCode` of the same in Ledger's newer library.
const REJECTED_STATUS_WORDS: [&str; 2] = ["6985", "5501"];

/// `code` of a request that was not begun: the wallet does not know the chain (4902), or cannot do
/// a bundle of calls (EIP-5792). Not 4200, 4900 or -32601: what was asked after the transfer may
/// have met those. Not 5720: the request was made before. Not -32002: nodes say so after a time
/// limit.
const NOT_BEGUN: [f64; 5] = [UNKNOWN_CHAIN, 5700.0, 5710.0, 5740.0, 5760.0];
/// `code`, `name`, `_tag` or `action` of a request that was not begun. Not `NETWORK_ERROR` of
/// ethers: it has perhaps sent the transfer, and then found that the wallet is on another network.
const NOT_BEGUN_NAMES: [&str; 9] = [
    // Ledger: the device is locked.
    "LockedDeviceError",
    "DeviceLockedError",
    // viem: checks before it sends.
    "ChainMismatchError",
    "ChainNotFoundError",
    "AccountNotFoundError",
    "AccountTypeNotSupportedError",
    "EstimateGasExecutionError",
    // ethers: the gas is estimated before anything is sent (versions 6 and 5).
    "estimateGas",
    "UNPREDICTABLE_GAS_LIMIT",
];
const UNKNOWN_CHAIN: f64 = 4902.0;
const REQUEST_PENDING: f64 = -32_002.0;

/// Said of words that sound like the user's no.
const MAY_BE_A_NO: &str = " (that may be a no, but only a code or noMoneyMoved proves it)";
/// Said where certainly no money has moved.
pub const UNMOVED: &str = "; no money has moved";
/// Said where money may have moved.
pub const LOOK_IN_WALLET: &str = "; look in the wallet whether money has moved before you pay again";

/// What a wallet threw, and what that means for the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// `wallet_rejected` or `wallet_failed`.
    pub code: ErrorCode,
    /// For people: what happened, and whether money has moved. Shows no text that could be a proof.
    pub message: String,
    /// Something that looks like the transaction that the wallet sent.
    pub transaction: Option<String>,
    /// Whether certainly no money has moved.
    pub unmoved: bool,
}

/// What it means that a wallet threw this when it was asked to pay by this method.
///
/// That no money has moved is known by the method, by codes and names, and by the member
/// `noMoneyMoved`, never by words: every library says "rejected", and so do nodes that have a
/// transaction already. A hash is looked for only where something was sent: what is thrown after a
/// request to sign holds the typed data, whose nonce is no transaction.
pub fn thrown(method: PaymentMethod, value: &Json) -> Thrown {
    let signs = method == PaymentMethod::Sign;
    let transaction = if signs { None } else { stray_hash(value) };
    let verdict = Verdict::of(value, MAX_DEPTH);
    let parts = wrapped(value);
    let reads_as_no = parts.iter().any(reads_as_rejection);
    // The wallet that names a transaction has perhaps sent it, whatever was said no to.
    if transaction.is_none() && (verdict == Verdict::Rejected || (signs && reads_as_no)) {
        let message = "the payment was rejected in the wallet; no money has moved".to_owned();
        return Thrown { code: ErrorCode::WalletRejected, message, transaction, unmoved: true };
    }
    let unmoved = signs || says_unmoved(value) || (verdict != Verdict::Unknown && transaction.is_none());
    let doubt = if reads_as_no && !unmoved { MAY_BE_A_NO } else { "" };
    let words = own_words(value);
    let hint = hint(&parts, &words);
    let money = if unmoved { UNMOVED } else { LOOK_IN_WALLET };
    Thrown {
        code: ErrorCode::WalletFailed,
        message: format!("the wallet failed: {words}{doubt}{hint}{money}"),
        transaction,
        unmoved,
    }
}

/// What the codes and names of an error say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Unknown,
    /// The wallet has not begun with the request.
    NotBegun,
    /// The user, or a rule of the user's, said no.
    Rejected,
}

impl Verdict {
    /// What an error says, or one that is wrapped in it. Of several errors, each stands for a
    /// request of its own: all of them have to say so.
    fn of(error: &Json, depth: usize) -> Self {
        let own = Self::of_one(error);
        let Some(deeper) = depth.checked_sub(1).filter(|_| own != Self::Rejected) else { return own };
        let of = |inner: &Json| Self::of(inner, deeper);
        let wrapped =
            WRAPPED.into_iter().filter_map(|key| error.get(key)).chain(parsed_message(error)).map(|inner| of(&inner)).max();
        let several = error.get("errors").and_then(|errors| errors.elements().iter().map(of).min());
        own.max(wrapped.unwrap_or(own)).max(several.unwrap_or(own))
    }

    fn of_one(error: &Json) -> Self {
        let code = code(error);
        let status = error.get_number("statusCode");
        let status_word = error.get_text("errorCode");
        let names = ["code", "name", "_tag", "errorType", "activityStatus", "action"].map(|key| error.get_text(key));
        let is_named = |known: &[&str]| names.iter().flatten().any(|name| known.contains(&name.as_str()));
        if code.is_some_and(|code| REJECTED.contains(&code))
            || status.is_some_and(|status| REJECTED_STATUS.contains(&status))
            || status_word.is_some_and(|word| REJECTED_STATUS_WORDS.contains(&word.as_str()))
            || is_named(&REJECTED_NAMES)
        {
            Self::Rejected
        } else if code.is_some_and(|code| NOT_BEGUN.contains(&code))
            || status == Some(LOCKED_STATUS)
            || is_named(&NOT_BEGUN_NAMES)
        {
            Self::NotBegun
        } else {
            Self::Unknown
        }
    }
}

/// The code of an error, which some write as a text.
fn code(error: &Json) -> Option<f64> {
    // Not as an `f64`: that parser with its tables is 13 KB of the package (brotli).
    let written = || error.get_text("code")?.parse::<i32>().ok();
    error.get_number("code").or_else(|| written().map(f64::from))
}

/// What to do about it, where a code says so.
fn hint(parts: &[Json], words: &str) -> &'static str {
    let has_code = |wanted: f64| parts.iter().any(|part| code(part) == Some(wanted));
    // The wallets of this package say it themselves.
    if words.contains("try again") {
        ""
    } else if has_code(UNKNOWN_CHAIN) {
        "; the wallet does not know this network: add the network in the wallet and try again"
    } else if has_code(REQUEST_PENDING) && !words.contains("timed out") {
        "; a request is open in the wallet already: answer it there first"
    } else {
        ""
    }
}

/// Whether an error reads as if the user had said no.
fn reads_as_rejection(error: &Json) -> bool {
    let code = code(error);
    let words = words_of(error).to_ascii_lowercase();
    let any = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let no = any(&["reject", "denied", "cancel", "declin", "refus", "abort", "dismiss", "closed"]);
    // Nodes and connections cancel, decline and reject too. Only the user's no counts, and what a
    // node knows already has been sent.
    let by_user = any(&["user ", "user\n", "byuser"]) && !any(&["user agent", "user op"]);
    let by_node = any(&["known", "nonce", "underpriced", "limit", "fund", "gas", "access", "revert", "pool", "wait"]);
    let is_generic = matches!(code, Some(-32_000.0 | -32_603.0)) && any(&["reject", "denied"]);
    let is_bare = matches!(words.trim_ascii(), "cancelled" | "canceled") && code.is_some();
    ((by_user && no) || is_generic || is_bare) && !by_node
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    const METHODS: [PaymentMethod; 3] = [PaymentMethod::Transfer, PaymentMethod::Sign, PaymentMethod::Pay];

    #[test]
    fn a_no_is_known_by_its_code_or_name_whatever_the_method() {
        for no in [
            json!({"code": 4001, "message": "x"}),
            json!({"code": "4001"}),
            json!({"code": 4100}),
            json!({"code": "ACTION_REJECTED"}),
            json!({"name": "UserRejectedRequestError", "message": "x"}),
            json!({"message": "outer", "cause": {"message": "inner", "cause": {"code": 4001}}}),
            json!({"code": "UNKNOWN_ERROR", "info": {"error": {"code": 4001}}}),
            json!({"code": -32603, "message": "Internal error", "data": {"originalError": {"code": 4001}}}),
            json!({"cause": null, "error": {"code": 4001}}),
            json!({"cause": "x", "info": {"error": {"code": 4001}}}),
            json!({"errors": [{"code": 5000}, {"cause": {"code": 4001}}]}),
            json!({"code": 4001, "errors": [{"message": "x"}]}),
            json!({"code": 5000, "message": "Rejected"}),
            json!({"code": 5002}),
            json!({"code": 5750}),
            json!({"message": "{\"code\":4001,\"message\":\"no\"}"}),
            json!({"name": "TransportStatusError", "statusCode": 0x6985}),
            json!({"name": "TransportStatusError", "statusCode": 0x5501}),
            json!({"name": "UserRefusedOnDevice"}),
            json!({"name": "UserRefusedAddress"}),
            json!({"_tag": "RefusedByUserDAError"}),
            json!({"_tag": "EthAppCommandError", "errorCode": "6985"}),
            json!({"_tag": "UnknownDeviceExchangeError", "originalError": {"statusCode": 27013}}),
            json!({"code": "Failure_ActionCancelled", "message": "Action cancelled by user"}),
            json!({"code": "Method_Interrupted", "message": "Popup closed"}),
            json!({"success": false, "payload": {"code": "Method_Cancel", "error": "Cancelled"}}),
            json!({"name": "TurnkeyActivityError", "activityStatus": "ACTIVITY_STATUS_REJECTED"}),
            json!({"statusCode": 403, "errorType": "policy_violation"}),
            json!({"name": "NotAllowedError", "message": "The operation either timed out or was not allowed."}),
        ] {
            for method in METHODS {
                let thrown = thrown(method, &no);
                assert_eq!((thrown.code, thrown.unmoved), (ErrorCode::WalletRejected, true), "{method:?} {no}");
                assert_eq!(thrown.message, "the payment was rejected in the wallet; no money has moved");
            }
        }
    }

    #[test]
    fn one_no_among_several_errors_does_not_say_that_the_other_request_was_not_sent() {
        for divided in [
            json!({"errors": [{"message": "x"}, {"code": 4001}]}),
            json!({"name": "AggregateError", "errors": [{"code": 4001}, {"code": "TIMEOUT"}]}),
            json!({"cause": {"errors": [{"code": "NETWORK_ERROR"}, {"code": 4001}]}}),
        ] {
            for method in [PaymentMethod::Transfer, PaymentMethod::Pay] {
                let thrown = thrown(method, &divided);
                assert_eq!((thrown.code, thrown.unmoved), (ErrorCode::WalletFailed, false), "{method:?} {divided}");
            }
            assert!(thrown(PaymentMethod::Sign, &divided).unmoved);
        }
    }

    #[test]
    fn words_never_say_whether_money_has_moved() {
        for words in [
            json!({"code": -32000, "message": "Transaction rejected"}),
            json!({"code": -32603, "message": "User cancelled"}),
            json!("rejectedByUser"),
            json!("User denied transaction signature"),
            json!({"shortMessage": "User rejected the request."}),
            json!({"details": "the user dismissed the request"}),
            json!("Popup closed by user"),
            json!({"code": -32603, "message": "cancelled"}),
        ] {
            let signing = thrown(PaymentMethod::Sign, &words);
            assert_eq!((signing.code, signing.unmoved), (ErrorCode::WalletRejected, true), "{words}");
            for method in [PaymentMethod::Transfer, PaymentMethod::Pay] {
                let thrown = thrown(method, &words);
                assert_eq!((thrown.code, thrown.unmoved), (ErrorCode::WalletFailed, false), "{words}");
                let said = "(that may be a no, but only a code or noMoneyMoved proves it); look in the wallet";
                assert!(thrown.message.contains(said), "{}", thrown.message);
            }
        }
    }

    #[test]
    fn what_only_reads_like_a_no_is_a_failure() {
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
            json!({"code": "NETWORK_ERROR", "event": "changed", "message": "underlying network changed"}),
            json!({"code": "CALL_EXCEPTION", "action": "sendTransaction"}),
            json!({"code": "INSUFFICIENT_FUNDS", "message": "insufficient funds for gas"}),
            json!({"name": "AbortError"}),
            json!({"code": 4200}),
            json!({"code": 4900}),
            json!({"code": 5720, "message": "duplicate id"}),
            json!({"code": -32601}),
            json!({"statusCode": 403}),
            json!({"errorCode": "6a80"}),
            json!("boom"),
            json!(null),
            json!({}),
            json!(7),
        ] {
            for method in METHODS {
                let thrown = thrown(method, &other);
                let signs = method == PaymentMethod::Sign;
                assert_eq!((thrown.code, thrown.unmoved), (ErrorCode::WalletFailed, signs), "{method:?} {other}");
                assert!(thrown.message.ends_with(if signs { UNMOVED } else { LOOK_IN_WALLET }), "{}", thrown.message);
                assert!(!thrown.message.contains("may be a no"), "{}", thrown.message);
            }
        }
    }

    #[test]
    fn a_request_that_was_not_begun_has_moved_nothing() {
        for (error, hint) in [
            (json!({"code": 4902, "message": "Unrecognized chain ID"}), "add the network in the wallet"),
            (json!({"message": "wrong chain", "cause": {"code": 4902}}), "add the network in the wallet"),
            (json!({"code": 5710}), ""),
            (json!({"code": 5740}), ""),
            (json!({"name": "LockedDeviceError"}), ""),
            (json!({"_tag": "DeviceLockedError"}), ""),
            (json!({"name": "TransportStatusError", "statusCode": 0x5515}), ""),
            (json!({"name": "TransactionExecutionError", "cause": {"name": "ChainMismatchError"}}), ""),
            (json!({"name": "TransactionExecutionError", "cause": {"name": "EstimateGasExecutionError"}}), ""),
            (json!({"code": "CALL_EXCEPTION", "action": "estimateGas", "message": "execution reverted"}), ""),
            (json!({"code": "INSUFFICIENT_FUNDS", "action": "estimateGas"}), ""),
            (json!({"code": "UNPREDICTABLE_GAS_LIMIT"}), ""),
        ] {
            let thrown = thrown(PaymentMethod::Transfer, &error);
            assert_eq!((thrown.code, thrown.unmoved), (ErrorCode::WalletFailed, true), "{error}");
            assert!(thrown.message.contains(hint) && thrown.message.ends_with(UNMOVED), "{}", thrown.message);
        }
    }

    #[test]
    fn advice_is_given_once() {
        let words = "the wallet does not know chain 8453 (Base), on which the payment is; add it to the wallet and try again";
        let thrown = thrown(PaymentMethod::Transfer, &json!({"message": words, "noMoneyMoved": true, "cause": {"code": 4902}}));
        assert_eq!(thrown.message, format!("the wallet failed: {words}{UNMOVED}"));
    }

    #[test]
    fn a_request_that_is_open_in_the_wallet_is_said_to_be_so() {
        let said = |message: &str| thrown(PaymentMethod::Transfer, &json!({"code": -32002, "message": message}));
        let pending = said("Request of type 'wallet_requestPermissions' already pending");
        assert!(pending.message.contains("; a request is open in the wallet already"), "{}", pending.message);
        // A node's time limit has the same code, and may have sent the transfer.
        let late = said("request timed out");
        assert!(!late.message.contains("is open") && !late.unmoved && !pending.unmoved, "{}", late.message);
    }

    #[test]
    fn a_hash_is_looked_for_only_where_something_was_sent() {
        let hash = format!("0x{}", "ab".repeat(32));
        for no in [
            json!({"code": 4001, "message": format!("rejected {hash}")}),
            json!({"code": 4001, "message": format!("user cancelled the wait for {hash}")}),
            json!({"code": "ACTION_REJECTED", "transactionHash": hash}),
        ] {
            let signing = thrown(PaymentMethod::Sign, &no);
            assert_eq!((signing.code, signing.transaction, signing.unmoved), (ErrorCode::WalletRejected, None, true), "{no}");
            for method in [PaymentMethod::Transfer, PaymentMethod::Pay] {
                let sent = thrown(method, &no);
                assert_eq!((sent.code, sent.unmoved), (ErrorCode::WalletFailed, false), "{no}");
                assert_eq!(sent.transaction.as_deref(), Some(hash.as_str()), "{no}");
            }
        }
    }

    #[test]
    fn a_wallet_that_says_that_nothing_moved_is_believed() {
        let hash = format!("0x{}", "ab".repeat(32));
        let reverted = json!({"message": "the transfer was reverted", "transactionHash": hash, "noMoneyMoved": true});
        let thrown_so = thrown(PaymentMethod::Transfer, &reverted);
        assert_eq!((thrown_so.code, thrown_so.unmoved), (ErrorCode::WalletFailed, true));
        assert_eq!(thrown_so.transaction.as_deref(), Some(hash.as_str()));
        assert!(thrown_so.message.ends_with(UNMOVED), "{}", thrown_so.message);
        for other in [json!("true"), json!(1), json!(false), json!(null)] {
            assert!(!thrown(PaymentMethod::Transfer, &json!({"message": "x", "noMoneyMoved": other})).unmoved, "{other}");
        }
    }

    #[test]
    fn of_the_node_behind_a_wallet_the_host_is_shown_and_of_the_request_nothing() {
        let message =
            "HTTP request failed.\n\nStatus: 429\nURL: https://base.g.test/v2/KEY\nRequest body: {\"method\":\"eth_call\"}";
        for (error, words) in [
            (json!({"message": message}), "HTTP request failed.  Status: 429 URL: https://base.g.test/… Request body"),
            (json!(message), "URL: https://base.g.test/… Request"),
            (
                json!({"message": message, "shortMessage": "HTTP request failed.", "details": "Too Many Requests"}),
                "the wallet failed: HTTP request failed. (Too Many Requests); look in",
            ),
            (
                json!({"message": message, "shortMessage": "down", "details": "https://h.test/KEY"}),
                "failed: down (https://h.test/…);",
            ),
            (json!({"message": "long", "shortMessage": "rate limit", "details": "limit"}), "failed: rate limit;"),
            (json!({"message": "reverted", "shortMessage": "", "details": "KEY"}), "failed: reverted;"),
        ] {
            let said = thrown(PaymentMethod::Transfer, &error).message;
            assert!(said.contains(words) && !said.contains("KEY"), "{said}");
        }
    }

    #[test]
    fn a_wallets_words_come_through_without_what_could_be_a_proof() {
        let hash = format!("0x{}", "ab".repeat(32));
        let value = json!({"message": format!("timeout waiting for {hash} now")});
        let error = crate::payment::wallet_request::threw(PaymentMethod::Transfer, value);
        let words = error.message;
        assert!(words.contains("timeout waiting for 0x… now") && !words.contains(&hash), "{words}");
    }
}
