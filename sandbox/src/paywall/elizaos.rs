//! elizaOS's own paywall: decimal amounts in the 402's body, and the hash of a transfer as proof.

use super::{Around, Paywall, Proof, Refusal, Terms, Verdict};
use crate::chain::same;
use crate::json::{Value, document};
use crate::message::{Reply, Request};
use crate::options::HashCheck;
use crate::text::{in_full, is_hex};

impl Paywall {
    pub(super) fn check_hash(&mut self, request: &Request, around: &mut Around) -> Verdict {
        let Some(hash) = request.header("x-payment") else { return Verdict::Asked(self.ask(request, around.faults)) };
        match self.refused(request, hash, around) {
            Some(reason) => Verdict::Asked(self.refuse(request, Some(&Refusal::new(reason)))),
            None => {
                self.used.push(hash.to_ascii_lowercase());
                Verdict::Taken(Proof::Paid)
            }
        }
    }

    /// Why this hash pays for nothing.
    fn refused(&self, request: &Request, hash: &str, around: &Around) -> Option<&'static str> {
        // The deployed paywall says nothing about its reasons.
        const NO_REASON: &str = "Payment Required";
        let on_chain = self.hash_check == HashCheck::Chain;
        let reason = |text| Some(if on_chain { text } else { NO_REASON });
        let network = match request.header("x-payment-network") {
            Some(name) => self.network(|network| network.name == name),
            None => self.networks.first().copied(),
        };
        let Some(network) = network.filter(|_| is_hex(hash, 64)) else { return reason("malformed proof") };
        if self.hash_check != HashCheck::Shape && self.used.contains(&hash.to_ascii_lowercase()) {
            return reason("transaction already used");
        }
        if !on_chain {
            return None;
        }
        let Some(transfer) = around.chain.moved(network, hash, around.now) else { return Some("no such transaction") };
        let is_paid = |terms: &Terms| same(&terms.recipient, &transfer.to) && terms.amount <= transfer.value;
        (!self.terms.iter().any(is_paid)).then_some("not enough")
    }

    pub(super) fn demand_hash(&self, terms: &Terms, refusal: Option<&Refusal>) -> Reply {
        let names: Vec<&str> = self.networks.iter().map(|network| network.name).collect();
        let amount = in_full(terms.amount);
        let offer = |(name, chain_id): (&str, u32)| document!({"network": name, "recipient": terms.recipient, "amount": amount, "currency": "USDC", "chainId": chain_id});
        let offers: Vec<Value> = self.networks.iter().map(|network| offer((network.name, network.chain_id))).collect();
        let body = document!({
            "error": refusal.map_or("Payment Required", |refusal| refusal.reason.as_str()),
            "message": "This endpoint requires payment via x402 protocol",
            "payment": offers,
            "facilitator": document!({"name": "Coinbase", "networks": names}),
        });
        Reply::json(402, &body)
            .with("x-payment-required", "true")
            .with("x-payment-amount", amount)
            .with("x-payment-currency", "USDC")
            .with("x-payment-networks", names.join(","))
    }
}
