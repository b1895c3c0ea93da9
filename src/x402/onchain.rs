//! What the chain is asked about a payment, and what its answers mean. Nothing here asks.
//!
//! Whether a signed authorization was used, and what time it is on the chain, come from one call of
//! Multicall3, and so from one block: a node that lags behind cannot call unused what was used
//! before the end of its time.

use super::amount::Amount;
use crate::api::payments::{NamedBy, Price};
use crate::encoding::{from_base64, is_hex};
use crate::json::{Json, Kind};

/// Multicall3, at the same address on every chain that is paid on.
const MULTICALL: &str = "0xcA11bde05977b3631167028862bE2a173976CA11";
/// The event `Transfer(address,address,uint256)` of ERC-20.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// A signed authorization, as its proof has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    from: String,
    nonce: String,
    valid_before: u64,
}

/// What the chain says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainWord {
    /// The money has moved.
    Moved,
    /// It has not, and never will.
    Never,
    /// The transaction that the application has given is not the payment's.
    Another,
    /// Nothing that is certain.
    Unknown,
}

impl Signed {
    /// Reads the value of a proof's header. `None` when it is no signed authorization.
    pub fn read(proof: &str) -> Option<Self> {
        let authorization = Json::parse(&from_base64(proof)?)?.get("payload")?.get("authorization")?;
        let text = |key: &str| authorization.get_text(key);
        Some(Self {
            from: text("from").filter(|from| is_hex(from, 40))?,
            nonce: text("nonce").filter(|nonce| is_hex(nonce, 64))?,
            valid_before: text("validBefore")?.parse().ok()?,
        })
    }

    /// The call of `aggregate3` that asks for the block's time and for
    /// `authorizationState(from, nonce)` of the token.
    pub fn call(&self, chain_id: u32, asset: &str) -> Json {
        let word = |hex: &str| format!("{:0>64}", hex.trim_start_matches("0x").to_ascii_lowercase());
        let number = |number: u32| format!("{number:064x}");
        let data = [
            "0x82ad56cb".to_owned(),
            number(0x20),
            number(2),
            number(0x40),
            number(0xe0),
            // getCurrentBlockTimestamp() of Multicall3 itself.
            word(MULTICALL),
            number(1),
            number(0x60),
            number(4),
            format!("{:0<64}", "0f28c97d"),
            // authorizationState(address,bytes32) of the token.
            word(asset),
            number(1),
            number(0x60),
            number(68),
            format!("{:0<192}", ["e94a0102", &word(&self.from), &word(&self.nonce)].concat()),
        ];
        request(chain_id).set("to", Json::text(MULTICALL)).set("data", Json::text(&data.concat()))
    }

    /// What the answer to this call means.
    pub fn read_answer(&self, answer: &Json) -> ChainWord {
        let Some(data) = answer.as_text().filter(|data| is_hex(data, 12 * 64)) else { return ChainWord::Unknown };
        let word = |at: usize| data.get(at.saturating_mul(64).saturating_add(2)..)?.get(..64);
        let number = |at: usize| word(at).and_then(|word| u64::from_str_radix(word, 16).ok());
        // Both calls have succeeded, and each has returned one word.
        let is_whole = [4, 8].iter().all(|at| number(*at) == Some(1)) && [6, 10].iter().all(|at| number(*at) == Some(32));
        match (number(7), number(11)) {
            (Some(_), Some(1)) if is_whole => ChainWord::Moved,
            (Some(now), Some(0)) if is_whole && now > self.valid_before => ChainWord::Never,
            _ => ChainWord::Unknown,
        }
    }
}

/// What is asked for a transaction's receipt.
pub fn receipt_request(chain_id: u32, hash: &str) -> Json {
    request(chain_id).set("hash", Json::text(hash))
}

/// A plain transfer, as it stands in its transaction's receipt.
#[derive(Debug)]
pub struct Transfer {
    asset: String,
    recipient: String,
    /// The amount as a word of 64 hexadecimal digits.
    amount: String,
}

impl Transfer {
    /// The transfer of this price.
    pub fn of(price: &Price) -> Self {
        let units = Amount::from_atomic(&price.amount_atomic).map_or(0, |amount| amount.units);
        Self { asset: price.asset.clone(), recipient: price.recipient.clone(), amount: format!("0x{units:064x}") }
    }

