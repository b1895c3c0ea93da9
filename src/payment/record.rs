//! A payment as it is written down.
//!
//! A record is JSON under the key `eliza-jobs/payment/` and the attempt's id: the members of a
//! [`PaymentAttempt`](crate::api::payments::PaymentAttempt) with its proof, and
//!
//! | member | |
//! | --- | --- |
//! | `version` | 1 |
//! | `server` | the base address of the server that is paid |
//! | `request` | the body of the request |
//! | `firstRequest` | the body before `resume` corrected it; absent when it never did |
//! | `createdAt` | when the payment began, or when the job was there, in milliseconds since 1970 |
//! | `begunAt` | when the payment began, in milliseconds since 1970; absent in old records, where `createdAt` stands for it |
//! | `hashGiven` | `true` where `transaction` was given to `resume`, rather than by the wallet |
//! | `onChain` | `true` where the chain itself says that the money has moved |
//! | `scope` | the scope of its budget; absent for that of all who share the store |
//! | `created` | what `createJob` returns; absent before there is a job |
//! | `idempotencyKey`, `fingerprint` | the caller's key and the request fingerprint; absent without a key |
//! | `signs` | `true` where the wallet signs, so that nothing moves before the proof is sent |
//! | `validUntil` | until when what the wallet signs can be settled, in milliseconds since 1970 |
//! | `answered` | `true` once the job's end was seen; only payments with a key are kept so long |
//! | `found` | `true` where the job was found by a search, so that no answer says that the payment was settled |
//! | `unmoved` | `true` where certainly no money has moved; only an error's attempt has it, for its record is deleted |
//!
//! Records of version 0.1.0 are read too: there a flag is `"yes"`, the fingerprint is `question`,
//! and the dialects have other names. A record that cannot be read is reported, and kept. Of flags
//! that contradict each other one counts: what the chain says comes first.
//!
//! Once the job's end was seen, the record moves to `eliza-jobs/paid/`, the time at which it began
//! and its id. There it has neither the request nor a key, and stays as history for as long as the
//! application wants.

use crate::api::payments::{Attempt, AttemptJob, Certainty, Dialect, JobSource, NamedBy, PaidBy, PaymentState, Price};
use crate::encoding::is_hex;
use crate::http::message::{PROOF_HEADERS, can_be_sent};
use crate::json::{Json, Kind, is_true};
use crate::time::WallTime;
use crate::x402::elizaos;

/// What every record's key begins with.
pub const PREFIX: &str = "eliza-jobs/payment/";
/// What the key of every payment begins with whose answer was seen.
pub const PAID: &str = "eliza-jobs/paid/";
const VERSION: f64 = 1.0;
/// How many digits the time has in a key of the history.
const DIGITS: usize = 13;

/// What was found under a key.
#[derive(Debug, Clone)]
pub enum Found {
    /// Nothing.
    Missing,
    /// An attempt.
    Attempt(Box<Attempt>),
    /// A record that cannot be read.
    Unreadable,
    /// The store failed. What it threw.
    Withheld(Json),
}

/// The key of the record of the attempt with this id.
pub fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The key of the record of an attempt whose answer was seen. Keys sort by the time at which the
/// payments began.
pub fn paid_key(id: &str, begun_at: WallTime) -> String {
    format!("{PAID}{:0>DIGITS$}-{id}", begun_at.whole().to_string())
}

/// When the payment of this key of the history began, to the millisecond.
pub fn time_of_past(key: &str) -> Option<WallTime> {
    let digits = key.strip_prefix(PAID)?.get(..DIGITS)?;
    // Not read as a fraction: that alone is 13 KB of the package.
    #[expect(clippy::cast_precision_loss, reason = "thirteen digits")]
    digits.parse::<u64>().ok().map(|ms| WallTime::from_ms(ms as f64))
}

/// The id of the payment of this key of the history.
pub fn id_of_past(key: &str) -> Option<&str> {
    key.strip_prefix(PAID)?.get(DIGITS + 1..)
}

/// What stays of an attempt whose answer was seen: nothing that anybody could use, or that tells
/// what was asked.
pub fn history(attempt: &Attempt) -> Json {
    let none = String::new;
    let texts =
        Attempt { request: none(), first_request: none(), idempotency_key: none(), fingerprint: none(), ..attempt.clone() };
    to_json(&Attempt { proof: Vec::new(), answered: true, ..texts })
}

