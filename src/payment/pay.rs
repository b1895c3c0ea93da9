//! Paying for a job: the application agrees, the wallet is asked, and everything is written down before it could be lost.

use core::cell::RefCell;
use std::rc::Rc;

use crate::api::error::{Error, ErrorCode, Result};
use crate::api::jobs::Created;
use crate::api::options::CallOptions;
use crate::client::{Client, Update};
use crate::encoding;
use crate::json::{Json, is_true, shown};
use crate::payment::detached::detached;
use crate::payment::journal::{self, Found};
use crate::payment::prove::{LOOK, NoProof, Proof, Question, UNMOVED, threw};
use crate::platform::HttpRequest;
use crate::platform::{Callback, LogLevel, Platform, within};
use crate::spending::Reservation;
use crate::spending::policy::{Chosen, PaymentMethod};
use crate::text::{decimal, fill, shorten};
use crate::time::Millis;
use crate::x402::{self, Attempt, PaymentState, address};

/// How long the store is waited for, in milliseconds.
const STORE_MS: f64 = 5_000.0;
/// How long it is waited for when the call's time is over, in milliseconds.
const LEAST_STORE_MS: f64 = 20.0;
/// How many ids of payments are kept in mind.
const MAX_NOTED: usize = 1_000;

/// A job and what was paid for it.
pub(crate) type Paid = (Created, Attempt);

/// What a payment is called.
pub(crate) struct Names {
    /// The attempt's id, which is also the reference in the job's metadata.
    pub(crate) id: String,
    /// The caller's own name; empty for none.
    pub(crate) key: String,
    /// What is asked under that name.
    pub(crate) question: String,
}

/// What a wallet has given or thrown.
type Answer = Result<Json, Json>;