    /// What the receipt of the transaction with this hash says. One that is not there may still
    /// come; and a node may have answered with another one.
    pub fn read_receipt(&self, receipt: &Json, hash: &str, named_by: NamedBy) -> ChainWord {
        let Some(status) = receipt.get("status").filter(|_| receipt.kind() == Kind::Object) else { return ChainWord::Unknown };
        let of = receipt.get_text("transactionHash").or_else(|| receipt.get_text("hash"));
        let is_another = of.is_some_and(|of| !of.eq_ignore_ascii_case(hash));
        let is_mined = receipt.get("blockNumber").is_none_or(|block| block.kind() != Kind::Null);
        if is_another || !is_mined {
            return ChainWord::Unknown;
        }
        let has_succeeded = match (status.as_text().as_deref(), status.as_number()) {
            (Some("success" | "0x1"), _) | (_, Some(1.0)) => true,
            (Some("reverted" | "0x0"), _) | (_, Some(0.0)) => false,
            _ => return ChainWord::Unknown,
        };
        // A wallet's own function may return the status alone.
        let logs = receipt.get("logs").filter(|logs| logs.kind() == Kind::Array);
        let shows_it = logs.map(|logs| logs.elements().iter().any(|log| self.is_in(log)));
        match (has_succeeded, shows_it, named_by) {
            // It contradicts itself: what was reverted has no events.
            (false, Some(true), _) => ChainWord::Unknown,
            (true, Some(true), _) | (true, None, NamedBy::Wallet) => ChainWord::Moved,
            (true, Some(false), NamedBy::Application) | (false, _, NamedBy::Application) => ChainWord::Another,
            (false, _, NamedBy::Wallet) => ChainWord::Never,
            _ => ChainWord::Unknown,
        }
    }

    fn is_in(&self, log: &Json) -> bool {
        let topics = log.get("topics").map(|topics| topics.elements()).unwrap_or_default();
        let [event, _, to] = topics.as_slice() else { return false };
        let is = |value: Option<Json>, wanted: &str| {
            value.and_then(|value| value.as_text()).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        };
        is(log.get("address"), &self.asset)
            && is(Some(event.clone()), TRANSFER)
            && is(Some(to.clone()), &format!("0x{:0>64}", self.recipient.trim_start_matches("0x")))
            && is(log.get("data"), &self.amount)
    }
}

