//! What is open at a server, as `pendingPayments()` lists it. What is of no use any more is deleted
//! on the way.

use core::pin::pin;
use std::rc::Rc;

use super::keys::{self, FoundKey, Holder, KeyRecord};
use super::payments::Payments;
use super::record::{self, Found};
use super::retention;
use super::store::Stored;
use super::store_failed;
use crate::api::error::Result;
use crate::api::options::CallOptions;
use crate::api::payments::Attempt;
use crate::json::Json;
use crate::platform::Platform;
use crate::time::{Deadline, Millis, WallTime};

/// The longest wait for the lock of a key whose record is of no use: a call may be about to claim
/// it.
const KEY_LOCK: Millis = Millis::from_secs(1.0);
/// How many key records are checked whenever payments are listed; those of no use are deleted.
const KEYS_TIDIED: usize = 100;

/// What is open, as it is listed.
struct OpenEntry {
    /// When the payment began, or when the job was there.
    at: WallTime,
    document: Json,
}

impl OpenEntry {
    /// A record of which only the id is known: it stands before all others.
    fn unreadable(id: &str) -> Self {
        Self { at: WallTime::default(), document: record::unreadable(id) }
    }
}

impl<P: Platform + 'static> Payments<P> {
    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs
    /// that were not used, jobs whose answers were not seen; and records that cannot be read.
    pub(crate) async fn pending(self: &Rc<Self>, call: &CallOptions) -> Result<Vec<Json>> {
        let end = self.deadline(call.timeout);
        let keys = self.keys("", end).await.map_err(|thrown| store_failed(thrown, ""))?;
        let ids: Vec<&str> = keys.iter().filter_map(|key| key.strip_prefix(record::PREFIX)).collect();
        let mut open: Vec<OpenEntry> = Vec::new();
        let (mut failed, mut has_answered) = (None, ids.is_empty());
        for (at, id) in ids.iter().enumerate() {
            self.breathe(at, end).await.map_err(|thrown| store_failed(thrown, ""))?;
            let found = self.find(id, end).await;
            has_answered |= !matches!(found, Found::Withheld(_));
            match found {
                Found::Withheld(thrown) => {
                    failed = Some(thrown);
                    insert(&mut open, OpenEntry::unreadable(id));
                }
                Found::Unreadable => insert(&mut open, OpenEntry::unreadable(id)),
                Found::Missing => {}
                Found::Attempt(attempt) => {
                    if let Some(listed) = self.listed(*attempt, end).await {
                        insert(&mut open, listed);
                    }
                }
            }
        }
        // A store that returns none of its records has failed.
        if let Some(thrown) = failed.filter(|_| !has_answered) {
            return Err(store_failed(thrown, ""));
        }
        self.tidy_keys(&keys, end).await;
        Ok(open.into_iter().map(|listed| listed.document).collect())
    }

    /// An attempt as it is listed, if it is open. What is of no use any more is deleted.
    async fn listed(self: &Rc<Self>, attempt: Attempt, end: Deadline) -> Option<OpenEntry> {
        if attempt.server != self.http.config.base_url {
            return None;
        }
        let is_closed = self.book.borrow().is_closed(&attempt.id);
        if retention::kept_until(&attempt) < self.platform.wall_time() {
            let _ = self.in_time(pin!(self.retire(&attempt.id, None)), end).await;
            return None;
        }
        // A program that ended before it could return the answer, or delete the record, has left
        // this. The job stays known.
        if attempt.answered {
            return None;
        }
        // What has been answered is not open, though the store has not taken that yet.
        if is_closed && attempt.job.is_some() {
            if let Ok(Some(attempt)) = self.in_time(pin!(self.close(&attempt.id, None)), end).await {
                let drop = async {
                    self.drop_closed(&attempt).await;
                    Ok(())
                };
                let _ = self.in_time(pin!(drop), end).await;
            }
            return None;
        }
        Some(OpenEntry { at: attempt.created_at, document: attempt.listed() })
    }

    /// Deletes some of the key records that are of no use any more.
    async fn tidy_keys(self: &Rc<Self>, all: &[String], end: Deadline) {
        let claims: Vec<&String> = all.iter().filter(|key| key.starts_with(keys::PREFIX)).collect();
        let from = self.random_below(claims.len().saturating_sub(KEYS_TIDIED));
        for key in claims.into_iter().skip(from).take(KEYS_TIDIED) {
            if end.is_over(self.platform.now()) {
                return;
            }
            if self.is_over(key, end).await {
                let Some(name) = key.strip_prefix(keys::PREFIX) else { continue };
                let soon = end.min(Deadline::after(self.platform.now(), Some(KEY_LOCK)));
                let Ok(lock) = self.lock("create", name, soon).await else { continue };
                if self.is_over(key, end).await {
                    let _ = self.in_time(pin!(self.delete_key(key.clone(), lock)), end).await;
                }
            }
        }
    }

    /// Deletes a key record. The lock is held until that has landed, however long it takes.
    async fn delete_key(self: &Rc<Self>, record: String, lock: P::Lock) -> Result<(), Json> {
        let (payments, order) = (self.clone(), record.clone());
        let work = async move {
            let deleted = payments.delete(&record).await;
            drop(lock);
            deleted.map(|()| Stored::Done)
        };
        self.in_order(&order, Box::pin(work)).await.map(drop)
    }

    /// Whether a key record is of no use any more.
    async fn is_over(&self, key: &str, end: Deadline) -> bool {
        let Ok(value) = self.read(key, end).await else { return false };
        let FoundKey::Record(claim) = FoundKey::read(&value) else { return false };
        let wall = self.platform.wall_time();
        match &claim {
            KeyRecord { holder: Holder::Attempt(id), created_at, .. } => {
                retention::is_abandoned(*created_at, wall) && matches!(self.find(id, end).await, Found::Missing)
            }
            claim => claim.kept_until().is_some_and(|until| until < wall),
        }
    }
}

/// Puts one into the list, which is in the order of time. Not sorted at the end: the standard
/// library's sort is 5 KB of the wasm.
fn insert(open: &mut Vec<OpenEntry>, listed: OpenEntry) {
    let place = open.partition_point(|known| known.at <= listed.at);
    open.insert(place, listed);
}
