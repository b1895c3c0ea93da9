//! All payments that this client knows, in one place.
//!
//! An entry is kept as long as its payment is open, however many there are. Once the job's end was
//! seen, or the record's time is over, the newest [`MAX_CLOSED`] are kept, so that what is reserved
//! is not reserved again.

use std::collections::VecDeque;

use crate::api::jobs;
use crate::api::payments::Attempt;
use crate::payment::PaidJob;
use crate::spending::ledger::Reservation;
use crate::table::Table;
use crate::time::{Instant, WallTime};

/// How many payments are remembered after their end.
const MAX_CLOSED: usize = 10_000;
/// How many jobs are remembered by their idempotency key. The store has all of them.
const MAX_KEYED: usize = 1_000;

/// What is known of one payment.
#[derive(Debug, Default)]
struct Entry {
    /// The money that is reserved in memory, until it certainly has not moved.
    reservation: Option<Reservation>,
    /// Whether the wallet is open.
    asking: bool,
    /// The job that was paid for, until its end was seen.
    job_id: Option<String>,
    /// Whether the job's end was seen.
    closed: bool,
    /// The payment as the application gets it with its job: without the request.
    paid: Option<Box<Attempt>>,
}

/// A job that was created under an idempotency key.
#[derive(Debug, Clone)]
pub struct KeyedJob {
    /// The fingerprint of the request.
    pub fingerprint: String,
    /// The job.
    pub job: PaidJob,
    /// Until when the key is this job's: as long as its record says, however long the program runs.
    pub kept_until: WallTime,
}

/// What the store knows of paid jobs, as it was read.
#[derive(Debug, Default)]
pub struct StoredPayments {
    /// When they were read.
    pub at: Option<Instant>,
    /// The payments whose records are there, with their jobs.
    pub open: Vec<Attempt>,
    /// The keys of the history.
    pub past: Vec<String>,
}

impl StoredPayments {
    /// The payment of this job whose record is there.
    pub fn open_payment_of(&self, job_id: &str) -> Option<&Attempt> {
        self.open.iter().find(|attempt| attempt.job_id().as_deref() == Some(job_id))
    }

    /// The key under which the history has the attempt with this id.
    pub fn past_key_of(&self, id: &str) -> Option<&str> {
        let ending = format!("-{id}");
        self.past.iter().map(String::as_str).find(|key| key.ends_with(&ending))
    }
}

/// All payments that this client knows.
#[derive(Debug, Default)]
pub struct Book {
    entries: Table<Entry>,
    /// The payments of each job whose end was not seen yet: one, unless an application has resumed
    /// another's.
    jobs: Table<Vec<String>>,
    /// Paid jobs in the order in which they were accepted, with the time at which their records are
    /// of no use any more.
    kept: VecDeque<(Instant, String)>,
    closed: VecDeque<String>,
    /// Which payment each job was paid with, also after its end.
    paid: Table<String>,
    keyed: Table<KeyedJob>,
    keys: VecDeque<String>,
}

impl Book {
    fn entry(&mut self, id: &str) -> &mut Entry {
        self.entries.entry(id)
    }

    /// Money was set aside for this payment. It is given back when the payment is dropped, until
    /// [`Book::keep`] says otherwise.
    pub fn reserve(&mut self, id: &str, money: Reservation) {
        self.entry(id).reservation = Some(money);
    }

