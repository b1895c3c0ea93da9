//! How many looks the server's rate limit leaves.
//!
//! A server counts all requests of an address in a window (elizaOS: 1000 in 15 minutes) and answers 429 to what is above. It says
//! how many are left where its headers can be read; a page of another origin reads none of them, and then the usual limit is
//! assumed. Looks may use the first half of a window as they like. The other half is spread over what is left of the window, but
//! for a tenth of it, which is kept for requests that create jobs.

use core::cell::Cell;

use crate::platform::HttpResponse;

/// What a server allows that does not say.
const USUAL_LIMIT: f64 = 1_000.0;
/// The window of a server that does not say, in milliseconds.
const USUAL_WINDOW_MS: f64 = 900_000.0;
/// The longest pause between two looks for a limit that is only assumed, in milliseconds.
const ASSUMED_PACE_MS: f64 = 5_000.0;
/// The longest time to stay away, whatever a server asks for, in milliseconds: what is waited for is gone by then.
const MAX_QUIET_MS: f64 = USUAL_WINDOW_MS;
/// How long to stay away after a 429 that does not say how long, in milliseconds.
const RATE_LIMITED_MS: f64 = 15_000.0;
/// Two ends of a window that are nearer than this, in milliseconds, are the same: servers count in whole seconds.
const SAME_WINDOW_MS: f64 = 2_000.0;

/// What is left of the present window.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// How many requests a window has.
    limit: Cell<f64>,
    left: Cell<f64>,
    /// When the next window begins.
    resets_at: Cell<f64>,
    /// Whether the server itself said so.
    said: Cell<bool>,
    /// Whether the server's headers can be read and name no limit.
    open: Cell<bool>,
    /// Until when nobody looks, after a 429.
    quiet_until: Cell<f64>,
    /// The first instant that no look has taken yet.
    next: Cell<f64>,
}

impl RateLimit {
    /// A request goes out.
    pub fn sent(&self, now: f64) {
        self.turn_page(now);
        self.left.set(self.left.get() - 1.0);
    }

    /// An answer has come.
    pub fn heard(&self, response: &HttpResponse, now: f64) {
        let number = |name| response.header(name).and_then(|text| text.trim_ascii().parse::<u32>().ok()).map(f64::from);
        let named = (number("ratelimit-limit"), number("ratelimit-remaining"), number("ratelimit-reset"));
        if let (Some(limit @ 1.0..), Some(left), Some(seconds)) = named {
            let resets_at = now + seconds * 1_000.0;
            // Requests that are still on their way are counted here and not there yet.
            let same = self.said.get() && (resets_at - self.resets_at.get()).abs() < SAME_WINDOW_MS;
            self.left.set(if same { left.min(self.left.get()) } else { left });
            self.limit.set(limit);
            self.resets_at.set(resets_at);
            self.said.set(true);
            self.open.set(false);
        } else if !self.said.get() && self.quiet_until.get() == 0.0 {
            // Servers send a date, and pages of other origins cannot read it.
            self.open.set(response.header("date").is_some());
        }
    }

    /// The server has answered 429. From here on nobody looks for as long as it asks.
    pub fn limited(&self, retry_after_ms: Option<f64>, now: f64) {
        self.turn_page(now);
        self.open.set(false);
        self.left.set(self.left.get().min(self.kept(false)));
        self.rest(retry_after_ms.unwrap_or(RATE_LIMITED_MS), now);
        if let (Some(_), false) = (retry_after_ms, self.said.get()) {
            // What it asks for is the rest of its window.
            self.resets_at.set(self.quiet_until.get());
        }
    }

    /// The server wants to be left alone.
    pub fn rest(&self, ms: f64, now: f64) {
        self.quiet_until.set(self.quiet_until.get().max(now + ms.min(MAX_QUIET_MS)));
    }

