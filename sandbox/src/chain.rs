//! The chains, as far as the paywalls see them: balances of USDC, transfers, and nonces that were
//! used.
//!
//! There is no blockchain: a transfer is an entry in a list. It counts from its time on, so that
//! one can be under way.

use crate::random::Random;
use crate::time::Ms;

/// A network that can be paid on.
#[derive(Debug, PartialEq, Eq)]
pub struct Network {
    /// As version 1 and elizaOS name it.
    pub name: &'static str,
    /// Its EVM chain id.
    pub chain_id: u32,
    /// As version 2 names it (CAIP-2).
    pub caip2: &'static str,
    /// The contract of USDC.
    pub usdc: &'static str,
    /// The name in the token's EIP-712 domain; its version is "2".
    pub domain: &'static str,
}

/// The networks that servers ask for.
pub const NETWORKS: [Network; 4] = [
    Network {
        name: "base",
        chain_id: 8453,
        caip2: "eip155:8453",
        usdc: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        domain: "USD Coin",
    },
    Network {
        name: "polygon",
        chain_id: 137,
        caip2: "eip155:137",
        usdc: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        domain: "USD Coin",
    },
    Network {
        name: "base-sepolia",
        chain_id: 84532,
        caip2: "eip155:84532",
        usdc: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        domain: "USDC",
    },
    Network {
        name: "polygon-amoy",
        chain_id: 80002,
        caip2: "eip155:80002",
        usdc: "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
        domain: "USDC",
    },
];

/// The network of this name.
pub fn network(name: &str) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.name == name)
}

/// Money that has moved, is under way, or was to move and did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The transaction's hash.
    pub hash: String,
    /// Where.
    pub network: &'static Network,
    /// Whose money it was.
    pub from: String,
    /// Whose it is.
    pub to: String,
    /// How much, in atomic units.
    pub value: u128,
    /// The nonce of a signed authorization.
    pub nonce: Option<String>,
    /// When it moves.
    pub at: Ms,
    /// Whether the chain refuses it: it never moves.
    pub is_reverted: bool,
}

/// The chains.
#[derive(Debug, Default)]
pub struct Chain {
    opening: u128,
    transfers: Vec<Transfer>,
}

/// Whether two addresses are the same.
pub fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Chain {
    /// Every account has so much in the beginning, on every network.
    pub fn new(opening: u128) -> Self {
        Self { opening, transfers: vec![] }
    }

    /// What an account has: what is under way is still with who sends it.
    pub fn balance(&self, network: &Network, address: &str, now: Ms) -> u128 {
        let (mut plus, mut minus) = (self.opening, 0_u128);
        for transfer in self.landed(now).filter(|transfer| transfer.network == network) {
            if same(&transfer.to, address) {
                plus = plus.saturating_add(transfer.value);
            }
            if same(&transfer.from, address) {
                minus = minus.saturating_add(transfer.value);
            }
        }
        plus.saturating_sub(minus)
    }

    /// What an account can still spend: its balance without what is on its way out of it.
    pub fn available(&self, network: &Network, address: &str, now: Ms) -> u128 {
        let mut available = self.balance(network, address, now);
        for transfer in &self.transfers {
            let is_under_way = transfer.at > now && !transfer.is_reverted;
            if is_under_way && transfer.network == network && same(&transfer.from, address) {
                available = available.saturating_sub(transfer.value);
            }
        }
        available
    }

    /// Adds a transfer under a hash of its own, which is returned.
    pub fn add(&mut self, mut transfer: Transfer, random: &mut Random) -> String {
        transfer.hash = random.hash();
        let hash = transfer.hash.clone();
        self.transfers.push(transfer);
        hash
    }

    /// The transfer of this hash, once it has moved.
    pub fn moved(&self, network: &Network, hash: &str, now: Ms) -> Option<&Transfer> {
        self.landed(now).find(|transfer| transfer.network == network && same(&transfer.hash, hash))
    }

    /// The transfer that this authorization was settled with, or is being settled with.
    pub fn settled(&self, network: &Network, from: &str, nonce: &str) -> Option<&Transfer> {
        let is_it = |transfer: &&Transfer| transfer.nonce.as_deref().is_some_and(|known| same(known, nonce));
        let all = self.transfers.iter().filter(|transfer| !transfer.is_reverted && transfer.network == network);
        all.filter(is_it).find(|transfer| same(&transfer.from, from))
    }

    /// All money that has moved, in the order of the times.
    pub fn landed(&self, now: Ms) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter().filter(move |transfer| !transfer.is_reverted && transfer.at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(value: u128, at: Ms) -> Transfer {
        let (from, to) = ("0xA".to_owned(), "0xb".to_owned());
        Transfer { hash: String::new(), network: &NETWORKS[0], from, to, value, nonce: None, at, is_reverted: false }
    }

    #[test]
    fn money_moves_in_one_step_and_is_spent_once() {
        let mut chain = Chain::new(100);
        let hash = chain.add(transfer(30, 5.0), &mut Random::new(1));
        let balances = |chain: &Chain, now| ["0xa", "0xB"].map(|address| chain.balance(&NETWORKS[0], address, now));
        assert_eq!((balances(&chain, 4.0), balances(&chain, 5.0)), ([100, 100], [70, 130]));
        assert_eq!([4.0, 5.0].map(|now| chain.available(&NETWORKS[0], "0xa", now)), [70, 70], "what is under way is spent");
        assert_eq!(chain.available(&NETWORKS[1], "0xa", 4.0), 100, "another chain");
        assert!(chain.moved(&NETWORKS[0], &hash, 4.0).is_none());
        assert!(chain.moved(&NETWORKS[0], &hash.to_uppercase().replace("0X", "0x"), 5.0).is_some());
        assert!(chain.moved(&NETWORKS[1], &hash, 5.0).is_none(), "another chain");
    }

    #[test]
    fn what_the_chain_refuses_does_not_move() {
        let mut chain = Chain::new(100);
        let hash = chain.add(Transfer { is_reverted: true, ..transfer(30, 0.0) }, &mut Random::new(1));
        assert_eq!(chain.balance(&NETWORKS[0], "0xa", 9.0), 100);
        assert!(chain.moved(&NETWORKS[0], &hash, 9.0).is_none());
        assert_eq!(chain.landed(9.0).count(), 0);
    }
}
