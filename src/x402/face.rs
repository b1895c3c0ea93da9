//! What applications and wallets see of an offer and of a payment.

use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use tsify::Tsify;

use super::Offer;
use super::hex::is_hex;
use crate::json::{Json, Kind};
use crate::protocol::Metadata;
use crate::text::shorten;

/// What is paid, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// How the server speaks of payment. `seed`: the proof is the hash of a plain token transfer. `v1`, `v2`: x402's versions.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "\"seed\" | \"v1\" | \"v2\""))]
    pub dialect: String,
    /// The network to pay on.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "NetworkName"))]
    pub network: String,
    /// The network's EVM chain id; 0 for a network that is no EVM chain.
    pub chain_id: u32,
    /// The token's contract address.
    pub asset: String,
    /// Who is to be paid.
    pub recipient: String,
    /// How much, as a decimal number of tokens: `"0.02"`.
    pub amount: String,
    /// How much, in the token's smallest unit: `"20000"`.
    pub amount_atomic: String,
    /// The token's name: `"USDC"`.
    pub currency: String,
    /// How many decimals the token has.
    pub decimals: u8,
}

/// One offer: what the server wants for the job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// What is to be paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// What is paid for, as the server says. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The server's entry as it came, for a wallet that takes the payment over. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_requirements: Option<Metadata>,
    /// The server's whole request for payment as it came. Not in the seed's dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub payment_required: Option<Metadata>,
}

impl<J: Json> Offer<J> {
    /// The offer as the application and its wallet get it: a [`Quote`].
    pub fn document(&self) -> J {
        let document = self.described();
        let document = match &self.resource {
            Some(resource) => document.set("resource", J::text(resource)),
            None => document,
        };
        if self.timeout_s == 0 {
            return document;
        }
        // Copies: what an application does with them must not change what is sent.
        let copy = |document: &J| J::parse(&document.to_json()).unwrap_or_else(J::object);
        document.set("paymentRequirements", copy(&self.entry)).set("paymentRequired", copy(&self.required))
    }

    /// What a quote and an attempt have in common: a [`Price`].
    pub fn described(&self) -> J {
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
        .fold(J::object(), |document, (key, value)| document.set(key, J::text(value)))
        .set("chainId", J::number(token.chain_id.into()))
        .set("decimals", J::number(token.decimals.into()))
    }
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "lowercase")]
pub enum PaymentState {
    /// The wallet was asked, or is about to be.
    Intended,
    /// The wallet has given a proof.
    Proven,
    /// The proof is on its way to the server.
    Sent,
    /// The server has taken it: there is a job.
    Accepted,
    /// The server has refused it.
    Refused,
    /// It is not known what became of it.
    Unknown,
}

impl PaymentState {
    /// The state that is written so.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Intended, Self::Proven, Self::Sent, Self::Accepted, Self::Refused, Self::Unknown]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// The state as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentState::Intended => "intended",
            PaymentState::Proven => "proven",
            PaymentState::Sent => "sent",
            PaymentState::Accepted => "accepted",
            PaymentState::Refused => "refused",
            PaymentState::Unknown => "unknown",
        }
    }
}

/// What a facilitator says of a settlement (x402's `SettlementResponse`, the header `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct SettlementResponse {
    /// Whether the payment was settled.
    pub success: bool,
    /// The hash of the transaction that moved the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The network, as the server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whose money it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// How much was settled, in atomic units, where it may differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Why it was not settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
}

/// One payment for one job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PaymentAttempt {
    /// What is paid, and to whom.
    #[serde(flatten)]
    pub price: Price,
    /// The attempt's own id.
    pub attempt_id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// The hash of the transaction that moves the money, once it is known. Whoever has it may be able to use it as proof of payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The request headers that prove the payment, once the wallet has given them. A secret: whoever has them can use them, so
    /// only an error has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, string>"))]
    pub proof: Option<Metadata>,
    /// What the server's facilitator says of the settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SettlementResponse>,
    /// The job that was paid for, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

