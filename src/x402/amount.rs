//! Money as whole atomic units: read from text and written as text, never a float.

/// 2^256 − 1: the largest amount that a token contract can hold.
const LARGEST: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

/// How much of a token, in its smallest unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// The amount as decimal digits, without a leading zero.
    pub digits: String,
    /// The amount to compare and add. What does not fit is `u128::MAX`, which is above every limit.
    pub units: u128,
}

impl Amount {
    /// Reads atomic units: digits without a leading zero, above zero, at most 2^256 − 1.
    pub fn from_atomic(text: &str) -> Option<Self> {
        // Texts of the same length compare as the numbers do.
        let fits = (text.len(), text) <= (LARGEST.len(), LARGEST);
        if !fits || text.starts_with('0') {
            return None;
        }
        Some(Self { units: units(text)?, digits: text.to_owned() })
    }

    /// Reads a decimal number of tokens (`0.02`) above zero. `None` when it has more decimals than
    /// the token, or does not fit.
    pub fn from_decimal(text: &str, decimals: u8) -> Option<Self> {
        Self::from_atomic(atomic_digits(text, decimals)?.trim_start_matches('0'))
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
    with_point(units.to_string(), decimals)
}

/// `None` when it is not digits alone. What does not fit is `u128::MAX`.
fn units(text: &str) -> Option<u128> {
    if text.is_empty() {
        return None;
    }
    text.chars().try_fold(0u128, |sum, digit| Some(sum.saturating_mul(10).saturating_add(digit.to_digit(10)?.into())))
}

/// A plain decimal number (`0.02`) as atomic digits, with leading zeros.
fn atomic_digits(text: &str, decimals: u8) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let places = usize::from(decimals);
    let (kept, beyond) = fraction.split_at_checked(places.min(fraction.len()))?;
    // More decimals than the token has can only be zeros.
    if whole.is_empty() || fraction.is_empty() || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let digits = format!("{whole}{kept:0<places$}");
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

/// Atomic digits with the decimal point in its place, without needless zeros.
fn with_point(digits: String, decimals: u8) -> String {
    let places = usize::from(decimals);
    if places == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = padded.split_at_checked(padded.len().saturating_sub(places)).unwrap_or_default();
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
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
            assert_eq!(to_decimal(units, 0), units.to_string());
            if units > 0 {
                assert_eq!(Amount::from_atomic(&units.to_string()).unwrap().units, units);
            }
        }
    }
}