/// The attempt with all that is needed to resume it.
pub fn to_json(attempt: &Attempt) -> Json {
    let mut record = attempt.with_proof();
    for (key, text) in [
        ("server", &attempt.server),
        ("request", &attempt.request),
        ("firstRequest", &attempt.first_request),
        ("idempotencyKey", &attempt.idempotency_key),
        ("fingerprint", &attempt.fingerprint),
        ("scope", &attempt.scope),
    ] {
        if !text.is_empty() {
            record = record.set(key, Json::text(text));
        }
    }
    if let Some(job) = &attempt.job {
        record = record.set("created", job.handle.clone());
    }
    for (key, is_set) in [
        ("answered", attempt.answered),
        ("signs", attempt.is_signed()),
        ("found", attempt.job.as_ref().is_some_and(|job| job.source == JobSource::Search)),
        ("unmoved", attempt.certainty == Certainty::Unmoved),
        ("hashGiven", attempt.named_by == NamedBy::Application),
    ] {
        if is_set {
            record = record.set(key, Json::boolean(true));
        }
    }
    if let Some(until) = attempt.valid_until() {
        record = record.set("validUntil", Json::number(until.as_ms()));
    }
    record
        .set("version", Json::number(VERSION))
        .set("createdAt", Json::number(attempt.created_at.as_ms()))
        .set("begunAt", Json::number(attempt.begun_at.as_ms()))
}

/// Reads a record, or an attempt that an error has carried. `None` when it is neither.
pub fn read(record: &Json) -> Option<Attempt> {
    let text = |key: &str| record.get_text(key).unwrap_or_default();
    let flag = |key: &str| record.get(key).is_some_and(|flag| is_true(&flag) || flag.as_text().as_deref() == Some("yes"));
    let id = record.get_text("attemptId").filter(|id| !id.is_empty())?;
    let state = PaymentState::read(&record.get_text("state")?)?;
    let price = Price::read(record);
    let transaction = record.get_text("transaction");
    let proof = read_proof(record, transaction.as_deref());
    let created_at = WallTime::from_ms(record.get_number("createdAt").unwrap_or(0.0));
    let valid_until = record.get_number("validUntil").map(WallTime::from_ms);
    let source = if flag("found") { JobSource::Search } else { JobSource::Reply };
    let handle = record.get("created").filter(|created| created.get_text("jobId").is_some());
    Some(Attempt {
        id,
        state,
        price,
        paid_by: if flag("signs") { PaidBy::Signature { valid_until } } else { PaidBy::Transfer },
        certainty: if flag("onChain") {
            Certainty::Moved
        } else if flag("unmoved") && transaction.is_none() {
            Certainty::Unmoved
        } else {
            // Who has found a transaction knows better.
            Certainty::None
        },
        transaction,
        named_by: if flag("hashGiven") { NamedBy::Application } else { NamedBy::Wallet },
        proof,
        receipt: record.get("receipt").filter(|receipt| receipt.kind() == Kind::Object),
        server: text("server"),
        request: text("request"),
        first_request: text("firstRequest"),
        job: handle.map(|handle| AttemptJob { handle, source }),
        created_at,
        begun_at: record.get_number("begunAt").map_or(created_at, WallTime::from_ms),
        scope: text("scope"),
        idempotency_key: text("idempotencyKey"),
        fingerprint: record.get_text("fingerprint").unwrap_or_else(|| text("question")),
        answered: flag("answered"),
    })
}

/// The proof in a record with this transaction.
fn read_proof(record: &Json, transaction: Option<&str>) -> Vec<(String, String)> {
    let stored = record.get("proof");
    let proof: Vec<(String, String)> = PROOF_HEADERS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), stored.as_ref()?.get_text(name)?)))
        .filter(|(_, value)| can_be_sent(value))
        .collect();
    let is_transfer = record.get_text("dialect").and_then(|dialect| Dialect::parse(&dialect)) == Some(Dialect::Elizaos);
    // The hash of a plain transfer is its proof, wherever it was found.
    match transaction.filter(|hash| proof.is_empty() && is_transfer && is_hex(hash, 64)) {
        Some(hash) => transfer_proof(hash, &record.get_text("network").unwrap_or_default()),
        None => proof,
    }
}

/// What a store's value holds.
pub fn parse(value: &Json) -> Found {
    if matches!(value.kind(), Kind::Undefined | Kind::Null) {
        return Found::Missing;
    }
    // Bytes, say, are a record too.
    let record = value.as_text().and_then(|text| Json::parse(&text));
    let record = record.filter(|record| record.get_number("version") == Some(VERSION));
    record.as_ref().and_then(read).map_or(Found::Unreadable, |attempt| Found::Attempt(Box::new(attempt)))
}

