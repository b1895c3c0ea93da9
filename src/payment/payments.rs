//! The payments of one client: what all of them share.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::book::{Book, StoredPayments};
use super::keys::OldKeys;
use super::step::Moment;
use super::store_failed;
use super::subscription::Queues;
use crate::api::error::{Error, ErrorCode, Result};
use crate::http::run::Http;
use crate::platform::{Platform, within};
use crate::spending::ledger::SpendLedger;
use crate::spending::policy::SpendPolicy;
use crate::time::{Deadline, Millis, WallTime};

/// What a client's payments need.
#[derive(Debug, Clone)]
pub struct PaymentConfig {
    /// What may be paid.
    pub spend: SpendPolicy,
    /// The longest time for the wallet, and for `confirm`.
    pub wallet_timeout: Millis,
    /// How long payments are kept after their answers.
    pub keep: Millis,
}

/// The payments of one client.
#[derive(Debug)]
pub struct Payments<P: Platform> {
    pub(super) platform: Rc<P>,
    pub(super) http: Rc<Http<P>>,
    pub(super) config: PaymentConfig,
    pub(super) ledger: Rc<SpendLedger>,
    pub(super) book: RefCell<Book>,
    /// Writes to the store wait here for those before them.
    pub(super) writes: Queues,
    pub(super) old_keys: RefCell<OldKeys>,
    /// Whether the server wants the question as `prompt`.
    pub(super) wants_prompt: Cell<bool>,
    /// When this client last checked whether payments of the history are over.
    pub(super) tidied_at: Cell<WallTime>,
    pub(super) stored_payments: RefCell<StoredPayments>,
}

impl<P: Platform + 'static> Payments<P> {
    /// The payments of a client with this ledger.
    pub fn new(platform: Rc<P>, http: Rc<Http<P>>, config: PaymentConfig, ledger: Rc<SpendLedger>) -> Rc<Self> {
        Rc::new(Self {
            platform,
            http,
            config,
            ledger,
            book: RefCell::default(),
            writes: Queues::default(),
            old_keys: RefCell::default(),
            wants_prompt: Cell::new(false),
            tidied_at: Cell::default(),
            stored_payments: RefCell::default(),
        })
    }

    /// What this client has spent.
    pub(crate) fn ledger(&self) -> Rc<SpendLedger> {
        self.ledger.clone()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: self.platform.now(), wall: self.platform.wall_time() }
    }

    pub(super) fn deadline(&self, limit: Option<Millis>) -> Deadline {
        Deadline::after(self.platform.now(), limit)
    }

    /// Waits until no other call does this, in this program or in another one; not longer than
    /// until `end`.
    pub(super) async fn lock(&self, what: &str, name: &str, end: Deadline) -> Result<P::Lock> {
        let name = format!("eliza-jobs/{what}/{name}");
        let limit = end.left(self.platform.now()).max(Millis::ZERO);
        match within(self.platform.lock(&name), self.platform.sleep(limit)).await {
            Some(lock) => lock.map_err(|thrown| store_failed(thrown, "; nothing was sent")),
            None => {
                let why = "another call, here or in another tab, is still at the same job, or the store has not answered it; nothing was sent";
                Err(Error::new(ErrorCode::RequestTimeout, why))
            }
        }
    }
}
