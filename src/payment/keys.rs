//! Idempotency keys: which payment or job a key stands for.
//!
//! A key of a server is one record, `eliza-jobs/key/` and a hash of both. It is made by exclusive
//! creation while the lock of the same name is held, before the intent to pay is written; so a call
//! with a key reads one record, and two calls can never pay under one key. It holds the attempt's
//! id, or the job itself where nothing was paid. A key record whose attempt has no record is free:
//! no wallet was asked yet, or the payment was forgotten.
//!
//! Version 0.1.0 had no such records: `old_keys` makes them.

use crate::api::jobs;
use crate::api::payments::Attempt;
use crate::encoding;
use crate::json::{Json, Kind};
use crate::payment::retention;
use crate::time::WallTime;

/// What every key record's key begins with.
pub const PREFIX: &str = "eliza-jobs/key/";
const VERSION: f64 = 1.0;

/// The name of a key at a server: of its record, and of its lock. Half a hash: no two keys have the
/// same, and messages show it, which leave out whatever is as long as a proof.
pub fn name(server: &str, key: &str) -> String {
    encoding::short_hash(format!("{server}\n{key}").as_bytes())
}

/// A UUID for a key at a server: always the same one.
pub fn uuid_of(server: &str, key: &str) -> String {
    let name = name(server, key);
    let digits = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    // Version 8 is for UUIDs that are made in a way of one's own.
    [digits(2, 10), "-", digits(10, 14), "-8", digits(15, 18), "-8", digits(19, 22), "-", digits(22, 34)].concat()
}

/// Whom a key belongs to.
#[derive(Debug, Clone)]
pub enum Holder {
    /// A payment, by the attempt's id.
    Attempt(String),
    /// A job that cost nothing: what `createJob` returned.
    Job(Json),
}

/// One key record.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Whom the key belongs to.
    pub holder: Holder,
    /// The request fingerprint; empty where it is not known.
    pub fingerprint: String,
    /// When the record was made.
    pub created_at: WallTime,
}

impl KeyRecord {
    /// The record of a payment's key.
    pub fn of(attempt: &Attempt) -> Self {
        Self {
            holder: Holder::Attempt(attempt.id.clone()),
            fingerprint: attempt.fingerprint.clone(),
            created_at: attempt.created_at,
        }
    }

    /// The record as JSON.
    pub fn to_json(&self) -> Json {
        let record = Json::object()
            .set("version", Json::number(VERSION))
            .set("createdAt", Json::number(self.created_at.as_ms()))
            .set("fingerprint", Json::text(&self.fingerprint));
        match &self.holder {
            Holder::Attempt(id) => record.set("attemptId", Json::text(id)),
            Holder::Job(created) => record.set("created", created.clone()),
        }
    }

    /// Reads a record. `None` when it cannot be read.
    pub fn read(record: &Json) -> Option<Self> {
        record.get_number("version").filter(|version| *version == VERSION)?;
        let attempt = record.get_text("attemptId").filter(|id| !id.is_empty()).map(Holder::Attempt);
        let job = || record.get("created").filter(jobs::is_job).map(Holder::Job);
        Some(Self {
            holder: attempt.or_else(job)?,
            fingerprint: record.get_text("fingerprint").unwrap_or_default(),
            created_at: WallTime::from_ms(record.get_number("createdAt")?),
        })
    }

    /// Until when the key of a job that cost nothing is remembered. That of a payment, as long as
    /// the payment.
    pub fn kept_until(&self) -> Option<WallTime> {
        let Holder::Job(created) = &self.holder else { return None };
        Some(retention::free_job_kept_until(created, self.created_at))
    }
}

/// What is known of the payments of version 0.1.0 in this store, whose keys have no records.
#[derive(Debug, Default)]
pub enum OldKeys {
    /// Nothing was read yet.
    #[default]
    Unknown,
    /// These were not read yet.
    Unread(Vec<String>),
    /// All keys have records.
    Indexed,
}

/// What a store's value under a key record's key holds.
#[derive(Debug)]
pub enum FoundKey {
    /// Nothing.
    Missing,
    /// A record.
    Record(KeyRecord),
    /// Something that cannot be read.
    Unreadable,
}

impl FoundKey {
    /// Reads a store's value.
    pub fn read(value: &Json) -> Self {
        if matches!(value.kind(), Kind::Undefined | Kind::Null) {
            return Self::Missing;
        }
        let record = value.as_text().and_then(|text| Json::parse(&text));
        record.as_ref().and_then(KeyRecord::read).map_or(Self::Unreadable, Self::Record)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::time::Millis;

    #[test]
    fn a_key_of_another_server_is_another_key() {
        assert_eq!(name("https://a", "k"), name("https://a", "k"));
        assert_ne!(name("https://a", "k"), name("https://b", "k"));
        assert_ne!(name("https://a", "k"), name("https://a", "l"));
        assert_eq!(name("https://a", "k").len(), 34);
    }

    #[test]
    fn a_key_has_a_uuid_of_its_own() {
        let id = uuid_of("https://a", "k");
        assert!(jobs::is_uuid(&id) && id.chars().nth(14) == Some('8'), "{id}");
        assert_eq!(id, uuid_of("https://a", "k"));
        assert_ne!(id, uuid_of("https://b", "k"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for holder in [Holder::Attempt("a".into()), Holder::Job(json!({"jobId": "job-1"}))] {
            let record = KeyRecord { holder, fingerprint: "f".into(), created_at: WallTime::from_ms(5.0) };
            let read = KeyRecord::read(&Json::parse(&record.to_json().to_json()).unwrap()).unwrap();
            assert_eq!(format!("{record:?}"), format!("{read:?}"));
        }
    }

    #[test]
    fn the_key_of_a_job_that_cost_nothing_is_remembered_for_two_days_after_the_jobs_time() {
        let record = |holder| KeyRecord { holder, fingerprint: "f".into(), created_at: WallTime::from_ms(5e6) };
        let job = json!({"jobId": "job-1", "createdAt": 1_000, "expiresAt": 31_000});
        let kept = record(Holder::Job(job)).kept_until();
        assert_eq!(kept, Some(WallTime::from_ms(5e6) + Millis::from_secs(30.0 + 2.0 * 86_400.0)));
        assert_eq!(record(Holder::Attempt("a".into())).kept_until(), None);
    }

    #[test]
    fn what_is_no_record_is_not_missing() {
        assert!(matches!(FoundKey::read(&json!(null)), FoundKey::Missing));
        for damaged in [json!(""), json!("{"), json!("{}"), json!(r#"{"version":1,"createdAt":1}"#), json!([])] {
            assert!(matches!(FoundKey::read(&damaged), FoundKey::Unreadable), "{damaged}");
        }
        let read = |record: &str| FoundKey::read(&json!(record));
        assert!(matches!(read(r#"{"version":1,"createdAt":1,"attemptId":"a"}"#), FoundKey::Record(_)));
        assert!(matches!(read(r#"{"version":2,"createdAt":1,"attemptId":"a"}"#), FoundKey::Unreadable));
    }
}
