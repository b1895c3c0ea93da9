//! What is known of a payment, written down before each step after which it could be lost.
//!
//! A payment goes intended → proven → sent → accepted | refused | unknown. The record is written before the wallet is asked, when
//! it has given the proof, before the proof is sent, and before `createJob` gives the job away. It goes when the job's answer has
//! been seen, or when certainly no money has moved. Whoever finds a record after a crash can go on where it ends. What has an
//! idempotency key is kept for two days longer, so that another call with the same key pays nothing.
//!
//! A record is JSON under the key `eliza-jobs/payment/` and the attempt's id: the members of a
//! [`PaymentAttempt`](crate::x402::PaymentAttempt), and `version` (1), `server` (the base address), `request` (the body of the
//! request), `createdAt` (when it began, or when the job was there, in milliseconds since 1970), and, where there is one, `created` (what `createJob` gave),
//! `idempotencyKey` with `question` (a hash of what is asked), and `answered` (the job's end was seen). A record that cannot be read is reported and kept.

use crate::encoding::is_hex;
use crate::json::{Json, Kind, picked};
use crate::payment::wallet::{self, PROOF_HEADERS};
use crate::platform::{Platform, StoreOperation};
use crate::text::{concat, fill};
use crate::time::Millis;
use crate::x402::elizaos;
use crate::x402::{Attempt, Dialect, PaymentState};

/// What every record's key begins with.
pub const PREFIX: &str = "eliza-jobs/payment/";
const VERSION: f64 = 1.0;
/// How often a record is written at most, while the store fails.
const WRITES: u32 = 4;
/// The first pause between two such tries, in milliseconds; each is longer than the one before by as much.
const AGAIN_MS: f64 = 50.0;

/// What was found under a key.
#[derive(Debug, Clone)]
pub enum Found {
    /// An attempt.
    Attempt(Box<Attempt>),
    /// A record that cannot be read: its attempt's id, as the key has it.
    Unreadable(String),
    /// A record that the store does not give: its attempt's id, and what was thrown.
    Withheld(String, Json),
}

/// Writes the attempt down; a store that fails is asked again, since what would be lost is worth money. The error is what the store
/// threw at last.
pub async fn save<P: Platform>(platform: &P, attempt: &Attempt) -> Result<(), Json> {
    let key = concat(&[PREFIX, &attempt.id]);
    let record = record(attempt).to_json();
    let mut tries = 1;
    loop {
        match platform.store(StoreOperation::Set, &key, &record).await {
            Err(thrown) if tries >= WRITES => return Err(thrown),
            // A disk or a quota may be there again in a moment.
            Err(_) => platform.sleep(Millis::new(AGAIN_MS * f64::from(tries))).await,
            Ok(_) => return Ok(()),
        }
        tries = tries.saturating_add(1);
    }
}

/// Forgets the attempt. The error is what the store threw; it keeps a record that is not needed any more, then.
pub async fn forget<P: Platform>(platform: &P, id: &str) -> Result<(), Json> {
    platform.store(StoreOperation::Delete, &concat(&[PREFIX, id]), "").await.map(|_| ())
}

/// The job's end has been seen: nothing is open any more.
pub async fn close<P: Platform>(platform: &P, id: &str) {
    match find(platform, id).await {
        Ok(Some(Found::Attempt(mut attempt))) if !attempt.idempotency_key.is_empty() => {
            attempt.answered = true;
            attempt.request.clear();
            let _ = save(platform, &attempt).await;
        }
        // It stays open: whoever goes on with it finds the same end again.
        Err(_) => {}
        Ok(_) => drop(forget(platform, id).await),
    }
}

