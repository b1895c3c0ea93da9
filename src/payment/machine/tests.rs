//! The promises of a payment over its whole table: breadth first, every event in every state that
//! can be reached. A crash, and what comes after it, are events too; so is what other programs do
//! with the payment while its locks are free.
//!
//! The world here is small: a store that does one thing after the other, or fails before or after
//! it has done it; a wallet; a server.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use super::*;
use crate::api::jobs;
use crate::api::payments::{AttemptJob, Certainty, NamedBy, PaidBy};
use crate::json;
use crate::payment::funds_moved::{self, FundsMoved, funds_moved, funds_moved_for};
use crate::payment::record::{self, Found};
use crate::payment::step::{Paid, Reply, Settlement, StoredRecord};
use crate::platform::{Body, HttpResponse};
use crate::spending::budget::Fate as MoneyFate;
use crate::spending::offer_rules::PaymentMethod;
use crate::spending::policy::OverBudget;
use crate::time::{Instant, WallTime};
use crate::x402;
use crate::x402::Offer;
use crate::x402::tokens::usdc;

const HASH: &str = "0xabababababababababababababababababababababababababababababababab";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
/// How long the call may take, in seconds.
const END_S: f64 = 300.0;
/// How often the payment is resumed at most.
const RESUMED: u32 = 1;

/// What is on its way to the store.
#[derive(Debug, Clone)]
enum Operation {
    Claim,
    Set(Box<Attempt>),
    Forget,
    Refund,
}

/// What becomes of the first thing on its way to the store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Done,
    FailedBefore,
    FailedAfter,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Money {
    /// Not counted.
    None,
    /// Set aside.
    Reserved,
    Kept,
}

/// What the store's counters say of the payment. Others resolve it by the record at any time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    /// Nothing.
    None,
    /// Its money is set aside.
    Open,
    /// Its money is spent.
    Spent,
}

/// One program with its payment, and the world around it.
#[derive(Debug, Clone)]
struct Model {
    payment: Option<Payment>,
    /// What the program waits for: the last action that was no `Wait`.
    pending: Option<Action>,
    has_timer: bool,
    queue: VecDeque<Operation>,
    /// Whether the last thing in the queue is waited for.
    is_awaited: bool,
    has_key_lock: bool,
    is_unlocked: bool,
    money: Money,
    answers: u32,
    /// What outlives the program.
    clock_s: f64,
    record: Option<Attempt>,
    stored: Stored,
    /// Whether this life has set the money aside in the store.
    has_reserved: bool,
    /// Whether it is given back when all is written.
    gives_back: bool,
    key: bool,
    resumed: u32,
    wallet_calls: u32,
    /// The nonce of the last request, and whether it was answered too late.
    nonce: String,
    is_last_stale: bool,
    /// A transfer may have been made.
    may_have_transferred: bool,
    /// The proof may have reached the server.
    may_have_arrived: bool,
    proofs: BTreeSet<String>,
    /// The store has failed, or the program has crashed.
    has_failed: bool,
    /// How often the store has failed to take the proof, or the job.
    proof_failures: u32,
    has_crashed: bool,
    /// The application knows the proof, or the job, from the answer.
    told: Option<Attempt>,
    /// Other programs have gone on with the payment.
    went_on: bool,
    /// The record with which this life began says that the proof was sent, which a crash may have
    /// prevented.
    began_sent: bool,
    /// An earlier life has lost the proof, because its store had failed.
    is_excused: bool,
    /// An error has said that no money has moved: the application may have called again.
    may_call_again: bool,
}

fn offer(signs: bool) -> Offer {
    let entry = json!({"scheme": "exact", "network": "base", "maxAmountRequired": "20000", "payTo": TO, "maxTimeoutSeconds": 60,
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "extra": {"name": "USD Coin", "version": "2"}});
    let transfer = json!({"payment": [{"network": "base", "recipient": TO, "amount": "0.02"}]});
    let body = if signs { json!({"x402Version": 1, "accepts": [entry.0]}) } else { transfer };
    let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(body) };
    x402::read(&response, &usdc()).unwrap().offers.remove(0)
}

fn refusal(status: u16, words: &str) -> Box<Error> {
    let mut error = Error::new(ErrorCode::BadRequest, "refused");
    (error.status, error.server_message) = (Some(status), Some(words.to_owned()));
    error
}

fn not_sent() -> Box<Error> {
    let mut error = Error::new(ErrorCode::ConnectionFailed, "x");
    error.not_sent = true;
    error
}

