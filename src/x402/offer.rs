//! An offer as applications and wallets see it.

use super::Offer;
use crate::json::Json;

impl Offer {
    /// The offer as the application and its wallet get it: a [`Quote`].
    pub fn document(&self) -> Json {
        let document = self.described();
        let document = match &self.resource {
            Some(resource) => document.set("resource", Json::text(resource)),
            None => document,
        };
        if self.timeout_s == 0 {
            return document;
        }
        // Copies: what an application does with them must not change what is sent.
        let copy = |document: &Json| Json::parse(&document.to_json()).unwrap_or_else(Json::object);
        document.set("paymentRequirements", copy(&self.entry)).set("paymentRequired", copy(&self.required))
    }

    /// What a quote and an attempt have in common: a [`Price`].
    pub fn described(&self) -> Json {
        let token = &self.token;
        [
            ("dialect", self.dialect.as_str()),
            ("network", &token.network),
            ("asset", &token.asset),
            ("recipient", &self.recipient),
            ("amount", &self.amount.decimal(token.decimals)),
            ("amountAtomic", &self.amount.digits),
            ("currency", &token.symbol),
        ]
        .into_iter()
        .fold(Json::object(), |document, (key, value)| document.set(key, Json::text(value)))
        .set("chainId", Json::number(token.chain_id.into()))
        .set("decimals", Json::number(token.decimals.into()))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::payments::{Attempt, PaymentAttempt, PaymentState, Price, Quote, SettlementResponse};
    use crate::json;
    use crate::platform::{Body, HttpResponse};
    use crate::x402::{networks, read};
    use serde_json::Map;

    fn offers() -> Vec<Offer> {
        [include_str!("../../tests/fixtures/x402-v1-base.json"), include_str!("../../tests/fixtures/eliza-paywall.json")]
            .into_iter()
            .map(|recorded| {
                let body = serde_json::from_str::<Json>(recorded).unwrap()["body"].clone();
                let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(body.into()) };
                read(&response, &networks::usdc()).unwrap().offers.remove(0)
            })
            .collect()
    }
    fn attempt(offer: &Offer) -> Attempt {
        Attempt {
            id: "id".into(),
            state: PaymentState::Intended,
            price: Price::read(&offer.described()),
            transaction: None,
            proof: vec![],
            receipt: None,
            server: String::new(),
            request: String::new(),
            created: None,
            created_at: crate::time::WallTime::from_ms(0.0),
            idempotency_key: String::new(),
            fingerprint: String::new(),
            answered: false,
            signs: false,
            valid_until: None,
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
                dialect: offer.dialect.as_str().into(),
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
            attempt.created = Some(json!({"jobId": "j", "status": "pending"}));
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
