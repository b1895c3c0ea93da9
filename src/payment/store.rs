//! Payments and idempotency keys in the store.
//!
//! All that is written of one payment is written in order, one at a time, and to its end: a write
//! that takes longer than its call goes on, and what is written later waits for it.

use core::cell::RefCell;
use core::pin::{Pin, pin};
use std::rc::Rc;

use super::keys::{self, FoundKey, Holder, KeyRecord};
use super::payments::Payments;
use super::record::{self, Found};
use super::retention;
use super::step::Claim;
use super::store_failed;
use super::subscription::subscription;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::payments::{Attempt, Certainty, PaymentState};
use crate::json::{Json, Kind, is_true, shown};
use crate::payment::machine::STORE;
use crate::platform::{Platform, StoreOperation, within};
use crate::time::{Deadline, Millis, WallTime};

/// How often a record is written or read at most, while the store fails.
const TRIES: u32 = 4;
/// The first pause between two such tries; each is longer than the one before by as much.
const AGAIN: Millis = Millis::new(50.0);
/// After so many records the program gets a moment for others.
const BREATH: usize = 50;

/// Whom a key belongs to.
#[derive(Debug)]
pub(super) enum KeyHolder {
    /// Nobody.
    Nobody,
    /// A payment, with its record.
    Payment(Box<Attempt>),
    /// A job that cost nothing.
    Job {
        /// What `createJob` returned.
        created: Json,
        /// The fingerprint of its request.
        fingerprint: String,
    },
}