impl Model {
    /// A payment under a key, by a transfer or a signature, of an application and a wallet that
    /// want to be asked.
    fn new(signs: bool) -> Self {
        let offer = offer(signs);
        let attempt = Attempt {
            id: "a".into(),
            state: PaymentState::Intended,
            price: Some(offer.price()),
            transaction: None,
            paid_by: if signs { PaidBy::Signature { valid_until: None } } else { PaidBy::Transfer },
            certainty: Certainty::None,
            named_by: NamedBy::Wallet,
            proof: Vec::new(),
            receipt: None,
            server: "https://server".into(),
            request: r#"{"content":"c"}"#.into(),
            first_request: String::new(),
            job: None,
            created_at: WallTime::from_ms(1.8e12),
            begun_at: WallTime::from_ms(1.8e12),
            scope: String::new(),
            idempotency_key: "k".into(),
            fingerprint: String::new(),
            answered: false,
        };
        let order = Order {
            offer: Rc::new(offer),
            method: if signs { PaymentMethod::Sign } else { PaymentMethod::Transfer },
            nonce: format!("0x{}", "11".repeat(32)),
            confirms: true,
            has_address: true,
            wallet_timeout: Millis::from_secs(600.0),
            clocks_apart: None,
        };
        let end = Deadline::at(Instant::from_ms(END_S * 1_000.0));
        let mut model = Self {
            payment: Some(Payment::new(attempt, order, end)),
            pending: None,
            has_timer: false,
            queue: VecDeque::new(),
            is_awaited: false,
            has_key_lock: true,
            is_unlocked: false,
            money: Money::Reserved,
            answers: 0,
            clock_s: 0.0,
            record: None,
            stored: Stored::None,
            has_reserved: false,
            gives_back: false,
            key: false,
            resumed: 0,
            wallet_calls: 0,
            nonce: String::new(),
            is_last_stale: false,
            may_have_transferred: false,
            may_have_arrived: false,
            proofs: BTreeSet::new(),
            has_failed: false,
            proof_failures: 0,
            has_crashed: false,
            told: None,
            went_on: false,
            is_excused: false,
            may_call_again: false,
            began_sent: false,
        };
        model.happens(Event::Begin);
        model
    }

    fn at(&self) -> Moment {
        let ms = self.clock_s * 1_000.0;
        Moment { now: Instant::from_ms(ms), wall: WallTime::from_ms(1.8e12 + ms) }
    }

    fn may_have_moved(&self) -> bool {
        self.may_have_transferred || self.may_have_arrived
    }

    /// What tells one model from another: all that a decision can depend on.
    fn name(&self) -> String {
        let payment = self.payment.as_ref().map(|payment| {
            let Payment {
                attempt,
                state,
                is_waiting,
                is_asked_again,
                delivery,
                is_unrecorded,
                is_reserved,
                is_corrected,
                resends,
                hint,
                limit,
                ..
            } = payment;
            let flags = [*is_waiting, *is_asked_again, *is_unrecorded, *is_reserved, *is_corrected, hint.is_some()];
            format!("{} {} {flags:?} {delivery:?} {resends} {limit:?} {:?}", state_name(state), summary(attempt), payment.end)
        });
        let queue: Vec<String> = self.queue.iter().map(operation_name).collect();
        let flags = [
            self.has_timer,
            self.is_awaited,
            self.has_key_lock,
            self.is_unlocked,
            self.key,
            self.is_last_stale,
            self.may_have_transferred,
            self.may_have_arrived,
            self.has_failed,
            self.has_crashed,
            self.went_on,
            self.is_excused,
            self.may_call_again,
            self.began_sent,
            self.has_reserved,
            self.gives_back,
        ];
        let record = self.record.as_ref().map(summary);
        let told = self.told.as_ref().map(|told| (told.proof.is_empty(), told.job.is_some(), told.request.len()));
        let counts = [self.answers, self.resumed, self.wallet_calls, self.proof_failures];
        let money = (self.money, self.stored);
        let proofs = self.proofs.len();
        let clock = self.clock_s;
        format!("{payment:?} {queue:?} {flags:?} {record:?} {told:?} {counts:?} {money:?} {proofs} {clock}")
    }