fn request(chain_id: u32) -> Json {
    Json::object().set("chainId", Json::number(chain_id.into()))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::encoding::to_base64;
    use crate::json;
    use crate::x402::tokens::{Token, usdc};

    const HASH: &str = "0xAB12";

    fn signed() -> Signed {
        Signed { from: format!("0x{}", "Ab".repeat(20)), nonce: format!("0x{}", "cd".repeat(32)), valid_before: 1_000 }
    }

    /// What the chain answers: both successes, the time, whether it was used.
    fn answer(successes: [u64; 2], now: u64, used: u64) -> Json {
        let words = [0x20, 2, 0x40, 0xc0, successes[0], 0x40, 32, now, successes[1], 0x40, 32, used];
        json!(format!("0x{}", words.map(|word| format!("{word:064x}")).concat()))
    }

    #[test]
    fn an_authorization_is_read_from_its_proof() {
        let authorization = json!({"from": signed().from, "nonce": signed().nonce, "validBefore": "1000"});
        let proof = |authorization: &Json| to_base64(&json!({"payload": {"authorization": authorization.0}}).to_string());
        assert_eq!(Signed::read(&proof(&authorization)), Some(signed()));
        for (key, odd) in [("from", json!("0x1")), ("nonce", json!(null)), ("validBefore", json!(1000))] {
            assert_eq!(Signed::read(&proof(&authorization.clone().set(key, odd))), None, "{key}");
        }
        assert_eq!(Signed::read(&format!("0x{}", "ab".repeat(32))), None);
    }

    #[test]
    fn the_chain_is_asked_for_its_time_and_for_the_nonce_at_once() {
        let token: &Token = &usdc()[0];
        let call = signed().call(token.chain_id, &token.asset);
        assert_eq!((call["chainId"].as_u64(), call["to"].as_str()), (Some(8453), Some(MULTICALL)));
        let data = call["data"].as_str().unwrap();
        assert_eq!(data.len(), 10 + 64 * 16);
        assert!(data.contains(&format!("e94a0102{:0>64}{}", "ab".repeat(20), "cd".repeat(32))));
        assert!(data.contains(&token.asset.to_lowercase()[2..]) && data.bytes().all(|byte| !byte.is_ascii_uppercase()));
    }

    #[test]
    fn only_the_chain_itself_says_that_a_signature_is_void() {
        for (answered, expected) in [
            (answer([1, 1], 5, 1), ChainWord::Moved),
            (answer([1, 1], 5_000, 1), ChainWord::Moved),
            (answer([1, 1], 1_001, 0), ChainWord::Never),
            (answer([1, 1], 1_000, 0), ChainWord::Unknown),
            (answer([0, 1], 1_001, 0), ChainWord::Unknown),
            (answer([1, 0], 1_001, 0), ChainWord::Unknown),
            (answer([1, 1], 1_001, 2), ChainWord::Unknown),
            (answer([0, 1], 5, 1), ChainWord::Unknown),
            (answer([1, 0], 5, 1), ChainWord::Unknown),
            (json!("0x"), ChainWord::Unknown),
            (json!(null), ChainWord::Unknown),
            (json!({"data": "0x"}), ChainWord::Unknown),
        ] {
            assert_eq!(signed().read_answer(&answered), expected, "{answered}");
        }
    }

    fn transfer() -> Transfer {
        Transfer { asset: format!("0x{}", "Ab".repeat(20)), recipient: format!("0x{}", "Cd".repeat(20)), amount: word(20_000) }
    }

    fn word(number: u128) -> String {
        format!("0x{number:064x}")
    }

    #[test]
    fn a_receipt_says_what_became_of_a_transfer_in_every_usual_form() {
        for (status, expected) in [
            (json!("success"), ChainWord::Moved),
            (json!("0x1"), ChainWord::Moved),
            (json!(1), ChainWord::Moved),
            (json!("reverted"), ChainWord::Never),
            (json!("0x0"), ChainWord::Never),
            (json!(0), ChainWord::Never),
            (json!("pending"), ChainWord::Unknown),
            (json!(null), ChainWord::Unknown),
        ] {
            assert_eq!(transfer().read_receipt(&json!({"status": status.0}), HASH, NamedBy::Wallet), expected);
        }
        for none in [json!(null), json!({}), json!("success"), json!([])] {
            assert_eq!(transfer().read_receipt(&none, HASH, NamedBy::Wallet), ChainWord::Unknown);
        }
    }

    #[test]
    fn a_hash_that_the_application_has_found_counts_only_when_its_receipt_shows_the_transfer() {
        let log = |asset: &str, event: &str, to: &str, amount: u128| {
            let to = format!("0x{to:0>64}");
            json!({"address": asset, "topics": [event, word(1), to], "data": word(amount)})
        };
        let (asset, to) = (format!("0x{}", "ab".repeat(20)), "cd".repeat(20));
        let other = "0".repeat(40);
        let logs = [
            (log(&asset, TRANSFER, &to, 20_000), true),
            (log(&other, TRANSFER, &to, 20_000), false),
            (log(&asset, &word(7), &to, 20_000), false),
            (log(&asset, TRANSFER, &other, 20_000), false),
            (log(&asset, TRANSFER, &to, 19_999), false),
            (json!({"topics": []}), false),
        ];
        for (log, shows_it) in logs {
            let receipt = json!({"status": "success", "logs": [{}, log.0]});
            let (given, recorded) = match shows_it {
                true => (ChainWord::Moved, ChainWord::Moved),
                false => (ChainWord::Another, ChainWord::Unknown),
            };
            assert_eq!(transfer().read_receipt(&receipt, HASH, NamedBy::Application), given, "{receipt}");
            assert_eq!(transfer().read_receipt(&receipt, HASH, NamedBy::Wallet), recorded, "{receipt}");
        }
        assert_eq!(transfer().read_receipt(&json!({"status": "success"}), HASH, NamedBy::Application), ChainWord::Unknown);
        for receipt in [json!({"status": "reverted"}), json!({"status": 0, "logs": []})] {
            assert_eq!(transfer().read_receipt(&receipt, HASH, NamedBy::Application), ChainWord::Another);
            assert_eq!(transfer().read_receipt(&receipt, HASH, NamedBy::Wallet), ChainWord::Never);
        }
    }
    #[test]
    fn the_receipt_of_another_transaction_and_one_that_contradicts_itself_say_nothing() {
        let log = json!({"address": transfer().asset, "topics": [TRANSFER, word(1), format!("0x{:0>64}", "cd".repeat(20))], "data": word(20_000)});
        let whole = |status: &str| json!({"status": status, "transactionHash": "0xab12", "blockNumber": "0x10", "logs": []});
        let read = |receipt: Json| transfer().read_receipt(&receipt, HASH, NamedBy::Wallet);
        assert_eq!(read(whole("0x0")), ChainWord::Never, "hexadecimal digits have no case");
        for status in ["0x0", "0x1"] {
            assert_eq!(read(whole(status).set("transactionHash", json!("0xbb"))), ChainWord::Unknown);
            assert_eq!(read(json!({"status": status, "hash": "0xbb"})), ChainWord::Unknown);
            assert_eq!(read(whole(status).set("blockNumber", json!(null))), ChainWord::Unknown);
        }
        assert_eq!(read(whole("0x0").set("logs", json!([log.0]))), ChainWord::Unknown);
        assert_eq!(read(whole("0x1").set("logs", json!([log.0]))), ChainWord::Moved);
    }
}