/// Work with the store. Not generic: it is waited for in many places, each of which would be
/// compiled for each kind of work.
pub(super) type InStore<'a, T> = Pin<&'a mut (dyn Future<Output = Result<T, Json>> + 'a)>;

/// What work that is done in order comes to.
pub(super) enum Stored {
    /// It was written, or deleted.
    Done,
    /// Whose the key is.
    Claimed(Claim),
    /// The record as it was, if it was this one's.
    Closed(Option<Box<Attempt>>),
}

/// A lock that work with the store holds together with its call: it is given back when the last of
/// the two has ended.
pub(super) type Held<P> = Rc<RefCell<Option<<P as Platform>::Lock>>>;

/// The locks that a payment's task holds.
pub(super) type Locks<P> = Rc<RefCell<Vec<<P as Platform>::Lock>>>;

pub(super) type InOrder = Pin<Box<dyn Future<Output = Result<Stored, Json>>>>;

impl<P: Platform + 'static> Payments<P> {
    /// What the store returns before `end`, and within its own time.
    pub(super) async fn in_time<T>(&self, work: InStore<'_, T>, end: Deadline) -> Result<T, Json> {
        let limit = STORE.min(end.left(self.platform.now()).max(Millis::ZERO));
        let given = within(work, self.platform.sleep(limit)).await;
        given.unwrap_or_else(|| Err(Json::text(&format!("it did not answer within {} ms", limit.whole()))))
    }

    pub(super) async fn read(&self, key: &str, end: Deadline) -> Result<Json, Json> {
        self.in_time(pin!(self.platform.store(StoreOperation::Get, key, "")), end).await
    }

    /// The record under this key, as it is now: whoever writes it at this moment may wait for the
    /// counters.
    pub(super) async fn peek(&self, key: &str, end: Deadline) -> Found {
        self.read(key, end).await.map_or_else(Found::Withheld, |value| record::parse(&value))
    }

    /// Before the record at this place of many is read: gives other work of the program its turn
    /// now and then, and ends in time.
    pub(crate) async fn breathe(&self, at: usize, end: Deadline) -> Result<(), Json> {
        if at % BREATH == BREATH - 1 {
            self.platform.sleep(Millis::ZERO).await;
        }
        if end.is_over(self.platform.now()) {
            return Err(Json::text("the time limit was over before all records were read"));
        }
        Ok(())
    }

    /// A random place among so many.
    pub(super) fn random_below(&self, count: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = (self.platform.random() * count as f64) as usize;
        place
    }

    pub(super) async fn set(&self, key: &str, value: &Json) -> Result<(), Json> {
        let value = value.to_json();
        let mut tries = 1;
        loop {
            match self.platform.store(StoreOperation::Set, key, &value).await {
                Ok(_) => return Ok(()),
                Err(thrown) if tries >= TRIES => return Err(thrown),
                // A disk or a quota may be there again in a moment.
                Err(_) => self.platform.sleep(AGAIN.times(f64::from(tries))).await,
            }
            tries = tries.saturating_add(1);
        }
    }

    pub(super) async fn add(&self, key: &str, value: &Json) -> Result<bool, Json> {
        let added = self.platform.store(StoreOperation::Add, key, &value.to_json()).await?;
        match added.kind() {
            Kind::Boolean => Ok(is_true(&added)),
            _ => Err(Json::text(&format!("add() must resolve with true or false; it resolved with {}", shown(&added)))),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Json> {
        self.platform.store(StoreOperation::Delete, key, "").await.map(drop)
    }

    /// Does this in a task of its own, when all that was written of this payment before has ended.
    /// Who waits for it may leave.
    pub(super) async fn in_order(self: &Rc<Self>, id: &str, work: InOrder) -> Result<Stored, Json> {
        let ticket = self.writes.join(id);
        let (publisher, mut subscription) = subscription();
        self.platform.spawn(async move {
            ticket.ready().await;
            publisher.send(work.await);
        });
        subscription.next().await
    }

    /// Writes the attempt down. A store that fails is asked again, since what would be lost is
    /// worth money.
    pub(super) async fn write(self: &Rc<Self>, attempt: Attempt) -> Result<(), Json> {
        let (payments, id, key) = (self.clone(), attempt.id.clone(), record::key(&attempt.id));
        let work = async move { payments.set(&key, &record::to_json(&attempt)).await.map(|()| Stored::Done) };
        self.in_order(&id, Box::pin(work)).await.map(drop)
    }

    /// Before the wallet is asked: whether the store returns the record that it was given. A store
    /// that drops records, or cuts them off, is found out. Stores may write JSON in their own way;
    /// the request in it is compared to the letter.
    pub(super) async fn check_kept(&self, attempt: &Attempt, end: Deadline) -> Result<(), Json> {
        if attempt.state != PaymentState::Intended {
            return Ok(());
        }
        match self.peek(&record::key(&attempt.id), end).await {
            Found::Attempt(kept) if kept.request == attempt.request => Ok(()),
            Found::Withheld(thrown) => Err(thrown),
            _ => Err(not_kept()),
        }
    }

    /// Claims the attempt's key, whose lock is held.
    pub(super) async fn claim(self: &Rc<Self>, attempt: Attempt) -> Result<Claim, Json> {
        let (payments, key) = (self.clone(), self.key_record(&attempt.idempotency_key));
        let claim = KeyRecord::of(&attempt).to_json();
        let work = async move {
            let is_new = payments.add(&key, &claim).await?;
            Ok(Stored::Claimed(if is_new { Claim::Own } else { Claim::Taken }))
        };
        match self.in_order(&attempt.id, Box::pin(work)).await? {
            Stored::Claimed(claim) => Ok(claim),
            _ => Ok(Claim::Taken),
        }
    }

    /// Deletes the attempt, and then its claim of this key, whose lock is held.
    pub(super) async fn forget(self: &Rc<Self>, id: &str, key: Option<String>) -> Result<(), Json> {
        let (payments, owner) = (self.clone(), id.to_owned());
        let work = async move {
            payments.delete_with_claim(&owner, key).await?;
            Ok(Stored::Done)
        };
        self.in_order(id, Box::pin(work)).await.map(drop)
    }

    pub(super) async fn delete_with_claim(&self, owner: &str, key: Option<String>) -> Result<(), Json> {
        self.delete(&record::key(owner)).await?;
        let Some(key) = key.map(|key| self.key_record(&key)) else { return Ok(()) };
        match FoundKey::read(&self.platform.store(StoreOperation::Get, &key, "").await?) {
            FoundKey::Record(KeyRecord { holder: Holder::Attempt(id), .. }) if id == owner => self.delete(&key).await,
            _ => Ok(()),
        }
    }

    /// Nothing is open of the attempt any more: what was paid moves to the history. Then its claim
    /// of this key is deleted, whose lock is held.
    pub(super) async fn retire(self: &Rc<Self>, id: &str, key: Option<String>) -> Result<(), Json> {
        let (payments, owner) = (self.clone(), id.to_owned());
        let work = async move {
            let found = record::parse(&payments.platform.store(StoreOperation::Get, &record::key(&owner), "").await?);
            if let Found::Attempt(attempt) = found
                && (attempt.job.is_some() || attempt.certainty == Certainty::Moved)
            {
                payments.set(&record::paid_key(&owner, attempt.begun_at), &record::history(&attempt)).await?;
            }
            payments.delete_with_claim(&owner, key).await?;
            Ok(Stored::Done)
        };
        self.in_order(id, Box::pin(work)).await.map(drop)
    }

    /// The job's end was seen: nothing is open any more. `of_job`: only when the payment is that of
    /// this job. Returns the record as it was.
    pub(super) async fn close(self: &Rc<Self>, id: &str, of_job: Option<String>) -> Result<Option<Attempt>, Json> {
        let (payments, owner) = (self.clone(), id.to_owned());
        let work = async move {
            let found = record::parse(&payments.platform.store(StoreOperation::Get, &record::key(&owner), "").await?);
            let Found::Attempt(attempt) = found else { return Ok(Stored::Closed(None)) };
            if of_job.is_some() && attempt.job_id() != of_job {
                return Ok(Stored::Closed(None));
            }
            payments.book.borrow_mut().close(&owner);
            let answered = Attempt { answered: true, request: String::new(), ..(*attempt).clone() };
            payments.set(&record::key(&owner), &record::to_json(&answered)).await?;
            Ok(Stored::Closed(Some(attempt)))
        };
        match self.in_order(id, Box::pin(work)).await? {
            Stored::Closed(Some(attempt)) => Ok(Some(*attempt)),
            _ => Ok(None),
        }
    }

    /// What the store holds of this attempt.
    pub(super) async fn find(&self, id: &str, end: Deadline) -> Found {
        let ticket = self.writes.join(id);
        let read = async {
            ticket.ready().await;
            self.platform.store(StoreOperation::Get, &record::key(id), "").await
        };
        self.in_time(pin!(read), end).await.map_or_else(Found::Withheld, |value| record::parse(&value))
    }

    /// The same, from a store that may fail for a moment.
    pub(super) async fn find_again(&self, id: &str) -> Found {
        let mut tries = 1;
        loop {
            match self.find(id, Deadline::NEVER).await {
                Found::Withheld(_) if tries < TRIES => self.platform.sleep(AGAIN.times(f64::from(tries))).await,
                found => return found,
            }
            tries = tries.saturating_add(1);
        }
    }

    /// The keys of all payments in the store: first of their records, then of the history, to which
    /// a payment moves when its job's end is seen. A store may read its list in pieces: it is asked
    /// twice, so that a payment that moves meanwhile is in one of the two.
    pub(super) async fn payment_keys(&self, end: Deadline) -> Result<Vec<String>, Json> {
        let mut keys = self.keys(record::PREFIX, end).await?;
        keys.append(&mut self.keys(record::PAID, end).await?);
        Ok(keys)
    }

    /// The record of a payment that began at this time, open or in the history.
    pub(super) async fn peek_anywhere(&self, id: &str, at: WallTime, end: Deadline) -> Found {
        match self.peek(&record::key(id), end).await {
            Found::Missing => self.peek(&record::paid_key(id, at), end).await,
            found => found,
        }
    }

    /// The payment of one of these keys, as it is now: it may have moved to the history since they
    /// were listed.
    pub(super) async fn peek_listed(&self, key: &str, end: Deadline) -> Found {
        let found = self.peek(key, end).await;
        let (Found::Missing, Some(id)) = (&found, key.strip_prefix(record::PREFIX)) else { return found };
        self.find_past(id, end).await
    }

    /// What the history holds of this attempt.
    pub(super) async fn find_past(&self, id: &str, end: Deadline) -> Found {
        match self.keys(record::PAID, end).await {
            Ok(keys) => match keys.iter().find(|key| record::id_of_past(key) == Some(id)) {
                Some(key) => self.peek(key, end).await,
                None => Found::Missing,
            },
            Err(thrown) => Found::Withheld(thrown),
        }
    }

    /// The keys of all records in the store whose keys begin with this.
    pub(super) async fn keys(&self, prefix: &str, end: Deadline) -> Result<Vec<String>, Json> {
        let keys = self.in_time(pin!(self.platform.store(StoreOperation::Keys, "", "")), end).await?;
        Ok(keys.elements().iter().filter_map(Json::as_text).filter(|key| key.starts_with(prefix)).collect())
    }

    fn key_record(&self, key: &str) -> String {
        format!("{}{}", keys::PREFIX, keys::name(&self.http.config.base_url, key))
    }

    /// Whom the key belongs to. `lock` is the lock of the key. What is over is deleted first.
    pub(super) async fn key_holder(self: &Rc<Self>, key: &str, lock: &Held<P>, end: Deadline) -> Result<KeyHolder> {
        self.index_old_keys(end).await?;
        let name = self.key_record(key);
        let claim = match FoundKey::read(&self.read(&name, end).await.map_err(nothing_sent)?) {
            FoundKey::Missing => return Ok(KeyHolder::Nobody),
            FoundKey::Unreadable => return Err(unreadable(&name)),
            FoundKey::Record(claim) => claim,
        };
        let wall = self.platform.wall_time();
        let holder = match &claim.holder {
            Holder::Job(_) if claim.kept_until().is_some_and(|until| until < wall) => KeyHolder::Nobody,
            Holder::Job(created) => KeyHolder::Job { created: created.clone(), fingerprint: claim.fingerprint.clone() },
            Holder::Attempt(id) => match self.find(id, end).await {
                Found::Missing => KeyHolder::Nobody,
                Found::Unreadable => return Err(unreadable(&record::key(id))),
                Found::Withheld(thrown) => return Err(unread(nothing_sent(thrown))),
                Found::Attempt(attempt) if retention::kept_until(&attempt) < wall => KeyHolder::Nobody,
                Found::Attempt(attempt) => KeyHolder::Payment(attempt),
            },
        };
        if let KeyHolder::Nobody = holder {
            let freed = self.in_time(pin!(self.free_key(key.to_owned(), claim.holder, lock.clone())), end).await;
            freed.map_err(nothing_sent)?;
        }
        Ok(holder)
    }

    /// Deletes the claim of a key whose holder is over. The lock is held until that has landed: a
    /// deletion that a call has given up would delete the next call's claim.
    async fn free_key(self: &Rc<Self>, key: String, holder: Holder, lock: Held<P>) -> Result<(), Json> {
        let (payments, name) = (self.clone(), self.key_record(&key));
        let order = name.clone();
        let work = async move {
            let freed = match holder {
                Holder::Attempt(id) => payments.retire(&id, Some(key)).await,
                Holder::Job(_) => payments.delete(&name).await,
            };
            drop(lock);
            freed.map(|()| Stored::Done)
        };
        self.in_order(&order, Box::pin(work)).await.map(drop)
    }

    /// Writes down that a key has a job that cost nothing. In a task of its own, which holds the
    /// key's lock until it is done.
    pub(super) async fn keep_free_job(self: &Rc<Self>, key: &str, job: KeyRecord, lock: P::Lock) -> Result<(), Json> {
        let (payments, name) = (self.clone(), self.key_record(key));
        let work = async move {
            let written = payments.set(&name, &job.to_json()).await;
            drop(lock);
            written.map(|()| Stored::Done)
        };
        self.in_order(key, Box::pin(work)).await.map(drop)
    }
}

/// The store has not kept what it was given.
pub(super) fn not_kept() -> Json {
    Json::text("it does not return what was written")
}

/// The store has failed before anything was sent.
pub(super) fn nothing_sent(thrown: Json) -> Box<Error> {
    store_failed(thrown, "; nothing was sent")
}

pub(super) fn unreadable(key: &str) -> Box<Error> {
    unread(Error::new(ErrorCode::StoreFailed, record::unreadable_words(key)))
}

/// The same error, about a payment of before that could not be read. A bad argument is about
/// nothing.
pub(super) fn unread(mut error: Box<Error>) -> Box<Error> {
    error.is_about_unread_payment = error.code != ErrorCode::InvalidArgument;
    error
}
