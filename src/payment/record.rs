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
//! and the dialects have other names. A record that cannot be read is reported, and kept.
//!
//! Once the job's end was seen, the record moves to `eliza-jobs/paid/`, the time at which it began
//! and its id. There it has neither the request nor a key, and stays as history for as long as the
//! application wants.

use crate::api::error::Error;
use crate::api::jobs;
use crate::api::payments::{Attempt, Dialect, PaymentState, Price};
use crate::encoding::is_hex;
use crate::http::message::{PROOF_HEADERS, can_be_sent};
use crate::json::{Json, Kind, is_true};
use crate::spending::budget::Fate;
use crate::time::{Millis, WallTime};
use crate::x402::elizaos;

/// What every record's key begins with.
pub const PREFIX: &str = "eliza-jobs/payment/";
/// What the key of every payment begins with whose answer was seen.
pub const PAID: &str = "eliza-jobs/paid/";
const VERSION: f64 = 1.0;

/// How long after its job's expiry a record is kept, and its idempotency key: two days, so that a
/// clock that is put right by a day neither drops a payment that is open nor frees its idempotency
/// key.
pub const KEPT: Millis = Millis::from_secs(172_800.0);

/// Whether money has moved, as far as can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FundsMoved {
    /// Certainly not.
    No,
    /// It may have, or may still.
    Unknown,
    /// The server has taken the payment.
    Yes,
}

/// Whether money has moved for this payment.
///
/// - What was signed moves nothing before it is sent. Version 0.1.0 could send a proof without
///   writing that down.
/// - A server that refuses what was signed can still settle it, until its time is over.
/// - A wallet's word for a transfer is no more than that until the server has taken it.
pub fn funds_moved(attempt: &Attempt) -> FundsMoved {
    let settled = attempt.receipt.as_ref().and_then(|receipt| receipt.get("success"));
    match attempt.state {
        _ if attempt.on_chain => FundsMoved::Yes,
        _ if attempt.unmoved => FundsMoved::No,
        PaymentState::Accepted if attempt.signs => match settled {
            Some(success) if is_true(&success) => FundsMoved::Yes,
            None if !attempt.found => FundsMoved::Yes,
            _ => FundsMoved::Unknown,
        },
        PaymentState::Accepted => FundsMoved::Yes,
        PaymentState::Intended if attempt.signs => FundsMoved::No,
        PaymentState::Proven if attempt.signs && attempt.valid_until.is_some() => FundsMoved::No,
        _ => FundsMoved::Unknown,
    }
}

/// Nobody waits so long for a reply: a payment that is still on its way is forgotten by its
/// program.
const IN_FLIGHT: Millis = Millis::from_secs(600.0);
/// Nobody answers a wallet so late.
const IN_WALLET: Millis = Millis::from_secs(86_400.0);
/// A signature that nobody has sent so long after its time is never sent.
const UNSENT: Millis = Millis::from_secs(60.0);
/// How long a payment that nobody has signed is open, where its record does not say until when a
/// signature would be good.
pub const UNSIGNED: Millis = Millis::from_secs(3_600.0);

/// What a record says of the money that is set aside for its payment.
pub fn fate(attempt: &Attempt, now: WallTime) -> Fate {
    let over = |limit: Millis| attempt.begun_at + limit < now;
    match (funds_moved(attempt), attempt.state) {
        // It is sent only after it was reserved again, or while its time is not over.
        (FundsMoved::No, _) => {
            let until = attempt.valid_until.unwrap_or(attempt.begun_at + UNSIGNED);
            if until + UNSENT < now { Fate::Unmoved } else { Fate::Open }
        }
        (FundsMoved::Yes, _) => Fate::Spent(attempt.created_at),
        // It may still come to nothing, and is given back then.
        (_, PaymentState::Intended | PaymentState::Proven) if !over(IN_WALLET) => Fate::Open,
        (_, PaymentState::Sent) if !over(IN_FLIGHT) => Fate::Open,
        _ => Fate::Spent(attempt.begun_at),
    }
}

