//! Payments that were begun before: after a lost reply, a crash, in another tab. Who comes second
//! finds the job.

use core::pin::pin;
use std::rc::Rc;

use super::budget_store::Change;
use super::funds_moved::{FundsMoved, funds_moved};
use super::machine::Payment;
use super::payments::Payments;
use super::record::{self, Found};
use super::run::Start;
use super::step::{Paid, Resumption, StoredRecord};
use super::store::{Stored, unread};
use super::store_failed;
use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::options::CallOptions;
use crate::api::payments::{Attempt, JobSource};
use crate::api::routes;
use crate::api::update::Update;
use crate::json::{Json, shown};
use crate::platform::{Method, Platform};
use crate::text::shorten;
use crate::time::Deadline;

/// What was open when it was listed.
const NOT_OPEN: &str = "this payment is not open any more: it was finished or forgotten elsewhere";
/// What cannot be resumed.
const NO_ATTEMPT: &str = "must be a job's id, or an attempt with its attemptId";

impl<P: Platform + 'static> Payments<P> {
    /// Finds or makes the job of an attempt (of an error, or of [`Payments::pending`]): with the
    /// job that is there, else with the same proof. The id alone is enough where the store has it.
    pub(crate) async fn resume(
        self: &Rc<Self>,
        given: &Json,
        call: &CallOptions,
        end: Deadline,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        let id = given.as_text().map_or_else(|| attempt_id(given), Ok)?;
        self.go_on(&id, given, call, end, update).await.map_err(unread)
    }

    /// Whether the store has a payment with this id, open or in its history. One that fails keeps
    /// nobody from a job.
    pub(crate) async fn has_record(&self, id: &str, end: Deadline) -> bool {
        match self.find(id, end).await {
            Found::Missing => matches!(self.find_past(id, end).await, Found::Attempt(_)),
            found => !matches!(found, Found::Withheld(_)),
        }
    }

    /// Forgets a payment that the application knows to be over.
    pub(crate) async fn forget_payment(self: &Rc<Self>, given: &Json, call: &CallOptions) -> Result<()> {
        let id = attempt_id(given)?;
        let end = self.http.deadline(call);
        let _lock = self.lock("resume", &id, end).await.map_err(unread)?;
        let failed = |thrown| unread(store_failed(thrown, ""));
        let (mut is_unmoved, found) = (false, self.find(&id, end).await);
        if let Found::Attempt(attempt) = found {
            is_unmoved = funds_moved(&attempt) == FundsMoved::No;
            // Whoever says that no money has moved may be wrong: where that is not certain, the
            // budget does not get it back.
            if !is_unmoved {
                self.in_time(pin!(self.count_as_spent(&attempt)), end).await.map_err(failed)?;
            }
        }
        self.in_time(pin!(self.retire(&id, None)), end).await.map_err(failed)?;
        let mut book = self.book.borrow_mut();
        book.forget(&id);
        // The wallet may still be open: what it answers decides then.
        if is_unmoved && !book.is_asking(&id) {
            book.release(&id);
        }
        Ok(())
    }

    /// What is set aside for the payment is spent, after all that was written of it.
    async fn count_as_spent(self: &Rc<Self>, attempt: &Attempt) -> Result<(), Json> {
        let (payments, counted) = (self.clone(), self.counted(attempt));
        let work = async move {
            payments.change_counted(counted, Change::spend).await?;
            Ok(Stored::Done)
        };
        self.in_order(&attempt.id, Box::pin(work)).await.map(drop)
    }

    /// Finds or makes the job of the attempt with this id, of which the caller knows this much.
    pub(super) async fn go_on(
        self: &Rc<Self>,
        id: &str,
        given: &Json,
        call: &CallOptions,
        end: Deadline,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        // Only one sends, in whatever program: who comes second finds the job.
        let lock = self.lock("resume", id, end).await?;
        let (attempt, record) = match self.begun(id, given, end).await? {
            Begun::Attempt { attempt, record } => (attempt, record),
            Begun::HasJob(paid) => return Ok(*paid),
        };
        let had_job = attempt.job.is_some();
        let payment = self.resumed(*attempt, record, call, end)?;
        let request = self.http.request(Method::Post, routes::JOBS, call);
        let call = call.clone();
        let Paid { created, attempt } =
            self.follow(Start { payment, request, call, end, locks: vec![lock], key: None }, update).await?;
        // A job that a search has found was made by an earlier send.
        let is_found = attempt.job.as_ref().is_some_and(|job| job.source == JobSource::Search);
        let created = if had_job || is_found { created.known() } else { created };
        Ok(Paid { created, attempt })
    }

    /// The payment as it goes on. The error says that it is another server's, or that the call's
    /// new request can never work.
    fn resumed(&self, mut attempt: Attempt, record: StoredRecord, call: &CallOptions, end: Deadline) -> Result<Payment> {
        if attempt.server != self.http.config.base_url {
            let rule = format!("must be one of this client's server, {}", self.http.config.base_url);
            return Err(Error::argument("attempt", &rule, &shorten(&attempt.server, 200)));
        }
        let new_params = call.params.as_ref().filter(|_| attempt.job.is_none());
        if let Some(params) = new_params {
            self.correct(&mut attempt, params)?;
        }
        let resumption = Resumption {
            record,
            is_corrected: new_params.is_some(),
            has_reservation: self.book.borrow().has_reservation(&attempt.id),
            is_asking: self.book.borrow().is_asking(&attempt.id),
            asks_chain: self.can_ask_chain(&attempt),
        };
        Ok(Payment::resumed(attempt, resumption, end))
    }

    /// What there is of the attempt with this id: in the store, or else in what the caller gives.
    async fn begun(&self, id: &str, given: &Json, end: Deadline) -> Result<Begun> {
        match self.find(id, end).await {
            Found::Attempt(attempt) => {
                let attempt = record::with_given_hash(*attempt, given.get_text("transaction"));
                return Ok(Begun::Attempt { attempt: Box::new(attempt), record: StoredRecord::Written });
            }
            Found::Withheld(thrown) => return Err(store_failed(thrown, "; nothing was sent")),
            Found::Unreadable => {
                return Err(Error::new(ErrorCode::StoreFailed, record::unreadable_words(&record::key(id))));
            }
            Found::Missing => {}
        }
        let attempt = match self.find_past(id, end).await {
            // Another program has finished it since it was listed.
            Found::Attempt(attempt) => *attempt,
            _ => record::read(given).ok_or_else(|| match given.as_text() {
                Some(_) => Error::new(ErrorCode::PaymentNotOpen, NOT_OPEN),
                None => Error::argument("attempt", NO_ATTEMPT, &shown(given)),
            })?,
        };
        if !attempt.request.is_empty() || attempt.job.is_some() {
            return Ok(Begun::Attempt { attempt: Box::new(attempt), record: StoredRecord::Missing });
        }
        // Finished elsewhere: the job may still be there.
        match given.get("jobId") {
            Some(job_id) => {
                let created = jobs::read_created(Json::object().set("jobId", job_id)).known();
                Ok(Begun::HasJob(Box::new(Paid { created, attempt })))
            }
            None => Err(carrying(Error::new(ErrorCode::PaymentNotOpen, NOT_OPEN), attempt)),
        }
    }

    /// The request is to have these params in place of its own.
    fn correct(&self, attempt: &mut Attempt, params: &Json) -> Result<()> {
        let body = jobs::with_reference(jobs::validate(params)?, &attempt.id, jobs::MAX_METADATA_UNITS);
        let request = core::mem::replace(&mut attempt.request, self.body(body).to_json());
        if attempt.first_request.is_empty() {
            attempt.first_request = request;
        }
        Ok(())
    }
}

/// What there is of an attempt that is resumed.
enum Begun {
    /// The attempt of its record, else the caller's.
    Attempt { attempt: Box<Attempt>, record: StoredRecord },
    /// The id of its job, and nothing to send.
    HasJob(Box<Paid>),
}

fn attempt_id(given: &Json) -> Result<String> {
    let id = given.get_text("attemptId").filter(|id| !id.is_empty());
    id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))
}

fn carrying(mut error: Box<Error>, attempt: Attempt) -> Box<Error> {
    error.payment = Some(Box::new(attempt));
    error
}
