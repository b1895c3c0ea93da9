//! Going on with payments that were begun before: after a lost reply, a crash, in another tab. Who comes second finds the job.

use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs;
use crate::api::options::CallOptions;
use crate::api::routes;
use crate::client::{Client, Update};
use crate::encoding;
use crate::json::{Json, shown};
use crate::payment::deliver::carrying;
use crate::payment::journal::{self, Found};
use crate::payment::pay::{Paid, note, store_failed};
use crate::platform::Method;
use crate::platform::{Platform, within};
use crate::spending::policy::OverBudget;
use crate::text::{fill, shorten};
use crate::time::Millis;
use crate::waiting::run::WaitPlan;
use crate::x402::{Attempt, PaymentState};

/// How long after its job's expiry a record is kept, in milliseconds: two days, so that a clock that is put right by a day neither
/// drops a payment that is open nor forgets its name.
const KEPT_MS: f64 = 172_800_000.0;
/// How long a payment that nobody has signed is open, in milliseconds.
const UNSIGNED_MS: f64 = 3_600_000.0;
/// What was open when it was listed.
const NOT_OPEN: &str = "this payment is not open any more: it was finished or forgotten elsewhere";
/// What cannot be resumed.
const NO_ATTEMPT: &str = "must be a job's id, or an attempt with its attemptId";

