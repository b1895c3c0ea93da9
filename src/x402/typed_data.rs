//! The scheme `exact` on EVM chains: an authorization to move tokens (EIP-3009), as the typed data
//! that the wallet signs (EIP-712) and as the header that carries it.

use super::address;
use super::exact::MIN_LEFT_S;
use super::extensions;
use super::offer::Offer;
use super::tokens::Token;
use crate::api::payments::Dialect;
use crate::encoding::to_base64;
use crate::json::Json;
use crate::time::{Millis, WallTime};

/// How much earlier than now an authorization of version 1 begins, in seconds, as in the reference
/// client: the clocks of facilitators may be slow. Those of version 2 begin at zero, as in theirs,
/// where the server's clock is this machine's.
const EARLIER_S: u64 = 600;

/// The types of the typed data. `EIP712Domain` is among them: `eth_signTypedData_v4` needs it.
const TYPES: &str = r#"{
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"}
    ],
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"}
    ]
}"#;

/// The clock that an authorization is valid by.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What time it is on this machine.
    pub wall: WallTime,
    /// How far the server's clock is ahead of it, as the server says.
    pub server_ahead: Millis,
}

impl Clock {
    /// What time it is at the server.
    pub fn now(&self) -> WallTime {
        self.wall + self.server_ahead
    }
}

/// One authorization, not signed yet.
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
    /// The authorization to pay this offer out of `from`, which begins now. `nonce` is `0x` and 32
    /// random bytes in hexadecimal.
    pub fn new(offer: &Offer, from: String, clock: Clock, nonce: String) -> Self {
        let is_v1 = offer.dialect == Dialect::X402V1;
        let now_s = clock.now().as_secs();
        // A server that lies about the time may shift an authorization, but not make it valid for
        // longer.
        let begins = is_v1 || clock.server_ahead != Millis::ZERO;
        let has_small_letters = offer.recipient.bytes().skip(2).any(|letter| letter.is_ascii_lowercase());
        Self {
            from,
            // As in the reference clients: version 2 with its checksum, version 1 as it came. No
            // library takes an address in capitals.
            to: if is_v1 && has_small_letters { offer.recipient.clone() } else { address::checksummed(&offer.recipient) },
            value: offer.amount.digits.clone(),
            valid_after: if begins { now_s.saturating_sub(EARLIER_S) } else { 0 },
            valid_before: now_s.saturating_add(offer.timeout_s.into()),
            nonce,
        }
    }

    /// Whether there is still time for the server to settle it.
    pub fn is_fresh(&self, now: WallTime) -> bool {
        self.valid_before >= now.as_secs().saturating_add(MIN_LEFT_S.into())
    }

    /// What the wallet signs, as `eth_signTypedData_v4` takes it.
    pub fn typed_data(&self, token: &Token) -> Json {
        let domain = Json::object()
            .set("name", Json::text(&token.name))
            .set("version", Json::text(&token.version))
            .set("chainId", Json::number(token.chain_id.into()))
            .set("verifyingContract", Json::text(&token.asset));
        Json::object()
            .set("types", Json::parse(TYPES).unwrap_or_else(Json::object))
            .set("primaryType", Json::text("TransferWithAuthorization"))
            .set("domain", domain)
            .set("message", self.message())
    }

    /// The header that carries the signed authorization. `payment_id` is for servers that declare
    /// ids.
    pub fn proof(&self, offer: &Offer, signature: &str, payment_id: &str) -> (String, String) {
        let (name, document) = match offer.dialect {
            Dialect::X402V1 => ("x-payment", self.proof_v1(offer, signature)),
            _ => ("payment-signature", self.proof_v2(offer, signature, payment_id)),
        };
        (name.to_owned(), to_base64(&document.to_json()))
    }

    fn proof_v1(&self, offer: &Offer, signature: &str) -> Json {
        // As the server wrote it: by its name, or as version 2 writes it.
        let network = offer.entry.get_text("network").unwrap_or_default();
        let payload = Json::object().set("signature", Json::text(signature)).set("authorization", self.message());
        Json::object()
            .set("x402Version", Json::number(1.0))
            .set("scheme", Json::text("exact"))
            .set("network", Json::text(&network))
            .set("payload", payload)
    }

    /// What the server said goes back to it as it came.
    fn proof_v2(&self, offer: &Offer, signature: &str, payment_id: &str) -> Json {
        let payload = Json::object().set("authorization", self.message()).set("signature", Json::text(signature));
        let mut proof = Json::object().set("x402Version", Json::number(2.0)).set("payload", payload);
        if let Some(extensions) = extensions::answered(&offer.required, payment_id) {
            proof = proof.set("extensions", extensions);
        }
        if let Some(resource) = offer.required.get("resource") {
            proof = proof.set("resource", resource);
        }
        proof.set("accepted", offer.entry.clone())
    }

    /// The authorization as JSON: integers are decimal strings.
    fn message(&self) -> Json {
        Json::object()
            .set("from", Json::text(&self.from))
            .set("to", Json::text(&self.to))
            .set("value", Json::text(&self.value))
            .set("validAfter", Json::text(&self.valid_after.to_string()))
            .set("validBefore", Json::text(&self.valid_before.to_string()))
            .set("nonce", Json::text(&self.nonce))
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::platform::{Body, HttpResponse};
    use crate::x402::{read, signature, tokens};

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
            let offer = read(&response, &tokens::usdc()).unwrap().offers.remove(0);
            let wall = WallTime::from_ms(vector["time"].as_f64().unwrap() * 1_000.0);
            let clock = Clock { wall, server_ahead: Millis::ZERO };
            let authorization = Authorization::new(&offer, text("address").into(), clock, text("nonce").into());
            let ahead = Clock { server_ahead: Millis::from_secs(3_000.0), ..clock };
            let shifted = Authorization::new(&offer, text("address").into(), ahead, text("nonce").into());
            assert_eq!(shifted.valid_before, authorization.valid_before + 3_000);
            assert!(shifted.valid_before - shifted.valid_after <= 900, "shifted, and not longer");
            let typed_data = authorization.typed_data(&offer.token);
            assert_eq!(typed_data, vector["typedData"]);
            assert_eq!(typed_data.to_json(), vector["typedData"].to_string(), "in the same order");
            let signature = signature::normalised(text("signature")).unwrap();
            assert_eq!(signature, text("signature"));
            let (name, value) = authorization.proof(&offer, &signature, "pay_1234567890123456");
            assert_eq!((name, value.as_str()), (text("headerName").to_lowercase(), text("headerValue")));
        }
    }

    #[test]
    fn an_authorization_is_fresh_while_the_server_has_six_seconds_left() {
        let vector: Json = serde_json::from_str(VECTORS[2]).unwrap();
        let authorization = Authorization {
            from: vector["address"].as_str().unwrap().into(),
            to: String::new(),
            value: "1".into(),
            valid_after: 0,
            valid_before: 1_000,
            nonce: vector["nonce"].as_str().unwrap().into(),
        };
        assert!(authorization.is_fresh(WallTime::from_ms(994_999.0)));
        assert!(!authorization.is_fresh(WallTime::from_ms(995_000.0)));
    }
}