/// The record with the hash that `resume` was given in place of its own: the application found it
/// in the wallet. It may stand for a transaction that was sped up there.
pub fn with_given_hash(attempt: Attempt, hash: Option<String>) -> Attempt {
    let before = attempt.transaction.clone();
    let attempt = with_transaction(attempt, hash);
    let named_by = if attempt.transaction == before { attempt.named_by } else { NamedBy::Application };
    Attempt { named_by, ..attempt }
}

/// The record with this transaction in place of its own. What was signed is its own proof, and a
/// job that is there needs none.
pub fn with_transaction(attempt: Attempt, hash: Option<String>) -> Attempt {
    let new = hash.filter(|hash| is_hex(hash, 64) && attempt.transaction.as_ref() != Some(hash));
    let Some(hash) = new.filter(|_| !attempt.is_signed() && attempt.job.is_none()) else { return attempt };
    let transfer = attempt.price.as_ref().filter(|price| price.dialect == Dialect::Elizaos);
    let proof = transfer.map(|price| transfer_proof(&hash, &price.network)).unwrap_or_default();
    Attempt { proof, transaction: Some(hash), ..attempt }
}

/// The hash of a plain transfer is its proof.
fn transfer_proof(hash: &str, network: &str) -> Vec<(String, String)> {
    let mut proof = elizaos::proof(hash, network);
    proof.retain(|(_, value)| can_be_sent(value));
    proof
}

/// An attempt of which only the id is known, as it is listed.
pub fn unreadable(id: &str) -> Json {
    Json::object().set("attemptId", Json::text(id)).set("state", Json::text("unreadable"))
}

