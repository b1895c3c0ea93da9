//! Money as whole atomic units: read from text and written as text, never a float.

use core::cmp::Ordering;

use crate::text::{concat, split};

/// 2^256 − 1: the largest amount that a token contract can hold.
const LARGEST: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

/// How much, in a token's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// The amount as decimal digits.
    pub digits: String,
    /// The amount to reckon with. What does not fit is the largest number, which is above every limit.
    pub units: u128,
}

impl Amount {
    /// Reads atomic units: digits without a leading zero, above zero, at most 2^256 − 1.
    pub fn from_atomic(text: &str) -> Option<Self> {
        let fits = text.len() < LARGEST.len() || (text.len() == LARGEST.len() && text.cmp(LARGEST) != Ordering::Greater);
        if !fits || text.starts_with('0') {
            return None;
        }
        Some(Self { units: units(text)?, digits: text.to_owned() })
    }

    /// Reads a decimal number of tokens (`0.02`) above zero. `None` when it has more decimals than the token or does not fit.
    pub fn from_decimal(text: &str, decimals: u8) -> Option<Self> {
        let digits = atomic_digits(text, decimals)?;
        let mut digits = digits.as_str();
        while let Some(rest) = digits.strip_prefix("0") {
            digits = rest;
        }
        Self::from_atomic(digits)
    }

    /// The amount as a decimal number of tokens, without needless zeros.
    pub fn decimal(&self, decimals: u8) -> String {
        with_point(self.digits.clone(), decimals)
    }
}

/// Reads a limit: a decimal number of tokens, which may be zero.
pub fn limit(text: &str, decimals: u8) -> Option<u128> {
    units(&atomic_digits(text, decimals)?)
}

/// Atomic units as a decimal number of tokens, without needless zeros.
pub fn to_decimal(units: u128, decimals: u8) -> String {
    with_point(digits(units), decimals)
}

/// Atomic units as decimal digits. By doubling the digits: division of such numbers would bring its own code along.
pub fn digits(units: u128) -> String {
    let mut digits: Vec<u8> = vec![0];
    for bit in (0..u128::BITS).rev() {
        let mut carry = u8::from(units >> bit & 1 == 1);
        for digit in digits.iter_mut().rev() {
            let doubled = digit.wrapping_mul(2).wrapping_add(carry);
            carry = u8::from(doubled >= 10);
            *digit = if doubled >= 10 { doubled.wrapping_sub(10) } else { doubled };
        }
        if carry > 0 {
            digits.insert(0, carry);
        }
    }
    let mut text = String::new();
    for digit in digits {
        text.push(char::from(b'0'.wrapping_add(digit)));
    }
    text
}

/// `None` when it is not digits alone. What does not fit is the largest number.
fn units(text: &str) -> Option<u128> {
    let mut sum: u128 = 0;
    for byte in text.bytes() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        let eightfold = if sum >> 125 > 0 { u128::MAX } else { sum << 3 };
        sum = eightfold.saturating_add(sum).saturating_add(sum).saturating_add(u128::from(digit));
    }
    (!text.is_empty()).then_some(sum)
}

/// A plain decimal number (`0.02`) as atomic digits, with leading zeros.
fn atomic_digits(text: &str, decimals: u8) -> Option<String> {
    let (whole, fraction) = split(text, ".").unwrap_or((text, "0"));
    let places = usize::from(decimals);
    let (kept, beyond) = fraction.split_at_checked(places.min(fraction.len()))?;
    // More decimals than the token has can only be zeros.
    if whole.is_empty() || fraction.is_empty() || !beyond.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let mut digits = concat(&[whole, kept]);
    for _ in kept.len()..places {
        digits.push('0');
    }
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

fn with_point(mut digits: String, decimals: u8) -> String {
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
            ("0.020000", "20000", "0.02"),
            ("0.02", "20000", "0.02"),
            ("1", "1000000", "1"),
            ("0.000001", "1", "0.000001"),
            ("12.5", "12500000", "12.5"),
            ("0.0200000000", "20000", "0.02"),
            ("00.02", "20000", "0.02"),
        ] {
            let amount = Amount::from_decimal(text, 6).unwrap();
            assert_eq!((amount.digits.as_str(), amount.units), (atomic, atomic.parse().unwrap()), "{text}");
            assert_eq!(amount.decimal(6), back);
            assert_eq!(to_decimal(amount.units, 6), back);
        }
        assert_eq!(Amount::from_decimal("1.5", 18).unwrap().digits, "1500000000000000000");
        assert_eq!(to_decimal(5, 0), "5");
        assert_eq!(to_decimal(0, 6), "0");
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
            "0.é",
            "0.00000é",
        ] {
            assert_eq!(Amount::from_decimal(text, 6), None, "{text}");
            assert_eq!(limit(text, 6), None, "{text}");
        }
        for text in ["0", "0.0"] {
            assert_eq!((Amount::from_decimal(text, 6), limit(text, 6)), (None, Some(0)));
        }
        for text in ["", "0", "00", "01", "0x10", "1e4", "-1", "1.5", "1_0", " 1"] {
            assert_eq!(Amount::from_atomic(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_contract_can_hold_is_an_amount_and_above_every_limit() {
        assert_eq!(Amount::from_atomic(LARGEST).unwrap().units, u128::MAX);
        assert_eq!(Amount::from_atomic(&LARGEST.replace("39935", "39936")), None);
        assert_eq!(Amount::from_atomic(&format!("1{}", "0".repeat(80))), None);
        for units in [0, 1, 9, 10, 20_000, u128::from(u64::MAX), u128::MAX - 1, u128::MAX] {
            assert_eq!(digits(units), units.to_string());
            if units > 0 {
                assert_eq!(Amount::from_atomic(&units.to_string()).unwrap().units, units);
            }
        }
    }
}
