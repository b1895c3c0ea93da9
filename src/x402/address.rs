//! Addresses of EVM chains.

use crate::encoding::{is_hex, keccak256};

/// Whether this address can be paid: 20 bytes in hexadecimal, not zero, and with the checksum of
/// EIP-55 where it is written in both cases. An address whose checksum is wrong has been mistyped
/// or tampered with.
pub fn is_payable(text: &str) -> bool {
    is_hex(text, 40) && text.bytes().skip(2).any(|byte| byte != b'0') && (is_in_one_case(text) || checksummed(text) == text)
}

fn is_in_one_case(text: &str) -> bool {
    let digits = || text.bytes().skip(2);
    !digits().any(|byte| byte.is_ascii_lowercase()) || !digits().any(|byte| byte.is_ascii_uppercase())
}

/// The address with its checksum: a letter is a capital where the hash of the small letters has a
/// digit of 8 or more.
pub fn checksummed(address: &str) -> String {
    let small = address.strip_prefix("0x").unwrap_or(address).to_ascii_lowercase();
    let hash = keccak256(small.as_bytes());
    let hash_digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let letters = small.chars().zip(hash_digits);
    let checked = letters.map(|(letter, digit)| if digit >= 8 { letter.to_ascii_uppercase() } else { letter });
    "0x".chars().chain(checked).collect()
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_eip_55() {
        for address in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
            "0x52908400098527886E0F7030069857D2E4169EE7",
        ] {
            assert_eq!(checksummed(&address.to_lowercase()), address);
            assert!(is_payable(address) && is_payable(&address.to_lowercase()));
        }
        assert!(is_payable(&format!("0x{}", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"[2..].to_uppercase())));
    }

    #[test]
    fn an_address_with_a_wrong_checksum_or_form_cannot_be_paid() {
        for address in [
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x0000000000000000000000000000000000000000",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
            "",
        ] {
            assert!(!is_payable(address), "{address}");
        }
    }
}