/// The words for a record that cannot be read.
pub fn unreadable_words(key: &str) -> String {
    let way_out = if key.starts_with(PREFIX) { "call forgetPayment({ attemptId }) for it" } else { "delete it from the store" };
    format!(
        "the record {key} cannot be read; it was kept, and nothing was sent or paid. A later version of this package may have \
         written it, or it is damaged: look in the wallet whether money has moved, then {way_out}"
    )
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;

    fn record() -> Json {
        json!({"version": 1, "attemptId": "a", "state": "sent", "dialect": "v1", "network": "base", "amountAtomic": "20000",
            "amount": "0.02", "asset": "0x1", "recipient": "0x2", "currency": "USDC", "chainId": 8453, "decimals": 6, "server": "https://s", "request": "{}", "createdAt": 5,
            "proof": {"x-payment": "p"}, "idempotencyKey": "k"})
    }

    #[test]
    fn what_is_written_is_read_again() {
        let whole = record()
            .set("signs", Json::boolean(true))
            .set("answered", Json::boolean(true))
            .set("validUntil", Json::number(9.0))
            .set("fingerprint", Json::text("f"))
            .set("created", json!({"jobId": "job-1"}));
        let attempt = read(&whole).unwrap();
        assert_eq!(format!("{attempt:?}"), format!("{:?}", read(&to_json(&attempt)).unwrap()));
        assert_eq!((attempt.fingerprint.as_str(), attempt.answered), ("f", true));
        assert_eq!(attempt.paid_by, PaidBy::Signature { valid_until: Some(WallTime::from_ms(9.0)) });
    }

    #[test]
    fn records_of_the_first_version_are_read() {
        let old = record().set("signs", Json::text("yes")).set("answered", Json::text("yes")).set("question", Json::text("q"));
        for (old_name, dialect) in [("seed", Dialect::Elizaos), ("v1", Dialect::X402V1), ("v2", Dialect::X402V2)] {
            let attempt = read(&old.clone().set("dialect", Json::text(old_name))).unwrap();
            assert_eq!(attempt.price.as_ref().unwrap().dialect, dialect);
            assert_eq!((attempt.is_signed(), attempt.answered, attempt.fingerprint.as_str()), (true, true, "q"));
        }
        assert!(!read(&record().set("signs", Json::text("no"))).unwrap().is_signed());
    }

    #[test]
    fn flags_that_contradict_each_other_are_read_as_one_thing() {
        let yes = || Json::boolean(true);
        let of = |record: Json| read(&record).unwrap();
        let unmoved = record().set("unmoved", yes());
        assert_eq!(of(unmoved.clone()).certainty, Certainty::Unmoved);
        assert_eq!(of(unmoved.clone().set("onChain", yes())).certainty, Certainty::Moved, "the chain knows better");
        let found = unmoved.set("transaction", Json::text(&format!("0x{}", "ab".repeat(32))));
        assert_eq!(of(found).certainty, Certainty::None, "who has found a transaction knows better");
        let until = record().set("validUntil", Json::number(9.0));
        assert_eq!(of(until).paid_by, PaidBy::Transfer, "nothing is signed");
        assert!(of(record().set("found", yes())).job.is_none(), "there is no job that was found");
        let job = of(record().set("found", yes()).set("created", json!({"jobId": "job-1"}))).job.unwrap();
        assert_eq!(job.source, JobSource::Search);
    }

    #[test]
    fn the_history_of_a_payment_says_neither_what_was_asked_nor_how_it_was_paid() {
        let whole = record()
            .set("request", Json::text("{\"content\": \"asked\"}"))
            .set("firstRequest", Json::text("{\"content\": \"asked first\"}"))
            .set("fingerprint", Json::text("whose"))
            .set("idempotencyKey", Json::text("order-1"))
            .set("proof", json!({"x-payment": "secret"}));
        let text = history(&read(&whole).unwrap()).to_json();
        for word in ["asked", "whose", "order-1", "secret"] {
            assert!(to_json(&read(&whole).unwrap()).to_json().contains(word) && !text.contains(word), "{word}: {text}");
        }
        assert!(read(&Json::parse(&text).unwrap()).unwrap().answered);
    }

    #[test]
    fn a_hash_that_the_application_brings_is_known_as_such_unless_it_is_the_wallets_own() {
        let [own, brought] = ["ab", "cd"].map(|byte| format!("0x{}", byte.repeat(32)));
        let transfer = record().set("dialect", Json::text("elizaos")).set("transaction", Json::text(&own));
        let given = |attempt: Attempt, hash: &str| with_given_hash(attempt, Some(hash.to_owned()));
        let attempt = read(&transfer).unwrap();
        assert_eq!(given(attempt.clone(), &own).named_by, NamedBy::Wallet);
        let other = given(attempt, &brought);
        assert_eq!((other.transaction.as_deref(), other.named_by), (Some(brought.as_str()), NamedBy::Application));
        assert_eq!(given(read(&to_json(&other)).unwrap(), &brought).named_by, NamedBy::Application, "it stays so");
    }

    #[test]
    fn the_transaction_that_settled_a_signature_is_no_proof_of_it() {
        let hash = format!("0x{}", "ab".repeat(32));
        let settled = record().set("transaction", Json::text(&hash));
        assert_eq!(read(&settled).unwrap().proof, [("x-payment".to_owned(), "p".to_owned())]);
        assert!(read(&settled.without("proof")).unwrap().proof.is_empty());
    }

    #[test]
    fn what_is_no_record_is_unreadable_and_not_missing() {
        assert!(matches!(parse(&json!(null)), Found::Missing));
        assert!(matches!(parse(&json!(record().to_json())), Found::Attempt(_)));
        let whole = record().to_json();
        let cut = whole.get(..whole.len() - 9).unwrap();
        let newer = record().set("version", Json::number(2.0)).to_json();
        for damaged in ["", "{", "null", "[]", "{}", cut, &newer, &format!("\u{feff}{whole}"), &"\0".repeat(200)] {
            assert!(matches!(parse(&json!(damaged)), Found::Unreadable), "{damaged:?}");
        }
        assert!(matches!(parse(&json!([1, 2])), Found::Unreadable));
    }

    #[test]
    fn keys_tell_when_their_payments_began() {
        let at = WallTime::from_ms(1_800_000_000_123.5);
        let key = paid_key("id", at);
        assert_eq!(key, "eliza-jobs/paid/1800000000123-id");
        assert_eq!(time_of_past(&key).unwrap().as_ms(), 1_800_000_000_123.0);
        assert_eq!(id_of_past(&key), Some("id"));
        assert!(paid_key("a", WallTime::from_ms(5.0)) < paid_key("a", at), "keys sort by time");
        for other in ["eliza-jobs/payment/id", "eliza-jobs/paid/", "eliza-jobs/paid/yesterday-1-2-3", "x"] {
            assert!(time_of_past(other).is_none(), "{other}");
        }
        for other in ["eliza-jobs/payment/id", "eliza-jobs/paid/", "eliza-jobs/paid/1800000000123", "x"] {
            assert!(id_of_past(other).is_none(), "{other}");
        }
    }
}
