//! Whether a failed request may be sent again, and when.

use crate::api::error::Error;
use crate::api::routes;
use crate::http::message::carries_proof;
use crate::platform::{HttpRequest, HttpResponse};
use crate::time::{Millis, WallTime};

/// The longest first pause before a retry; doubles with each try.
const FIRST_PAUSE: Millis = Millis::new(200.0);
/// The longest pause that the client itself chooses.
const MAX_PAUSE: Millis = Millis::new(5_000.0);
/// A longer `Retry-After` is not believed: one day. Some servers write a time in place of a
/// duration.
const MAX_RETRY_AFTER: Millis = Millis::new(86_400_000.0);
/// The longest time for a read that another one follows: a poll, or a list. One that takes longer
/// is worse than none, for its connection may be dead.
pub(crate) const POLL_LIMIT: Millis = Millis::new(10_000.0);

/// What sending a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// Nothing: a read, or a change that comes to the same however often it is made.
    Harmless,
    /// It would create a second job, which is free and ends by itself.
    SecondJob,
    /// It would pay twice, or put a message into a session twice.
    SecondEffect,
}

impl Repeated {
    /// What it means to send this POST twice.
    pub fn of_post(request: &HttpRequest) -> Self {
        if carries_proof(request) || request.url.contains(routes::SESSIONS) { Self::SecondEffect } else { Self::SecondJob }
    }
}

/// Whether a request may be sent again after this failure. The only rule about that:
///
/// | the failure | harmless | second job | second effect |
/// | --- | --- | --- | --- |
/// | did not reach the server | yes | yes | yes |
/// | 429: the server did nothing | yes | yes | yes |
/// | 503: the server, or a proxy before it, did nothing | yes | yes | no |
/// | any other failure that may pass | yes | no | no |
/// | any other failure | no | no | no |
pub fn may_be_sent_again(repeated: Repeated, error: &Error) -> bool {
    match repeated {
        Repeated::Harmless => error.code.retryable(),
        Repeated::SecondJob => error.not_sent || matches!(error.status, Some(429 | 503)),
        Repeated::SecondEffect => error.not_sent || error.status == Some(429),
    }
}

/// The pause before try number `tries + 1`, with full jitter, so that many clients do not return at
/// the same time. `random` is from 0 to 1.
pub fn backoff(tries: u32, random: f64) -> Millis {
    let doubled = f64::from(1u32.checked_shl(tries.min(16)).unwrap_or(1));
    FIRST_PAUSE.times(doubled).min(MAX_PAUSE).times(random)
}

/// A budget for retries, so that an outage is not hammered: a retry costs one token, a success
/// returns a tenth of one.
#[derive(Debug)]
pub struct RetryBudget {
    tokens: f64,
}

impl RetryBudget {
    const FULL: f64 = 20.0;

    /// Takes a token; false when there is none.
    pub fn take(&mut self) -> bool {
        let is_enough = self.tokens >= 1.0;
        if is_enough {
            self.tokens -= 1.0;
        }
        is_enough
    }

    /// A request has succeeded.
    pub fn refill(&mut self) {
        self.tokens = (self.tokens + 0.1).min(Self::FULL);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tokens: Self::FULL }
    }
}

/// How long the server asks the client to wait: `Retry-After` in seconds, with or without a
/// fraction, or as a date. A date is compared with the server's own `Date` where it can be read,
/// because the two clocks may differ. `None` when the server does not say, or asks for more than a
/// day.
pub fn retry_after(response: &HttpResponse, now: WallTime, parse_date: impl Fn(&str) -> Option<WallTime>) -> Option<Millis> {
    let value = response.header("retry-after")?.trim_ascii();
    let asked = match seconds(value) {
        Some(seconds) => Millis::from_secs(seconds),
        None if is_http_date(value) => {
            let now = response.header("date").and_then(&parse_date).unwrap_or(now);
            parse_date(value)?.since(now).max(Millis::ZERO)
        }
        None => return None,
    };
    (asked <= MAX_RETRY_AFTER).then_some(asked)
}

/// Whole seconds; a fraction is rounded up.
pub(crate) fn seconds(value: &str) -> Option<f64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole = whole.bytes().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit.wrapping_sub(b'0')));
    let has_fraction = fraction.bytes().any(|digit| digit != b'0');
    Some(whole + f64::from(u8::from(has_fraction)))
}

