//! The networks and tokens that may be paid with, pinned: what a server says of a token is compared with this, never believed.

/// A token on a network.
#[derive(Debug, PartialEq, Eq)]
pub struct Network {
    /// The network's name in x402 version 1 and in the seed dialect.
    pub name: &'static str,
    /// The EVM chain id.
    pub chain_id: u32,
    /// The USDC contract (Circle's list of contract addresses), with its EIP-55 checksum.
    pub usdc: &'static str,
}

/// How many decimals USDC has on every network below.
pub const USDC_DECIMALS: u8 = 6;

/// Base, Coinbase's layer 2.
pub const BASE: Network = Network { name: "base", chain_id: 8453, usdc: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913" };
/// Polygon PoS.
pub const POLYGON: Network = Network { name: "polygon", chain_id: 137, usdc: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359" };

/// Every network that the client knows, in the order in which they are preferred by default.
pub const NETWORKS: [&Network; 2] = [&BASE, &POLYGON];

/// The network of this name.
pub fn by_name(name: &str) -> Option<&'static Network> {
    NETWORKS.into_iter().find(|network| network.name == name)
}
