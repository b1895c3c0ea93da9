//! What the caller allows: networks, tokens, recipients, and how much may be spent of each token.
//! What that means for an offer is in [`offer_rules`](super::offer_rules).

use std::rc::Rc;

use super::budget::{Caps, Reserved};
use super::ledger::{Reservation, SpendLedger};
use crate::x402::amount::{Amount, to_decimal};
use crate::x402::tokens::{MAINNETS, Token, USDC_DECIMALS, usdc};

/// The most that one payment may cost when the caller says nothing: 0.10 USDC, in atomic units.
const USUAL_MAX_PER_PAYMENT: u128 = 100_000;
/// How much of a token may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The token's symbol.
    pub symbol: String,
    /// How many decimals it has.
    pub decimals: u8,
    /// The most that one payment may cost, in atomic units.
    pub max_per_payment: u128,
    /// The most that all payments of the scope together may cost, in atomic units.
    pub budget: u128,
    /// The most that they may cost in one day (UTC), in atomic units.
    pub per_day: u128,
    /// The most that they may cost in one hour (UTC), in atomic units.
    pub per_hour: u128,
    /// Whose payments count: those of all clients of the store with the same scope.
    pub scope: String,
}

impl Limit {
    /// What one payment may cost at most, with no other limit.
    pub fn new(symbol: &str, decimals: u8, max_per_payment: u128) -> Self {
        let (budget, per_day, per_hour) = (u128::MAX, u128::MAX, u128::MAX);
        Self { symbol: symbol.to_owned(), decimals, max_per_payment, budget, per_day, per_hour, scope: String::new() }
    }

    /// The limits of the budget.
    pub fn caps(&self) -> Caps {
        Caps { per_hour: self.per_hour, per_day: self.per_day, total: self.budget }
    }

    /// Atomic units as a decimal number of tokens: `0.02`.
    pub fn decimal(&self, units: u128) -> String {
        to_decimal(units, self.decimals)
    }

    /// Atomic units for people: `0.02 USDC`.
    pub(super) fn shown(&self, units: u128) -> String {
        format!("{} {}", self.decimal(units), self.symbol)
    }

    /// Why nothing more may be spent when so much is.
    pub(super) fn over_budget(&self, spent: u128) -> String {
        format!("spend.budget allows {}, of which {} are spent", self.shown(self.budget), self.shown(spent))
    }
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPolicy {
    /// The networks that may be paid on, the preferred one first.
    pub networks: Vec<String>,
    /// The tokens that may be paid with; each names its limit.
    pub tokens: Vec<Rc<Token>>,
    /// The limits: USDC's, whatever the network, then those of the caller's own tokens. The order
    /// is the order of preference.
    pub limits: Vec<Limit>,
    /// Who may be paid: addresses. Empty for anybody.
    pub recipients: Vec<String>,
    /// What else may be paid for than the request's own address: URLs.
    pub resources: Vec<String>,
}

impl Default for SpendPolicy {
    /// 0.10 USDC a payment without a budget; Base before Polygon.
    fn default() -> Self {
        Self {
            networks: MAINNETS.map(str::to_owned).into(),
            tokens: usdc(),
            limits: vec![Limit::new("USDC", USDC_DECIMALS, USUAL_MAX_PER_PAYMENT)],
            recipients: Vec::new(),
            resources: Vec::new(),
        }
    }
}

/// What becomes of a payment that was begun before when it is above the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBudget {
    /// It is refused: it can still be left undone.
    Refuse,
    /// It is reserved all the same: its money may have moved.
    Reserve,
}

impl SpendPolicy {
    /// Reserves the money of a payment that was begun before this client's ledger, or whose money
    /// was released. `None` when no limit is about its token. The error says why it is refused.
    pub fn reserve(
        &self,
        symbol: &str,
        atomic: &str,
        over: OverBudget,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Option<Reservation>, String> {
        let mut limits = self.limits.iter().enumerate();
        let Some((at, limit)) = limits.find(|(_, limit)| limit.symbol == symbol) else { return Ok(None) };
        let Some(amount) = Amount::from_atomic(atomic) else { return Ok(None) };
        let payment = Reserved { limit: at, units: amount.units };
        let budget = ledger.budget();
        if over == OverBudget::Refuse && !budget.allows(payment, limit.budget) {
            return Err(limit.over_budget(budget.spent(at)));
        }
        Ok(Some(ledger.reserve(payment)))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn a_payment_of_before_counts_above_the_budget_unless_it_can_be_left_undone() {
        let mut policy = SpendPolicy::default();
        policy.limits[0].budget = 30_000;
        let ledger = SpendLedger::new(vec![0], Box::new(|_, _| ()));
        let reserve = |symbol: &str, atomic: &str, over| policy.reserve(symbol, atomic, over, &ledger);
        let first = reserve("USDC", "20000", OverBudget::Refuse).unwrap();
        assert_eq!(ledger.spent(0), 20_000);
        let why = reserve("USDC", "20000", OverBudget::Refuse).unwrap_err();
        assert_eq!(why, "spend.budget allows 0.03 USDC, of which 0.02 USDC are spent");
        let second = reserve("USDC", "20000", OverBudget::Reserve).unwrap().unwrap();
        second.kept.set(true);
        drop((first, second));
        assert_eq!(ledger.spent(0), 20_000);
        for (symbol, atomic) in [("EURC", "20000"), ("USDC", "0"), ("USDC", "soon")] {
            assert!(reserve(symbol, atomic, OverBudget::Refuse).unwrap().is_none(), "{symbol} {atomic}");
        }
    }
}
