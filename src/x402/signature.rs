//! The form of a wallet's signature, brought into the one that every server takes.
//!
//! Whether a signature is the payer's is the facilitator's to check: only it can ask a contract
//! wallet (ERC-1271), and a wrong signature moves nothing.

use crate::encoding;

/// A number of 256 bits, the highest byte first. Such arrays compare as the numbers do.
type Word = [u8; 32];

const ZERO: Word = [0; 32];
/// The order of the curve's group. `r` and `s` are below it.
const ORDER: Word = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf,
    0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];
/// Half the order. Each signature has two good `s`; contracts take only the one up to this.
const HALF_ORDER: Word = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57,
    0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];
/// The highest mode byte that contract wallets put before or after a plain signature.
const MAX_MODE: u8 = 5;

const WRONG_LENGTH: &str = "a signature of the wrong length";
const NO_KEY: &str = "a signature that no key can have made";

/// Brings a signature into the form that every server takes: `0x`, 65 bytes, `v` 27 or 28, `s` in
/// the lower half. What only contract wallets produce passes unchanged. The error says what is
/// wrong with it.
pub fn normalised(text: &str) -> Result<String, &'static str> {
    let text = text.trim_ascii();
    let with_small_prefix = text.strip_prefix("0X").map(|digits| format!("0x{digits}"));
    let bytes = encoding::from_hex(with_small_prefix.as_deref().unwrap_or(text)).ok_or("a string that is not hexadecimal")?;
    let normal = match bytes.as_slice() {
        // Longer ones are contract wallets': ERC-1271 and ERC-6492 have no form of their own.
        longer if longer.len() > 66 => None,
        // A plain signature with a mode byte in front (Kernel) or at the end (Ambire).
        [(..=MAX_MODE), .., 27 | 28] | [.., 27 | 28, (..=MAX_MODE)] if bytes.len() == 66 => None,
        plain => plain_signature(plain)?,
    };
    Ok(encoding::to_hex(&normal.unwrap_or(bytes)))
}

/// A signature of 64 or 65 bytes in its normal form; `None` where it passes as it is.
fn plain_signature(bytes: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    let (r, rest) = bytes.split_first_chunk::<32>().ok_or(WRONG_LENGTH)?;
    let (s, rest) = rest.split_first_chunk::<32>().ok_or(WRONG_LENGTH)?;
    let signed = match rest {
        [] => YParityAndS::from_compact(*s),
        [0 | 27] => YParityAndS { is_odd: false, s: *s },
        [1] if is_approved_hash(r, s) => return Ok(None),
        [1 | 28] => YParityAndS { is_odd: true, s: *s },
        // A Safe adds 4 to the v of a message that was signed with a prefix.
        [29..=32] if is_scalar(r) && is_scalar(s) => return Ok(None),
        [29..=32] => return Err(NO_KEY),
        [_] => return Err("a signature whose last byte (v) is not 0, 1, or 27 to 32"),
        _ => return Err(WRONG_LENGTH),
    };
    if !is_scalar(r) || !is_scalar(&signed.s) {
        return Err(NO_KEY);
    }
    let YParityAndS { is_odd, s } = signed.with_low_s();
    Ok(Some([r.as_slice(), s.as_slice(), &[if is_odd { 28 } else { 27 }]].concat()))
}

/// The second half of a signature.
struct YParityAndS {
    /// Whether the y of the signature's point is odd.
    is_odd: bool,
    s: Word,
}

impl YParityAndS {
    /// Reads the compact form (EIP-2098): the parity is the highest bit of s.
    fn from_compact(mut s: Word) -> Self {
        let is_odd = s.first().is_some_and(|byte| byte & 0x80 != 0);
        if let Some(byte) = s.first_mut() {
            *byte &= 0x7f;
        }
        Self { is_odd, s }
    }

    /// The same with `s` in the lower half.
    fn with_low_s(self) -> Self {
        if self.s > HALF_ORDER { Self { is_odd: !self.is_odd, s: minus(&ORDER, &self.s) } } else { self }
    }
}

