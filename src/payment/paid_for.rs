//! Finds what was paid for a job: in this client, in the open records of the store, in its history.

use super::book::StoredPayments;
use super::payments::Payments;
use super::record::{self, Found};
use crate::api::payments::Attempt;
use crate::platform::{Platform, within};
use crate::time::{Deadline, Millis};

/// The longest time for a search in the store.
const SEARCH: Millis = Millis::from_secs(1.0);
/// For so long nobody reads the open records again.
const FRESH: Millis = Millis::from_secs(1.0);
/// The queue of those who read what the store knows of paid jobs.
const STORED_PAYMENTS: &str = "paid jobs";

impl<P: Platform + 'static> Payments<P> {
    /// What was paid for this job, as far as this client knows. `reference`: the payment that the
    /// job itself names.
    pub(crate) fn paid_for(&self, job_id: &str, reference: Option<&str>) -> Option<Box<Attempt>> {
        self.book.borrow().paid_for(job_id, reference).map(Box::new)
    }

    /// What was paid for a job about which a call fails, wherever it is known: in this client, also
    /// after the job's end, or in the store, which is searched for a second at most.
    pub(crate) async fn known_payment(&self, job_id: &str, reference: Option<&str>) -> Option<Box<Attempt>> {
        let known = self.book.borrow().paid_before(job_id).or_else(|| self.book.borrow().paid_for(job_id, reference));
        if let Some(attempt) = known {
            return Some(Box::new(attempt));
        }
        let end = Deadline::after(self.platform.now(), Some(SEARCH));
        within(self.stored_payment(job_id, reference, end), self.platform.sleep(SEARCH)).await.flatten()
    }

    /// What was paid for this job as the store knows it: in the record that the job names, else in
    /// an open record, else in the history where the job names its payment.
    async fn stored_payment(&self, job_id: &str, reference: Option<&str>, end: Deadline) -> Option<Box<Attempt>> {
        if let Some(reference) = reference
            && let Some(attempt) = of_job(self.find(reference, end).await, job_id)
        {
            return Some(attempt);
        }
        // One reads, and many calls that fail at once use what it has found.
        let ticket = self.writes.join(STORED_PAYMENTS);
        ticket.ready().await;
        self.read_stored_payments(end).await;
        drop(ticket);
        if let Some(attempt) = self.stored_payments.borrow().open_payment_of(job_id) {
            return Some(Box::new(attempt.clone()));
        }
        let key = self.stored_payments.borrow().past_key_of(reference?)?.to_owned();
        of_job(self.peek(&key, end).await, job_id)
    }

    /// Reads what the store knows of paid jobs, unless that was read a moment ago.
    async fn read_stored_payments(&self, end: Deadline) {
        let now = self.platform.now();
        if self.stored_payments.borrow().at.is_some_and(|at| now < at + FRESH) {
            return;
        }
        let mut stored = StoredPayments { at: Some(now), ..StoredPayments::default() };
        for key in self.payment_keys(end).await.unwrap_or_default() {
            if key.starts_with(record::PAID) {
                stored.past.push(key);
            } else if let Found::Attempt(attempt) = self.peek_listed(&key, end).await
                && attempt.job.is_some()
            {
                stored.open.push(Attempt { request: String::new(), ..*attempt });
            }
        }
        *self.stored_payments.borrow_mut() = stored;
    }
}

/// The payment that was found, if it is that of this job: lists show references to everybody.
fn of_job(found: Found, job_id: &str) -> Option<Box<Attempt>> {
    match found {
        Found::Attempt(attempt) if attempt.job_id().as_deref() == Some(job_id) => Some(attempt),
        _ => None,
    }
}
