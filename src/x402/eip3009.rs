//! The scheme `exact` on EVM chains: an authorisation to move tokens (EIP-3009), as the data that the wallet signs (EIP-712)
//! and as the header that carries it.

use super::keccak::keccak256;
use super::networks::Token;
use super::{Dialect, Offer, address};
use crate::encoding::{from_hex, to_base64};
use crate::json::Json;
use crate::text::{concat, decimal, fill};

/// How much earlier than now an authorisation of version 1 begins, in seconds, as the reference client has it: the clocks of
/// facilitators may be slow. Those of version 2 begin at zero, as their reference client has it.
const EARLIER_S: u64 = 600;

const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const TRANSFER: &str =
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
const TYPES: &str = r#"{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"TransferWithAuthorization":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"value","type":"uint256"},{"name":"validAfter","type":"uint256"},{"name":"validBefore","type":"uint256"},{"name":"nonce","type":"bytes32"}]},"primaryType":"TransferWithAuthorization","domain":{"name":"#;

/// One authorisation, not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose tokens they are.
    pub from: String,
    /// Who gets them.
    pub to: String,
    /// How many, in atomic units.
    pub value: String,
    /// When it begins, in seconds since 1970.
    pub valid_after: u64,
    /// When it ends, in seconds since 1970.
    pub valid_before: u64,
    /// What makes it one of a kind: the token's contract takes each nonce once. `0x` and 32 bytes.
    pub nonce: String,
}

impl Authorization {
    /// The authorisation to pay this offer out of `from`, beginning now (seconds since 1970). `nonce` is `0x` and 32 random bytes.
    pub fn new(offer: &Offer, from: String, now_s: u64, nonce: String) -> Self {
        Self {
            from,
            // As the reference clients have it: version 2 with its checksum, version 1 as it came. In capitals alone no library takes it.
            to: if offer.dialect == Dialect::X402V1
                && offer.recipient.bytes().any(|letter| letter.is_ascii_lowercase() && letter != b'x')
            {
                offer.recipient.clone()
            } else {
                address::checksummed(&offer.recipient)
            },
            value: offer.amount.digits.clone(),
            valid_after: if offer.dialect == Dialect::X402V1 { now_s.saturating_sub(EARLIER_S) } else { 0 },
            valid_before: now_s.saturating_add(offer.timeout_s.into()),
            nonce,
        }
    }

    /// Whether there is still time for the server to settle it.
    pub fn is_fresh(&self, now_s: u64) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small constant")]
        let least = super::exact::MIN_LEFT_S as u64;
        self.valid_before >= now_s.saturating_add(least)
    }

    /// Everything in it is digits or hexadecimal: no character needs an escape.
    fn json(&self) -> String {
        let after = decimal(self.valid_after);
        let before = decimal(self.valid_before);
        fill(
            "{\"from\":\"%\",\"to\":\"%\",\"value\":\"%\",\"validAfter\":\"%\",\"validBefore\":\"%\",\"nonce\":\"%\"}",
            &[&self.from, &self.to, &self.value, &after, &before, &self.nonce],
        )
    }

    /// What the wallet signs, as `eth_signTypedData_v4` takes it.
    pub fn typed_data(&self, token: &Token) -> Json {
        let text = |text: &str| Json::text(text).to_json();
        let json = fill(
            "%%,\"version\":%,\"chainId\":%,\"verifyingContract\":\"%\"},\"message\":%}",
            &[TYPES, &text(&token.name), &text(&token.version), &decimal(token.chain_id.into()), &token.asset, &self.json()],
        );
        Json::parse(&json).unwrap_or_else(Json::object)
    }

    /// The hash that the wallet signs.
    pub fn digest(&self, token: &Token) -> [u8; 32] {
        let domain = keccak256(&[
            &keccak256(&[DOMAIN.as_bytes()]),
            &keccak256(&[token.name.as_bytes()]),
            &keccak256(&[token.version.as_bytes()]),
            &word(&u128::from(token.chain_id).to_be_bytes()),
            &bytes(&token.asset),
        ]);
        let transfer = keccak256(&[
            &keccak256(&[TRANSFER.as_bytes()]),
            &bytes(&self.from),
            &bytes(&self.to),
            &number(&self.value),
            &word(&self.valid_after.to_be_bytes()),
            &word(&self.valid_before.to_be_bytes()),
            &bytes(&self.nonce),
        ]);
        keccak256(&[b"\x19\x01", &domain, &transfer])
    }

    /// The header that carries the signed authorisation.
    pub fn proof(&self, offer: &Offer, signature: &str) -> (String, String) {
        let authorization = fill("\"authorization\":%", &[&self.json()]);
        let signature = fill("\"signature\":\"%\"", &[signature]);
        let (name, json) = if offer.dialect == Dialect::X402V1 {
            let start = "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"";
            // As the server wrote it: by its name, or as version 2 writes it.
            let network = offer.entry.get_text("network").unwrap_or_default();
            ("x-payment", fill("%%\",\"payload\":{%,%}}", &[start, &network, &signature, &authorization]))
        } else {
            // The server's own words come back to it as they were.
            let echo = |key: &str| match offer.required.get(key) {
                Some(value) => fill(",\"%\":%", &[key, &value.to_json()]),
                None => String::new(),
            };
            let payload = fill("{\"x402Version\":2,\"payload\":{%,%}", &[&authorization, &signature]);
            let accepted = fill(",\"accepted\":%}", &[&offer.entry.to_json()]);
            ("payment-signature", concat(&[&payload, &echo("extensions"), &echo("resource"), &accepted]))
        };
        (name.to_owned(), to_base64(&json))
    }
}

