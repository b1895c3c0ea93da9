//! When a failed request is sent again.

use core::cell::Cell;

use crate::platform::HttpResponse;
use crate::text::find;

/// The first wait before another try, in milliseconds; doubles with each try.
const BASE_MS: f64 = 200.0;
/// The longest wait that is ours, in milliseconds.
const CAP_MS: f64 = 5_000.0;

/// How long to wait before try number `tries + 1`: full jitter, so that many clients do not come back together.
/// `random` is from 0 to 1.
pub fn backoff_ms(tries: u32, random: f64) -> f64 {
    (BASE_MS * f64::from(1u32.checked_shl(tries.min(16)).unwrap_or(1))).min(CAP_MS) * random
}

/// A budget for tries beyond the first, so that an outage is not hammered: a try costs one token, a success gives a
/// tenth back.
#[derive(Debug)]
pub struct RetryBudget(Cell<f64>);

impl RetryBudget {
    const FULL: f64 = 20.0;

    /// A full budget.
    pub fn new() -> Self {
        Self(Cell::new(Self::FULL))
    }
    /// Takes a token; false when there is none.
    pub fn take(&self) -> bool {
        let left = self.0.get() - 1.0;
        if left >= 0.0 {
            self.0.set(left);
        }
        left >= 0.0
    }
    /// A request has succeeded.
    pub fn refill(&self) {
        self.0.set((self.0.get() + 0.1).min(Self::FULL));
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

/// How long the server asks to stay away, in milliseconds: `Retry-After` in seconds, or as a date, which is compared with
/// the server's own `Date` where it is there, since the two clocks need not agree. `None` when it does not say.
pub fn retry_after_ms(response: &HttpResponse, now_ms: f64, parse_date: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let value = response.header("retry-after")?.trim_ascii();
    if !value.is_empty() && value.len() <= 9 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.bytes().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit.wrapping_sub(b'0')));
        return Some(seconds * 1000.0);
    }
    // JavaScript takes almost anything for a date: an HTTP date has a weekday and a time of day.
    if !value.starts_with(|letter: char| letter.is_ascii_alphabetic()) || find(value, ":").is_none() {
        return None;
    }
    let now = response.header("date").and_then(&parse_date).unwrap_or(now_ms);
    parse_date(value).map(|at| (at - now).max(0.0))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::platform::Body;

    fn date(text: &str) -> Option<f64> {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0)
    }
    fn asked(retry_after: &str, server_date: Option<&str>) -> Option<f64> {
        let mut headers = vec![("retry-after", retry_after.to_owned())];
        headers.extend(server_date.map(|text| ("date", text.to_owned())));
        retry_after_ms(&HttpResponse { status: 429, headers, body: Body::Empty }, 0.0, date)
    }

    #[test]
    fn retry_rules_backoff_doubles_is_capped_and_jitters_down_to_zero() {
        assert_eq!([0, 1, 2].map(|tries| backoff_ms(tries, 1.0)), [200.0, 400.0, 800.0]);
        assert_eq!(backoff_ms(40, 1.0), 5_000.0);
        assert_eq!(backoff_ms(3, 0.0), 0.0);
    }

    #[test]
    fn retry_rules_the_budget_runs_out_and_comes_back_slowly() {
        let budget = RetryBudget::new();
        assert_eq!((0..100).filter(|_| budget.take()).count(), 20);
        for _ in 0..11 {
            budget.refill();
        }
        assert!(budget.take() && !budget.take());
    }

    #[test]
    fn rows_16_and_17_retry_after_in_seconds_or_as_a_date_on_the_servers_clock() {
        assert_eq!(asked("2", None), Some(2_000.0));
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:30 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Some(30_000.0));
        assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Some(0.0));
        for garbage in ["", "soon", "-5", "1.5e3", "9999999999", "in 60", "1.5", "12:30"] {
            assert_eq!(asked(garbage, None), None, "{garbage}");
            // A runtime that takes anything for a date.
            let answer = HttpResponse { status: 429, headers: vec![("retry-after", garbage.to_owned())], body: Body::Empty };
            assert_eq!(retry_after_ms(&answer, 0.0, |_| Some(1.0)), None, "{garbage}");
        }
    }
}
