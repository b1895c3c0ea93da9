//! Budgets in the store: one record of [`Counters`] for each scope and token, changed under a lock
//! of its own.
//!
//! A payment costs one change: its money is set aside after its record was written, and before the
//! wallet is asked. What becomes of the money after that is in the payment's own record, from which
//! the next payments resolve what is set aside, a few at a time. So nothing has to be given back
//! after a crash, and what a payment costs does not depend on how many there are.

use std::rc::Rc;

use super::funds_moved::{FundsMoved, fate, funds_moved};
use super::keys;
use super::machine::COUNTING;
use super::payments::Payments;
use super::record::{self, Found};
use super::step::{ReserveOutcome, StoredRecord};
use super::store::{Stored, not_kept};
use super::store_failed;
use crate::api::error::Result;
use crate::api::payments::Attempt;
use crate::json::{Json, Kind};
use crate::platform::{Platform, within};
use crate::spending::budget::{Counters, Fate, Open};
use crate::spending::offer_rules::{StoredCounters, fits};
use crate::spending::policy::{Limit, OverBudget};
use crate::time::{Deadline, Millis, WallTime};
use crate::x402::amount::Amount;

/// What every counters record's key begins with.
const PREFIX: &str = "eliza-jobs/budget/";
/// How many payments whose money is set aside a change looks at.
const RESOLVED: usize = 4;

/// What the counters of a limit have of a payment.
pub(super) struct Counted {
    /// Which of the client's limits it is.
    limit: usize,
    open: Open,
}

/// What is done with the counters of a limit.
pub(super) enum Change {
    /// None: they are made from the records, where there are none.
    None,
    /// Money is set aside.
    Reserve(Open, OverBudget),
    /// Money that is set aside is spent or given back, for certain.
    Resolve(String, Fate),
    /// The payment never moves money: its record is deleted, and its money is given back, whether
    /// it is reserved or was taken for spent because it might have moved.
    Refund(Open),
}

impl Change {
    pub(super) fn spend(open: Open) -> Self {
        Change::Resolve(open.id, Fate::Spent(open.at))
    }

    fn give_back(open: Open) -> Self {
        Change::Resolve(open.id, Fate::Unmoved)
    }
}

impl Limit {
    /// The name of the counters of this limit: of their record, and of their lock.
    fn counters_name(&self) -> String {
        keys::name(&self.scope, &format!("{} {}", self.symbol, self.decimals))
    }

    /// How much a payment takes of this limit, in atomic units; `None` when it belongs to another
    /// one.
    fn units_of(&self, attempt: &Attempt) -> Option<u128> {
        let price = attempt.price.as_ref()?;
        let is_its = attempt.scope == self.scope && price.currency == self.symbol && price.decimals == self.decimals;
        if is_its { Some(Amount::from_atomic(&price.amount_atomic)?.units) } else { None }
    }
}