    /// The event happens, and the program does the next step.
    fn happens(&mut self, event: Event) {
        let at = self.at();
        let payment = self.payment.as_mut().unwrap();
        let before = format!("{:?} {event:?}", payment.state);
        let was_waiting = payment.is_waiting && !matches!(event, Event::CallerGone);
        let is_reserving = matches!(self.pending, Some(Action::Reserve { .. })) && !matches!(event, Event::Reserved(_));
        let step = payment.next(event, at);
        let is_dropped = is_reserving && !matches!(step.action, Action::Wait);
        assert!(!is_dropped, "a change of the counters is dropped before it has landed: {before}");
        match step.reservation {
            ReservationChange::Unchanged => {}
            ReservationChange::Keep if self.money == Money::Reserved => self.money = Money::Kept,
            ReservationChange::Keep => {}
            ReservationChange::Release => {
                assert!(!self.may_have_moved() || self.went_on, "money that may have moved is given back: {before}");
                self.money = Money::None;
                self.gives_back |= core::mem::take(&mut self.has_reserved);
                if step.unlock {
                    self.give_back();
                }
            }
        }
        self.has_timer = step.limit.is_some();
        if let Some(answer) = &step.answer {
            assert!(was_waiting, "a call is answered that does not wait: {before}");
            self.answers += 1;
            let attempt = match answer {
                Ok(Paid { attempt, .. }) => attempt,
                Err(error) => {
                    let moved = funds_moved_for(error);
                    let may_have = self.may_have_moved() && !self.went_on;
                    assert!(moved != FundsMoved::No || !may_have, "the error says that no money has moved: {before}");
                    self.may_call_again |= moved == FundsMoved::No;
                    let attempt = error.payment.as_ref().unwrap();
                    assert!(
                        moved != FundsMoved::Yes || attempt.certainty == Certainty::Moved,
                        "an error without a job says that money has moved, and the chain does not: {before}"
                    );
                    attempt
                }
            };
            assert_eq!(answer.is_ok(), attempt.job.is_some());
            // The application has what it got before, too.
            if self.told.is_none() || attempt.job.is_some() || !attempt.proof.is_empty() {
                self.told = Some(attempt.clone());
            }
        }
        if step.unlock {
            (self.is_unlocked, self.has_key_lock) = (true, false);
        }
        self.performs(step.action, &before);
        self.give_back_at_the_end();
    }

    /// When all is written, the money is given back if the record says that it has not moved.
    fn give_back_at_the_end(&mut self) {
        if self.payment.is_none() && self.queue.is_empty() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        let is_certain = self.record.as_ref().is_none_or(|record| funds_moved(record) == FundsMoved::No);
        if core::mem::take(&mut self.gives_back) && is_certain && self.stored == Stored::Open {
            self.stored = Stored::None;
        }
    }

    fn performs(&mut self, action: Action, before: &str) {
        match &action {
            Action::Wait => {
                assert!(self.pending.is_some() || self.is_awaited, "it waits for nothing: {before}");
                return;
            }
            Action::Done => return self.is_over(before),
            Action::Claim(_) => self.enqueue(Operation::Claim),
            Action::Write(attempt) => self.enqueue(Operation::Set(attempt.clone())),
            Action::Forget => {
                assert!(!self.may_have_moved() || self.went_on, "what may have moved is forgotten: {before}");
                self.enqueue(Operation::Forget);
            }
            Action::Refund => {
                assert!(!self.may_have_moved(), "money is given back that may have moved: {before}");
                self.enqueue(Operation::Refund);
            }
            Action::AskWallet(request) => self.asks_wallet(request, before),
            Action::Send(attempt) => self.sends(attempt, before),
            Action::Reserve { record, .. } => {
                assert!(
                    self.record.is_some() || *record == StoredRecord::Missing,
                    "money is set aside for a payment without a record: {before}"
                );
                self.money = Money::Reserved;
            }
            Action::Confirm(_)
            | Action::AskAddress
            | Action::Reread
            | Action::FindJob(_)
            | Action::Rest { .. }
            | Action::AskChain => {}
        }
        self.is_awaited = matches!(action, Action::Claim(_) | Action::Write(_) | Action::Forget | Action::Refund);
        self.pending = Some(action).filter(|_| !self.is_awaited);
    }

    fn enqueue(&mut self, operation: Operation) {
        self.queue.push_back(operation);
    }