    /// How long nobody looks any more, in milliseconds.
    pub fn quiet_ms(&self, now: f64) -> f64 {
        (self.quiet_until.get() - now).max(0.0)
    }

    /// How many looks may go out at once.
    pub fn spare(&self, now: f64) -> f64 {
        self.turn_page(now);
        if self.quiet_ms(now) > 0.0 {
            0.0
        } else if self.open.get() {
            f64::INFINITY
        } else {
            (self.left.get() - self.limit.get() / 2.0).max(0.0)
        }
    }

    /// When a look may go out; nobody else gets this instant. `last`: after it nobody asks for this job any more, so it may use what is
    /// kept for others.
    pub fn book(&self, now: f64, last: bool) -> Booking<'_> {
        let free_at = self.free_at(now, last);
        if last && self.left.get() > self.kept(last) {
            return Booking { allowance: self, at: free_at, step: Cell::new(0.0) };
        }
        let at = free_at.max(self.next.get());
        let pace = (self.resets_at.get() - now) / (self.left.get() - self.kept(false)).max(1.0);
        let slowest = if self.said.get() { pace } else { ASSUMED_PACE_MS };
        let step = if self.spare(now) > 0.0 { 0.0 } else { pace.min(slowest) };
        self.next.set(at + step);
        Booking { allowance: self, at, step: Cell::new(step) }
    }

    /// The first instant at which any look may go out.
    pub fn free_at(&self, now: f64, last: bool) -> f64 {
        self.turn_page(now);
        let spent = self.said.get() && self.left.get() <= self.kept(last);
        now.max(self.quiet_until.get()).max(if spent { self.resets_at.get() } else { 0.0 })
    }

    /// How many requests of the window are not for looks.
    fn kept(&self, last: bool) -> f64 {
        self.limit.get() / if last { 50.0 } else { 10.0 }
    }

    fn turn_page(&self, now: f64) {
        if now >= self.resets_at.get() {
            if !self.said.get() {
                self.limit.set(USUAL_LIMIT);
            }
            self.left.set(self.limit.get());
            self.resets_at.set(now + USUAL_WINDOW_MS);
        }
    }
}

/// An instant for a look. It is given back when the look is not made.
#[derive(Debug)]
pub struct Booking<'a> {
    allowance: &'a RateLimit,
    /// When the look may go out.
    pub at: f64,
    step: Cell<f64>,
}

impl Booking<'_> {
    /// The look is made.
    pub fn used(self) {
        self.step.set(0.0);
    }
}

