//! Money as whole atomic units: read from decimal text and written as decimal text, never a float.

use crate::text::{decimal, split};

/// Reads a decimal number of tokens into atomic units. `None` when it is not plain decimal (`0.02`), has more decimals
/// than the token, or does not fit.
pub fn from_decimal(text: &str, decimals: u8) -> Option<u64> {
    let (whole, fraction) = split(text, ".").unwrap_or((text, "0"));
    if whole.is_empty() || fraction.is_empty() {
        return None;
    }
    let places = usize::from(decimals);
    let mut sum: u64 = 0;
    for byte in whole.bytes() {
        sum = digit(sum, byte)?;
    }
    let mut fraction = fraction.bytes();
    for _ in 0..places {
        sum = digit(sum, fraction.next().unwrap_or(b'0'))?;
    }
    // More decimals than the token has can only be zeros.
    fraction.all(|byte| byte == b'0').then_some(sum)
}

fn digit(sum: u64, byte: u8) -> Option<u64> {
    let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
    sum.checked_mul(10)?.checked_add(u64::from(digit))
}

/// Atomic units as a decimal number of tokens, without needless zeros.
pub fn to_decimal(atomic: u64, decimals: u8) -> String {
    let mut digits = decimal(atomic);
    let places = usize::from(decimals);
    while digits.len() <= places {
        digits.insert(0, '0');
    }
    if places > 0 {
        digits.insert(digits.len().saturating_sub(places), '.');
        while digits.ends_with('0') {
            digits.pop();
        }
        if digits.ends_with('.') {
            digits.pop();
        }
    }
    digits
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_atomic_units_and_come_back() {
        for (text, atomic, back) in [
            ("0.020000", 20_000, "0.02"),
            ("0.02", 20_000, "0.02"),
            ("1", 1_000_000, "1"),
            ("0.000001", 1, "0.000001"),
            ("12.5", 12_500_000, "12.5"),
            ("0.0200000000", 20_000, "0.02"),
            ("0", 0, "0"),
        ] {
            assert_eq!(from_decimal(text, 6), Some(atomic), "{text}");
            assert_eq!(to_decimal(atomic, 6), back);
        }
        assert_eq!(to_decimal(u64::MAX, 6), "18446744073709.551615");
    }

    #[test]
    fn odd_amounts_are_no_amounts() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e4",
            "0x10",
            "1,5",
            " 1",
            "1 ",
            "0.0000001",
            "NaN",
            "٣",
            "1.2.3",
            "99999999999999999999",
        ] {
            assert_eq!(from_decimal(text, 6), None, "{text}");
        }
    }
}