    fn asks_wallet(&mut self, request: &WalletRequest, before: &str) {
        let payment = self.payment.as_ref().unwrap();
        assert!(payment.is_waiting, "a wallet is asked for nobody: {before}");
        let record = self.record.as_ref().unwrap_or_else(|| panic!("the wallet is asked and nothing is written down: {before}"));
        assert!(record.state == PaymentState::Intended && self.queue.is_empty(), "{before}");
        assert!(!self.has_key_lock || self.key, "the wallet is asked and the key is not claimed: {before}");
        let nonce = request.authorization().map(|authorization| authorization.nonce.clone()).unwrap_or_default();
        self.wallet_calls += 1;
        let again = self.wallet_calls == 2 && self.is_last_stale && self.nonce == nonce && self.proofs.is_empty();
        assert!(self.wallet_calls == 1 || again, "the wallet is asked twice: {before}");
        if let Some(until) = record.valid_until() {
            assert!(until >= request.valid_until().unwrap(), "a signature may be good for longer than its record says: {before}");
        }
        assert!(self.stored == Stored::Open, "the wallet is asked and the money is not set aside in the store: {before}");
        self.nonce = nonce;
        self.is_last_stale = false;
        self.may_have_transferred |= request.authorization().is_none();
    }

    fn sends(&mut self, attempt: &Attempt, before: &str) {
        let payment = self.payment.as_ref().unwrap();
        assert!(
            !self.may_call_again || !attempt.is_signed(),
            "a signature is sent after an error that says that no money has moved, so that the call may have been made again: {before}"
        );
        assert!(payment.is_waiting && !payment.end.is_over(self.at().now), "a proof is sent for a call that is over: {before}");
        self.proofs.insert(attempt.proof[0].1.clone());
        assert_eq!(self.proofs.len(), 1, "two proofs are sent: {before}");
        let kept = self.record.as_ref();
        let is_kept = kept.is_some_and(|kept| kept.proof == attempt.proof && kept.request == attempt.request);
        let is_sent = kept.is_some_and(|kept| !matches!(kept.state, PaymentState::Intended | PaymentState::Proven));
        assert!((is_kept && is_sent) || !attempt.is_signed(), "a proof is sent and not written down: {before}");
        assert!(is_kept || self.has_failed || !self.queue.is_empty(), "a proof is sent and not written down: {before}");
        assert!(self.stored != Stored::None || self.went_on, "a proof is sent and the store does not count it: {before}");
        if let Some(until) = attempt.valid_until()
            && self.resumed > 0
        {
            assert!(until >= self.at().wall, "a signature is sent again whose time is over: {before}");
        }
    }

    /// The payment is over for the program. What is on its way to the store still lands.
    fn is_over(&mut self, before: &str) {
        let payment = self.payment.take().unwrap();
        assert!(self.answers == 1 || !payment.is_waiting, "nobody is told: {before}");
        assert!(self.answers <= 1, "the call is answered twice: {before}");
        (self.pending, self.is_awaited, self.has_timer) = (None, false, false);
        assert_ne!(self.money, Money::Reserved, "money stays set aside: {before}");
        let counts = self.money == Money::Kept;
        assert!(!counts || self.may_have_moved() || self.began_sent, "money is counted that cannot have moved: {before}");
        if self.resumed == 0 && !self.went_on {
            assert_eq!(counts, self.may_have_moved(), "{before}");
        }
    }

    /// All that is on its way has landed, and no program is there.
    fn rests(&self, before: &str) {
        if self.went_on {
            return;
        }
        if self.wallet_calls == 0 && !self.has_failed && self.resumed == 0 {
            assert!(self.record.is_none() && !self.key, "no wallet was asked, and something is left: {before}");
        }
        if self.may_have_moved() {
            assert!(self.record.is_some(), "money may have moved, and there is no record: {before}");
            let is_kept = self.is_known(&self.record) || (self.has_failed && self.is_known(&self.told)) || self.is_excused;
            // A store that refuses the proof twice, and a call that has gone, leave nothing but the
            // warning.
            let refused = self.proof_failures >= 2 || (self.proof_failures == 1 && self.has_crashed);
            assert!(is_kept || refused, "a proof was sent, and is nowhere: {before}");
        }
        if let Some(record) = &self.record {
            let moved = funds_moved(record);
            let counts = self.resolved().stored != Stored::None;
            assert!(counts || !self.may_have_moved(), "money may have moved, and the store does not count it: {before}");
            assert!(moved != FundsMoved::No || !self.may_have_moved(), "the record says that no money has moved: {before}");
            let is_on_chain = record.certainty == Certainty::Moved && self.may_have_transferred;
            assert!(
                moved != FundsMoved::Yes || self.may_have_arrived || is_on_chain,
                "the record says that money has moved: {before}"
            );
        }
    }

