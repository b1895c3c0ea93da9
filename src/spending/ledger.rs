//! The budget as all calls of a client share it. The creator of the client is notified of each new
//! sum.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::budget::{Budget, Reserved};

/// What is spent of each limit, shared by all calls of a client.
pub struct SpendLedger {
    budget: RefCell<Budget>,
    on_change: Box<dyn Fn(usize, u128)>,
}

impl core::fmt::Debug for SpendLedger {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_tuple("SpendLedger").field(&self.budget).finish()
    }
}

impl SpendLedger {
    /// A ledger that begins with these sums, one for each limit. `on_change` gets each new sum with
    /// its limit.
    pub fn new(spent: Vec<u128>, on_change: Box<dyn Fn(usize, u128)>) -> Rc<Self> {
        Rc::new(Self { budget: RefCell::new(Budget::new(spent)), on_change })
    }

    /// What is spent of this limit, in atomic units, with what is set aside.
    pub fn spent(&self, limit: usize) -> u128 {
        self.budget.borrow().spent(limit)
    }

    /// The sums as they are now.
    pub fn budget(&self) -> Budget {
        self.budget.borrow().clone()
    }

    /// Sets money aside until the reservation is dropped, whatever the limit says.
    pub fn reserve(self: &Rc<Self>, payment: Reserved) -> Reservation {
        self.change(payment.limit, |budget| budget.reserve(payment));
        Reservation { ledger: Rc::clone(self), payment, kept: Cell::new(false) }
    }

    fn change(&self, limit: usize, change: impl FnOnce(&mut Budget)) {
        change(&mut self.budget.borrow_mut());
        (self.on_change)(limit, self.spent(limit));
    }
}

/// Money that is set aside for one payment. Dropping it releases the money, unless it is kept.
#[derive(Debug)]
pub struct Reservation {
    ledger: Rc<SpendLedger>,
    payment: Reserved,
    /// Whether the money may have moved.
    pub kept: Cell<bool>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.kept.get() {
            self.ledger.change(self.payment.limit, |budget| budget.release(self.payment));
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_released_when_it_is_dropped_unless_it_is_kept() {
        let notified = Rc::new(RefCell::new(Vec::new()));
        let sums = Rc::clone(&notified);
        let ledger = SpendLedger::new(vec![1, 2], Box::new(move |limit, units| sums.borrow_mut().push((limit, units))));
        let payment = Reserved { limit: 1, units: 10 };
        let released = ledger.reserve(payment);
        let kept = ledger.reserve(payment);
        kept.kept.set(true);
        drop((released, kept));
        assert_eq!((ledger.spent(0), ledger.spent(1)), (1, 12));
        assert_eq!(*notified.borrow(), [(1, 12), (1, 22), (1, 12)]);
        assert_eq!(format!("{ledger:?}"), "SpendLedger(RefCell { value: Budget { spent: [1, 12] } })");
    }
}
