//! Idempotency keys of version 0.1.0, which had no key records: once per store, all payments are
//! looked through for keys of its time, and each key gets its record.

use core::pin::pin;

use super::keys::{self, KeyRecord, OldKeys};
use super::payments::Payments;
use super::record::{self, Found};
use super::retention;
use super::store::{nothing_sent, unreadable};
use crate::api::error::Result;
use crate::json::{Json, Kind};
use crate::platform::Platform;
use crate::time::Deadline;

/// The record that says that the payments of version 0.1.0 have key records.
pub const INDEXED: &str = "eliza-jobs/keys-indexed";

impl<P: Platform + 'static> Payments<P> {
    /// Gives the keys of version 0.1.0 their records: once for each store. A call whose time is
    /// over leaves the rest to the next one.
    pub(super) async fn index_old_keys(&self, end: Deadline) -> Result<()> {
        if matches!(*self.old_keys.borrow(), OldKeys::Indexed) {
            return Ok(());
        }
        // One call does it, the others wait for that.
        let ticket = self.writes.join(INDEXED);
        let own_turn = async {
            ticket.ready().await;
            Ok(())
        };
        self.in_time(pin!(own_turn), end).await.map_err(nothing_sent)?;
        if matches!(*self.old_keys.borrow(), OldKeys::Unknown) {
            let found = self.find_old_keys(end).await.map_err(nothing_sent)?;
            *self.old_keys.borrow_mut() = found;
        }
        self.index_unread(end).await
    }

    /// What the store knows of the keys of version 0.1.0.
    async fn find_old_keys(&self, end: Deadline) -> Result<OldKeys, Json> {
        if self.read(INDEXED, end).await?.kind() == Kind::Text {
            return Ok(OldKeys::Indexed);
        }
        let keys = self.keys(record::PREFIX, end).await?;
        let ids = keys.iter().filter_map(|key| key.strip_prefix(record::PREFIX));
        Ok(OldKeys::Unread(ids.map(str::to_owned).collect()))
    }

    /// Goes through the payments whose keys may have no records yet.
    async fn index_unread(&self, end: Deadline) -> Result<()> {
        for at in 0.. {
            let next = match &*self.old_keys.borrow() {
                OldKeys::Unread(ids) => ids.last().cloned(),
                _ => return Ok(()),
            };
            let Some(id) = next else { break };
            self.breathe(at, end).await.map_err(nothing_sent)?;
            self.index(&id, end).await?;
            if let OldKeys::Unread(ids) = &mut *self.old_keys.borrow_mut() {
                ids.pop();
            }
        }
        let marker = Json::object().set("version", Json::number(1.0));
        // Without the marker the next client looks through the store once more.
        let _ = self.in_time(pin!(self.set(INDEXED, &marker)), end).await;
        *self.old_keys.borrow_mut() = OldKeys::Indexed;
        Ok(())
    }

    /// Gives the key of one old payment its record. What cannot be read may belong to any key.
    async fn index(&self, id: &str, end: Deadline) -> Result<()> {
        let attempt = match self.find(id, end).await {
            Found::Missing => return Ok(()),
            Found::Unreadable => return Err(unreadable(&record::key(id))),
            Found::Withheld(thrown) => return Err(nothing_sent(thrown)),
            Found::Attempt(attempt) => attempt,
        };
        if attempt.idempotency_key.is_empty() || retention::kept_until(&attempt) < self.platform.wall_time() {
            return Ok(());
        }
        let name = format!("{}{}", keys::PREFIX, keys::name(&attempt.server, &attempt.idempotency_key));
        let claim = KeyRecord::of(&attempt).to_json();
        let added = self.in_time(pin!(self.add(&name, &claim)), end).await;
        added.map(drop).map_err(nothing_sent)
    }
}