    /// Whether this knows the job, or the proof that was sent.
    fn is_known(&self, attempt: &Option<Attempt>) -> bool {
        attempt.as_ref().is_some_and(|attempt| {
            attempt.job.is_some() || self.proofs.iter().all(|proof| attempt.proof.iter().any(|(_, header)| header == proof))
        })
    }

    /// The first thing on its way to the store lands. True when the program waits for it.
    fn lands(&mut self, fate: Fate) -> Option<Event> {
        let operation = self.queue.pop_front().unwrap();
        let failed = Json::text("the disk is full");
        if fate != Fate::FailedBefore {
            match &operation {
                Operation::Claim => self.key = true,
                Operation::Set(attempt) => self.record = record::read(&record::to_json(attempt)),
                Operation::Forget | Operation::Refund => {
                    self.record = None;
                    self.key &= !self.has_key_lock;
                }
            }
        }
        if let (Operation::Refund, Fate::Done) = (&operation, fate) {
            self.stored = Stored::None;
        }
        self.has_failed |= fate != Fate::Done;
        if let (Operation::Set(attempt), Fate::FailedBefore) = (&operation, fate) {
            let tells = !attempt.proof.is_empty() || attempt.job.is_some();
            self.proof_failures = (self.proof_failures + u32::from(tells)).min(2);
        }
        let is_awaited = self.queue.is_empty() && core::mem::take(&mut self.is_awaited) && self.payment.is_some();
        is_awaited.then(|| match (operation, fate == Fate::Done) {
            (Operation::Claim, true) => Event::Claimed(Ok(Claim::Own)),
            (Operation::Claim, false) => Event::Claimed(Err(failed)),
            (Operation::Set(_), true) => Event::Written(Ok(())),
            (Operation::Set(_), false) => Event::Written(Err(failed)),
            (Operation::Forget | Operation::Refund, true) => Event::Forgotten(Ok(())),
            (Operation::Forget | Operation::Refund, false) => Event::Forgotten(Err(failed)),
        })
    }

    /// Other programs resolve what is set aside by what the record says now.
    fn resolved(&self) -> Self {
        let fate = self.record.as_ref().map_or(MoneyFate::Unmoved, |record| funds_moved::fate(record, self.at().wall));
        let stored = match (self.stored, fate) {
            (Stored::Open, MoneyFate::Unmoved) => Stored::None,
            (Stored::Open, MoneyFate::Spent(_)) => Stored::Spent,
            (stored, _) => stored,
        };
        Self { stored, ..self.clone() }
    }

    /// This, and the same where others have resolved what is set aside.
    fn or_resolved(&self) -> Vec<Self> {
        let resolved = self.resolved();
        if resolved.stored == self.stored { vec![self.clone()] } else { vec![self.clone(), resolved] }
    }

    fn later(&self, seconds: f64) -> Self {
        Self { clock_s: self.clock_s + seconds, ..self.clone() }
    }

    fn with(&self, event: Event) -> Self {
        let mut next = self.clone();
        next.happens(event);
        next
    }

    /// All that can happen now.
    fn nexts(&self) -> Vec<Self> {
        let mut nexts: Vec<Self> = self.or_resolved().into_iter().skip(1).collect();
        if !self.queue.is_empty() {
            for fate in [Fate::Done, Fate::FailedBefore, Fate::FailedAfter] {
                for seconds in [0.0, 400.0] {
                    if seconds > 0.0 && (self.clock_s > 0.0 || self.payment.is_none()) {
                        continue;
                    }
                    let mut next = self.later(seconds);
                    match next.lands(fate) {
                        Some(event) => next.happens(event),
                        None => next.give_back_at_the_end(),
                    }
                    nexts.push(next);
                }
            }
        }
        let Some(payment) = &self.payment else {
            nexts.extend(self.resumes());
            return nexts;
        };
        if self.has_timer {
            nexts.push(self.with(Event::Timer));
        }
        // What is on its way to the server may arrive, whoever waits for it.
        let mut alone = self.clone();
        alone.may_have_arrived |= matches!(self.pending, Some(Action::Send(_)));
        if payment.is_waiting {
            nexts.push(alone.with(Event::CallerGone));
        }
        // A crash: what is on its way may land all the same.
        let mut crashed = alone;
        (crashed.payment, crashed.pending, crashed.is_awaited, crashed.has_timer) = (None, None, false, false);
        (crashed.has_failed, crashed.has_crashed, crashed.gives_back) = (true, true, false);
        crashed.money = Money::None;
        nexts.push(crashed);
        if let Some(pending) = &self.pending {
            nexts.extend(self.answers_to(pending));
        }
        if self.is_unlocked && !self.went_on && self.queue.is_empty() {
            nexts.extend(self.others());
        }
        nexts
    }

