//! The test wallet: an account that exists nowhere, and signatures that only the sandbox knows.
//!
//! Its signatures have the form of real ones (65 bytes, `v` 27, a low `s`) and are hashes of what
//! was signed, so that the sandbox notices when something else is sent. They prove nothing anywhere
//! else.

use crate::chain::{NETWORKS, Network, same};
use crate::json::Value;
use crate::text::{checksummed, is_hex, keccak256};

/// The account of the test wallet. `7e57` reads "test".
pub const WALLET: &str = "0x7e57000000000000000000000000000000000001";
/// Who is paid when the options name nobody.
pub const RECIPIENT: &str = "0x7e57000000000000000000000000000000000002";
/// Who is to be paid in the fault `wrong-recipient`.
pub const STRANGER: &str = "0x7e57000000000000000000000000000000000bad";

/// An authorization to move tokens (EIP-3009).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose tokens they are.
    pub from: String,
    /// Who gets them.
    pub to: String,
    /// How many, in atomic units.
    pub value: u128,
    /// When it begins, in seconds since 1970.
    pub valid_after: u64,
    /// When it ends, in seconds since 1970.
    pub valid_before: u64,
    /// What makes it one of a kind.
    pub nonce: String,
}

impl Authorization {
    /// Reads one; `None` when something is missing or of another form. Numbers may be decimal
    /// strings.
    pub fn read(document: &Value) -> Option<Self> {
        let text = |key: &str| document.get(key).and_then(Value::as_str);
        let address = |key: &str| text(key).filter(|text| is_hex(text, 40)).map(str::to_owned);
        let number = |key: &str| match document.get(key)? {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u128>().ok(),
            other => other.as_u64().map(u128::from),
        };
        let seconds = |key: &str| number(key).and_then(|number| u64::try_from(number).ok());
        Some(Self {
            from: address("from")?,
            to: address("to")?,
            value: number("value")?,
            valid_after: seconds("validAfter")?,
            valid_before: seconds("validBefore")?,
            nonce: text("nonce").filter(|text| is_hex(text, 64))?.to_owned(),
        })
    }
}

/// The account's address with its checksum.
pub fn address() -> String {
    checksummed(WALLET)
}

/// Signs what a server asks for.
pub fn sign(typed_data: &Value) -> Result<String, String> {
    let kind = typed_data.get("primaryType").and_then(Value::as_str).unwrap_or_default();
    if kind != "TransferWithAuthorization" {
        return Err(format!("the sandbox's wallet signs TransferWithAuthorization only, not \"{kind}\""));
    }
    let domain = typed_data.get("domain").unwrap_or(&Value::Null);
    let chain_id = domain.get("chainId").map(|id| id.to_string().replace('"', "")).unwrap_or_default();
    let Some(network) = NETWORKS.iter().find(|network| network.chain_id.to_string() == chain_id) else {
        return Err(format!("the sandbox's wallet knows no chain with the id {chain_id}"));
    };
    let token = domain.get("verifyingContract").and_then(Value::as_str).unwrap_or_default();
    if !same(token, network.usdc) {
        return Err(format!("the sandbox's wallet has USDC only ({}), not {token}", network.usdc));
    }
    let message = typed_data.get("message").and_then(Authorization::read);
    let Some(message) = message else { return Err("the message is no transfer with authorization".to_owned()) };
    if !same(&message.from, WALLET) {
        return Err(format!("the sandbox's wallet is {}, and cannot sign for {}", address(), message.from));
    }
    Ok(signature(network, &message))
}

/// The test wallet's signature of this.
fn signature(network: &Network, message: &Authorization) -> String {
    let Authorization { from, to, value, valid_after, valid_before, nonce } = message;
    let signed = format!("{} {from} {to} {value} {valid_after} {valid_before} {nonce}", network.chain_id).to_ascii_lowercase();
    let r = keccak256(signed.as_bytes());
    let mut s = keccak256(&r);
    if let Some(first) = s.first_mut() {
        *first &= 0x3f;
    }
    format!("0x{}{}1b", const_hex::encode(r), const_hex::encode(s))
}

/// Whether this could be the payer's signature: for the test wallet, whether it is; for all others,
/// whether it has the form of one.
pub fn is_signature(text: &str, network: &Network, message: &Authorization) -> bool {
    if same(&message.from, WALLET) {
        return same(text, &signature(network, message));
    }
    let Some(hex) = text.strip_prefix("0x").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) else {
        return false;
    };
    // Longer ones are those of contract wallets, whose form is their own.
    match hex.len() {
        130 => hex.ends_with("1b") || hex.ends_with("1c") || hex.ends_with("1B") || hex.ends_with("1C"),
        longer => longer > 130 && longer % 2 == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn typed_data(change: (&str, Value)) -> Value {
        let nonce = format!("0x{}", "ab".repeat(32));
        let mut message =
            json!({"from": address(), "to": RECIPIENT, "value": "20000", "validAfter": "0", "validBefore": "60", "nonce": nonce});
        message[change.0] = change.1;
        let domain = json!({"name": "USD Coin", "version": "2", "chainId": 8453, "verifyingContract": NETWORKS[0].usdc});
        json!({"primaryType": "TransferWithAuthorization", "domain": domain, "message": message})
    }

    #[test]
    fn a_signature_is_of_what_was_signed() {
        let data = typed_data(("value", json!("20000")));
        let signed = sign(&data).unwrap();
        let message = Authorization::read(&data["message"]).unwrap();
        assert!(is_signature(&signed, &NETWORKS[0], &message));
        assert!(!is_signature(&signed, &NETWORKS[1], &message), "another chain");
        assert!(!is_signature(&signed, &NETWORKS[0], &Authorization { value: 20_001, ..message.clone() }));
        assert!(!is_signature(&format!("0x{}1b", "11".repeat(64)), &NETWORKS[0], &message));
        assert_eq!((signed.len(), signed.get(130..)), (132, Some("1b")));
    }

    #[test]
    fn other_accounts_sign_in_the_right_form() {
        let message = Authorization::read(&typed_data(("from", json!(STRANGER)))["message"]).unwrap();
        let is = |text: String| is_signature(&text, &NETWORKS[0], &message);
        assert!(is(format!("0x{}1c", "11".repeat(64))) && is(format!("0x{}", "11".repeat(90))));
        assert!(!is(format!("0x{}00", "11".repeat(64))) && !is(format!("0x{}", "11".repeat(64))) && !is("0x".into()));
    }

    #[test]
    fn what_it_does_not_sign() {
        let cases = [
            ("primaryType", json!("Permit"), "signs TransferWithAuthorization only"),
            ("domain", json!({"chainId": 1}), "no chain with the id 1"),
            ("domain", json!({"chainId": "8453", "verifyingContract": STRANGER}), "has USDC only"),
            ("message", json!({"from": WALLET}), "no transfer with authorization"),
        ];
        for (key, value, reason) in cases {
            let mut data = typed_data(("value", json!("1")));
            data[key] = value;
            assert!(sign(&data).unwrap_err().contains(reason), "{reason}");
        }
        assert!(sign(&typed_data(("from", json!(STRANGER)))).unwrap_err().contains("cannot sign for"));
    }

    #[test]
    fn the_accounts_are_addresses() {
        assert!([WALLET, RECIPIENT, STRANGER].iter().all(|address| is_hex(address, 40)));
    }
}
