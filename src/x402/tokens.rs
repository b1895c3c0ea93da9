//! The networks and tokens that can be paid with, pinned. What a server says of a token is compared
//! with this, never believed.

use std::rc::Rc;

/// A token on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The network's name in x402 version 1 and in the dialect of elizaOS.
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
    /// Whether this names the token's network: by its name, or as CAIP-2 has it (`eip155:8453`).
    pub fn is_on(&self, network: &str) -> bool {
        self.network == network || (self.is_evm() && network == self.caip2())
    }

    /// Whether this is the address of the token's contract.
    pub fn is_asset(&self, asset: &str) -> bool {
        // Addresses of other chains have their own rules for case.
        if self.is_evm() { self.asset.eq_ignore_ascii_case(asset) } else { self.asset == asset }
    }

    /// Whether a server means this token: by its contract's address, or as CAIP-19 has it
    /// (`eip155:8453/erc20:0x…`).
    pub fn is_named_by(&self, asset: &str) -> bool {
        match asset.split_once("/erc20:") {
            Some((chain, address)) => self.is_evm() && chain == self.caip2() && self.is_asset(address),
            None => self.is_asset(asset),
        }
    }

    /// Why only a wallet that takes over the whole payment can pay with it; `None` on EVM chains.
    pub fn foreign_chain(&self) -> Option<String> {
        (!self.is_evm()).then(|| format!("{} is no EVM chain", self.network))
    }

    fn is_evm(&self) -> bool {
        self.chain_id > 0
    }

    fn caip2(&self) -> String {
        format!("eip155:{}", self.chain_id)
    }
}

/// How many decimals USDC has on every network below.
pub const USDC_DECIMALS: u8 = 6;

/// The networks that are paid on when the caller names none, the preferred one first.
///
/// The others are testnets. Their money is worth nothing, so a server that takes it is a test
/// server, and the caller has to ask for it by name.
pub const MAINNETS: [&str; 2] = ["base", "polygon"];

/// USDC by network, chain id, contract address and the name that the contract itself has. The
/// addresses are those of Circle's list.
const USDC: [(&str, u32, &str, &str); 4] = [
    ("base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    ("polygon", 137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
    ("base-sepolia", 84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
    ("polygon-amoy", 80002, "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", "USDC"),
];

/// USDC on every network that the client knows.
pub fn usdc() -> Vec<Rc<Token>> {
    let token = |(network, chain_id, asset, name): (&str, u32, &str, &str)| Token {
        network: network.to_owned(),
        chain_id,
        asset: asset.to_owned(),
        symbol: "USDC".to_owned(),
        decimals: USDC_DECIMALS,
        name: name.to_owned(),
        version: "2".to_owned(),
        limit: 0,
    };
    USDC.map(|known| Rc::new(token(known))).into()
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::x402::address;

    #[test]
    fn the_pinned_contracts_have_a_right_checksum() {
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

    #[test]
    fn a_token_of_another_chain_is_known_by_its_own_names_to_the_letter() {
        let token = Token { network: "solana".into(), chain_id: 0, asset: "EPjF".into(), ..(*usdc().remove(0)).clone() };
        assert!(token.is_on("solana") && !token.is_on("eip155:0"));
        assert!(token.is_named_by("EPjF"));
        for other in ["epjf", "EPJF", "eip155:0/erc20:EPjF", ""] {
            assert!(!token.is_named_by(other), "{other}");
        }
        assert_eq!(token.foreign_chain().as_deref(), Some("solana is no EVM chain"));
        assert_eq!(usdc().remove(0).foreign_chain(), None);
    }

    #[test]
    fn a_contract_is_known_by_its_address_and_by_its_caip_19_name_on_its_own_chain() {
        let base = usdc().remove(0);
        let address = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
        for name in [address.to_owned(), address.to_lowercase(), format!("eip155:8453/erc20:{address}")] {
            assert!(base.is_named_by(&name), "{name}");
        }
        for other in [
            format!("eip155:137/erc20:{address}"),
            format!("eip155:8453/erc721:{address}"),
            format!("eip155:8453/erc20:{address}/1"),
            format!("base/erc20:{address}"),
            format!("/erc20:{address}"),
            "eip155:8453/erc20:".to_owned(),
            String::new(),
        ] {
            assert!(!base.is_named_by(&other), "{other}");
        }
    }
}
