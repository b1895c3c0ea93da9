//! Closes the payments of a job that has ended.

use core::cell::Cell;
use std::rc::Rc;

use super::machine::LEAST_STORE;
use super::payments::Payments;
use super::retention;
use super::subscription::{Publisher, subscription};
use crate::api::payments::Attempt;
use crate::platform::{Platform, within};
use crate::time::{Deadline, Millis};

/// The longest time for which an answer waits until its payment's record is closed.
const CLOSE: Millis = Millis::from_secs(1.0);

/// A payment whose job has ended.
struct Closing {
    id: String,
    /// It is closed only if it is the payment of this job: lists show references to everybody.
    only_of_job: Option<String>,
}

impl<P: Platform + 'static> Payments<P> {
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

    /// The server does not have the job any more. Before the job's time is over, it may be one of
    /// several servers, or may not know the job yet: the payment stays open until then, so that a
    /// later run of the program asks for the answer again.
    pub(crate) async fn job_gone(self: &Rc<Self>, job_id: &str, end: Deadline) {
        let now = self.platform.wall_time();
        if !self.paid_for(job_id, None).is_some_and(|paid| now < retention::expiry(&paid)) {
            self.job_finished(job_id, None, end).await;
        }
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

    /// The application has the answer. What has a key is kept, so that another call with it pays
    /// nothing.
    pub(super) async fn drop_closed(self: &Rc<Self>, attempt: &Attempt) {
        if attempt.idempotency_key.is_empty() {
            let _ = self.retire(&attempt.id, None).await;
            self.tidy_history().await;
        }
    }

    /// The call was given up before it had its answer: the payment is open as before.
    async fn reopen(self: &Rc<Self>, attempt: Attempt) {
        let job_id = attempt.job_id();
        let at = self.moment();
        let kept_until = at.now + retention::kept_until(&attempt).since(at.wall);
        self.book.borrow_mut().reopen(&attempt.id, &job_id.unwrap_or_default(), kept_until);
        let _ = self.write(attempt).await;
    }
}
