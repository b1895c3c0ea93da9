//! When the next poll may be sent, so that the server's rate limit is kept.
//!
//! A server counts all requests of an address in a window (elizaOS: 1000 in 15 minutes) and answers
//! 429 beyond that. Where its headers can be read, they say how many are left. A page on another
//! origin cannot read them; then the usual limit is assumed.
//!
//! Polls use slots: points in time that no other poll gets. The first half of a window is free. The
//! other half is spread over the rest of the window, except for a tenth of the window, which is
//! reserved for requests that create jobs and for the last poll of a job.

use crate::http::retry::seconds;
use crate::platform::HttpResponse;
use crate::time::{Instant, Millis};

/// No more polls are sent at once than this, whatever the server allows.
const AT_ONCE: f64 = 500.0;
/// The limit of a server that does not say one.
const USUAL_LIMIT: f64 = 1_000.0;
/// The window of a server that does not say one: 15 minutes.
const USUAL_WINDOW: Millis = Millis::new(900_000.0);
/// The longest gap between two slots while the limit is only assumed.
const MAX_ASSUMED_GAP: Millis = Millis::new(5_000.0);
/// The longest pause, whatever a server asks for: no job lives that long.
const MAX_PAUSE: Millis = USUAL_WINDOW;
/// The pause after a 429 that does not say how long.
const USUAL_PAUSE: Millis = Millis::new(15_000.0);
/// Two ends of a window that are nearer than this are the same: servers count in whole seconds.
const SAME_WINDOW: Millis = Millis::new(2_000.0);
/// A window that ends later than this is not believed: one day. Some servers write a time in place
/// of a duration.
const MAX_WINDOW_SECS: f64 = 86_400.0;
/// The part of a window that is reserved for requests that create jobs and for last polls.
const RESERVE: f64 = 1.0 / 10.0;
/// The part of it that last polls leave.
const LAST_RESERVE: f64 = 1.0 / 50.0;

/// What a slot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A poll that another one follows.
    Ordinary,
    /// Nobody polls this job afterwards, so the slot may come from the reserve.
    LastPoll,
}

impl Slot {
    /// The slot of a poll, by whether it is the job's last one.
    pub fn last_if(is_last: bool) -> Self {
        if is_last { Slot::LastPoll } else { Slot::Ordinary }
    }
}

/// Where the limit is known from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Source {
    /// The server did not say anything that can be read: the usual limit is assumed.
    #[default]
    Assumed,
    /// The server's headers say it.
    Reported,
    /// The server's headers can be read and name no limit: there is none until a 429.
    Unlimited,
}

/// What is known of one server's rate limit.
#[derive(Debug, Clone, Default)]
pub struct RateLimit {
    /// How many requests a window has.
    limit: f64,
    /// How many of them are left; negative when more were sent.
    left: f64,
    /// When the next window begins.
    window_ends: Instant,
    source: Source,
    /// The end of the pause that the server asked for last.
    paused_until: Option<Instant>,
    /// The first time that no slot has taken yet.
    next_slot: Instant,
}

/// A slot that was taken. [`RateLimit::cancel`] takes it back when it is not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Booking {
    /// When the poll may be sent.
    pub at: Instant,
    /// How much later this slot made the next one.
    gap: Millis,
}

impl RateLimit {
    /// A request is about to be sent.
    pub fn request_sent(&mut self, now: Instant) {
        self.renew_window(now);
        self.left -= 1.0;
    }

    /// A request that was about to be sent never left: the server has not counted it.
    pub fn request_not_sent(&mut self) {
        self.left = (self.left + 1.0).min(self.limit);
    }

    /// A response has arrived. Its headers may say what is left.
    pub fn response_arrived(&mut self, response: &HttpResponse, now: Instant) {
        let number = |text: &str| text.trim_ascii().parse::<u32>().ok().map(f64::from);
        let limit = response.header("ratelimit-limit");
        let named = (
            // Some servers put their policies behind it: `1000, 1000;w=900`.
            limit.and_then(|text| number(text.split([',', ';']).next().unwrap_or_default())),
            response.header("ratelimit-remaining").and_then(number),
            response.header("ratelimit-reset").and_then(seconds),
        );
        if let (Some(limit @ 1.0..), Some(left), Some(seconds @ ..=MAX_WINDOW_SECS)) = named {
            let ends = now + Millis::from_secs(seconds);
            let distance = ends.since(self.window_ends).max(self.window_ends.since(ends));
            let is_same_server = limit == self.limit;
            if self.source == Source::Reported && !is_same_server {
                // Slots were spread over what the server before had left.
                self.next_slot = now;
            }
            // Requests on their way are counted here and not yet by the server.
            let is_same_window = self.source == Source::Reported && is_same_server && distance < SAME_WINDOW;
            self.left = if is_same_window { left.min(self.left) } else { left };
            self.limit = limit;
            self.window_ends = ends;
            self.source = Source::Reported;
        } else if self.source != Source::Reported && self.paused_until.is_none() {
            // Every server sends a date, and pages on other origins cannot read it. What names a
            // limit in a way that cannot be read, or believed, has one.
            let has_none = response.header("date").is_some() && limit.is_none();
            self.source = if has_none { Source::Unlimited } else { Source::Assumed };
        }
    }