/// What is known of one attempt; `None` when nothing is.
pub async fn find<P: Platform>(platform: &P, id: &str) -> Result<Option<Found>, Json> {
    let value = platform.store(StoreOperation::Get, &concat(&[PREFIX, id]), "").await?;
    if matches!(value.kind(), Kind::Undefined | Kind::Null) {
        return Ok(None);
    }
    // Bytes, say, are a record too.
    let record = value.as_text().and_then(|text| Json::parse(&text));
    let attempt = record.as_ref().filter(|record| record.get_number("version") == Some(VERSION)).and_then(read);
    Ok(Some(attempt.map_or_else(|| Found::Unreadable(id.to_owned()), |attempt| Found::Attempt(Box::new(attempt)))))
}

/// The ids of all attempts that are known.
pub async fn ids<P: Platform>(platform: &P) -> Result<Vec<String>, Json> {
    let keys = platform.store(StoreOperation::Keys, "", "").await?;
    let mut ids = Vec::new();
    for key in keys.elements() {
        if let Some(id) = key.as_text().unwrap_or_default().strip_prefix(PREFIX) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

/// The attempt with all that is needed to go on with it.
pub fn record(attempt: &Attempt) -> Json {
    let mut record = attempt.with_proof();
    for (key, text) in [
        ("server", &attempt.server),
        ("request", &attempt.request),
        ("idempotencyKey", &attempt.idempotency_key),
        ("question", &attempt.question),
    ] {
        if !text.is_empty() {
            record = record.set(key, Json::text(text));
        }
    }
    if let Some(created) = &attempt.created {
        record = record.set("created", created.clone());
    }
    for (key, is) in [("answered", attempt.answered), ("signs", attempt.signs)] {
        if is {
            record = record.set(key, Json::text("yes"));
        }
    }
    record.set("version", Json::number(VERSION)).set("createdAt", Json::number(attempt.created_at))
}

/// Reads a record, or an attempt that an error has carried. `None` when it is neither.
pub fn read(record: &Json) -> Option<Attempt> {
    let text = |key: &str| record.get_text(key).unwrap_or_default();
    let id = record.get_text("attemptId").filter(|id| !id.is_empty())?;
    let state = PaymentState::read(&record.get_text("state")?)?;
    let price = ["dialect", "network", "asset", "recipient", "amount", "amountAtomic", "currency", "chainId", "decimals"];
    let price = picked(record, &price);
    // Records of version 0.1 call the dialects by other names.
    let dialect = record.get_text("dialect").as_deref().and_then(Dialect::parse);
    let price = dialect.map_or(price.clone(), |dialect| price.set("dialect", Json::text(dialect.as_str())));
    let transaction = record.get_text("transaction");
    let stored = record.get("proof");
    let mut proof = Vec::new();
    for name in PROOF_HEADERS {
        if let Some(value) = stored.as_ref().and_then(|stored| stored.get_text(name))
            && wallet::can_be_sent(&value)
        {
            proof.push((name.to_owned(), value));
        }
    }
    // The hash of a plain transfer is its proof, wherever it was found.
    let hash = transaction.as_ref().filter(|hash| is_hex(hash, 64));
    if let (true, Some(Dialect::Elizaos), Some(hash)) = (proof.is_empty(), dialect, hash) {
        proof = elizaos::proof(hash, &text("network"));
    }
    proof.retain(|(_, value)| wallet::can_be_sent(value));
    Some(Attempt {
        id,
        state,
        price: price.to_json(),
        transaction,
        proof,
        receipt: record.get("receipt").filter(|receipt| receipt.kind() == Kind::Object),
        server: text("server"),
        request: text("request"),
        created: record.get("created").filter(|created| created.get_text("jobId").is_some()),
        created_at: record.get_number("createdAt").unwrap_or(0.0),
        idempotency_key: text("idempotencyKey"),
        question: text("question"),
        answered: record.get("answered").is_some(),
        signs: record.get("signs").is_some(),
    })
}

/// What is known of a record that cannot be read.
pub fn unreadable(id: &str) -> Json {
    Json::object().set("attemptId", Json::text(id)).set("state", Json::text("unreadable"))
}

/// The words for a record that cannot be read.
pub fn unreadable_words(id: &str) -> String {
    fill("the record %% cannot be read; it was kept: another version of this package may have written it", &[PREFIX, id])
}
