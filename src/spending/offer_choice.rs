//! Which offer of a 402 is paid. Of the offers that keep every rule it is the cheapest, USDC before
//! other tokens; at the same price the one on the network that the caller prefers.

use std::rc::Rc;

use super::budget::{Budget, Reserved};
use super::ledger::{Reservation, SpendLedger};
use super::offer_rules::{Circumstances, Payable, PaymentMethod, Rank, Refusal, Rule};
use super::policy::SpendPolicy;
use crate::api::error::{ErrorCode, Result};
use crate::x402::{self, Offer, PaymentRequired, refused};

/// What will be paid, how, and the money that is set aside for it.
#[derive(Debug)]
pub struct Chosen {
    /// What will be paid.
    pub offer: Offer,
    /// How.
    pub method: PaymentMethod,
    /// The money.
    pub reservation: Reservation,
}

/// What the rules say of the offers of a 402.
#[derive(Debug)]
pub struct Judgement {
    /// All offers, in the order of the 402.
    pub offers: Vec<Judged>,
    /// The one that is paid; the error says which rule each offer breaks.
    pub choice: Result<Choice>,
}

/// The offer that is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Its place among the offers of the 402.
    pub at: usize,
    /// How it is paid.
    pub method: PaymentMethod,
}

/// One offer, and how it would be paid or why it would not.
#[derive(Debug)]
pub struct Judged {
    /// The offer.
    pub offer: Offer,
    /// How it would be paid; the error says why it would not.
    pub verdict: Result<PaymentMethod, String>,
}

impl SpendPolicy {
    /// Chooses among the offers and reserves the money, both at once: calls of a client that run at
    /// the same time cannot overspend. The error says which rule each offer breaks.
    pub fn choose(
        &self,
        required: PaymentRequired,
        circumstances: Circumstances<'_>,
        ledger: &Rc<SpendLedger>,
    ) -> Result<Chosen> {
        let Judgement { mut offers, choice } = self.judge_all(required, circumstances, &ledger.budget());
        let Choice { at, method } = choice?;
        let offer = offers.swap_remove(at).offer;
        let reservation = ledger.reserve(Reserved { limit: offer.token.limit, units: offer.amount.units });
        Ok(Chosen { offer, method, reservation })
    }

    /// All offers, each with how it would be paid or why not; and which one is paid.
    pub fn judge_all(&self, required: PaymentRequired, circumstances: Circumstances<'_>, budget: &Budget) -> Judgement {
        let mut offers = Vec::new();
        if let Err(error) = self.check_connection(circumstances.asked.url) {
            for offer in required.offers {
                offers.push(Judged { offer, verdict: Err(error.message.clone()) });
            }
            return Judgement { offers, choice: Err(error) };
        }
        let mut best: Option<(Rank, Choice)> = None;
        let mut reasons = Vec::new();
        let mut nearest: Option<Rule> = None;
        for offer in required.offers {
            let verdict = match self.judge(&offer, circumstances, budget) {
                Ok(Payable { rank, method }) => {
                    // Of equal offers the first.
                    if best.is_none_or(|(least, _)| rank < least) {
                        best = Some((rank, Choice { at: offers.len(), method }));
                    }
                    Ok(method)
                }
                Err(Refusal { rule, reason }) => {
                    reasons.push(format!("{}: {reason}", offer.summary()));
                    nearest = nearest.max(Some(rule));
                    Err(reason)
                }
            };
            offers.push(Judged { offer, verdict });
        }
        let choice = best.map(|(_, choice)| choice).ok_or_else(|| {
            reasons.extend(required.skipped);
            let code = nearest.map_or(ErrorCode::PaymentRequirementsInvalid, Rule::code);
            refused(code, &format!("no offer may be paid: {}", x402::reasons(&reasons)))
        });
        Judgement { offers, choice }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
