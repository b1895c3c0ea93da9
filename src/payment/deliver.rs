//! Sending a proof of payment and finding out what becomes of it. The same proof may be sent again; another one never is.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::{self, Created};
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::{Client, Update};
use crate::http::jobs::read_created;
use crate::http::outcome::refusal;
use crate::http::words::fit;
use crate::payment::journal::{self, Found};
use crate::payment::pay::{Paid, note};
use crate::payment::resume::kept_until;
use crate::platform::Platform;
use crate::platform::{HttpRequest, Method};
use crate::text::{concat, fill};
use crate::x402::{self, Attempt, PaymentState};

/// How often the same proof is sent again after a reply was lost.
const RESENDS: u32 = 2;
/// The longest time for looking whether the job is there, in milliseconds.
const FIND_MS: f64 = 10_000.0;
/// How many jobs a server lists that is not told how many.
const USUAL_LIST: usize = 50;

impl<P: Platform + 'static> Client<P> {
    /// Sends the proof and finds out what becomes of it. When a reply is lost, and when the server refuses after all (a failed
    /// settlement refuses a job that is there), the client looks for the job; then it sends the same proof again. `resumed`:
    /// the proof may have been sent before.
    pub(crate) async fn deliver(
        self: &Rc<Self>,
        mut attempt: Attempt,
        mut request: HttpRequest,
        call: &CallOptions,
        end: f64,
        resumed: bool,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        request.headers.extend(attempt.proof.iter().cloned());
        let mut lost = resumed;
        if resumed && let Some(created) = self.find_job(&attempt, None, call, end).await {
            return Ok(self.accept(attempt, created, end, update).await);
        }
        let mut tries = 0;
        let mut hint = None;
        loop {
            let limit = self.http.config.timeout_ms.min(end - self.platform.now().as_ms());
            let answer = if limit > 0.0 { self.http.post(&mut request, limit, None).await } else { Err(out_of_time()) };
            let answer = answer.and_then(|response| {
                let receipt = response.header("payment-response").or_else(|| response.header("x-payment-response"));
                if let Some(said) = receipt.and_then(x402::read_header) {
                    attempt.settle(&said, &|words| fit(&request, words, 200));
                }
                if response.status == 402 { Err(refusal(&request, &response, None)) } else { read_created(&request, &response) }
            });
            let mut error = match answer {
                Ok(created) => return Ok(self.accept(attempt, created, end, update).await),
                Err(error) => error,
            };
            hint = error.job_id.take().or(hint);
            // A settlement that is pending may still succeed.
            let is_pending = attempt.reason().as_deref() == Some("settlement_pending");
            let definite = matches!(error.status, Some(400..=407 | 409..=424 | 426..=428 | 430..=499)) && !is_pending;
            lost |= !definite && !error.not_sent;
            // Refused may be refused as a proof that has served already.
            if !error.not_sent
                && let Some(created) = self.find_job(&attempt, hint.as_deref(), call, end).await
            {
                return Ok(self.accept(attempt, created, end, update).await);
            }
            // What redirects this request will not take it the next time either.
            let over = definite || matches!(error.status, Some(300..=399)) || tries >= RESENDS;
            // A server that asks for a longer rest than a request may take gets it from the caller, who has the attempt.
            let soon = end.min(self.platform.now().as_ms() + self.http.config.timeout_ms);
            if over || !self.http.may_retry_after(&error, tries, soon).await {
                error.job_id = hint;
                let error = after_payment(*error, &mut attempt, lost);
                let _ = self.write(&attempt, end).await;
                return Err(carrying(error, attempt));
            }
            tries = tries.saturating_add(1);
        }
    }

    /// There is a job: its handle is written down before anybody gets it.
    async fn accept(self: &Rc<Self>, mut attempt: Attempt, created: Created, end: f64, update: &dyn Fn(Update)) -> Paid {
        attempt.state = PaymentState::Accepted;
        attempt.created = Some(jobs::handle(&created.document));
        // The job's time begins now, however old the payment is.
        attempt.created_at = self.platform.wall_time().as_ms();
        // It has served.
        attempt.proof.clear();
        self.remember(&created.job_id, &attempt, end).await;
        let _ = self.write(&attempt, end).await;
        update(Update::Payment(attempt.document()));
        (created, attempt)
    }

    /// Keeps in mind which record belongs to a job, and forgets those of jobs that servers have cleaned away by now.
    pub(crate) async fn remember(&self, job_id: &str, attempt: &Attempt, end: f64) {
        // The clock on the wall may jump.
        let now = self.platform.now().as_ms();
        let left = kept_until(attempt) - self.platform.wall_time().as_ms();
        let mut over = Vec::new();
        while let Some(id) = self.take_open(&|_, until| until <= now) {
            over.push(id);
        }
        self.open.borrow_mut().push((job_id.to_owned(), attempt.id.clone(), now + left));
        for id in over {
            let _ = self.in_time(journal::forget(&*self.platform, &id), end).await;
        }
    }

    /// Takes a paid job that fits, by its id and until when it is kept, from those that are open; gives its record's.
    fn take_open(&self, fits: &dyn Fn(&str, f64) -> bool) -> Option<String> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|(job_id, _, until)| fits(job_id, *until))?;
        Some(open.remove(at).1)
    }

    /// The job's end has been seen: nothing is open any more. The record goes in a task of its own: whoever is about to get the
    /// answer must not lose it because the program ends meanwhile.
    /// `reference`: the payment that the job itself names, which an earlier run of the program may have made.
    pub(crate) fn close(self: &Rc<Self>, job_id: &str, reference: Option<&str>) {
        let mut is_known = false;
        while let Some(id) = self.take_open(&|known, _| known == job_id) {
            is_known = true;
            let client = self.clone();
            note(&self.finished, &id);
            self.closing.borrow_mut().push(id.clone());
            self.platform.spawn(async move {
                journal::close(&*client.platform, &id).await;
                client.closing.borrow_mut().retain(|known| *known != id);
            });
        }
        let id = reference.filter(|id| !is_known && !self.finished.borrow().iter().any(|known| known == id));
        if let Some(id) = id {
            let (client, id, job_id) = (self.clone(), id.to_owned(), job_id.to_owned());
            note(&self.finished, &id);
            self.platform.spawn(async move {
                let found = journal::find(&*client.platform, &id).await;
                if let Ok(Some(Found::Attempt(attempt))) = found
                    && attempt.created.is_some_and(|created| created.get_text("jobId").as_deref() == Some(&job_id))
                {
                    journal::close(&*client.platform, &id).await;
                }
            });
        }
    }

    /// Looks whether the job that was paid for is there: under the id that a cut-off answer still had, else in the server's list, by
    /// the reference in its metadata.
    async fn find_job(&self, attempt: &Attempt, hint: Option<&str>, call: &CallOptions, end: f64) -> Option<Created> {
        let within = || {
            let limit = FIND_MS.min(self.http.config.timeout_ms).min(end - self.platform.now().as_ms());
            let headers = call.headers.clone();
            (limit > 0.0).then(|| CallOptions { timeout_ms: Some(limit), headers, ..CallOptions::default() })
        };
        let call = within()?;
        if let Some(id) = hint
            && let Ok(seen) = self.http.get_job(id, &call, 1).await
        {
            return Some(jobs::read_created(jobs::handle(&seen.document)));
        }
        // The newest ones first; then all of them, where the server has more.
        for (query, answers) in [("", 1.0), ("?limit=10000", 10_000.0)] {
            let call = within()?;
            let mut request = self.http.request(Method::Get, &concat(&[routes::JOBS, query]), &call);
            request.answers = answers;
            let end = self.platform.now().as_ms() + call.timeout_ms.unwrap_or(FIND_MS);
            let list = self.http.read_answers(request, end, 1, "a list of jobs", &jobs::list);
            let jobs = list.await.ok()?.get("jobs")?.elements();
            let is_all = jobs.len() < USUAL_LIST;
            if let Some(job) = jobs.into_iter().find(|job| jobs::reference(job).as_deref() == Some(&attempt.id)) {
                return jobs::is_job(&job).then(|| jobs::read_created(jobs::handle(&job)));
            }
            if is_all {
                return None;
            }
        }
        None
    }
}

