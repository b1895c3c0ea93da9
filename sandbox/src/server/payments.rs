//! The sandbox's wallet and its chain.

use super::Server;
use crate::chain::{Transfer, network};
use crate::faults::FaultName;
use crate::json::{Value, document};
use crate::message::{Effect, Request};
use crate::text::{atomic, decimal, is_hex};
use crate::time::Ms;
use crate::wallet;

impl Server {
    /// All payments that have moved money.
    pub fn payments(&self, now: Ms) -> Vec<Value> {
        let show = |transfer: &Transfer| {
            document!({
                "transaction": transfer.hash,
                "network": transfer.network.name,
                "chainId": transfer.network.chain_id,
                "asset": transfer.network.usdc,
                "from": transfer.from,
                "to": transfer.to,
                "amount": decimal(transfer.value),
                "amountAtomic": transfer.value.to_string(),
                "currency": "USDC",
                "at": transfer.at,
            })
        };
        self.chain.landed(now).map(show).collect()
    }

    /// What an account has on a network, as a decimal string.
    pub fn balance(&self, network_name: &str, address: &str, now: Ms) -> Option<String> {
        Some(decimal(self.chain.balance(network(network_name)?, address, now)))
    }

    /// The wallet is asked for a signature.
    pub fn sign(&mut self, id: u32, typed_data: &Value, now: Ms) {
        let signed = wallet::sign(typed_data);
        let at = self.wallet_answers(now);
        let nonce = typed_data.get("message").and_then(|message| message.get("nonce")).and_then(Value::as_str);
        self.mark(nonce.unwrap_or_default());
        self.settle(id, at, signed);
    }

    /// The wallet is asked to make a transfer.
    pub fn transfer(&mut self, id: u32, quote: &Value, now: Ms) {
        let at = self.wallet_answers(now);
        let hash = self.made_transfer(quote, at);
        self.mark(hash.as_deref().unwrap_or_default());
        self.settle(id, at, hash);
    }

    /// What has gone wrong in the wallet shows in the request that brings this proof.
    fn mark(&mut self, proof: &str) {
        if let Some(fault) = self.faults.struck() {
            self.marked.push((proof.to_ascii_lowercase(), fault));
        }
    }

    /// Notes what has gone wrong in the wallet with the proof that this request brings.
    pub(super) fn note_marked(&mut self, request: &Request) {
        if self.marked.is_empty() {
            return;
        }
        let Some(proof) = self.wall.as_ref().and_then(|wall| wall.proof_in(request)) else { return };
        let Some(place) = self.marked.iter().position(|(marked, _)| *marked == proof) else { return };
        let (_, fault) = self.marked.remove(place);
        if let Some(logged) = self.logged() {
            logged.fault = Some(fault);
        }
    }

    /// Something waits for the sandbox's time to pass.
    pub fn sleep(&mut self, id: u32, ms: Ms, now: Ms) {
        self.settle(id, now + ms, Ok(String::new()));
    }

    fn settle(&mut self, id: u32, at: Ms, result: Result<String, String>) {
        let (value, error) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        };
        self.queue.add(at, Effect::Settle { id, value, error });
    }

    fn wallet_answers(&mut self, now: Ms) -> Ms {
        if self.faults.strikes(FaultName::SlowWallet) { now + self.options.slow_ms } else { now }
    }

    fn made_transfer(&mut self, quote: &Value, at: Ms) -> Result<String, String> {
        let text = |key: &str| quote.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(network) = network(text("network")) else {
            return Err(format!("the sandbox's wallet knows no network \"{}\"", text("network")));
        };
        let to = text("recipient");
        if !is_hex(to, 40) {
            return Err(format!("the sandbox's wallet cannot pay \"{to}\": that is no address"));
        }
        let Some(value) = atomic(text("amount")) else {
            return Err(format!("the sandbox's wallet cannot pay \"{}\": that is no amount", text("amount")));
        };
        let from = wallet::address();
        let balance = self.chain.available(network, &from, at);
        if balance < value {
            return Err(format!(
                "the sandbox's wallet has {} USDC on {}, not {}",
                decimal(balance),
                network.name,
                decimal(value)
            ));
        }
        let is_reverted = self.faults.strikes(FaultName::SettleFails);
        let is_late = self.faults.strikes(FaultName::SettleLate);
        let moves = if is_late { at + self.options.slow_ms } else { at };
        let (hash, to) = (String::new(), to.to_owned());
        let transfer = Transfer { hash, network, from, to, value, nonce: None, at: moves, is_reverted };
        Ok(self.chain.add(transfer, &mut self.random))
    }
}
