//! x402, version 1, as x402-express has it: the offer in the 402's body, the proof in `X-PAYMENT`.

use super::{
    Around, DESCRIPTION, MAX_TIMEOUT_S, Paywall, Proof, Refusal, Settlement, Terms, Verdict, from_base64, timing, to_base64,
};
use crate::chain::{Network, same};
use crate::json::{ToJson, Value, document};
use crate::message::{Reply, Request};
use crate::wallet::{Authorization, is_signature};

impl Paywall {
    pub(super) fn check_v1(&mut self, request: &Request, around: &mut Around) -> Verdict {
        let Some(header) = request.header("x-payment") else { return Verdict::Asked(self.ask(request, around.faults)) };
        match self.verify_v1(header, around) {
            Ok(proof) => Verdict::Taken(proof),
            Err(refusal) => Verdict::Asked(self.refuse(request, Some(&refusal))),
        }
    }

    /// In the facilitator's order. It does not look whether a nonce was used: that shows when it
    /// settles.
    fn verify_v1(&self, header: &str, around: &Around) -> Result<Proof, Refusal> {
        let Some(payment) = from_base64(header) else { return Err(Refusal::new("the payment is not JSON in base64")) };
        let named = payment.get("network").and_then(Value::as_str).unwrap_or_default();
        if crate::chain::network(named).is_none() {
            return Err(Refusal::new("Invalid network"));
        }
        let is_v1 = payment.get("x402Version").and_then(Value::as_u64) == Some(1)
            && payment.get("scheme").and_then(Value::as_str) == Some("exact");
        let payload = payment.get("payload").unwrap_or(&Value::Null);
        let authorization = payload.get("authorization").and_then(Authorization::read);
        let (Some(authorization), true) = (authorization, is_v1) else { return Err(Refusal::new("Invalid input")) };
        let Some(network) = self.network(|network| network.name == named) else {
            return Err(Refusal::new("Unable to find matching payment requirements"));
        };
        let signature = payload.get("signature").and_then(Value::as_str).unwrap_or_default();
        let paid = |terms: &&Terms| same(&terms.recipient, &authorization.to);
        let terms = self.terms.iter().filter(paid).min_by_key(|terms| terms.amount);
        let reason = if !is_signature(signature, network, &authorization) {
            Some("invalid_exact_evm_payload_signature")
        } else if terms.is_none() {
            Some("invalid_exact_evm_payload_recipient_mismatch")
        } else if let Err(reason) = timing(&authorization, around.time) {
            Some(reason)
        } else if around.chain.available(network, &authorization.from, around.now) < terms.map_or(0, |terms| terms.amount) {
            Some("insufficient_funds")
        } else if authorization.value < terms.map_or(0, |terms| terms.amount) {
            Some("invalid_exact_evm_payload_authorization_value")
        } else {
            None
        };
        match reason {
            Some(reason) => Err(Refusal { reason: reason.to_owned(), payer: Some(authorization.from) }),
            None => Ok(Proof::Authorized(network, authorization)),
        }
    }

    pub(super) fn demand_v1(&self, request: &Request, terms: &Terms, refusal: Option<&Refusal>) -> Reply {
        let offer = |network: &Network| {
            document!({
                "scheme": "exact",
                "network": network.name,
                "maxAmountRequired": terms.amount.to_string(),
                "resource": format!("{}{}", request.origin(), request.path()),
                "description": DESCRIPTION,
                "mimeType": "application/json",
                "payTo": terms.recipient,
                "maxTimeoutSeconds": MAX_TIMEOUT_S,
                "asset": network.usdc,
                "outputSchema": document!({"input": document!({"type": "http", "method": "POST", "discoverable": true})}),
                "extra": document!({"name": network.domain, "version": "2"}),
            })
        };
        let mut body = document!({
            "x402Version": 1_u32,
            "error": refusal.map_or("X-PAYMENT header is required", |refusal| refusal.reason.as_str()),
            "accepts": self.networks.iter().map(|network| offer(network)).collect::<Vec<_>>(),
        });
        if let Some(payer) = refusal.and_then(|refusal| refusal.payer.as_deref()) {
            body.set("payer", payer.json());
        }
        Reply::json(402, &body)
    }
}

/// How the middleware says that the facilitator did not settle.
pub(super) fn failed(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Pending(_) => "Failed to settle payment: 504 Gateway Timeout",
        _ => "Failed to settle payment: 400 Bad Request",
    }
}

/// The answer with its receipt.
pub(super) fn settled(reply: Reply, network: &Network, authorization: &Authorization, hash: &str) -> Reply {
    let receipt = document!({"success": true, "transaction": hash, "network": network.name, "payer": authorization.from});
    reply.with("x-payment-response", to_base64(&receipt))
}