    /// Whether the ledger has a reservation for this payment.
    pub fn has_reservation(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.reservation.is_some())
    }

    /// The payment's money may have moved: it stays reserved.
    pub fn keep(&mut self, id: &str) {
        if let Some(money) = &self.entry(id).reservation {
            money.kept.set(true);
        }
    }

    /// Certainly no money has moved: it is given back, once.
    pub fn release(&mut self, id: &str) {
        if let Some(money) = self.entries.get_mut(id).and_then(|entry| entry.reservation.take()) {
            money.kept.set(false);
        }
        self.tidy(id);
    }

    /// A wallet is asked to pay.
    pub fn wallet_opened(&mut self, id: &str) {
        self.entry(id).asking = true;
    }

    /// The wallet has answered.
    pub fn wallet_closed(&mut self, id: &str) {
        self.entry(id).asking = false;
        self.tidy(id);
    }

    /// Whether a wallet is open for this payment.
    pub fn is_asking(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.asking)
    }

    /// There is a job for this payment, whose record is kept until then. Returns the payments whose
    /// records are of no use any more.
    pub fn accepted(&mut self, id: &str, job_id: &str, kept_until: Instant, now: Instant) -> Vec<String> {
        let mut over = Vec::new();
        while self.kept.front().is_some_and(|(until, _)| *until <= now) {
            let Some((_, id)) = self.kept.pop_front() else { break };
            if self.close(&id) {
                over.push(id);
            }
        }
        self.open(id, job_id, kept_until);
        over
    }

    /// The server has taken this payment for a job.
    pub fn set_paid(&mut self, attempt: &Attempt) {
        let public = Attempt { request: String::new(), ..attempt.clone() };
        self.entry(&attempt.id).paid = Some(Box::new(public));
        if let Some(job_id) = attempt.job_id() {
            self.paid.insert(&job_id, attempt.id.clone());
        }
    }

    /// What was paid for this job. `reference`: the payment that the job itself names.
    pub fn paid_for(&self, job_id: &str, reference: Option<&str>) -> Option<Attempt> {
        let open = self.jobs.get(job_id).and_then(|ids| ids.first()).map(String::as_str);
        let paid = self.entries.get(open.or(reference)?)?.paid.as_deref()?;
        // Lists show references to everybody: another job may have it.
        (paid.job_id().as_deref() == Some(job_id)).then(|| paid.clone())
    }

    /// What was paid for this job, also after its end.
    pub fn paid_before(&self, job_id: &str) -> Option<Attempt> {
        self.entries.get(self.paid.get(job_id)?)?.paid.as_deref().cloned()
    }

    fn open(&mut self, id: &str, job_id: &str, kept_until: Instant) {
        self.entry(id).job_id = Some(job_id.to_owned());
        let payments = self.jobs.entry(job_id);
        if !payments.iter().any(|known| known == id) {
            payments.push(id.to_owned());
            self.kept.push_back((kept_until, id.to_owned()));
        }
    }

    /// The job's end was seen. Returns the payments that were open for it.
    pub fn job_finished(&mut self, job_id: &str) -> Vec<String> {
        let ids = self.jobs.get(job_id).cloned().unwrap_or_default();
        ids.into_iter().filter(|id| self.close(id)).collect()
    }

    /// Whether the end of this payment's job was seen.
    pub fn is_closed(&self, id: &str) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.closed)
    }

    /// The payment is over. False when it was before.
    pub fn close(&mut self, id: &str) -> bool {
        let entry = self.entry(id);
        if core::mem::replace(&mut entry.closed, true) {
            return false;
        }
        if let Some(job_id) = entry.job_id.take()
            && let Some(payments) = self.jobs.get_mut(&job_id)
        {
            payments.retain(|known| known != id);
            if payments.is_empty() {
                self.jobs.remove(&job_id);
            }
        }
        self.closed.push_back(id.to_owned());
        if self.closed.len() > MAX_CLOSED
            && let Some(id) = self.closed.pop_front()
            && self.is_closed(&id)
        {
            let entry = self.entries.remove(&id);
            if let Some(job_id) = entry.and_then(|entry| entry.paid?.job_id()) {
                self.paid.remove(&job_id);
            }
        }
        // What is over need not wait for its time in the queue, unless it is in the middle of it.
        while self.kept.front().is_some_and(|(_, id)| self.entries.get(id).is_none_or(|entry| entry.closed)) {
            self.kept.pop_front();
        }
        true
    }

    /// The payment was closed for a call that went away: it is open as before.
    pub fn reopen(&mut self, id: &str, job_id: &str, kept_until: Instant) {
        self.entry(id).closed = false;
        self.closed.retain(|known| known != id);
        self.open(id, job_id, kept_until);
    }

    /// The application has forgotten the payment: another call with its key is another payment.
    pub fn forget(&mut self, id: &str) {
        // What a wallet that is still open answers is written down, and is open again.
        if !self.is_asking(id) {
            self.close(id);
        }
        let is_its = |job: &KeyedJob| job.job.payment.as_ref().is_some_and(|payment| payment.id == id);
        let keys: Vec<String> = self.keyed.iter().filter(|(_, job)| is_its(job)).map(|(key, _)| key.to_owned()).collect();
        for key in keys {
            self.keyed.remove(&key);
            self.keys.retain(|known| *known != key);
        }
    }

    /// The job whose key this is at this time.
    pub fn keyed(&self, key: &str, now: WallTime) -> Option<&KeyedJob> {
        self.keyed.get(key).filter(|job| job.kept_until >= now)
    }

    /// A job was created under this key.
    pub fn set_keyed(&mut self, key: &str, mut job: KeyedJob) {
        // A copy: the first caller may do with its job what it likes.
        job.job.created.document = jobs::handle(&job.job.created.document);
        if self.keyed.insert(key, job).is_none() {
            self.keys.push_back(key.to_owned());
        }
        if self.keys.len() > MAX_KEYED
            && let Some(key) = self.keys.pop_front()
        {
            self.keyed.remove(&key);
        }
    }

    /// Nothing is known of a payment without money, wallet, job and end: it needs no entry.
    fn tidy(&mut self, id: &str) {
        let is_empty = |entry: &Entry| entry.reservation.is_none() && !entry.asking && entry.job_id.is_none() && !entry.closed;
        if self.entries.get(id).is_some_and(is_empty) {
            self.entries.remove(id);
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::spending::ledger::SpendLedger;
    use crate::spending::policy::{OverBudget, SpendPolicy};
    use std::rc::Rc;

    fn ledger() -> Rc<SpendLedger> {
        SpendLedger::new(vec![0], Box::new(|_, _| ()))
    }
    fn money(ledger: &Rc<SpendLedger>) -> Reservation {
        SpendPolicy::default().reserve("USDC", "5", OverBudget::Reserve, ledger).unwrap().unwrap()
    }
    fn at(ms: f64) -> Instant {
        Instant::from_ms(ms)
    }

    #[test]
    fn money_is_given_back_once_and_stays_counted_when_the_client_goes() {
        let ledger = ledger();
        let mut book = Book::default();
        book.reserve("a", money(&ledger));
        book.reserve("b", money(&ledger));
        book.keep("a");
        book.keep("b");
        assert_eq!(ledger.spent(0), 10);
        book.release("a");
        book.release("a");
        assert!(!book.has_reservation("a") && book.has_reservation("b"));
        drop(book);
        assert_eq!(ledger.spent(0), 5);
    }

    #[test]
    fn money_that_was_only_set_aside_is_given_back_with_the_client() {
        let ledger = ledger();
        let mut book = Book::default();
        book.reserve("a", money(&ledger));
        drop(book);
        assert_eq!(ledger.spent(0), 0);
    }

    #[test]
    fn what_is_open_is_remembered_however_much_there_is_and_what_is_over_up_to_a_limit() {
        let ledger = ledger();
        let mut book = Book::default();
        for number in 0..3 * MAX_CLOSED {
            let id = number.to_string();
            book.reserve(&id, money(&ledger));
            book.keep(&id);
            if number % 3 == 0 {
                book.accepted(&id, &format!("job-{number}"), at(f64::INFINITY), at(0.0));
                assert_eq!(book.job_finished(&format!("job-{number}")), [id.as_str()]);
            }
        }
        assert!((0..3 * MAX_CLOSED).all(|number| book.has_reservation(&number.to_string())));
        for number in 0..2 * MAX_CLOSED {
            book.close(&number.to_string());
        }
        assert_eq!(book.closed.len(), MAX_CLOSED);
        assert!(book.entries.iter().count() <= 2 * MAX_CLOSED && book.kept.is_empty() && book.jobs.iter().next().is_none());
    }

    #[test]
    fn a_job_is_closed_once_and_records_of_forgotten_jobs_are_named_when_the_next_job_comes() {
        let mut book = Book::default();
        assert!(book.accepted("a", "job-1", at(10.0), at(0.0)).is_empty());
        assert!(book.accepted("b", "job-2", at(20.0), at(1.0)).is_empty());
        assert!(book.accepted("b", "job-2", at(20.0), at(1.0)).is_empty());
        assert_eq!(book.job_finished("job-2"), ["b"]);
        assert!(book.job_finished("job-2").is_empty() && book.job_finished("job-9").is_empty());
        assert_eq!(book.accepted("c", "job-3", at(40.0), at(30.0)), ["a"]);
        assert!(book.is_closed("a") && book.is_closed("b") && !book.is_closed("c"));
        book.reopen("b", "job-2", at(50.0));
        assert_eq!((book.is_closed("b"), &book.closed), (false, &VecDeque::from(["a".to_owned()])));
        assert_eq!(book.job_finished("job-2"), ["b"]);
    }

    #[test]
    fn a_job_that_was_paid_for_twice_closes_both_payments() {
        let mut book = Book::default();
        for id in ["a", "b", "a"] {
            book.accepted(id, "job-1", at(10.0), at(0.0));
        }
        assert_eq!(book.kept.len(), 2);
        assert_eq!(book.job_finished("job-1"), ["a", "b"]);
    }

    #[test]
    fn a_key_is_free_again_when_its_payment_is_forgotten() {
        let mut book = Book::default();
        let attempt = crate::payment::record::read(&json!({"attemptId": "a", "state": "accepted"})).unwrap();
        let created = jobs::read_created(json!({"jobId": "job-1"}));
        let kept_until = WallTime::from_ms(10.0);
        let job =
            |payment| KeyedJob { fingerprint: String::new(), job: PaidJob { created: created.clone(), payment }, kept_until };
        let has = |book: &Book, key: &str| book.keyed(key, kept_until).is_some();
        book.set_keyed("k", job(Some(Box::new(attempt.clone()))));
        book.set_keyed("free", job(None));
        book.forget("a");
        assert!(!has(&book, "k") && has(&book, "free") && book.keyed("free", WallTime::from_ms(11.0)).is_none());
        // Forgotten and used again, it counts once.
        book.set_keyed("k", job(Some(Box::new(attempt))));
        for number in 2..MAX_KEYED {
            book.set_keyed(&number.to_string(), job(None));
        }
        assert!(has(&book, "k") && has(&book, "free") && has(&book, "999"));
        book.set_keyed("more", job(None));
        assert!(!has(&book, "free") && has(&book, "k"));
    }

    #[test]
    fn what_was_paid_for_a_job_is_known_while_it_is_open_and_afterwards_by_its_reference() {
        let read = |id: &str, job: &str| {
            let record = json!({"attemptId": id, "state": "accepted", "request": "{}", "created": {"jobId": job}});
            crate::payment::record::read(&record).unwrap()
        };
        let mut book = Book::default();
        book.accepted("a", "job-1", at(10.0), at(0.0));
        book.set_paid(&read("a", "job-1"));
        let id = |book: &Book, job: &str, reference| book.paid_for(job, reference).map(|attempt| attempt.id);
        assert_eq!((id(&book, "job-1", None).as_deref(), id(&book, "job-2", Some("a"))), (Some("a"), None));
        assert!(book.paid_for("job-1", None).unwrap().request.is_empty(), "the question is not kept twice");
        book.job_finished("job-1");
        assert_eq!((id(&book, "job-1", None), id(&book, "job-1", Some("a")).as_deref()), (None, Some("a")));
    }

    #[test]
    fn a_payment_of_which_nothing_is_left_has_no_entry() {
        let mut book = Book::default();
        book.wallet_opened("a");
        assert!(book.is_asking("a"));
        book.wallet_closed("a");
        assert!(book.entries.iter().next().is_none());
    }
}