/// One payment for one job, as the client keeps it.
#[derive(Debug, Clone)]
pub struct Attempt<J> {
    /// The attempt's own id. It is in the job's metadata too, so that the job can be found again.
    pub id: String,
    /// How far it has come.
    pub state: PaymentState,
    /// What is paid: a [`Price`] as JSON.
    pub price: String,
    /// The hash of the transaction that moves the money.
    pub transaction: Option<String>,
    /// The request headers that prove the payment; none before the wallet has given them.
    pub proof: Vec<(String, String)>,
    /// What the server's facilitator says of the settlement.
    pub receipt: Option<J>,
    /// The base address of the server that is paid.
    pub server: String,
    /// The body of the request.
    pub request: String,
    /// What the server said of the job, once there is one.
    pub created: Option<J>,
    /// When this began, or when the job was there, in milliseconds since 1970.
    pub created_at: f64,
    /// What the caller calls this payment; empty when it has no name.
    pub idempotency_key: String,
    /// What is asked, as [`protocol::question`](crate::protocol::question) has it; empty when the payment has no name.
    pub question: String,
    /// Whether the job's end has been seen. Only what has a name is kept so long.
    pub answered: bool,
    /// Whether the wallet signs, so that nothing moves before the proof is sent.
    pub signs: bool,
}

impl<J: Json> Attempt<J> {
    /// The attempt as the application is told of it: a [`PaymentAttempt`] without the proof, so that it may be printed.
    pub fn document(&self) -> J {
        let mut document = J::parse(&self.price)
            .unwrap_or_else(J::object)
            .set("attemptId", J::text(&self.id))
            .set("state", J::text(self.state.as_str()));
        if let Some(hash) = &self.transaction {
            document = document.set("transaction", J::text(hash));
        }
        if let Some(id) = self.created.as_ref().and_then(|created| created.get("jobId")) {
            document = document.set("jobId", id);
        }
        match &self.receipt {
            Some(receipt) => document.set("receipt", receipt.clone()),
            None => document,
        }
    }

    /// The attempt with its proof.
    pub fn with_proof(&self) -> J {
        if self.proof.is_empty() {
            return self.document();
        }
        let proof = self.proof.iter().fold(J::object(), |proof, (name, value)| proof.set(name, J::text(value)));
        self.document().set("proof", proof)
    }

    /// Why the facilitator has not settled it.
    pub fn reason(&self) -> Option<String> {
        self.receipt.as_ref()?.get_text("errorReason")
    }

    /// Takes over what the facilitator says of the settlement: the header's document. Members of another form are left out.
    /// `fit` makes a server's words fit to be shown.
    pub fn settle(&mut self, said: &J, fit: &dyn Fn(&str) -> String) {
        let Some(success) = said.get("success").filter(|success| success.kind() == Kind::Boolean) else { return };
        let mut receipt = J::object().set("success", success);
        for key in ["transaction", "network", "payer", "amount", "errorReason"] {
            let text = said.get_text(key).filter(|text| !text.is_empty());
            if let Some(text) = text {
                let text = if key == "errorReason" { fit(&text) } else { text };
                receipt = receipt.set(key, J::text(&shorten(&text, 200)));
            }
        }
        self.transaction = self.transaction.take().or_else(|| receipt.get_text("transaction").filter(|hash| is_hex(hash, 64)));
        self.receipt = Some(receipt);
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::http::{Body, HttpResponse};
    use crate::x402::{networks, read};
    use serde_json::{Map, Value, json};

    fn offers() -> Vec<Offer<Value>> {
        [include_str!("../../tests/fixtures/x402-v1-base.json"), include_str!("../../tests/fixtures/eliza-paywall.json")]
            .into_iter()
            .map(|recorded| {
                let body = serde_json::from_str::<Value>(recorded).unwrap()["body"].clone();
                let response = HttpResponse { status: 402, headers: vec![], body: Body::Json(body) };
                read(&response, &networks::usdc()).unwrap().offers.remove(0)
            })
            .collect()
    }
    fn attempt(offer: &Offer<Value>) -> Attempt<Value> {
        Attempt {
            id: "id".into(),
            state: PaymentState::Intended,
            price: offer.described().to_json(),
            transaction: None,
            proof: vec![],
            receipt: None,
            server: String::new(),
            request: String::new(),
            created: None,
            created_at: 0.0,
            idempotency_key: String::new(),
            question: String::new(),
            answered: false,
            signs: false,
        }
    }
    /// Through text: there 8453 and 8453.0 are the same number, as in JavaScript.
    fn same(document: Value, declared: Value) {
        let numbers = |value: Value| value.to_string().replace(".0,", ",").replace(".0}", "}");
        let read = |value| serde_json::from_str::<Map<String, Value>>(&numbers(value)).unwrap();
        assert_eq!(read(document), read(declared));
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
            let whole = |value: &Value| (offer.timeout_s > 0).then(|| value.as_object().unwrap().clone());
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
            declared.proof = Some(Map::from_iter([("x-payment".to_owned(), json!("p"))]));
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
