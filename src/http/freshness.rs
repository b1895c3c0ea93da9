//! Notices answers that come from an HTTP cache in place of the server, and asks past it.
//!
//! Every request says `cache: 'no-store'`, and yet some frameworks, service workers and content
//! delivery networks answer a repeated GET with what they have. A poll would then see the same
//! unfinished job until its time is over. Two things give a cache away: an `Age` of some seconds,
//! and a `Date` that stands still. From then on every GET carries a query that no cache has seen;
//! servers ignore it.

use crate::platform::{HttpRequest, HttpResponse, Method};
use crate::time::{Instant, Millis};

/// A fresh answer is not older than this, in seconds.
const MAX_AGE_S: u32 = 2;
/// A `Date` counts in seconds: for so long it may stay the same.
const MAX_STANDSTILL: Millis = Millis::new(3_000.0);
/// How many addresses are watched at once.
const MAX_WATCHED: usize = 8;
/// The name of the query.
const QUERY: &str = "fresh=";

/// The `Date` of an address's answers.
#[derive(Debug)]
struct Watched {
    address: String,
    date: String,
    /// Since when it is the same.
    since: Instant,
}

/// What is known about caches on the way to the server.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    watched: Vec<Watched>,
    /// Whether a cache was noticed.
    is_noticed: bool,
    /// Whether the last answer came from it.
    is_in_the_way: bool,
}

impl Freshness {
    /// A response has arrived.
    pub(crate) fn response_arrived(&mut self, request: &HttpRequest, response: &HttpResponse, now: Instant) {
        // A cache that has the answer says 304, though nobody asked it whether that is still good.
        let is_not_modified = response.status == 304;
        if request.method != Method::Get || !(response.is_success() || is_not_modified) {
            return;
        }
        let age = response.header("age").and_then(|text| text.trim_ascii().parse::<u32>().ok()).unwrap_or(0);
        let date = response.header("date").unwrap_or_default();
        let is_stale = is_not_modified || age > MAX_AGE_S || self.stands_still(address(&request.url), date, now);
        self.is_noticed |= is_stale;
        self.is_in_the_way = is_stale;
    }

    fn stands_still(&mut self, address: &str, date: &str, now: Instant) -> bool {
        if date.is_empty() {
            return false;
        }
        if let Some(watched) = self.watched.iter_mut().find(|watched| watched.address == address) {
            if watched.date == date {
                return now.since(watched.since) > MAX_STANDSTILL;
            }
            date.clone_into(&mut watched.date);
            watched.since = now;
            return false;
        }
        if self.watched.len() >= MAX_WATCHED {
            self.watched.remove(0);
        }
        self.watched.push(Watched { address: address.to_owned(), date: date.to_owned(), since: now });
        false
    }

    /// The path of a GET, past a cache that was noticed. `random` is from 0 to 1.
    pub(crate) fn path(&self, path: &str, random: f64) -> String {
        if !self.is_noticed {
            return path.to_owned();
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        // A whole number: to format a fraction costs 4 KB of the package.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let number = (random * f64::from(u32::MAX)) as u32;
        format!("{path}{mark}{QUERY}{number}")
    }

    /// Whether answers come from a cache all the same.
    pub(crate) fn is_cache_in_the_way(&self) -> bool {
        self.is_in_the_way
    }
}

/// The address without the query of [`Freshness::path`].
fn address(url: &str) -> &str {
    url.split_once(QUERY).map_or(url, |(address, _)| address).trim_end_matches(['?', '&'])
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::api::options::CallOptions;
    use crate::http::message::HttpConfig;
    use crate::platform::Body;

    const DATES: [&str; 2] = ["Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:04 GMT"];

    fn arrives(freshness: &mut Freshness, url: &str, headers: &[(&'static str, &str)], ms: f64) -> bool {
        let request = HttpConfig { base_url: String::new(), headers: vec![], timeout: Millis::new(1.0), retries: 0 }.request(
            Method::Get,
            url,
            &CallOptions::default(),
        );
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let response = HttpResponse { status: 200, headers, body: Body::Empty };
        freshness.response_arrived(&request, &response, Instant::from_ms(ms));
        freshness.is_cache_in_the_way()
    }

    #[test]
    fn a_date_that_stands_still_for_longer_than_three_seconds_is_a_caches() {
        let mut freshness = Freshness::default();
        for (ms, stale) in [(0.0, false), (1_000.0, false), (3_000.0, false), (3_001.0, true), (9_000.0, true)] {
            assert_eq!(arrives(&mut freshness, "/a", &[("date", DATES[0])], ms), stale, "{ms}");
        }
        assert!(!arrives(&mut freshness, "/a", &[("date", DATES[1])], 9_000.0));
        assert!(!arrives(&mut freshness, "/a", &[("date", DATES[1])], 12_000.0), "since the new one");
    }

    #[test]
    fn addresses_have_their_own_dates_and_answers_without_one_say_nothing() {
        let mut freshness = Freshness::default();
        assert!(!arrives(&mut freshness, "/a", &[("date", DATES[0])], 0.0));
        assert!(!arrives(&mut freshness, "/b", &[("date", DATES[0])], 5_000.0));
        assert!(!arrives(&mut freshness, "/c", &[], 9_000.0));
        assert!(!arrives(&mut freshness, "/c", &[("date", "")], 20_000.0));
        assert!(arrives(&mut freshness, "/a", &[("date", DATES[0])], 20_000.0));
        // Only a few are watched at once.
        for at in 0..8 {
            arrives(&mut freshness, &at.to_string(), &[("date", DATES[0])], 20_000.0);
        }
        assert!(!arrives(&mut freshness, "/a", &[("date", DATES[0])], 40_000.0));
    }

    #[test]
    fn an_age_of_some_seconds_is_a_caches() {
        for (age, stale) in [("0", false), ("2", false), ("3", true), ("86400", true), ("old", false), ("", false)] {
            assert_eq!(arrives(&mut Freshness::default(), "/a", &[("age", age)], 0.0), stale, "{age}");
        }
    }

    #[test]
    fn once_a_cache_was_noticed_every_path_is_one_that_it_has_not_seen() {
        let mut freshness = Freshness::default();
        assert_eq!(freshness.path("/a", 0.5), "/a");
        arrives(&mut freshness, "/a", &[("age", "60")], 0.0);
        assert_eq!(freshness.path("/a", 0.5), "/a?fresh=2147483647");
        assert_eq!(freshness.path("/a?limit=5", 0.25), "/a?limit=5&fresh=1073741823");
        // And it is seen whether that helps.
        assert!(!arrives(&mut freshness, "/a?fresh=2147483647", &[("date", DATES[0])], 0.0));
        assert!(arrives(&mut freshness, "/a?fresh=1073741823", &[("date", DATES[0])], 5_000.0));
    }
}
