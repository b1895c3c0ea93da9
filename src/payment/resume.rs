//! Payments that were begun before: after a lost reply, a crash, in another tab. Who comes second
//! finds the job.

use core::cell::Cell;
use core::pin::pin;
use std::rc::Rc;

use super::keys::{self, Holder, KeyRecord};
use super::machine::{LEAST_STORE, Payment};
use super::payments::Payments;
use super::record::{self, Found, FundsMoved, funds_moved};
use super::run::Start;
use super::step::Resumption;
use super::store::{Stored, unread};
use super::store_failed;
use super::subscription::{Publisher, subscription};
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Created};
use crate::api::options::CallOptions;
use crate::api::payments::Attempt;
use crate::api::routes;
use crate::api::update::Update;
use crate::json::{Json, shown};
use crate::platform::{Method, Platform, StoreOperation, within};
use crate::spending::budget::Fate;
use crate::text::shorten;
use crate::time::{Deadline, Millis, WallTime};

/// The longest time for which an answer waits until its payment's record is closed.
const CLOSE: Millis = Millis::from_secs(1.0);
/// How long a claim without a payment is left alone: its call may still be at it.
const CLAIM: Millis = Millis::from_secs(86_400.0);
/// How many key records are checked whenever payments are listed; those of no use are deleted.
const KEYS_TIDIED: usize = 100;
/// What was open when it was listed.
const NOT_OPEN: &str = "this payment is not open any more: it was finished or forgotten elsewhere";
/// What cannot be resumed.
const NO_ATTEMPT: &str = "must be a job's id, or an attempt with its attemptId";

/// A payment whose job has ended.
struct Closing {
    id: String,
    /// It is closed only if it is the payment of this job: lists show references to everybody.
    only_of_job: Option<String>,
}

/// What is open, as it is listed.
type Listed = (WallTime, Json);

