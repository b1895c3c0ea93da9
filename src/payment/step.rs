//! What happens to a payment, and what it does next: the events and the steps of
//! [`machine`](super::machine).

use std::rc::Rc;

use crate::api::error::{Error, Result};
use crate::api::jobs::Created;
use crate::api::payments::Attempt;
use crate::http::jobs::read_created;
use crate::http::outcome::refusal;
use crate::http::words::fit;
use crate::json::Json;
use crate::payment::record::Found;
use crate::payment::wallet_request::WalletRequest;
use crate::platform::{HttpRequest, HttpResponse};
use crate::spending::offer_rules::PaymentMethod;
use crate::spending::policy::OverBudget;
use crate::time::{Deadline, Instant, Millis, WallTime};
use crate::x402::Offer;
use crate::x402::onchain::ChainWord;

/// How much of a member of a facilitator's words is kept, in characters.
const MAX_MEMBER_CHARS: usize = 200;

/// Differences between the clocks that are smaller say nothing: an answer travels, and its date has
/// whole seconds.
const LEAST_SKEW: Millis = Millis::from_secs(5.0);
/// Greater ones are not believed: a signature must not be good for longer than it need be.
const MAX_SKEW: Millis = Millis::from_secs(3_600.0);

/// A point on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// On the monotonic clock.
    pub now: Instant,
    /// On the wall clock.
    pub wall: WallTime,
}

/// The job that was paid for, and the payment.
#[derive(Debug, Clone)]
pub struct Paid {
    /// The job.
    pub created: Created,
    /// The payment.
    pub attempt: Attempt,
}

/// What the call gets.
pub type Answer = Result<Paid>;

/// What has happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The payment begins, or is resumed.
    Begin,
    /// `confirm` has returned, or thrown.
    Confirmed(Result<Json, Json>),
    /// `wallet.address` has returned, or thrown.
    Address(Result<Json, Json>),
    /// The idempotency key was claimed, or is another's; or the store failed.
    Claimed(Result<Claim, Json>),
    /// The store has taken the record, or failed.
    Written(Result<(), Json>),
    /// The wallet has returned, or thrown.
    WalletAnswered(Result<Json, Json>),
    /// The wallet was not asked, or what it has signed is dropped, for a lock of the payment is
    /// held no more: another program may be at it.
    LockLost,
    /// The record was read again, for the wallet has answered after the call had ended.
    Reread {
        /// What the store holds of the payment.
        found: Box<Found>,
        /// Whether its job's end was seen.
        is_closed: bool,
    },
    /// The server has answered, or nothing came.
    Responded(Box<Reply>),
    /// The job that was paid for is there.
    JobFound(Box<Created>),
    /// It is not there, or the server shows no list.
    JobNotFound,
    /// The pause is over, and there is time for another try.
    Rested,
    /// There is no time for another try, or the budget for retries is used up.
    NoRetry,
    /// The payment's money was reserved, or was not.
    Reserved(ReserveOutcome),
    /// What the chain says of the payment.
    ChainSaid(ChainWord),
    /// The store has deleted the record, or failed.
    Forgotten(Result<(), Json>),
    /// What the last step waits for has taken too long.
    Timer,
    /// Nobody waits for the payment any more.
    CallerGone,
}

/// What a server has answered to a proof.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The job, or what the answer was instead.
    pub result: Result<Created>,
    /// What the facilitator says of the settlement, where it says anything.
    pub settlement: Option<Settlement>,
}

impl Reply {
    /// What an answer says to a request that carries the proof of this attempt.
    pub(super) fn read(request: &HttpRequest, answer: Result<HttpResponse>, mut attempt: Attempt) -> Self {
        let said = answer.as_ref().map_or_else(|error| error.receipt.clone(), HttpResponse::receipt);
        let settlement = said.and_then(|said| {
            attempt.settle(&said, &|words| fit(request, words, MAX_MEMBER_CHARS));
            let transaction = attempt.transaction.take();
            attempt.receipt.take().map(|receipt| Settlement { transaction, receipt })
        });
        let result = answer.and_then(|response| match response.status {
            402 => Err(refusal(request, &response, None)),
            _ => read_created(request, &response),
        });
        Self { result, settlement }
    }
}

/// What a facilitator says of a payment's settlement.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The transaction that moved the money, where it is known.
    pub transaction: Option<String>,
    /// What was said, as applications get it.
    pub receipt: Json,
}

/// Whose an idempotency key is when a payment has tried to claim it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This payment's.
    Own,
    /// Another one's: it was there first.
    Taken,
}

/// What came of reserving a payment's money.
#[derive(Debug, Clone)]
pub enum ReserveOutcome {
    /// It is reserved.
    Done,
    /// It is above the budget. The words say which limit.
    OverBudget(String),
    /// The store failed.
    Failed(Json),
}

/// Whether the store has a payment's record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StoredRecord {
    /// It does.
    #[default]
    Written,
    /// It has none: it is written first.
    Missing,
}