impl<P: Platform + 'static> Client<P> {
    /// Asks the wallet for a proof, then sends the same body again with it. From here on every error carries the attempt.
    /// `end` is an instant.
    pub(crate) async fn pay(
        self: &Rc<Self>,
        request: HttpRequest,
        chosen: Chosen,
        names: Names,
        call: &CallOptions,
        end: f64,
        update: &dyn Fn(Update),
    ) -> Result<Paid> {
        let Chosen { offer, method: means, reservation } = chosen;
        let offer = Rc::new(offer);
        let mut attempt = Attempt {
            id: names.id,
            state: PaymentState::Intended,
            price: offer.price().document().to_json(),
            transaction: None,
            proof: Vec::new(),
            receipt: None,
            server: self.http.config.base_url.clone(),
            request: request.body.clone().unwrap_or_default(),
            created: None,
            created_at: self.platform.wall_time().as_ms(),
            idempotency_key: names.key,
            question: names.question,
            answered: false,
            signs: means == PaymentMethod::Sign,
        };
        update(Update::Quote(offer.document()));
        let proof = match self.prove(&attempt, &offer, means, &reservation, end).await {
            Ok(proof) => proof,
            Err(NoProof { mut error, transaction, unmoved }) => {
                attempt.transaction = transaction;
                if unmoved {
                    let _ = self.in_time(journal::forget(&*self.platform, &attempt.id), end).await;
                } else if error.code != ErrorCode::WalletTimeout {
                    attempt.state = PaymentState::Unknown;
                    let _ = self.write(&attempt, end).await;
                }
                error.payment = Some(attempt);
                return Err(error);
            }
        };
        note(&self.counted, &attempt.id);
        (attempt.proof, attempt.transaction) = (proof.headers, proof.transaction);
        attempt.state = PaymentState::Sent;
        let written = self.write(&attempt, end).await;
        let proven = Attempt { state: PaymentState::Proven, ..attempt.clone() };
        update(Update::Payment(proven.document()));
        // What was only signed can be left unsent. What was transferred is lost when it is not sent.
        if let Err(thrown) = written
            && means == PaymentMethod::Sign
        {
            reservation.kept.set(false);
            self.counted.borrow_mut().retain(|id| *id != attempt.id);
            let mut error = store_failed(thrown, "; the signature was not sent");
            error.payment = Some(proven);
            return Err(error);
        }
        self.deliver(attempt, request, call, end, false, update).await
    }

    /// Gets the proof of payment, by the means that were chosen.
    async fn prove(
        self: &Rc<Self>,
        attempt: &Attempt,
        offer: &Rc<x402::Offer>,
        means: PaymentMethod,
        reservation: &Reservation,
        end: f64,
    ) -> Result<Proof, NoProof> {
        let payer = self.agreed(offer, end).await.map_err(|error| NoProof { error, transaction: None, unmoved: true })?;
        if let Err(thrown) = self.write(attempt, end).await {
            let error = store_failed(thrown, "; nothing was paid");
            return Err(NoProof { error, transaction: None, unmoved: true });
        }
        // A signature moves nothing until it is sent; a transfer may, whatever the wallet says.
        reservation.kept.set(means != PaymentMethod::Sign);
        if means != PaymentMethod::Sign {
            note(&self.counted, &attempt.id);
        }
        let nonce = encoding::to_hex(&self.platform.nonce());
        for _ in 0..2 {
            let question = Question::new(offer.clone(), means, payer.clone(), &nonce, self.platform.wall_time());
            let read = self.ask_wallet(&question, attempt, end).await.and_then(|answer| question.read(answer));
            let proof = match read {
                Ok(proof) => proof,
                Err(no_proof) => {
                    reservation.kept.set(!no_proof.unmoved && (means != PaymentMethod::Sign || no_proof.transaction.is_some()));
                    return Err(no_proof);
                }
            };
            // When a signature comes too late for the server to settle it, the wallet is asked once more, with the same nonce: of
            // the two only one could ever move money, and the first was not sent.
            if question.authorization.is_none_or(|authorization| authorization.is_fresh(self.platform.wall_time())) {
                reservation.kept.set(true);
                return Ok(proof);
            }
        }
        let message = fill(
            "the signature came too late, twice: the server waits % seconds for it; nothing was sent",
            &[&decimal(offer.timeout_s.into())],
        );
        Err(NoProof { error: Error::new(ErrorCode::WalletTimeout, message), transaction: None, unmoved: true })
    }

    /// Asks the application whether it agrees, and the wallet whose money it is. Nothing has moved when this fails.
    async fn agreed(&self, offer: &x402::Offer, end: f64) -> Result<String> {
        if self.platform.has_callback(Callback::Confirm) {
            let (cause, why) = match self.ask(Callback::Confirm, offer.document(), end).await? {
                Ok(answer) if is_true(&answer) => (None, ""),
                Ok(_) => (None, "confirm did not give true, so nothing was paid"),
                Err(thrown) => (Some(thrown), "confirm threw, so nothing was paid"),
            };
            if !why.is_empty() {
                let mut error = Error::new(ErrorCode::PaymentDeclined, why);
                error.cause = cause;
                return Err(error);
            }
        }
        if !self.platform.has_callback(Callback::Address) {
            return Ok(String::new());
        }
        let given =
            self.ask(Callback::Address, Json::object(), end).await?.map_err(|thrown| threw(PaymentMethod::Sign, thrown))?;
        let payer = given.as_text().filter(|text| encoding::is_hex(text, 40)).ok_or_else(|| {
            let said = "wallet.address must be an address (0x and 40 hexadecimal digits); it is %";
            Error::new(ErrorCode::WalletFailed, fill(said, &[&shown(&given)]))
        })?;
        if payer.eq_ignore_ascii_case(&offer.recipient) {
            let why = "it would pay the wallet's own address";
            return Err(x402::refused(ErrorCode::PaymentRecipientNotAllowed, why));
        }
        Ok(address::checksummed(&payer))
    }

    /// Asks the application or its wallet. An error when nothing came before `end` or within the wallet's own limit.
    async fn ask(&self, whom: Callback, given: Json, end: f64) -> Result<Result<Json, Json>> {
        let limit = self.patience_ms(end);
        let answer = within(self.platform.call(whom, given), self.platform.sleep(Millis::new(limit))).await;
        answer.ok_or_else(|| silent(if whom == Callback::Confirm { "confirm" } else { "wallet.address" }, limit, UNMOVED))
    }

    /// Asks the wallet in a task of its own: whatever becomes of the call, what the wallet gives at last is kept.
    async fn ask_wallet(self: &Rc<Self>, question: &Question, attempt: &Attempt, end: f64) -> Result<Answer, NoProof> {
        let limit = self.patience_ms(end);
        let (whom, given) = question.asks();
        note(&self.asking, &attempt.id);
        let (client, id) = (self.clone(), attempt.id.clone());
        let ask = async move {
            let answer = client.platform.call(whom, given).await;
            client.asking.borrow_mut().retain(|known| *known != id);
            answer
        };
        let (client, question, attempt) = (self.clone(), question.clone(), attempt.clone());
        let heir = move |answer: Option<Answer>| {
            let late = client.clone();
            client.platform.spawn(async move {
                match answer {
                    Some(answer) => late.keep(&question, attempt, answer).await,
                    // Whoever gave up before the wallet was asked has paid nothing.
                    None => {
                        late.asking.borrow_mut().retain(|known| *known != attempt.id);
                        drop(journal::forget(&*late.platform, &attempt.id).await);
                    }
                }
            });
        };
        let answered = detached(&*self.platform, true, ask, Box::new(heir));
        within(answered, self.platform.sleep(Millis::new(limit))).await.ok_or_else(|| {
            let advice = if whom == Callback::Sign { "; nothing was sent" } else { LOOK };
            // It may still come, so the attempt is kept.
            NoProof { error: silent("the wallet", limit, advice), transaction: None, unmoved: false }
        })
    }

    /// An answer that came too late: a proof is kept, so that it can be used.
    async fn keep(&self, question: &Question, mut attempt: Attempt, answer: Answer) {
        // Whoever goes on with the payment meanwhile comes first; what has a proof or a job already needs no other.
        // What is worth money is kept even where the lock cannot be had.
        let _alone = self.platform.lock(&fill("eliza-jobs/resume/%", &[&attempt.id])).await;
        let is_over = match journal::find(&*self.platform, &attempt.id).await {
            Ok(Some(Found::Attempt(known))) => known.created.is_some() || !known.proof.is_empty(),
            _ => self.finished.borrow().contains(&attempt.id),
        };
        if is_over {
            return;
        }
        match question.read(answer) {
            Ok(Proof { headers, transaction }) => {
                attempt.proof = headers;
                attempt.transaction = transaction;
                attempt.state = PaymentState::Proven;
            }
            Err(NoProof { unmoved: true, .. }) => return drop(journal::forget(&*self.platform, &attempt.id).await),
            Err(NoProof { transaction, .. }) => {
                attempt.transaction = transaction;
                attempt.state = PaymentState::Unknown;
            }
        }
        let words = match journal::save(&*self.platform, &attempt).await {
            Ok(()) => "the wallet has answered after its call had ended; pendingPayments() knows what is open",
            Err(_) => "the wallet has answered after its call had ended, and the store has failed: look in the wallet",
        };
        self.platform.log(LogLevel::Warn, words);
    }

    /// Writes the attempt down, before `end`. The writing goes on when the call has been given up; an intent that lands then is
    /// forgotten, for no wallet was asked.
    pub(crate) async fn write(self: &Rc<Self>, attempt: &Attempt, end: f64) -> Result<(), Json> {
        let is_intent = attempt.state == PaymentState::Intended;
        let (client, attempt) = (self.clone(), attempt.clone());
        let (late, id) = (self.clone(), attempt.id.clone());
        // As the wallet's answer: another type would be all of the detached work again.
        let save = async move { journal::save(&*client.platform, &attempt).await.map(|()| Json::object()) };
        let heir = move |_| {
            if is_intent {
                let client = late.clone();
                late.platform.spawn(async move { drop(journal::forget(&*client.platform, &id).await) });
            }
        };
        self.in_time(detached(&*self.platform, is_intent, save, Box::new(heir)), end).await.map(|_| ())
    }

    /// What the store gives, within its time and before `end`. One that gives nothing has failed.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = Result<T, Json>>, end: f64) -> Result<T, Json> {
        let limit = self.store_ms(end);
        let given = within(work, self.platform.sleep(Millis::new(limit))).await;
        given.unwrap_or_else(|| Err(Json::text(&fill("it gave nothing in % ms", &[&whole(limit)]))))
    }

    /// How long the store is waited for.
    pub(crate) fn store_ms(&self, end: f64) -> f64 {
        // What has come at the last moment is written down all the same.
        STORE_MS.min((end - self.platform.now().as_ms()).max(LEAST_STORE_MS))
    }

    fn patience_ms(&self, end: f64) -> f64 {
        self.config.wallet_timeout_ms.min(end - self.platform.now().as_ms()).max(0.0)
    }
}

/// Keeps an id in mind, the last thousand of them.
pub(crate) fn note(ids: &RefCell<Vec<String>>, id: &str) {
    let mut ids = ids.borrow_mut();
    if ids.len() >= MAX_NOTED {
        ids.remove(0);
    }
    if !ids.iter().any(|known| known == id) {
        ids.push(id.to_owned());
    }
}

fn silent(who: &str, limit_ms: f64, advice: &str) -> Box<Error> {
    Error::new(ErrorCode::WalletTimeout, fill("% gave nothing in % ms%", &[who, &whole(limit_ms), advice]))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number for people")]
fn whole(ms: f64) -> String {
    decimal(ms as u64)
}

pub(crate) fn store_failed(thrown: Json, advice: &str) -> Box<Error> {
    let words = thrown.as_text().or_else(|| thrown.get_text("message")).unwrap_or_else(|| shown(&thrown));
    let mut error =
        Error::new(ErrorCode::StoreFailed, fill("the store of payments failed: %%", &[&shorten(&words, 200), advice]));
    error.cause = Some(thrown);
    error
}