    /// What other programs do with the payment while the wallet is open here.
    fn others(&self) -> Vec<Self> {
        let mut forgotten = self.clone();
        // What may have moved stays counted when it is forgotten.
        if self.record.as_ref().is_some_and(|record| funds_moved(record) != FundsMoved::No) && self.stored == Stored::Open {
            forgotten.stored = Stored::Spent;
        }
        (forgotten.record, forgotten.went_on) = (None, true);
        let mut accepted = self.clone();
        if let Some(record) = &mut accepted.record {
            let job = AttemptJob { handle: json!({"jobId": "job-1"}), source: JobSource::Reply };
            (record.state, record.job) = (PaymentState::Accepted, Some(job));
        }
        // With a proof that a person has found in the wallet; they have counted it before they sent
        // that.
        (accepted.went_on, accepted.may_have_arrived) = (true, true);
        if accepted.stored == Stored::None {
            accepted.stored = Stored::Open;
        }
        vec![forgotten, accepted]
    }

    fn resumes(&self) -> Vec<Self> {
        if self.resumed >= RESUMED || !self.queue.is_empty() || self.clock_s > 800.0 {
            return Vec::new();
        }
        let told = self.told.clone().filter(|told| self.record.is_none() && !told.proof.is_empty());
        let record = if told.is_some() { StoredRecord::Missing } else { StoredRecord::Written };
        let Some(attempt) = self.record.clone().or(told) else { return Vec::new() };
        let mut nexts = Vec::new();
        for (is_corrected, asks_chain) in [(false, false), (false, true), (true, false)] {
            let mut next = self.clone();
            let mut attempt = attempt.clone();
            if is_corrected {
                attempt.request = r#"{"content":"another"}"#.into();
            }
            let resumption = Resumption { record, is_corrected, asks_chain, ..Resumption::default() };
            next.began_sent = !matches!(attempt.state, PaymentState::Intended | PaymentState::Proven);
            // Another life of the program: of the first one only what is left in the world counts.
            next.is_excused |= !self.is_known(&self.record);
            if !attempt.is_signed() {
                next.clock_s = 0.0;
            }
            let end = Deadline::at(Instant::from_ms((next.clock_s + END_S) * 1_000.0));
            next.payment = Some(Payment::resumed(attempt, resumption, end));
            next.resumed += 1;
            (next.answers, next.is_unlocked, next.has_key_lock, next.money) = (0, false, false, Money::None);
            (next.has_failed, next.has_crashed, next.proof_failures, next.told) = (false, false, 0, None);
            (next.has_reserved, next.gives_back) = (false, false);
            (next.is_last_stale, next.went_on) = (false, self.went_on && self.record.is_none());
            next.happens(Event::Begin);
            nexts.push(next);
        }
        nexts
    }

    fn answers_to(&self, pending: &Action) -> Vec<Self> {
        let broke = || Json::text("broke");
        match pending {
            Action::Confirm(_) => {
                [Ok(json!(true)), Ok(json!("yes")), Err(broke())].map(|answer| self.with(Event::Confirmed(answer))).into()
            }
            Action::AskAddress => [Ok(json!(PAYER)), Ok(json!(TO)), Ok(json!(5)), Err(broke())]
                .map(|answer| self.with(Event::Address(answer)))
                .into(),
            Action::AskWallet(request) => self.wallet_answers(request),
            Action::Reread => {
                let found = self.record.clone().map_or(Found::Missing, |record| Found::Attempt(Box::new(record)));
                let mut nexts = vec![self.with(Event::Reread { found: Box::new(found), is_closed: false })];
                if self.record.is_some() {
                    nexts.push(self.with(Event::Reread { found: Box::new(Found::Unreadable), is_closed: false }));
                    nexts.push(self.with(Event::Reread { found: Box::new(Found::Withheld(broke())), is_closed: false }));
                }
                nexts
            }
            Action::Send(_) => self.replies(),
            Action::FindJob(_) => {
                let mut nexts = vec![self.with(Event::JobNotFound)];
                if self.may_have_arrived {
                    nexts.push(self.with(Event::JobFound(Box::new(job()))));
                }
                nexts
            }
            Action::AskChain => self.chain_words(),
            Action::Rest { .. } => vec![self.with(Event::Rested), self.with(Event::NoRetry)],
            Action::Reserve { over, record } => self.reservings(*over == OverBudget::Refuse, *record == StoredRecord::Missing),
            _ => Vec::new(),
        }
    }