/// What to do. Each comes back as the event beside it.
#[derive(Debug, Clone)]
pub enum Action {
    /// Ask the application whether it agrees, with this quote: [`Event::Confirmed`].
    Confirm(Json),
    /// Ask the wallet whose money it is: [`Event::Address`].
    AskAddress,
    /// Claim the idempotency key: [`Event::Claimed`].
    Claim(Box<Attempt>),
    /// Write this down, after all that was written before: [`Event::Written`].
    Write(Box<Attempt>),
    /// Ask the wallet while the locks are held: [`Event::WalletAnswered`] or [`Event::LockLost`].
    AskWallet(Box<WalletRequest>),
    /// Take the payment's lock again and read its record: [`Event::Reread`].
    Reread,
    /// Send the request with this attempt's body and proof: [`Event::Responded`].
    Send(Box<Attempt>),
    /// Look for the job, under this id where one is known: [`Event::JobFound`] or
    /// [`Event::JobNotFound`].
    FindJob(Option<String>),
    /// Pause before another try: [`Event::Rested`] or [`Event::NoRetry`].
    Rest {
        /// Why another try is needed.
        error: Box<Error>,
        /// How many further tries there were before.
        resends: u32,
    },
    /// Reserve the payment's money in memory and in the store: [`Event::Reserved`].
    Reserve {
        /// What happens above the budget: what can still be left unpaid is refused.
        over: OverBudget,
        /// Whether the store has its record.
        record: StoredRecord,
    },
    /// Ask the chain, through the wallet, whether the money has moved: [`Event::ChainSaid`].
    AskChain,
    /// Delete the record, and the claim of the key where its lock is held: [`Event::Forgotten`].
    Forget,
    /// The same, of a payment whose money may have been taken for spent, and certainly never moves:
    /// the budget gets it back too.
    Refund,
    /// Go on waiting for what the step before has begun.
    Wait,
    /// Nothing more: release the locks, once all writes have ended.
    Done,
}

/// What becomes of the money that is reserved for the payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReservationChange {
    /// It stays as it is.
    #[default]
    Unchanged,
    /// The money may have moved from now on: it stays reserved, whatever happens to the call.
    Keep,
    /// Certainly no money has moved: what is reserved is given back.
    Release,
}

/// What to do next.
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// When [`Event::Timer`] comes, if nothing else has.
    pub limit: Option<Deadline>,
    /// What becomes of the payment's reservation.
    pub reservation: ReservationChange,
    /// What the application receives about the payment.
    pub update: Option<Json>,
    /// What the call gets. It waits for nothing more then.
    pub answer: Option<Answer>,
    /// A line for the logger.
    pub warning: Option<&'static str>,
    /// Whether the payment's locks are released: others may go on with it while the wallet is open.
    pub unlock: bool,
}

/// What a new payment needs beside its attempt.
#[derive(Debug, Clone)]
pub struct Order {
    /// What is paid.
    pub offer: Rc<Offer>,
    /// How.
    pub method: PaymentMethod,
    /// 32 random bytes, `0x` and hexadecimal digits: what makes a signed authorization one of a
    /// kind.
    pub nonce: String,
    /// Whether the application wants to be asked.
    pub confirms: bool,
    /// Whether the wallet says its address.
    pub has_address: bool,
    /// How long `confirm` and the wallet are waited for.
    pub wallet_timeout: Millis,
    /// How far the server's clock is ahead of this one; `None` where the server does not say what
    /// time it is, or a page must not read it.
    pub clocks_apart: Option<Millis>,
}

impl Order {
    /// How far the server's clock is ahead of this one, as far as that is believed: not where they
    /// agree, nor where they differ by so much that one of them is no clock.
    pub(super) fn server_ahead(&self) -> Millis {
        let is_believed = |apart: &Millis| (LEAST_SKEW.get()..=MAX_SKEW.get()).contains(&apart.get().abs());
        self.clocks_apart.filter(is_believed).unwrap_or(Millis::ZERO)
    }
}

/// What is known of a payment that is resumed, beside its record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resumption {
    /// Whether the store has its record. Without one the application has brought the attempt.
    pub record: StoredRecord,
    /// The application has brought another request.
    pub is_corrected: bool,
    /// This client's ledger has a reservation for it already.
    pub has_reservation: bool,
    /// A wallet is open for it in this program.
    pub is_asking: bool,
    /// The wallet can ask the chain about it.
    pub asks_chain: bool,
}

impl Step {
    /// A step that does only this.
    pub(super) fn new(action: Action) -> Self {
        Self {
            action,
            limit: None,
            reservation: ReservationChange::Unchanged,
            update: None,
            answer: None,
            warning: None,
            unlock: false,
        }
    }
    /// Nothing more is done. `answer` is what the call gets, if it still waits.
    pub(super) fn done(answer: Option<Answer>) -> Self {
        Self::new(Action::Done).answering(answer)
    }
    /// The same step, with what the call gets.
    pub(super) fn answering(self, answer: Option<Answer>) -> Self {
        Self { answer, ..self }
    }
    /// The same step, with a time limit.
    pub(super) fn until(self, limit: Deadline) -> Self {
        Self { limit: Some(limit), ..self }
    }
    /// The same step, with what becomes of the reservation.
    pub(super) fn with(self, reservation: ReservationChange) -> Self {
        Self { reservation, ..self }
    }
    /// The same step, with words for the logger.
    pub(super) fn warn(self, warning: Option<&'static str>) -> Self {
        Self { warning, ..self }
    }
}