    /// The server answered 429. Polls pause for as long as it asks.
    pub fn limit_reached(&mut self, retry_after: Option<Millis>, now: Instant) {
        self.renew_window(now);
        if self.source == Source::Unlimited {
            self.source = Source::Assumed;
        }
        // A server that reports what is left has said so in this response too: without that it
        // comes from a limiter on the way, which knows nothing of this window.
        if self.source != Source::Reported {
            self.left = self.left.min(self.reserve(Slot::Ordinary));
        }
        self.pause(retry_after.unwrap_or(USUAL_PAUSE), now);
        if let (Some(_), Source::Assumed, Some(end)) = (retry_after, self.source, self.paused_until) {
            // What it asks for is the rest of its window.
            self.window_ends = end;
        }
    }

    /// Polls pause for this long, or longer where a longer pause is under way.
    pub fn pause(&mut self, duration: Millis, now: Instant) {
        let end = now + duration.min(MAX_PAUSE);
        self.paused_until = Some(self.paused_until.map_or(end, |known| known.max(end)));
    }

    /// How long polls still pause.
    pub fn pause_left(&self, now: Instant) -> Millis {
        self.paused_until.map_or(Millis::ZERO, |end| end.since(now).max(Millis::ZERO))
    }

    /// How many polls may be sent at once: [`AT_ONCE`] at most, also when there is no limit.
    pub fn spare(&mut self, now: Instant) -> f64 {
        self.renew_window(now);
        if self.pause_left(now).is_positive() {
            0.0
        } else if self.source == Source::Unlimited {
            AT_ONCE
        } else {
            (self.left - self.limit / 2.0).clamp(0.0, AT_ONCE)
        }
    }

    /// Takes the next slot.
    pub fn book(&mut self, now: Instant, slot: Slot) -> Booking {
        let free_at = self.free_at(now, slot);
        if slot == Slot::LastPoll && self.left > self.reserve(slot) {
            return Booking { at: free_at, gap: Millis::ZERO };
        }
        let at = free_at.max(self.next_slot);
        let polls_left = (self.left - self.reserve(Slot::Ordinary)).max(1.0);
        let spread = Millis::new(self.window_ends.since(now).get() / polls_left);
        let is_free = self.spare(now) > 0.0;
        let gap = match self.source {
            _ if is_free => Millis::ZERO,
            Source::Reported => spread,
            Source::Assumed | Source::Unlimited => spread.min(MAX_ASSUMED_GAP),
        };
        self.next_slot = at + gap;
        Booking { at, gap }
    }

    /// Takes a slot back that was not used.
    pub fn cancel(&mut self, booking: Booking) {
        self.next_slot = self.next_slot - booking.gap;
    }

    /// The first time at which any poll may be sent.
    pub fn free_at(&mut self, now: Instant, slot: Slot) -> Instant {
        self.renew_window(now);
        let is_used_up = self.source == Source::Reported && self.left <= self.reserve(slot);
        let free = now + self.pause_left(now);
        if is_used_up { free.max(self.window_ends) } else { free }
    }

    /// How many requests of the window are not for such a slot.
    fn reserve(&self, slot: Slot) -> f64 {
        self.limit * if slot == Slot::LastPoll { LAST_RESERVE } else { RESERVE }
    }

