//! A wallet's signature as servers take it.

use super::keccak::keccak256;
use super::secp256k1::{self, N, from_bytes, is_less, minus, to_bytes};
use crate::encoding;

/// Half the order of the group: of the two s that are good for the same signature, contracts take only the one up to this.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57,
    0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Brings what a wallet has signed into the one form that every server takes: `0x`, 65 bytes, s in the lower half, v 27 or 28.
/// Longer ones belong to contract wallets (ERC-1271, ERC-6492) and pass as they are. The error says what is wrong with it.
///
/// A signature with a plain key that is not `payer`'s is refused: the server would refuse it too, but later, and what somebody
/// else has signed must not be sent around.
pub fn normalised(text: &str, digest: &[u8; 32], payer: &str) -> Result<String, &'static str> {
    let bytes = encoding::from_hex(text.trim_ascii()).ok_or("a string that is not hexadecimal")?;
    let (r, rest) = bytes.split_at_checked(32).unwrap_or_default();
    let (r, mut s) = (from_bytes(r), from_bytes(rest));
    let mut odd = match (bytes.len(), bytes.as_slice()) {
        (65, [.., 0 | 27]) => false,
        (65, [.., 1 | 28]) => true,
        (65, _) => return Err("a signature whose last byte (v) is not 27 or 28"),
        // Compact (EIP-2098): the parity is the highest bit of s.
        (64, _) => {
            let odd = rest.first().is_some_and(|byte| *byte > 127);
            if let Some(limb) = s.last_mut() {
                *limb &= u64::MAX >> 1;
            }
            odd
        }
        // Some contract wallets put one byte of type before a plain signature; anything else of this length is a slip.
        (66, [0..=3, .., 27 | 28]) | (67.., _) => return Ok(encoding::to_hex(&bytes)),
        _ => return Err("a signature of the wrong length"),
    };
    if is_less(&from_bytes(&HALF), &s) {
        s = minus(&N, &s);
        odd = !odd;
    }
    let key = secp256k1::public_key(digest, &r, &s, odd).ok_or("a signature that no key can have made")?;
    let hash = keccak256(&[&key.concat()]);
    if !encoding::to_hex(hash.get(12..).unwrap_or_default()).eq_ignore_ascii_case(payer) {
        return Err("the signature of another account, or of other data");
    }
    Ok(encoding::to_hex(&[to_bytes(&r).as_slice(), to_bytes(&s).as_slice(), &[27u8.wrapping_add(u8::from(odd))]].concat()))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json::Json;

    fn vector() -> (String, [u8; 32], String) {
        let vector: Json = serde_json::from_str(include_str!("../../tests/fixtures/x402-v2-base.json")).unwrap();
        let text = |key: &str| vector[key].as_str().unwrap().to_owned();
        (text("signature"), encoding::from_hex(&text("digest")).unwrap().try_into().unwrap(), text("address"))
    }
    fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<String, &'static str> {
        let (signature, digest, payer) = vector();
        let mut bytes = encoding::from_hex(&signature).unwrap();
        change(&mut bytes);
        normalised(&encoding::to_hex(&bytes), &digest, &payer)
    }

    #[test]
    fn every_spelling_of_the_same_signature_comes_out_the_same() {
        let (signature, digest, payer) = vector();
        for spelling in [signature.clone(), signature[2..].to_owned(), signature[2..].to_uppercase(), format!(" {signature}\n")] {
            assert_eq!(normalised(&spelling, &digest, &payer).unwrap(), signature);
        }
        assert_eq!(normalised(&signature, &digest, &payer.to_lowercase()).unwrap(), signature);
        assert_eq!(changed(|bytes| bytes[64] -= 27).unwrap(), signature, "v of 0 or 1");
        let high = |bytes: &mut Vec<u8>| {
            let s = minus(&N, &from_bytes(&bytes[32..64]));
            bytes.splice(32..64, to_bytes(&s));
            bytes[64] = 55 - bytes[64];
        };
        assert_ne!(
            encoding::to_hex(&{
                let mut bytes = encoding::from_hex(&signature).unwrap();
                high(&mut bytes);
                bytes
            }),
            signature
        );
        assert_eq!(changed(high).unwrap(), signature, "high s");
        let compact = |bytes: &mut Vec<u8>| {
            if bytes.pop() == Some(28) {
                bytes[32] |= 0x80;
            }
        };
        assert_eq!(changed(compact).unwrap(), signature, "compact");
    }

    #[test]
    fn contract_wallets_signatures_pass_unchanged() {
        let (_, digest, payer) = vector();
        for bytes in [vec![1; 67], vec![9; 130], vec![0x64; 640]] {
            assert_eq!(normalised(&encoding::to_hex(&bytes), &digest, &payer).unwrap(), encoding::to_hex(&bytes));
        }
        assert!(changed(|bytes| bytes.insert(0, 0)).is_ok(), "a type byte before it");
    }

    #[test]
    fn junk_and_what_others_have_signed_are_refused() {
        let (signature, digest, payer) = vector();
        let other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
        assert_eq!(normalised(&signature, &digest, other), Err("the signature of another account, or of other data"));
        assert!(normalised(&signature, &[7; 32], &payer).is_err());
        for (change, why) in [
            (&(|bytes: &mut Vec<u8>| bytes.push(0)) as &dyn Fn(&mut Vec<u8>), "wrong length"),
            (&|bytes| bytes.truncate(63), "wrong length"),
            (&|bytes| bytes.clear(), "wrong length"),
            (&|bytes| bytes[64] = 29, "(v)"),
            (&|bytes| bytes[..32].fill(0), "no key"),
            (&|bytes| bytes[..32].fill(255), "no key"),
            (&|bytes| bytes[40] ^= 1, "another account"),
        ] {
            let error = changed(change).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        for text in ["", "0x", "hello", "0x123", "[object Object]"] {
            assert!(normalised(text, &digest, &payer).is_err(), "{text}");
        }
    }
}
