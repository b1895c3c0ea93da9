//! Bytes as hexadecimal digits and as base64, and their Keccak-256 hash.

use tiny_keccak::{Hasher, Keccak};

/// The longest header value that is read or sent, in bytes.
pub const MAX_HEADER: usize = 65_536;

/// The hash of Ethereum: Keccak-256 with its original padding, which is not SHA-3's.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let mut hasher = Keccak::v256();
    hasher.update(bytes);
    hasher.finalize(&mut hash);
    hash
}

/// The first half of the hash, as hexadecimal digits: a name for a text, which says nothing of it.
pub fn short_hash(bytes: &[u8]) -> String {
    let half: Vec<u8> = keccak256(bytes).into_iter().take(16).collect();
    to_hex(&half)
}

/// The bytes of an even number of hexadecimal digits, with or without `0x` before them.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    const_hex::decode(text).ok()
}

/// `0x` and the bytes in lower case.
pub fn to_hex(bytes: &[u8]) -> String {
    const_hex::encode_prefixed(bytes)
}

/// Whether this is `0x` and so many hexadecimal digits.
pub fn is_hex(text: &str, digits: usize) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding.
pub fn to_base64(text: &str) -> String {
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let six = BASE64.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            encoded.push(char::from(if at > three.len() { b'=' } else { six }));
        }
    }
    encoded
}

/// The text that this is the base64 of. The URL alphabet and missing padding are accepted too;
/// anything else is `None`.
pub fn from_base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut held): (u32, u32) = (0, 0);
    let mut text = text.trim_ascii();
    while let Some(before) = text.strip_suffix("=") {
        text = before;
    }
    for byte in text.bytes() {
        let byte = match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        };
        let six = BASE64.iter().position(|known| *known == byte)?;
        bits = bits << 6 | u32::try_from(six).ok()?;
        held = held.wrapping_add(6);
        if held >= 8 {
            held = held.wrapping_sub(8);
            bytes.push((bits >> held & 255) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn keccak_256_is_the_hash_of_ethereum() {
        let hash = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(to_hex(&keccak256(b"")), hash);
    }

    #[test]
    fn hexadecimal_there_and_back() {
        assert_eq!(from_hex("0x00aBff").unwrap(), [0, 0xab, 0xff]);
        assert_eq!(from_hex("00ab").unwrap(), [0, 0xab]);
        assert_eq!(to_hex(&[0, 0xab, 0xff]), "0x00abff");
        assert_eq!(from_hex("0X00ab").unwrap(), [0, 0xab]);
        for odd in ["0x0", "0xzz", "0x0x", "é1"] {
            assert_eq!(from_hex(odd), None, "{odd}");
        }
    }

    #[test]
    fn base64_there_and_back() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("{\"a\":\"€\"}", "eyJhIjoi4oKsIn0=")]
        {
            assert_eq!(to_base64(text), encoded);
            assert_eq!(from_base64(encoded).as_deref(), Some(text));
            assert_eq!(from_base64(encoded.trim_end_matches('=')).as_deref(), Some(text));
        }
        assert_eq!(from_base64("Pz8_").as_deref(), Some("???"));
        for odd in ["Zg==Zg==", "Z g", "{}", "gA==", "é"] {
            assert_eq!(from_base64(odd), None, "{odd}");
        }
    }
}
