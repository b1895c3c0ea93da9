//! How much of each limit is spent. What is set aside for a payment under way counts as spent.

/// The sums of what is spent, one for each limit of the policy, in atomic units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    spent: Vec<u128>,
}

/// Money that is set aside: which limit it counts for, and how much it is in atomic units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The limit that it counts for.
    pub limit: usize,
    /// How much it is, in atomic units.
    pub units: u128,
}

impl Budget {
    /// A budget of which so much is spent already.
    pub fn new(spent: Vec<u128>) -> Self {
        Self { spent }
    }

    /// How much of this limit is spent, in atomic units.
    pub fn spent(&self, limit: usize) -> u128 {
        self.spent.get(limit).copied().unwrap_or(0)
    }

    /// Whether a payment keeps the sum at or below `most`.
    pub fn allows(&self, payment: Reserved, most: u128) -> bool {
        self.spent(payment.limit).saturating_add(payment.units) <= most
    }

    /// Sets money aside, whatever the limit says.
    pub fn reserve(&mut self, payment: Reserved) {
        if let Some(spent) = self.spent.get_mut(payment.limit) {
            *spent = spent.saturating_add(payment.units);
        }
    }

    /// Releases what was set aside for a payment that certainly moves no money.
    pub fn release(&mut self, payment: Reserved) {
        if let Some(spent) = self.spent.get_mut(payment.limit) {
            *spent = spent.saturating_sub(payment.units);
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_counts_until_it_is_released() {
        let mut budget = Budget::new(vec![0, 7]);
        let payment = Reserved { limit: 0, units: 30 };
        assert!(budget.allows(payment, 30) && !budget.allows(payment, 29));
        budget.reserve(payment);
        assert!(!budget.allows(payment, 59) && budget.allows(payment, 60));
        assert_eq!((budget.spent(0), budget.spent(1)), (30, 7));
        budget.release(payment);
        assert_eq!(budget, Budget::new(vec![0, 7]));
    }

    #[test]
    fn sums_neither_overflow_nor_fall_below_zero_and_other_limits_have_none() {
        let mut budget = Budget::new(vec![u128::MAX - 1]);
        let payment = Reserved { limit: 0, units: 5 };
        assert!(!budget.allows(payment, u128::MAX - 1) && budget.allows(payment, u128::MAX));
        budget.reserve(payment);
        assert_eq!(budget.spent(0), u128::MAX);
        budget.release(Reserved { limit: 0, units: u128::MAX });
        budget.release(payment);
        assert_eq!(budget.spent(0), 0);
        budget.reserve(Reserved { limit: 1, units: 5 });
        assert_eq!((budget.spent(1), budget.spent(0)), (0, 0));
    }
}
