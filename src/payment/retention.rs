//! How long the store's records are kept. Nothing here deletes.
//!
//! | record | is kept | deleted by |
//! | --- | --- | --- |
//! | a payment | until its job's end was seen; else [`kept_until`] | `closing.rs`, `pending.rs` |
//! | a payment of the past | as long as the application wants (`keepPaymentsDays`) | `history.rs` |
//! | the key of a payment | as long as the payment | `closing.rs`, `pending.rs` |
//! | the key of a job that cost nothing | [`free_job_kept_until`] | `pending.rs` |
//! | a key whose payment has no record | for a day: [`is_abandoned`] | `pending.rs` |
//! | counters of a budget | for ever | nobody |

use crate::api::jobs;
use crate::api::payments::Attempt;
use crate::json::Json;
use crate::time::{Millis, WallTime};

/// How long after its job's expiry a record is kept, and its idempotency key: two days, so that a
/// clock that is put right by a day neither drops a payment that is open nor frees its idempotency
/// key.
const KEPT: Millis = Millis::from_secs(172_800.0);

/// How long a key without a payment is left alone: its call may still be at it.
const CLAIM: Millis = Millis::from_secs(86_400.0);

/// Until when the record of an attempt is kept, and its idempotency key. Without a job, for ever.
pub(super) fn kept_until(attempt: &Attempt) -> WallTime {
    expiry(attempt) + KEPT
}

/// When the job of an attempt expires, by the clock of this machine. Without a job, never.
pub(super) fn expiry(attempt: &Attempt) -> WallTime {
    attempt.created_at + attempt.job.as_ref().map_or(Millis::FOREVER, |job| jobs::lifetime(&job.handle))
}

/// Until when the key of a job that cost nothing is remembered. `created` is what `createJob`
/// returned, at `created_at`.
pub(super) fn free_job_kept_until(created: &Json, created_at: WallTime) -> WallTime {
    created_at + jobs::lifetime(created) + KEPT
}

/// Whether a key that was taken at this time, and whose payment has no record, is free for
/// deletion.
pub(super) fn is_abandoned(taken_at: WallTime, now: WallTime) -> bool {
    taken_at + CLAIM < now
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::payment::record;

    const DAY: Millis = Millis::from_secs(86_400.0);

    fn day(days: f64) -> WallTime {
        WallTime::from_ms(0.0) + DAY.times(days)
    }

    #[test]
    fn a_record_is_kept_for_two_days_after_its_jobs_expiry_and_for_ever_without_a_job() {
        let record = json!({"attemptId": "a", "state": "accepted", "createdAt": day(1.0).as_ms()});
        assert_eq!(kept_until(&record::read(&record).unwrap()).as_ms(), f64::INFINITY);
        let created = json!({"jobId": "j", "createdAt": 0, "expiresAt": 60_000});
        let minute = Millis::from_secs(60.0);
        let paid = record::read(&record.set("created", created.clone())).unwrap();
        assert_eq!(kept_until(&paid), day(3.0) + minute);
        assert_eq!(free_job_kept_until(&created, day(1.0)), day(3.0) + minute);
    }

    #[test]
    fn a_key_without_a_payment_is_left_alone_for_a_day() {
        assert!(!is_abandoned(day(1.0), day(2.0)) && is_abandoned(day(1.0), day(2.1)));
        assert!(!is_abandoned(day(5.0), day(2.0)), "a clock that was put back");
    }
}
