//! Asks the wallet, and writes down what it says, whenever that comes: before its answer, after its
//! call, or after the module that had asked it has trapped.

use core::cell::RefCell;
use std::rc::Rc;

use super::late::{LateAnswer, late_answer};
use super::payments::Payments;
use super::record::{self, Found};
use super::step::Event;
use super::store::Locks;
use super::wallet;
use super::wallet_request::{WalletCall, WalletRequest};
use crate::api::error::Result;
use crate::api::payments::{Attempt, PaymentState};
use crate::json::Json;
use crate::platform::{LogLevel, Platform};
use crate::time::Deadline;

/// Asks the wallet, and waits for as long as it takes. Which transaction it has sent is written
/// down as soon as it says so.
pub(super) async fn ask_wallet<P: Platform + 'static>(
    payments: Rc<Payments<P>>,
    attempt: Attempt,
    request: Box<WalletRequest>,
    locks: Locks<P>,
    said: Rc<RefCell<Option<Attempt>>>,
) -> Event {
    // By the claim of the key alone two programs could pay: who has the lock takes a claim for free
    // whose payment has no record.
    if !payments.holds_all(&locks) {
        return Event::LockLost;
    }
    payments.book.borrow_mut().wallet_opened(&attempt.id);
    let WalletCall { callback, argument } = request.call();
    let has_said = RefCell::new(None);
    let on_sent = |value: Json| {
        let sent = payments.wallet_sent(&attempt, value, &locks);
        has_said.replace(Some(sent.transaction.clone()));
        said.replace(Some(sent));
    };
    let answer = payments.platform.ask_wallet(&attempt.id, callback, argument, &on_sent).await;
    payments.book.borrow_mut().wallet_closed(&attempt.id);
    // Another program may have forgotten the payment before it was signed.
    if answer.is_ok() && attempt.is_signed() && !payments.holds_all(&locks) {
        return Event::LockLost;
    }
    Event::WalletAnswered(match has_said.take() {
        Some(hash) => wallet::after_sending(answer, hash.as_deref()),
        None => answer,
    })
}

impl<P: Platform + 'static> Payments<P> {
    /// Whether none of these locks was lost.
    pub(super) fn holds_all(&self, locks: &Locks<P>) -> bool {
        locks.borrow().iter().all(|lock| self.platform.holds(lock))
    }

    /// A wallet has said which transaction it has sent, and now waits until that is mined, which
    /// may take longer than this program lasts: the record has it from now on. Returns the attempt
    /// with what is known now.
    fn wallet_sent(self: &Rc<Self>, attempt: &Attempt, value: Json, locks: &Locks<P>) -> Attempt {
        let sent = record::with_transaction(attempt.clone(), wallet::stray_hash(&value));
        let is_hash = !sent.proof.is_empty();
        if !is_hash {
            let words = "the wallet has called onSent without a transaction hash (0x and 64 hexadecimal digits): what it has sent is \
                         not known";
            self.platform.log(LogLevel::Warn, words);
        }
        let sent = Attempt { state: if is_hash { PaymentState::Proven } else { PaymentState::Unknown }, ..sent };
        let (payments, written) = (self.clone(), sent.clone());
        // While the locks are held, nobody else writes the record.
        if !locks.borrow().is_empty() {
            // Before all that is written later: the place in the order is taken now.
            let ticket = self.writes.join(&sent.id);
            self.platform.spawn(async move {
                ticket.ready().await;
                let _ = payments.set(&record::key(&written.id), &record::to_json(&written)).await;
            });
        } else {
            self.platform.spawn(async move { drop(payments.keep_answer(&written.id, Ok(value)).await) });
        }
        sent
    }

    /// Writes down what the wallet has returned, or thrown, for the attempt with this id, and logs
    /// a line.
    pub(crate) async fn wallet_answered(self: &Rc<Self>, id: &str, answer: Result<Json, Json>) {
        let words = match self.keep_answer(id, answer).await {
            None => return,
            Some(Ok(())) => {
                "the wallet has answered after its call had ended, or after an internal error; pendingPayments() knows what is open"
            }
            Some(Err(_)) => {
                "the wallet has answered after its call had ended, or after an internal error, and no payment is open that could \
                 keep it, or the store has failed: look in the wallet whether money has moved"
            }
        };
        self.platform.log(LogLevel::Warn, words);
    }

    /// Writes it down where that changes anything.
    async fn keep_answer(self: &Rc<Self>, id: &str, answer: Result<Json, Json>) -> Option<Result<(), Json>> {
        // What is worth money is kept even where the lock cannot be had.
        let _lock = self.lock("resume", id, Deadline::NEVER).await;
        Some(match self.find_again(id).await {
            Found::Attempt(attempt) => match late_answer(*attempt, answer) {
                LateAnswer::Same => return None,
                LateAnswer::Kept(attempt) => self.write(*attempt).await,
                LateAnswer::Over(attempt) => match self.forget(id, None).await {
                    Ok(()) => self.give_back(&attempt).await,
                    failed => failed,
                },
            },
            Found::Missing | Found::Unreadable | Found::Withheld(_) => Err(Json::object()),
        })
    }
}

/// Takes the payment's lock and reads its record. What is worth money is kept even where the lock
/// cannot be had.
pub(super) async fn reread<P: Platform + 'static>(payments: Rc<Payments<P>>, id: String, locks: Locks<P>) -> Event {
    if let Ok(lock) = payments.lock("resume", &id, Deadline::NEVER).await {
        locks.borrow_mut().push(lock);
    }
    // A transfer is worth money: it is written down at once, whatever the store says.
    let found = payments.find(&id, Deadline::NEVER).await;
    let is_closed = payments.book.borrow().is_closed(&id);
    Event::Reread { found: Box::new(found), is_closed }
}