impl<P: Platform + 'static> Payments<P> {
    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs
    /// that were not used, jobs whose answers were not seen; and records that cannot be read.
    pub(crate) async fn pending(self: &Rc<Self>, call: &CallOptions) -> Result<Vec<Json>> {
        let end = self.deadline(call.timeout);
        let keys = self.keys(end).await.map_err(|thrown| store_failed(thrown, ""))?;
        let ids: Vec<&str> = keys.iter().filter_map(|key| key.strip_prefix(record::PREFIX)).collect();
        let mut open: Vec<Listed> = Vec::new();
        let (mut failed, mut has_answered) = (None, ids.is_empty());
        for (at, id) in ids.iter().enumerate() {
            self.breathe(at, end).await.map_err(|thrown| store_failed(thrown, ""))?;
            let found = self.find(id, end).await;
            has_answered |= !matches!(found, Found::Withheld(_));
            match found {
                Found::Withheld(thrown) => {
                    failed = Some(thrown);
                    list(&mut open, (WallTime::from_ms(0.0), record::unreadable(id)));
                }
                Found::Unreadable => list(&mut open, (WallTime::from_ms(0.0), record::unreadable(id))),
                Found::Missing => {}
                Found::Attempt(attempt) => {
                    if let Some(listed) = self.listed(*attempt, end).await {
                        list(&mut open, listed);
                    }
                }
            }
        }
        // A store that returns none of its records has failed.
        if let Some(thrown) = failed.filter(|_| !has_answered) {
            return Err(store_failed(thrown, ""));
        }
        self.tidy_keys(&keys, end).await;
        Ok(open.into_iter().map(|(_, document)| document).collect())
    }

    /// An attempt as it is listed, if it is open. What is of no use any more is deleted.
    async fn listed(self: &Rc<Self>, attempt: Attempt, end: Deadline) -> Option<Listed> {
        if attempt.server != self.http.config.base_url {
            return None;
        }
        let is_closed = self.book.borrow().is_closed(&attempt.id);
        if record::kept_until(&attempt) < self.platform.wall_time() {
            let _ = self.in_time(pin!(self.retire(&attempt.id, None)), end).await;
            return None;
        }
        // A program that ended before it could return the answer, or delete the record, has left
        // this. The job stays known.
        if attempt.answered {
            return None;
        }
        // What has been answered is not open, though the store has not taken that yet.
        if is_closed && attempt.created.is_some() {
            if let Ok(Some(attempt)) = self.in_time(pin!(self.close(&attempt.id, None)), end).await {
                let drop = async {
                    self.drop_closed(&attempt).await;
                    Ok(())
                };
                let _ = self.in_time(pin!(drop), end).await;
            }
            return None;
        }
        Some((attempt.created_at, attempt.listed()))
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
                // A call may be about to claim it.
                let soon = end.min(Deadline::after(self.platform.now(), Some(CLOSE)));
                let Ok(lock) = self.lock("create", name, soon).await else { continue };
                if self.is_over(key, end).await {
                    let (payments, record) = (self.clone(), key.clone());
                    // The lock is held until the deletion has landed, however long that takes.
                    let work = async move {
                        let deleted = payments.delete(&record).await;
                        drop(lock);
                        deleted.map(|()| Stored::Done)
                    };
                    let _ = self.in_time(pin!(self.in_order(key, Box::pin(work))), end).await;
                }
            }
        }
    }

    /// Whether a key record is of no use any more.
    async fn is_over(&self, key: &str, end: Deadline) -> bool {
        let value = self.in_time(pin!(self.platform.store(StoreOperation::Get, key, "")), end).await;
        let Some(Ok(claim)) = value.ok().and_then(|value| keys::parse(&value)) else { return false };
        let wall = self.platform.wall_time();
        match &claim {
            KeyRecord { holder: Holder::Attempt(id), created_at, .. } => {
                *created_at + CLAIM < wall && matches!(self.find(id, end).await, Found::Missing)
            }
            claim => claim.kept_until().is_some_and(|until| until < wall),
        }
    }

    /// Finds or makes the job of an attempt (of an error, or of [`Payments::pending`]): with the
    /// job that is there, else with the same proof.
    pub(crate) async fn resume(
        self: &Rc<Self>,
        given: &Json,
        call: &CallOptions,
        end: Deadline,
        update: &dyn Fn(Update),
    ) -> Result<(Created, Attempt)> {
        self.go_on(&attempt_id(given)?, given, call, end, update).await.map_err(unread)
    }

    /// Forgets a payment that the application knows to be over.
    pub(crate) async fn forget_payment(self: &Rc<Self>, given: &Json, call: &CallOptions) -> Result<()> {
        let id = attempt_id(given)?;
        let end = self.http.deadline(call);
        let _lock = self.lock("resume", &id, end).await.map_err(unread)?;
        let found = self.find(&id, end).await;
        // Whoever says that no money has moved may be wrong: where that is not certain, the budget
        // does not get it back.
        if let Found::Attempt(attempt) = &found
            && funds_moved(attempt) != FundsMoved::No
        {
            let (payments, attempt) = (self.clone(), attempt.clone());
            let settled = async move {
                payments.settle(&attempt, Fate::Spent(attempt.begun_at)).await?;
                Ok(Stored::Done)
            };
            let settled = self.in_time(pin!(self.in_order(&id, Box::pin(settled))), end).await;
            settled.map(drop).map_err(|thrown| unread(store_failed(thrown, "")))?;
        }
        self.in_time(pin!(self.retire(&id, None)), end).await.map_err(|thrown| unread(store_failed(thrown, "")))?;
        let mut book = self.book.borrow_mut();
        book.forget(&id);
        // The wallet may still be open: what it answers decides then.
        if let Found::Attempt(attempt) = found
            && funds_moved(&attempt) == FundsMoved::No
            && !book.is_asking(&id)
        {
            book.release(&id);
        }
        Ok(())
    }

    /// Finds or makes the job of the attempt with this id, of which the caller knows this much.
    pub(super) async fn go_on(
        self: &Rc<Self>,
        id: &str,
        given: &Json,
        call: &CallOptions,
        end: Deadline,
        update: &dyn Fn(Update),
    ) -> Result<(Created, Attempt)> {
        // Only one sends, in whatever program: who comes second finds the job.
        let lock = self.lock("resume", id, end).await?;
        let mut resumption = Resumption::default();
        let mut attempt = match self.find(id, end).await {
            Found::Attempt(attempt) => record::with_given_hash(*attempt, given.get_text("transaction")),
            Found::Withheld(thrown) => return Err(store_failed(thrown, "; nothing was sent")),
            Found::Unreadable => {
                return Err(Error::new(ErrorCode::StoreFailed, record::unreadable_words(&record::key(id))));
            }
            Found::Missing => {
                let attempt = record::read(given).ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
                if attempt.request.is_empty() && attempt.created.is_none() {
                    return match given.get("jobId") {
                        // Finished elsewhere: the job may still be there.
                        Some(job_id) => Ok((jobs::read_created(Json::object().set("jobId", job_id)), attempt)),
                        None => Err(carrying(Error::new(ErrorCode::PaymentNotOpen, NOT_OPEN), attempt)),
                    };
                }
                resumption.is_unwritten = true;
                attempt
            }
        };
        if attempt.server != self.http.config.base_url {
            let rule = format!("must be one of this client's server, {}", self.http.config.base_url);
            return Err(Error::argument("attempt", &rule, &shorten(&attempt.server, 200)));
        }
        if let Some(params) = call.params.as_ref().filter(|_| attempt.created.is_none()) {
            let body = jobs::with_reference(jobs::validate(params)?, &attempt.id, jobs::MAX_METADATA_UNITS);
            attempt.request = self.body(body).to_json();
            resumption.is_corrected = true;
        }
        resumption.has_reservation = self.book.borrow().has_reservation(id);
        resumption.is_asking = self.book.borrow().is_asking(id);
        resumption.asks_chain = self.can_ask_chain(&attempt);
        let request = self.http.request(Method::Post, routes::JOBS, call);
        let payment = Payment::resumed(attempt, resumption, end);
        let call = call.clone();
        self.follow(Start { payment, request, call, end, locks: vec![lock], key: None }, update).await
    }

    /// The job's end was seen: nothing is open any more. Waits until the store knows it, but not
    /// for long: the program may end as soon as it has the answer. The record is deleted after
    /// that. `reference`: the payment that the job itself names, which an earlier run of the
    /// program may have made. Returns the payment, where the store had it in that time.
    pub(crate) async fn job_finished(
        self: &Rc<Self>,
        job_id: &str,
        reference: Option<&str>,
        end: Deadline,
    ) -> Option<Box<Attempt>> {
        let closings = self.closings(job_id, reference);
        if closings.is_empty() {
            return None;
        }
        let (publisher, mut subscription) = subscription();
        let went_on = Rc::new(Cell::new(false));
        self.platform.spawn(self.clone().close_all(closings, publisher, went_on.clone()));
        let limit = CLOSE.min(end.left(self.platform.now()).max(LEAST_STORE));
        let closed = within(subscription.next(), self.platform.sleep(limit)).await;
        went_on.set(true);
        closed.flatten()
    }

    /// The payments of a job that has ended.
    fn closings(&self, job_id: &str, reference: Option<&str>) -> Vec<Closing> {
        let ids = self.book.borrow_mut().job_finished(job_id);
        if !ids.is_empty() {
            return ids.into_iter().map(|id| Closing { id, only_of_job: None }).collect();
        }
        let other = reference.filter(|id| !self.book.borrow().is_closed(id));
        other.map(|id| Closing { id: id.to_owned(), only_of_job: Some(job_id.to_owned()) }).into_iter().collect()
    }

    /// Closes payments, and says which. Until the call has gone on, their records stay; a call that
    /// goes away without its answer leaves them open as before.
    async fn close_all(
        self: Rc<Self>,
        closings: Vec<Closing>,
        publisher: Publisher<Option<Box<Attempt>>>,
        went_on: Rc<Cell<bool>>,
    ) {
        let mut closed = Vec::new();
        for Closing { id, only_of_job } in closings {
            closed.extend(self.close(&id, only_of_job).await.ok().flatten());
        }
        publisher.send(closed.first().cloned().map(Box::new));
        publisher.gone().await;
        for attempt in closed {
            if went_on.get() { self.drop_closed(&attempt).await } else { self.reopen(attempt).await }
        }
    }

    /// What was paid for this job, as far as this client knows. `reference`: the payment that the
    /// job itself names.
    pub(crate) fn paid_for(&self, job_id: &str, reference: Option<&str>) -> Option<Box<Attempt>> {
        self.book.borrow().paid_for(job_id, reference).map(Box::new)
    }

    /// What was paid for this job in an earlier run of the program, as the store has it.
    pub(crate) async fn recorded(&self, job_id: &str, reference: &str) -> Option<Box<Attempt>> {
        let end = Deadline::after(self.platform.now(), Some(CLOSE));
        match self.find(reference, end).await {
            Found::Attempt(attempt) if attempt.job_id().as_deref() == Some(job_id) => Some(attempt),
            _ => None,
        }
    }

    /// The application has the answer. What has a key is kept, so that another call with it pays
    /// nothing.
    async fn drop_closed(self: &Rc<Self>, attempt: &Attempt) {
        if attempt.idempotency_key.is_empty() {
            let _ = self.retire(&attempt.id, None).await;
            self.tidy_history().await;
        }
    }

    /// The call was given up before it had its answer: the payment is open as before.
    async fn reopen(self: &Rc<Self>, attempt: Attempt) {
        let job_id = attempt.job_id();
        let at = self.moment();
        let kept_until = at.now + record::kept_until(&attempt).since(at.wall);
        self.book.borrow_mut().reopen(&attempt.id, &job_id.unwrap_or_default(), kept_until);
        let _ = self.write(attempt).await;
    }
}

/// Puts one into the list, which is in the order of time. Not sorted at the end: the standard
/// library's sort is 5 KB of the wasm.
fn list(open: &mut Vec<Listed>, listed: Listed) {
    let at = open.partition_point(|(time, _)| *time <= listed.0);
    open.insert(at, listed);
}

fn attempt_id(given: &Json) -> Result<String> {
    let id = given.get_text("attemptId").filter(|id| !id.is_empty());
    id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))
}

fn carrying(mut error: Box<Error>, attempt: Attempt) -> Box<Error> {
    error.payment = Some(attempt);
    error
}