    /// What the chain says, which is true: what may have moved may not have moved, when its time is
    /// over.
    fn chain_words(&self) -> Vec<Self> {
        let mut nexts = vec![self.with(Event::ChainSaid(ChainWord::Unknown))];
        if self.may_have_moved() {
            nexts.push(self.with(Event::ChainSaid(ChainWord::Moved)));
        }
        let attempt = &self.payment.as_ref().unwrap().attempt;
        if !attempt.is_signed() {
            nexts.push(self.with(Event::ChainSaid(ChainWord::Another)));
        }
        if !attempt.is_signed() || attempt.valid_until().is_some_and(|until| until < self.at().wall) {
            let mut void = self.clone();
            (void.may_have_arrived, void.may_have_transferred) = (false, false);
            nexts.push(void.with(Event::ChainSaid(ChainWord::Never)));
        }
        nexts
    }

    /// The store takes the money into account, or says no, or fails; what it has taken it may have
    /// taken all the same.
    fn reservings(&self, avoidable: bool, unwritten: bool) -> Vec<Self> {
        let mut nexts = Vec::new();
        for seconds in [0.0, 70.0, 400.0] {
            if self.clock_s > 0.0 && seconds > 0.0 {
                continue;
            }
            let mut done = self.clone();
            if self.stored == Stored::None && (avoidable || unwritten) {
                done.stored = Stored::Open;
            }
            if unwritten && let Some(payment) = &self.payment {
                done.record = Some(payment.attempt.clone());
            }
            for done in done.later(seconds).or_resolved() {
                let mut reserved = done.clone();
                reserved.has_reserved = true;
                nexts.push(reserved.with(Event::Reserved(ReserveOutcome::Done)));
                if avoidable {
                    nexts.push(done.with(Event::Reserved(ReserveOutcome::Failed(Json::text("broke")))));
                }
            }
            if avoidable {
                let over = self.later(seconds);
                nexts.push(over.with(Event::Reserved(ReserveOutcome::OverBudget("too much".into()))));
            }
        }
        nexts
    }

    /// What the wallet returns or throws, and whether it has moved money.
    fn wallet_answers(&self, request: &WalletRequest) -> Vec<Self> {
        let signs = request.authorization().is_some();
        let proof = if signs { format!("0x{}", "cd".repeat(70)) } else { HASH.to_owned() };
        let answers: [(Result<Json, Json>, bool); 6] = [
            (Ok(json!(proof)), true),
            (Err(json!({"code": 4001})), false),
            (Err(json!("broke")), true),
            (Err(json!({"code": 4001, "transactionHash": HASH})), true),
            (Ok(json!(null)), true),
            (Err(json!({"noMoneyMoved": true})), false),
        ];
        let mut nexts = Vec::new();
        if matches!(&self.payment, Some(Payment { state: State::Asking(_), .. })) {
            // It was not asked at all.
            let mut lost = self.clone();
            (lost.has_key_lock, lost.has_failed, lost.may_have_transferred) = (false, true, false);
            lost.wallet_calls -= 1;
            lost.happens(Event::LockLost);
            nexts.push(lost);
        }
        for (answer, moves) in answers {
            for seconds in [0.0, 70.0, 400.0] {
                if self.clock_s >= 400.0 && seconds > 0.0 {
                    continue;
                }
                for mut next in self.later(seconds).or_resolved() {
                    next.may_have_transferred &= moves;
                    next.is_last_stale = signs && !request.is_fresh(next.at().wall);
                    next.happens(Event::WalletAnswered(answer.clone()));
                    nexts.push(next);
                }
            }
        }
        nexts
    }

