//! Amounts, addresses and lengths as JavaScript has them.

use tiny_keccak::{Hasher, Keccak};

/// How many decimals USDC has.
const DECIMALS: usize = 6;

/// An amount of USDC as a decimal string, in atomic units: `"0.02"` is 20000.
pub fn atomic(decimal: &str) -> Option<u128> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS || whole.len() > 20 {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}

/// Atomic units as a decimal string without zeros at its end: 20000 is `"0.02"`.
pub fn decimal(atomic: u128) -> String {
    let text = in_full(atomic);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Atomic units as a decimal string with all six decimals: 20000 is `"0.020000"`.
pub fn in_full(atomic: u128) -> String {
    let digits = format!("{atomic:0>width$}", width = DECIMALS.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(DECIMALS));
    format!("{whole}.{fraction}")
}

/// Whether this is `0x` and so many hexadecimal digits.
pub fn is_hex(text: &str, digits: usize) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether this is a UUID of any version, in any case.
pub fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A string's length in JavaScript: UTF-16 units.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The number at the beginning, as `parseInt` reads it.
pub fn leading_integer(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let signs = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(signs).take_while(u8::is_ascii_digit).count();
    text.get(..signs.saturating_add(digits))?.parse().ok()
}

/// The hash of Ethereum: Keccak-256 with its original padding, which is not SHA-3's.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let mut hasher = Keccak::v256();
    hasher.update(bytes);
    hasher.finalize(&mut hash);
    hash
}

/// An address with the capitals of its checksum (EIP-55).
pub fn checksummed(address: &str) -> String {
    let hex = address.get(2..).unwrap_or_default().to_ascii_lowercase();
    let hash = const_hex::encode(keccak256(hex.as_bytes()));
    let letter = |(letter, digit): (char, char)| if digit >= '8' { letter.to_ascii_uppercase() } else { letter };
    format!("0x{}", hex.chars().zip(hash.chars()).map(letter).collect::<String>())
}

/// The one of these names that was probably meant: with at most two letters changed, added or left
/// out.
pub fn meant<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let given = given.to_ascii_lowercase();
    names
        .iter()
        .map(|name| (distance(&given, &name.to_ascii_lowercase()), *name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line.saturating_add(1)];
        for (pair, against) in row.windows(2).zip(&other) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            let changed = diagonal.saturating_add(usize::from(letter != *against));
            next.push(changed.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_without_loss() {
        for (text, units, short) in [("0.02", 20_000, "0.02"), ("1000", 1_000_000_000, "1000"), ("0.000001", 1, "0.000001")] {
            assert_eq!(atomic(text), Some(units));
            assert_eq!(decimal(units), short);
        }
        assert_eq!(in_full(20_000), "0.020000");
        for bad in ["", ".", "1.", ".5", "-1", "1e4", "0x10", "0.0000001", " 1", "999999999999999999999"] {
            assert_eq!(atomic(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_get_their_checksum() {
        let usdc = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
        assert_eq!(checksummed(&usdc.to_lowercase()), usdc);
    }

    #[test]
    fn a_misspelt_name_is_found() {
        let names = ["price", "paywall", "lose-reply"];
        assert_eq!(meant("prize", &names), Some("price"));
        assert_eq!(meant("payWall", &names), Some("paywall"));
        assert_eq!(meant("lose-repyl", &names), Some("lose-reply"));
        assert_eq!(meant("colour", &names), None);
    }

    #[test]
    fn lengths_are_those_of_javascript() {
        assert_eq!((length("aé"), length("😀")), (2, 2));
        assert!(is_uuid("22222222-2222-4222-8222-22222222222A") && !is_uuid("22222222-2222-4222-8222-22222222222"));
    }
}