/// Whether money has moved for what an error is about. This is `error.fundsMoved`.
pub fn funds_moved_for(error: &Error) -> FundsMoved {
    match &error.payment {
        Some(attempt) => funds_moved(attempt),
        None if error.is_about_unread_payment => FundsMoved::Unknown,
        None => FundsMoved::No,
    }
}

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
    format!("{PAID}{:0>13}-{id}", begun_at.whole().to_string())
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
    if let Some(created) = &attempt.created {
        record = record.set("created", created.clone());
    }
    for (key, is_set) in [
        ("answered", attempt.answered),
        ("signs", attempt.signs),
        ("found", attempt.found),
        ("unmoved", attempt.unmoved),
        ("hashGiven", attempt.hash_given),
    ] {
        if is_set {
            record = record.set(key, Json::boolean(true));
        }
    }
    if let Some(until) = attempt.valid_until {
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
    // Who has found a transaction knows better.
    let unmoved = flag("unmoved") && transaction.is_none();
    Some(Attempt {
        id,
        state,
        price,
        transaction,
        hash_given: flag("hashGiven"),
        proof,
        receipt: record.get("receipt").filter(|receipt| receipt.kind() == Kind::Object),
        server: text("server"),
        request: text("request"),
        first_request: text("firstRequest"),
        created: record.get("created").filter(|created| created.get_text("jobId").is_some()),
        created_at,
        begun_at: record.get_number("begunAt").map_or(created_at, WallTime::from_ms),
        scope: text("scope"),
        on_chain: flag("onChain"),
        idempotency_key: text("idempotencyKey"),
        fingerprint: record.get_text("fingerprint").unwrap_or_else(|| text("question")),
        answered: flag("answered"),
        signs: flag("signs"),
        valid_until: record.get_number("validUntil").map(WallTime::from_ms),
        found: flag("found"),
        unmoved,
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
    Attempt { hash_given: attempt.hash_given || attempt.transaction != before, ..attempt }
}

/// The record with this transaction in place of its own. What was signed is its own proof, and a
/// job that is there needs none.
pub fn with_transaction(attempt: Attempt, hash: Option<String>) -> Attempt {
    let new = hash.filter(|hash| is_hex(hash, 64) && attempt.transaction.as_ref() != Some(hash));
    let Some(hash) = new.filter(|_| !attempt.signs && attempt.created.is_none()) else { return attempt };
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

/// Until when an attempt is kept. One without a job, for ever.
pub fn kept_until(attempt: &Attempt) -> WallTime {
    let lifetime = attempt.created.as_ref().map_or(Millis::FOREVER, jobs::lifetime);
    attempt.created_at + lifetime + KEPT
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
    use crate::api::error::ErrorCode;
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
        assert_eq!((attempt.fingerprint.as_str(), attempt.signs, attempt.answered), ("f", true, true));
        assert_eq!(attempt.valid_until, Some(WallTime::from_ms(9.0)));
    }

    #[test]
    fn records_of_the_first_version_are_read() {
        let old = record().set("signs", Json::text("yes")).set("answered", Json::text("yes")).set("question", Json::text("q"));
        for (old_name, dialect) in [("seed", Dialect::Elizaos), ("v1", Dialect::X402V1), ("v2", Dialect::X402V2)] {
            let attempt = read(&old.clone().set("dialect", Json::text(old_name))).unwrap();
            assert_eq!(attempt.price.unwrap().dialect, dialect);
            assert_eq!((attempt.signs, attempt.answered, attempt.fingerprint.as_str()), (true, true, "q"));
        }
        assert!(!read(&record().set("signs", Json::text("no"))).unwrap().signs);
    }

    #[test]
    fn whether_money_has_moved_is_known_by_the_state_and_by_what_the_wallet_gave() {
        use FundsMoved::{No, Unknown, Yes};
        use PaymentState::{Accepted, Intended, Proven, Refused, Sent};
        let until = Some(WallTime::from_ms(9.0));
        let settled = |success: Json| Some(json!({"success": success}));
        // The state; whether the wallet signs, the end of what it signed, the receipt, whether the
        // job was found by a search.
        for (state, signs, valid_until, receipt, found, moved) in [
            (Intended, true, until, None, false, No),
            (Intended, false, None, None, false, Unknown),
            (Proven, true, until, None, false, No),
            // Version 0.1.0 could send it without writing that down.
            (Proven, true, None, None, false, Unknown),
            (Proven, false, None, None, false, Unknown),
            (Sent, true, until, None, false, Unknown),
            (Sent, false, None, None, false, Unknown),
            (Refused, true, until, None, false, Unknown),
            (Refused, true, until, settled(json!(false)), false, Unknown),
            (Refused, false, None, None, false, Unknown),
            (PaymentState::Unknown, true, until, None, false, Unknown),
            (PaymentState::Unknown, false, None, None, false, Unknown),
            (Accepted, false, None, None, false, Yes),
            (Accepted, false, None, None, true, Yes),
            (Accepted, true, None, None, false, Yes),
            (Accepted, true, None, None, true, Unknown),
            (Accepted, true, None, settled(json!(true)), true, Yes),
            (Accepted, true, None, settled(json!(false)), false, Unknown),
        ] {
            let attempt = Attempt { state, signs, valid_until, receipt, found, ..read(&record()).unwrap() };
            assert_eq!(funds_moved(&attempt), moved, "{attempt:?}");
            assert_eq!(funds_moved(&read(&to_json(&attempt)).unwrap()), moved, "as it was written: {attempt:?}");
            let mined = Attempt { on_chain: true, ..attempt.clone() };
            assert_eq!(funds_moved(&mined), Yes, "the chain has the last word");
            assert_eq!(funds_moved(&read(&to_json(&mined)).unwrap()), Yes);
            let over = Attempt { unmoved: true, ..attempt };
            assert_eq!(funds_moved(&over), No);
            assert_eq!(funds_moved(&read(&to_json(&over)).unwrap()), No);
        }
    }

    #[test]
    fn what_is_set_aside_for_a_payment_is_open_until_nobody_can_still_be_at_it() {
        use PaymentState::{Accepted, Intended, Proven, Refused, Sent};
        let begun = WallTime::from_ms(1_700_000_000_000.0);
        let until = Some(begun + Millis::from_secs(300.0));
        let soon = Millis::from_secs(1.0);
        // The state; whether the wallet signs, and until when; after how long another thing is true,
        // and what that is.
        for (state, signs, valid_until, limit, later) in [
            (Intended, true, None, UNSIGNED + UNSENT, Fate::Unmoved),
            (Proven, true, until, Millis::from_secs(300.0) + UNSENT, Fate::Unmoved),
            (Intended, false, None, IN_WALLET, Fate::Spent(begun)),
            (Proven, false, None, IN_WALLET, Fate::Spent(begun)),
            (Sent, true, until, IN_FLIGHT, Fate::Spent(begun)),
            (Sent, false, None, IN_FLIGHT, Fate::Spent(begun)),
        ] {
            let attempt = Attempt { state, signs, valid_until, begun_at: begun, ..read(&record()).unwrap() };
            let at = |after: Millis| format!("{:?}", fate(&attempt, begun + after));
            assert_eq!(at(Millis::ZERO), "Open", "{state:?}");
            assert_eq!(at(limit), "Open", "{state:?}");
            assert_eq!(at(limit + soon), format!("{later:?}"), "{state:?}");
        }
        // What has moved is spent when it moved, and what may have moved when it began.
        for (state, spent_at) in [(Accepted, begun + soon), (Refused, begun), (PaymentState::Unknown, begun)] {
            let attempt = Attempt { state, begun_at: begun, created_at: begun + soon, ..read(&record()).unwrap() };
            assert_eq!(format!("{:?}", fate(&attempt, begun)), format!("{:?}", Fate::Spent(spent_at)), "{state:?}");
        }
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
        assert!(!given(attempt.clone(), &own).hash_given);
        let other = given(attempt, &brought);
        assert_eq!((other.transaction.as_deref(), other.hash_given), (Some(brought.as_str()), true));
        assert!(given(read(&to_json(&other)).unwrap(), &brought).hash_given, "it stays so");
    }

    #[test]
    fn every_error_says_whether_money_has_moved() {
        for &code in ErrorCode::ALL {
            let mut error = Error::new(code, "x");
            assert_eq!(funds_moved_for(&error), FundsMoved::No, "{code:?}: it is about no payment");
            error.is_about_unread_payment = true;
            assert_eq!(funds_moved_for(&error), FundsMoved::Unknown, "{code:?}");
            for (state, moved) in [
                ("intended", FundsMoved::Unknown),
                ("sent", FundsMoved::Unknown),
                ("refused", FundsMoved::Unknown),
                ("accepted", FundsMoved::Yes),
            ] {
                error.payment = read(&record().set("state", Json::text(state)));
                assert_eq!(funds_moved_for(&error), moved, "{code:?} {state}");
            }
        }
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
}
