//! Which offer may be paid, and up to what price.

use crate::error::{Error, ErrorCode, Result};
use crate::text::{concat, join};
use crate::x402::networks::{NETWORKS, Network, USDC_DECIMALS};
use crate::x402::{PaymentRequired, Quote, amount};

/// What the caller allows.
#[derive(Debug, Clone, PartialEq)]
pub struct SpendPolicy {
    /// The most that one payment may cost, in atomic units of USDC.
    pub max_per_payment: u64,
    /// The networks that may be paid on, the preferred one first.
    pub networks: Vec<&'static Network>,
}

impl Default for SpendPolicy {
    /// 0.10 USDC a payment; Base before Polygon.
    fn default() -> Self {
        Self { max_per_payment: 100_000, networks: NETWORKS.to_vec() }
    }
}

impl SpendPolicy {
    /// Chooses among the offers: of those on an allowed network the cheapest, at the same price the network that the caller
    /// prefers. Refuses when none is left or the price is above the limit.
    pub fn select<J>(&self, required: PaymentRequired) -> Result<Quote, J> {
        let offered = join(required.offers.iter().map(|quote| quote.network), ", ");
        let rank = |quote: &Quote| self.networks.iter().position(|network| network.name == quote.network);
        let cheapest = required
            .offers
            .into_iter()
            .filter_map(|quote| Some((quote.atomic, rank(&quote)?, quote)))
            .min_by_key(|(atomic, rank, _)| (*atomic, *rank));
        let Some((_, _, quote)) = cheapest else {
            let allowed = join(self.networks.iter().map(|network| network.name), ", ");
            return Err(Error::new(
                ErrorCode::PaymentNetworkNotAllowed,
                concat(&[
                    "the server can be paid on ",
                    &offered,
                    ", and spend.networks allows ",
                    &allowed,
                    "; the wallet was not asked",
                ]),
            ));
        };
        if quote.atomic > self.max_per_payment {
            return Err(Error::new(
                ErrorCode::PaymentOverLimit,
                concat(&[
                    "the server asks for ",
                    &quote.amount,
                    " USDC, and spend.maxPerPayment allows ",
                    &amount::to_decimal(self.max_per_payment, USDC_DECIMALS),
                    " USDC; raise it if the price is right. The wallet was not asked",
                ]),
            ));
        }
        Ok(quote)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::http::{Body, HttpResponse};
    use crate::x402::{self, networks};
    use serde_json::{Value, json};

    fn required(offers: &[(&str, &str)]) -> PaymentRequired {
        let payment: Vec<Value> = offers
            .iter()
            .map(|(network, amount)| json!({"network": network, "recipient": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "amount": amount}))
            .collect();
        x402::read(&HttpResponse { status: 402, headers: vec![], body: Body::Json(json!({"payment": payment})) }).unwrap()
    }
    fn chosen(policy: &SpendPolicy, offers: &[(&str, &str)]) -> Result<&'static str, Value> {
        policy.select(required(offers)).map(|quote| quote.network)
    }

    #[test]
    fn cheapest_then_preferred() {
        let ours = SpendPolicy::default();
        let theirs = SpendPolicy { networks: vec![&networks::POLYGON, &networks::BASE], ..SpendPolicy::default() };
        let same = [("base", "0.02"), ("polygon", "0.02")];
        assert_eq!(chosen(&ours, &same).unwrap(), "base");
        assert_eq!(chosen(&theirs, &same).unwrap(), "polygon");
        assert_eq!(chosen(&theirs, &[("polygon", "0.03"), ("base", "0.02")]).unwrap(), "base");
    }

    #[test]
    fn networks_that_are_not_allowed_are_never_paid_on() {
        let policy = SpendPolicy { networks: vec![&networks::POLYGON], ..SpendPolicy::default() };
        assert_eq!(chosen(&policy, &[("base", "0.02"), ("polygon", "0.05")]).unwrap(), "polygon");
        let error = chosen(&policy, &[("base", "0.02")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentNetworkNotAllowed);
        assert!(error.message.contains("base") && error.message.contains("polygon"));
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_unit_more_is_not() {
        let policy = SpendPolicy::default();
        assert!(chosen(&policy, &[("base", "0.10")]).is_ok());
        let error = chosen(&policy, &[("base", "0.100001")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PaymentOverLimit);
        assert!(error.message.contains("0.100001 USDC") && error.message.contains("0.1 USDC"), "{}", error.message);
    }
}