    fn replies(&self) -> Vec<Self> {
        let mut unsettled = refusal(402, "no");
        unsettled.job_id = None;
        let receipt = json!({"success": false, "errorReason": "settlement_pending"});
        let pending = Some(Settlement { transaction: None, receipt });
        let mut cut = Error::new(ErrorCode::ConnectionReset, "x");
        cut.job_id = Some("job-1".into());
        let replies: [(Result<Created, Box<Error>>, Option<Settlement>); 9] = [
            (Ok(job()), None),
            (Err(refusal(402, "no")), None),
            (Err(unsettled), pending),
            (Err(refusal(400, "Required fields: prompt")), None),
            (Err(refusal(400, "userId is required")), None),
            (Err(Error::new(ErrorCode::ConnectionReset, "x")), None),
            (Err(cut), None),
            (Err(not_sent()), None),
            (Err(refusal(307, "elsewhere")), None),
        ];
        let mut nexts = Vec::new();
        for (result, settlement) in replies {
            let mut next = self.clone();
            next.may_have_arrived |= !matches!(&result, Err(error) if error.not_sent);
            next.happens(Event::Responded(Box::new(Reply { result, settlement })));
            nexts.push(next);
        }
        nexts
    }
}

/// What of an attempt a decision can depend on.
fn summary(attempt: &Attempt) -> String {
    let Attempt { state, certainty, paid_by, proof, transaction, job, request, answered, .. } = attempt;
    let (has_proof, has_job, length) = (!proof.is_empty(), job.is_some(), request.len());
    format!(
        "{state:?} {has_proof} {transaction:?} {has_job} {length} {paid_by:?} {answered} {certainty:?} {:?}",
        attempt.reason()
    )
}

fn error_name(error: &Error) -> String {
    let Error { code, status, not_sent, server_message, .. } = error;
    format!("{code:?} {status:?} {not_sent} {server_message:?}")
}

fn state_name(state: &State) -> String {
    match state {
        State::Asking(request) => format!("Asking {:?}", request.valid_until()),
        State::AskingAlone(request) => format!("AskingAlone {:?}", request.valid_until()),
        State::Rereading(request, answer) => format!("Rereading {:?} {answer:?}", request.valid_until()),
        State::Accepting(_) => "Accepting".into(),
        State::Resting(error) => format!("Resting {}", error_name(error)),
        State::Finding(error) => format!("Finding {:?}", error.as_deref().map(error_name)),
        State::Withdrawing(error) => format!("Withdrawing {:?}", error.as_deref().map(error_name)),
        State::Dropping(error) => format!("Dropping {:?}", error.as_deref().map(error_name)),
        State::Closing(error) => format!("Closing {:?}", error.as_deref().map(error_name)),
        State::Concluding(error) => format!("Concluding {:?}", error.as_deref().map(error_name)),
        state => format!("{state:?}"),
    }
}

fn operation_name(operation: &Operation) -> String {
    match operation {
        Operation::Set(attempt) => summary(attempt),
        operation => format!("{operation:?}"),
    }
}

fn job() -> Created {
    jobs::read_created(json!({"jobId": "job-1"}))
}

/// Visits every state that can be reached; the number of states, of steps, and of the machine's own
/// states.
fn explore(signs: bool) -> (usize, usize, BTreeSet<String>) {
    let first = Model::new(signs);
    let mut parents: HashMap<u64, ()> = HashMap::new();
    let mut steps = 0;
    let mut kinds = BTreeSet::new();
    let mut queue = VecDeque::from([first]);
    while let Some(model) = queue.pop_front() {
        if let Some(payment) = &model.payment {
            let state = format!("{:?}", payment.state);
            kinds.insert(state.split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned());
        } else if model.queue.is_empty() {
            model.rests(&format!("{model:?}"));
        }
        for next in model.nexts() {
            steps += 1;
            if next.clock_s <= 1_000.0 && parents.insert(hash(&next.name()), ()).is_none() {
                queue.push_back(next);
            }
        }
    }
    (parents.len(), steps, kinds)
}

fn hash(name: &str) -> u64 {
    use core::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn the_promises_hold_in_every_state_that_can_be_reached() {
    let mut all = BTreeSet::new();
    for signs in [true, false] {
        let (states, steps, kinds) = explore(signs);
        println!("signs: {signs}; {states} states, {steps} steps");
        all.extend(kinds);
    }
    let expected = [
        "Accepting",
        "Addressing",
        "Asking",
        "AskingAlone",
        "Checking",
        "Claiming",
        "Closing",
        "Concluding",
        "Confirming",
        "Dropping",
        "Finding",
        "Intending",
        "Keeping",
        "Recording",
        "Rereading",
        "Reserving",
        "ReservingAgain",
        "Resting",
        "Rewriting",
        "Sending",
        "Undoing",
        "Withdrawing",
    ];
    assert_eq!(all.into_iter().collect::<Vec<_>>(), expected, "every state is reached, and no other");
}