impl<P: Platform + 'static> Client<P> {
    /// All that is in the store, each record within its own time: many take a while. An error when the store gives none of them.
    pub(crate) async fn all_records(&self, end: f64) -> Result<Vec<Found>, Json> {
        let ids = self.in_time(journal::ids(&*self.platform), end).await?;
        let mut found = Vec::new();
        let mut given = false;
        for id in ids {
            match within(journal::find(&*self.platform, &id), self.platform.sleep(Millis::new(self.store_ms(end)))).await {
                Some(Ok(None)) => given = true,
                Some(Ok(Some(one))) => {
                    given = true;
                    found.push(one);
                }
                Some(Err(thrown)) => found.push(Found::Withheld(id, thrown)),
                None => return Err(Json::text("it gives nothing")),
            }
        }
        match found.first() {
            Some(Found::Withheld(_, thrown)) if !given => Err(thrown.clone()),
            _ => Ok(found),
        }
    }

    /// What is open at this server, the oldest first: payments whose outcome is not known, proofs that were not used, jobs whose
    /// answers were not seen; and records that cannot be read.
    pub async fn pending_payments(&self, call: &CallOptions) -> Result<Vec<Json>> {
        let end = self.platform.now().as_ms() + call.timeout_ms.unwrap_or(f64::INFINITY);
        // What has been answered is not open, though its record may not have gone yet.
        let closing = self.closing.borrow().clone();
        for id in closing {
            let close = async {
                journal::close(&*self.platform, &id).await;
                Ok(())
            };
            let _ = self.in_time(close, end).await;
        }
        let found = self.all_records(end).await.map_err(|thrown| store_failed(thrown, ""))?;
        let (mut times, mut documents) = (Vec::new(), Vec::new());
        for found in found {
            let (created_at, document) = match found {
                Found::Unreadable(id) | Found::Withheld(id, _) => (0.0, journal::unreadable(&id)),
                Found::Attempt(attempt) if attempt.server != self.http.config.base_url => continue,
                Found::Attempt(attempt) => {
                    if kept_until(&attempt) < self.platform.wall_time().as_ms() {
                        let _ = self.in_time(journal::forget(&*self.platform, &attempt.id), end).await;
                        continue;
                    }
                    if attempt.answered {
                        continue;
                    }
                    (attempt.created_at, attempt.document())
                }
            };
            // Not `sort`: its code is larger than all of this function.
            let at = times.iter().position(|other| *other > created_at).unwrap_or(times.len());
            times.insert(at, created_at);
            documents.insert(at, document);
        }
        Ok(documents)
    }

    /// Goes on where an attempt ends, and waits for the job's answer: with the job that is there, else with the same proof. `given`
    /// is an attempt (of an error, or of [`Client::pending_payments`]).
    pub async fn resume(
        self: &Rc<Self>,
        given: &Json,
        call: &CallOptions,
        plan: WaitPlan,
        update: &dyn Fn(Update),
    ) -> Result<Json> {
        let id = given.get_text("attemptId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
        let start = self.platform.now().as_ms();
        let end = start + call.timeout_ms.unwrap_or(f64::INFINITY);
        let (created, payment) = self.go_on(&id, given, call, end, update).await?;
        update(Update::Created(created.document.clone()));
        let waited =
            self.wait(&created.job_id, Some(created.lifetime_ms), call.timeout_ms.map(|_| end), call, plan, update).await;
        waited.map_err(|error| carrying(error, payment))
    }

    /// Forgets a payment that the application knows to be over.
    pub async fn forget_payment(&self, given: &Json, call: &CallOptions) -> Result<()> {
        let id = given.get_text("attemptId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
        let end = self.platform.now().as_ms() + call.timeout_ms.unwrap_or(self.http.config.timeout_ms);
        let _alone = self.alone("resume", &id, end).await?;
        self.in_time(journal::forget(&*self.platform, &id), end).await.map_err(|thrown| store_failed(thrown, ""))
    }

    /// Finds or makes the job of the attempt with this id, of which the caller knows this much.
    pub(crate) async fn go_on(
        self: &Rc<Self>,
        id: &str,
        given: &Json,
        call: &CallOptions,
        end: f64,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        // Only one sends, in whatever tab: whoever comes second finds the job.
        let _alone = self.alone("resume", id, end).await?;
        let attempt =
            match self.in_time(journal::find(&*self.platform, id), end).await.map_err(|thrown| store_failed(thrown, ""))? {
                Some(Found::Attempt(attempt)) => merged(*attempt, given),
                Some(Found::Unreadable(id) | Found::Withheld(id, _)) => {
                    return Err(Error::new(ErrorCode::StoreFailed, journal::unreadable_words(&id)));
                }
                None => {
                    let attempt = journal::read(given).ok_or_else(|| Error::argument("attempt", NO_ATTEMPT, &shown(given)))?;
                    if attempt.request.is_empty() && attempt.created.is_none() {
                        return match given.get("jobId") {
                            // Finished elsewhere: the job may still be there.
                            Some(job_id) => Ok((jobs::read_created(Json::object().set("jobId", job_id)), attempt)),
                            None => Err(carrying(Error::new(ErrorCode::PaymentNotOpen, NOT_OPEN), attempt)),
                        };
                    }
                    // What will be sent is written down; the caller has it, whatever the store says.
                    if !attempt.proof.is_empty() {
                        let _ = self.write(&attempt, end).await;
                    }
                    attempt
                }
            };
        self.carry_on(attempt, call, end, update).await
    }

    /// Finds or makes the job of an attempt that was begun before.
    async fn carry_on(self: &Rc<Self>, attempt: Attempt, call: &CallOptions, end: f64, update: &dyn Fn(Update)) -> Result<Paid> {
        if attempt.server != self.http.config.base_url {
            let rule = fill("must be one of this client's server, %", &[&self.http.config.base_url]);
            return Err(Error::argument("attempt", &rule, &shorten(&attempt.server, 200)));
        }
        if let Some(created) = &attempt.created {
            let created = jobs::read_created(jobs::handle(created));
            self.remember(&created.job_id, &attempt, end).await;
            return Ok((created, attempt));
        }
        if attempt.proof.is_empty() && attempt.signs && attempt.transaction.is_none() {
            // Whatever a wallet may still sign, in whatever tab, is out of date by then.
            let is_over = self.platform.wall_time().as_ms() > attempt.created_at + UNSIGNED_MS
                && !self.asking.borrow().contains(&attempt.id);
            let (code, said) = if is_over {
                let _ = self.in_time(journal::forget(&*self.platform, &attempt.id), end).await;
                (
                    ErrorCode::PaymentNotOpen,
                    "nothing was signed for this payment: no money has moved, and it is not open any more",
                )
            } else {
                let said = "the wallet has signed nothing for this payment yet, and no money has moved; when it does, the signature is kept \
                            and can be resumed. forgetPayment ends it";
                (ErrorCode::WalletTimeout, said)
            };
            return Err(carrying(Error::new(code, said), attempt));
        }
        if attempt.proof.is_empty() || attempt.request.is_empty() {
            let message = "there is no proof of this payment; look in the wallet whether money has moved, and if it has, put the \
                           transaction's hash into attempt.transaction and resume that";
            return Err(carrying(Error::new(ErrorCode::PaymentOutcomeUnknown, message), attempt));
        }
        if !self.counted.borrow().contains(&attempt.id) {
            let price = Json::parse(&attempt.price).unwrap_or_else(Json::object);
            let text = |key: &str| price.get_text(key).unwrap_or_default();
            // What was signed and never sent can be left so; everything else has perhaps been spent.
            let is_avoidable = attempt.signs && attempt.state == PaymentState::Proven;
            let over = if is_avoidable { OverBudget::Refuse } else { OverBudget::Count };
            match self.config.spend.count(&text("currency"), &text("amountAtomic"), over, &self.ledger) {
                Ok(Some(money)) => money.kept.set(true),
                Ok(None) => {}
                Err(why) => {
                    let error =
                        Error::new(ErrorCode::PaymentOverLimit, fill("the payment is signed and was not sent: %", &[&why]));
                    return Err(carrying(error, attempt));
                }
            }
            note(&self.counted, &attempt.id);
        }
        let mut request = self.http.request(Method::Post, routes::JOBS, call);
        request.body = Some(attempt.request.clone());
        self.deliver(attempt, request, call, end, true, update).await
    }
}

/// Until when an attempt is remembered: an instant on the wall. One without a job, for ever.
pub(crate) fn kept_until(attempt: &Attempt) -> f64 {
    let lifetime = attempt.created.as_ref().map_or(f64::INFINITY, |created| jobs::lifetime(created).get());
    attempt.created_at + lifetime + KEPT_MS
}

/// What the caller knows beyond the record: the transaction that was found in the wallet.
fn merged(attempt: Attempt, given: &Json) -> Attempt {
    let known = attempt.transaction.clone();
    let new = given.get_text("transaction").filter(|hash| encoding::is_hex(hash, 64) && known.as_ref() != Some(hash));
    match new {
        // It may be in the place of one that was sped up in the wallet. What was signed is its own proof.
        Some(hash) if !attempt.signs && attempt.created.is_none() => {
            let record = journal::record(&attempt).without("proof").set("transaction", Json::text(&hash));
            journal::read(&record).unwrap_or(attempt)
        }
        _ => attempt,
    }
}
