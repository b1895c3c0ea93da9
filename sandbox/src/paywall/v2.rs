//! x402, version 2, as @x402/express has it: the offer in `PAYMENT-REQUIRED`, the proof in
//! `PAYMENT-SIGNATURE`.

use super::{
    Around, DESCRIPTION, MAX_TIMEOUT_S, Paywall, Proof, Refusal, Settlement, Terms, Verdict, from_base64, timing, to_base64,
};
use crate::chain::{Network, same};
use crate::json::{Value, document};
use crate::message::{Reply, Request};
use crate::wallet::{Authorization, is_signature};

impl Paywall {
    pub(super) fn check_v2(&mut self, request: &Request, around: &mut Around) -> Verdict {
        // What cannot be read counts as absent.
        let Some(payment) = request.header("payment-signature").and_then(from_base64) else {
            return Verdict::Asked(self.ask(request, around.faults));
        };
        // Before the proof is looked at: it was used already.
        if let Some(reply) = self.identified.earlier(request, &payment) {
            return Verdict::Asked(reply);
        }
        match self.verify_v2(&payment, around) {
            Ok(proof) => self.identified.refusal(&payment).map_or(Verdict::Taken(proof), Verdict::Asked),
            Err(refusal) => Verdict::Asked(self.refuse(request, Some(&refusal))),
        }
    }

    /// In the facilitator's order.
    fn verify_v2(&self, payment: &Value, around: &Around) -> Result<Proof, Refusal> {
        let version = payment.get("x402Version");
        if version.and_then(Value::as_u64) != Some(2) {
            let shown = version.map_or("undefined".to_owned(), Value::to_string);
            return Err(Refusal::new(format!("Unsupported x402 version: {shown}")));
        }
        let accepted = payment.get("accepted").unwrap_or(&Value::Null);
        let offers = self.networks.iter().flat_map(|network| self.terms.iter().map(move |terms| (*network, terms)));
        let matching = offers.into_iter().find(|(network, terms)| *accepted == offer(network, terms));
        let Some((network, terms)) = matching else { return Err(Refusal::new("No matching payment requirements")) };
        let payload = payment.get("payload").unwrap_or(&Value::Null);
        let Some(authorization) = payload.get("authorization").and_then(Authorization::read) else {
            return Err(Refusal::new("invalid_exact_evm_payload"));
        };
        let signature = payload.get("signature").and_then(Value::as_str).unwrap_or_default();
        let is_used = around.chain.settled(network, &authorization.from, &authorization.nonce);
        let reason = if !same(&terms.recipient, &authorization.to) {
            Some("invalid_exact_evm_recipient_mismatch")
        } else if let Err(reason) = timing(&authorization, around.time) {
            Some(reason)
        } else if authorization.value != terms.amount {
            Some("invalid_exact_evm_payload_authorization_value_mismatch")
        } else if !is_signature(signature, network, &authorization) {
            Some("invalid_exact_evm_signature")
        } else if is_used.is_some_and(|transfer| transfer.at <= around.now) {
            Some("invalid_exact_evm_nonce_already_used")
        } else if is_used.is_none() && around.chain.available(network, &authorization.from, around.now) < terms.amount {
            Some("invalid_exact_evm_insufficient_balance")
        } else {
            None
        };
        match reason {
            Some(reason) => Err(Refusal::new(reason)),
            None => Ok(Proof::Authorized(network, authorization)),
        }
    }

    pub(super) fn demand_v2(&self, request: &Request, terms: &Terms, refusal: Option<&Refusal>) -> Reply {
        let mut required = document!({
            "x402Version": 2_u32,
            "error": refusal.map_or("Payment required", |refusal| refusal.reason.as_str()),
            "resource": document!({
                "url": format!("{}{}", request.origin(), request.path()),
                "description": DESCRIPTION,
                "mimeType": "application/json",
            }),
            "accepts": self.networks.iter().map(|network| offer(network, terms)).collect::<Vec<_>>(),
        });
        if let Some(extensions) = self.identified.declaration() {
            required.set("extensions", extensions);
        }
        Reply::json(402, &document!({})).with("cache-control", "no-store").with("payment-required", to_base64(&required))
    }
}

fn offer(network: &Network, terms: &Terms) -> Value {
    document!({
        "scheme": "exact",
        "network": network.caip2,
        "amount": terms.amount.to_string(),
        "asset": network.usdc,
        "payTo": terms.recipient,
        "maxTimeoutSeconds": MAX_TIMEOUT_S,
        "extra": document!({"name": network.domain, "version": "2"}),
    })
}

/// The answer with its receipt; or what is answered in its place when the settlement failed.
pub(super) fn settled(reply: Reply, network: &Network, authorization: &Authorization, settlement: &Settlement) -> Reply {
    let failure = |reason: &str, hash: &str| document!({"success": false, "errorReason": reason, "payer": authorization.from, "transaction": hash, "network": network.caip2});
    let (reply, receipt) = match settlement {
        Settlement::Done(hash) => {
            let receipt =
                document!({"success": true, "payer": authorization.from, "transaction": hash, "network": network.caip2});
            (reply.with("cache-control", "private"), receipt)
        }
        Settlement::Pending(hash) => (refused(), failure("settlement_pending", hash)),
        Settlement::Failed => (refused(), failure("invalid_exact_evm_transaction_failed", "")),
    };
    reply.with("payment-response", to_base64(&receipt))
}

fn refused() -> Reply {
    Reply::json(402, &document!({})).with("cache-control", "no-store")
}