/// A word of 32 bytes with these at its end.
fn word(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    for (to, from) in word.iter_mut().rev().zip(bytes.iter().rev()) {
        *to = *from;
    }
    word
}

fn bytes(hex: &str) -> [u8; 32] {
    word(&from_hex(hex).unwrap_or_default())
}

/// Decimal digits as a number of 32 bytes.
fn number(digits: &str) -> [u8; 32] {
    let mut number = [0u8; 32];
    for digit in digits.bytes() {
        let mut carry = u16::from(digit.wrapping_sub(b'0'));
        for byte in number.iter_mut().rev() {
            let sum = u16::from(*byte).wrapping_mul(10).wrapping_add(carry);
            *byte = (sum & 255) as u8;
            carry = sum >> 8;
        }
    }
    number
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::encoding;
    use crate::json::Json;
    use crate::platform::{Body, HttpResponse};
    use crate::x402::{networks, read, signature};

    const VECTORS: [&str; 5] = [
        include_str!("../../tests/fixtures/x402-v1-base.json"),
        include_str!("../../tests/fixtures/x402-v1-polygon.json"),
        include_str!("../../tests/fixtures/x402-v2-base.json"),
        include_str!("../../tests/fixtures/x402-v2-base-sepolia.json"),
        include_str!("../../tests/fixtures/x402-v2-base-utf8.json"),
    ];

    #[test]
    fn the_reference_libraries_vectors_are_reproduced_byte_for_byte() {
        for vector in VECTORS {
            let vector: Json = serde_json::from_str(vector).unwrap();
            let text = |key: &str| vector[key].as_str().unwrap();
            let headers = vector["headers"].as_object().unwrap();
            let response = HttpResponse {
                status: 402,
                headers: headers
                    .get("PAYMENT-REQUIRED")
                    .map(|value| ("payment-required", value.as_str().unwrap().to_owned()))
                    .into_iter()
                    .collect(),
                body: Body::Json(vector["body"].clone().into()),
            };
            let offer = read(&response, &networks::usdc()).unwrap().offers.remove(0);
            let now = vector["time"].as_u64().unwrap();
            let authorization = Authorization::new(&offer, text("address").into(), now, text("nonce").into());
            assert_eq!(authorization.typed_data(&offer.token), vector["typedData"]);
            let digest = authorization.digest(&offer.token);
            assert_eq!(encoding::to_hex(&digest), text("digest"));
            let signature = signature::normalised(text("signature"), &digest, text("address")).unwrap();
            assert_eq!(signature, text("signature"));
            let (name, value) = authorization.proof(&offer, &signature);
            assert_eq!((name, value.as_str()), (text("headerName").to_lowercase(), text("headerValue")));
        }
    }

    #[test]
    fn large_values_are_hashed_whole() {
        let largest = (u128::MAX).to_string();
        assert_eq!(number(&largest), word(&u128::MAX.to_be_bytes()));
        let all = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(number(all), [255; 32]);
    }
}