impl<P: Platform + 'static> Payments<P> {
    /// The counters of each limit that has a budget. While other programs pay they may be old in a
    /// moment: [`Payments::reserve`] decides.
    pub(super) async fn stored_counters(self: &Rc<Self>, end: Deadline) -> Result<StoredCounters> {
        let mut counters = Vec::new();
        for (at, limit) in self.config.spend.limits.iter().enumerate() {
            counters.push(if limit.caps().is_limited() { Some(self.current_counters(at, limit, end).await?) } else { None });
        }
        Ok(StoredCounters { counters, read_at: self.platform.wall_time() })
    }

    /// The counters of a limit. Where they leave no room, what became of all that is set aside is
    /// looked up first.
    pub(super) async fn current_counters(self: &Rc<Self>, at: usize, limit: &Limit, end: Deadline) -> Result<Counters> {
        let failed = |thrown| store_failed(thrown, "; nothing was paid");
        let key = format!("{PREFIX}{}", limit.counters_name());
        let read = async || self.read(&key, end).await.map_err(failed);
        let mut counters = Counters::read(&read().await?);
        if counters.is_none() {
            self.change_in_order(&key, at, Change::None, end).await.map_err(failed)?;
            counters = Counters::read(&read().await?);
        }
        let mut counters = counters.ok_or_else(|| failed(not_kept()))?;
        if counters.refuses(limit.max_per_payment, limit.caps(), self.platform.wall_time()).is_some() {
            self.resolve_all(&mut counters, end).await.map_err(failed)?;
        }
        Ok(counters)
    }

    /// Sets a payment's money aside, in memory and in the store. One that can still be left unpaid
    /// only within the budget.
    pub(super) async fn reserve(
        self: Rc<Self>,
        attempt: Attempt,
        over: OverBudget,
        record: StoredRecord,
        end: Deadline,
    ) -> ReserveOutcome {
        if let Err(why) = self.reserve_in_memory(&attempt, over) {
            return ReserveOutcome::OverBudget(why);
        }
        match self.reserve_in_store(&attempt, over, record, end).await {
            // What may have moved is sent, whatever the store says.
            ReserveOutcome::Failed(_) if over == OverBudget::Reserve => ReserveOutcome::Done,
            reserving => reserving,
        }
    }

    /// In memory, where only a payment that is resumed has no reservation yet.
    fn reserve_in_memory(&self, attempt: &Attempt, over: OverBudget) -> Result<(), String> {
        let Some(price) = attempt.price.as_ref().filter(|_| !self.book.borrow().has_reservation(&attempt.id)) else {
            return Ok(());
        };
        let money = self.config.spend.reserve(&price.currency, &price.amount_atomic, over, &self.ledger)?;
        if let Some(money) = money {
            self.book.borrow_mut().reserve(&attempt.id, money);
        }
        Ok(())
    }

    async fn reserve_in_store(
        self: &Rc<Self>,
        attempt: &Attempt,
        over: OverBudget,
        record: StoredRecord,
        end: Deadline,
    ) -> ReserveOutcome {
        // A record that says that money may have moved is in the counters: since it was written, or
        // since they were made from the records.
        if over == OverBudget::Reserve && record == StoredRecord::Written {
            return ReserveOutcome::Done;
        }
        let Some(Counted { limit: at, open }) = self.counted(attempt) else { return ReserveOutcome::Done };
        if record == StoredRecord::Missing
            && let Err(thrown) = self.write(attempt.clone()).await
        {
            return ReserveOutcome::Failed(thrown);
        }
        match self.has_counters(at, end).await {
            Ok(true) => {}
            Ok(false) => return ReserveOutcome::Done,
            Err(thrown) => return ReserveOutcome::Failed(thrown),
        }
        match self.change(at, Change::Reserve(open, over), end).await {
            Ok(None) => ReserveOutcome::Done,
            Ok(Some(why)) => ReserveOutcome::OverBudget(why),
            Err(thrown) => ReserveOutcome::Failed(thrown),
        }
    }

    /// How a payment is counted; `None` when no limit is about its token.
    pub(super) fn counted(&self, attempt: &Attempt) -> Option<Counted> {
        let mut limits = self.config.spend.limits.iter().enumerate();
        let (limit, units) = limits.find_map(|(at, limit)| Some((at, limit.units_of(attempt)?)))?;
        Some(Counted { limit, open: Open { id: attempt.id.clone(), units, at: attempt.begun_at } })
    }

    /// Whether the store has counters for this limit: here, or by another client that has a budget.
    async fn has_counters(&self, at: usize, end: Deadline) -> Result<bool, Json> {
        let Some(limit) = self.config.spend.limits.get(at) else { return Ok(false) };
        if limit.caps().is_limited() {
            return Ok(true);
        }
        let key = format!("{PREFIX}{}", limit.counters_name());
        let there = self.read(&key, end).await?;
        Ok(!matches!(there.kind(), Kind::Undefined | Kind::Null))
    }

    /// Gives back the money of a payment, if its record is gone, or says that certainly nothing has
    /// moved. All that was written of it has ended.
    pub(super) async fn give_back(self: &Rc<Self>, attempt: &Attempt) -> Result<(), Json> {
        let is_certain = match self.peek_anywhere(&attempt.id, attempt.begun_at, Deadline::NEVER).await {
            Found::Missing => true,
            Found::Attempt(attempt) => funds_moved(&attempt) == FundsMoved::No,
            Found::Unreadable | Found::Withheld(_) => false,
        };
        let counted = self.counted(attempt).filter(|_| is_certain);
        self.change_counted(counted, Change::give_back).await
    }

    /// The same as `forget`, of a payment whose money is given back though it was taken for spent.
    pub(super) async fn refund(self: &Rc<Self>, attempt: &Attempt, key: Option<String>) -> Result<(), Json> {
        let (payments, owner, counted) = (self.clone(), attempt.id.clone(), self.counted(attempt));
        let work = async move {
            payments.change_counted(counted, Change::Refund).await?;
            payments.delete_with_claim(&owner, key).await?;
            Ok(Stored::Done)
        };
        self.in_order(&attempt.id, Box::pin(work)).await.map(drop)
    }

    /// Changes the counters that have a payment, if there are any.
    pub(super) async fn change_counted(&self, counted: Option<Counted>, change: fn(Open) -> Change) -> Result<(), Json> {
        if let Some(Counted { limit, open }) = counted
            && self.has_counters(limit, Deadline::NEVER).await?
        {
            self.change(limit, change(open), Deadline::NEVER).await?;
        }
        Ok(())
    }

    /// The same change in a task of its own: who waits for it may leave.
    async fn change_in_order(self: &Rc<Self>, key: &str, at: usize, change: Change, end: Deadline) -> Result<(), Json> {
        let (payments, limit) = (self.clone(), COUNTING.min(end.left(self.platform.now()).max(Millis::ZERO)));
        // Nothing goes on for longer in a store that does not answer.
        let turn = self.deadline(Some(COUNTING));
        let work = async move {
            payments.change(at, change, turn).await?;
            Ok(Stored::Done)
        };
        let done = within(self.in_order(key, Box::pin(work)), self.platform.sleep(limit)).await.map(|done| done.map(drop));
        done.unwrap_or_else(|| Err(Json::text("the time limit was over before all payments were counted again")))
    }

    /// Changes the counters of a limit. It must run to its end: a write that lands when the lock is
    /// somebody else's undoes theirs. Returns why the payment is over the budget.
    async fn change(&self, at: usize, change: Change, end: Deadline) -> Result<Option<String>, Json> {
        let Some(limit) = self.config.spend.limits.get(at) else { return Ok(None) };
        let name = limit.counters_name();
        let key = format!("{PREFIX}{name}");
        let lock = self.lock("budget", &name, end).await.map_err(|error| Json::text(&error.message))?;
        let value = self.read(&key, Deadline::NEVER).await?;
        let mut counters = match Counters::read(&value) {
            Some(counters) => counters,
            None => self.counters_from_records(limit, &key).await?,
        };
        let lost = || Err(Json::text("a lock was lost: the program was suspended for too long"));
        let why = match change {
            Change::None => None,
            Change::Reserve(open, over) => self.reserve_where_it_fits(&mut counters, limit, open, over).await,
            Change::Refund(Open { id, units, at }) => {
                // Who counts all again meanwhile counts it as long as it has its record. Who finds
                // no record gives nothing back: another program has done that.
                match self.peek(&record::key(&id), Deadline::NEVER).await {
                    Found::Missing => return Ok(None),
                    Found::Withheld(thrown) => return Err(thrown),
                    _ if !self.platform.holds(&lock) => return lost(),
                    _ => self.delete(&record::key(&id)).await?,
                }
                counters.refund(&id, units, at);
                None
            }
            Change::Resolve(id, _) if !counters.has(&id) => return Ok(None),
            Change::Resolve(id, fate) => {
                counters.resolve(&id, fate);
                None
            }
        };
        if !self.platform.holds(&lock) {
            return lost();
        }
        self.set(&key, &counters.to_json()).await?;
        if !self.platform.holds(&lock) {
            // Another program may have written in between: they are made again from the records.
            let _ = self.delete(&key).await;
            return lost();
        }
        Ok(why)
    }

    /// Sets money aside if it fits, when what was set aside before is resolved. What the counters
    /// have of this payment is no sign that it fits: they may have been made from the records just
    /// now.
    async fn reserve_where_it_fits(
        &self,
        counters: &mut Counters,
        limit: &Limit,
        open: Open,
        over: OverBudget,
    ) -> Option<String> {
        let from = self.random_below(counters.open().len());
        self.resolve(counters, from, RESOLVED).await;
        let now = self.platform.wall_time();
        let check = |counters: &Counters| {
            let more = if counters.has(&open.id) { 0 } else { open.units };
            fits(limit, counters, more, now)
        };
        if over == OverBudget::Refuse && check(counters).is_err() {
            self.resolve(counters, 0, usize::MAX).await;
            if let Err(why) = check(counters) {
                return Some(why);
            }
        }
        counters.reserve(open);
        None
    }

    /// Resolves some of what is set aside by the records of its payments.
    async fn resolve(&self, counters: &mut Counters, from: usize, most: usize) {
        let open = counters.open();
        let some: Vec<Open> = open.iter().cycle().skip(from).take(most.min(open.len())).cloned().collect();
        for open in some {
            let fate = self.fate_of(&open, Deadline::NEVER).await;
            counters.resolve(&open.id, fate);
        }
    }

    /// Resolves all that is set aside, in time.
    async fn resolve_all(&self, counters: &mut Counters, end: Deadline) -> Result<(), Json> {
        for (at, open) in counters.open().to_vec().iter().enumerate() {
            self.breathe(at, end).await?;
            let fate = self.fate_of(open, end).await;
            counters.resolve(&open.id, fate);
        }
        Ok(())
    }

    /// What became of a payment whose money is set aside.
    async fn fate_of(&self, open: &Open, end: Deadline) -> Fate {
        let found = self.peek_anywhere(&open.id, open.at, end).await;
        let now = self.platform.wall_time();
        match found {
            Found::Attempt(_) if self.book.borrow().is_asking(&open.id) => Fate::Open,
            Found::Attempt(attempt) => fate(&attempt, now),
            // Its record was there before its money was set aside, and was deleted: it was never
            // paid, unless it is older than the history.
            Found::Missing => match self.keeps_history_of(open.at, end).await {
                Some(true) => Fate::Unmoved,
                Some(false) => Fate::Spent(open.at),
                None => Fate::Open,
            },
            Found::Unreadable | Found::Withheld(_) => Fate::Open,
        }
    }

    /// Makes the counters of a limit from the records of all payments. The lock is held.
    async fn counters_from_records(&self, limit: &Limit, key: &str) -> Result<Counters, Json> {
        // From now on clients without a budget of their own keep the counters too.
        self.set(key, &Json::object().set("version", Json::number(0.0))).await?;
        let mut counters = Counters::new(self.platform.wall_time());
        let keys = self.payment_keys(Deadline::NEVER).await?;
        for (at, key) in keys.iter().enumerate() {
            self.breathe(at, Deadline::NEVER).await?;
            self.add_record(&mut counters, limit, key, &keys).await?;
        }
        Ok(counters)
    }

    /// Counts the payment of one of `all` keys, unless it has another key among them: then it is
    /// moving to the history, or the program has ended that moved it.
    async fn add_record(&self, counters: &mut Counters, limit: &Limit, key: &str, all: &[String]) -> Result<(), Json> {
        let now = self.platform.wall_time();
        match self.peek_listed(key, Deadline::NEVER).await {
            Found::Missing => {}
            Found::Withheld(thrown) => return Err(thrown),
            // Nobody knows how much it is: as much as is allowed.
            Found::Unreadable => {
                let open = Open { id: key.to_owned(), units: limit.max_per_payment, at: now };
                counters.add_earlier(open, Fate::Spent(now));
            }
            Found::Attempt(attempt) => {
                let Some(units) = limit.units_of(&attempt) else { return Ok(()) };
                let past = record::paid_key(&attempt.id, attempt.begun_at);
                let is_twice = key != past && all.contains(&past);
                if !is_twice {
                    let open = Open { id: attempt.id.clone(), units, at: attempt.begun_at };
                    counters.add_earlier(open, fate(&attempt, now));
                }
            }
        }
        Ok(())
    }

    /// What `spending()` returns of a token.
    pub(crate) async fn spending(self: &Rc<Self>, symbol: &str, end: Deadline) -> Result<Json> {
        let limits = &self.config.spend.limits;
        let found = limits.iter().enumerate().find(|(_, limit)| limit.symbol == symbol);
        let Some((at, limit)) = found else { return Ok(Json::object()) };
        let mut document = Json::object().set("currency", Json::text(symbol));
        if !limit.scope.is_empty() {
            document = document.set("scope", Json::text(&limit.scope));
        }
        if !limit.caps().is_limited() {
            return Ok(document);
        }
        let mut counters = self.current_counters(at, limit, end).await?;
        self.resolve_all(&mut counters, end).await.map_err(|thrown| store_failed(thrown, ""))?;
        let now: WallTime = self.platform.wall_time();
        for window in limit.caps().windows() {
            let text = |units: u128| Json::text(&limit.decimal(units));
            let entry = Json::object()
                .set("spent", text(counters.spent(window, now)))
                .set("reserved", text(counters.reserved()))
                .set("remaining", text(limit.caps().of(window).saturating_sub(counters.used(window, now))))
                .set("since", Json::number(counters.since(window, now).as_ms()));
            document = document.set(window.name(), entry);
        }
        Ok(document)
    }
}