pub(crate) fn carrying(mut error: Box<Error>, attempt: Attempt) -> Box<Error> {
    error.payment = Some(attempt);
    error
}

/// The wallet has taken all the time: what would be sent now could not be waited for.
fn out_of_time() -> Box<Error> {
    let mut error = Error::new(ErrorCode::RequestTimeout, "the call's time limit was over before it could be sent");
    error.not_sent = true;
    error
}

/// What an error means once there is a proof: not sent, refused where the server says so and always said so, else unknown.
/// Never "pay again".
fn after_payment(error: Error, attempt: &mut Attempt, lost: bool) -> Box<Error> {
    let (code, state, said) = if lost {
        let said = "the payment was sent and its outcome is not known";
        (ErrorCode::PaymentOutcomeUnknown, PaymentState::Unknown, said)
    } else if error.not_sent {
        (error.code, PaymentState::Proven, "the payment could not be sent")
    } else {
        (ErrorCode::PaymentRefused, PaymentState::Refused, "the server refused the payment")
    };
    attempt.state = state;
    let message = fill(
        "%: %%%; do not pay again: client.resume(error.payment) goes on with the same proof",
        &[
            said,
            attempt.reason().as_deref().unwrap_or(""),
            if attempt.reason().is_some() { ", " } else { "" },
            error.message.strip_suffix("; only creating a job is ever paid").unwrap_or(&error.message),
        ],
    );
    let mut about = Error::new(code, message);
    about.status = error.status;
    about.server_message = error.server_message;
    about.server_code = error.server_code;
    about.retry_after = error.retry_after;
    about.job_id = error.job_id;
    about.cause = error.cause;
    about
}