impl Drop for Booking<'_> {
    fn drop(&mut self) {
        self.allowance.next.set(self.allowance.next.get() - self.step.get());
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::platform::Body;

    fn answer(headers: &[(&'static str, &str)]) -> HttpResponse {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        HttpResponse { status: 200, headers, body: Body::Empty }
    }
    fn told(limit: &str, left: &str, seconds: &str) -> HttpResponse {
        answer(&[("ratelimit-limit", limit), ("ratelimit-remaining", left), ("ratelimit-reset", seconds)])
    }
    fn booked(allowance: &RateLimit, now: f64, last: bool) -> f64 {
        let booking = allowance.book(now, last);
        let at = booking.at;
        booking.used();
        at
    }
    /// When so many looks, one right after the other, may go out.
    fn looks(allowance: &RateLimit, now: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| booked(allowance, now, false)).collect()
    }

    #[test]
    fn the_first_half_of_a_window_is_free_and_the_rest_is_spread() {
        let allowance = RateLimit::default();
        allowance.heard(&told("1000", "501", "900"), 0.0);
        assert_eq!(allowance.spare(0.0), 1.0);
        allowance.sent(0.0);
        assert_eq!(allowance.spare(0.0), 0.0);
        // 400 requests for 900 s, a hundred are kept.
        assert_eq!(looks(&allowance, 0.0, 3), [0.0, 2_250.0, 4_500.0]);
        assert_eq!(allowance.spare(900_000.0), 500.0, "the next window");
    }

    #[test]
    fn what_is_kept_is_for_creates_and_for_last_looks() {
        let allowance = RateLimit::default();
        allowance.heard(&told("1000", "100", "60"), 0.0);
        assert_eq!(booked(&allowance, 0.0, false), 60_000.0);
        assert_eq!(booked(&allowance, 0.0, true), 0.0);
        for _ in 0..80 {
            allowance.sent(0.0);
        }
        assert!(booked(&allowance, 0.0, true) >= 60_000.0);
    }

    #[test]
    fn requests_on_their_way_count() {
        let allowance = RateLimit::default();
        allowance.heard(&told("1000", "900", "100"), 0.0);
        for _ in 0..10 {
            allowance.sent(0.0);
        }
        allowance.heard(&told("1000", "899", "99"), 1_000.0);
        assert_eq!(allowance.spare(1_000.0), 390.0);
        allowance.heard(&told("1000", "999", "900"), 1_000.0);
        assert_eq!(allowance.spare(1_000.0), 499.0, "another window");
    }

    #[test]
    fn a_server_whose_headers_can_be_read_and_say_nothing_has_no_limit_until_it_answers_429() {
        let allowance = RateLimit::default();
        assert_eq!(allowance.spare(0.0), 500.0, "the usual limit is assumed");
        allowance.heard(&answer(&[("date", "Wed, 21 Oct 2026 07:28:00 GMT")]), 0.0);
        assert_eq!(allowance.spare(0.0), f64::INFINITY);
        allowance.limited(Some(20_000.0), 0.0);
        allowance.heard(&answer(&[("date", "Wed, 21 Oct 2026 07:28:00 GMT")]), 0.0);
        assert_eq!((allowance.spare(0.0), allowance.quiet_ms(500.0)), (0.0, 19_500.0));
        assert_eq!(looks(&allowance, 0.0, 3), [20_000.0, 25_000.0, 30_000.0], "never slower than this when it only seems so");
    }

    #[test]
    fn row_18_a_429_without_a_time_keeps_away() {
        let allowance = RateLimit::default();
        allowance.limited(None, 1_000.0);
        assert_eq!((allowance.quiet_ms(1_000.0), booked(&allowance, 1_000.0, true)), (15_000.0, 16_000.0));
        allowance.limited(Some(2_000.0), 1_000.0);
        assert_eq!(allowance.quiet_ms(1_000.0), 15_000.0, "the longer one");
    }

    #[test]
    fn a_look_that_is_not_made_gives_its_instant_back() {
        let allowance = RateLimit::default();
        allowance.limited(None, 0.0);
        for _ in 0..100 {
            drop(allowance.book(0.0, false));
        }
        assert_eq!(looks(&allowance, 0.0, 2), [15_000.0, 20_000.0]);
    }

    #[test]
    fn after_the_time_that_a_429_asks_for_there_is_a_window_again_and_no_server_asks_for_more_than_one() {
        let allowance = RateLimit::default();
        allowance.limited(Some(1_000.0), 0.0);
        assert_eq!((allowance.spare(999.0), allowance.spare(1_000.0)), (0.0, 500.0));
        assert_eq!(looks(&allowance, 1_000.0, 3), [1_000.0; 3]);
        allowance.limited(Some(8.64e13), 1_000.0);
        assert_eq!(allowance.quiet_ms(1_000.0), 900_000.0);
    }

    #[test]
    fn headers_that_make_no_sense_are_none() {
        for (limit, left, seconds) in
            [("1000", "", "9"), ("x", "1", "9"), ("1000", "-1", "9"), ("1000", "1.5", "9"), ("1e3", "1", "9"), ("0", "0", "0")]
        {
            let allowance = RateLimit::default();
            allowance.heard(&told(limit, left, seconds), 0.0);
            assert_eq!(allowance.spare(0.0), 500.0);
        }
    }
}