/// Whether this may be an HTTP date: it begins with a weekday and has a time of day. JavaScript
/// accepts almost anything as a date.
fn is_http_date(value: &str) -> bool {
    value.starts_with(|letter: char| letter.is_ascii_alphabetic()) && value.contains(':')
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::options::CallOptions;
    use crate::http::message::HttpConfig;
    use crate::http::outcome::{no_answer, refusal, send_error};
    use crate::platform::{Body, Method, SendError, SendFailure};

    const NOW: WallTime = WallTime::from_ms(0.0);

    fn date(text: &str) -> Option<WallTime> {
        let at = httpdate::parse_http_date(text).ok()?;
        Some(WallTime::from_ms(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0))
    }
    fn response(retry_after: &str, server_date: Option<&str>) -> HttpResponse {
        let mut headers = vec![("retry-after", retry_after.to_owned())];
        headers.extend(server_date.map(|text| ("date", text.to_owned())));
        HttpResponse { status: 429, headers, body: Body::Empty }
    }
    fn asked(value: &str, server_date: Option<&str>) -> Option<f64> {
        retry_after(&response(value, server_date), NOW, date).map(Millis::get)
    }

    fn request(method: Method, path: &str) -> HttpRequest {
        let config = HttpConfig { base_url: "https://h".into(), headers: vec![], timeout: Millis::new(1.0), retries: 0 };
        config.request(method, path, &CallOptions::default())
    }
    fn answer(status: u16) -> HttpResponse {
        HttpResponse { status, headers: vec![], body: Body::Empty }
    }

    #[test]
    fn what_may_be_sent_again_after_which_failure() {
        use Repeated::{Harmless, SecondEffect, SecondJob};
        let get = request(Method::Get, routes::JOBS);
        let failed = |failure| send_error(&get, SendError { failure, words: String::new(), cause: None, partial: String::new() });
        let status = |status| refusal(&get, &answer(status), None);
        let table = [
            (failed(SendFailure::Unreached), [true, true, true]),
            (status(429), [true, true, true]),
            (status(503), [true, true, false]),
            (failed(SendFailure::Failed), [true, false, false]),
            (failed(SendFailure::Reset), [true, false, false]),
            (failed(SendFailure::Timeout), [true, false, false]),
            (failed(SendFailure::NoResponse), [true, false, false]),
            (status(408), [true, false, false]),
            (status(425), [true, false, false]),
            (status(500), [true, false, false]),
            (status(502), [true, false, false]),
            (status(504), [true, false, false]),
            (no_answer(&get, &answer(200), "a job"), [true, false, false]),
            (failed(SendFailure::TooLarge), [false, false, false]),
            (failed(SendFailure::HeadersTooLarge), [false, false, false]),
            (failed(SendFailure::HiddenRedirect), [false, false, false]),
            (status(302), [false, false, false]),
            (status(400), [false, false, false]),
            (status(401), [false, false, false]),
            (status(402), [false, false, false]),
            (status(403), [false, false, false]),
            (status(404), [false, false, false]),
            (status(418), [false, false, false]),
            (status(431), [false, false, false]),
        ];
        for (error, expected) in table {
            let may = [Harmless, SecondJob, SecondEffect].map(|repeated| may_be_sent_again(repeated, &error));
            assert_eq!(may, expected, "{}", error.message);
        }
    }

    #[test]
    fn a_post_with_a_proof_or_to_a_session_must_not_happen_twice() {
        let kind = |path: &str| Repeated::of_post(&request(Method::Post, path));
        assert_eq!(kind(routes::JOBS), Repeated::SecondJob);
        assert_eq!(kind(routes::SESSIONS), Repeated::SecondEffect);
        assert_eq!(kind(&routes::session("s", "/messages")), Repeated::SecondEffect);
        let mut paid = request(Method::Post, routes::JOBS);
        paid.headers.push(("x-payment".into(), "abc".into()));
        assert_eq!(Repeated::of_post(&paid), Repeated::SecondEffect);
    }

    #[test]
    fn the_backoff_doubles_is_capped_and_jitters_down_to_zero() {
        assert_eq!([0, 1, 2].map(|tries| backoff(tries, 1.0).get()), [200.0, 400.0, 800.0]);
        assert_eq!(backoff(40, 1.0), MAX_PAUSE);
        assert_eq!(backoff(3, 0.0), Millis::ZERO);
    }

    #[test]
    fn the_retry_budget_runs_out_and_refills_slowly() {
        let mut budget = RetryBudget::default();
        assert_eq!((0..100).filter(|_| budget.take()).count(), 20);
        for _ in 0..11 {
            budget.refill();
        }
        assert!(budget.take() && !budget.take());
    }

    #[test]
    fn retry_after_is_in_seconds_or_a_date_on_the_servers_clock() {
        assert_eq!(asked("2", None), Some(2_000.0));
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:30 GMT", Some(date)), Some(30_000.0));
        assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT", Some(date)), Some(0.0));
        assert_eq!(asked("Fri, 23 Oct 2026 07:28:00 GMT", Some(date)), None, "more than a day");
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        for (value, seconds) in [("299.997", 300.0), ("1.5", 2.0), ("0.001", 1.0), ("7.0", 7.0), ("0.000", 0.0)] {
            assert_eq!(asked(value, None), Some(seconds * 1_000.0), "{value}");
        }
    }

    #[test]
    fn more_than_a_day_and_what_makes_no_sense_are_not_believed() {
        assert_eq!(asked("86400", None), Some(86_400_000.0));
        let digits = "9".repeat(400);
        for garbage in
            ["", "soon", "-5", "1.5e3", "86401", "1790000000", &digits, "in 60", "1.", ".5", "1.2.3", "1,5", "12:30", "5 5"]
        {
            assert_eq!(asked(garbage, None), None, "{garbage}");
            // In a runtime that takes anything for a date.
            assert_eq!(retry_after(&response(garbage, None), NOW, |_| Some(WallTime::from_ms(1.0))), None, "{garbage}");
        }
    }
}