    fn renew_window(&mut self, now: Instant) {
        if now >= self.window_ends {
            if self.source != Source::Reported {
                self.limit = USUAL_LIMIT;
            }
            self.left = self.limit;
            self.window_ends = now + USUAL_WINDOW;
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::platform::Body;

    const START: Instant = Instant::from_ms(0.0);
    const DATE: (&str, &str) = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");

    fn ms(ms: f64) -> Instant {
        Instant::from_ms(ms)
    }
    fn answer(headers: &[(&'static str, &str)]) -> HttpResponse {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        HttpResponse { status: 200, headers, body: Body::Empty }
    }
    fn reported(limit: &str, left: &str, seconds: &str) -> HttpResponse {
        answer(&[("ratelimit-limit", limit), ("ratelimit-remaining", left), ("ratelimit-reset", seconds)])
    }
    /// A server that has reported this.
    fn after(limit: &str, left: &str, seconds: &str) -> RateLimit {
        let mut rate_limit = RateLimit::default();
        rate_limit.response_arrived(&reported(limit, left, seconds), START);
        rate_limit
    }
    /// The next slots, in milliseconds.
    fn slots(rate_limit: &mut RateLimit, now: Instant, count: usize) -> Vec<f64> {
        (0..count).map(|_| rate_limit.book(now, Slot::Ordinary).at.as_ms()).collect()
    }
    fn last(rate_limit: &mut RateLimit, now: Instant) -> f64 {
        rate_limit.book(now, Slot::LastPoll).at.as_ms()
    }

    #[test]
    fn another_limit_is_that_of_another_server_behind_the_address() {
        let mut rate_limit = after("1", "0", "900");
        assert!(last(&mut rate_limit, START) > 0.0);
        rate_limit.response_arrived(&reported("1000", "999", "900"), START);
        assert_eq!(slots(&mut rate_limit, START, 3), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_first_half_of_a_window_is_free_and_the_rest_is_spread() {
        let mut rate_limit = after("1000", "501", "900");
        assert_eq!(rate_limit.spare(START), 1.0);
        rate_limit.request_sent(START);
        assert_eq!(rate_limit.spare(START), 0.0);
        // 400 requests in 900 s: 100 are reserved.
        assert_eq!(slots(&mut rate_limit, START, 3), [0.0, 2_250.0, 4_500.0]);
        assert_eq!(rate_limit.spare(ms(900_000.0)), 500.0, "the next window");
    }

    #[test]
    fn the_reserve_is_for_creates_and_for_last_polls() {
        let mut rate_limit = after("1000", "100", "60");
        assert_eq!(slots(&mut rate_limit, START, 1), [60_000.0]);
        assert_eq!(last(&mut rate_limit, START), 0.0);
        for _ in 0..80 {
            rate_limit.request_sent(START);
        }
        assert!(last(&mut rate_limit, START) >= 60_000.0);
    }

    #[test]
    fn requests_on_their_way_count() {
        let mut rate_limit = after("1000", "900", "100");
        for _ in 0..10 {
            rate_limit.request_sent(START);
        }
        rate_limit.response_arrived(&reported("1000", "899", "99"), ms(1_000.0));
        assert_eq!(rate_limit.spare(ms(1_000.0)), 390.0);
        rate_limit.response_arrived(&reported("1000", "999", "900"), ms(1_000.0));
        assert_eq!(rate_limit.spare(ms(1_000.0)), 499.0, "another window");
    }

    #[test]
    fn a_server_with_readable_headers_and_no_limit_has_none_until_it_answers_429() {
        let mut rate_limit = RateLimit::default();
        assert_eq!(rate_limit.spare(START), 500.0, "the usual limit is assumed");
        rate_limit.response_arrived(&answer(&[DATE]), START);
        assert_eq!(rate_limit.spare(START), 500.0, "no more at once without a limit either");
        rate_limit.limit_reached(Some(Millis::new(20_000.0)), START);
        rate_limit.response_arrived(&answer(&[DATE]), START);
        assert_eq!((rate_limit.spare(START), rate_limit.pause_left(ms(500.0))), (0.0, Millis::new(19_500.0)));
        assert_eq!(
            slots(&mut rate_limit, START, 3),
            [20_000.0, 25_000.0, 30_000.0],
            "an assumed limit never makes polls slower than this"
        );
    }

    #[test]
    fn after_a_429_without_a_time_polls_pause_for_15_seconds() {
        let mut rate_limit = RateLimit::default();
        let now = ms(1_000.0);
        rate_limit.limit_reached(None, now);
        assert_eq!((rate_limit.pause_left(now), last(&mut rate_limit, now)), (Millis::new(15_000.0), 16_000.0));
        rate_limit.limit_reached(Some(Millis::new(2_000.0)), now);
        assert_eq!(rate_limit.pause_left(now), Millis::new(15_000.0), "the longer one");
    }

    #[test]
    fn a_slot_that_is_not_used_is_free_again() {
        let mut rate_limit = RateLimit::default();
        rate_limit.limit_reached(None, START);
        for _ in 0..100 {
            let booking = rate_limit.book(START, Slot::Ordinary);
            rate_limit.cancel(booking);
        }
        assert_eq!(slots(&mut rate_limit, START, 2), [15_000.0, 20_000.0]);
    }

    #[test]
    fn a_new_window_begins_after_the_pause_and_no_pause_is_longer_than_a_window() {
        let mut rate_limit = RateLimit::default();
        rate_limit.limit_reached(Some(Millis::new(1_000.0)), START);
        assert_eq!((rate_limit.spare(ms(999.0)), rate_limit.spare(ms(1_000.0))), (0.0, 500.0));
        assert_eq!(slots(&mut rate_limit, ms(1_000.0), 3), [1_000.0; 3]);
        rate_limit.limit_reached(Some(Millis::new(8.64e13)), ms(1_000.0));
        assert_eq!(rate_limit.pause_left(ms(1_000.0)), Millis::new(900_000.0));
    }

    #[test]
    fn a_429_of_another_limiter_on_the_way_makes_a_pause_and_leaves_the_servers_window_as_it_is() {
        let mut rate_limit = after("1000", "950", "800");
        rate_limit.limit_reached(Some(Millis::new(1_000.0)), START);
        assert_eq!((rate_limit.spare(ms(999.0)), rate_limit.spare(ms(1_000.0))), (0.0, 450.0));
        assert_eq!(slots(&mut rate_limit, ms(1_000.0), 2), [1_000.0; 2]);
        // The server's own says what is left.
        rate_limit.response_arrived(&reported("1000", "0", "700"), ms(1_000.0));
        rate_limit.limit_reached(Some(Millis::new(1_000.0)), ms(1_000.0));
        assert_eq!(slots(&mut rate_limit, ms(2_000.0), 1), [701_000.0]);
    }

    #[test]
    fn requests_that_never_left_do_not_count() {
        let mut rate_limit = after("1000", "950", "800");
        for _ in 0..950 {
            rate_limit.request_sent(START);
            rate_limit.request_not_sent();
        }
        rate_limit.response_arrived(&reported("1000", "949", "800"), START);
        assert_eq!(rate_limit.spare(START), 449.0);
        // Nor more than the window has, when a new one has begun meanwhile.
        rate_limit.request_sent(ms(799_000.0));
        assert_eq!(rate_limit.spare(ms(900_000.0)), 500.0);
        rate_limit.request_not_sent();
        assert_eq!(rate_limit.spare(ms(900_000.0)), 500.0);
    }

    #[test]
    fn headers_that_make_no_sense_are_ignored() {
        for (limit, left, seconds) in
            [("1000", "", "9"), ("x", "1", "9"), ("1000", "-1", "9"), ("1000", "1.5", "9"), ("1e3", "1", "9"), ("0", "0", "0")]
        {
            assert_eq!(after(limit, left, seconds).spare(START), 500.0);
        }
    }

    #[test]
    fn a_limit_with_its_policies_and_a_fraction_of_a_second_are_read() {
        for limit in ["1000, 1000;w=900", "1000;w=900", " 1000 ", "1000,100;w=1"] {
            assert_eq!(after(limit, "501", "900").spare(START), 1.0, "{limit}");
        }
        assert_eq!(slots(&mut after("1000", "0", "59.1"), START, 1), [60_000.0]);
    }

    #[test]
    fn a_limit_that_cannot_be_read_or_believed_is_one() {
        for (limit, reset) in [("1000", "1790000000"), ("many", "9"), ("1000", "soon"), ("1000", "2026-11-26T00:00:00Z")] {
            let mut rate_limit = RateLimit::default();
            let mut response = reported(limit, "0", reset);
            response.headers.push((DATE.0, DATE.1.to_owned()));
            rate_limit.response_arrived(&response, START);
            assert_eq!(rate_limit.spare(START), 500.0, "{limit} {reset}: the usual one is assumed");
        }
    }

    #[test]
    fn a_window_that_ends_after_more_than_a_day_does_not_stop_polls() {
        assert_eq!(slots(&mut after("1000", "0", "86400"), START, 1), [86_400_000.0]);
        for reset in ["86401", "1790000000", "4294967295"] {
            assert_eq!(slots(&mut after("1000", "0", reset), START, 1), [0.0], "{reset}");
            // What was known before stays known.
            let mut rate_limit = after("1000", "600", "900");
            rate_limit.response_arrived(&reported("1000", "0", reset), START);
            assert_eq!(rate_limit.spare(START), 100.0, "{reset}");
        }
    }
}
