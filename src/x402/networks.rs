//! The networks and tokens that may be paid with, pinned: what a server says of a token is compared with this, never believed.

use std::rc::Rc;

use crate::text::{decimal, fill};

/// A token on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The network's name in x402 version 1 and in the seed dialect.
    pub network: String,
    /// The network's EVM chain id; 0 for a network that is no EVM chain.
    pub chain_id: u32,
    /// The token's contract, with its EIP-55 checksum.
    pub asset: String,
    /// What people call it.
    pub symbol: String,
    /// How many decimals it has.
    pub decimals: u8,
    /// Its name in its EIP-712 domain.
    pub name: String,
    /// The version in its EIP-712 domain.
    pub version: String,
    /// Which of the policy's limits counts for it.
    pub limit: usize,
}

impl Token {
    /// Whether a server means this token's network: by its name, or as version 2 writes it (CAIP-2).
    pub fn is_on(&self, network: &str) -> bool {
        self.network == network || (self.chain_id > 0 && fill("eip155:%", &[&decimal(self.chain_id.into())]) == network)
    }

    /// Whether this is the token's contract.
    pub fn is_asset(&self, asset: &str) -> bool {
        // Addresses of other chains have their own rules for case.
        if self.chain_id > 0 { self.asset.eq_ignore_ascii_case(asset) } else { self.asset == asset }
    }
}

/// How many decimals USDC has on every network below.
pub const USDC_DECIMALS: u8 = 6;

/// The networks that are paid on when the caller names none, the preferred one first. The others are testnets: their money is
/// worth nothing, so a server that takes it is a test server, and has to be asked for by name.
pub const MAINNETS: [&str; 2] = ["base", "polygon"];

/// USDC on every network that the client knows: Circle's list of contract addresses; names as the contracts' own `name()` has them.
pub fn usdc() -> Vec<Rc<Token>> {
    let mut tokens = Vec::new();
    for (network, chain_id, asset, name) in [
        ("base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
        ("polygon", 137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
        ("base-sepolia", 84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
        ("polygon-amoy", 80002, "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", "USDC"),
    ] {
        tokens.push(Rc::new(Token {
            network: network.to_owned(),
            chain_id,
            asset: asset.to_owned(),
            symbol: "USDC".to_owned(),
            decimals: USDC_DECIMALS,
            name: name.to_owned(),
            version: "2".to_owned(),
            limit: 0,
        }));
    }
    tokens
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::x402::address;

    #[test]
    fn the_pinned_contracts_are_spelt_right() {
        for token in usdc() {
            assert!(address::is_payable(&token.asset), "{}", token.asset);
            assert_ne!(token.asset, token.asset.to_lowercase(), "with a checksum");
        }
    }

    #[test]
    fn networks_are_known_by_both_names() {
        let base = usdc().remove(0);
        assert!(base.is_on("base") && base.is_on("eip155:8453"));
        for other in ["Base", "eip155:08453", "eip155:137", "8453", "", "base "] {
            assert!(!base.is_on(other), "{other}");
        }
    }
}