/// Whether a Safe says that its owner `r` has approved the hash on the chain: no signature at all.
fn is_approved_hash(r: &Word, s: &Word) -> bool {
    let is_address = r.starts_with(&[0; 12]) && *r != ZERO;
    is_address && *s == ZERO
}

/// Whether the number is from 1 to the order less 1.
fn is_scalar(number: &Word) -> bool {
    *number != ZERO && *number < ORDER
}

/// a − b, where b is not larger.
fn minus(a: &Word, b: &Word) -> Word {
    let mut difference = ZERO;
    let mut borrow = false;
    for ((to, a), b) in difference.iter_mut().zip(a).zip(b).rev() {
        let (once, first) = a.overflowing_sub(*b);
        let (twice, second) = once.overflowing_sub(borrow.into());
        *to = twice;
        borrow = first || second;
    }
    difference
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json::Json;
    use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};

    fn vector() -> String {
        let vector: Json = serde_json::from_str(include_str!("../../tests/fixtures/x402-v2-base.json")).unwrap();
        vector["signature"].as_str().unwrap().to_owned()
    }
    fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<String, &'static str> {
        let mut bytes = encoding::from_hex(&vector()).unwrap();
        change(&mut bytes);
        normalised(&encoding::to_hex(&bytes))
    }
    fn unchanged(bytes: &[u8]) -> bool {
        normalised(&encoding::to_hex(bytes)).as_deref() == Ok(&encoding::to_hex(bytes))
    }

    #[test]
    fn every_spelling_of_the_same_signature_comes_out_the_same() {
        let signature = vector();
        let digits = &signature[2..];
        for spelling in [
            signature.clone(),
            digits.to_owned(),
            digits.to_uppercase(),
            format!(" {signature}\n"),
            format!("0X{digits}"),
            format!("0X{}", digits.to_uppercase()),
        ] {
            assert_eq!(normalised(&spelling).unwrap(), signature);
        }
        assert_eq!(changed(|bytes| bytes[64] -= 27).unwrap(), signature, "v of 0 or 1");
        let compact = |bytes: &mut Vec<u8>| {
            if bytes.pop() == Some(28) {
                bytes[32] |= 0x80;
            }
        };
        assert_eq!(changed(compact).unwrap(), signature, "compact");
        for seed in 1..=8u8 {
            let key = SigningKey::from_bytes(&[seed; 32].into()).unwrap();
            let (low, id) = key.sign_prehash_recoverable(&[seed; 32]).unwrap();
            let mut short = low.to_bytes().to_vec();
            short[32] |= id.to_byte() << 7;
            let long = [&low.to_bytes()[..], &[27 + id.to_byte()]].concat();
            assert_eq!(
                normalised(&encoding::to_hex(&short)).unwrap(),
                encoding::to_hex(&long),
                "compact, parity {}",
                id.to_byte()
            );
        }
    }

    #[test]
    fn a_high_s_becomes_the_low_one_that_another_implementation_finds() {
        for seed in 1..=40u8 {
            let key = SigningKey::from_bytes(&[seed; 32].into()).unwrap();
            let hash = [seed ^ 0x5a; 32];
            let (low, id) = key.sign_prehash_recoverable(&hash).unwrap();
            let high = Signature::from_scalars(low.r().to_bytes(), (-*low.s()).to_bytes()).unwrap();
            assert_eq!(high.normalize_s().unwrap(), low, "what another implementation makes of it");
            let spelt = |signature: &Signature, v: u8| encoding::to_hex(&[&signature.to_bytes()[..], &[v]].concat());
            let expected = spelt(&low, 27 + id.to_byte());
            for (signature, parity) in [(&low, id.to_byte()), (&high, 1 - id.to_byte())] {
                for v in [parity, 27 + parity] {
                    assert_eq!(normalised(&spelt(signature, v)).unwrap(), expected);
                }
            }
            // The form names the key that has signed.
            let bytes = encoding::from_hex(&normalised(&spelt(&high, 28 - id.to_byte())).unwrap()).unwrap();
            let found = VerifyingKey::recover_from_prehash(
                &hash,
                &Signature::from_slice(&bytes[..64]).unwrap(),
                RecoveryId::from_byte(bytes[64] - 27).unwrap(),
            );
            assert_eq!(found.unwrap(), *key.verifying_key());
        }
    }

    #[test]
    fn the_halves_of_the_order_are_told_apart_to_the_last_unit() {
        let with_s = |s: &Word| changed(|bytes| drop(bytes.splice(32..64, *s))).unwrap();
        assert_eq!(with_s(&HALF_ORDER)[66..130], encoding::to_hex(&HALF_ORDER)[2..]);
        let mut above = HALF_ORDER;
        above[31] += 1;
        // n − (n/2 + 1) = n/2, for n is odd.
        assert_eq!(with_s(&above)[66..130], encoding::to_hex(&HALF_ORDER)[2..]);
        let largest = minus(&ORDER, &{
            let mut one = ZERO;
            one[31] = 1;
            one
        });
        assert_eq!(with_s(&largest)[66..130], format!("{:064x}", 1));
    }

    #[test]
    fn contract_wallets_signatures_pass_unchanged() {
        let plain = encoding::from_hex(&vector()).unwrap();
        for bytes in [vec![1; 67], vec![9; 130], vec![0x64; 640]] {
            assert!(unchanged(&bytes), "{} bytes", bytes.len());
        }
        for mode in 0..=MAX_MODE {
            assert!(unchanged(&[&[mode], plain.as_slice()].concat()), "the mode {mode} in front");
            assert!(unchanged(&[plain.as_slice(), &[mode]].concat()), "the mode {mode} at the end");
        }
        for v in 27..=32 {
            assert!(unchanged(&[&plain[..64], &[v]].concat()), "v {v}");
        }
        let approved = [[0; 12].as_slice(), &[0xab; 20], &[0; 32], &[1]].concat();
        assert!(unchanged(&approved), "a hash that a Safe's owner has approved");
    }

    #[test]
    fn junk_is_refused_with_the_reason() {
        type Change = Box<dyn Fn(&mut Vec<u8>)>;
        let cases: Vec<(Change, &str)> = vec![
            (Box::new(|bytes| bytes.push(MAX_MODE + 1)), "wrong length"),
            (Box::new(|bytes| bytes.insert(0, MAX_MODE + 1)), "wrong length"),
            (Box::new(|bytes| *bytes = vec![0xab; 66]), "wrong length"),
            (Box::new(|bytes| bytes.truncate(63)), "wrong length"),
            (Box::new(|bytes| bytes.truncate(32)), "wrong length"),
            (Box::new(|bytes| bytes.clear()), "wrong length"),
            (Box::new(|bytes| bytes[64] = 2), "(v)"),
            (Box::new(|bytes| bytes[64] = 26), "(v)"),
            (Box::new(|bytes| bytes[64] = 33), "(v)"),
            (Box::new(|bytes| bytes[..32].fill(0)), "no key"),
            (Box::new(|bytes| bytes[..32].fill(255)), "no key"),
            (Box::new(|bytes| bytes[..32].copy_from_slice(&ORDER)), "no key"),
            (Box::new(|bytes| bytes[32..64].fill(0)), "no key"),
            (Box::new(|bytes| bytes[32..64].copy_from_slice(&ORDER)), "no key"),
            (Box::new(|bytes| (bytes[32..64].fill(0), bytes[64] = 31).0), "no key"),
            (Box::new(|bytes| (bytes[..32].fill(255), bytes[64] = 31).0), "no key"),
            (Box::new(|bytes| (bytes[..64].fill(0), bytes[64] = 1).0), "no key"),
            (Box::new(|bytes| (bytes.truncate(64), bytes[..32].fill(0)).0), "no key"),
        ];
        for (change, why) in cases {
            let error = changed(change).unwrap_err();
            assert!(error.contains(why), "{error} for {why}");
        }
        for text in ["", "0x", "0X", "hello", "0x123", "[object Object]", "0x0x00", "0X0x00"] {
            assert!(normalised(text).is_err(), "{text}");
        }
    }
}
