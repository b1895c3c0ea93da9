//! One offer of a 402, in the same shape whatever the dialect.

use std::rc::Rc;

use super::amount::Amount;
use super::tokens::Token;
use crate::api::payments::{Dialect, Price};
use crate::json::Json;

/// One offer: what the server wants for the job.
#[derive(Debug, Clone)]
pub struct Offer {
    /// How the server asks for payment.
    pub dialect: Dialect,
    /// The token, out of the client's own list.
    pub token: Rc<Token>,
    /// Who is to be paid.
    pub recipient: String,
    /// How much.
    pub amount: Amount,
    /// Why the client does not sign this itself: another scheme, or another way to move the token.
    /// Only a wallet that takes over the whole payment can serve it.
    pub foreign: Option<String>,
    /// What is paid for, as the server says.
    pub resource: Option<String>,
    /// How long the server waits for the payment, in seconds; at most 300. 0 where it does not say.
    pub timeout_s: u32,
    /// The entry as it came.
    pub entry: Json,
    /// The document that the entry came in.
    pub required: Json,
}

impl Offer {
    /// What is paid, and to whom.
    pub fn price(&self) -> Price {
        let token = &self.token;
        Price {
            dialect: self.dialect,
            network: token.network.clone(),
            chain_id: token.chain_id,
            asset: token.asset.clone(),
            recipient: self.recipient.clone(),
            amount: self.amount.decimal(token.decimals),
            amount_atomic: self.amount.digits.clone(),
            currency: token.symbol.clone(),
            decimals: token.decimals,
        }
    }

    /// The offer as the application and its wallet see it: a
    /// [`Quote`](crate::api::payments::Quote).
    pub fn document(&self) -> Json {
        let mut document = self.price().document();
        if let Some(resource) = &self.resource {
            document = document.set("resource", Json::text(resource));
        }
        if self.dialect == Dialect::Elizaos {
            return document;
        }
        // Copies: what an application does with them must not change what is sent.
        let copy = |document: &Json| Json::parse(&document.to_json()).unwrap_or_else(Json::object);
        document.set("paymentRequirements", copy(&self.entry)).set("paymentRequired", copy(&self.required))
    }

    /// The offer in a reason: `0.02 USDC on base`.
    pub fn summary(&self) -> String {
        let Token { symbol, network, decimals, .. } = &*self.token;
        format!("{} {symbol} on {network}", self.amount.decimal(*decimals))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::payments::{
        Attempt, AttemptJob, Certainty, JobSource, NamedBy, PaidBy, PaymentAttempt, PaymentState, Price, Quote,
        SettlementResponse,
    };
    use crate::json;
    use crate::platform::{Body, HttpResponse};
    use crate::x402::{read, tokens};
    use serde_json::Map;

    fn offers() -> Vec<Offer> {
        [include_str!("../../tests/fixtures/x402-v1-base.json"), include_str!("../../tests/fixtures/eliza-paywall.json")]
            .into_iter()
            .map(|recorded| {
                let body = serde_json::from_str::<Json>(recorded).unwrap()["body"].clone();
                let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(body.into()) };
                read(&response, &tokens::usdc()).unwrap().offers.remove(0)
            })
            .collect()
    }
    fn attempt(offer: &Offer) -> Attempt {
        Attempt {
            id: "id".into(),
            state: PaymentState::Intended,
            price: Some(offer.price()),
            transaction: None,
            paid_by: PaidBy::Transfer,
            certainty: Certainty::None,
            named_by: NamedBy::Wallet,
            proof: vec![],
            receipt: None,
            server: String::new(),
            request: String::new(),
            first_request: String::new(),
            job: None,
            created_at: crate::time::WallTime::from_ms(0.0),
            begun_at: crate::time::WallTime::from_ms(0.0),
            scope: String::new(),
            idempotency_key: String::new(),
            fingerprint: String::new(),
            answered: false,
        }
    }
    /// Through text: there 8453 and 8453.0 are the same number, as in JavaScript.
    fn same(document: Json, declared: serde_json::Value) {
        let numbers = |value: String| value.replace(".0,", ",").replace(".0}", "}");
        let read = |value| serde_json::from_str::<Map<String, serde_json::Value>>(&numbers(value)).unwrap();
        assert_eq!(read(document.to_string()), read(declared.to_string()));
    }

    #[test]
    fn what_applications_get_is_what_the_types_declare() {
        for offer in offers() {
            let token = &offer.token;
            let price = Price {
                dialect: offer.dialect,
                network: token.network.clone(),
                chain_id: token.chain_id,
                asset: token.asset.clone(),
                recipient: offer.recipient.clone(),
                amount: "0.02".into(),
                amount_atomic: "20000".into(),
                currency: "USDC".into(),
                decimals: 6,
            };
            let whole = |value: &Json| (offer.timeout_s > 0).then(|| value.as_object().unwrap().clone());
            let quote = Quote {
                price: price.clone(),
                resource: offer.resource.clone(),
                payment_requirements: whole(&offer.entry),
                payment_required: whole(&offer.required),
            };
            same(offer.document(), serde_json::to_value(&quote).unwrap());
            let mut attempt = attempt(&offer);
            let mut declared = PaymentAttempt {
                price,
                attempt_id: "id".into(),
                state: PaymentState::Intended,
                transaction: None,
                proof: None,
                receipt: None,
                job_id: None,
                on_chain: None,
            };
            for state in [
                PaymentState::Intended,
                PaymentState::Proven,
                PaymentState::Sent,
                PaymentState::Accepted,
                PaymentState::Refused,
                PaymentState::Unknown,
            ] {
                (attempt.state, declared.state) = (state, state);
                same(attempt.document(), serde_json::to_value(&declared).unwrap());
            }
            let hash = format!("0x{}", "ab".repeat(32));
            let said =
                json!({"success": true, "transaction": hash, "network": "base", "payer": "0x1", "more": 1, "amount": null});
            attempt.settle(&said, &str::to_owned);
            attempt.proof = vec![("x-payment".into(), "p".into())];
            attempt.job = Some(AttemptJob { handle: json!({"jobId": "j", "status": "pending"}), source: JobSource::Reply });
            (attempt.certainty, declared.on_chain) = (Certainty::Moved, Some(true));
            declared.job_id = Some("j".into());
            declared.transaction = Some(hash.clone());
            declared.proof = Some(Map::from_iter([("x-payment".to_owned(), json!("p").0)]));
            declared.receipt = Some(SettlementResponse {
                success: true,
                transaction: Some(hash),
                network: Some("base".into()),
                payer: Some("0x1".into()),
                amount: None,
                error_reason: None,
            });
            same(attempt.with_proof(), serde_json::to_value(&declared).unwrap());
            declared.proof = None;
            same(attempt.document(), serde_json::to_value(&declared).unwrap());
        }
    }

    #[test]
    fn a_receipt_that_is_none_changes_nothing() {
        for said in [json!({}), json!({"success": "true"}), json!([]), json!(null)] {
            let mut attempt = attempt(&offers()[0]);
            attempt.settle(&said, &str::to_owned);
            assert!(attempt.receipt.is_none() && attempt.transaction.is_none());
        }
    }
}
